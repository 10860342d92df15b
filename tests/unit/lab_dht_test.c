/* shoal lab dht: its options, its object, and that a seed repeats itself. */
#include "tests/unit/program.h"

#include "tools/lab/dht_lab.h"

static void expect_usage(const char *option, const char *value, const char *said)
{
	const char *const arguments[] = { "lab", "dht", option, value, NULL };
	struct program p;

	program_start(&p, cli_lab, arguments);
	cr_assert_not_null(fgets(p.line, sizeof p.line, p.err));
	cr_assert_not_null(strstr(p.line, said), "%s", p.line);
	cr_assert_null(fgets(p.line, sizeof p.line, p.err), "more than one line: %s", p.line);
	cr_assert_eq(program_end(&p), CLI_USAGE);
}

Test(lab_dht, bad_usage_is_one_line_and_2)
{
	expect_usage("--nodes", "99", "--nodes: 99");
	expect_usage("--nodes", "200001", "--nodes: 200001");
	expect_usage("--nodes", "many", "many");
	expect_usage("--lookups", "0", "--lookups: 0");
	expect_usage("--nat", "1", "--nat: '1'");
	expect_usage("--nat", "nan", "--nat: 'nan'");
	expect_usage("--loss", "-0.1", "--loss: '-0.1'");
	expect_usage("--loss", "0.1x", "--loss: '0.1x'");
	expect_usage("--churn-median-min", "0.5", "--churn-median-min");
	expect_usage("--sybils", "1000000", "--sybils");
	expect_usage("--later-min", "-1", "--later-min");
	expect_usage("--policy", "best", "--policy: 'best'");
	expect_usage("--rtt-ms", "135,340", "--rtt-ms");
	expect_usage("--rtt-ms", "340,135,1200", "--rtt-ms");
	expect_usage("--rtt-ms", "0,1,2", "--rtt-ms");
	expect_usage("--json", "more", "more");
	expect_usage("--unknown", "x", "unknown");
}

Test(lab_dht, prints_one_object)
{
	static const char *const keys[] = {
		"nodes", "lookups", "dead_contact_ratio", "first_holder_ms_p50", "first_holder_ms_p99",
		"ready_ms_p50", "ready_ms_p95", "queries_mean", "recall_8_closest", "found_after_30min",
		"bytes_per_node", "virtual_s", "wall_s", "trace_hash",
	};
	const char *const arguments[] = { "lab", "dht", "--nodes", "100", "--lookups", "5", "--json", NULL };
	struct program p;

	program_start(&p, cli_lab, arguments);
	cr_assert_not_null(fgets(p.line, sizeof p.line, p.out));
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		char quoted[64];
		snprintf(quoted, sizeof quoted, "\"%s\": ", keys[i]);
		cr_assert_not_null(strstr(p.line, quoted), "%s in %s", keys[i], p.line);
	}
	cr_assert_eq(p.line[0], '{');
	cr_assert_null(fgets(p.line, sizeof p.line, p.out));
	cr_assert_eq(program_end(&p), CLI_OK);
}

static struct dht_lab_figures run(uint64_t seed, bool classic)
{
	const struct dht_lab_config config = { .nodes = 150, .lookups = 10, .seed = seed, .nat = 0.4,
		                               .loss = 0.02, .churn_median_min = 200, .later_min = 30,
		                               .classic = classic, .rtt_ms = { 135, 340, 1200 } };
	struct dht_lab_figures figures;
	dht_lab_run(&config, &figures);
	return figures;
}

Test(lab_dht, the_same_seed_gives_the_same_figures)
{
	const struct dht_lab_figures a = run(1, false), b = run(1, false), c = run(2, false);
	cr_assert_eq(a.trace_hash, b.trace_hash);
	cr_assert_eq(memcmp(&a, &b, sizeof a), 0);
	cr_assert_neq(a.trace_hash, c.trace_hash);
	cr_assert_gt(a.joined, 10);
	cr_assert_eq(a.found_at_once, 1);
}

Test(lab_dht, the_textbook_waits_longer)
{
	const struct dht_lab_figures ours = run(3, false), textbook = run(3, true);
	cr_assert_lt(ours.ready_ms_p50, textbook.ready_ms_p50);
	cr_assert_gt(textbook.found_at_once, 0.8);
}
