/* tests/unit/rate_test.c: peer/rate.c under a virtual clock. */
#include "peer/rate.h"

#include "proto/rng.h"

#include <criterion/criterion.h>

static const usec start = 1000 * USEC_PER_SEC;

Test(meter, a_steady_flow_is_measured)
{
	struct meter m;

	meter_init(&m, start);
	cr_assert_eq(meter_rate(&m, start), 0);
	for (usec at = 0; at < 20 * USEC_PER_SEC; at += 100 * USEC_PER_MS) {
		meter_add(&m, 1000, start + at);
		if (at >= 6 * USEC_PER_SEC) {
			const uint64_t rate = meter_rate(&m, start + at + 99 * USEC_PER_MS);
			cr_assert(rate >= 9900 && rate <= 10200, "%lu", (unsigned long)rate);
		}
	}
	cr_assert_eq(m.total, 200000);
}

Test(meter, the_first_second_is_not_magnified)
{
	struct meter m;

	meter_init(&m, start);
	meter_add(&m, 16384, start + 1);
	cr_assert_eq(meter_rate(&m, start + 2), 16384);
}

Test(meter, an_idle_meter_decays_to_nothing)
{
	struct meter m;

	meter_init(&m, start);
	for (usec at = 0; at < 10 * USEC_PER_SEC; at += USEC_PER_SEC)
		meter_add(&m, 5000, start + at);
	uint64_t last = meter_rate(&m, start + 10 * USEC_PER_SEC);
	for (usec at = 11 * USEC_PER_SEC; at <= 16 * USEC_PER_SEC; at += USEC_PER_SEC) {
		const uint64_t rate = meter_rate(&m, start + at);
		cr_assert_leq(rate, last);
		last = rate;
	}
	cr_assert_eq(last, 0);
	cr_assert_eq(meter_rate(&m, start + 100000 * USEC_PER_SEC), 0);
	/* What was before a pause does not come back. */
	meter_add(&m, 600, start + 100000 * USEC_PER_SEC);
	cr_assert_leq(meter_rate(&m, start + 100000 * USEC_PER_SEC), 600);
	cr_assert_geq(meter_rate(&m, start + 100000 * USEC_PER_SEC), 100);
}

Test(meter, huge_amounts_saturate_a_slot)
{
	struct meter m;

	meter_init(&m, start);
	meter_add(&m, UINT64_MAX / 4, start);
	meter_add(&m, UINT64_MAX / 4, start);
	cr_assert_eq(m.total, UINT64_MAX / 4 * 2);
	cr_assert_eq(meter_rate(&m, start), UINT32_MAX);
}

Test(meter, a_clock_at_zero_works)
{
	struct meter m;

	meter_init(&m, 0);
	meter_add(&m, 100, 0);
	meter_add(&m, 100, 2 * USEC_PER_SEC);
	cr_assert_eq(meter_rate(&m, 2 * USEC_PER_SEC), 100);
}

Test(bucket, without_a_limit_everything_goes)
{
	struct bucket b;

	bucket_init(&b, 0, start);
	cr_assert_eq(bucket_room(&b, start), SIZE_MAX);
	bucket_take(&b, 1 << 30, start);
	cr_assert_eq(bucket_room(&b, start), SIZE_MAX);
	cr_assert_eq(bucket_when(&b, 1 << 30, start), start);
}

Test(bucket, holds_no_more_than_its_burst)
{
	struct bucket b;

	bucket_init(&b, 1000000, start);
	cr_assert_eq(bucket_room(&b, start), 20000);
	cr_assert_eq(bucket_room(&b, start + USEC_PER_MIN), 20000);
	bucket_set_rate(&b, 1000, start + USEC_PER_MIN);
	cr_assert_eq(bucket_room(&b, start + USEC_PER_MIN), BUCKET_BURST_MIN);
	/* An absurd pause at an absurd rate. */
	bucket_set_rate(&b, UINT64_MAX, start + USEC_PER_MIN);
	cr_assert_gt(bucket_room(&b, USEC_NEVER - 2), 1u << 30);
}

Test(bucket, debt_is_waited_for)
{
	struct bucket b;

	bucket_init(&b, 1000000, start);
	bucket_take(&b, 70000, start);
	cr_assert_eq(bucket_room(&b, start), 0);
	const usec when = bucket_when(&b, 1000, start);
	cr_assert_eq(when, start + 51 * USEC_PER_MS);
	cr_assert_lt(bucket_room(&b, when - 1), 1000);
	cr_assert_geq(bucket_room(&b, when), 1000);
	/* More than it can hold: when it is full. */
	cr_assert_eq(bucket_when(&b, 1 << 20, when), when + 19 * USEC_PER_MS);
	bucket_take(&b, SIZE_MAX, when);
	bucket_take(&b, SIZE_MAX, when);
	bucket_take(&b, SIZE_MAX, when);
	cr_assert_eq(bucket_room(&b, when + 1), 0);
	cr_assert_lt(bucket_when(&b, 1, when), USEC_NEVER);
}

Test(bucket, nothing_is_lost_however_often_it_is_asked)
{
	static const uint64_t rates[] = { 1, 999, 33333, 1048576, 123456789, 2500000000 };

	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct bucket b;
		uint64_t sent = 0;
		bucket_init(&b, rates[i], start);
		bucket_take(&b, bucket_room(&b, start), start);
		for (usec at = 1; at <= 1000000; at += 7) {
			const size_t room = bucket_room(&b, start + at);
			bucket_take(&b, room, start + at);
			sent += room;
		}
		cr_assert(sent <= rates[i] && sent + sent / 1000 + 1 + rates[i] / 100000 >= rates[i],
		          "rate %lu sent %lu", (unsigned long)rates[i], (unsigned long)sent);
	}
}

Test(bucket, a_new_limit_begins_without_credit_or_debt)
{
	struct bucket b;

	bucket_init(&b, 1000, start);
	bucket_take(&b, 1 << 20, start);
	bucket_set_rate(&b, 0, start);
	cr_assert_eq(bucket_room(&b, start), SIZE_MAX);
	bucket_set_rate(&b, 1000, start);
	cr_assert_eq(bucket_room(&b, start), 0);
	cr_assert_eq(bucket_room(&b, start + USEC_PER_SEC / 10), 100);
}

/* No window of 100 ms over 1.2 times the rate, no second over 1.02. */
Test(bucket, bursts_are_short)
{
	enum { STEPS = 3000 };
	static uint64_t at_ms[STEPS];
	const uint64_t rate = 4000000;
	struct bucket b;
	struct rng r;

	rng_init_number(&r, 2, 0);
	bucket_init(&b, rate, start);
	for (uint32_t i = 0; i < STEPS; i++) {
		/* Now and then it is not asked for a while. */
		if (rng_below(&r, 30) == 0)
			i += rng_below(&r, 200);
		const usec now = start + i * USEC_PER_MS;
		const size_t room = bucket_room(&b, now);
		bucket_take(&b, room, now);
		if (i < STEPS)
			at_ms[i] = room;
	}
	for (uint32_t from = 0; from < STEPS; from++) {
		uint64_t sum = 0;
		for (uint32_t i = from; i < STEPS && i < from + 1000; i++) {
			sum += at_ms[i];
			if (i - from == 99)
				cr_assert_leq(sum, rate / 10 * 12 / 10);
		}
		cr_assert_leq(sum, rate / 100 * 102);
	}
}
