/* tools/shoal.c: main(): the table of subcommands. */
#include "tools/cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define SHOAL_VERSION "0.1.0"

static const struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help; /* NULL: not listed */
} subcommands[] = {
	{ "get", cli_get, "download a torrent from a magnet link or file" },
	{ "seed", cli_seed, "share content that is already there" },
	{ "create", cli_create, "make a .torrent and its magnet link from files" },
	{ "daemon", cli_daemon, "run many torrents from a state directory and a watch folder" },
	{ "dht", cli_dht, "run a DHT node, or ask the DHT one question" },
	{ "lab", cli_lab, "experiments in a simulated network" },
	{ "help", cli_help, "this text, or that of a subcommand" },
	{ "version", cli_version, "the version" },
	{ "--help", cli_help, NULL },
	{ "-h", cli_help, NULL },
	{ "--version", cli_version, NULL },
	{ "-V", cli_version, NULL },
};

enum { SUBCOMMANDS = sizeof subcommands / sizeof *subcommands };

static const struct subcommand *find_subcommand(const char *name)
{
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		if (strcmp(subcommands[i].name, name) == 0)
			return &subcommands[i];
	return NULL;
}

int cli_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("shoal " SHOAL_VERSION);
	return cli_finish_output("version");
}

static int unknown(const char *name)
{
	return cli_fail(CLI_USAGE, "", "unknown command '%.100s' (see shoal --help)", name);
}

int cli_help(int argc, char **argv)
{
	char *help_argv[] = { NULL, (char[]){ "--help" }, NULL };
	const struct subcommand *s;

	if (argc > 1) {
		s = find_subcommand(argv[1]);
		if (s == NULL)
			return unknown(argv[1]);
		if (s->run == cli_help || s->run == cli_version)
			return cli_help(1, argv);
		help_argv[0] = argv[1];
		return s->run(2, help_argv);
	}
	printf("Usage: shoal COMMAND [options]\n\n"
	       "A headless BitTorrent peer that needs no tracker: it finds peers in the DHT,\n"
	       "downloads, verifies and shares.\n\nCommands:\n");
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		if (subcommands[i].help != NULL)
			printf("  %-10s%s\n", subcommands[i].name, subcommands[i].help);
	printf("\nThe first minute:\n"
	       "  shoal create ~/album -o album.torrent     prints the magnet link\n"
	       "  shoal seed album.torrent -d ~             shares it\n"
	       "  shoal get 'magnet:?xt=urn:btih:...' -o .  elsewhere: fetches it\n"
	       "\nshoal COMMAND --help tells more about each.\n");
	return cli_finish_output("help");
}

int main(int argc, char **argv)
{
	const struct subcommand *s;

	signal(SIGPIPE, SIG_IGN);
	if (argc < 2)
		return cli_fail(CLI_USAGE, "", "a command is missing (see shoal --help)");
	s = find_subcommand(argv[1]);
	if (s == NULL)
		return unknown(argv[1]);
	return s->run(argc - 1, argv + 1);
}
