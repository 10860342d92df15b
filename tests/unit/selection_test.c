/* tests/unit/selection_test.c: which files --files and a magnet's so= choose. */
#include "tools/cli/selection.h"

#include <criterion/criterion.h>

enum { FILES = 6 };

static struct metainfo_file files[FILES] = {
	{ .path = "album/01 one.flac" }, { .path = "album/02 two.flac" },
	{ .path = "album/cover.jpg" },   { .path = "album/notes/read.txt" },
	{ .path = "album/notes/a.jpg" }, { .path = "album/3-4" },
};
static const struct metainfo torrent = { .files = files, .file_count = FILES };
static uint8_t priorities[FILES];
static char reason[SELECTION_REASON_MAX];

/* "x" for a wanted file, "." for another. */
static const char *chosen(const char *text)
{
	static char out[FILES + 1];

	reason[0] = '\0';
	if (!selection_apply(text, &torrent, priorities, reason))
		return "refused";
	for (int i = 0; i < FILES; i++)
		out[i] = priorities[i] == PRIORITY_NORMAL ? 'x' : '.';
	return out;
}

Test(selection, numbers_and_ranges_from_one)
{
	cr_expect_str_eq(chosen("1"), "x.....");
	cr_expect_str_eq(chosen("6"), ".....x");
	cr_expect_str_eq(chosen("1,3-5"), "x.xxx.");
	cr_expect_str_eq(chosen("5-"), "....xx");
	cr_expect_str_eq(chosen("1-6"), "xxxxxx");
}

Test(selection, globs_over_path_and_name)
{
	cr_expect_str_eq(chosen("*.flac"), "xx....");
	cr_expect_str_eq(chosen("*.jpg"), "..x.x.");
	cr_expect_str_eq(chosen("album/notes/*"), "...xx.");
	cr_expect_str_eq(chosen("0[12]*,cover.jpg"), "xxx...");
	cr_expect_str_eq(chosen("album/3-4"), ".....x");
}

Test(selection, mistakes_are_refused)
{
	cr_expect_str_eq(chosen("0"), "refused");
	cr_expect_str_eq(reason, "files 0: the torrent has files 1 to 6");
	cr_expect_str_eq(chosen("7"), "refused");
	cr_expect_str_eq(chosen("1,5-7"), "refused");
	cr_expect_str_eq(reason, "files 5-7: the torrent has files 1 to 6");
	cr_expect_str_eq(chosen("5-3"), "refused");
	cr_expect_str_eq(chosen("4294967297"), "refused");
	cr_expect_str_eq(chosen("*.mp3"), "refused");
	cr_expect_str_eq(reason, "no file matches '*.mp3'");
	cr_expect_str_eq(chosen("1,,2"), "refused");
	cr_expect_str_eq(chosen(""), "refused");
}

/* BEP 53 counts from 0. */
Test(selection, ranges_of_a_magnet)
{
	static const struct magnet_range ranges[] = { { 0, 1 }, { 4, 99 }, { 70, 80 } };

	cr_assert(selection_apply_ranges(ranges, 3, &torrent, priorities));
	for (int i = 0; i < FILES; i++)
		cr_expect_eq(priorities[i], i == 2 || i == 3 ? PRIORITY_SKIP : PRIORITY_NORMAL);
	cr_assert_not(selection_apply_ranges(ranges + 2, 1, &torrent, priorities));
}
