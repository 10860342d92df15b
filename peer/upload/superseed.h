/* peer/upload/superseed.h: what a lone seed lets each peer see, so that its
 * scarce uplink does not carry one piece twice (BEP 16).
 *
 * While it is on, a new peer is told that we have nothing, and then of a few
 * pieces; of another one only once somebody else has one of those. It is worth
 * most from the first peers of a swarm on, and over when a copy is out, another
 * seed is there, or the uplink has nothing to do: peer/hide.c. */
#ifndef PEER_UPLOAD_SUPERSEED_H
#define PEER_UPLOAD_SUPERSEED_H

#include "proto/bitfield.h"
#include "proto/rng.h"

enum {
	SUPERSEED_SHOWN_MAX = 2,      /* pieces a peer sees and nobody else has yet */
	SUPERSEED_BEGIN_PERCENT = 120, /* bytes sent, of the unique ones among them */
	SUPERSEED_PIECES_MIN = 8,     /* sent before that is judged */
	SUPERSEED_IDLE_PERMILLE = 50, /* of the last second: our uplink had nothing to send */
	SUPERSEED_NONE = UINT32_MAX,
};

struct superseed_peer {
	bool hidden;                    /* it believes that we have what told says; false: all */
	struct bitfield told;           /* owned; size 0 unless hidden */
	uint32_t shown[SUPERSEED_SHOWN_MAX]; /* not yet seen elsewhere; SUPERSEED_NONE: free */
	uint32_t rest;                  /* private: told up to here, once off */
	struct superseed_peer *next, *prev; /* private: all hidden ones */
};

struct superseed {
	bool on;
	uint16_t *copies;               /* owned, per piece: peers known to have it */
	uint16_t *shown_to;             /* owned, per piece: peers that see it, and it is not out */
	uint32_t piece_count;
	uint32_t out;                   /* pieces with a copy */
	struct superseed_peer *peers;   /* private */
};

/* Off, and no memory. */
void superseed_init(struct superseed *s);
/* Its peers are gone or were told all. */
void superseed_deinit(struct superseed *s);

struct superseed_facts {
	uint32_t seeds;          /* others that are connected */
	uint32_t piece_count;
	uint32_t pieces_out;     /* that some other peer has */
	uint64_t sent_bytes;     /* payload since we seed */
	uint32_t piece_length;
	uint32_t idle_permille;  /* of the last second, our uplink */
};
/* Whether it should be on, or begin although peers were told all. Look about once
 * a second. */
bool superseed_is_due(const struct superseed *s, const struct superseed_facts *f);

/* On: from here new peers are hidden from. Then tell what each connected peer has
 * (superseed_on_bitfield). */
void superseed_begin(struct superseed *s, uint32_t piece_count);
/* Off. Hidden peers stay so until superseed_tell_next has told them the rest. */
void superseed_end(struct superseed *s);

/* hidden: it is told HAVE_NONE (or no bitfield). False when it knew better. */
void superseed_peer_init(struct superseed *s, struct superseed_peer *p, bool hidden);
void superseed_peer_deinit(struct superseed *s, struct superseed_peer *p);
/* What a peer has, each piece once; count -1 of pieces when it goes. */
void superseed_on_bitfield(struct superseed *s, const struct bitfield *has);
void superseed_on_gone(struct superseed *s, const struct bitfield *has);
/* A peer got a piece. from: NULL when it is not hidden from. */
void superseed_on_have(struct superseed *s, struct superseed_peer *from, uint32_t piece);

/* The next piece to tell p of with HAVE; false: nothing now. While it is on: one
 * that nobody has or sees, as long as p may see more. Once off: all the rest but
 * what it has, then p is hidden no more. Drain for every hidden peer after each of the above. */
bool superseed_tell_next(struct superseed *s, struct superseed_peer *p, const struct bitfield *has,
                         struct rng *rng, uint32_t *piece);
/* Whether p may ask for it: it does not know of the others. */
bool superseed_may_ask(const struct superseed_peer *p, uint32_t piece);

#endif
