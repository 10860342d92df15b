/* peer/slots.c: things named by slot + generation. */
#include "peer/slots.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/memory.h"

void slots_init(struct slots *s)
{
	*s = (struct slots){ 0 };
}

void slots_deinit(struct slots *s)
{
	free(s->items);
	free(s->generations);
	free(s->free_slots);
	*s = (struct slots){ 0 };
}

static void grow(struct slots *s)
{
	const uint32_t room = s->room != 0 ? s->room * 2 : 16;
	s->items = memory_resize(s->items, room, sizeof *s->items);
	s->generations = memory_resize(s->generations, room, sizeof *s->generations);
	s->free_slots = memory_resize(s->free_slots, room, sizeof *s->free_slots);
	s->room = room;
}

uint64_t slots_add(struct slots *s, void *item)
{
	assert(item != NULL);
	uint32_t slot;
	if (s->free_count != 0) {
		slot = s->free_slots[--s->free_count];
	} else {
		if (s->size == s->room)
			grow(s);
		slot = s->size++;
		s->generations[slot] = 0;
	}
	s->items[slot] = item;
	s->generations[slot]++;
	s->count++;
	return (uint64_t)s->generations[slot] << 32 | slot;
}

void *slots_get(const struct slots *s, uint64_t id)
{
	const uint32_t slot = slot_of(id);
	if (id == 0 || slot >= s->size || s->generations[slot] != id >> 32)
		return NULL;
	return s->items[slot];
}

void slots_remove(struct slots *s, uint64_t id)
{
	const uint32_t slot = slot_of(id);
	assert(slots_get(s, id) != NULL);
	s->items[slot] = NULL;
	s->free_slots[s->free_count++] = slot;
	s->count--;
}

void *slots_walk(const struct slots *s, uint32_t *slot)
{
	while (*slot < s->size) {
		void *item = s->items[(*slot)++];
		if (item != NULL)
			return item;
	}
	return NULL;
}
