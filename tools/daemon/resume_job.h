/* tools/daemon/resume_job.h: writing one resume file, on a worker thread or at
 * the end: it reads the torrent from the state directory again and borrows
 * nothing from the session. */
#ifndef TOOLS_DAEMON_RESUME_JOB_H
#define TOOLS_DAEMON_RESUME_JOB_H

#include "proto/bitfield.h"
#include "tools/daemon/state_dir.h"

struct resume_job {
	const struct state_dir *store; /* borrowed */
	uint8_t info_hash[SHA1_SIZE];
	char *root;                    /* owned */
	struct bitfield have;          /* owned: a copy */
	bool sync;                     /* the content first; takes as long as the disk does */
	bool good;                     /* afterwards; otherwise reason */
	char reason[FILES_REASON_MAX];
	void *owner;                   /* for who waits for it */
	uint64_t torrent;
};

struct resume_job *resume_job_new(const struct state_dir *store,
                                  const uint8_t info_hash[SHA1_SIZE], const char *root,
                                  const struct bitfield *have, bool sync);
void resume_job_free(struct resume_job *j);
/* job: struct resume_job *. */
void resume_job_work(void *job);

#endif
