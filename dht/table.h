/* dht/table.h: the routing table of one family (BEP 5).
 *
 * Bucket i holds the nodes that share exactly i leading bits with our id, so
 * nothing is ever split; the far buckets are wide (128, 64, 32, 16, then 8),
 * which saves hops. Every bucket has up to 8 spares. Entries lie in contiguous
 * arrays and take 40 bytes (v4) or 52 (v6).
 *
 * Invariants: an entry is live only after it answered a query of ours with
 * its id from its address; one per address; one per subnet in a bucket (both
 * for global addresses only); never our own id. Only nodes with fewer than 2
 * fails are handed out. */
#ifndef DHT_TABLE_H
#define DHT_TABLE_H

#include "dht/node.h"

enum {
	TABLE_SPARES_MAX = 8,
	TABLE_BUCKET_MAX = 128,  /* the widest */
	TABLE_FAILS_HIDDEN = 2,  /* not handed out from here on */
	TABLE_FAILS_MAX = 4,     /* forgotten, also without a spare */
	TABLE_CLOSEST_MAX = 32,  /* that table_closest can give */
};

enum table_flags {
	TABLE_VERIFIED = 1, /* has answered us */
	TABLE_FITS = 2,     /* BEP 42 id */
	TABLE_ASKED_US = 4, /* spare: known from its own query */
};

struct table_entry {
	uint8_t id[DHT_ID_SIZE];
	uint32_t replied_at; /* seconds; an unverified spare: heard of */
	uint32_t queried_at; /* seconds; 0 never */
	uint16_t srtt_ms;    /* 0: not measured */
	uint16_t rttvar_ms;
	uint16_t port;
	uint8_t fails;
	uint8_t flags;       /* enum table_flags */
	uint8_t address[];   /* 4 or 16 bytes */
};

struct bucket {
	uint8_t *live;   /* owned; live_room entries */
	uint8_t *spares; /* owned */
	uint8_t live_count, live_room, spare_count, spare_room;
};

struct table {
	enum endpoint_family family;
	uint8_t stride;          /* bytes of an entry */
	uint8_t own_id[DHT_ID_SIZE];
	struct bucket *buckets;  /* owned; as deep as the deepest node */
	uint32_t depth;
	uint32_t count;          /* live entries */
};

/* An entry, copied out. */
struct table_node {
	uint8_t id[DHT_ID_SIZE];
	struct endpoint endpoint;
	uint16_t srtt_ms, rttvar_ms;
	bool live;
};

void table_init(struct table *t, enum endpoint_family family, const uint8_t own_id[DHT_ID_SIZE]);
void table_deinit(struct table *t);
/* Another id of ours: every node moves to its new bucket; what does not fit is dropped. */
void table_set_id(struct table *t, const uint8_t own_id[DHT_ID_SIZE]);

/* It answered a query of ours, from that address, with that id. True: it is
 * live now. now in seconds. */
bool table_on_reply(struct table *t, const uint8_t id[DHT_ID_SIZE], const struct endpoint *e,
                    usec rtt, uint32_t now);
/* Somebody named it (asked_us: it named itself by a query): a spare, if there is room. */
void table_hear_of(struct table *t, const uint8_t id[DHT_ID_SIZE], const struct endpoint *e,
                   bool asked_us, uint32_t now);
void table_on_queried(struct table *t, const uint8_t id[DHT_ID_SIZE], const struct endpoint *e,
                      uint32_t now);
/* It did not answer, and our network is not to blame. */
void table_on_fail(struct table *t, const uint8_t id[DHT_ID_SIZE], const struct endpoint *e);
/* Another id answered there: the entry is wrong. */
void table_remove(struct table *t, const uint8_t id[DHT_ID_SIZE], const struct endpoint *e);

/* The nearest handed-out nodes, nearest first. max <= TABLE_CLOSEST_MAX. */
unsigned table_closest(const struct table *t, const uint8_t target[DHT_ID_SIZE],
                       struct table_node *out, unsigned max);
/* The same as compact node info (BEP 5, 32); returns bytes written. */
size_t table_closest_compact(const struct table *t, const uint8_t target[DHT_ID_SIZE],
                             uint8_t *out, unsigned max);
/* NULL: not live. Borrowed until the table changes. */
const struct table_entry *table_find(const struct table *t, const uint8_t id[DHT_ID_SIZE],
                                     const struct endpoint *e);
/* The node that most needs a look: silent for too long for its bucket, failing,
 * or a spare for a place that is free. False: all is well. */
bool table_next_due(const struct table *t, uint32_t now, struct table_node *out);
/* Is there no more place where that id belongs. */
bool table_is_full_at(const struct table *t, const uint8_t id[DHT_ID_SIZE]);
/* Up to max live nodes, best known first within a bucket, near buckets first. */
unsigned table_list(const struct table *t, struct table_node *out, unsigned max);
/* How many nodes the network has, from how dense it is around us; 0: unknown. */
uint64_t table_estimate(const struct table *t);
size_t table_memory(const struct table *t);

#endif
