/* tools/daemon/watch.h: the watch folder: .torrent and .magnet files dropped
 * there are added.
 *
 * A file that was taken is renamed to NAME.added, one that is no torrent and
 * has not changed for WATCH_SETTLE to NAME.invalid; so a file that is still
 * being written is tried again. Everything else (other names, hidden files,
 * links, directories) is left alone. inotify says when to look; a rescan finds
 * what inotify does not see (network mounts). */
#ifndef TOOLS_DAEMON_WATCH_H
#define TOOLS_DAEMON_WATCH_H

#include "proto/bytes.h"

#define WATCH_SETTLE (10 * USEC_PER_SEC)
#define WATCH_SETTLE_MAGNET (2 * USEC_PER_SEC) /* a link without a newline behind it */
#define WATCH_RESCAN (10 * USEC_PER_SEC)

enum {
	WATCH_PENDING_MAX = 256, /* files that could not be taken yet */
	WATCH_REASON_MAX = 512,
};

enum watch_verdict {
	WATCH_TAKEN,   /* added, or there already */
	WATCH_BAD,     /* not a torrent or magnet, as it is now; reason says why */
	WATCH_LATER,   /* it is, but cannot be added now; reason says why */
};

/* content has a NUL behind it. is_magnet: by the name's suffix. */
typedef int watch_taker(void *context, const char *name, struct bytes content, bool is_magnet,
                        char reason[WATCH_REASON_MAX]); /* returns enum watch_verdict */

struct watch;
/* NULL: reason. The directory is made when it is not there. */
struct watch *watch_new(const char *directory, watch_taker *taker, void *context,
                        char reason[WATCH_REASON_MAX]);
void watch_free(struct watch *w);
/* Readable when something happened; -1: there is no inotify, rescans do it. */
int watch_descriptor(const struct watch *w);
/* The descriptor is readable: empty it, then scan. */
void watch_on_readable(struct watch *w, usec now);
/* Look at every file now. */
void watch_scan(struct watch *w, usec now);
/* Once a second: rescans when a file waits or WATCH_RESCAN has passed. */
void watch_on_tick(struct watch *w, usec now);

#endif
