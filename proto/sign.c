/* proto/sign.c: ed25519 through libsodium, detached signatures only. */
#include "proto/sign.h"

#include <sodium.h>

_Static_assert(SIGN_SECRET_SIZE == crypto_sign_SECRETKEYBYTES, "libsodium's secret key");
_Static_assert(SIGN_SIGNATURE_SIZE == crypto_sign_BYTES, "libsodium's signature");

void sign_keys(const uint8_t seed[SIGN_SEED_SIZE], uint8_t public_key[SIGN_PUBLIC_SIZE],
               uint8_t secret_key[SIGN_SECRET_SIZE])
{
	(void)crypto_sign_seed_keypair(public_key, secret_key, seed);
}

void sign_message(const uint8_t secret_key[SIGN_SECRET_SIZE], struct bytes message,
                  uint8_t signature[SIGN_SIGNATURE_SIZE])
{
	(void)crypto_sign_detached(signature, NULL, message.data, message.size, secret_key);
}

bool sign_verify(const uint8_t public_key[SIGN_PUBLIC_SIZE], struct bytes message,
                 const uint8_t signature[SIGN_SIGNATURE_SIZE])
{
	return crypto_sign_verify_detached(signature, message.data, message.size, public_key) == 0;
}
