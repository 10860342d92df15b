/* tests/unit/path_test.c: proto/path.c. */
#include "proto/path.h"

#include "proto/utf8.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static const uint8_t key[16] = "sixteen bytes...";

Test(path, good_names_stay)
{
	static const char *const names[] = {
		"a", "file.txt", ".hidden", "...", "a..b", "a b", " a ", "trailing.", "CON", "NUL.txt",
		"\xc3\xa4\xc3\xb6", "\xf0\x9f\x90\x9f.mkv", "-rf", "~", "$HOME", "a:b*c?\"<>|",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char out[METAINFO_NAME_MAX + 1];
		cr_assert_not(metainfo_sanitise_name(bytes_of_text(names[i]), out), "%s", names[i]);
		cr_assert_str_eq(out, names[i]);
	}
}

Test(path, nasty_names_are_made_safe)
{
	static const struct {
		const char *name;
		size_t size;
		const char *safe;
	} cases[] = {
		{ "", 0, "_" },
		{ ".", 1, "_" },
		{ "..", 2, "__" },
		{ "/", 1, "_" },
		{ "/etc/passwd", 11, "_etc_passwd" },
		{ "../../x", 7, ".._.._x" },
		{ "..\\x", 4, ".._x" },
		{ "a\0b", 3, "a_b" },
		{ ".\0", 2, "._" },
		{ "a\nb\x1b[0m", 7, "a_b_[0m" },
		{ "\xff\xfe", 2, "__" },
		{ "a\xc0\xaf" "b", 4, "a__b" }, /* an overlong slash */
		{ "ann\xe2\x80\xaegpj.exe", 13, "ann_gpj.exe" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[METAINFO_NAME_MAX + 1];
		cr_assert(metainfo_sanitise_name(bytes_of(cases[i].name, cases[i].size), out), "%zu", i);
		cr_assert_str_eq(out, cases[i].safe, "%zu: %s", i, out);
	}
}

Test(path, long_names_are_cut)
{
	char name[2000], out[METAINFO_NAME_MAX + 1];
	memset(name, 'x', sizeof(name));
	cr_assert_not(metainfo_sanitise_name(bytes_of(name, METAINFO_NAME_MAX), out));
	cr_assert(metainfo_sanitise_name(bytes_of(name, METAINFO_NAME_MAX + 1), out));
	cr_assert_eq(strlen(out), METAINFO_NAME_MAX);

	memcpy(name + 1996, ".mkv", 4);
	metainfo_sanitise_name(bytes_of(name, 2000), out);
	cr_assert_eq(strlen(out), METAINFO_NAME_MAX);
	cr_assert_str_eq(out + METAINFO_NAME_MAX - 5, "x.mkv", "the extension is kept");

	/* 3-byte characters: the cut leaves none in half. */
	for (size_t i = 0; i < 1998; i += 3)
		memcpy(name + i, "\xe2\x82\xac", 3);
	for (size_t shift = 0; shift < 3; shift++) {
		memset(name, 'y', shift * 3);
		metainfo_sanitise_name(bytes_of(name + shift * 2, 1998 - shift * 2), out);
		cr_assert(utf8_is_valid(bytes_of_text(out)));
		cr_assert_leq(strlen(out), METAINFO_NAME_MAX);
	}
	/* An "extension" that is most of the name is not one. */
	memset(name, 'z', sizeof(name));
	name[1] = '.';
	metainfo_sanitise_name(bytes_of(name, 2000), out);
	cr_assert_eq(strlen(out), METAINFO_NAME_MAX);
}

Test(path, depth_and_length_limits)
{
	struct path p;
	path_init(&p);
	for (int i = 0; i < METAINFO_PATH_DEPTH_MAX; i++)
		cr_assert_null(path_append(&p, bytes_of_text("a")));
	cr_assert_str_eq(path_append(&p, bytes_of_text("a")), "too many directories");

	char name[METAINFO_NAME_MAX];
	memset(name, 'b', sizeof(name));
	path_init(&p);
	size_t used = 0;
	while (used + (used != 0) + sizeof(name) <= METAINFO_PATH_MAX) {
		cr_assert_null(path_append(&p, bytes_of(name, sizeof(name))));
		used += (used != 0) + sizeof(name);
	}
	cr_assert_str_eq(path_append(&p, bytes_of(name, sizeof(name))), "longer than a path may be");
	cr_assert_null(path_append(&p, bytes_of(name, METAINFO_PATH_MAX - used - 1)), "exactly full");
	cr_assert_eq(strlen(p.text), METAINFO_PATH_MAX);
	cr_assert_str_eq(path_append(&p, bytes_of_text("a")), "longer than a path may be");
}

static void expect_unique(const char *const *paths, const char *const *expected, uint32_t count)
{
	struct metainfo_file files[16] = { { .path = NULL } };
	struct arena *arena = arena_new();
	for (uint32_t i = 0; i < count; i++) {
		files[i].pad = paths[i][0] == '!';
		files[i].path = paths[i] + files[i].pad;
	}
	cr_assert(paths_make_unique(files, count, key, arena));
	for (uint32_t i = 0; i < count; i++)
		cr_assert_str_eq(files[i].path, expected[i], "%s: %s", paths[i], files[i].path);
	arena_free(arena);
}

/* The same names as libtorrent gives, so that data can be shared. */
Test(path, duplicates_are_renamed)
{
	expect_unique((const char *[]){ "n/x.txt", "n/x.txt", "n/x.txt", "n/X.txt" },
	              (const char *[]){ "n/x.txt", "n/x.1.txt", "n/x.2.txt", "n/X.txt" }, 4);
	expect_unique((const char *[]){ "n/x", "n/x", "n/x.1" },
	              (const char *[]){ "n/x", "n/x.1", "n/x.1.1" }, 3);
	expect_unique((const char *[]){ "n/x", "n/x/y" }, (const char *[]){ "n/x.1", "n/x/y" }, 2);
	expect_unique((const char *[]){ "n/x/y", "n/x", "n/x.1/z" },
	              (const char *[]){ "n/x/y", "n/x.2", "n/x.1/z" }, 3);
	expect_unique((const char *[]){ "n/a/x", "n/b/x" }, (const char *[]){ "n/a/x", "n/b/x" }, 2);
	expect_unique((const char *[]){ "n/.x", "n/.x" }, (const char *[]){ "n/.x", "n/.x.1" }, 2);
	/* Pad files are never on disk. */
	expect_unique((const char *[]){ "!n/.pad/7", "!n/.pad/7", "n/.pad" },
	              (const char *[]){ "n/.pad/7", "n/.pad/7", "n/.pad" }, 3);
	/* Chained hashes tell "a/b" + "c" from "a" + "b/c" only by the whole path. */
	expect_unique((const char *[]){ "n/ab/c", "n/a/bc" }, (const char *[]){ "n/ab/c", "n/a/bc" }, 2);
}

Test(path, duplicate_at_full_length)
{
	char name[METAINFO_NAME_MAX + 1];
	memset(name, 'x', METAINFO_NAME_MAX);
	memcpy(name + METAINFO_NAME_MAX - 4, ".mkv", 5);
	struct metainfo_file files[2] = { { .path = name }, { .path = name } };
	struct arena *arena = arena_new();
	cr_assert(paths_make_unique(files, 2, key, arena));
	cr_assert_eq(strlen(files[1].path), METAINFO_NAME_MAX);
	cr_assert_str_eq(files[1].path + METAINFO_NAME_MAX - 6, ".1.mkv");
	arena_free(arena);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All on one path, or on the names that renaming would give: every path comes
 * out once. With a search from 1 for each this would not end. */
Test(path, hundred_thousand_equal_names)
{
	enum { COUNT = 100000 };
	struct metainfo_file *files = calloc(COUNT, sizeof(*files));
	const char **sorted = calloc(COUNT, sizeof(*sorted));
	struct arena *arena = arena_new();
	for (uint32_t i = 0; i < COUNT; i++) {
		char taken[32];
		snprintf(taken, sizeof(taken), "n/a.%u", i);
		files[i].path = i % 2 == 0 ? "n/a" : arena_copy(arena, bytes_of_text(taken));
	}
	cr_assert(paths_make_unique(files, COUNT, key, arena));
	for (uint32_t i = 0; i < COUNT; i++)
		sorted[i] = files[i].path;
	qsort(sorted, COUNT, sizeof(*sorted), compare_texts);
	for (uint32_t i = 1; i < COUNT; i++)
		cr_assert_str_neq(sorted[i - 1], sorted[i]);
	arena_free(arena);
	free(sorted);
	free(files);
}
