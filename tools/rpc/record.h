/* tools/rpc/record.h: what the RPC keeps of one torrent beside the session:
 * its number, its settings, and what is counted over restarts.
 *
 * Plain settings stand in one table: torrent-get prints them, torrent-set
 * changes them, and the file DIR/rpc/HASH.json holds them. */
#ifndef TOOLS_RPC_RECORD_H
#define TOOLS_RPC_RECORD_H

#include "peer/session.h"

#include <jansson.h>

struct json_out;

enum {
	RECORD_LABELS_MAX = 256,
	RECORD_LABEL_MAX = 1024,  /* bytes */
	RECORD_GROUP_MAX = 64,
};

struct rpc_torrent {
	int64_t number;           /* what clients call its id */
	torrent_id id;
	uint8_t info_hash[SHA1_SIZE];
	bool seen, dirty, saving; /* saving: a job is under way */
	bool moving;              /* out of the session until its files are elsewhere */
	int64_t queue;            /* position, dense */
	/* settings */
	json_t *labels;           /* owned: an array of strings; NULL: none */
	char group[RECORD_GROUP_MAX];
	int64_t bandwidth_priority, download_limit, upload_limit; /* kB/s */
	int64_t peer_limit;
	bool download_limited, upload_limited, honors_session_limits, sequential;
	int64_t ratio_mode, idle_mode, idle_limit; /* minutes */
	double ratio_limit;
	uint8_t *wanted;          /* owned: 0 or 1 for each file; NULL: all */
	int8_t *priorities;       /* owned: -1, 0, 1; NULL: all 0 */
	uint32_t file_count;      /* of these */
	/* counted; times are unix seconds, 0: never */
	int64_t done_at, activity_at, started_at, edited_at, changed_at;
	int64_t uploaded_before, downloaded_before, wasted_before; /* in runs before this */
	int64_t seconds_down, seconds_seed;
	/* of the last look, to see what changed */
	uint64_t last_moved;
	enum torrent_state last_state;
	uint64_t last_verified;
	int64_t looked_at, seed_moved_at;
	bool finished;            /* stopped at its ratio or idle limit */
};

enum record_kind { RECORD_BOOL, RECORD_INT, RECORD_REAL };

struct record_setting {
	const char *name;
	enum record_kind kind;
	size_t offset;            /* in struct rpc_torrent */
	int64_t min, max;
};

extern const struct record_setting record_settings[];
extern const size_t record_settings_count;

struct rpc_torrent *record_new(const uint8_t info_hash[SHA1_SIZE], torrent_id id, int64_t now);
void record_free(struct rpc_torrent *t);
/* NULL: it is no setting. */
const struct record_setting *record_find(const char *name);
void record_print(const struct rpc_torrent *t, const struct record_setting *s, struct json_out *o);
/* Wrong types and values out of range change nothing. True: it is another now. */
bool record_set(struct rpc_torrent *t, const struct record_setting *s, const json_t *value);
/* NULL, or an error text. value: the labels, as an array; nothing is changed
 * after an error. */
const char *record_set_labels(struct rpc_torrent *t, const json_t *value);
/* Room for settings of every file; nothing happens when it is there. */
void record_make_files(struct rpc_torrent *t, uint32_t file_count);
/* Owned. */
json_t *record_to_json(const struct rpc_torrent *t);
void record_from_json(struct rpc_torrent *t, const json_t *root);

#endif
