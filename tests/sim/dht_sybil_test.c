/* tests/sim/dht_sybil_test.c: crowds of liars in a DHT: spread evenly, around
 * one torrent, or around one node. They answer well, name only each other,
 * and keep no announce. */
#include "dht/id.h"
#include "tests/sim/dht_sim.h"
#include "tools/lab/dht_lab.h"
#include "tools/lab/dht_sybils.h"

struct crowd {
	struct sim sim;
	struct dht_sybils *liars;
};

/* A network that has run for long, with liars in it from the start. */
static void crowd_begin(struct crowd *c, uint64_t seed, uint32_t honest, uint32_t liars,
                        const uint8_t *around, unsigned shared_bits)
{
	const struct dht_net_node node = { .fitting_id = true };
	struct rng rng;
	rng_init_number(&rng, seed, 3);
	sim_begin(&c->sim, seed, NULL);
	c->liars = dht_sybils_new(c->sim.net);
	for (uint32_t i = 0; i < honest; i++)
		(void)dht_net_add(c->sim.net, &node);
	for (uint32_t i = 0; i < liars; i++) {
		uint8_t id[DHT_ID_SIZE];
		if (around != NULL)
			id_random_in_bucket(around, shared_bits + i % 8, &rng, id);
		dht_sybils_add(c->liars, around != NULL ? id : NULL);
	}
	dht_sybils_ready(c->liars);
	dht_net_warm(c->sim.net, dht_sybils_list(c->liars), dht_sybils_count(c->liars));
	sim_run(&c->sim, 5 * USEC_PER_MIN);
}

static void crowd_end(struct crowd *c)
{
	sim_end(&c->sim);
	dht_sybils_free(c->liars);
}

static uint32_t find_from_many(struct crowd *c, const uint8_t hash[DHT_ID_SIZE], uint32_t announcer,
                               uint32_t times)
{
	uint32_t found = 0;
	for (uint32_t i = 0; i < times; i++) {
		cr_assert(sim_get_peers(&c->sim, 1 + announcer + 7 * i, hash, 0, 0), "D8");
		found += sim_found(&c->sim, announcer);
	}
	return found;
}

/* One node in five lies: found half an hour later all the same. */
Test(dht_sybil, a_fifth_of_the_network)
{
	const struct dht_lab_config config = { .nodes = 500, .lookups = 200, .seed = 3, .nat = 0.4,
		                               .loss = 0.02, .churn_median_min = 200, .later_min = 30,
		                               .sybils = 0.2, .rtt_ms = { 135, 340, 1200 } };
	struct dht_lab_figures figures;
	dht_lab_run(&config, &figures);
	cr_assert_geq(figures.found_at_once, 0.99, "%.3f", figures.found_at_once);
	cr_assert_geq(figures.found_after_30min, 0.99, "%.3f", figures.found_after_30min);
	cr_assert_gt(figures.dead_contact_ratio, 0.2, "the network is too kind");
}

/* Twenty liars nearer to the torrent than any honest node. */
Test(dht_sybil, around_one_torrent)
{
	uint32_t found = 0;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct crowd c;
		uint8_t hash[DHT_ID_SIZE];
		sim_hash(seed, hash);
		crowd_begin(&c, seed, 300, 20, hash, 12);
		cr_assert(sim_get_peers(&c.sim, 3, hash, DHT_ANNOUNCE, 6000), "D8");
		sim_run(&c.sim, 12 * USEC_PER_SEC);
		found += find_from_many(&c, hash, 3, 10);
		cr_assert_gt(dht_sybils_asked(c.liars), 100, "they are not in the way");
		crowd_end(&c);
	}
	cr_assert_geq(found, 45, "%u of 50 found past the liars", found);
}

/* Forty liars around one node's id, which still finds and is found. */
Test(dht_sybil, around_one_node)
{
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct crowd c;
		uint8_t hash[DHT_ID_SIZE];
		/* The id of node 5 is the same in a network without liars. */
		crowd_begin(&c, seed, 300, 0, NULL, 0);
		uint8_t id[DHT_ID_SIZE];
		memcpy(id, dht_node_id(dht_net_node(c.sim.net, 5), ENDPOINT_V4), DHT_ID_SIZE);
		crowd_end(&c);
		crowd_begin(&c, seed, 300, 40, id, 9);
		cr_assert(id_equal(id, dht_node_id(dht_net_node(c.sim.net, 5), ENDPOINT_V4)));
		sim_hash(seed, hash);
		cr_assert(sim_get_peers(&c.sim, 5, hash, DHT_ANNOUNCE, 6000), "D8");
		cr_assert_geq(find_from_many(&c, hash, 5, 5), 4, "seed %llu", SIM_SEED(c.sim));
		sim_hash(100 + seed, hash);
		cr_assert(sim_get_peers(&c.sim, 50, hash, DHT_ANNOUNCE, 6000), "D8");
		cr_assert(sim_get_peers(&c.sim, 5, hash, 0, 0), "D8");
		cr_assert(sim_found(&c.sim, 50), "seed %llu", SIM_SEED(c.sim));
		sim_expect_sane(&c.sim);
		crowd_end(&c);
	}
}

/* D3: two hundred liars of one /24 knock at one door. */
Test(dht_sybil, one_subnet_gets_one_place_in_a_bucket)
{
	struct sim s;
	struct dht_contact known[512];
	sim_begin(&s, 9, NULL);
	sim_grow(&s, 60, NULL);
	for (uint32_t i = 1; i < 200; i++) {
		const struct dht_net_node near = { .at = endpoint_v4(61, 7, 9, (uint8_t)i, 6881) };
		const uint32_t who = dht_net_add(s.net, &near);
		dht_net_contact(s.net, who, 7);
		dht_net_contact(s.net, 7, who);
	}
	sim_run(&s, 10 * USEC_PER_MIN);
	const uint32_t count = dht_net_table(s.net, 7, known, 512);
	uint32_t theirs = 0;
	for (uint32_t i = 0; i < count; i++)
		theirs += known[i].endpoint.address[0] == 61 && known[i].endpoint.address[1] == 7;
	cr_assert_leq(theirs, 12, "%u of %u places", theirs, count);
	cr_assert_geq(count - theirs, 20);
	sim_expect_sane(&s);
	sim_end(&s);
}
