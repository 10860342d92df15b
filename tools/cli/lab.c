/* tools/cli/lab.c: shoal lab: experiments in a simulated network, on virtual
 * time, with the code that ships. */
#include "tools/cli/lab.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/bench/micro_dht.h"
#include "tools/bench/micro_hash.h"
#include "tools/bench/micro_picker.h"
#include "tools/cli/cli.h"
#include "tools/cli/options.h"
#include "tools/lab/dht_lab.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} experiments[] = {
	{ "dht", lab_run_dht, "how well searches do in a large DHT" },
	{ "swarm", lab_run_swarm, "how close a swarm comes to what its links allow" },
	{ "figure", lab_run_figure, "the time to give a file to N peers, as an SVG" },
	{ "bench", lab_run_bench, "what single operations cost" },
};

enum { EXPERIMENTS = sizeof experiments / sizeof *experiments };

static int print_help(void)
{
	printf("Usage: shoal lab COMMAND [options]\n\n"
	       "Experiments in one process: no packet leaves it.\n\nCommands:\n");
	for (size_t i = 0; i < EXPERIMENTS; i++)
		printf("  %-10s%s\n", experiments[i].name, experiments[i].help);
	printf("\nshoal lab COMMAND --help tells more about each.\n");
	return cli_finish_output("lab");
}

/* How much of a network one core simulates. */
static void bench_network(FILE *out)
{
	const struct dht_lab_config config = { .nodes = 1000, .lookups = 20, .seed = 1, .nat = 0.4,
		                               .loss = 0.02, .churn_median_min = 200,
		                               .rtt_ms = { 135, 340, 1200 } };
	struct dht_lab_figures f;
	const clock_t start = clock();
	dht_lab_run(&config, &f);
	const double spent = (double)(clock() - start) / CLOCKS_PER_SEC;
	fprintf(out, "dht: %.0f bytes a node, %.0f thousand nodes x seconds simulated in a second\n",
	        f.bytes_per_node, config.nodes * f.virtual_s / spent / 1000);
}

int lab_run_bench(int argc, char **argv)
{
	const struct option_spec rows[] = { { 0 } };
	const struct command c = {
		"lab bench",
		"Measure what a DHT node spends on one question, the piece picker on one choice,\n"
		"and SHA-1 on a GiB. Prints one figure a line.",
		"", rows, NULL
	};
	char **operands;
	int count;

	switch (options_parse(&c, argc, argv, &operands, &count)) {
	case OPTIONS_HELP:
		return cli_finish_output("lab bench");
	case OPTIONS_WRONG:
		return CLI_USAGE;
	case OPTIONS_RUN:
		break;
	}
	if (count != 0)
		return cli_fail(CLI_USAGE, "lab bench", "unexpected operand '%.100s'", operands[0]);
	bench_dht(stdout);
	bench_network(stdout);
	bench_picker(stdout);
	bench_hash(stdout);
	return cli_finish_output("lab bench");
}

int cli_lab(int argc, char **argv)
{
	if (argc < 2)
		return cli_fail(CLI_USAGE, "lab", "a command is missing (see shoal lab --help)");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return print_help();
	for (size_t i = 0; i < EXPERIMENTS; i++)
		if (strcmp(argv[1], experiments[i].name) == 0)
			return experiments[i].run(argc - 1, argv + 1);
	return cli_fail(CLI_USAGE, "lab", "unknown command '%.100s' (see shoal lab --help)", argv[1]);
}
