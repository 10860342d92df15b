/* tools/io/fdcache.c: a small table under one lock, searched in order: with at
 * most 128 entries that is cheaper than what follows it, a read or write of
 * many kilobytes. Files are opened and closed outside the lock: either may
 * take seconds on a network drive. */
#include "tools/io/fdcache.h"

#include <assert.h>
#include <errno.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

void fdcache_init(struct fdcache *c)
{
	*c = (struct fdcache){ .tick = 1 };
	pthread_mutex_init(&c->lock, NULL);
}

void fdcache_deinit(struct fdcache *c)
{
	uint32_t i;

	for (i = 0; i < FDCACHE_MAX; i++) {
		assert(c->entries[i].users == 0);
		if (c->entries[i].owner != NULL)
			close(c->entries[i].fd);
	}
	pthread_mutex_destroy(&c->lock);
}

/* Takes the entry out of the table and returns its descriptor to close. */
static int take_out(struct fdcache_entry *e)
{
	const int fd = e->fd;

	*e = (struct fdcache_entry){ .fd = -1 };
	return fd;
}

static struct fdcache_entry *find(struct fdcache *c, const struct fdcache_ask *ask)
{
	struct fdcache_entry *e;

	for (e = c->entries; e < c->entries + FDCACHE_MAX; e++)
		if (e->owner == ask->owner && e->file == ask->file && !e->stale &&
		    (e->writable || ask->mode == TREE_READ))
			return e;
	return NULL;
}

/* A free entry, or the least recently used one that nobody uses. */
static struct fdcache_entry *make_room(struct fdcache *c, int *close_fd)
{
	struct fdcache_entry *e, *best = NULL;

	for (e = c->entries; e < c->entries + FDCACHE_MAX; e++) {
		if (e->owner == NULL)
			return e;
		if (e->users == 0 && (best == NULL || e->used < best->used))
			best = e;
	}
	assert(best != NULL);
	*close_fd = take_out(best);
	return best;
}

static int open_asked(const struct fdcache_ask *ask)
{
	int root = tree_open_root(ask->root, ask->mode == TREE_CREATE), fd, error;

	if (root < 0)
		return -1;
	fd = tree_open_file(root, ask->path, ask->mode, ask->executable);
	error = errno;
	close(root);
	errno = error;
	return fd;
}

static bool is_in_memory(int fd)
{
	struct statfs st;

	return fstatfs(fd, &st) == 0 && st.f_type == TMPFS_MAGIC;
}

static bool is_unlinked(int fd)
{
	struct stat st;

	return fstat(fd, &st) != 0 || st.st_nlink == 0;
}

/* A hit that is still good, in use now; NULL: open it. */
static struct fdcache_entry *get_cached(struct fdcache *c, const struct fdcache_ask *ask)
{
	struct fdcache_entry *e;

	pthread_mutex_lock(&c->lock);
	e = find(c, ask);
	if (e != NULL) {
		e->users++;
		e->used = c->tick++;
	}
	pthread_mutex_unlock(&c->lock);
	if (e != NULL && ask->fresh && is_unlinked(e->fd)) {
		fdcache_put(c, e, true);
		return NULL;
	}
	return e;
}

struct fdcache_entry *fdcache_peek(struct fdcache *c, const void *owner, uint32_t file)
{
	const struct fdcache_ask ask = { .owner = owner, .file = file, .mode = TREE_READ };

	return get_cached(c, &ask);
}

struct fdcache_entry *fdcache_get(struct fdcache *c, const struct fdcache_ask *ask)
{
	struct fdcache_entry *e = get_cached(c, ask);
	int fd, close_fd = -1;
	bool in_memory;

	if (e != NULL)
		return e;
	fd = open_asked(ask);
	if (fd < 0)
		return NULL;
	in_memory = is_in_memory(fd);
	pthread_mutex_lock(&c->lock);
	e = find(c, ask);
	if (e != NULL) {
		close_fd = fd; /* somebody was faster */
	} else {
		e = make_room(c, &close_fd);
		*e = (struct fdcache_entry){ .owner = ask->owner, .file = ask->file, .fd = fd,
			                     .writable = ask->mode != TREE_READ,
			                     .in_memory = in_memory };
	}
	e->users++;
	e->used = c->tick++;
	pthread_mutex_unlock(&c->lock);
	if (close_fd >= 0)
		close(close_fd);
	return e;
}

void fdcache_put(struct fdcache *c, struct fdcache_entry *e, bool bad)
{
	int close_fd = -1;

	pthread_mutex_lock(&c->lock);
	assert(e->users > 0);
	e->stale |= bad;
	if (--e->users == 0 && e->stale)
		close_fd = take_out(e);
	pthread_mutex_unlock(&c->lock);
	if (close_fd >= 0)
		close(close_fd);
}

void fdcache_drop(struct fdcache *c, const void *owner)
{
	struct fdcache_entry *e;
	int close_fd;

	for (e = c->entries; e < c->entries + FDCACHE_MAX; e++) {
		close_fd = -1;
		pthread_mutex_lock(&c->lock);
		if (e->owner == owner) {
			e->stale = true;
			if (e->users == 0)
				close_fd = take_out(e);
		}
		pthread_mutex_unlock(&c->lock);
		if (close_fd >= 0)
			close(close_fd);
	}
}
