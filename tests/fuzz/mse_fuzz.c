/* tests/fuzz/mse_fuzz.c: any public key, any cut of a stream.
 *
 * Holds: a key gives a secret or is refused, and both directions of a stream
 * fit however they are cut, also where the initial payload ends. */
#include <assert.h>

#include "proto/mse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_cut(struct mse_stream *from, struct mse_stream *to, struct bytes cuts)
{
	uint8_t text[256], wire[256], back[256];
	size_t i, at = 0;

	memset(text, 'x', sizeof(text));
	mse_stream_encrypt(from, text, wire, sizeof(text));
	for (i = 0; at < sizeof(wire); i++) {
		size_t left = sizeof(wire) - at, some = i < cuts.size ? cuts.data[i] : left;

		some = some < left ? some : left;
		mse_stream_decrypt(to, wire + at, back + at, some);
		at += some;
	}
	assert(memcmp(text, back, sizeof(text)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t info_hash[SHA1_SIZE] = "an info-hash";
	uint8_t key[MSE_KEY_SIZE] = {0}, s[MSE_KEY_SIZE], secret[MSE_PRIVATE_SIZE] = {0};
	struct mse_stream a, b;
	struct bytes in = bytes_of(data, size);

	memcpy(key, data, size < sizeof(key) ? size : sizeof(key));
	memcpy(secret, data, size < sizeof(secret) ? size : sizeof(secret));
	secret[0] |= 1;
	if (!mse_shared_secret(secret, key, s))
		return 0;
	mse_stream_init(&a, s, info_hash, true);
	mse_stream_init(&b, s, info_hash, false);
	fuzz_cut(&a, &b, in);
	fuzz_cut(&b, &a, in);
	/* the initial payload, then plain */
	mse_stream_encrypt(&a, key, key, sizeof(key));
	a.encrypted = b.encrypted = false;
	b.in_left = sizeof(key);
	mse_stream_decrypt(&b, key, key, size % sizeof(key));
	mse_stream_decrypt(&b, key, key, sizeof(key) - size % sizeof(key));
	assert(mse_stream_is_over(&b));
	fuzz_cut(&a, &b, in);
	return 0;
}
