/* tools/rpc/fields.h: the fields of torrent-get: name and how to print it. */
#ifndef TOOLS_RPC_FIELDS_H
#define TOOLS_RPC_FIELDS_H

#include "tools/rpc/internal.h"

/* One torrent while its fields are printed. */
struct view {
	struct rpc *rpc;
	struct rpc_torrent *t;
	struct torrent_status s;
	const struct metainfo *m;  /* NULL: not known yet */
	const struct bitfield *have;
	const struct state_record *record; /* NULL while its files move */
	int64_t now;               /* unix seconds */
	struct peer_status *peers; /* owned; made by view_peers */
	uint32_t peer_count;
	bool peers_known;
};

struct field {
	const char *name;
	void (*print)(struct view *v, struct json_out *o);
};

extern const struct field fields[];
extern const size_t fields_count;

/* The connected peers; made once. */
void view_peers(struct view *v);
bool view_is_wanted(const struct view *v, uint32_t file);
int view_priority(const struct view *v, uint32_t file);
uint64_t view_uploaded(const struct view *v);
uint64_t view_downloaded(const struct view *v);

/* ---- field_lists.c: files, peers, trackers ---- */
void field_files(struct view *v, struct json_out *o);
void field_file_stats(struct view *v, struct json_out *o);
/* Of each file. */
void field_bytes_completed(struct view *v, struct json_out *o);
void field_priorities(struct view *v, struct json_out *o);
void field_wanted(struct view *v, struct json_out *o);
void field_peers(struct view *v, struct json_out *o);
void field_peers_from(struct view *v, struct json_out *o);
void field_pieces(struct view *v, struct json_out *o);
void field_availability(struct view *v, struct json_out *o);
void field_webseeds(struct view *v, struct json_out *o);
void field_trackers(struct view *v, struct json_out *o);
void field_tracker_stats(struct view *v, struct json_out *o);
void field_tracker_list(struct view *v, struct json_out *o);

#endif
