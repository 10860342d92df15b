/* dht/lookup.c: whom to ask next in an iterative search, and when to stop. */
#include "dht/lookup.h"

#include "dht/id.h"
#include "proto/memory.h"

#include <stdlib.h>

enum {
	ROOM_MIN = 16,
	REPLICAS = 8,          /* nodes that store a key (BEP 5) */
	SOURCE_AHEAD_MAX = 3,  /* asked on the word of one node alone, at a time */
	DENSER_SUSPECT = 8,    /* that much denser than expected smells of Sybils */
};

struct lookup_policy lookup_policy_default(bool store, bool classic)
{
	if (classic)
		return (struct lookup_policy){ .burst = 3, .alpha = 3, .wanted = 8, .classic = true };
	return (struct lookup_policy){ .burst = 4, .alpha = 6, .wanted = store ? 10 : 8,
		                       .terminal = 24, .terminal_max = LOOKUP_TERMINAL_MAX };
}

void lookup_init(struct lookup *l, const struct lookup_policy *policy, enum endpoint_family family,
                 const uint8_t target[DHT_ID_SIZE], uint64_t network_size)
{
	memset(l, 0, sizeof(*l));
	l->policy = *policy;
	l->family = family;
	memcpy(l->target, target, DHT_ID_SIZE);
	if (network_size != 0) {
		const uint64_t spacing = UINT64_MAX / network_size;
		if (network_size > policy->terminal)
			l->terminal_near = spacing * policy->terminal;
		if (network_size > REPLICAS)
			l->expected_near = spacing * REPLICAS;
	}
}

void lookup_deinit(struct lookup *l)
{
	free(l->candidates);
	l->candidates = NULL;
	l->count = l->room = 0;
}

/* ---- candidates ---- */

struct lookup_candidate *lookup_find(struct lookup *l, const uint8_t id[DHT_ID_SIZE],
                                     const struct endpoint *e)
{
	const uint64_t near = id_distance_head(id, l->target);
	for (uint32_t i = 0; i < l->count; i++) {
		struct lookup_candidate *c = &l->candidates[i];
		if (c->near == near && id_equal(c->id, id) && endpoint_equal(&c->endpoint, e))
			return c;
	}
	return NULL;
}

static void remove_at(struct lookup *l, uint32_t i)
{
	l->count--;
	memmove(&l->candidates[i], &l->candidates[i + 1],
	        (l->count - i) * sizeof(*l->candidates));
}

/* One candidate per subnet and per id. A nearer one replaces one that has not
 * been asked. False: the newcomer loses. */
static bool make_way(struct lookup *l, const uint8_t id[DHT_ID_SIZE], const struct endpoint *e,
                     uint64_t near)
{
	const bool global = endpoint_class(e) == ENDPOINT_GLOBAL;
	const uint64_t subnet = global ? endpoint_subnet(e) : 0;
	for (uint32_t i = 0; i < l->count; i++) {
		const struct lookup_candidate *c = &l->candidates[i];
		const bool same = endpoint_equal(&c->endpoint, e) || id_equal(c->id, id) ||
		                  (global && endpoint_subnet(&c->endpoint) == subnet);
		if (!same)
			continue;
		if (c->state != LOOKUP_NEW || c->known || c->near <= near)
			return false;
		remove_at(l, i);
		return true;
	}
	return true;
}

/* Somebody names a candidate again. */
static void name_again(struct lookup_candidate *c, uint32_t named_by)
{
	if (named_by != c->named_by && c->named < UINT8_MAX)
		c->named++;
}

static bool make_room(struct lookup *l, uint64_t near)
{
	if (l->count < l->room)
		return true;
	if (l->room < LOOKUP_CANDIDATES_MAX) {
		l->room = l->room == 0 ? ROOM_MIN : 2 * l->room;
		l->candidates = memory_resize(l->candidates, l->room, sizeof(*l->candidates));
		return true;
	}
	/* Push out the farthest that costs nothing. */
	for (uint32_t i = l->count; i-- > 0;) {
		const struct lookup_candidate *c = &l->candidates[i];
		if (c->near <= near)
			return false;
		if (c->state == LOOKUP_NEW || c->state == LOOKUP_FAILED) {
			remove_at(l, i);
			return true;
		}
	}
	return false;
}

bool lookup_add(struct lookup *l, const uint8_t id[DHT_ID_SIZE], const struct endpoint *e,
                uint32_t named_by, uint16_t srtt_ms, uint16_t rttvar_ms)
{
	if (e->family != l->family || !endpoint_is_usable(e))
		return false;
	const uint64_t near = id_distance_head(id, l->target);
	struct lookup_candidate *known = lookup_find(l, id, e);
	if (known != NULL) {
		name_again(known, named_by);
		return false;
	}
	if (!make_way(l, id, e, near) || !make_room(l, near))
		return false;
	uint32_t at = l->count;
	while (at > 0 && (l->candidates[at - 1].near > near ||
	                  (l->candidates[at - 1].near == near &&
	                   id_compare(id, l->candidates[at - 1].id, l->target) < 0)))
		at--;
	memmove(&l->candidates[at + 1], &l->candidates[at], (l->count - at) * sizeof(*l->candidates));
	l->count++;
	struct lookup_candidate *c = &l->candidates[at];
	memset(c, 0, sizeof(*c));
	memcpy(c->id, id, DHT_ID_SIZE);
	c->endpoint = *e;
	c->near = near;
	c->named = 1;
	c->named_by = named_by;
	c->known = named_by == 0;
	c->srtt_ms = srtt_ms;
	c->rttvar_ms = rttvar_ms;
	return true;
}

static bool is_terminal(const struct lookup *l, const struct lookup_candidate *c)
{
	return c->near <= l->terminal_near;
}

/* ---- whom next ---- */

/* The quickest new one among the 8 nearest. */
static struct lookup_candidate *next_of_burst(struct lookup *l)
{
	struct lookup_candidate *best = NULL;
	for (uint32_t i = 0; i < l->count && i < 8; i++) {
		struct lookup_candidate *c = &l->candidates[i];
		if (c->state != LOOKUP_NEW)
			continue;
		const unsigned cost = c->srtt_ms == 0 ? 1000 : c->srtt_ms;
		const unsigned best_cost = best == NULL ? UINT16_MAX + 1u
		                                        : best->srtt_ms == 0 ? 1000 : best->srtt_ms;
		if (cost < best_cost)
			best = c;
	}
	return best;
}

/* Are too many on the word of the same single node in flight already. */
static bool source_is_ahead(const struct lookup *l, const struct lookup_candidate *c)
{
	if (c->known || c->named > 1)
		return false;
	unsigned ahead = 0;
	for (uint32_t i = 0; i < l->count; i++) {
		const struct lookup_candidate *x = &l->candidates[i];
		if (x->state == LOOKUP_ASKED && x->named == 1 && x->named_by == c->named_by)
			ahead++;
	}
	return ahead >= SOURCE_AHEAD_MAX;
}

static bool has_slot(const struct lookup *l, const struct lookup_candidate *c)
{
	if (!l->policy.classic && is_terminal(l, c))
		return l->terminal_in_flight < l->policy.terminal_max;
	return l->in_flight < (l->replied == 0 ? l->policy.burst : l->policy.alpha);
}

/* The nearest new candidate that is not behind `wanted` nearer ones which
 * answered or still may. Half of what is asked is dead, so near the end a
 * query in flight counts as half an answer. */
static struct lookup_candidate *next_nearest(struct lookup *l, bool mind_sources)
{
	uint32_t ahead = 0; /* in halves */
	for (uint32_t i = 0; i < l->count && ahead < 2u * l->policy.wanted; i++) {
		struct lookup_candidate *c = &l->candidates[i];
		const bool likely = l->policy.classic || !is_terminal(l, c);
		if (c->state == LOOKUP_NEW) {
			if (has_slot(l, c) && !(mind_sources && source_is_ahead(l, c)))
				return c;
			ahead += 2;
		} else if (c->state == LOOKUP_REPLIED || (c->state == LOOKUP_ASKED && likely)) {
			ahead += 2;
		} else if (c->state == LOOKUP_ASKED) {
			ahead++;
		}
	}
	return NULL;
}

static bool spent(const struct lookup *l)
{
	if (l->queries >= LOOKUP_QUERIES_MAX)
		return true;
	/* A re-announce from remembered nodes: enough is enough. */
	return l->policy.queries_max != 0 && l->queries >= l->policy.queries_max;
}

struct lookup_candidate *lookup_next(struct lookup *l)
{
	if (l->finished || spent(l))
		return NULL;
	if (!l->policy.classic && l->replied == 0 && l->queries < l->policy.burst)
		return next_of_burst(l);
	struct lookup_candidate *c = next_nearest(l, !l->policy.classic);
	if (c == NULL && !l->policy.classic && l->in_flight + l->terminal_in_flight == 0)
		c = next_nearest(l, false);
	return c;
}

static void count_in_flight(struct lookup *l)
{
	l->in_flight = l->terminal_in_flight = 0;
	for (uint32_t i = 0; i < l->count; i++) {
		if (l->candidates[i].state != LOOKUP_ASKED)
			continue;
		if (!l->policy.classic && is_terminal(l, &l->candidates[i]))
			l->terminal_in_flight++;
		else
			l->in_flight++;
	}
}

void lookup_on_sent(struct lookup *l, struct lookup_candidate *c)
{
	c->state = LOOKUP_ASKED;
	c->asked++;
	l->queries++;
	l->started = true;
	count_in_flight(l);
}

void lookup_on_resent(struct lookup *l, struct lookup_candidate *c)
{
	c->asked++;
	l->queries++;
}

bool lookup_on_stall(struct lookup *l, const uint8_t id[DHT_ID_SIZE], const struct endpoint *e)
{
	struct lookup_candidate *c = lookup_find(l, id, e);
	if (c == NULL || c->state != LOOKUP_ASKED)
		return false;
	c->state = l->policy.classic ? LOOKUP_FAILED : LOOKUP_STALLED;
	count_in_flight(l);
	/* Lost rather than dead, if two others vouch for it: worth one more packet. */
	return !l->policy.classic && !l->finished && !spent(l) && c->asked == 1 && is_terminal(l, c) &&
	       (c->named >= 2 || c->known);
}

struct lookup_candidate *lookup_on_reply(struct lookup *l, const uint8_t id[DHT_ID_SIZE],
                                         const struct endpoint *e)
{
	struct lookup_candidate *c = lookup_find(l, id, e);
	if (c == NULL || c->state == LOOKUP_REPLIED)
		return NULL;
	if (l->policy.classic && c->state == LOOKUP_FAILED)
		return NULL;
	c->state = LOOKUP_REPLIED;
	l->replied++;
	count_in_flight(l);
	return c;
}

void lookup_on_fail(struct lookup *l, const uint8_t id[DHT_ID_SIZE], const struct endpoint *e)
{
	struct lookup_candidate *c = lookup_find(l, id, e);
	if (c == NULL || c->state == LOOKUP_REPLIED)
		return;
	c->state = LOOKUP_FAILED;
	count_in_flight(l);
}

/* ---- the end ---- */

/* Have the nearest `wanted` answered, and is nobody ahead of them in flight
 * or unasked. */
static bool nearest_have_replied(const struct lookup *l)
{
	uint32_t replied = 0;
	for (uint32_t i = 0; i < l->count; i++) {
		switch ((enum lookup_state)l->candidates[i].state) {
		case LOOKUP_NEW:
		case LOOKUP_ASKED:
			return false;
		case LOOKUP_REPLIED:
			if (++replied >= l->policy.wanted)
				return true;
			break;
		case LOOKUP_STALLED:
		case LOOKUP_FAILED:
			break;
		}
	}
	return true;
}

/* Far nearer answers than the network is dense: go on until everything
 * within the expected radius has been asked. */
static bool suspect(const struct lookup *l)
{
	uint32_t replied = 0;
	if (l->expected_near == 0 || l->policy.classic || l->policy.queries_max != 0)
		return false;
	for (uint32_t i = 0; i < l->count; i++) {
		if (l->candidates[i].state == LOOKUP_REPLIED && ++replied == REPLICAS)
			return l->candidates[i].near < l->expected_near / DENSER_SUSPECT;
	}
	return false;
}

bool lookup_is_finished(struct lookup *l)
{
	if (l->finished)
		return true;
	if (spent(l)) {
		l->finished = l->in_flight + l->terminal_in_flight == 0;
		return l->finished;
	}
	if (!nearest_have_replied(l))
		return false;
	if (l->policy.wanted < LOOKUP_STORE_MAX && suspect(l)) {
		l->policy.wanted = LOOKUP_STORE_MAX;
		return lookup_is_finished(l);
	}
	l->finished = true;
	return true;
}

uint32_t lookup_store_count(const struct lookup *l)
{
	uint32_t replied = 0;
	if (!suspect(l))
		return REPLICAS;
	for (uint32_t i = 0; i < l->count && replied < LOOKUP_STORE_MAX; i++) {
		const struct lookup_candidate *c = &l->candidates[i];
		if (c->state == LOOKUP_REPLIED && (replied < REPLICAS || c->near <= l->expected_near))
			replied++;
	}
	return replied;
}

struct lookup_candidate *lookup_replier(struct lookup *l, uint32_t n)
{
	for (uint32_t i = 0; i < l->count; i++) {
		if (l->candidates[i].state == LOOKUP_REPLIED && n-- == 0)
			return &l->candidates[i];
	}
	return NULL;
}

uint64_t lookup_estimate(const struct lookup *l)
{
	uint32_t replied = 0;
	for (uint32_t i = 0; i < l->count; i++) {
		if (l->candidates[i].state == LOOKUP_REPLIED && ++replied == REPLICAS)
			return REPLICAS * (UINT64_MAX / (l->candidates[i].near | 1));
	}
	return 0;
}
