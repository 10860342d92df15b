/* tests/unit/hashing_test.c: tools/cli/hashing.c, against one hash per piece
 * over the files joined. */
#include "tools/cli/hashing.h"

#include "proto/hash.h"
#include "proto/memory.h"
#include "proto/rng.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char root[] = "/tmp/shoal-hashing-XXXXXX";

static void begin(void)
{
	cr_assert_not_null(mkdtemp(root));
	cr_assert_eq(chdir(root), 0);
	cr_assert_eq(mkdir("t", 0755), 0);
}

static void end(void)
{
	char command[64];
	cr_assert_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(hashing, .init = begin, .fini = end);

enum { PIECE = 16 << 10 };

/* Files of these sizes, named in order; returns all their bytes. */
static uint8_t *put_files(const size_t *sizes, size_t count)
{
	size_t total = 0, at = 0;
	struct rng r;
	rng_init_number(&r, 99, 0);
	for (size_t i = 0; i < count; i++)
		total += sizes[i];
	uint8_t *bytes = memory_alloc(total);
	rng_fill(&r, bytes, total);
	for (size_t i = 0; i < count; i++) {
		char path[32];
		snprintf(path, sizeof(path), "t/%03zu", i);
		FILE *f = fopen(path, "w");
		cr_assert_eq(fwrite(bytes + at, 1, sizes[i], f), sizes[i]);
		fclose(f);
		at += sizes[i];
	}
	return bytes;
}

static uint64_t last_progress;

static void on_progress(void *context, uint64_t done)
{
	cr_assert_geq(done, last_progress);
	cr_assert_eq(context, &last_progress);
	last_progress = done;
}

static void expect_hashes(const uint8_t *bytes, uint32_t threads)
{
	struct content c;
	char reason[HASHING_REASON_MAX];
	cr_assert(content_walk(&c, "test", "t"));
	const uint32_t count = (uint32_t)((c.total + PIECE - 1) / PIECE);
	uint8_t *pieces = memory_zeroed(count, SHA1_SIZE);
	last_progress = 0;
	const struct hashing h = { .content = &c, .piece_length = PIECE, .piece_count = count,
		                   .threads = threads, .pieces = pieces,
		                   .on_progress = on_progress, .context = &last_progress };
	cr_assert(hashing_run(&h, reason), "%s", reason);
	cr_assert_eq(last_progress, c.total, "the last report says all");
	for (uint32_t i = 0; i < count; i++) {
		const size_t begin_at = (size_t)i * PIECE;
		const size_t size = c.total - begin_at < PIECE ? c.total - begin_at : PIECE;
		uint8_t expected[SHA1_SIZE];
		sha1(bytes_of(bytes + begin_at, size), expected);
		cr_assert_eq(memcmp(expected, pieces + (size_t)i * SHA1_SIZE, SHA1_SIZE), 0, "%u", i);
	}
	free(pieces);
	content_deinit(&c);
}

Test(hashing, pieces_across_files)
{
	static const size_t sizes[] = { 0, 1, 5, 0, 0, PIECE, PIECE - 6, PIECE, 3 * PIECE + 7, 0, 100,
		                        2 * PIECE - 107, 1, 0 };
	uint8_t *bytes = put_files(sizes, sizeof(sizes) / sizeof(sizes[0]));
	expect_hashes(bytes, 1);
	expect_hashes(bytes, 2);
	expect_hashes(bytes, HASHING_THREADS_MAX);
	free(bytes);
}

Test(hashing, reads_longer_than_the_buffer)
{
	static const size_t sizes[] = { (3 << 20) + 5 };
	uint8_t *bytes = put_files(sizes, 1);
	expect_hashes(bytes, 3);
	free(bytes);
}

Test(hashing, many_small_files_in_one_piece)
{
	size_t sizes[300];
	for (size_t i = 0; i < 300; i++)
		sizes[i] = i % 7;
	uint8_t *bytes = put_files(sizes, 300);
	expect_hashes(bytes, 2);
	free(bytes);
}

static void expect_failure(const char *why)
{
	static const size_t sizes[] = { PIECE, PIECE };
	struct content c;
	uint8_t pieces[2 * SHA1_SIZE];
	char reason[HASHING_REASON_MAX], command[64];
	free(put_files(sizes, 2));
	cr_assert(content_walk(&c, "test", "t"));
	/* What another program does after the walk. */
	snprintf(command, sizeof(command), "%s", why[0] == 'g' ? "rm t/001" : "truncate -s 5 t/001");
	cr_assert_eq(system(command), 0);
	const struct hashing h = { .content = &c, .piece_length = PIECE, .piece_count = 2,
		                   .threads = 2, .pieces = pieces };
	cr_assert_not(hashing_run(&h, reason));
	cr_assert_str_eq(reason, why[0] == 'g' ? "001: No such file or directory" :
	                                         "001: changed while it was read");
	content_deinit(&c);
}

Test(hashing, a_file_that_shrank)
{
	expect_failure("shrank");
}

Test(hashing, a_file_that_is_gone)
{
	expect_failure("gone");
}

/* An empty file is never opened; only the last look finds it. */
Test(hashing, an_empty_file_that_grew)
{
	static const size_t sizes[] = { PIECE, 0 };
	struct content c;
	uint8_t pieces[SHA1_SIZE];
	char reason[HASHING_REASON_MAX];
	free(put_files(sizes, 2));
	cr_assert(content_walk(&c, "test", "t"));
	cr_assert_eq(system("echo x > t/001"), 0);
	const struct hashing h = { .content = &c, .piece_length = PIECE, .piece_count = 1,
		                   .threads = 1, .pieces = pieces };
	cr_assert_not(hashing_run(&h, reason));
	cr_assert_str_eq(reason, "001: changed while it was read");
	content_deinit(&c);
}
