/* peer/storage/chunks.h: payload memory in chunks of CHUNK_SIZE under one
 * budget, reused without going back to the allocator. */
#ifndef PEER_STORAGE_CHUNKS_H
#define PEER_STORAGE_CHUNKS_H

#include "peer/action.h"

struct chunk_pool {
	uint8_t **free_chunks; /* owned stack */
	uint32_t free_count, free_size;
	uint32_t used;         /* chunks handed out */
	uint32_t limit;        /* chunks: the budget */
	uint32_t keep;         /* free chunks kept when none is used; more go back to the system */
};

void chunk_pool_init(struct chunk_pool *p, uint64_t budget_bytes);
void chunk_pool_deinit(struct chunk_pool *p); /* used must be 0 */
/* Never NULL; may go over the budget: ask chunk_pool_has_room first where
 * starting something new. The contents are undefined. */
uint8_t *chunk_get(struct chunk_pool *p);
void chunk_put(struct chunk_pool *p, uint8_t *chunk);
bool chunk_pool_has_room(const struct chunk_pool *p, uint32_t chunks);
/* How many chunks hold length bytes. */
static inline uint32_t chunks_for(uint64_t length)
{
	return (uint32_t)((length + CHUNK_SIZE - 1) / CHUNK_SIZE);
}

#endif
