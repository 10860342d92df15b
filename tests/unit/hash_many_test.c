/* tests/unit/hash_many_test.c: proto/hash_many.c, every way against OpenSSL. */
#include "proto/hash_many.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "proto/memory.h"
#include "proto/rng.h"

enum { LANES_MAX = 3 * HASH_MANY_MAX + 1 };

/* A message in parts of at most `step` bytes. */
struct text {
	struct bytes left;
	size_t step;
};

static struct bytes text_next(void *context)
{
	struct text *t = context;
	const size_t size = t->step < t->left.size ? t->step : t->left.size;
	const struct bytes part = bytes_of(t->left.data, size);

	t->left = bytes_of(t->left.data + size, t->left.size - size);
	return part;
}

static const unsigned all_ways[] = { HASH_BY_OPENSSL, HASH_BY_SHA_NI, HASH_BY_AVX512, HASH_BY_ANY };

static void assert_same(const struct text *texts, size_t count)
{
	struct text left[LANES_MAX];
	struct hash_lane lanes[LANES_MAX];
	uint8_t expected[SHA1_SIZE];

	for (size_t w = 0; w < sizeof(all_ways) / sizeof(all_ways[0]); w++) {
		memcpy(left, texts, count * sizeof(*texts));
		for (size_t i = 0; i < count; i++)
			lanes[i] = (struct hash_lane){ .next = text_next, .context = &left[i] };
		hash_many_sha1_by(all_ways[w], lanes, count);
		for (size_t i = 0; i < count; i++) {
			sha1(texts[i].left, expected);
			cr_assert_arr_eq(lanes[i].digest, expected, SHA1_SIZE,
			                 "way %u, message %zu of %zu, %zu bytes", all_ways[w], i,
			                 count, texts[i].left.size);
			cr_assert_eq(left[i].left.size, 0);
		}
	}
}

static uint8_t *random_bytes(uint64_t seed, size_t size)
{
	uint8_t *bytes = memory_alloc(size);
	struct rng rng;

	rng_init_number(&rng, seed, 0);
	rng_fill(&rng, bytes, size);
	return bytes;
}

/* Around every place where the padding changes, whatever the lane. */
Test(hash_many, all_short_lengths)
{
	uint8_t *bytes = random_bytes(1, 400);
	struct text texts[LANES_MAX];

	for (size_t length = 0; length <= 300; length++)
		for (size_t count = 1; count <= LANES_MAX; count += 1 + count / 3) {
			for (size_t i = 0; i < count; i++)
				texts[i] = (struct text){ bytes_of(bytes + i, length), 64 };
			assert_same(texts, count);
		}
	free(bytes);
}

Test(hash_many, unequal_lengths_unaligned_in_odd_parts)
{
	enum { SIZE = 20000 };
	uint8_t *bytes = random_bytes(2, SIZE);
	struct text texts[LANES_MAX];
	struct rng rng;

	rng_init_number(&rng, 5, 0);
	for (int round = 0; round < 100; round++) {
		const size_t count = 1 + rng_below(&rng, LANES_MAX);

		for (size_t i = 0; i < count; i++) {
			const uint32_t begin = rng_below(&rng, SIZE);
			const uint32_t size = rng_below(&rng, SIZE - begin + 1);

			texts[i] = (struct text){ bytes_of(bytes + begin, size),
				                  1 + rng_below(&rng, 400) };
		}
		assert_same(texts, count);
	}
	free(bytes);
}

/* Parts are asked for one at a time: the last one may lie where the one before
 * did. */
struct reader {
	const uint8_t *from;
	size_t left;
	uint8_t buffer[96];
};

static struct bytes reader_next(void *context)
{
	struct reader *r = context;
	const size_t size = r->left < sizeof(r->buffer) ? r->left : sizeof(r->buffer);

	memset(r->buffer, 0xee, sizeof(r->buffer));
	memcpy(r->buffer, r->from, size);
	r->from += size;
	r->left -= size;
	return bytes_of(r->buffer, size);
}

Test(hash_many, parts_in_one_buffer)
{
	uint8_t *bytes = random_bytes(3, 5000), expected[SHA1_SIZE];
	struct reader readers[HASH_MANY_MAX];
	struct hash_lane lanes[HASH_MANY_MAX];

	for (size_t w = 0; w < sizeof(all_ways) / sizeof(all_ways[0]); w++) {
		for (size_t i = 0; i < HASH_MANY_MAX; i++) {
			readers[i] = (struct reader){ .from = bytes, .left = 5000 - 7 * i };
			lanes[i] = (struct hash_lane){ .next = reader_next, .context = &readers[i] };
		}
		hash_many_sha1_by(all_ways[w], lanes, HASH_MANY_MAX);
		for (size_t i = 0; i < HASH_MANY_MAX; i++) {
			sha1(bytes_of(bytes, 5000 - 7 * i), expected);
			cr_assert_arr_eq(lanes[i].digest, expected, SHA1_SIZE);
		}
	}
	free(bytes);
}

/* The length in bits needs more than 32 of them: the same part again and again. */
struct again {
	struct bytes part;
	int left;
};

static struct bytes again_next(void *context)
{
	struct again *a = context;

	return a->left-- > 0 ? a->part : bytes_of(NULL, 0);
}

Test(hash_many, long_messages)
{
	enum { PART = 1 << 20, PARTS = 513 };
	uint8_t *bytes = random_bytes(4, PART), expected[SHA1_SIZE];
	struct hasher *h = hasher_new_sha1();
	struct again again[2] = { { bytes_of(bytes, PART), PARTS }, { bytes_of(bytes, PART), PARTS } };
	struct hash_lane lanes[2] = { { .next = again_next, .context = &again[0] },
		                      { .next = again_next, .context = &again[1] } };

	for (int i = 0; i < PARTS; i++)
		hasher_update(h, bytes_of(bytes, PART));
	hasher_finish(h, expected);
	hasher_free(h);
	hash_many_sha1(lanes, 2);
	cr_assert_arr_eq(lanes[0].digest, expected, SHA1_SIZE);
	cr_assert_arr_eq(lanes[1].digest, expected, SHA1_SIZE);
	free(bytes);
}

Test(hash_many, nothing_at_all)
{
	hash_many_sha1(NULL, 0);
	cr_assert_geq(hash_many_best(), 1);
	cr_assert_leq(hash_many_best(), HASH_MANY_MAX);
	cr_assert_eq(hash_many_best() > 1, hash_many_ways() != HASH_BY_OPENSSL);
}
