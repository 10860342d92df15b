/* dht/unreachable.c: addresses that did not answer lately. */
#include "dht/unreachable.h"

#include "proto/memory.h"

#include <stdlib.h>

void unreachable_clear(struct unreachable *u)
{
	free(u->slots);
	memset(u, 0, sizeof(*u));
}

static struct unreachable_slot *slot_of(const struct unreachable *u, uint32_t hash)
{
	return &u->slots[hash & (u->room - 1)];
}

static void grow(struct unreachable *u)
{
	struct unreachable_slot *old = u->slots;
	const uint32_t count = u->room;
	u->room = count == 0 ? UNREACHABLE_MIN : 2 * count;
	u->slots = memory_zeroed(u->room, sizeof(*u->slots));
	for (uint32_t i = 0; i < count; i++) {
		if (old[i].until != 0)
			*slot_of(u, old[i].hash) = old[i];
	}
	free(old);
}

static bool is_crowded(const struct unreachable *u, uint32_t now)
{
	uint32_t live = 0;
	for (uint32_t i = 0; i < u->room; i++)
		live += u->slots[i].until > now;
	return 2 * live >= u->room;
}

void unreachable_add(struct unreachable *u, uint32_t hash, uint32_t now)
{
	if (u->room == 0)
		grow(u);
	if (u->room < UNREACHABLE_MAX && slot_of(u, hash)->until > now &&
	    slot_of(u, hash)->hash != hash && is_crowded(u, now))
		grow(u);
	u->last = now + UNREACHABLE_SECONDS;
	*slot_of(u, hash) = (struct unreachable_slot){ hash, u->last };
}

void unreachable_remove(struct unreachable *u, uint32_t hash)
{
	if (u->room != 0 && slot_of(u, hash)->hash == hash)
		slot_of(u, hash)->until = 0;
}

bool unreachable_has(const struct unreachable *u, uint32_t hash, uint32_t now)
{
	return u->room != 0 && slot_of(u, hash)->hash == hash && slot_of(u, hash)->until > now;
}

void unreachable_sweep(struct unreachable *u, uint32_t now)
{
	if (u->room != 0 && u->last <= now)
		unreachable_clear(u);
}
