/* dht/table.c: buckets, spares, admission. What is asked of the table without
 * changing it lies in table_view.c. */
#include "dht/table.h"

#include "dht/id.h"
#include "dht/table_bucket.h"
#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

/* A newcomer this much faster takes the place of the slowest. */
enum { FASTER_NUM = 5, FASTER_DEN = 2 };

void table_init(struct table *t, enum endpoint_family family, const uint8_t own_id[DHT_ID_SIZE])
{
	memset(t, 0, sizeof(*t));
	t->family = family;
	t->stride = (uint8_t)(sizeof(struct table_entry) + (family == ENDPOINT_V4 ? 4 : 16));
	memcpy(t->own_id, own_id, DHT_ID_SIZE);
}

void table_deinit(struct table *t)
{
	for (uint32_t i = 0; i < t->depth; i++) {
		free(t->buckets[i].live);
		free(t->buckets[i].spares);
	}
	free(t->buckets);
	t->buckets = NULL;
	t->depth = t->count = 0;
}

/* ---- arrays ---- */

static struct bucket *bucket_for(struct table *t, const uint8_t id[DHT_ID_SIZE])
{
	const unsigned bits = id_common_bits(t->own_id, id);
	assert(bits < 8 * DHT_ID_SIZE);
	if (bits >= t->depth) {
		t->buckets = memory_resize(t->buckets, bits + 1, sizeof(*t->buckets));
		memset(t->buckets + t->depth, 0, (bits + 1 - t->depth) * sizeof(*t->buckets));
		t->depth = bits + 1;
	}
	return &t->buckets[bits];
}

static struct table_entry *append(const struct table *t, uint8_t **array, uint8_t *count,
                                  uint8_t *room, unsigned max)
{
	assert(*count < max);
	if (*count == *room) {
		unsigned bigger = *room == 0 ? 2 : *room * 2u;
		if (bigger > max)
			bigger = max;
		*array = memory_resize(*array, bigger, t->stride);
		*room = (uint8_t)bigger;
	}
	struct table_entry *e = table_at(t, *array, *count);
	memset(e, 0, t->stride);
	(*count)++;
	return e;
}

static void drop(const struct table *t, uint8_t *array, uint8_t *count, unsigned i)
{
	assert(i < *count);
	(*count)--;
	if (i != *count)
		memcpy(table_at(t, array, i), table_at(t, array, *count), t->stride);
}

static void fill(const struct table *t, struct table_entry *to, const uint8_t id[DHT_ID_SIZE],
                 const struct endpoint *e)
{
	memcpy(to->id, id, DHT_ID_SIZE);
	to->port = e->port;
	memcpy(to->address, e->address, t->family == ENDPOINT_V4 ? 4 : 16);
	if (id_fits_address(id, e))
		to->flags |= TABLE_FITS;
}

static int find_in(const struct table *t, const uint8_t *array, unsigned count,
                   const uint8_t id[DHT_ID_SIZE])
{
	for (unsigned i = 0; i < count; i++) {
		if (id_equal(table_at(t, array, i)->id, id))
			return (int)i;
	}
	return -1;
}

static void measure(struct table_entry *e, usec rtt)
{
	const usec ms = rtt / USEC_PER_MS;
	const uint16_t sample = ms < 1 ? 1 : ms > 60000 ? 60000 : (uint16_t)ms;
	if (e->srtt_ms == 0) {
		e->srtt_ms = sample;
		e->rttvar_ms = sample / 2;
		return;
	}
	const int error = (int)sample - (int)e->srtt_ms;
	const int deviation = error < 0 ? -error : error;
	e->rttvar_ms = (uint16_t)((3 * e->rttvar_ms + deviation) / 4);
	e->srtt_ms = (uint16_t)((7 * e->srtt_ms + sample) / 8);
	if (e->srtt_ms == 0)
		e->srtt_ms = 1;
}

/* ---- admission ---- */

/* One node per global address in the whole table. Somebody else who sits
 * there is in the way, unless it is failing, or is this very endpoint, which
 * then has changed its id. */
static bool address_is_free(struct table *t, const struct endpoint *e)
{
	const bool global = endpoint_class(e) == ENDPOINT_GLOBAL;
	const size_t size = t->family == ENDPOINT_V4 ? 4 : 16;
	for (uint32_t b = 0; b < t->depth; b++) {
		struct bucket *bucket = &t->buckets[b];
		for (unsigned i = 0; i < bucket->live_count; i++) {
			const struct table_entry *x = table_at(t, bucket->live, i);
			if (memcmp(x->address, e->address, size) != 0)
				continue;
			if (x->port != e->port && !global)
				continue;
			if (x->port != e->port && x->fails == 0)
				return false;
			drop(t, bucket->live, &bucket->live_count, i);
			t->count--;
			return true;
		}
	}
	return true;
}

/* The entry of the bucket that a verified newcomer may replace; -1: none. */
static int victim_in(const struct table *t, const struct bucket *b, bool fits, uint16_t rtt_ms)
{
	int worst = -1, slowest = -1;
	for (unsigned i = 0; i < b->live_count; i++) {
		const struct table_entry *x = table_at(t, b->live, i);
		if (x->fails != 0 && (worst < 0 || x->fails > table_at(t, b->live, (unsigned)worst)->fails))
			worst = (int)i;
		if (slowest < 0 || x->srtt_ms > table_at(t, b->live, (unsigned)slowest)->srtt_ms)
			slowest = (int)i;
	}
	if (worst >= 0)
		return worst;
	for (unsigned i = 0; fits && i < b->live_count; i++) {
		if ((table_at(t, b->live, i)->flags & TABLE_FITS) == 0)
			return (int)i;
	}
	if (slowest >= 0 && rtt_ms != 0 &&
	    table_at(t, b->live, (unsigned)slowest)->srtt_ms * FASTER_DEN > rtt_ms * FASTER_NUM)
		return slowest;
	return -1;
}

/* A live entry of the same subnet as e; -1: none, or the rule does not hold here. */
static int subnet_mate(const struct table *t, const struct bucket *b, const struct endpoint *e)
{
	if (endpoint_class(e) != ENDPOINT_GLOBAL)
		return -1;
	const uint64_t subnet = endpoint_subnet(e);
	for (unsigned i = 0; i < b->live_count; i++) {
		struct endpoint other;
		table_endpoint(t, table_at(t, b->live, i), &other);
		if (endpoint_subnet(&other) == subnet)
			return (int)i;
	}
	return -1;
}

static void spare_add(struct table *t, struct bucket *b, const uint8_t id[DHT_ID_SIZE],
                      const struct endpoint *e, unsigned flags, uint16_t rtt_ms, uint32_t now)
{
	const int known = find_in(t, b->spares, b->spare_count, id);
	struct table_entry *spare = NULL;
	if (known >= 0) {
		spare = table_at(t, b->spares, (unsigned)known);
		struct endpoint old;
		table_endpoint(t, spare, &old);
		/* A verified one is not re-pointed by hearsay. */
		if (!endpoint_equal(&old, e) && (spare->flags & TABLE_VERIFIED) && !(flags & TABLE_VERIFIED))
			return;
		if (endpoint_equal(&old, e) && !(flags & TABLE_VERIFIED))
			return;
	} else if (b->spare_count < TABLE_SPARES_MAX) {
		spare = append(t, &b->spares, &b->spare_count, &b->spare_room, TABLE_SPARES_MAX);
	} else {
		/* Push out the oldest unverified; only a verified one pushes out a verified. */
		for (unsigned i = 0; i < b->spare_count; i++) {
			struct table_entry *x = table_at(t, b->spares, i);
			if ((x->flags & TABLE_VERIFIED) && !(flags & TABLE_VERIFIED))
				continue;
			if (spare == NULL ||
			    (x->flags & TABLE_VERIFIED) < (spare->flags & TABLE_VERIFIED) ||
			    ((x->flags & TABLE_VERIFIED) == (spare->flags & TABLE_VERIFIED) &&
			     x->replied_at < spare->replied_at))
				spare = x;
		}
		if (spare == NULL)
			return;
	}
	memset(spare, 0, t->stride);
	fill(t, spare, id, e);
	spare->flags = (uint8_t)(spare->flags | flags);
	spare->replied_at = now;
	spare->srtt_ms = rtt_ms;
	spare->rttvar_ms = rtt_ms / 2;
}

/* A full bucket needs no hearsay: a place that fails is taken by a spare that
 * has proved itself, or comes free. */
static bool is_full(const struct table *t, const struct bucket *b)
{
	return b->live_count >= table_capacity((unsigned)(b - t->buckets));
}

static void forget_hearsay(const struct table *t, struct bucket *b)
{
	for (unsigned i = b->spare_count; i-- > 0;) {
		if (!(table_at(t, b->spares, i)->flags & TABLE_VERIFIED))
			drop(t, b->spares, &b->spare_count, i);
	}
	b->spares = memory_resize(b->spares, b->spare_count, t->stride);
	b->spare_room = b->spare_count;
}

static void forget_spare(struct table *t, struct bucket *b, const uint8_t id[DHT_ID_SIZE])
{
	const int i = find_in(t, b->spares, b->spare_count, id);
	if (i >= 0)
		drop(t, b->spares, &b->spare_count, (unsigned)i);
}

static void make_live(struct table *t, struct bucket *b, const uint8_t id[DHT_ID_SIZE],
                      const struct endpoint *e, usec rtt, uint32_t now)
{
	struct table_entry *x = append(t, &b->live, &b->live_count, &b->live_room,
	                               table_capacity((unsigned)(b - t->buckets)));
	t->count++;
	fill(t, x, id, e);
	x->flags |= TABLE_VERIFIED;
	x->replied_at = x->queried_at = now;
	measure(x, rtt);
}

/* The same id is live already. */
static bool on_known(struct table *t, struct bucket *b, unsigned i, const struct endpoint *e,
                     usec rtt, uint32_t now)
{
	struct table_entry *x = table_at(t, b->live, i);
	struct endpoint old;
	table_endpoint(t, x, &old);
	if (!endpoint_equal(&old, e)) {
		/* The id is taken by somebody who answers: two nodes cannot share it. */
		if (x->fails == 0)
			return false;
		uint8_t id[DHT_ID_SIZE];
		memcpy(id, x->id, DHT_ID_SIZE);
		memset(x, 0, t->stride);
		fill(t, x, id, e);
		x->flags |= TABLE_VERIFIED;
	}
	x->fails = 0;
	x->replied_at = now;
	measure(x, rtt);
	return true;
}

bool table_on_reply(struct table *t, const uint8_t id[DHT_ID_SIZE], const struct endpoint *e,
                    usec rtt, uint32_t now)
{
	if (id_equal(id, t->own_id) || e->family != t->family || !endpoint_is_usable(e))
		return false;
	struct bucket *b = bucket_for(t, id);
	const int known = find_in(t, b->live, b->live_count, id);
	if (known >= 0)
		return on_known(t, b, (unsigned)known, e, rtt, now);
	if (!address_is_free(t, e))
		return false;
	const uint16_t rtt_ms = rtt > 60 * USEC_PER_SEC ? 60000 : (uint16_t)(rtt / USEC_PER_MS);
	const int mate = subnet_mate(t, b, e);
	if (mate >= 0 && table_at(t, b->live, (unsigned)mate)->fails == 0)
		return false;
	int out = mate;
	if (mate < 0 && is_full(t, b)) {
		out = victim_in(t, b, id_fits_address(id, e), rtt_ms);
		if (out < 0) {
			spare_add(t, b, id, e, TABLE_VERIFIED, rtt_ms, now);
			return false;
		}
	}
	if (out >= 0) {
		drop(t, b->live, &b->live_count, (unsigned)out);
		t->count--;
	}
	forget_spare(t, b, id);
	make_live(t, b, id, e, rtt, now);
	if (is_full(t, b))
		forget_hearsay(t, b);
	return true;
}

void table_hear_of(struct table *t, const uint8_t id[DHT_ID_SIZE], const struct endpoint *e,
                   bool asked_us, uint32_t now)
{
	if (id_equal(id, t->own_id) || e->family != t->family || !endpoint_is_usable(e))
		return;
	const unsigned bits = id_common_bits(t->own_id, id);
	/* Hearsay alone does not deepen the table beyond one bucket. */
	if (bits > t->depth + 8)
		return;
	struct bucket *b = bucket_for(t, id);
	if (is_full(t, b) || find_in(t, b->live, b->live_count, id) >= 0)
		return;
	spare_add(t, b, id, e, asked_us ? TABLE_ASKED_US : 0, 0, now);
}

/* ---- a known node's life ---- */

static struct bucket *existing_bucket(const struct table *t, const uint8_t id[DHT_ID_SIZE])
{
	const unsigned bits = id_common_bits(t->own_id, id);
	return bits < t->depth ? &t->buckets[bits] : NULL;
}

static int find_exact(const struct table *t, const uint8_t *array, unsigned count,
                      const uint8_t id[DHT_ID_SIZE], const struct endpoint *e)
{
	const int i = find_in(t, array, count, id);
	if (i < 0)
		return -1;
	struct endpoint at;
	table_endpoint(t, table_at(t, array, (unsigned)i), &at);
	return endpoint_equal(&at, e) ? i : -1;
}

const struct table_entry *table_find(const struct table *t, const uint8_t id[DHT_ID_SIZE],
                                     const struct endpoint *e)
{
	const struct bucket *b = existing_bucket(t, id);
	const int i = b == NULL ? -1 : find_exact(t, b->live, b->live_count, id, e);
	return i < 0 ? NULL : table_at(t, b->live, (unsigned)i);
}

void table_on_queried(struct table *t, const uint8_t id[DHT_ID_SIZE], const struct endpoint *e,
                      uint32_t now)
{
	struct bucket *b = existing_bucket(t, id);
	if (b == NULL)
		return;
	int i = find_exact(t, b->live, b->live_count, id, e);
	if (i >= 0) {
		table_at(t, b->live, (unsigned)i)->queried_at = now;
		return;
	}
	i = find_exact(t, b->spares, b->spare_count, id, e);
	if (i >= 0)
		table_at(t, b->spares, (unsigned)i)->queried_at = now;
}

/* A verified spare takes the place that is free. It is looked at soon,
 * because its last answer lies back. */
static void promote(struct table *t, struct bucket *b)
{
	if (is_full(t, b))
		return;
	for (unsigned i = 0; i < b->spare_count; i++) {
		const struct table_entry *spare = table_at(t, b->spares, i);
		struct endpoint e;
		table_endpoint(t, spare, &e);
		if (!(spare->flags & TABLE_VERIFIED) || spare->fails != 0 || subnet_mate(t, b, &e) >= 0 ||
		    !address_is_free(t, &e))
			continue;
		struct table_entry *x = append(t, &b->live, &b->live_count, &b->live_room,
		                               table_capacity((unsigned)(b - t->buckets)));
		memcpy(x, spare, t->stride);
		t->count++;
		drop(t, b->spares, &b->spare_count, i);
		return;
	}
}

static bool has_verified_spare(const struct table *t, const struct bucket *b)
{
	for (unsigned i = 0; i < b->spare_count; i++) {
		if (table_at(t, b->spares, i)->flags & TABLE_VERIFIED)
			return true;
	}
	return false;
}

void table_on_fail(struct table *t, const uint8_t id[DHT_ID_SIZE], const struct endpoint *e)
{
	struct bucket *b = existing_bucket(t, id);
	if (b == NULL)
		return;
	const int spare = find_exact(t, b->spares, b->spare_count, id, e);
	if (spare >= 0) {
		drop(t, b->spares, &b->spare_count, (unsigned)spare);
		return;
	}
	const int i = find_exact(t, b->live, b->live_count, id, e);
	if (i < 0)
		return;
	struct table_entry *x = table_at(t, b->live, (unsigned)i);
	x->fails++;
	if (x->fails >= TABLE_FAILS_MAX ||
	    (x->fails >= TABLE_FAILS_HIDDEN && has_verified_spare(t, b))) {
		drop(t, b->live, &b->live_count, (unsigned)i);
		t->count--;
		promote(t, b);
	}
}

void table_remove(struct table *t, const uint8_t id[DHT_ID_SIZE], const struct endpoint *e)
{
	struct bucket *b = existing_bucket(t, id);
	if (b == NULL)
		return;
	const int i = find_exact(t, b->live, b->live_count, id, e);
	if (i >= 0) {
		drop(t, b->live, &b->live_count, (unsigned)i);
		t->count--;
		promote(t, b);
	}
	const int spare = find_exact(t, b->spares, b->spare_count, id, e);
	if (spare >= 0)
		drop(t, b->spares, &b->spare_count, (unsigned)spare);
}

void table_set_id(struct table *t, const uint8_t own_id[DHT_ID_SIZE])
{
	struct table old = *t;
	table_init(t, old.family, own_id);
	/* Live nodes first: they proved themselves. */
	for (uint32_t i = 0; i < old.depth; i++) {
		for (unsigned j = 0; j < old.buckets[i].live_count; j++) {
			const struct table_entry *x = table_at(&old, old.buckets[i].live, j);
			if (id_equal(x->id, own_id))
				continue;
			struct bucket *b = bucket_for(t, x->id);
			const unsigned capacity = table_capacity((unsigned)(b - t->buckets));
			struct endpoint e;
			table_endpoint(&old, x, &e);
			if (b->live_count >= capacity || subnet_mate(t, b, &e) >= 0)
				continue;
			memcpy(append(t, &b->live, &b->live_count, &b->live_room, capacity), x, t->stride);
			t->count++;
		}
	}
	for (uint32_t i = 0; i < old.depth; i++) {
		for (unsigned j = 0; j < old.buckets[i].spare_count; j++) {
			const struct table_entry *x = table_at(&old, old.buckets[i].spares, j);
			if (id_equal(x->id, own_id))
				continue;
			struct bucket *b = bucket_for(t, x->id);
			if (b->spare_count < TABLE_SPARES_MAX)
				memcpy(append(t, &b->spares, &b->spare_count, &b->spare_room,
				              TABLE_SPARES_MAX), x, t->stride);
		}
	}
	table_deinit(&old);
}
