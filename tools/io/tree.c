/* tools/io/tree.c: openat2() with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, where
 * the kernel itself refuses to leave the root, whatever is renamed or linked
 * meanwhile. Where it is missing, every component is opened by itself with
 * O_NOFOLLOW: as safe against links, only a directory that is moved out of the
 * root in that moment takes us along. */
#include "tools/io/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/metainfo.h"
#include "tools/io/files.h"

static pthread_once_t probed = PTHREAD_ONCE_INIT;
static atomic_bool without_openat2;

static int call_openat2(int fd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)flags,
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int got;

	do
		got = (int)syscall(SYS_openat2, fd, path, &how, sizeof(how));
	while (got < 0 && (errno == EINTR || errno == EAGAIN));
	return got;
}

/* A container's filter may answer EPERM for a call that it does not know. */
static void probe(void)
{
	int fd = call_openat2(AT_FDCWD, ".", O_PATH | O_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	else if (errno == ENOSYS || errno == EPERM)
		atomic_store(&without_openat2, true);
}

void tree_use_fallback(bool on)
{
	pthread_once(&probed, probe);
	atomic_store(&without_openat2, on);
}

static void close_keeping_errno(int fd)
{
	int error = errno;

	close(fd);
	errno = error;
}

/* Copies the next component and moves *path behind it; false at the end, or
 * with *bad set for one that may not be. */
static bool next_component(const char **path, char out[METAINFO_NAME_MAX + 1], bool *bad)
{
	const char *end = strchrnul(*path, '/');
	size_t size = (size_t)(end - *path);

	*bad = size == 0 || size > METAINFO_NAME_MAX || (size == 1 && **path == '.') ||
	       (size == 2 && (*path)[0] == '.' && (*path)[1] == '.');
	if (*bad)
		return false;
	memcpy(out, *path, size);
	out[size] = '\0';
	*path = *end == '/' ? end + 1 : end;
	return true;
}

/* The directory that holds path's last component, which goes to leaf. */
static int open_parent(int root_fd, const char *path, bool create,
                       char leaf[METAINFO_NAME_MAX + 1])
{
	int fd = openat(root_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC), next;
	bool bad = false;

	while (fd >= 0 && next_component(&path, leaf, &bad) && *path != '\0') {
		if (create && mkdirat(fd, leaf, 0777) != 0 && errno != EEXIST) {
			close_keeping_errno(fd);
			return -1;
		}
		next = openat(fd, leaf, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close_keeping_errno(fd);
		fd = next;
	}
	if (fd >= 0 && bad) {
		close(fd);
		errno = EXDEV;
		return -1;
	}
	return fd;
}

static int open_by_component(int root_fd, const char *path, int flags, mode_t mode)
{
	char leaf[METAINFO_NAME_MAX + 1];
	int parent = open_parent(root_fd, path, false, leaf), fd;

	if (parent < 0)
		return -1;
	fd = openat(parent, leaf, flags | O_NOFOLLOW, mode);
	close_keeping_errno(parent);
	return fd;
}

static int open_below(int root_fd, const char *path, int flags, mode_t mode)
{
	pthread_once(&probed, probe);
	return atomic_load(&without_openat2) ? open_by_component(root_fd, path, flags, mode)
	                                     : call_openat2(root_fd, path, flags | O_NOFOLLOW, mode);
}

static bool make_parents(int root_fd, const char *path)
{
	char leaf[METAINFO_NAME_MAX + 1];
	int fd = open_parent(root_fd, path, true, leaf);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int tree_open_root(const char *root, bool create)
{
	char reason[FILES_REASON_MAX];
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && create && files_make_directory(root, reason))
		fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd;
}

/* Closes fd unless it is a regular file. */
static int only_regular(int fd, struct stat *st)
{
	if (fd < 0)
		return -1;
	if (fstat(fd, st) == 0) {
		if (S_ISREG(st->st_mode))
			return fd;
		errno = S_ISDIR(st->st_mode) ? EISDIR : S_ISLNK(st->st_mode) ? ELOOP : EINVAL;
	}
	close_keeping_errno(fd);
	return -1;
}

int tree_open_file(int root_fd, const char *path, enum tree_mode mode, bool executable)
{
	/* Not blocking: a FIFO with that name would wait for its other end. */
	const int flags = (mode == TREE_READ ? O_RDONLY : O_RDWR) |
	                  (mode == TREE_CREATE ? O_CREAT : 0) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	const mode_t permissions = executable ? 0777 : 0666;
	struct stat st;
	int fd = open_below(root_fd, path, flags, permissions);

	if (fd < 0 && errno == ENOENT && mode == TREE_CREATE && make_parents(root_fd, path))
		fd = open_below(root_fd, path, flags, permissions);
	return only_regular(fd, &st);
}

bool tree_file_size(int root_fd, const char *path, uint64_t *size)
{
	struct stat st;
	int fd = only_regular(open_below(root_fd, path, O_PATH | O_CLOEXEC, 0), &st);

	if (fd < 0)
		return false;
	close(fd);
	*size = (uint64_t)st.st_size;
	return true;
}

bool tree_sync_parent(int root_fd, const char *path)
{
	char leaf[METAINFO_NAME_MAX + 1];
	int parent = open_parent(root_fd, path, false, leaf), fd;
	bool good;

	if (parent < 0)
		return false;
	fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close_keeping_errno(parent);
	if (fd < 0)
		return false;
	good = fsync(fd) == 0 || errno == EINVAL;
	close_keeping_errno(fd);
	return good;
}

const char *tree_reason(int error)
{
	switch (error) {
	case ELOOP: return "a symbolic link is in the way; links are not followed";
	case EXDEV: return "leads out of the download directory";
	case EINVAL: return "not a regular file";
	default: return strerror(error);
	}
}
