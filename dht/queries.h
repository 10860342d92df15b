/* dht/queries.h: what we have asked and not yet heard about.
 *
 * A query is known by 4 random bytes and the exact address it went to. It
 * first stalls (its slot is free again, an answer still counts) and then
 * dies. Open addressing by transaction id; pointers live until the next add
 * or remove. */
#ifndef DHT_QUERIES_H
#define DHT_QUERIES_H

#include "dht/node.h"

enum { QUERIES_MAX = 2048 };

enum query_purpose {
	QUERY_NONE, /* free slot */
	QUERY_CHECK,     /* is that node still there; may it come in */
	QUERY_BOOTSTRAP, /* find_node to a contact */
	QUERY_LOOKUP,    /* a step of a search */
	QUERY_STORE,     /* announce_peer or put of a search */
	QUERY_SINGLE,    /* ping or sample for the user */
};

struct query {
	uint32_t transaction;
	uint8_t purpose; /* enum query_purpose */
	uint8_t method;  /* enum krpc_method */
	bool has_id;     /* the node must answer with this id */
	bool stalled;
	uint8_t id[DHT_ID_SIZE];
	struct endpoint to;
	uint64_t owner;  /* search, where there is one */
	usec sent_at;
	usec stall_at;
	usec dead_at;
};

struct queries {
	struct query *slots; /* owned; a power of two, at most half full */
	uint32_t room;
	uint32_t count;
	usec next_at;        /* nothing stalls or dies before */
};

void queries_init(struct queries *q);
void queries_deinit(struct queries *q);
/* Copies `what`, gives it a transaction id that is not in use. NULL: QUERIES_MAX. */
struct query *queries_add(struct queries *q, const struct query *what, struct rng *rng);
/* NULL unless both fit. */
struct query *queries_find(struct queries *q, uint32_t transaction, const struct endpoint *from);
void queries_remove(struct queries *q, struct query *query);
/* The next query that stalls or dies now: the caller marks it stalled or
 * removes it. NULL: none any more. */
struct query *queries_due(struct queries *q, usec now);
usec queries_deadline(const struct queries *q);

#endif
