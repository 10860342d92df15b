/* peer/download/requests.h: what one peer was asked and has not answered, how
 * much to keep asking, and how long to wait. */
#ifndef PEER_DOWNLOAD_REQUESTS_H
#define PEER_DOWNLOAD_REQUESTS_H

#include "proto/bytes.h"

enum {
	REQUEST_WINDOW_MIN = 4,
	REQUEST_WINDOW_START = 8,
	REQUEST_WINDOW_MAX = 2048,
	REQUEST_WINDOW_CLASSIC = 5, /* always */
	REQUEST_REQQ_ASSUMED = 250,
	REQUEST_LAPSED_MAX = 2048,  /* remembered per peer; the oldest are forgotten */
	REQUEST_TIMEOUT = 30,       /* seconds of silence before others may have its blocks */
	REQUEST_SNUB = 60,          /* seconds of silence before it counts as snubbing us */
	REQUEST_CHOKE_WAIT = 5,     /* seconds for the rejects after a choke (BEP 6) */
	REQUEST_HOLD_MAX = 30,      /* seconds of pause for a peer that rejects everything */
	REQUEST_WAKE = 1,           /* seconds until an idle peer looks again */
};

struct requested {
	uint32_t piece, block;
	usec at;
};

struct request_ring {
	struct requested *items; /* owned */
	uint32_t first, count, size; /* size: a power of two, or 0 */
};

struct download_peer;

void requests_init(struct download_peer *p, usec now);
void requests_deinit(struct download_peer *p);

/* The queue; p->outstanding counts it. */
void requests_push(struct download_peer *p, uint32_t piece, uint32_t block, usec now);
bool requests_find(const struct download_peer *p, uint32_t piece, uint32_t block,
                   uint32_t *index);
struct requested requests_at(const struct download_peer *p, uint32_t index);
void requests_remove(struct download_peer *p, uint32_t index);
/* What is taken from the queue without an answer is remembered, because the
 * answer may be on its way. */
void requests_lapse(struct download_peer *p, uint32_t index);
bool requests_take_lapsed(struct download_peer *p, uint32_t piece, uint32_t block);

/* How many to ask now. 0 until a quarter of the window is free, so that one
 * send carries many. */
uint32_t requests_room(const struct download_peer *p, usec now);
/* It answered something; asked_at: when that was asked, 0: does not matter. */
void requests_on_answer(struct download_peer *p, usec asked_at, usec now);
/* A block came whole: the window follows the rate. */
void requests_on_block(struct download_peer *p, uint32_t bytes, usec now);
/* It refused something though it does not choke us. */
void requests_on_refused(struct download_peer *p, usec now);
/* Call after the queue or the block under way changed: an idle peer owes
 * nothing. */
void requests_settle(struct download_peer *p);
/* Seconds, about, until it has sent what is at that place of the queue. */
double requests_eta(const struct download_peer *p, uint32_t index, usec now);

#endif
