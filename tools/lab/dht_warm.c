/* tools/lab/dht_warm.c: tables as they are after hours in the network, put
 * there directly: a hundred thousand nodes that all join by packets would
 * cost more than everything measured afterwards.
 *
 * This is the only place of the lab that looks inside a node. A node learns
 * others the way time would have brought them: for each bucket, a random
 * choice among those who belong there. Whoever sits behind a translator is
 * known to those it talks with, and its translator lets only those in. */
#include <assert.h>
#include <stdlib.h>

#include "dht/id.h"
#include "dht/inside.h"
#include "dht/table_bucket.h"
#include "proto/memory.h"
#include "tools/lab/dht_net_inside.h"

enum {
	TRIES = 3,           /* candidates looked at for one place */
	AGE_SECONDS = 1200,  /* since the last answer, at most */
	REFRESH_MINUTES = 45,
};

struct ranked {
	uint8_t id[DHT_ID_SIZE];
	uint32_t host;
	uint32_t who; /* UINT32_MAX: a stranger */
};

struct crowd {
	struct ranked *all; /* by id */
	uint32_t count;
};

void warm_keep_serving(struct dht_node *n)
{
	n->reach.read_only = false;
	n->reach.since = 0;
}

void dht_net_keep_serving(struct dht_net *net, uint32_t who)
{
	net->members[who].keeps_serving = true;
}

uint32_t dht_net_table(struct dht_net *net, uint32_t who, struct dht_contact *out, uint32_t max)
{
	const struct table *t = &net->members[who].node->families[0].table;
	struct table_node *nodes = memory_alloc(max * sizeof *nodes);
	const uint32_t count = table_list(t, nodes, max);
	for (uint32_t i = 0; i < count; i++) {
		memset(&out[i], 0, sizeof out[i]);
		memcpy(out[i].id, nodes[i].id, DHT_ID_SIZE);
		out[i].endpoint = nodes[i].endpoint;
	}
	free(nodes);
	return count;
}

/* One has had an answer of the other, some time ago. */
static bool acquaint(struct dht_net *net, uint32_t who, const struct ranked *other)
{
	struct rng *rng = world_rng(net->world, WORLD_FAULTS);
	struct dht_node *n = net->members[who].node;
	struct datagrams *d = net->datagrams;
	const uint32_t from = net->members[who].host[0];
	const struct endpoint me = datagrams_seen_by(d, from, datagrams_endpoint(d, other->host));
	const struct endpoint them = datagrams_seen_by(d, other->host, datagrams_endpoint(d, from));
	const usec rtt = datagrams_rtt(d, from, other->host);
	if (from == other->host ||
	    !table_on_reply(&n->families[0].table, other->id, &them, rtt,
	                    node_seconds(n) - rng_below(rng, AGE_SECONDS)))
		return false;
	/* Both keep the way open by looking at each other. */
	datagrams_open(d, from, &them);
	datagrams_open(d, other->host, &me);
	n->families[0].heard_at = n->families[0].replied_at = n->now;
	rtt_add(&n->rtt, rtt);
	return true;
}

/* ---- who belongs where ---- */

static int compare_ranked(const void *a, const void *b)
{
	return memcmp(((const struct ranked *)a)->id, ((const struct ranked *)b)->id, DHT_ID_SIZE);
}

/* The first that is not below id. */
static uint32_t lower_bound(const struct crowd *c, const uint8_t id[DHT_ID_SIZE])
{
	uint32_t low = 0, high = c->count;
	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		if (memcmp(c->all[middle].id, id, DHT_ID_SIZE) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The lowest or highest id of the bucket: `bits` shared, the next one not. */
static void edge(const uint8_t id[DHT_ID_SIZE], unsigned bits, bool high, uint8_t out[DHT_ID_SIZE])
{
	const uint8_t rest = (uint8_t)(0x7fu >> (bits % 8));
	memcpy(out, id, DHT_ID_SIZE);
	out[bits / 8] ^= (uint8_t)(0x80u >> (bits % 8));
	out[bits / 8] = high ? (uint8_t)(out[bits / 8] | rest) : (uint8_t)(out[bits / 8] & ~rest);
	memset(out + bits / 8 + 1, high ? 0xff : 0, DHT_ID_SIZE - 1 - bits / 8);
}

static void fill_bucket(struct dht_net *net, const struct crowd *c, uint32_t me, unsigned bits)
{
	struct rng *rng = world_rng(net->world, WORLD_FAULTS);
	uint8_t low[DHT_ID_SIZE], high[DHT_ID_SIZE];
	edge(c->all[me].id, bits, false, low);
	edge(c->all[me].id, bits, true, high);
	const uint32_t from = lower_bound(c, low), to = lower_bound(c, high);
	const unsigned places = table_capacity(bits);
	if (to - from <= places) {
		for (uint32_t i = from; i < to; i++)
			(void)acquaint(net, c->all[me].who, &c->all[i]);
		return;
	}
	for (unsigned i = 0; i < places; i++)
		for (int try = 0; try < TRIES; try++)
			if (acquaint(net, c->all[me].who, &c->all[from + rng_below(rng, to - from)]))
				break;
}

/* Has anybody else at least that many leading bits in common. */
static bool goes_deeper(const struct crowd *c, uint32_t me, unsigned bits)
{
	const uint8_t *id = c->all[me].id;
	return (me > 0 && id_common_bits(id, c->all[me - 1].id) >= bits) ||
	       (me + 1 < c->count && id_common_bits(id, c->all[me + 1].id) >= bits);
}

static void warm_one(struct dht_net *net, const struct crowd *c, uint32_t me)
{
	struct dht_node *n = net->members[c->all[me].who].node;
	struct rng *rng = world_rng(net->world, WORLD_FAULTS);
	for (unsigned bits = 0; goes_deeper(c, me, bits); bits++)
		fill_bucket(net, c, me, bits);
	n->families[0].refresh_at =
		n->now + rng_below(rng, REFRESH_MINUTES * 60) * USEC_PER_SEC;
	n->families[0].refresh_pause = REFRESH_MINUTES * USEC_PER_MIN;
	n->check_at = n->now + rng_below(rng, 6000) * USEC_PER_MS;
	n->sweep_at = n->now + rng_below(rng, 10000) * USEC_PER_MS;
	n->saved_once = true;
	dht_net_settle(net, c->all[me].who);
}

void dht_net_warm(struct dht_net *net, const struct dht_stranger *strangers, uint32_t count)
{
	struct crowd c = { memory_alloc(((size_t)net->count + count + 1) * sizeof *c.all), 0 };
	for (uint32_t i = 0; i < net->count; i++) {
		if (net->members[i].node == NULL || net->members[i].host[0] == UINT32_MAX)
			continue;
		struct ranked *r = &c.all[c.count++];
		memcpy(r->id, dht_node_id(net->members[i].node, ENDPOINT_V4), DHT_ID_SIZE);
		r->host = net->members[i].host[0];
		r->who = i;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct ranked *r = &c.all[c.count++];
		memcpy(r->id, strangers[i].id, DHT_ID_SIZE);
		r->host = strangers[i].host;
		r->who = UINT32_MAX;
	}
	qsort(c.all, c.count, sizeof *c.all, compare_ranked);
	for (uint32_t i = 0; i < c.count; i++)
		if (c.all[i].who != UINT32_MAX)
			warm_one(net, &c, i);
	free(c.all);
}
