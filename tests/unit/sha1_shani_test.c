/* tests/unit/sha1_shani_test.c: proto/sha1_shani.c against OpenSSL, on messages that end
 * with a whole block, padding and all. */
#include "proto/sha1_lanes.h"

#include <criterion/criterion.h>

#include "proto/hash_many.h"
#include "proto/rng.h"

#if SHA1_LANES_X86

enum { BLOCKS = 5, SIZE = BLOCKS * SHA1_BLOCK, TEXT = SIZE - 9, LANES_MAX = 16 };

/* Odd places in memory: no block is aligned. */
static uint8_t padded[LANES_MAX][SIZE + 1];
static struct sha1_lane lanes[LANES_MAX];
static struct sha1_lane *all[LANES_MAX];

static void begin(void)
{
	static const uint32_t initial[SHA1_WORDS] = { 0x67452301, 0xefcdab89, 0x98badcfe,
		                                      0x10325476, 0xc3d2e1f0 };
	struct rng rng;

	rng_init_number(&rng, 8, 0);
	for (size_t i = 0; i < LANES_MAX; i++) {
		uint8_t *text = padded[i] + 1;

		rng_fill(&rng, text, TEXT);
		memset(text + TEXT, 0, SIZE - TEXT);
		text[TEXT] = 0x80;
		text[SIZE - 2] = (uint8_t)(TEXT * 8 >> 8);
		text[SIZE - 1] = (uint8_t)(TEXT * 8);
		memcpy(lanes[i].state, initial, sizeof(initial));
		lanes[i].data = text;
		all[i] = &lanes[i];
	}
}

TestSuite(sha1_shani, .init = begin);

static void assert_hashed(size_t count)
{
	uint8_t expected[SHA1_SIZE];

	for (size_t i = 0; i < count; i++) {
		sha1(bytes_of(padded[i] + 1, TEXT), expected);
		for (size_t b = 0; b < SHA1_SIZE; b++)
			cr_assert_eq((uint8_t)(lanes[i].state[b / 4] >> (24 - 8 * (b % 4))), expected[b],
			             "lane %zu of %zu", i, count);
		cr_assert_eq(lanes[i].data, padded[i] + 1 + SIZE);
	}
	if (count < LANES_MAX)
		cr_assert_eq(lanes[count].data, padded[count] + 1, "nobody else is touched");
}

static bool is_missing(void)
{
	return (hash_many_ways() & HASH_BY_SHA_NI) == 0;
}

Test(sha1_shani, one_message)
{
	if (is_missing())
		cr_skip_test("no SHA instructions");
	sha1_shani_1(all, BLOCKS);
	assert_hashed(1);
}

Test(sha1_shani, two_messages)
{
	if (is_missing())
		cr_skip_test("no SHA instructions");
	sha1_shani_2(all, BLOCKS);
	assert_hashed(2);
}

Test(sha1_shani, three_messages)
{
	if (is_missing())
		cr_skip_test("no SHA instructions");
	sha1_shani_3(all, BLOCKS);
	assert_hashed(3);
}

/* Block by block: what lies between two calls is in the lane. */
Test(sha1_shani, four_messages_in_steps)
{
	if (is_missing())
		cr_skip_test("no SHA instructions");
	for (int i = 0; i < BLOCKS; i++)
		sha1_shani_4(all, 1);
	assert_hashed(4);
}

#else
Test(sha1_shani, is_not_built_here)
{
	cr_assert_eq(hash_many_best(), 1);
}
#endif
