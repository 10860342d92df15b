/* tests/unit/limiter_test.c: peer/limiter.c in virtual time: greedy connections
 * move whatever they may, and the test looks at what flowed when. */
#include "peer/limiter.h"

#include "proto/rng.h"

#include <criterion/criterion.h>

enum { CONNS_MAX = 64, MS_MAX = 30000 };

static const usec start = 1000 * USEC_PER_SEC;

static struct limiter l;
static struct rng rng;
static uint64_t per_ms[MS_MAX];
static uint64_t moved[CONNS_MAX];
static uint32_t torrent_of[CONNS_MAX];
static usec now;

static void setup(void)
{
	rng_init_number(&rng, 5, 0);
	now = start;
}

static void teardown(void)
{
	limiter_deinit(&l);
}

TestSuite(limiter, .init = setup, .fini = teardown);

/* conn moves all it may; room in its socket: at most socket bytes a time. */
static void move_now(uint32_t conn, size_t socket)
{
	for (;;) {
		const size_t allowed = limiter_ask(&l, torrent_of[conn], conn, socket, now);
		cr_assert_neq(allowed, SIZE_MAX);
		if (allowed == 0)
			return;
		cr_assert_leq(allowed, socket);
		limiter_take(&l, torrent_of[conn], conn, allowed, now);
		moved[conn] += allowed;
		per_ms[(now - start) / USEC_PER_MS] += allowed;
	}
}

/* Everybody is greedy for that long; timers come up to late_ms late. */
static void run(uint32_t conns, uint32_t milliseconds, uint32_t late_ms)
{
	const usec end = now + milliseconds * USEC_PER_MS;
	uint32_t conn;

	for (uint32_t i = 0; i < conns; i++)
		move_now(i, 256 << 10);
	for (;;) {
		now = usec_max(now, limiter_deadline(&l));
		if (late_ms > 0)
			now += rng_below(&rng, late_ms * 1000);
		if (now >= end)
			break;
		while (limiter_next(&l, &conn, now))
			move_now(conn, 256 << 10);
		cr_assert_gt(limiter_deadline(&l), now);
	}
	now = end;
}

static uint64_t sum(uint32_t from_ms, uint32_t length_ms)
{
	uint64_t total = 0;
	for (uint32_t i = from_ms; i < from_ms + length_ms; i++)
		total += per_ms[i];
	return total;
}

static void check_windows(uint64_t rate, uint32_t milliseconds)
{
	for (uint32_t from = 0; from + 1000 <= milliseconds; from += 7) {
		const uint64_t second = sum(from, 1000);
		const uint64_t tenth = sum(from, 100);
		cr_assert(second >= rate / 100 * 98 && second <= rate / 100 * 102 + 2,
		          "rate %lu: %lu in the second from %u ms", (unsigned long)rate,
		          (unsigned long)second, from);
		cr_assert(tenth <= rate * 12 / 100 + 2, "rate %lu: %lu in the 100 ms from %u",
		          (unsigned long)rate, (unsigned long)tenth, from);
	}
}

Test(limiter, without_a_limit_nothing_is_spent)
{
	uint32_t conn;

	limiter_init(&l, 0, now);
	cr_assert_eq(limiter_ask(&l, 3, 7, 100, now), SIZE_MAX);
	limiter_take(&l, 3, 7, 1 << 30, now);
	cr_assert_not(limiter_next(&l, &conn, now));
	cr_assert_eq(limiter_deadline(&l), USEC_NEVER);
	limiter_forget(&l, 7, now);
	limiter_forget_torrent(&l, 3, now);
	limiter_set_conn_rate(&l, 9, 0, now);
	limiter_set_torrent_rate(&l, 9, 0, now);
	cr_assert_null(l.conns);
	cr_assert_null(l.torrents);
}

Test(limiter, exact_at_any_rate_and_number)
{
	static const uint64_t rates[] = { 20000, 100000, 1048576, 12500000, 125000000 };
	static const uint32_t counts[] = { 1, 3, 50 };

	for (size_t r = 0; r < 5; r++) {
		for (size_t c = 0; c < 3; c++) {
			memset(per_ms, 0, sizeof(per_ms));
			now = start;
			limiter_init(&l, rates[r], now);
			run(counts[c], 3000, 0);
			check_windows(rates[r], 3000);
			if (r != 4 || c != 2)
				limiter_deinit(&l);
		}
	}
}

Test(limiter, exact_with_a_late_loop)
{
	for (uint32_t i = 0; i < CONNS_MAX; i++)
		torrent_of[i] = i % 3;
	limiter_init(&l, 4000000, now);
	run(20, 5000, 8);
	check_windows(4000000, 5000);
}

Test(limiter, everybody_gets_the_same)
{
	/* Torrents of 1, 1 and 18 peers: a peer counts, not a torrent. */
	for (uint32_t i = 0; i < 20; i++)
		torrent_of[i] = i < 2 ? i : 2;
	limiter_init(&l, 1000000, now);
	run(20, 20000, 0);
	for (uint32_t i = 0; i < 20; i++)
		cr_assert(moved[i] + 2 * LIMITER_QUANTUM >= 1000000 && moved[i] <= 1000000 + 2 * LIMITER_QUANTUM,
		          "conn %u: %lu", i, (unsigned long)moved[i]);
}

Test(limiter, a_torrents_own_limit_leaves_the_rest_to_others)
{
	for (uint32_t i = 0; i < 10; i++)
		torrent_of[i] = i < 5 ? 1 : 2;
	limiter_init(&l, 1000000, now);
	limiter_set_torrent_rate(&l, 1, 100000, now);
	run(10, 10000, 0);
	check_windows(1000000, 10000);
	for (uint32_t i = 0; i < 10; i++) {
		const uint64_t fair = i < 5 ? 200000 : 1800000;
		cr_assert(moved[i] + 2 * LIMITER_QUANTUM >= fair && moved[i] <= fair + 2 * LIMITER_QUANTUM,
		          "conn %u: %lu", i, (unsigned long)moved[i]);
	}
}

Test(limiter, a_connections_own_limit_leaves_the_rest_to_others)
{
	memset(torrent_of, 0, sizeof(torrent_of));
	limiter_init(&l, 1000000, now);
	limiter_set_conn_rate(&l, 2, 50000, now);
	run(4, 10000, 0);
	check_windows(1000000, 10000);
	cr_assert(moved[2] >= 490000 && moved[2] <= 502000, "%lu", (unsigned long)moved[2]);
	cr_assert(moved[0] >= 3130000 && moved[0] <= 3200000, "%lu", (unsigned long)moved[0]);
}

Test(limiter, a_torrents_limit_without_one_of_the_session)
{
	for (uint32_t i = 0; i < 4; i++)
		torrent_of[i] = 5;
	limiter_init(&l, 0, now);
	limiter_set_torrent_rate(&l, 5, 1000000, now);
	cr_assert_eq(limiter_ask(&l, 6, 9, 1000, now), SIZE_MAX, "others are free");
	run(4, 4000, 0);
	check_windows(1000000, 4000);
}

Test(limiter, a_limit_that_changes_counts_at_once)
{
	limiter_init(&l, 1000000, now);
	run(8, 2000, 0);
	limiter_set_rate(&l, 5000000, now);
	run(8, 2000, 0);
	limiter_set_rate(&l, 200000, now);
	run(8, 2000, 0);
	cr_assert(sum(0, 2000) >= 1960000 && sum(0, 2000) <= 2040000);
	cr_assert(sum(2000, 2000) >= 9800000 && sum(2000, 2000) <= 10200000);
	cr_assert(sum(4000, 2000) >= 392000 && sum(4000, 2000) <= 408000);
}

Test(limiter, a_limit_that_ends_frees_all_who_wait)
{
	uint32_t conn, freed = 0;

	limiter_init(&l, 1000, now);
	limiter_set_torrent_rate(&l, 1, 10, now);
	for (uint32_t i = 0; i < 6; i++) {
		torrent_of[i] = i % 2;
		move_now(i, 100000);
	}
	limiter_set_rate(&l, 0, now);
	limiter_set_torrent_rate(&l, 1, 0, now);
	cr_assert_leq(limiter_deadline(&l), now);
	while (limiter_next(&l, &conn, now)) {
		cr_assert_eq(limiter_ask(&l, torrent_of[conn], conn, 1000, now), SIZE_MAX);
		limiter_take(&l, torrent_of[conn], conn, 100000, now);
		freed++;
	}
	cr_assert_eq(freed, 6);
	cr_assert_eq(l.limits, 0);
	cr_assert_eq(l.waiting, 0);
}

Test(limiter, asking_again_changes_nothing)
{
	limiter_init(&l, 1000000, now);
	move_now(0, 1 << 20);
	cr_assert_eq(l.waiting, 1);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(limiter_ask(&l, 0, 0, 1 << 20, now), 0);
	cr_assert_eq(l.waiting, 1);
}

Test(limiter, a_turn_not_used_goes_to_others)
{
	uint32_t conn = 99;

	limiter_init(&l, 1000000, now);
	move_now(0, 1 << 20);
	move_now(1, 1 << 20);
	now = limiter_deadline(&l);
	cr_assert(limiter_next(&l, &conn, now) && conn == 0);
	/* It does not come for it. Meanwhile the bucket is short by its grant. */
	now += LIMITER_GRANT_TIME;
	cr_assert(limiter_next(&l, &conn, now) && conn == 1);
	cr_assert_gt(limiter_ask(&l, 0, 1, 1 << 20, now), 0);
	limiter_take(&l, 0, 1, 10, now);
	cr_assert_eq(l.granted.count, 0);
	cr_assert_geq(bucket_room(&l.bucket, now), 19000, "and what is not used is there again");
}

Test(limiter, more_than_allowed_is_paid_later)
{
	uint32_t conn;

	limiter_init(&l, 1000000, now);
	const size_t allowed = limiter_ask(&l, 0, 0, 1 << 20, now);
	limiter_take(&l, 0, 0, allowed + 500000, now);
	cr_assert_eq(limiter_ask(&l, 0, 0, 1 << 20, now), 0);
	cr_assert_geq(limiter_deadline(&l), now + 500 * USEC_PER_MS);
	cr_assert_not(limiter_next(&l, &conn, now + 400 * USEC_PER_MS));
	cr_assert(limiter_next(&l, &conn, limiter_deadline(&l)));
}

Test(limiter, who_leaves_leaves_no_trace)
{
	uint32_t conn;

	limiter_init(&l, 100000, now);
	limiter_set_torrent_rate(&l, 1, 50000, now);
	limiter_set_conn_rate(&l, 3, 1000, now);
	for (uint32_t i = 0; i < 5; i++) {
		torrent_of[i] = 1;
		move_now(i, 1 << 20);
	}
	for (int i = 0; i < 20; i++) {
		now = limiter_deadline(&l);
		while (limiter_next(&l, &conn, now) && conn != 2)
			move_now(conn, 1 << 20);
	}
	/* In line, held and granted ones. */
	for (uint32_t i = 0; i < 5; i++)
		limiter_forget(&l, i, now);
	limiter_forget_torrent(&l, 1, now);
	cr_assert_eq(l.waiting, 0);
	cr_assert_eq(l.limits, 1);
	cr_assert_eq(l.ready.count + l.held_torrents.count + l.held_conns.count + l.granted.count, 0);
	cr_assert_eq(limiter_deadline(&l), USEC_NEVER);
	cr_assert_not(limiter_next(&l, &conn, now + USEC_PER_SEC));
	/* The slots serve others. */
	torrent_of[3] = 4;
	now += USEC_PER_SEC;
	cr_assert_gt(limiter_ask(&l, 4, 3, 1 << 20, now), 0);
}

/* Whatever happens in whatever order, nobody is lost: all who wait are named. */
Test(limiter, nobody_is_forgotten)
{
	bool waits[CONNS_MAX] = { false };
	uint32_t conn;

	limiter_init(&l, 300000, now);
	for (uint32_t i = 0; i < CONNS_MAX; i++)
		torrent_of[i] = i % 7;
	for (int step = 0; step < 50000; step++) {
		const uint32_t i = rng_below(&rng, CONNS_MAX);
		switch (rng_below(&rng, 12)) {
		case 0:
			limiter_forget(&l, i, now);
			waits[i] = false;
			break;
		case 1:
			limiter_set_torrent_rate(&l, i % 7, rng_below(&rng, 3) * 40000, now);
			break;
		case 2:
			limiter_set_conn_rate(&l, i, rng_below(&rng, 3) * 5000, now);
			break;
		case 3:
			now += rng_below(&rng, 30000);
			break;
		case 4:
			limiter_take(&l, torrent_of[i], i, rng_below(&rng, 3000), now);
			break;
		case 5:
			while (limiter_next(&l, &conn, now)) {
				cr_assert(waits[conn]);
				waits[conn] = false;
				if (rng_below(&rng, 8) == 0)
					continue;
				const size_t allowed = limiter_ask(&l, torrent_of[conn], conn, 9000, now);
				cr_assert_gt(allowed, 0);
				limiter_take(&l, torrent_of[conn], conn, allowed, now);
			}
			break;
		default: {
			const size_t allowed = limiter_ask(&l, torrent_of[i], i, 20000, now);
			waits[i] = allowed == 0;
			if (allowed > 0 && allowed != SIZE_MAX)
				limiter_take(&l, torrent_of[i], i, allowed, now);
			break;
		}
		}
		uint32_t count = 0;
		for (uint32_t k = 0; k < CONNS_MAX; k++)
			count += waits[k];
		cr_assert_eq(l.waiting, count);
	}
	for (int i = 0; i < 100000 && l.waiting > 0; i++) {
		now = usec_max(now, limiter_deadline(&l));
		while (limiter_next(&l, &conn, now))
			limiter_take(&l, torrent_of[conn], conn, 100, now);
	}
	cr_assert_eq(l.waiting, 0);
}
