/* peer/discover/dials.h: how often we knock at one place.
 *
 * Strangers hand us lists of addresses; a list that names one network a
 * thousand times must not turn us into a flood. At most
 * DIALS_PER_SUBNET_MAX dials a minute go to one /24 or /64 of the
 * internet; addresses that are not global are free. */
#ifndef PEER_DISCOVER_DIALS_H
#define PEER_DISCOVER_DIALS_H

#include "proto/endpoint.h"
#include "proto/rng.h"

enum {
	DIALS_PER_SUBNET_MAX = 3,
	DIALS_SUBNETS_MAX = 4096, /* places in the last minute; more wait */
};
#define DIALS_WINDOW USEC_PER_MIN

struct dial_place {
	uint64_t subnet;
	usec at[DIALS_PER_SUBNET_MAX]; /* a ring: when it was dialed */
	uint32_t count, next;          /* count 0: free */
};

struct dials {
	struct dial_place *places; /* owned hash table, at most half full */
	uint32_t count, size;
	usec swept_at;             /* when what is over was last left out */
	uint8_t key[16];
};

void dials_init(struct dials *d, struct rng *rng);
void dials_deinit(struct dials *d);
/* When e may be dialed: now or earlier if at once. */
usec dials_when(struct dials *d, const struct endpoint *e, usec now);
/* It is dialed now; dials_when said so. */
void dials_take(struct dials *d, const struct endpoint *e, usec now);

#endif
