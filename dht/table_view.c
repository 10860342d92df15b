/* dht/table_view.c: what is asked of the routing table without changing it. */
#include "dht/table.h"

#include "dht/id.h"
#include "dht/table_bucket.h"

#include <assert.h>
#include <math.h>

/* How long a node of a bucket may be silent before it is looked at, seconds.
 * Wide buckets have nodes to spare; the near ones must be right. */
static uint32_t silence_max(unsigned bits)
{
	static const uint32_t minutes[] = { 80, 60, 40, 30 };
	return 60 * (bits < 4 ? minutes[bits] : 20u);
}

enum {
	RETRY_SECONDS = 20,     /* after the first fail; doubles */
	ASKED_US_SECONDS = 90,  /* its NAT mapping towards us has gone by then */
	FEW_NODES = 32,         /* while the table has fewer, nobody waits */
	SPARE_AGE_MAX = 3600,   /* hearsay older than this is not worth a packet */
};

static void copy_out(const struct table *t, const struct table_entry *x, bool live,
                     struct table_node *out)
{
	memcpy(out->id, x->id, DHT_ID_SIZE);
	table_endpoint(t, x, &out->endpoint);
	out->srtt_ms = x->srtt_ms;
	out->rttvar_ms = x->rttvar_ms;
	out->live = live;
}

/* ---- the nearest ---- */

/* The first member of an entry is its id: see offer_bucket. */
_Static_assert(offsetof(struct table_entry, id) == 0, "id first");

struct nearest {
	const struct table_entry *entry[TABLE_CLOSEST_MAX];
	uint64_t head[TABLE_CLOSEST_MAX];
	unsigned count, max;
	const uint8_t *target;
	uint64_t target_head;
};

static void offer(struct nearest *n, const struct table_entry *x, uint64_t head)
{
	unsigned at = n->count == n->max ? n->max - 1 : n->count;
	if (x->fails >= TABLE_FAILS_HIDDEN)
		return;
	if (n->count == n->max && head == n->head[at] &&
	    id_compare(x->id, n->entry[at]->id, n->target) > 0)
		return;
	while (at > 0 && (head < n->head[at - 1] ||
	                  (head == n->head[at - 1] &&
	                   id_compare(x->id, n->entry[at - 1]->id, n->target) < 0))) {
		n->entry[at] = n->entry[at - 1];
		n->head[at] = n->head[at - 1];
		at--;
	}
	n->entry[at] = x;
	n->head[at] = head;
	if (n->count < n->max)
		n->count++;
}

static void offer_bucket(const struct table *t, struct nearest *n, uint32_t bits)
{
	const struct bucket *b = &t->buckets[bits];
	const uint8_t *at = b->live;
	/* The common case is decided on 8 bytes: too far. */
	for (unsigned i = 0; i < b->live_count; i++, at += t->stride) {
		const uint64_t head = id_head(at) ^ n->target_head;
		if (n->count < n->max || head <= n->head[n->max - 1])
			offer(n, table_at(t, b->live, i), head);
	}
}

/* With `bits` shared between target and us: nodes of that bucket are nearest,
 * then all deeper ones together, then the wider ones one after the other. */
static void find_nearest(const struct table *t, struct nearest *n)
{
	n->target_head = id_head(n->target);
	const unsigned bits = id_common_bits(t->own_id, n->target);
	if (bits < t->depth)
		offer_bucket(t, n, bits);
	if (n->count < n->max) {
		for (uint32_t i = bits + 1; i < t->depth; i++)
			offer_bucket(t, n, i);
	}
	const uint32_t from = bits < t->depth ? bits : t->depth;
	for (uint32_t i = from; i-- > 0 && n->count < n->max;)
		offer_bucket(t, n, i);
}

unsigned table_closest(const struct table *t, const uint8_t target[DHT_ID_SIZE],
                       struct table_node *out, unsigned max)
{
	struct nearest n;
	n.count = 0;
	n.max = max;
	n.target = target;
	assert(max >= 1 && max <= TABLE_CLOSEST_MAX);
	find_nearest(t, &n);
	for (unsigned i = 0; i < n.count; i++)
		copy_out(t, n.entry[i], true, &out[i]);
	return n.count;
}

size_t table_closest_compact(const struct table *t, const uint8_t target[DHT_ID_SIZE],
                             uint8_t *out, unsigned max)
{
	struct nearest n;
	n.count = 0;
	n.max = max;
	n.target = target;
	assert(max <= TABLE_CLOSEST_MAX);
	if (max == 0)
		return 0;
	find_nearest(t, &n);
	const size_t address = t->family == ENDPOINT_V4 ? 4 : 16;
	uint8_t *to = out;
	for (unsigned i = 0; i < n.count; i++) {
		const struct table_entry *x = n.entry[i];
		memcpy(to, x->id, DHT_ID_SIZE);
		memcpy(to + DHT_ID_SIZE, x->address, address);
		to[DHT_ID_SIZE + address] = (uint8_t)(x->port >> 8);
		to[DHT_ID_SIZE + address + 1] = (uint8_t)x->port;
		to += DHT_ID_SIZE + address + 2;
	}
	return (size_t)(to - out);
}

/* ---- upkeep ---- */

/* How overdue a live node is, in seconds; 0: not yet. */
static uint32_t overdue(const struct table_entry *x, unsigned bits, uint32_t now)
{
	if (x->fails != 0) {
		const uint32_t wait = (uint32_t)RETRY_SECONDS << (2 * (x->fails - 1u));
		const uint32_t since = now - x->queried_at;
		return since >= wait ? 1000000 + since : 0;
	}
	const uint32_t last = x->replied_at > x->queried_at ? x->replied_at : x->queried_at;
	const uint32_t silent = now - last, limit = silence_max(bits);
	return silent >= limit ? 1 + silent - limit : 0;
}

/* A spare may be looked at when there is a place for it. */
static bool spare_is_due(const struct table *t, const struct table_entry *x, uint32_t now)
{
	const uint32_t age = now - x->replied_at;
	if (x->queried_at != 0 || age > SPARE_AGE_MAX)
		return false;
	if (!(x->flags & TABLE_ASKED_US) || t->count < FEW_NODES)
		return true;
	struct endpoint e;
	table_endpoint(t, x, &e);
	return age >= ASKED_US_SECONDS || endpoint_class(&e) != ENDPOINT_GLOBAL;
}

static const struct table_entry *due_spare(const struct table *t, const struct bucket *b,
                                           unsigned bits, uint32_t now)
{
	bool wanted = b->live_count < table_capacity(bits);
	for (unsigned i = 0; !wanted && i < b->live_count; i++)
		wanted = table_at(t, b->live, i)->fails >= TABLE_FAILS_HIDDEN;
	for (unsigned i = 0; wanted && i < b->spare_count; i++) {
		if (spare_is_due(t, table_at(t, b->spares, i), now))
			return table_at(t, b->spares, i);
	}
	return NULL;
}

bool table_next_due(const struct table *t, uint32_t now, struct table_node *out)
{
	const struct table_entry *best = NULL;
	uint32_t most = 0;
	/* Near buckets first: a free place there costs lookups the most. */
	for (uint32_t bits = t->depth; bits-- > 0;) {
		const struct bucket *b = &t->buckets[bits];
		const struct table_entry *spare = due_spare(t, b, bits, now);
		if (spare != NULL) {
			copy_out(t, spare, false, out);
			return true;
		}
		for (unsigned i = 0; i < b->live_count; i++) {
			const struct table_entry *x = table_at(t, b->live, i);
			const uint32_t by = overdue(x, bits, now);
			if (by > most) {
				most = by;
				best = x;
			}
		}
	}
	if (best != NULL)
		copy_out(t, best, true, out);
	return best != NULL;
}

bool table_is_full_at(const struct table *t, const uint8_t id[DHT_ID_SIZE])
{
	const unsigned bits = id_common_bits(t->own_id, id);
	return bits < t->depth && t->buckets[bits].live_count >= table_capacity(bits);
}

unsigned table_list(const struct table *t, struct table_node *out, unsigned max)
{
	unsigned count = 0;
	for (uint32_t bits = t->depth; bits-- > 0;) {
		const struct bucket *b = &t->buckets[bits];
		for (unsigned i = 0; i < b->live_count && count < max; i++) {
			const struct table_entry *x = table_at(t, b->live, i);
			if (x->fails < TABLE_FAILS_HIDDEN)
				copy_out(t, x, true, &out[count++]);
		}
	}
	return count;
}

/* The k-th nearest of N uniform ids lies at about k / N of the id space. */
uint64_t table_estimate(const struct table *t)
{
	struct nearest n;
	n.count = 0;
	n.max = 16;
	n.target = t->own_id;
	find_nearest(t, &n);
	if (n.count < n.max)
		return n.count == 0 ? 0 : t->count;
	const double at = ((double)n.head[n.count - 1] + 1.0) / 18446744073709551616.0;
	const double estimate = (double)n.count / at;
	return estimate < t->count ? t->count : (uint64_t)estimate;
}

size_t table_memory(const struct table *t)
{
	size_t bytes = t->depth * sizeof(*t->buckets);
	for (uint32_t i = 0; i < t->depth; i++)
		bytes += (size_t)(t->buckets[i].live_room + t->buckets[i].spare_room) * t->stride;
	return bytes;
}
