/* tools/io/files.h: whole small files: our own state, torrents, settings.
 *
 * A save is atomic: whatever moment the power goes, the old content or the new
 * one is there, whole. These block: call them before the loop runs, or on a
 * disk worker (disk_run). */
#ifndef TOOLS_IO_FILES_H
#define TOOLS_IO_FILES_H

#include "proto/bytes.h"

enum { FILES_REASON_MAX = 512 };

enum files_flags {
	FILES_KEEP_PREVIOUS = 1, /* the old content stays as PATH.previous */
	FILES_PRIVATE = 2,       /* mode 0600 instead of 0644 */
};

/* Temporary file in the same directory, fsync, rename, fsync of the directory.
 * False: reason names the file and the system's reason; the old file stands. */
bool files_save(const char *path, struct bytes content, unsigned flags,
                char reason[FILES_REASON_MAX]);
/* Owned bytes (free()) with a NUL behind them that *size does not count; NULL:
 * reason. A file above size_max is refused, not cut. errno is that of the
 * failure: ENOENT when it is not there. */
uint8_t *files_load(const char *path, size_t size_max, size_t *size,
                    char reason[FILES_REASON_MAX]);
/* The directory and all above it, mode 0755. True when it is there already. */
bool files_make_directory(const char *path, char reason[FILES_REASON_MAX]);
/* Owned text (free()): directory + "/" + name. */
char *files_join(const char *directory, const char *name);

#endif
