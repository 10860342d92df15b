/* peer/connect/conn.c: one peer connection as a stream.
 *
 * Invariant: outside of conn_next at most one of these holds: bytes in the
 * carry (the start of a message whose rest has not come), or a block under way. */
#include "peer/connect/conn.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/memory.h"

void conn_init(struct conn *c, bool incoming)
{
	*c = (struct conn){ .state = incoming ? CONN_HANDSHAKE : CONN_DIALING, .incoming = incoming };
	c->message_max = EXT_PAYLOAD_MAX;
	c->carry_need = HANDSHAKE_SIZE;
	outbox_init(&c->out);
}

void conn_deinit(struct conn *c, struct span_cache *spans)
{
	outbox_deinit(&c->out, spans);
	free(c->carry);
	c->carry = NULL;
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

static enum conn_event next_handshake(struct conn *c, struct bytes *in)
{
	/* The first 20 bytes decide, so that strangers are told apart at once. */
	if (!carry_fill(c, in)) {
		static const char name[] = "\x13" "BitTorrent protocol";
		const size_t n = c->carry_used < 20 ? c->carry_used : 20;
		if (n != 0 && memcmp(c->carry, name, n) != 0)
			return broken(c, "not a BitTorrent handshake");
		return CONN_NOTHING;
	}
	if (!handshake_read(&c->theirs, bytes_of(c->carry, c->carry_used)))
		return broken(c, "not a BitTorrent handshake");
	return CONN_HANDSHAKEN;
}

void conn_open(struct conn *c, bool our_fast)
{
	assert(c->state == CONN_HANDSHAKE);
	c->state = CONN_OPEN;
	c->fast = our_fast && c->theirs.fast;
	c->extended = c->theirs.extended;
	carry_reset(c);
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
