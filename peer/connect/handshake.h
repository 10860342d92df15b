/* peer/connect/handshake.h: the opening of a connection, until both ends have
 * named one torrent: the handshake of BEP 3, bare or inside MSE/PE.
 *
 * Pure: no socket, no clock, no call upward. The owner feeds what arrived,
 * sends what there is to send, answers the two questions a responder may
 * ask, and keeps the deadline. Not one byte behind the handshake is taken:
 * what is left belongs to the messages (and to h->stream, when encrypted).
 *
 *     while (bytes.size > 0 && h->state < HANDSHAKE_DONE) {
 *             handshaker_on_bytes(h, bytes, &used);
 *             bytes = what is left behind used;
 *             if (h->state == HANDSHAKE_ASKS_KEY) ... handshaker_set_key()
 *             if (h->state == HANDSHAKE_ASKS_TORRENT) ... handshaker_accept()
 *     }
 *
 * About 3.5 KiB whatever the peer sends: allocate it with a new connection,
 * free it when it is done. A failure says nothing on the wire. */
#ifndef PEER_CONNECT_HANDSHAKE_H
#define PEER_CONNECT_HANDSHAKE_H

#include "proto/message.h"
#include "proto/mse.h"
#include "proto/rng.h"

enum encryption_policy {
	ENCRYPTION_OFF,       /* plain only */
	ENCRYPTION_ALLOWED,   /* inwards both; outwards plain, on refusal encrypted */
	ENCRYPTION_PREFERRED, /* inwards both; outwards encrypted, on refusal plain */
	ENCRYPTION_REQUIRED,  /* all of it, to the last byte */
};

/* How the attempt-th connection (0 first) to one peer begins. False: policy
 * gives it no such attempt. */
bool handshake_attempt(enum encryption_policy policy, unsigned attempt, bool *encrypted);

enum handshake_state {
	HANDSHAKE_READING,      /* wants bytes */
	HANDSHAKE_ASKS_KEY,     /* responder: which torrent has skey_hash? */
	HANDSHAKE_ASKS_TORRENT, /* responder: peer.info_hash is known; shall we? */
	HANDSHAKE_DONE,         /* peer is whole; drain the output, then messages */
	HANDSHAKE_FAILED,       /* failure and reason tell why; close */
};

enum handshake_failure {
	HANDSHAKE_FINE,
	HANDSHAKE_ALIEN,         /* not our protocol, or malformed */
	HANDSHAKE_WRONG_TORRENT, /* initiator: it answered with another info-hash */
	HANDSHAKE_OURSELVES,     /* it has our own peer id */
	HANDSHAKE_REFUSED,       /* responder: the owner has no such torrent */
	HANDSHAKE_POLICY,        /* one end demands encryption, the other cannot */
};

enum {
	HANDSHAKE_IN_MAX = MSE_PAD_MAX + SHA1_SIZE, /* the longest search */
	/* Two openings of MSE that wait for a slow socket. */
	HANDSHAKE_OUT_MAX = MSE_KEY_SIZE + MSE_PAD_MAX + 2 * SHA1_SIZE + MSE_VC_SIZE + 8 +
	                    MSE_PAD_MAX + HANDSHAKE_SIZE,
};

struct handshaker {
	enum handshake_state state;
	enum handshake_failure failure;
	const char *reason;           /* static text, when failed */
	struct handshake peer;        /* info_hash and flags from ASKS_TORRENT, all when DONE */
	uint8_t skey_hash[SHA1_SIZE]; /* ASKS_KEY: mse_skey_hash() of the torrent meant */
	bool initiator;
	bool encrypted;               /* it went through MSE: look at stream */
	struct mse_stream stream;     /* hand it over when encrypted and not over */

	/* the rest is handshake.c's */
	enum encryption_policy policy;
	struct rng *rng; /* borrowed */
	struct handshake own;
	uint32_t selected;   /* enum mse_crypto, once agreed */
	uint8_t step;
	bool keyed;          /* bytes come and go through stream */
	size_t need;         /* bytes of the current step, in in */
	size_t left;         /* bytes of padding to drop first */
	size_t in_used;
	size_t sync_size;
	size_t out_used, out_sent;
	uint8_t secret[MSE_PRIVATE_SIZE];
	uint8_t shared[MSE_KEY_SIZE];
	uint8_t sync[SHA1_SIZE];
	uint8_t in[HANDSHAKE_IN_MAX];
	uint8_t out[HANDSHAKE_OUT_MAX];
};

/* We connected, to a peer of own->info_hash. encrypted: begin with MSE, see
 * handshake_attempt(). rng (borrowed) outlives h. Output is there at once. */
void handshaker_init_initiator(struct handshaker *h, const struct handshake *own,
                               enum encryption_policy policy, bool encrypted, struct rng *rng);
/* They connected. */
void handshaker_init_responder(struct handshaker *h, enum encryption_policy policy,
                               struct rng *rng);

/* Bytes from the socket, cut anywhere; *used of them were taken: all, unless a
 * question was asked or the handshake ended. False: failed. */
bool handshaker_on_bytes(struct handshaker *h, struct bytes bytes, size_t *used);
/* Answers; each may be given only in its state. */
void handshaker_set_key(struct handshaker *h, const uint8_t info_hash[SHA1_SIZE]);
/* own->info_hash is peer.info_hash. */
void handshaker_accept(struct handshaker *h, const struct handshake *own);
/* To either question: we have no such torrent. */
void handshaker_refuse(struct handshaker *h, const char *reason);

/* Takes up to max bytes to send into out; returns how many. */
size_t handshaker_output(struct handshaker *h, uint8_t *out, size_t max);
static inline bool handshaker_has_output(const struct handshaker *h)
{
	return h->out_sent < h->out_used;
}
/* Wipes the secrets; after it only stream is to be used. */
void handshaker_deinit(struct handshaker *h);

#endif
