/* dht/items.h: BEP 44 items that others put here.
 *
 * A mutable item never goes back: a put with a lower seq, or an equal one with
 * another value, or against its cas, is refused. Items live 2 hours after the
 * last put. Bounded by bytes and per subnet; a full store gives up what is
 * far from our id. */
#ifndef DHT_ITEMS_H
#define DHT_ITEMS_H

#include "dht/keymap.h"
#include "dht/quota.h"
#include "proto/krpc.h"

enum {
	ITEMS_SUBNET_MAX = 256,
	ITEMS_LIFE_SECONDS = 2 * 60 * 60,
};

struct stored_item {
	struct keymap_entry entry; /* key: the target */
	bool mutable_item;
	uint8_t key[32];
	uint8_t signature[64];
	int64_t seq;
	uint32_t at;               /* seconds of the last put */
	struct endpoint from;      /* whose quota it is */
	uint32_t value_size;
	uint8_t value[];
};

struct items {
	struct keymap map;
	struct quota quota;
	uint64_t bytes, bytes_max;
	uint32_t sweep_at;
};

void items_init(struct items *s, uint64_t bytes_max, struct rng *rng);
void items_deinit(struct items *s);
/* Is a put too big; 0 or the KRPC error. Asked before the token is. */
int items_check_size(const struct krpc *m);
/* A put query whose token is good. 0: stored; else the KRPC error to answer,
 * KRPC_SERVER when there is no room. */
int items_put(struct items *s, const uint8_t own_id[DHT_ID_SIZE], const struct krpc *m,
              const struct endpoint *from, uint32_t now, struct rng *rng);
/* NULL: none. Borrowed until the next put or sweep. */
const struct stored_item *items_find(struct items *s, const uint8_t target[DHT_ID_SIZE],
                                     uint32_t now);
void items_sweep(struct items *s, uint32_t now);
/* The target a put is for: it says so by its value or key. */
void items_target_of_put(const struct krpc *m, uint8_t target[DHT_ID_SIZE]);

#endif
