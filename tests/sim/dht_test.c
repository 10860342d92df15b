/* tests/sim/dht_test.c: networks of real DHT nodes on virtual time: they join
 * through one router, find what others announce, and keep it findable.
 *
 * D1 to D12 are the invariants of sim_broken_invariant() and of the tests that
 * name them. What networks do to nodes is in dht_trouble_test.c, what liars do
 * in dht_attack_test.c. */

#include "dht/id.h"
#include "dht/item.h"
#include "proto/sign.h"
#include "tests/sim/dht_sim.h"

#include <stdlib.h>

/* Announce by many, look for each from elsewhere; how many are found. */
static uint32_t announce_and_find(struct sim *s, uint32_t torrents)
{
	struct rng rng;
	uint8_t hash[DHT_ID_SIZE];
	uint32_t found = 0;
	rng_init_number(&rng, s->seed, 5);
	for (uint32_t t = 0; t < torrents; t++) {
		const uint32_t count = dht_net_count(s->net);
		const uint32_t seed = 1 + rng_below(&rng, count - 1), peer = 1 + rng_below(&rng, count - 1);
		sim_hash(s->seed * 1000 + t, hash);
		cr_assert(sim_get_peers(s, seed, hash, DHT_ANNOUNCE, 6000), "seed %llu: D8", SIM_SEED(*s));
		cr_assert_geq(s->log.announced, 2, "seed %llu: %u took it", SIM_SEED(*s), s->log.announced);
		cr_assert(sim_get_peers(s, peer, hash, 0, 0), "seed %llu: D8", SIM_SEED(*s));
		found += sim_found(s, seed) && s->log.peers[0].port == 6000;
	}
	return found;
}

static uint64_t small_network(uint64_t seed)
{
	struct datagrams_config c = sim_typical();
	struct sim s;
	c.loss = 0.02;
	sim_begin(&s, seed, &c);
	sim_grow(&s, 60, NULL);
	for (uint32_t i = 0; i < 60; i++)
		cr_assert_geq(sim_known(&s, i), 20, "seed %llu: node %u knows %u", SIM_SEED(s), i,
		              sim_known(&s, i));
	cr_assert_eq(announce_and_find(&s, 10), 10, "seed %llu", SIM_SEED(s));
	sim_expect_sane(&s);
	const uint64_t trace = world_trace_hash(s.world);
	sim_end(&s);
	return trace;
}

Test(dht_network, joins_through_one_router_and_finds_everything)
{
	for (uint64_t seed = 1; seed <= 8; seed++)
		cr_assert_neq(small_network(seed), 0);
}

Test(dht_network, the_same_seed_gives_the_same_run)
{
	const uint64_t first = small_network(21);
	cr_assert_eq(first, small_network(21));
	cr_assert_neq(first, small_network(22));
}

/* D9: without liars and loss, an announce reaches the true nearest, once the
 * neighbours have met those who changed their id after joining. */
Test(dht_network, five_hundred_nodes_store_at_the_nearest)
{
	struct sim s;
	uint8_t hash[DHT_ID_SIZE];
	uint32_t hits = 0, found = 0;
	sim_begin(&s, 3, NULL);
	sim_grow(&s, 500, NULL);
	sim_run(&s, 60 * USEC_PER_MIN);
	for (uint32_t i = 0; i < 50; i++) {
		sim_hash(900 + i, hash);
		cr_assert(sim_get_peers(&s, 1 + i * 7, hash, DHT_ANNOUNCE, 6000));
		/* Nearer ones that answer late get theirs as well. */
		sim_run(&s, 12 * USEC_PER_SEC);
		hits += sim_stored_at_closest(&s, hash);
		cr_assert(sim_get_peers(&s, 400 - i * 7, hash, 0, 0));
		found += sim_found(&s, 1 + i * 7);
	}
	cr_assert_geq(hits, 50 * 8 * 99 / 100, "%u of 400", hits);
	cr_assert_eq(found, 50);
	sim_expect_sane(&s);
	sim_end(&s);
}

Test(dht_network, packets_doubled_reordered_and_damaged)
{
	struct datagrams_config c = sim_typical();
	c.loss = 0.05;
	c.duplicate = 0.1;
	c.reorder = 0.2;
	c.corrupt = 0.05;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct sim s;
		sim_begin(&s, seed, &c);
		sim_grow(&s, 50, NULL);
		cr_assert_geq(announce_and_find(&s, 10), 9, "seed %llu", SIM_SEED(s));
		sim_end(&s);
	}
}

/* ---- joining ---- */

static usec time_to_know(struct sim *s, uint32_t who, uint32_t nodes, usec limit)
{
	const usec start = world_now(s->world);
	while (sim_known(s, who) < nodes && world_now(s->world) < start + limit)
		sim_run(s, 50 * USEC_PER_MS);
	return world_now(s->world) - start;
}

static void sort(usec *values, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++)
		for (uint32_t j = i; j > 0 && values[j] < values[j - 1]; j--) {
			const usec swap = values[j];
			values[j] = values[j - 1];
			values[j - 1] = swap;
		}
}

Test(dht_network, a_cold_start_knows_32_nodes_soon)
{
	usec times[11];
	struct sim s;
	sim_begin(&s, 4, NULL);
	sim_grow(&s, 200, NULL);
	for (int i = 0; i < 11; i++) {
		const uint32_t who = dht_net_add(s.net, NULL);
		dht_net_router(s.net, who, 0);
		times[i] = time_to_know(&s, who, 32, USEC_PER_MIN);
	}
	sort(times, 11);
	cr_assert_leq(times[5], 2500 * USEC_PER_MS, "median %u ms", (unsigned)(times[5] / USEC_PER_MS));
	cr_assert_leq(times[10], 10 * USEC_PER_SEC, "worst %u ms", (unsigned)(times[10] / USEC_PER_MS));
	sim_end(&s);
}

static bool drop_first(struct dht_net *net, uint32_t who, const struct endpoint *from,
                       struct bytes datagram, void *context)
{
	uint32_t *left = context;
	(void)net;
	(void)from;
	(void)datagram;
	if (who != 0 || *left == 0)
		return true;
	--*left;
	return false;
}

/* One lost first packet cost others ten minutes. */
Test(dht_network, first_packets_lost)
{
	for (uint32_t lost = 1; lost <= 3; lost++) {
		struct sim s;
		uint32_t left = lost;
		sim_begin(&s, lost, NULL);
		sim_grow(&s, 50, NULL);
		const uint32_t who = dht_net_add(s.net, NULL);
		dht_net_set_filter(s.net, drop_first, &left);
		dht_net_router(s.net, who, 0);
		const usec took = time_to_know(&s, who, 20, 2 * USEC_PER_MIN);
		cr_assert_eq(left, 0);
		cr_assert_leq(took, 60 * USEC_PER_SEC, "after %u lost: %u ms", lost,
		              (unsigned)(took / USEC_PER_MS));
		sim_end(&s);
	}
}

Test(dht_network, no_network_at_the_start)
{
	struct sim s;
	sim_begin(&s, 5, NULL);
	sim_grow(&s, 50, NULL);
	const uint32_t who = dht_net_add(s.net, NULL);
	dht_net_cut(s.net, who, true);
	dht_net_router(s.net, who, 0);
	sim_run(&s, 30 * USEC_PER_MIN);
	cr_assert_eq(sim_known(&s, who), 0);
	dht_net_cut(s.net, who, false);
	const usec took = time_to_know(&s, who, 20, 5 * USEC_PER_MIN);
	cr_assert_leq(took, 90 * USEC_PER_SEC, "%u ms", (unsigned)(took / USEC_PER_MS));
	sim_end(&s);
}

Test(dht_network, dead_routers_and_one_contact)
{
	struct sim s;
	sim_begin(&s, 6, NULL);
	sim_grow(&s, 50, NULL);
	const uint32_t who = dht_net_add(s.net, NULL);
	for (int i = 0; i < 4; i++) {
		const uint32_t dead = dht_net_add(s.net, NULL);
		dht_net_kill(s.net, dead);
		dht_net_router(s.net, who, dead);
	}
	dht_net_contact(s.net, who, 17);
	const usec took = time_to_know(&s, who, 20, 5 * USEC_PER_MIN);
	cr_assert_leq(took, 60 * USEC_PER_SEC, "%u ms", (unsigned)(took / USEC_PER_MS));
	sim_end(&s);
}

/* From its saved state, without any router: a search answers within a second. */
Test(dht_network, warm_start_from_the_saved_state)
{
	struct sim s;
	uint8_t hash[DHT_ID_SIZE];
	usec times[9];
	sim_begin(&s, 7, NULL);
	sim_grow(&s, 120, NULL);
	sim_hash(70, hash);
	cr_assert(sim_get_peers(&s, 9, hash, DHT_ANNOUNCE, 6000));
	for (uint32_t i = 0; i < 9; i++) {
		size_t size;
		uint8_t *state = dht_node_save(dht_net_node(s.net, 20 + i), &size);
		dht_net_kill(s.net, 20 + i);
		const uint32_t who = dht_net_add(s.net, NULL);
		cr_assert(dht_node_load(dht_net_node(s.net, who), bytes_of(state, size),
		                        dht_net_now(s.net, who)));
		free(state);
		cr_assert(sim_get_peers(&s, who, hash, 0, 0));
		cr_assert(sim_found(&s, 9));
		times[i] = s.log.first_peer_at - s.log.asked_at;
	}
	sort(times, 9);
	cr_assert_leq(times[4], USEC_PER_SEC, "median %u ms", (unsigned)(times[4] / USEC_PER_MS));
	sim_end(&s);
}

/* ---- announcements over time ---- */

Test(dht_network, a_followed_torrent_stays_found_under_churn)
{
	struct datagrams_config c = sim_typical();
	struct sim s;
	uint8_t hash[DHT_ID_SIZE];
	uint32_t oldest = 20, found = 0;
	c.loss = 0.02;
	sim_begin(&s, 15, &c);
	sim_grow(&s, 100, NULL);
	sim_hash(10, hash);
	dht_node_follow(dht_net_node(s.net, 5), hash, DHT_ANNOUNCE, 6000, dht_net_now(s.net, 5));
	dht_net_settle(s.net, 5);
	/* Two hours; every two minutes one of the hundred is replaced. */
	for (int minute = 0; minute < 120; minute += 2) {
		dht_net_kill(s.net, oldest++);
		dht_net_router(s.net, dht_net_add(s.net, NULL), 0);
		sim_run(&s, 2 * USEC_PER_MIN);
		cr_assert(sim_get_peers(&s, oldest, hash, 0, 0));
		found += sim_found(&s, 5);
	}
	cr_assert_eq(found, 60, "%u of 60", found);
	sim_expect_sane(&s);
	sim_end(&s);
}

/* D7: what is not announced again goes. */
Test(dht_network, announcements_expire)
{
	struct sim s;
	uint8_t hash[DHT_ID_SIZE];
	sim_begin(&s, 16, NULL);
	sim_grow(&s, 50, NULL);
	sim_hash(11, hash);
	cr_assert(sim_get_peers(&s, 5, hash, DHT_ANNOUNCE, 6000));
	sim_run(&s, 29 * USEC_PER_MIN);
	cr_assert(sim_get_peers(&s, 9, hash, 0, 0));
	cr_assert(sim_found(&s, 5));
	sim_run(&s, 150 * USEC_PER_MIN);
	cr_assert(sim_get_peers(&s, 9, hash, 0, 0));
	cr_assert_not(sim_found(&s, 5));
	sim_end(&s);
}

/* ---- BEP 44 ---- */

static void make_item(struct dht_item *item, const uint8_t secret[SIGN_SECRET_SIZE], int64_t seq,
                      const char *value)
{
	*item = (struct dht_item){ .mutable_item = true, .seq = seq, .salt = "salt", .salt_size = 4,
		                   .value_size = (uint32_t)strlen(value) };
	memcpy(item->value, value, item->value_size);
	item_sign(item, secret);
}

/* D12: what is stored under a key never goes back. */
Test(dht_network, items_only_move_forward)
{
	struct sim s;
	struct dht_item item;
	uint8_t seed[SIGN_SEED_SIZE] = "a secret", key[SIGN_PUBLIC_SIZE], secret[SIGN_SECRET_SIZE];
	sim_begin(&s, 17, NULL);
	sim_grow(&s, 60, NULL);
	sign_keys(seed, key, secret);
	make_item(&item, secret, 1, "5:first");
	cr_assert(sim_put(&s, 4, &item, false, 0));
	cr_assert_geq(s.log.announced, 6);
	make_item(&item, secret, 2, "6:second");
	cr_assert(sim_put(&s, 5, &item, true, 1));
	cr_assert_eq(s.log.error, 0);
	cr_assert_geq(s.log.announced, 6);
	make_item(&item, secret, 3, "5:third");
	cr_assert(sim_put(&s, 6, &item, true, 1), "cas of a value that is gone");
	cr_assert_eq(s.log.error, 301);
	make_item(&item, secret, 1, "5:first");
	cr_assert(sim_put(&s, 7, &item, false, 0), "an old one");
	cr_assert_eq(s.log.error, 302);
	make_item(&item, secret, 2, "5:other");
	cr_assert(sim_put(&s, 8, &item, false, 0), "the same number, another value");
	cr_assert_eq(s.log.error, 302);
	cr_assert_leq(s.log.announced, 2, "only where there was none yet");
	cr_assert(sim_get_item(&s, 9, &item));
	cr_assert(s.log.has_item);
	cr_assert_eq(s.log.item.seq, 2);
	cr_assert_eq(memcmp(s.log.item.value, "6:second", 8), 0);
	/* A signature of somebody else. */
	make_item(&item, secret, 9, "6:forged");
	item.signature[5] ^= 1;
	cr_assert_not(sim_put(&s, 10, &item, false, 0), "refused at the door");
	cr_assert_eq(dht_node_put_item(dht_net_node(s.net, 10), &item, false, 0, dht_net_now(s.net, 10)),
	             0);
	item = (struct dht_item){ .value = "5:plain", .value_size = 7 };
	cr_assert(sim_put(&s, 11, &item, false, 0));
	cr_assert(sim_get_item(&s, 12, &item));
	cr_assert(s.log.has_item);
	cr_assert_eq(s.log.item.value_size, 7);
	sim_end(&s);
}
