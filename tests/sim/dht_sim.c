/* tests/sim/dht_sim.c: growing a network of DHT nodes, asking it, and looking
 * whether it breaks its own rules. */
#include "tests/sim/dht_sim.h"

#include <stdlib.h>

#include "dht/id.h"
#include "dht/inside.h"
#include "dht/item.h"
#include "dht/table_bucket.h"
#include "proto/memory.h"

struct datagrams_config sim_typical(void)
{
	return (struct datagrams_config){ .rtt = latency_from_quantiles(135, 340, 1200) };
}

static void listen_to(struct dht_net *net, uint32_t who, const struct dht_output *out, void *context)
{
	struct answer_log *log = context;
	const usec now = world_now(dht_net_world(net));
	world_note(dht_net_world(net), 1000 + who, out->kind, out->count);
	if (out->kind == DHT_OUT_ADDRESS) {
		log->address = out->to;
		log->addresses++;
	}
	if (out->search == 0 || out->search != log->search || who != log->who)
		return;
	switch (out->kind) {
	case DHT_OUT_PEERS:
		if (log->peer_count == 0)
			log->first_peer_at = now;
		for (uint32_t i = 0; i < out->count && log->peer_count < SIM_PEERS_MAX; i++)
			log->peers[log->peer_count++] = out->peers[i];
		break;
	case DHT_OUT_READY:
		log->ready = true;
		log->ready_at = now;
		log->queries = out->queries;
		log->node_count = out->count < 32 ? out->count : 32;
		memcpy(log->nodes, out->nodes, log->node_count * sizeof(*log->nodes));
		break;
	case DHT_OUT_ITEM:
		log->has_item = true;
		log->item = *out->item;
		break;
	case DHT_OUT_DONE:
		log->done = true;
		log->done_at = now;
		log->replied = out->replied;
		log->announced = out->announced;
		log->error = out->error;
		break;
	case DHT_OUT_SEND:
	case DHT_OUT_NODES:
	case DHT_OUT_SAMPLES:
	case DHT_OUT_SCRAPE:
	case DHT_OUT_PONG:
	case DHT_OUT_SAVE:
	case DHT_OUT_ADDRESS:
		break;
	}
}

void sim_begin(struct sim *s, uint64_t seed, const struct datagrams_config *config)
{
	const struct datagrams_config typical = sim_typical();
	memset(s, 0, sizeof *s);
	s->seed = seed;
	s->world = world_new(seed);
	s->net = dht_net_new(s->world, config != NULL ? config : &typical);
	dht_net_set_listener(s->net, listen_to, &s->log);
}

void sim_end(struct sim *s)
{
	dht_net_free(s->net);
	world_free(s->world);
}

void sim_run(struct sim *s, usec span)
{
	dht_net_run(s->net, span);
}

void sim_grow(struct sim *s, uint32_t count, const struct dht_net_node *config)
{
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t who = dht_net_add(s->net, config);
		if (who != 0)
			dht_net_router(s->net, who, 0);
		sim_run(s, 100 * USEC_PER_MS);
	}
	sim_run(s, 2 * USEC_PER_MIN);
}

void sim_hash(uint64_t number, uint8_t out[DHT_ID_SIZE])
{
	struct rng rng;
	rng_init_number(&rng, number, 77);
	rng_fill(&rng, out, DHT_ID_SIZE);
}

/* ---- questions ---- */

static bool wait_for(struct sim *s, uint32_t who, dht_search search)
{
	const struct answer_log fresh = { .who = who, .search = search,
		                          .asked_at = world_now(s->world) };
	const usec end = world_now(s->world) + USEC_PER_MIN;
	s->log = fresh;
	if (search == 0)
		return false;
	dht_net_settle(s->net, who);
	while (!s->log.done && world_step(s->world, end))
		;
	return s->log.done;
}

bool sim_get_peers(struct sim *s, uint32_t who, const uint8_t hash[DHT_ID_SIZE], unsigned flags,
                   uint16_t port)
{
	return wait_for(s, who, dht_node_get_peers(dht_net_node(s->net, who), hash, flags, port,
	                                           dht_net_now(s->net, who)));
}

bool sim_find_node(struct sim *s, uint32_t who, const uint8_t target[DHT_ID_SIZE])
{
	return wait_for(s, who, dht_node_find_node(dht_net_node(s->net, who), target,
	                                           dht_net_now(s->net, who)));
}

bool sim_put(struct sim *s, uint32_t who, const struct dht_item *item, bool has_cas, int64_t cas)
{
	return wait_for(s, who, dht_node_put_item(dht_net_node(s->net, who), item, has_cas, cas,
	                                          dht_net_now(s->net, who)));
}

bool sim_get_item(struct sim *s, uint32_t who, const struct dht_item *like)
{
	uint8_t target[DHT_ID_SIZE];
	const struct bytes salt = bytes_of(like->salt, like->salt_size);
	if (like->mutable_item)
		item_target_of_key(like->key, salt, target);
	else
		item_target_of_value(bytes_of(like->value, like->value_size), target);
	return wait_for(s, who, dht_node_get_item(dht_net_node(s->net, who), target,
	                                          like->mutable_item ? like->key : NULL, salt,
	                                          dht_net_now(s->net, who)));
}

bool sim_found(const struct sim *s, uint32_t who)
{
	for (uint32_t i = 0; i < s->log.peer_count; i++)
		if (endpoint_same_address(&s->log.peers[i], dht_net_at(s->net, who)))
			return true;
	return false;
}

uint32_t sim_stored_at_closest(struct sim *s, const uint8_t hash[DHT_ID_SIZE])
{
	uint32_t best[8], found = 0, hits = 0;
	for (uint32_t i = 1; i < dht_net_count(s->net); i++) {
		/* Node 0 is everybody's router, and in no table. */
		if (i == s->log.who || !dht_net_is_alive(s->net, i))
			continue;
		const uint8_t *id = dht_node_id(dht_net_node(s->net, i), ENDPOINT_V4);
		uint32_t at = found < 8 ? found++ : 8;
		for (; at > 0; at--) {
			if (id_compare(id, dht_node_id(dht_net_node(s->net, best[at - 1]), ENDPOINT_V4), hash) > 0)
				break;
			if (at < 8)
				best[at] = best[at - 1];
		}
		if (at < 8)
			best[at] = i;
	}
	for (uint32_t i = 0; i < found; i++)
		hits += dht_node_stored_peers(dht_net_node(s->net, best[i]), hash) > 0;
	return hits;
}

struct dht_stats sim_stats(struct sim *s, uint32_t who)
{
	struct dht_stats stats;
	dht_node_stats(dht_net_node(s->net, who), &stats);
	return stats;
}

uint32_t sim_known(struct sim *s, uint32_t who)
{
	const struct dht_stats stats = sim_stats(s, who);
	return stats.nodes_v4 + stats.nodes_v6;
}

/* ---- invariants ---- */

/* D2: whoever is in there answered, and so lives or lived at that address. */
static const char *check_entry(struct sim *s, const struct table *t, const struct table_entry *x,
                               uint32_t bits)
{
	struct endpoint e;
	table_endpoint(t, x, &e);
	if (id_equal(x->id, t->own_id))
		return "D1: our own id in the table";
	if (id_common_bits(x->id, t->own_id) != bits)
		return "D1: a node in the wrong bucket";
	if ((x->flags & TABLE_VERIFIED) == 0)
		return "D2: a live node never answered";
	if (datagrams_find(dht_net_datagrams(s->net), &e) == UINT32_MAX)
		return "D2: a live node at an address where nobody ever was";
	return NULL;
}

static const char *check_bucket(struct sim *s, const struct table *t, uint32_t bits)
{
	const struct bucket *b = &t->buckets[bits];
	if (b->live_count > table_capacity(bits) || b->spare_count > TABLE_SPARES_MAX)
		return "D1: a bucket too full";
	for (unsigned i = 0; i < b->live_count; i++) {
		const struct table_entry *x = table_at(t, b->live, i);
		const char *broken = check_entry(s, t, x, bits);
		struct endpoint e, other;
		if (broken != NULL)
			return broken;
		table_endpoint(t, x, &e);
		for (unsigned j = 0; j < i; j++) {
			table_endpoint(t, table_at(t, b->live, j), &other);
			if (endpoint_class(&e) == ENDPOINT_GLOBAL && endpoint_subnet(&e) == endpoint_subnet(&other))
				return "D3: two of one subnet in a bucket";
		}
	}
	return NULL;
}

const char *sim_broken_invariant(struct sim *s)
{
	for (uint32_t i = 0; i < dht_net_count(s->net); i++) {
		const struct dht_node *n = dht_net_node(s->net, i);
		if (n == NULL)
			continue;
		for (int f = 0; f < FAMILIES; f++) {
			const struct table *t = &n->families[f].table;
			uint32_t live = 0;
			for (uint32_t bits = 0; bits < t->depth; bits++) {
				const char *broken = check_bucket(s, t, bits);
				if (broken != NULL)
					return broken;
				live += t->buckets[bits].live_count;
			}
			if (live != t->count)
				return "D1: the table miscounts";
		}
		if (n->store.bytes + n->items.bytes > STORE_BYTES_DEFAULT)
			return "D7: the stores outgrow their budget";
	}
	return NULL;
}
