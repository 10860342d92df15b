/* tools/rpc/own_files.c: see own_files.h. */
#include "tools/rpc/own_files.h"

#include "proto/memory.h"
#include "tools/io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

void own_files_init(struct own_files *c, const struct metainfo *m, const char *root)
{
	*c = (struct own_files){ .root = memory_copy_text(root) };
	if (m == NULL)
		return;
	c->paths = memory_zeroed(m->file_count + 1, sizeof *c->paths);
	for (uint32_t i = 0; i < m->file_count; i++)
		if (!m->files[i].pad)
			c->paths[c->count++] = memory_copy_text(m->files[i].path);
}

void own_files_deinit(struct own_files *c)
{
	for (uint32_t i = 0; i < c->count; i++)
		free(c->paths[i]);
	free(c->paths);
	free(c->root);
	*c = (struct own_files){ .count = 0 };
}

static bool fail(char reason[OWN_FILES_REASON_MAX], const char *root, const char *path)
{
	snprintf(reason, OWN_FILES_REASON_MAX, "%.200s/%.200s: %s", root, path, strerror(errno));
	return false;
}

/* The directory that holds path, below root; *name is its last component. -1:
 * errno. No component may be a link. create: made when missing. */
static int open_parent(int root, const char *path, bool create, const char **name)
{
	int fd = fcntl(root, F_DUPFD_CLOEXEC, 0);
	const char *slash;

	while (fd >= 0 && (slash = strchr(path, '/')) != NULL) {
		char part[METAINFO_NAME_MAX + 1];
		size_t size = (size_t)(slash - path);
		int next, error;

		if (size > METAINFO_NAME_MAX) {
			close(fd);
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(part, path, size);
		part[size] = '\0';
		if (create)
			(void)!mkdirat(fd, part, 0755);
		next = openat(fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		error = errno;
		close(fd);
		errno = error;
		fd = next;
		path = slash + 1;
	}
	*name = path;
	return fd;
}

/* The directories above path that are empty now, up to root. */
static void remove_empty_parents(int root, const char *path)
{
	char *copy = memory_copy_text(path), *slash;

	while ((slash = strrchr(copy, '/')) != NULL) {
		const char *name;
		int fd, failed;

		*slash = '\0';
		fd = open_parent(root, copy, false, &name);
		failed = fd < 0 || unlinkat(fd, name, AT_REMOVEDIR) != 0;
		if (fd >= 0)
			close(fd);
		if (failed)
			break;
	}
	free(copy);
}

bool own_files_delete(const struct own_files *c, char reason[OWN_FILES_REASON_MAX])
{
	int root = open(c->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = true;

	if (root < 0)
		return errno == ENOENT || fail(reason, c->root, "");
	for (uint32_t i = 0; i < c->count; i++) {
		const char *name;
		int fd = open_parent(root, c->paths[i], false, &name);

		if ((fd < 0 || unlinkat(fd, name, 0) != 0) && errno != ENOENT)
			good = fail(reason, c->root, c->paths[i]);
		if (fd >= 0)
			close(fd);
		remove_empty_parents(root, c->paths[i]);
	}
	close(root);
	return good;
}

/* ---- moving ---- */

static bool copy_bytes(int in, int out)
{
	ssize_t n;

	do
		n = sendfile(out, in, NULL, 1 << 20);
	while (n > 0 || (n < 0 && errno == EINTR));
	return n == 0 && fsync(out) == 0;
}

/* To another file system; the old file goes when the new one is safe. */
static bool copy_file(int from, const char *name, int to)
{
	struct stat st;
	int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), out = -1, error;
	bool good = in >= 0 && fstat(in, &st) == 0;

	if (good)
		out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		             st.st_mode & 0777);
	good = good && out >= 0 && copy_bytes(in, out);
	if (good)
		futimens(out, (struct timespec[]){ st.st_atim, st.st_mtim });
	error = errno;
	if (in >= 0)
		close(in);
	if (out >= 0) {
		close(out);
		unlinkat(good ? from : to, name, 0);
	}
	errno = error;
	return good;
}

static bool move_file(int from_root, int to_root, const char *path)
{
	const char *name;
	struct stat st;
	int from = open_parent(from_root, path, false, &name), to = -1, error;
	bool good = from >= 0 && fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) == 0;

	if (!good && errno == ENOENT) {
		good = true; /* nothing of it is there yet */
	} else if (good) {
		to = open_parent(to_root, path, true, &name);
		good = to >= 0 && (renameat2(from, name, to, name, RENAME_NOREPLACE) == 0 ||
		                   (errno == EXDEV && copy_file(from, name, to)));
	}
	error = errno;
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	errno = error;
	return good;
}

static bool move_all(const struct own_files *c, int from, int to, char reason[OWN_FILES_REASON_MAX])
{
	for (uint32_t i = 0; i < c->count; i++) {
		if (move_file(from, to, c->paths[i]))
			continue;
		fail(reason, c->root, c->paths[i]);
		while (i-- > 0)
			move_file(to, from, c->paths[i]);
		return false;
	}
	for (uint32_t i = 0; i < c->count; i++)
		remove_empty_parents(from, c->paths[i]);
	return true;
}

bool own_files_move(const struct own_files *c, const char *root, char reason[OWN_FILES_REASON_MAX])
{
	int from = open(c->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC), to;
	struct stat a, b;
	bool good = false;

	if (from < 0)
		return errno == ENOENT || fail(reason, c->root, "");
	to = files_make_directory(root, reason) ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (to < 0)
		fail(reason, root, "");
	else if (fstat(from, &a) == 0 && fstat(to, &b) == 0)
		good = (a.st_dev == b.st_dev && a.st_ino == b.st_ino) || move_all(c, from, to, reason);
	close(from);
	if (to >= 0)
		close(to);
	return good;
}
