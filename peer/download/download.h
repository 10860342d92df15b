/* peer/download/download.h: the download side of one torrent whose metadata is
 * known: which pieces are there, who has which, what to ask whom, and what
 * arrived.
 *
 * The swarm feeds it what peers say and drains what follows from it: requests,
 * cancels, full pieces to store, liars to ban. It never talks to a connection.
 * Picking is rarest first with random ties (picker.c); each piece is in exactly
 * one state (pieces.c); pipelines, windows and time-outs are in requests.c; what
 * to ask whom, and the endgame, in ask.c; who sent which block of a bad piece in
 * trust.c. */
#ifndef PEER_DOWNLOAD_DOWNLOAD_H
#define PEER_DOWNLOAD_DOWNLOAD_H

#include "peer/action.h"
#include "peer/download/pieces.h"
#include "peer/download/requests.h"
#include "peer/rate.h"
#include "peer/storage/chunks.h"
#include "proto/bitfield.h"
#include "proto/message.h"
#include "proto/metainfo.h"
#include "proto/rng.h"

enum {
	ENDGAME_COPIES_MAX = BLOCK_ASKERS_MAX, /* peers asked for one block at the end */
	ALLOWED_FAST_MAX = 32, /* pieces per peer; more are ignored */
	UNASKED_MAX = 16,      /* blocks nobody asked for before a peer is dropped, */
	UNASKED_FORGIVEN = 32, /* less one for every so many right ones */
};

struct download;

/* What the download side knows of one peer; embedded in the owner's peer,
 * which must not move between init and deinit. Fields above the line may be
 * read by the owner. */
struct download_peer {
	struct bitfield has;      /* owned */
	bool has_known;           /* a bitfield, HAVE_ALL, HAVE_NONE or HAVE arrived */
	bool choked;              /* it chokes us; true at first */
	bool snubbed;
	uint32_t interesting;     /* wanted pieces it has and we have not: interested = > 0 */
	uint32_t outstanding;     /* requests sent and not answered */
	uint32_t reqq;            /* what it said it takes (BEP 10); 0: not said */
	bool fast;                /* BEP 6 is on: a choke does not drop requests by itself */
	struct meter received;    /* payload */
	uint32_t source;          /* stable name of its address, for trust */
	/* ---- private to download/ ---- */
	struct request_ring queue;  /* outstanding requests in the order sent */
	struct request_ring lapsed; /* no longer counted on; an answer may still come */
	struct incoming incoming;   /* the block under way */
	uint32_t *allowed;          /* owned: allowed-fast pieces */
	uint32_t allowed_count;
	uint32_t window;            /* requests to keep outstanding */
	uint32_t unasked;           /* blocks it sent that nobody asked it for */
	uint32_t rejects;           /* in a row */
	bool window_grows, stalled, as_seed;
	bool classic;               /* a fixed window */
	bool refilling;             /* the last call stopped at its max, not at the window */
	usec asked_at;              /* since when it owes us something, 0: nothing */
	usec lapse_at;              /* when its requests are given to others, 0: never */
	usec retry_at;              /* stalled: when it is asked again */
	usec choked_at;             /* BEP 6: waiting for rejects since, 0: not */
	usec hold_until;            /* it rejects what we ask: a pause, 0: none */
	usec wake_at;               /* nothing to ask now, but perhaps then, 0: never */
	usec rtt_min;               /* 0: unknown */
	usec window_at;             /* start of the period the window is judged by */
	uint64_t window_bytes, window_rate;
	struct download_peer *next, **link; /* list of all in the download */
};

/* m, pool and rng are borrowed and must outlive it. Starts with no piece. */
struct download *download_new(const struct metainfo *m, struct chunk_pool *pool, struct rng *rng);
/* All peers must have been deinitialised. */
void download_free(struct download *d);

/* ---- pieces ---- */
void download_set_have(struct download *d, uint32_t piece);  /* verified on disk */
void download_set_lost(struct download *d, uint32_t piece);  /* no longer */
const struct bitfield *download_have(const struct download *d);
/* 0 skip, 1..7 (7 first). A piece shared by files has the highest of them. */
void download_set_priority(struct download *d, uint32_t piece, uint8_t priority);
void download_set_sequential(struct download *d, bool on);
/* As the textbook has it, for comparison: small fixed windows, and open pieces
 * before any other. Before peers come. */
void download_set_classic(struct download *d, bool on);
bool download_is_done(const struct download *d);          /* every wanted piece is there */
/* Connected peers that have it, for views and tests. */
uint32_t download_availability(const struct download *d, uint32_t piece);
uint64_t download_wanted_bytes(const struct download *d);
uint64_t download_wanted_have_bytes(const struct download *d);

/* ---- what a peer says; false: it broke the protocol, *reason static ---- */
void download_peer_init(struct download *d, struct download_peer *p, uint32_t source, usec now);
void download_peer_deinit(struct download *d, struct download_peer *p, usec now);
bool download_on_bitfield(struct download *d, struct download_peer *p, struct bytes wire,
                          const char **reason);
bool download_on_have_all(struct download *d, struct download_peer *p, const char **reason);
bool download_on_have_none(struct download *d, struct download_peer *p, const char **reason);
bool download_on_have(struct download *d, struct download_peer *p, uint32_t piece,
                      const char **reason);
bool download_on_dont_have(struct download *d, struct download_peer *p, uint32_t piece,
                           const char **reason);
bool download_on_allowed_fast(struct download *d, struct download_peer *p, uint32_t piece,
                              const char **reason);
void download_on_choke(struct download *d, struct download_peer *p, usec now);
void download_on_unchoke(struct download *d, struct download_peer *p, usec now);
bool download_on_reject(struct download *d, struct download_peer *p, struct block b, usec now,
                        const char **reason);

/* ---- asking ---- */
/* The blocks to ask p for now, up to max; they count as sent. Few or none while
 * its window is full, it chokes us, or the buffer budget is spent. */
uint32_t download_request(struct download *d, struct download_peer *p, struct block *out,
                          uint32_t max, usec now);
/* Blocks became free, or may be asked twice now, or memory did: peers with
 * nothing to do may have something now, so call download_request for them.
 * Tells and forgets. */
bool download_take_news(struct download *d);
/* Requests another peer's data made needless: send CANCEL. Drain after inputs. */
bool download_next_cancel(struct download *d, struct download_peer **p, struct block *b);

/* ---- data ---- */
enum download_take {
	DOWNLOAD_TAKE,    /* copy block.length bytes to *into, then download_block_end */
	DOWNLOAD_DISCARD, /* not wanted (any more): skip the bytes; counted as waste */
	DOWNLOAD_BREAK,   /* protocol broken: *reason */
};
/* A PIECE header arrived. At most one block per peer is under way. The bytes
 * are copied in by the caller as they stream in; *into stays valid until
 * download_block_end or download_peer_deinit. */
enum download_take download_block_begin(struct download *d, struct download_peer *p,
                                        struct block b, uint8_t **into, const char **reason,
                                        usec now);
void download_block_end(struct download *d, struct download_peer *p, usec now);
uint64_t download_wasted_bytes(const struct download *d);

struct full_piece {
	uint32_t piece;
	uint32_t length;    /* bytes */
	uint8_t **chunks;   /* owned by the receiver: array (free()) and chunks (chunk_put) */
	uint32_t chunk_count;
};
/* Pieces whose blocks are all there: store them (ACT_STORE). */
bool download_next_full(struct download *d, struct full_piece *out);
/* The outcome. Takes the chunks and the array back and releases them. DISK_OK:
 * the piece is ours. DISK_BAD_HASH: its blocks are remembered, fetched again, and
 * whoever lied is found. Anything else: the piece is missing again. */
void download_on_stored(struct download *d, const struct full_piece *full,
                        enum disk_result result, usec now);
/* Sources proven to have sent wrong data. */
bool download_next_liar(struct download *d, uint32_t *source);

/* ---- time ---- */
usec download_peer_deadline(const struct download_peer *p); /* USEC_NEVER: none */
/* Then download_request may have something for it. */
void download_peer_on_timer(struct download *d, struct download_peer *p, usec now);

#endif
