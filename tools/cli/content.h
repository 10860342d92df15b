/* tools/cli/content.h: the files below a path, as a torrent will list them. */
#ifndef TOOLS_CLI_CONTENT_H
#define TOOLS_CLI_CONTENT_H

#include "proto/bytes.h"

#include <sys/stat.h>

struct content_file {
	char *path;      /* owned; below the root, '/' between names; "" when the root is a file */
	uint64_t size;   /* bytes */
	uint64_t offset; /* of its first byte in the torrent */
	struct stat seen;
};

struct content {
	int root; /* owned descriptor: the directory, or the one that holds the file */
	bool is_directory;
	char *base; /* owned: the file's name in root, NULL for a directory */
	struct content_file *files; /* owned; by the bytes of their paths */
	uint32_t count;
	uint64_t total;   /* bytes */
	uint32_t skipped; /* links, sockets and the like: each was warned about */
};

/* Walks path. Symbolic links below it are not followed, path itself may be
 * one. False: one line was printed. content_deinit is safe after either. */
bool content_walk(struct content *c, const char *command, const char *path);
void content_deinit(struct content *c);
/* Opens a file for reading; -1 with errno. It is the file that the walk saw
 * or it is not opened (ESTALE). */
int content_open(const struct content *c, uint32_t file);
/* Is it still what the walk saw. */
bool content_is_unchanged(const struct content *c, uint32_t file);

#endif
