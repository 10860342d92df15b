/* tools/cli/lab_figure.c: shoal lab figure: runs the swarms, draws the curve. */
#include "tools/cli/lab.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/cli/cli.h"
#include "tools/cli/options.h"
#include "tools/lab/swarm_figure.h"
#include "tools/lab/swarm_lab.h"

#define NAME "lab figure"

enum {
	FIGURE_SIZE = 32 << 20,
	FIGURE_PIECE = 64 << 10,
	FIGURE_RATE = 256 << 10,
};

static const char measured[] =
	"Measured with 32 MiB in 512 pieces at u = 256 KiB/s and a round trip of 50 ms, not 1 GB,";

/* False: somebody was not done. */
static bool measure(uint32_t peers, bool client_server, uint32_t seed,
                    struct swarm_figure_point *out)
{
	const struct swarm_lab_config c = {
		.peers = peers,
		.size = FIGURE_SIZE,
		.piece_length = FIGURE_PIECE,
		.seed_up = FIGURE_RATE,
		.peer_up = FIGURE_RATE,
		.rtt_ms = 50,
		.client_server = client_server,
		.seed = seed,
	};
	struct swarm_lab_figures f;

	swarm_lab_run(&c, &f);
	const bool done = f.done == peers;
	*out = (struct swarm_figure_point){ peers, f.last_s * FIGURE_RATE / FIGURE_SIZE };
	swarm_lab_figures_deinit(&f);
	fprintf(stderr, "%3" PRIu32 " peers, %s: %.3f F/u\n", peers,
	        client_server ? "one server" : "a swarm", out->time);
	return done;
}

static bool measure_all(const uint32_t *peers, uint32_t count, bool client_server, uint32_t seed,
                        struct swarm_figure_point *out)
{
	for (uint32_t i = 0; i < count; i++)
		if (!measure(peers[i], client_server, seed, &out[i]))
			return false;
	return true;
}

static int write_figure(const struct swarm_figure *f, const char *path)
{
	FILE *out = fopen(path, "w");

	if (out == NULL)
		return cli_fail(CLI_ERROR, NAME, "%s: %s", path, strerror(errno));
	swarm_figure_write(f, out);
	const bool written = ferror(out) == 0;
	if (fclose(out) != 0 || !written)
		return cli_fail(CLI_ERROR, NAME, "%s: %s", path, strerror(errno));
	return CLI_OK;
}

static int run(const char *path, uint32_t seed)
{
	static const uint32_t peers[] = { 1, 5, 10, 20, 40, 70, 100 };
	enum { POINTS = sizeof peers / sizeof *peers };
	struct swarm_figure_point swarm[POINTS], server[POINTS];
	const struct swarm_figure f = { swarm, server, POINTS, POINTS, measured };

	if (!measure_all(peers, POINTS, false, seed, swarm) ||
	    !measure_all(peers, POINTS, true, seed, server))
		return cli_fail(CLI_UNFINISHED, NAME, "a swarm did not finish");
	return write_figure(&f, path);
}

int lab_run_figure(int argc, char **argv)
{
	const char *path = NULL;
	uint32_t seed = 1;
	const struct option_spec rows[] = {
		{ "out", 'o', OPTION_TEXT, &path, "FILE", "where to write the SVG" },
		{ "seed", 's', OPTION_COUNT, &seed, "N", "the same gives the same figure (1)" },
		{ 0 },
	};
	const struct command c = {
		NAME,
		"Draw the time it takes to give a file to N peers, from one server and in a\n"
		"swarm: the textbook's formulas as lines, and swarms of real sessions in this\n"
		"process, on virtual time, as points.",
		"--out FILE [options]", rows,
		"The runs take about two minutes. shoal lab swarm --help tells more about them.\n\n"
		"Exit codes:\n  0 done    1 another error    2 wrong usage    7 gave up unfinished\n"
	};
	char **operands;
	int count;

	switch (options_parse(&c, argc, argv, &operands, &count)) {
	case OPTIONS_HELP:
		return cli_finish_output(NAME);
	case OPTIONS_WRONG:
		return CLI_USAGE;
	case OPTIONS_RUN:
		break;
	}
	if (count != 0)
		return cli_fail(CLI_USAGE, NAME, "unexpected operand '%.100s'", operands[0]);
	if (path == NULL)
		return cli_fail(CLI_USAGE, NAME, "--out FILE is missing");
	return run(path, seed);
}
