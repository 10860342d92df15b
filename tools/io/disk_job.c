/* tools/io/disk_job.c: what a worker does with a job.
 *
 * A piece is hashed from memory before anything of it is written: bad data
 * never reaches the disk. It is written once, in runs as long as its files
 * allow. Every failure names the file and gives the system's reason. */
#include "tools/io/disk_job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "peer/storage/layout.h"
#include "proto/memory.h"
#include "tools/io/disk.h"

/* ---- storage ---- */

struct storage *storage_new(torrent_id t, const struct metainfo *m, const char *root)
{
	const size_t root_size = strlen(root) + 1;
	size_t paths = 0, files_at = sizeof(struct storage), dirty_at, text_at;
	struct storage *s;
	char *text;
	uint32_t i;

	for (i = 0; i < m->file_count; i++)
		paths += strlen(m->files[i].path) + 1;
	dirty_at = files_at + m->file_count * sizeof(struct metainfo_file);
	text_at = dirty_at + m->file_count * sizeof(atomic_bool);
	s = memory_zeroed(1, text_at + root_size + paths);
	s->torrent = t;
	s->shape.files = (struct metainfo_file *)((uint8_t *)s + files_at);
	s->dirty = (atomic_bool *)((uint8_t *)s + dirty_at);
	text = (char *)s + text_at;
	s->root = memcpy(text, root, root_size);
	text += root_size;
	s->shape.file_count = m->file_count;
	s->shape.total = m->total;
	s->shape.piece_length = m->piece_length;
	s->shape.piece_count = m->piece_count;
	s->only_empty = true;
	for (i = 0; i < m->file_count; i++) {
		const size_t size = strlen(m->files[i].path) + 1;

		s->shape.files[i] = m->files[i];
		s->shape.files[i].path = memcpy(text, m->files[i].path, size);
		text += size;
		s->only_empty &= m->files[i].length == 0 || m->files[i].pad;
	}
	return s;
}

void storage_free(struct storage *s)
{
	free(s);
}

/* ---- failing ---- */

void job_fail(struct job *j, enum disk_result result, const char *text)
{
	j->result = result;
	if (j->text == NULL)
		j->text = memory_copy_text(text);
}

static enum disk_result result_of(int error, bool writing)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT: return DISK_FULL;
	case EACCES:
	case EPERM:
	case EROFS: return DISK_DENIED;
	case ENOENT:
	case ENOTDIR: return writing ? DISK_FAILED : DISK_MISSING;
	default: return DISK_FAILED;
	}
}

bool job_fail_file(struct job *j, const char *path, int error, bool writing)
{
	const char *root = j->storage->root;
	const size_t root_size = strlen(root);
	const bool slash = path != NULL && (root_size == 0 || root[root_size - 1] != '/');
	char text[DISK_TEXT_MAX];

	(void)snprintf(text, sizeof(text), "%.200s%s%.200s: %s", root, slash ? "/" : "",
	               path == NULL ? "" : path, tree_reason(error));
	job_fail(j, result_of(error, writing), text);
	return false;
}

bool job_fail_short(struct job *j, const struct layout_slice *slice, uint64_t end)
{
	char text[DISK_TEXT_MAX];

	(void)snprintf(text, sizeof(text), "%.200s/%.200s: ends at byte %llu of %llu", j->storage->root,
	               j->storage->shape.files[slice->file].path, (unsigned long long)end,
	               (unsigned long long)j->storage->shape.files[slice->file].length);
	job_fail(j, DISK_MISSING, text);
	return false;
}

/* ---- bytes ---- */

struct fdcache_entry *job_open_file(struct job *j, struct job_tools *tools, uint32_t file,
                                    enum tree_mode mode)
{
	const struct metainfo_file *f = &j->storage->shape.files[file];
	const struct fdcache_ask ask = {
		.owner = j->storage, .file = file, .root = j->storage->root, .path = f->path,
		.mode = mode, .executable = f->executable, .fresh = j->kind == JOB_CHECK,
	};
	struct fdcache_entry *e = fdcache_get(tools->files, &ask);

	if (e == NULL)
		job_fail_file(j, f->path, errno, mode == TREE_CREATE);
	return e;
}

/* The job's bytes [at, at + length) as views of its chunks; returns how many,
 * *bytes what they hold. */
static int gather(const struct disk_job *d, uint64_t at, uint64_t length,
                  struct iovec views[DISK_VIEWS_MAX], uint64_t *bytes)
{
	int count = 0;

	*bytes = 0;
	while (*bytes < length && count < DISK_VIEWS_MAX) {
		const size_t within = (size_t)((at + *bytes) % CHUNK_SIZE);
		const uint64_t room = CHUNK_SIZE - within, left = length - *bytes;
		const size_t size = (size_t)(left < room ? left : room);

		views[count++] = (struct iovec){ d->chunks[(at + *bytes) / CHUNK_SIZE] + within, size };
		*bytes += size;
	}
	return count;
}

/* One slice of one file between disk and chunks; at: of its first byte within
 * the job. */
static bool move_slice(struct job *j, struct job_tools *tools, const struct layout_slice *slice,
                       uint64_t at)
{
	const bool writing = j->kind != JOB_READ;
	struct fdcache_entry *e = job_open_file(j, tools, slice->file, writing ? TREE_CREATE : TREE_READ);
	struct iovec views[DISK_VIEWS_MAX];
	uint64_t done = 0, bytes;
	bool good = true;
	ssize_t n;

	if (e == NULL)
		return false;
	while (good && done < slice->length) {
		const int count = gather(&j->disk, at + done, slice->length - done, views, &bytes);
		const off_t offset = (off_t)(slice->offset + done);

		n = writing ? pwritev(e->fd, views, count, offset) : preadv(e->fd, views, count, offset);
		if (n > 0)
			done += (uint64_t)n;
		else if (n == 0)
			good = writing ? job_fail_file(j, j->storage->shape.files[slice->file].path, EIO, true)
			               : job_fail_short(j, slice, slice->offset + done);
		else if (errno != EINTR)
			good = job_fail_file(j, j->storage->shape.files[slice->file].path, errno, writing);
	}
	if (writing)
		atomic_store_explicit(&j->storage->dirty[slice->file], true, memory_order_relaxed);
	fdcache_put(tools->files, e, !good);
	return good;
}

/* A pad file reads as zeroes, and what is written to it is nowhere kept. */
static void zero_slice(const struct disk_job *d, uint64_t at, uint64_t length)
{
	struct iovec views[DISK_VIEWS_MAX];
	uint64_t done = 0, bytes;
	int i, count;

	while (done < length) {
		count = gather(d, at + done, length - done, views, &bytes);
		for (i = 0; i < count; i++)
			memset(views[i].iov_base, 0, views[i].iov_len);
		done += bytes;
	}
}

static bool move(struct job *j, struct job_tools *tools)
{
	const struct metainfo *m = &j->storage->shape;
	struct layout_walk walk;
	struct layout_slice slice;
	uint64_t at = 0;

	layout_walk_init(&walk, m, j->disk.offset, j->disk.length);
	while (layout_walk_next(&walk, &slice)) {
		if (!m->files[slice.file].pad) {
			if (!move_slice(j, tools, &slice, at))
				return false;
		} else if (j->kind == JOB_READ) {
			zero_slice(&j->disk, at, slice.length);
		}
		at += slice.length;
	}
	return true;
}

/* A short read means that the rest is not in the cache: all or nothing. */
static bool read_slice_now(struct storage *s, const struct disk_job *d, struct fdcache *files,
                           const struct layout_slice *slice, uint64_t at)
{
	struct fdcache_entry *e = fdcache_peek(files, s, slice->file);
	struct iovec views[DISK_VIEWS_MAX];
	uint64_t bytes;
	ssize_t n;
	int count;

	if (e == NULL)
		return false;
	count = gather(d, at, slice->length, views, &bytes);
	n = preadv2(e->fd, views, count, (off_t)slice->offset,
	            e->in_memory ? 0 : RWF_NOWAIT);
	if (n < 0 && (errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS))
		s->reads_block = true;
	fdcache_put(files, e, false);
	return n >= 0 && (uint64_t)n == slice->length;
}

bool job_read_now(struct storage *s, const struct disk_job *d, struct fdcache *files)
{
	struct layout_walk walk;
	struct layout_slice slice;
	uint64_t at = 0;

	if (s->reads_block)
		return false;
	layout_walk_init(&walk, &s->shape, d->offset, d->length);
	while (layout_walk_next(&walk, &slice)) {
		if (s->shape.files[slice.file].pad)
			zero_slice(d, at, slice.length);
		else if (!read_slice_now(s, d, files, &slice, at))
			return false;
		at += slice.length;
	}
	return true;
}

/* ---- empty files ---- */

/* Before the first byte of payload, so that data on disk implies they are
 * there, whatever happens in between. */
static bool make_empties(struct job *j)
{
	struct storage *s = j->storage;
	uint32_t i;
	int root, fd;

	if (atomic_exchange(&s->empties_made, true))
		return true;
	root = tree_open_root(s->root, true);
	if (root < 0) {
		atomic_store(&s->empties_made, false);
		return job_fail_file(j, NULL, errno, true);
	}
	for (i = 0; i < s->shape.file_count; i++) {
		const struct metainfo_file *f = &s->shape.files[i];

		if (f->length != 0 || f->pad)
			continue;
		fd = tree_open_file(root, f->path, TREE_CREATE, f->executable);
		if (fd < 0) {
			job_fail_file(j, f->path, errno, true);
			atomic_store(&s->empties_made, false);
			break;
		}
		close(fd);
	}
	close(root);
	return i == s->shape.file_count;
}

/* ---- the kinds ---- */

/* Absent files have size 0; what cannot be a file of ours is a failure. */
static bool look_at_files(struct job *j, int root)
{
	const struct metainfo *m = &j->storage->shape;
	uint32_t i;

	for (i = 0; i < m->file_count; i++) {
		if (m->files[i].pad)
			j->sizes[i] = m->files[i].length;
		else if (root >= 0 && !tree_file_size(root, m->files[i].path, &j->sizes[i]) &&
		         errno != ENOENT && errno != ENOTDIR)
			return job_fail_file(j, m->files[i].path, errno, false);
	}
	return true;
}

static void perform_open(struct job *j)
{
	int root = tree_open_root(j->storage->root, false);

	j->sizes = memory_zeroed(j->storage->shape.file_count + 1, sizeof(*j->sizes));
	if (root < 0 && errno != ENOENT) {
		job_fail_file(j, NULL, errno, false);
		return;
	}
	look_at_files(j, root);
	if (root >= 0)
		close(root);
	if (j->result == DISK_OK && j->storage->only_empty)
		make_empties(j);
}

/* In steps, because nothing can interrupt an fdatasync of many gigabytes, and
 * a process cannot end before it. The last one finds little left to write. */
static void sync_file(int fd, uint64_t length, const atomic_bool *hurry)
{
	uint64_t at;

	for (at = 0; at < length && !atomic_load(hurry); at += DISK_SYNC_STEP)
		(void)sync_file_range(fd, (off_t)at, DISK_SYNC_STEP,
		                      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
		                              SYNC_FILE_RANGE_WAIT_AFTER);
	if (!atomic_load(hurry))
		(void)fdatasync(fd);
}

static void sync_files(struct storage *s, int root, const atomic_bool *hurry)
{
	uint32_t i;
	int fd;

	for (i = 0; i < s->shape.file_count && !atomic_load(hurry); i++) {
		if (!atomic_exchange(&s->dirty[i], false))
			continue;
		fd = tree_open_file(root, s->shape.files[i].path, TREE_READ, false);
		if (fd < 0)
			continue;
		sync_file(fd, s->shape.files[i].length, hurry);
		close(fd);
		tree_sync_parent(root, s->shape.files[i].path);
	}
}

/* Best effort: the pieces are verified and in place. A seed whose directory
 * may not be written to is no worse off without its empty files. */
static void perform_finish(struct job *j, const atomic_bool *hurry)
{
	int root;

	make_empties(j);
	root = tree_open_root(j->storage->root, false);
	if (root < 0)
		return;
	sync_files(j->storage, root, hurry);
	close(root);
}

void job_perform(struct job *j, struct job_tools *tools)
{
	switch (j->kind) {
	case JOB_READ: move(j, tools); break;
	case JOB_STORE:
	case JOB_WRITE:
		if (j->result == DISK_OK && make_empties(j))
			move(j, tools);
		break;
	case JOB_CHECK: break; /* that was the hash */
	case JOB_OPEN: perform_open(j); break;
	case JOB_FINISH: perform_finish(j, tools->hurry); break;
	case JOB_CLOSE: fdcache_drop(tools->files, j->storage); break;
	case JOB_RUN: j->work(j->context); break;
	}
}
