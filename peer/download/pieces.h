/* peer/download/pieces.h: pieces under way: their blocks, their memory, and the
 * blocks that are streaming in.
 *
 * A piece is had, or missing, or has a struct partial here; a partial is being
 * fetched, or full, or with the disk. Memory is taken when bytes arrive. */
#ifndef PEER_DOWNLOAD_PIECES_H
#define PEER_DOWNLOAD_PIECES_H

#include "peer/storage/chunks.h"
#include "proto/message.h"
#include "proto/metainfo.h"

enum {
	BLOCK_ASKERS_MAX = 2,
	CHUNK_BLOCKS = CHUNK_SIZE / BLOCK_SIZE,
};

struct download_peer;

struct partial_block {
	struct download_peer *askers[BLOCK_ASKERS_MAX]; /* borrowed; the first ones are set */
	uint32_t source; /* who sent it, when have */
	bool have;
	bool direct;     /* somebody streams straight into its place */
};

enum partial_state {
	PARTIAL_FETCHING,
	PARTIAL_FULL,    /* all blocks there, waiting to be handed out */
	PARTIAL_STORING, /* handed out: its chunks are elsewhere */
};

struct partial {
	uint32_t piece;
	uint32_t length;        /* bytes */
	uint32_t block_count;
	uint32_t free_count;    /* blocks neither had nor asked for */
	uint32_t have_count;
	uint32_t free_from;     /* no block before it is free */
	enum partial_state state;
	bool exclusive;         /* all of it must come from one source */
	bool owned;             /* exclusive, and owner is that source */
	uint32_t owner;
	usec owner_at;          /* when the owner last asked for it or sent */
	uint8_t **chunks;       /* owned; each NULL until bytes arrive */
	uint32_t chunk_count, chunks_held;
	struct partial_block *blocks; /* owned */
	struct partial *hash_next;
	struct partial *next, *prev;
};

/* A block on its way in from one peer; embedded in the peer. */
struct stale_chunk;
struct incoming {
	bool active;
	bool direct;         /* into is the block's place in the partial */
	uint32_t piece, block, length;
	uint8_t *into;
	uint8_t *scratch;    /* owned */
	struct stale_chunk *stale;
	struct incoming *next, **link;
};

struct pieces {
	const struct metainfo *m; /* borrowed */
	struct chunk_pool *pool;  /* borrowed */
	struct partial **table;   /* owned: hash by piece number */
	uint32_t table_size;      /* a power of two, or 0 */
	uint32_t count;
	uint32_t exclusive_count;
	uint32_t promised;        /* chunks that partials being fetched still lack */
	struct partial *first, *last;
	uint32_t full_count;
	struct incoming *incoming;
};

void pieces_init(struct pieces *ps, const struct metainfo *m, struct chunk_pool *pool);
void pieces_deinit(struct pieces *ps); /* no incoming may be active */
struct partial *pieces_find(const struct pieces *ps, uint32_t piece);
/* Whether the budget allows to begin this one; the first always may, or a
 * torrent whose neighbours hold all memory would never move. */
bool pieces_may_begin(const struct pieces *ps, uint32_t piece);
/* There must be none of that piece. */
struct partial *pieces_begin(struct pieces *ps, uint32_t piece);
/* Forget it with all it holds. Blocks still streaming in end as not taken. */
void pieces_drop(struct pieces *ps, struct partial *partial);
/* Back to nothing had; exclusive as told. Askers are left as they are. Returns
 * how many bytes were thrown away. */
uint64_t pieces_clear(struct pieces *ps, struct partial *partial, bool exclusive);
/* Throw away the blocks that a source sent; returns bytes. */
uint64_t pieces_purge(struct pieces *ps, struct partial *partial, uint32_t source);

static inline uint32_t partial_block_size(const struct partial *partial, uint32_t block)
{
	const uint32_t begin = block * BLOCK_SIZE;
	return partial->length - begin < BLOCK_SIZE ? partial->length - begin : BLOCK_SIZE;
}
/* The next block that is free; block_count: none. */
uint32_t partial_next_free(struct partial *partial);
/* Both keep free_count. False: already an asker / no room; not an asker. */
bool partial_add_asker(struct partial *partial, uint32_t block, struct download_peer *p);
bool partial_remove_asker(struct partial *partial, uint32_t block, struct download_peer *p);

/* A block begins to arrive; in->into says where to. */
void pieces_receive(struct pieces *ps, struct incoming *in, struct partial *partial,
                    uint32_t block);
/* All its bytes are there. The partial it went into, or NULL: not wanted any
 * more. When this was its last block the partial is full. The block's askers
 * are left for the caller to tell and remove. */
struct partial *pieces_receive_end(struct pieces *ps, struct incoming *in, uint32_t source);
/* The rest will not come. */
void pieces_receive_abort(struct pieces *ps, struct incoming *in);

/* A full partial, NULL: none; then take its chunks. */
struct partial *pieces_next_full(const struct pieces *ps);
uint8_t **pieces_take_chunks(struct pieces *ps, struct partial *partial);

#endif
