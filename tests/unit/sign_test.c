/* ed25519: BEP 44's own signatures, and our own round trip. */
#include "proto/hash.h"
#include "proto/sign.h"

#include <criterion/criterion.h>

static const char public_hex[] =
	"77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548";

static bool verify(const char *message, const char *signature_hex)
{
	uint8_t key[SIGN_PUBLIC_SIZE], signature[SIGN_SIGNATURE_SIZE];
	cr_assert(hex_decode(public_hex, key, sizeof(key)));
	cr_assert(hex_decode(signature_hex, signature, sizeof(signature)));
	return sign_verify(key, bytes_of_text(message), signature);
}

static const char signature_1[] =
	"305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff"
	"1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01";
static const char signature_2[] =
	"6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d"
	"df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08";

Test(sign, bep44_test_1)
{
	cr_assert(verify("3:seqi1e1:v12:Hello World!", signature_1));
	cr_assert_not(verify("3:seqi2e1:v12:Hello World!", signature_1));
}

Test(sign, bep44_test_2_with_salt)
{
	cr_assert(verify("4:salt6:foobar3:seqi1e1:v12:Hello World!", signature_2));
	cr_assert_not(verify("3:seqi1e1:v12:Hello World!", signature_2));
}

Test(sign, own_signature_verifies_and_every_flipped_bit_does_not)
{
	const uint8_t seed[SIGN_SEED_SIZE] = { 7 };
	uint8_t key[SIGN_PUBLIC_SIZE], secret[SIGN_SECRET_SIZE], signature[SIGN_SIGNATURE_SIZE];
	sign_keys(seed, key, secret);
	sign_message(secret, bytes_of_text("a shoal"), signature);
	cr_assert(sign_verify(key, bytes_of_text("a shoal"), signature));
	for (size_t bit = 0; bit < 8 * sizeof(signature); bit++) {
		signature[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		cr_assert_not(sign_verify(key, bytes_of_text("a shoal"), signature));
		signature[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
}

Test(sign, empty_message)
{
	const uint8_t seed[SIGN_SEED_SIZE] = { 9 };
	uint8_t key[SIGN_PUBLIC_SIZE], secret[SIGN_SECRET_SIZE], signature[SIGN_SIGNATURE_SIZE];
	sign_keys(seed, key, secret);
	sign_message(secret, bytes_of(NULL, 0), signature);
	cr_assert(sign_verify(key, bytes_of(NULL, 0), signature));
}
