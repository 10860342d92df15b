/* The histogram of round-trip times. */
#include "dht/rtt.h"

#include <criterion/criterion.h>

Test(rtt, guesses_before_it_has_measured)
{
	struct rtt r = { 0 };
	cr_assert_eq(rtt_quantile(&r, 50), 135 * USEC_PER_MS);
	cr_assert_geq(rtt_stall(&r), 160 * USEC_PER_MS);
}

Test(rtt, quantiles_lie_near_the_truth)
{
	struct rtt r = { 0 };
	for (usec ms = 1; ms <= 500; ms++)
		rtt_add(&r, ms * USEC_PER_MS);
	static const unsigned percents[] = { 10, 50, 80, 90 };
	for (int i = 0; i < 4; i++) {
		const usec truth = percents[i] * 5 * USEC_PER_MS, got = rtt_quantile(&r, percents[i]);
		cr_assert(got > truth * 8 / 10 && got < truth * 12 / 10, "p%u: %llu", percents[i],
		          (unsigned long long)got);
	}
}

Test(rtt, stall_is_at_least_p10_and_100_ms)
{
	struct rtt r = { 0 };
	for (int i = 0; i < 100; i++)
		rtt_add(&r, 20 * USEC_PER_MS);
	cr_assert_geq(rtt_stall(&r), 115 * USEC_PER_MS);
	cr_assert_leq(rtt_stall(&r), 125 * USEC_PER_MS);
}

Test(rtt, forgets)
{
	struct rtt r = { 0 };
	for (int i = 0; i < 1000; i++)
		rtt_add(&r, 50 * USEC_PER_MS);
	for (int i = 0; i < 3000; i++)
		rtt_add(&r, 800 * USEC_PER_MS);
	cr_assert_leq(r.total, RTT_SAMPLES_MAX);
	cr_assert_gt(rtt_quantile(&r, 10), 600 * USEC_PER_MS);
}

Test(rtt, extremes_stay_inside)
{
	struct rtt r = { 0 };
	for (int i = 0; i < 20; i++) {
		rtt_add(&r, 0);
		rtt_add(&r, USEC_NEVER / 2);
	}
	cr_assert_leq(rtt_quantile(&r, 1), 4 * USEC_PER_MS);
	cr_assert_geq(rtt_quantile(&r, 99), 16 * USEC_PER_SEC);
}
