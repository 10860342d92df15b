/* proto/bencode.c: bencode (BEP 3): an iterative parser in place, and a
 * canonical writer.
 *
 * The parser holds a small array of open containers instead of recursing, so
 * neither depth nor size of hostile input can exhaust the stack. Invariants
 * after success: tokens are in input order, a container's next is the index
 * behind its last descendant, and begin/end nest properly. */
#include "proto/bencode.h"

#include <assert.h>

struct open_container {
	uint32_t token;
	uint32_t last_key; /* token of the dict's newest key, 0: none yet */
};

struct parser {
	struct bencode *b;
	const uint8_t *data;
	uint32_t size;
	uint32_t at;
	uint32_t token_max;
	uint32_t depth;
	bool strict;
	struct open_container open[BENCODE_DEPTH_MAX];
};

static bool fail(struct parser *p, const char *error, uint32_t at)
{
	p->b->error = error;
	p->b->error_at = at;
	return false;
}

/* The token's index, or UINT32_MAX with the error set. */
static uint32_t token_add(struct parser *p, enum bencode_type type, uint32_t begin)
{
	struct bencode *b = p->b;

	if (b->token_count == p->token_max) {
		fail(p, "too many values", begin);
		return UINT32_MAX;
	}
	b->tokens[b->token_count] =
		(struct bencode_token){ .begin = begin,
		                        .end = p->at,
		                        .next = b->token_count + 1,
		                        .type = (uint8_t)type };
	return b->token_count++;
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* p->at is behind the 'i'. The value is only checked here; bencode_int reads it. */
static bool parse_int(struct parser *p)
{
	const uint32_t begin = p->at - 1;
	const bool negative = p->at < p->size && p->data[p->at] == '-';
	uint64_t value = 0;

	if (negative)
		p->at++;
	const uint32_t first = p->at;
	for (; p->at < p->size && is_digit(p->data[p->at]); p->at++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(p->data[p->at] - '0'), &value))
			return fail(p, "integer out of range", begin);
	}
	if (value > (uint64_t)INT64_MAX + (negative ? 1 : 0))
		return fail(p, "integer out of range", begin);
	if (p->at == p->size)
		return fail(p, "integer without end", begin);
	if (p->at == first)
		return fail(p, "integer without digits", begin);
	if (p->data[first] == '0' && (negative || p->at - first > 1))
		return fail(p, negative ? "integer is -0 or has a leading zero" :
		                          "integer has a leading zero", begin);
	if (p->data[p->at] != 'e')
		return fail(p, "integer has a strange character", p->at);
	p->at++;
	return token_add(p, BENCODE_INT, begin) != UINT32_MAX;
}

/* p->at is on the first digit. */
static bool parse_string(struct parser *p)
{
	const uint32_t begin = p->at;
	uint32_t length = 0;

	for (; p->at < p->size && is_digit(p->data[p->at]); p->at++) {
		if (__builtin_mul_overflow(length, 10u, &length) ||
		    __builtin_add_overflow(length, (uint32_t)(p->data[p->at] - '0'), &length))
			return fail(p, "string length out of range", begin);
	}
	if (p->data[begin] == '0' && p->at - begin > 1)
		return fail(p, "string length has a leading zero", begin);
	if (p->at == p->size)
		return fail(p, "string without a colon", begin);
	if (p->data[p->at] != ':')
		return fail(p, "string without a colon", p->at);
	p->at++;
	const uint32_t prefix = p->at - begin;
	if (length > p->size - p->at)
		return fail(p, "string is longer than the input", begin);
	p->at += length;
	const uint32_t token = token_add(p, BENCODE_STRING, begin);
	if (token == UINT32_MAX)
		return false;
	p->b->tokens[token].prefix = (uint8_t)prefix;
	return true;
}

static struct bytes string_of(const struct bencode *b, uint32_t token)
{
	const struct bencode_token *t = &b->tokens[token];
	const uint32_t begin = t->begin + t->prefix;

	return bytes_of(b->input.data + begin, t->end - begin);
}

static int compare(struct bytes a, struct bytes b)
{
	const size_t common = a.size < b.size ? a.size : b.size;
	const int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

	if (order != 0)
		return order;
	return a.size < b.size ? -1 : a.size > b.size;
}

/* A key was just read, as the last token. */
static bool check_key_order(struct parser *p, struct open_container *o)
{
	const uint32_t key = p->b->token_count - 1;

	if (o->last_key != 0) {
		const int order = compare(string_of(p->b, o->last_key), string_of(p->b, key));
		if (order == 0)
			return fail(p, "dictionary key twice", p->b->tokens[key].begin);
		if (order > 0)
			return fail(p, "dictionary keys not sorted", p->b->tokens[key].begin);
	}
	o->last_key = key;
	return true;
}

static bool close_container(struct parser *p)
{
	struct bencode_token *t = &p->b->tokens[p->open[p->depth - 1].token];

	if (t->type == BENCODE_DICT && t->children % 2 != 0)
		return fail(p, "dictionary key without a value", p->at);
	t->end = ++p->at;
	t->next = p->b->token_count;
	p->depth--;
	return true;
}

static bool open_container(struct parser *p, enum bencode_type type)
{
	if (p->depth == BENCODE_DEPTH_MAX)
		return fail(p, "nested too deep", p->at);
	p->at++;
	const uint32_t token = token_add(p, type, p->at - 1);
	if (token == UINT32_MAX)
		return false;
	p->open[p->depth++] = (struct open_container){ .token = token };
	return true;
}

/* One value, or one end of a container. */
static bool step(struct parser *p)
{
	if (p->at == p->size)
		return fail(p, p->depth == 0 ? "empty" : "ends too early", p->at);
	const uint8_t c = p->data[p->at];
	bool key = false;

	if (p->depth != 0) {
		if (c == 'e')
			return close_container(p);
		struct bencode_token *parent = &p->b->tokens[p->open[p->depth - 1].token];
		key = parent->type == BENCODE_DICT && parent->children % 2 == 0;
		if (key && !is_digit(c))
			return fail(p, "dictionary key is not a string", p->at);
		parent->children++;
	}
	if (is_digit(c)) {
		if (!parse_string(p))
			return false;
		return !key || !p->strict || check_key_order(p, &p->open[p->depth - 1]);
	}
	if (c == 'l' || c == 'd')
		return open_container(p, c == 'd' ? BENCODE_DICT : BENCODE_LIST);
	if (c == 'i') {
		p->at++;
		return parse_int(p);
	}
	return fail(p, "no bencoded value", p->at);
}

bool bencode_parse(struct bencode *b, struct bytes input, struct bencode_token *tokens,
                   uint32_t token_max, unsigned flags)
{
	*b = (struct bencode){ .input = input, .tokens = tokens };
	struct parser p;
	p.b = b;
	p.data = input.data;
	p.size = (uint32_t)input.size;
	p.at = 0;
	p.token_max = token_max;
	p.depth = 0;
	p.strict = (flags & BENCODE_STRICT) != 0;

	bool ok = input.size <= UINT32_MAX || fail(&p, "input too large", 0);
	do
		ok = ok && step(&p);
	while (ok && p.depth != 0);
	if (ok && p.at != p.size && (flags & BENCODE_TRAILING) == 0)
		ok = fail(&p, "bytes behind the value", p.at);
	if (!ok)
		b->token_count = 0;
	return ok;
}

uint32_t bencode_count_bound(struct bytes input)
{
	uint32_t count = 1; /* one more, so that parsing meets the fault and not the budget */
	size_t at = 0;

	if (input.size > UINT32_MAX)
		return 1;
	while (at < input.size) {
		const uint8_t c = input.data[at];
		if (c == 'e') {
			at++;
			continue;
		}
		count++;
		if (c == 'i') {
			const uint8_t *end = memchr(input.data + at, 'e', input.size - at);
			if (end == NULL)
				return count;
			at = (size_t)(end - input.data) + 1;
		} else if (is_digit(c)) {
			uint64_t length = 0;
			for (; at < input.size && is_digit(input.data[at]) && length <= UINT32_MAX; at++)
				length = length * 10 + (uint64_t)(input.data[at] - '0');
			if (at == input.size || length >= input.size - at)
				return count;
			at += (size_t)length + 1;
		} else {
			at++;
		}
	}
	return count;
}

enum bencode_type bencode_type(const struct bencode *b, uint32_t token)
{
	assert(token < b->token_count);
	return (enum bencode_type)b->tokens[token].type;
}

struct bytes bencode_raw(const struct bencode *b, uint32_t token)
{
	assert(token < b->token_count);
	const struct bencode_token *t = &b->tokens[token];
	return bytes_of(b->input.data + t->begin, t->end - t->begin);
}

uint32_t bencode_find(const struct bencode *b, uint32_t dict, const char *key)
{
	if (dict >= b->token_count || b->tokens[dict].type != BENCODE_DICT)
		return BENCODE_NONE;
	const struct bytes wanted = bytes_of_text(key);
	const uint32_t end = b->tokens[dict].next;
	for (uint32_t t = dict + 1; t < end; t = b->tokens[t + 1].next) {
		if (bytes_equal(string_of(b, t), wanted))
			return t + 1;
	}
	return BENCODE_NONE;
}

bool bencode_string(const struct bencode *b, uint32_t token, struct bytes *out)
{
	if (token == BENCODE_NONE || token >= b->token_count || b->tokens[token].type != BENCODE_STRING)
		return false;
	*out = string_of(b, token);
	return true;
}

bool bencode_int(const struct bencode *b, uint32_t token, int64_t *out)
{
	if (token == BENCODE_NONE || token >= b->token_count || b->tokens[token].type != BENCODE_INT)
		return false;
	const uint8_t *at = b->input.data + b->tokens[token].begin + 1;
	const uint8_t *end = b->input.data + b->tokens[token].end - 1;
	const bool negative = *at == '-';
	uint64_t value = 0;
	for (at += negative ? 1 : 0; at < end; at++)
		value = value * 10 + (uint64_t)(*at - '0');
	*out = (int64_t)(negative ? 0 - value : value);
	return true;
}

bool bencode_find_string(const struct bencode *b, uint32_t dict, const char *key, struct bytes *out)
{
	return bencode_string(b, bencode_find(b, dict, key), out);
}

bool bencode_find_int(const struct bencode *b, uint32_t dict, const char *key, int64_t *out)
{
	return bencode_int(b, bencode_find(b, dict, key), out);
}

uint32_t bencode_find_typed(const struct bencode *b, uint32_t dict, const char *key,
                            enum bencode_type type)
{
	const uint32_t token = bencode_find(b, dict, key);

	return token != BENCODE_NONE && bencode_type(b, token) == type ? token : BENCODE_NONE;
}

uint32_t bencode_first(const struct bencode *b, uint32_t parent)
{
	if (parent >= b->token_count || b->tokens[parent].children == 0)
		return BENCODE_NONE;
	return parent + 1;
}

uint32_t bencode_after(const struct bencode *b, uint32_t parent, uint32_t child)
{
	assert(child != BENCODE_NONE && child < b->token_count && parent < child);
	const uint32_t next = b->tokens[child].next;
	return next == b->tokens[parent].next ? BENCODE_NONE : next;
}

void bencode_put_int(struct writer *w, int64_t v)
{
	write_u8(w, 'i');
	write_decimal(w, v);
	write_u8(w, 'e');
}

void bencode_put_string(struct writer *w, struct bytes s)
{
	assert(s.size <= INT64_MAX);
	write_decimal(w, (int64_t)s.size);
	write_u8(w, ':');
	write_bytes(w, s);
}

void bencode_put_text(struct writer *w, const char *s)
{
	bencode_put_string(w, bytes_of_text(s));
}

void bencode_put_key(struct writer *w, const char *key)
{
	bencode_put_text(w, key);
}

void bencode_begin_dict(struct writer *w)
{
	write_u8(w, 'd');
}

void bencode_begin_list(struct writer *w)
{
	write_u8(w, 'l');
}

void bencode_end(struct writer *w)
{
	write_u8(w, 'e');
}
