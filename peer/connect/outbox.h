/* peer/connect/outbox.h: what one connection has to send, in order: small
 * messages that are copied in, and payload that stays where it was read.
 *
 * The views handed out go straight into one writev, headers and payload
 * together; nothing is copied a second time. */
#ifndef PEER_CONNECT_OUTBOX_H
#define PEER_CONNECT_OUTBOX_H

#include "peer/upload/upload.h"
#include "proto/bytes.h"

enum { OUTBOX_CONTROL_MAX = 512 << 10 }; /* bytes of small messages a peer may let pile up */

struct outbox_segment {
	const uint8_t *data;    /* payload, borrowed from span; NULL: in the control buffer */
	uint32_t size;
	struct read_span *span; /* referenced; released when this segment has left; may be NULL */
};

struct outbox {
	uint8_t *control;       /* owned */
	uint32_t control_begin, control_end, control_size;
	struct outbox_segment *segments; /* owned ring, a power of two */
	uint32_t first, count, ring_size;
	uint32_t first_sent;    /* bytes of the first segment that have left */
	uint64_t queued;        /* bytes not yet sent */
};

void outbox_init(struct outbox *o);
void outbox_deinit(struct outbox *o, struct span_cache *c);
/* Copy size bytes in. False: the peer lets too much pile up; nothing is added. */
bool outbox_add(struct outbox *o, struct bytes message);
/* Payload that lives in a span. The reference is taken over and released once
 * these bytes have left; pass NULL for all but the last view of a block. */
void outbox_add_payload(struct outbox *o, struct bytes data, struct read_span *span);
size_t outbox_views(const struct outbox *o, struct bytes *views, size_t max);
/* size bytes have left. Returns how many of them were payload. */
uint64_t outbox_sent(struct outbox *o, struct span_cache *c, size_t size);
static inline bool outbox_is_empty(const struct outbox *o)
{
	return o->count == 0;
}

#endif
