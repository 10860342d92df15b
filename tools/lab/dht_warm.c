/* tools/lab/dht_warm.c: tables as they are after hours in the network, put
 * there directly: a hundred thousand nodes that all join by packets would
 * cost more than everything measured afterwards.
 *
 * This is the only place of the lab that looks inside a node. A node learns
 * others the way time would have brought them: for each bucket, a random
 * choice among those who belong there and are reachable for it or were: a
 * node behind a translator is known to those it talks with, and only they get
 * through to it. */
#include <assert.h>
#include <stdlib.h>

#include "dht/id.h"
#include "dht/inside.h"
#include "dht/table_bucket.h"
#include "proto/memory.h"
#include "tools/lab/dht_net_inside.h"

enum { TRIES = 3 }; /* candidates looked at for one place */

void dht_net_keep_serving(struct dht_net *net, uint32_t who)
{
	struct dht_node *n = net->members[who].node;
	n->reach.read_only = false;
	n->reach.since = 0;
}

bool dht_net_acquaint(struct dht_net *net, uint32_t who, uint32_t whom, uint32_t seconds_ago)
{
	struct dht_node *n = net->members[who].node, *other = net->members[whom].node;
	struct datagrams *d = net->datagrams;
	const uint32_t from = net->members[who].host[0], to = net->members[whom].host[0];
	if (who == whom || n == NULL || other == NULL)
		return false;
	const usec rtt = datagrams_rtt(d, from, to);
	const uint32_t now = node_seconds(n);
	if (!table_on_reply(&n->families[0].table, dht_node_id(other, ENDPOINT_V4),
	                    datagrams_endpoint(d, to), rtt, now - seconds_ago))
		return false;
	/* Both keep the way open by looking at each other. */
	datagrams_open(d, from, datagrams_endpoint(d, to));
	datagrams_open(d, to, datagrams_endpoint(d, from));
	n->families[0].heard_at = n->families[0].replied_at = n->now;
	rtt_add(&n->rtt, rtt);
	return true;
}

struct ranked {
	uint8_t id[DHT_ID_SIZE];
	uint32_t who;
};

static int compare_ranked(const void *a, const void *b)
{
	return memcmp(((const struct ranked *)a)->id, ((const struct ranked *)b)->id, DHT_ID_SIZE);
}

/* The first whose id is not below id with all bits from `bits` on set to fill. */
static uint32_t lower_bound(const struct ranked *all, uint32_t count, const uint8_t id[DHT_ID_SIZE])
{
	uint32_t low = 0, high = count;
	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		if (memcmp(all[middle].id, id, DHT_ID_SIZE) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* id with bit `bits` flipped and everything behind it 0 or 1. */
static void edge(const uint8_t id[DHT_ID_SIZE], unsigned bits, bool high, uint8_t out[DHT_ID_SIZE])
{
	memcpy(out, id, DHT_ID_SIZE);
	out[bits / 8] ^= (uint8_t)(0x80u >> (bits % 8));
	const uint8_t rest = (uint8_t)(0x7fu >> (bits % 8));
	out[bits / 8] = high ? (uint8_t)(out[bits / 8] | rest) : (uint8_t)(out[bits / 8] & ~rest);
	memset(out + bits / 8 + 1, high ? 0xff : 0, DHT_ID_SIZE - 1 - bits / 8);
}

static void fill_bucket(struct dht_net *net, const struct ranked *all, uint32_t count, uint32_t me,
                        unsigned bits)
{
	struct rng *rng = world_rng(net->world, WORLD_FAULTS);
	uint8_t low[DHT_ID_SIZE], high[DHT_ID_SIZE];
	edge(all[me].id, bits, false, low);
	edge(all[me].id, bits, true, high);
	const uint32_t from = lower_bound(all, count, low), to = lower_bound(all, count, high);
	const unsigned places = table_capacity(bits);
	if (to - from <= places) {
		for (uint32_t i = from; i < to; i++)
			(void)dht_net_acquaint(net, all[me].who, all[i].who, rng_below(rng, 1200));
		return;
	}
	for (unsigned i = 0; i < places; i++) {
		for (int try = 0; try < TRIES; try++)
			if (dht_net_acquaint(net, all[me].who, all[from + rng_below(rng, to - from)].who,
			                     rng_below(rng, 1200)))
				break;
	}
}

void dht_net_warm(struct dht_net *net)
{
	struct ranked *all = memory_alloc((net->count + 1) * sizeof *all);
	uint32_t count = 0;
	for (uint32_t i = 0; i < net->count; i++) {
		if (net->members[i].node == NULL || net->members[i].host[0] == UINT32_MAX)
			continue;
		memcpy(all[count].id, dht_node_id(net->members[i].node, ENDPOINT_V4), DHT_ID_SIZE);
		all[count++].who = i;
	}
	qsort(all, count, sizeof *all, compare_ranked);
	for (uint32_t i = 0; i < count; i++) {
		for (unsigned bits = 0; bits < 64; bits++) {
			fill_bucket(net, all, count, i, bits);
			/* Deeper buckets are empty once nobody else shares more bits. */
			const bool left = i > 0 && id_common_bits(all[i].id, all[i - 1].id) > bits;
			const bool right = i + 1 < count && id_common_bits(all[i].id, all[i + 1].id) > bits;
			if (!left && !right)
				break;
		}
		struct dht_node *n = net->members[all[i].who].node;
		n->families[0].refresh_at = n->now + (usec)(rng_unit(world_rng(net->world, WORLD_FAULTS)) *
		                                            45.0 * (double)USEC_PER_MIN);
		n->saved_once = true;
		dht_net_settle(net, all[i].who);
	}
	free(all);
}
