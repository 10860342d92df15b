/* peer/storage/chunks.c: a stack of free chunks above the allocator.
 *
 * While any is in use all come back here, up to the budget: under load the
 * allocator would hand the memory to the system and have it cleared again for
 * every piece. When none is in use any more, all but a part go back.
 *
 * Invariant: free_count + used <= limit or free_count does not grow; free_count
 * <= keep when used is 0; used counts every chunk handed out, whether
 * the budget allowed it or not, so that one who must have memory (a piece begun
 * before the budget was spent) gets it and the rest wait. */
#include "peer/storage/chunks.h"

#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

enum { KEEP_PART = 8 }; /* of the budget that stays with an idle pool: 1 / this */

void chunk_pool_init(struct chunk_pool *p, uint64_t budget_bytes)
{
	const uint64_t limit = budget_bytes / CHUNK_SIZE;

	*p = (struct chunk_pool){ .limit = limit > UINT32_MAX ? UINT32_MAX : (uint32_t)limit };
	p->keep = p->limit / KEEP_PART;
}

void chunk_pool_deinit(struct chunk_pool *p)
{
	assert(p->used == 0);
	while (p->free_count > 0)
		free(p->free_chunks[--p->free_count]);
	free(p->free_chunks);
	*p = (struct chunk_pool){ .used = 0 };
}

uint8_t *chunk_get(struct chunk_pool *p)
{
	assert(p->used < UINT32_MAX);
	p->used++;
	if (p->free_count > 0)
		return p->free_chunks[--p->free_count];
	return memory_alloc(CHUNK_SIZE);
}

static void keep_free(struct chunk_pool *p, uint8_t *chunk)
{
	if (p->free_count == p->free_size) {
		p->free_size = p->free_size == 0 ? 16 : 2 * p->free_size;
		p->free_chunks = memory_resize(p->free_chunks, p->free_size,
		                               sizeof(*p->free_chunks));
	}
	p->free_chunks[p->free_count++] = chunk;
}

void chunk_put(struct chunk_pool *p, uint8_t *chunk)
{
	assert(chunk != NULL && p->used > 0);
	p->used--;
	if (p->free_count + p->used < p->limit)
		keep_free(p, chunk);
	else
		free(chunk);
	while (p->used == 0 && p->free_count > p->keep)
		free(p->free_chunks[--p->free_count]);
}

bool chunk_pool_has_room(const struct chunk_pool *p, uint32_t chunks)
{
	return p->used <= p->limit && chunks <= p->limit - p->used;
}
