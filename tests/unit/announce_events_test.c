/* tests/unit/announce_events_test.c: what announce.c has trackers told: started,
 * completed, stopped, paused (BEP 3, 21). */
#include "tests/unit/announce_turns.h"

TestSuite(announce_events, .init = init, .fini = fini);

Test(announce_events, completed_is_said_at_once_and_once)
{
	add("http://a/", 0);
	announce_start(a, false, now);
	announce_complete(a, now); /* while "started" is not out: left will be 0 */
	answer_good("http://a/", TRACKER_EVENT_STARTED);
	quiet();

	announce_start(a, false, now);
	now = announce_deadline(a);
	answer_good("http://a/", TRACKER_EVENT_NONE);
	now += USEC_PER_SEC;
	announce_complete(a, now);
	announce_complete(a, now);
	answer_good("http://a/", TRACKER_EVENT_COMPLETED);
	quiet();
	announce_complete(a, now);
	quiet();
}

Test(announce_events, completed_while_started_is_on_its_way)
{
	struct tracker_response r = good(1800, 0);
	uint64_t first;

	add("http://a/", 0);
	announce_start(a, false, now);
	first = expect("http://a/", TRACKER_EVENT_STARTED);
	announce_complete(a, now);
	announce_on_response(a, first, &r, now);
	announce_on_absent(a, order.id, now);
	answer_good("http://a/", TRACKER_EVENT_COMPLETED);
	quiet();
}

Test(announce_events, completed_is_owed_until_it_is_taken)
{
	uint64_t first;

	add("http://a/", 0);
	announce_start(a, false, now);
	answer_good("http://a/", TRACKER_EVENT_STARTED);
	announce_complete(a, now);
	first = expect("http://a/", TRACKER_EVENT_COMPLETED);
	announce_on_failure(a, first, "x", now);
	announce_on_absent(a, order.id, now);
	quiet();
	cr_assert_leq(announce_deadline(a), now + ANNOUNCE_BACKOFF_MIN);
	now = announce_deadline(a);
	answer_good("http://a/", TRACKER_EVENT_COMPLETED);
}

Test(announce_events, a_seed_never_says_completed)
{
	add("http://a/", 0);
	announce_start(a, true, now);
	answer_good("http://a/", TRACKER_EVENT_STARTED);
	announce_complete(a, now);
	quiet();
}

/* To everybody who counts us in, and to nobody else; no peers wanted. */
Test(announce_events, stopped)
{
	uint64_t first;

	add("http://dead/", 0);
	add("http://live/", 1);
	announce_start(a, false, now);
	answer_bad("http://dead/");
	answer_good("http://live/", TRACKER_EVENT_STARTED);
	announce_stop(a, now);
	first = expect("http://live/", TRACKER_EVENT_STOPPED);
	cr_assert_eq(order.numwant, 0);
	cr_assert_eq(announce_pending(a), 2);
	cr_assert_not(next());
	cr_assert_eq(announce_deadline(a), USEC_NEVER);
	announce_on_failure(a, first, "x", now);
	announce_on_failure(a, order.id, "x", now);
	cr_assert_eq(announce_pending(a), 0);
	cr_assert_not(next()); /* not tried again */
	announce_stop(a, now);
	cr_assert_not(next());
}

/* "completed" is not lost on who leaves at once. */
Test(announce_events, completed_then_stopped)
{
	struct tracker_response r = good(1800, 0);
	uint64_t first;

	add("http://a/", 0);
	announce_start(a, false, now);
	answer_good("http://a/", TRACKER_EVENT_STARTED);
	announce_complete(a, now);
	announce_stop(a, now);
	first = expect("http://a/", TRACKER_EVENT_COMPLETED);
	cr_assert_not(next());
	cr_assert_eq(announce_pending(a), 3);
	announce_on_response(a, first, &r, now);
	announce_on_absent(a, order.id, now);
	answer_good("http://a/", TRACKER_EVENT_STOPPED);
	cr_assert_not(next());
	cr_assert_eq(announce_pending(a), 0);
	cr_assert_eq(announce_deadline(a), USEC_NEVER);
}

Test(announce_events, stopped_while_started_is_on_its_way)
{
	struct tracker_response r = good(1800, 0);
	uint64_t first;

	add("http://a/", 0);
	announce_start(a, false, now);
	first = expect("http://a/", TRACKER_EVENT_STARTED);
	announce_stop(a, now);
	announce_on_response(a, first, &r, now); /* old: means nothing */
	answer_good("http://a/", TRACKER_EVENT_STOPPED);
	cr_assert_eq(announce_deadline(a), USEC_NEVER);
}

Test(announce_events, stopped_and_started_again)
{
	struct tracker_response r = good(1800, 0);
	uint64_t first;

	add("http://a/", 0);
	announce_start(a, false, now);
	answer_good("http://a/", TRACKER_EVENT_STARTED);
	announce_stop(a, now);
	first = expect("http://a/", TRACKER_EVENT_STOPPED);
	announce_start(a, false, now);
	quiet(); /* one after the other */
	announce_on_response(a, first, &r, now);
	announce_on_absent(a, order.id, now);
	answer_good("http://a/", TRACKER_EVENT_STARTED);
}

Test(announce_events, paused_seed_says_so)
{
	add("http://a/", 0);
	announce_set_paused(a, true);
	announce_start(a, false, now);
	answer_good("http://a/", TRACKER_EVENT_STARTED);
	now = announce_deadline(a);
	answer_good("http://a/", TRACKER_EVENT_PAUSED);
	announce_set_paused(a, false);
	now = announce_deadline(a);
	answer_good("http://a/", TRACKER_EVENT_NONE);
}
