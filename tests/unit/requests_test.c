/* tests/unit/requests_test.c: peer/download/requests.c */
#include "peer/download/download.h"

#include "proto/rng.h"

#include <criterion/criterion.h>

#define SEC USEC_PER_SEC
#define MS USEC_PER_MS

static void peer_init(struct download_peer *p)
{
	memset(p, 0, sizeof(*p));
	meter_init(&p->received, SEC);
	requests_init(p, SEC);
}

Test(requests, queue_agrees_with_an_array)
{
	struct download_peer p;
	struct rng r;
	uint32_t model[REQUEST_WINDOW_MAX], count = 0;
	peer_init(&p);
	rng_init_number(&r, 1, 1);
	for (uint32_t step = 0; step < 20000; step++) {
		uint32_t index;
		if (count < REQUEST_WINDOW_MAX && rng_below(&r, 100) < (step < 10000 ? 70 : 30)) {
			requests_push(&p, step, step % 7, SEC);
			model[count++] = step;
		} else if (count > 0) {
			const uint32_t at = rng_below(&r, 4) != 0 ? 0 : rng_below(&r, count);
			cr_assert(requests_find(&p, model[at], model[at] % 7, &index));
			cr_assert_eq(index, at);
			cr_assert_not(requests_find(&p, model[at], 8, &index));
			requests_remove(&p, at);
			count--;
			memmove(&model[at], &model[at + 1], (count - at) * sizeof(model[0]));
		}
		cr_assert_eq(p.outstanding, count);
	}
	for (uint32_t i = 0; i < count; i++)
		cr_assert_eq(requests_at(&p, i).piece, model[i]);
	requests_deinit(&p);
}

Test(requests, lapsed_ones_are_remembered_up_to_the_maximum)
{
	struct download_peer p;
	peer_init(&p);
	for (uint32_t i = 0; i < REQUEST_LAPSED_MAX + 5; i++) {
		requests_push(&p, i, 0, SEC);
		requests_lapse(&p, 0);
	}
	cr_assert_eq(p.outstanding, 0);
	cr_assert_eq(p.lapsed.count, REQUEST_LAPSED_MAX);
	cr_assert_not(requests_take_lapsed(&p, 4, 0), "the oldest went");
	cr_assert(requests_take_lapsed(&p, 5, 0));
	cr_assert_not(requests_take_lapsed(&p, 5, 0), "once");
	cr_assert(requests_take_lapsed(&p, REQUEST_LAPSED_MAX + 4, 0));
	requests_deinit(&p);
}

Test(requests, refill_waits_for_a_quarter)
{
	struct download_peer p;
	peer_init(&p);
	p.window = 100;
	for (uint32_t i = 0; i < 100; i++)
		requests_push(&p, i, 0, SEC);
	cr_assert_eq(requests_room(&p, SEC), 0);
	for (uint32_t i = 0; i < 24; i++) {
		requests_remove(&p, 0);
		cr_assert_eq(requests_room(&p, SEC), 0);
	}
	requests_remove(&p, 0);
	cr_assert_eq(requests_room(&p, SEC), 25);
	p.refilling = true; /* but once begun it goes on */
	for (uint32_t i = 0; i < 20; i++)
		requests_push(&p, i, 0, SEC);
	cr_assert_eq(requests_room(&p, SEC), 5);
	requests_deinit(&p);
}

Test(requests, what_the_peer_takes_bounds_the_window)
{
	struct download_peer p;
	peer_init(&p);
	p.window = REQUEST_WINDOW_MAX;
	cr_assert_eq(requests_room(&p, SEC), REQUEST_REQQ_ASSUMED);
	p.reqq = 1;
	cr_assert_eq(requests_room(&p, SEC), 1);
	p.reqq = UINT32_MAX;
	cr_assert_eq(requests_room(&p, SEC), REQUEST_WINDOW_MAX);
	requests_deinit(&p);
}

/* A peer behind a link of that rate and round trip; returns the window it ends
 * with after that many seconds. */
static uint32_t window_after(uint64_t rate, usec rtt, uint32_t reqq, uint32_t seconds)
{
	struct download_peer p;
	usec now = SEC, free_at = 0, due[REQUEST_WINDOW_MAX];
	uint32_t sent = 0, answered = 0;
	peer_init(&p);
	p.reqq = reqq;
	while (now < seconds * SEC) {
		for (uint32_t room = requests_room(&p, now); room > 0; room--) {
			requests_push(&p, sent, 0, now);
			free_at = usec_max(free_at, now + rtt) + BLOCK_SIZE * SEC / rate;
			due[sent++ % REQUEST_WINDOW_MAX] = free_at;
		}
		cr_assert_lt(answered, sent);
		const struct requested q = requests_at(&p, 0);
		now = usec_max(now, due[answered++ % REQUEST_WINDOW_MAX]);
		requests_remove(&p, 0);
		requests_on_answer(&p, q.at, now);
		meter_add(&p.received, BLOCK_SIZE, now);
		requests_on_block(&p, BLOCK_SIZE, now);
	}
	cr_assert_geq(p.rtt_min, rtt);
	const uint32_t window = p.window;
	requests_deinit(&p);
	return window;
}

Test(requests, window_covers_rate_times_delay)
{
	/* 10 MiB/s, 50 ms: 640 blocks/s x 300 ms = 192 */
	const uint32_t fast = window_after(10 << 20, 50 * MS, 2048, 10);
	cr_assert(fast >= 170 && fast <= 220, "%u", fast);
	/* 100 KiB/s: the least */
	cr_assert_eq(window_after(100 << 10, 50 * MS, 2048, 20), REQUEST_WINDOW_MIN);
	/* 1 GiB/s over a short way: what the peer takes */
	cr_assert_eq(window_after(1 << 30, 1 * MS, 500, 3), 500);
	/* 20 MiB/s over 400 ms: 1280 blocks/s x 650 ms = 832 */
	const uint32_t far = window_after(20 << 20, 400 * MS, 2048, 20);
	cr_assert(far >= 750 && far <= 900, "%u", far);
}

Test(requests, refusals_pause_longer_each_time)
{
	struct download_peer p;
	peer_init(&p);
	for (uint32_t i = 1; i < 3 * REQUEST_HOLD_MAX; i++) {
		requests_on_refused(&p, SEC);
		const usec expected = i < REQUEST_HOLD_MAX ? i : REQUEST_HOLD_MAX;
		cr_assert_eq(p.hold_until, SEC + expected * SEC);
		cr_assert_eq(requests_room(&p, p.hold_until - 1), 0);
		cr_assert_gt(requests_room(&p, p.hold_until), 0);
	}
	requests_on_answer(&p, 0, 2 * SEC);
	cr_assert_eq(p.hold_until, 0);
	requests_deinit(&p);
}

Test(requests, an_idle_peer_owes_nothing)
{
	struct download_peer p;
	peer_init(&p);
	requests_push(&p, 0, 0, 5 * SEC);
	cr_assert_eq(p.asked_at, 5 * SEC);
	cr_assert_eq(p.lapse_at, (5 + REQUEST_TIMEOUT) * SEC);
	requests_remove(&p, 0);
	requests_on_answer(&p, 5 * SEC, 6 * SEC);
	requests_settle(&p);
	cr_assert_eq(p.asked_at, 0);
	cr_assert_eq(p.lapse_at, 0);
	cr_assert_eq(p.rtt_min, SEC);
	requests_deinit(&p);
}

Test(requests, eta_grows_with_place_and_silence)
{
	struct download_peer p;
	peer_init(&p);
	for (int i = 0; i < 10; i++)
		meter_add(&p.received, 100000, SEC + (usec)i * 100 * MS);
	const double first = requests_eta(&p, 0, 2 * SEC), tenth = requests_eta(&p, 9, 2 * SEC);
	cr_assert_gt(tenth, first);
	p.asked_at = SEC;
	cr_assert_gt(requests_eta(&p, 0, 2 * SEC), first + 0.5);
	requests_deinit(&p);
}

Test(requests, the_classic_window_is_five_and_stays)
{
	struct download_peer p;
	usec now = SEC;
	peer_init(&p);
	p.classic = true;
	for (uint32_t i = 0; i < 200; i++) {
		while (requests_room(&p, now) > 0)
			requests_push(&p, i, p.outstanding, now);
		cr_assert_eq(p.outstanding, REQUEST_WINDOW_CLASSIC);
		now += 10 * MS;
		requests_on_answer(&p, now - 10 * MS, now);
		requests_on_block(&p, 16384, now);
		requests_remove(&p, 0);
		cr_assert_eq(requests_room(&p, now), 1, "asked one by one");
	}
	requests_deinit(&p);
}
