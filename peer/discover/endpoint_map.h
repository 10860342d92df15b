/* peer/discover/endpoint_map.h: endpoint -> number, a hash table under a random
 * key: the endpoints come from strangers (hash flooding). */
#ifndef PEER_DISCOVER_ENDPOINT_MAP_H
#define PEER_DISCOVER_ENDPOINT_MAP_H

#include "proto/endpoint.h"
#include "proto/rng.h"

enum { ENDPOINT_MAP_NONE = UINT32_MAX };

struct endpoint_slot {
	struct endpoint endpoint; /* family ENDPOINT_NONE: free */
	uint32_t value;
};

struct endpoint_map {
	struct endpoint_slot *slots; /* owned; NULL until the first is put */
	uint32_t count, size;        /* size: a power of two */
	uint8_t key[16];
};

void endpoint_map_init(struct endpoint_map *m, struct rng *rng);
void endpoint_map_deinit(struct endpoint_map *m);
/* ENDPOINT_MAP_NONE: not there. */
uint32_t endpoint_map_get(const struct endpoint_map *m, const struct endpoint *e);
/* Add or replace; the family is v4 or v6. Grows without bound: the owner counts. */
void endpoint_map_put(struct endpoint_map *m, const struct endpoint *e, uint32_t value);
/* False: it was not there. */
bool endpoint_map_remove(struct endpoint_map *m, const struct endpoint *e);

#endif
