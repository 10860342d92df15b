/* dht/store.c: announced peers, bounded. */
#include "dht/store.h"

#include "dht/id.h"
#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

enum {
	KEY_COST = 64,      /* what a key takes beside its struct: table slot, malloc */
	EVICT_SAMPLE = 8,   /* keys looked at to find the least useful */
	SWEEP_SLOTS = 256,
	PEER_SEED = 1,
};

struct peer {
	uint32_t at;      /* seconds */
	uint16_t port;
	uint8_t flags;
	uint8_t reserved;
	uint8_t address[]; /* 4 or 16 */
};

struct store_key {
	struct keymap_entry entry; /* tag: family */
	uint16_t count, room;
	uint32_t newest;           /* seconds of the last announce */
	uint8_t *peers;            /* owned; strided */
	uint8_t *blooms;           /* owned; two filters, or NULL */
	uint32_t blooms_at;
};

void store_init(struct store *s, uint64_t bytes_max, struct rng *rng)
{
	memset(s, 0, sizeof(*s));
	s->bytes_max = bytes_max;
	keymap_init(&s->keys, rng);
	quota_init(&s->quota, rng);
}

static size_t stride_of(const struct store_key *k)
{
	return sizeof(struct peer) + (k->entry.tag == ENDPOINT_V4 ? 4 : 16);
}

static struct peer *peer_at(const struct store_key *k, uint32_t i)
{
	return (struct peer *)(void *)(k->peers + i * stride_of(k));
}

static void endpoint_at(const struct store_key *k, uint32_t i, struct endpoint *out)
{
	const struct peer *p = peer_at(k, i);
	memset(out, 0, sizeof(*out));
	memcpy(out->address, p->address, k->entry.tag == ENDPOINT_V4 ? 4 : 16);
	out->port = p->port;
	out->family = k->entry.tag;
}

static void free_key(struct store_key *k)
{
	free(k->peers);
	free(k->blooms);
	free(k);
}

void store_deinit(struct store *s)
{
	uint32_t at = 0;
	struct keymap_entry *e;
	while ((e = keymap_walk(&s->keys, &at)) != NULL)
		free_key((struct store_key *)e);
	keymap_deinit(&s->keys);
	quota_deinit(&s->quota);
}

static void remove_peer(struct store *s, struct store_key *k, uint32_t i)
{
	struct endpoint e;
	endpoint_at(k, i, &e);
	quota_remove(&s->quota, &e);
	k->count--;
	s->peers--;
	if (i != k->count)
		memcpy(peer_at(k, i), peer_at(k, k->count), stride_of(k));
}

static void remove_key(struct store *s, struct store_key *k)
{
	while (k->count > 0)
		remove_peer(s, k, k->count - 1u);
	s->bytes -= KEY_COST + sizeof(*k) + k->room * stride_of(k);
	if (k->blooms != NULL)
		s->bytes -= 2 * BLOOM_SIZE;
	keymap_remove(&s->keys, &k->entry);
	free_key(k);
}

/* Drops what has expired; false: the key went with it. */
static bool expire(struct store *s, struct store_key *k, uint32_t now)
{
	if (now - k->newest >= STORE_LIFE_SECONDS) {
		remove_key(s, k);
		return false;
	}
	for (uint32_t i = k->count; i-- > 0;) {
		if (now - peer_at(k, i)->at >= STORE_LIFE_SECONDS)
			remove_peer(s, k, i);
	}
	if (k->count == 0) {
		remove_key(s, k);
		return false;
	}
	return true;
}

struct store_key *store_find(struct store *s, const uint8_t info_hash[DHT_ID_SIZE],
                             enum endpoint_family family, uint32_t now)
{
	struct store_key *k = (struct store_key *)keymap_find(&s->keys, info_hash, (uint8_t)family);
	if (k == NULL)
		return NULL;
	if (now - k->newest >= STORE_LIFE_SECONDS) {
		remove_key(s, k);
		return NULL;
	}
	return k;
}

/* ---- making room ---- */

/* The higher, the sooner it goes: far from our id, few who vouch for it. */
static int uselessness(const struct store_key *k, const uint8_t own_id[DHT_ID_SIZE])
{
	const int near = (int)id_common_bits(k->entry.key, own_id);
	const int announcers = 32 - __builtin_clz(k->count | 1u);
	return -(near < 24 ? near : 24) - 2 * announcers;
}

/* Frees the least useful of a few keys; false: `mine`, which wants in, is no
 * better than it. */
static bool evict_for(struct store *s, const uint8_t own_id[DHT_ID_SIZE], int mine,
                      const struct store_key *keep, struct rng *rng)
{
	struct store_key *worst = NULL;
	int most = 0;
	for (int i = 0; i < EVICT_SAMPLE && s->keys.count > 0; i++) {
		struct store_key *k = (struct store_key *)keymap_random(&s->keys, rng);
		const int useless = uselessness(k, own_id);
		if (k != keep && (worst == NULL || useless > most)) {
			worst = k;
			most = useless;
		}
	}
	if (worst == NULL || most < mine)
		return false;
	remove_key(s, worst);
	return true;
}

static bool make_room(struct store *s, const uint8_t own_id[DHT_ID_SIZE],
                      const uint8_t info_hash[DHT_ID_SIZE], const struct store_key *keep,
                      uint64_t bytes, struct rng *rng)
{
	const int near = (int)id_common_bits(info_hash, own_id);
	const int mine = keep != NULL ? uselessness(keep, own_id) : -(near < 24 ? near : 24) - 2;
	while (s->bytes + bytes > s->bytes_max) {
		if (!evict_for(s, own_id, mine, keep, rng))
			return false;
	}
	return true;
}

static struct store_key *add_key(struct store *s, const uint8_t own_id[DHT_ID_SIZE],
                                 const uint8_t info_hash[DHT_ID_SIZE],
                                 enum endpoint_family family, struct rng *rng)
{
	const uint64_t cost = KEY_COST + sizeof(struct store_key);
	if (!make_room(s, own_id, info_hash, NULL, cost + 64, rng))
		return NULL;
	struct store_key *k = memory_zeroed(1, sizeof(*k));
	memcpy(k->entry.key, info_hash, DHT_ID_SIZE);
	k->entry.tag = (uint8_t)family;
	keymap_add(&s->keys, &k->entry);
	s->bytes += cost;
	return k;
}

/* ---- announces ---- */

static void recount(struct store *s)
{
	uint32_t at = 0;
	struct keymap_entry *entry;
	quota_reset(&s->quota);
	while ((entry = keymap_walk(&s->keys, &at)) != NULL) {
		const struct store_key *k = (struct store_key *)entry;
		for (uint32_t i = 0; i < k->count; i++) {
			struct endpoint e;
			endpoint_at(k, i, &e);
			quota_add(&s->quota, &e);
		}
	}
}

static bool grow_key(struct store *s, const uint8_t own_id[DHT_ID_SIZE], struct store_key *k,
                     struct rng *rng)
{
	uint32_t room = k->room == 0 ? 1 : 2u * k->room;
	if (room > STORE_KEY_PEERS_MAX)
		room = STORE_KEY_PEERS_MAX;
	const uint64_t more = (room - k->room) * stride_of(k);
	if (!make_room(s, own_id, k->entry.key, k, more, rng))
		return false;
	k->peers = memory_resize(k->peers, room, stride_of(k));
	k->room = (uint16_t)room;
	s->bytes += more;
	return true;
}

/* BEP 33 counts addresses, so a key has one peer per IP; behind one address
 * of a local network there may be many. */
static struct peer *peer_known(const struct store_key *k, const struct endpoint *e)
{
	const bool global = endpoint_class(e) == ENDPOINT_GLOBAL;
	const size_t size = endpoint_address_size(e);
	for (uint32_t i = 0; i < k->count; i++) {
		struct peer *p = peer_at(k, i);
		if (memcmp(p->address, e->address, size) == 0 && (global || p->port == e->port))
			return p;
	}
	return NULL;
}

static void set_peer(struct peer *p, const struct endpoint *e, bool seed, uint32_t now)
{
	p->at = now;
	p->port = e->port;
	p->flags = seed ? PEER_SEED : 0;
	p->reserved = 0;
	memcpy(p->address, e->address, endpoint_address_size(e));
}

static bool add_peer(struct store *s, const uint8_t own_id[DHT_ID_SIZE], struct store_key *k,
                     const struct endpoint *e, bool seed, uint32_t now, struct rng *rng)
{
	const uint32_t half = STORE_KEY_PEERS_MAX / 2;
	if (!quota_allows(&s->quota, e, STORE_SUBNET_PEERS_MAX))
		return false;
	if (k->count > half && rng_below(rng, half) < k->count - half)
		return false;
	if (k->count == STORE_KEY_PEERS_MAX)
		remove_peer(s, k, rng_below(rng, k->count));
	if (k->count == k->room && !grow_key(s, own_id, k, rng))
		return false;
	set_peer(peer_at(k, k->count), e, seed, now);
	k->count++;
	s->peers++;
	quota_add(&s->quota, e);
	if (quota_is_crowded(&s->quota))
		recount(s);
	return true;
}

bool store_put(struct store *s, const uint8_t own_id[DHT_ID_SIZE],
               const uint8_t info_hash[DHT_ID_SIZE], const struct endpoint *e, bool seed,
               uint32_t now, struct rng *rng)
{
	assert(e->family == ENDPOINT_V4 || e->family == ENDPOINT_V6);
	const enum endpoint_family family = (enum endpoint_family)e->family;
	struct store_key *k = store_find(s, info_hash, family, now);
	const bool fresh = k == NULL;
	if (fresh && (!quota_allows(&s->quota, e, STORE_SUBNET_PEERS_MAX) ||
	              (k = add_key(s, own_id, info_hash, family, rng)) == NULL))
		return false;
	struct peer *p = peer_known(k, e);
	if (p != NULL) {
		set_peer(p, e, seed, now);
		k->newest = now;
		return true;
	}
	if (!add_peer(s, own_id, k, e, seed, now, rng)) {
		if (fresh)
			remove_key(s, k);
		return false;
	}
	k->newest = now;
	return true;
}

/* ---- questions ---- */

uint32_t store_key_count(const struct store_key *k)
{
	return k->count;
}

uint32_t store_key_peers(const struct store_key *k, bool no_seed, struct endpoint *out,
                         uint32_t max, struct rng *rng)
{
	uint32_t given = 0;
	if (k->count == 0 || max == 0)
		return 0;
	uint32_t i = k->count <= max ? 0 : rng_below(rng, k->count);
	/* A bound on the walk keeps a key full of seeds from costing a scan. */
	for (uint32_t seen = 0; seen < k->count && seen < 4 * max && given < max; seen++) {
		if (!no_seed || !(peer_at(k, i)->flags & PEER_SEED))
			endpoint_at(k, i, &out[given++]);
		if (++i == k->count)
			i = 0;
	}
	return given;
}

void store_key_blooms(struct store *s, struct store_key *k, uint32_t now,
                      const uint8_t **seeds, const uint8_t **others)
{
	if (k->blooms == NULL || now - k->blooms_at >= STORE_BLOOM_SECONDS) {
		if (k->blooms == NULL) {
			k->blooms = memory_alloc(2 * BLOOM_SIZE);
			s->bytes += 2 * BLOOM_SIZE;
		}
		memset(k->blooms, 0, 2 * BLOOM_SIZE);
		k->blooms_at = now;
		for (uint32_t i = 0; i < k->count; i++) {
			struct endpoint e;
			endpoint_at(k, i, &e);
			const bool seed = (peer_at(k, i)->flags & PEER_SEED) != 0;
			bloom_add(k->blooms + (seed ? 0 : BLOOM_SIZE), &e);
		}
	}
	*seeds = k->blooms;
	*others = k->blooms + BLOOM_SIZE;
}

void store_sweep(struct store *s, uint32_t now)
{
	const uint32_t room = s->keys.room;
	for (uint32_t i = 0; i < SWEEP_SLOTS && i < room && s->keys.count > 0; i++) {
		if (s->sweep_at >= s->keys.room)
			s->sweep_at = 0;
		struct keymap_entry *e = s->keys.slots[s->sweep_at];
		/* After a removal another entry may have moved in: look there again. */
		if (e == NULL || expire(s, (struct store_key *)e, now))
			s->sweep_at++;
	}
}

uint32_t store_sample(const struct store *s, enum endpoint_family family,
                      uint8_t (*out)[DHT_ID_SIZE], uint32_t max, struct rng *rng)
{
	uint32_t given = 0;
	if (s->keys.count == 0)
		return 0;
	uint32_t at = rng_below(rng, s->keys.room);
	for (uint32_t i = 0; i < s->keys.room && i < 16 * max && given < max; i++) {
		const struct keymap_entry *e = s->keys.slots[at];
		if (e != NULL && e->tag == (uint8_t)family)
			memcpy(out[given++], e->key, DHT_ID_SIZE);
		at = (at + 1) & (s->keys.room - 1);
	}
	return given;
}
