/* tools/cli/transfer.h: what get and seed share: a host in the foreground, its
 * notices shown, its signals obeyed, its end turned into an exit code. */
#ifndef TOOLS_CLI_TRANSFER_H
#define TOOLS_CLI_TRANSFER_H

#include "tools/cli/network.h"
#include "tools/cli/show.h"
#include "tools/cli/tracker_news.h"

struct transfer {
	struct show show;
	struct host *host;  /* owned */
	const char *command;
	struct tracker_news news;
	bool stopping;
	int exit_code;      /* valid once stopping */
};

void transfer_init(struct transfer *t, const char *command, bool json, bool quiet,
                   bool verbose);
void transfer_deinit(struct transfer *t);
/* Start the host and say where it listens. CLI_OK, or the exit code of the
 * printed failure. state_dir may be NULL. */
int transfer_open(struct transfer *t, const struct network_options *network,
                  const char *state_dir, host_listener *listener, void *context);
/* The first code counts; a second call makes the host end at once. */
void transfer_stop(struct transfer *t, int code);
/* INT, TERM, HUP. finished: there is nothing left to do, so being told to
 * stop is no failure. */
void transfer_on_signal(struct transfer *t, int signal, bool finished);
/* Show peers, bans, pieces: what every program shows in the same way. */
void transfer_show_notice(struct transfer *t, const struct action *notice);
/* What is new about its trackers. */
void transfer_show_trackers(struct transfer *t, torrent_id torrent);
void transfer_show_metadata(struct transfer *t, const struct metainfo *m);
void transfer_show_checked(struct transfer *t, const struct torrent_status *status);
/* The torrent gave up: prints why; returns the exit code. */
int transfer_show_error(struct transfer *t, const struct torrent_status *status,
                        const char *text);
/* --list: number, size and path of each file. */
void transfer_list_files(struct transfer *t, const struct metainfo *m);

#endif
