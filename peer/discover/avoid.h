/* peer/discover/avoid.h: addresses never to dial: who lied to us, and ourselves. */
#ifndef PEER_DISCOVER_AVOID_H
#define PEER_DISCOVER_AVOID_H

#include "peer/discover/endpoint_map.h"

enum {
	AVOID_MAX = 1024, /* addresses; the oldest goes */
};

enum avoidance {
	AVOID_BANNED,
	AVOID_SELF,
};

struct avoid {
	struct endpoint *ring;   /* owned; NULL until the first */
	uint32_t next;
	struct endpoint_map map; /* -> enum avoidance */
};

void avoid_init(struct avoid *a, struct rng *rng);
void avoid_deinit(struct avoid *a);
/* AVOID_BANNED: whatever its port, for a global address; for another, that
 * address and port. AVOID_SELF: that address and port. */
void avoid_add(struct avoid *a, const struct endpoint *e, enum avoidance why);
bool avoid_has(const struct avoid *a, const struct endpoint *e);
bool avoid_is_banned(const struct avoid *a, const struct endpoint *e);

#endif
