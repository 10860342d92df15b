/* dht/lookup.h: one iterative search in one family: whom to ask next, and
 * when it is over (dht.md 3). It decides and sends nothing.
 *
 * Candidates are kept nearest first. A burst to the quickest of the nearest
 * known starts it; then `alpha` queries home in; candidates so near that they
 * will be asked anyway ("terminal", by the estimated size of the network) do
 * not wait for a slot. A query that stalls frees its slot, and its answer
 * still counts. It is over when the nearest `wanted` that may still answer
 * have answered and nothing that has not stalled is ahead of them. */
#ifndef DHT_LOOKUP_H
#define DHT_LOOKUP_H

#include "dht/node.h"

enum {
	LOOKUP_CANDIDATES_MAX = 128,
	LOOKUP_TOKEN_MAX = 64,
	LOOKUP_QUERIES_MAX = 256, /* asked in one lookup; then it ends */
	LOOKUP_TERMINAL_MAX = 16, /* terminal queries in flight */
	LOOKUP_STORE_MAX = 24,    /* nodes stored at, when the place looks suspect */
};

struct lookup_policy {
	uint8_t burst;        /* first queries */
	uint8_t alpha;        /* then in flight */
	uint8_t wanted;       /* answers that end it */
	uint8_t terminal;     /* expected nearest nodes that do not wait for a slot */
	uint8_t terminal_max; /* of those, in flight */
	bool classic;         /* a stall is a failure, order is by distance alone */
	uint16_t queries_max; /* a re-announce stops here; 0: none */
};
/* wanted: 8 to read, 10 to store. */
struct lookup_policy lookup_policy_default(bool store, bool classic);

enum lookup_state {
	LOOKUP_NEW,
	LOOKUP_ASKED,
	LOOKUP_STALLED, /* may still answer */
	LOOKUP_REPLIED,
	LOOKUP_FAILED,
};

struct lookup_candidate {
	uint8_t id[DHT_ID_SIZE];
	struct endpoint endpoint;
	uint64_t near;           /* head of the distance */
	uint16_t srtt_ms;        /* 0 unknown */
	uint16_t rttvar_ms;
	uint8_t state;           /* enum lookup_state */
	uint8_t named;           /* different nodes that named it, 255 at most */
	uint8_t asked;           /* times */
	uint8_t token_size;
	bool known;              /* from our own table */
	uint8_t stored;          /* announces or puts sent */
	bool took;               /* and it said yes */
	bool value_known;        /* it has an item of its own (BEP 44) */
	uint32_t named_by;       /* hash of the first who did */
	int64_t value_seq;
	uint8_t token[LOOKUP_TOKEN_MAX];
};

struct lookup {
	struct lookup_policy policy;
	enum endpoint_family family;
	uint8_t target[DHT_ID_SIZE];
	uint64_t terminal_near;  /* candidates at most this far are terminal */
	uint64_t expected_near;  /* where the `wanted`-th nearest is expected; 0 unknown */
	struct lookup_candidate *candidates; /* owned, nearest first */
	uint32_t count, room;
	uint32_t queries;        /* sent, retransmissions included */
	uint32_t in_flight;      /* and not stalled, not terminal */
	uint32_t terminal_in_flight;
	uint32_t replied;
	bool started, finished;
};

/* network_size: nodes, 0 unknown. */
void lookup_init(struct lookup *l, const struct lookup_policy *policy, enum endpoint_family family,
                 const uint8_t target[DHT_ID_SIZE], uint64_t network_size);
void lookup_deinit(struct lookup *l);

/* A candidate. named_by: hash of the naming address, 0 for our own table (then
 * srtt counts). False: known, filtered or too far to matter. */
bool lookup_add(struct lookup *l, const uint8_t id[DHT_ID_SIZE], const struct endpoint *e,
                uint32_t named_by, uint16_t srtt_ms, uint16_t rttvar_ms);
/* Whom to ask now; NULL: nobody. The caller sends and says so with
 * lookup_on_sent. Borrowed until the next add. */
struct lookup_candidate *lookup_next(struct lookup *l);
void lookup_on_sent(struct lookup *l, struct lookup_candidate *c);
/* The query to that node stalled, was answered, or is given up. NULL: not a
 * candidate any more. lookup_on_stall: true when it should be sent once more,
 * which nothing waits for; the caller says so with lookup_on_resent. */
void lookup_on_resent(struct lookup *l, struct lookup_candidate *c);
bool lookup_on_stall(struct lookup *l, const uint8_t id[DHT_ID_SIZE], const struct endpoint *e);
struct lookup_candidate *lookup_on_reply(struct lookup *l, const uint8_t id[DHT_ID_SIZE],
                                         const struct endpoint *e);
void lookup_on_fail(struct lookup *l, const uint8_t id[DHT_ID_SIZE], const struct endpoint *e);
struct lookup_candidate *lookup_find(struct lookup *l, const uint8_t id[DHT_ID_SIZE],
                                     const struct endpoint *e);
/* Over: nothing more to wait for. Stays true once it was. */
bool lookup_is_finished(struct lookup *l);
/* How many of the nearest repliers to store at: wanted - 2, or, where the
 * place is far denser than the network, all within the expected radius. */
uint32_t lookup_store_count(const struct lookup *l);
/* Is the n-th nearest replier (0 first), or NULL. */
struct lookup_candidate *lookup_replier(struct lookup *l, uint32_t n);
/* What this lookup says about the size of the network; 0: too few answers. */
uint64_t lookup_estimate(const struct lookup *l);

#endif
