/* tests/unit/announce_turns.h: what the tests of announce.c share: one torrent's
 * announce, and trackers that are asked and answer as told. */
#ifndef TESTS_UNIT_ANNOUNCE_TURNS_H
#define TESTS_UNIT_ANNOUNCE_TURNS_H

#include "peer/discover/announce.h"

#include <criterion/criterion.h>

static struct announce *a;
static struct rng rng;
static struct announce_order order;
static usec now;

static inline void init(void)
{
	rng_init_number(&rng, 7, 3);
	now = 1000 * USEC_PER_SEC;
	a = announce_new(&rng);
}

static inline void fini(void)
{
	announce_free(a);
}

static inline void add(const char *url, uint32_t tier)
{
	const char *reason;

	cr_assert(announce_add(a, url, tier, &reason), "%s", reason);
}

static inline bool next(void)
{
	usec deadline = announce_deadline(a);
	bool some = announce_next(a, &order, now);

	if (some)
		cr_assert_leq(deadline, now);
	return some;
}

/* Nothing more to send, and the deadline lies ahead. */
static inline void quiet(void)
{
	cr_assert_not(next(), "%s", order.url);
	cr_assert_gt(announce_deadline(a), now);
}

static inline struct tracker_response good(uint32_t interval_sec, uint32_t min_sec)
{
	struct tracker_response r;

	tracker_response_init(&r);
	r.interval_sec = interval_sec;
	r.min_interval_sec = min_sec;
	r.complete = 5;
	r.peer_total = 7;
	return r;
}

/* Both families of one tracker are ordered; returns the first order's id. The
 * second is order's. */
static inline uint64_t expect(const char *url, enum tracker_event event)
{
	uint64_t first;

	cr_assert(next(), "nothing instead of %s", url);
	cr_assert_str_eq(order.url, url);
	cr_assert_eq(order.event, event);
	cr_assert_eq(order.family, ENDPOINT_V4);
	first = order.id;
	cr_assert(next());
	cr_assert_str_eq(order.url, url);
	cr_assert_eq(order.event, event);
	cr_assert_eq(order.family, ENDPOINT_V6);
	return first;
}

static inline void answer_good(const char *url, enum tracker_event event)
{
	struct tracker_response r = good(1800, 0);
	uint64_t first = expect(url, event);

	announce_on_response(a, first, &r, now);
	announce_on_absent(a, order.id, now);
}

static inline void answer_bad(const char *url)
{
	uint64_t first = expect(url, TRACKER_EVENT_STARTED);

	announce_on_failure(a, first, "timed out", now);
	announce_on_absent(a, order.id, now);
}

static inline struct announce_status status_of(const char *url)
{
	struct announce_status s;
	uint32_t i;

	for (i = 0; i < announce_count(a); i++) {
		announce_status(a, i, &s);
		if (strcmp(s.url, url) == 0)
			return s;
	}
	cr_assert_fail("no %s", url);
	return s;
}

#endif
