/* dht/inside.h: what the parts of one node share. node.c receives and routes;
 * serve.c answers; search.c and search_results.c run searches; follow.c keeps
 * torrents announced; join.c gets and stays connected. Not for anybody outside
 * dht/. */
#ifndef DHT_INSIDE_H
#define DHT_INSIDE_H

#include "dht/contacts.h"
#include "dht/guard.h"
#include "dht/items.h"
#include "dht/lookup.h"
#include "dht/node.h"
#include "dht/output.h"
#include "dht/queries.h"
#include "dht/reach.h"
#include "dht/rtt.h"
#include "dht/store.h"
#include "dht/table.h"
#include "dht/token.h"
#include "dht/unreachable.h"
#include "dht/votes.h"
#include "proto/krpc.h"

enum {
	FAMILIES = 2, /* v4, v6 */
	ESTIMATES_MAX = 16,
	SLOTS_MAX = 2048, /* searches in all: asked for, followed, and our own */
	REPLY_MAX = 1024, /* bytes of an answer (BEP 32), unless one value needs more */
	REPLY_FACTOR_MAX = 3, /* answer to question, for whoever has not proved its address */
	HANDED_OUT = 8,   /* nodes of an answer */
	SEEN_MAX = 16384, /* peers told apart within one search */
};
#define QUERY_DEAD_USEC (10 * USEC_PER_SEC)
#define CLASSIC_DEAD_USEC (2 * USEC_PER_SEC)
#define STORE_BYTES_DEFAULT ((uint64_t)32 << 20)

struct family {
	bool enabled;
	enum endpoint_family family;
	struct table table;
	struct votes votes;
	struct endpoint address;    /* as the network sees us; family NONE: unknown */
	uint64_t estimates[ESTIMATES_MAX];
	uint32_t estimate_count, estimate_next;
	usec heard_at;              /* last valid message */
	usec replied_at;            /* last matched reply; 0: none yet */
	uint32_t silent;            /* queries that died since */
	/* join.c */
	usec round_at, next_round_at, routers_at, backoff;
	bool round_open;
	uint64_t join_search;       /* our own id; 0: not running */
	uint64_t fill_search;
	uint32_t fills_left;
	usec refresh_at, refresh_pause;
};

enum search_kind {
	SEARCH_FIND_NODE,
	SEARCH_GET_PEERS,
	SEARCH_GET_ITEM,
	SEARCH_PUT_ITEM,
	SEARCH_PING,
	SEARCH_SAMPLE,
};

enum search_state {
	SEARCH_WAITING, /* we know no node yet */
	SEARCH_RUNNING,
	SEARCH_STORING,
	SEARCH_LINGERING, /* done; late answers still count */
};

struct seen {
	uint64_t *slots; /* owned */
	uint32_t room, count;
};

struct search {
	uint64_t id;             /* generation and slot */
	dht_search out;          /* what outputs carry; 0: none, our own search */
	enum search_kind kind;
	enum search_state state;
	unsigned flags;
	uint16_t port;
	bool scheduled;          /* a round of a followed torrent */
	bool has_lookup[FAMILIES];
	uint8_t target[DHT_ID_SIZE];
	struct lookup lookup[FAMILIES];
	usec give_up_at;         /* waiting */
	uint32_t in_flight;      /* queries that name this search */
	uint32_t stores_out;     /* announces or puts that have not stalled */
	uint32_t announced;
	uint32_t error;
	uint32_t single_sent;    /* ping, sample */
	struct seen seen;
	uint8_t *blooms;         /* owned: seeds, others; NULL without scrape */
	struct dht_item *item;   /* owned: best found, or to put */
	bool has_item;           /* get: one was found */
	bool has_cas;
	int64_t cas;
};

struct follow;
struct follows {
	struct keymap map;
	struct follow **heap;    /* owned; earliest due first */
	uint32_t count, room;
	uint32_t running;
	uint64_t generation;
};

struct dht_node {
	bool read_only, fixed_id, classic, unguarded;
	usec now, started_at;
	struct rng rng;
	uint8_t secret[16];      /* hashes of addresses */
	struct family families[FAMILIES];
	struct rtt rtt;
	struct queries queries;
	struct tokens tokens;
	struct guard guard;
	struct store store;
	struct items items;
	struct contacts contacts;
	struct unreachable unreachable;
	struct reach reach;
	struct outputs outputs;
	struct search **searches; /* owned; slots */
	uint32_t search_room, search_count, search_public, search_waiting;
	uint64_t generation;
	struct follows follows;
	usec credit_at;
	double credit;           /* queries that scheduled work may still send */
	uint32_t checks_out;     /* QUERY_CHECK in flight */
	usec check_at, sweep_at, save_at;
	bool saved_once;
	struct dht_stats counted;
};

/* node.c */
struct family *node_family(struct dht_node *n, const struct endpoint *e);
static inline uint32_t node_seconds(const struct dht_node *n)
{
	return (uint32_t)(n->now / USEC_PER_SEC);
}
/* A hash of the address that strangers cannot foresee; never 0. */
uint32_t node_hash(const struct dht_node *n, const struct endpoint *e);
bool node_is_read_only(const struct dht_node *n);
uint64_t node_estimate(const struct dht_node *n, const struct family *f);
/* guarded: false, and nothing sent, when that place is over its budget. */
bool node_send(struct dht_node *n, const struct endpoint *to, const struct krpc *m, bool guarded);
/* Whom a query goes to and why. */
struct ask {
	const struct endpoint *to;
	const uint8_t *id;       /* that must answer; NULL: whoever sits there */
	enum query_purpose purpose;
	uint64_t owner;
	uint16_t srtt_ms, rttvar_ms; /* 0 unknown */
};
/* Sends m, filling in what every query has. False: too many in flight. */
bool node_ask(struct dht_node *n, const struct ask *ask, struct krpc *m);
/* May that node's word about that address be followed: a stranger on the
 * internet cannot send us into a local network. */
bool node_may_name(const struct endpoint *who, const struct endpoint *what);

/* serve.c */
void serve_query(struct dht_node *n, const struct endpoint *from, const struct krpc *m,
                 size_t query_size);

/* search.c */
struct search *search_new(struct dht_node *n, enum search_kind kind,
                          const uint8_t target[DHT_ID_SIZE], unsigned flags, bool own);
void search_free(struct dht_node *n, struct search *s);
struct search *search_find(struct dht_node *n, uint64_t id);
/* Give it the nodes we know and start, or wait for some. */
void search_begin(struct dht_node *n, struct search *s);
/* The same from nodes that were the nearest last time. */
void search_begin_from(struct dht_node *n, struct search *s, const struct dht_contact *nodes,
                       uint32_t count);
void search_pump(struct dht_node *n, struct search *s);
void search_on_reply(struct dht_node *n, struct search *s, const struct query *q,
                     const struct krpc *m);
void search_on_error(struct dht_node *n, struct search *s, const struct query *q,
                     const struct krpc *m);
void search_on_stall(struct dht_node *n, struct search *s, const struct query *q);
void search_on_dead(struct dht_node *n, struct search *s, const struct query *q);
void search_wake_waiting(struct dht_node *n);
void search_on_timer(struct dht_node *n);
usec search_deadline(const struct dht_node *n);
void search_add_nodes(struct dht_node *n, struct search *s, const struct endpoint *from,
                      const struct krpc *m);

/* search_results.c */
void results_take(struct dht_node *n, struct search *s, const struct endpoint *from,
                  struct lookup_candidate *c, const struct krpc *m);
void results_ready(struct dht_node *n, struct search *s);
void results_done(struct dht_node *n, struct search *s);
void results_pong(struct dht_node *n, struct search *s, const struct query *q,
                  const struct krpc *m);
uint32_t results_closest(struct search *s, struct dht_contact *out, uint32_t max);
uint32_t results_replied(const struct search *s);
bool seen_add(struct seen *s, uint64_t hash);

/* follow.c */
void follow_init(struct dht_node *n);
void follow_deinit(struct dht_node *n);
void follow_on_timer(struct dht_node *n);
usec follow_deadline(const struct dht_node *n);
/* A round is over. */
void follow_on_done(struct dht_node *n, struct search *s);
/* Somebody announced itself to us for a torrent, perhaps one of ours. */
void follow_on_announced(struct dht_node *n, const uint8_t info_hash[DHT_ID_SIZE],
                         const struct endpoint *peer);

/* join.c */
void join_init(struct dht_node *n);
void join_on_timer(struct dht_node *n);
usec join_deadline(const struct dht_node *n);
void join_on_reply(struct dht_node *n, const struct query *q, const struct krpc *m);
void join_on_dead(struct dht_node *n, const struct query *q);
void join_on_search_done(struct dht_node *n, struct search *s);
void join_on_network_change(struct dht_node *n);
/* Our id is new: meet the neighbours. */
void join_on_new_id(struct dht_node *n, struct family *f);
void join_on_contact(struct dht_node *n, const struct endpoint *e);

#endif
