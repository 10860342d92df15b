/* dht/node.h: the front door of one DHT node (BEP 5, 32, 33, 42, 43, 44, 51).
 *
 * One struct, both families. Pure: datagrams, time and random seed come in;
 * datagrams and results come out of dht_node_next_output(). The rim calls an
 * input, drains the outputs, and comes back at dht_node_deadline().
 *
 * Nothing here calls back, so nothing re-enters; searches are named by
 * dht_search ids that never repeat. */
#ifndef DHT_NODE_H
#define DHT_NODE_H

#include "proto/bytes.h"
#include "proto/endpoint.h"
#include "proto/rng.h"

enum {
	DHT_ID_SIZE = 20,
	DHT_DATAGRAM_MAX = 1500,   /* larger ones are dropped unread */
	DHT_SEARCHES_MAX = 1024,   /* at one time */
	DHT_FOLLOWED_MAX = 200000, /* torrents announced on schedule */
	DHT_VALUE_MAX = 1000,      /* BEP 44 */
	DHT_SALT_MAX = 64,
};

typedef uint64_t dht_search; /* 0: none */

struct dht_config {
	uint8_t seed[RNG_SEED_SIZE];
	bool v4, v6;              /* families with a socket */
	bool read_only;           /* BEP 43 for ever (a short-lived question) */
	uint64_t store_bytes_max; /* 0: default, 32 MiB */
	const uint8_t *id;        /* 20 bytes, never changed then; or NULL: random until the
	                           * votes agree on our address, then a BEP 42 one */
	bool classic;             /* look up by the textbook's rule (for comparison in the lab):
	                           * alpha 3, k 8, fixed 2 s timeout */
	bool unguarded;           /* no per-address budgets (benchmarks) */
};

/* One node per address and one per /24 or /64 in a bucket or a lookup, BEP 42
 * and tight budgets hold for global addresses only: loopback, link-local and
 * private networks may put any number of nodes behind one address. */

struct dht_node;
struct dht_node *dht_node_new(const struct dht_config *config, usec now);
void dht_node_free(struct dht_node *n);

/* ---- inputs ---- */

void dht_node_on_datagram(struct dht_node *n, const struct endpoint *from, struct bytes datagram,
                          usec now);
void dht_node_on_timer(struct dht_node *n, usec now);
usec dht_node_deadline(const struct dht_node *n);
/* Our own address or network changed (interface up, resume from suspend):
 * re-check instead of blaming the others. */
void dht_node_on_network_change(struct dht_node *n, usec now);

/* An address that may be a node: given by the user, a saved one, a router, a
 * PORT message, a magnet's x.pe. Asked when useful; forgotten if silent.
 * Routers are never put into the table. */
enum dht_contact_kind { DHT_CONTACT, DHT_CONTACT_ROUTER };
void dht_node_add_contact(struct dht_node *n, const struct endpoint *e,
                          enum dht_contact_kind kind, usec now);

/* ---- questions; results come as outputs that carry the id ---- */

enum dht_search_flags {
	DHT_ANNOUNCE = 1,     /* announce_peer to the closest when found */
	DHT_SEED = 2,         /* BEP 33: announce as a seed */
	DHT_IMPLIED_PORT = 4,
	DHT_SCRAPE = 8,       /* BEP 33: ask for bloom filters */
	DHT_NO_SEED = 16,     /* BEP 33: only want non-seeds */
};
/* One search now. */
dht_search dht_node_get_peers(struct dht_node *n, const uint8_t info_hash[DHT_ID_SIZE],
                              unsigned flags, uint16_t port, usec now);
dht_search dht_node_find_node(struct dht_node *n, const uint8_t target[DHT_ID_SIZE], usec now);
dht_search dht_node_ping(struct dht_node *n, const struct endpoint *to, usec now);
/* BEP 51. */
dht_search dht_node_sample(struct dht_node *n, const struct endpoint *to,
                           const uint8_t target[DHT_ID_SIZE], usec now);
void dht_node_cancel(struct dht_node *n, dht_search search);

/* Keep announced: a search and announce now, then every ~25 minutes with
 * jitter, until unfollowed. Results are outputs with the returned id, which
 * stays the same. Changing flags or port: call again with the same hash. */
dht_search dht_node_follow(struct dht_node *n, const uint8_t info_hash[DHT_ID_SIZE],
                           unsigned flags, uint16_t port, usec now);
void dht_node_unfollow(struct dht_node *n, const uint8_t info_hash[DHT_ID_SIZE]);
/* The torrent is short of peers: search again soon (rate-limited inside). */
void dht_node_hurry(struct dht_node *n, const uint8_t info_hash[DHT_ID_SIZE], usec now);

/* BEP 44. Immutable: target = SHA-1 of the value. Mutable: of key and salt. */
struct dht_item {
	bool mutable_item;
	uint8_t key[32];
	uint8_t signature[64];
	uint8_t salt[DHT_SALT_MAX];
	uint32_t salt_size;
	int64_t seq;
	uint8_t value[DHT_VALUE_MAX]; /* bencoded */
	uint32_t value_size;
};
dht_search dht_node_get_item(struct dht_node *n, const uint8_t target[DHT_ID_SIZE],
                             const uint8_t key[32], struct bytes salt, usec now); /* key NULL: immutable */
/* item is copied. has_cas: only where the stored seq equals cas. */
dht_search dht_node_put_item(struct dht_node *n, const struct dht_item *item, bool has_cas,
                             int64_t cas, usec now);

/* ---- outputs ---- */

enum dht_output_kind {
	DHT_OUT_SEND,   /* to, datagram */
	DHT_OUT_PEERS,  /* search, target, peers: as they come, duplicates removed within a search */
	DHT_OUT_NODES,  /* search: closest nodes of a finished find_node; or samples' nodes */
	DHT_OUT_ITEM,   /* search, item: a valid BEP 44 item, each time a better one is seen */
	DHT_OUT_SAMPLES,/* search, hashes */
	DHT_OUT_SCRAPE, /* search, scrape estimates */
	DHT_OUT_PONG,   /* search, from: id and rtt of a pinged node */
	DHT_OUT_DONE,   /* search: over; replied, announced tell how it went. The last for an id,
	                 * except for a followed one, where one comes per round */
	DHT_OUT_SAVE,   /* the state is worth saving now */
	DHT_OUT_ADDRESS,/* our own address as the network sees it, when the votes agree: to */
	DHT_OUT_READY,  /* search, nodes, replied, queries: the lookup has found the closest nodes;
	                 * announces or puts go to them now. DONE follows when those are settled;
	                 * nearer nodes that answer later still get theirs, silently */
};

struct dht_contact {
	uint8_t id[DHT_ID_SIZE];
	struct endpoint endpoint;
};

struct dht_output {
	enum dht_output_kind kind;
	dht_search search;
	uint8_t target[DHT_ID_SIZE];
	struct endpoint to;              /* SEND, PONG; ADDRESS: ours */
	struct bytes datagram;           /* SEND; borrowed until the next call into the node */
	const struct endpoint *peers;    /* PEERS; borrowed likewise */
	const struct dht_contact *nodes; /* NODES, READY; nearest first */
	const uint8_t (*hashes)[DHT_ID_SIZE]; /* SAMPLES */
	uint32_t count;                  /* of peers, nodes or hashes */
	uint32_t interval;               /* SAMPLES: seconds until asking again makes sense */
	uint32_t total;                  /* SAMPLES: how many it stores */
	const struct dht_item *item;     /* ITEM */
	uint32_t seeds, leechers;        /* SCRAPE: estimates */
	uint32_t replied;                /* DONE, READY: nodes that answered */
	uint32_t queries;                /* DONE, READY: lookup queries sent, announces not counted */
	uint32_t announced;              /* DONE: nodes that took the announce or put */
	uint32_t error;                  /* DONE of a put: KRPC error (301 CAS, 302 seq), else 0 */
	usec rtt;                        /* PONG */
	uint8_t id[DHT_ID_SIZE];         /* PONG */
};
bool dht_node_next_output(struct dht_node *n, struct dht_output *out);

/* ---- looking in, and saving ---- */

struct dht_stats {
	uint32_t nodes_v4, nodes_v6;   /* verified, in the table */
	uint32_t searches, followed;
	uint64_t stored_hashes, stored_peers, stored_items, stored_bytes;
	uint64_t packets_in, packets_out, bytes_in, bytes_out, dropped;
	uint64_t size_estimate;        /* of the network, nodes; 0 unknown */
	bool read_only, reachable;
	size_t memory_bytes;
};
void dht_node_stats(const struct dht_node *n, struct dht_stats *out);
const uint8_t *dht_node_id(const struct dht_node *n, enum endpoint_family family);
/* How many peers this node itself stores for a torrent. */
uint32_t dht_node_stored_peers(const struct dht_node *n, const uint8_t info_hash[DHT_ID_SIZE]);

/* State file: our ids and good contacts, versioned bencode. save returns owned
 * bytes (free()); load adds contacts to be asked and takes the ids; false for
 * a file it cannot read (nothing is changed then). */
uint8_t *dht_node_save(const struct dht_node *n, size_t *size);
bool dht_node_load(struct dht_node *n, struct bytes state, usec now);

#endif
