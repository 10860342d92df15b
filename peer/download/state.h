/* peer/download/state.h: what a download is made of; private to download/.
 *
 * download.c keeps it true to what peers say and send; ask.c decides what to
 * ask. Invariants: held = had or not wanted; the picker is in use exactly while
 * something is missing and somebody is connected (or was, on a large torrent);
 * then its availability is the sum of the peers' pieces, and each piece's
 * standing is what download_refresh() computes. */
#ifndef PEER_DOWNLOAD_STATE_H
#define PEER_DOWNLOAD_STATE_H

#include "peer/download/download.h"
#include "peer/download/picker.h"
#include "peer/download/trust.h"

struct cancel {
	struct download_peer *peer; /* borrowed */
	struct block block;
};

struct download {
	const struct metainfo *m; /* borrowed */
	struct rng *rng;          /* borrowed */
	struct bitfield have, held;
	uint8_t *priorities;      /* owned; NULL: all DOWNLOAD_PRIORITY_DEFAULT */
	bool sequential, classic;
	bool news;                /* for download_take_news */
	bool starved;             /* somebody was refused for want of memory */
	bool endgame_told;
	uint64_t wanted_bytes, wanted_have_bytes, wasted_bytes;
	struct picker *picker;    /* owned; NULL: nothing to pick, or nobody to ask */
	struct pieces pieces;
	struct trust trust;
	struct download_peer *peers;
	uint32_t peer_count;
	struct cancel *cancels;   /* owned */
	uint32_t cancel_count, cancel_size, cancels_told;
};

enum { DOWNLOAD_PRIORITY_DEFAULT = 4 };

static inline uint8_t download_priority(const struct download *d, uint32_t piece)
{
	return d->priorities == NULL ? DOWNLOAD_PRIORITY_DEFAULT : d->priorities[piece];
}

static inline struct block download_block(const struct partial *partial, uint32_t block)
{
	return (struct block){ partial->piece, block * BLOCK_SIZE,
	                       partial_block_size(partial, block) };
}

/* Bring the picker's view of a piece up to date; partial: what pieces_find says. */
void download_refresh(struct download *d, uint32_t piece, const struct partial *partial);

/* p no longer counts as asker of the block; others may be asked. */
void download_release(struct download *d, struct download_peer *p, uint32_t piece,
                      uint32_t block);
/* Take back one request of p's queue: it lapses, with a CANCEL if told so. */
void download_lapse(struct download *d, struct download_peer *p, uint32_t index, bool cancel);
/* All requests for a block, a piece, or of a peer. */
void download_withdraw_block(struct download *d, struct partial *partial, uint32_t block);
void download_withdraw_piece(struct download *d, struct partial *partial);
void download_withdraw_peer(struct download *d, struct download_peer *p, bool cancel);
/* The first peer that is no seed has the piece now: seeds have better to send. */
void download_spare_seeds(struct download *d, uint32_t piece);
void download_forget_cancels(struct download *d, const struct download_peer *p);

#endif
