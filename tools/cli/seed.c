/* tools/cli/seed.c: shoal seed: share content that is already on disk.
 *
 * Every piece is verified first. Incomplete content is an error unless
 * --partial: a seed that silently downloads would hide a wrong directory. */
#include "tools/cli/cli.h"

#include "proto/memory.h"
#include "tools/cli/source.h"
#include "tools/cli/transfer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { SEED_TORRENTS_MAX = OPTION_TEXTS_MAX };

struct seeded {
	const char *path; /* of the .torrent; borrowed from argv */
	struct metainfo metainfo; /* until it is added */
	torrent_id id;
	bool checked;
};

struct seed {
	struct transfer transfer;
	struct network_options network;
	struct text_list peers;
	const char *directory;
	bool partial, json, quiet, verbose;
	usec timeout, deadline;
	struct seeded *torrents; /* owned */
	uint32_t count, checked;
	char summary[32]; /* "3 torrents" */
};

static const char seed_purpose[] =
	"Share content that is already there. DIR is the directory that holds what the\n"
	"torrent names: for a torrent named 'album', DIR/album. Every piece is verified\n"
	"first; then the torrent is announced in the DHT and shared until INT or TERM.";

static const char seed_notes[] =
	"Examples:\n"
	"  shoal create ~/album -o album.torrent\n"
	"  shoal seed album.torrent -d ~\n"
	"  shoal seed *.torrent -d /srv/share --port 6881 --up 2M\n"
	"\n"
	"Exit codes:\n"
	"  0 told to stop while sharing        1 content missing or wrong, another error\n"
	"  2 wrong usage    26 bad torrent     130 interrupted before all was verified\n";

static struct seeded *find(struct seed *s, torrent_id id)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (s->torrents[i].id == id && id != 0)
			return &s->torrents[i];
	return NULL;
}

static bool is_sharing(const struct seed *s)
{
	return s->checked == s->count;
}

/* All of them in one, for the bar. */
static void add_up(struct seed *s, struct torrent_status *sum)
{
	struct session *session = host_session(s->transfer.host);
	struct torrent_status one;

	snprintf(s->summary, sizeof s->summary, "%" PRIu32 " torrents", s->count);
	*sum = (struct torrent_status){ .state = is_sharing(s) ? TORRENT_SEEDING
		                                               : TORRENT_CHECKING,
		                        .name = s->summary };
	for (uint32_t i = 0; i < s->count; i++) {
		if (!session_status(session, s->torrents[i].id, &one, host_now(s->transfer.host)))
			continue;
		if (s->count == 1) {
			*sum = one;
			return;
		}
		sum->has_metadata = true;
		sum->total += one.total;
		sum->wanted += one.wanted;
		sum->verified += one.verified;
		sum->piece_count += one.piece_count;
		sum->pieces_have += one.pieces_have;
		sum->pieces_checked += one.pieces_checked;
		sum->uploaded += one.uploaded;
		sum->downloaded += one.downloaded;
		sum->up_rate += one.up_rate;
		sum->down_rate += one.down_rate;
		sum->peers += one.peers;
		sum->seeds += one.seeds;
	}
}

static void announce_sharing(struct seed *s, const struct torrent_status *status)
{
	const struct metainfo *m = session_metainfo(
		host_session(s->transfer.host),
		session_find(host_session(s->transfer.host), status->info_hash));
	struct json_line *j = show_event(&s->transfer.show, "seeding");
	const char *trackers[METAINFO_TRACKERS_MAX];
	uint32_t count = 0;
	char *magnet;

	for (; m != NULL && count < m->tracker_count && count < METAINFO_TRACKERS_MAX; count++)
		trackers[count] = m->trackers[count].url;
	magnet = magnet_format(status->info_hash, status->name, trackers, count);
	if (j != NULL) {
		json_hex(j, "info_hash", bytes_of(status->info_hash, SHA1_SIZE));
		json_text(j, "name", status->name);
		json_uint(j, "total", status->total);
		json_text(j, "magnet", magnet);
		show_emit(&s->transfer.show);
	}
	show_say(&s->transfer.show, "seeding %s: %s", status->name, magnet);
	free(magnet);
}

static void on_checked(struct seed *s, struct seeded *t, const struct torrent_status *status)
{
	if (t->checked)
		return;
	t->checked = true;
	s->checked++;
	transfer_show_checked(&s->transfer, status);
	if (!s->partial && status->pieces_have < status->piece_count) {
		transfer_stop(&s->transfer,
		              show_failure(&s->transfer.show, CLI_ERROR,
		                           "%s: %" PRIu32 " of %" PRIu32
		                           " pieces present in %s (--partial shares and fetches anyway)",
		                           t->path, status->pieces_have, status->piece_count,
		                           s->directory));
		return;
	}
	announce_sharing(s, status);
}

static void on_tick(struct seed *s)
{
	struct torrent_status sum, one;

	for (uint32_t i = 0; i < s->count && !s->transfer.stopping; i++)
		if (!s->torrents[i].checked &&
		    session_status(host_session(s->transfer.host), s->torrents[i].id, &one,
		                   host_now(s->transfer.host)) &&
		    (one.state == TORRENT_SEEDING || one.state == TORRENT_DOWNLOADING))
			on_checked(s, &s->torrents[i], &one);
	if (s->transfer.stopping)
		return;
	for (uint32_t i = 0; i < s->count; i++)
		transfer_show_trackers(&s->transfer, s->torrents[i].id);
	add_up(s, &sum);
	show_status(&s->transfer.show, &sum, host_now(s->transfer.host), false);
	if (host_now(s->transfer.host) >= s->deadline)
		transfer_stop(&s->transfer, is_sharing(s) ? CLI_OK : CLI_UNFINISHED);
}

static void on_notice(struct seed *s, const struct action *a)
{
	struct seeded *t = find(s, a->torrent);
	struct torrent_status status;

	if (t == NULL || s->transfer.stopping ||
	    !session_status(host_session(s->transfer.host), t->id, &status,
	                    host_now(s->transfer.host)))
		return;
	if (a->notice == NOTICE_CHECKED)
		on_checked(s, t, &status);
	else if (a->notice == NOTICE_ERROR)
		transfer_stop(&s->transfer, transfer_show_error(&s->transfer, &status, a->text));
	else
		transfer_show_notice(&s->transfer, a);
}

static void on_host(struct host *h, const struct host_event *event, void *context)
{
	struct seed *s = context;

	(void)h;
	if (event->kind == HOST_SIGNAL)
		transfer_on_signal(&s->transfer, event->signal, is_sharing(s));
	else if (event->kind == HOST_TICK && !s->transfer.stopping)
		on_tick(s);
	else if (event->kind == HOST_NOTICE)
		on_notice(s, event->action);
}

static int add_torrent(struct seed *s, struct seeded *t)
{
	struct torrent_options options = { .metainfo = &t->metainfo };

	memcpy(options.info_hash, t->metainfo.info_hash, SHA1_SIZE);
	transfer_show_metadata(&s->transfer, &t->metainfo);
	t->id = host_add(s->transfer.host, &options, s->directory, NULL);
	if (t->id == 0)
		return show_failure(&s->transfer.show, CLI_ERROR, "%s: given twice", t->path);
	for (uint32_t i = 0; i < s->peers.count; i++)
		host_add_peer(s->transfer.host, t->id, s->peers.texts[i], SOURCE_USER);
	return CLI_OK;
}

static int run(struct seed *s)
{
	int code = transfer_open(&s->transfer, &s->network, NULL, on_host, s);

	if (code != CLI_OK)
		return code;
	if (s->timeout != USEC_NEVER)
		s->deadline = host_now(s->transfer.host) + s->timeout;
	for (uint32_t i = 0; i < s->count; i++) {
		code = add_torrent(s, &s->torrents[i]);
		if (code != CLI_OK)
			return code;
	}
	host_pump(s->transfer.host);
	host_run(s->transfer.host);
	return s->transfer.stopping ? s->transfer.exit_code : CLI_ERROR;
}

static int seed_all(struct seed *s, char **paths, int count)
{
	char reason[SOURCE_REASON_MAX];
	int code = CLI_OK;

	s->torrents = memory_zeroed((size_t)count, sizeof *s->torrents);
	while (code == CLI_OK && s->count < (uint32_t)count) {
		struct seeded *t = &s->torrents[s->count];

		t->path = paths[s->count++];
		code = source_load_torrent(&t->metainfo, t->path, reason);
	}
	transfer_init(&s->transfer, "seed", s->json, s->quiet, s->verbose);
	if (code != CLI_OK)
		show_failure(&s->transfer.show, code, "%s", reason);
	else
		code = run(s);
	transfer_deinit(&s->transfer);
	for (uint32_t i = 0; i < s->count; i++)
		metainfo_deinit(&s->torrents[i].metainfo);
	free(s->torrents);
	return code;
}

int cli_seed(int argc, char **argv)
{
	struct seed s = { .directory = ".", .timeout = USEC_NEVER, .deadline = USEC_NEVER };
	const struct option_spec rows[] = {
		{ "directory", 'd', OPTION_TEXT, &s.directory, "DIR",
		  "where the content is (default: .)" },
		{ "partial", 0, OPTION_FLAG, &s.partial, NULL,
		  "share what is there and fetch the rest" },
		{ "peer", 0, OPTION_HOSTS, &s.peers, "HOST:PORT",
		  "a peer to contact at once; may be repeated" },
		{ "timeout", 't', OPTION_DURATION, &s.timeout, "SECONDS",
		  "stop after this time, also 10m or 1h (default: never)" },
		NETWORK_OPTIONS(&s.network),
		{ "Output", 0, OPTION_HEADING, NULL, NULL, NULL },
		{ "json", 0, OPTION_FLAG, &s.json, NULL, "events, one JSON object a line" },
		{ "quiet", 'q', OPTION_FLAG, &s.quiet, NULL, "only errors" },
		{ "verbose", 'v', OPTION_FLAG, &s.verbose, NULL, "peers too" },
		{ 0 },
	};
	const struct command command = { "seed", seed_purpose,
		                         "FILE.torrent... -d DIR [options]", rows, seed_notes };
	struct stat st;
	char **operands;
	int count;

	network_init(&s.network);
	switch (options_parse(&command, argc, argv, &operands, &count)) {
	case OPTIONS_HELP:
		return cli_finish_output("seed");
	case OPTIONS_WRONG:
		return CLI_USAGE;
	case OPTIONS_RUN:
		break;
	}
	if (count == 0 || count > SEED_TORRENTS_MAX)
		return cli_fail(CLI_USAGE, "seed",
		                count == 0 ? "a .torrent file is missing (see shoal seed --help)"
		                           : "more than 256 torrents; use shoal daemon");
	if (!network_check(&s.network, "seed"))
		return CLI_USAGE;
	if (stat(s.directory, &st) != 0)
		return cli_fail(CLI_ERROR, "seed", "%s: no such directory", s.directory);
	if (!S_ISDIR(st.st_mode))
		return cli_fail(CLI_ERROR, "seed", "%s: not a directory", s.directory);
	return seed_all(&s, operands, count);
}
