/* Tests of tools/io/tree.c: each with openat2 and without. */
#include "tools/io/tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/temporary.h"

static struct temporary dir, outside;
static int root;

static void begin(void)
{
	temporary_init(&dir);
	temporary_init(&outside);
	root = tree_open_root(dir.path, false);
	cr_assert_geq(root, 0);
}

static void end(void)
{
	close(root);
	temporary_deinit(&dir);
	temporary_deinit(&outside);
}

TestSuite(tree, .init = begin, .fini = end);

static int try_open(const char *path, enum tree_mode mode)
{
	int fd = tree_open_file(root, path, mode, false);

	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 0 : errno;
}

static void makes_directories(void)
{
	uint64_t size = 1;

	cr_assert_eq(try_open("a/b/c", TREE_READ), ENOENT);
	cr_assert_eq(try_open("a/b/c", TREE_WRITE), ENOENT);
	cr_assert_neq(access(temporary_path(&dir, "a"), F_OK), 0);
	cr_assert_eq(try_open("a/b/c", TREE_CREATE), 0);
	cr_assert_eq(try_open("a/b/d", TREE_CREATE), 0);
	cr_assert_eq(try_open("a/b/c", TREE_READ), 0);
	cr_assert(tree_file_size(root, "a/b/c", &size));
	cr_assert_eq(size, 0);
	cr_assert(tree_sync_parent(root, "a/b/c"));
	cr_assert_not(tree_sync_parent(root, "none/c"));
}

Test(tree, makes_directories)
{
	makes_directories();
}

Test(tree, makes_directories_without_openat2)
{
	tree_use_fallback(true);
	makes_directories();
}

static void never_leaves(void)
{
	static const char *const paths[] = { "../x", "a/../../x", "..", "/etc/hostname", "/tmp/x" };
	uint64_t size;
	size_t i;

	cr_assert_eq(try_open("a/b", TREE_CREATE), 0);
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		cr_assert_neq(try_open(paths[i], TREE_READ), 0, "%s", paths[i]);
		cr_assert_neq(try_open(paths[i], TREE_CREATE), 0, "%s", paths[i]);
		cr_assert_not(tree_file_size(root, paths[i], &size), "%s", paths[i]);
	}
}

Test(tree, never_leaves)
{
	never_leaves();
}

Test(tree, never_leaves_without_openat2)
{
	tree_use_fallback(true);
	never_leaves();
}

static void follows_no_links(void)
{
	char target[600];
	uint64_t size;
	int fd;

	fd = open(temporary_path(&outside, "secret"), O_CREAT | O_WRONLY, 0600);
	cr_assert_geq(fd, 0);
	close(fd);
	(void)snprintf(target, sizeof(target), "%s/secret", outside.path);
	cr_assert_eq(symlink(target, temporary_path(&dir, "file")), 0);
	cr_assert_eq(symlink(outside.path, temporary_path(&dir, "sub")), 0);
	cr_assert_eq(symlink("/nowhere/at/all", temporary_path(&dir, "dangling")), 0);

	cr_assert_eq(try_open("file", TREE_READ), ELOOP);
	cr_assert_eq(try_open("file", TREE_CREATE), ELOOP);
	cr_assert_neq(try_open("sub/secret", TREE_READ), 0);
	cr_assert_neq(try_open("sub/new", TREE_CREATE), 0);
	cr_assert_neq(try_open("sub/deep/new", TREE_CREATE), 0);
	cr_assert_neq(try_open("dangling", TREE_CREATE), 0);
	cr_assert_not(tree_file_size(root, "file", &size));
	cr_assert_eq(errno, ELOOP);
	cr_assert_neq(access(temporary_path(&outside, "new"), F_OK), 0);
	cr_assert_neq(access(temporary_path(&outside, "deep"), F_OK), 0);
}

Test(tree, follows_no_links)
{
	follows_no_links();
}

Test(tree, follows_no_links_without_openat2)
{
	tree_use_fallback(true);
	follows_no_links();
}

/* A FIFO does not block, and nothing but a regular file is opened. */
Test(tree, regular_files_only)
{
	uint64_t size;

	cr_assert_eq(mkfifo(temporary_path(&dir, "fifo"), 0600), 0);
	cr_assert_eq(mkdir(temporary_path(&dir, "directory"), 0700), 0);
	cr_assert_eq(try_open("fifo", TREE_CREATE), EINVAL);
	cr_assert_eq(try_open("directory", TREE_READ), EISDIR);
	cr_assert_eq(try_open("directory", TREE_CREATE), EISDIR);
	cr_assert_not(tree_file_size(root, "fifo", &size));
	cr_assert_eq(errno, EINVAL);
	cr_assert_eq(try_open("fifo/x", TREE_CREATE), ENOTDIR);
}

Test(tree, makes_the_root)
{
	int fd;

	cr_assert_lt(tree_open_root(temporary_path(&dir, "p/q"), false), 0);
	cr_assert_eq(errno, ENOENT);
	fd = tree_open_root(temporary_path(&dir, "p/q"), true);
	cr_assert_geq(fd, 0);
	close(fd);
}

Test(tree, reasons_are_plain)
{
	cr_assert_not_null(strstr(tree_reason(ELOOP), "symbolic link"));
	cr_assert_str_eq(tree_reason(ENOSPC), "No space left on device");
	cr_assert_str_neq(tree_reason(EXDEV), tree_reason(EINVAL));
}
