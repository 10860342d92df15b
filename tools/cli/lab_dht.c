/* tools/cli/lab_dht.c: shoal lab dht: options in, figures out. */
#include "tools/cli/lab.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/cli/cli.h"
#include "tools/cli/json_line.h"
#include "tools/cli/options.h"
#include "tools/lab/dht_lab.h"

struct lab_options {
	uint32_t nodes, lookups, seed;
	const char *nat, *loss, *churn, *sybils, *later, *policy, *rtt;
	bool json;
};

static double seconds_now(clockid_t clock)
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
		cli_warn("lab dht", "option --%s: '%.100s' is not a number from %g to %g", name, text, low,
		         high);
		return false;
	}
	*out = value;
	return true;
}

static bool take_count(const char *name, uint32_t value, uint32_t low, uint32_t high)
{
	if (value >= low && value <= high)
		return true;
	cli_warn("lab dht", "option --%s: %" PRIu32 " is not from %" PRIu32 " to %" PRIu32, name, value,
	         low, high);
	return false;
}

static bool take_rtt(const char *text, double out[3])
{
	const char *at = text;

	for (int i = 0; text != NULL && i < 3; i++) {
		char *end;
		out[i] = strtod(at, &end);
		if (end == at || *end != (i < 2 ? ',' : '\0') || !(out[i] > 0 && out[i] <= 30000) ||
		    (i > 0 && out[i] < out[i - 1])) {
			cli_warn("lab dht", "option --rtt-ms: '%.100s' is not three ascending times in ms, "
			         "as in 135,340,1200", text);
			return false;
		}
		at = end + 1;
	}
	return true;
}

static bool take_policy(const char *text, bool *classic)
{
	if (text == NULL || strcmp(text, "shoal") == 0)
		return true;
	*classic = strcmp(text, "classic") == 0;
	if (!*classic)
		cli_warn("lab dht", "option --policy: '%.100s' is neither shoal nor classic", text);
	return *classic;
}

static bool configure(const struct lab_options *o, struct dht_lab_config *c)
{
	*c = (struct dht_lab_config){ .nodes = o->nodes, .lookups = o->lookups, .seed = o->seed,
		                      .nat = 0.4, .loss = 0.02, .churn_median_min = 200, .later_min = 30,
		                      .rtt_ms = { 135, 340, 1200 } };
	if (!take_count("nodes", c->nodes, DHT_LAB_NODES_MIN, DHT_LAB_NODES_MAX) ||
	    !take_count("lookups", c->lookups, 1, DHT_LAB_LOOKUPS_MAX) ||
	    !take_real("nat", o->nat, 0, 0.75, &c->nat) ||
	    !take_real("loss", o->loss, 0, 0.9, &c->loss) ||
	    !take_real("churn-median-min", o->churn, 0, 1e6, &c->churn_median_min) ||
	    !take_real("sybils", o->sybils, 0, o->nodes / 2.0, &c->sybils) ||
	    !take_real("later-min", o->later, 0, 1440, &c->later_min) ||
	    !take_policy(o->policy, &c->classic) || !take_rtt(o->rtt, c->rtt_ms))
		return false;
	if (c->churn_median_min > 0 && c->churn_median_min < 1) {
		cli_warn("lab dht", "option --churn-median-min: 0 for none, else at least 1");
		return false;
	}
	return true;
}

/* ---- figures ---- */

static void print_json(const struct lab_options *o, const struct dht_lab_config *c,
                       const struct dht_lab_figures *f, double wall)
{
	struct json_line j;
	char hash[20];

	snprintf(hash, sizeof hash, "%016" PRIx64, f->trace_hash);
	json_init(&j);
	json_begin(&j, "lab_dht", seconds_now(CLOCK_REALTIME));
	json_uint(&j, "nodes", c->nodes);
	json_uint(&j, "lookups", c->lookups);
	json_uint(&j, "seed", c->seed);
	json_text(&j, "policy", c->classic ? "classic" : "shoal");
	json_decimal(&j, "nat", c->nat, 3);
	json_decimal(&j, "loss", c->loss, 3);
	json_decimal(&j, "churn_median_min", c->churn_median_min, 1);
	json_decimal(&j, "sybils", c->sybils, 3);
	json_decimal(&j, "later_min", c->later_min, 1);
	json_text(&j, "rtt_ms", o->rtt != NULL ? o->rtt : "135,340,1200");
	json_decimal(&j, "dead_contact_ratio", f->dead_contact_ratio, 4);
	json_decimal(&j, "dead_table_ratio", f->dead_table_ratio, 4);
	json_decimal(&j, "first_holder_ms_p50", f->first_holder_ms_p50, 1);
	json_decimal(&j, "first_holder_ms_p99", f->first_holder_ms_p99, 1);
	json_decimal(&j, "ready_ms_p50", f->ready_ms_p50, 1);
	json_decimal(&j, "ready_ms_p95", f->ready_ms_p95, 1);
	json_decimal(&j, "queries_mean", f->queries_mean, 2);
	json_decimal(&j, "recall_8_closest", f->recall_8_closest, 4);
	json_decimal(&j, "found_at_once", f->found_at_once, 4);
	json_decimal(&j, "found_after_30min", f->found_after_30min, 4);
	json_decimal(&j, "reannounce_queries_mean", f->reannounce_queries_mean, 2);
	json_decimal(&j, "bytes_per_node", f->bytes_per_node, 0);
	json_decimal(&j, "traffic_mb_per_day", f->traffic_mb_per_day, 2);
	json_uint(&j, "joined", f->joined);
	json_uint(&j, "left", f->left);
	json_uint(&j, "packets", f->packets);
	json_uint(&j, "events", f->events);
	json_decimal(&j, "virtual_s", f->virtual_s, 1);
	json_decimal(&j, "wall_s", wall, 2);
	json_text(&j, "trace_hash", hash);
	json_end(&j, stdout);
	json_deinit(&j);
}

static void print_table(const struct dht_lab_config *c, const struct dht_lab_figures *f, double wall)
{
	printf("%" PRIu32 " nodes, %" PRIu32 " trials, seed %" PRIu64 ", policy %s\n\n", c->nodes,
	       c->lookups, c->seed, c->classic ? "classic" : "shoal");
	printf("  %-34s%9.1f %%\n", "contacts learned that lead nowhere", 100 * f->dead_contact_ratio);
	printf("  %-34s%9.1f %%\n", "of the own table", 100 * f->dead_table_ratio);
	printf("  %-34s%9.0f ms   p99 %.0f ms\n", "first holder, p50", f->first_holder_ms_p50,
	       f->first_holder_ms_p99);
	printf("  %-34s%9.0f ms   p95 %.0f ms\n", "ready to announce, p50", f->ready_ms_p50,
	       f->ready_ms_p95);
	printf("  %-34s%9.1f\n", "queries of an announce", f->queries_mean);
	printf("  %-34s%9.1f\n", "queries of a repeated announce", f->reannounce_queries_mean);
	printf("  %-34s%9.1f %%\n", "of the 8 closest hold it", 100 * f->recall_8_closest);
	printf("  %-34s%9.2f %%\n", "found after 20 s", 100 * f->found_at_once);
	if (c->later_min > 0)
		printf("  found after %-22g min%8.2f %%\n", c->later_min, 100 * f->found_after_30min);
	printf("  %-34s%9.0f bytes\n", "memory of a node", f->bytes_per_node);
	printf("  %-34s%9.2f MB a day\n", "traffic of a node, in and out", f->traffic_mb_per_day);
	printf("\n%.0f s of the network in %.1f s (%.0f times), trace %016" PRIx64 "\n", f->virtual_s,
	       wall, wall > 0 ? f->virtual_s / wall : 0, f->trace_hash);
}

static const char notes[] =
	"Each trial announces a torrent from one node, looks for it from another 20 s\n"
	"later and from a third after half an hour. docs/dht.md explains the figures.\n\n"
	"Exit codes:\n  0 done    1 another error    2 wrong usage\n";

int lab_run_dht(int argc, char **argv)
{
	struct lab_options o = { .nodes = 10000, .lookups = 1000, .seed = 1 };
	struct dht_lab_config config;
	struct dht_lab_figures figures;
	const struct option_spec rows[] = {
		{ "nodes", 'n', OPTION_COUNT, &o.nodes, "N", "nodes of the network (10000)" },
		{ "lookups", 'l', OPTION_COUNT, &o.lookups, "N", "trials (1000)" },
		{ "seed", 's', OPTION_COUNT, &o.seed, "N", "the same gives the same run (1)" },
		{ "nat", 0, OPTION_TEXT, &o.nat, "SHARE", "hosts behind translators (0.4)" },
		{ "loss", 0, OPTION_TEXT, &o.loss, "SHARE", "packets lost (0.02)" },
		{ "churn-median-min", 0, OPTION_TEXT, &o.churn, "MIN",
		  "median session in minutes, 0: nobody leaves (200)" },
		{ "sybils", 0, OPTION_TEXT, &o.sybils, "N",
		  "liars: below 1 a share of those who answer, else how many (0)" },
		{ "later-min", 0, OPTION_TEXT, &o.later, "MIN",
		  "when a third node searches, 0: none does, which is quicker (30)" },
		{ "policy", 0, OPTION_TEXT, &o.policy, "NAME",
		  "shoal, or classic: the textbook's search (shoal)" },
		{ "rtt-ms", 0, OPTION_TEXT, &o.rtt, "P50,P90,P99",
		  "round trips of the network (135,340,1200)" },
		{ "json", 0, OPTION_FLAG, &o.json, NULL, "one object instead of the table" },
		{ 0 },
	};
	const struct command c = {
		"lab dht",
		"Run a large DHT of real nodes in this process, on virtual time, and measure how\n"
		"well searches do in it.",
		"[options]", rows, notes
	};
	char **operands;
	int count;
	double start;

	switch (options_parse(&c, argc, argv, &operands, &count)) {
	case OPTIONS_HELP:
		return cli_finish_output("lab dht");
	case OPTIONS_WRONG:
		return CLI_USAGE;
	case OPTIONS_RUN:
		break;
	}
	if (count != 0)
		return cli_fail(CLI_USAGE, "lab dht", "unexpected operand '%.100s'", operands[0]);
	if (!configure(&o, &config))
		return CLI_USAGE;
	start = seconds_now(CLOCK_MONOTONIC);
	dht_lab_run(&config, &figures);
	if (o.json)
		print_json(&o, &config, &figures, seconds_now(CLOCK_MONOTONIC) - start);
	else
		print_table(&config, &figures, seconds_now(CLOCK_MONOTONIC) - start);
	return cli_finish_output("lab dht");
}
