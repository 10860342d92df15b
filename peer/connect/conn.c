/* peer/connect/conn.c: one peer connection as a stream.
 *
 * Invariant: outside of conn_next at most one of these holds: bytes in the
 * carry (the start of a message whose rest has not come), or a block under way. */
#include "peer/connect/conn.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "proto/memory.h"

enum { SEALED_SIZE = 64 << 10 };
_Static_assert(SEALED_SIZE >= 2 * HANDSHAKE_OUT_MAX, "a handshake fits while none of it has left");

void conn_init(struct conn *c, bool incoming)
{
	*c = (struct conn){ .state = incoming ? CONN_HANDSHAKE : CONN_DIALING, .incoming = incoming };
	c->message_max = EXT_PAYLOAD_MAX;
	c->carry_need = 4;
	outbox_init(&c->out);
}

static void opening_end(struct conn *c)
{
	if (c->opening == NULL)
		return;
	handshaker_deinit(c->opening);
	free(c->opening);
	c->opening = NULL;
}

static void cipher_end(struct conn *c)
{
	if (c->cipher == NULL)
		return;
	sodium_memzero(c->cipher, sizeof *c->cipher);
	free(c->cipher);
	c->cipher = NULL;
}

void conn_deinit(struct conn *c, struct span_cache *spans)
{
	outbox_deinit(&c->out, spans);
	opening_end(c);
	cipher_end(c);
	free(c->sealed);
	free(c->carry);
	c->sealed = c->carry = NULL;
}

static enum conn_event broken(struct conn *c, const char *reason)
{
	c->broken = reason;
	return CONN_BROKEN;
}

static void advance(struct bytes *in, size_t n)
{
	in->data += n;
	in->size -= n;
}

/* Move bytes into the carry until it holds carry_need. True: it does. */
static bool carry_fill(struct conn *c, struct bytes *in)
{
	size_t n = c->carry_need - c->carry_used;
	if (n > in->size)
		n = in->size;
	if (c->carry_used + n > c->carry_size) {
		uint32_t size = c->carry_size != 0 ? c->carry_size : 128;
		while (size < c->carry_used + n)
			size *= 2;
		c->carry = memory_resize(c->carry, size, 1);
		c->carry_size = size;
	}
	if (n != 0)
		memcpy(c->carry + c->carry_used, in->data, n);
	c->carry_used += (uint32_t)n;
	advance(in, n);
	return c->carry_used == c->carry_need;
}

static void carry_reset(struct conn *c)
{
	c->carry_used = 0;
	c->carry_need = 4;
	c->carry_served = false;
	/* A large bitfield came through here once: do not keep its room. */
	if (c->carry_size > 4096) {
		free(c->carry);
		c->carry = NULL;
		c->carry_size = 0;
	}
}

/* ---- the handshake ---- */

/* Its bytes are ready for the wire as they are: they never pass the outbox. */
static void seal_opening(struct conn *c)
{
	while (handshaker_has_output(c->opening)) {
		if (c->sealed == NULL)
			c->sealed = memory_alloc(SEALED_SIZE);
		const size_t n = handshaker_output(c->opening, c->sealed + c->sealed_end,
		                                   SEALED_SIZE - c->sealed_end);
		assert(n != 0);
		c->sealed_end += (uint32_t)n;
	}
}

void conn_greet(struct conn *c, const struct handshake *own, enum encryption_policy policy,
                bool encrypted, struct rng *rng)
{
	c->opening = memory_zeroed(1, sizeof *c->opening);
	handshaker_init_initiator(c->opening, own, policy, encrypted, rng);
	seal_opening(c);
}

void conn_expect(struct conn *c, enum encryption_policy policy, struct rng *rng)
{
	c->opening = memory_zeroed(1, sizeof *c->opening);
	handshaker_init_responder(c->opening, policy, rng);
}

static enum conn_event next_handshake(struct conn *c, struct bytes *in)
{
	struct handshaker *h = c->opening;
	if (in->size != 0 && h->state == HANDSHAKE_READING) {
		size_t used = 0;
		handshaker_on_bytes(h, *in, &used);
		advance(in, used);
	}
	seal_opening(c);
	c->theirs = h->peer;
	switch (h->state) {
	case HANDSHAKE_READING:
		return CONN_NOTHING;
	case HANDSHAKE_ASKS_KEY:
		return CONN_ASKS_KEY;
	case HANDSHAKE_ASKS_TORRENT:
		return CONN_ASKS_TORRENT;
	case HANDSHAKE_DONE:
		return CONN_HANDSHAKEN;
	case HANDSHAKE_FAILED:
		break;
	}
	return broken(c, h->reason);
}

void conn_open(struct conn *c, bool our_fast)
{
	assert(c->state == CONN_HANDSHAKE);
	seal_opening(c);
	c->state = CONN_OPEN;
	c->fast = our_fast && c->theirs.fast;
	c->extended = c->theirs.extended;
	c->encrypted = c->opening->encrypted;
	if (c->encrypted && !mse_stream_is_over(&c->opening->stream))
		c->cipher = memory_copy(&c->opening->stream, sizeof *c->cipher);
	opening_end(c);
}

struct bytes conn_decrypt(struct conn *c, struct bytes in, uint8_t *scratch)
{
	mse_stream_decrypt(c->cipher, in.data, scratch, in.size);
	if (mse_stream_is_over(c->cipher))
		cipher_end(c);
	return bytes_of(scratch, in.size);
}

static enum conn_event next_block(struct conn *c, struct bytes *in)
{
	const uint32_t n = in->size < c->block_left ? (uint32_t)in->size : c->block_left;
	if (c->into != NULL && n != 0) {
		memcpy(c->into, in->data, n);
		c->into += n;
	}
	c->block_left -= n;
	advance(in, n);
	if (c->block_left != 0)
		return CONN_NOTHING;
	c->in_block = false;
	return CONN_BLOCK_END;
}

static enum conn_event deliver(struct conn *c, const struct message *m)
{
	if (m->kind == MSG_PIECE) {
		if (m->block.length > BLOCK_SIZE_MAX)
			return broken(c, "block too long");
		return CONN_BLOCK;
	}
	return CONN_MESSAGE;
}

/* A message that began in an earlier view. */
static enum conn_event next_carried(struct conn *c, struct bytes *in, struct message *m)
{
	while (carry_fill(c, in)) {
		size_t used;
		const char *reason;
		switch (message_read(m, bytes_of(c->carry, c->carry_used), c->message_max, &used,
		                     &reason)) {
		case MESSAGE_BAD:
			return broken(c, reason);
		case MESSAGE_OK:
			assert(used == c->carry_used);
			c->carry_served = true;
			return deliver(c, m);
		case MESSAGE_MORE:
			assert(used > c->carry_used);
			c->carry_need = (uint32_t)used;
			break;
		}
	}
	return CONN_NOTHING;
}

static enum conn_event next_message(struct conn *c, struct bytes *in, struct message *m)
{
	size_t used;
	const char *reason;
	switch (message_read(m, *in, c->message_max, &used, &reason)) {
	case MESSAGE_BAD:
		return broken(c, reason);
	case MESSAGE_OK:
		advance(in, used);
		return deliver(c, m);
	case MESSAGE_MORE:
		break;
	}
	c->carry_need = (uint32_t)used;
	carry_fill(c, in);
	return CONN_NOTHING;
}

enum conn_event conn_next(struct conn *c, struct bytes *in, struct message *m)
{
	if (c->state == CONN_HANDSHAKE)
		return next_handshake(c, in);
	assert(c->state == CONN_OPEN);
	if (c->carry_served)
		carry_reset(c);
	if (c->in_block)
		return next_block(c, in);
	if (in->size == 0)
		return CONN_NOTHING;
	return c->carry_used != 0 ? next_carried(c, in, m) : next_message(c, in, m);
}

void conn_receive(struct conn *c, uint8_t *into, uint32_t length)
{
	assert(!c->in_block);
	c->in_block = true;
	c->into = into;
	c->block_left = length;
}

/* ---- sending ---- */

/* Encrypt what the outbox has, up to the room there is. */
static void seal_outbox(struct conn *c, struct span_cache *spans)
{
	struct bytes views[32];
	const size_t n = outbox_views(&c->out, views, 32);
	if (c->sealed == NULL)
		c->sealed = memory_alloc(SEALED_SIZE);
	for (size_t i = 0; i < n && c->sealed_end < SEALED_SIZE; i++) {
		size_t part = SEALED_SIZE - c->sealed_end;
		if (part > views[i].size)
			part = views[i].size;
		mse_stream_encrypt(c->cipher, views[i].data, c->sealed + c->sealed_end, part);
		c->sealed_end += (uint32_t)part;
	}
	c->sealed_payload += outbox_sent(&c->out, spans, c->sealed_end);
}

size_t conn_output(struct conn *c, struct span_cache *spans, struct bytes *views, size_t max)
{
	const bool seals = c->cipher != NULL && c->cipher->encrypted;
	if (c->sealed_begin == c->sealed_end) {
		c->sealed_begin = c->sealed_end = 0;
		if (!seals)
			return outbox_views(&c->out, views, max);
		seal_outbox(c, spans);
	}
	if (c->sealed_begin == c->sealed_end || max == 0)
		return 0;
	views[0] = bytes_of(c->sealed + c->sealed_begin, c->sealed_end - c->sealed_begin);
	return 1;
}

uint64_t conn_sent(struct conn *c, struct span_cache *spans, size_t size)
{
	if (c->sealed_begin == c->sealed_end)
		return outbox_sent(&c->out, spans, size);
	assert(size <= c->sealed_end - c->sealed_begin);
	c->sealed_begin += (uint32_t)size;
	if (c->sealed_begin == c->sealed_end && (c->cipher == NULL || !c->cipher->encrypted)) {
		/* The handshake was all there was to seal. */
		free(c->sealed);
		c->sealed = NULL;
		c->sealed_begin = c->sealed_end = 0;
	}
	const uint64_t payload = c->sealed_payload;
	c->sealed_payload = 0;
	return payload;
}

bool conn_has_output(const struct conn *c)
{
	return c->sealed_begin != c->sealed_end || !outbox_is_empty(&c->out);
}
