/* tools/io/disk.c: the queues between the network thread and the workers.
 *
 * What the page cache holds is read at once, without any hand-over: to a thread
 * and back costs as much as the copy, which leaves the bytes in another core's
 * cache. A worker takes jobs under the lock (disk_queue.h), does them, and puts
 * them on the list of answers; the first of a batch of answers wakes the
 * network thread through one eventfd.
 *
 * Who touches what: storage.pending, storage.closing, the free list and the
 * map of torrents belong to the network thread; the queues and the answers to
 * the lock; a job to whoever holds it. A storage lives until its last job has
 * been answered. */
#include "tools/io/disk.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "proto/hash_many.h"
#include "proto/memory.h"
#include "tools/io/disk_job.h"
#include "tools/io/disk_queue.h"
#include "tools/io/idmap.h"
#include "tools/io/loop.h"

struct disk {
	struct loop *loop;
	struct session *session;
	/* Network thread. */
	struct idmap storages;     /* torrent_id -> struct storage */
	struct job *unused;        /* jobs to use again */
	size_t pending, pending_runs;
	uint32_t threads_max;
	size_t batch_max;
	struct event answered;
	int wake_fd;
	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t work, ended;
	struct disk_queues waiting;
	struct job *answers, **answers_end;
	uint32_t threads, idle;
	bool stopping;
	/* Workers. */
	struct fdcache files;
	atomic_bool hurry;
};

/* ---- workers ---- */

/* True: the network thread has to be woken. */
static bool put_answer(struct disk *d, struct job *j)
{
	const bool first = d->answers == NULL;

	j->next = NULL;
	*d->answers_end = j;
	d->answers_end = &j->next;
	return first;
}

/* The event is edge-triggered: nobody reads the counter. */
static void wake_network(struct disk *d)
{
	const uint64_t one = 1;

	/* Cannot fail but by overflow, which takes 2^64 of them. */
	if (write(d->wake_fd, &one, sizeof(one)) < 0)
		assert(errno == EAGAIN);
}

static void put_answers(struct disk *d, struct job *const jobs[], size_t count)
{
	bool wake = false;
	size_t i;

	pthread_mutex_lock(&d->lock);
	for (i = 0; i < count; i++)
		wake |= put_answer(d, jobs[i]);
	pthread_mutex_unlock(&d->lock);
	if (wake)
		wake_network(d);
}

/* Without the lock. A piece is answered as soon as it is written: its memory
 * is waited for. */
static void perform(struct disk *d, struct job *const jobs[], size_t count,
                    struct job_tools *tools)
{
	const bool at_once = jobs[0]->kind != JOB_CHECK;
	size_t i;

	if (job_is_hashed(jobs[0]->kind))
		jobs_hash(jobs, count, tools);
	for (i = 0; i < count; i++) {
		job_perform(jobs[i], tools);
		if (at_once)
			put_answers(d, &jobs[i], 1);
	}
	if (!at_once)
		put_answers(d, jobs, count);
}

static void *worker(void *context)
{
	struct disk *d = context;
	struct job_tools tools = { .files = &d->files, .hurry = &d->hurry };
	struct job *jobs[DISK_BATCH_MAX];
	size_t count;

	pthread_mutex_lock(&d->lock);
	while (!d->stopping) {
		count = disk_queues_take(&d->waiting, jobs, d->threads_max - d->threads + d->idle,
		                         d->batch_max);
		if (count == 0) {
			d->idle++;
			pthread_cond_wait(&d->work, &d->lock);
			d->idle--;
			continue;
		}
		pthread_mutex_unlock(&d->lock);
		perform(d, jobs, count, &tools);
		pthread_mutex_lock(&d->lock);
	}
	d->threads--;
	pthread_cond_signal(&d->ended);
	pthread_mutex_unlock(&d->lock);
	free(tools.buffer);
	return NULL;
}

/* Signals are the network thread's. */
static bool start_thread(struct disk *d)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	error = pthread_create(&thread, &attributes, worker, d);
	pthread_attr_destroy(&attributes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0;
}

/* ---- in ---- */

static struct job *job_new(struct disk *d, enum job_kind kind, struct storage *s)
{
	struct job *j = d->unused;

	if (j != NULL)
		d->unused = j->next;
	else
		j = memory_alloc(sizeof(*j));
	*j = (struct job){ .kind = kind, .storage = s, .result = DISK_OK };
	d->pending++;
	if (s != NULL)
		s->pending++;
	return j;
}

/* The worker is woken when the lock is free again: else it would wake only to
 * wait for it. */
static void submit(struct disk *d, struct job *j)
{
	bool wake;

	pthread_mutex_lock(&d->lock);
	disk_queues_put(&d->waiting, j);
	wake = d->idle > 0;
	/* A thread that has been woken for an earlier job still counts as idle. */
	if (d->threads < d->threads_max && d->waiting.count > d->idle && start_thread(d))
		d->threads++;
	if (d->threads == 0) {
		(void)fprintf(stderr, "shoal: cannot start a disk thread\n");
		abort();
	}
	pthread_mutex_unlock(&d->lock);
	if (wake)
		pthread_cond_signal(&d->work);
}

static struct storage *storage_of(const struct disk *d, torrent_id t)
{
	return idmap_pointer(&d->storages, t);
}

/* Once no job uses it, its files are closed (which may block) by a last job;
 * with that one answered it is freed. */
static void storage_let_go(struct disk *d, struct storage *s)
{
	if (s->closing && s->pending == 0)
		submit(d, job_new(d, JOB_CLOSE, s));
}

void disk_close(struct disk *d, torrent_id t)
{
	struct storage *s = storage_of(d, t);

	if (s == NULL)
		return;
	idmap_remove(&d->storages, t);
	s->closing = true;
	storage_let_go(d, s);
}

void disk_open(struct disk *d, torrent_id t, const struct metainfo *m, const char *root)
{
	struct storage *s;

	disk_close(d, t);
	s = storage_new(t, m, root);
	idmap_set_pointer(&d->storages, t, s);
	submit(d, job_new(d, JOB_OPEN, s));
}

static enum job_kind kind_of(enum action_kind kind)
{
	switch ((int)kind) {
	case ACT_READ: return JOB_READ;
	case ACT_WRITE: return JOB_WRITE;
	case ACT_CHECK: return JOB_CHECK;
	default: assert(kind == ACT_STORE); return JOB_STORE;
	}
}

void disk_submit(struct disk *d, enum action_kind kind, const struct disk_job *job)
{
	struct storage *s = storage_of(d, job->torrent);
	bool wake;
	struct job *j;

	if (kind == ACT_READ && s != NULL && job_read_now(s, job, &d->files)) {
		session_on_job(d->session, &(struct disk_done){ .id = job->id, .result = DISK_OK },
		               loop_now());
		return;
	}
	j = job_new(d, kind_of(kind), s);
	j->disk = *job;
	if (s != NULL) {
		submit(d, j);
		return;
	}
	job_fail(j, DISK_FAILED, "the torrent's storage is not open");
	pthread_mutex_lock(&d->lock);
	wake = put_answer(d, j);
	pthread_mutex_unlock(&d->lock);
	if (wake)
		wake_network(d);
}

void disk_finish(struct disk *d, torrent_id t)
{
	struct storage *s = storage_of(d, t);

	if (s != NULL)
		submit(d, job_new(d, JOB_FINISH, s));
}

void disk_hurry(struct disk *d)
{
	atomic_store(&d->hurry, true);
}

void disk_run(struct disk *d, void (*work)(void *), void (*done)(void *), void *context)
{
	struct job *j = job_new(d, JOB_RUN, NULL);

	j->work = work;
	j->done = done;
	j->context = context;
	d->pending_runs++;
	submit(d, j);
}

size_t disk_pending(const struct disk *d)
{
	return d->pending;
}

size_t disk_pending_runs(const struct disk *d)
{
	return d->pending_runs;
}

/* ---- out ---- */

static void tell(struct disk *d, const struct job *j)
{
	const struct disk_done done = { j->disk.id, j->result, j->text };
	const struct storage_found found = { j->result, j->text, j->sizes };

	switch (j->kind) {
	case JOB_OPEN:
		/* Not when it was closed or opened anew meanwhile. */
		if (storage_of(d, j->storage->torrent) == j->storage)
			session_on_storage(d->session, j->storage->torrent, &found, loop_now());
		break;
	case JOB_RUN:
		d->pending_runs--;
		if (j->done != NULL)
			j->done(j->context);
		break;
	case JOB_READ:
	case JOB_STORE:
	case JOB_WRITE:
	case JOB_CHECK:
		session_on_job(d->session, &done, loop_now());
		break;
	case JOB_FINISH:
	case JOB_CLOSE:
		break;
	}
}

static void job_recycle(struct disk *d, struct job *j)
{
	free(j->text);
	free(j->sizes);
	*j = (struct job){ .next = d->unused };
	d->unused = j;
}

static void answer(struct disk *d, struct job *j)
{
	struct storage *s = j->storage;

	d->pending--;
	if (s != NULL)
		s->pending--;
	tell(d, j);
	if (j->kind == JOB_CLOSE)
		storage_free(s);
	else if (s != NULL)
		storage_let_go(d, s);
	job_recycle(d, j);
}

static void answers_ready(evutil_socket_t fd, short what, void *context)
{
	struct disk *d = context;
	struct job *j, *next;

	(void)fd;
	(void)what;
	pthread_mutex_lock(&d->lock);
	j = d->answers;
	d->answers = NULL;
	d->answers_end = &d->answers;
	pthread_mutex_unlock(&d->lock);
	for (; j != NULL; j = next) {
		next = j->next;
		answer(d, j);
	}
	loop_settle(d->loop);
}

/* ---- life ---- */

static uint32_t default_threads(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (cores < DISK_THREADS_MIN)
		return DISK_THREADS_MIN;
	return cores > DISK_THREADS_MAX ? DISK_THREADS_MAX : (uint32_t)cores;
}

static uint32_t threads_of(uint32_t asked)
{
	if (asked == 0)
		return default_threads();
	return asked > DISK_THREADS_MAX ? DISK_THREADS_MAX : asked;
}

static size_t batch_best(void)
{
	const size_t best = hash_many_best();

	return best < DISK_BATCH_MAX ? best : DISK_BATCH_MAX;
}

/* A batch in hand and one in the queue for each. */
uint32_t disk_checks_wanted(uint32_t threads)
{
	const uint32_t wanted = 2 * threads_of(threads) * (uint32_t)batch_best();

	return wanted < DISK_CHECKS_MAX ? wanted : DISK_CHECKS_MAX;
}

struct disk *disk_new(struct loop *loop, struct session *session, uint32_t threads)
{
	struct disk *d = memory_zeroed(1, sizeof(*d));
	pthread_condattr_t attributes;

	d->loop = loop;
	d->session = session;
	d->threads_max = threads_of(threads);
	d->batch_max = batch_best();
	d->answers_end = &d->answers;
	disk_queues_init(&d->waiting);
	d->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (d->wake_fd < 0) {
		(void)fprintf(stderr, "shoal: eventfd: %s\n", strerror(errno));
		abort();
	}
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->work, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&d->ended, &attributes);
	pthread_condattr_destroy(&attributes);
	fdcache_init(&d->files);
	event_assign(&d->answered, loop->base, d->wake_fd, EV_READ | EV_PERSIST | EV_ET, answers_ready,
	             d);
	event_add(&d->answered, NULL);
	return d;
}

static bool end_threads(struct disk *d, usec patience)
{
	struct timespec until;
	bool ended;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(patience / USEC_PER_SEC);
	until.tv_nsec += (long)(patience % USEC_PER_SEC) * 1000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&d->lock);
	d->stopping = true;
	disk_hurry(d);
	pthread_cond_broadcast(&d->work);
	while (d->threads > 0)
		if (pthread_cond_timedwait(&d->ended, &d->lock, &until) != 0)
			break;
	ended = d->threads == 0;
	pthread_mutex_unlock(&d->lock);
	return ended;
}

static void jobs_free(struct job *j, struct idmap *storages)
{
	struct job *next;

	for (; j != NULL; j = next) {
		next = j->next;
		/* Storages on their way out are known to their jobs alone. */
		if (j->storage != NULL)
			idmap_set_pointer(storages, (uint64_t)(uintptr_t)j->storage, j->storage);
		free(j->text);
		free(j->sizes);
		free(j);
	}
}

bool disk_free(struct disk *d, usec patience)
{
	struct idmap storages = { 0 };
	struct idmap_entry entry;
	struct storage *s;
	int i;

	if (d == NULL)
		return true;
	event_del(&d->answered);
	if (!end_threads(d, patience))
		return false;
	for (i = 0; i < DISK_QUEUES; i++)
		jobs_free(d->waiting.queues[i].first, &storages);
	jobs_free(d->answers, &storages);
	jobs_free(d->unused, &storages);
	while (idmap_any(&d->storages, &entry)) {
		s = (struct storage *)(uintptr_t)entry.value;
		idmap_remove(&d->storages, entry.id);
		idmap_set_pointer(&storages, (uint64_t)(uintptr_t)s, s);
	}
	while (idmap_any(&storages, &entry)) {
		idmap_remove(&storages, entry.id);
		storage_free((struct storage *)(uintptr_t)entry.value);
	}
	idmap_deinit(&storages);
	idmap_deinit(&d->storages);
	fdcache_deinit(&d->files);
	close(d->wake_fd);
	free(d);
	return true;
}
