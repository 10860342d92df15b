/* tools/io/disk.h: everything that touches payload files or hashes them, on
 * worker threads. Jobs go in, answers come back on the network thread as
 * session_on_storage and session_on_job.
 *
 * Rules: a torrent's files are below its root and nowhere else (tree.h); pad
 * files are never on disk; empty files are made with the first write, or when
 * the torrent is opened if it has nothing else; files grow as pieces come, so
 * holes stay holes. */
#ifndef TOOLS_IO_DISK_H
#define TOOLS_IO_DISK_H

#include "peer/session.h"

enum {
	DISK_THREADS_MAX = 64,
	DISK_THREADS_MIN = 2,     /* of the default, which is the number of cores */
	DISK_TEXT_MAX = 512,
	DISK_CHECK_BUFFER = 1 << 20, /* bytes that a worker reads for ACT_CHECK at a time */
	DISK_BATCH_MAX = 16,      /* pieces that a worker hashes side by side */
	DISK_BATCH_BYTES_MAX = 64 << 20, /* of them */
	DISK_CHECKS_MAX = 256,    /* see disk_checks_wanted */
	DISK_READAHEAD = 4 << 20,
	DISK_SYNC_STEP = 16 << 20, /* bytes forced to the medium at a time */
	DISK_VIEWS_MAX = 64,      /* chunks of one preadv or pwritev */
	DISK_READS_IN_A_ROW = 8,  /* before a waiting write has its turn */
};

struct loop;
struct disk;
/* threads 0: the default. They start when there is work. session may be NULL
 * when only disk_run is used. */
struct disk *disk_new(struct loop *loop, struct session *session, uint32_t threads);
/* How many checks in flight keep that many workers busy. threads as above. */
uint32_t disk_checks_wanted(uint32_t threads);
/* Jobs not begun are dropped, running ones get that long. False: one is stuck
 * in the system; nothing is freed and the buffers of its job are still in use:
 * the session must not be freed either. */
bool disk_free(struct disk *d, usec patience);

/* The actions. metainfo need not outlive the call; root is copied. Opening
 * again looks again. */
void disk_open(struct disk *d, torrent_id t, const struct metainfo *m, const char *root);
void disk_close(struct disk *d, torrent_id t);
/* ACT_STORE, ACT_WRITE, ACT_READ or ACT_CHECK. A read of what is in the page
 * cache may be answered within the call. */
void disk_submit(struct disk *d, enum action_kind kind, const struct disk_job *job);
/* The torrent is complete: make what empty files are missing, fdatasync. */
void disk_finish(struct disk *d, torrent_id t);

/* We are leaving: what has been written stays written, but nobody waits for the
 * medium any more. */
void disk_hurry(struct disk *d);

/* Blocking work of others (saving a file): work runs on a worker, then done on
 * the network thread. done may be NULL. */
void disk_run(struct disk *d, void (*work)(void *), void (*done)(void *), void *context);
/* Jobs not answered yet, of every kind. */
size_t disk_pending(const struct disk *d);
/* Only of disk_run. */
size_t disk_pending_runs(const struct disk *d);

#endif
