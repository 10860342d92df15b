/* tools/io/disk_hash.c: the hashes of several pieces at a time, from memory or
 * from disk.
 *
 * Pieces on disk are read in turn, a part of each, into one buffer that is
 * small enough to be hashed while it is still in the processor's cache; the
 * kernel has been told before what will be read. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "peer/storage/layout.h"
#include "proto/hash_many.h"
#include "proto/memory.h"
#include "tools/io/disk.h"
#include "tools/io/disk_job.h"

/* The bytes of one job, part by part. */
struct source {
	struct job *job;
	struct job_tools *tools;
	uint64_t at;              /* bytes of the job given so far */
	/* JOB_CHECK */
	struct layout_walk walk;
	struct layout_slice slice;
	uint64_t slice_done;      /* bytes of it */
	uint8_t *buffer;
	size_t buffer_size;
};

/* ---- from memory ---- */

static struct bytes next_chunk(void *context)
{
	struct source *s = context;
	const struct disk_job *d = &s->job->disk;
	const uint64_t left = d->length - s->at;
	const size_t size = left < CHUNK_SIZE ? (size_t)left : CHUNK_SIZE;
	struct bytes chunk = bytes_of(NULL, 0);

	if (size > 0)
		chunk = bytes_of(d->chunks[s->at / CHUNK_SIZE], size);
	s->at += size;
	return chunk;
}

/* ---- from disk ---- */

static struct fdcache_entry *open_file(struct source *s)
{
	return job_open_file(s->job, s->tools, s->slice.file, TREE_READ);
}

/* Tells the kernel what comes next of the slice, so that the disk works while
 * other pieces are read. */
static void announce(const struct source *s, const struct fdcache_entry *e)
{
	const uint64_t left = s->slice.length - s->slice_done;

	if (!e->in_memory)
		(void)posix_fadvise(e->fd, (off_t)(s->slice.offset + s->slice_done),
		                    (off_t)(left < DISK_READAHEAD ? left : DISK_READAHEAD),
		                    POSIX_FADV_WILLNEED);
}

/* Up to size bytes of the slice; returns how many, 0 when it failed. */
static size_t read_slice(struct source *s, uint8_t *out, size_t size)
{
	const char *path = s->job->storage->shape.files[s->slice.file].path;
	struct fdcache_entry *e = open_file(s);
	ssize_t n;

	if (e == NULL)
		return 0;
	if (s->slice_done > 0 && s->slice_done % DISK_READAHEAD < size)
		announce(s, e);
	do
		n = pread(e->fd, out, size, (off_t)(s->slice.offset + s->slice_done));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		job_fail_file(s->job, path, errno, false);
	else if (n == 0)
		job_fail_short(s->job, &s->slice, s->slice.offset + s->slice_done);
	fdcache_put(s->tools->files, e, n <= 0);
	return n > 0 ? (size_t)n : 0;
}

/* A pad file is not on disk, it is zeroes. */
static size_t fill(struct source *s, uint8_t *out, size_t size)
{
	const uint64_t left = s->slice.length - s->slice_done;

	if (left < size)
		size = (size_t)left;
	if (s->job->storage->shape.files[s->slice.file].pad)
		memset(out, 0, size);
	else
		size = read_slice(s, out, size);
	s->slice_done += size;
	return size;
}

/* A failed job has no more bytes. */
static struct bytes next_read(void *context)
{
	struct source *s = context;
	size_t size = 0, some;

	/* Nobody waits for a check any more when we are leaving. */
	if (atomic_load_explicit(s->tools->hurry, memory_order_relaxed))
		job_fail(s->job, DISK_FAILED, "stopping");
	while (s->job->result == DISK_OK && size < s->buffer_size) {
		if (s->slice_done == s->slice.length) {
			if (!layout_walk_next(&s->walk, &s->slice))
				break;
			s->slice_done = 0;
		}
		some = fill(s, s->buffer + size, s->buffer_size - size);
		size += some;
	}
	return bytes_of(s->buffer, s->job->result == DISK_OK ? size : 0);
}

static void begin_reading(struct source *s, uint8_t *buffer, size_t size)
{
	const struct disk_job *d = &s->job->disk;
	struct fdcache_entry *e;

	s->buffer = buffer;
	s->buffer_size = size;
	layout_walk_init(&s->walk, &s->job->storage->shape, d->offset, d->length);
	if (!layout_walk_next(&s->walk, &s->slice) ||
	    s->job->storage->shape.files[s->slice.file].pad)
		return;
	e = open_file(s);
	if (e == NULL)
		return;
	announce(s, e);
	fdcache_put(s->tools->files, e, false);
}

/* ---- together ---- */

static void begin(struct source *s, size_t index, size_t count)
{
	struct job_tools *tools = s->tools;
	const size_t part = DISK_CHECK_BUFFER / count & ~(size_t)4095;

	if (s->job->kind != JOB_CHECK)
		return;
	if (tools->buffer == NULL)
		tools->buffer = memory_alloc(DISK_CHECK_BUFFER);
	begin_reading(s, tools->buffer + index * part, part);
}

void jobs_hash(struct job *const jobs[], size_t count, struct job_tools *tools)
{
	struct source sources[DISK_BATCH_MAX];
	struct hash_lane lanes[DISK_BATCH_MAX];
	size_t i;

	for (i = 0; i < count; i++) {
		sources[i] = (struct source){ .job = jobs[i], .tools = tools };
		lanes[i] = (struct hash_lane){
			.next = jobs[i]->kind == JOB_CHECK ? next_read : next_chunk,
			.context = &sources[i],
		};
		begin(&sources[i], i, count);
	}
	hash_many_sha1(lanes, count);
	for (i = 0; i < count; i++)
		if (jobs[i]->result == DISK_OK &&
		    memcmp(lanes[i].digest, jobs[i]->disk.expected, SHA1_SIZE) != 0)
			job_fail(jobs[i], DISK_BAD_HASH,
			         jobs[i]->kind == JOB_CHECK
			                 ? "the piece on disk does not match its hash"
			                 : "the piece does not match its hash");
}
