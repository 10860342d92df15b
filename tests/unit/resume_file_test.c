/* tests/unit/resume_file_test.c: a resume file is trusted only when nothing on
 * disk has changed. */
#include "tools/daemon/resume_file.h"

#include "tests/unit/temporary.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { FILES = 4, PIECES = 11 };

static struct metainfo_file files[FILES] = {
	{ .path = "t/one", .length = 5 },
	{ .path = "t/pad", .length = 3, .pad = true },
	{ .path = "t/two", .length = 7 },
	{ .path = "t/three", .length = 7 },
};
static const struct metainfo torrent = { .files = files, .file_count = FILES,
	                                 .piece_count = PIECES };
static struct temporary directory;
static struct bitfield have, back;
static struct resume_file *before;
static uint8_t *state;
static size_t size;

static void write_file(const char *name, const char *content)
{
	FILE *f = fopen(temporary_path(&directory, name), "w");

	cr_assert(f != NULL);
	fputs(content, f);
	fclose(f);
}

static void setup(void)
{
	temporary_init(&directory);
	cr_assert_eq(mkdir(temporary_path(&directory, "t"), 0755), 0);
	write_file("t/one", "12345");
	write_file("t/two", "123");
	bitfield_init(&have, PIECES);
	bitfield_init(&back, PIECES);
	bitfield_set(&have, 0);
	bitfield_set(&have, 10);
	before = resume_look(&torrent, directory.path);
	state = resume_encode(&have, before, FILES, NULL, &size);
}

static void teardown(void)
{
	free(state);
	free(before);
	bitfield_deinit(&have);
	bitfield_deinit(&back);
	temporary_deinit(&directory);
}

TestSuite(resume_file, .init = setup, .fini = teardown);

static bool decode_now(void)
{
	struct resume_file *now = resume_look(&torrent, directory.path);
	bool good = resume_decode(bytes_of(state, size), now, FILES, "this", &back);

	free(now);
	return good;
}

Test(resume_file, looks_at_sizes_and_what_is_missing)
{
	cr_expect_eq(before[0].size, 5);
	cr_expect_gt(before[0].mtime_ns, 1000000000000000000);
	cr_expect_eq(before[1].size, -1);
	cr_expect_eq(before[2].size, 3);
	cr_expect_eq(before[3].size, -1);
	cr_expect_eq(before[3].mtime_ns, 0);
}

Test(resume_file, unchanged_files_are_trusted)
{
	cr_assert(decode_now());
	cr_assert_eq(back.count, 2);
	cr_assert(bitfield_get(&back, 0) && bitfield_get(&back, 10));
}

Test(resume_file, another_size_is_not)
{
	write_file("t/two", "1234");
	cr_assert_not(decode_now());
	cr_assert_eq(back.count, 0);
}

Test(resume_file, another_time_is_not)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { 0 } };

	times[1].tv_sec = (time_t)(before[0].mtime_ns / 1000000000);
	times[1].tv_nsec = (before[0].mtime_ns + 1) % 1000000000;
	cr_assert_eq(utimensat(AT_FDCWD, temporary_path(&directory, "t/one"), times, 0), 0);
	cr_assert_not(decode_now());
}

Test(resume_file, a_file_that_went_or_came_is_not)
{
	write_file("t/three", "");
	cr_assert_not(decode_now());
	cr_assert_eq(unlink(temporary_path(&directory, "t/three")), 0);
	cr_assert(decode_now());
	cr_assert_eq(unlink(temporary_path(&directory, "t/one")), 0);
	cr_assert_not(decode_now());
}

/* Cut anywhere, or with any byte changed to something else, it gives the same
 * pieces or none: never a crash, never pieces from nothing. */
Test(resume_file, damage_is_noticed)
{
	for (size_t cut = 0; cut < size; cut++) {
		cr_assert_not(resume_decode(bytes_of(state, cut), before, FILES, "this", &back));
		cr_assert_eq(back.count, 0);
	}
	for (size_t i = 0; i < size; i++) {
		uint8_t old = state[i];

		state[i] = 'z';
		if (!resume_decode(bytes_of(state, size), before, FILES, "this", &back))
			cr_assert_eq(back.count, 0);
		state[i] = old;
	}
}

Test(resume_file, another_torrent_is_refused)
{
	struct bitfield other;

	bitfield_init(&other, PIECES + 8);
	cr_expect_not(resume_decode(bytes_of(state, size), before, FILES, "this", &other));
	cr_expect_not(resume_decode(bytes_of(state, size), before, FILES - 1, "this", &back));
	bitfield_deinit(&other);
}

/* Content that was not synced is good until the system starts anew. */
Test(resume_file, another_boot_is_refused_unless_synced)
{
	char boot[RESUME_BOOT_SIZE];

	cr_expect(resume_decode(bytes_of(state, size), before, FILES, "", &back));
	free(state);
	state = resume_encode(&have, before, FILES, "this", &size);
	cr_expect(resume_decode(bytes_of(state, size), before, FILES, "this", &back));
	cr_expect_not(resume_decode(bytes_of(state, size), before, FILES, "that", &back));
	free(state);
	state = resume_encode(&have, before, FILES, "", &size);
	cr_expect_not(resume_decode(bytes_of(state, size), before, FILES, "", &back));
	resume_read_boot(boot);
	cr_expect_eq(strlen(boot), 36, "%s", boot);
}

Test(resume_file, syncs_what_is_there)
{
	cr_assert(resume_sync(&torrent, directory.path));
}
