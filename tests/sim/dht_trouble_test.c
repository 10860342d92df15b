/* tests/sim/dht_trouble_test.c: what networks do to nodes: partitions, outages,
 * suspended hosts, clocks that jump, address translators, families that do not
 * work, another address. */
#include "dht/id.h"
#include "tests/sim/dht_sim.h"

/* D10. */
Test(dht_trouble, partition_heals)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct sim s;
		uint8_t hash[DHT_ID_SIZE];
		sim_begin(&s, seed, NULL);
		sim_grow(&s, 60, NULL);
		for (uint32_t i = 0; i < 60; i++)
			datagrams_set_group(dht_net_datagrams(s.net), dht_net_host(s.net, i, ENDPOINT_V4),
			                    (uint8_t)(i % 2));
		datagrams_split(dht_net_datagrams(s.net), true);
		sim_run(&s, 40 * USEC_PER_MIN);
		sim_hash(seed, hash);
		cr_assert(sim_get_peers(&s, 2, hash, DHT_ANNOUNCE, 6000));
		cr_assert(sim_get_peers(&s, 14, hash, 0, 0));
		cr_assert(sim_found(&s, 2), "seed %llu: its own side works on", SIM_SEED(s));
		cr_assert(sim_get_peers(&s, 3, hash, 0, 0));
		cr_assert_not(sim_found(&s, 2), "seed %llu: there was no partition", SIM_SEED(s));
		datagrams_split(dht_net_datagrams(s.net), false);
		sim_run(&s, 60 * USEC_PER_MIN);
		sim_hash(100 + seed, hash);
		cr_assert(sim_get_peers(&s, 4, hash, DHT_ANNOUNCE, 6000));
		uint32_t found = 0;
		for (uint32_t i = 0; i < 10; i++) {
			cr_assert(sim_get_peers(&s, 5 + 2 * i, hash, 0, 0));
			found += sim_found(&s, 4);
		}
		cr_assert_eq(found, 10, "seed %llu: %u of 10 across", SIM_SEED(s), found);
		sim_expect_sane(&s);
		sim_end(&s);
	}
}

static void expect_recovery(struct sim *s, uint32_t who, const uint8_t hash[DHT_ID_SIZE],
                            uint32_t holder)
{
	const usec back = world_now(s->world);
	do {
		cr_assert(sim_get_peers(s, who, hash, 0, 0));
		if (sim_found(s, holder))
			return;
		sim_run(s, USEC_PER_SEC);
	} while (world_now(s->world) < back + 60 * USEC_PER_SEC);
	cr_assert_fail("seed %llu: nothing found a minute after", SIM_SEED(*s));
}

Test(dht_trouble, an_hour_without_network)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct sim s;
		uint8_t hash[DHT_ID_SIZE];
		sim_begin(&s, seed, NULL);
		sim_grow(&s, 60, NULL);
		sim_hash(5, hash);
		dht_node_follow(dht_net_node(s.net, 8), hash, DHT_ANNOUNCE, 6000, dht_net_now(s.net, 8));
		dht_net_settle(s.net, 8);
		const uint32_t knew = sim_known(&s, 30);
		dht_net_cut(s.net, 30, true);
		/* What it asks meanwhile must not cost it its table. */
		for (int i = 0; i < 6; i++) {
			cr_assert(sim_get_peers(&s, 30, hash, 0, 0), "D8");
			cr_assert_not(sim_found(&s, 8));
			sim_run(&s, 10 * USEC_PER_MIN);
		}
		cr_assert_geq(sim_known(&s, 30), knew * 3 / 4, "seed %llu: %u of %u nodes left", SIM_SEED(s),
		              sim_known(&s, 30), knew);
		dht_net_cut(s.net, 30, false);
		expect_recovery(&s, 30, hash, 8);
		sim_end(&s);
	}
}

/* D11. */
Test(dht_trouble, a_suspended_host_wakes_without_a_storm)
{
	struct sim s;
	uint8_t hash[DHT_ID_SIZE];
	sim_begin(&s, 8, NULL);
	sim_grow(&s, 60, NULL);
	for (uint32_t i = 0; i < 200; i++) {
		sim_hash(1000 + i, hash);
		dht_node_follow(dht_net_node(s.net, 30), hash, DHT_ANNOUNCE, 6000, dht_net_now(s.net, 30));
	}
	dht_net_settle(s.net, 30);
	sim_hash(6, hash);
	dht_node_follow(dht_net_node(s.net, 8), hash, DHT_ANNOUNCE, 6000, dht_net_now(s.net, 8));
	dht_net_settle(s.net, 8);
	sim_run(&s, 5 * USEC_PER_MIN);
	dht_net_suspend(s.net, 30);
	sim_run(&s, 480 * USEC_PER_MIN);
	const uint64_t before = sim_stats(&s, 30).packets_out;
	dht_net_resume(s.net, 30);
	sim_run(&s, USEC_PER_SEC);
	const uint64_t burst = sim_stats(&s, 30).packets_out - before;
	cr_assert_leq(burst, 1500, "%llu packets in a second", (unsigned long long)burst);
	expect_recovery(&s, 30, hash, 8);
	sim_end(&s);
}

Test(dht_trouble, clocks_that_jump)
{
	struct sim s;
	uint8_t hash[DHT_ID_SIZE];
	sim_begin(&s, 9, NULL);
	sim_grow(&s, 60, NULL);
	sim_hash(7, hash);
	cr_assert(sim_get_peers(&s, 8, hash, DHT_ANNOUNCE, 6000));
	dht_net_jump(s.net, 30, (int64_t)(3600 * USEC_PER_SEC));
	expect_recovery(&s, 30, hash, 8);
	dht_net_jump(s.net, 30, -(int64_t)(60 * USEC_PER_SEC));
	sim_run(&s, 2 * USEC_PER_MIN);
	expect_recovery(&s, 30, hash, 8);
	sim_end(&s);
}

/* D8: cut off in the middle of it. */
Test(dht_trouble, every_search_ends)
{
	struct sim s;
	uint8_t hash[DHT_ID_SIZE];
	sim_begin(&s, 10, NULL);
	sim_grow(&s, 60, NULL);
	for (uint32_t i = 0; i < 20; i++) {
		sim_hash(300 + i, hash);
		const usec start = world_now(s.world);
		const dht_search search = dht_node_get_peers(dht_net_node(s.net, 30), hash, DHT_ANNOUNCE,
		                                             6000, dht_net_now(s.net, 30));
		s.log = (struct answer_log){ .who = 30, .search = search };
		dht_net_settle(s.net, 30);
		sim_run(&s, i * 40 * USEC_PER_MS);
		dht_net_cut(s.net, 30, true);
		while (!s.log.done && world_step(s.world, start + USEC_PER_MIN))
			;
		cr_assert(s.log.done, "search %u", i);
		dht_net_cut(s.net, 30, false);
		sim_run(&s, 30 * USEC_PER_SEC);
	}
	cr_assert_eq(sim_stats(&s, 30).searches, 0);
	sim_end(&s);
}

/* ---- hosts of all kinds ---- */

Test(dht_trouble, behind_translators)
{
	static const enum nat_kind kinds[] = { NAT_NONE, NAT_FULL_CONE, NAT_RESTRICTED,
		                               NAT_PORT_RESTRICTED, NAT_SYMMETRIC };
	struct datagrams_config c = sim_typical();
	struct sim s;
	uint8_t hash[DHT_ID_SIZE];
	c.loss = 0.02;
	sim_begin(&s, 11, &c);
	sim_grow(&s, 60, NULL);
	for (uint32_t i = 0; i < 40; i++) {
		const struct dht_net_node host = { .nat = kinds[i % 5] };
		const uint32_t who = dht_net_add(s.net, &host);
		dht_net_router(s.net, who, 0);
		sim_run(&s, USEC_PER_SEC);
	}
	sim_run(&s, 10 * USEC_PER_MIN);
	for (uint32_t i = 0; i < 40; i++) {
		sim_hash(500 + i, hash);
		cr_assert(sim_get_peers(&s, 60 + i, hash, DHT_ANNOUNCE, 6000));
		cr_assert_geq(s.log.announced, 4, "kind %d: %u took it", kinds[i % 5], s.log.announced);
		cr_assert(sim_get_peers(&s, 60 + (i + 7) % 40, hash, 0, 0));
		cr_assert(sim_found(&s, 60 + i), "kind %d looked for by kind %d", kinds[i % 5],
		          kinds[(i + 7) % 5]);
	}
	sim_end(&s);
}

/* Nobody reaches it, so it does not serve (BEP 43), and serves again when
 * somebody does. */
Test(dht_trouble, read_only_when_unreachable)
{
	const struct dht_net_node closed = { .nat = NAT_PORT_RESTRICTED };
	struct sim s;
	sim_begin(&s, 12, NULL);
	sim_grow(&s, 120, NULL);
	const uint32_t who = dht_net_add(s.net, &closed);
	dht_net_router(s.net, who, 0);
	sim_run(&s, 55 * USEC_PER_MIN);
	cr_assert(sim_stats(&s, who).read_only);
	uint32_t open_ones = 0;
	for (uint32_t i = 0; i < 120; i++)
		open_ones += !sim_stats(&s, i).read_only;
	cr_assert_geq(open_ones, 115, "only %u of 120 serve", open_ones);
	sim_end(&s);
}

Test(dht_trouble, two_families_help_each_other_and_neither_waits)
{
	const struct dht_net_node both = { .v4 = true, .v6 = true }, six = { .v6 = true };
	struct sim s;
	uint8_t hash[DHT_ID_SIZE];
	sim_begin(&s, 13, NULL);
	/* The router has IPv4 alone: IPv6 comes by `want`. */
	const uint32_t router = dht_net_add(s.net, NULL);
	cr_assert_eq(router, 0);
	const uint32_t first = dht_net_add(s.net, &both);
	dht_net_router(s.net, first, router);
	for (uint32_t i = 0; i < 40; i++) {
		const uint32_t who = dht_net_add(s.net, &both);
		dht_net_router(s.net, who, router);
		/* The door of the IPv6 network: one node that all of them are told. */
		dht_node_add_contact(dht_net_node(s.net, who),
		                     datagrams_endpoint(dht_net_datagrams(s.net),
		                                        dht_net_host(s.net, first, ENDPOINT_V6)),
		                     DHT_CONTACT, dht_net_now(s.net, who));
		dht_net_settle(s.net, who);
		sim_run(&s, USEC_PER_SEC);
	}
	sim_run(&s, 3 * USEC_PER_MIN);
	for (uint32_t i = 2; i < 42; i++) {
		cr_assert_geq(sim_stats(&s, i).nodes_v4, 15, "node %u", i);
		cr_assert_geq(sim_stats(&s, i).nodes_v6, 15, "node %u: %u", i, sim_stats(&s, i).nodes_v6);
	}
	const uint32_t alone = dht_net_add(s.net, &six);
	dht_node_add_contact(dht_net_node(s.net, alone),
	                     datagrams_endpoint(dht_net_datagrams(s.net),
	                                        dht_net_host(s.net, 5, ENDPOINT_V6)),
	                     DHT_CONTACT, dht_net_now(s.net, alone));
	dht_net_settle(s.net, alone);
	sim_run(&s, USEC_PER_MIN);
	sim_hash(8, hash);
	cr_assert(sim_get_peers(&s, alone, hash, DHT_ANNOUNCE, 6000));
	cr_assert(sim_get_peers(&s, 20, hash, 0, 0));
	cr_assert(sim_found(&s, alone));
	/* IPv4 alone in practice: its IPv6 goes nowhere. */
	const uint32_t half = dht_net_add(s.net, &both);
	datagrams_cut(dht_net_datagrams(s.net), dht_net_host(s.net, half, ENDPOINT_V6), true);
	dht_net_router(s.net, half, router);
	sim_run(&s, 20 * USEC_PER_SEC);
	cr_assert_geq(sim_stats(&s, half).nodes_v4, 15);
	sim_expect_sane(&s);
	sim_end(&s);
}

/* BEP 42: the votes give everybody an id that fits, also in mid-search, and
 * the table is kept. */
Test(dht_trouble, ids_follow_the_address)
{
	struct sim s;
	uint8_t hash[DHT_ID_SIZE], id[DHT_ID_SIZE];
	sim_begin(&s, 14, NULL);
	sim_grow(&s, 80, NULL);
	sim_run(&s, 20 * USEC_PER_MIN);
	uint32_t fit = 0;
	for (uint32_t i = 0; i < 80; i++)
		fit += id_fits_address(dht_node_id(dht_net_node(s.net, i), ENDPOINT_V4), dht_net_at(s.net, i));
	cr_assert_geq(fit, 78, "%u of 80", fit);
	sim_hash(9, hash);
	cr_assert(sim_get_peers(&s, 9, hash, DHT_ANNOUNCE, 6000));
	/* Another lease: the votes follow, and searches find all the while. */
	memcpy(id, dht_node_id(dht_net_node(s.net, 30), ENDPOINT_V4), sizeof id);
	datagrams_move(dht_net_datagrams(s.net), dht_net_host(s.net, 30, ENDPOINT_V4));
	const uint32_t knew = sim_known(&s, 30);
	bool changed = false;
	for (int i = 0; i < 60 && !changed; i++) {
		sim_hash(i % 3 == 0 ? 9 : 9000 + (uint64_t)i, hash);
		cr_assert(sim_get_peers(&s, 30, hash, 0, 0));
		cr_assert(i % 3 != 0 || sim_found(&s, 9), "round %d", i);
		changed = !id_equal(id, dht_node_id(dht_net_node(s.net, 30), ENDPOINT_V4));
	}
	cr_assert(changed, "the id still fits the old address");
	cr_assert(id_fits_address(dht_node_id(dht_net_node(s.net, 30), ENDPOINT_V4),
	                          dht_net_at(s.net, 30)));
	cr_assert_geq(sim_known(&s, 30), knew / 2);
	sim_expect_sane(&s);
	sim_end(&s);
}
