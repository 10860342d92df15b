/* peer/discover/pex.h: peer exchange (BEP 11): whom we tell about which peers,
 * and how much of what others tell us we believe.
 *
 * One timeline per torrent of who came and went, and a place in it for each peer
 * that is told: a message holds what changed since the last one to that peer. */
#ifndef PEER_DISCOVER_PEX_H
#define PEER_DISCOVER_PEX_H

#include "proto/endpoint.h"
#include "proto/extended.h"
#include "proto/rng.h"

enum {
	PEX_CHANGES_MAX = 50,     /* added, and dropped, per message but the first */
	PEX_FIRST_MAX = EXT_PEX_PEERS_MAX,
	PEX_TIMELINE_MAX = 1024,  /* events; a peer that is further behind misses some */
	PEX_HASTE_MAX = 10,       /* messages that came too soon, then the peer is dropped */
};
#define PEX_INTERVAL (60 * USEC_PER_SEC)
#define PEX_FIRST_DELAY USEC_PER_SEC        /* a moment to get to know more than one */
#define PEX_INTERVAL_TAKEN (50 * USEC_PER_SEC) /* of others: clocks and networks are uneven */

struct pex_event;

struct pex {
	struct pex_peer *live;     /* owned: whom we are connected to, in no order */
	uint32_t live_count, live_size;
	struct pex_event *events;  /* owned ring */
	uint32_t events_size;
	uint64_t head, tail;       /* numbers of the next event and of the oldest kept */
};

/* A peer that is told. */
struct pex_recipient {
	uint64_t place;            /* the next event it has not heard of */
	usec next_at;
	bool begun;                /* had its first message */
};

/* A peer that tells us. */
struct pex_guard {
	usec heard_at;             /* when the last message was taken; 0: none yet */
	uint32_t hasty;            /* messages since that came too soon */
};

void pex_init(struct pex *p);
void pex_deinit(struct pex *p);
/* A peer is fully connected, and may be dialed at e (its listening port). flags:
 * enum pex_flags. Once more for the same e: the flags change. */
void pex_on_connected(struct pex *p, const struct endpoint *e, uint8_t flags);
void pex_on_closed(struct pex *p, const struct endpoint *e);

void pex_recipient_init(struct pex_recipient *r, usec now);
/* When there is something to tell it: USEC_NEVER when nothing changed. */
usec pex_deadline(const struct pex *p, const struct pex_recipient *r);
/* What to tell it now, leaving out itself. False: nothing (not due, or what
 * happened cancelled itself out). */
bool pex_next_message(const struct pex *p, struct pex_recipient *r, const struct endpoint *itself,
                      struct pex_message *out, struct rng *rng, usec now);

enum pex_verdict {
	PEX_TAKEN,
	PEX_IGNORED, /* too soon after the last */
	PEX_BROKEN,  /* again and again: drop the peer */
};
/* A message from a peer at from. PEX_TAKEN: its added list now holds only what
 * may be dialed on its word: real addresses, one port each where they are global,
 * no privileged ports there, and nothing of our own networks from a global peer. */
enum pex_verdict pex_on_message(struct pex_guard *g, struct pex_message *m,
                                const struct endpoint *from, usec now);

#endif
