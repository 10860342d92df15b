/* peer/discover/candidates.c: who may be dialed when, and who never.
 *
 * Each address has a slot. A slot that may be dialed is in exactly one of four
 * heaps: ready or waiting (back-off, subnet budget), each for seeds and for
 * others; so candidates_next looks at tops alone. Ready ones are ordered by
 * failures, then by how far their source is trusted, then by canonical priority
 * (BEP 40) where we know how we are seen, else at random. A slot in
 * no heap is busy (being dialed or connected) or rests: its address may not be
 * dialed (an incoming peer without a listening port) or failed too often.
 *
 * Invariants: by_endpoint holds exactly the used slots; a slot in a heap is
 * neither busy nor resting; an index is handed out for one address only. */
#include "peer/discover/candidates.h"

#include "peer/discover/avoid.h"
#include "peer/discover/endpoint_map.h"
#include "peer/discover/priority.h"
#include "peer/timers.h"
#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

enum {
	SLOT_BITS = 11,
	GENERATIONS = 1 << (32 - SLOT_BITS),
	EVICTION_SAMPLES = 16,
	PORT_PRIVILEGED = 1024,
};
_Static_assert(CANDIDATES_MAX < 1 << SLOT_BITS, "a slot fits, and CANDIDATE_NONE is none");

struct candidate {
	struct endpoint endpoint;
	usec retry_at;       /* not before; for resting ones: when they were given up */
	uint32_t generation;
	uint8_t source;      /* enum peer_source: the most trusted that named it */
	uint8_t failures;
	uint16_t conns;      /* working connections; more than one is about to be closed */
	bool used, dialing, dialable, seed, forgotten;
};

struct candidates {
	struct rng *rng;               /* borrowed */
	struct candidate *list;        /* owned */
	uint32_t list_count, list_size;
	uint32_t *free_slots;          /* owned stack; as large as list */
	uint32_t free_count;
	uint32_t by_source[SOURCES];   /* used and not forgotten */
	struct endpoint_map by_endpoint;
	struct timers ready[2], waiting[2]; /* [1]: seeds; keyed by slot */
	struct avoid avoid;
	struct dials own_dials, *dials;
	struct endpoint own_v4, own_v6; /* family ENDPOINT_NONE: not known */
};

/* Whose word on whom to dial counts first; and whose goes last when the table
 * is full. */
static const uint8_t source_rank[SOURCES] = {
	[SOURCE_USER] = 0,     [SOURCE_MAGNET] = 1,  [SOURCE_LSD] = 2, [SOURCE_RESUME] = 3,
	[SOURCE_INCOMING] = 4, [SOURCE_TRACKER] = 5, [SOURCE_DHT] = 6, [SOURCE_PEX] = 7,
};

struct candidates *candidates_new(struct rng *rng)
{
	struct candidates *c = memory_zeroed(1, sizeof(*c));

	c->rng = rng;
	endpoint_map_init(&c->by_endpoint, rng);
	avoid_init(&c->avoid, rng);
	dials_init(&c->own_dials, rng);
	c->dials = &c->own_dials;
	for (int seed = 0; seed < 2; seed++) {
		timers_init(&c->ready[seed]);
		timers_init(&c->waiting[seed]);
	}
	return c;
}

void candidates_free(struct candidates *c)
{
	if (c == NULL)
		return;
	for (int seed = 0; seed < 2; seed++) {
		timers_deinit(&c->ready[seed]);
		timers_deinit(&c->waiting[seed]);
	}
	endpoint_map_deinit(&c->by_endpoint);
	avoid_deinit(&c->avoid);
	dials_deinit(&c->own_dials);
	free(c->free_slots);
	free(c->list);
	free(c);
}

void candidates_share_dials(struct candidates *c, struct dials *dials)
{
	c->dials = dials;
}

void candidates_set_own(struct candidates *c, const struct endpoint *own)
{
	if (own->family == ENDPOINT_V4)
		c->own_v4 = *own;
	else if (own->family == ENDPOINT_V6)
		c->own_v6 = *own;
}

/* ---- slots ---- */

static uint32_t slot_of(const struct candidates *c, const struct candidate *a)
{
	return (uint32_t)(a - c->list);
}

static uint32_t index_of(const struct candidates *c, const struct candidate *a)
{
	return a->generation << SLOT_BITS | slot_of(c, a);
}

/* NULL: the index means nothing any more. */
static struct candidate *at(const struct candidates *c, uint32_t index)
{
	const uint32_t slot = index & ((1u << SLOT_BITS) - 1);

	if (slot >= c->list_count)
		return NULL;
	struct candidate *a = &c->list[slot];
	return a->used && a->generation == index >> SLOT_BITS ? a : NULL;
}

static struct candidate *lookup(const struct candidates *c, const struct endpoint *e)
{
	const uint32_t slot = endpoint_map_get(&c->by_endpoint, e);
	return slot == ENDPOINT_MAP_NONE ? NULL : &c->list[slot];
}

static bool is_busy(const struct candidate *a)
{
	return a->dialing || a->conns > 0;
}

static void leave_heaps(struct candidates *c, uint32_t slot)
{
	for (int seed = 0; seed < 2; seed++) {
		timers_set(&c->ready[seed], slot, USEC_NEVER);
		timers_set(&c->waiting[seed], slot, USEC_NEVER);
	}
}

static void make_ready(struct candidates *c, uint32_t slot)
{
	const struct candidate *a = &c->list[slot];
	const struct endpoint *own = a->endpoint.family == ENDPOINT_V4 ? &c->own_v4 : &c->own_v6;
	const uint64_t dice = rng_u64(c->rng) >> 16;
	const uint64_t order = own->family == ENDPOINT_NONE
	                               ? dice
	                               : (uint64_t)~peer_priority(own, &a->endpoint) << 16 | dice >> 32;
	timers_set(&c->ready[a->seed], slot,
	           (uint64_t)a->failures << 56 | (uint64_t)source_rank[a->source] << 48 | order);
}

/* Put it into the heap where it belongs now, if any. */
static void settle(struct candidates *c, const struct candidate *a, usec now)
{
	const uint32_t slot = slot_of(c, a);

	leave_heaps(c, slot);
	if (is_busy(a) || !a->dialable || a->forgotten)
		return;
	if (a->retry_at > now)
		timers_set(&c->waiting[a->seed], slot, a->retry_at);
	else
		make_ready(c, slot);
}

static void set_forgotten(struct candidates *c, struct candidate *a, bool forgotten)
{
	if (a->forgotten == forgotten)
		return;
	a->forgotten = forgotten;
	if (forgotten)
		c->by_source[a->source]--;
	else
		c->by_source[a->source]++;
}

static void set_source(struct candidates *c, struct candidate *a, enum peer_source source)
{
	if (source_rank[source] >= source_rank[a->source])
		return;
	if (!a->forgotten) {
		c->by_source[a->source]--;
		c->by_source[source]++;
	}
	a->source = (uint8_t)source;
}

static void release(struct candidates *c, struct candidate *a)
{
	const uint32_t slot = slot_of(c, a);

	assert(a->used && !is_busy(a));
	leave_heaps(c, slot);
	endpoint_map_remove(&c->by_endpoint, &a->endpoint);
	set_forgotten(c, a, true);
	*a = (struct candidate){ .generation = (a->generation + 1) % GENERATIONS };
	c->free_slots[c->free_count++] = slot;
}

/* How little it would be missed; -1: it must stay. */
static int expendable(const struct candidate *a)
{
	if (!a->used || is_busy(a) || a->source == SOURCE_USER)
		return -1;
	if (a->forgotten)
		return 1000;
	if (!a->dialable)
		return 900;
	return 16 * a->failures + source_rank[a->source];
}

/* Make room for somebody from source. only_own: at the cost of the same source. A
 * few samples do for strangers; for the others everybody is looked at. */
static bool evict(struct candidates *c, enum peer_source source, bool only_own)
{
	const bool thorough = source_rank[source] <= source_rank[SOURCE_INCOMING];
	const uint32_t looks = thorough ? c->list_count : EVICTION_SAMPLES;
	struct candidate *victim = NULL;
	int most = source_rank[source];

	for (uint32_t i = 0; i < looks; i++) {
		struct candidate *a = &c->list[thorough ? i : rng_below(c->rng, c->list_count)];
		if (expendable(a) <= most || (only_own && (a->source != source || a->forgotten)))
			continue;
		most = expendable(a);
		victim = a;
	}
	if (victim != NULL)
		release(c, victim);
	return victim != NULL;
}

static void grow(struct candidates *c)
{
	c->list_size = c->list_size == 0 ? 16 : 2 * c->list_size;
	if (c->list_size > CANDIDATES_MAX)
		c->list_size = CANDIDATES_MAX;
	c->list = memory_resize(c->list, c->list_size, sizeof(*c->list));
	c->free_slots = memory_resize(c->free_slots, c->list_size, sizeof(*c->free_slots));
}

/* A slot for an address not known yet; NULL: full of better ones. */
static struct candidate *claim(struct candidates *c, const struct endpoint *e,
                               enum peer_source source)
{
	const bool quota = source == SOURCE_DHT || source == SOURCE_PEX;
	if (quota && c->by_source[source] >= CANDIDATES_PER_SOURCE_MAX && !evict(c, source, true))
		return NULL;
	if (c->free_count == 0 && c->list_count == CANDIDATES_MAX && !evict(c, source, false))
		return NULL;

	if (c->free_count == 0) {
		if (c->list_count == c->list_size)
			grow(c);
		c->list[c->list_count] = (struct candidate){ .generation = 0 };
		c->free_slots[c->free_count++] = c->list_count++;
	}
	const uint32_t slot = c->free_slots[--c->free_count];
	struct candidate *a = &c->list[slot];
	*a = (struct candidate){
		.endpoint = *e,
		.generation = a->generation,
		.source = (uint8_t)source,
		.used = true,
	};
	c->by_source[source]++;
	endpoint_map_put(&c->by_endpoint, e, slot);
	return a;
}

/* ---- whom to avoid ---- */

bool candidates_is_banned(const struct candidates *c, const struct endpoint *e)
{
	return avoid_is_banned(&c->avoid, e);
}

static void avoid(struct candidates *c, const struct endpoint *e, enum avoidance why)
{
	avoid_add(&c->avoid, e, why);
	for (uint32_t i = 0; i < c->list_count; i++) {
		struct candidate *a = &c->list[i];
		if (!a->used || !avoid_has(&c->avoid, &a->endpoint))
			continue;
		a->dialable = false;
		set_forgotten(c, a, true);
		leave_heaps(c, i);
	}
}

void candidates_ban(struct candidates *c, uint32_t index)
{
	const struct candidate *a = at(c, index);

	if (a == NULL)
		return;
	const struct endpoint e = a->endpoint;
	avoid(c, &e, AVOID_BANNED);
}

void candidates_set_self(struct candidates *c, const struct endpoint *e)
{
	if (e->family != ENDPOINT_NONE && !avoid_has(&c->avoid, e))
		avoid(c, e, AVOID_SELF);
}

/* ---- news ---- */

static bool is_trusted_port(const struct endpoint *e, enum peer_source source)
{
	return e->port >= PORT_PRIVILEGED || (source != SOURCE_DHT && source != SOURCE_PEX) ||
	       endpoint_class(e) != ENDPOINT_GLOBAL;
}

/* The user insists, or so much time has passed that one more try is due. */
static void revive(struct candidates *c, struct candidate *a, enum peer_source source, usec now)
{
	if (source == SOURCE_USER) {
		a->failures = 0;
		a->retry_at = now;
		set_forgotten(c, a, false);
	} else if (a->forgotten && usec_since(a->retry_at, now) >= CANDIDATE_BACKOFF_MAX) {
		a->failures = CANDIDATE_FAILURES_MAX - 1;
		a->retry_at = now;
		set_forgotten(c, a, false);
	}
}

uint32_t candidates_add(struct candidates *c, const struct endpoint *e, enum peer_source source,
                        bool seed, usec now)
{
	if (!endpoint_is_usable(e) || !is_trusted_port(e, source) || avoid_has(&c->avoid, e))
		return CANDIDATE_NONE;
	struct candidate *a = lookup(c, e);
	if (a == NULL) {
		a = claim(c, e, source);
		if (a == NULL)
			return CANDIDATE_NONE;
		a->dialable = true;
		a->seed = seed;
		a->retry_at = now;
		settle(c, a, now);
		return index_of(c, a);
	}
	const bool changes = !a->dialable || (seed && !a->seed) || a->forgotten ||
	                     source_rank[source] < source_rank[a->source] || source == SOURCE_USER;
	if (changes) {
		a->dialable = true;
		a->seed = a->seed || seed;
		set_source(c, a, source);
		revive(c, a, source, now);
		settle(c, a, now);
	}
	return index_of(c, a);
}

uint32_t candidates_on_incoming(struct candidates *c, const struct endpoint *e, usec now)
{
	if (e->family == ENDPOINT_NONE || candidates_is_banned(c, e))
		return CANDIDATE_NONE;
	struct candidate *a = lookup(c, e);
	if (a == NULL)
		a = claim(c, e, SOURCE_INCOMING);
	if (a == NULL || a->conns == UINT16_MAX)
		return CANDIDATE_NONE;
	a->conns++;
	settle(c, a, now);
	return index_of(c, a);
}

void candidates_set_port(struct candidates *c, uint32_t index, uint16_t port, usec now)
{
	struct candidate *a = at(c, index);

	/* An address that can be dialed already is not talked out of it. */
	if (a == NULL || port == 0 || a->dialable)
		return;
	struct endpoint e = a->endpoint;
	e.port = port;
	if (!endpoint_is_usable(&e) || avoid_has(&c->avoid, &e))
		return;
	struct candidate *other = lookup(c, &e);
	if (other != NULL && other != a) {
		if (is_busy(other))
			return;
		a->seed = a->seed || other->seed;
		set_source(c, a, (enum peer_source)other->source);
		release(c, other);
	}
	endpoint_map_remove(&c->by_endpoint, &a->endpoint);
	a->endpoint = e;
	endpoint_map_put(&c->by_endpoint, &e, slot_of(c, a));
	a->dialable = true;
	settle(c, a, now);
}

/* ---- dialing ---- */

/* A stranger's list may name one subnet many times: those over its budget move
 * back to waiting, each at most once a minute. */
uint32_t candidates_next(struct candidates *c, bool want_seeds, usec now)
{
	uint32_t slot;

	for (int seed = 0; seed <= want_seeds; seed++) {
		while (timers_pop(&c->waiting[seed], now, &slot))
			make_ready(c, slot);
	}
	for (;;) {
		struct timers *ready = &c->ready[0];
		if (want_seeds && timers_earliest(&c->ready[1]) < timers_earliest(ready))
			ready = &c->ready[1];
		if (!timers_pop(ready, USEC_NEVER - 1, &slot))
			return CANDIDATE_NONE;
		struct candidate *a = &c->list[slot];
		const usec when = dials_when(c->dials, &a->endpoint, now);
		if (when > now) {
			timers_set(&c->waiting[a->seed], slot, when);
			continue;
		}
		dials_take(c->dials, &a->endpoint, now);
		a->dialing = true;
		return index_of(c, a);
	}
}

usec candidates_deadline(const struct candidates *c, bool want_seeds)
{
	usec earliest = USEC_NEVER;

	for (int seed = 0; seed <= want_seeds; seed++) {
		if (c->ready[seed].count > 0)
			return 0;
		earliest = usec_min(earliest, timers_earliest(&c->waiting[seed]));
	}
	return earliest;
}

static usec backoff(struct candidates *c, uint32_t failures)
{
	usec wait = CANDIDATE_BACKOFF_MIN;

	for (uint32_t i = 1; i < failures && wait < CANDIDATE_BACKOFF_MAX; i++)
		wait *= 2;
	wait = usec_min(wait, CANDIDATE_BACKOFF_MAX);
	/* A quarter either way, so that a swarm that lost somebody together does
	 * not come back together. */
	return wait - wait / 4 + rng_below(c->rng, (uint32_t)(wait / 2));
}

static void count_failure(struct candidates *c, struct candidate *a, usec now)
{
	if (a->failures < UINT8_MAX)
		a->failures++;
	a->retry_at = now + backoff(c, a->failures);
	if (a->failures >= CANDIDATE_FAILURES_MAX && a->source != SOURCE_USER) {
		a->retry_at = now;
		set_forgotten(c, a, true);
	}
}

void candidates_on_connected(struct candidates *c, uint32_t index, usec now)
{
	struct candidate *a = at(c, index);

	if (a == NULL)
		return;
	if ((a->dialing && a->conns < UINT16_MAX) || a->conns == 0)
		a->conns++;
	a->dialing = false;
	settle(c, a, now);
}

void candidates_on_failed(struct candidates *c, uint32_t index, usec now)
{
	struct candidate *a = at(c, index);

	if (a == NULL)
		return;
	if (a->dialing)
		a->dialing = false;
	else if (a->conns > 0)
		a->conns--;
	count_failure(c, a, now);
	settle(c, a, now);
}

void candidates_on_closed(struct candidates *c, uint32_t index, bool useful, usec now)
{
	struct candidate *a = at(c, index);

	if (a == NULL)
		return;
	if (a->conns > 0)
		a->conns--;
	if (!useful) {
		count_failure(c, a, now);
	} else if (!avoid_has(&c->avoid, &a->endpoint)) {
		a->failures = 0;
		a->retry_at = now + backoff(c, 1);
		set_forgotten(c, a, false);
	}
	settle(c, a, now);
}

void candidates_set_seed(struct candidates *c, uint32_t index, bool seed)
{
	struct candidate *a = at(c, index);

	if (a == NULL || a->seed == seed)
		return;
	/* The heaps hold what may be dialed, and only their choice changes. */
	const uint32_t slot = slot_of(c, a);
	const usec ready = timers_get(&c->ready[a->seed], slot);
	const usec waiting = timers_get(&c->waiting[a->seed], slot);
	leave_heaps(c, slot);
	a->seed = seed;
	timers_set(&c->ready[seed], slot, ready);
	timers_set(&c->waiting[seed], slot, waiting);
}

/* ---- looking in ---- */

const struct endpoint *candidates_endpoint(const struct candidates *c, uint32_t index)
{
	static const struct endpoint none;
	const struct candidate *a = at(c, index);

	return a != NULL ? &a->endpoint : &none;
}

enum peer_source candidates_source(const struct candidates *c, uint32_t index)
{
	const struct candidate *a = at(c, index);
	return a != NULL ? (enum peer_source)a->source : SOURCE_INCOMING;
}

bool candidates_is_busy(const struct candidates *c, uint32_t index)
{
	const struct candidate *a = at(c, index);
	return a != NULL && is_busy(a);
}

uint32_t candidates_count(const struct candidates *c)
{
	uint32_t count = 0;

	for (int source = 0; source < SOURCES; source++)
		count += c->by_source[source];
	return count;
}

uint32_t candidates_idle_count(const struct candidates *c)
{
	return c->ready[0].count + c->ready[1].count + c->waiting[0].count + c->waiting[1].count;
}
