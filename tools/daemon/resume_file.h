/* tools/daemon/resume_file.h: which pieces were verified when the files were last
 * looked at, and how the files looked then.
 *
 * The pieces are trusted again only when every file still has the same size
 * and the same time of change, to the nanosecond; anything else means that
 * somebody, or we before a crash, wrote since, and all is hashed. */
#ifndef TOOLS_DAEMON_RESUME_FILE_H
#define TOOLS_DAEMON_RESUME_FILE_H

#include "proto/bitfield.h"
#include "proto/metainfo.h"

struct resume_file {
	int64_t size;     /* bytes; -1: not there */
	int64_t mtime_ns; /* 0 when not there */
};

/* Which start of the system this is; "" when it does not tell. Content that was
 * not synced is trusted only until the next one: a power cut in between may
 * have kept a file's time and lost its bytes. */
enum { RESUME_BOOT_SIZE = 40 };
void resume_read_boot(char out[RESUME_BOOT_SIZE]);
/* How the files under root look now; pad files are never there. Owned array
 * of m->file_count (free()). */
struct resume_file *resume_look(const struct metainfo *m, const char *root);
/* Sync the content; false when a file's cannot be. */
bool resume_sync(const struct metainfo *m, const char *root);
/* Owned bytes (free()): bencode, versioned. boot: of now, when the content is
 * not synced; NULL: it is. */
uint8_t *resume_encode(const struct bitfield *have, const struct resume_file *files,
                       uint32_t file_count, const char *boot, size_t *size);
/* Reads into have, initialised to the piece count. False: another version,
 * damaged, of another torrent, or files that differ from what is on disk now
 * (files, as resume_look says), or not synced and the system was started anew
 * (boot: now): have is empty then. */
bool resume_decode(struct bytes state, const struct resume_file *files, uint32_t file_count,
                   const char *boot, struct bitfield *have);

#endif
