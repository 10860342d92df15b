/* dht/quota.h: how much of a store belongs to one /24 (v4) or /64 (v6).
 *
 * A table of counters under a secret hash, at most a quarter full: two subnets
 * that share a counter can only make the quota tighter. Local networks are
 * not counted. */
#ifndef DHT_QUOTA_H
#define DHT_QUOTA_H

#include "dht/node.h"

enum { QUOTA_ROOM_MAX = 1 << 18 };

struct quota {
	uint16_t *counters; /* owned */
	uint32_t room;
	uint32_t total;     /* sum of the counters when nothing saturates */
	uint8_t secret[16];
};

void quota_init(struct quota *q, struct rng *rng);
void quota_deinit(struct quota *q);
/* May this subnet have one more, with `max` at most. */
bool quota_allows(const struct quota *q, const struct endpoint *e, uint16_t max);
void quota_add(struct quota *q, const struct endpoint *e);
void quota_remove(struct quota *q, const struct endpoint *e);
/* Should be rebuilt with more counters: call quota_reset, then quota_add again
 * for all that is stored. */
bool quota_is_crowded(const struct quota *q);
void quota_reset(struct quota *q);

#endif
