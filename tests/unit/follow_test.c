/* Torrents that stay announced. */
#include "tests/unit/node_net.h"

static struct net net;
static const uint8_t hash_a[DHT_ID_SIZE] = "a torrent's hash, 20";
static struct {
	dht_search search;
	unsigned node;       /* whose; 0: any */
	unsigned dones, peers;
	uint32_t queries, announced;
	usec done_at[64];
} seen;

static void watch(struct net *x, unsigned node, const struct dht_output *out)
{
	if (out->search != seen.search || out->search == 0)
		return;
	if (seen.node != 0 && seen.node != node)
		return;
	if (out->kind == DHT_OUT_PEERS)
		seen.peers += out->count;
	if (out->kind == DHT_OUT_DONE) {
		seen.done_at[seen.dones++ % 64] = x->now;
		seen.queries = out->queries;
		seen.announced = out->announced;
	}
}

static void setup(void)
{
	net_init(&net, 4);
	net.on_output = watch;
	memset(&seen, 0, sizeof(seen));
}

static void teardown(void)
{
	net_deinit(&net);
}

TestSuite(follow, .init = setup, .fini = teardown);

/* Others who are in the torrent already. */
static void announce_others(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		dht_node_follow(net.nodes[20 + i].dht, hash_a, DHT_ANNOUNCE, 5555, net.now);
	net_run(&net, 20 * USEC_PER_SEC);
}

/* Alone: again after 1, 2, 4, 8 and 16 minutes, then as everybody. */
Test(follow, a_lonely_torrent_is_looked_for_again_soon)
{
	net_grow(&net, 40, true);
	seen.search = dht_node_follow(net.nodes[3].dht, hash_a, DHT_ANNOUNCE, 4444, net.now);
	net_run(&net, 110 * USEC_PER_MIN);
	cr_assert(seen.dones >= 8 && seen.dones <= 10, "%u rounds", seen.dones);
	for (unsigned i = 1; i < 6; i++) {
		const usec pause = seen.done_at[i] - seen.done_at[i - 1];
		const usec about = USEC_PER_MIN << (i - 1);
		cr_assert(pause > about * 8 / 10 && pause < about * 13 / 10 + 20 * USEC_PER_SEC);
	}
	cr_assert_leq(seen.queries, 12, "a round starts from what it remembers");
}

Test(follow, announces_at_once_and_about_every_25_minutes)
{
	net_grow(&net, 40, true);
	announce_others(4);
	seen.node = 3;
	seen.search = dht_node_follow(net.nodes[3].dht, hash_a, DHT_ANNOUNCE, 4444, net.now);
	net_run(&net, 20 * USEC_PER_SEC);
	cr_assert_eq(seen.dones, 1);
	cr_assert_eq(seen.announced, 8);
	net_run(&net, 110 * USEC_PER_MIN);
	cr_assert(seen.dones >= 4 && seen.dones <= 6, "%u rounds", seen.dones);
	for (unsigned i = 1; i < seen.dones; i++) {
		const usec pause = seen.done_at[i] - seen.done_at[i - 1];
		cr_assert(pause > 20 * USEC_PER_MIN && pause < 30 * USEC_PER_MIN);
	}
	cr_assert_leq(seen.queries, 12, "a re-announce starts from what it remembers");
	cr_assert_eq(seen.announced, 8);
	/* Still to be found, long after the first announce expired. */
	seen.peers = 0;
	seen.node = 30;
	seen.search = dht_node_get_peers(net.nodes[30].dht, hash_a, 0, 0, net.now);
	net_run(&net, 20 * USEC_PER_SEC);
	cr_assert_eq(seen.peers, 5);
}

/* A network of two, where each is all the other has to ask. */
Test(follow, who_announces_to_us_is_a_peer)
{
	net_grow(&net, 2, true);
	seen.search = dht_node_follow(net.nodes[1].dht, hash_a, DHT_ANNOUNCE, 4444, net.now);
	net_run(&net, 20 * USEC_PER_SEC);
	cr_assert_eq(seen.peers, 0);
	dht_node_follow(net.nodes[0].dht, hash_a, DHT_ANNOUNCE, 5555, net.now);
	net_run(&net, 20 * USEC_PER_SEC);
	cr_assert_eq(seen.peers, 1);
}

Test(follow, remembered_nodes_that_died_are_searched_anew)
{
	net_grow(&net, 60, true);
	seen.search = dht_node_follow(net.nodes[3].dht, hash_a, DHT_ANNOUNCE, 4444, net.now);
	net_run(&net, 20 * USEC_PER_SEC);
	for (unsigned i = 0; i < net.count; i++)
		net.nodes[i].dead = i != 3 && dht_node_stored_peers(net.nodes[i].dht, hash_a) > 0;
	net_run(&net, 30 * USEC_PER_MIN);
	cr_assert_geq(seen.dones, 3);
	cr_assert_geq(seen.announced, 7);
}

Test(follow, unfollowed_is_silent_also_in_mid_round)
{
	net_grow(&net, 20, true);
	seen.search = dht_node_follow(net.nodes[3].dht, hash_a, DHT_ANNOUNCE, 4444, net.now);
	net_run(&net, 40 * USEC_PER_MS);
	dht_node_unfollow(net.nodes[3].dht, hash_a);
	dht_node_unfollow(net.nodes[3].dht, hash_a);
	net_run(&net, 60 * USEC_PER_MIN);
	cr_assert_eq(seen.dones, 0);
	cr_assert_eq(net_stats(&net, 3).followed, 0);
}

Test(follow, the_same_hash_keeps_its_id_and_tells_what_changed)
{
	net_grow(&net, 40, true);
	announce_others(4);
	seen.node = 3;
	seen.search = dht_node_follow(net.nodes[3].dht, hash_a, DHT_ANNOUNCE, 4444, net.now);
	net_run(&net, 2 * USEC_PER_MIN);
	cr_assert_eq(dht_node_follow(net.nodes[3].dht, hash_a, DHT_ANNOUNCE, 4444, net.now),
	             seen.search);
	net_run(&net, 2 * USEC_PER_MIN);
	cr_assert_eq(seen.dones, 1, "nothing changed");
	dht_node_follow(net.nodes[3].dht, hash_a, DHT_ANNOUNCE | DHT_SEED, 4444, net.now);
	net_run(&net, 2 * USEC_PER_MIN);
	cr_assert_eq(seen.dones, 2);
	cr_assert_eq(net_stats(&net, 3).followed, 1);
}

Test(follow, hurrying_is_limited)
{
	net_grow(&net, 40, true);
	announce_others(4);
	seen.node = 3;
	seen.search = dht_node_follow(net.nodes[3].dht, hash_a, 0, 0, net.now);
	net_run(&net, 2 * USEC_PER_MIN);
	for (int i = 0; i < 200; i++) {
		dht_node_hurry(net.nodes[3].dht, hash_a, net.now);
		net_run(&net, USEC_PER_SEC);
	}
	cr_assert(seen.dones >= 3 && seen.dones <= 5, "%u", seen.dones);
	dht_node_hurry(net.nodes[3].dht, (const uint8_t *)"nobody follows this!", net.now);
}

Test(follow, without_a_network_it_waits_and_starts_when_there_is_one)
{
	net_add(&net, net_global(0), NULL);
	seen.search = dht_node_follow(net.nodes[0].dht, hash_a, DHT_ANNOUNCE, 4444, net.now);
	net_run(&net, 10 * USEC_PER_MIN);
	cr_assert_eq(seen.dones, 0);
	net_add(&net, net_global(1), NULL);
	net_contact(&net, 0, 1);
	net_run(&net, 10 * USEC_PER_SEC);
	cr_assert_eq(seen.dones, 1);
	cr_assert_eq(seen.announced, 1);
}

/* Goal: a thousand torrents are spread, not sent at once. */
Test(follow, many_torrents_stay_within_the_query_budget)
{
	net_grow(&net, 30, false);
	uint8_t hash[DHT_ID_SIZE];
	for (unsigned i = 0; i < 500; i++) {
		rng_fill(&net.rng, hash, sizeof(hash));
		dht_node_follow(net.nodes[3].dht, hash, DHT_ANNOUNCE, 4444, net.now);
	}
	uint64_t last = net_stats(&net, 3).packets_out, most = 0;
	for (int second = 0; second < 60; second++) {
		net_run(&net, USEC_PER_SEC);
		const uint64_t now = net_stats(&net, 3).packets_out;
		if (now - last > most)
			most = now - last;
		last = now;
	}
	cr_assert_lt(most, 2500u, "%llu in a second", (unsigned long long)most);
	cr_assert_eq(net_stats(&net, 3).followed, 500);
	unsigned stored = 0;
	for (unsigned i = 0; i < 30; i++)
		stored += (unsigned)net_stats(&net, i).stored_peers;
	cr_assert_geq(stored, 500u * 8 * 9 / 10);
}

Test(follow, is_bounded)
{
	uint8_t hash[DHT_ID_SIZE] = { 0 };
	net_add(&net, net_global(0), NULL);
	for (uint32_t i = 0; i < DHT_FOLLOWED_MAX; i++) {
		memcpy(hash, &i, sizeof(i));
		cr_assert_neq(dht_node_follow(net.nodes[0].dht, hash, 0, 0, net.now), 0);
	}
	hash[19] = 1;
	cr_assert_eq(dht_node_follow(net.nodes[0].dht, hash, 0, 0, net.now), 0);
	cr_assert_eq(net_stats(&net, 0).followed, DHT_FOLLOWED_MAX);
	hash[19] = 0;
	for (uint32_t i = 0; i < DHT_FOLLOWED_MAX; i += 3) {
		memcpy(hash, &i, sizeof(i));
		dht_node_unfollow(net.nodes[0].dht, hash);
	}
	cr_assert_lt(net_stats(&net, 0).followed, DHT_FOLLOWED_MAX);
}
