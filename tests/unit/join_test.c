/* Getting into the network and staying in it (dht.md 4, 5, 6). */
#include "tests/unit/node_net.h"

static struct net net;
static struct endpoint nobody;
static unsigned to_nobody, lost_first;
static usec nobody_at[64];

static bool count_nobody(struct net *x, const struct endpoint *from, const struct endpoint *to,
                         struct bytes datagram)
{
	(void)from;
	(void)datagram;
	if (endpoint_equal(to, &nobody))
		nobody_at[to_nobody++ % 64] = x->now;
	if (lost_first > 0) {
		lost_first--;
		return false;
	}
	return true;
}

static void setup(void)
{
	net_init(&net, 8);
	nobody = endpoint_v4(99, 98, 97, 96, 6881);
	to_nobody = lost_first = 0;
}

static void teardown(void)
{
	net_deinit(&net);
}

TestSuite(join, .init = setup, .fini = teardown);

static unsigned add_late(void)
{
	return net_add(&net, net_global(net.count), NULL);
}

/* Goal: 32 verified nodes within 2.5 s through one router. */
Test(join, cold_start_through_one_router)
{
	net_grow(&net, 80, true);
	const unsigned i = add_late();
	dht_node_add_contact(net.nodes[i].dht, &net.nodes[0].at, DHT_CONTACT_ROUTER, net.now);
	net_run(&net, 2500 * USEC_PER_MS);
	cr_assert_geq(net_stats(&net, i).nodes_v4, 32, "%u", net_stats(&net, i).nodes_v4);
}

Test(join, a_router_is_never_in_the_table)
{
	net_grow(&net, 10, true);
	const unsigned i = add_late();
	dht_node_add_contact(net.nodes[i].dht, &net.nodes[0].at, DHT_CONTACT_ROUTER, net.now);
	net_run(&net, 30 * USEC_PER_MIN);
	cr_assert_eq(net_stats(&net, i).nodes_v4, 9);
}

/* One lost first packet cost others 10 minutes. */
Test(join, lost_first_packets_cost_seconds)
{
	net_grow(&net, 20, true);
	net.on_send = count_nobody;
	const unsigned i = add_late();
	lost_first = 2;
	net_contact(&net, i, 0);
	net_run(&net, 10 * USEC_PER_SEC);
	cr_assert_geq(net_stats(&net, i).nodes_v4, 8);
}

Test(join, contacts_are_tried_for_ever_with_growing_pauses)
{
	net.on_send = count_nobody;
	const unsigned i = add_late();
	dht_node_add_contact(net.nodes[i].dht, &nobody, DHT_CONTACT, net.now);
	net_run(&net, 20 * USEC_PER_MIN);
	cr_assert(to_nobody >= 20 && to_nobody < 40, "%u", to_nobody);
	const unsigned before = to_nobody;
	net_run(&net, 60 * USEC_PER_MIN);
	cr_assert(to_nobody - before >= 40, "never gives up");
	for (unsigned k = 1; k < 20; k++)
		cr_assert_leq(nobody_at[k] - nobody_at[k - 1], 76 * USEC_PER_SEC);
	/* It comes alive: found within the pause. */
	net_add(&net, nobody, NULL);
	net_run(&net, 80 * USEC_PER_SEC);
	cr_assert_eq(net_stats(&net, i).nodes_v4, 1);
}

Test(join, routers_only_when_others_have_not_worked)
{
	net_grow(&net, 20, true);
	net.on_send = count_nobody;
	const unsigned i = add_late();
	dht_node_add_contact(net.nodes[i].dht, &nobody, DHT_CONTACT_ROUTER, net.now);
	for (unsigned k = 0; k < 10; k++)
		net_contact(&net, i, k);
	net_run(&net, 10 * USEC_PER_SEC);
	cr_assert_eq(to_nobody, 0);
	cr_assert_geq(net_stats(&net, i).nodes_v4, 8);
	/* With dead contacts the router is asked after a second. */
	const unsigned j = add_late();
	const struct endpoint dead = endpoint_v4(99, 98, 96, 96, 6881);
	const usec start = net.now;
	dht_node_add_contact(net.nodes[j].dht, &dead, DHT_CONTACT, net.now);
	dht_node_add_contact(net.nodes[j].dht, &nobody, DHT_CONTACT_ROUTER, net.now);
	net_run(&net, 3 * USEC_PER_SEC);
	cr_assert_geq(to_nobody, 1);
	cr_assert(nobody_at[0] - start >= 900 * USEC_PER_MS && nobody_at[0] - start <= 2 * USEC_PER_SEC);
}

Test(join, a_family_that_is_missing_does_not_hold_the_other_back)
{
	net_grow(&net, 20, true);
	const struct dht_config both = { .v4 = true, .v6 = true };
	const unsigned i = net_add(&net, net_global(net.count), &both);
	net_contact(&net, i, 0);
	net_run(&net, 5 * USEC_PER_SEC);
	cr_assert_geq(net_stats(&net, i).nodes_v4, 15);
	cr_assert_eq(net_stats(&net, i).nodes_v6, 0);
}

Test(join, two_nodes_that_only_hear_of_each_other_meet)
{
	add_late();
	add_late();
	net_contact(&net, 1, 0);
	net_run(&net, 30 * USEC_PER_SEC);
	cr_assert_eq(net_stats(&net, 0).nodes_v4, 1, "whoever asked us is looked at");
	cr_assert_eq(net_stats(&net, 1).nodes_v4, 1);
}

static bool cable_pulled(struct net *x, const struct endpoint *from, const struct endpoint *to,
                         struct bytes datagram)
{
	(void)datagram;
	return !endpoint_equal(from, &x->nodes[5].at) && !endpoint_equal(to, &x->nodes[5].at);
}

/* After an outage others had marked every node bad. */
Test(join, an_hour_without_network_costs_at_most_a_minute)
{
	net_grow(&net, 40, true);
	net_run(&net, 10 * USEC_PER_MIN);
	const uint32_t before = net_stats(&net, 5).nodes_v4;
	net.on_send = cable_pulled;
	net_run(&net, 60 * USEC_PER_MIN);
	cr_assert_geq(net_stats(&net, 5).nodes_v4, before * 8 / 10, "nobody is blamed");
	net.on_send = NULL;
	net_run(&net, 75 * USEC_PER_SEC);
	struct dht_stats stats = net_stats(&net, 5);
	cr_assert_geq(stats.nodes_v4, before * 8 / 10);
	const uint64_t heard = stats.packets_in;
	net_run(&net, 5 * USEC_PER_MIN);
	cr_assert_gt(net_stats(&net, 5).packets_in, heard);
}

static bool islands(struct net *x, const struct endpoint *from, const struct endpoint *to,
                    struct bytes datagram)
{
	(void)datagram;
	return (net_find(x, from) < 30) == (net_find(x, to) < 30);
}

/* D10 */
Test(join, a_partition_heals)
{
	net_grow(&net, 60, true);
	net.on_send = islands;
	net_run(&net, 40 * USEC_PER_MIN);
	net.on_send = NULL;
	net_run(&net, 60 * USEC_PER_MIN);
	unsigned across = 0;
	for (unsigned i = 30; i < 60; i++) {
		uint8_t target[DHT_ID_SIZE];
		memcpy(target, dht_node_id(net.nodes[i].dht, ENDPOINT_V4), DHT_ID_SIZE);
		dht_node_follow(net.nodes[i].dht, target, DHT_ANNOUNCE, 1000, net.now);
	}
	net_run(&net, 60 * USEC_PER_SEC);
	for (unsigned i = 0; i < 30; i++)
		across += net_stats(&net, i).stored_peers > 0;
	cr_assert_geq(across, 25, "%u nodes of the other side store", across);
}

/* D11 */
Test(join, no_storm_after_suspend)
{
	net_grow(&net, 40, true);
	uint8_t hash[DHT_ID_SIZE];
	for (unsigned i = 0; i < 50; i++) {
		rng_fill(&net.rng, hash, sizeof(hash));
		dht_node_follow(net.nodes[5].dht, hash, DHT_ANNOUNCE, 1000, net.now);
	}
	net_run(&net, 5 * USEC_PER_MIN);
	net.nodes[5].dead = true; /* the host sleeps for 8 hours */
	net_run(&net, 60 * USEC_PER_MIN);
	net.nodes[5].dead = false;
	const uint64_t before = net_stats(&net, 5).packets_out;
	net_run(&net, USEC_PER_SEC);
	cr_assert_leq(net_stats(&net, 5).packets_out - before, 1500);
	net_run(&net, 2 * USEC_PER_MIN);
	cr_assert_geq(net_stats(&net, 5).nodes_v4, 20);
}

/* Goal: at most 3 MB a day when nobody wants anything. */
Test(join, idle_traffic_is_small)
{
	net_grow(&net, 60, true);
	net_run(&net, 30 * USEC_PER_MIN);
	uint64_t before = 0, after = 0;
	for (unsigned i = 0; i < net.count; i++)
		before += net_stats(&net, i).bytes_out + net_stats(&net, i).bytes_in;
	net_run(&net, 120 * USEC_PER_MIN);
	for (unsigned i = 0; i < net.count; i++)
		after += net_stats(&net, i).bytes_out + net_stats(&net, i).bytes_in;
	const uint64_t a_day = (after - before) / net.count * 12;
	cr_assert_leq(a_day, 3000000u, "%llu bytes a day", (unsigned long long)a_day);
}

Test(join, a_network_change_looks_again_at_once)
{
	net_grow(&net, 20, true);
	net_run(&net, USEC_PER_MIN);
	const uint64_t before = net_stats(&net, 5).packets_out;
	dht_node_on_network_change(net.nodes[5].dht, net.now);
	net_run(&net, USEC_PER_SEC);
	cr_assert_gt(net_stats(&net, 5).packets_out, before);
	cr_assert_geq(net_stats(&net, 5).nodes_v4, 15);
}
