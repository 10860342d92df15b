/* peer/session.h: the front door of the engine: one session of torrents.
 *
 * Pure. Inputs are functions with the time as argument; what should happen is
 * drained with session_next_action(); session_deadline() says when to call
 * session_on_timer(). Nothing calls back. */
#ifndef PEER_SESSION_H
#define PEER_SESSION_H

#include "peer/action.h"
#include "peer/connect/handshake.h"
#include "proto/bitfield.h"
#include "proto/message.h"
#include "proto/metainfo.h"
#include "proto/rng.h"

enum {
	SESSION_CONNS_MAX = 4096,
	SESSION_TORRENTS_MAX = 200000,
	SESSION_OUTPUT_VIEWS = 64,  /* enough for any session_output */
};

struct session_config {
	uint8_t seed[RNG_SEED_SIZE];
	uint16_t listen_port;      /* told to peers; 0: not listening */
	uint16_t dht_port;         /* sent as PORT (BEP 5); 0: no DHT */
	uint32_t conns_max;        /* 0: default 500 */
	uint32_t conns_per_torrent_max; /* 0: default 100 */
	uint32_t half_open_max;    /* 0: default 50 */
	uint32_t upload_slots;     /* per torrent; 0: the textbook's 4 + 1 optimistic */
	uint64_t buffer_bytes_max; /* piece buffers and read spans; 0: default 64 MiB */
	uint64_t up_rate_max, down_rate_max; /* bytes per second, overhead included; 0: none */
	enum encryption_policy encryption; /* MSE; 0: off */
	uint32_t disk_jobs_max;    /* checks in flight; 0: default 4 */
	bool classic;              /* the textbook to the letter, for comparison: strict choking
	                            * rounds, 5 requests outstanding, partial pieces first */
	bool serves_nobody;        /* every peer stays choked, for comparison */
	bool allow_same_address;   /* several peers behind one address (labs, NAT): default
	                            * only for private and loopback addresses */
};

struct session;
struct session *session_new(const struct session_config *config, usec now);
/* Every job must have been answered, or its buffers be out of use. */
void session_free(struct session *s);
const uint8_t *session_peer_id(const struct session *s);
/* Leave: every torrent stops, peers are closed after what is being sent. */
void session_stop(struct session *s, usec now);
/* No connection open, no job in flight. */
bool session_is_quiet(const struct session *s);
void session_set_rates(struct session *s, uint64_t up_rate_max, uint64_t down_rate_max, usec now);

/* ---- torrents ---- */

struct torrent_options {
	struct metainfo *metainfo;  /* moved from: the session takes what it owns; or NULL */
	uint8_t info_hash[SHA1_SIZE]; /* when metainfo is NULL */
	const char *name;           /* display name until the metadata is there; may be NULL */
	const struct bitfield *have; /* trusted state from a resume file; NULL: check the disk */
	bool paused;
	bool sequential;
	bool no_dht;                /* private torrents never use it anyway */
	const uint8_t *priorities;  /* file_count bytes: 0 skip, 1..7; NULL: all 4 */
};

/* 0 when the info-hash is there already (*existing set) or the table is full. */
torrent_id session_add(struct session *s, const struct torrent_options *o, torrent_id *existing,
                       usec now);
void session_remove(struct session *s, torrent_id t, usec now);
void session_pause(struct session *s, torrent_id t, usec now);
void session_resume(struct session *s, torrent_id t, usec now);
/* Bytes per second within those of the session; 0: no limit of its own. */
void session_set_torrent_rates(struct session *s, torrent_id t, uint64_t up_rate_max,
                               uint64_t down_rate_max, usec now);
/* Files: 0 skip, 1..7, one byte each (NULL: all 4), also while it runs. False: the
 * metadata is not there yet; a magnet's choice is made at NOTICE_METADATA. */
bool session_set_priorities(struct session *s, torrent_id t, const uint8_t *per_file, usec now);
void session_set_sequential(struct session *s, torrent_id t, bool on, usec now);
/* Hash everything on disk again. */
void session_verify(struct session *s, torrent_id t, usec now);
torrent_id session_find(const struct session *s, const uint8_t info_hash[SHA1_SIZE]);
/* All of them: start with 0; 0 at the end. */
torrent_id session_next(const struct session *s, torrent_id after);

/* Addresses somebody told us; unusable ones and ourselves are left out. */
void session_on_peers(struct session *s, torrent_id t, const struct endpoint *peers,
                      uint32_t count, enum peer_source source, usec now);
/* Likewise, with who told us (a node, a tracker): what it says of private,
 * loopback and link-local networks counts only when it is in one itself. */
void session_on_peers_from(struct session *s, torrent_id t, const struct endpoint *peers,
                           uint32_t count, enum peer_source source,
                           const struct endpoint *teller, usec now);
/* Addresses to have nothing to do with; NULL: none. The session takes the filter
 * (from malloc) and frees it. Who is connected and in it is dropped. */
struct ipfilter;
void session_set_filter(struct session *s, struct ipfilter *owned, usec now);

/* ---- connections ---- */

/* Somebody connected to us. 0: refused, close the socket. */
conn_id session_on_accepted(struct session *s, const struct endpoint *from, usec now);
/* A dial of ours succeeded. local: our end of it. */
void session_on_connected(struct session *s, conn_id c, const struct endpoint *local, usec now);
/* A dial failed, or the connection ended from outside; reason is static or borrowed. */
void session_on_closed(struct session *s, conn_id c, const char *reason, usec now);
/* Bytes from the socket; all of them are consumed during the call. */
void session_on_bytes(struct session *s, conn_id c, struct bytes bytes, usec now);
/* How many bytes may be read now: SIZE_MAX without limits, 0: wait for ACT_INPUT. */
size_t session_read_budget(struct session *s, conn_id c, usec now);
/* What to send next: up to max views, borrowed until the next call into the
 * session; returns how many. 0: nothing now; an ACT_OUTPUT comes when there is. */
size_t session_output(struct session *s, conn_id c, struct bytes *views, size_t max, usec now);
/* The socket took that many of the bytes offered. */
void session_on_sent(struct session *s, conn_id c, size_t size, usec now);

/* ---- disk ---- */

/* What ACT_STORAGE_OPEN found. sizes[i]: bytes of file i on disk, 0 when it is
 * not there (pad files: their length). result other than OK: text says why. */
struct storage_found {
	enum disk_result result;
	const char *text;
	const uint64_t *sizes; /* metainfo.file_count */
};
void session_on_storage(struct session *s, torrent_id t, const struct storage_found *found,
                        usec now);
void session_on_job(struct session *s, const struct disk_done *done, usec now);

/* ---- time ---- */

void session_on_timer(struct session *s, usec now);
usec session_deadline(const struct session *s); /* USEC_NEVER: nothing to come */

bool session_next_action(struct session *s, struct action *out);

/* ---- looking in ---- */

enum torrent_state {
	TORRENT_METADATA,    /* waiting for the info dictionary */
	TORRENT_OPENING,     /* storage is being looked at */
	TORRENT_CHECKING,
	TORRENT_DOWNLOADING,
	TORRENT_SEEDING,
	TORRENT_PAUSED,
	TORRENT_ERROR,
};

struct torrent_status {
	enum torrent_state state;
	uint8_t info_hash[SHA1_SIZE];
	const char *name;        /* borrowed; never NULL */
	const char *error;       /* borrowed; NULL unless TORRENT_ERROR */
	enum disk_result error_kind;
	bool has_metadata;
	uint64_t total, wanted, verified; /* bytes; verified of the wanted */
	uint32_t piece_count, pieces_have, pieces_checked;
	uint64_t downloaded, uploaded;    /* payload bytes since added */
	uint64_t wasted;                  /* payload received twice, unasked or bad */
	uint64_t down_rate, up_rate;      /* payload bytes per second, about the last 5 s */
	uint32_t peers, seeds, half_open, candidates;
	uint32_t metadata_have, metadata_total; /* 16 KiB blocks */
};
bool session_status(const struct session *s, torrent_id t, struct torrent_status *out, usec now);
const struct metainfo *session_metainfo(const struct session *s, torrent_id t); /* NULL: unknown yet */
const struct bitfield *session_have(const struct session *s, torrent_id t);     /* NULL likewise */

struct peer_status {
	conn_id conn;
	struct endpoint endpoint;
	char client[64];
	enum peer_source source;
	bool incoming, encrypted, we_choke, we_want, peer_chokes, peer_wants, snubbed, optimistic, seed;
	uint64_t down_rate, up_rate;      /* bytes per second */
	uint64_t downloaded, uploaded;
	uint32_t pieces;                  /* it has */
	uint32_t requests_out, requests_in;
};
/* Fills up to max; returns how many connected peers there are. */
uint32_t session_peers(const struct session *s, torrent_id t, struct peer_status *out,
                       uint32_t max, usec now);

struct session_totals {
	uint64_t payload_down, payload_up, bytes_down, bytes_up;
	uint32_t torrents, conns, half_open, jobs;
	size_t buffer_bytes;
};
void session_totals(const struct session *s, struct session_totals *out);

#endif
