/* peer/jobs.c: disk jobs in flight. Each holds what its buffers need until the
 * answer comes, also when the torrent has gone meanwhile. */
#include <assert.h>
#include <stdlib.h>

#include "peer/engine.h"
#include "proto/memory.h"

static struct job *job_new(struct session *s, enum job_kind kind, const struct torrent *t,
                           uint32_t piece)
{
	struct job *j = memory_zeroed(1, sizeof *j);
	j->kind = kind;
	j->torrent = t->id;
	j->serial = t->serial;
	j->piece = piece;
	j->id = slots_add(&s->jobs, j);
	return j;
}

static struct disk_job *job_act(struct session *s, enum action_kind kind, const struct torrent *t,
                                const struct job *j)
{
	struct action *a = session_act(s, kind);
	a->torrent = t->id;
	a->job.id = j->id;
	a->job.torrent = t->id;
	a->job.piece = j->piece;
	a->job.offset = (uint64_t)j->piece * t->metainfo->piece_length;
	a->job.length = metainfo_piece_size(t->metainfo, j->piece);
	memcpy(a->job.expected, metainfo_piece_hash(t->metainfo, j->piece), SHA1_SIZE);
	return &a->job;
}

void jobs_store(struct session *s, struct torrent *t, const struct full_piece *full)
{
	struct job *j = job_new(s, JOB_STORE, t, full->piece);
	j->full = *full;
	job_act(s, ACT_STORE, t, j)->chunks = j->full.chunks;
	t->stores_flying++;
}

void jobs_check(struct session *s, struct torrent *t, uint32_t piece)
{
	job_act(s, ACT_CHECK, t, job_new(s, JOB_CHECK, t, piece));
}

void jobs_read(struct session *s, struct torrent *t, struct read_span *span,
               const struct disk_job *filled)
{
	struct job *j = job_new(s, JOB_READ, t, filled->piece);
	struct action *a = session_act(s, ACT_READ);
	span->job = j->id;
	a->torrent = t->id;
	a->job = *filled;
	a->job.id = j->id;
}

static void full_release(struct session *s, struct full_piece *full)
{
	for (uint32_t i = 0; i < full->chunk_count; i++)
		chunk_put(&s->pool, full->chunks[i]);
	free(full->chunks);
}

static void on_stored(struct session *s, struct job *j, const struct disk_done *done, usec now)
{
	struct torrent *t = session_torrent(s, j->torrent);
	if (t != NULL)
		t->stores_flying--;
	if (t == NULL || t->download == NULL || t->serial != j->serial) {
		full_release(s, &j->full);
		return;
	}
	download_on_stored(t->download, &j->full, done->result, now);
	t->refill = true;
	if (done->result == DISK_OK)
		torrent_on_piece(s, t, j->piece, now);
	else if (done->result != DISK_BAD_HASH)
		torrent_fail(s, t, done->result, done->text, now);
	session_stir(s, t);
}

/* A read that failed concerns whoever waits for it; the file is looked at
 * again, since what we said we have is not there. */
static void on_read(struct session *s, struct job *j, const struct disk_done *done, usec now)
{
	span_cache_on_read(&s->spans, j->id, done->result == DISK_OK);
	struct torrent *t = session_torrent(s, j->torrent);
	if (t == NULL)
		return;
	if (done->result != DISK_OK) {
		torrent_fail(s, t, done->result, done->text, now);
		return;
	}
	for (struct peer *p = t->peers; p != NULL; p = p->next)
		if (p->up.count != 0)
			session_touch(s, p);
}

void session_on_job(struct session *s, const struct disk_done *done, usec now)
{
	struct job *j = slots_get(&s->jobs, done->id);
	if (j == NULL)
		return;
	slots_remove(&s->jobs, j->id);
	switch (j->kind) {
	case JOB_STORE:
		on_stored(s, j, done, now);
		break;
	case JOB_READ:
		on_read(s, j, done, now);
		break;
	case JOB_CHECK: {
		struct torrent *t = session_torrent(s, j->torrent);
		if (t != NULL && t->serial == j->serial)
			torrent_on_checked(s, t, j->piece, done->result, done->text, now);
		break;
	}
	}
	free(j);
	session_settle(s, now);
}
