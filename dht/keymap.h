/* dht/keymap.h: things known by 20 bytes and a tag. Open addressing under a
 * secret key, so strangers cannot choose collisions. Holds pointers; what they
 * point to begins with a struct keymap_entry and stays where it is. */
#ifndef DHT_KEYMAP_H
#define DHT_KEYMAP_H

#include "dht/node.h"

struct keymap_entry {
	uint8_t key[DHT_ID_SIZE];
	uint8_t tag;
};

struct keymap {
	struct keymap_entry **slots; /* owned array; the entries are the caller's */
	uint32_t room, count;
	uint8_t secret[16];
};

void keymap_init(struct keymap *m, struct rng *rng);
void keymap_deinit(struct keymap *m);
struct keymap_entry *keymap_find(const struct keymap *m, const uint8_t key[DHT_ID_SIZE],
                                 uint8_t tag);
/* Not in it yet. */
void keymap_add(struct keymap *m, struct keymap_entry *e);
void keymap_remove(struct keymap *m, struct keymap_entry *e);
/* The first entry at or behind slot *at, which moves past it; NULL at the end.
 * Removing moves entries: a walk that removes may miss some, never repeat a
 * freed one. */
struct keymap_entry *keymap_walk(const struct keymap *m, uint32_t *at);
/* A random entry; count > 0. */
struct keymap_entry *keymap_random(const struct keymap *m, struct rng *rng);

#endif
