/* tools/daemon/torrents.h: the daemon's torrents: what the state directory
 * remembers (state_dir.h) beside what the session runs.
 *
 * A torrent is saved before it is added to the session, so that a crash in
 * between loses nothing. */
#ifndef TOOLS_DAEMON_TORRENTS_H
#define TOOLS_DAEMON_TORRENTS_H

#include "tools/daemon/state_dir.h"
#include "tools/io/host.h"

#define TORRENTS_RETRY (60 * USEC_PER_SEC)      /* after an error such as a full disk */

enum { TORRENTS_REASON_MAX = 512 };

enum torrents_outcome {
	TORRENTS_ADDED,
	TORRENTS_KNOWN,  /* was there already */
	TORRENTS_BAD,    /* not a torrent or magnet */
	TORRENTS_FAILED, /* it is, but could not be saved or added */
};

struct torrents;
/* Everything borrowed while it lives. directory: where new content goes. */
struct torrents *torrents_new(const struct state_dir *store, struct host *host,
                              const char *directory);
void torrents_free(struct torrents *t);
/* Bring back what the state directory holds; returns how many. What cannot be
 * read is logged and left where it is. */
uint32_t torrents_load(struct torrents *t);
/* How one torrent is added; NULL: all the defaults. */
struct torrents_choice {
	const char *directory; /* absolute, borrowed; NULL: where new content goes */
	bool paused;
};
enum torrents_outcome torrents_add_file(struct torrents *t, struct bytes file,
                                        const struct torrents_choice *choice,
                                        char reason[TORRENTS_REASON_MAX]);
/* text: a link, as it stands in a .magnet file (white space around it is fine). */
enum torrents_outcome torrents_add_magnet(struct torrents *t, const char *text,
                                          const struct torrents_choice *choice,
                                          char reason[TORRENTS_REASON_MAX]);

/* ---- torrents_change.c ---- */

/* Another number when a torrent came or went. */
uint64_t torrents_version(const struct torrents *t);
/* Borrowed until the torrent changes; NULL: there is no such torrent. */
const struct state_record *torrents_record(const struct torrents *t, torrent_id id);
/* False: not saved, reason; it takes effect all the same. */
bool torrents_set_paused(struct torrents *t, torrent_id id, bool paused,
                         char reason[TORRENTS_REASON_MAX]);
/* Leave it for good; its content stays where it is. */
void torrents_remove(struct torrents *t, torrent_id id);
/* Leave it until torrents_bring_back: its files are being moved. */
void torrents_suspend(struct torrents *t, torrent_id id);
/* A suspended one: directory is where its content is now. False: reason. */
bool torrents_bring_back(struct torrents *t, const uint8_t hash[SHA1_SIZE], const char *directory,
                         char reason[TORRENTS_REASON_MAX]);

/* ---- torrents.c ---- */

void torrents_on_notice(struct torrents *t, const struct action *notice);
/* ACT_METADATA: keep it as a .torrent from now on. */
void torrents_on_metadata(struct torrents *t, const struct action *metadata);
/* Once a second: try again what failed. */
void torrents_on_tick(struct torrents *t);
/* After host_run: resume files of all that changed, as far as that is done by
 * then; the others are checked at the next start. */
void torrents_save_all(struct torrents *t, usec until);
/* For logs: all of them, and how many are complete. */
void torrents_count(const struct torrents *t, uint32_t *all, uint32_t *seeding);

#endif
