/* dht/unreachable.c: addresses that did not answer lately. */
#include "dht/unreachable.h"

#include "proto/memory.h"

#include <stdlib.h>

void unreachable_clear(struct unreachable *u)
{
	free(u->slots);
	memset(u, 0, sizeof(*u));
}

void unreachable_add(struct unreachable *u, uint32_t hash, uint32_t now)
{
	if (u->slots == NULL)
		u->slots = memory_zeroed(UNREACHABLE_MAX, sizeof(*u->slots));
	u->last = now + UNREACHABLE_SECONDS;
	u->slots[hash % UNREACHABLE_MAX] = (struct unreachable_slot){ hash, u->last };
}

void unreachable_remove(struct unreachable *u, uint32_t hash)
{
	if (u->slots != NULL && u->slots[hash % UNREACHABLE_MAX].hash == hash)
		u->slots[hash % UNREACHABLE_MAX].until = 0;
}

bool unreachable_has(const struct unreachable *u, uint32_t hash, uint32_t now)
{
	if (u->slots == NULL)
		return false;
	const struct unreachable_slot *slot = &u->slots[hash % UNREACHABLE_MAX];
	return slot->hash == hash && slot->until > now;
}

void unreachable_sweep(struct unreachable *u, uint32_t now)
{
	if (u->slots != NULL && u->last <= now)
		unreachable_clear(u);
}
