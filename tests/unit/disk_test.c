/* Tests of tools/io/disk.c and disk_job.c, against a session that only writes
 * down what it is told. */
#include "tools/io/disk.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "proto/memory.h"
#include "proto/rng.h"
#include "tests/unit/temporary.h"
#include "tools/io/loop.h"

enum { JOBS_MAX = 4096, FILES_MAX = 64, TORRENT = 9 };

/* ---- the session's side ---- */

static struct {
	uint32_t jobs, storages;
	enum disk_result result[JOBS_MAX], storage_result;
	char text[DISK_TEXT_MAX];
	uint64_t sizes[FILES_MAX];
} told;
static uint32_t file_count;

void session_on_job(struct session *s, const struct disk_done *done, usec now)
{
	(void)s;
	(void)now;
	cr_assert(done->id > 0 && done->id < JOBS_MAX);
	cr_assert_eq(done->text == NULL, done->result == DISK_OK);
	told.jobs++;
	told.result[done->id] = done->result;
	if (done->text != NULL)
		(void)snprintf(told.text, sizeof(told.text), "%s", done->text);
}

void session_on_storage(struct session *s, torrent_id t, const struct storage_found *found,
                        usec now)
{
	(void)s;
	(void)now;
	cr_assert_eq(t, TORRENT);
	told.storages++;
	told.storage_result = found->result;
	memcpy(told.sizes, found->sizes, file_count * sizeof(told.sizes[0]));
	if (found->text != NULL)
		(void)snprintf(told.text, sizeof(told.text), "%s", found->text);
}

/* ---- a torrent ---- */

static struct temporary dir;
static struct loop loop;
static struct disk *disk;
static struct metainfo_file files[FILES_MAX];
static struct metainfo shape;
static uint8_t *payload;
static uint8_t **chunks;
static job_id last_job;

static void begin(void)
{
	temporary_init(&dir);
	loop_init(&loop);
	disk = disk_new(&loop, NULL, 0);
	shape = (struct metainfo){ .files = files };
}

static void end(void)
{
	uint64_t i;

	cr_assert(disk_free(disk, 10 * USEC_PER_SEC));
	loop_deinit(&loop);
	for (i = 0; chunks != NULL && i * CHUNK_SIZE < shape.total; i++)
		free(chunks[i]);
	free(chunks);
	free(payload);
	temporary_deinit(&dir);
}

TestSuite(disk, .init = begin, .fini = end);

static void add_file(const char *path, uint64_t length, bool pad)
{
	files[file_count] = (struct metainfo_file){ path, length, shape.total, pad, false };
	shape.total += length;
	shape.file_count = ++file_count;
}

/* Random bytes, zeroes in the pad files; in one piece, cut into chunks. */
static void fill(void)
{
	struct rng rng;
	uint64_t i, size;
	uint32_t f;

	rng_init_number(&rng, 3, 0);
	payload = memory_alloc(shape.total);
	rng_fill(&rng, payload, shape.total);
	for (f = 0; f < file_count; f++)
		if (files[f].pad)
			memset(payload + files[f].offset, 0, files[f].length);
	chunks = memory_zeroed(shape.total / CHUNK_SIZE + 1, sizeof(*chunks));
	for (i = 0; i < shape.total; i += CHUNK_SIZE) {
		size = shape.total - i < CHUNK_SIZE ? shape.total - i : CHUNK_SIZE;
		chunks[i / CHUNK_SIZE] = memory_copy(payload + i, size);
	}
}

static void wait_idle(void)
{
	while (disk_pending(disk) > 0)
		event_base_loop(loop.base, EVLOOP_ONCE);
}

static void open_storage(void)
{
	disk_open(disk, TORRENT, &shape, dir.path);
	wait_idle();
}

/* offset is a multiple of CHUNK_SIZE. */
static job_id submit(enum action_kind kind, uint64_t offset, uint64_t length)
{
	struct disk_job job = { .id = ++last_job, .torrent = TORRENT, .offset = offset,
		                .length = (uint32_t)length };

	job.chunks = kind == ACT_CHECK ? NULL : chunks + offset / CHUNK_SIZE;
	sha1(bytes_of(payload + offset, length), job.expected);
	disk_submit(disk, kind, &job);
	return job.id;
}

static enum disk_result perform(enum action_kind kind, uint64_t offset, uint64_t length)
{
	job_id id = submit(kind, offset, length);

	wait_idle();
	return told.result[id];
}

static void assert_file(const char *name, uint64_t offset, uint64_t length)
{
	int fd = open(temporary_path(&dir, name), O_RDONLY);
	uint8_t *bytes = memory_alloc(length + 1);

	cr_assert_geq(fd, 0, "%s", name);
	cr_assert_eq(read(fd, bytes, length + 1), (ssize_t)length, "%s", name);
	cr_assert_eq(memcmp(bytes, payload + offset, length), 0, "%s", name);
	free(bytes);
	close(fd);
}

/* Directories, empty files in front, between and behind, a pad file, a piece
 * over all of it. */
static void many_files(void)
{
	add_file("t/empty0", 0, false);
	add_file("t/a/one", 100000, false);
	add_file("t/empty1", 0, false);
	add_file("t/.pad/31072", 31072, true);
	add_file("t/a/b/two", 7, false);
	add_file("t/three", 300000, false);
	add_file("t/z/empty2", 0, false);
	fill();
}

Test(disk, stores_across_files)
{
	struct stat st;

	many_files();
	open_storage();
	cr_assert_eq(told.storages, 1);
	cr_assert_eq(told.storage_result, DISK_OK);
	cr_assert_eq(told.sizes[1], 0);
	cr_assert_eq(told.sizes[3], 31072, "a pad file is always there");
	cr_assert_neq(access(temporary_path(&dir, "t"), F_OK), 0, "looking makes nothing");

	cr_assert_eq(perform(ACT_STORE, 0, shape.total), DISK_OK);
	assert_file("t/a/one", files[1].offset, files[1].length);
	assert_file("t/a/b/two", files[4].offset, files[4].length);
	assert_file("t/three", files[5].offset, files[5].length);
	assert_file("t/empty0", 0, 0);
	assert_file("t/z/empty2", 0, 0);
	cr_assert_neq(stat(temporary_path(&dir, "t/.pad"), &st), 0, "pads are never on disk");

	cr_assert_eq(perform(ACT_CHECK, 0, shape.total), DISK_OK);
	open_storage();
	cr_assert_eq(told.sizes[1], files[1].length);
	cr_assert_eq(told.sizes[5], files[5].length);
}

Test(disk, reads_back_what_was_stored)
{
	uint64_t i;

	many_files();
	open_storage();
	cr_assert_eq(perform(ACT_WRITE, 0, shape.total), DISK_OK);
	for (i = 0; i < shape.total; i += CHUNK_SIZE)
		memset(chunks[i / CHUNK_SIZE], 0xee,
		       shape.total - i < CHUNK_SIZE ? shape.total - i : CHUNK_SIZE);
	cr_assert_eq(perform(ACT_READ, 0, READ_SPAN_MAX), DISK_OK);
	cr_assert_eq(perform(ACT_READ, READ_SPAN_MAX, shape.total - READ_SPAN_MAX), DISK_OK);
	for (i = 0; i < shape.total; i++)
		cr_assert_eq(chunks[i / CHUNK_SIZE][i % CHUNK_SIZE], payload[i]);
}

Test(disk, bad_data_is_not_written)
{
	many_files();
	open_storage();
	chunks[1][5] ^= 1;
	cr_assert_eq(perform(ACT_STORE, 0, shape.total), DISK_BAD_HASH);
	cr_assert_neq(access(temporary_path(&dir, "t"), F_OK), 0);
	chunks[1][5] ^= 1;
	cr_assert_eq(perform(ACT_STORE, 0, shape.total), DISK_OK, "the hasher starts afresh");
}

Test(disk, check_finds_damage_and_gaps)
{
	int fd;

	many_files();
	open_storage();
	cr_assert_eq(perform(ACT_CHECK, 0, shape.total), DISK_MISSING);
	cr_assert_not_null(strstr(told.text, "t/a/one: No such file or directory"));
	cr_assert_eq(perform(ACT_STORE, 0, shape.total), DISK_OK);

	fd = open(temporary_path(&dir, "t/three"), O_WRONLY);
	cr_assert_eq(pwrite(fd, "damage", 6, 1000), 6);
	cr_assert_eq(perform(ACT_CHECK, 0, shape.total), DISK_BAD_HASH);
	cr_assert_eq(ftruncate(fd, 200000), 0);
	cr_assert_eq(perform(ACT_CHECK, 0, shape.total), DISK_MISSING);
	cr_assert_not_null(strstr(told.text, "t/three: ends at byte 200000 of 300000"));
	close(fd);
	cr_assert_eq(perform(ACT_STORE, 0, shape.total), DISK_OK);
	cr_assert_eq(perform(ACT_CHECK, 0, shape.total), DISK_OK);
	cr_assert_eq(unlink(temporary_path(&dir, "t/three")), 0);
	cr_assert_eq(perform(ACT_CHECK, 0, shape.total), DISK_MISSING, "an open descriptor hides nothing");
}

Test(disk, read_of_a_short_file_is_missing)
{
	many_files();
	open_storage();
	cr_assert_eq(perform(ACT_READ, 0, 1000), DISK_MISSING);
	cr_assert_eq(perform(ACT_WRITE, 0, CHUNK_SIZE), DISK_OK);
	cr_assert_eq(perform(ACT_READ, 0, CHUNK_SIZE), DISK_OK);
	cr_assert_eq(perform(ACT_READ, 0, CHUNK_SIZE + 1), DISK_MISSING);
}

/* What was never written stays a hole. */
Test(disk, files_are_sparse)
{
	struct stat st;

	add_file("big", 32 << 20, false);
	fill();
	open_storage();
	cr_assert_eq(perform(ACT_STORE, 31 << 20, 1 << 20), DISK_OK);
	cr_assert_eq(stat(temporary_path(&dir, "big"), &st), 0);
	cr_assert_eq(st.st_size, 32 << 20);
	cr_assert_lt(st.st_blocks * 512, 4 << 20);
}

Test(disk, links_are_not_followed)
{
	struct temporary outside;

	temporary_init(&outside);
	many_files();
	cr_assert_eq(symlink(outside.path, temporary_path(&dir, "t")), 0);
	open_storage();
	cr_assert_eq(told.storage_result, DISK_FAILED);
	cr_assert_not_null(strstr(told.text, "symbolic link"));
	cr_assert_eq(perform(ACT_STORE, 0, shape.total), DISK_FAILED);
	cr_assert_neq(access(temporary_path(&outside, "empty0"), F_OK), 0);
	cr_assert_eq(rmdir(outside.path), 0, "nothing was put there");
}

Test(disk, a_directory_in_the_way_fails)
{
	add_file("x", 10, false);
	fill();
	cr_assert_eq(mkdir(temporary_path(&dir, "x"), 0700), 0);
	open_storage();
	cr_assert_eq(told.storage_result, DISK_FAILED);
	cr_assert_not_null(strstr(told.text, "/x: Is a directory"));
}

Test(disk, a_failed_write_names_the_file)
{
	struct rlimit limit = { 65536, 65536 };

	add_file("x", 200000, false);
	fill();
	open_storage();
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(perform(ACT_STORE, 0, shape.total), DISK_FAILED);
	cr_assert_not_null(strstr(told.text, "/x: File too large"));
}

/* On a small file system of its own. */
Test(disk, full_disk_says_so)
{
	add_file("x", 4 << 20, false);
	fill();
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 && unshare(CLONE_NEWNS) != 0)
		cr_skip_test("no mount namespace here");
	if (mount("none", dir.path, "tmpfs", 0, "size=1m") != 0)
		cr_skip_test("no tmpfs here");
	open_storage();
	cr_assert_eq(perform(ACT_STORE, 0, 4 << 20), DISK_FULL);
	cr_assert_not_null(strstr(told.text, "/x: No space left on device"));
	disk_close(disk, TORRENT);
	wait_idle();
	cr_assert_eq(umount(dir.path), 0, "no file is left open");
}

Test(disk, empty_torrent_gets_its_files)
{
	add_file("t/a", 0, false);
	add_file("t/b/c", 0, false);
	fill();
	open_storage();
	cr_assert_eq(told.storage_result, DISK_OK);
	assert_file("t/a", 0, 0);
	assert_file("t/b/c", 0, 0);
}

/* A torrent that was complete on disk but for its empty files. */
Test(disk, finish_makes_empty_files)
{
	many_files();
	open_storage();
	cr_assert_eq(perform(ACT_STORE, 0, shape.total), DISK_OK);
	disk_close(disk, TORRENT);
	cr_assert_eq(unlink(temporary_path(&dir, "t/z/empty2")), 0);
	open_storage();
	disk_finish(disk, TORRENT);
	wait_idle();
	assert_file("t/z/empty2", 0, 0);
}

/* Leaving: what is written is not waited for, what is missing is still made. */
Test(disk, finish_in_a_hurry)
{
	many_files();
	open_storage();
	cr_assert_eq(perform(ACT_STORE, 0, shape.total), DISK_OK);
	cr_assert_eq(unlink(temporary_path(&dir, "t/z/empty2")), 0);
	disk_close(disk, TORRENT);
	open_storage();
	disk_hurry(disk);
	disk_finish(disk, TORRENT);
	wait_idle();
	assert_file("t/z/empty2", 0, 0);
	assert_file("t/three", files[5].offset, files[5].length);
}

Test(disk, closed_storage_answers)
{
	many_files();
	cr_assert_eq(perform(ACT_READ, 0, 10), DISK_FAILED);
	open_storage();
	submit(ACT_STORE, 0, shape.total);
	disk_close(disk, TORRENT);
	submit(ACT_READ, 0, 10);
	wait_idle();
	cr_assert_eq(told.jobs, 3);
	cr_assert_eq(told.result[2], DISK_OK, "begun before it was closed");
	cr_assert_eq(told.result[3], DISK_FAILED);
}

/* The answer of a storage that was closed meanwhile is not given. */
Test(disk, reopening_answers_once)
{
	many_files();
	disk_open(disk, TORRENT, &shape, dir.path);
	disk_open(disk, TORRENT, &shape, dir.path);
	wait_idle();
	cr_assert_eq(told.storages, 1);
}

/* Many jobs of one torrent, on all workers at once, in any order. */
Test(disk, many_jobs_at_once)
{
	enum { PIECE = 4 * CHUNK_SIZE, PIECES = 64 };
	uint64_t i, turn;

	add_file("t/a", 5 * PIECE + 77, false);
	add_file("t/b", PIECES * PIECE - (5 * PIECE + 77), false);
	fill();
	open_storage();
	for (i = 0; i < PIECES; i++)
		submit(ACT_STORE, i * PIECE, PIECE);
	wait_idle();
	for (turn = 0; turn < 8; turn++)
		for (i = 0; i < PIECES; i++)
			submit(turn % 2 == 0 ? ACT_CHECK : ACT_READ, i * PIECE, PIECE);
	wait_idle();
	cr_assert_eq(told.jobs, 9 * PIECES);
	for (i = 1; i <= last_job; i++)
		cr_assert_eq(told.result[i], DISK_OK);
	assert_file("t/a", 0, files[0].length);
	assert_file("t/b", files[1].offset, files[1].length);
}

/* Pieces that are hashed side by side fail alone: one is wrong, of one the file
 * is too short, one lies across files and padding. One worker, so that they
 * meet: the first job keeps it busy while the others are put in. */
Test(disk, a_batch_fails_only_what_is_wrong)
{
	enum { PIECE = 3 * CHUNK_SIZE, PIECES = 20, WRONG = 4, SHORT = PIECES - 1 };
	job_id first;
	int i;

	cr_assert(disk_free(disk, USEC_PER_SEC));
	disk = disk_new(&loop, NULL, 1);
	add_file("t/a", 2 * PIECE + 1000, false);
	add_file("t/pad", 555, true);
	add_file("t/b", (PIECES - 2) * PIECE - 1555 - 70, false);
	fill();
	open_storage();
	payload[WRONG * PIECE + 9] ^= 1; /* the hash that is expected, not the chunks */
	first = last_job + 1;
	for (i = 0; i < PIECES; i++)
		submit(ACT_STORE, (uint64_t)i * PIECE, i == SHORT ? PIECE - 70 : PIECE);
	wait_idle();
	for (i = 0; i < PIECES; i++)
		cr_assert_eq(told.result[first + (job_id)i], i == WRONG ? DISK_BAD_HASH : DISK_OK,
		             "piece %d", i);
	cr_assert_eq(truncate(temporary_path(&dir, "t/b"), (off_t)files[2].length - 1), 0);
	first = last_job + 1;
	for (i = 0; i < PIECES; i++)
		submit(ACT_CHECK, (uint64_t)i * PIECE, i == SHORT ? PIECE - 70 : PIECE);
	wait_idle();
	for (i = 0; i < PIECES; i++)
		cr_assert_eq(told.result[first + (job_id)i],
		             i == WRONG ? DISK_BAD_HASH : i == SHORT ? DISK_MISSING : DISK_OK,
		             "piece %d", i);
}

/* Leaving, nobody waits for checks. */
Test(disk, hurry_ends_checks)
{
	many_files();
	open_storage();
	cr_assert_eq(perform(ACT_STORE, 0, shape.total), DISK_OK);
	disk_hurry(disk);
	cr_assert_eq(perform(ACT_CHECK, 0, shape.total), DISK_FAILED);
	cr_assert_eq(perform(ACT_STORE, 0, shape.total), DISK_OK);
}

static void add_one(void *context)
{
	++*(int *)context;
}

Test(disk, runs_the_work_of_others)
{
	int count = 0;

	disk_run(disk, add_one, add_one, &count);
	cr_assert_eq(disk_pending_runs(disk), 1);
	wait_idle();
	cr_assert_eq(count, 2);
	cr_assert_eq(disk_pending_runs(disk), 0);
}

/* Leaving with work waiting: what has not begun is dropped, nothing leaks, and
 * nobody hears of it any more. */
Test(disk, free_drops_what_waits)
{
	int i, heard;

	many_files();
	open_storage();
	for (i = 0; i < 100; i++)
		submit(ACT_CHECK, 0, shape.total);
	disk_close(disk, TORRENT);
	cr_assert(disk_free(disk, 10 * USEC_PER_SEC));
	heard = (int)told.jobs;
	event_base_loop(loop.base, EVLOOP_NONBLOCK);
	cr_assert_eq((int)told.jobs, heard);
	disk = disk_new(&loop, NULL, 1); /* for the end of the suite to free */
}
