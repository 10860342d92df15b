/* tools/daemon/daemon.c: shoal daemon: many torrents without a terminal.
 *
 * Ties together the state directory (state_dir, torrents), the watch folder and
 * the host; it owns no state of its own but these. */
#include "tools/cli/cli.h"
#include "tools/cli/network.h"
#include "tools/cli/signals.h"
#include "tools/daemon/log.h"
#include "tools/daemon/notify.h"
#include "tools/daemon/torrents.h"
#include "tools/daemon/watch.h"
#include "tools/rpc/rpc.h"

#include "proto/memory.h"

#include <event2/event.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DAEMON_SUMMARY_PERIOD (10 * USEC_PER_MIN)
#define DAEMON_SAVE_UNTIL (2800 * USEC_PER_MS) /* since we were told to stop */

struct daemon {
	struct network_options network;
	const char *state, *watch_directory, *downloads, *level;
	struct state_dir store;
	struct host *host;         /* owned */
	struct torrents *torrents; /* owned */
	struct rpc *rpc;           /* owned; NULL: none */
	struct text_list rpc_listen, rpc_names, rpc_roots;
	const char *rpc_user, *rpc_password_file;
	bool rpc_no_auth;
	struct watch *watch;       /* owned; NULL: none */
	struct event *watch_event; /* owned */
	usec summary_at, stop_at;
	bool stopping;
};

static const char daemon_purpose[] =
	"Run torrents in the background: those of the state directory, and those whose\n"
	".torrent or .magnet file is dropped into the watch folder (it is renamed to\n"
	".added, or .invalid when it is neither). After a restart everything goes on;\n"
	"what has not changed on disk is not hashed again. Logs go to stderr.";

static const char daemon_notes[] =
	"Signals:\n"
	"  TERM, INT   stop cleanly, within 3 s; a second one at once\n"
	"  HUP         look into the watch folder now\n"
	"\n"
	"Examples:\n"
	"  shoal daemon --state /var/lib/shoal --watch /srv/incoming --download-dir /srv/media\n"
	"  echo 'magnet:?xt=urn:btih:HASH' > /srv/incoming/name.magnet\n"
	"\n"
	"Exit codes:\n"
	"  0 stopped by a signal    1 another error, such as a state directory in use\n"
	"  2 wrong usage\n";

/* ---- watch folder ---- */

static int take_file(void *context, const char *name, struct bytes content, bool is_magnet,
                     char reason[WATCH_REASON_MAX])
{
	struct daemon *d = context;
	enum torrents_outcome outcome;

	_Static_assert((int)WATCH_REASON_MAX >= (int)TORRENTS_REASON_MAX, "reasons fit");
	outcome = is_magnet ? torrents_add_magnet(d->torrents, (const char *)content.data, NULL, reason)
	                    : torrents_add_file(d->torrents, content, NULL, reason);
	switch (outcome) {
	case TORRENTS_ADDED:
		log_line(LOG_LEVEL_INFO, "%s: added from the watch folder", name);
		return WATCH_TAKEN;
	case TORRENTS_KNOWN:
		log_line(LOG_LEVEL_INFO, "%s: there already", name);
		return WATCH_TAKEN;
	case TORRENTS_BAD:
		return WATCH_BAD;
	case TORRENTS_FAILED:
		return WATCH_LATER;
	}
	return WATCH_LATER;
}

static void on_watch_readable(evutil_socket_t fd, short what, void *context)
{
	struct daemon *d = context;

	(void)fd;
	(void)what;
	if (d->stopping)
		return;
	watch_on_readable(d->watch, host_now(d->host));
	host_pump(d->host);
}

static bool start_watching(struct daemon *d)
{
	char reason[WATCH_REASON_MAX];

	if (d->watch_directory == NULL)
		return true;
	d->watch = watch_new(d->watch_directory, take_file, d, reason);
	if (d->watch == NULL) {
		cli_fail(CLI_ERROR, "daemon", "watch folder: %s", reason);
		return false;
	}
	if (watch_descriptor(d->watch) >= 0) {
		d->watch_event = event_new(host_base(d->host), watch_descriptor(d->watch),
		                           EV_READ | EV_PERSIST, on_watch_readable, d);
		if (d->watch_event != NULL)
			event_add(d->watch_event, NULL);
	}
	watch_scan(d->watch, host_now(d->host));
	return true;
}

/* ---- remote control ---- */

static uint32_t copy_texts(const char **to, uint32_t max, const struct text_list *from)
{
	uint32_t count = from->count < max ? from->count : max;

	memcpy(to, from->texts, count * sizeof *to);
	return count;
}

static bool start_rpc(struct daemon *d)
{
	struct rpc_config config = {
		.user = d->rpc_user, .password_file = d->rpc_password_file, .no_auth = d->rpc_no_auth,
		.state = d->state, .downloads = d->downloads, .dht = d->network.dht,
		.up_rate_max = d->network.up_rate_max, .down_rate_max = d->network.down_rate_max,
		.conns_max = d->network.conns_max, .encryption = d->network.encryption,
	};
	char reason[RPC_REASON_MAX];

	if (d->rpc_listen.count == 0)
		return true;
	config.listen_count = copy_texts(config.listen, RPC_NAMES_MAX, &d->rpc_listen);
	config.name_count = copy_texts(config.names, RPC_NAMES_MAX, &d->rpc_names);
	config.root_count = copy_texts(config.roots, RPC_ROOTS_MAX, &d->rpc_roots);
	d->rpc = rpc_new(&config, d->host, d->torrents, reason);
	if (d->rpc == NULL)
		cli_fail(CLI_ERROR, "daemon", "RPC: %s", reason);
	return d->rpc != NULL;
}

/* ---- the run ---- */

static void log_summary(struct daemon *d)
{
	struct session_totals totals;
	uint32_t all, seeding;

	torrents_count(d->torrents, &all, &seeding);
	session_totals(host_session(d->host), &totals);
	log_line(LOG_LEVEL_INFO,
	         "%" PRIu32 " torrents, %" PRIu32 " complete, %" PRIu32 " peers, %" PRIu64
	         " bytes received, %" PRIu64 " sent",
	         all, seeding, totals.conns, totals.payload_down, totals.payload_up);
}

static void on_tick(struct daemon *d)
{
	usec now = host_now(d->host);

	if (d->stopping)
		return;
	if (d->watch != NULL)
		watch_on_tick(d->watch, now);
	torrents_on_tick(d->torrents);
	if (d->rpc != NULL)
		rpc_on_tick(d->rpc);
	if (usec_since(d->summary_at, now) >= DAEMON_SUMMARY_PERIOD) {
		d->summary_at = now;
		log_summary(d);
	}
}

static void on_signal(struct daemon *d, int signal)
{
	if (signal == SIGHUP) {
		log_line(LOG_LEVEL_INFO, "hangup: looking into the watch folder");
		if (d->watch != NULL && !d->stopping)
			watch_scan(d->watch, host_now(d->host));
		return;
	}
	if (!d->stopping) {
		log_line(LOG_LEVEL_INFO, "stopping: %s", signal == SIGINT ? "interrupted" : "told to");
		notify_manager("STOPPING=1");
		d->stop_at = host_now(d->host);
	}
	d->stopping = true;
	host_stop(d->host);
}

static void on_host(struct host *h, const struct host_event *event, void *context)
{
	struct daemon *d = context;

	(void)h;
	if (d->torrents == NULL)
		return;
	switch (event->kind) {
	case HOST_NOTICE:
		torrents_on_notice(d->torrents, event->action);
		return;
	case HOST_METADATA:
		torrents_on_metadata(d->torrents, event->action);
		return;
	case HOST_SIGNAL:
		on_signal(d, event->signal);
		return;
	case HOST_TICK:
		on_tick(d);
		return;
	case HOST_DHT:
		return;
	}
}

static bool start(struct daemon *d)
{
	struct host_config config = { .session = true, .listen = true, .state_dir = d->state };
	char reason[HOST_REASON_MAX];
	uint32_t count;

	if (geteuid() == 0)
		log_line(LOG_LEVEL_WARNING, "running as root; a user of its own is safer");
	network_fill(&d->network, &config);
	d->host = host_new(&config, on_host, d, reason);
	if (d->host == NULL) {
		cli_fail(CLI_ERROR, "daemon", "%s", reason);
		return false;
	}
	signals_release(d->host);
	d->summary_at = host_now(d->host);
	d->torrents = torrents_new(&d->store, d->host, d->downloads);
	count = torrents_load(d->torrents);
	log_line(LOG_LEVEL_INFO, "running on port %u: %" PRIu32 " torrents from %s, content to %s",
	         host_port(d->host), count, d->state, d->downloads);
	return start_rpc(d) && start_watching(d);
}

static void stop(struct daemon *d)
{
	if (d->watch_event != NULL)
		event_free(d->watch_event);
	if (d->watch != NULL)
		watch_free(d->watch);
	if (d->rpc != NULL)
		rpc_free(d->rpc);
	if (d->torrents != NULL) {
		torrents_save_all(d->torrents, d->stop_at + DAEMON_SAVE_UNTIL);
		torrents_free(d->torrents);
		d->torrents = NULL;
	}
	if (d->host != NULL)
		host_free(d->host);
}

static int run(struct daemon *d)
{
	char reason[FILES_REASON_MAX];
	int code = CLI_ERROR;

	signals_hold();
	if (!state_dir_open(&d->store, d->state, reason) || !files_make_directory(d->downloads, reason)) {
		cli_fail(CLI_ERROR, "daemon", "%s", reason);
	} else if (start(d)) {
		host_pump(d->host);
		notify_manager("READY=1");
		host_run(d->host);
		code = CLI_OK;
	}
	stop(d);
	state_dir_close(&d->store);
	if (code == CLI_OK)
		log_line(LOG_LEVEL_INFO, "stopped");
	return code;
}

/* ---- options ---- */

/* The state directory of this user; owned. */
static char *default_state(void)
{
	const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char path[PATH_MAX];

	if (geteuid() == 0 || home == NULL)
		snprintf(path, sizeof path, "/var/lib/shoal");
	else if (base != NULL && base[0] == '/')
		snprintf(path, sizeof path, "%s/shoal", base);
	else
		snprintf(path, sizeof path, "%s/.local/state/shoal", home);
	return memory_copy_text(path);
}

/* Paths are stored in records and must mean the same in the next run, wherever
 * it is started; owned. */
static char *absolute_path(const char *path)
{
	char here[PATH_MAX];

	if (path[0] == '/' || getcwd(here, sizeof here) == NULL)
		return memory_copy_text(path);
	return files_join(here, path);
}

static int run_with_paths(struct daemon *d)
{
	char *fallback = d->state == NULL ? default_state() : NULL;
	char *state = absolute_path(d->state != NULL ? d->state : fallback);
	char *downloads = d->downloads != NULL ? absolute_path(d->downloads)
	                                       : files_join(state, "downloads");
	int code;

	d->state = state;
	d->downloads = downloads;
	code = run(d);
	free(downloads);
	free(state);
	free(fallback);
	return code;
}

int cli_daemon(int argc, char **argv)
{
	struct daemon d = { .level = "info", .store = { .lock = -1 } };
	const struct option_spec rows[] = {
		{ "state", 0, OPTION_TEXT, &d.state, "DIR",
		  "what is to survive a restart\n(default: /var/lib/shoal for root, else ~/.local/state/shoal)" },
		{ "watch", 'w', OPTION_TEXT, &d.watch_directory, "DIR",
		  "the watch folder (default: none)" },
		{ "download-dir", 'd', OPTION_TEXT, &d.downloads, "DIR",
		  "where new content goes (default: downloads in the state directory)" },
		{ "log-level", 0, OPTION_TEXT, &d.level, "LEVEL",
		  "error, warning, info or debug (default: info)" },
		{ "Remote control (Transmission's RPC)", 0, OPTION_HEADING, NULL, NULL, NULL },
		{ "rpc", 0, OPTION_TEXTS, &d.rpc_listen, "ADDRESS:PORT|unix:PATH",
		  "take requests there; may be repeated (default: none)" },
		{ "rpc-user", 0, OPTION_TEXT, &d.rpc_user, "NAME", "(default: shoal)" },
		{ "rpc-password-file", 0, OPTION_TEXT, &d.rpc_password_file, "FILE",
		  "its first line is the password, or its Argon2id hash\n"
		  "(default: rpc-secret in the state directory, made by the first run)" },
		{ "no-rpc-auth", 0, OPTION_FLAG, &d.rpc_no_auth, NULL,
		  "no password; only on loopback addresses" },
		{ "rpc-host", 0, OPTION_TEXTS, &d.rpc_names, "NAME",
		  "a name by which programs may call us, besides localhost" },
		{ "rpc-root", 0, OPTION_TEXTS, &d.rpc_roots, "DIR",
		  "content may be put below it too (default: only the download directory)" },
		NETWORK_OPTIONS(&d.network),
		{ 0 },
	};
	const struct command command = { "daemon", daemon_purpose, "[--state DIR] [options]", rows,
		                         daemon_notes };
	char **operands;
	int count;

	network_init(&d.network);
	switch (options_parse(&command, argc, argv, &operands, &count)) {
	case OPTIONS_HELP:
		return cli_finish_output("daemon");
	case OPTIONS_WRONG:
		return CLI_USAGE;
	case OPTIONS_RUN:
		break;
	}
	if (count != 0)
		return cli_fail(CLI_USAGE, "daemon", "unexpected '%s'", operands[0]);
	if (!log_set_level(d.level))
		return cli_fail(CLI_USAGE, "daemon",
		                "option --log-level: '%s' is not error, warning, info or debug", d.level);
	if (!network_check(&d.network, "daemon"))
		return CLI_USAGE;
	return run_with_paths(&d);
}
