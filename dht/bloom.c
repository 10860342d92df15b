/* dht/bloom.c: BEP 33 bloom filters. */
#include "dht/bloom.h"

#include "proto/hash.h"

#include <math.h>

enum { BITS = 8 * BLOOM_SIZE };

static void bits_of(const struct endpoint *e, unsigned out[2])
{
	uint8_t hash[SHA1_SIZE];
	sha1(bytes_of(e->address, endpoint_address_size(e)), hash);
	out[0] = (hash[0] | (unsigned)hash[1] << 8) % BITS;
	out[1] = (hash[2] | (unsigned)hash[3] << 8) % BITS;
}

void bloom_add(uint8_t bloom[BLOOM_SIZE], const struct endpoint *e)
{
	unsigned bits[2];
	bits_of(e, bits);
	for (int i = 0; i < 2; i++)
		bloom[bits[i] / 8] = (uint8_t)(bloom[bits[i] / 8] | 1u << (bits[i] % 8));
}

bool bloom_has(const uint8_t bloom[BLOOM_SIZE], const struct endpoint *e)
{
	unsigned bits[2];
	bits_of(e, bits);
	return (bloom[bits[0] / 8] >> (bits[0] % 8) & 1) != 0 &&
	       (bloom[bits[1] / 8] >> (bits[1] % 8) & 1) != 0;
}

void bloom_merge(uint8_t to[BLOOM_SIZE], const uint8_t from[BLOOM_SIZE])
{
	for (int i = 0; i < BLOOM_SIZE; i++)
		to[i] |= from[i];
}

double bloom_estimate(const uint8_t bloom[BLOOM_SIZE])
{
	int zeroes = 0;
	for (int i = 0; i < BLOOM_SIZE; i++)
		zeroes += 8 - __builtin_popcount(bloom[i]);
	if (zeroes == BITS)
		return 0;
	const double m = BITS, c = zeroes == 0 ? 1 : zeroes;
	return log(c / m) / (2 * log(1 - 1 / m));
}
