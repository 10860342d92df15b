/* tests/unit/daemon_test.c: shoal daemon as a service runs it: the watch
 * folder, one owner per state directory, and everything back after a stop. */
#include "tests/unit/program.h"
#include "tests/unit/temporary.h"
#include "tools/cli/cli.h"

#include <sys/stat.h>

enum { CONTENT_SIZE = 500000 };

static struct temporary directory;
static char torrent[128], content[128], watch[128], state[128], downloads[128], magnet[256];
static struct program daemon_program, seed, node;

static void setup(void)
{
	struct program create;
	char path[256];
	FILE *f;

	temporary_init(&directory);
	snprintf(content, sizeof content, "%s/content", directory.path);
	snprintf(torrent, sizeof torrent, "%s/x.torrent", directory.path);
	snprintf(watch, sizeof watch, "%s/watch", directory.path);
	snprintf(state, sizeof state, "%s/state", directory.path);
	snprintf(downloads, sizeof downloads, "%s/downloads", directory.path);
	cr_assert(mkdir(content, 0755) == 0 && mkdir(watch, 0755) == 0);
	snprintf(path, sizeof path, "%s/file", content);
	f = fopen(path, "w");
	for (int i = 0; i < CONTENT_SIZE; i++)
		fputc(i * 31 % 251, f);
	fclose(f);
	PROGRAM_START(&create, cli_create, "create", path, "-o", torrent, "--piece-size", "16K");
	cr_assert(program_wait_for(&create, create.out, "magnet:?"));
	snprintf(magnet, sizeof magnet, "%.*s", (int)strcspn(create.line, "\n"), create.line);
	cr_assert_eq(program_end(&create), CLI_OK);
	unsetenv("JOURNAL_STREAM");
	unsetenv("NOTIFY_SOCKET");
}

static void teardown(void)
{
	temporary_deinit(&directory);
}

TestSuite(daemon, .init = setup, .fini = teardown, .timeout = 60);

static void start_daemon(const char *bootstrap)
{
	PROGRAM_START(&daemon_program, cli_daemon, "daemon", "--state", state, "--watch", watch,
	              "--download-dir", downloads, "--port", "0", "--no-default-routers",
	              bootstrap != NULL ? "--dht-bootstrap" : "--no-dht",
	              bootstrap);
}

static void expect_log(const char *text)
{
	cr_assert(program_wait_for(&daemon_program, daemon_program.err, text), "no '%s' in the log",
	          text);
}

static void stop_daemon(int signal)
{
	kill(daemon_program.pid, signal);
	cr_assert_eq(program_end(&daemon_program), CLI_OK);
}

static void drop(const char *name, const char *text)
{
	char path[256], hidden[256];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", watch, name);
	snprintf(hidden, sizeof hidden, "%s/.new", watch);
	if (text == NULL) {
		cr_assert(link(torrent, path) == 0);
		return;
	}
	f = fopen(hidden, "w");
	fputs(text, f);
	fclose(f);
	cr_assert(rename(hidden, path) == 0);
}

static bool exists(const char *folder, const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return stat(path, &st) == 0;
}

static void start_seed(const char *bootstrap)
{
	PROGRAM_START(&seed, cli_seed, "seed", torrent, "-d", content, "--json", "--port", "0",
	              "--no-default-routers", "--dht-bootstrap", bootstrap);
	program_event(&seed, "seeding");
}

/* A DHT node that knows the seed; returns its address. */
static const char *start_swarm(void)
{
	const char *address = program_start_node(&node);

	start_seed(address);
	program_wait_announced(magnet, address);
	return address;
}

static void stop_swarm(void)
{
	kill(node.pid, SIGTERM);
	cr_assert_eq(program_end(&node), CLI_OK);
	kill(seed.pid, SIGTERM);
	cr_assert_eq(program_end(&seed), CLI_OK);
}

Test(daemon, a_magnet_in_the_watch_folder)
{
	char line[300];

	start_daemon(start_swarm());
	expect_log("running on port");
	snprintf(line, sizeof line, "%s\n", magnet);
	drop("x.magnet", line);
	expect_log("x.magnet: added from the watch folder");
	expect_log("file: metadata is there");
	expect_log("file: complete, 500000 bytes");
	cr_assert(exists(watch, "x.magnet.added"));
	stop_daemon(SIGTERM);
	cr_assert(exists(downloads, "file"));
	/* It is a torrent now, and comes back without its peers and unhashed. */
	start_daemon(NULL);
	expect_log("file: complete, 500000 bytes");
	stop_daemon(SIGINT);
	stop_swarm();
}

Test(daemon, goes_on_after_a_kill)
{
	const char *address = start_swarm();

	drop("x.torrent", NULL);
	start_daemon(NULL);
	expect_log("x.torrent: added from the watch folder");
	expect_log("file: 0 of 31 pieces are there");
	kill(daemon_program.pid, SIGKILL);
	cr_assert_eq(program_end(&daemon_program), 1000 + SIGKILL);
	start_daemon(address);
	expect_log("running on port");
	expect_log("file: complete, 500000 bytes");
	stop_daemon(SIGTERM);
	stop_swarm();
}

Test(daemon, a_second_one_is_refused)
{
	struct program second;

	start_daemon(NULL);
	expect_log("running on port");
	cr_assert_eq(PROGRAM_RUN(&second, cli_daemon, "daemon", "--state", state, "--no-dht"),
	             CLI_ERROR);
	cr_assert(strstr(second.line, "shoal daemon: ") == second.line &&
	                  strstr(second.line, ": in use by another daemon, process ") != NULL,
	          "%s", second.line);
	stop_daemon(SIGTERM);
}

Test(daemon, hangup_looks_into_the_watch_folder)
{
	start_daemon(NULL);
	expect_log("running on port");
	kill(daemon_program.pid, SIGHUP);
	expect_log("hangup: looking into the watch folder");
	drop("x.torrent", NULL);
	kill(daemon_program.pid, SIGHUP);
	expect_log("x.torrent: added");
	drop("again.torrent", NULL);
	kill(daemon_program.pid, SIGHUP);
	expect_log("again.torrent: there already");
	stop_daemon(SIGTERM);
}

/* What is in the state directory and cannot be read is named, not lost. */
Test(daemon, a_damaged_state_directory)
{
	char path[256];
	FILE *f;

	drop("x.torrent", NULL);
	start_daemon(NULL);
	expect_log("file: 0 of 31 pieces are there");
	stop_daemon(SIGTERM);
	snprintf(path, sizeof path, "%s/torrents/%040d.torrent", state, 7);
	f = fopen(path, "w");
	fputs("d4:info", f);
	fclose(f);
	start_daemon(NULL);
	expect_log("torrent 0000000000000000000000000000000000000007 not brought back: ");
	expect_log("running on port");
	cr_assert(strstr(daemon_program.line, ": 1 torrents from ") != NULL, "%s",
	          daemon_program.line);
	stop_daemon(SIGTERM);
	cr_assert(access(path, F_OK) == 0);
}

Test(daemon, wrong_usage)
{
	struct program p;

	cr_expect_eq(PROGRAM_RUN(&p, cli_daemon, "daemon", "extra"), CLI_USAGE);
	cr_expect_str_eq(p.line, "shoal daemon: unexpected 'extra'\n");
	cr_expect_eq(PROGRAM_RUN(&p, cli_daemon, "daemon", "--log-level", "loud"), CLI_USAGE);
	cr_expect_str_eq(p.line, "shoal daemon: option --log-level: 'loud' is not error, warning, "
	                         "info or debug\n");
	cr_expect_eq(PROGRAM_RUN(&p, cli_daemon, "daemon", "--state", torrent, "--no-dht"),
	             CLI_ERROR);
	cr_expect(strstr(p.line, torrent) != NULL, "%s", p.line);
}
