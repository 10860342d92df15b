/* peer/upload/upload.h: what one peer asked of us: queue, read, send.
 *
 * Requests are queued (bounded), neighbouring ones are read together in spans
 * of up to READ_SPAN_MAX, and spans are shared: a piece that many peers ask for
 * at the same time is read once. The owner emits the reads and sends the blocks. */
#ifndef PEER_UPLOAD_UPLOAD_H
#define PEER_UPLOAD_UPLOAD_H

#include "peer/action.h"
#include "peer/storage/chunks.h"
#include "proto/bitfield.h"
#include "proto/message.h"
#include "proto/metainfo.h"

enum {
	UPLOAD_QUEUE_MAX = 512,        /* requests per peer: the reqq we announce is 500 */
	UPLOAD_REQQ = 500,
	UPLOAD_AHEAD = 512 << 10,      /* bytes read or being read ahead of sending, per peer */
	UPLOAD_CACHE_BYTES_MAX = 8 << 20, /* spans nobody needs right now, kept for others */
	UPLOAD_REPEAT_MAX_PERCENT = 120,  /* of the torrent, that one peer may take (Xunlei) */
	UPLOAD_BLOCK_VIEWS = 4,
};

enum span_state { SPAN_READING, SPAN_READY, SPAN_FAILED };

struct read_span {
	torrent_id torrent;
	uint64_t offset;         /* bytes into the torrent */
	uint32_t length;
	uint32_t piece;
	enum span_state state;
	job_id job;
	uint32_t refs;
	uint8_t *chunks[READ_SPAN_MAX / CHUNK_SIZE]; /* owned, from the pool */
	struct read_span *next, *prev;  /* private: by last use */
};

/* All spans of a session. */
struct span_cache {
	struct chunk_pool *pool; /* borrowed */
	struct read_span *first, *last; /* private */
	uint64_t idle_bytes;
	uint32_t count;
};
void span_cache_init(struct span_cache *c, struct chunk_pool *pool);
/* No span may be referenced or reading. */
void span_cache_deinit(struct span_cache *c);
/* The answer to a read. False: no such span (it was for somebody else). */
bool span_cache_on_read(struct span_cache *c, job_id job, bool ok);
/* Forget the idle spans of a torrent (removed, or its files changed). */
void span_cache_forget(struct span_cache *c, torrent_id t);
void span_release(struct span_cache *c, struct read_span *s);

struct upload_request {
	struct block block;
	struct read_span *span; /* referenced; NULL: not begun */
};

struct upload_peer {
	struct upload_request *queue; /* owned ring, grows to UPLOAD_QUEUE_MAX */
	uint32_t first, count, size;
	uint32_t begun;               /* of the count: have a span */
	uint64_t served_bytes;        /* for the repeat quota */
};
void upload_peer_init(struct upload_peer *u);
void upload_peer_deinit(struct upload_peer *u, struct span_cache *c);

enum upload_answer {
	UPLOAD_QUEUED,
	UPLOAD_REFUSED, /* choked, queue full, quota: REJECT if the peer speaks BEP 6, else silence */
	UPLOAD_BROKEN,  /* impossible block: drop the peer; *reason static */
};
enum upload_answer upload_on_request(struct upload_peer *u, const struct metainfo *m,
                                     const struct bitfield *have, struct block b,
                                     const char **reason);
/* True: it was queued and not yet handed out. */
bool upload_on_cancel(struct upload_peer *u, struct span_cache *c, struct block b);
/* Choke: empty the queue. Returns the blocks one by one so that they can be
 * rejected (BEP 6); false: none left. */
bool upload_drop(struct upload_peer *u, struct span_cache *c, struct block *dropped);

/* The next read to start for this peer; false: nothing now. Fills all of job
 * but its id, which the caller gives (span->job = id) before it goes out. */
struct read_span *upload_next_read(struct upload_peer *u, struct span_cache *c, torrent_id t,
                                   const struct metainfo *m, struct disk_job *job);
/* The next block whose bytes are here, in the order asked. Views into the span,
 * on which a reference is handed to the caller: span_release when sent. A block
 * whose read failed sets *failed and has no views. */
bool upload_next_block(struct upload_peer *u, struct span_cache *c, struct block *b,
                       struct bytes views[UPLOAD_BLOCK_VIEWS], uint32_t *view_count,
                       struct read_span **span, bool *failed);

#endif
