/* proto/hash.h: SHA-1 and SHA-256 (OpenSSL's EVP, the EVP_MD fetched once).
 *
 * Thread-safe: a hasher belongs to one thread at a time, the one-shot forms
 * may be called from any. */
#ifndef PROTO_HASH_H
#define PROTO_HASH_H

#include "proto/bytes.h"

enum {
	SHA1_SIZE = 20,
	SHA256_SIZE = 32,
};

void sha1(struct bytes bytes, uint8_t out[SHA1_SIZE]);
void sha256(struct bytes bytes, uint8_t out[SHA256_SIZE]);

struct hasher; /* incremental; reusable after hasher_finish */
struct hasher *hasher_new_sha1(void);
struct hasher *hasher_new_sha256(void);
void hasher_free(struct hasher *h);
void hasher_update(struct hasher *h, struct bytes bytes);
/* Writes the digest (20 or 32 bytes) and starts afresh. */
void hasher_finish(struct hasher *h, uint8_t *out);

enum { HEX_SHA1 = 2 * SHA1_SIZE + 1 };
/* Lower-case hex with the NUL; out holds 2 * bytes.size + 1. Returns out. */
char *hex_encode(struct bytes bytes, char *out);
/* text is 2 * size hex digits, any case, nothing more. */
bool hex_decode(const char *text, uint8_t *out, size_t size);

#endif
