/* tests/unit/create_test.c: tools/cli/create.c: the whole command on a
 * directory of its own; what it writes is read back. */
#include "tools/cli/cli.h"

#include "proto/bencode.h"
#include "proto/magnet.h"
#include "proto/metainfo.h"
#include "tools/io/files.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/shoal-create-XXXXXX";
static struct metainfo m;
static char reason[METAINFO_REASON_MAX];

static void begin(void)
{
	cr_assert_not_null(mkdtemp(root));
	cr_assert_eq(chdir(root), 0);
	cr_assert_eq(system("mkdir -p in/sub && printf aaaa > in/a && : > in/empty && "
	                    "head -c 40000 /dev/zero > in/sub/z"), 0);
}

static void end(void)
{
	char command[64];
	metainfo_deinit(&m);
	cr_assert_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(create, .init = begin, .fini = end);

/* Runs "create" with these arguments, NULL-terminated; output goes to the
 * files "stdout" and "stderr". */
static int run(const char *first, ...)
{
	const char *argv[600] = { "create", first };
	int argc = 2;
	va_list arguments;
	va_start(arguments, first);
	while ((argv[argc] = va_arg(arguments, const char *)) != NULL)
		argc++;
	va_end(arguments);
	cr_assert_not_null(freopen("stdout", "w", stdout));
	cr_assert_not_null(freopen("stderr", "w", stderr));
	const int code = cli_create(argc, (char **)argv);
	fflush(stdout);
	fflush(stderr);
	return code;
}

static void load(const char *path)
{
	char why[FILES_REASON_MAX];
	size_t size;
	metainfo_deinit(&m);
	uint8_t *bytes = files_load(path, 1 << 20, &size, why);
	cr_assert_not_null(bytes, "%s", why);
	/* Canonical, so that other tools make the same of it. */
	struct bencode doc;
	struct bencode_token tokens[512];
	cr_assert(bencode_parse(&doc, bytes_of(bytes, size), tokens, 512, BENCODE_STRICT));
	cr_assert(metainfo_parse(&m, bytes_of(bytes, size), reason), "%s", reason);
	free(bytes);
}

static void read_last_line(const char *path, char out[1024])
{
	FILE *f = fopen(path, "r");
	out[0] = '\0';
	while (fgets(out, 1024, f) != NULL)
		;
	out[strcspn(out, "\n")] = '\0';
	fclose(f);
}

Test(create, directory)
{
	char line[1024];
	struct magnet link;
	cr_assert_eq(run("in", "-o", "out.torrent", "--piece-size", "16K", "--comment", "hello", "--tracker",
	                 "http://t/ann", "--tracker", "udp://u:1/", "--web-seed", "http://w/", NULL), CLI_OK);
	load("out.torrent");
	cr_assert_str_eq(m.name, "in");
	cr_assert_eq(m.file_count, 3);
	cr_assert_str_eq(m.files[0].path, "in/a");
	cr_assert_str_eq(m.files[1].path, "in/empty");
	cr_assert_str_eq(m.files[2].path, "in/sub/z");
	cr_assert_eq(m.total, 40004);
	cr_assert_eq(m.piece_length, 16384);
	cr_assert_eq(m.piece_count, 3);
	cr_assert_str_eq(m.comment, "hello");
	cr_assert_str_eq(m.created_by, "shoal");
	cr_assert_gt(m.created_at, 0);
	cr_assert_not(m.is_private);
	cr_assert_eq(m.tracker_count, 2);
	cr_assert_eq(m.trackers[1].tier, 1);
	cr_assert_str_eq(m.web_seeds[0], "http://w/");
	/* The pieces: "aaaa" and zeroes. */
	static uint8_t bytes[16384];
	uint8_t hash[SHA1_SIZE];
	memcpy(bytes, "aaaa", 4);
	sha1(bytes_of(bytes, 16384), hash);
	cr_assert_eq(memcmp(hash, m.pieces, SHA1_SIZE), 0);

	read_last_line("stdout", line);
	cr_assert(magnet_parse(&link, line, reason), "%s: %s", line, reason);
	cr_assert_eq(memcmp(link.info_hash, m.info_hash, SHA1_SIZE), 0);
	cr_assert_str_eq(link.name, "in");
	cr_assert_eq(link.tracker_count, 2);
	cr_assert_str_eq(link.trackers[1], "udp://u:1/");
	magnet_deinit(&link);
}

/* The same hash as mktorrent 1.1 -l 15 gives for this content. */
Test(create, info_hash_is_that_of_other_tools)
{
	char hex[HEX_SHA1];
	cr_assert_eq(run("in", "-q", "-o", "o", "-p", "32K", NULL), CLI_OK);
	load("o");
	cr_assert_str_eq(hex_encode(bytes_of(m.info_hash, SHA1_SIZE), hex), "d49cdb02340b2d107a052004793a31da6e8a1a87");
	cr_assert_eq(run("in", "-q", "-o", "o", "-f", "-p", "32K", "--private", NULL), CLI_OK);
	load("o");
	cr_assert_str_eq(hex_encode(bytes_of(m.info_hash, SHA1_SIZE), hex), "a156bd110ffb34fd0d06db69d045d06ae2319831");
	cr_assert(m.is_private);
}

Test(create, single_file_and_default_output)
{
	cr_assert_eq(run("in/sub/z", "--no-date", NULL), CLI_OK);
	load("z.torrent");
	cr_assert_not(m.multi_file);
	cr_assert_str_eq(m.files[0].path, "z");
	cr_assert_eq(m.created_at, 0);
	cr_assert_eq(m.piece_length, 16384);
	cr_assert_eq(run("in/sub/z", "--name", "other", NULL), CLI_OK);
	load("other.torrent");
	cr_assert_str_eq(m.name, "other");
}

Test(create, name_of_a_directory)
{
	cr_assert_eq(chdir("in"), 0);
	cr_assert_eq(run(".", "-o", "../dot", NULL), CLI_OK);
	cr_assert_eq(run("sub/..", "-o", "../dots", NULL), CLI_OK);
	cr_assert_eq(chdir(".."), 0);
	load("dot");
	cr_assert_str_eq(m.name, "in");
	load("dots");
	cr_assert_str_eq(m.name, "in");
	cr_assert_eq(run("in///", "-o", "slash", NULL), CLI_OK);
	load("slash");
	cr_assert_str_eq(m.name, "in");
}

/* 1000 to 2000 pieces, by the power of two. */
Test(create, automatic_piece_size)
{
	static const struct {
		const char *size;
		uint32_t piece_length, piece_count;
	} cases[] = {
		{ "1", 16 << 10, 1 },
		{ "32767999", 16 << 10, 2000 },
		{ "32768000", 32 << 10, 1000 },
		{ "100M", 64 << 10, 1600 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char command[64];
		snprintf(command, sizeof(command), "truncate -s %s sparse", cases[i].size);
		cr_assert_eq(system(command), 0);
		cr_assert_eq(run("sparse", "-f", NULL), CLI_OK);
		load("sparse.torrent");
		cr_assert_eq(m.piece_length, cases[i].piece_length);
		cr_assert_eq(m.piece_count, cases[i].piece_count);
	}
}

Test(create, threads_do_not_change_the_torrent)
{
	uint8_t first[SHA1_SIZE];
	cr_assert_eq(run("in", "-o", "1", "--threads", "1", NULL), CLI_OK);
	load("1");
	memcpy(first, m.info_hash, SHA1_SIZE);
	cr_assert_eq(run("in", "-o", "9", "--threads", "9", NULL), CLI_OK);
	load("9");
	cr_assert_eq(memcmp(first, m.info_hash, SHA1_SIZE), 0);
}

Test(create, an_existing_file_is_replaced_only_when_told)
{
	struct stat before, after;
	cr_assert_eq(run("in", "-o", "o", NULL), CLI_OK);
	stat("o", &before);
	cr_assert_eq(run("in", "-o", "o", NULL), CLI_ERROR);
	stat("o", &after);
	cr_assert_eq(before.st_ino, after.st_ino);
	cr_assert_eq(run("in", "-o", "o", "-f", NULL), CLI_OK);
	cr_assert_eq(run("in", "-o", "in", "-f", NULL), CLI_ERROR, "a directory");
	cr_assert_eq(run("in", "-o", "in/a", "-f", NULL), CLI_ERROR, "one of the files");
	load("o");
}

Test(create, wrong_usage)
{
	cr_assert_eq(run("in", "in", NULL), CLI_USAGE);
	cr_assert_eq(run("-q", NULL), CLI_USAGE);
	cr_assert_eq(run("in", "--nonsense", NULL), CLI_USAGE);
	static const char *const sizes[] = { "0.5", "1", "8K", "100K", "16385", "512M", "x" };
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		cr_assert_eq(run("in", "-p", sizes[i], NULL), CLI_USAGE, "%s", sizes[i]);
	cr_assert_eq(run("in", "-t", "t.example", NULL), CLI_USAGE);
	cr_assert_eq(run("in", "-t", "http://a b/", NULL), CLI_USAGE);
	cr_assert_eq(run("in", "-w", "udp://a/", NULL), CLI_USAGE);
	cr_assert_eq(run("in", "-n", "a/b", NULL), CLI_USAGE);
	cr_assert_eq(run("in", "-n", "..", NULL), CLI_USAGE);
	cr_assert_eq(run("in", "-c", "\xff", NULL), CLI_USAGE);
	cr_assert_eq(run("in", "--threads", "257", NULL), CLI_USAGE);
	cr_assert_eq(run("/", NULL), CLI_USAGE, "it has no name");
	cr_assert_neq(access("in.torrent", F_OK), 0, "nothing was written");
}

Test(create, url_limits)
{
	const char *argv[2 * METAINFO_TRACKERS_MAX + 8] = { "create", "in", "-o", "o", "-q" };
	static char urls[METAINFO_TRACKERS_MAX + 1][32];
	int argc = 5;
	cr_assert_not_null(freopen("/dev/null", "w", stdout));
	cr_assert_not_null(freopen("/dev/null", "w", stderr));
	for (int i = 0; i <= METAINFO_TRACKERS_MAX; i++) {
		if (i == METAINFO_TRACKERS_MAX) {
			cr_assert_eq(cli_create(argc, (char **)argv), CLI_OK);
			load("o");
			cr_assert_eq(m.tracker_count, METAINFO_TRACKERS_MAX);
		}
		snprintf(urls[i], sizeof(urls[i]), "udp://t%d:1/", i);
		argv[argc++] = "-t";
		argv[argc++] = urls[i];
	}
	cr_assert_eq(cli_create(argc, (char **)argv), CLI_USAGE);
}

Test(create, nothing_to_share)
{
	cr_assert_eq(run("absent", NULL), CLI_ERROR);
	cr_assert_eq(run("in/empty", NULL), CLI_ERROR);
	cr_assert_eq(mkdir("void", 0755), 0);
	cr_assert_eq(run("void", NULL), CLI_ERROR);
	cr_assert_eq(run("in", "-o", "nowhere/x", NULL), CLI_ERROR);
}

Test(create, help_names_every_option)
{
	char text[8192];
	cr_assert_eq(run("--help", NULL), CLI_OK);
	FILE *f = fopen("stdout", "r");
	const size_t size = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[size] = '\0';
	static const char *const options[] = { "--output", "--force", "--name", "--piece-size", "--tracker",
		                               "--private", "--comment", "--web-seed", "--threads" };
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		cr_assert(strstr(text, options[i]) != NULL, "%s", options[i]);
}
