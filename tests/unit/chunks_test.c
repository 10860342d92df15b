/* tests/unit/chunks_test.c: peer/storage/chunks.c */
#include "peer/storage/chunks.h"

#include <criterion/criterion.h>
#include <signal.h>

Test(chunks, counts_by_length)
{
	cr_assert_eq(chunks_for(0), 0);
	cr_assert_eq(chunks_for(1), 1);
	cr_assert_eq(chunks_for(CHUNK_SIZE), 1);
	cr_assert_eq(chunks_for(CHUNK_SIZE + 1), 2);
	cr_assert_eq(chunks_for((uint64_t)CHUNK_SIZE * 7), 7);
}

Test(chunks, budget_is_told_and_may_be_exceeded)
{
	struct chunk_pool p;
	chunk_pool_init(&p, (uint64_t)CHUNK_SIZE * 16 + 5);
	cr_assert_eq(p.limit, 16);
	cr_assert(chunk_pool_has_room(&p, 16));
	cr_assert_not(chunk_pool_has_room(&p, 17));
	cr_assert_not(chunk_pool_has_room(&p, UINT32_MAX));

	uint8_t *held[20];
	for (int i = 0; i < 20; i++) {
		cr_assert_eq(chunk_pool_has_room(&p, 1), i < 16);
		held[i] = chunk_get(&p);
		memset(held[i], i, CHUNK_SIZE);
	}
	cr_assert(chunk_pool_has_room(&p, 0) == false);
	cr_assert_eq(p.used, 20);
	for (int i = 0; i < 20; i++) {
		cr_assert_eq(held[i][0], i);
		cr_assert_eq(held[i][CHUNK_SIZE - 1], i);
		chunk_put(&p, held[i]);
	}
	cr_assert_eq(p.used, 0);
	cr_assert(chunk_pool_has_room(&p, 16));
	chunk_pool_deinit(&p);
}

Test(chunks, some_are_kept_and_used_again)
{
	struct chunk_pool p;
	chunk_pool_init(&p, (uint64_t)CHUNK_SIZE * 800);
	cr_assert_eq(p.keep, 100);
	uint8_t *held[150];
	for (int i = 0; i < 150; i++)
		held[i] = chunk_get(&p);
	for (int i = 0; i < 150; i++)
		chunk_put(&p, held[i]);
	cr_assert_eq(p.free_count, 100);
	uint8_t *again = chunk_get(&p);
	cr_assert_eq(again, held[99], "the last one that is left");
	cr_assert_eq(p.free_count, 99);
	chunk_put(&p, again);
	chunk_pool_deinit(&p);
}

/* Under load none goes back to the allocator, up to the budget. */
Test(chunks, all_are_kept_while_one_is_used)
{
	struct chunk_pool p;
	chunk_pool_init(&p, (uint64_t)CHUNK_SIZE * 80);
	uint8_t *held[100];
	for (int i = 0; i < 100; i++)
		held[i] = chunk_get(&p);
	for (int i = 1; i < 100; i++)
		chunk_put(&p, held[i]);
	cr_assert_eq(p.free_count, 79, "with the one in use the whole budget");
	chunk_put(&p, held[0]);
	cr_assert_eq(p.free_count, 10);
	chunk_pool_deinit(&p);
}

Test(chunks, an_empty_budget_keeps_nothing)
{
	struct chunk_pool p;
	chunk_pool_init(&p, 0);
	cr_assert_not(chunk_pool_has_room(&p, 1));
	chunk_put(&p, chunk_get(&p));
	cr_assert_eq(p.free_count, 0);
	chunk_pool_deinit(&p);
}

Test(chunks, leaked_chunks_are_a_bug, .signal = SIGABRT)
{
	struct chunk_pool p;
	chunk_pool_init(&p, CHUNK_SIZE);
	chunk_get(&p);
	chunk_pool_deinit(&p);
}
