/* Tests of tools/io/fdcache.c. */
#include "tools/io/fdcache.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>

#include "tests/unit/temporary.h"

static struct temporary dir;
static struct fdcache cache;
static const int one_owner, other_owner;

static void begin(void)
{
	temporary_init(&dir);
	fdcache_init(&cache);
}

static void end(void)
{
	fdcache_deinit(&cache);
	temporary_deinit(&dir);
}

TestSuite(fdcache, .init = begin, .fini = end);

static struct fdcache_entry *get(const void *owner, uint32_t file, enum tree_mode mode)
{
	static char path[32];
	const struct fdcache_ask ask = { .owner = owner, .file = file, .root = dir.path, .path = path,
		                         .mode = mode };

	(void)snprintf(path, sizeof(path), "%u", file);
	return fdcache_get(&cache, &ask);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static uint32_t open_count(void)
{
	uint32_t i, count = 0;

	for (i = 0; i < FDCACHE_MAX; i++)
		count += cache.entries[i].owner != NULL;
	return count;
}

Test(fdcache, keeps_files_open)
{
	struct fdcache_entry *a = get(&one_owner, 1, TREE_CREATE), *b;
	int fd;

	cr_assert_not_null(a);
	fd = a->fd;
	b = get(&one_owner, 1, TREE_READ);
	cr_assert_eq(a, b, "a writable descriptor serves readers");
	fdcache_put(&cache, a, false);
	fdcache_put(&cache, b, false);
	cr_assert(is_open(fd));
	b = get(&other_owner, 1, TREE_READ);
	cr_assert_neq(b->fd, fd, "torrents do not share");
	fdcache_put(&cache, b, false);
	cr_assert_null(get(&one_owner, 2, TREE_READ));
	cr_assert_eq(errno, ENOENT);
}

Test(fdcache, a_reader_is_not_written_to)
{
	struct fdcache_entry *e = get(&one_owner, 1, TREE_CREATE);

	fdcache_put(&cache, e, false);
	fdcache_drop(&cache, &one_owner);
	cr_assert_eq(open_count(), 0);
	e = get(&one_owner, 1, TREE_READ);
	cr_assert_not(e->writable);
	fdcache_put(&cache, e, false);
	e = get(&one_owner, 1, TREE_WRITE);
	cr_assert(e->writable);
	cr_assert_eq(write(e->fd, "x", 1), 1);
	fdcache_put(&cache, e, false);
}

/* The limit holds, and who was not used for longest goes. */
Test(fdcache, full_closes_the_oldest)
{
	struct fdcache_entry *e, *pinned = get(&one_owner, 0, TREE_CREATE);
	int pinned_fd = pinned->fd;
	uint32_t i;

	for (i = 1; i < 3 * FDCACHE_MAX; i++) {
		e = get(&one_owner, i, TREE_CREATE);
		cr_assert_not_null(e);
		fdcache_put(&cache, e, false);
	}
	cr_assert_eq(open_count(), FDCACHE_MAX);
	cr_assert(is_open(pinned_fd));
	cr_assert_eq(pinned->file, 0);
	for (i = 0; i < FDCACHE_MAX; i++)
		cr_assert(cache.entries[i].file == 0 || cache.entries[i].file > 2 * FDCACHE_MAX);
	fdcache_put(&cache, pinned, false);
}

Test(fdcache, bad_ones_go_with_their_last_user)
{
	struct fdcache_entry *a = get(&one_owner, 1, TREE_CREATE), *b = get(&one_owner, 1, TREE_READ);
	int fd = a->fd;

	fdcache_put(&cache, a, true);
	cr_assert(is_open(fd));
	a = get(&one_owner, 1, TREE_READ);
	cr_assert_neq(a->fd, fd, "nobody new gets it");
	fdcache_put(&cache, b, false);
	cr_assert_not(is_open(fd));
	fdcache_put(&cache, a, false);
}

Test(fdcache, drop_waits_for_users)
{
	struct fdcache_entry *a = get(&one_owner, 1, TREE_CREATE), *b = get(&other_owner, 2, TREE_CREATE);
	int fd = a->fd;

	fdcache_drop(&cache, &one_owner);
	cr_assert(is_open(fd));
	fdcache_put(&cache, a, false);
	cr_assert_not(is_open(fd));
	cr_assert(is_open(b->fd));
	fdcache_put(&cache, b, false);
}

/* After somebody deleted the file, a check must see that it is gone. */
Test(fdcache, fresh_notices_deletion)
{
	struct fdcache_ask ask = { .owner = &one_owner, .file = 1, .root = dir.path, .path = "1",
		                   .mode = TREE_CREATE };
	struct fdcache_entry *e = fdcache_get(&cache, &ask);

	fdcache_put(&cache, e, false);
	cr_assert_eq(unlink(temporary_path(&dir, "1")), 0);
	ask.mode = TREE_READ;
	e = fdcache_get(&cache, &ask);
	cr_assert_not_null(e, "cached without asking");
	fdcache_put(&cache, e, false);
	ask.fresh = true;
	cr_assert_null(fdcache_get(&cache, &ask));
	cr_assert_eq(errno, ENOENT);
	cr_assert_eq(open_count(), 0);
}
