/* tests/fuzz/bencode_fuzz.c: any bytes through the parser; what it accepts is
 * well nested, and what is canonical comes out again as it went in. */
#include "proto/bencode.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_token(const struct bencode *b, uint32_t t)
{
	const struct bencode_token *token = &b->tokens[t];
	uint32_t count = 0, end = token->begin + 1;
	struct bytes s;
	int64_t v;

	assert(token->begin < token->end && token->end <= b->input.size);
	assert(token->next > t && token->next <= b->token_count);
	for (uint32_t c = bencode_first(b, t); c != BENCODE_NONE; c = bencode_after(b, t, c)) {
		assert(b->tokens[c].begin == end); /* no gap, no overlap */
		end = b->tokens[c].end;
		count++;
	}
	assert(count == token->children);
	assert(count == 0 || end + 1 == token->end);
	if (t != 0) {
		assert(bencode_string(b, t, &s) == (token->type == BENCODE_STRING));
		assert(bencode_int(b, t, &v) == (token->type == BENCODE_INT));
	}
	bencode_find(b, t, "info");
}

/* Writes token t and all in it; returns the index behind. */
static uint32_t write_token(struct writer *w, const struct bencode *b, uint32_t t)
{
	struct bytes s = bytes_of(NULL, 0);
	int64_t v = 0;

	switch (bencode_type(b, t)) {
	case BENCODE_INT:
		bencode_int(b, t, &v);
		bencode_put_int(w, v);
		return t + 1;
	case BENCODE_STRING:
		bencode_string(b, t, &s);
		bencode_put_string(w, s);
		return t + 1;
	case BENCODE_LIST:
	case BENCODE_DICT:
		break;
	}
	/* Depth is at most BENCODE_DEPTH_MAX here. */
	const uint32_t end = b->tokens[t].next;
	if (bencode_type(b, t) == BENCODE_LIST)
		bencode_begin_list(w);
	else
		bencode_begin_dict(w);
	for (uint32_t c = t + 1; c < end;)
		c = write_token(w, b, c);
	bencode_end(w);
	return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bytes input = bytes_of(data, size);
	const uint32_t bound = bencode_count_bound(input);
	struct bencode_token *tokens = malloc(bound * sizeof(*tokens));
	struct bencode b;

	for (unsigned flags = 0; flags < 4; flags++) {
		if (!bencode_parse(&b, input, tokens, bound, flags)) {
			assert(b.error != NULL && b.error_at <= size && b.token_count == 0);
			continue;
		}
		assert(b.token_count <= bound);
		for (uint32_t t = 0; t < b.token_count; t++)
			check_token(&b, t);
		if (bencode_type(&b, 0) >= BENCODE_LIST) {
			const struct bytes raw = bencode_raw(&b, 0);
			uint8_t *out = malloc(raw.size);
			struct writer w;
			writer_init(&w, out, raw.size);
			write_token(&w, &b, 0);
			assert(bytes_equal(writer_bytes(&w), raw));
			free(out);
		}
		/* One token less must be refused. */
		const uint32_t count = b.token_count;
		assert(!bencode_parse(&b, input, tokens, count - 1, flags));
	}
	free(tokens);
	return 0;
}
