/* peer/slots.h: things named by slot + generation.
 *
 * An id is generation << 32 | slot. A freed slot comes back under another
 * generation, so an id that outlived its thing finds nothing. */
#ifndef PEER_SLOTS_H
#define PEER_SLOTS_H

#include "proto/bytes.h"

struct slots {
	void **items;          /* owned array of borrowed things; NULL: free */
	uint32_t *generations; /* owned */
	uint32_t *free_slots;  /* owned stack */
	uint32_t free_count;
	uint32_t size;         /* slots ever used */
	uint32_t room;         /* allocated */
	uint32_t count;        /* in use */
};

void slots_init(struct slots *s);
void slots_deinit(struct slots *s);
/* The new thing's id; never 0. */
uint64_t slots_add(struct slots *s, void *item);
void *slots_get(const struct slots *s, uint64_t id); /* NULL: gone */
void slots_remove(struct slots *s, uint64_t id);
/* Walk all: the first thing at or behind *slot, which is moved past it. */
void *slots_walk(const struct slots *s, uint32_t *slot);

static inline uint32_t slot_of(uint64_t id)
{
	return (uint32_t)id;
}

#endif
