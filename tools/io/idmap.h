/* tools/io/idmap.h: a small hash table from the core's 64-bit ids to what the
 * rim keeps for them. Ids are made here, never by strangers, so a plain
 * multiplicative hash does. Open addressing; deletion shifts back, so there
 * are no tombstones and a look-up stays short for years. */
#ifndef TOOLS_IO_IDMAP_H
#define TOOLS_IO_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idmap_entry {
	uint64_t id;   /* 0: free */
	uint64_t value;
};

struct idmap {
	struct idmap_entry *entries; /* owned; a power of two of them, or NULL */
	size_t slots, count;
};

/* All zeroes is an empty map. */
void idmap_deinit(struct idmap *m);
/* id is not 0; replaces what was there. */
void idmap_set(struct idmap *m, uint64_t id, uint64_t value);
bool idmap_get(const struct idmap *m, uint64_t id, uint64_t *value);
/* The same for pointers; NULL: not there. */
void idmap_set_pointer(struct idmap *m, uint64_t id, void *value);
void *idmap_pointer(const struct idmap *m, uint64_t id);
/* False: it was not there. */
bool idmap_remove(struct idmap *m, uint64_t id);
/* Any one entry, for taking a map apart; false when it is empty. */
bool idmap_any(const struct idmap *m, struct idmap_entry *out);

#endif
