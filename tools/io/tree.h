/* tools/io/tree.h: files below a root directory, and never anywhere else.
 *
 * Names come from strangers (sanitised by proto/metainfo) and the tree may be
 * changed under us by anybody with an account. No symbolic link below the root
 * is followed, ".." is refused, and only regular files are opened. The root
 * itself is the user's word: links in its path are followed. */
#ifndef TOOLS_IO_TREE_H
#define TOOLS_IO_TREE_H

#include "proto/bytes.h"

enum tree_mode {
	TREE_READ,
	TREE_WRITE,   /* and read; must be there */
	TREE_CREATE,  /* and read; made when missing, with its directories */
};

/* A descriptor of the root, for the calls below; -1 with errno. create: made
 * when missing, with what is above it. */
int tree_open_root(const char *root, bool create);
/* A regular file; path is relative, '/' between components. -1 with errno:
 * ELOOP a link was met, EISDIR, EINVAL something else than a file, EXDEV the
 * path leads out of the root. */
int tree_open_file(int root_fd, const char *path, enum tree_mode mode, bool executable);
/* Bytes of a regular file; false with errno as above. */
bool tree_file_size(int root_fd, const char *path, uint64_t *size);
/* fsync the directory that holds path, so that its name is durable. */
bool tree_sync_parent(int root_fd, const char *path);
/* Text for an errno of these. Static or of strerror(). */
const char *tree_reason(int error);
/* Tests: go component by component, as on a kernel without openat2 (5.6). */
void tree_use_fallback(bool on);

#endif
