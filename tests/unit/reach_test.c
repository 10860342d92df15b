/* BEP 43 by itself: can strangers reach us. */
#include "dht/reach.h"

#include <criterion/criterion.h>

static struct reach reach;
static const usec start = 1000 * USEC_PER_SEC;

static void teardown(void)
{
	reach_deinit(&reach);
}

TestSuite(reach, .fini = teardown);

static usec judge_until(usec from, usec until)
{
	for (usec now = from; now < until; now += 10 * USEC_PER_SEC) {
		reach_on_sent(&reach, now, now);
		reach_judge(&reach, 100, now);
		if (reach.read_only)
			return now;
	}
	return 0;
}

Test(reach, unreached_for_long_means_read_only_then_tries_again)
{
	const usec at = judge_until(start, start + 40 * USEC_PER_MIN);
	cr_assert(at >= start + 30 * USEC_PER_MIN && at < start + 32 * USEC_PER_MIN);
	reach_judge(&reach, 100, at + REACH_RETRY_USEC);
	cr_assert_not(reach.read_only, "it looks again");
}

Test(reach, a_query_from_a_stranger_proves_it)
{
	const usec at = judge_until(start, start + 40 * USEC_PER_MIN);
	cr_assert(reach.read_only);
	reach_on_query(&reach, 0x1234567800000001u, at);
	cr_assert_not(reach.read_only);
	cr_assert(reach_is_proven(&reach, at + USEC_PER_MIN));
	cr_assert_not(reach_is_proven(&reach, at + REACH_PROVEN_USEC));
}

Test(reach, one_we_just_sent_to_proves_nothing)
{
	reach_on_sent(&reach, 77, start);
	reach_on_query(&reach, 77, start + 60 * USEC_PER_SEC);
	cr_assert_not(reach_is_proven(&reach, start + 60 * USEC_PER_SEC));
	reach_on_query(&reach, 77, start + 3 * REACH_PERIOD_USEC);
	cr_assert(reach_is_proven(&reach, start + 3 * REACH_PERIOD_USEC));
}

Test(reach, before_anything_was_sent_a_query_proves_nothing)
{
	reach_on_query(&reach, 77, start);
	cr_assert_not(reach_is_proven(&reach, start));
}

Test(reach, a_small_network_is_not_judged)
{
	for (usec now = start; now < start + 300 * USEC_PER_MIN; now += USEC_PER_MIN) {
		reach_on_sent(&reach, now, now);
		reach_judge(&reach, REACH_NODES_MIN - 1, now);
		cr_assert_not(reach.read_only);
	}
}

Test(reach, a_saturated_filter_does_not_judge)
{
	for (usec now = start; now < start + 60 * USEC_PER_MIN; now += 10 * USEC_PER_SEC) {
		for (uint64_t i = 0; i < 400; i++)
			reach_on_sent(&reach, i * 0x9e3779b97f4a7c15u, now);
		reach_judge(&reach, 100, now);
	}
	cr_assert_not(reach.read_only);
	reach_reset(&reach);
	cr_assert_null(reach.sent);
}
