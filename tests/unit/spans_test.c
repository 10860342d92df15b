/* tests/unit/spans_test.c: peer/upload/spans.c: who holds which span, and when
 * its memory goes back. */
#include "peer/upload/spans.h"

#include <criterion/criterion.h>

static struct chunk_pool pool;
static struct span_cache cache;

static void setup(void)
{
	chunk_pool_init(&pool, 64 << 20);
	span_cache_init(&cache, &pool);
}

/* Everything was given back in the end, or this aborts. */
static void teardown(void)
{
	span_cache_deinit(&cache);
	cr_assert_eq(cache.idle_bytes, 0);
	cr_assert_eq(pool.used, 0);
	chunk_pool_deinit(&pool);
}

TestSuite(spans, .init = setup, .fini = teardown);

static struct read_span *begin(torrent_id t, uint64_t offset, uint32_t length, job_id job)
{
	struct read_span *s = span_new(&cache, t, offset, length, 0);
	s->job = job;
	return s;
}

Test(spans, a_read_is_shared_while_it_runs_and_after)
{
	struct read_span *s = begin(1, 1000, 50000, 7);

	cr_assert_eq(s->state, SPAN_READING);
	cr_assert_eq(pool.used, 1);
	cr_assert_eq(span_find(&cache, 1, 1000, 50000), s);
	cr_assert(span_cache_on_read(&cache, 7, true));
	cr_assert_eq(s->state, SPAN_READY);
	cr_assert_eq(span_find(&cache, 1, 20000, 1), s);
	cr_assert_eq(s->refs, 3);
	for (int i = 0; i < 3; i++)
		span_release(&cache, s);
	cr_assert_eq(cache.idle_bytes, CHUNK_SIZE);
	cr_assert_eq(span_find(&cache, 1, 50999, 1), s, "cached");
	cr_assert_eq(cache.idle_bytes, 0);
	span_release(&cache, s);
}

Test(spans, only_a_span_that_covers_all_is_found)
{
	struct read_span *s = begin(1, 1000, 1000, 7);

	cr_assert_null(span_find(&cache, 1, 999, 10));
	cr_assert_null(span_find(&cache, 1, 1999, 2));
	cr_assert_null(span_find(&cache, 1, 2000, 1));
	cr_assert_null(span_find(&cache, 1, 1000, 1001));
	cr_assert_null(span_find(&cache, 2, 1000, 10));
	cr_assert_null(span_find(&cache, 1, UINT64_MAX, UINT32_MAX));
	cr_assert_eq(span_find(&cache, 1, 1999, 1), s);
	span_release(&cache, s);
	span_release(&cache, s);
	cr_assert(span_cache_on_read(&cache, 7, true));
}

Test(spans, a_span_that_began_in_the_window_before_is_found)
{
	struct read_span *s = begin(1, READ_SPAN_MAX - 100, READ_SPAN_MAX, 7);

	cr_assert_eq(span_find(&cache, 1, 2 * READ_SPAN_MAX - 101, 1), s);
	cr_assert_eq(pool.used, READ_SPAN_MAX / CHUNK_SIZE);
	span_release(&cache, s);
	span_release(&cache, s);
	cr_assert(span_cache_on_read(&cache, 7, false));
}

Test(spans, an_unknown_job_is_not_ours)
{
	struct read_span *s = begin(1, 0, 10, 7);

	cr_assert_not(span_cache_on_read(&cache, 8, true));
	cr_assert(span_cache_on_read(&cache, 7, true));
	cr_assert_not(span_cache_on_read(&cache, 7, true), "once");
	span_release(&cache, s);
}

Test(spans, a_failed_read_is_found_by_nobody_new)
{
	struct read_span *s = begin(1, 0, 10, 7);

	cr_assert(span_cache_on_read(&cache, 7, false));
	cr_assert_eq(s->state, SPAN_FAILED);
	cr_assert_null(span_find(&cache, 1, 0, 10));
	span_release(&cache, s);
	cr_assert_eq(cache.count, 0);
}

Test(spans, nobody_waits_any_more_but_the_read_is_out)
{
	struct read_span *s = begin(1, 0, 10, 7);

	span_release(&cache, s);
	cr_assert_eq(cache.count, 1, "the disk writes into it");
	cr_assert_eq(pool.used, 1);
	cr_assert_eq(span_find(&cache, 1, 0, 10), s, "and somebody may join");
	span_release(&cache, s);
	cr_assert(span_cache_on_read(&cache, 7, true));
	cr_assert_eq(cache.idle_bytes, CHUNK_SIZE);
	s = begin(1, 100, 10, 8);
	span_release(&cache, s);
	cr_assert(span_cache_on_read(&cache, 8, false));
	cr_assert_eq(cache.count, 1);
}

Test(spans, a_forgotten_torrent_is_read_anew)
{
	struct read_span *idle = begin(1, 0, 10, 1);
	struct read_span *held = begin(1, 100, 10, 2);
	struct read_span *reading = begin(1, 200, 10, 3);
	struct read_span *other = begin(2, 0, 10, 4);

	cr_assert(span_cache_on_read(&cache, 1, true));
	cr_assert(span_cache_on_read(&cache, 2, true));
	cr_assert(span_cache_on_read(&cache, 4, true));
	span_release(&cache, idle);
	span_cache_forget(&cache, 1);
	span_cache_forget(&cache, 1);
	cr_assert_eq(cache.count, 3);
	for (uint64_t offset = 0; offset < 300; offset += 100)
		cr_assert_null(span_find(&cache, 1, offset, 10));
	cr_assert_eq(span_find(&cache, 2, 0, 10), other);
	span_release(&cache, held);
	span_release(&cache, reading);
	cr_assert_eq(cache.count, 2);
	cr_assert(span_cache_on_read(&cache, 3, true));
	cr_assert_eq(cache.count, 1, "nothing of it stays in the cache");
	span_release(&cache, other);
	span_release(&cache, other);
}

Test(spans, the_cache_keeps_what_was_used_last)
{
	enum { SPANS = UPLOAD_CACHE_BYTES_MAX / READ_SPAN_MAX };
	uint64_t i = 0;

	for (; i < SPANS + 1; i++) {
		struct read_span *s = begin(1, i * READ_SPAN_MAX, READ_SPAN_MAX, i + 1);
		cr_assert(span_cache_on_read(&cache, i + 1, true));
		span_release(&cache, s);
		cr_assert_leq(cache.idle_bytes, UPLOAD_CACHE_BYTES_MAX);
		/* The second one is used again and again. */
		if (i >= 1) {
			s = span_find(&cache, 1, READ_SPAN_MAX, 1);
			cr_assert_not_null(s);
			span_release(&cache, s);
		}
	}
	cr_assert_eq(cache.idle_bytes, UPLOAD_CACHE_BYTES_MAX);
	cr_assert_null(span_find(&cache, 1, 0, 1), "the oldest went");
	span_cache_trim(&cache, READ_SPAN_MAX);
	cr_assert_eq(cache.count, 1);
	struct read_span *s = span_find(&cache, 1, READ_SPAN_MAX, 1);
	cr_assert_not_null(s);
	span_release(&cache, s);
}

/* Small spans count with the memory they take. */
Test(spans, many_small_ones_are_bounded_too)
{
	for (uint64_t i = 0; i < 1000; i++) {
		struct read_span *s = begin(1, i * 2, 1, i + 1);
		cr_assert(span_cache_on_read(&cache, i + 1, true));
		span_release(&cache, s);
	}
	cr_assert_eq(cache.count, UPLOAD_CACHE_BYTES_MAX / CHUNK_SIZE);
	cr_assert_eq(pool.used, UPLOAD_CACHE_BYTES_MAX / CHUNK_SIZE);
}
