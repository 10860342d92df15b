/* tools/cli/dht_questions.c: shoal dht ping, find, peers, announce, scrape and
 * sample: what is asked, and how answers are printed. Values and keys are in
 * dht_values.c. */
#include "tools/cli/dht.h"

#include "proto/hash.h"
#include "tools/cli/cli.h"
#include "tools/cli/dht_ask.h"

#include <inttypes.h>

static const char ask_codes[] =
	"\nExit codes:\n"
	"  0 answered    2 wrong usage    6 a name that does not resolve    7 no answer in time\n";

/* ---- parsing, the same for each ---- */

/* -1: go on; otherwise the exit code. */
static int parse(const struct command *c, int argc, char **argv, int wanted, char ***operands)
{
	int count;

	switch (options_parse(c, argc, argv, operands, &count)) {
	case OPTIONS_HELP:
		return cli_finish_output(c->name);
	case OPTIONS_WRONG:
		return CLI_USAGE;
	case OPTIONS_RUN:
		break;
	}
	if (count == wanted)
		return -1;
	return cli_fail(CLI_USAGE, c->name, "%s (see shoal %s --help)",
	                count < wanted ? "something is missing" : "too many words", c->name);
}

static const char *text_of(const struct endpoint *e)
{
	static char text[ENDPOINT_TEXT_MAX];

	return endpoint_format(e, text);
}

/* ---- ping ---- */

static dht_search start_ping(struct ask *a, struct dht_node *node, usec now)
{
	return dht_node_ping(node, &a->to, now);
}

static void on_pong(struct ask *a, const struct dht_output *o)
{
	struct json_line *j;
	char hex[HEX_SHA1];

	if (o->kind != DHT_OUT_PONG)
		return;
	a->results++;
	j = show_event(&a->show, "pong");
	hex_encode(bytes_of(o->id, DHT_ID_SIZE), hex);
	if (j != NULL) {
		json_text(j, "node", text_of(&a->to));
		json_text(j, "id", hex);
		json_decimal(j, "rtt_ms", (double)o->rtt / 1000, 3);
		show_emit(&a->show);
	}
	show_say(&a->show, "%s\t%s\t%.1f ms", hex, text_of(&a->to), (double)o->rtt / 1000);
	ask_finish(a, CLI_OK);
}

static bool finish_if_results(struct ask *a, const struct dht_output *done)
{
	(void)done;
	return a->results > 0;
}

int dht_ask_ping(int argc, char **argv)
{
	struct ask a;
	const struct option_spec rows[] = { ASK_OPTIONS(&a) };
	const struct command c = { "dht ping", "Ask one node whether it is there; prints its id.",
		                   "HOST:PORT [options]", rows, ask_codes + 1 };
	char **operands;
	int code;

	ask_init(&a, c.name);
	a.network.default_routers = false;
	code = parse(&c, argc, argv, 1, &operands);
	if (code >= 0)
		return code;
	if (!ask_resolve(&a, operands[0]))
		return parse_host_port(operands[0]) ? CLI_NETWORK : CLI_USAGE;
	a.start = start_ping;
	a.result = on_pong;
	a.finish = finish_if_results;
	return ask_run(&a);
}

/* ---- find ---- */

static dht_search start_find(struct ask *a, struct dht_node *node, usec now)
{
	return dht_node_find_node(node, a->target, now);
}

static void on_nodes(struct ask *a, const struct dht_output *o)
{
	if (o->kind != DHT_OUT_NODES)
		return;
	for (uint32_t i = 0; i < o->count; i++) {
		struct json_line *j = show_event(&a->show, "node");
		char hex[HEX_SHA1];

		a->results++;
		hex_encode(bytes_of(o->nodes[i].id, DHT_ID_SIZE), hex);
		if (j != NULL) {
			json_text(j, "id", hex);
			json_text(j, "node", text_of(&o->nodes[i].endpoint));
			show_emit(&a->show);
		}
		show_say(&a->show, "%s\t%s", hex, text_of(&o->nodes[i].endpoint));
	}
}

int dht_ask_find(int argc, char **argv)
{
	struct ask a;
	const struct option_spec rows[] = { ASK_OPTIONS(&a) };
	const struct command c = { "dht find", "Find the nodes whose ids are closest to ID.",
		                   "ID [options]", rows, ask_codes + 1 };
	char **operands;
	int code;

	ask_init(&a, c.name);
	code = parse(&c, argc, argv, 1, &operands);
	if (code >= 0)
		return code;
	if (!ask_target(&a, operands[0]))
		return CLI_USAGE;
	a.start = start_find;
	a.result = on_nodes;
	a.finish = finish_if_results;
	return ask_run(&a);
}

/* ---- peers, announce, scrape ---- */

static dht_search start_peers(struct ask *a, struct dht_node *node, usec now)
{
	return dht_node_get_peers(node, a->target, 0, 0, now);
}

static void on_peers(struct ask *a, const struct dht_output *o)
{
	if (o->kind != DHT_OUT_PEERS)
		return;
	for (uint32_t i = 0; i < o->count; i++) {
		struct json_line *j = show_event(&a->show, "peer");

		a->results++;
		if (j != NULL) {
			json_text(j, "endpoint", text_of(&o->peers[i]));
			json_decimal(j, "seconds",
			          (double)usec_since(a->started_at, host_now(a->host)) / 1e6, 3);
			show_emit(&a->show);
		}
		show_say(&a->show, "%s", text_of(&o->peers[i]));
	}
}

/* Nodes answered: whether there were peers is the answer. */
static bool finish_peers(struct ask *a, const struct dht_output *done)
{
	struct json_line *j;

	if (done->replied == 0)
		return false;
	j = show_event(&a->show, "done");
	if (j != NULL) {
		json_uint(j, "peers", a->results);
		json_uint(j, "replied", done->replied);
		show_emit(&a->show);
	}
	return true;
}

int dht_ask_peers(int argc, char **argv)
{
	struct ask a;
	const struct option_spec rows[] = { ASK_OPTIONS(&a) };
	const struct command c = {
		"dht peers", "Find who has a torrent. Each peer is printed as it comes.",
		"INFOHASH [options]", rows, ask_codes + 1
	};
	char **operands;
	int code;

	ask_init(&a, c.name);
	code = parse(&c, argc, argv, 1, &operands);
	if (code >= 0)
		return code;
	if (!ask_target(&a, operands[0]))
		return CLI_USAGE;
	a.start = start_peers;
	a.result = on_peers;
	a.finish = finish_peers;
	return ask_run(&a);
}

static dht_search start_announce(struct ask *a, struct dht_node *node, usec now)
{
	return dht_node_get_peers(node, a->target, DHT_ANNOUNCE, a->port, now);
}

static bool finish_announce(struct ask *a, const struct dht_output *done)
{
	struct json_line *j;

	if (done->announced == 0)
		return false;
	j = show_event(&a->show, "done");
	if (j != NULL) {
		json_uint(j, "announced", done->announced);
		json_uint(j, "replied", done->replied);
		show_emit(&a->show);
	}
	show_say(&a->show, "announced to %" PRIu32 " nodes", done->announced);
	return true;
}

int dht_ask_announce(int argc, char **argv)
{
	struct ask a;
	const struct option_spec rows[] = { ASK_OPTIONS(&a) };
	const struct command c = {
		"dht announce",
		"Say in the DHT that this host serves a torrent at PORT. It is forgotten after\n"
		"half an hour or so unless it is said again.",
		"INFOHASH PORT [options]", rows, ask_codes + 1
	};
	char **operands;
	int code;

	ask_init(&a, c.name);
	code = parse(&c, argc, argv, 2, &operands);
	if (code >= 0)
		return code;
	if (!ask_target(&a, operands[0]))
		return CLI_USAGE;
	if (!parse_port(operands[1], &a.port) || a.port == 0)
		return cli_fail(CLI_USAGE, c.name, "'%s' is not a port, 1 to 65535", operands[1]);
	a.start = start_announce;
	a.finish = finish_announce;
	return ask_run(&a);
}

static dht_search start_scrape(struct ask *a, struct dht_node *node, usec now)
{
	return dht_node_get_peers(node, a->target, DHT_SCRAPE, 0, now);
}

static void on_scrape(struct ask *a, const struct dht_output *o)
{
	struct json_line *j;

	if (o->kind != DHT_OUT_SCRAPE)
		return;
	a->results++;
	j = show_event(&a->show, "scrape");
	if (j != NULL) {
		json_uint(j, "seeds", o->seeds);
		json_uint(j, "leechers", o->leechers);
		show_emit(&a->show);
	}
	show_say(&a->show, "about %" PRIu32 " seeds and %" PRIu32 " downloaders", o->seeds,
	         o->leechers);
}

int dht_ask_scrape(int argc, char **argv)
{
	struct ask a;
	const struct option_spec rows[] = { ASK_OPTIONS(&a) };
	const struct command c = {
		"dht scrape",
		"Estimate how many seeds and downloaders a torrent has (BEP 33, bloom filters).",
		"INFOHASH [options]", rows, ask_codes + 1
	};
	char **operands;
	int code;

	ask_init(&a, c.name);
	code = parse(&c, argc, argv, 1, &operands);
	if (code >= 0)
		return code;
	if (!ask_target(&a, operands[0]))
		return CLI_USAGE;
	a.start = start_scrape;
	a.result = on_scrape;
	return ask_run(&a);
}

/* ---- sample ---- */

static dht_search start_sample(struct ask *a, struct dht_node *node, usec now)
{
	return dht_node_sample(node, &a->to, a->target, now);
}

static void on_samples(struct ask *a, const struct dht_output *o)
{
	struct json_line *j;

	if (o->kind != DHT_OUT_SAMPLES)
		return;
	a->results++;
	for (uint32_t i = 0; i < o->count; i++) {
		char hex[HEX_SHA1];

		hex_encode(bytes_of(o->hashes[i], DHT_ID_SIZE), hex);
		j = show_event(&a->show, "sample");
		if (j != NULL) {
			json_text(j, "info_hash", hex);
			show_emit(&a->show);
		}
		show_say(&a->show, "%s", hex);
	}
	j = show_event(&a->show, "done");
	if (j != NULL) {
		json_uint(j, "samples", o->count);
		json_uint(j, "total", o->total);
		json_uint(j, "interval", o->interval);
		show_emit(&a->show);
	}
	ask_finish(a, CLI_OK);
}

int dht_ask_sample(int argc, char **argv)
{
	struct ask a;
	const struct option_spec rows[] = { ASK_OPTIONS(&a) };
	const struct command c = {
		"dht sample", "Ask one node for some of the info-hashes that it stores (BEP 51).",
		"HOST:PORT [options]", rows, ask_codes + 1
	};
	char **operands;
	int code;

	ask_init(&a, c.name);
	a.network.default_routers = false;
	code = parse(&c, argc, argv, 1, &operands);
	if (code >= 0)
		return code;
	if (!ask_resolve(&a, operands[0]))
		return parse_host_port(operands[0]) ? CLI_NETWORK : CLI_USAGE;
	a.start = start_sample;
	a.result = on_samples;
	a.finish = finish_if_results;
	return ask_run(&a);
}
