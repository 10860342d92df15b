/* tools/cli/hashing.c: workers take the next piece each, read it in large
 * reads and hash it.
 *
 * The pieces in hand lie side by side, so a disk reads nearly in order. The
 * only shared state is the number of the next piece, the count of bytes, and
 * the first failure; each worker writes its own 20 bytes of the result. */
#include "tools/cli/hashing.h"

#include "proto/hash.h"
#include "proto/memory.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	READ_SIZE = 1 << 20,
	PROGRESS_NSEC = 200 * 1000 * 1000,
};

struct shared {
	const struct hashing *h;
	atomic_uint next_piece;
	_Atomic uint64_t done_bytes;
	atomic_bool stop;
	pthread_mutex_t lock;    /* of what follows */
	pthread_cond_t ended;    /* running changed */
	uint32_t running;
	char *reason;            /* of the first failure; "" before */
};

struct worker {
	struct shared *shared;
	struct hasher *hasher; /* owned */
	uint8_t *buffer;       /* owned, READ_SIZE */
	int fd;                /* owned, -1: none */
	uint32_t file;         /* that fd is of */
};

static bool fail(struct shared *s, uint32_t file, const char *what)
{
	const struct content *c = s->h->content;
	const char *path = c->base != NULL ? c->base : c->files[file].path;

	pthread_mutex_lock(&s->lock);
	if (s->reason[0] == '\0')
		snprintf(s->reason, HASHING_REASON_MAX, "%.400s: %s", path, what);
	pthread_mutex_unlock(&s->lock);
	atomic_store(&s->stop, true);
	return false;
}

static bool open_file(struct worker *w, uint32_t file)
{
	if (w->fd >= 0 && w->file == file)
		return true;
	if (w->fd >= 0)
		close(w->fd);
	w->file = file;
	w->fd = content_open(w->shared->h->content, file);
	if (w->fd >= 0)
		return true;
	return fail(w->shared, file, errno == ESTALE ? "changed while it was read" : strerror(errno));
}

static bool hash_range(struct worker *w, uint32_t file, uint64_t begin, uint64_t size)
{
	struct shared *s = w->shared;

	if (!open_file(w, file))
		return false;
	while (size != 0) {
		const size_t want = size < READ_SIZE ? (size_t)size : READ_SIZE;
		const ssize_t got = pread(w->fd, w->buffer, want, (off_t)begin);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(s, file, strerror(errno));
		if (got == 0)
			return fail(s, file, "became shorter while it was read");
		hasher_update(w->hasher, bytes_of(w->buffer, (size_t)got));
		begin += (uint64_t)got;
		size -= (uint64_t)got;
		atomic_fetch_add_explicit(&s->done_bytes, (uint64_t)got, memory_order_relaxed);
		if (atomic_load_explicit(&s->stop, memory_order_relaxed))
			return false;
	}
	return true;
}

/* The file that holds the byte; empty files hold none. */
static uint32_t file_at(const struct content *c, uint64_t offset)
{
	uint32_t low = 0, high = c->count;

	/* The first file that ends behind offset: ends never decrease. */
	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		if (c->files[middle].offset + c->files[middle].size > offset)
			high = middle;
		else
			low = middle + 1;
	}
	assert(low < c->count);
	return low;
}

static bool hash_piece(struct worker *w, uint32_t piece)
{
	const struct hashing *h = w->shared->h;
	const struct content *c = h->content;
	uint64_t at = (uint64_t)piece * h->piece_length;
	const uint64_t end = c->total - at < h->piece_length ? c->total : at + h->piece_length;

	for (uint32_t i = file_at(c, at); at < end; i++) {
		const struct content_file *f = &c->files[i];
		const uint64_t file_end = f->offset + f->size;
		const uint64_t stop = file_end < end ? file_end : end;
		if (stop == at)
			continue;
		if (!hash_range(w, i, at - f->offset, stop - at))
			return false;
		at = stop;
	}
	hasher_finish(w->hasher, h->pieces + (size_t)piece * SHA1_SIZE);
	return true;
}

static void *run_worker(void *argument)
{
	struct shared *s = argument;
	struct worker w = { .shared = s,
		            .hasher = hasher_new_sha1(),
		            .buffer = memory_alloc(READ_SIZE),
		            .fd = -1 };

	while (!atomic_load(&s->stop)) {
		const uint32_t piece = atomic_fetch_add(&s->next_piece, 1);
		if (piece >= s->h->piece_count || !hash_piece(&w, piece))
			break;
	}
	if (w.fd >= 0)
		close(w.fd);
	free(w.buffer);
	hasher_free(w.hasher);
	pthread_mutex_lock(&s->lock);
	s->running--;
	pthread_cond_signal(&s->ended);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static void report(const struct shared *s)
{
	if (s->h->on_progress != NULL)
		s->h->on_progress(s->h->context, atomic_load(&s->done_bytes));
}

/* The workers may all end between two looks, so the end is told of by itself. */
static void wait_for_workers(struct shared *s)
{
	pthread_mutex_lock(&s->lock);
	while (s->running != 0) {
		struct timespec until;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += PROGRESS_NSEC;
		if (until.tv_nsec >= 1000000000L) {
			until.tv_nsec -= 1000000000L;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&s->ended, &s->lock, &until);
		pthread_mutex_unlock(&s->lock);
		report(s);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	report(s);
}

static void shared_init(struct shared *s, const struct hashing *h, char *reason)
{
	pthread_condattr_t attributes;

	*s = (struct shared){ .h = h, .reason = reason };
	reason[0] = '\0';
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&s->ended, &attributes);
	pthread_condattr_destroy(&attributes);
}

bool hashing_run(const struct hashing *h, char reason[HASHING_REASON_MAX])
{
	struct shared s;
	pthread_t threads[HASHING_THREADS_MAX];
	uint32_t started = 0;

	assert(h->threads >= 1 && h->threads <= HASHING_THREADS_MAX);
	shared_init(&s, h, reason);
	s.running = h->threads;
	for (; started < h->threads; started++) {
		const int error = pthread_create(&threads[started], NULL, run_worker, &s);
		if (error == 0)
			continue;
		pthread_mutex_lock(&s.lock);
		s.running -= h->threads - started;
		if (started == 0)
			snprintf(reason, HASHING_REASON_MAX, "cannot start a thread: %s",
			         strerror(error));
		pthread_mutex_unlock(&s.lock);
		break; /* fewer workers do it too */
	}
	wait_for_workers(&s);
	for (uint32_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	for (uint32_t i = 0; i < h->content->count && reason[0] == '\0'; i++) {
		if (!content_is_unchanged(h->content, i))
			fail(&s, i, "changed while it was read");
	}
	pthread_cond_destroy(&s.ended);
	pthread_mutex_destroy(&s.lock);
	return reason[0] == '\0';
}
