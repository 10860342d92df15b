/* tests/unit/pieces_test.c: peer/download/pieces.c */
#include "peer/download/pieces.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

struct fixture {
	struct metainfo m;
	struct chunk_pool pool;
	struct pieces ps;
	char peers[4];
};

static void fixture_init(struct fixture *f, uint32_t piece_length, uint32_t pieces, uint32_t budget)
{
	memset(f, 0, sizeof(*f));
	f->m.piece_length = piece_length;
	f->m.piece_count = pieces;
	f->m.total = (uint64_t)piece_length * pieces;
	chunk_pool_init(&f->pool, (uint64_t)budget * CHUNK_SIZE);
	pieces_init(&f->ps, &f->m, &f->pool);
}

static void fixture_deinit(struct fixture *f)
{
	pieces_deinit(&f->ps);
	cr_assert_eq(f->pool.used, 0);
	chunk_pool_deinit(&f->pool);
}

static struct download_peer *peer(struct fixture *f, int i)
{
	return (struct download_peer *)(void *)&f->peers[i]; /* only compared */
}

static void fill(struct fixture *f, struct partial *partial, uint32_t block, uint32_t source,
                 uint8_t byte)
{
	struct incoming in = { .active = false };
	pieces_receive(&f->ps, &in, partial, block);
	memset(in.into, byte, in.length);
	cr_assert_eq(pieces_receive_end(&f->ps, &in, source), partial);
}

static uint8_t byte_at(const struct partial *partial, uint32_t offset)
{
	return partial->chunks[offset / CHUNK_SIZE][offset % CHUNK_SIZE];
}

Test(pieces, from_begin_to_full)
{
	struct fixture f;
	fixture_init(&f, 100000, 3, 16);
	struct partial *partial = pieces_begin(&f.ps, 1);
	cr_assert_eq(partial->block_count, 7);
	cr_assert_eq(partial_block_size(partial, 0), BLOCK_SIZE);
	cr_assert_eq(partial_block_size(partial, 6), 100000 - 6 * BLOCK_SIZE);
	cr_assert_eq(f.pool.used, 0, "memory only on receipt");
	cr_assert_eq(f.ps.promised, 2);
	for (uint32_t i = 0; i < 7; i++) {
		cr_assert_null(pieces_next_full(&f.ps));
		fill(&f, partial, 6 - i, 9, (uint8_t)(6 - i));
	}
	cr_assert_eq(f.ps.promised, 0);
	cr_assert_eq(pieces_next_full(&f.ps), partial);
	for (uint32_t i = 0; i < 100000; i += 997)
		cr_assert_eq(byte_at(partial, i), i / BLOCK_SIZE);
	uint8_t **chunks = pieces_take_chunks(&f.ps, partial);
	cr_assert_null(pieces_next_full(&f.ps));
	cr_assert_eq(partial->state, PARTIAL_STORING);
	for (uint32_t i = 0; i < 2; i++)
		chunk_put(&f.pool, chunks[i]);
	free(chunks);
	pieces_drop(&f.ps, partial);
	cr_assert_null(pieces_find(&f.ps, 1));
	fixture_deinit(&f);
}

Test(pieces, askers_up_to_the_maximum)
{
	struct fixture f;
	fixture_init(&f, 65536, 1, 16);
	struct partial *partial = pieces_begin(&f.ps, 0);
	cr_assert_eq(partial_next_free(partial), 0);
	cr_assert(partial_add_asker(partial, 0, peer(&f, 0)));
	cr_assert_not(partial_add_asker(partial, 0, peer(&f, 0)), "once each");
	cr_assert_eq(partial->free_count, 3);
	cr_assert_eq(partial_next_free(partial), 1);
	cr_assert(partial_add_asker(partial, 0, peer(&f, 1)));
	cr_assert_not(partial_add_asker(partial, 0, peer(&f, 2)), "no third");
	cr_assert_not(partial_remove_asker(partial, 0, peer(&f, 2)));
	cr_assert(partial_remove_asker(partial, 0, peer(&f, 0)));
	cr_assert_eq(partial->blocks[0].askers[0], peer(&f, 1));
	cr_assert_eq(partial->free_count, 3);
	cr_assert(partial_remove_asker(partial, 0, peer(&f, 1)));
	cr_assert_eq(partial->free_count, 4);
	cr_assert_eq(partial_next_free(partial), 0);
	fixture_deinit(&f);
}

Test(pieces, the_budget_counts_what_is_promised)
{
	struct fixture f;
	fixture_init(&f, 2 * CHUNK_SIZE, 10, 5);
	cr_assert(pieces_may_begin(&f.ps, 0));
	pieces_begin(&f.ps, 0);
	pieces_begin(&f.ps, 1);
	cr_assert_not(pieces_may_begin(&f.ps, 2), "4 of 5 chunks are promised");
	pieces_drop(&f.ps, pieces_find(&f.ps, 0));
	cr_assert(pieces_may_begin(&f.ps, 2));
	fixture_deinit(&f);
}

Test(pieces, the_first_may_always_begin)
{
	struct fixture f;
	fixture_init(&f, METAINFO_PIECE_LENGTH_MAX, 2, 0);
	cr_assert(pieces_may_begin(&f.ps, 0));
	struct partial *partial = pieces_begin(&f.ps, 0);
	cr_assert_eq(partial->block_count, METAINFO_PIECE_LENGTH_MAX / BLOCK_SIZE);
	cr_assert_not(pieces_may_begin(&f.ps, 1));
	fill(&f, partial, 5, 1, 1);
	cr_assert_eq(f.pool.used, 1, "one chunk for one block of 256 MiB");
	fixture_deinit(&f);
}

Test(pieces, many_at_once)
{
	struct fixture f;
	fixture_init(&f, BLOCK_SIZE, 5000, 5000);
	for (uint32_t i = 0; i < 5000; i++)
		cr_assert_eq(pieces_begin(&f.ps, i)->piece, i);
	for (uint32_t i = 0; i < 5000; i++)
		cr_assert_eq(pieces_find(&f.ps, i)->piece, i);
	for (uint32_t i = 0; i < 5000; i += 2)
		pieces_drop(&f.ps, pieces_find(&f.ps, i));
	for (uint32_t i = 0; i < 5000; i++)
		cr_assert_eq(pieces_find(&f.ps, i) != NULL, i % 2 == 1);
	fixture_deinit(&f);
}

/* Two send the same block: whoever ends first wins, and the other can spoil
 * nothing, whichever of them writes in place. */
Test(pieces, the_second_sender_ends_first)
{
	struct fixture f;
	struct incoming slow = { .active = false }, fast = slow, beside = slow;
	fixture_init(&f, 65536, 1, 16);
	struct partial *partial = pieces_begin(&f.ps, 0);
	fill(&f, partial, 3, 3, 0x33);
	pieces_receive(&f.ps, &slow, partial, 0);
	pieces_receive(&f.ps, &beside, partial, 1); /* the same chunk */
	memset(slow.into, 0x01, 100);
	memset(beside.into, 0x22, 200);
	pieces_receive(&f.ps, &fast, partial, 0);
	cr_assert(slow.direct && !fast.direct);
	memset(fast.into, 0x11, fast.length);
	cr_assert_eq(pieces_receive_end(&f.ps, &fast, 2), partial);
	cr_assert_eq(partial->blocks[0].source, 2);
	memset(slow.into, 0xff, slow.length); /* goes on writing where it was told to */
	memset(beside.into + 200, 0x22, beside.length - 200);
	cr_assert_eq(pieces_receive_end(&f.ps, &beside, 4), partial);
	cr_assert_null(pieces_receive_end(&f.ps, &slow, 1));
	fill(&f, partial, 2, 3, 0x44);
	cr_assert_eq(partial->state, PARTIAL_FULL);
	static const uint8_t expected[] = { 0x11, 0x22, 0x44, 0x33 };
	for (uint32_t i = 0; i < 65536; i++)
		cr_assert_eq(byte_at(partial, i), expected[i / BLOCK_SIZE], "byte %u", i);
	fixture_deinit(&f);
}

Test(pieces, the_first_sender_ends_first)
{
	struct fixture f;
	struct incoming first = { .active = false }, second = first;
	fixture_init(&f, 32768, 1, 16);
	struct partial *partial = pieces_begin(&f.ps, 0);
	pieces_receive(&f.ps, &first, partial, 0);
	pieces_receive(&f.ps, &second, partial, 0);
	memset(second.into, 0xff, second.length);
	memset(first.into, 0x11, first.length);
	cr_assert_eq(pieces_receive_end(&f.ps, &first, 1), partial);
	cr_assert_null(pieces_receive_end(&f.ps, &second, 2));
	cr_assert_eq(byte_at(partial, 0), 0x11);
	cr_assert_eq(partial->blocks[0].source, 1);
	fixture_deinit(&f);
}

Test(pieces, a_sender_that_leaves_gives_its_place_to_the_other)
{
	struct fixture f;
	struct incoming first = { .active = false }, second = first;
	fixture_init(&f, 16384, 1, 16);
	struct partial *partial = pieces_begin(&f.ps, 0);
	pieces_receive(&f.ps, &first, partial, 0);
	memset(first.into, 0xff, 1000);
	pieces_receive(&f.ps, &second, partial, 0);
	pieces_receive_abort(&f.ps, &first);
	cr_assert_not(partial->blocks[0].direct);
	memset(second.into, 0x22, second.length);
	cr_assert_eq(pieces_receive_end(&f.ps, &second, 2), partial);
	for (uint32_t i = 0; i < 16384; i++)
		cr_assert_eq(byte_at(partial, i), 0x22);
	fixture_deinit(&f);
}

Test(pieces, dropped_while_bytes_stream_in)
{
	struct fixture f;
	struct incoming in = { .active = false };
	fixture_init(&f, 65536, 2, 16);
	struct partial *partial = pieces_begin(&f.ps, 0);
	pieces_receive(&f.ps, &in, partial, 2);
	pieces_drop(&f.ps, partial);
	cr_assert_eq(f.pool.used, 1, "what it writes to stays");
	memset(in.into, 1, in.length);
	cr_assert_null(pieces_receive_end(&f.ps, &in, 1));
	cr_assert_eq(f.pool.used, 0);
	fixture_deinit(&f);
}

Test(pieces, an_exclusive_piece_takes_from_its_owner_alone)
{
	struct fixture f;
	struct incoming in = { .active = false };
	fixture_init(&f, 32768, 1, 16);
	struct partial *partial = pieces_begin(&f.ps, 0);
	fill(&f, partial, 0, 1, 1);
	cr_assert_eq(pieces_clear(&f.ps, partial, true), BLOCK_SIZE);
	cr_assert_eq(f.ps.exclusive_count, 1);
	cr_assert_eq(partial->free_count, 2);
	partial->owned = true;
	partial->owner = 5;
	pieces_receive(&f.ps, &in, partial, 0);
	cr_assert_null(pieces_receive_end(&f.ps, &in, 4));
	pieces_receive(&f.ps, &in, partial, 0);
	cr_assert_eq(pieces_receive_end(&f.ps, &in, 5), partial);
	fixture_deinit(&f);
}

Test(pieces, purge_takes_one_source_out)
{
	struct fixture f;
	fixture_init(&f, 65536, 1, 16);
	struct partial *partial = pieces_begin(&f.ps, 0);
	for (uint32_t i = 0; i < 4; i++)
		fill(&f, partial, i, i % 2, (uint8_t)i);
	cr_assert_eq(partial->state, PARTIAL_FULL);
	cr_assert_eq(pieces_purge(&f.ps, partial, 7), 0);
	cr_assert_eq(partial->state, PARTIAL_FULL);
	cr_assert_eq(pieces_purge(&f.ps, partial, 1), 2 * BLOCK_SIZE);
	cr_assert_eq(partial->state, PARTIAL_FETCHING);
	cr_assert_eq(f.ps.full_count, 0);
	cr_assert_eq(partial_next_free(partial), 1);
	cr_assert_eq(byte_at(partial, 2 * BLOCK_SIZE), 2);
	fixture_deinit(&f);
}
