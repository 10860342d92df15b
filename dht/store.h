/* dht/store.h: the peers that others announced to us (BEP 5, 33, 51).
 *
 * Key: info-hash and family. Peers of a key are unique by IP and live 45
 * minutes. Bounded by a byte budget, per key, and per subnet. A full key drops
 * newcomers at random, earlier the fuller it is; a full store gives up keys
 * that are far from our id and have few announcers, so junk cannot lock it. */
#ifndef DHT_STORE_H
#define DHT_STORE_H

#include "dht/bloom.h"
#include "dht/keymap.h"
#include "dht/quota.h"

enum {
	STORE_KEY_PEERS_MAX = 2000,
	STORE_SUBNET_PEERS_MAX = 1024,
	STORE_LIFE_SECONDS = 45 * 60,
	STORE_BLOOM_SECONDS = 60, /* a filter may lag that much */
};

struct store_key;

struct store {
	struct keymap keys;
	struct quota quota;
	uint64_t bytes, bytes_max;
	uint64_t peers;
	uint32_t sweep_at; /* slot of the keymap */
};

void store_init(struct store *s, uint64_t bytes_max, struct rng *rng);
void store_deinit(struct store *s);
/* e: who may be dialled there. own_id decides what goes when it is full.
 * False: no room for it. Seconds as everywhere in dht/. */
bool store_put(struct store *s, const uint8_t own_id[DHT_ID_SIZE],
               const uint8_t info_hash[DHT_ID_SIZE], const struct endpoint *e, bool seed,
               uint32_t now, struct rng *rng);
/* NULL: nothing for that key. Drops what has expired. */
struct store_key *store_find(struct store *s, const uint8_t info_hash[DHT_ID_SIZE],
                             enum endpoint_family family, uint32_t now);
uint32_t store_key_count(const struct store_key *k);
/* Up to max peers, a random run of them. */
uint32_t store_key_peers(const struct store_key *k, bool no_seed, struct endpoint *out,
                         uint32_t max, struct rng *rng);
/* BEP 33 filters: seeds, then others. Borrowed until the store changes. */
void store_key_blooms(struct store *s, struct store_key *k, uint32_t now,
                      const uint8_t **seeds, const uint8_t **others);
/* Look at some keys and drop what has expired; cheap, called every few seconds. */
void store_sweep(struct store *s, uint32_t now);
/* BEP 51: up to max different info-hashes, random. */
uint32_t store_sample(const struct store *s, enum endpoint_family family,
                      uint8_t (*out)[DHT_ID_SIZE], uint32_t max, struct rng *rng);

#endif
