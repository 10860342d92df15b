/* proto/rng.c: a ChaCha20 key stream, 512 bytes at a time; SipHash.
 *
 * Invariant: used <= sizeof(buffer); bytes before it were given out and are
 * wiped, so that a later look into memory does not tell past values. */
#include "proto/rng.h"

#include <assert.h>

#include <sodium.h>

_Static_assert(RNG_SEED_SIZE == crypto_stream_chacha20_KEYBYTES, "seed is the key");
_Static_assert(crypto_shorthash_siphash24_KEYBYTES == 16, "SipHash key");

enum { CHACHA_BLOCK = 64 };

void rng_init(struct rng *r, const uint8_t seed[RNG_SEED_SIZE])
{
	memset(r, 0, sizeof(*r));
	memcpy(r->key, seed, RNG_SEED_SIZE);
	r->used = sizeof(r->buffer);
}

static void put_u64(uint8_t *out, uint64_t v)
{
	for (int i = 0; i < 8; i++, v >>= 8)
		out[i] = (uint8_t)v;
}

static uint64_t get_u64(const uint8_t *in)
{
	uint64_t v = 0;
	for (int i = 7; i >= 0; i--)
		v = v << 8 | in[i];
	return v;
}

void rng_init_number(struct rng *r, uint64_t seed, uint64_t stream)
{
	uint8_t key[RNG_SEED_SIZE] = "shoal, a seeded stream";

	put_u64(key, seed);
	put_u64(key + 8, stream);
	rng_init(r, key);
}

/* size is a multiple of a block. */
static void key_stream(struct rng *r, uint8_t *out, size_t size)
{
	static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];

	assert(size % CHACHA_BLOCK == 0);
	memset(out, 0, size);
	crypto_stream_chacha20_xor_ic(out, out, size, nonce, r->block, r->key);
	r->block += size / CHACHA_BLOCK;
}

void rng_fill(struct rng *r, void *out, size_t size)
{
	uint8_t *to = out;

	while (size != 0) {
		size_t left = sizeof(r->buffer) - r->used;
		if (left == 0 && size >= sizeof(r->buffer)) {
			const size_t whole = size - size % CHACHA_BLOCK;
			key_stream(r, to, whole);
			to += whole;
			size -= whole;
			continue;
		}
		if (left == 0) {
			key_stream(r, r->buffer, sizeof(r->buffer));
			r->used = 0;
			left = sizeof(r->buffer);
		}
		const size_t now = size < left ? size : left;
		memcpy(to, r->buffer + r->used, now);
		memset(r->buffer + r->used, 0, now);
		r->used += (uint32_t)now;
		to += now;
		size -= now;
	}
}

uint32_t rng_u32(struct rng *r)
{
	uint8_t b[4];

	rng_fill(r, b, sizeof(b));
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

uint64_t rng_u64(struct rng *r)
{
	uint8_t b[8];

	rng_fill(r, b, sizeof(b));
	return get_u64(b);
}

uint32_t rng_below(struct rng *r, uint32_t bound)
{
	assert(bound > 0);
	/* Multiply and take the high half; the few low halves that would make some
	 * results likelier are drawn again. */
	const uint32_t threshold = (0 - bound) % bound;
	uint64_t product;
	do
		product = (uint64_t)rng_u32(r) * bound;
	while ((uint32_t)product < threshold);
	return (uint32_t)(product >> 32);
}

double rng_unit(struct rng *r)
{
	return (double)(rng_u64(r) >> 11) * 0x1p-53;
}

uint64_t siphash(const uint8_t key[16], struct bytes bytes)
{
	uint8_t out[crypto_shorthash_siphash24_BYTES];

	crypto_shorthash_siphash24(out, bytes.data, bytes.size, key);
	return get_u64(out);
}
