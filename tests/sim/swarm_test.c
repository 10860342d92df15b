/* tests/sim/swarm_test.c: swarms of real sessions on virtual time. */
#include <criterion/criterion.h>

#include "tools/lab/lab.h"

#define DEADLINE (3600 * USEC_PER_SEC)

static const struct lab_config typical = {
	.disk_time = 500,
	.lookup_time = 300 * USEC_PER_MS,
	.lookup_interval = 60 * USEC_PER_SEC,
};

struct run {
	struct world *w;
	struct lab *lab;
	struct lab_content *content;
	uint32_t peers;
};

static void run_begin(struct run *r, uint64_t seed, uint32_t peers, uint64_t size, double loss)
{
	struct lab_config c = typical;
	c.rtt = latency_from_quantiles(50, 60, 70);
	c.loss = loss;
	*r = (struct run){ .w = world_new(seed), .peers = peers };
	r->lab = lab_new(r->w, &c);
	r->content = lab_content_new(seed, size, 256 << 10, NULL, 0);
}

static void run_end(struct run *r)
{
	lab_free(r->lab);
	world_free(r->w);
	lab_content_free(r->content);
}

static bool all_done(const struct run *r, uint32_t from)
{
	for (uint32_t i = from; i < r->peers; i++) {
		struct lab_host_stats stats;
		lab_stats(r->lab, i, &stats);
		if (stats.done_at == 0)
			return false;
	}
	return true;
}

static bool run_until_done(struct run *r, uint32_t from)
{
	const usec end = world_now(r->w) + DEADLINE;
	while (!all_done(r, from))
		if (!world_step(r->w, end))
			return false;
	return true;
}

/* One seed, nine that know only the hash. */
static uint64_t magnet_swarm(uint64_t seed)
{
	struct run r;
	run_begin(&r, seed, 10, 4 << 20, 0.01);
	const struct lab_host_config seed_host = { .up = 1 << 20 }, peer = { .up = 512 << 10 };
	for (uint32_t i = 0; i < r.peers; i++) {
		lab_host_add(r.lab, i == 0 ? &seed_host : &peer);
		lab_add(r.lab, i, r.content, i == 0, i != 0);
	}
	cr_assert(run_until_done(&r, 1), "seed %llu: the swarm did not finish",
	          (unsigned long long)seed);
	const uint64_t hash = world_trace_hash(r.w);
	run_end(&r);
	return hash;
}

Test(swarm, ten_sessions_by_magnet_finish_and_replay)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		const uint64_t first = magnet_swarm(seed), again = magnet_swarm(seed);
		cr_assert_eq(first, again, "seed %llu: two runs differ", (unsigned long long)seed);
	}
}
