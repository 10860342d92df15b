/* tests/unit/candidates_test.c: peer/discover/candidates.c: whom to dial when. */
#include "peer/discover/candidates.h"

#include "peer/discover/avoid.h"
#include "peer/discover/priority.h"

#include <criterion/criterion.h>

static const usec start = 5 * USEC_PER_MIN;
static struct rng rng;
static struct candidates *c;

static void setup(void)
{
	rng_init_number(&rng, 11, 0);
	c = candidates_new(&rng);
}

static void teardown(void)
{
	candidates_free(c);
}

TestSuite(candidates, .init = setup, .fini = teardown);

/* A different /24 for each i. */
static struct endpoint nth(uint32_t i)
{
	return endpoint_v4((uint8_t)(20 + i / 65536), (uint8_t)(i / 256), (uint8_t)i, 1, 6881);
}

static uint32_t add(uint32_t i, enum peer_source source)
{
	const struct endpoint e = nth(i);
	return candidates_add(c, &e, source, false, start);
}

static uint32_t add_text(const char *text, enum peer_source source)
{
	struct endpoint e;
	cr_assert(endpoint_parse(text, 0, &e));
	return candidates_add(c, &e, source, false, start);
}

Test(candidates, an_empty_list_has_nobody)
{
	cr_assert_eq(candidates_next(c, true, start), CANDIDATE_NONE);
	cr_assert_eq(candidates_deadline(c, true), USEC_NEVER);
	cr_assert_eq(candidates_count(c), 0);
	candidates_free(NULL);
}

Test(candidates, one_is_dialed_once)
{
	const uint32_t i = add(1, SOURCE_DHT);
	const struct endpoint e = nth(1);

	cr_assert_neq(i, CANDIDATE_NONE);
	cr_assert_eq(add(1, SOURCE_DHT), i, "the same index again");
	cr_assert_eq(candidates_count(c), 1);
	cr_assert_eq(candidates_deadline(c, true), 0);
	cr_assert_eq(candidates_next(c, true, start), i);
	cr_assert(endpoint_equal(candidates_endpoint(c, i), &e));
	cr_assert_eq(candidates_source(c, i), SOURCE_DHT);
	cr_assert(candidates_is_busy(c, i));
	cr_assert_eq(candidates_next(c, true, start), CANDIDATE_NONE);
	cr_assert_eq(candidates_idle_count(c), 0);
	add(1, SOURCE_TRACKER);
	cr_assert_eq(candidates_next(c, true, start), CANDIDATE_NONE, "still being dialed");
	candidates_on_connected(c, i, start);
	candidates_on_connected(c, i, start);
	cr_assert(candidates_is_busy(c, i));
	candidates_on_closed(c, i, true, start);
	cr_assert_not(candidates_is_busy(c, i));
	cr_assert_eq(candidates_idle_count(c), 1);
}

Test(candidates, trusted_sources_and_fewer_failures_first)
{
	static const enum peer_source order[] = { SOURCE_USER,   SOURCE_MAGNET,   SOURCE_LSD,
		                                  SOURCE_RESUME, SOURCE_TRACKER,  SOURCE_DHT,
		                                  SOURCE_PEX };
	uint32_t at[7];

	for (uint32_t i = 0; i < 7; i++)
		at[6 - i] = add(6 - i, order[6 - i]);
	for (uint32_t i = 0; i < 7; i++)
		cr_assert_eq(candidates_next(c, true, start), at[i], "place %u", i);
	/* A failed user's address comes after a fresh one from PEX. */
	candidates_on_failed(c, at[0], start);
	const uint32_t pex = add(100, SOURCE_PEX);
	cr_assert_eq(candidates_next(c, true, start + USEC_PER_MIN), pex);
	cr_assert_eq(candidates_next(c, true, start + USEC_PER_MIN), at[0]);
}

Test(candidates, a_better_source_lifts_it)
{
	const uint32_t a = add(1, SOURCE_PEX);
	const uint32_t b = add(2, SOURCE_DHT);

	cr_assert_eq(add(1, SOURCE_TRACKER), a);
	cr_assert_eq(candidates_source(c, a), SOURCE_TRACKER);
	cr_assert_eq(add(2, SOURCE_PEX), b);
	cr_assert_eq(candidates_source(c, b), SOURCE_DHT, "never a worse one");
	cr_assert_eq(candidates_next(c, true, start), a);
}

Test(candidates, equals_come_in_random_order)
{
	uint32_t first_half = 0;

	for (uint32_t i = 0; i < 200; i++)
		add(i, SOURCE_DHT);
	for (uint32_t i = 0; i < 100; i++) {
		const uint32_t index = candidates_next(c, true, start);
		first_half += candidates_endpoint(c, index)->address[2] < 100;
	}
	cr_assert(first_half > 30 && first_half < 70, "%u", first_half);
}

Test(candidates, canonical_priority_decides_where_we_know_ourselves)
{
	const struct endpoint own = endpoint_v4(123, 213, 32, 10, 6881);
	uint32_t last = UINT32_MAX;

	candidates_set_own(c, &own);
	for (uint32_t i = 0; i < 100; i++)
		add(i, SOURCE_DHT);
	for (uint32_t i = 0; i < 100; i++) {
		const uint32_t index = candidates_next(c, true, start);
		const uint32_t priority = peer_priority(&own, candidates_endpoint(c, index));
		cr_assert_leq(priority, last);
		last = priority;
	}
	/* Of the other family nothing is known. */
	cr_assert_neq(add_text("[2a00::1]:6881", SOURCE_DHT), CANDIDATE_NONE);
	cr_assert_neq(candidates_next(c, true, start), CANDIDATE_NONE);
}

Test(candidates, unusable_addresses_are_refused)
{
	cr_assert_eq(add_text("0.0.0.0:6881", SOURCE_USER), CANDIDATE_NONE);
	cr_assert_eq(add_text("224.0.0.1:6881", SOURCE_DHT), CANDIDATE_NONE);
	cr_assert_eq(add_text("[ff02::1]:6881", SOURCE_LSD), CANDIDATE_NONE);
	const struct endpoint no_port = endpoint_v4(9, 9, 9, 9, 0);
	const struct endpoint none = { .family = ENDPOINT_NONE };
	cr_assert_eq(candidates_add(c, &no_port, SOURCE_USER, false, start), CANDIDATE_NONE);
	cr_assert_eq(candidates_add(c, &none, SOURCE_USER, false, start), CANDIDATE_NONE);
	cr_assert_eq(candidates_on_incoming(c, &none, start), CANDIDATE_NONE);
	cr_assert_eq(candidates_count(c), 0);
}

Test(candidates, privileged_ports_only_on_a_better_word)
{
	cr_assert_eq(add_text("9.9.9.9:80", SOURCE_DHT), CANDIDATE_NONE);
	cr_assert_eq(add_text("9.9.9.9:1023", SOURCE_PEX), CANDIDATE_NONE);
	cr_assert_neq(add_text("9.9.9.9:1024", SOURCE_PEX), CANDIDATE_NONE);
	cr_assert_neq(add_text("10.1.1.1:80", SOURCE_DHT), CANDIDATE_NONE);
	cr_assert_neq(add_text("[fd00::1]:80", SOURCE_PEX), CANDIDATE_NONE);
	cr_assert_neq(add_text("9.9.9.9:80", SOURCE_USER), CANDIDATE_NONE);
	cr_assert_neq(add_text("9.9.9.9:443", SOURCE_TRACKER), CANDIDATE_NONE);
}

Test(candidates, backoff_doubles_to_half_an_hour)
{
	const uint32_t i = add(1, SOURCE_USER);
	usec now = start;
	usec wait = CANDIDATE_BACKOFF_MIN;

	for (int failure = 0; failure < 300; failure++) {
		cr_assert_eq(candidates_next(c, true, now), i);
		candidates_on_failed(c, i, now);
		cr_assert_eq(candidates_next(c, true, now), CANDIDATE_NONE);
		const usec when = candidates_deadline(c, true);
		cr_assert_geq(when - now, wait - wait / 4);
		cr_assert_lt(when - now, wait + wait / 4);
		cr_assert_eq(candidates_next(c, true, when - 1), CANDIDATE_NONE);
		now = when;
		wait = usec_min(2 * wait, CANDIDATE_BACKOFF_MAX);
	}
	/* Having worked, it starts anew. */
	cr_assert_eq(candidates_next(c, true, now), i);
	candidates_on_connected(c, i, now);
	candidates_on_closed(c, i, true, now);
	cr_assert_lt(candidates_deadline(c, true) - now, 2 * CANDIDATE_BACKOFF_MIN);
}

Test(candidates, jitter_spreads_them)
{
	uint32_t different = 0;
	usec last = 0;

	for (uint32_t i = 0; i < 50; i++) {
		add(i, SOURCE_TRACKER);
		const uint32_t index = candidates_next(c, true, start);
		candidates_on_failed(c, index, start);
	}
	for (uint32_t i = 0; i < 50; i++) {
		const usec when = candidates_deadline(c, true);
		different += when != last;
		last = when;
		cr_assert_neq(candidates_next(c, true, when), CANDIDATE_NONE);
	}
	cr_assert_geq(different, 45);
}

static usec fail_until_forgotten(uint32_t index)
{
	usec now = start;

	for (int failure = 0; failure < CANDIDATE_FAILURES_MAX; failure++) {
		now = usec_max(now, candidates_deadline(c, true));
		cr_assert_eq(candidates_next(c, true, now), index);
		candidates_on_failed(c, index, now);
	}
	return now;
}

Test(candidates, a_stranger_that_never_answers_is_forgotten)
{
	const struct endpoint e = nth(1);
	const uint32_t i = add(1, SOURCE_DHT);
	const usec now = fail_until_forgotten(i);

	cr_assert_eq(candidates_count(c), 0);
	cr_assert_eq(candidates_deadline(c, true), USEC_NEVER);
	/* Named again at once it rests; half an hour later it gets one try. */
	candidates_add(c, &e, SOURCE_DHT, false, now + USEC_PER_MIN);
	cr_assert_eq(candidates_next(c, true, now + USEC_PER_MIN), CANDIDATE_NONE);
	const usec later = now + CANDIDATE_BACKOFF_MAX;
	const uint32_t again = candidates_add(c, &e, SOURCE_DHT, false, later);
	cr_assert_eq(candidates_count(c), 1);
	cr_assert_eq(candidates_next(c, true, later), again);
	candidates_on_failed(c, again, later);
	cr_assert_eq(candidates_count(c), 0);
	/* The user is believed at once. */
	candidates_add(c, &e, SOURCE_USER, false, later);
	cr_assert_eq(candidates_next(c, true, later), again);
}

Test(candidates, a_connection_of_no_use_counts_as_failure)
{
	const uint32_t i = add(1, SOURCE_DHT);
	usec now = start;

	for (int failure = 0; failure < CANDIDATE_FAILURES_MAX; failure++) {
		now = usec_max(now, candidates_deadline(c, true));
		cr_assert_eq(candidates_next(c, true, now), i);
		candidates_on_connected(c, i, now);
		candidates_on_closed(c, i, false, now);
	}
	cr_assert_eq(candidates_count(c), 0);
}

Test(candidates, one_subnet_gets_three_dials_a_minute)
{
	uint32_t dialed[4] = { 0 };
	usec now = start;

	for (uint32_t i = 0; i < 250; i++) {
		const struct endpoint victim = endpoint_v4(8, 8, 8, (uint8_t)i, (uint16_t)(2000 + i));
		candidates_add(c, &victim, SOURCE_PEX, false, start);
	}
	for (; now < start + 4 * USEC_PER_MIN; now += USEC_PER_SEC / 2) {
		uint32_t index;
		while ((index = candidates_next(c, true, now)) != CANDIDATE_NONE) {
			dialed[(now - start) / USEC_PER_MIN]++;
			candidates_on_failed(c, index, now);
		}
		cr_assert_gt(candidates_deadline(c, true), now);
	}
	for (int minute = 0; minute < 4; minute++)
		cr_assert_eq(dialed[minute], 3, "minute %d: %u", minute, dialed[minute]);
	/* Somebody else does not wait for them. */
	const uint32_t other = add(1, SOURCE_TRACKER);
	cr_assert_eq(candidates_next(c, true, now), other);
}

Test(candidates, the_dial_budget_can_be_shared)
{
	struct dials dials;
	struct candidates *second = candidates_new(&rng);
	uint32_t dialed = 0;

	dials_init(&dials, &rng);
	candidates_share_dials(c, &dials);
	candidates_share_dials(second, &dials);
	for (uint32_t i = 0; i < 10; i++) {
		const struct endpoint e = endpoint_v4(8, 8, 8, (uint8_t)i, 6881);
		candidates_add(i % 2 == 0 ? c : second, &e, SOURCE_DHT, false, start);
	}
	while (candidates_next(c, true, start) != CANDIDATE_NONE ||
	       candidates_next(second, true, start) != CANDIDATE_NONE)
		dialed++;
	cr_assert_eq(dialed, 3);
	candidates_free(second);
	dials_deinit(&dials);
}

Test(candidates, many_peers_behind_one_private_network_are_dialed_at_once)
{
	for (uint32_t i = 0; i < 40; i++) {
		const struct endpoint e = endpoint_v4(10, 0, 0, (uint8_t)i, 6881);
		candidates_add(c, &e, SOURCE_DHT, false, start);
	}
	for (uint32_t i = 0; i < 40; i++)
		cr_assert_neq(candidates_next(c, true, start), CANDIDATE_NONE);
}

Test(candidates, a_seed_is_not_dialed_by_a_seed)
{
	const struct endpoint e = nth(1);
	const uint32_t seed = candidates_add(c, &e, SOURCE_PEX, true, start);

	cr_assert_eq(candidates_next(c, false, start), CANDIDATE_NONE);
	cr_assert_eq(candidates_deadline(c, false), USEC_NEVER);
	cr_assert_eq(candidates_deadline(c, true), 0);
	const uint32_t leecher = add(2, SOURCE_PEX);
	cr_assert_eq(candidates_next(c, false, start), leecher);
	candidates_set_seed(c, seed, false);
	cr_assert_eq(candidates_next(c, false, start), seed);
	candidates_on_connected(c, seed, start);
	candidates_set_seed(c, seed, true);
	candidates_on_closed(c, seed, true, start);
	const usec later = start + USEC_PER_MIN;
	cr_assert_eq(candidates_next(c, false, later), CANDIDATE_NONE);
	cr_assert_eq(candidates_next(c, true, later), seed);
}

Test(candidates, a_seed_that_waits_keeps_waiting)
{
	const uint32_t i = add(1, SOURCE_DHT);

	candidates_on_failed(c, candidates_next(c, true, start), start);
	const usec when = candidates_deadline(c, true);
	candidates_set_seed(c, i, true);
	cr_assert_eq(candidates_deadline(c, true), when);
	cr_assert_eq(candidates_deadline(c, false), USEC_NEVER);
}

Test(candidates, an_incoming_peer_is_dialable_once_it_says_where_it_listens)
{
	const struct endpoint e = endpoint_v4(9, 1, 2, 3, 50123);
	const uint32_t i = candidates_on_incoming(c, &e, start);

	cr_assert_neq(i, CANDIDATE_NONE);
	cr_assert(candidates_is_busy(c, i));
	candidates_on_closed(c, i, true, start);
	cr_assert_eq(candidates_idle_count(c), 0, "its port is no listening port");
	cr_assert_eq(candidates_on_incoming(c, &e, start), i);
	candidates_set_port(c, i, 0, start);
	candidates_set_port(c, i, 6881, start);
	cr_assert_eq(candidates_endpoint(c, i)->port, 6881);
	cr_assert_eq(candidates_idle_count(c), 0);
	candidates_on_closed(c, i, true, start);
	cr_assert_eq(candidates_next(c, true, start + USEC_PER_MIN), i);
	/* What can be dialed is not talked out of it. */
	candidates_set_port(c, i, 7000, start + USEC_PER_MIN);
	cr_assert_eq(candidates_endpoint(c, i)->port, 6881);
}

Test(candidates, the_same_peer_by_two_ways_becomes_one)
{
	const struct endpoint listens = endpoint_v4(9, 1, 2, 3, 6881);
	const struct endpoint calls = endpoint_v4(9, 1, 2, 3, 50123);
	const uint32_t known = candidates_add(c, &listens, SOURCE_MAGNET, true, start);
	const uint32_t incoming = candidates_on_incoming(c, &calls, start);

	cr_assert_neq(known, incoming);
	candidates_set_port(c, incoming, 6881, start);
	cr_assert_eq(candidates_count(c), 1);
	cr_assert_eq(candidates_next(c, true, start), CANDIDATE_NONE, "we are connected to it");
	cr_assert_eq(candidates_source(c, incoming), SOURCE_MAGNET);
	cr_assert_eq(candidates_endpoint(c, known)->family, ENDPOINT_NONE);
	cr_assert_eq(candidates_add(c, &listens, SOURCE_DHT, false, start), incoming);
}

Test(candidates, an_address_in_use_is_not_taken_over)
{
	const struct endpoint listens = endpoint_v4(9, 1, 2, 3, 6881);
	const struct endpoint calls = endpoint_v4(9, 1, 2, 3, 50123);
	const uint32_t known = candidates_add(c, &listens, SOURCE_TRACKER, false, start);

	cr_assert_eq(candidates_next(c, true, start), known);
	const uint32_t incoming = candidates_on_incoming(c, &calls, start);
	candidates_set_port(c, incoming, 6881, start);
	cr_assert(endpoint_equal(candidates_endpoint(c, known), &listens));
	cr_assert(endpoint_equal(candidates_endpoint(c, incoming), &calls));
}

Test(candidates, ourselves_are_never_dialed)
{
	const struct endpoint self = nth(1);
	const uint32_t i = add(1, SOURCE_DHT);

	cr_assert_eq(candidates_next(c, true, start), i);
	candidates_set_self(c, &self);
	candidates_set_self(c, &self);
	candidates_on_failed(c, i, start);
	cr_assert_eq(candidates_add(c, &self, SOURCE_USER, false, start), CANDIDATE_NONE);
	cr_assert_eq(candidates_next(c, true, start + USEC_PER_MIN), CANDIDATE_NONE);
	cr_assert_not(candidates_is_banned(c, &self));
	/* Another peer behind our address is somebody else. */
	struct endpoint neighbour = self;
	neighbour.port++;
	cr_assert_neq(candidates_add(c, &neighbour, SOURCE_DHT, false, start), CANDIDATE_NONE);
}

Test(candidates, a_global_liar_is_banned_with_all_its_ports)
{
	struct endpoint e = nth(1), other = nth(1);
	other.port = 7000;
	const uint32_t i = candidates_add(c, &e, SOURCE_DHT, false, start);
	candidates_add(c, &other, SOURCE_DHT, false, start);

	cr_assert_not(candidates_is_banned(c, &e));
	candidates_ban(c, i);
	cr_assert(candidates_is_banned(c, &e));
	cr_assert(candidates_is_banned(c, &other));
	cr_assert_eq(candidates_next(c, true, start), CANDIDATE_NONE);
	cr_assert_eq(candidates_count(c), 0);
	cr_assert_eq(candidates_add(c, &other, SOURCE_USER, false, start), CANDIDATE_NONE);
	e.port = 50000;
	cr_assert_eq(candidates_on_incoming(c, &e, start), CANDIDATE_NONE);
	cr_assert(endpoint_same_address(candidates_endpoint(c, i), &e), "its name stays");
}

Test(candidates, a_private_liar_is_banned_with_its_port_alone)
{
	const struct endpoint liar = endpoint_v4(10, 0, 0, 1, 6881);
	const struct endpoint honest = endpoint_v4(10, 0, 0, 1, 6882);
	const uint32_t i = candidates_add(c, &liar, SOURCE_DHT, false, start);

	candidates_ban(c, i);
	cr_assert(candidates_is_banned(c, &liar));
	cr_assert_not(candidates_is_banned(c, &honest));
	cr_assert_neq(candidates_add(c, &honest, SOURCE_DHT, false, start), CANDIDATE_NONE);
}

Test(candidates, a_banned_connection_does_not_come_back)
{
	const uint32_t i = add(1, SOURCE_DHT);

	candidates_on_connected(c, candidates_next(c, true, start), start);
	candidates_ban(c, i);
	candidates_on_closed(c, i, true, start);
	cr_assert_eq(candidates_next(c, true, start + USEC_PER_MIN), CANDIDATE_NONE);
	candidates_ban(c, CANDIDATE_NONE);
}

Test(candidates, bans_are_bounded)
{
	for (uint32_t i = 0; i < AVOID_MAX + 1; i++)
		candidates_ban(c, add(i, SOURCE_TRACKER));
	const struct endpoint first = nth(0), second = nth(1), last = nth(AVOID_MAX);
	cr_assert_not(candidates_is_banned(c, &first));
	cr_assert(candidates_is_banned(c, &second));
	cr_assert(candidates_is_banned(c, &last));
}

Test(candidates, strangers_fill_no_more_than_their_part)
{
	uint32_t dht = 0, pex = 0;

	for (uint32_t i = 0; i < 3000; i++)
		dht += add(i, SOURCE_DHT) != CANDIDATE_NONE;
	cr_assert_eq(dht, CANDIDATES_PER_SOURCE_MAX);
	for (uint32_t i = 3000; i < 6000; i++)
		pex += add(i, SOURCE_PEX) != CANDIDATE_NONE;
	cr_assert_eq(pex, CANDIDATES_PER_SOURCE_MAX);
	cr_assert_eq(candidates_count(c), CANDIDATES_MAX);
	/* Full: who is trusted more finds room, in whatever number. */
	for (uint32_t i = 6000; i < 6100; i++)
		cr_assert_neq(add(i, SOURCE_USER), CANDIDATE_NONE);
	const struct endpoint caller = endpoint_v4(9, 1, 2, 3, 50123);
	cr_assert_neq(candidates_on_incoming(c, &caller, start), CANDIDATE_NONE);
	cr_assert_eq(candidates_count(c), CANDIDATES_MAX);
}

Test(candidates, a_list_full_of_the_users_own_takes_nobody)
{
	for (uint32_t i = 0; i < CANDIDATES_MAX; i++)
		cr_assert_neq(add(i, SOURCE_USER), CANDIDATE_NONE);
	cr_assert_eq(add(CANDIDATES_MAX, SOURCE_USER), CANDIDATE_NONE);
	cr_assert_eq(add(CANDIDATES_MAX, SOURCE_TRACKER), CANDIDATE_NONE);
	cr_assert_eq(candidates_count(c), CANDIDATES_MAX);
}

Test(candidates, fresh_addresses_push_out_failed_ones_of_their_source)
{
	uint32_t taken = 0;

	for (uint32_t i = 0; i < CANDIDATES_PER_SOURCE_MAX; i++)
		add(i, SOURCE_PEX);
	for (uint32_t i = 0; i < CANDIDATES_PER_SOURCE_MAX / 2; i++)
		candidates_on_failed(c, candidates_next(c, true, start), start);
	for (uint32_t i = 0; i < 200; i++)
		taken += add(5000 + i, SOURCE_PEX) != CANDIDATE_NONE;
	cr_assert_geq(taken, 190);
	cr_assert_eq(candidates_count(c), CANDIDATES_PER_SOURCE_MAX);
}

Test(candidates, an_index_never_means_somebody_else)
{
	static uint32_t old[CANDIDATES_MAX];

	for (uint32_t i = 0; i < CANDIDATES_MAX; i++)
		old[i] = add(i, i < 1000 ? SOURCE_DHT : SOURCE_PEX);
	for (uint32_t i = 0; i < 500; i++)
		cr_assert_neq(add(10000 + i, SOURCE_TRACKER), CANDIDATE_NONE);
	uint32_t gone = 0;
	for (uint32_t i = 0; i < CANDIDATES_MAX; i++) {
		const struct endpoint e = nth(i);
		const struct endpoint *now = candidates_endpoint(c, old[i]);
		gone += now->family == ENDPOINT_NONE;
		cr_assert(now->family == ENDPOINT_NONE || endpoint_equal(now, &e));
		if (now->family == ENDPOINT_NONE) {
			/* Late news about somebody gone harms nobody. */
			candidates_on_connected(c, old[i], start);
			candidates_on_failed(c, old[i], start);
			candidates_on_closed(c, old[i], true, start);
			candidates_set_seed(c, old[i], true);
			candidates_set_port(c, old[i], 7777, start);
			candidates_ban(c, old[i]);
			cr_assert_not(candidates_is_banned(c, &e));
			cr_assert_not(candidates_is_busy(c, old[i]));
			cr_assert_eq(candidates_source(c, old[i]), SOURCE_INCOMING);
		}
	}
	cr_assert_eq(gone, 500);
	cr_assert_eq(candidates_count(c), CANDIDATES_MAX);
}

Test(candidates, who_is_busy_stays)
{
	uint32_t busy[100];

	for (uint32_t i = 0; i < 1000; i++)
		add(i, SOURCE_DHT);
	for (uint32_t i = 0; i < 100; i++)
		busy[i] = candidates_next(c, true, start);
	for (uint32_t i = 1000; i < 4000; i++)
		add(i, SOURCE_TRACKER);
	for (uint32_t i = 0; i < 100; i++)
		cr_assert(candidates_is_busy(c, busy[i]));
	cr_assert_eq(candidates_count(c), CANDIDATES_MAX);
}

Test(candidates, the_same_seed_dials_in_the_same_order)
{
	struct rng other_rng;
	rng_init_number(&other_rng, 11, 0);
	struct candidates *other = candidates_new(&other_rng);

	for (uint32_t i = 0; i < 3000; i++) {
		const struct endpoint e = nth(i * 7 % 3000);
		candidates_add(other, &e, i % 3 == 0 ? SOURCE_PEX : SOURCE_DHT, false, start);
		candidates_add(c, &e, i % 3 == 0 ? SOURCE_PEX : SOURCE_DHT, false, start);
	}
	for (uint32_t i = 0; i < 500; i++) {
		const uint32_t index = candidates_next(c, true, start);
		cr_assert_eq(index, candidates_next(other, true, start));
	}
	candidates_free(other);
}
