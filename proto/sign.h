/* proto/sign.h: ed25519 signatures (BEP 44, 46), through libsodium. */
#ifndef PROTO_SIGN_H
#define PROTO_SIGN_H

#include "proto/bytes.h"

enum {
	SIGN_SEED_SIZE = 32,
	SIGN_PUBLIC_SIZE = 32,
	SIGN_SECRET_SIZE = 64, /* seed and public key */
	SIGN_SIGNATURE_SIZE = 64,
};

/* The key pair that grows from a secret seed. */
void sign_keys(const uint8_t seed[SIGN_SEED_SIZE], uint8_t public_key[SIGN_PUBLIC_SIZE],
               uint8_t secret_key[SIGN_SECRET_SIZE]);
void sign_message(const uint8_t secret_key[SIGN_SECRET_SIZE], struct bytes message,
                  uint8_t signature[SIGN_SIGNATURE_SIZE]);
bool sign_verify(const uint8_t public_key[SIGN_PUBLIC_SIZE], struct bytes message,
                 const uint8_t signature[SIGN_SIGNATURE_SIZE]);

#endif
