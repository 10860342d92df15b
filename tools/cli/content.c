/* tools/cli/content.c: walks a directory tree.
 *
 * Everything is opened relative to a descriptor and without following links,
 * so a tree that is moved or swapped during the walk cannot lead us elsewhere.
 * Files are sorted by the bytes of their whole path: a torrent of the same
 * files is then the same torrent on every machine. */
#include "tools/cli/content.h"

#include "proto/memory.h"
#include "proto/metainfo.h"
#include "tools/cli/cli.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct walk {
	struct content *content;
	const char *command;
	uint32_t capacity;
	char path[METAINFO_PATH_MAX + 1]; /* of what is being looked at */
};

static bool fail(const struct walk *w, const char *path, const char *reason)
{
	cli_fail(CLI_ERROR, w->command, "%s: %s", path[0] != '\0' ? path : ".", reason);
	return false;
}

static bool add_file(struct walk *w, const struct stat *seen)
{
	struct content *c = w->content;
	const uint64_t size = (uint64_t)seen->st_size;

	if (c->count == METAINFO_FILES_MAX)
		return fail(w, w->path, "more files than a torrent may have");
	if (__builtin_add_overflow(c->total, size, &c->total) || c->total > INT64_MAX)
		return fail(w, w->path, "too large");
	if (c->count == w->capacity) {
		w->capacity = w->capacity == 0 ? 64 : 2 * w->capacity;
		c->files = memory_resize(c->files, w->capacity, sizeof(*c->files));
	}
	c->files[c->count++] = (struct content_file){ .path = memory_copy_text(w->path),
		                                      .size = size,
		                                      .seen = *seen };
	return true;
}

static const char *kind_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFLNK:
		return "a symbolic link";
	case S_IFSOCK:
		return "a socket";
	case S_IFIFO:
		return "a FIFO";
	default:
		return "a device";
	}
}

/* Appends a name to the path. Names that a reader of the torrent would have
 * to change are refused: the files would not be found again. */
static bool enter(struct walk *w, size_t length, const char *name)
{
	char safe[METAINFO_NAME_MAX + 1];
	const size_t slash = length != 0 ? 1 : 0, size = strlen(name);

	if (size + slash > METAINFO_PATH_MAX - length)
		return fail(w, w->path, "holds paths that are too long for a torrent");
	if (slash != 0)
		w->path[length] = '/';
	memcpy(w->path + length + slash, name, size + 1);
	if (metainfo_sanitise_name(bytes_of(name, size), safe))
		return fail(w, w->path, "a torrent cannot carry this name (control characters, a "
		                        "backslash or invalid UTF-8); rename it");
	return true;
}

static bool walk_directory(struct walk *w, DIR *directory, size_t length, unsigned depth);

static bool walk_entry(struct walk *w, int parent, const char *name, size_t length, unsigned depth)
{
	struct stat seen;

	if (fstatat(parent, name, &seen, AT_SYMLINK_NOFOLLOW) != 0)
		return fail(w, w->path, strerror(errno));
	if (S_ISREG(seen.st_mode))
		return add_file(w, &seen);
	if (!S_ISDIR(seen.st_mode)) {
		cli_warn(w->command, "%s: %s, left out", w->path, kind_name(seen.st_mode));
		w->content->skipped++;
		return true;
	}
	if (depth + 2 >= METAINFO_PATH_DEPTH_MAX) /* the name, these, and a file */
		return fail(w, w->path, "too many directories inside each other");
	const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (directory == NULL) {
		fail(w, w->path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	const bool ok = walk_directory(w, directory, length, depth + 1);
	closedir(directory);
	return ok;
}

/* Recursion is as deep as METAINFO_PATH_DEPTH_MAX and no deeper. */
static bool walk_directory(struct walk *w, DIR *directory, size_t length, unsigned depth)
{
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(directory);
		w->path[length] = '\0';
		if (entry == NULL)
			return errno == 0 || fail(w, w->path, strerror(errno));
		const char *name = entry->d_name;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		if (!enter(w, length, name) ||
		    !walk_entry(w, dirfd(directory), name, strlen(w->path), depth))
			return false;
	}
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct content_file *)a)->path, ((const struct content_file *)b)->path);
}

static void sort_files(struct content *c)
{
	uint64_t offset = 0;

	if (c->count != 0)
		qsort(c->files, c->count, sizeof(*c->files), compare_paths);
	for (uint32_t i = 0; i < c->count; i++) {
		c->files[i].offset = offset;
		offset += c->files[i].size;
	}
}

static bool walk_root_directory(struct walk *w, const char *path)
{
	struct content *c = w->content;

	c->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int again = c->root < 0 ? -1 : fcntl(c->root, F_DUPFD_CLOEXEC, 0);
	DIR *directory = again < 0 ? NULL : fdopendir(again);
	if (directory == NULL) {
		fail(w, path, strerror(errno));
		if (again >= 0)
			close(again);
		return false;
	}
	const bool ok = walk_directory(w, directory, 0, 0);
	closedir(directory);
	return ok;
}

/* Relative to its directory, as the files of a tree are. */
static bool walk_root_file(struct walk *w, const char *path, const struct stat *seen)
{
	struct content *c = w->content;
	char *real = realpath(path, NULL); /* path may be a link */
	char *slash = real != NULL ? strrchr(real, '/') : NULL;

	if (slash == NULL) {
		free(real);
		return fail(w, path, strerror(errno));
	}
	c->base = memory_copy_text(slash + 1);
	slash[slash == real ? 1 : 0] = '\0';
	c->root = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const bool ok = c->root >= 0 || fail(w, real, strerror(errno));
	free(real);
	return ok && add_file(w, seen);
}

bool content_walk(struct content *c, const char *command, const char *path)
{
	struct walk *w = memory_zeroed(1, sizeof(*w));
	struct stat seen;
	bool ok;

	*c = (struct content){ .root = -1 };
	w->content = c;
	w->command = command;
	if (stat(path, &seen) != 0) {
		ok = fail(w, path, strerror(errno));
	} else if (S_ISDIR(seen.st_mode)) {
		c->is_directory = true;
		ok = walk_root_directory(w, path);
	} else if (S_ISREG(seen.st_mode)) {
		ok = walk_root_file(w, path, &seen);
	} else {
		ok = fail(w, path, "neither a file nor a directory");
	}
	free(w);
	sort_files(c);
	return ok;
}

void content_deinit(struct content *c)
{
	for (uint32_t i = 0; i < c->count; i++)
		free(c->files[i].path);
	free(c->files);
	free(c->base);
	if (c->root >= 0)
		close(c->root);
	*c = (struct content){ .root = -1 };
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       S_ISREG(a->st_mode);
}

static const char *name_of(const struct content *c, uint32_t file)
{
	return c->base != NULL ? c->base : c->files[file].path;
}

int content_open(const struct content *c, uint32_t file)
{
	struct stat now;
	/* O_NONBLOCK: should a FIFO have taken its place, do not wait for a writer. */
	const int fd = openat(c->root, name_of(c, file),
	                      O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (fstat(fd, &now) != 0 || !is_same(&now, &c->files[file].seen)) {
		close(fd);
		errno = ESTALE;
		return -1;
	}
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return fd;
}

bool content_is_unchanged(const struct content *c, uint32_t file)
{
	struct stat now;

	return fstatat(c->root, name_of(c, file), &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	       is_same(&now, &c->files[file].seen);
}
