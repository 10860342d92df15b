/* tools/cli/lab_swarm.c: shoal lab swarm: options in, figures out. */
#include "tools/cli/lab.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/memory.h"
#include "tools/cli/cli.h"
#include "tools/cli/json_line.h"
#include "tools/cli/options.h"
#include "tools/lab/swarm_lab.h"

#define NAME "lab swarm"

struct swarm_options {
	uint32_t peers, seed;
	uint64_t size, piece, seed_up, peer_up, peer_down;
	usec trickle;
	const char *loss, *rtt, *mix;
	bool leave, client_server, json;
};

static double seconds_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- options ---- */

/* A number within bounds; NULL leaves the default. */
static bool take_real(const char *name, const char *text, double low, double high, double *out)
{
	char *end;
	double value;

	if (text == NULL)
		return true;
	value = strtod(text, &end);
	if (end == text || *end != '\0' || !(value >= low && value <= high)) {
		cli_warn(NAME, "option --%s: '%.100s' is not a number from %g to %g", name, text, low,
		         high);
		return false;
	}
	*out = value;
	return true;
}

static bool take_range(const char *name, uint64_t value, uint64_t low, uint64_t high)
{
	if (value >= low && value <= high)
		return true;
	cli_warn(NAME, "option --%s: %" PRIu64 " is not from %" PRIu64 " to %" PRIu64, name, value, low,
	         high);
	return false;
}

static bool take_rate(const char *name, uint64_t value)
{
	return take_range(name, value, SWARM_LAB_RATE_MIN, SWARM_LAB_RATE_MAX);
}

static bool take_piece(uint64_t piece)
{
	if (!take_range("piece", piece, SWARM_LAB_PIECE_MIN, SWARM_LAB_PIECE_MAX))
		return false;
	if ((piece & (piece - 1)) == 0)
		return true;
	cli_warn(NAME, "option --piece: %" PRIu64 " is not a power of two", piece);
	return false;
}

/* "classic" or "classic:SHARE". */
static bool take_mix(const char *text, double *classic)
{
	static const char kind[] = "classic";
	const size_t length = sizeof kind - 1;

	if (text == NULL)
		return true;
	*classic = 1;
	if (strcmp(text, kind) == 0)
		return true;
	if (strncmp(text, kind, length) == 0 && text[length] == ':')
		return take_real("mix", text + length + 1, 0, 1, classic);
	cli_warn(NAME, "option --mix: '%.100s' is not classic or classic:SHARE", text);
	return false;
}

static bool configure(const struct swarm_options *o, struct swarm_lab_config *c)
{
	*c = (struct swarm_lab_config){
		.peers = o->peers,
		.size = o->size,
		.seed_up = o->seed_up,
		.peer_up = o->peer_up,
		.peer_down = o->peer_down,
		.rtt_ms = 50,
		.leave = o->leave,
		.trickle_s = (double)o->trickle / USEC_PER_SEC,
		.client_server = o->client_server,
		.seed = o->seed,
	};
	if (!take_range("peers", o->peers, 1, SWARM_LAB_PEERS_MAX) ||
	    !take_range("size", o->size, 1, SWARM_LAB_SIZE_MAX) || !take_piece(o->piece) ||
	    !take_rate("seed-up", o->seed_up) || !take_rate("peer-up", o->peer_up) ||
	    (o->peer_down != 0 && !take_rate("peer-down", o->peer_down)) ||
	    !take_real("loss", o->loss, 0, 0.5, &c->loss) ||
	    !take_real("rtt-ms", o->rtt, 0.1, 10000, &c->rtt_ms) || !take_mix(o->mix, &c->classic))
		return false;
	if (!take_range("trickle", (uint64_t)o->trickle / USEC_PER_SEC, 0, 1000000))
		return false;
	c->piece_length = (uint32_t)o->piece;
	return true;
}

/* ---- figures ---- */

static void print_idle(struct json_line *j, const struct swarm_lab_config *c,
                       const struct swarm_lab_figures *f)
{
	double *idle = memory_alloc((c->peers + 1u) * sizeof *idle);

	idle[0] = f->seed_idle;
	for (uint32_t i = 0; i < c->peers; i++)
		idle[i + 1] = f->peers[i].idle;
	json_decimal(j, "seed_idle", f->seed_idle, 4);
	json_decimal(j, "idle_mean", f->idle_mean, 4);
	json_decimal(j, "idle_min", f->idle_min, 4);
	json_decimal(j, "idle_max", f->idle_max, 4);
	json_decimals(j, "uplink_idle", idle, c->peers + 1u, 4);
	free(idle);
}

static void print_json(const struct swarm_lab_config *c, const struct swarm_lab_figures *f,
                       double wall)
{
	struct json_line j;
	char hash[20];

	snprintf(hash, sizeof hash, "%016" PRIx64, f->trace_hash);
	json_init(&j);
	json_begin(&j, "lab_swarm", seconds_of(CLOCK_REALTIME));
	json_uint(&j, "peers", c->peers);
	json_uint(&j, "size", c->size);
	json_uint(&j, "piece", c->piece_length);
	json_uint(&j, "seed_up", c->seed_up);
	json_uint(&j, "peer_up", c->peer_up);
	json_uint(&j, "peer_down", c->peer_down);
	json_decimal(&j, "loss", c->loss, 4);
	json_decimal(&j, "rtt_ms", c->rtt_ms, 1);
	json_bool(&j, "leave", c->leave);
	json_decimal(&j, "trickle_s", c->trickle_s, 1);
	json_decimal(&j, "classic", c->classic, 3);
	json_bool(&j, "client_server", c->client_server);
	json_uint(&j, "seed", c->seed);
	json_uint(&j, "done", f->done);
	json_decimal(&j, "bound_s", f->bound_s, 3);
	json_decimal(&j, "client_server_s", f->client_server_s, 3);
	json_decimal(&j, "last_s", f->last_s, 3);
	json_decimal(&j, "mean_s", f->mean_s, 3);
	json_decimal(&j, "efficiency", f->efficiency, 4);
	json_decimal(&j, "seed_copies", f->seed_copies, 4);
	json_decimal(&j, "classic_mean_s", f->classic_mean_s, 3);
	json_decimal(&j, "classic_last_s", f->classic_last_s, 3);
	json_decimal(&j, "shoal_mean_s", f->shoal_mean_s, 3);
	json_decimal(&j, "shoal_last_s", f->shoal_last_s, 3);
	print_idle(&j, c, f);
	json_uint(&j, "events", f->events);
	json_decimal(&j, "wall_s", wall, 2);
	json_text(&j, "trace_hash", hash);
	json_end(&j, stdout);
	json_deinit(&j);
}

static void print_size(const char *before, uint64_t value, const char *after)
{
	if (value % (1 << 20) == 0)
		printf("%s%" PRIu64 " MiB%s", before, value >> 20, after);
	else if (value >= 1 << 10)
		printf("%s%.4g KiB%s", before, (double)value / 1024, after);
	else
		printf("%s%" PRIu64 " bytes%s", before, value, after);
}

static void print_swarm(const struct swarm_lab_config *c)
{
	printf("%" PRIu32 " %s", c->peers, c->peers == 1 ? "peer" : "peers");
	if (c->classic > 0)
		printf(" (classic: %g %%)", 100 * c->classic);
	print_size(", ", c->size, "");
	print_size(" in pieces of ", c->piece_length, "; up: ");
	print_size("seed ", c->seed_up, "/s, ");
	print_size("peers ", c->peer_up, "/s");
	if (c->peer_down != 0)
		print_size("; down: ", c->peer_down, "/s");
	printf("; round trip %g ms", c->rtt_ms);
	if (c->loss > 0)
		printf(", loss %g %%", 100 * c->loss);
	printf("\n");
	if (c->client_server)
		printf("Only the seed uploads.\n");
	if (c->trickle_s > 0)
		printf("They come within %g s.\n", c->trickle_s);
	if (c->leave)
		printf("Whoever has everything leaves.\n");
}

static void print_table(const struct swarm_lab_config *c, const struct swarm_lab_figures *f,
                        double wall)
{
	print_swarm(c);
	printf("\n  %-32s%10.1f s\n", "bound of client and server", f->client_server_s);
	printf("  %-32s%10.1f s\n", "bound of peer to peer", f->bound_s);
	printf("  %-32s%10.1f s   efficiency %.3f\n", "the last one done", f->last_s, f->efficiency);
	printf("  %-32s%10.1f s\n", "mean", f->mean_s);
	if (c->classic > 0 && f->shoal_mean_s > 0) {
		printf("  %-32s%10.1f s   mean %.1f s\n", "last of shoal's", f->shoal_last_s,
		       f->shoal_mean_s);
		printf("  %-32s%10.1f s   mean %.1f s\n", "last of the classic ones",
		       f->classic_last_s, f->classic_mean_s);
	}
	printf("  %-32s%10.3f copies\n", "sent by the seed", f->seed_copies);
	printf("  %-32s%10.1f %%\n", "idle: uplink of the seed", 100 * f->seed_idle);
	printf("  %-32s%10.1f %%   from %.1f to %.1f %%\n", "idle: uplinks of the peers",
	       100 * f->idle_mean, 100 * f->idle_min, 100 * f->idle_max);
	printf("\n%" PRIu64 " events in %.1f s, trace %016" PRIx64 "\n", f->events, wall,
	       f->trace_hash);
}

static const char notes[] =
	"Rates are bytes a second; K, M and G are powers of 1024. For a file of F bytes,\n"
	"uplinks us of the seed and ui of N peers, downlinks of at least dmin, nobody can\n"
	"be faster than\n\n"
	"  max(F/us, F/dmin, N F/(us + sum ui))   peer to peer: bound_s\n"
	"  max(N F/us, F/dmin)                    client and server: client_server_s\n\n"
	"efficiency is the bound divided by last_s, when the last peer is complete; with\n"
	"--client-server, the bound of that architecture. seed_copies counts all the seed\n"
	"sent, idle the share of its time in which an uplink sent nothing. A classic peer\n"
	"chokes in strict rounds of 10 s, keeps 5 requests outstanding and finishes open\n"
	"pieces before it begins others. The same seed gives the same trace_hash.\n\n"
	"Exit codes:\n  0 done    1 another error    2 wrong usage    7 gave up unfinished\n";

static int run(const struct swarm_options *o)
{
	struct swarm_lab_config config;
	struct swarm_lab_figures figures;

	if (!configure(o, &config))
		return CLI_USAGE;
	const double start = seconds_of(CLOCK_MONOTONIC);
	swarm_lab_run(&config, &figures);
	const double wall = seconds_of(CLOCK_MONOTONIC) - start;
	if (o->json)
		print_json(&config, &figures, wall);
	else
		print_table(&config, &figures, wall);
	const uint32_t done = figures.done;
	swarm_lab_figures_deinit(&figures);
	if (done < config.peers)
		return cli_fail(CLI_UNFINISHED, NAME, "%" PRIu32 " of %" PRIu32 " peers were done",
		                done, config.peers);
	return cli_finish_output(NAME);
}

int lab_run_swarm(int argc, char **argv)
{
	struct swarm_options o = { .peers = 50, .size = 128 << 20, .piece = 256 << 10,
		                   .seed_up = 2 << 20, .peer_up = 1 << 20, .seed = 1 };
	const struct option_spec rows[] = {
		{ "peers", 'n', OPTION_COUNT, &o.peers, "N", "besides the seed (50)" },
		{ "size", 0, OPTION_SIZE, &o.size, "SIZE", "of the file (128M)" },
		{ "piece", 0, OPTION_SIZE, &o.piece, "SIZE", "of a piece (256K)" },
		{ "seed-up", 0, OPTION_SIZE, &o.seed_up, "RATE", "uplink of the seed (2M)" },
		{ "peer-up", 0, OPTION_SIZE, &o.peer_up, "RATE", "uplink of a peer (1M)" },
		{ "peer-down", 0, OPTION_SIZE, &o.peer_down, "RATE",
		  "downlink of a peer, 0: no limit (0)" },
		{ "loss", 0, OPTION_TEXT, &o.loss, "SHARE", "segments lost (0)" },
		{ "rtt-ms", 0, OPTION_TEXT, &o.rtt, "MS", "round trip (50)" },
		{ "leave", 0, OPTION_FLAG, &o.leave, NULL, "whoever has everything leaves" },
		{ "trickle", 0, OPTION_DURATION, &o.trickle, "SECONDS",
		  "they come within that time, not at once" },
		{ "mix", 0, OPTION_TEXT, &o.mix, "classic:SHARE",
		  "so many follow the textbook to the letter;\n1, or classic alone: the seed, too" },
		{ "client-server", 0, OPTION_FLAG, &o.client_server, NULL,
		  "nobody but the seed uploads" },
		{ "seed", 's', OPTION_COUNT, &o.seed, "N", "the same gives the same run (1)" },
		{ "json", 0, OPTION_FLAG, &o.json, NULL, "one object instead of the table" },
		{ 0 },
	};
	const struct command c = {
		NAME,
		"Give a file from one seed to a swarm of real sessions in this process, on\n"
		"virtual time, and measure how close they come to what their links allow.",
		"[options]", rows, notes
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
	return run(&o);
}
