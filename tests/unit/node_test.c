/* Whole nodes in a tiny network on virtual time: the front door. */
#include "dht/id.h"
#include "dht/inside.h"
#include "proto/krpc.h"
#include "tests/unit/node_net.h"

#include <stdio.h>

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

/* ---- lies: every line of what broke the others ---- */

static struct bytes pong_as(const uint8_t *id, struct bytes transaction, const struct endpoint *us)
{
	static uint8_t data[400];
	uint8_t ip[ENDPOINT_COMPACT_V6];
	struct writer w;
	struct krpc m = { .kind = KRPC_REPLY, .id = id, .transaction = transaction,
		          .interval = -1, .total = -1 };
	if (us != NULL)
		m.ip = bytes_of(ip, endpoint_to_compact(us, ip));
	writer_init(&w, data, sizeof(data));
	cr_assert(krpc_encode(&m, &w));
	return writer_bytes(&w);
}

/* jech/dht took 20,000 of 20,000. */
Test(node, unsolicited_replies_are_not_believed)
{
	net_add(&net, net_global(0), NULL);
	uint8_t id[DHT_ID_SIZE], transaction[4];
	for (unsigned i = 0; i < 20000; i++) {
		rng_fill(&net.rng, id, sizeof(id));
		rng_fill(&net.rng, transaction, sizeof(transaction));
		const struct endpoint from = endpoint_v4((uint8_t)(20 + i / 256 % 60), (uint8_t)i, 1, 1, 5);
		net_inject(&net, 0, &from, pong_as(id, bytes_of(transaction, 4), NULL));
	}
	cr_assert_eq(net_stats(&net, 0).nodes_v4, 0);
	cr_assert_eq(net_stats(&net, 0).dropped, 20000);
	cr_assert_eq(net.sent, 0);
	cr_assert_lt(net_stats(&net, 0).memory_bytes, 20000u);
}

/* A reply must come from where the query went, with its transaction and id. */
static uint8_t caught_transaction[4];
static unsigned caught;

static bool catch_queries(struct net *x, const struct endpoint *from, const struct endpoint *to,
                          struct bytes datagram)
{
	struct krpc m;
	const char *why;
	(void)from;
	if (endpoint_equal(to, &x->nodes[1].at) && krpc_decode(&m, datagram, &why) &&
	    m.kind == KRPC_QUERY) {
		memcpy(caught_transaction, m.transaction.data, 4);
		caught++;
		return false;
	}
	return true;
}

Test(node, replies_from_elsewhere_or_with_another_transaction_are_dropped)
{
	net_add(&net, net_global(0), NULL);
	net_add(&net, net_global(1), NULL);
	net.on_send = catch_queries;
	net_contact(&net, 0, 1);
	net_run(&net, 10 * USEC_PER_MS);
	cr_assert_gt(caught, 0u);
	const uint8_t *id = (const uint8_t *)"whoever I am, 20 chr";
	struct endpoint from = net.nodes[1].at;
	from.port++;
	net_inject(&net, 0, &from, pong_as(id, bytes_of(caught_transaction, 4), NULL));
	from = net_global(2);
	net_inject(&net, 0, &from, pong_as(id, bytes_of(caught_transaction, 4), NULL));
	from = net.nodes[1].at;
	net_inject(&net, 0, &from, pong_as(id, bytes_of(caught_transaction, 3), NULL));
	uint8_t wrong[4];
	memcpy(wrong, caught_transaction, 4);
	wrong[0] ^= 1;
	net_inject(&net, 0, &from, pong_as(id, bytes_of(wrong, 4), NULL));
	net_inject(&net, 0, &from, pong_as(dht_node_id(net.nodes[0].dht, ENDPOINT_V4),
	                                   bytes_of(caught_transaction, 4), NULL));
	cr_assert_eq(net_stats(&net, 0).nodes_v4, 0);
	net_inject(&net, 0, &from, pong_as(id, bytes_of(caught_transaction, 4), NULL));
	cr_assert_eq(net_stats(&net, 0).nodes_v4, 1, "the right one");
	net_inject(&net, 0, &from, pong_as(id, bytes_of(caught_transaction, 4), NULL));
	cr_assert_eq(net_stats(&net, 0).nodes_v4, 1);
}

/* jech: one unsolicited ping re-pointed an id. */
Test(node, a_ping_does_not_re_point_an_id)
{
	net_grow(&net, 10, true);
	uint8_t data[200];
	struct writer w;
	writer_init(&w, data, sizeof(data));
	const uint8_t *stolen = dht_node_id(net.nodes[3].dht, ENDPOINT_V4);
	const struct krpc m = { .kind = KRPC_QUERY, .method = KRPC_PING, .id = stolen,
		                .transaction = bytes_of_text("aa") };
	cr_assert(krpc_encode(&m, &w));
	const struct endpoint thief = endpoint_v4(66, 1, 2, 3, 999);
	for (int i = 0; i < 20; i++)
		net_inject(&net, 0, &thief, writer_bytes(&w));
	net_run(&net, 5 * USEC_PER_MIN);
	const struct table *t = &net.nodes[0].dht->families[0].table;
	cr_assert_not_null(table_find(t, stolen, &net.nodes[3].at));
	cr_assert_null(table_find(t, stolen, &thief));
}

/* libtorrent counted votes before it had checked the transaction. */
Test(node, address_votes_only_from_verified_replies)
{
	net_add(&net, net_global(0), NULL);
	const struct endpoint lie = endpoint_v4(66, 66, 66, 66, 6);
	uint8_t id[DHT_ID_SIZE];
	for (unsigned i = 0; i < 100; i++) {
		rng_fill(&net.rng, id, sizeof(id));
		const struct endpoint from = endpoint_v4(20, (uint8_t)i, 1, 1, 5);
		net_inject(&net, 0, &from, pong_as(id, bytes_of("abcd", 4), &lie));
	}
	cr_assert_eq(net.nodes[0].dht->families[0].votes.count, 0);
}

static unsigned addresses;
static struct endpoint last_address;

static void watch_address(struct net *x, unsigned node, const struct dht_output *out)
{
	(void)x;
	if (out->kind == DHT_OUT_ADDRESS && node == 12) {
		addresses++;
		last_address = out->to;
	}
}

Test(node, learns_its_address_and_takes_a_fitting_id_but_keeps_its_table)
{
	net.on_output = watch_address;
	net_grow(&net, 40, true);
	cr_assert_eq(addresses, 1);
	cr_assert(endpoint_same_address(&last_address, &net.nodes[12].at));
	unsigned fitting = 0;
	for (unsigned i = 0; i < 40; i++)
		fitting += id_fits_address(dht_node_id(net.nodes[i].dht, ENDPOINT_V4), &net.nodes[i].at);
	cr_assert_geq(fitting, 38);
	cr_assert_geq(net_stats(&net, 12).nodes_v4, 25);
}

Test(node, garbage_is_counted_and_changes_nothing)
{
	net_grow(&net, 5, true);
	uint8_t junk[2000];
	const struct endpoint from = endpoint_v4(66, 1, 2, 3, 999);
	const uint64_t sent = net.sent, dropped = net_stats(&net, 0).dropped;
	for (unsigned i = 0; i < 2000; i++) {
		rng_fill(&net.rng, junk, sizeof(junk));
		junk[0] = 'd';
		net_inject(&net, 0, &from, bytes_of(junk, i));
	}
	cr_assert_eq(net.sent, sent);
	cr_assert_eq(net_stats(&net, 0).dropped, dropped + 2000);
}

Test(node, a_datagram_beyond_the_limit_is_dropped_unread)
{
	net_add(&net, net_global(0), NULL);
	char big[DHT_DATAGRAM_MAX + 100];
	const int size = snprintf(big, sizeof(big), "d1:ad2:id20:abcdefghij01234567891:x1400:%01400d"
	                          "e1:q4:ping1:t2:aa1:v100:%0100d1:y1:qe", 0, 0);
	cr_assert_gt(size, DHT_DATAGRAM_MAX);
	const struct endpoint from = endpoint_v4(66, 1, 2, 3, 999);
	net_inject(&net, 0, &from, bytes_of(big, (size_t)size));
	cr_assert_eq(net.sent, 0);
}

/* A stranger on the internet cannot send us into our own network. */
static bool name_lan(struct net *x, const struct endpoint *from, const struct endpoint *to,
                     struct bytes datagram)
{
	struct krpc m;
	const char *why;
	cr_assert_eq(endpoint_class(to), ENDPOINT_GLOBAL);
	if (!krpc_decode(&m, datagram, &why) || m.kind != KRPC_REPLY || m.nodes.size < 26 ||
	    endpoint_equal(from, &x->nodes[0].at))
		return true;
	uint8_t *first = (uint8_t *)(uintptr_t)m.nodes.data;
	memcpy(first + 20, (const uint8_t[]){ 192, 168, 1, 1, 0, 53 }, 6);
	return true;
}

Test(node, strangers_cannot_name_local_addresses)
{
	net_grow(&net, 30, true);
	net.on_send = name_lan;
	net_run(&net, 60 * USEC_PER_MIN);
	seen.search = dht_node_get_peers(net.nodes[0].dht, hash_a, DHT_ANNOUNCE, 4444, net.now);
	net_run(&net, 20 * USEC_PER_SEC);
	cr_assert_eq(seen.dones, 1);
}

/* D3, and an eclipse: many Sybils in few subnets around one target. */
Test(node, sybils_of_one_subnet_do_not_take_a_search_over)
{
	net_grow(&net, 60, true);
	for (unsigned i = 0; i < 40; i++) {
		struct dht_config config = { .v4 = true };
		uint8_t id[DHT_ID_SIZE];
		memcpy(id, hash_a, DHT_ID_SIZE);
		id[8] = (uint8_t)i;
		config.id = id;
		net_add(&net, endpoint_v4(66, 66, 66, (uint8_t)(i + 1), 6881), &config);
		net_contact(&net, net.count - 1, i);
	}
	net_run(&net, 10 * USEC_PER_MIN);
	seen.search = dht_node_get_peers(net.nodes[3].dht, hash_a, DHT_ANNOUNCE, 4444, net.now);
	net_run(&net, 20 * USEC_PER_SEC);
	unsigned honest = 0;
	for (unsigned i = 0; i < 60; i++)
		honest += dht_node_stored_peers(net.nodes[i].dht, hash_a) > 0;
	cr_assert_geq(honest, 6, "%u honest holders", honest);
}

Test(node, an_idle_node_is_small)
{
	net_grow(&net, 80, true);
	net_run(&net, 60 * USEC_PER_MIN);
	size_t sum = 0;
	for (unsigned i = 0; i < net.count; i++)
		sum += net_stats(&net, i).memory_bytes;
	cr_assert_leq(sum / net.count, 16384, "%zu", sum / net.count);
}

Test(node, the_same_seed_gives_the_same_run)
{
	uint64_t sent[2];
	for (int round = 0; round < 2; round++) {
		net_deinit(&net);
		net_init(&net, 99);
		net_grow(&net, 25, true);
		net_run(&net, 10 * USEC_PER_MIN);
		sent[round] = net.sent;
	}
	cr_assert_eq(sent[0], sent[1]);
}
