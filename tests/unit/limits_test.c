/* tests/unit/limits_test.c: rate limits hold to 2 %, in both directions, for the
 * session and for one torrent, and end when they are lifted. */
#include <criterion/criterion.h>

#include "tools/lab/lab.h"

enum { PIECE = 64 << 10, RATE = 200 * 1000 };

struct pair {
	struct world *w;
	struct lab *lab;
	struct lab_content *content;
	torrent_id t[2];
};

/* Host 0 has everything, host 1 fetches it. */
static void pair_open(struct pair *p, uint64_t up, uint64_t down)
{
	const struct lab_config c = { .rtt = latency_from_quantiles(20, 21, 22), .disk_time = 500,
		                      .lookup_time = USEC_PER_MS };
	*p = (struct pair){ .w = world_new(7) };
	p->lab = lab_new(p->w, &c);
	p->content = lab_content_new(7, 32 << 20, PIECE, NULL, 0);
	for (uint32_t i = 0; i < 2; i++) {
		struct lab_host_config h = { .up = 10 << 20 };
		h.session.up_rate_max = i == 0 ? up : 0;
		h.session.down_rate_max = i == 1 ? down : 0;
		lab_host_add(p->lab, &h);
		p->t[i] = lab_add(p->lab, i, p->content, i == 0, false);
	}
}

static void pair_close(struct pair *p)
{
	lab_free(p->lab);
	world_free(p->w);
	lab_content_free(p->content);
}

static void pass(struct pair *p, usec time)
{
	world_run(p->w, world_now(p->w) + time);
}

static struct session_totals totals(struct pair *p, uint32_t host)
{
	struct session_totals t;
	session_totals(lab_session(p->lab, host), &t);
	return t;
}

static uint64_t sent_in(struct pair *p, usec time)
{
	const uint64_t before = totals(p, 0).bytes_up;
	pass(p, time);
	return totals(p, 0).bytes_up - before;
}

static uint64_t received_in(struct pair *p, usec time)
{
	const uint64_t before = totals(p, 1).bytes_down;
	pass(p, time);
	return totals(p, 1).bytes_down - before;
}

static void is_within(uint64_t bytes, uint64_t expected, double share)
{
	cr_assert_leq((double)bytes, (double)expected * (1 + share), "%llu bytes",
	              (unsigned long long)bytes);
	cr_assert_geq((double)bytes, (double)expected * (1 - share), "%llu bytes",
	              (unsigned long long)bytes);
}

Test(limits, an_upload_limit_is_kept_each_second)
{
	struct pair p;
	pair_open(&p, RATE, 0);
	pass(&p, 3 * USEC_PER_SEC);
	for (int i = 0; i < 20; i++)
		is_within(sent_in(&p, USEC_PER_SEC), RATE, 0.02);
	pair_close(&p);
}

Test(limits, a_download_limit_is_kept_each_second)
{
	struct pair p;
	pair_open(&p, 0, RATE);
	pass(&p, 3 * USEC_PER_SEC);
	for (int i = 0; i < 20; i++)
		is_within(received_in(&p, USEC_PER_SEC), RATE, 0.02);
	pair_close(&p);
}

Test(limits, one_torrent_may_have_its_own)
{
	struct pair p;
	pair_open(&p, 0, 0);
	session_set_torrent_rates(lab_session(p.lab, 0), p.t[0], RATE / 2, 0, world_now(p.w));
	lab_pump(p.lab, 0);
	pass(&p, 3 * USEC_PER_SEC);
	is_within(sent_in(&p, 10 * USEC_PER_SEC), RATE / 2 * 10, 0.02);
	session_set_torrent_rates(lab_session(p.lab, 0), p.t[0], 0, 0, world_now(p.w));
	session_set_torrent_rates(lab_session(p.lab, 1), p.t[1], 0, RATE, world_now(p.w));
	lab_pump(p.lab, 0);
	lab_pump(p.lab, 1);
	pass(&p, 3 * USEC_PER_SEC);
	is_within(received_in(&p, 10 * USEC_PER_SEC), RATE * 10, 0.02);
	pair_close(&p);
}

Test(limits, what_is_lifted_holds_nobody_back)
{
	struct pair p;
	struct lab_host_stats stats;
	pair_open(&p, RATE, RATE);
	pass(&p, 5 * USEC_PER_SEC);
	session_set_rates(lab_session(p.lab, 0), 0, 0, world_now(p.w));
	session_set_rates(lab_session(p.lab, 1), 0, 0, world_now(p.w));
	lab_pump(p.lab, 0);
	lab_pump(p.lab, 1);
	pass(&p, 10 * USEC_PER_SEC);
	lab_stats(p.lab, 1, &stats);
	cr_assert_neq(stats.done_at, 0);
	pair_close(&p);
}

/* A torrent or peer that goes while it waits for its turn leaves nothing behind. */
Test(limits, who_waits_may_go)
{
	struct pair p;
	pair_open(&p, RATE, RATE);
	pass(&p, 5 * USEC_PER_SEC);
	session_remove(lab_session(p.lab, 1), p.t[1], world_now(p.w));
	lab_pump(p.lab, 1);
	pass(&p, USEC_PER_SEC);
	session_remove(lab_session(p.lab, 0), p.t[0], world_now(p.w));
	lab_pump(p.lab, 0);
	pass(&p, USEC_PER_SEC);
	cr_assert_eq(totals(&p, 0).conns, 0);
	cr_assert_eq(totals(&p, 1).conns, 0);
	pair_close(&p);
}
