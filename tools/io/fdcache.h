/* tools/io/fdcache.h: the open files of all torrents, the least recently used
 * closed first. Used by the disk workers, several at a time. */
#ifndef TOOLS_IO_FDCACHE_H
#define TOOLS_IO_FDCACHE_H

#include <pthread.h>

#include "tools/io/tree.h"

enum { FDCACHE_MAX = 128 };

struct fdcache_entry {
	const void *owner;  /* NULL: free */
	uint32_t file;
	int fd;
	bool writable;
	bool in_memory;     /* tmpfs: reading blocks no more than our own memory does */
	bool stale;         /* closed when the last user lets go */
	uint32_t users;
	uint64_t used;      /* tick of the last use */
};

struct fdcache {
	pthread_mutex_t lock;
	uint64_t tick;
	struct fdcache_entry entries[FDCACHE_MAX];
};

struct fdcache_ask {
	const void *owner;  /* names the torrent */
	uint32_t file;
	const char *root, *path;
	enum tree_mode mode;
	bool executable;
	bool fresh;         /* not one whose file has been deleted or replaced */
};

void fdcache_init(struct fdcache *c);
/* Nobody uses an entry any more. */
void fdcache_deinit(struct fdcache *c);
/* An entry to be let go with fdcache_put; NULL with errno. There may be at
 * most FDCACHE_MAX users at one time. */
struct fdcache_entry *fdcache_get(struct fdcache *c, const struct fdcache_ask *ask);
/* Only if it is open already; NULL: it is not. Never waits for a disk. */
struct fdcache_entry *fdcache_peek(struct fdcache *c, const void *owner, uint32_t file);
/* bad: it failed, close it as soon as nobody uses it. */
void fdcache_put(struct fdcache *c, struct fdcache_entry *e, bool bad);
/* Close all of one owner's. */
void fdcache_drop(struct fdcache *c, const void *owner);

#endif
