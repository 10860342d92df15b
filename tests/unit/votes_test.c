/* What our own address is, by the word of many places. */
#include "dht/votes.h"

#include <criterion/criterion.h>

static struct votes votes;
static struct endpoint winner;
static const uint8_t us[4] = { 8, 8, 4, 4 };

static void teardown(void)
{
	votes_deinit(&votes);
}

TestSuite(votes, .fini = teardown);

static bool vote(unsigned subnet, uint8_t host, struct endpoint address)
{
	const struct endpoint e = endpoint_v4(11, (uint8_t)(subnet >> 8), (uint8_t)subnet, host, 1);
	return votes_add(&votes, &e, &address, &winner);
}

Test(votes, ten_places_that_agree_win)
{
	const struct endpoint a = endpoint_from_address(bytes_of(us, 4), 7);
	for (unsigned i = 0; i < VOTES_MIN - 1; i++)
		cr_assert_not(vote(i, 1, a));
	cr_assert(vote(VOTES_MIN, 1, a));
	cr_assert(endpoint_same_address(&winner, &a));
}

Test(votes, one_subnet_has_one_vote)
{
	const struct endpoint a = endpoint_from_address(bytes_of(us, 4), 7);
	for (unsigned i = 0; i < 200; i++)
		cr_assert_not(vote(1, (uint8_t)i, a));
	cr_assert_eq(votes.count, 1);
}

Test(votes, two_thirds_must_agree)
{
	const struct endpoint a = endpoint_from_address(bytes_of(us, 4), 7);
	bool won = false;
	for (unsigned i = 0; i < 60; i++)
		won = won || vote(i, 1, i % 2 ? a : endpoint_v4(9, 9, 9, (uint8_t)i, 7));
	cr_assert_not(won);
}

Test(votes, local_networks_neither_vote_nor_win)
{
	const struct endpoint lan = endpoint_v4(192, 168, 1, 5, 1), a = endpoint_v4(8, 8, 8, 8, 1);
	for (unsigned i = 0; i < 50; i++) {
		cr_assert_not(vote(i, 1, lan));
		const struct endpoint e = endpoint_v4(10, 0, (uint8_t)i, 1, 1);
		cr_assert_not(votes_add(&votes, &e, &a, &winner));
	}
	cr_assert_eq(votes.count, 0);
}

Test(votes, the_ring_is_bounded_and_follows_a_change)
{
	const struct endpoint a = endpoint_v4(8, 8, 8, 8, 1), b = endpoint_v4(8, 8, 9, 9, 1);
	for (unsigned i = 0; i < 100; i++)
		vote(i, 1, a);
	cr_assert_eq(votes.count, VOTES_MAX);
	bool won = false;
	for (unsigned i = 100; i < 100 + VOTES_MAX; i++)
		won = vote(i, 1, b);
	cr_assert(won);
	cr_assert(endpoint_same_address(&winner, &b));
	votes_clear(&votes);
	cr_assert_not(vote(1, 1, a));
}

Test(votes, families_do_not_mix)
{
	struct endpoint six;
	cr_assert(endpoint_parse("[2a01::1]:1", 0, &six));
	cr_assert_not(vote(1, 1, six));
	cr_assert_eq(votes.count, 0);
}
