/* proto/arena.c: a list of chunks; the newest is filled from the front.
 *
 * Chunks double: a document of three texts takes half a KiB, one of a million
 * few calls. What is large for a chunk gets one of its own, so nothing is
 * limited in size and little is wasted. */
#include "proto/arena.h"

#include "proto/memory.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>

enum {
	CHUNK_SIZE_FIRST = 512,
	CHUNK_SIZE_MAX = 64 << 10,
};

struct chunk {
	struct chunk *next;
	alignas(max_align_t) uint8_t data[];
};

struct arena {
	struct chunk *chunks; /* owned */
	uint8_t *at;          /* free bytes of the newest shared chunk */
	size_t left;
	size_t next_size;     /* of the next shared chunk */
};

struct arena *arena_new(void)
{
	struct arena *a = memory_zeroed(1, sizeof(*a));

	a->next_size = CHUNK_SIZE_FIRST;
	return a;
}

void arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	for (struct chunk *c = a->chunks; c != NULL;) {
		struct chunk *next = c->next;
		free(c);
		c = next;
	}
	free(a);
}

static uint8_t *chunk_add(struct arena *a, size_t size)
{
	assert(size <= SIZE_MAX - sizeof(struct chunk));
	struct chunk *c = memory_zeroed(1, sizeof(*c) + size);
	c->next = a->chunks;
	a->chunks = c;
	return c->data;
}

static void *take(struct arena *a, size_t size, size_t alignment)
{
	const size_t skip = a->at == NULL ? 0 : (size_t)(-(uintptr_t)a->at & (alignment - 1));

	if (skip > a->left || size > a->left - skip) {
		if (size > a->next_size / 4)
			return chunk_add(a, size);
		a->at = chunk_add(a, a->next_size);
		a->left = a->next_size;
		if (a->next_size < CHUNK_SIZE_MAX)
			a->next_size *= 2;
	} else {
		a->at += skip;
		a->left -= skip;
	}
	void *p = a->at;
	a->at += size;
	a->left -= size;
	return p;
}

void *arena_alloc(struct arena *a, size_t count, size_t size)
{
	size_t total;
	const bool overflow = __builtin_mul_overflow(count, size, &total);

	assert(!overflow);
	return take(a, total, alignof(max_align_t));
}

char *arena_copy(struct arena *a, struct bytes bytes)
{
	char *copy = take(a, bytes.size + 1, 1);

	if (bytes.size != 0)
		memcpy(copy, bytes.data, bytes.size);
	copy[bytes.size] = '\0';
	return copy;
}
