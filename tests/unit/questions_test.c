/* The questions of node.h: bounds and refusals. */
#include "dht/item.h"
#include "tests/unit/node_net.h"

static struct net net;
static const uint8_t hash_a[DHT_ID_SIZE] = "a torrent's hash, 20";
static struct {
	dht_search search;
	unsigned pongs, dones, nodes;
	uint32_t replied;
	usec rtt;
} seen;

static void watch(struct net *x, unsigned node, const struct dht_output *out)
{
	(void)x;
	(void)node;
	if (out->search != seen.search || out->search == 0)
		return;
	if (out->kind == DHT_OUT_PONG) {
		seen.pongs++;
		seen.rtt = out->rtt;
	} else if (out->kind == DHT_OUT_NODES) {
		seen.nodes = out->count;
	} else if (out->kind == DHT_OUT_DONE) {
		seen.dones++;
		seen.replied = out->replied;
	}
}

static void setup(void)
{
	net_init(&net, 2);
	net.on_output = watch;
	memset(&seen, 0, sizeof(seen));
	net_add(&net, net_global(0), NULL);
}

static void teardown(void)
{
	net_deinit(&net);
}

TestSuite(questions, .init = setup, .fini = teardown);

Test(questions, ping)
{
	net_add(&net, net_global(1), NULL);
	seen.search = dht_node_ping(net.nodes[0].dht, &net.nodes[1].at, net.now);
	net_run(&net, USEC_PER_SEC);
	cr_assert_eq(seen.pongs, 1);
	cr_assert_eq(seen.dones, 1);
	cr_assert_eq(seen.replied, 1);
	cr_assert_eq(seen.rtt, 2 * net.delay);
}

Test(questions, ping_of_nobody_ends)
{
	const struct endpoint nobody = net_global(50);
	seen.search = dht_node_ping(net.nodes[0].dht, &nobody, net.now);
	net_run(&net, 30 * USEC_PER_SEC);
	cr_assert_eq(seen.pongs, 0);
	cr_assert_eq(seen.dones, 1);
	cr_assert_eq(seen.replied, 0);
	cr_assert_eq(net_stats(&net, 0).searches, 0);
}

static bool lose_first(struct net *x, const struct endpoint *from, const struct endpoint *to,
                       struct bytes datagram)
{
	(void)from;
	(void)to;
	(void)datagram;
	return x->sent > 1;
}

Test(questions, a_lost_ping_is_sent_again)
{
	net_add(&net, net_global(1), NULL);
	net.on_send = lose_first;
	seen.search = dht_node_ping(net.nodes[0].dht, &net.nodes[1].at, net.now);
	net_run(&net, 5 * USEC_PER_SEC);
	cr_assert_eq(seen.pongs, 1);
}

Test(questions, impossible_ones_are_refused)
{
	const struct endpoint none = endpoint_v4(0, 0, 0, 0, 0);
	struct endpoint six;
	cr_assert(endpoint_parse("[2a01::1]:5", 0, &six));
	struct dht_node *n = net.nodes[0].dht;
	cr_assert_eq(dht_node_ping(n, &none, net.now), 0);
	cr_assert_eq(dht_node_ping(n, &six, net.now), 0, "no socket for it");
	cr_assert_eq(dht_node_sample(n, &none, hash_a, net.now), 0);
	uint8_t salt[DHT_SALT_MAX + 1] = { 0 };
	cr_assert_eq(dht_node_get_item(n, hash_a, salt, bytes_of(salt, sizeof(salt)), net.now), 0);
	struct dht_item item = { .value_size = DHT_VALUE_MAX + 1 };
	cr_assert_eq(dht_node_put_item(n, &item, false, 0, net.now), 0);
	item = (struct dht_item){ .value_size = 3, .value = "3:a" };
	cr_assert_eq(dht_node_put_item(n, &item, false, 0, net.now), 0, "not bencode");
	item = (struct dht_item){ .value_size = 3, .value = "1:a", .mutable_item = true };
	cr_assert_eq(dht_node_put_item(n, &item, false, 0, net.now), 0, "not signed");
	dht_node_cancel(n, 0);
	dht_node_cancel(n, 12345);
}

Test(questions, searches_are_bounded)
{
	struct dht_node *n = net.nodes[0].dht;
	static dht_search ids[DHT_SEARCHES_MAX];
	for (unsigned i = 0; i < DHT_SEARCHES_MAX; i++) {
		ids[i] = dht_node_get_peers(n, hash_a, 0, 0, net.now);
		cr_assert_neq(ids[i], 0);
		for (unsigned j = 0; j < i; j += 97)
			cr_assert_neq(ids[i], ids[j]);
	}
	cr_assert_eq(dht_node_get_peers(n, hash_a, 0, 0, net.now), 0);
	cr_assert_eq(net_stats(&net, 0).searches, DHT_SEARCHES_MAX);
	dht_node_cancel(n, ids[5]);
	cr_assert_eq(net_stats(&net, 0).searches, DHT_SEARCHES_MAX - 1);
	const dht_search again = dht_node_get_peers(n, hash_a, 0, 0, net.now);
	cr_assert(again != 0 && again != ids[5], "ids never repeat");
	for (unsigned i = 0; i < DHT_SEARCHES_MAX; i++)
		dht_node_cancel(n, ids[i]);
	dht_node_cancel(n, again);
	cr_assert_eq(net_stats(&net, 0).searches, 0);
}

Test(questions, cancelled_search_says_nothing_more)
{
	net_grow(&net, 20, true);
	seen.search = dht_node_find_node(net.nodes[3].dht, hash_a, net.now);
	net_run(&net, 40 * USEC_PER_MS);
	dht_node_cancel(net.nodes[3].dht, seen.search);
	net_run(&net, 20 * USEC_PER_SEC);
	cr_assert_eq(seen.dones, 0);
	seen.search = dht_node_find_node(net.nodes[3].dht, hash_a, net.now);
	net_run(&net, 20 * USEC_PER_SEC);
	cr_assert_eq(seen.dones, 1);
	cr_assert_eq(seen.nodes, 8);
}
