/* tests/unit/dht_questions_test.c: shoal dht: questions to a small DHT of its
 * own, as a user asks them. */
#include "tests/unit/program.h"
#include "tests/unit/temporary.h"
#include "tools/cli/cli.h"

#define HASH "0123456789abcdef0123456789abcdef01234567"

enum { NODES = 4 };

static struct program nodes[NODES], question;
static struct temporary directory;
static char first[32];

static void setup(void)
{
	temporary_init(&directory);
	snprintf(first, sizeof first, "%s", program_start_node(&nodes[0]));
	for (int i = 1; i < NODES; i++) {
		PROGRAM_START(&nodes[i], cli_dht, "dht", "node", "--json", "--port", "0",
		              "--no-default-routers", "--bootstrap", first);
		program_event(&nodes[i], "listening");
	}
}

static void teardown(void)
{
	for (int i = 0; i < NODES; i++) {
		kill(nodes[i].pid, SIGTERM);
		cr_assert_eq(program_end(&nodes[i]), CLI_OK);
	}
	temporary_deinit(&directory);
}

TestSuite(dht_questions, .init = setup, .fini = teardown, .timeout = 60);

#define ASK(...) \
	PROGRAM_START(&question, cli_dht, "dht", __VA_ARGS__, "--bootstrap", first, \
	              "--no-default-routers", "--timeout", "20")

static void expect_output(const char *text)
{
	cr_assert(program_wait_for(&question, question.out, text), "no '%s'", text);
}

/* stdin of the question that comes next. */
static void set_input(const char *text)
{
	FILE *f = fopen(temporary_path(&directory, "input"), "w");

	fputs(text, f);
	fclose(f);
	cr_assert(freopen(temporary_path(&directory, "input"), "r", stdin) != NULL);
}

Test(dht_questions, ping)
{
	PROGRAM_START(&question, cli_dht, "dht", "ping", first, "--json");
	program_event(&question, "pong");
	cr_assert_eq(program_end(&question), CLI_OK);
	cr_assert_eq(PROGRAM_RUN(&question, cli_dht, "dht", "ping", "127.0.0.1:1", "--timeout",
	                         "0.2"),
	             CLI_UNFINISHED);
	cr_assert_str_eq(question.line, "shoal dht ping: the time is up: no answer\n");
}

Test(dht_questions, announce_then_peers)
{
	ASK("announce", HASH, "5555");
	expect_output("announced to ");
	cr_assert_eq(program_end(&question), CLI_OK);
	ASK("peers", HASH, "--json");
	program_event(&question, "peer");
	cr_assert(strstr(question.line, "\"127.0.0.1:5555\"") != NULL, "%s", question.line);
	program_event(&question, "done");
	cr_assert_eq(program_number(&question, "peers"), 1);
	cr_assert_eq(program_end(&question), CLI_OK);
}

Test(dht_questions, find)
{
	ASK("find", HASH);
	expect_output("127.0.0.1:");
	cr_assert_eq(program_end(&question), CLI_OK);
}

Test(dht_questions, a_value_under_its_hash)
{
	char target[64];

	set_input("hello world");
	ASK("put");
	expect_output("6d33adc2b6b2c14c3036feefb7fedbca1a880527");
	snprintf(target, sizeof target, "%.40s", question.line);
	cr_assert_eq(program_end(&question), CLI_OK);
	ASK("get", target);
	expect_output("hello world");
	cr_assert_str_eq(question.line, "hello world");
	cr_assert_eq(program_end(&question), CLI_OK);
	ASK("get", HASH);
	cr_assert_eq(program_end(&question), CLI_NOT_FOUND);
}

Test(dht_questions, a_value_under_a_key)
{
	char key[600], public_key[80];

	snprintf(key, sizeof key, "%s", temporary_path(&directory, "key"));
	PROGRAM_START(&question, cli_dht, "dht", "key", "new", key);
	expect_output("");
	snprintf(public_key, sizeof public_key, "%.64s", question.line);
	cr_assert_eq(program_end(&question), CLI_OK);
	cr_assert_eq(PROGRAM_RUN(&question, cli_dht, "dht", "key", "new", key), CLI_ERROR);
	cr_assert(strstr(question.line, "there already; a key is never overwritten\n") != NULL, "%s", question.line);

	set_input("one");
	ASK("put", "--key", key, "--salt", "s");
	expect_output("\tseq 1\t");
	cr_assert_eq(program_end(&question), CLI_OK);
	set_input("two");
	ASK("put", "--key", key, "--salt", "s");
	expect_output("\tseq 2\t");
	cr_assert_eq(program_end(&question), CLI_OK);
	ASK("get", "--key", public_key, "--salt", "s");
	expect_output("two");
	cr_assert_eq(program_end(&question), CLI_OK);
	set_input("old");
	ASK("put", "--key", key, "--salt", "s", "--seq", "1");
	cr_assert_eq(program_end(&question), CLI_ERROR);
	cr_assert_str_eq(question.line, "shoal dht put: not stored: a newer value is stored; give a "
	                                "higher --seq\n");
}

#define REFUSED(message, ...)                                                           \
	do {                                                                            \
		cr_expect_eq(PROGRAM_RUN(&question, cli_dht, "dht", __VA_ARGS__), CLI_USAGE); \
		cr_expect_str_eq(question.line, "shoal " message "\n");                 \
	} while (0)

Test(dht_questions, wrong_usage)
{
	REFUSED("dht: unknown command 'pong' (see shoal dht --help)", "pong");
	REFUSED("dht ping: something is missing (see shoal dht ping --help)", "ping");
	REFUSED("dht ping: 'here' is not HOST:PORT", "ping", "here");
	REFUSED("dht peers: '1234' is not an id of 40 hex digits", "peers", "1234");
	REFUSED("dht announce: '0' is not a port, 1 to 65535", "announce", HASH, "0");
	REFUSED("dht get: give either TARGET or --key HEX", "get");
	REFUSED("dht get: option --key: not 64 hex digits", "get", "--key", "12");
	REFUSED("dht put: options --salt, --seq and --cas need --key", "put", "--salt", "x");
	REFUSED("dht key: the form is: shoal dht key new FILE", "key", "old");
}
