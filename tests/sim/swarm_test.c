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

/* ---- with faults ---- */

struct bans {
	uint32_t liars_from;  /* hosts at and behind it lie */
	uint32_t honest_banned, liars_banned;
	const struct lab *lab;
	uint32_t peers;
};

static void count_bans(struct lab *lab, uint32_t host, const struct action *a, void *context)
{
	struct bans *b = context;
	(void)host;
	if (a->notice != NOTICE_BANNED)
		return;
	for (uint32_t i = 0; i < b->peers; i++) {
		const struct endpoint e = lab_endpoint(lab, i);
		if (!endpoint_same_address(&e, &a->endpoint))
			continue;
		if (i >= b->liars_from)
			b->liars_banned++;
		else
			b->honest_banned++;
	}
}

/* S2, S8: three of twelve serve false blocks now and then: everybody finishes
 * with what the hashes say, liars are found, and no honest peer is blamed. */
Test(swarm, liars_are_found_and_nobody_else)
{
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct run r;
		run_begin(&r, seed, 12, 6 << 20, 0);
		struct bans bans = { .liars_from = 9, .peers = 12 };
		lab_set_listener(r.lab, count_bans, &bans);
		for (uint32_t i = 0; i < r.peers; i++) {
			const struct lab_host_config h = { .up = i == 0 ? 2 << 20 : 1 << 20,
				                           .lie = i >= 9 ? 0.2 : 0 };
			lab_host_add(r.lab, &h);
			lab_add(r.lab, i, r.content, i == 0, false);
		}
		cr_assert(run_until_done(&r, 1), "seed %llu did not finish", (unsigned long long)seed);
		cr_assert_eq(bans.honest_banned, 0, "seed %llu", (unsigned long long)seed);
		cr_assert_gt(bans.liars_banned, 0, "seed %llu", (unsigned long long)seed);
		run_end(&r);
	}
}

Test(swarm, streams_cut_into_single_bytes_change_nothing)
{
	struct run r;
	run_begin(&r, 3, 4, 600 << 10, 0);
	const struct lab_host_config h = { .byte_reads = 1 };
	for (uint32_t i = 0; i < r.peers; i++) {
		lab_host_add(r.lab, &h);
		lab_add(r.lab, i, r.content, i == 0, i != 0);
	}
	cr_assert(run_until_done(&r, 1));
	run_end(&r);
}

/* Whether each piece is with one of the hosts 1 to last - 1. */
static bool others_have_all(const struct run *r, const torrent_id *ids, uint32_t last)
{
	for (uint32_t piece = 0; piece < (8 << 20) / (256 << 10); piece++) {
		bool found = false;
		for (uint32_t i = 1; i < last && !found; i++) {
			const struct bitfield *have = session_have(lab_session(r->lab, i), ids[i]);
			found = have != NULL && bitfield_get(have, piece);
		}
		if (!found)
			return false;
	}
	return true;
}

/* S14: peers vanish, one is cut off for a minute; the seed leaves as soon as
 * one copy is out. */
Test(swarm, churn_and_a_seed_that_leaves)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct run r;
		torrent_id ids[12];
		run_begin(&r, seed, 12, 8 << 20, 0.02);
		for (uint32_t i = 0; i < 12; i++) {
			const struct lab_host_config h = { .up = 1 << 20 };
			lab_host_add(r.lab, &h);
			ids[i] = lab_add(r.lab, i, r.content, i == 0, i % 2 == 1);
		}
		world_run(r.w, world_now(r.w) + 3 * USEC_PER_SEC);
		lab_kill(r.lab, 11);
		lab_kill(r.lab, 10);
		lab_cut(r.lab, 9, true);
		const usec end = world_now(r.w) + DEADLINE;
		while (!others_have_all(&r, ids, 9))
			cr_assert(world_step(r.w, end));
		lab_kill(r.lab, 0);
		world_run(r.w, world_now(r.w) + 60 * USEC_PER_SEC);
		lab_cut(r.lab, 9, false);
		r.peers = 10;
		cr_assert(run_until_done(&r, 1), "seed %llu did not finish", (unsigned long long)seed);
		run_end(&r);
	}
}

/* Encrypted, plain and picky peers in one swarm. */
Test(swarm, encryption_policies_mix)
{
	struct run r;
	run_begin(&r, 8, 9, 4 << 20, 0);
	for (uint32_t i = 0; i < r.peers; i++) {
		const struct lab_host_config h = {
			.up = 1 << 20,
			.session.encryption = i == 0 ? ENCRYPTION_ALLOWED : (enum encryption_policy)(i % 4),
		};
		lab_host_add(r.lab, &h);
		lab_add(r.lab, i, r.content, i == 0, i != 0);
	}
	cr_assert(run_until_done(&r, 1));
	run_end(&r);
}
