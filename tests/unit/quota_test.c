/* How much of a store one subnet may have. */
#include "dht/quota.h"

#include <criterion/criterion.h>

static struct quota quota;
static struct rng rng;

static void setup(void)
{
	rng_init_number(&rng, 1, 0);
	quota_init(&quota, &rng);
}

static void teardown(void)
{
	quota_deinit(&quota);
}

TestSuite(quota, .init = setup, .fini = teardown);

Test(quota, a_subnet_fills_up_and_empties)
{
	for (unsigned i = 0; i < 10; i++) {
		const struct endpoint e = endpoint_v4(8, 8, 8, (uint8_t)i, 1);
		cr_assert(quota_allows(&quota, &e, 10));
		quota_add(&quota, &e);
	}
	const struct endpoint more = endpoint_v4(8, 8, 8, 200, 1);
	cr_assert_not(quota_allows(&quota, &more, 10));
	quota_remove(&quota, &more);
	cr_assert(quota_allows(&quota, &more, 10));
}

Test(quota, local_networks_are_not_counted)
{
	const struct endpoint e = endpoint_v4(10, 0, 0, 1, 1);
	for (int i = 0; i < 100; i++)
		quota_add(&quota, &e);
	cr_assert(quota_allows(&quota, &e, 1));
	cr_assert_eq(quota.total, 0);
}

Test(quota, grows_until_its_limit)
{
	unsigned resets = 0;
	for (unsigned i = 0; i < 200000; i++) {
		const struct endpoint e = endpoint_v4((uint8_t)(11 + (i >> 16)), (uint8_t)(i >> 8),
		                                      (uint8_t)i, 1, 1);
		quota_add(&quota, &e);
		if (quota_is_crowded(&quota)) {
			quota_reset(&quota);
			resets++;
		}
	}
	cr_assert_gt(resets, 3);
	cr_assert_leq(quota.room, QUOTA_ROOM_MAX);
}

Test(quota, an_empty_one_allows_and_survives_a_removal)
{
	const struct endpoint e = endpoint_v4(8, 8, 8, 8, 1);
	cr_assert(quota_allows(&quota, &e, 1));
	quota_remove(&quota, &e);
	cr_assert(quota_allows(&quota, &e, 1));
}
