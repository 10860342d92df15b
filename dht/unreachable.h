/* dht/unreachable.h: addresses that did not answer lately, so that the next
 * search does not waste packets on them. A small direct-mapped table: it may
 * forget, and a hash collision costs one skipped candidate. */
#ifndef DHT_UNREACHABLE_H
#define DHT_UNREACHABLE_H

#include "proto/bytes.h"

enum {
	UNREACHABLE_MIN = 32,
	UNREACHABLE_MAX = 512,
	UNREACHABLE_SECONDS = 15 * 60,
};

struct unreachable_slot {
	uint32_t hash;
	uint32_t until; /* seconds */
};

struct unreachable {
	struct unreachable_slot *slots; /* owned; NULL while there is none */
	uint32_t room;                  /* a power of two; doubles when half of it counts */
	uint32_t last;                  /* until of the latest */
};

void unreachable_clear(struct unreachable *u);
/* hash: of the address, under a secret of the caller. */
void unreachable_add(struct unreachable *u, uint32_t hash, uint32_t now);
void unreachable_remove(struct unreachable *u, uint32_t hash);
bool unreachable_has(const struct unreachable *u, uint32_t hash, uint32_t now);
/* Gives the memory back when nothing in it counts any more. */
void unreachable_sweep(struct unreachable *u, uint32_t now);

#endif
