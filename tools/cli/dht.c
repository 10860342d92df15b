/* tools/cli/dht.c: shoal dht: the table of its subcommands. */
#include "tools/cli/dht.h"

#include "tools/cli/cli.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} questions[] = {
	{ "node", dht_run_node, "run a node" },
	{ "ping", dht_ask_ping, "is there a node at HOST:PORT, and which" },
	{ "find", dht_ask_find, "the nodes closest to an id" },
	{ "peers", dht_ask_peers, "who has a torrent; each is printed as it comes" },
	{ "announce", dht_ask_announce, "say that a torrent is served at a port of this host" },
	{ "scrape", dht_ask_scrape, "how many seeds and downloaders a torrent has, about" },
	{ "put", dht_ask_put, "store a value, under its hash or under a key" },
	{ "get", dht_ask_get, "fetch a value" },
	{ "sample", dht_ask_sample, "some of the info-hashes that a node stores" },
	{ "key", dht_make_key, "make a key for put" },
};

enum { QUESTIONS = sizeof questions / sizeof *questions };

static int print_help(void)
{
	printf("Usage: shoal dht COMMAND [options]\n\n"
	       "Run a node of the mainline DHT, or ask the DHT one question.\n\nCommands:\n");
	for (size_t i = 0; i < QUESTIONS; i++)
		printf("  %-10s%s\n", questions[i].name, questions[i].help);
	printf("\nExamples:\n"
	       "  shoal dht node --port 6881\n"
	       "  shoal dht peers INFOHASH --bootstrap 127.0.0.1:6881\n"
	       "  echo -n 'hello' | shoal dht put --bootstrap 127.0.0.1:6881\n"
	       "\nshoal dht COMMAND --help tells more about each.\n");
	return cli_finish_output("dht");
}

int cli_dht(int argc, char **argv)
{
	if (argc < 2)
		return cli_fail(CLI_USAGE, "dht", "a command is missing (see shoal dht --help)");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return print_help();
	for (size_t i = 0; i < QUESTIONS; i++)
		if (strcmp(argv[1], questions[i].name) == 0)
			return questions[i].run(argc - 1, argv + 1);
	return cli_fail(CLI_USAGE, "dht", "unknown command '%.100s' (see shoal dht --help)", argv[1]);
}
