/* tests/unit/source_test.c: what the user named, and how its mistakes read. */
#include "tools/cli/source.h"

#include "tests/unit/temporary.h"
#include "tools/cli/cli.h"

#include <criterion/criterion.h>

#define HASH "0123456789abcdef0123456789abcdef01234567"

static struct source source;
static char reason[SOURCE_REASON_MAX];

TestSuite(source);

Test(source, magnet_in_any_case)
{
	cr_assert_eq(source_load(&source, "MAGNET:?xt=urn:btih:" HASH "&dn=a%20b", reason), CLI_OK);
	cr_assert(source.is_magnet);
	cr_assert_eq(source_info_hash(&source)[0], 0x01);
	cr_assert_str_eq(source_name(&source), "a b");
	source_deinit(&source);
}

Test(source, bare_hash)
{
	cr_assert_eq(source_load(&source, HASH, reason), CLI_OK);
	cr_assert(source.is_magnet);
	cr_assert_eq(source_info_hash(&source)[19], 0x67);
	source_deinit(&source);
}

Test(source, torrent_file)
{
	static const char torrent[] = "d4:infod6:lengthi1e4:name1:a12:piece lengthi16384e6:pieces20:"
				      "aaaaaaaaaaaaaaaaaaaaee";
	struct temporary t;
	FILE *f;

	temporary_init(&t);
	f = fopen(temporary_path(&t, "x.torrent"), "w");
	fputs(torrent, f);
	fclose(f);
	cr_assert_eq(source_load(&source, temporary_path(&t, "x.torrent"), reason), CLI_OK);
	cr_assert_not(source.is_magnet);
	cr_assert_eq(source.metainfo.total, 1);
	cr_assert_str_eq(source_name(&source), "a");
	source_deinit(&source);
	temporary_deinit(&t);
}

/* The reason names the file and the key. */
Test(source, bad_torrent)
{
	struct temporary t;
	char path[600];
	FILE *f;

	temporary_init(&t);
	snprintf(path, sizeof path, "%s", temporary_path(&t, "x.torrent"));
	f = fopen(path, "w");
	fputs("d4:infod6:lengthi1e4:name1:a12:piece lengthi16384e6:pieces3:aaaee", f);
	fclose(f);
	cr_assert_eq(source_load(&source, path, reason), CLI_BAD_TORRENT);
	cr_assert(strstr(reason, path) == reason && strstr(reason, ": info.pieces: ") != NULL, "%s",
	          reason);
	source_deinit(&source);
	temporary_deinit(&t);
}

static int load(const char *text)
{
	int code = source_load(&source, text, reason);

	source_deinit(&source);
	return code;
}

Test(source, exit_codes)
{
	cr_expect_eq(load("magnet:?dn=nothing"), CLI_BAD_MAGNET);
	cr_expect_eq(load("magnet:?xt=urn:btih:123"), CLI_BAD_MAGNET);
	cr_expect_eq(load("/nonexistent/x.torrent"), CLI_ERROR);
	cr_expect_eq(load("https://example.org/x.torrent"), CLI_ERROR);
	cr_expect_eq(load("/tmp"), CLI_ERROR);
}
