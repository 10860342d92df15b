/* dht/votes.h: what our own address is, by what verified repliers say (BEP
 * 42 "ip"). One vote per subnet; two thirds of at least ten must agree. */
#ifndef DHT_VOTES_H
#define DHT_VOTES_H

#include "dht/node.h"

enum { VOTES_MAX = 24, VOTES_MIN = 10 };

struct vote {
	uint64_t subnet;  /* who votes */
	uint64_t address; /* for what: the v4 address, or the v6 /64, which is what ids depend on */
};

struct votes {
	struct vote *ring; /* owned; VOTES_MAX, or NULL before the first */
	uint32_t count, next;
};

void votes_deinit(struct votes *v);
void votes_clear(struct votes *v);
/* The replier says we are `address`. Addresses of local networks do not vote
 * and are not voted for. True: there is a winner, in *winner. */
bool votes_add(struct votes *v, const struct endpoint *replier, const struct endpoint *address,
               struct endpoint *winner);

#endif
