/* dht/quota.c: counters per subnet. */
#include "dht/quota.h"

#include "proto/memory.h"

#include <stdlib.h>

enum { ROOM_MIN = 64 };

void quota_init(struct quota *q, struct rng *rng)
{
	memset(q, 0, sizeof(*q));
	rng_fill(rng, q->secret, sizeof(q->secret));
}

void quota_deinit(struct quota *q)
{
	free(q->counters);
	q->counters = NULL;
	q->room = q->total = 0;
}

static bool counts(const struct endpoint *e)
{
	return endpoint_class(e) == ENDPOINT_GLOBAL;
}

static uint16_t *counter(const struct quota *q, const struct endpoint *e)
{
	const uint64_t subnet = endpoint_subnet(e);
	const uint64_t hash = siphash(q->secret, bytes_of(&subnet, sizeof(subnet)));
	return &q->counters[(uint32_t)hash & (q->room - 1)];
}

bool quota_allows(const struct quota *q, const struct endpoint *e, uint16_t max)
{
	return q->room == 0 || !counts(e) || *counter(q, e) < max;
}

void quota_add(struct quota *q, const struct endpoint *e)
{
	if (!counts(e))
		return;
	if (q->room == 0) {
		q->room = ROOM_MIN;
		q->counters = memory_zeroed(q->room, sizeof(*q->counters));
	}
	uint16_t *c = counter(q, e);
	if (*c < UINT16_MAX) {
		(*c)++;
		q->total++;
	}
}

void quota_remove(struct quota *q, const struct endpoint *e)
{
	if (!counts(e) || q->room == 0)
		return;
	uint16_t *c = counter(q, e);
	if (*c > 0 && *c < UINT16_MAX) {
		(*c)--;
		q->total--;
	}
}

bool quota_is_crowded(const struct quota *q)
{
	return q->room != 0 && q->room < QUOTA_ROOM_MAX && q->total > q->room / 4;
}

void quota_reset(struct quota *q)
{
	const uint32_t room = q->room * 4 > QUOTA_ROOM_MAX ? QUOTA_ROOM_MAX : q->room * 4;
	free(q->counters);
	q->counters = memory_zeroed(room, sizeof(*q->counters));
	q->room = room;
	q->total = 0;
}
