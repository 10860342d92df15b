/* dht/queries.c: queries in flight. */
#include "dht/queries.h"

#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

enum { ROOM_MIN = 8 };

void queries_init(struct queries *q)
{
	memset(q, 0, sizeof(*q));
	q->next_at = USEC_NEVER;
}

void queries_deinit(struct queries *q)
{
	free(q->slots);
	q->slots = NULL;
}

static usec event_at(const struct query *query)
{
	return query->stalled ? query->dead_at : usec_min(query->stall_at, query->dead_at);
}

static struct query *slot_for(struct queries *q, uint32_t transaction)
{
	uint32_t i = transaction & (q->room - 1);
	while (q->slots[i].purpose != QUERY_NONE && q->slots[i].transaction != transaction)
		i = (i + 1) & (q->room - 1);
	return &q->slots[i];
}

static void resize(struct queries *q, uint32_t room)
{
	struct query *old = q->slots;
	const uint32_t old_room = q->room;
	q->slots = memory_zeroed(room, sizeof(*q->slots));
	q->room = room;
	for (uint32_t i = 0; i < old_room; i++) {
		if (old[i].purpose != QUERY_NONE)
			*slot_for(q, old[i].transaction) = old[i];
	}
	free(old);
}

struct query *queries_add(struct queries *q, const struct query *what, struct rng *rng)
{
	assert(what->purpose != QUERY_NONE);
	if (q->count >= QUERIES_MAX)
		return NULL;
	if (2 * (q->count + 1) > q->room)
		resize(q, q->room == 0 ? ROOM_MIN : 2 * q->room);
	struct query *slot;
	uint32_t transaction;
	do {
		transaction = rng_u32(rng);
		slot = slot_for(q, transaction);
	} while (slot->purpose != QUERY_NONE);
	*slot = *what;
	slot->transaction = transaction;
	q->count++;
	q->next_at = usec_min(q->next_at, event_at(slot));
	return slot;
}

struct query *queries_find(struct queries *q, uint32_t transaction, const struct endpoint *from)
{
	if (q->count == 0)
		return NULL;
	struct query *slot = slot_for(q, transaction);
	return slot->purpose != QUERY_NONE && endpoint_equal(&slot->to, from) ? slot : NULL;
}

void queries_remove(struct queries *q, struct query *query)
{
	const uint32_t mask = q->room - 1;
	uint32_t hole = (uint32_t)(query - q->slots);
	assert(hole < q->room && query->purpose != QUERY_NONE);
	/* Close the gap: whoever was pushed past the hole moves back into it. */
	for (uint32_t i = (hole + 1) & mask; q->slots[i].purpose != QUERY_NONE; i = (i + 1) & mask) {
		const uint32_t home = q->slots[i].transaction & mask;
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			q->slots[hole] = q->slots[i];
			hole = i;
		}
	}
	memset(&q->slots[hole], 0, sizeof(q->slots[hole]));
	q->count--;
	if (q->count == 0) {
		q->next_at = USEC_NEVER;
		if (q->room > 4 * ROOM_MIN) {
			free(q->slots);
			q->slots = NULL;
			q->room = 0;
		}
	}
}

struct query *queries_due(struct queries *q, usec now)
{
	if (now < q->next_at)
		return NULL;
	usec next = USEC_NEVER;
	for (uint32_t i = 0; i < q->room; i++) {
		struct query *slot = &q->slots[i];
		if (slot->purpose == QUERY_NONE)
			continue;
		const usec at = event_at(slot);
		if (at <= now)
			return slot;
		next = usec_min(next, at);
	}
	q->next_at = next;
	return NULL;
}

usec queries_deadline(const struct queries *q)
{
	return q->next_at;
}
