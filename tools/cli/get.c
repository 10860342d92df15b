/* tools/cli/get.c: shoal get: one torrent into a directory, then done.
 *
 * The engine checks what is on disk first, so a second run goes on where a
 * killed one stopped. The exit code tells how it ended; 0 only when every
 * wanted piece has been verified and written. */
#include "tools/cli/cli.h"

#include "proto/memory.h"
#include "tools/cli/selection.h"
#include "tools/cli/source.h"
#include "tools/cli/transfer.h"
#include "tools/io/files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { GET_PEERS_KEPT_MAX = 200 }; /* peers asked again after choosing files */

struct get {
	struct transfer transfer;
	struct network_options network;
	struct text_list peers, trackers;
	const char *directory, *files, *save_torrent, *ratio_text;
	bool seed, json, quiet, verbose, list, sequential;
	usec timeout;
	double ratio;

	struct source source;
	torrent_id torrent;
	uint8_t *priorities;   /* owned; NULL: everything */
	usec started_at, deadline;
	bool metadata_seen, done;
};

static const char get_purpose[] =
	"Download one torrent into a directory. A magnet link (or a bare info-hash) is\n"
	"enough: peers are found in the DHT, the metadata comes from them, and every\n"
	"piece is verified before it counts. While it downloads it shares. Interrupted\n"
	"and started again, it goes on from what is on disk.";

static const char get_notes[] =
	"Examples:\n"
	"  shoal get 'magnet:?xt=urn:btih:HASH' -o ~/Downloads\n"
	"  shoal get debian.torrent -o . --seed-ratio 1\n"
	"  shoal get debian.torrent --list\n"
	"  shoal get MAGNET -o DIR --files '1,3-5,*.pdf' --timeout 10m --json\n"
	"\n"
	"Exit codes:\n"
	"  0 everything wanted is there and verified   1 another error    2 wrong usage\n"
	"  7 the time is up     9 the disk is full    26 bad torrent     27 bad magnet link\n"
	"  130 interrupted    143 told to stop\n";

static bool is_complete(const struct torrent_status *s)
{
	return s->state == TORRENT_SEEDING;
}

/* ---- metadata ---- */

/* A magnet's and the command line's; those of a torrent file the host knows. */
static void add_trackers(struct get *g)
{
	const struct magnet *m = &g->source.magnet;
	const char *reason;

	for (uint32_t i = 0; g->source.is_magnet && i < m->tracker_count; i++)
		if (!host_add_tracker(g->transfer.host, g->torrent, m->trackers[i], i, &reason) &&
		    g->transfer.show.verbose)
			show_say(&g->transfer.show, "tracker left out: %s", reason);
	for (uint32_t i = 0; i < g->trackers.count; i++)
		if (!host_add_tracker(g->transfer.host, g->torrent, g->trackers.texts[i], 0, &reason))
			cli_warn("get", "option --tracker: %s: %s", g->trackers.texts[i], reason);
}

/* A magnet's choice of files can be made only now: the torrent is added anew
 * with priorities, and the peers that gave us the metadata are asked again. */
static bool add_again(struct get *g, const struct metainfo *known)
{
	struct session *session = host_session(g->transfer.host);
	struct peer_status *peers = memory_zeroed(GET_PEERS_KEPT_MAX, sizeof *peers);
	struct torrent_options options = { .sequential = g->sequential,
		                           .priorities = g->priorities };
	char reason[METAINFO_REASON_MAX];
	struct metainfo m;
	uint32_t count;
	bool good = metainfo_parse_info(&m, known->info, reason);

	if (good) {
		count = session_peers(session, g->torrent, peers, GET_PEERS_KEPT_MAX,
		                      host_now(g->transfer.host));
		host_remove(g->transfer.host, g->torrent);
		options.metainfo = &m;
		g->torrent = host_add(g->transfer.host, &options, g->directory, NULL);
		good = g->torrent != 0;
		for (uint32_t i = 0; good && i < count && i < GET_PEERS_KEPT_MAX; i++)
			if (!peers[i].incoming)
				session_on_peers(session, g->torrent, &peers[i].endpoint, 1,
				                 peers[i].source, host_now(g->transfer.host));
	}
	if (good)
		add_trackers(g);
	metainfo_deinit(&m);
	free(peers);
	return good;
}

/* Fill g->priorities from --files or the magnet's "so". False: the failure
 * has been printed, *code is the exit code. */
static bool choose_files(struct get *g, const struct metainfo *m, int *code)
{
	char reason[SELECTION_REASON_MAX];
	bool ranges = g->source.is_magnet && g->source.magnet.file_count > 0;

	if (g->files == NULL && !ranges)
		return true;
	g->priorities = memory_zeroed(m->file_count, 1);
	if (g->files != NULL && selection_apply(g->files, m, g->priorities, reason))
		return true;
	if (g->files != NULL) {
		*code = show_failure(&g->transfer.show, CLI_USAGE, "option --files: %s", reason);
		return false;
	}
	if (selection_apply_ranges(g->source.magnet.files, g->source.magnet.file_count, m,
	                           g->priorities))
		return true;
	*code = show_failure(&g->transfer.show, CLI_BAD_MAGNET,
	                     "so=: the torrent has no such file");
	return false;
}

static bool save_torrent(struct get *g, const struct metainfo *m)
{
	struct metainfo_tracker trackers[MAGNET_TRACKERS_MAX];
	const struct magnet *magnet = &g->source.magnet;
	char reason[FILES_REASON_MAX];
	uint32_t count = g->source.is_magnet ? magnet->tracker_count : 0;
	uint8_t *file;
	size_t size;
	bool good;

	for (uint32_t i = 0; i < count; i++)
		trackers[i] = (struct metainfo_tracker){ magnet->trackers[i], i };
	file = metainfo_wrap(m->info, trackers, count, &size);
	good = files_save(g->save_torrent, bytes_of(file, size), 0, reason);
	free(file);
	if (!good)
		transfer_stop(&g->transfer, show_failure(&g->transfer.show, CLI_ERROR, "%s", reason));
	return good;
}

static void on_metadata(struct get *g)
{
	const struct metainfo *m = session_metainfo(host_session(g->transfer.host), g->torrent);
	int code = CLI_OK;

	if (m == NULL || g->metadata_seen || g->transfer.stopping)
		return;
	g->metadata_seen = true;
	transfer_show_metadata(&g->transfer, m);
	if (g->save_torrent != NULL && !save_torrent(g, m))
		return;
	if (g->list) {
		session_pause(host_session(g->transfer.host), g->torrent, host_now(g->transfer.host));
		transfer_list_files(&g->transfer, m);
		transfer_stop(&g->transfer, CLI_OK);
		return;
	}
	if (!g->source.is_magnet)
		return;
	if (!choose_files(g, m, &code))
		transfer_stop(&g->transfer, code);
	else if (g->priorities != NULL && !add_again(g, m))
		transfer_stop(&g->transfer,
		              show_failure(&g->transfer.show, CLI_ERROR, "choosing files failed"));
}

/* ---- the run ---- */

static void on_done(struct get *g, const struct torrent_status *status)
{
	struct json_line *j = show_event(&g->transfer.show, "done");
	usec took = usec_since(g->started_at, host_now(g->transfer.host));
	char size[FORMAT_SIZE_MAX], time[FORMAT_SIZE_MAX], rate[FORMAT_SIZE_MAX];

	g->done = true;
	if (j != NULL) {
		json_hex(j, "info_hash", bytes_of(status->info_hash, SHA1_SIZE));
		json_text(j, "name", status->name);
		json_uint(j, "total", status->total);
		json_uint(j, "verified", status->verified);
		json_decimal(j, "seconds", (double)took / 1e6, 3);
		json_uint(j, "downloaded", status->downloaded);
		json_uint(j, "uploaded", status->uploaded);
		json_uint(j, "wasted", status->wasted);
		show_emit(&g->transfer.show);
	}
	format_size(took == 0 ? 0 : (uint64_t)((double)status->downloaded * 1e6 / (double)took),
	            rate);
	show_say(&g->transfer.show, "done: %s, %s verified, in %s (%s/s)", status->name,
	         format_size(status->verified, size), format_duration(took, time), rate);
	if (!g->seed)
		transfer_stop(&g->transfer, CLI_OK);
}

static void on_deadline(struct get *g, const struct torrent_status *status)
{
	char time[FORMAT_SIZE_MAX];

	if (g->done) {
		transfer_stop(&g->transfer, CLI_OK);
		return;
	}
	format_duration(g->timeout, time);
	if (status->has_metadata)
		show_failure(&g->transfer.show, CLI_UNFINISHED,
		             "%s: the time is up: %.1f %% after %s, %" PRIu32 " peers", status->name,
		             progress_percent(status->verified, status->wanted), time,
		             status->peers);
	else
		show_failure(&g->transfer.show, CLI_UNFINISHED,
		             "%s: the time is up: no metadata after %s, %" PRIu32 " peers",
		             status->name, time, status->peers);
	transfer_stop(&g->transfer, CLI_UNFINISHED);
}

static void on_tick(struct get *g, const struct torrent_status *status)
{
	usec now = host_now(g->transfer.host);

	if (g->transfer.stopping)
		return;
	if (!g->done && is_complete(status))
		on_done(g, status);
	transfer_show_trackers(&g->transfer, g->torrent);
	show_status(&g->transfer.show, status, now, false);
	if (now >= g->deadline)
		on_deadline(g, status);
	else if (g->done && g->ratio > 0 &&
	         (double)status->uploaded >= g->ratio * (double)status->verified)
		transfer_stop(&g->transfer, CLI_OK);
}

static void on_notice(struct get *g, const struct action *a, const struct torrent_status *status)
{
	switch (a->notice) {
	case NOTICE_METADATA:
		on_metadata(g);
		return;
	case NOTICE_CHECKED:
		transfer_show_checked(&g->transfer, status);
		return;
	case NOTICE_DONE:
		if (!g->done && !g->transfer.stopping)
			on_done(g, status);
		return;
	case NOTICE_ERROR:
		if (!g->transfer.stopping)
			transfer_stop(&g->transfer,
			              transfer_show_error(&g->transfer, status, a->text));
		return;
	case NOTICE_STATE:
	case NOTICE_PIECE:
	case NOTICE_BANNED:
	case NOTICE_PEER:
		transfer_show_notice(&g->transfer, a);
		return;
	}
}

static void on_host(struct host *h, const struct host_event *event, void *context)
{
	struct get *g = context;
	struct torrent_status status;

	if (event->kind == HOST_SIGNAL) {
		transfer_on_signal(&g->transfer, event->signal, g->done);
		return;
	}
	if (!session_status(host_session(h), g->torrent, &status, host_now(h)))
		return;
	if (event->kind == HOST_TICK)
		on_tick(g, &status);
	else if (event->kind == HOST_METADATA && event->action->torrent == g->torrent)
		on_metadata(g);
	else if (event->kind == HOST_NOTICE && event->action->torrent == g->torrent)
		on_notice(g, event->action, &status);
}

/* ---- start ---- */

static void add_contacts(struct get *g)
{
	struct host *h = g->transfer.host;

	for (uint32_t i = 0; i < g->peers.count; i++)
		host_add_peer(h, g->torrent, g->peers.texts[i], SOURCE_USER);
	for (uint32_t i = 0; g->source.is_magnet && i < g->source.magnet.peer_count; i++)
		host_add_peer(h, g->torrent, g->source.magnet.peers[i], SOURCE_MAGNET);
}

/* BEP 5 "nodes" of a .torrent; before the metainfo is moved away. */
static void add_nodes(struct get *g)
{
	const struct metainfo *m = &g->source.metainfo;
	char text[METAINFO_URL_MAX];

	if (g->source.is_magnet || !g->network.dht || m->is_private)
		return;
	for (uint32_t i = 0; i < m->node_count; i++) {
		const char *form = strchr(m->nodes[i].host, ':') != NULL ? "[%s]:%u" : "%s:%u";

		snprintf(text, sizeof text, form, m->nodes[i].host, (unsigned)m->nodes[i].port);
		host_add_node(g->transfer.host, text);
	}
}

static int run(struct get *g)
{
	struct torrent_options options = { .sequential = g->sequential,
		                           .name = source_name(&g->source) };
	int code;

	memcpy(options.info_hash, source_info_hash(&g->source), SHA1_SIZE);
	if (!g->source.is_magnet) {
		if (!choose_files(g, &g->source.metainfo, &code))
			return code;
		options.metainfo = &g->source.metainfo;
		options.priorities = g->priorities;
	}
	code = transfer_open(&g->transfer, &g->network, NULL, on_host, g);
	if (code != CLI_OK)
		return code;
	add_nodes(g);
	g->started_at = host_now(g->transfer.host);
	g->deadline = g->timeout == USEC_NEVER ? USEC_NEVER : g->started_at + g->timeout;
	g->torrent = host_add(g->transfer.host, &options, g->directory, NULL);
	if (g->torrent == 0)
		return show_failure(&g->transfer.show, CLI_ERROR, "%s: cannot be added",
		                    g->source.text);
	add_contacts(g);
	add_trackers(g);
	on_metadata(g);
	host_pump(g->transfer.host);
	host_run(g->transfer.host);
	return g->transfer.stopping ? g->transfer.exit_code : CLI_ERROR;
}

/* A .torrent's files need no network. */
static int list_torrent(struct get *g)
{
	transfer_show_metadata(&g->transfer, &g->source.metainfo);
	transfer_list_files(&g->transfer, &g->source.metainfo);
	return cli_finish_output("get");
}

static int check_options(struct get *g)
{
	struct stat st;
	char *end;

	if (!network_check(&g->network, "get"))
		return CLI_USAGE;
	if (g->ratio_text != NULL) {
		g->ratio = strtod(g->ratio_text, &end);
		if (*end != '\0' || !(g->ratio > 0) || g->ratio > 1e6)
			return cli_fail(CLI_USAGE, "get", "option --seed-ratio: '%s' is not a ratio such as 1.5",
			                g->ratio_text);
		g->seed = true;
	}
	if (stat(g->directory, &st) == 0 && !S_ISDIR(st.st_mode))
		return cli_fail(CLI_ERROR, "get", "%s: not a directory", g->directory);
	return CLI_OK;
}

static int get_source(struct get *g, const char *text)
{
	char reason[SOURCE_REASON_MAX];
	int code = source_load(&g->source, text, reason);

	transfer_init(&g->transfer, "get", g->json, g->quiet, g->verbose);
	if (code != CLI_OK)
		show_failure(&g->transfer.show, code, "%s", reason);
	else
		code = g->list && !g->source.is_magnet ? list_torrent(g) : run(g);
	transfer_deinit(&g->transfer);
	source_deinit(&g->source);
	free(g->priorities);
	return code;
}

int cli_get(int argc, char **argv)
{
	struct get g = { .directory = ".", .timeout = USEC_NEVER };
	const struct option_spec rows[] = {
		{ "output", 'o', OPTION_TEXT, &g.directory, "DIR", "where the files go (default: .)" },
		{ "files", 0, OPTION_TEXT, &g.files, "LIST",
		  "only these: numbers as --list shows, ranges, globs" },
		{ "list", 'l', OPTION_FLAG, &g.list, NULL, "print the files and download nothing" },
		{ "sequential", 0, OPTION_FLAG, &g.sequential, NULL, "first pieces first" },
		{ "seed", 0, OPTION_FLAG, &g.seed, NULL, "go on sharing when all is there" },
		{ "seed-ratio", 0, OPTION_TEXT, &g.ratio_text, "R",
		  "share until R times the size was sent" },
		{ "timeout", 't', OPTION_DURATION, &g.timeout, "SECONDS",
		  "give up after this time, also 10m or 1h (default: never)" },
		{ "peer", 0, OPTION_HOSTS, &g.peers, "HOST:PORT",
		  "a peer to ask at once; may be repeated" },
		{ "tracker", 0, OPTION_TEXTS, &g.trackers, "URL",
		  "one more tracker to ask; may be repeated" },
		{ "save-torrent", 0, OPTION_TEXT, &g.save_torrent, "FILE",
		  "write the .torrent there once its metadata is known" },
		NETWORK_OPTIONS(&g.network),
		{ "Output", 0, OPTION_HEADING, NULL, NULL, NULL },
		{ "json", 0, OPTION_FLAG, &g.json, NULL, "events, one JSON object a line" },
		{ "quiet", 'q', OPTION_FLAG, &g.quiet, NULL, "only errors" },
		{ "verbose", 'v', OPTION_FLAG, &g.verbose, NULL, "peers and pieces too" },
		{ 0 },
	};
	const struct command command = { "get", get_purpose,
		                         "MAGNET|FILE.torrent -o DIR [options]", rows, get_notes };
	char **operands;
	int count, code;

	network_init(&g.network);
	switch (options_parse(&command, argc, argv, &operands, &count)) {
	case OPTIONS_HELP:
		return cli_finish_output("get");
	case OPTIONS_WRONG:
		return CLI_USAGE;
	case OPTIONS_RUN:
		break;
	}
	if (count != 1)
		return cli_fail(CLI_USAGE, "get", "%s (see shoal get --help)",
		                count == 0 ? "a magnet link or .torrent file is missing"
		                           : "only one magnet link or .torrent file at a time");
	code = check_options(&g);
	return code == CLI_OK ? get_source(&g, operands[0]) : code;
}
