/* dht/reach.h: can strangers reach us. If not, others must not put us into
 * their tables (BEP 43): we say so, and look again from time to time.
 *
 * Proof that we are reachable is a query from a global address that we have
 * not sent anything to for a while: no NAT lets that in by itself. */
#ifndef DHT_REACH_H
#define DHT_REACH_H

#include "dht/node.h"

enum {
	REACH_BITS = 8192,
	REACH_SENT_MAX = 2000, /* more in one period and the filter tells nothing */
	REACH_NODES_MIN = 64,  /* verified global nodes before we judge */
};
#define REACH_PERIOD_USEC (200 * USEC_PER_SEC)    /* a contact is remembered 1 to 2 of these: longer
                                                   * than a NAT keeps its mapping */
#define REACH_PATIENCE_USEC (30 * USEC_PER_MIN)   /* unreached for so long: read-only */
#define REACH_RETRY_USEC (60 * USEC_PER_MIN)      /* then look again */
#define REACH_PROVEN_USEC (120 * USEC_PER_MIN)    /* proof is good for so long */

struct reach {
	uint8_t *sent;      /* owned; two Bloom filters, or NULL while not needed */
	uint32_t sent_count[2];
	usec rotated_at;
	usec since;         /* judging since; 0: not yet */
	usec proven_at;     /* 0: never */
	bool read_only;
};

void reach_deinit(struct reach *r);
/* hash: of the address. Only for global addresses. */
void reach_on_sent(struct reach *r, uint64_t hash, usec now);
void reach_on_query(struct reach *r, uint64_t hash, usec now);
/* Now and then; nodes: verified ones. */
void reach_judge(struct reach *r, uint32_t nodes, usec now);
/* Another network: nothing is known. */
void reach_reset(struct reach *r);
bool reach_is_proven(const struct reach *r, usec now);

#endif
