/* peer/timers.h: deadlines of many things, the earliest first: an indexed
 * binary heap. Something without a deadline costs nothing. */
#ifndef PEER_TIMERS_H
#define PEER_TIMERS_H

#include "proto/bytes.h"

struct timer_entry {
	usec at;
	uint32_t key;
};

struct timers {
	struct timer_entry *heap; /* owned */
	uint32_t *place;          /* owned; key -> heap index + 1, 0: not in it */
	uint32_t count, heap_size, key_size;
};

void timers_init(struct timers *t);
void timers_deinit(struct timers *t);
/* Set, move or (USEC_NEVER) remove the deadline of key (a small dense number). */
void timers_set(struct timers *t, uint32_t key, usec at);
usec timers_get(const struct timers *t, uint32_t key); /* USEC_NEVER: none */
usec timers_earliest(const struct timers *t);
/* Remove and return one that is due; false when none is. */
bool timers_pop(struct timers *t, usec now, uint32_t *key);

#endif
