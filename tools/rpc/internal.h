/* tools/rpc/internal.h: what is inside a struct rpc. Private to tools/rpc/. */
#ifndef TOOLS_RPC_INTERNAL_H
#define TOOLS_RPC_INTERNAL_H

#include "tools/io/idmap.h"
#include "tools/io/trackers.h"
#include "tools/rpc/gate.h"
#include "tools/rpc/json_out.h"
#include "tools/rpc/record.h"
#include "tools/rpc/rpc.h"

#include <jansson.h>

enum {
	RPC_BODY_MAX = 8 << 20,      /* bytes of a request */
	RPC_HEADERS_MAX = 32 << 10,
	RPC_IDLE_SECONDS = 60,       /* of a connection */
	RPC_REMOVED_MAX = 4096,      /* ids remembered for recently-active */
	RPC_PATH_MAX = 4096,
	RPC_JOBS_MAX = 64,           /* answers that wait for the disk */
};

#define RPC_RECENT_SECONDS 60

struct evhttp_request;
struct evhttp;

struct rpc_removed {
	int64_t number, at;
};

struct rpc {
	struct rpc_config config;
	struct host *host;         /* borrowed */
	struct torrents *torrents; /* borrowed */
	struct gate gate;
	struct evhttp *tcp, *local; /* owned; NULL: none */
	char *socket_paths[RPC_NAMES_MAX]; /* owned; unlinked at the end */
	uint32_t socket_count;
	/* torrents */
	struct rpc_torrent **list; /* owned, by number */
	uint32_t count, room;
	struct idmap by_id;        /* torrent_id -> struct rpc_torrent * */
	int64_t next_number;
	uint64_t version;          /* torrents_version() of the list */
	struct rpc_removed removed[RPC_REMOVED_MAX]; /* a ring */
	uint64_t removed_count;
	uint32_t tick_at;          /* of the list */
	/* settings */
	json_t *settings;          /* owned; an object */
	bool settings_dirty, settings_saving;
	char *directory;           /* owned: STATE/rpc */
	int64_t started_at;
	int64_t free_space;        /* of the download directory; -1: not known yet */
	usec free_space_at;
	bool free_space_asked;
	uint32_t jobs;
	json_t *groups;            /* owned; an array */
};

/* One request under way. */
struct rpc_call {
	struct rpc *rpc;
	struct evhttp_request *request; /* answered exactly once */
	json_t *body;              /* owned */
	const json_t *arguments;   /* borrowed from body; an object, maybe empty */
	struct json_out out;       /* members of "arguments" of the answer */
	bool deferred;             /* somebody will call rpc_call_finish */
};

/* Returns "success" or an error text, both static or in the call's body; NULL
 * when the call was deferred. */
typedef const char *rpc_method(struct rpc_call *c);

/* ---- http.c ---- */
bool rpc_http_start(struct rpc *r, char reason[RPC_REASON_MAX]);
void rpc_http_stop(struct rpc *r);
/* Takes the bytes of out. */
void rpc_http_answer(struct evhttp_request *request, struct json_out *out);

/* ---- dispatch.c ---- */
void rpc_dispatch(struct rpc *r, struct evhttp_request *request, struct bytes body);
/* Answers and frees the call. */
void rpc_call_finish(struct rpc_call *c, const char *result);
/* Blocking work for a call that is answered afterwards: work on a worker, done
 * on the network thread returns the result. False: too many; answer at once. */
struct rpc_job;
typedef void rpc_job_work(void *context);
typedef const char *rpc_job_done(struct rpc_call *c, void *context);
bool rpc_call_defer(struct rpc_call *c, rpc_job_work *work, rpc_job_done *done, void *context);

/* ---- table.c ---- */
/* Bring the list up to date with the session. */
void rpc_table_sync(struct rpc *r);
void rpc_table_deinit(struct rpc *r);
void rpc_table_tick(struct rpc *r);
struct rpc_torrent *rpc_table_find(struct rpc *r, int64_t number);
struct rpc_torrent *rpc_table_find_hash(struct rpc *r, const char *hex);
/* Those that "ids" names, each once; owned array (free()). absent: all. */
struct rpc_torrent **rpc_table_select(struct rpc *r, const json_t *ids, uint32_t *count,
                                      bool *recent);
void rpc_table_changed(struct rpc *r, struct rpc_torrent *t);

/* ---- store.c: records and settings on disk ---- */
void rpc_store_save(struct rpc *r, struct rpc_torrent *t);
void rpc_store_save_settings(struct rpc *r);
void rpc_store_drop(struct rpc *r, const struct rpc_torrent *t);
void rpc_store_load(struct rpc *r, struct rpc_torrent *t);
void rpc_store_load_settings(struct rpc *r);
/* At the end, without workers. */
void rpc_store_flush(struct rpc *r);

/* ---- settings.c ---- */
void rpc_settings_init(struct rpc *r);
/* What the command line decides, whatever is stored. */
void rpc_settings_pin(struct rpc *r);
void rpc_settings_apply(struct rpc *r);
void rpc_settings_apply_torrent(struct rpc *r, const struct rpc_torrent *t);
bool rpc_setting_bool(const struct rpc *r, const char *key);
double rpc_setting_number(const struct rpc *r, const char *key);
const char *rpc_setting_text(const struct rpc *r, const char *key);
/* May content lie there: absolute, without "..", below a root. */
const char *rpc_path_check(const struct rpc *r, const char *path, const char *not_absolute);

/* ---- torrent_set.c ---- */
/* The file lists of torrent-set and torrent-add; NULL or an error text. */
const char *rpc_torrent_set_files(struct rpc *r, struct rpc_torrent *t, const json_t *arguments);

/* ---- queue.c ---- */
void rpc_queue_place(struct rpc *r, struct rpc_torrent *t, int64_t position);

/* ---- the methods ---- */
rpc_method rpc_session_get, rpc_session_set, rpc_session_stats, rpc_session_close, rpc_port_test,
	rpc_blocklist_update, rpc_free_space, rpc_group_get, rpc_group_set, rpc_torrent_get,
	rpc_torrent_add, rpc_torrent_remove, rpc_torrent_set, rpc_torrent_start,
	rpc_torrent_start_now, rpc_torrent_stop, rpc_torrent_verify, rpc_torrent_reannounce,
	rpc_torrent_set_location, rpc_torrent_rename_path, rpc_queue_top, rpc_queue_up,
	rpc_queue_down, rpc_queue_bottom;

#endif
