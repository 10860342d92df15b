/* The event heap and the seeded streams of the simulator. */
#include "tools/lab/world.h"

#include <criterion/criterion.h>
#include <stdlib.h>

struct log {
	uint64_t order[1000];
	usec when[1000];
	uint32_t count;
	uint32_t again; /* events that an event adds */
};

static void note(struct world *w, void *owner, uint64_t a, uint64_t b)
{
	struct log *log = owner;
	(void)b;
	log->when[log->count] = world_now(w);
	log->order[log->count++] = a;
	if (log->again > 0) {
		log->again--;
		world_at(w, world_now(w) + 5, note, log, 1000 + log->again, 0);
	}
}

Test(world, events_come_in_the_order_of_time)
{
	struct world *w = world_new(1);
	struct log log = { 0 };
	const usec start = world_now(w);
	for (uint64_t i = 0; i < 1000; i++)
		world_at(w, start + (i * 7919) % 1000, note, &log, i, 0);
	world_run(w, start + 2000);
	cr_assert_eq(log.count, 1000);
	for (uint32_t i = 1; i < 1000; i++)
		cr_assert_leq(log.when[i - 1], log.when[i]);
	cr_assert_eq(world_event_count(w), 1000);
	world_free(w);
}

Test(world, equal_times_keep_the_order_of_calls)
{
	struct world *w = world_new(1);
	struct log log = { 0 };
	for (uint64_t i = 0; i < 500; i++)
		world_at(w, world_now(w) + 10, note, &log, i, 0);
	world_run(w, world_now(w) + 10);
	cr_assert_eq(log.count, 500);
	for (uint64_t i = 0; i < 500; i++)
		cr_assert_eq(log.order[i], i);
	world_free(w);
}

Test(world, a_time_in_the_past_is_now)
{
	struct world *w = world_new(1);
	struct log log = { 0 };
	const usec start = world_now(w);
	world_at(w, start + 100, note, &log, 1, 0);
	world_run(w, start + 100);
	world_at(w, start, note, &log, 2, 0);
	cr_assert(world_step(w, start + 100));
	cr_assert_eq(log.when[1], start + 100);
	world_free(w);
}

Test(world, stops_at_until_and_goes_on)
{
	struct world *w = world_new(1);
	struct log log = { .again = 10 };
	const usec start = world_now(w);
	world_at(w, start + 5, note, &log, 0, 0);
	world_run(w, start + 22);
	cr_assert_eq(log.count, 4);
	cr_assert_eq(world_now(w), start + 22);
	world_run(w, start + 1000);
	cr_assert_eq(log.count, 11);
	cr_assert_not(world_step(w, start + 5000));
	cr_assert_eq(world_now(w), start + 55, "time does not move when nothing is left");
	world_free(w);
}

Test(world, streams_depend_on_the_seed_and_not_on_each_other)
{
	struct world *a = world_new(7), *b = world_new(7), *c = world_new(8);
	for (int i = 0; i < 100; i++)
		(void)rng_u64(world_rng(a, WORLD_NETWORK));
	cr_assert_eq(rng_u64(world_rng(a, WORLD_PRODUCT)), rng_u64(world_rng(b, WORLD_PRODUCT)));
	cr_assert_neq(rng_u64(world_rng(a, WORLD_FAULTS)), rng_u64(world_rng(c, WORLD_FAULTS)));
	cr_assert_neq(rng_u64(world_rng(b, WORLD_FAULTS)), rng_u64(world_rng(b, WORLD_DISK)));
	world_free(a);
	world_free(b);
	world_free(c);
}

Test(world, the_trace_tells_any_difference)
{
	struct world *a = world_new(1), *b = world_new(1);
	cr_assert_eq(world_trace_hash(a), world_trace_hash(b));
	world_note(a, 1, 2, 3);
	world_note(b, 1, 2, 3);
	cr_assert_eq(world_trace_hash(a), world_trace_hash(b));
	world_note(a, 1, 2, 3);
	world_note(b, 1, 3, 2);
	cr_assert_neq(world_trace_hash(a), world_trace_hash(b));
	world_free(a);
	world_free(b);
}

static int compare(const void *a, const void *b)
{
	const usec x = *(const usec *)a, y = *(const usec *)b;
	return x < y ? -1 : x > y;
}

Test(world, latencies_have_the_quantiles_that_were_asked_for)
{
	enum { N = 20000 };
	static usec samples[N];
	struct world *w = world_new(1);
	const struct latency l = latency_from_quantiles(135, 340, 1200);
	for (int i = 0; i < N; i++)
		samples[i] = latency_sample(&l, world_rng(w, WORLD_NETWORK));
	qsort(samples, N, sizeof *samples, compare);
	cr_assert_float_eq((double)samples[N / 2] / 1000, 135, 5);
	cr_assert_float_eq((double)samples[N * 9 / 10] / 1000, 340, 20);
	cr_assert_float_eq((double)samples[N * 99 / 100] / 1000, 1200, 200);
	cr_assert_float_eq((double)latency_at(&l, 0) / 1000, 135, 0.1);
	cr_assert_leq(latency_at(&l, 100), 60 * USEC_PER_SEC);
	cr_assert_geq(latency_at(&l, -100), 1);
	world_free(w);
}
