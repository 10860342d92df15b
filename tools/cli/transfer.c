/* tools/cli/transfer.c: see transfer.h. Owns no decision about a torrent: get
 * and seed decide, this shows and stops. */
#include "tools/cli/transfer.h"

#include "tools/cli/cli.h"
#include "tools/cli/signals.h"

#include <inttypes.h>
#include <signal.h>

#define TRANSFER_TICK (250 * USEC_PER_MS) /* how often the bar moves */

void transfer_init(struct transfer *t, const char *command, bool json, bool quiet, bool verbose)
{
	*t = (struct transfer){ .command = command };
	show_init(&t->show, command, json, quiet, verbose);
}

void transfer_deinit(struct transfer *t)
{
	if (t->host != NULL)
		host_free(t->host);
	tracker_news_deinit(&t->news);
	show_deinit(&t->show);
}

int transfer_open(struct transfer *t, const struct network_options *network,
                  const char *state_dir, host_listener *listener, void *context)
{
	struct host_config config = { .session = true, .listen = true, .state_dir = state_dir };
	char reason[HOST_REASON_MAX];
	struct json_line *j;

	network_fill(network, &config);
	signals_hold();
	t->host = host_new(&config, listener, context, reason);
	if (t->host == NULL)
		return show_failure(&t->show, CLI_ERROR, "%s", reason);
	signals_release(t->host);
	host_set_tick(t->host, TRANSFER_TICK);
	j = show_event(&t->show, "listening");
	if (j != NULL) {
		json_uint(j, "port", host_port(t->host));
		json_bool(j, "dht", network->dht);
		show_emit(&t->show);
	}
	if (t->show.verbose)
		show_say(&t->show, "listening on port %u", host_port(t->host));
	return CLI_OK;
}

void transfer_stop(struct transfer *t, int code)
{
	if (!t->stopping)
		t->exit_code = code;
	t->stopping = true;
	host_stop(t->host);
}

void transfer_on_signal(struct transfer *t, int signal, bool finished)
{
	if (t->stopping) {
		host_stop(t->host);
		return;
	}
	if (finished) {
		transfer_stop(t, CLI_OK);
		return;
	}
	transfer_stop(t, show_failure(&t->show,
	                              signal == SIGINT ? CLI_INTERRUPTED : CLI_TERMINATED, "%s",
	                              signal == SIGINT ? "interrupted" : "told to stop"));
}

static void show_peer(struct transfer *t, const struct action *a)
{
	char where[ENDPOINT_TEXT_MAX];
	struct json_line *j = show_event(&t->show, "peer");

	endpoint_format(&a->endpoint, where);
	if (j != NULL) {
		json_text(j, "endpoint", where);
		json_text(j, "state", a->text == NULL ? "connected" : "lost");
		json_text(j, "reason", a->text);
		show_emit(&t->show);
	} else if (t->show.verbose) {
		show_say(&t->show, "peer %s %s%s", where, a->text == NULL ? "connected" : "lost: ",
		         a->text == NULL ? "" : a->text);
	}
}

static void show_banned(struct transfer *t, const struct action *a)
{
	char where[ENDPOINT_TEXT_MAX];
	const char *text = a->text != NULL ? a->text : "sent wrong data";
	struct json_line *j = show_event(&t->show, "banned");

	endpoint_format(&a->endpoint, where);
	if (j != NULL) {
		json_text(j, "endpoint", where);
		json_text(j, "reason", text);
		show_emit(&t->show);
	} else {
		show_say(&t->show, "peer %s banned: %s", where, text);
	}
}

static void show_piece(struct transfer *t, const struct action *a)
{
	struct json_line *j;

	if (!t->show.verbose)
		return;
	j = show_event(&t->show, "piece");
	if (j != NULL) {
		json_uint(j, "piece", a->piece);
		show_emit(&t->show);
	}
}

void transfer_show_notice(struct transfer *t, const struct action *notice)
{
	switch (notice->notice) {
	case NOTICE_PEER:
		show_peer(t, notice);
		return;
	case NOTICE_BANNED:
		show_banned(t, notice);
		return;
	case NOTICE_PIECE:
		show_piece(t, notice);
		return;
	case NOTICE_STATE:
	case NOTICE_METADATA:
	case NOTICE_CHECKED:
	case NOTICE_DONE:
	case NOTICE_ERROR:
		return;
	}
}

void transfer_show_trackers(struct transfer *t, torrent_id torrent)
{
	tracker_news_show(&t->news, &t->show, t->host, torrent);
}

void transfer_show_metadata(struct transfer *t, const struct metainfo *m)
{
	struct json_line *j = show_event(&t->show, "metadata");
	char size[FORMAT_SIZE_MAX];

	if (j != NULL) {
		json_hex(j, "info_hash", bytes_of(m->info_hash, SHA1_SIZE));
		json_text(j, "name", m->name);
		json_uint(j, "total", m->total);
		json_uint(j, "piece_length", m->piece_length);
		json_uint(j, "pieces", m->piece_count);
		json_uint(j, "files", m->file_count);
		json_bool(j, "private", m->is_private);
		show_emit(&t->show);
		return;
	}
	show_say(&t->show, "%s: %s, %" PRIu32 " file%s, %" PRIu32 " pieces", m->name,
	         format_size(m->total, size), m->file_count, m->file_count == 1 ? "" : "s",
	         m->piece_count);
}

void transfer_show_checked(struct transfer *t, const struct torrent_status *status)
{
	struct json_line *j = show_event(&t->show, "checked");

	if (j != NULL) {
		json_hex(j, "info_hash", bytes_of(status->info_hash, SHA1_SIZE));
		json_uint(j, "pieces_have", status->pieces_have);
		json_uint(j, "pieces", status->piece_count);
		json_uint(j, "verified", status->verified);
		json_uint(j, "total", status->total);
		show_emit(&t->show);
	} else if (status->pieces_have > 0) {
		show_say(&t->show, "%s: %" PRIu32 " of %" PRIu32 " pieces are there already",
		         status->name, status->pieces_have, status->piece_count);
	}
}

int transfer_show_error(struct transfer *t, const struct torrent_status *status, const char *text)
{
	int code = CLI_ERROR;

	if (status->error_kind == DISK_FULL)
		code = CLI_DISK_FULL;
	else if (!status->has_metadata)
		code = CLI_BAD_TORRENT; /* the only thing it can give up on by then */
	if (text == NULL)
		text = status->error != NULL ? status->error : "stopped by an error";
	return show_failure(&t->show, code, "%s: %s", status->name, text);
}

void transfer_list_files(struct transfer *t, const struct metainfo *m)
{
	for (uint32_t i = 0; i < m->file_count; i++) {
		const struct metainfo_file *f = &m->files[i];
		struct json_line *j = show_event(&t->show, "file");
		char size[FORMAT_SIZE_MAX];

		if (f->pad)
			continue;
		if (j != NULL) {
			json_uint(j, "number", i + 1);
			json_uint(j, "length", f->length);
			json_text(j, "path", f->path);
			show_emit(&t->show);
		} else if (t->show.terminal) {
			show_say(&t->show, "%5" PRIu32 "  %10s  %s", i + 1,
			         format_size(f->length, size), f->path);
		} else {
			show_say(&t->show, "%" PRIu32 "\t%" PRIu64 "\t%s", i + 1, f->length, f->path);
		}
	}
}
