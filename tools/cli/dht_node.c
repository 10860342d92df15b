/* tools/cli/dht_node.c: shoal dht node: one DHT node in the foreground, which
 * helps others find each other and shares no content. */
#include "tools/cli/dht.h"

#include "proto/hash.h"
#include "tools/cli/cli.h"
#include "tools/cli/network.h"
#include "tools/cli/show.h"
#include "tools/cli/signals.h"
#include "tools/io/files.h"

#include <inttypes.h>

#define NODE_REPORT_PERIOD (60 * USEC_PER_SEC)

struct node_run {
	struct show show;
	struct host *host; /* owned */
	usec reported_at;
	bool stopping;
};

static const char node_purpose[] =
	"Run one node of the mainline DHT. It answers others, keeps its table fresh and,\n"
	"with --state, remembers its id and its contacts. Useful as the first node of a\n"
	"network of one's own: give its address to the others as --dht-bootstrap.";

static const char node_notes[] =
	"Examples:\n"
	"  shoal dht node --port 6881 --state ~/.local/state/shoal\n"
	"  shoal dht node --port 7001 --bootstrap 127.0.0.1:7000 --no-default-routers\n"
	"\n"
	"Exit codes:\n"
	"  0 told to stop    1 another error, such as a port that is taken    2 wrong usage\n";

static void report(struct node_run *r)
{
	struct dht_stats stats;
	struct json_line *j;

	dht_node_stats(host_dht(r->host), &stats);
	j = show_event(&r->show, "stats");
	if (j != NULL) {
		json_uint(j, "nodes_v4", stats.nodes_v4);
		json_uint(j, "nodes_v6", stats.nodes_v6);
		json_uint(j, "stored_hashes", stats.stored_hashes);
		json_uint(j, "stored_peers", stats.stored_peers);
		json_uint(j, "stored_items", stats.stored_items);
		json_uint(j, "packets_in", stats.packets_in);
		json_uint(j, "packets_out", stats.packets_out);
		json_uint(j, "bytes_in", stats.bytes_in);
		json_uint(j, "bytes_out", stats.bytes_out);
		json_uint(j, "size_estimate", stats.size_estimate);
		json_bool(j, "read_only", stats.read_only);
		show_emit(&r->show);
	}
	show_say(&r->show,
	         "%" PRIu32 " nodes\t%" PRIu64 " hashes\t%" PRIu64 " peers\t%" PRIu64
	         " items\t%" PRIu64 " in\t%" PRIu64 " out",
	         stats.nodes_v4 + stats.nodes_v6, stats.stored_hashes, stats.stored_peers,
	         stats.stored_items, stats.packets_in, stats.packets_out);
}

static void on_host(struct host *h, const struct host_event *event, void *context)
{
	struct node_run *r = context;
	usec period = r->show.json ? SHOW_LINE_PERIOD : NODE_REPORT_PERIOD;

	if (event->kind == HOST_SIGNAL) {
		r->stopping = true;
		host_stop(h);
	} else if (event->kind == HOST_TICK && !r->stopping &&
	           usec_since(r->reported_at, host_now(h)) >= period) {
		r->reported_at = host_now(h);
		report(r);
	}
}

static void say_who(struct node_run *r)
{
	static const enum endpoint_family families[] = { ENDPOINT_V4, ENDPOINT_V6 };
	struct json_line *j = show_event(&r->show, "listening");
	const char *keys[] = { "id", "id_v6" };

	if (j != NULL)
		json_uint(j, "port", host_port(r->host));
	show_say(&r->show, "port %u", host_port(r->host));
	for (int i = 0; i < 2; i++) {
		const uint8_t *id = dht_node_id(host_dht(r->host), families[i]);
		char hex[HEX_SHA1];

		if (id == NULL)
			continue;
		hex_encode(bytes_of(id, DHT_ID_SIZE), hex);
		if (j != NULL)
			json_text(j, keys[i], hex);
		show_say(&r->show, "node id %s%s", hex, i == 1 ? " (IPv6)" : "");
	}
	if (j != NULL)
		show_emit(&r->show);
}

static int run(struct node_run *r, const struct network_options *network, const char *state)
{
	struct host_config config = { .state_dir = state };
	char reason[HOST_REASON_MAX], why[FILES_REASON_MAX];

	if (state != NULL && !files_make_directory(state, why))
		return cli_fail(CLI_ERROR, "dht node", "%s", why);
	network_fill(network, &config);
	config.dht = true;
	signals_hold();
	r->host = host_new(&config, on_host, r, reason);
	if (r->host == NULL)
		return cli_fail(CLI_ERROR, "dht node", "%s", reason);
	signals_release(r->host);
	r->reported_at = host_now(r->host);
	say_who(r);
	host_run(r->host);
	host_free(r->host);
	return CLI_OK;
}

int dht_run_node(int argc, char **argv)
{
	struct network_options n;
	bool json = false, quiet = false;
	const char *state = NULL;
	const struct option_spec rows[] = {
		{ "port", 'p', OPTION_TEXT, &n.port_text, "N",
		  "UDP port; 0: any (default: 6881, or any when that is taken)" },
		{ "bootstrap", 'b', OPTION_HOSTS, &n.bootstrap, "HOST:PORT",
		  "a node to start from; may be repeated" },
		{ "state", 0, OPTION_TEXT, &state, "DIR", "remember the id and contacts there" },
		{ "bind", 0, OPTION_TEXT, &n.bind, "ADDRESS|INTERFACE",
		  "use this one only (default: all)" },
		{ "no-default-routers", 0, OPTION_UNFLAG, &n.default_routers, NULL,
		  "do not ask the well-known DHT routers" },
		{ "json", 0, OPTION_FLAG, &json, NULL, "events, one JSON object a line" },
		{ "quiet", 'q', OPTION_FLAG, &quiet, NULL, "only errors" },
		{ 0 },
	};
	const struct command command = { "dht node", node_purpose, "[--port N] [options]", rows,
		                         node_notes };
	struct node_run r = { 0 };
	char **operands;
	int count, code;

	network_init(&n);
	switch (options_parse(&command, argc, argv, &operands, &count)) {
	case OPTIONS_HELP:
		return cli_finish_output("dht node");
	case OPTIONS_WRONG:
		return CLI_USAGE;
	case OPTIONS_RUN:
		break;
	}
	if (count != 0)
		return cli_fail(CLI_USAGE, "dht node", "unexpected '%s'", operands[0]);
	if (!network_check(&n, "dht node"))
		return CLI_USAGE;
	show_init(&r.show, "dht node", json, quiet, false);
	code = run(&r, &n, state);
	show_deinit(&r.show);
	return code;
}
