/* tests/unit/swarm_lab_test.c: tools/lab/swarm_lab.c: the bounds, and what small
 * swarms measure. */
#include "tools/lab/swarm_lab.h"

#include <criterion/criterion.h>

static struct swarm_lab_config small(uint64_t seed)
{
	return (struct swarm_lab_config){
		.peers = 6, .size = 3 << 20, .piece_length = 64 << 10,
		.seed_up = 256 << 10, .peer_up = 128 << 10, .rtt_ms = 50, .seed = seed,
	};
}

Test(swarm_lab, bounds_are_the_textbooks)
{
	struct swarm_lab_config c = { .peers = 100, .size = 1000, .seed_up = 1, .peer_up = 1 };

	cr_assert_float_eq(swarm_lab_client_server_bound(&c), 100000, 1e-6);
	cr_assert_float_eq(swarm_lab_bound(&c), 1000, 1e-6, "the seed's uplink");
	c.peer_down = 1;
	cr_assert_float_eq(swarm_lab_bound(&c), 1000, 1e-6);
	c.seed_up = 1000;
	c.peer_down = 4;
	cr_assert_float_eq(swarm_lab_bound(&c), 250, 1e-6, "the downlinks");
	cr_assert_float_eq(swarm_lab_client_server_bound(&c), 250, 1e-6);
	c.seed_up = 4;
	cr_assert_float_eq(swarm_lab_bound(&c), 100000.0 / 104, 1e-6, "all uplinks together");
	cr_assert_float_eq(swarm_lab_client_server_bound(&c), 25000, 1e-6);
}

static void check(const struct swarm_lab_config *c, const struct swarm_lab_figures *f)
{
	const double bound = c->client_server ? f->client_server_s : f->bound_s;
	double sum = 0, last = 0;

	cr_assert_eq(f->done, c->peers);
	for (uint32_t i = 0; i < c->peers; i++) {
		const struct swarm_lab_peer *p = &f->peers[i];
		cr_assert_gt(p->took_s, 0);
		cr_assert(p->idle >= 0 && p->idle <= 1);
		cr_assert(p->idle >= f->idle_min && p->idle <= f->idle_max);
		sum += p->took_s;
		last = p->came_s + p->took_s > last ? p->came_s + p->took_s : last;
	}
	cr_assert_float_eq(f->mean_s, sum / c->peers, 1e-6);
	cr_assert_float_eq(f->last_s, last, 1e-3);
	cr_assert_gt(f->last_s, bound, "nobody is faster than the links allow");
	cr_assert_float_eq(f->efficiency, bound / f->last_s, 1e-9);
	cr_assert_geq(f->seed_copies, 1, "somebody has to send each piece once");
}

Test(swarm_lab, the_same_seed_gives_the_same_run)
{
	uint64_t hashes[3];

	for (uint32_t i = 0; i < 3; i++) {
		const struct swarm_lab_config c = small(i == 2 ? 8 : 7);
		struct swarm_lab_figures f;
		swarm_lab_run(&c, &f);
		check(&c, &f);
		hashes[i] = f.trace_hash;
		swarm_lab_figures_deinit(&f);
	}
	cr_assert_eq(hashes[0], hashes[1]);
	cr_assert_neq(hashes[0], hashes[2]);
}

Test(swarm_lab, a_server_alone_sends_everybody_a_copy)
{
	struct swarm_lab_config c = small(3);
	struct swarm_lab_figures f;

	c.client_server = true;
	swarm_lab_run(&c, &f);
	check(&c, &f);
	cr_assert_geq(f.seed_copies, c.peers);
	cr_assert_gt(f.idle_min, 0.95, "what peers send are requests");
	swarm_lab_figures_deinit(&f);
}

Test(swarm_lab, half_a_swarm_follows_the_textbook)
{
	struct swarm_lab_config c = small(4);
	struct swarm_lab_figures f;
	uint32_t classic = 0;

	c.classic = 0.5;
	swarm_lab_run(&c, &f);
	check(&c, &f);
	for (uint32_t i = 0; i < c.peers; i++)
		classic += f.peers[i].classic;
	cr_assert_eq(classic, c.peers / 2);
	cr_assert_float_eq((f.classic_mean_s + f.shoal_mean_s) / 2, f.mean_s, 1e-6);
	cr_assert_float_eq(f.last_s,
	                   f.classic_last_s > f.shoal_last_s ? f.classic_last_s : f.shoal_last_s, 1e-3);
	swarm_lab_figures_deinit(&f);
}

/* A classic swarm does not even begin before its first choking round. */
Test(swarm_lab, the_textbook_to_the_letter_is_slower)
{
	struct swarm_lab_config c = small(5);
	struct swarm_lab_figures own, classic;

	swarm_lab_run(&c, &own);
	c.classic = 1;
	swarm_lab_run(&c, &classic);
	check(&c, &classic);
	cr_assert_eq(classic.shoal_mean_s, 0);
	cr_assert_gt(classic.last_s, own.last_s);
	swarm_lab_figures_deinit(&own);
	swarm_lab_figures_deinit(&classic);
}

Test(swarm_lab, peers_trickle_in_and_leave)
{
	struct swarm_lab_config c = small(6);
	struct swarm_lab_figures f;

	c.trickle_s = 60;
	c.leave = true;
	c.peer_down = 512 << 10;
	c.loss = 0.01;
	swarm_lab_run(&c, &f);
	check(&c, &f);
	cr_assert_float_eq(f.peers[5].came_s, 50, 1e-9);
	cr_assert_gt(f.last_s, 50 + 6, "the last one's own downlink");
	swarm_lab_figures_deinit(&f);
}
