/* The policy of one search, without a network. */
#include "dht/lookup.h"

#include "dht/id.h"

#include <criterion/criterion.h>

static struct lookup lookup;
static const uint8_t target[DHT_ID_SIZE] = { 0 };

static void begin(bool store, bool classic, uint64_t network)
{
	const struct lookup_policy policy = lookup_policy_default(store, classic);
	lookup_init(&lookup, &policy, ENDPOINT_V4, target, network);
}

static void teardown(void)
{
	lookup_deinit(&lookup);
}

TestSuite(lookup, .fini = teardown);

static const uint8_t *id_of(unsigned number)
{
	static uint8_t id[DHT_ID_SIZE];
	memset(id, 0, sizeof(id));
	id[0] = (uint8_t)(number >> 8);
	id[1] = (uint8_t)number;
	return id;
}

static struct endpoint at(unsigned number)
{
	return endpoint_v4(20, (uint8_t)(number >> 8), (uint8_t)number, 1, 6881);
}

static bool add(unsigned number, uint32_t named_by, uint16_t srtt)
{
	const struct endpoint e = at(number);
	return lookup_add(&lookup, id_of(number), &e, named_by, srtt, 5);
}

static int next(void)
{
	struct lookup_candidate *c = lookup_next(&lookup);
	if (c == NULL)
		return -1;
	const int number = c->id[0] << 8 | c->id[1];
	lookup_on_sent(&lookup, c);
	return number;
}

static struct lookup_candidate *reply(unsigned number)
{
	const struct endpoint e = at(number);
	return lookup_on_reply(&lookup, id_of(number), &e);
}

static bool stall(unsigned number)
{
	const struct endpoint e = at(number);
	return lookup_on_stall(&lookup, id_of(number), &e);
}

Test(lookup, starts_with_the_four_quickest_of_the_eight_nearest)
{
	begin(false, false, 0);
	static const uint16_t srtt[10] = { 500, 90, 400, 80, 300, 70, 200, 60, 5, 5 };
	for (unsigned i = 0; i < 10; i++)
		add(i + 1, 0, srtt[i]);
	cr_assert_eq(next(), 8);
	cr_assert_eq(next(), 6);
	cr_assert_eq(next(), 4);
	cr_assert_eq(next(), 2);
	cr_assert_eq(next(), -1);
}

Test(lookup, then_homes_in_with_alpha)
{
	begin(false, false, 0);
	for (unsigned i = 1; i <= 30; i++)
		add(i, 0, 100);
	for (int i = 0; i < 4; i++)
		cr_assert_geq(next(), 0);
	reply(1);
	unsigned more = 0;
	while (next() >= 0)
		more++;
	cr_assert_eq(lookup.in_flight, lookup.policy.alpha);
	cr_assert_eq(more, 3u);
}

Test(lookup, terminal_candidates_do_not_wait_for_a_slot)
{
	begin(true, false, 1000); /* ids up to 24/1000 of the space are terminal */
	for (unsigned i = 1; i <= 30; i++)
		add(i, 0, 100);
	for (int i = 0; i < 4; i++)
		next();
	reply(1);
	while (next() >= 0)
		;
	cr_assert_eq(lookup.in_flight, 0);
	cr_assert_gt(lookup.terminal_in_flight, lookup.policy.alpha);
	cr_assert_leq(lookup.terminal_in_flight, LOOKUP_TERMINAL_MAX);
}

Test(lookup, a_stall_frees_its_slot_and_a_late_answer_counts)
{
	begin(false, false, 0);
	for (unsigned i = 1; i <= 8; i++)
		add(i, 7, 0);
	while (next() >= 0)
		;
	const uint32_t before = lookup.queries;
	for (unsigned i = 1; i <= 4; i++)
		stall(i);
	cr_assert_eq(lookup.in_flight, 0);
	cr_assert_geq(next(), 0);
	cr_assert_gt(lookup.queries, before);
	cr_assert_not_null(reply(1));
	cr_assert_eq(lookup.replied, 1);
	cr_assert_null(reply(1), "once");
}

Test(lookup, ends_when_the_nearest_have_answered)
{
	begin(false, false, 0);
	for (unsigned i = 1; i <= 20; i++)
		add(i, i, 100);
	unsigned answered = 0;
	for (int n; !lookup_is_finished(&lookup);) {
		n = next();
		if (n >= 0 && ++answered)
			reply((unsigned)n);
		cr_assert_leq(answered, 20);
	}
	cr_assert_leq(answered, 12);
	for (unsigned i = 0; i < 8; i++)
		cr_assert_eq(lookup_replier(&lookup, i)->id[1], i + 1);
	cr_assert_eq(next(), -1);
}

Test(lookup, one_dead_near_node_holds_nothing_up)
{
	begin(false, false, 0);
	for (unsigned i = 1; i <= 12; i++)
		add(i, i, 100);
	bool finished = false;
	for (int n; (n = next()) >= 0 || !finished;) {
		if (n == 1)
			stall(1); /* the nearest never answers */
		else if (n >= 0)
			reply((unsigned)n);
		finished = lookup_is_finished(&lookup);
		if (finished)
			break;
	}
	cr_assert(finished);
	/* It answers after all: it is the nearest again. */
	cr_assert_not_null(reply(1));
	cr_assert_eq(lookup_replier(&lookup, 0)->id[1], 1);
}

Test(lookup, everybody_dead_ends_it)
{
	begin(true, false, 0);
	for (unsigned i = 1; i <= 40; i++)
		add(i, i, 0);
	unsigned asked = 0;
	for (int n; (n = next()) >= 0; asked++)
		stall((unsigned)n);
	cr_assert_eq(asked, 40);
	cr_assert(lookup_is_finished(&lookup));
}

Test(lookup, nobody_known_ends_it)
{
	begin(false, false, 0);
	cr_assert_eq(next(), -1);
	cr_assert(lookup_is_finished(&lookup));
}

Test(lookup, one_candidate_per_subnet_address_and_id)
{
	begin(false, false, 0);
	struct endpoint e = endpoint_v4(30, 1, 1, 1, 100);
	cr_assert(lookup_add(&lookup, id_of(9), &e, 1, 0, 0));
	cr_assert_not(lookup_add(&lookup, id_of(9), &e, 2, 0, 0), "known");
	e = endpoint_v4(30, 1, 1, 2, 100);
	cr_assert_not(lookup_add(&lookup, id_of(10), &e, 1, 0, 0), "same subnet, farther");
	cr_assert(lookup_add(&lookup, id_of(8), &e, 1, 0, 0), "same subnet, nearer");
	cr_assert_eq(lookup.count, 1);
	for (unsigned i = 0; i < 20; i++) {
		e = endpoint_v4(127, 0, 0, 1, (uint16_t)(1000 + i));
		cr_assert(lookup_add(&lookup, id_of(100 + i), &e, 1, 0, 0), "loopback");
	}
	e = endpoint_v4(0, 0, 0, 0, 5);
	cr_assert_not(lookup_add(&lookup, id_of(500), &e, 1, 0, 0));
	cr_assert(endpoint_parse("[2a01::1]:5", 0, &e));
	cr_assert_not(lookup_add(&lookup, id_of(501), &e, 1, 0, 0), "other family");
}

Test(lookup, candidates_are_bounded_and_the_farthest_goes)
{
	begin(false, false, 0);
	for (unsigned i = 1000; i > 0; i--)
		add(i, i, 0);
	cr_assert_eq(lookup.count, LOOKUP_CANDIDATES_MAX);
	cr_assert_eq(lookup.candidates[0].id[1], 1);
	for (uint32_t i = 1; i < lookup.count; i++)
		cr_assert_lt(lookup.candidates[i - 1].near, lookup.candidates[i].near);
	cr_assert_not(add(2000, 1, 0), "farther than all");
}

Test(lookup, queries_are_bounded)
{
	begin(false, false, 0);
	unsigned number = 60000, asked = 0;
	add(number, 1, 0);
	/* Each names one that is nearer still, for ever. */
	for (int n; (n = next()) >= 0 && asked < 1000; asked++) {
		reply((unsigned)n);
		add(--number, asked + 2, 0);
	}
	cr_assert_leq(asked, LOOKUP_QUERIES_MAX);
	cr_assert(lookup_is_finished(&lookup));
}

Test(lookup, one_source_does_not_fill_the_slots)
{
	begin(false, false, 0);
	for (unsigned i = 50; i < 54; i++)
		add(i, 0, 100);
	for (int i = 0; i < 4; i++)
		next();
	reply(50);
	for (unsigned i = 1; i <= 8; i++)
		add(i, 77, 0); /* all named by one node */
	unsigned on_its_word = 0;
	for (int n; (n = next()) >= 0;)
		on_its_word += n <= 8;
	cr_assert_leq(on_its_word, 3);
	reply(51);
	reply(52);
	reply(53);
	cr_assert_geq(lookup.in_flight, 1);
}

Test(lookup, a_lost_packet_to_a_terminal_candidate_is_sent_again_once)
{
	begin(false, false, 1000);
	add(1, 5, 0);
	add(1, 6, 0); /* two vouch for it */
	cr_assert_eq(next(), 1);
	cr_assert(stall(1));
	struct endpoint e = at(1);
	lookup_on_resent(&lookup, lookup_find(&lookup, id_of(1), &e));
	cr_assert_not(stall(1));
	cr_assert_eq(lookup.terminal_in_flight, 0, "nothing waits for it");
	cr_assert_not_null(reply(1));
	add(2, 5, 0);
	cr_assert_eq(next(), 2);
	cr_assert_not(stall(2), "one source only");
}

Test(lookup, dense_place_is_suspect_and_stored_at_widely)
{
	begin(true, false, 1000);
	for (unsigned i = 1; i <= 30; i++)
		add(i, i, 0); /* 30 nodes where 1000 nodes leave room for half of one */
	for (int n; (n = next()) >= 0;)
		reply((unsigned)n);
	cr_assert_not(lookup_is_finished(&lookup), "ten answered, and it goes on");
	for (int n; (n = next()) >= 0;)
		reply((unsigned)n);
	cr_assert(lookup_is_finished(&lookup));
	cr_assert_gt(lookup_store_count(&lookup), 8);
	cr_assert_leq(lookup_store_count(&lookup), LOOKUP_STORE_MAX);
}

Test(lookup, normal_density_stores_at_eight)
{
	begin(true, false, 256);
	for (unsigned i = 1; i <= 30; i++)
		add(i * 256, i, 0);
	for (int n; (n = next()) >= 0;)
		reply((unsigned)n);
	cr_assert(lookup_is_finished(&lookup));
	cr_assert_eq(lookup_store_count(&lookup), 8);
	const uint64_t estimate = lookup_estimate(&lookup);
	cr_assert(estimate > 150 && estimate < 400, "%llu", (unsigned long long)estimate);
}

Test(lookup, classic_counts_a_stall_as_dead)
{
	begin(false, true, 1000);
	for (unsigned i = 1; i <= 20; i++)
		add(i, i, 0);
	cr_assert_eq(next(), 1);
	cr_assert_eq(next(), 2);
	cr_assert_eq(next(), 3);
	cr_assert_eq(next(), -1);
	cr_assert_not(stall(1));
	cr_assert_null(reply(1), "too late");
	cr_assert_eq(next(), 4);
}

Test(lookup, an_unknown_node_changes_nothing)
{
	begin(false, false, 0);
	add(1, 1, 0);
	cr_assert_null(reply(5));
	cr_assert_not(stall(5));
	const struct endpoint e = at(5);
	lookup_on_fail(&lookup, id_of(5), &e);
	cr_assert_eq(lookup.replied, 0);
}
