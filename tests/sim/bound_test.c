/* tests/sim/bound_test.c: swarms of real sessions stay close to what their links
 * allow, and closer than the textbook to the letter. Virtual time: the same on
 * any machine. */
#include <criterion/criterion.h>

#include "tools/lab/swarm_lab.h"

enum { SEEDS = 3 };

static struct swarm_lab_figures run(const struct swarm_lab_config *c)
{
	struct swarm_lab_figures f;
	swarm_lab_run(c, &f);
	cr_assert_eq(f.done, c->peers, "%u of %u were done", f.done, c->peers);
	swarm_lab_figures_deinit(&f);
	return f;
}

/* A file that an uplink of a peer sends in 128 s, in 256 pieces. */
static struct swarm_lab_config swarm_of(uint32_t peers, uint32_t times, uint64_t seed)
{
	return (struct swarm_lab_config){
		.peers = peers, .size = 16 << 20, .piece_length = 64 << 10,
		.seed_up = times * (128u << 10), .peer_up = 128 << 10, .rtt_ms = 50, .seed = seed,
	};
}

/* The seed is the bottleneck, or the peers are. */
Test(bound, swarms_come_close_to_it)
{
	for (uint32_t times = 1; times <= 4; times *= 2) {
		for (uint64_t seed = 1; seed <= SEEDS; seed++) {
			const struct swarm_lab_config c = swarm_of(10, times, seed);
			const struct swarm_lab_figures f = run(&c);
			cr_assert_geq(f.efficiency, 0.87, "us = %u u, seed %llu: %.3f", times,
			              (unsigned long long)seed, f.efficiency);
			if (times == 1)
				cr_assert_leq(f.seed_copies, 1.15, "seed %llu: %.3f copies",
				              (unsigned long long)seed, f.seed_copies);
		}
	}
}

Test(bound, a_server_alone_comes_close_to_its_own)
{
	struct swarm_lab_config c = swarm_of(10, 1, 1);
	c.client_server = true;
	cr_assert_geq(run(&c).efficiency, 0.97);
}

/* Who meets us is not the worse for it, nor are we for meeting others. */
Test(bound, half_of_shoal_helps_a_classic_swarm)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct swarm_lab_config c = swarm_of(10, 2, seed);
		const struct swarm_lab_figures own = run(&c);
		c.classic = 1;
		const struct swarm_lab_figures classic = run(&c);
		c.classic = 0.5;
		const struct swarm_lab_figures mixed = run(&c);
		cr_assert_lt(own.last_s, classic.last_s);
		cr_assert_lt(mixed.last_s, classic.last_s);
		cr_assert_lt(mixed.classic_mean_s, classic.classic_mean_s);
	}
}
