/* Whole nodes in a tiny network on virtual time: the front door. */
#include "tests/unit/node_net.h"

static struct net net;

/* What the last search said. */
static struct {
	dht_search search;
	unsigned peers, dones, readies, nodes;
	struct endpoint first_peer;
	usec first_peer_at, done_at;
	uint32_t announced, replied, error;
} seen;

static void watch(struct net *x, unsigned node, const struct dht_output *out)
{
	(void)node;
	if (out->search == 0 || out->search != seen.search)
		return;
	if (out->kind == DHT_OUT_PEERS) {
		if (seen.peers == 0) {
			seen.first_peer = out->peers[0];
			seen.first_peer_at = x->now;
		}
		seen.peers += out->count;
	} else if (out->kind == DHT_OUT_NODES) {
		seen.nodes = out->count;
	} else if (out->kind == DHT_OUT_READY) {
		seen.readies++;
	} else if (out->kind == DHT_OUT_DONE) {
		seen.dones++;
		seen.done_at = x->now;
		seen.announced = out->announced;
		seen.replied = out->replied;
		seen.error = out->error;
	}
}

static void setup(void)
{
	net_init(&net, 1);
	net.on_output = watch;
	memset(&seen, 0, sizeof(seen));
}

static void teardown(void)
{
	net_deinit(&net);
}

TestSuite(node, .init = setup, .fini = teardown);

static const uint8_t hash_a[DHT_ID_SIZE] = "a torrent's hash, 20";

Test(node, bootstraps_through_one_contact)
{
	net_grow(&net, 40, true);
	for (unsigned i = 0; i < 40; i++)
		cr_assert_geq(net_stats(&net, i).nodes_v4, 20, "node %u knows %u", i,
		              net_stats(&net, i).nodes_v4);
}

Test(node, bootstraps_on_loopback_behind_one_address)
{
	net_grow(&net, 30, false);
	for (unsigned i = 0; i < 30; i++)
		cr_assert_geq(net_stats(&net, i).nodes_v4, 20, "node %u knows %u", i,
		              net_stats(&net, i).nodes_v4);
}

Test(node, announced_peer_is_found_by_another)
{
	net_grow(&net, 40, true);
	seen.search = dht_node_get_peers(net.nodes[3].dht, hash_a, DHT_ANNOUNCE, 4444, net.now);
	cr_assert_neq(seen.search, 0);
	net_run(&net, 20 * USEC_PER_SEC);
	cr_assert_eq(seen.dones, 1);
	cr_assert_eq(seen.announced, 8);
	memset(&seen, 0, sizeof(seen));
	const usec asked = net.now;
	seen.search = dht_node_get_peers(net.nodes[30].dht, hash_a, 0, 0, net.now);
	net_run(&net, 20 * USEC_PER_SEC);
	cr_assert_eq(seen.peers, 1);
	cr_assert_eq(seen.dones, 1);
	cr_assert_eq(seen.readies, 1);
	struct endpoint expected = net.nodes[3].at;
	expected.port = 4444;
	cr_assert(endpoint_equal(&seen.first_peer, &expected));
	cr_assert_lt(seen.first_peer_at - asked, USEC_PER_SEC);
	cr_assert_leq(seen.first_peer_at, seen.done_at);
}
