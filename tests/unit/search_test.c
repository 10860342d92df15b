/* Searches in a network: dead nodes, loss, late answers, lies. */
#include "dht/id.h"
#include "proto/krpc.h"
#include "tests/unit/node_net.h"

static struct net net;
static const uint8_t hash_a[DHT_ID_SIZE] = "a torrent's hash, 20";
static struct {
	dht_search search;
	unsigned peers, dones, readies;
	uint32_t announced, replied, queries;
	usec ready_at, done_at;
} seen;

static void watch(struct net *x, unsigned node, const struct dht_output *out)
{
	(void)node;
	if (out->search != seen.search || out->search == 0)
		return;
	if (out->kind == DHT_OUT_PEERS)
		seen.peers += out->count;
	if (out->kind == DHT_OUT_READY) {
		seen.readies++;
		seen.ready_at = x->now;
		cr_assert_leq(out->count, 16);
	}
	if (out->kind == DHT_OUT_DONE) {
		seen.dones++;
		seen.done_at = x->now;
		seen.announced = out->announced;
		seen.replied = out->replied;
		seen.queries = out->queries;
	}
}

static void setup(void)
{
	net_init(&net, 3);
	net.on_output = watch;
	memset(&seen, 0, sizeof(seen));
}

static void teardown(void)
{
	net_deinit(&net);
}

TestSuite(search, .init = setup, .fini = teardown);

static usec get_peers(unsigned node, unsigned flags)
{
	memset(&seen, 0, sizeof(seen));
	const usec start = net.now;
	seen.search = dht_node_get_peers(net.nodes[node].dht, hash_a, flags, 4444, net.now);
	net_run(&net, 30 * USEC_PER_SEC);
	cr_assert_eq(seen.dones, 1, "D8: every search ends, once");
	cr_assert_eq(seen.readies, 1);
	return seen.ready_at - start;
}

static unsigned holders(void)
{
	unsigned count = 0;
	for (unsigned i = 0; i < net.count; i++)
		count += dht_node_stored_peers(net.nodes[i].dht, hash_a) > 0;
	return count;
}

/* Is the announce at the nodes that are nearest of all that live. */
static unsigned nearest_holders(unsigned wanted, unsigned announcer)
{
	unsigned right = 0;
	for (unsigned i = 0; i < net.count; i++) {
		unsigned nearer = 0;
		const uint8_t *id = dht_node_id(net.nodes[i].dht, ENDPOINT_V4);
		if (net.nodes[i].dead || i == announcer)
			continue;
		for (unsigned j = 0; j < net.count; j++) {
			const uint8_t *other = dht_node_id(net.nodes[j].dht, ENDPOINT_V4);
			int difference = 0;
			for (int b = 0; b < 20 && difference == 0; b++)
				difference = (other[b] ^ hash_a[b]) - (id[b] ^ hash_a[b]);
			nearer += difference < 0 && !net.nodes[j].dead && j != announcer;
		}
		if (nearer < wanted && dht_node_stored_peers(net.nodes[i].dht, hash_a) > 0)
			right++;
	}
	return right;
}

/* D9 */
Test(search, announce_reaches_the_true_nearest)
{
	net_grow(&net, 60, true);
	get_peers(7, DHT_ANNOUNCE);
	cr_assert_eq(seen.announced, 8);
	cr_assert_eq(holders(), 8);
	cr_assert_eq(nearest_holders(8, 7), 8);
}

Test(search, a_third_dead_and_some_loss_do_not_stop_it)
{
	net_grow(&net, 90, true);
	net.loss_percent = 3;
	for (unsigned i = 0; i < 90; i += 3)
		net.nodes[i].dead = true;
	const usec took = get_peers(7, DHT_ANNOUNCE);
	cr_assert_lt(took, 5 * USEC_PER_SEC);
	cr_assert_geq(seen.announced, 6);
	cr_assert_geq(nearest_holders(8, 7), 6);
	get_peers(50, 0);
	cr_assert_geq(seen.peers, 1);
}

/* libtorrent: one dead near node costs 15 s. */
Test(search, dead_near_nodes_cost_no_more_than_a_stall)
{
	net_grow(&net, 60, true);
	get_peers(7, DHT_ANNOUNCE);
	unsigned killed = 0;
	for (unsigned i = 0; i < net.count && killed < 3; i++) {
		if (i != 7 && i != 20 && dht_node_stored_peers(net.nodes[i].dht, hash_a) > 0) {
			net.nodes[i].dead = true;
			killed++;
		}
	}
	cr_assert_lt(get_peers(20, DHT_ANNOUNCE), 3 * USEC_PER_SEC);
	cr_assert_eq(seen.peers, 1);
}

static struct endpoint slow;
static struct net_packet held[64];
static unsigned held_count;

static bool hold_slow(struct net *x, const struct endpoint *from, const struct endpoint *to,
                      struct bytes datagram)
{
	if (!endpoint_equal(from, &slow) || held_count == 64)
		return true;
	struct net_packet *p = &held[held_count++];
	p->at = x->now;
	p->from = *from;
	p->to = *to;
	p->size = datagram.size;
	memcpy(p->data, datagram.data, datagram.size);
	return false;
}

Test(search, a_late_answer_from_a_nearer_node_is_stored_at)
{
	net_grow(&net, 40, true);
	get_peers(7, DHT_ANNOUNCE);
	int slow_node = -1;
	for (unsigned i = 0; i < net.count; i++) {
		if (i == 20 || dht_node_stored_peers(net.nodes[i].dht, hash_a) == 0)
			continue;
		if (slow_node < 0 || id_compare(dht_node_id(net.nodes[i].dht, ENDPOINT_V4),
		                                dht_node_id(net.nodes[slow_node].dht, ENDPOINT_V4),
		                                hash_a) < 0)
			slow_node = (int)i;
	}
	slow = net.nodes[slow_node].at;
	const uint32_t before = dht_node_stored_peers(net.nodes[slow_node].dht, hash_a);
	net.on_send = hold_slow;
	held_count = 0;
	memset(&seen, 0, sizeof(seen));
	seen.search = dht_node_get_peers(net.nodes[20].dht, hash_a, DHT_ANNOUNCE, 5555, net.now);
	net_run(&net, 5 * USEC_PER_SEC);
	cr_assert_eq(seen.dones, 1, "it does not wait for the slow one");
	net.on_send = NULL;
	for (unsigned i = 0; i < held_count; i++)
		net_deliver(&net, &held[i]);
	net_run(&net, 5 * USEC_PER_SEC);
	cr_assert_gt(dht_node_stored_peers(net.nodes[slow_node].dht, hash_a), before);
}

/* Ends also when nobody is left. */
Test(search, ends_when_everybody_died)
{
	net_grow(&net, 30, true);
	for (unsigned i = 0; i < 30; i++)
		net.nodes[i].dead = i != 4;
	get_peers(4, DHT_ANNOUNCE);
	cr_assert_eq(seen.replied, 0);
	cr_assert_eq(seen.announced, 0);
}

Test(search, waits_for_a_first_node_and_gives_up_after_a_minute)
{
	net_add(&net, net_global(0), NULL);
	seen.search = dht_node_get_peers(net.nodes[0].dht, hash_a, 0, 0, net.now);
	net_run(&net, 50 * USEC_PER_SEC);
	cr_assert_eq(seen.dones, 0);
	net_run(&net, 20 * USEC_PER_SEC);
	cr_assert_eq(seen.dones, 1);
	cr_assert_eq(seen.replied, 0);
	/* With one that appears in time it starts. */
	seen.dones = 0;
	seen.search = dht_node_get_peers(net.nodes[0].dht, hash_a, 0, 0, net.now);
	net_run(&net, 10 * USEC_PER_SEC);
	net_add(&net, net_global(1), NULL);
	net_contact(&net, 0, 1);
	net_run(&net, 10 * USEC_PER_SEC);
	cr_assert_eq(seen.dones, 1);
	cr_assert_eq(seen.replied, 1);
}

Test(search, both_families_at_once)
{
	const struct dht_config both = { .v4 = true, .v6 = true };
	for (unsigned i = 0; i < 40; i++) {
		net_add(&net, net_global(i), &both);
		if (i > 0)
			net_contact(&net, i, i - 1); /* v4 only: v6 is learned by want */
		net_run(&net, USEC_PER_SEC);
	}
	net_run(&net, 2 * USEC_PER_MIN);
	for (unsigned i = 0; i < 40; i++)
		dht_node_add_contact(net.nodes[i].dht, &net.nodes[(i + 1) % 40].at6, DHT_CONTACT, net.now);
	net_run(&net, 3 * USEC_PER_MIN);
	cr_assert_geq(net_stats(&net, 5).nodes_v6, 20);
	get_peers(7, DHT_ANNOUNCE);
	cr_assert_eq(seen.announced, 16);
	get_peers(20, 0);
	cr_assert_eq(seen.peers, 2, "an address of each family");
}

static bool no_v6(struct net *x, const struct endpoint *from, const struct endpoint *to,
                  struct bytes datagram)
{
	(void)x;
	(void)from;
	(void)datagram;
	return to->family != ENDPOINT_V6;
}

/* A v6 socket that leads nowhere must not hold v4 back. */
Test(search, a_family_that_went_dead_does_not_delay_the_other)
{
	const struct dht_config both = { .v4 = true, .v6 = true };
	for (unsigned i = 0; i < 40; i++) {
		net_add(&net, net_global(i), &both);
		if (i > 0) {
			net_contact(&net, i, i - 1);
			dht_node_add_contact(net.nodes[i].dht, &net.nodes[i - 1].at6, DHT_CONTACT, net.now);
		}
		net_run(&net, USEC_PER_SEC);
	}
	net_run(&net, 2 * USEC_PER_MIN);
	net.on_send = no_v6;
	net_run(&net, 5 * USEC_PER_MIN);
	const usec took = get_peers(7, DHT_ANNOUNCE);
	cr_assert_lt(took, 2 * USEC_PER_SEC);
	cr_assert_geq(seen.announced, 8);
}

/* A node whose replies name thousands of nodes nearer than anybody. */
static bool name_liars(struct net *x, const struct endpoint *from, const struct endpoint *to,
                       struct bytes datagram)
{
	struct krpc m;
	const char *why;
	if (!endpoint_equal(from, &slow) || !krpc_decode(&m, datagram, &why) || m.kind != KRPC_REPLY)
		return true;
	uint8_t nodes[8 * 26], data[1500];
	for (unsigned i = 0; i < 8; i++) {
		memcpy(nodes + 26 * i, hash_a, 20);
		rng_fill(&x->rng, nodes + 26 * i + 8, 18);
		nodes[26 * i + 20] = (uint8_t)(20 + nodes[26 * i + 20] % 60);
		nodes[26 * i + 24] |= 1;
	}
	struct writer w;
	writer_init(&w, data, sizeof(data));
	m.nodes = bytes_of(nodes, sizeof(nodes));
	m.has_nodes = true;
	cr_assert(krpc_encode(&m, &w));
	struct net_packet *p = &x->packets[(x->first + x->packet_count++) % NET_PACKETS_MAX];
	p->at = x->now + x->delay;
	p->from = *from;
	p->to = *to;
	p->size = w.used;
	memcpy(p->data, data, w.used);
	return false;
}

Test(search, a_liar_that_names_phantoms_does_not_stop_it)
{
	net_grow(&net, 60, true);
	slow = net.nodes[9].at;
	net.on_send = name_liars;
	get_peers(7, DHT_ANNOUNCE);
	cr_assert_leq(seen.queries, 120);
	cr_assert_geq(nearest_holders(8, 7), 6);
}

Test(search, ids_change_in_mid_search)
{
	net_grow(&net, 50, true);
	seen.search = dht_node_get_peers(net.nodes[7].dht, hash_a, DHT_ANNOUNCE, 4444, net.now);
	net_run(&net, 40 * USEC_PER_MS);
	/* Half of the others are suddenly somebody else at the same address. */
	for (unsigned i = 0; i < 50; i += 2) {
		struct dht_config config = { .v4 = true };
		rng_fill(&net.rng, config.seed, sizeof(config.seed));
		dht_node_free(net.nodes[i].dht);
		net.nodes[i].dht = dht_node_new(&config, net.now);
	}
	net_run(&net, 30 * USEC_PER_SEC);
	cr_assert_eq(seen.dones, 1);
	cr_assert_geq(seen.announced, 4);
}
