/* dht/search_results.c: what a search found, as outputs: peers the moment
 * they come, items when they are genuine and newer, then READY and DONE. */
#include "dht/bloom.h"
#include "dht/id.h"
#include "dht/inside.h"
#include "dht/item.h"
#include "proto/bencode.h"
#include "proto/memory.h"

#include <stdlib.h>

enum {
	PEERS_OF_REPLY_MAX = 200,
	NODES_OUT_MAX = 32,
};

/* ---- peers told apart ---- */

static void seen_grow(struct seen *s)
{
	struct seen old = *s;
	s->room = old.room == 0 ? 32 : 2 * old.room;
	s->slots = memory_zeroed(s->room, sizeof(*s->slots));
	s->count = 0;
	for (uint32_t i = 0; i < old.room; i++) {
		if (old.slots[i] != 0)
			seen_add(s, old.slots[i]);
	}
	free(old.slots);
}

bool seen_add(struct seen *s, uint64_t hash)
{
	hash |= hash == 0;
	if (2 * (s->count + 1) > s->room) {
		if (s->count >= SEEN_MAX)
			return false; /* enough for anybody */
		seen_grow(s);
	}
	uint32_t i = (uint32_t)hash & (s->room - 1);
	while (s->slots[i] != 0) {
		if (s->slots[i] == hash)
			return false;
		i = (i + 1) & (s->room - 1);
	}
	s->slots[i] = hash;
	s->count++;
	return true;
}

static void say(struct dht_node *n, const struct search *s, struct dht_output *out,
                const void *payload, size_t size)
{
	if (s->out == 0)
		return;
	out->search = s->out;
	memcpy(out->target, s->target, DHT_ID_SIZE);
	outputs_add(&n->outputs, out, payload, size);
}

static void take_peers(struct dht_node *n, struct search *s, const struct endpoint *from,
                       const struct krpc *m)
{
	struct endpoint fresh[PEERS_OF_REPLY_MAX], e;
	struct bytes values = m->values;
	uint32_t count = 0;
	while (count < PEERS_OF_REPLY_MAX && krpc_next_peer(&values, &e)) {
		if (!node_may_name(from, &e))
			continue;
		if (s->blooms != NULL && m->bloom_peers == NULL)
			bloom_add(s->blooms + BLOOM_SIZE, &e);
		if (seen_add(&s->seen, siphash(n->secret, bytes_of(&e, sizeof(e)))))
			fresh[count++] = e;
	}
	if (count == 0)
		return;
	struct dht_output out = { .kind = DHT_OUT_PEERS, .count = count };
	say(n, s, &out, fresh, count * sizeof(*fresh));
}

static void take_blooms(struct search *s, const struct krpc *m)
{
	if (s->blooms == NULL || m->bloom_peers == NULL || m->bloom_seeds == NULL)
		return;
	bloom_merge(s->blooms, m->bloom_seeds);
	bloom_merge(s->blooms + BLOOM_SIZE, m->bloom_peers);
}

/* ---- items ---- */

static void keep_item(struct dht_node *n, struct search *s, const struct krpc *m)
{
	struct dht_item *i = s->item;
	s->has_item = true;
	i->value_size = (uint32_t)m->value.size;
	memcpy(i->value, m->value.data, m->value.size);
	if (i->mutable_item) {
		memcpy(i->key, m->key, sizeof(i->key));
		memcpy(i->signature, m->signature, sizeof(i->signature));
		i->seq = m->seq;
	}
	struct dht_output out = { .kind = DHT_OUT_ITEM, .count = 1 };
	say(n, s, &out, i, sizeof(*i));
}

/* Is it what was asked for: its hash is the target, its signature holds. */
static bool item_is_genuine(const struct search *s, const struct krpc *m)
{
	uint8_t target[DHT_ID_SIZE];
	const struct dht_item *i = s->item;
	if (m->value.size == 0 || m->value.size > DHT_VALUE_MAX)
		return false;
	if (!i->mutable_item) {
		item_target_of_value(m->value, target);
		return id_equal(target, s->target);
	}
	if (m->key == NULL || m->signature == NULL || !m->has_seq || m->seq < 0)
		return false;
	const struct bytes salt = bytes_of(i->salt, i->salt_size);
	item_target_of_key(m->key, salt, target);
	return id_equal(target, s->target) &&
	       item_verify(m->key, m->signature, salt, m->seq, m->value);
}

static void take_item(struct dht_node *n, struct search *s, struct lookup_candidate *c,
                      const struct krpc *m)
{
	if (m->value.size != 0 || m->has_seq) {
		c->value_known = true;
		c->value_seq = m->has_seq ? m->seq : 0;
	}
	if (s->kind != SEARCH_GET_ITEM || m->value.size == 0)
		return;
	const bool better = !s->has_item || (s->item->mutable_item && m->has_seq && m->seq > s->item->seq);
	if (better && item_is_genuine(s, m))
		keep_item(n, s, m);
}

void results_take(struct dht_node *n, struct search *s, const struct endpoint *from,
                  struct lookup_candidate *c, const struct krpc *m)
{
	if (s->kind == SEARCH_GET_PEERS) {
		take_peers(n, s, from, m);
		take_blooms(s, m);
	} else if (s->kind == SEARCH_GET_ITEM || s->kind == SEARCH_PUT_ITEM) {
		take_item(n, s, c, m);
	}
}

/* ---- the end of it ---- */

uint32_t results_closest(struct search *s, struct dht_contact *out, uint32_t max)
{
	uint32_t count = 0;
	for (int i = 0; i < FAMILIES; i++) {
		const struct lookup_candidate *c;
		for (uint32_t j = 0; s->has_lookup[i] && j < HANDED_OUT && count < max &&
		     (c = lookup_replier(&s->lookup[i], j)) != NULL; j++) {
			memset(&out[count], 0, sizeof(out[count]));
			memcpy(out[count].id, c->id, DHT_ID_SIZE);
			out[count++].endpoint = c->endpoint;
		}
	}
	return count;
}

uint32_t results_replied(const struct search *s)
{
	return s->lookup[0].replied + s->lookup[1].replied;
}

static uint32_t queries_of(const struct search *s)
{
	return s->lookup[0].queries + s->lookup[1].queries;
}

void results_ready(struct dht_node *n, struct search *s)
{
	struct dht_contact nodes[NODES_OUT_MAX];
	const uint32_t count = results_closest(s, nodes, NODES_OUT_MAX);
	struct dht_output out = { .kind = DHT_OUT_READY, .count = count,
		                  .replied = results_replied(s), .queries = queries_of(s) };
	say(n, s, &out, nodes, count * sizeof(*nodes));
	if (s->kind == SEARCH_FIND_NODE) {
		out.kind = DHT_OUT_NODES;
		say(n, s, &out, nodes, count * sizeof(*nodes));
	}
	if (s->blooms != NULL) {
		struct dht_output scrape = { .kind = DHT_OUT_SCRAPE };
		scrape.seeds = (uint32_t)(bloom_estimate(s->blooms) + 0.5);
		scrape.leechers = (uint32_t)(bloom_estimate(s->blooms + BLOOM_SIZE) + 0.5);
		say(n, s, &scrape, NULL, 0);
	}
}

void results_done(struct dht_node *n, struct search *s)
{
	const bool single = s->kind == SEARCH_PING || s->kind == SEARCH_SAMPLE;
	struct dht_output out = { .kind = DHT_OUT_DONE, .queries = queries_of(s),
		                  .replied = single ? s->announced : results_replied(s),
		                  .announced = single ? 0 : s->announced, .error = s->error };
	say(n, s, &out, NULL, 0);
	if (s->scheduled)
		follow_on_done(n, s);
	else if (s->out == 0)
		join_on_search_done(n, s);
}

static void say_sample(struct dht_node *n, struct search *s, const struct query *q,
                       const struct krpc *m)
{
	struct dht_contact nodes[NODES_OUT_MAX];
	uint32_t count = 0;
	struct bytes rest = m->nodes;
	const uint8_t *id;
	struct endpoint e;
	for (int turn = 0; turn < 2; turn++, rest = m->nodes6) {
		while (count < NODES_OUT_MAX &&
		       krpc_next_node(&rest, turn == 0 ? ENDPOINT_V4 : ENDPOINT_V6, &id, &e)) {
			if (!node_may_name(&q->to, &e))
				continue;
			memset(&nodes[count], 0, sizeof(nodes[count]));
			memcpy(nodes[count].id, id, DHT_ID_SIZE);
			nodes[count++].endpoint = e;
		}
	}
	struct dht_output out = { .kind = DHT_OUT_NODES, .count = count, .to = q->to };
	say(n, s, &out, nodes, count * sizeof(*nodes));
	if (!m->has_samples)
		return; /* it does not know BEP 51 */
	const size_t hashes = m->samples.size / DHT_ID_SIZE;
	struct dht_output samples = { .kind = DHT_OUT_SAMPLES, .to = q->to };
	samples.count = hashes > KRPC_SAMPLES_MAX ? KRPC_SAMPLES_MAX : (uint32_t)hashes;
	samples.interval = m->interval < 0 || m->interval > 21600 ? 21600 : (uint32_t)m->interval;
	samples.total = m->total < 0 || m->total > UINT32_MAX ? samples.count : (uint32_t)m->total;
	say(n, s, &samples, m->samples.data, samples.count * (size_t)DHT_ID_SIZE);
}

void results_pong(struct dht_node *n, struct search *s, const struct query *q,
                  const struct krpc *m)
{
	s->announced = 1;
	if (s->kind == SEARCH_SAMPLE) {
		say_sample(n, s, q, m);
		return;
	}
	struct dht_output out = { .kind = DHT_OUT_PONG, .to = q->to,
		                  .rtt = usec_since(q->sent_at, n->now) };
	memcpy(out.id, m->id, DHT_ID_SIZE);
	say(n, s, &out, NULL, 0);
}
