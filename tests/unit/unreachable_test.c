/* Addresses that did not answer lately. */
#include "dht/unreachable.h"

#include <criterion/criterion.h>

Test(unreachable, remembers_for_a_while)
{
	struct unreachable u = { 0 };
	cr_assert_not(unreachable_has(&u, 7, 100));
	unreachable_add(&u, 7, 100);
	cr_assert(unreachable_has(&u, 7, 101));
	cr_assert_not(unreachable_has(&u, 8, 101));
	cr_assert_not(unreachable_has(&u, 7, 100 + UNREACHABLE_SECONDS));
	unreachable_sweep(&u, 101);
	cr_assert(unreachable_has(&u, 7, 101));
	unreachable_sweep(&u, 100 + UNREACHABLE_SECONDS);
	cr_assert_null(u.slots);
}

Test(unreachable, an_answer_takes_it_out)
{
	struct unreachable u = { 0 };
	unreachable_remove(&u, 7);
	unreachable_add(&u, 7, 100);
	unreachable_remove(&u, 7 + UNREACHABLE_MAX);
	cr_assert(unreachable_has(&u, 7, 101));
	unreachable_remove(&u, 7);
	cr_assert_not(unreachable_has(&u, 7, 101));
	unreachable_clear(&u);
}

Test(unreachable, a_flood_stays_bounded)
{
	struct unreachable u = { 0 };
	for (uint32_t i = 1; i < 100000; i++)
		unreachable_add(&u, i * 2654435761u, 100);
	unsigned known = 0;
	for (uint32_t i = 1; i < 100000; i++)
		known += unreachable_has(&u, i * 2654435761u, 101);
	cr_assert_leq(known, UNREACHABLE_MAX);
	cr_assert_gt(known, 0);
	unreachable_clear(&u);
}
