/* tools/io/files.c: atomic save, bounded load, mkdir -p.
 *
 * Why rename: a reader, or a start after a power cut, sees the old file or the
 * new one and never a half. The file is synced before the rename and the
 * directory after it; a name is not durable before that. */
#include "tools/io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/memory.h"

static bool fail(char reason[FILES_REASON_MAX], const char *path, int error)
{
	(void)snprintf(reason, FILES_REASON_MAX, "%.400s: %s", path, strerror(error));
	errno = error;
	return false;
}

static bool write_all(int fd, struct bytes content)
{
	size_t done = 0;
	ssize_t n;

	while (done < content.size) {
		n = write(fd, content.data + done, content.size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

/* The directory part of path, "." without one; owned. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *directory;

	if (slash == NULL)
		return memory_copy_text(".");
	directory = memory_copy_text(path);
	directory[slash == path ? 1 : slash - path] = '\0';
	return directory;
}

static bool sync_directory(const char *path)
{
	char *directory = directory_of(path);
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;
	/* Some file systems cannot sync a directory; nothing more can be done there. */
	bool unable = fd >= 0 && !good && errno == EINVAL;
	int error = errno;

	if (fd >= 0)
		close(fd);
	free(directory);
	errno = error;
	return good || unable;
}

/* path + suffix; owned. */
static char *with_suffix(const char *path, const char *suffix)
{
	size_t a = strlen(path), b = strlen(suffix);
	char *text = memory_alloc(a + b + 1);

	memcpy(text, path, a);
	memcpy(text + a, suffix, b + 1);
	return text;
}

/* A hard link keeps the old content reachable under both names until the
 * rename, so that path itself is never missing. */
static bool keep_previous(const char *path)
{
	char *previous = with_suffix(path, ".previous");
	bool good = (unlink(previous) == 0 || errno == ENOENT) &&
	            (link(path, previous) == 0 || errno == ENOENT);
	int error = errno;

	free(previous);
	errno = error;
	return good;
}

static bool write_temporary(const char *temporary, struct bytes content, unsigned flags)
{
	const mode_t mode = flags & FILES_PRIVATE ? 0600 : 0644;
	int error, fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	bool good;

	if (fd < 0)
		return false;
	good = write_all(fd, content) && fsync(fd) == 0;
	error = errno;
	if (close(fd) != 0 && good) {
		good = false;
		error = errno;
	}
	errno = error;
	return good;
}

bool files_save(const char *path, struct bytes content, unsigned flags,
                char reason[FILES_REASON_MAX])
{
	char *temporary = with_suffix(path, ".new");
	bool good = write_temporary(temporary, content, flags) &&
	            (!(flags & FILES_KEEP_PREVIOUS) || keep_previous(path)) &&
	            rename(temporary, path) == 0;
	int error = errno;

	if (!good)
		unlink(temporary);
	free(temporary);
	if (!good)
		return fail(reason, path, error);
	return sync_directory(path) || fail(reason, path, errno);
}

/* Reads until the end, whatever fstat said: a file may grow, and those in
 * /proc have no size. */
static uint8_t *read_all(int fd, size_t hint, size_t size_max, size_t *size)
{
	size_t capacity = hint < size_max ? hint + 1 : size_max + 1, used = 0;
	uint8_t *data = memory_alloc(capacity + 1);
	ssize_t n;

	while (used <= size_max) {
		if (used == capacity) {
			capacity = capacity > (size_max + 1) / 2 ? size_max + 1 : 2 * capacity;
			data = memory_resize(data, capacity + 1, 1);
		}
		n = read(fd, data + used, capacity - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		if (n == 0) {
			data[used] = '\0';
			*size = used;
			return data;
		}
		used += (size_t)n;
	}
	if (used > size_max)
		errno = EFBIG;
	free(data);
	return NULL;
}

uint8_t *files_load(const char *path, size_t size_max, size_t *size,
                    char reason[FILES_REASON_MAX])
{
	/* Not blocking: somebody may have put a FIFO there. */
	int error, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint8_t *data = NULL;
	struct stat st;

	if (fd < 0) {
		fail(reason, path, errno);
		return NULL;
	}
	if (fstat(fd, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			errno = EISDIR;
		else if (st.st_size > 0 && (uint64_t)st.st_size > size_max)
			errno = EFBIG;
		else
			data = read_all(fd, st.st_size > 0 ? (size_t)st.st_size : 4095, size_max, size);
	}
	error = errno;
	close(fd);
	if (data == NULL)
		fail(reason, path, error);
	return data;
}

static bool make_one(const char *path)
{
	struct stat st;

	if (mkdir(path, 0755) == 0)
		return true;
	if (errno != EEXIST)
		return false;
	if (stat(path, &st) != 0)
		return false;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode);
}

bool files_make_directory(const char *path, char reason[FILES_REASON_MAX])
{
	char *copy, *slash;
	bool good = true;
	struct stat st;
	int error = 0;

	/* Usually there; also, a parent may be one we cannot create in. */
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return true;
	copy = memory_copy_text(path);
	for (slash = strchr(copy + (copy[0] != '\0'), '/'); good && slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		good = make_one(copy) || errno == EACCES || errno == EROFS;
		error = errno;
		*slash = '/';
	}
	if (good) {
		good = make_one(copy);
		error = errno;
	}
	free(copy);
	return good || fail(reason, path, error);
}

char *files_join(const char *directory, const char *name)
{
	size_t a = strlen(directory), b = strlen(name);
	char *path = memory_alloc(a + b + 2);

	memcpy(path, directory, a);
	path[a] = '/';
	memcpy(path + a + (a > 0 && directory[a - 1] != '/'), name, b + 1);
	return path;
}
