/* proto/arena.h: memory that is given out in pieces and released at once.
 *
 * A parsed document holds thousands of small texts that all die together. */
#ifndef PROTO_ARENA_H
#define PROTO_ARENA_H

#include "proto/bytes.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a); /* NULL is fine */
/* Zeroed, aligned for any type; borrowed from the arena. */
void *arena_alloc(struct arena *a, size_t count, size_t size);
/* A copy of the bytes, with a NUL behind them. */
char *arena_copy(struct arena *a, struct bytes bytes);

#endif
