/* peer/connect/conn.h: one peer connection as a stream: handshake (bare or
 * encrypted), then messages, blocks streamed to where they belong (BEP 3, 6, 10).
 *
 * Pull style: the swarm hands in what arrived and takes one event after the
 * other, so nothing here calls anybody. A block's payload is copied once, from
 * the view that arrived to the memory that the swarm named; only headers and
 * small messages that were cut by the end of a view are kept ("carry"). */
#ifndef PEER_CONNECT_CONN_H
#define PEER_CONNECT_CONN_H

#include "peer/connect/handshake.h"
#include "peer/connect/outbox.h"
#include "proto/extended.h"
#include "proto/message.h"

enum conn_state {
	CONN_DIALING,    /* no TCP yet */
	CONN_HANDSHAKE,  /* TCP is there, the peer's handshake is not */
	CONN_OPEN,       /* messages flow */
	CONN_CLOSED,     /* over; memory goes at the end of the input */
};

enum conn_event {
	CONN_NOTHING,    /* all was consumed */
	CONN_ASKS_KEY,   /* encrypted: which torrent has opening->skey_hash? */
	CONN_ASKS_TORRENT, /* conn.theirs.info_hash is known: shall we answer? */
	CONN_HANDSHAKEN, /* conn.theirs is whole; the swarm decides */
	CONN_MESSAGE,    /* *m; borrowed until the next call */
	CONN_BLOCK,      /* m->block: payload follows; call conn_receive */
	CONN_BLOCK_END,  /* the block is complete (also a discarded one) */
	CONN_BROKEN,     /* conn.broken says how */
};

struct conn {
	enum conn_state state;
	const char *broken;         /* static */
	struct handshake theirs;
	struct extended_handshake ext; /* what it last told; zero before */
	bool incoming;
	bool encrypted;             /* it went through MSE */
	bool fast, extended;        /* both sides have it */
	uint32_t message_max;       /* longest message taken; the swarm sets it */

	struct handshaker *opening; /* owned; until the handshake is over */
	struct mse_stream *cipher;  /* owned; NULL: bytes are as they seem */
	struct outbox out;

	/* private: bytes ready for the wire that no longer are the outbox's */
	uint8_t *sealed;            /* owned */
	uint32_t sealed_begin, sealed_end;
	uint64_t sealed_payload;    /* not yet reported by conn_sent */

	/* private: the inbound stream */
	uint8_t *carry;             /* owned: the cut start of a message */
	uint32_t carry_used, carry_size, carry_need;
	bool carry_served;          /* the event out there borrows from the carry */
	bool in_block;
	uint8_t *into;              /* borrowed; NULL: discard */
	uint32_t block_left;
};

void conn_init(struct conn *c, bool incoming);
void conn_deinit(struct conn *c, struct span_cache *spans);

/* The next thing in *in, which is shortened by what was consumed. */
enum conn_event conn_next(struct conn *c, struct bytes *in, struct message *m);
/* After CONN_BLOCK: where its m->block.length bytes go; NULL: skip them. */
void conn_receive(struct conn *c, uint8_t *into, uint32_t length);
/* Start the handshake: as the one who dialed, or who was dialed. */
void conn_greet(struct conn *c, const struct handshake *own, enum encryption_policy policy,
                bool encrypted, struct rng *rng);
void conn_expect(struct conn *c, enum encryption_policy policy, struct rng *rng);
/* After CONN_HANDSHAKEN was accepted: messages follow. */
void conn_open(struct conn *c, bool our_fast);
/* The rest of a view behind the handshake, and every later one, must pass
 * through here when there is a cipher; scratch holds in.size bytes. */
struct bytes conn_decrypt(struct conn *c, struct bytes in, uint8_t *scratch);

/* What to send: views into memory that lives until the next call here. */
size_t conn_output(struct conn *c, struct span_cache *spans, struct bytes *views, size_t max);
/* size of those bytes have left; returns how many were payload. */
uint64_t conn_sent(struct conn *c, struct span_cache *spans, size_t size);
bool conn_has_output(const struct conn *c);

#endif
