/* peer/discover/announce.h: which tracker of one torrent to ask next, and when
 * (BEP 3, 7, 12, 21, 31).
 *
 * Pure. The owner drains announce_next(), carries each order out on its family
 * of addresses, and answers each exactly once; announce_deadline() says when
 * to come back. A tracker is asked over IPv4 and IPv6 at once: it works when
 * one of them does.
 *
 * Tiers are tried in order, trackers of a tier in an order shuffled at the
 * beginning; who answers moves to the front of its tier. Who does not answer
 * for ANNOUNCE_PATIENCE no longer holds up the next, and is waited for all the
 * same. */
#ifndef PEER_DISCOVER_ANNOUNCE_H
#define PEER_DISCOVER_ANNOUNCE_H

#include "proto/tracker_msg.h"

enum {
	ANNOUNCE_TRACKERS_MAX = 128, /* per torrent */
	ANNOUNCE_NUMWANT = 50,
	ANNOUNCE_PEERS_FEW = 1, /* perhaps ourselves; then it is asked again soon */
};
#define ANNOUNCE_PATIENCE (5 * USEC_PER_SEC)
#define ANNOUNCE_BACKOFF_MIN (5 * USEC_PER_SEC)   /* doubles with each failure */
#define ANNOUNCE_BACKOFF_MAX (30 * USEC_PER_MIN)
#define ANNOUNCE_INTERVAL_DEFAULT (30 * USEC_PER_MIN)
#define ANNOUNCE_INTERVAL_MIN USEC_PER_MIN        /* whatever "interval" says */
#define ANNOUNCE_INTERVAL_TOLD (5 * USEC_PER_SEC) /* the same for one that also names a
                                                   * "min interval": it means it */
#define ANNOUNCE_HURRY_MIN (5 * USEC_PER_MIN)     /* between hurries, when it does not say */

struct announce;
/* rng is borrowed. */
struct announce *announce_new(struct rng *rng);
void announce_free(struct announce *a);
/* Any time. False: no tracker URL (*reason is static), known already, or full. */
bool announce_add(struct announce *a, const char *url, uint32_t tier, const char **reason);

void announce_start(struct announce *a, bool complete, usec now);
/* Say "stopped" to all that were told "started"; nothing else from now on. */
void announce_stop(struct announce *a, usec now);
/* The last wanted piece is there. */
void announce_complete(struct announce *a, usec now);
/* BEP 21: we want nothing more, and are no seed. */
void announce_set_paused(struct announce *a, bool paused);
/* Peers are short, or the user asks: as soon as the tracker's rules allow. */
void announce_hurry(struct announce *a, usec now);
/* Our address or port changed: tell everybody at once. */
void announce_on_address_change(struct announce *a, usec now);

struct announce_order {
	uint64_t id;             /* for the answer */
	uint8_t family;          /* enum endpoint_family: which of the tracker's addresses */
	const char *url;         /* borrowed until the next call */
	const char *tracker_id;  /* borrowed likewise; NULL: none */
	enum tracker_event event;
	uint32_t key, numwant;
};
/* The caller adds info-hash, peer id, port and byte counts. */
bool announce_next(struct announce *a, struct announce_order *out, usec now);
/* 0: at once; USEC_NEVER: only after an input. */
usec announce_deadline(const struct announce *a);

/* Answers. An order's second answer is ignored. */
void announce_on_response(struct announce *a, uint64_t id, const struct tracker_response *r,
                          usec now);
void announce_on_failure(struct announce *a, uint64_t id, const char *reason, usec now);
/* The tracker has no address of that family, or we have no way there. */
void announce_on_absent(struct announce *a, uint64_t id, usec now);
/* Orders that are not answered yet, and those still owed at the end. */
uint32_t announce_pending(const struct announce *a);

enum announce_state {
	ANNOUNCE_WAITING,  /* not its turn */
	ANNOUNCE_ASKING,
	ANNOUNCE_WORKING,  /* the last answer was good */
	ANNOUNCE_FAILING,  /* text says why */
	ANNOUNCE_DISABLED, /* it asked us never to come back */
};

struct announce_status {
	enum announce_state state;
	const char *url, *text, *warning;  /* borrowed; "" when there is nothing to say */
	uint32_t tier, failures;
	uint32_t complete, incomplete, downloaded; /* or TRACKER_UNKNOWN */
	uint32_t peers;                    /* in its last answer */
	usec next_at;                      /* USEC_NEVER: not planned */
};
uint32_t announce_count(const struct announce *a);
/* i < announce_count(), in the order they are tried. */
void announce_status(const struct announce *a, uint32_t i, struct announce_status *out);

#endif
