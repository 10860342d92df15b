/* tools/io/disk_job.h: one job of the disk workers, and a torrent's files as
 * they see them. Private to disk.c (queues, threads), disk_hash.c (the hashes)
 * and disk_job.c (the rest of what is done). */
#ifndef TOOLS_IO_DISK_JOB_H
#define TOOLS_IO_DISK_JOB_H

#include <stdatomic.h>

#include "peer/action.h"
#include "peer/storage/layout.h"
#include "proto/metainfo.h"
#include "tools/io/fdcache.h"

enum job_kind {
	JOB_READ,
	JOB_STORE, JOB_WRITE, JOB_OPEN, JOB_FINISH, JOB_CLOSE, JOB_RUN,
	JOB_CHECK,
};

/* A copy of what the workers need: the metainfo is the session's and may go
 * while a job still runs. One block of memory. */
struct storage {
	torrent_id torrent;
	const char *root;
	struct metainfo shape;  /* files, file_count and total alone */
	uint32_t pending;       /* jobs not answered; network thread */
	bool closing;           /* network thread */
	bool only_empty;        /* no byte of payload on disk */
	bool reads_block;       /* the file system knows no RWF_NOWAIT; network thread */
	atomic_bool empties_made;
	atomic_bool *dirty;     /* [file_count]: written since the last sync */
};
struct storage *storage_new(torrent_id t, const struct metainfo *m, const char *root);
void storage_free(struct storage *s);

struct job {
	enum job_kind kind;
	struct storage *storage;  /* borrowed; NULL for JOB_RUN and unknown torrents */
	struct disk_job disk;
	void (*work)(void *), (*done)(void *);
	void *context;            /* JOB_RUN */
	enum disk_result result;
	char *text;               /* owned; set when result is not OK */
	uint64_t *sizes;          /* owned; JOB_OPEN */
	struct job *next;
};
/* What a worker has for itself. */
struct job_tools {
	struct fdcache *files;
	const atomic_bool *hurry; /* see disk_hurry */
	uint8_t *buffer;       /* owned, DISK_CHECK_BUFFER bytes, made at first use */
};
/* JOB_STORE or JOB_CHECK, at most DISK_BATCH_MAX of them: hash the pieces side
 * by side and fail those that are wrong. */
void jobs_hash(struct job *const jobs[], size_t count, struct job_tools *tools);
/* The rest; a job that failed its hash is left as it is. */
void job_perform(struct job *j, struct job_tools *tools);
/* Network thread: fill the chunks from files that are open and in the page
 * cache, without blocking. False: not possible, let a worker do it. */
bool job_read_now(struct storage *s, const struct disk_job *d, struct fdcache *files);
void job_fail(struct job *j, enum disk_result result, const char *text);
/* path NULL: the root itself. Always false. */
bool job_fail_file(struct job *j, const char *path, int error, bool writing);
/* The file ends where the slice does not. Always false. */
bool job_fail_short(struct job *j, const struct layout_slice *slice, uint64_t end);
/* NULL: it has failed. */
struct fdcache_entry *job_open_file(struct job *j, struct job_tools *tools, uint32_t file,
                                    enum tree_mode mode);

#endif
