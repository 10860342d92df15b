/* What searches report: peers once each, genuine items only, scrapes, samples. */
#include "dht/inside.h"
#include "dht/item.h"
#include "proto/sign.h"
#include "tests/unit/node_net.h"

static struct net net;
static const uint8_t hash_a[DHT_ID_SIZE] = "a torrent's hash, 20";
static uint8_t key[32], secret[64];
static struct {
	dht_search search;
	unsigned peers, items, dones, samples, nodes;
	uint32_t seeds, leechers, announced, error, total;
	struct dht_item item;
} seen;

static void watch(struct net *x, unsigned node, const struct dht_output *out)
{
	(void)x;
	(void)node;
	if (out->search != seen.search || out->search == 0)
		return;
	switch (out->kind) {
	case DHT_OUT_PEERS: seen.peers += out->count; break;
	case DHT_OUT_ITEM: seen.items++; seen.item = *out->item; break;
	case DHT_OUT_SCRAPE: seen.seeds = out->seeds; seen.leechers = out->leechers; break;
	case DHT_OUT_SAMPLES: seen.samples += out->count; seen.total = out->total; break;
	case DHT_OUT_NODES: seen.nodes += out->count; break;
	case DHT_OUT_DONE:
		seen.dones++;
		seen.announced = out->announced;
		seen.error = out->error;
		break;
	case DHT_OUT_SEND: case DHT_OUT_PONG: case DHT_OUT_SAVE: case DHT_OUT_ADDRESS:
	case DHT_OUT_READY: break;
	}
}

static void setup(void)
{
	const uint8_t seed[32] = { 3 };
	sign_keys(seed, key, secret);
	net_init(&net, 5);
	net.on_output = watch;
	net_grow(&net, 40, true);
}

static void teardown(void)
{
	net_deinit(&net);
}

TestSuite(search_results, .init = setup, .fini = teardown);

static void run(dht_search search)
{
	memset(&seen, 0, sizeof(seen));
	seen.search = search;
	cr_assert_neq(search, 0);
	net_run(&net, 15 * USEC_PER_SEC);
	cr_assert_eq(seen.dones, 1);
}

Test(search_results, each_peer_once_although_eight_nodes_tell)
{
	for (unsigned i = 1; i <= 5; i++)
		run(dht_node_get_peers(net.nodes[i].dht, hash_a, DHT_ANNOUNCE, 4000, net.now));
	run(dht_node_get_peers(net.nodes[20].dht, hash_a, 0, 0, net.now));
	cr_assert_eq(seen.peers, 5);
}

Test(search_results, scrape_adds_up)
{
	for (unsigned i = 1; i <= 12; i++)
		run(dht_node_get_peers(net.nodes[i].dht, hash_a, DHT_ANNOUNCE | (i <= 4 ? DHT_SEED : 0),
		                       4000, net.now));
	run(dht_node_get_peers(net.nodes[30].dht, hash_a, DHT_SCRAPE, 0, net.now));
	cr_assert(seen.seeds >= 4 && seen.seeds <= 5, "%u seeds", seen.seeds);
	cr_assert(seen.leechers >= 8 && seen.leechers <= 9, "%u others", seen.leechers);
	/* Without seeds, please. */
	run(dht_node_get_peers(net.nodes[31].dht, hash_a, DHT_NO_SEED, 0, net.now));
	cr_assert_eq(seen.peers, 8);
}

static struct dht_item text_item(const char *value, int64_t seq)
{
	struct dht_item item = { .seq = seq, .value_size = (uint32_t)strlen(value) };
	memcpy(item.value, value, item.value_size);
	return item;
}

Test(search_results, immutable_item)
{
	uint8_t target[DHT_ID_SIZE];
	const struct dht_item item = text_item("12:Hello World!", 0);
	item_target(&item, target);
	run(dht_node_put_item(net.nodes[3].dht, &item, false, 0, net.now));
	cr_assert_eq(seen.announced, 8);
	run(dht_node_get_item(net.nodes[30].dht, target, NULL, bytes_of(NULL, 0), net.now));
	cr_assert_eq(seen.items, 1);
	cr_assert_eq(seen.item.value_size, 15);
	cr_assert(memcmp(seen.item.value, item.value, 15) == 0);
}

Test(search_results, mutable_item_with_salt_seq_and_cas)
{
	uint8_t target[DHT_ID_SIZE];
	const struct bytes salt = bytes_of_text("pepper");
	struct dht_item item = text_item("3:one", 1);
	memcpy(item.salt, salt.data, salt.size);
	item.salt_size = (uint32_t)salt.size;
	item_sign(&item, secret);
	item_target(&item, target);
	run(dht_node_put_item(net.nodes[3].dht, &item, false, 0, net.now));
	cr_assert_eq(seen.announced, 8);
	memcpy(item.value, "3:two", 5);
	item.seq = 2;
	item_sign(&item, secret);
	run(dht_node_put_item(net.nodes[4].dht, &item, true, 7, net.now));
	cr_assert_eq(seen.error, 301);
	cr_assert_eq(seen.announced, 0);
	run(dht_node_put_item(net.nodes[4].dht, &item, true, 1, net.now));
	cr_assert_eq(seen.announced, 8);
	cr_assert_eq(seen.error, 0);
	item.seq = 1;
	item_sign(&item, secret);
	run(dht_node_put_item(net.nodes[5].dht, &item, false, 0, net.now));
	cr_assert_eq(seen.error, 302);
	/* Asked by key and salt alone. */
	const uint8_t nothing[DHT_ID_SIZE] = { 0 };
	run(dht_node_get_item(net.nodes[30].dht, nothing, key, salt, net.now));
	cr_assert_eq(seen.items, 1);
	cr_assert_eq(seen.item.seq, 2);
	cr_assert(memcmp(seen.item.value, "3:two", 5) == 0);
	cr_assert(memcmp(seen.item.salt, "pepper", 6) == 0);
}

/* Whoever holds a forged item is not believed: bend one byte on its way. */
static bool bend_values(struct net *x, const struct endpoint *from, const struct endpoint *to,
                        struct bytes datagram)
{
	(void)x;
	(void)from;
	(void)to;
	uint8_t *at = memmem(datagram.data, datagram.size, "12:Hello", 8);
	if (at != NULL)
		at[4] ^= 1;
	return true;
}

Test(search_results, forged_items_are_not_reported)
{
	uint8_t target[DHT_ID_SIZE];
	struct dht_item item = text_item("12:Hello World!", 4);
	item_target(&item, target);
	run(dht_node_put_item(net.nodes[3].dht, &item, false, 0, net.now));
	item_sign(&item, secret);
	run(dht_node_put_item(net.nodes[3].dht, &item, false, 0, net.now));
	net.on_send = bend_values;
	run(dht_node_get_item(net.nodes[30].dht, target, NULL, bytes_of(NULL, 0), net.now));
	cr_assert_eq(seen.items, 0);
	run(dht_node_get_item(net.nodes[30].dht, target, key, bytes_of(NULL, 0), net.now));
	cr_assert_eq(seen.items, 0);
}

Test(search_results, samples)
{
	run(dht_node_get_peers(net.nodes[3].dht, hash_a, DHT_ANNOUNCE, 4000, net.now));
	unsigned with = 0;
	for (unsigned i = 10; i < 40; i++) {
		run(dht_node_sample(net.nodes[5].dht, &net.nodes[i].at, hash_a, net.now));
		with += seen.samples;
		cr_assert_gt(seen.nodes, 0u);
		cr_assert_eq(seen.samples, dht_node_stored_peers(net.nodes[i].dht, hash_a));
	}
	cr_assert_gt(with, 2u);
}

Test(search_results, seen_tells_apart_up_to_its_limit)
{
	struct seen set = { 0 };
	for (uint64_t i = 1; i <= SEEN_MAX; i++) {
		cr_assert(seen_add(&set, i * 0x9e3779b97f4a7c15u));
		cr_assert_not(seen_add(&set, i * 0x9e3779b97f4a7c15u));
	}
	cr_assert_eq(set.count, SEEN_MAX);
	cr_assert_not(seen_add(&set, 12345));
	free(set.slots);
}
