/* peer/download/pieces.c: partial pieces and their memory.
 *
 * A block normally streams straight into its place. Two peers may send the same
 * block at once (endgame, or a late answer): the second goes to a scratch, and
 * whoever ends first wins. If that is the one with the scratch, the other still
 * writes to the place; then the chunk is copied, the old one becomes stale, and
 * whoever wrote into it goes on harmlessly; their own blocks are copied over when
 * they end. So a slow sender cannot hold a block hostage, nor spoil one.
 *
 * Invariants: block.direct exactly when one active incoming of it is direct;
 * free_count counts the blocks with neither data nor askers; promised is the sum
 * of chunk_count - chunks_held over partials being fetched. */
#include "peer/download/pieces.h"

#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

struct stale_chunk {
	uint8_t *chunk; /* owned */
	uint32_t writers;
};

void pieces_init(struct pieces *ps, const struct metainfo *m, struct chunk_pool *pool)
{
	*ps = (struct pieces){ .m = m, .pool = pool };
}

void pieces_deinit(struct pieces *ps)
{
	assert(ps->incoming == NULL);
	while (ps->first != NULL)
		pieces_drop(ps, ps->first);
	free(ps->table);
	*ps = (struct pieces){ .m = NULL };
}

/* ---- the table ---- */

static uint32_t slot_of(const struct pieces *ps, uint32_t piece)
{
	return (uint32_t)(piece * 0x9e3779b1u) & (ps->table_size - 1);
}

struct partial *pieces_find(const struct pieces *ps, uint32_t piece)
{
	if (ps->table_size == 0)
		return NULL;
	struct partial *partial = ps->table[slot_of(ps, piece)];
	while (partial != NULL && partial->piece != piece)
		partial = partial->hash_next;
	return partial;
}

static void table_add(struct pieces *ps, struct partial *partial)
{
	struct partial **slot = &ps->table[slot_of(ps, partial->piece)];

	partial->hash_next = *slot;
	*slot = partial;
}

static void table_grow(struct pieces *ps)
{
	if (ps->count < ps->table_size)
		return;
	free(ps->table);
	ps->table_size = ps->table_size == 0 ? 16 : 2 * ps->table_size;
	ps->table = memory_zeroed(ps->table_size, sizeof(struct partial *));
	for (struct partial *p = ps->first; p != NULL; p = p->next)
		table_add(ps, p);
}

static void table_remove(struct pieces *ps, struct partial *partial)
{
	struct partial **slot = &ps->table[slot_of(ps, partial->piece)];

	while (*slot != partial)
		slot = &(*slot)->hash_next;
	*slot = partial->hash_next;
}

static void list_append(struct pieces *ps, struct partial *partial)
{
	partial->next = NULL;
	partial->prev = ps->last;
	if (ps->last != NULL)
		ps->last->next = partial;
	else
		ps->first = partial;
	ps->last = partial;
}

static void list_prepend(struct pieces *ps, struct partial *partial)
{
	partial->prev = NULL;
	partial->next = ps->first;
	if (ps->first != NULL)
		ps->first->prev = partial;
	else
		ps->last = partial;
	ps->first = partial;
}

static void list_remove(struct pieces *ps, struct partial *partial)
{
	if (partial->prev != NULL)
		partial->prev->next = partial->next;
	else
		ps->first = partial->next;
	if (partial->next != NULL)
		partial->next->prev = partial->prev;
	else
		ps->last = partial->prev;
}

/* ---- chunks ---- */

static uint8_t *place_of(const struct partial *partial, uint32_t block)
{
	return partial->chunks[block / CHUNK_BLOCKS] + (block % CHUNK_BLOCKS) * BLOCK_SIZE;
}

static void chunk_need(struct pieces *ps, struct partial *partial, uint32_t chunk)
{
	if (partial->chunks[chunk] != NULL)
		return;
	partial->chunks[chunk] = chunk_get(ps->pool);
	partial->chunks_held++;
	ps->promised--;
}

/* Everybody who writes into that chunk is left with it alone. Returns the old
 * chunk's keeper, NULL when nobody writes. */
static struct stale_chunk *chunk_evict(struct pieces *ps, struct partial *partial, uint32_t chunk)
{
	struct stale_chunk *stale = NULL;

	for (struct incoming *in = ps->incoming; in != NULL; in = in->next) {
		if (!in->direct || in->piece != partial->piece || in->block / CHUNK_BLOCKS != chunk)
			continue;
		if (stale == NULL) {
			stale = memory_zeroed(1, sizeof(*stale));
			stale->chunk = partial->chunks[chunk];
		}
		in->direct = false;
		in->stale = stale;
		stale->writers++;
		partial->blocks[in->block].direct = false;
	}
	return stale;
}

static void chunk_drop(struct pieces *ps, struct partial *partial, uint32_t chunk)
{
	if (partial->chunks[chunk] == NULL)
		return;
	if (chunk_evict(ps, partial, chunk) == NULL)
		chunk_put(ps->pool, partial->chunks[chunk]);
	partial->chunks[chunk] = NULL;
	partial->chunks_held--;
	ps->promised++;
}

static void chunk_replace(struct pieces *ps, struct partial *partial, uint32_t chunk)
{
	uint8_t *old = partial->chunks[chunk];
	const struct stale_chunk *stale = chunk_evict(ps, partial, chunk);

	assert(stale != NULL);
	(void)stale;
	partial->chunks[chunk] = chunk_get(ps->pool);
	memcpy(partial->chunks[chunk], old, CHUNK_SIZE);
}

/* ---- partials ---- */

static uint32_t blocks_for(uint32_t length)
{
	return length / BLOCK_SIZE + (length % BLOCK_SIZE != 0);
}

bool pieces_may_begin(const struct pieces *ps, uint32_t piece)
{
	/* Pieces that wait for the disk hold memory too, and their answer comes. */
	if (ps->count == 0)
		return true;
	const uint64_t need = (uint64_t)ps->promised +
	                      chunks_for(metainfo_piece_size(ps->m, piece));
	return need <= UINT32_MAX && chunk_pool_has_room(ps->pool, (uint32_t)need);
}

struct partial *pieces_begin(struct pieces *ps, uint32_t piece)
{
	struct partial *partial = memory_zeroed(1, sizeof(*partial));

	assert(pieces_find(ps, piece) == NULL);
	partial->piece = piece;
	partial->length = metainfo_piece_size(ps->m, piece);
	partial->block_count = partial->free_count = blocks_for(partial->length);
	partial->blocks = memory_zeroed(partial->block_count, sizeof(*partial->blocks));
	partial->chunk_count = chunks_for(partial->length);
	partial->chunks = memory_zeroed(partial->chunk_count, sizeof(*partial->chunks));
	table_grow(ps);
	table_add(ps, partial);
	list_append(ps, partial);
	ps->count++;
	ps->promised += partial->chunk_count;
	return partial;
}

void pieces_drop(struct pieces *ps, struct partial *partial)
{
	if (partial->chunks != NULL) {
		for (uint32_t i = 0; i < partial->chunk_count; i++)
			chunk_drop(ps, partial, i);
		ps->promised -= partial->chunk_count;
	}
	ps->full_count -= partial->state == PARTIAL_FULL;
	ps->exclusive_count -= partial->exclusive;
	ps->count--;
	table_remove(ps, partial);
	list_remove(ps, partial);
	free(partial->chunks);
	free(partial->blocks);
	free(partial);
}

static void block_forget(struct partial *partial, uint32_t block)
{
	struct partial_block *b = &partial->blocks[block];

	b->have = false;
	partial->have_count--;
	if (b->askers[0] == NULL) {
		partial->free_count++;
		if (block < partial->free_from)
			partial->free_from = block;
	}
}

uint64_t pieces_clear(struct pieces *ps, struct partial *partial, bool exclusive)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < partial->block_count; i++) {
		if (!partial->blocks[i].have)
			continue;
		bytes += partial_block_size(partial, i);
		block_forget(partial, i);
	}
	if (partial->chunks == NULL) {
		partial->chunks = memory_zeroed(partial->chunk_count, sizeof(*partial->chunks));
		ps->promised += partial->chunk_count;
	}
	for (uint32_t i = 0; i < partial->chunk_count; i++)
		chunk_drop(ps, partial, i);
	ps->full_count -= partial->state == PARTIAL_FULL;
	partial->state = PARTIAL_FETCHING;
	ps->exclusive_count -= partial->exclusive;
	ps->exclusive_count += exclusive;
	partial->exclusive = exclusive;
	partial->owned = false;
	return bytes;
}

uint64_t pieces_purge(struct pieces *ps, struct partial *partial, uint32_t source)
{
	uint64_t bytes = 0;

	if (partial->state == PARTIAL_STORING)
		return 0;
	for (uint32_t i = 0; i < partial->block_count; i++) {
		if (!partial->blocks[i].have || partial->blocks[i].source != source)
			continue;
		bytes += partial_block_size(partial, i);
		block_forget(partial, i);
	}
	if (bytes > 0 && partial->state == PARTIAL_FULL) {
		partial->state = PARTIAL_FETCHING;
		ps->full_count--;
		/* All its chunks are held: nothing is promised anew. */
	}
	return bytes;
}

uint32_t partial_next_free(struct partial *partial)
{
	while (partial->free_from < partial->block_count) {
		const struct partial_block *b = &partial->blocks[partial->free_from];
		if (!b->have && b->askers[0] == NULL)
			break;
		partial->free_from++;
	}
	return partial->free_from;
}

bool partial_add_asker(struct partial *partial, uint32_t block, struct download_peer *p)
{
	struct partial_block *b = &partial->blocks[block];

	assert(block < partial->block_count);
	for (uint32_t i = 0; i < BLOCK_ASKERS_MAX; i++) {
		if (b->askers[i] == p)
			return false;
		if (b->askers[i] != NULL)
			continue;
		if (i == 0 && !b->have)
			partial->free_count--;
		b->askers[i] = p;
		return true;
	}
	return false;
}

bool partial_remove_asker(struct partial *partial, uint32_t block, struct download_peer *p)
{
	struct partial_block *b = &partial->blocks[block];
	uint32_t i = 0;

	assert(block < partial->block_count);
	while (i < BLOCK_ASKERS_MAX && b->askers[i] != p)
		i++;
	if (i == BLOCK_ASKERS_MAX)
		return false;
	for (; i + 1 < BLOCK_ASKERS_MAX; i++)
		b->askers[i] = b->askers[i + 1];
	b->askers[BLOCK_ASKERS_MAX - 1] = NULL;
	if (b->askers[0] == NULL && !b->have) {
		partial->free_count++;
		if (block < partial->free_from)
			partial->free_from = block;
	}
	return true;
}

/* ---- blocks coming in ---- */

void pieces_receive(struct pieces *ps, struct incoming *in, struct partial *partial,
                    uint32_t block)
{
	struct partial_block *b = &partial->blocks[block];

	assert(!in->active && partial->state == PARTIAL_FETCHING && !b->have);
	*in = (struct incoming){ .active = true, .piece = partial->piece, .block = block };
	in->length = partial_block_size(partial, block);
	if (b->direct) {
		in->into = in->scratch = memory_alloc(BLOCK_SIZE);
	} else {
		chunk_need(ps, partial, block / CHUNK_BLOCKS);
		in->into = place_of(partial, block);
		in->direct = b->direct = true;
	}
	in->next = ps->incoming;
	in->link = &ps->incoming;
	if (in->next != NULL)
		in->next->link = &in->next;
	ps->incoming = in;
}

static void incoming_release(struct pieces *ps, struct incoming *in)
{
	free(in->scratch);
	if (in->stale != NULL && --in->stale->writers == 0) {
		chunk_put(ps->pool, in->stale->chunk);
		free(in->stale);
	}
	*in->link = in->next;
	if (in->next != NULL)
		in->next->link = in->link;
	*in = (struct incoming){ .active = false };
}

static bool is_wanted(const struct partial *partial, const struct incoming *in, uint32_t source)
{
	if (partial == NULL || partial->state != PARTIAL_FETCHING ||
	    partial->blocks[in->block].have)
		return false;
	return !partial->exclusive || (partial->owned && partial->owner == source);
}

struct partial *pieces_receive_end(struct pieces *ps, struct incoming *in, uint32_t source)
{
	struct partial *partial = pieces_find(ps, in->piece);

	assert(in->active);
	if (!is_wanted(partial, in, source)) {
		pieces_receive_abort(ps, in);
		return NULL;
	}
	struct partial_block *b = &partial->blocks[in->block];
	if (in->direct) {
		b->direct = false;
	} else {
		if (b->direct)
			chunk_replace(ps, partial, in->block / CHUNK_BLOCKS);
		chunk_need(ps, partial, in->block / CHUNK_BLOCKS);
		memcpy(place_of(partial, in->block), in->into, in->length);
	}
	b->have = true;
	b->source = source;
	partial->have_count++;
	if (b->askers[0] == NULL)
		partial->free_count--;
	if (partial->have_count == partial->block_count) {
		partial->state = PARTIAL_FULL;
		ps->full_count++;
		list_remove(ps, partial); /* to the front, where full ones are looked for */
		list_prepend(ps, partial);
	}
	incoming_release(ps, in);
	return partial;
}

void pieces_receive_abort(struct pieces *ps, struct incoming *in)
{
	assert(in->active);
	if (in->direct)
		pieces_find(ps, in->piece)->blocks[in->block].direct = false;
	incoming_release(ps, in);
}

struct partial *pieces_next_full(const struct pieces *ps)
{
	struct partial *partial = ps->full_count == 0 ? NULL : ps->first;

	while (partial != NULL && partial->state != PARTIAL_FULL)
		partial = partial->next;
	return partial;
}

uint8_t **pieces_take_chunks(struct pieces *ps, struct partial *partial)
{
	uint8_t **chunks = partial->chunks;

	assert(partial->state == PARTIAL_FULL && partial->chunks_held == partial->chunk_count);
	partial->state = PARTIAL_STORING;
	partial->chunks = NULL;
	partial->chunks_held = 0;
	ps->full_count--;
	list_remove(ps, partial);
	list_append(ps, partial);
	return chunks;
}
