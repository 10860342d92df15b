/* proto/mse.h: the parts of message stream encryption (MSE/PE): the
 * Diffie-Hellman exchange, its hashes, and RC4. peer/connect/handshake.c puts
 * them in order.
 *
 *   A -> B  Ya, PadA
 *   B -> A  Yb, PadB
 *   A -> B  HASH(req1 S), HASH(req2 SKEY) ^ HASH(req3 S),
 *           RC4(VC, provide, len PadC, PadC, len IA), RC4(IA)
 *   B -> A  RC4(VC, select, len PadD, PadD), payload
 *
 * S is the shared secret, SKEY the info-hash. This hides the protocol from
 * middle boxes; it is no authentication and no secrecy against an attacker
 * who knows the info-hash. */
#ifndef PROTO_MSE_H
#define PROTO_MSE_H

#include "proto/bytes.h"
#include "proto/hash.h"

enum {
	MSE_KEY_SIZE = 96,     /* 768 bits, big-endian */
	MSE_PRIVATE_SIZE = 20, /* 160 bits */
	MSE_PAD_MAX = 512,
	MSE_VC_SIZE = 8,       /* zeroes */
};

enum mse_crypto { /* bits of provide and select */
	MSE_PLAIN = 1,
	MSE_RC4 = 2,
};

/* G^private mod P. */
void mse_public_key(const uint8_t secret[MSE_PRIVATE_SIZE], uint8_t out[MSE_KEY_SIZE]);
/* S. False: theirs is no key that could give one (0, 1, P - 1, or P and above). */
bool mse_shared_secret(const uint8_t secret[MSE_PRIVATE_SIZE], const uint8_t theirs[MSE_KEY_SIZE],
                       uint8_t out[MSE_KEY_SIZE]);
/* HASH(req1 S): where the encrypted part begins. */
void mse_sync_hash(const uint8_t s[MSE_KEY_SIZE], uint8_t out[SHA1_SIZE]);
/* HASH(req2 SKEY): the name of a torrent for those who do not know its
 * info-hash. A session keeps a table from this to its torrents. */
void mse_skey_hash(const uint8_t info_hash[SHA1_SIZE], uint8_t out[SHA1_SIZE]);
/* HASH(req3 S): what the above is masked with. */
void mse_mask_hash(const uint8_t s[MSE_KEY_SIZE], uint8_t out[SHA1_SIZE]);

/* Zero a secret so that the compiler does not leave it out. */
void mse_wipe(void *secret, size_t size);

struct rc4 {
	uint8_t s[256];
	uint8_t i, j;
};

void rc4_init(struct rc4 *r, struct bytes key); /* 1 to 256 bytes */
/* Encrypting and decrypting are the same. out may be in. */
void rc4_apply(struct rc4 *r, const uint8_t *in, uint8_t *out, size_t size);
void rc4_skip(struct rc4 *r, size_t size);

/* The two directions of one connection, and what is left of encryption once
 * the handshake is over. */
struct mse_stream {
	struct rc4 in, out;
	bool encrypted;   /* both directions, for good */
	uint32_t in_left; /* when not: bytes of the other end's initial payload that
	                   * are still to come encrypted */
};

/* The first 1024 bytes of key stream are dropped, as MSE wants. */
void mse_stream_init(struct mse_stream *m, const uint8_t s[MSE_KEY_SIZE],
                     const uint8_t info_hash[SHA1_SIZE], bool initiator);
/* Every byte behind the handshake goes through these, in order; out may be in. */
void mse_stream_decrypt(struct mse_stream *m, const uint8_t *in, uint8_t *out, size_t size);
void mse_stream_encrypt(struct mse_stream *m, const uint8_t *in, uint8_t *out, size_t size);
/* Nothing will be changed any more: the stream may be forgotten. */
static inline bool mse_stream_is_over(const struct mse_stream *m)
{
	return !m->encrypted && m->in_left == 0;
}

#endif
