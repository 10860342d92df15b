/* peer/upload/spans.h: what was read from disk to be sent: runs of up to
 * READ_SPAN_MAX bytes, shared by everybody who asked for part of them, and kept
 * for a while after the last one. */
#ifndef PEER_UPLOAD_SPANS_H
#define PEER_UPLOAD_SPANS_H

#include "peer/action.h"
#include "peer/storage/chunks.h"

enum {
	UPLOAD_CACHE_BYTES_MAX = 8 << 20, /* spans nobody needs right now, kept for others */
	SPAN_BUCKETS = 128,
};

enum span_state { SPAN_READING, SPAN_READY, SPAN_FAILED };

struct read_span {
	torrent_id torrent;
	uint64_t offset;         /* bytes into the torrent */
	uint32_t length;
	uint32_t piece;          /* of its first byte */
	enum span_state state;
	job_id job;
	uint32_t refs;
	uint8_t *chunks[READ_SPAN_MAX / CHUNK_SIZE]; /* owned, from the pool */
	bool stale;                     /* private: no longer to be found */
	struct read_span *next, *prev;  /* private: reading, or idle by last use */
	struct read_span *chain;        /* private: same bucket */
};

struct span_list {
	struct read_span *first, *last;
};

/* All spans of a session. */
struct span_cache {
	struct chunk_pool *pool;  /* borrowed */
	struct span_list reading; /* private */
	struct span_list idle;    /* private: READY and nobody's, least recently used first */
	uint64_t idle_bytes;      /* memory of the idle ones */
	uint32_t count;           /* all of them */
	struct read_span *buckets[SPAN_BUCKETS]; /* private */
};

void span_cache_init(struct span_cache *c, struct chunk_pool *pool);
/* No span may be referenced or reading. */
void span_cache_deinit(struct span_cache *c);
/* The answer to a read. False: no such span (it was for somebody else). */
bool span_cache_on_read(struct span_cache *c, job_id job, bool ok);
/* Forget the spans of a torrent (removed, or its files changed): idle ones at
 * once, the others when their holders are done; nobody new gets them. */
void span_cache_forget(struct span_cache *c, torrent_id t);
/* Give memory of idle spans back to the pool, the oldest first, until at most
 * bytes_max are kept. */
void span_cache_trim(struct span_cache *c, uint64_t bytes_max);

/* A span that holds all of [offset, offset + length) of t, read or being read,
 * on which a reference is handed out; NULL: none. */
struct read_span *span_find(struct span_cache *c, torrent_id t, uint64_t offset, uint32_t length);
/* A new one, to be read, with one reference. length is 1..READ_SPAN_MAX. */
struct read_span *span_new(struct span_cache *c, torrent_id t, uint64_t offset, uint32_t length,
                           uint32_t piece);
void span_hold(struct read_span *s);
/* A span that is being read stays until its job is answered. */
void span_release(struct span_cache *c, struct read_span *s);

#endif
