/* tests/fuzz/hash_many_fuzz.c: any messages in any parts.
 *
 * The first byte chooses the way, the second how many messages; then each has
 * two bytes for its length and one for the size of its parts. Holds: every
 * digest is OpenSSL's. */
#include <assert.h>

#include "proto/hash_many.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGES_MAX = 2 * HASH_MANY_MAX + 1 };

struct text {
	struct bytes whole, left;
	size_t step;
};

static struct bytes text_next(void *context)
{
	struct text *t = context;
	const size_t size = t->left.size < t->step ? t->left.size : t->step;
	const struct bytes part = bytes_of(t->left.data, size);

	t->left = bytes_of(t->left.data + size, t->left.size - size);
	return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text texts[MESSAGES_MAX];
	struct hash_lane lanes[MESSAGES_MAX];
	uint8_t expected[SHA1_SIZE];
	size_t count, i;

	if (size < 2 + 3 * MESSAGES_MAX)
		return 0;
	count = 1 + data[1] % MESSAGES_MAX;
	for (i = 0; i < count; i++) {
		const uint8_t *head = data + 2 + 3 * i;
		const size_t length = (size_t)(head[0] << 8 | head[1]) % (size + 1);

		texts[i].whole = texts[i].left = bytes_of(data + (size - length), length);
		texts[i].step = 1 + head[2];
		lanes[i] = (struct hash_lane){ .next = text_next, .context = &texts[i] };
	}
	hash_many_sha1_by(data[0] & HASH_BY_ANY, lanes, count);
	for (i = 0; i < count; i++) {
		sha1(texts[i].whole, expected);
		assert(memcmp(lanes[i].digest, expected, SHA1_SIZE) == 0);
		assert(texts[i].left.size == 0);
	}
	return 0;
}
