/* Announced peers: quotas, caps, expiry, eviction, filters. */
#include "dht/store.h"

#include <criterion/criterion.h>

static struct store store;
static struct rng rng;
static const uint8_t own[DHT_ID_SIZE] = { 0 };

static void setup(void)
{
	rng_init_number(&rng, 1, 0);
	store_init(&store, 1 << 20, &rng);
}

static void teardown(void)
{
	store_deinit(&store);
}

TestSuite(store, .init = setup, .fini = teardown);

static const uint8_t *hash_of(unsigned number)
{
	static uint8_t hash[DHT_ID_SIZE];
	struct rng r;
	rng_init_number(&r, number, 77);
	rng_fill(&r, hash, sizeof(hash));
	return hash;
}

/* Every number a /24 of its own. */
static struct endpoint at(unsigned number)
{
	return endpoint_v4((uint8_t)(20 + number / 65536), (uint8_t)(number >> 8), (uint8_t)number, 1,
	                   6881);
}

static bool put(unsigned hash, unsigned peer, bool seed, uint32_t now)
{
	const struct endpoint e = at(peer);
	return store_put(&store, own, hash_of(hash), &e, seed, now, &rng);
}

static struct store_key *find(unsigned hash, uint32_t now)
{
	return store_find(&store, hash_of(hash), ENDPOINT_V4, now);
}

Test(store, keeps_what_is_announced)
{
	struct endpoint out[10];
	cr_assert_null(find(1, 100));
	cr_assert(put(1, 5, false, 100));
	cr_assert(put(1, 6, true, 100));
	cr_assert(put(1, 5, false, 101), "again");
	struct store_key *k = find(1, 102);
	cr_assert_eq(store_key_count(k), 2);
	cr_assert_eq(store_key_peers(k, false, out, 10, &rng), 2);
	cr_assert_eq(store_key_peers(k, true, out, 10, &rng), 1);
	const struct endpoint five = at(5);
	cr_assert(endpoint_equal(&out[0], &five));
	cr_assert_null(store_find(&store, hash_of(1), ENDPOINT_V6, 102), "families apart");
}

Test(store, one_peer_per_address_and_its_port_may_change)
{
	struct endpoint e = at(5), out[4];
	store_put(&store, own, hash_of(1), &e, false, 100, &rng);
	e.port = 7777;
	store_put(&store, own, hash_of(1), &e, false, 100, &rng);
	cr_assert_eq(store_key_peers(find(1, 100), false, out, 4, &rng), 1);
	cr_assert_eq(out[0].port, 7777);
	e = endpoint_v4(127, 0, 0, 1, 1000);
	store_put(&store, own, hash_of(2), &e, false, 100, &rng);
	e.port = 1001;
	store_put(&store, own, hash_of(2), &e, false, 100, &rng);
	cr_assert_eq(store_key_count(find(2, 100)), 2, "many behind one local address");
}

Test(store, peers_expire)
{
	put(1, 5, false, 100);
	put(1, 6, false, 100 + STORE_LIFE_SECONDS - 10);
	cr_assert_eq(store_key_count(find(1, 100 + STORE_LIFE_SECONDS - 10)), 2);
	for (int i = 0; i < 10; i++)
		store_sweep(&store, 100 + STORE_LIFE_SECONDS);
	cr_assert_eq(store_key_count(find(1, 100 + STORE_LIFE_SECONDS)), 1);
	cr_assert_null(find(1, 100 + 2 * STORE_LIFE_SECONDS));
	cr_assert_eq(store.bytes, 0);
	cr_assert_eq(store.peers, 0);
}

Test(store, sweeping_empties_it)
{
	for (unsigned i = 0; i < 2000; i++)
		put(i, i, false, 100);
	for (int i = 0; i < 100; i++)
		store_sweep(&store, 100 + STORE_LIFE_SECONDS);
	cr_assert_eq(store.keys.count, 0);
	cr_assert_eq(store.bytes, 0);
	cr_assert_eq(store.quota.total, 0);
}

/* D7 */
Test(store, a_key_is_capped_and_still_takes_newcomers)
{
	store.bytes_max = 64 << 20;
	unsigned late = 0;
	for (unsigned i = 0; i < 3 * STORE_KEY_PEERS_MAX; i++) {
		const bool taken = put(1, i, false, 100);
		late += taken && i > 2 * STORE_KEY_PEERS_MAX;
		cr_assert_leq(store_key_count(find(1, 100)), STORE_KEY_PEERS_MAX);
	}
	cr_assert_gt(late, 0u);
	cr_assert_gt(store_key_count(find(1, 100)), STORE_KEY_PEERS_MAX / 2);
}

Test(store, a_subnet_has_its_quota)
{
	unsigned taken = 0;
	store.bytes_max = 64 << 20;
	for (unsigned i = 0; i < 2 * STORE_SUBNET_PEERS_MAX; i++) {
		const struct endpoint e = endpoint_v4(66, 66, 66, (uint8_t)i, 1000);
		taken += store_put(&store, own, hash_of(i), &e, false, 100, &rng);
	}
	cr_assert_leq(taken, STORE_SUBNET_PEERS_MAX);
	cr_assert_gt(taken, STORE_SUBNET_PEERS_MAX / 2);
	cr_assert(put(999999, 1, false, 100), "others still may");
}

/* libtorrent's 2000 junk hashes locked its store for 45 minutes. */
Test(store, junk_does_not_lock_a_full_store)
{
	for (unsigned i = 0; i < 60000; i++)
		put(i, i, false, 100);
	cr_assert_leq(store.bytes, store.bytes_max);
	cr_assert_lt(store.keys.count, 59000u);
	/* A torrent near us with several announcers gets in and stays. */
	uint8_t near[DHT_ID_SIZE] = { 0 };
	near[10] = 1;
	for (unsigned i = 0; i < 4; i++) {
		const struct endpoint e = at(70000 + i);
		cr_assert(store_put(&store, own, near, &e, false, 101, &rng));
	}
	for (unsigned i = 80000; i < 120000; i++)
		put(i, i, false, 102);
	cr_assert_not_null(store_find(&store, near, ENDPOINT_V4, 103));
	cr_assert_leq(store.bytes, store.bytes_max);
}

Test(store, filters_count_seeds_and_others)
{
	const uint8_t *seeds, *others;
	for (unsigned i = 0; i < 60; i++)
		put(1, i, i < 20, 100);
	store_key_blooms(&store, find(1, 100), 100, &seeds, &others);
	cr_assert_float_eq(bloom_estimate(seeds), 20, 1.5);
	cr_assert_float_eq(bloom_estimate(others), 40, 3);
	put(1, 100, true, 101);
	store_key_blooms(&store, find(1, 101), 101, &seeds, &others);
	cr_assert_float_eq(bloom_estimate(seeds), 20, 1.5, "not built anew at once");
	store_key_blooms(&store, find(1, 101), 100 + STORE_BLOOM_SECONDS, &seeds, &others);
	cr_assert_gt(bloom_estimate(seeds), 20.5);
}

Test(store, samples_are_different_hashes_of_the_family)
{
	uint8_t out[20][DHT_ID_SIZE];
	cr_assert_eq(store_sample(&store, ENDPOINT_V4, out, 20, &rng), 0);
	for (unsigned i = 0; i < 300; i++)
		put(i, i, false, 100);
	const uint32_t count = store_sample(&store, ENDPOINT_V4, out, 20, &rng);
	cr_assert_geq(count, 15);
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t j = 0; j < i; j++)
			cr_assert(memcmp(out[i], out[j], DHT_ID_SIZE) != 0);
	}
	cr_assert_eq(store_sample(&store, ENDPOINT_V6, out, 20, &rng), 0);
}

Test(store, v6_peers)
{
	struct endpoint e, out[4];
	cr_assert(endpoint_parse("[2a01:4f8::7]:99", 0, &e));
	cr_assert(store_put(&store, own, hash_of(1), &e, false, 100, &rng));
	struct store_key *k = store_find(&store, hash_of(1), ENDPOINT_V6, 100);
	cr_assert_eq(store_key_peers(k, false, out, 4, &rng), 1);
	cr_assert(endpoint_equal(&out[0], &e));
}
