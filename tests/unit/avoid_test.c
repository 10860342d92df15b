/* tests/unit/avoid_test.c: peer/discover/avoid.c: who is never dialed. */
#include "peer/discover/avoid.h"

#include <criterion/criterion.h>

static struct avoid a;

static void setup(void)
{
	struct rng rng;

	rng_init_number(&rng, 1, 0);
	avoid_init(&a, &rng);
}

static void teardown(void)
{
	avoid_deinit(&a);
}

TestSuite(avoid, .init = setup, .fini = teardown);

Test(avoid, a_global_address_is_banned_whole)
{
	const struct endpoint liar = endpoint_v4(9, 9, 9, 9, 1000), same = endpoint_v4(9, 9, 9, 9, 2000);
	const struct endpoint other = endpoint_v4(9, 9, 9, 8, 1000);

	cr_assert_not(avoid_has(&a, &liar));
	avoid_add(&a, &liar, AVOID_BANNED);
	avoid_add(&a, &same, AVOID_BANNED);
	cr_assert_eq(a.map.count, 1);
	cr_assert(avoid_is_banned(&a, &liar) && avoid_has(&a, &liar));
	cr_assert(avoid_is_banned(&a, &same) && avoid_has(&a, &same));
	cr_assert_not(avoid_has(&a, &other));
}

Test(avoid, another_is_banned_with_its_port)
{
	const struct endpoint liar = endpoint_v4(10, 9, 9, 9, 1000), same = endpoint_v4(10, 9, 9, 9, 2000);

	avoid_add(&a, &liar, AVOID_BANNED);
	cr_assert(avoid_is_banned(&a, &liar));
	cr_assert_not(avoid_has(&a, &same));
}

Test(avoid, ourselves_are_not_banned)
{
	const struct endpoint self = endpoint_v4(10, 9, 9, 9, 1000);
	const struct endpoint global = endpoint_v4(9, 9, 9, 9, 1000);

	avoid_add(&a, &self, AVOID_SELF);
	avoid_add(&a, &global, AVOID_SELF);
	cr_assert(avoid_has(&a, &self) && avoid_has(&a, &global));
	cr_assert_not(avoid_is_banned(&a, &self) || avoid_is_banned(&a, &global));
	/* A ban weighs more, and stays. */
	avoid_add(&a, &self, AVOID_BANNED);
	avoid_add(&a, &self, AVOID_SELF);
	cr_assert(avoid_is_banned(&a, &self));
}

Test(avoid, the_oldest_makes_room)
{
	for (uint32_t i = 0; i < AVOID_MAX + 2; i++) {
		const struct endpoint e = endpoint_v4(20, (uint8_t)(i >> 8), (uint8_t)i, 1, 1);
		avoid_add(&a, &e, AVOID_BANNED);
	}
	cr_assert_eq(a.map.count, AVOID_MAX);
	for (uint32_t i = 0; i < AVOID_MAX + 2; i++) {
		const struct endpoint e = endpoint_v4(20, (uint8_t)(i >> 8), (uint8_t)i, 1, 7);
		cr_assert_eq(avoid_is_banned(&a, &e), i >= 2);
	}
}
