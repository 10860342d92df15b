/* tools/daemon/torrents_state.h: what is inside a struct torrents. Private to
 * torrents.c (life) and torrents_change.c (what a user asks for later). */
#ifndef TOOLS_DAEMON_TORRENTS_STATE_H
#define TOOLS_DAEMON_TORRENTS_STATE_H

#include "tools/daemon/torrents.h"
#include "tools/io/idmap.h"

struct entry {
	torrent_id id;
	uint8_t info_hash[SHA1_SIZE];
	struct state_record record; /* owned */
	bool checked;     /* the session's have-bits cover every piece */
	bool unsaved;     /* they differ from the resume file, or may */
	bool changed;     /* something was written in this run */
	bool saving;      /* a job is under way */
	bool trusted;     /* a resume file was taken at its word */
	usec retry_at;    /* USEC_NEVER: no error */
};

struct torrents {
	const struct state_dir *store; /* borrowed */
	struct host *host;         /* borrowed */
	const char *directory;     /* borrowed */
	struct idmap entries;      /* torrent_id -> struct entry *, owned */
	usec retry_at;             /* the earliest of all */
	uint64_t version;          /* torrents_version() */
};

/* ---- torrents.c ---- */
bool torrents_save_record(struct torrents *t, const uint8_t hash[SHA1_SIZE],
                          const struct state_record *record, char reason[FILES_REASON_MAX]);
/* Out of the session; what the state directory has of it stays. */
void torrents_remove_entry(struct torrents *t, struct entry *e);
/* From the state directory into the session; false: logged. */
bool torrents_load_one(struct torrents *t, const uint8_t hash[SHA1_SIZE]);

#endif
