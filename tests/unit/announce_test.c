/* tests/unit/announce_test.c: tiers and times (BEP 3, 7, 12, 31). */
#include <stdio.h>

#include "tests/unit/announce_turns.h"

TestSuite(announce, .init = init, .fini = fini);

Test(announce, started_then_every_interval)
{
	int i;

	add("http://a/announce", 0);
	quiet();
	announce_start(a, false, now);
	answer_good("http://a/announce", TRACKER_EVENT_STARTED);
	for (i = 0; i < 3; i++) {
		usec at = announce_deadline(a);

		quiet();
		cr_assert(at >= now + 1800 * USEC_PER_SEC &&
			  at <= now + 1890 * USEC_PER_SEC);
		now = at - 1;
		quiet();
		now = at;
		answer_good("http://a/announce", TRACKER_EVENT_NONE);
	}
	cr_assert_eq(status_of("http://a/announce").state, ANNOUNCE_WORKING);
	cr_assert_eq(status_of("http://a/announce").complete, 5);
}

Test(announce, nothing_without_trackers_until_one_is_added)
{
	announce_start(a, false, now);
	quiet();
	cr_assert_eq(announce_deadline(a), USEC_NEVER);
	add("udp://late:1", 3);
	answer_good("udp://late:1", TRACKER_EVENT_STARTED);
}

Test(announce, refused_urls)
{
	const char *reason = NULL;
	char url[64];
	int i;

	add("http://a/", 0);
	cr_assert_not(announce_add(a, "http://a/", 1, &reason));
	cr_assert_str_eq(reason, "tracker known already");
	cr_assert_not(announce_add(a, "ftp://a/", 1, &reason));
	for (i = 1; i < ANNOUNCE_TRACKERS_MAX; i++) {
		snprintf(url, sizeof(url), "http://t%d/", i);
		add(url, (uint32_t)i % 7);
	}
	cr_assert_not(announce_add(a, "http://one-more/", 1, &reason));
	cr_assert_str_eq(reason, "too many trackers");
	cr_assert_eq(announce_count(a), ANNOUNCE_TRACKERS_MAX);
}

Test(announce, tiers_are_sorted_whatever_the_order_of_adding)
{
	struct announce_status s;
	uint32_t i;

	add("http://c/", 2);
	add("http://a/", 0);
	add("http://d/", 2);
	add("http://b/", 1);
	for (i = 0; i < 4; i++) {
		static const uint32_t want[] = {0, 1, 2, 2};

		announce_status(a, i, &s);
		cr_assert_eq(s.tier, want[i]);
		cr_assert_eq(s.state, ANNOUNCE_WAITING);
	}
}

/* BEP 12: shuffled; each of three is the first in about a third of the torrents. */
Test(announce, a_tier_is_shuffled)
{
	static const char *const urls[] = {"http://a/", "http://b/", "http://c/"};
	uint32_t counts[3] = {0}, i, k;
	struct announce_status s;

	for (i = 0; i < 3000; i++) {
		announce_free(a);
		a = announce_new(&rng);
		for (k = 0; k < 3; k++)
			add(urls[k], 0);
		announce_status(a, 0, &s);
		counts[s.url[7] - 'a']++;
	}
	for (k = 0; k < 3; k++)
		cr_assert(counts[k] > 900 && counts[k] < 1100, "%u", counts[k]);
}

Test(announce, a_dead_tier_before_a_live_one)
{
	add("http://dead/", 0);
	add("http://live/", 1);
	announce_start(a, false, now);
	answer_bad("http://dead/");
	answer_good("http://live/", TRACKER_EVENT_STARTED); /* at once */
	quiet();
	cr_assert_eq(status_of("http://dead/").state, ANNOUNCE_FAILING);
	cr_assert_str_eq(status_of("http://dead/").text, "timed out");
	/* its back-off over, it is tried first again, but only when it is time */
	now = announce_deadline(a);
	answer_bad("http://dead/");
	answer_good("http://live/", TRACKER_EVENT_NONE);
	quiet();
}

Test(announce, back_off_doubles_to_half_an_hour)
{
	usec span, want = ANNOUNCE_BACKOFF_MIN;
	int i;

	add("http://dead/", 0);
	announce_start(a, false, now);
	for (i = 0; i < 20; i++) {
		answer_bad("http://dead/");
		quiet();
		span = announce_deadline(a) - now;
		cr_assert(span >= want * 3 / 4 && span <= want, "%d: %lu", i,
			  (unsigned long)span);
		want = usec_min(want * 2, ANNOUNCE_BACKOFF_MAX);
		now += span;
	}
	cr_assert_eq(status_of("http://dead/").failures, 20);
	answer_good("http://dead/", TRACKER_EVENT_STARTED); /* and all is forgotten */
	cr_assert_eq(status_of("http://dead/").failures, 0);
	cr_assert_str_eq(status_of("http://dead/").text, "");
}

Test(announce, who_answers_moves_to_the_front_of_its_tier)
{
	static const char *const urls[] = {"http://a/", "http://b/", "http://c/"};
	struct announce_status s;
	char first[16], second[16], third[16];
	uint32_t k;

	for (k = 0; k < 3; k++)
		add(urls[k], 1);
	add("http://z/", 0);
	announce_start(a, false, now);
	answer_bad("http://z/");
	announce_status(a, 1, &s);
	strcpy(first, s.url);
	announce_status(a, 2, &s);
	strcpy(second, s.url);
	announce_status(a, 3, &s);
	strcpy(third, s.url);
	answer_bad(first);
	answer_good(second, TRACKER_EVENT_STARTED);
	announce_status(a, 0, &s);
	cr_assert_str_eq(s.url, "http://z/");
	announce_status(a, 1, &s);
	cr_assert_str_eq(s.url, second);
	announce_status(a, 2, &s);
	cr_assert_str_eq(s.url, first);
	announce_status(a, 3, &s);
	cr_assert_str_eq(s.url, third);
}

/* One that does not answer holds the next up for a while, not for ever; its
 * late answer still counts. */
Test(announce, patience)
{
	struct tracker_response r = good(1800, 0);
	uint64_t slow;

	add("http://slow/", 0);
	add("http://fast/", 1);
	announce_start(a, false, now);
	slow = expect("http://slow/", TRACKER_EVENT_STARTED);
	quiet();
	cr_assert_eq(announce_deadline(a), now + ANNOUNCE_PATIENCE);
	now += ANNOUNCE_PATIENCE;
	expect("http://fast/", TRACKER_EVENT_STARTED);
	quiet();
	now += 3 * USEC_PER_SEC;
	announce_on_response(a, slow, &r, now);
	cr_assert_eq(status_of("http://slow/").state, ANNOUNCE_ASKING); /* IPv6 is open */
	cr_assert_eq(announce_pending(a), 3);
	quiet();
	cr_assert_geq(announce_deadline(a), now + 1800 * USEC_PER_SEC);
}

Test(announce, waits_for_answers_when_nobody_else_is_left)
{
	uint64_t first;

	add("http://slow/", 0);
	announce_start(a, false, now);
	first = expect("http://slow/", TRACKER_EVENT_STARTED);
	now += 100 * USEC_PER_SEC;
	quiet();
	cr_assert_eq(announce_deadline(a), USEC_NEVER);
	announce_on_failure(a, first, "timed out", now);
	quiet();
	announce_on_failure(a, order.id, "timed out", now);
	cr_assert_eq(status_of("http://slow/").failures, 1);
	quiet();
	cr_assert_leq(announce_deadline(a), now + ANNOUNCE_BACKOFF_MIN);
}

/* The first one's back-off ran out while the last one kept us waiting. */
Test(announce, round_after_round)
{
	uint64_t first;

	add("http://a/", 0);
	add("http://b/", 1);
	announce_start(a, false, now);
	answer_bad("http://a/");
	first = expect("http://b/", TRACKER_EVENT_STARTED);
	now += 60 * USEC_PER_SEC;
	announce_on_absent(a, first, now);
	announce_on_absent(a, order.id, now);
	expect("http://a/", TRACKER_EVENT_STARTED);
	cr_assert_str_eq(status_of("http://b/").text, "no address that we can reach");
	quiet();
}

Test(announce, one_family_is_enough)
{
	struct tracker_response r = good(1800, 0);
	uint64_t first;

	add("http://a/", 0);
	announce_start(a, false, now);
	first = expect("http://a/", TRACKER_EVENT_STARTED);
	announce_on_failure(a, first, "no route", now);
	announce_on_response(a, order.id, &r, now);
	cr_assert_eq(status_of("http://a/").state, ANNOUNCE_WORKING);
	cr_assert_str_eq(status_of("http://a/").text, "");
	now = announce_deadline(a);
	/* the other order round */
	first = expect("http://a/", TRACKER_EVENT_NONE);
	announce_on_response(a, first, &r, now);
	announce_on_failure(a, order.id, "no route", now);
	cr_assert_eq(status_of("http://a/").state, ANNOUNCE_WORKING);
	cr_assert_eq(status_of("http://a/").failures, 0);
	quiet();
}

Test(announce, answers_count_once_and_only_when_current)
{
	struct tracker_response r = good(1800, 0);
	uint64_t first;

	add("http://a/", 0);
	announce_start(a, false, now);
	first = expect("http://a/", TRACKER_EVENT_STARTED);
	announce_on_failure(a, first, "x", now);
	announce_on_failure(a, first, "x", now);
	announce_on_failure(a, 12345, "x", now);
	cr_assert_eq(announce_pending(a), 1);
	cr_assert_eq(status_of("http://a/").failures, 0);
	announce_on_absent(a, order.id, now);
	announce_on_response(a, first, &r, now);
	cr_assert_eq(status_of("http://a/").failures, 1);
}

Test(announce, hurry_keeps_to_the_rules)
{
	struct tracker_response r = good(1800, 600);
	uint64_t first;

	add("http://a/", 0);
	announce_start(a, false, now);
	first = expect("http://a/", TRACKER_EVENT_STARTED);
	announce_on_response(a, first, &r, now);
	announce_on_absent(a, order.id, now);
	announce_hurry(a, now);
	quiet();
	cr_assert_eq(announce_deadline(a), now + 600 * USEC_PER_SEC);
	now += 600 * USEC_PER_SEC;
	answer_good("http://a/", TRACKER_EVENT_NONE); /* no min interval now */
	announce_hurry(a, now);
	cr_assert_eq(announce_deadline(a), now + ANNOUNCE_HURRY_MIN);
	now += 2 * ANNOUNCE_HURRY_MIN;
	announce_hurry(a, now);
	cr_assert_leq(announce_deadline(a), now);
}

/* Alone in the swarm we look again sooner, within the tracker's rules; a seed
 * is found by those who come. */
Test(announce, hardly_anybody_there)
{
	struct tracker_response r = good(1800, 0);
	uint64_t first;

	add("http://a/", 0);
	announce_start(a, false, now);
	first = expect("http://a/", TRACKER_EVENT_STARTED);
	r.peer_total = 1;
	announce_on_response(a, first, &r, now);
	cr_assert_eq(announce_deadline(a), now + ANNOUNCE_HURRY_MIN);
	r.peer_total = 1; /* the other family knows one more */
	announce_on_response(a, order.id, &r, now);
	cr_assert_geq(announce_deadline(a), now + 1800 * USEC_PER_SEC);
	announce_start(a, true, now);
	first = expect("http://a/", TRACKER_EVENT_NONE);
	r.peer_total = 0;
	announce_on_response(a, first, &r, now);
	announce_on_absent(a, order.id, now);
	cr_assert_geq(announce_deadline(a), now + 1800 * USEC_PER_SEC);
}

Test(announce, intervals_that_cannot_be_meant)
{
	struct tracker_response r = good(1, 0);
	uint64_t first;

	add("http://a/", 0);
	announce_start(a, false, now);
	first = expect("http://a/", TRACKER_EVENT_STARTED);
	announce_on_response(a, first, &r, now);
	announce_on_absent(a, order.id, now);
	cr_assert_geq(announce_deadline(a), now + ANNOUNCE_INTERVAL_MIN);
	now = announce_deadline(a);
	first = expect("http://a/", TRACKER_EVENT_NONE);
	r = good(0, 0);
	announce_on_response(a, first, &r, now);
	announce_on_absent(a, order.id, now);
	cr_assert_geq(announce_deadline(a), now + ANNOUNCE_INTERVAL_DEFAULT);
	now = announce_deadline(a);
	first = expect("http://a/", TRACKER_EVENT_NONE);
	r = good(60, 7200); /* the longer one holds */
	announce_on_response(a, first, &r, now);
	announce_on_absent(a, order.id, now);
	cr_assert_geq(announce_deadline(a), now + 7200 * USEC_PER_SEC);
	now = announce_deadline(a);
	first = expect("http://a/", TRACKER_EVENT_NONE);
	r = good(1, 1); /* who names both is taken at its word, within reason */
	announce_on_response(a, first, &r, now);
	announce_on_absent(a, order.id, now);
	cr_assert_geq(announce_deadline(a), now + ANNOUNCE_INTERVAL_TOLD);
	cr_assert_leq(announce_deadline(a), now + 2 * ANNOUNCE_INTERVAL_TOLD);
}

/* BEP 31 */
Test(announce, come_back_later_or_never)
{
	struct tracker_response r;
	uint64_t first;

	add("http://a/", 0);
	announce_start(a, false, now);
	first = expect("http://a/", TRACKER_EVENT_STARTED);
	tracker_response_init(&r);
	r.failed = true;
	r.retry_sec = 300;
	strcpy(r.text, "Overloaded");
	announce_on_response(a, first, &r, now);
	announce_on_absent(a, order.id, now);
	quiet();
	cr_assert_eq(announce_deadline(a), now + 300 * USEC_PER_SEC);
	cr_assert_str_eq(status_of("http://a/").text, "Overloaded");
	now = announce_deadline(a);
	first = expect("http://a/", TRACKER_EVENT_STARTED);
	r.retry_never = true;
	r.text[0] = '\0';
	announce_on_response(a, first, &r, now);
	announce_on_absent(a, order.id, now);
	quiet();
	cr_assert_eq(announce_deadline(a), USEC_NEVER);
	cr_assert_eq(status_of("http://a/").state, ANNOUNCE_DISABLED);
	cr_assert_str_eq(status_of("http://a/").text, "refused without a reason");
	announce_on_address_change(a, now);
	quiet();
}

Test(announce, a_new_address_is_told_at_once)
{
	add("http://dead/", 0);
	add("http://live/", 1);
	announce_start(a, false, now);
	answer_bad("http://dead/");
	answer_good("http://live/", TRACKER_EVENT_STARTED);
	announce_on_address_change(a, now);
	answer_bad("http://dead/"); /* no back-off any more: the way may be open now */
	answer_good("http://live/", TRACKER_EVENT_NONE);
	quiet();
}

Test(announce, tracker_id_and_key_stay)
{
	struct tracker_response r = good(1800, 0);
	uint64_t first;
	uint32_t key;

	add("http://a/", 0);
	announce_start(a, false, now);
	first = expect("http://a/", TRACKER_EVENT_STARTED);
	cr_assert_null(order.tracker_id);
	key = order.key;
	strcpy(r.tracker_id, "xyz");
	strcpy(r.warning, "old client");
	announce_on_response(a, first, &r, now);
	announce_on_absent(a, order.id, now);
	cr_assert_str_eq(status_of("http://a/").warning, "old client");
	now = announce_deadline(a);
	answer_good("http://a/", TRACKER_EVENT_NONE);
	cr_assert_str_eq(order.tracker_id, "xyz");
	cr_assert_eq(order.key, key);
	cr_assert_eq(order.numwant, ANNOUNCE_NUMWANT);
}
