/* tests/unit/get_test.c: shoal get and seed as a user runs them, over loopback:
 * how each way to end reads and which exit code it has. */
#include "proto/magnet.h"
#include "proto/metainfo.h"
#include "tests/unit/program.h"
#include "tests/unit/temporary.h"
#include "tools/cli/cli.h"

#include <sys/stat.h>

enum { CONTENT_SIZE = 3000000, SMALL_SIZE = 20 };

#define QUIET "--no-default-routers", "--json", "--port", "0"

static struct temporary directory;
static char torrent[128], content[128], out[128], file[160], magnet[256];
static struct program seed, get;

static void write_content(const char *path, size_t size)
{
	FILE *f = fopen(path, "w");
	uint32_t x = 12345;

	cr_assert(f != NULL);
	for (size_t i = 0; i < size; i++) {
		x = x * 1664525 + 1013904223;
		fputc((int)(x >> 24), f);
	}
	fclose(f);
}

static void setup(void)
{
	struct program create;

	temporary_init(&directory);
	snprintf(content, sizeof content, "%s/content", directory.path);
	snprintf(torrent, sizeof torrent, "%s/x.torrent", directory.path);
	snprintf(out, sizeof out, "%s/out", directory.path);
	cr_assert(mkdir(content, 0755) == 0);
	snprintf(file, sizeof file, "%s/album", content);
	cr_assert(mkdir(file, 0755) == 0);
	snprintf(file, sizeof file, "%s/album/big", content);
	write_content(file, CONTENT_SIZE);
	snprintf(file, sizeof file, "%s/album/small", content);
	write_content(file, SMALL_SIZE);
	snprintf(file, sizeof file, "%s/album", content);
	PROGRAM_START(&create, cli_create, "create", file, "-o", torrent, "--piece-size", "16K");
	cr_assert(program_wait_for(&create, create.out, "magnet:?"));
	snprintf(magnet, sizeof magnet, "%.*s", (int)strcspn(create.line, "\n"), create.line);
	cr_assert_eq(program_end(&create), CLI_OK);
}

static void teardown(void)
{
	temporary_deinit(&directory);
}

TestSuite(get, .init = setup, .fini = teardown, .timeout = 60);

/* A seed; HOST:PORT of it in the text returned. */
static const char *start_seed(const char *bootstrap)
{
	static char address[32];

	PROGRAM_START(&seed, cli_seed, "seed", torrent, "-d", content, QUIET,
	              bootstrap != NULL ? "--dht-bootstrap" : "--no-dht", bootstrap);
	program_event(&seed, "listening");
	snprintf(address, sizeof address, "127.0.0.1:%lld", program_number(&seed, "port"));
	program_event(&seed, "seeding");
	return address;
}

static void stop_seed(void)
{
	kill(seed.pid, SIGTERM);
	cr_assert_eq(program_end(&seed), CLI_OK);
}

static void assert_equal(const char *name)
{
	char a[256], b[256];
	FILE *one, *two;
	int c;

	snprintf(a, sizeof a, "%s/album/%s", content, name);
	snprintf(b, sizeof b, "%s/album/%s", out, name);
	one = fopen(a, "r");
	two = fopen(b, "r");
	cr_assert(one != NULL && two != NULL, "%s", b);
	do {
		c = fgetc(one);
		cr_assert_eq(c, fgetc(two), "%s", b);
	} while (c != EOF);
	fclose(one);
	fclose(two);
}

/* From the link alone: no address of the seed, only of a DHT node. */
Test(get, magnet_through_the_dht)
{
	struct program node;
	const char *address = program_start_node(&node);

	start_seed(address);
	program_wait_announced(magnet, address);
	PROGRAM_START(&get, cli_get, "get", magnet, "-o", out, "--dht-bootstrap", address, QUIET);
	program_event(&get, "metadata");
	cr_assert_eq(program_number(&get, "total"), CONTENT_SIZE + SMALL_SIZE);
	program_event(&get, "done");
	cr_assert_eq(program_number(&get, "verified"), CONTENT_SIZE + SMALL_SIZE);
	cr_assert_eq(program_end(&get), CLI_OK);
	assert_equal("big");
	assert_equal("small");
	stop_seed();
	kill(node.pid, SIGTERM);
	cr_assert_eq(program_end(&node), CLI_OK);
}

Test(get, complete_already)
{
	cr_assert_eq(PROGRAM_RUN(&get, cli_get, "get", torrent, "-o", content, "--no-dht", QUIET),
	             CLI_OK);
}

Test(get, done_under_seed_then_told_to_stop)
{
	const char *address = start_seed(NULL);

	PROGRAM_START(&get, cli_get, "get", torrent, "-o", out, "--seed", "--peer", address, QUIET);
	program_event(&get, "done");
	kill(get.pid, SIGINT);
	cr_assert_eq(program_end(&get), CLI_OK);
	assert_equal("big");
	stop_seed();
}

Test(get, interrupted)
{
	PROGRAM_START(&get, cli_get, "get", torrent, "-o", out, "--no-dht", QUIET);
	program_event(&get, "progress");
	kill(get.pid, SIGINT);
	cr_assert_eq(program_end(&get), CLI_INTERRUPTED);
	cr_assert_str_eq(get.line, "shoal get: interrupted\n");
}

Test(get, told_to_stop)
{
	PROGRAM_START(&get, cli_get, "get", torrent, "-o", out, "--no-dht", QUIET);
	program_event(&get, "progress");
	kill(get.pid, SIGTERM);
	cr_assert_eq(program_end(&get), CLI_TERMINATED);
}

/* Killed without a word, it goes on from what is on disk. */
Test(get, killed_and_started_again)
{
	const char *address = start_seed(NULL);
	long long have;

	PROGRAM_START(&get, cli_get, "get", torrent, "-o", out, "--no-dht", "--verbose", "--peer",
	              address, QUIET);
	for (int i = 0; i < 20; i++)
		program_event(&get, "piece");
	kill(get.pid, SIGKILL);
	cr_assert_eq(program_end(&get), 1000 + SIGKILL);
	PROGRAM_START(&get, cli_get, "get", torrent, "-o", out, "--no-dht", "--peer", address, QUIET);
	program_event(&get, "checked");
	have = program_number(&get, "pieces_have");
	cr_assert_geq(have, 20);
	program_event(&get, "done");
	cr_assert_leq(program_number(&get, "downloaded"),
	              CONTENT_SIZE + SMALL_SIZE - (have - 1) * 16384);
	cr_assert_eq(program_end(&get), CLI_OK);
	assert_equal("big");
	stop_seed();
}

Test(get, time_is_up)
{
	cr_assert_eq(PROGRAM_RUN(&get, cli_get, "get", torrent, "-o", out, "--no-dht", "--timeout",
	                         "0.3", QUIET),
	             CLI_UNFINISHED);
	cr_assert_str_eq(get.line,
	                 "shoal get: album: the time is up: 0.0 % after 0s, 0 peers\n");
	cr_assert_eq(PROGRAM_RUN(&get, cli_get, "get", magnet, "-o", out, "--no-dht", "--timeout",
	                         "0.3", QUIET),
	             CLI_UNFINISHED);
	cr_assert_str_eq(get.line,
	                 "shoal get: album: the time is up: no metadata after 0s, 0 peers\n");
}

Test(get, list_needs_no_network_for_a_torrent)
{
	PROGRAM_START(&get, cli_get, "get", torrent, "--list");
	cr_assert(program_wait_for(&get, get.out, "1\t3000000\talbum/big\n"));
	cr_assert(program_wait_for(&get, get.out, "2\t20\talbum/small\n"));
	cr_assert_eq(program_end(&get), CLI_OK);
}

Test(get, list_of_a_magnet_writes_nothing)
{
	const char *address = start_seed(NULL);
	struct stat st;

	PROGRAM_START(&get, cli_get, "get", magnet, "-o", out, "--list", "--peer", address, QUIET);
	program_event(&get, "file");
	cr_assert_eq(program_number(&get, "length"), CONTENT_SIZE);
	cr_assert_eq(program_end(&get), CLI_OK);
	cr_assert(stat(out, &st) != 0);
	stop_seed();
}

Test(get, only_some_files)
{
	const char *address = start_seed(NULL);
	char saved[160];

	snprintf(saved, sizeof saved, "%s/saved.torrent", directory.path);
	PROGRAM_START(&get, cli_get, "get", magnet, "-o", out, "--files", "small", "--peer", address,
	              "--save-torrent", saved, QUIET);
	program_event(&get, "done");
	cr_assert_lt(program_number(&get, "downloaded"), 3 * 16384);
	cr_assert_eq(program_end(&get), CLI_OK);
	assert_equal("small");
	PROGRAM_START(&get, cli_get, "get", saved, "--list");
	cr_assert(program_wait_for(&get, get.out, "2\t20\talbum/small\n"));
	cr_assert_eq(program_end(&get), CLI_OK);
	stop_seed();
}

#define REFUSED(code, message, ...)                                                    \
	do {                                                                           \
		cr_expect_eq(PROGRAM_RUN(&get, cli_get, "get", __VA_ARGS__), code, "%s", \
		             get.line);                                                \
		cr_expect_str_eq(get.line, "shoal get: " message "\n");                \
	} while (0)

Test(get, refusals_say_what_and_where)
{
	char line[400];

	REFUSED(CLI_USAGE, "a magnet link or .torrent file is missing (see shoal get --help)", "-q");
	REFUSED(CLI_USAGE, "only one magnet link or .torrent file at a time (see shoal get --help)",
	        "a", "b");
	REFUSED(CLI_USAGE, "option --port: '70000' is not a port, 0 to 65535", torrent, "--port",
	        "70000");
	REFUSED(CLI_USAGE, "option --seed-ratio: 'x' is not a ratio such as 1.5", torrent,
	        "--seed-ratio=x");
	REFUSED(CLI_USAGE, "option --files: no file matches '*.mp3'", torrent, "-o", out, "--files",
	        "*.mp3");
	REFUSED(CLI_ERROR, "/nonexistent.torrent: no such file, nor a magnet link or info-hash",
	        "/nonexistent.torrent");
	cr_expect_eq(PROGRAM_RUN(&get, cli_get, "get", torrent, "-o", torrent), CLI_ERROR);
	snprintf(line, sizeof line, "shoal get: %s: not a directory\n", torrent);
	cr_expect_str_eq(get.line, line);
	cr_expect_eq(PROGRAM_RUN(&get, cli_get, "get", "magnet:?dn=x"), CLI_BAD_MAGNET);
	snprintf(file, sizeof file, "%s/album/small", content);
	cr_expect_eq(PROGRAM_RUN(&get, cli_get, "get", file), CLI_BAD_TORRENT);
	cr_expect(strstr(get.line, "album/small: ") != NULL, "%s", get.line);
}

Test(get, refusals_are_events_too)
{
	PROGRAM_START(&get, cli_get, "get", "magnet:?dn=x", "--json");
	program_event(&get, "error");
	cr_assert_eq(program_number(&get, "exit"), CLI_BAD_MAGNET);
	cr_assert_eq(program_end(&get), CLI_BAD_MAGNET);
}

Test(get, seed_refuses_what_is_not_whole)
{
	char line[400];

	snprintf(file, sizeof file, "%s/album/big", content);
	cr_assert(truncate(file, 2 * 16384) == 0);
	cr_assert_eq(PROGRAM_RUN(&seed, cli_seed, "seed", torrent, "-d", content, "--no-dht", QUIET),
	             CLI_ERROR);
	snprintf(line, sizeof line,
	         "shoal seed: %s: 2 of 184 pieces present in %s (--partial shares and fetches "
	         "anyway)\n",
	         torrent, content);
	cr_assert_str_eq(seed.line, line);
	cr_assert_eq(PROGRAM_RUN(&seed, cli_seed, "seed", torrent, "-d", out), CLI_ERROR);
	snprintf(line, sizeof line, "shoal seed: %s: no such directory\n", out);
	cr_assert_str_eq(seed.line, line);
	PROGRAM_START(&seed, cli_seed, "seed", torrent, "-d", content, "--no-dht", "--partial", QUIET);
	program_event(&seed, "seeding");
	stop_seed();
}
