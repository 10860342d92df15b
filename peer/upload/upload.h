/* peer/upload/upload.h: what one peer asked of us: queue, read, send.
 *
 * Requests are queued (bounded), neighbouring ones are read together in spans
 * of up to READ_SPAN_MAX, and spans are shared: a piece that many peers ask for
 * at the same time is read once. The owner emits the reads and sends the blocks. */
#ifndef PEER_UPLOAD_UPLOAD_H
#define PEER_UPLOAD_UPLOAD_H

#include "peer/action.h"
#include "peer/upload/spans.h"
#include "proto/bitfield.h"
#include "proto/message.h"
#include "proto/metainfo.h"

enum {
	UPLOAD_QUEUE_MAX = 512,        /* requests per peer: the reqq we announce is 500 */
	UPLOAD_REQQ = 500,
	UPLOAD_AHEAD = 512 << 10,      /* bytes read or being read ahead of sending, per peer */
	UPLOAD_REPEAT_MAX_PERCENT = 120,  /* of the torrent, that one peer may take (Xunlei) */
	UPLOAD_REPEAT_MIN = 4 << 20,      /* bytes it may take twice of a small torrent */
	UPLOAD_BLOCK_VIEWS = 4,
};

struct upload_request {
	struct block block;
	struct read_span *span; /* referenced; NULL: not begun */
	uint32_t span_begin;    /* private: where in the span it lies */
};

struct upload_peer {
	struct upload_request *queue; /* owned ring, grows to UPLOAD_QUEUE_MAX */
	uint32_t first, count, size;
	uint32_t begun;               /* of the count: have a span */
	uint64_t served_bytes;        /* handed out, for the repeat quota */
	uint64_t queued_bytes;        /* of all in the queue */
	uint32_t begun_bytes;         /* of those that have a span */
	uint64_t next_offset;         /* private: where its last span ended, in the torrent */
};
void upload_peer_init(struct upload_peer *u);
void upload_peer_deinit(struct upload_peer *u, struct span_cache *c);

enum upload_answer {
	UPLOAD_QUEUED,
	UPLOAD_REFUSED, /* not had, queue full, quota: REJECT if the peer speaks BEP 6, else silence */
	UPLOAD_BROKEN,  /* impossible block: drop the peer; *reason static */
};
/* have: what is verified; nothing else is ever read. The owner looks whether the
 * peer is choked. */
enum upload_answer upload_on_request(struct upload_peer *u, const struct metainfo *m,
                                     const struct bitfield *have, struct block b,
                                     const char **reason);
/* True: it was queued and not yet handed out. */
bool upload_on_cancel(struct upload_peer *u, struct span_cache *c, struct block b);
/* Choke: empty the queue. Returns the blocks one by one so that they can be
 * rejected (BEP 6); false: none left. */
bool upload_drop(struct upload_peer *u, struct span_cache *c, struct block *dropped);

/* The next read to start for this peer; NULL: nothing now. Fills all of job but
 * its id, which the caller gives (span->job = id) before it goes out. Call until
 * NULL after a request, an answered read and a block handed out: requests that
 * an existing span covers join it without a read. Over the pool's budget only
 * the block that is needed next is read. */
struct read_span *upload_next_read(struct upload_peer *u, struct span_cache *c, torrent_id t,
                                   const struct metainfo *m, struct disk_job *job);
/* The next block whose bytes are here, in the order asked. Views into the span,
 * on which a reference is handed to the caller: span_release when sent. A block
 * whose read failed sets *failed and has neither views nor span: reject it. */
bool upload_next_block(struct upload_peer *u, struct span_cache *c, struct block *b,
                       struct bytes views[UPLOAD_BLOCK_VIEWS], uint32_t *view_count,
                       struct read_span **span, bool *failed);

#endif
