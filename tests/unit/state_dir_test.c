/* tests/unit/state_dir_test.c: the daemon's state directory: one owner, and
 * what is saved comes back. */
#include "tools/daemon/state_dir.h"

#include "proto/memory.h"
#include "tests/unit/temporary.h"

#include <criterion/criterion.h>

static struct temporary directory;
static char reason[FILES_REASON_MAX];

static void setup(void)
{
	temporary_init(&directory);
}

static void teardown(void)
{
	temporary_deinit(&directory);
}

TestSuite(state_dir, .init = setup, .fini = teardown);

Test(state_dir, a_second_daemon_is_refused)
{
	struct state_dir first, second;
	char expected[FILES_REASON_MAX];

	cr_assert(state_dir_open(&first, directory.path, reason), "%s", reason);
	cr_assert_not(state_dir_open(&second, directory.path, reason));
	snprintf(expected, sizeof expected, "%s: in use by another daemon, process %ld",
	         directory.path, (long)getpid());
	cr_assert_str_eq(reason, expected);
	state_dir_close(&second);
	state_dir_close(&first);
	cr_assert(state_dir_open(&second, directory.path, reason), "%s", reason);
	state_dir_close(&second);
}

Test(state_dir, a_file_in_the_way_is_named)
{
	struct state_dir s;
	FILE *f = fopen(temporary_path(&directory, "file"), "w");

	fclose(f);
	cr_assert_not(state_dir_open(&s, temporary_path(&directory, "file"), reason));
	cr_assert(strstr(reason, "/file: ") != NULL, "%s", reason);
	state_dir_close(&s);
}

Test(state_dir, lists_torrents_and_magnets_once)
{
	uint8_t a[SHA1_SIZE] = { 2 }, b[SHA1_SIZE] = { 1 };
	uint8_t(*hashes)[SHA1_SIZE];
	struct state_dir s;
	uint32_t count;
	FILE *f;

	cr_assert(state_dir_open(&s, directory.path, reason), "%s", reason);
	cr_assert(state_dir_save(&s, a, STATE_TORRENT, bytes_of_text("x"), reason));
	cr_assert(state_dir_save(&s, a, STATE_MAGNET, bytes_of_text("x"), reason));
	cr_assert(state_dir_save(&s, b, STATE_MAGNET, bytes_of_text("y"), reason));
	cr_assert(state_dir_save(&s, b, STATE_RESUME, bytes_of_text("y"), reason));
	f = fopen(temporary_path(&directory, "torrents/junk.torrent"), "w");
	fclose(f);
	hashes = state_dir_list(&s, &count);
	cr_assert_eq(count, 2);
	cr_assert_eq(hashes[0][0], 1);
	cr_assert_eq(hashes[1][0], 2);
	free(hashes);
	state_dir_close(&s);
}

Test(state_dir, many_torrents)
{
	uint8_t(*hashes)[SHA1_SIZE];
	struct state_dir s;
	uint32_t count;

	cr_assert(state_dir_open(&s, directory.path, reason), "%s", reason);
	for (int i = 0; i < 200; i++) {
		char name[64];
		FILE *f;

		snprintf(name, sizeof name, "torrents/%040x.magnet", i);
		f = fopen(temporary_path(&directory, name), "w");
		fclose(f);
	}
	hashes = state_dir_list(&s, &count);
	cr_assert_eq(count, 200);
	free(hashes);
	state_dir_close(&s);
}

Test(state_dir, saves_loads_and_drops)
{
	uint8_t hash[SHA1_SIZE] = { 0xab };
	struct state_dir s;
	uint8_t *file;
	size_t size;

	cr_assert(state_dir_open(&s, directory.path, reason), "%s", reason);
	cr_assert_not(state_dir_has(&s, hash, STATE_TORRENT));
	cr_assert(state_dir_save(&s, hash, STATE_TORRENT, bytes_of_text("content"), reason));
	cr_assert(state_dir_has(&s, hash, STATE_TORRENT));
	file = state_dir_load(&s, hash, STATE_TORRENT, &size, reason);
	cr_assert_eq(size, 7);
	cr_assert_eq(memcmp(file, "content", 7), 0);
	free(file);
	state_dir_drop(&s, hash, STATE_TORRENT);
	state_dir_drop(&s, hash, STATE_TORRENT);
	cr_assert_not(state_dir_has(&s, hash, STATE_TORRENT));
	cr_assert_null(state_dir_load(&s, hash, STATE_TORRENT, &size, reason));
	state_dir_close(&s);
}

Test(state_dir, a_torrent_too_large_is_not_read)
{
	uint8_t hash[SHA1_SIZE] = { 0 };
	uint8_t *big = memory_zeroed(STATE_RECORD_MAX + 1, 1);
	struct state_dir s;
	size_t size;

	cr_assert(state_dir_open(&s, directory.path, reason), "%s", reason);
	cr_assert(state_dir_save(&s, hash, STATE_STATE, bytes_of(big, STATE_RECORD_MAX + 1), reason));
	cr_assert_null(state_dir_load(&s, hash, STATE_STATE, &size, reason));
	free(big);
	state_dir_close(&s);
}

Test(state_dir, a_record_comes_back)
{
	struct state_record r = { .directory = (char[]){ "/srv/media" }, .added_at = 1700000000,
		                  .paused = true }, back;
	size_t size;
	uint8_t *file = state_dir_encode_record(&r, &size);

	cr_assert(state_dir_decode_record(bytes_of(file, size), &back));
	cr_assert_str_eq(back.directory, "/srv/media");
	cr_assert_eq(back.added_at, 1700000000);
	cr_assert(back.paused);
	free(back.directory);
	for (size_t cut = 0; cut < size; cut++) {
		cr_assert_not(state_dir_decode_record(bytes_of(file, cut), &back));
		cr_assert_null(back.directory);
	}
	free(file);
}

Test(state_dir, records_that_are_wrong)
{
	static const char *const wrong[] = {
		"", "de", "le", "i1e",
		"d5:addedi1e9:directory0:6:pausedi0e7:versioni1ee",
		"d5:addedi1e9:directory1:a6:pausedi0e7:versioni2ee",
		"d5:added1:x9:directory1:a6:pausedi0e7:versioni1ee",
		"d9:directory1:a6:pausedi0e7:versioni1ee",
		"d5:addedi1e9:directoryi3e6:pausedi0e7:versioni1ee",
	};
	static const char with_nul[] = "d5:addedi1e9:directory3:a\0b6:pausedi0e7:versioni1ee";
	struct state_record r;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		cr_expect_not(state_dir_decode_record(bytes_of_text(wrong[i]), &r), "%s", wrong[i]);
	cr_expect_not(state_dir_decode_record(bytes_of(with_nul, sizeof with_nul - 1), &r));
}
