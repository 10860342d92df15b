/* peer/rate.h: how fast bytes flow (meters), and how fast they may (buckets). */
#ifndef PEER_RATE_H
#define PEER_RATE_H

#include "proto/bytes.h"

/* Bytes per second over about the last five seconds; also exact totals.
 * Costs one addition per call within a slot; needs no timer: an idle meter
 * decays by the time it is read. */
enum { METER_SLOTS = 6 };
struct meter {
	uint64_t total;
	uint32_t slots[METER_SLOTS]; /* bytes, one per second, a ring; saturating */
	uint32_t second;             /* of the newest slot: now / 1 s */
	uint32_t first;              /* second in which it began */
};
void meter_init(struct meter *m, usec now);
void meter_add(struct meter *m, uint64_t bytes, usec now);
uint64_t meter_rate(const struct meter *m, usec now);

/* A lazy token bucket: filled by the time that passed when asked. It holds
 * what BUCKET_BURST_MS bring, so that no second is more than 2 % over the rate
 * and no 100 ms more than 1.2 times. */
enum {
	BUCKET_BURST_MS = 20,
	BUCKET_BURST_MIN = 256, /* bytes, for rates so low that the above is a few bytes */
};
struct bucket {
	uint64_t rate;     /* bytes per second; 0: unlimited */
	int64_t tokens;    /* bytes; may go below zero: debt */
	uint64_t fraction; /* of a byte, in millionths: nothing is lost however often it is asked */
	usec filled_at;
};
void bucket_init(struct bucket *b, uint64_t rate, usec now);
void bucket_set_rate(struct bucket *b, uint64_t rate, usec now);
/* How many bytes may go now (SIZE_MAX when unlimited). */
size_t bucket_room(struct bucket *b, usec now);
void bucket_take(struct bucket *b, size_t bytes, usec now);
/* Put back what was taken and not used. */
void bucket_give(struct bucket *b, size_t bytes, usec now);
/* What it holds when full; SIZE_MAX when unlimited. */
size_t bucket_burst(const struct bucket *b);
/* When at least bytes will be there, or a full bucket if that is less; now
 * when they are. */
usec bucket_when(struct bucket *b, size_t bytes, usec now);

#endif
