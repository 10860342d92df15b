/* tests/unit/metadata_test.c: peer/download/metadata.c (BEP 9) */
#include "peer/download/metadata.h"

#include "proto/memory.h"
#include "proto/metainfo.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define SEC USEC_PER_SEC

struct fixture {
	struct metadata *m;
	uint8_t *truth;
	uint32_t size;
	usec now;
};

static void fixture_init(struct fixture *f, uint32_t size)
{
	uint8_t hash[SHA1_SIZE];
	f->truth = memory_alloc(size);
	f->size = size;
	f->now = SEC;
	for (uint32_t i = 0; i < size; i++)
		f->truth[i] = (uint8_t)(i * 7 + (i >> 9));
	sha1(bytes_of(f->truth, size), hash);
	f->m = metadata_new(hash);
}

static void fixture_deinit(struct fixture *f)
{
	metadata_free(f->m);
	free(f->truth);
}

static struct bytes truth(const struct fixture *f, uint32_t block)
{
	const uint32_t begin = block * METADATA_BLOCK, left = f->size - begin;
	return bytes_of(f->truth + begin, left < METADATA_BLOCK ? left : METADATA_BLOCK);
}

static enum metadata_outcome answer(struct fixture *f, uint32_t key, uint32_t block, bool lie)
{
	uint8_t data[METADATA_BLOCK];
	const struct bytes right = truth(f, block);
	memcpy(data, right.data, right.size);
	data[right.size - 1] ^= lie;
	return metadata_on_data(f->m, key, block, f->size, bytes_of(data, right.size), f->now);
}

static void expect_ready(struct fixture *f)
{
	size_t size;
	uint8_t *whole = metadata_take(f->m, &size);
	cr_assert_eq(size, f->size);
	cr_assert_eq(memcmp(whole, f->truth, size), 0);
	free(whole);
}

/* A peer answers all it is asked. */
static enum metadata_outcome feed(struct fixture *f, uint32_t key, bool lie)
{
	enum metadata_outcome out = METADATA_MORE;
	uint32_t block;
	while (out == METADATA_MORE && metadata_request(f->m, key, &block, f->now))
		out = answer(f, key, block, lie);
	return out;
}

Test(metadata, one_peer)
{
	static const uint32_t sizes[] = { 1, 100, METADATA_BLOCK - 1, METADATA_BLOCK,
	                                  METADATA_BLOCK + 1, 5 * METADATA_BLOCK + 3 };
	for (int i = 0; i < 6; i++) {
		struct fixture f;
		uint32_t block, have, total;
		fixture_init(&f, sizes[i]);
		cr_assert_not(metadata_request(f.m, 1, &block, f.now), "no size known");
		cr_assert(metadata_on_size(f.m, 1, sizes[i]));
		cr_assert_eq(feed(&f, 1, false), METADATA_READY);
		metadata_progress(f.m, &have, &total);
		cr_assert_eq(metadata_deadline(f.m), USEC_NEVER);
		expect_ready(&f);
		cr_assert_not(metadata_request(f.m, 1, &block, f.now));
		cr_assert_eq(answer(&f, 1, 0, false), METADATA_MORE, "late ones are ignored");
		fixture_deinit(&f);
	}
}

Test(metadata, impossible_sizes)
{
	struct fixture f;
	fixture_init(&f, 100);
	cr_assert_not(metadata_on_size(f.m, 1, 0));
	cr_assert_not(metadata_on_size(f.m, 1, METAINFO_INFO_MAX + 1));
	cr_assert(metadata_on_size(f.m, 1, METAINFO_INFO_MAX));
	cr_assert(metadata_on_size(f.m, 1, METAINFO_INFO_MAX));
	cr_assert_not(metadata_on_size(f.m, 1, 100), "it said something else");
	fixture_deinit(&f);
}

Test(metadata, many_peers_share_the_blocks)
{
	struct fixture f;
	uint32_t blocks[8], block, have, total;
	fixture_init(&f, 8 * METADATA_BLOCK);
	for (uint32_t i = 0; i < 8; i++) {
		cr_assert(metadata_on_size(f.m, i, f.size));
		cr_assert(metadata_request(f.m, i, &blocks[i], f.now));
		for (uint32_t k = 0; k < i; k++)
			cr_assert_neq(blocks[i], blocks[k]);
	}
	cr_assert(metadata_request(f.m, 0, &block, f.now), "then a second time, by another");
	cr_assert_neq(block, blocks[0]);
	cr_assert_not(metadata_request(f.m, 0, &block, f.now), "METADATA_REQUESTS_MAX");
	for (uint32_t i = 0; i < 7; i++)
		cr_assert_eq(answer(&f, i, blocks[i], false), METADATA_MORE);
	metadata_progress(f.m, &have, &total);
	cr_assert(have == 7 && total == 8);
	cr_assert_eq(answer(&f, 7, blocks[7], false), METADATA_READY);
	expect_ready(&f);
	fixture_deinit(&f);
}

Test(metadata, contradictions_are_lies)
{
	struct fixture f;
	uint32_t block;
	fixture_init(&f, METADATA_BLOCK + 10);
	metadata_on_size(f.m, 1, f.size);
	cr_assert(metadata_request(f.m, 1, &block, f.now));
	const struct bytes zero = truth(&f, 0);
	cr_assert_eq(metadata_on_data(f.m, 1, 0, f.size + 1, zero, f.now), METADATA_LIE);
	cr_assert_eq(metadata_on_data(f.m, 1, 2, f.size, zero, f.now), METADATA_LIE);
	cr_assert_eq(metadata_on_data(f.m, 1, UINT32_MAX, f.size, zero, f.now), METADATA_LIE);
	cr_assert_eq(metadata_on_data(f.m, 1, 1, f.size, zero, f.now), METADATA_LIE);
	cr_assert_eq(metadata_on_data(f.m, 1, 0, f.size, bytes_of(zero.data, 10), f.now),
	             METADATA_LIE);
	cr_assert_eq(metadata_on_data(f.m, 1, 0, f.size, bytes_of(NULL, 0), f.now), METADATA_LIE);
	cr_assert_eq(metadata_on_data(f.m, 2, 0, f.size, zero, f.now), METADATA_MORE,
	             "nobody we know");
	cr_assert_eq(metadata_on_data(f.m, 1, 0, 0, zero, f.now), METADATA_MORE,
	             "total_size left out is no contradiction");
	fixture_deinit(&f);
}

Test(metadata, nothing_is_allocated_on_a_claim)
{
	struct fixture f;
	uint32_t block, have, total;
	fixture_init(&f, 100);
	metadata_on_size(f.m, 1, METAINFO_INFO_MAX);
	metadata_progress(f.m, &have, &total);
	cr_assert_eq(total, 0);
	cr_assert(metadata_request(f.m, 1, &block, f.now));
	metadata_progress(f.m, &have, &total);
	cr_assert(have == 0 && total == METAINFO_INFO_MAX / METADATA_BLOCK);
	fixture_deinit(&f);
}

Test(metadata, silence_and_refusal_pass_the_block_on)
{
	struct fixture f;
	uint32_t block, other;
	fixture_init(&f, 100);
	metadata_on_size(f.m, 1, f.size);
	metadata_on_size(f.m, 2, f.size);
	metadata_on_size(f.m, 3, f.size);
	cr_assert(metadata_request(f.m, 1, &block, f.now));
	cr_assert(metadata_request(f.m, 2, &other, f.now));
	cr_assert_not(metadata_request(f.m, 3, &other, f.now), "two at a time");
	metadata_on_reject(f.m, 2, 0, f.now);
	cr_assert(metadata_request(f.m, 3, &other, f.now));
	cr_assert_not(metadata_request(f.m, 2, &other, f.now), "it refused");
	const usec at = metadata_deadline(f.m);
	cr_assert(at > f.now && at < f.now + 15 * SEC);
	f.now = at;
	cr_assert_not(metadata_request(f.m, 1, &block, f.now), "silent");
	cr_assert_gt(metadata_deadline(f.m), f.now);
	f.now += METADATA_REJECT_PAUSE * SEC;
	cr_assert(metadata_request(f.m, 2, &block, f.now), "asked again after the pause");
	cr_assert_eq(answer(&f, 1, 0, false), METADATA_READY, "late, and welcome");
	expect_ready(&f);
	fixture_deinit(&f);
}

Test(metadata, the_only_peer_is_slow)
{
	struct fixture f;
	uint32_t block;
	fixture_init(&f, 4 * METADATA_BLOCK);
	metadata_on_size(f.m, 1, f.size);
	enum metadata_outcome out = METADATA_MORE;
	for (int i = 0; i < 100 && out == METADATA_MORE; i++) {
		const bool asked = metadata_request(f.m, 1, &block, f.now);
		f.now += 20 * SEC; /* longer than the time-out, every time */
		if (asked)
			out = answer(&f, 1, block, false);
	}
	cr_assert_eq(out, METADATA_READY);
	expect_ready(&f);
	fixture_deinit(&f);
}

Test(metadata, a_lone_liar_is_proven)
{
	struct fixture f;
	uint32_t key, block;
	fixture_init(&f, 3 * METADATA_BLOCK);
	metadata_on_size(f.m, 5, f.size);
	cr_assert_eq(feed(&f, 5, true), METADATA_WRONG);
	cr_assert(metadata_next_liar(f.m, &key));
	cr_assert_eq(key, 5);
	cr_assert_not(metadata_next_liar(f.m, &key));
	cr_assert_not(metadata_request(f.m, 5, &block, f.now), "never again");
	metadata_on_size(f.m, 6, f.size);
	cr_assert_eq(feed(&f, 6, false), METADATA_READY);
	expect_ready(&f);
	fixture_deinit(&f);
}

/* A liar among honest ones: nobody is accused for the mix; then one after the
 * other is asked for all of it. */
Test(metadata, a_mixed_dictionary_is_fetched_from_one)
{
	struct fixture f;
	uint32_t a, b, key;
	fixture_init(&f, 2 * METADATA_BLOCK);
	metadata_on_size(f.m, 1, f.size);
	metadata_on_size(f.m, 2, f.size);
	cr_assert(metadata_request(f.m, 1, &a, f.now));
	cr_assert(metadata_request(f.m, 2, &b, f.now));
	cr_assert_eq(answer(&f, 1, a, true), METADATA_MORE);
	cr_assert_eq(answer(&f, 2, b, false), METADATA_WRONG);
	cr_assert_not(metadata_next_liar(f.m, &key));
	cr_assert(metadata_request(f.m, 1, &a, f.now));
	cr_assert_not(metadata_request(f.m, 2, &b, f.now), "1 alone now");
	cr_assert_eq(answer(&f, 1, a, true), METADATA_MORE);
	cr_assert_eq(feed(&f, 1, true), METADATA_WRONG);
	cr_assert(metadata_next_liar(f.m, &key));
	cr_assert_eq(key, 1);
	cr_assert_eq(feed(&f, 2, false), METADATA_READY);
	expect_ready(&f);
	fixture_deinit(&f);
}

Test(metadata, the_one_asked_alone_falls_silent_or_leaves)
{
	struct fixture f;
	uint32_t a, b, key;
	fixture_init(&f, 2 * METADATA_BLOCK);
	for (uint32_t i = 1; i <= 3; i++)
		metadata_on_size(f.m, i, f.size);
	metadata_request(f.m, 1, &a, f.now);
	metadata_request(f.m, 2, &b, f.now);
	answer(&f, 1, a, true);
	cr_assert_eq(answer(&f, 2, b, false), METADATA_WRONG);
	cr_assert(metadata_request(f.m, 1, &a, f.now));
	cr_assert_eq(answer(&f, 1, a, true), METADATA_MORE);
	cr_assert(metadata_request(f.m, 1, &a, f.now));
	f.now = metadata_deadline(f.m);
	cr_assert(metadata_request(f.m, 2, &a, f.now), "1 did not answer");
	metadata_on_gone(f.m, 2);
	cr_assert_eq(feed(&f, 3, false), METADATA_READY, "nothing of 1 is mixed in");
	cr_assert_not(metadata_next_liar(f.m, &key));
	expect_ready(&f);
	fixture_deinit(&f);
}

/* Liars hold all places for sizes, each silent in its own way; the right size
 * gets one all the same. */
Test(metadata, sizes_up_to_the_maximum)
{
	struct fixture f;
	uint32_t block;
	fixture_init(&f, 1000);
	for (uint32_t i = 0; i < METADATA_SIZES_MAX; i++) {
		cr_assert(metadata_on_size(f.m, i, 50000 + i));
		cr_assert(metadata_request(f.m, i, &block, f.now));
	}
	cr_assert(metadata_on_size(f.m, 100, f.size));
	cr_assert_not(metadata_request(f.m, 100, &block, f.now), "no place");
	cr_assert(metadata_on_size(f.m, 101, f.size));
	cr_assert(metadata_request(f.m, 101, &block, f.now), "two against one");
	fixture_deinit(&f);

	fixture_init(&f, 1000);
	for (uint32_t i = 0; i < METADATA_SIZES_MAX; i++) {
		metadata_on_size(f.m, i, 50000 + i);
		metadata_request(f.m, i, &block, f.now);
	}
	metadata_on_size(f.m, 100, f.size);
	f.now = metadata_deadline(f.m);
	cr_assert(metadata_request(f.m, 100, &block, f.now), "the others are silent");
	cr_assert_eq(answer(&f, 100, block, false), METADATA_READY);
	expect_ready(&f);
	fixture_deinit(&f);
}

Test(metadata, a_size_that_never_ends_has_its_time)
{
	struct fixture f;
	uint32_t block;
	bool placed = false;
	fixture_init(&f, 1000);
	for (uint32_t i = 0; i < METADATA_SIZES_MAX; i++)
		metadata_on_size(f.m, i, METAINFO_INFO_MAX - i * METADATA_BLOCK);
	metadata_on_size(f.m, 100, f.size);
	static const uint8_t junk[METADATA_BLOCK];
	for (int second = 0; second < 700 && !placed; second++) {
		for (uint32_t i = 0; i < METADATA_SIZES_MAX; i++) { /* a block every 4 seconds */
			if (second % 4 == 0 && metadata_request(f.m, i, &block, f.now))
				metadata_on_data(f.m, i, block, 0, bytes_of(junk, METADATA_BLOCK), f.now);
		}
		placed = metadata_request(f.m, 100, &block, f.now);
		f.now += SEC;
	}
	cr_assert(placed);
	fixture_deinit(&f);
}

Test(metadata, liars_leave_and_their_key_is_used_again)
{
	struct fixture f;
	uint32_t key;
	fixture_init(&f, 100);
	metadata_on_size(f.m, 1, f.size);
	cr_assert_eq(feed(&f, 1, true), METADATA_WRONG);
	metadata_on_gone(f.m, 1);
	cr_assert_not(metadata_next_liar(f.m, &key), "1 may be somebody else by now");
	metadata_on_size(f.m, 1, f.size);
	cr_assert_eq(feed(&f, 1, false), METADATA_READY);
	expect_ready(&f);
	fixture_deinit(&f);
}

Test(metadata, more_peers_than_are_followed)
{
	struct fixture f;
	uint32_t block;
	fixture_init(&f, 100);
	for (uint32_t i = 0; i < 4096; i++)
		cr_assert(metadata_on_size(f.m, i, f.size));
	cr_assert(metadata_on_size(f.m, 4096, f.size), "no offence");
	cr_assert_not(metadata_request(f.m, 4096, &block, f.now));
	metadata_on_gone(f.m, 17);
	cr_assert(metadata_on_size(f.m, 4096, f.size));
	cr_assert_eq(feed(&f, 4096, false), METADATA_READY);
	expect_ready(&f);
	fixture_deinit(&f);
}
