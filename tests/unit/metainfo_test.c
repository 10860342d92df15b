/* tests/unit/metainfo_test.c: proto/metainfo.c. */
#include "proto/metainfo.h"

#include "proto/bencode.h"
#include "proto/memory.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define HASH "aaaaaaaaaaaaaaaaaaaa"
/* Sorted keys around what a case is about. */
#define SINGLE "6:lengthi5e4:name1:n12:piece lengthi16384e6:pieces20:" HASH
#define MULTI(files) "5:filesl" files "e4:name1:n12:piece lengthi16384e6:pieces20:" HASH

static struct metainfo m;
static char reason[METAINFO_REASON_MAX];

static bool parse(const char *text)
{
	return metainfo_parse(&m, bytes_of_text(text), reason);
}

static void expect_good(const char *text)
{
	cr_assert(parse(text), "%s: %s", text, reason);
}

static void expect_bad(const char *text, const char *why)
{
	cr_assert_not(parse(text), "%s", text);
	cr_assert_str_eq(reason, why, "%s: %s", text, reason);
	metainfo_deinit(&m);
}

Test(metainfo, single_file)
{
	expect_good("d8:announce10:http://a/x7:comment5:hello10:created by5:shoal13:creation datei99e"
	            "4:infod" SINGLE "ee");
	cr_assert_str_eq(m.name, "n");
	cr_assert_not(m.multi_file);
	cr_assert_eq(m.file_count, 1);
	cr_assert_str_eq(m.files[0].path, "n");
	cr_assert_eq(m.files[0].length, 5);
	cr_assert_eq(m.total, 5);
	cr_assert_eq(m.piece_count, 1);
	cr_assert_eq(metainfo_piece_size(&m, 0), 5);
	cr_assert_eq(memcmp(metainfo_piece_hash(&m, 0), HASH, 20), 0);
	cr_assert_eq(m.tracker_count, 1);
	cr_assert_str_eq(m.trackers[0].url, "http://a/x");
	cr_assert_str_eq(m.comment, "hello");
	cr_assert_str_eq(m.created_by, "shoal");
	cr_assert_eq(m.created_at, 99);
	cr_assert_not(m.is_private);
	metainfo_deinit(&m);
	metainfo_deinit(&m);
}

Test(metainfo, hash_is_over_the_bytes_of_the_file)
{
	/* Unsorted, a key twice, unknown keys: the hash must not be of a tidy copy. */
	static const char info[] = "d4:name1:n4:name1:x6:lengthi5e12:piece lengthi16384e6:pieces20:" HASH
				   "4:junkli1ee" "e";
	char text[256];
	uint8_t digest[SHA1_SIZE];
	snprintf(text, sizeof(text), "d4:info%s1:a1:be", info);
	expect_good(text);
	sha1(bytes_of_text(info), digest);
	cr_assert_eq(memcmp(digest, m.info_hash, SHA1_SIZE), 0);
	cr_assert(bytes_equal_text(m.info, info));
	cr_assert_str_eq(m.name, "n", "the first of two");
	metainfo_deinit(&m);
	cr_assert(metainfo_parse_info(&m, bytes_of_text(info), reason));
	cr_assert_eq(memcmp(digest, m.info_hash, SHA1_SIZE), 0);
	metainfo_deinit(&m);
}

Test(metainfo, several_files_and_offsets)
{
	expect_good("d4:infod5:filesl"
	            "d6:lengthi16384e4:pathl1:a1:bee"
	            "d6:lengthi0e4:pathl5:emptyee"
	            "d4:attr1:x6:lengthi7e4:pathl3:runee"
	            "d4:attr1:p6:lengthi16377e4:pathl4:.pad5:16377ee"
	            "d4:attr2:hq6:lengthi1e4:pathl4:lastee"
	            "e4:name3:top12:piece lengthi16384e6:pieces60:" HASH HASH HASH "ee");
	static const struct metainfo_file expected[] = {
		{ "top/a/b", 16384, 0, false, false },
		{ "top/empty", 0, 16384, false, false },
		{ "top/run", 7, 16384, false, true },
		{ "top/.pad/16377", 16377, 16391, true, false },
		{ "top/last", 1, 32768, false, false },
	};
	cr_assert(m.multi_file);
	cr_assert_eq(m.file_count, 5);
	for (int i = 0; i < 5; i++) {
		cr_assert_str_eq(m.files[i].path, expected[i].path);
		cr_assert_eq(m.files[i].length, expected[i].length);
		cr_assert_eq(m.files[i].offset, expected[i].offset);
		cr_assert_eq(m.files[i].pad, expected[i].pad);
		cr_assert_eq(m.files[i].executable, expected[i].executable);
	}
	cr_assert_eq(m.total, 32769);
	cr_assert_eq(m.piece_count, 3);
	cr_assert_eq(metainfo_piece_size(&m, 1), 16384);
	cr_assert_eq(metainfo_piece_size(&m, 2), 1);
	metainfo_deinit(&m);
}

/* BEP 47: a pad file needs no path, and a link, which we do not make, no
 * length. */
Test(metainfo, pad_files_and_links)
{
	expect_good("d4:infod5:filesl"
	            "d6:lengthi1e4:pathl1:aee"
	            "d4:attr1:p6:lengthi16383ee"
	            "d4:attr1:l4:pathl4:linke12:symlink pathl1:aee"
	            "d4:attr1:l6:lengthi999e4:pathl1:ae12:symlink pathl2:..ee"
	            "d6:lengthi1e4:pathl1:bee"
	            "e4:name1:n12:piece lengthi16384e6:pieces40:" HASH HASH "ee");
	cr_assert_eq(m.total, 16385);
	cr_assert(m.files[1].pad);
	cr_assert_str_eq(m.files[1].path, "n/.pad");
	for (int i = 2; i <= 3; i++) {
		cr_assert(m.files[i].pad);
		cr_assert_eq(m.files[i].length, 0);
		cr_assert_eq(m.files[i].offset, 16384);
	}
	cr_assert_str_eq(m.files[0].path, "n/a", "a link of the same name takes no path");
	cr_assert_eq(m.files[4].offset, 16384);
	metainfo_deinit(&m);
}

Test(metainfo, exact_multiple_has_a_whole_last_piece)
{
	expect_good("d4:infod6:lengthi32768e4:name1:n12:piece lengthi16384e6:pieces40:" HASH HASH "ee");
	cr_assert_eq(m.piece_count, 2);
	cr_assert_eq(metainfo_piece_size(&m, 1), 16384);
	metainfo_deinit(&m);
}

/* What contradicts itself is refused, with the key that does. */
Test(metainfo, contradictions_are_refused)
{
	static const struct {
		const char *info;
		const char *why;
	} cases[] = {
		{ "de", "info.name: missing or not a string" },
		{ "d6:lengthi5e4:namei3ee", "info.name: missing or not a string" },
		{ "d6:lengthi5e4:name1:ne", "info.piece length: missing or not a number" },
		{ "d6:lengthi5e4:name1:n12:piece length1:xe", "info.piece length: missing or not a number" },
		{ "d6:lengthi5e4:name1:n12:piece lengthi0ee",
		  "info.piece length: 0 is not from 1024 to 268435456" },
		{ "d6:lengthi5e4:name1:n12:piece lengthi-16384ee",
		  "info.piece length: -16384 is not from 1024 to 268435456" },
		{ "d6:lengthi5e4:name1:n12:piece lengthi268435457ee",
		  "info.piece length: 268435457 is not from 1024 to 268435456" },
		{ "d6:lengthi5e4:name1:n12:piece lengthi4294983680ee",
		  "info.piece length: 4294983680 is not from 1024 to 268435456" },
		{ "d4:name1:n12:piece lengthi16384ee", "info: neither length nor files" },
		{ "d5:filesle6:lengthi5e4:name1:n12:piece lengthi16384ee", "info: both length and files" },
		{ "d5:filesi1e4:name1:n12:piece lengthi16384ee", "info.files: not a list" },
		{ "d5:filesle4:name1:n12:piece lengthi16384ee", "info.files: empty" },
		{ "d5:filesli1ee4:name1:n12:piece lengthi16384ee", "info.files[0]: not a dictionary" },
		{ "d" MULTI("d4:pathl1:aee") "e", "info.files[0].length: missing or not a number" },
		{ "d" MULTI("d6:length1:54:pathl1:aee") "e",
		  "info.files[0].length: missing or not a number" },
		{ "d" MULTI("d6:lengthi5e4:pathl1:aeed6:lengthi-1e4:pathl1:bee") "e",
		  "info.files[1].length: negative" },
		{ "d" MULTI("d6:lengthi5ee") "e", "info.files[0].path: missing or not a list" },
		{ "d" MULTI("d6:lengthi5e4:path1:ae") "e", "info.files[0].path: missing or not a list" },
		{ "d" MULTI("d6:lengthi5e4:pathlee") "e", "info.files[0].path: empty" },
		{ "d" MULTI("d6:lengthi5e4:pathli1eee") "e", "info.files[0].path: not a list of strings" },
		{ "d" MULTI("d6:lengthi5e4:pathl1:aleee") "e", "info.files[0].path: not a list of strings" },
		{ "d" MULTI("d6:lengthi9223372036854775807e4:pathl1:aeed6:lengthi1e4:pathl1:bee") "e",
		  "info.files[1].length: the sum of lengths is out of range" },
		{ "d" MULTI("d6:lengthi9223372036854775807e4:pathl1:aeed6:lengthi9223372036854775807e4:"
		            "pathl1:beed6:lengthi2e4:pathl1:cee") "e",
		  "info.files[1].length: the sum of lengths is out of range" },
		{ "d" MULTI("d6:lengthi0e4:pathl1:aee") "e", "info.files: no file has any content" },
		{ "d" MULTI("d4:attr1:p6:lengthi5e4:pathl1:aee") "e", "info.files: no file has any content" },
		{ "d6:lengthi0e4:name1:n12:piece lengthi16384e6:pieces0:e",
		  "info.length: no file has any content" },
		{ "d6:lengthi-5e4:name1:n12:piece lengthi16384ee", "info.length: negative" },
		{ "d6:lengthi5e4:name1:n12:piece lengthi16384ee", "info.pieces: missing or not a string" },
		{ "d6:lengthi5e4:name1:n12:piece lengthi16384e6:piecesi1ee",
		  "info.pieces: missing or not a string" },
		{ "d6:lengthi5e4:name1:n12:piece lengthi16384e6:pieces19:aaaaaaaaaaaaaaaaaaae",
		  "info.pieces: 19 bytes are no whole number of hashes" },
		{ "d6:lengthi5e4:name1:n12:piece lengthi16384e6:pieces40:" HASH HASH "e",
		  "info.pieces: 2 hashes for 1 pieces" },
		{ "d6:lengthi16385e4:name1:n12:piece lengthi16384e6:pieces20:" HASH "e",
		  "info.pieces: 1 hashes for 2 pieces" },
		{ "d6:lengthi9223372036854775807e4:name1:n12:piece lengthi16384e6:pieces20:" HASH "e",
		  "info.piece length: makes 562949953421312 pieces, more than 4194304" },
		{ "d9:file treede12:meta versioni2e4:name1:n12:piece lengthi16384ee",
		  "info.meta version: 2 without v1 data; only v1 and hybrid torrents can be read" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		snprintf(text, sizeof(text), "d4:info%se", cases[i].info);
		expect_bad(text, cases[i].why);
		cr_assert_not(metainfo_parse_info(&m, bytes_of_text(cases[i].info), reason));
		cr_assert_str_eq(reason, cases[i].why);
		metainfo_deinit(&m);
	}
}

Test(metainfo, outside_of_info)
{
	expect_bad("", "bencode: empty, at byte 0");
	expect_bad("d4:info", "bencode: ends too early, at byte 7");
	expect_bad("le", "bencode: not a dictionary");
	expect_bad("i1e", "bencode: not a dictionary");
	expect_bad("de", "info: missing or not a dictionary");
	expect_bad("d4:infolee", "info: missing or not a dictionary");
	expect_bad("d4:info4:spame", "info: missing or not a dictionary");
	expect_bad("<html>not found</html>", "bencode: no bencoded value, at byte 0");
}

/* Editors and old tools leave a line end behind; other bytes are damage. */
Test(metainfo, trailing_bytes)
{
	expect_good("d4:infod" SINGLE "ee\r\n \t\n");
	metainfo_deinit(&m);
	expect_bad("d4:infod" SINGLE "eex", "bencode: bytes behind the value, at byte 83");
	expect_bad("d4:infod" SINGLE "ee\nde", "bencode: bytes behind the value, at byte 83");
	cr_assert_not(metainfo_parse_info(&m, bytes_of_text("d" SINGLE "e\n"), reason));
	cr_assert_str_eq(reason, "info: bytes behind the dictionary", "its hash would be another");
	metainfo_deinit(&m);
}

Test(metainfo, nasty_paths_are_made_safe)
{
	expect_good("d4:infod" MULTI(
		"d6:lengthi1e4:pathl2:..2:..3:etc6:passwdee"
		"d6:lengthi1e4:pathl11:/etc/passwdee"
		"d6:lengthi1e4:pathl0:1:aee"
		"d6:lengthi1e4:pathl1:.ee"
		"d6:lengthi1e4:pathl4:a\\\n/ee") "ee");
	cr_assert_str_eq(m.files[0].path, "n/__/__/etc/passwd");
	cr_assert_str_eq(m.files[1].path, "n/_etc_passwd");
	cr_assert_str_eq(m.files[2].path, "n/_/a");
	cr_assert_str_eq(m.files[3].path, "n/_.1", "_ is a directory");
	cr_assert_str_eq(m.files[4].path, "n/a___");
	metainfo_deinit(&m);
	expect_good("d4:infod6:lengthi5e4:name5:../xy12:piece lengthi16384e6:pieces20:" HASH "ee");
	cr_assert_str_eq(m.name, ".._xy");
	cr_assert_str_eq(m.files[0].path, ".._xy");
	metainfo_deinit(&m);
}

Test(metainfo, an_empty_name_becomes_the_hash)
{
	char hex[HEX_SHA1];
	expect_good("d4:infod6:lengthi5e4:name0:12:piece lengthi16384e6:pieces20:" HASH "ee");
	cr_assert_str_eq(m.name, hex_encode(bytes_of(m.info_hash, SHA1_SIZE), hex));
	metainfo_deinit(&m);
}

Test(metainfo, utf8_variants_win_when_valid)
{
	expect_good("d4:infod5:filesl"
	            "d6:lengthi1e4:pathl1:\xe4" "e10:path.utf-8l2:\xc3\xa4" "ee"
	            "d6:lengthi1e4:pathl1:be10:path.utf-8l1:\xff" "ee"
	            "d6:lengthi1e4:pathl1:ce10:path.utf-8lee"
	            "d6:lengthi1e10:path.utf-8l1:d1:eee"
	            "e4:name1:\xe4" "10:name.utf-82:\xc3\xa4" "12:piece lengthi16384e6:pieces20:" HASH "ee");
	cr_assert_str_eq(m.name, "\xc3\xa4");
	cr_assert_str_eq(m.files[0].path, "\xc3\xa4/\xc3\xa4");
	cr_assert_str_eq(m.files[1].path, "\xc3\xa4/b");
	cr_assert_str_eq(m.files[2].path, "\xc3\xa4/c");
	cr_assert_str_eq(m.files[3].path, "\xc3\xa4/d/e");
	metainfo_deinit(&m);
}

/* BEP 52: both sets of keys; we use the older one. */
Test(metainfo, hybrid)
{
	expect_good("d4:infod9:file treed1:nd0:d6:lengthi5e11:pieces root0:eee6:lengthi5e"
	            "12:meta versioni2e4:name1:n12:piece lengthi16384e6:pieces20:" HASH "ee");
	cr_assert(m.hybrid);
	cr_assert_eq(m.total, 5);
	metainfo_deinit(&m);
}

Test(metainfo, private_flag)
{
	static const struct {
		const char *value;
		bool is_private;
	} cases[] = { { "i1e", true }, { "i0e", false }, { "i2e", true }, { "1:1", true }, { "le", true } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256];
		snprintf(text, sizeof(text), "d4:infod" SINGLE "7:private%se5:nodesll1:ai1eeee",
		         cases[i].value);
		expect_good(text);
		cr_assert_eq(m.is_private, cases[i].is_private, "%s", cases[i].value);
		cr_assert_eq(m.node_count, cases[i].is_private ? 0 : 1, "BEP 27: no DHT");
		metainfo_deinit(&m);
	}
}

Test(metainfo, every_cut_is_refused)
{
	const char *text = "d8:announce9:http://a/4:infod" MULTI("d6:lengthi5e4:pathl1:aee") "ee";
	expect_good(text);
	metainfo_deinit(&m);
	for (size_t size = 0; size < strlen(text); size++) {
		cr_assert_not(metainfo_parse(&m, bytes_of(text, size), reason));
		cr_assert_neq(reason[0], '\0');
		metainfo_deinit(&m);
	}
}

/* Values beyond the budget: refused before memory is spent on them. */
Test(metainfo, token_budget)
{
	const size_t count = METAINFO_TOKENS_MAX + 1, size = 2 * count + 2;
	char *text = memory_alloc(size);
	text[0] = 'l';
	for (size_t i = 0; i < count; i++)
		memcpy(text + 1 + 2 * i, "0:", 2);
	text[size - 1] = 'e';
	cr_assert_not(metainfo_parse(&m, bytes_of(text, size), reason));
	cr_assert_eq(strncmp(reason, "bencode: too many values, at byte", 33), 0, "%s", reason);
	metainfo_deinit(&m);
	free(text);
}

/* A long top name before very many files would cost memory without end. */
Test(metainfo, path_memory_budget)
{
	enum { FILES = METAINFO_PATHS_MAX / 256 + 1 };
	const size_t size = (size_t)FILES * 64 + 1024;
	uint8_t *buffer = memory_alloc(size);
	char name[256];
	struct writer w;
	memset(name, 'n', 255);
	name[255] = '\0';
	writer_init(&w, buffer, size);
	write_text(&w, "d4:infod5:filesl");
	for (int i = 0; i < FILES; i++)
		write_text(&w, "d6:lengthi1e4:pathl1:aee");
	write_text(&w, "e4:name");
	bencode_put_text(&w, name);
	write_text(&w, "12:piece lengthi1048576e6:pieces0:ee");
	cr_assert_not(metainfo_parse(&m, writer_bytes(&w), reason));
	cr_assert(strstr(reason, "paths take too much memory") != NULL, "%s", reason);
	metainfo_deinit(&m);
	free(buffer);
}

Test(metainfo, size_limits)
{
	static const uint8_t nothing[1];
	cr_assert_not(metainfo_parse(&m, bytes_of(nothing, METAINFO_SIZE_MAX + 1u), reason));
	cr_assert_str_eq(reason, "larger than 67108864 bytes");
	metainfo_deinit(&m);
	cr_assert_not(metainfo_parse_info(&m, bytes_of(nothing, METAINFO_INFO_MAX + 1u), reason));
	cr_assert_str_eq(reason, "info: 33554433 bytes, more than 33554432");
	metainfo_deinit(&m);
}

Test(metainfo, wrap_reads_back)
{
	static const struct metainfo_tracker trackers[] = {
		{ "udp://a/", 0 }, { "udp://b/", 0 }, { "http://c/", 1 },
	};
	const struct bytes info = bytes_of_text("d" SINGLE "e");
	for (uint32_t count = 0; count <= 3; count++) {
		size_t size;
		uint8_t *file = metainfo_wrap(info, trackers, count, &size);
		struct bencode doc;
		struct bencode_token tokens[64];
		cr_assert(bencode_parse(&doc, bytes_of(file, size), tokens, 64, BENCODE_STRICT));
		cr_assert(metainfo_parse(&m, bytes_of(file, size), reason), "%s", reason);
		cr_assert(bytes_equal(m.info, info));
		cr_assert_eq(m.tracker_count, count);
		for (uint32_t i = 0; i < count; i++) {
			cr_assert_str_eq(m.trackers[i].url, trackers[i].url);
			cr_assert_eq(m.trackers[i].tier, trackers[i].tier);
		}
		metainfo_deinit(&m);
		free(file);
	}
	size_t size;
	uint8_t *file = metainfo_wrap(info, NULL, 0, &size);
	cr_assert_eq(size, info.size + 8);
	free(file);
}

/* The head of an info dictionary up to its files, then `files` again and
 * again, then the tail. Owned bytes. */
static uint8_t *repeat_files(const char *files, size_t count, size_t *size)
{
	const size_t capacity = strlen(files) * count + 256;
	uint8_t *buffer = memory_alloc(capacity);
	struct writer w;
	writer_init(&w, buffer, capacity);
	write_text(&w, "d4:infod5:filesl");
	for (size_t i = 0; i < count; i++)
		write_text(&w, files);
	write_text(&w, "e4:name1:n12:piece lengthi16384e6:pieces20:" HASH "ee");
	cr_assert_not(w.failed);
	*size = w.used;
	return buffer;
}

Test(metainfo, file_count_limit)
{
	size_t size;
	uint8_t *file = repeat_files("de", METAINFO_FILES_MAX + 1, &size);
	cr_assert_not(metainfo_parse(&m, bytes_of(file, size), reason));
	cr_assert_str_eq(reason, "info.files: 1048577 files, more than 1048576");
	metainfo_deinit(&m);
	free(file);
	file = repeat_files("de", METAINFO_FILES_MAX, &size);
	cr_assert_not(metainfo_parse(&m, bytes_of(file, size), reason));
	cr_assert_str_eq(reason, "info.files[0].length: missing or not a number");
	metainfo_deinit(&m);
	free(file);
}

Test(metainfo, path_limits)
{
	char text[8192] = "d6:lengthi1e4:pathl";
	size_t size;
	for (int i = 0; i < METAINFO_PATH_DEPTH_MAX - 1; i++)
		strcat(text, "1:d");
	char deeper[8192];
	snprintf(deeper, sizeof(deeper), "%s1:dee", text);
	strcat(text, "ee");
	uint8_t *file = repeat_files(text, 1, &size);
	cr_assert(metainfo_parse(&m, bytes_of(file, size), reason), "%s", reason);
	metainfo_deinit(&m);
	free(file);
	file = repeat_files(deeper, 1, &size);
	cr_assert_not(metainfo_parse(&m, bytes_of(file, size), reason));
	cr_assert_str_eq(reason, "info.files[0].path: too many directories");
	metainfo_deinit(&m);
	free(file);

	/* Twice the longest path there may be: the second cannot be renamed. */
	strcpy(text, "d6:lengthi1e4:pathl");
	for (size_t left = METAINFO_PATH_MAX - 1; left != 0;) { /* behind "n" */
		size_t name = left - 1 < 200 ? left - 1 : 200;
		snprintf(text + strlen(text), 300, "%zu:%.*s", name, (int)name,
		         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
		left -= name + 1;
	}
	strcat(text, "ee");
	file = repeat_files(text, 1, &size);
	cr_assert(metainfo_parse(&m, bytes_of(file, size), reason), "%s", reason);
	cr_assert_eq(strlen(m.files[0].path), METAINFO_PATH_MAX);
	metainfo_deinit(&m);
	free(file);
	file = repeat_files(text, 2, &size);
	cr_assert_not(metainfo_parse(&m, bytes_of(file, size), reason));
	cr_assert_str_eq(reason, "info.files: two files on one path, too long to rename");
	metainfo_deinit(&m);
	free(file);
}

Test(metainfo, info_size_limit_in_a_file)
{
	static const char head[] = "d4:infod4:junk33554432:", tail[] = "ee";
	const size_t size = sizeof(head) - 1 + METAINFO_INFO_MAX + sizeof(tail) - 1;
	char *file = memory_zeroed(size, 1);
	memcpy(file, head, sizeof(head) - 1);
	memcpy(file + size - 2, tail, 2);
	cr_assert_not(metainfo_parse(&m, bytes_of(file, size), reason));
	cr_assert_str_eq(reason, "info: 33554449 bytes, more than 33554432");
	metainfo_deinit(&m);
	free(file);
}
