/* peer/download/trust.h: who lied.
 *
 * A piece that fails its hash and came from one source convicts that source. If
 * several sent it, a keyed digest of every block is remembered with its sender,
 * the piece is fetched again from one source alone, and when a right copy is
 * there, whoever sent a block that differs from it lied. Nobody else is
 * accused. */
#ifndef PEER_DOWNLOAD_TRUST_H
#define PEER_DOWNLOAD_TRUST_H

#include "peer/download/pieces.h"
#include "proto/rng.h"

enum {
	TRUST_PIECES_MAX = 64,          /* failed copies remembered; the oldest go first */
	TRUST_BLOCKS_MAX = 64 << 10,    /* of all of them together */
	TRUST_LIARS_MAX = 4096,         /* remembered so that each is told once */
};

struct trust_block {
	uint64_t digest;
	uint32_t source;
};

struct trust_copy {
	uint32_t piece;
	uint32_t block_count;
	struct trust_copy *next;
	struct trust_block blocks[];
};

struct trust {
	uint8_t key[16];
	struct trust_copy *first, **end; /* owned; the oldest first */
	uint32_t copies, blocks;
	uint32_t *liars;                 /* owned */
	uint32_t liar_count, told;
};

void trust_init(struct trust *t, struct rng *rng);
void trust_deinit(struct trust *t);
/* The chunks hold a copy of the piece that failed its hash. */
void trust_on_bad(struct trust *t, const struct partial *partial, uint8_t *const *chunks);
/* They hold a right one. */
void trust_on_good(struct trust *t, const struct partial *partial, uint8_t *const *chunks);
/* The source sent part of a bad copy of that piece. */
bool trust_is_implicated(const struct trust *t, uint32_t piece, uint32_t source);
/* Whether a bad copy of the piece is remembered. */
bool trust_is_suspect(const struct trust *t, uint32_t piece);
bool trust_next_liar(struct trust *t, uint32_t *source);

#endif
