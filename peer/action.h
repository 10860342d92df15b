/* peer/action.h: everything the engine may ask of the world.
 *
 * The rim calls an input of session.h, then drains session_next_action() and
 * carries each action out. Ids are slot + generation, so an answer for
 * something that has gone since is recognised and ignored; 0 is never valid. */
#ifndef PEER_ACTION_H
#define PEER_ACTION_H

#include "proto/bytes.h"
#include "proto/endpoint.h"
#include "proto/hash.h"

typedef uint64_t conn_id;
typedef uint64_t torrent_id;
typedef uint64_t job_id;

enum {
	CHUNK_SIZE = 64 << 10,     /* payload memory comes in chunks of this */
	READ_SPAN_MAX = 256 << 10, /* bytes of one ACT_READ */
};

/* Where an address came from; decides how far it is trusted. */
enum peer_source {
	SOURCE_USER,     /* --peer, RPC */
	SOURCE_MAGNET,   /* x.pe */
	SOURCE_DHT,
	SOURCE_TRACKER,
	SOURCE_PEX,
	SOURCE_LSD,
	SOURCE_INCOMING,
	SOURCE_RESUME,
	SOURCES,
};

enum action_kind {
	/* TCP. Answer: session_on_connected or session_on_closed. */
	ACT_DIAL,          /* conn, endpoint */
	ACT_CLOSE,         /* conn, text: why; the rim forgets the conn, no answer. What
	                    * session_output offers at that moment may be flushed first */
	ACT_OUTPUT,        /* conn has something to send: see session_output */
	ACT_INPUT,         /* conn may be read again: see session_read_budget */

	/* DHT; the rim introduces the node to the session. */
	ACT_DHT_FOLLOW,    /* torrent, info_hash, seed: keep announced, hand peers on */
	ACT_DHT_UNFOLLOW,  /* torrent, info_hash */
	ACT_DHT_HURRY,     /* torrent, info_hash: peers are short */
	ACT_DHT_CONTACT,   /* endpoint: a peer that says it runs a DHT node (PORT) */

	/* Disk. Each job is answered once by session_on_job, also when the torrent
	 * has gone meanwhile: the buffers are the session's and pinned until then. */
	ACT_STORAGE_OPEN,  /* torrent, metainfo (borrowed until ACT_STORAGE_CLOSE): look what
	                    * is on disk; answer session_on_storage */
	ACT_STORAGE_CLOSE, /* torrent; after its running jobs */
	ACT_STORE,         /* job: hash the piece, compare, write it if right */
	ACT_WRITE,         /* job: write without looking (early flush) */
	ACT_READ,          /* job: read into the chunks */
	ACT_CHECK,         /* job: read the piece from disk, hash, compare; no chunks */

	ACT_NOTICE,        /* something the user may want to know */
	ACT_METADATA,      /* torrent, info: the dictionary came from peers and its hash is
	                    * right; save it */
};

enum notice_kind {
	NOTICE_STATE,      /* torrent changed its state */
	NOTICE_METADATA,   /* info dictionary known */
	NOTICE_CHECKED,    /* what was on disk has been checked */
	NOTICE_PIECE,      /* piece verified and written */
	NOTICE_DONE,       /* all wanted pieces are there */
	NOTICE_ERROR,      /* the torrent stopped by itself; text says why */
	NOTICE_BANNED,     /* endpoint sent data that failed its hash; text */
	NOTICE_PEER,       /* connected (text NULL) or lost (text: why): endpoint; for logs */
};

/* One disk job. Its bytes lie in chunks of CHUNK_SIZE, in order, the last one
 * used in part; the memory belongs to the session. */
struct disk_job {
	job_id id;
	torrent_id torrent;
	uint32_t piece;
	uint64_t offset;         /* bytes into the torrent */
	uint32_t length;         /* bytes */
	uint8_t *const *chunks;  /* borrowed until session_on_job; NULL for ACT_CHECK */
	uint8_t expected[SHA1_SIZE]; /* ACT_STORE, ACT_CHECK */
};

enum disk_result {
	DISK_OK,
	DISK_BAD_HASH,   /* STORE (nothing was written), CHECK */
	DISK_MISSING,    /* CHECK, READ: the file or part of it is not there */
	DISK_FULL,       /* ENOSPC, EDQUOT */
	DISK_DENIED,     /* EACCES, EPERM, EROFS */
	DISK_FAILED,     /* anything else */
};

struct disk_done {
	job_id id;
	enum disk_result result;
	const char *text; /* what and where, when not OK; borrowed during the call */
};

struct metainfo;

struct action {
	enum action_kind kind;
	conn_id conn;
	torrent_id torrent;
	struct endpoint endpoint;
	uint8_t info_hash[SHA1_SIZE];
	bool seed;
	enum notice_kind notice;
	uint32_t piece;                  /* NOTICE_PIECE */
	const char *text;                /* borrowed until the next call into the session */
	const struct metainfo *metainfo; /* ACT_STORAGE_OPEN */
	struct bytes info;               /* ACT_METADATA; lives as long as the torrent */
	struct disk_job job;
};

#endif
