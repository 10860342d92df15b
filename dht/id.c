/* dht/id.c: the XOR metric, and BEP 42 ids. */
#include "dht/id.h"

int id_compare(const uint8_t a[DHT_ID_SIZE], const uint8_t b[DHT_ID_SIZE],
               const uint8_t target[DHT_ID_SIZE])
{
	const uint64_t x = id_distance_head(a, target), y = id_distance_head(b, target);
	if (x != y)
		return x < y ? -1 : 1;
	for (unsigned i = 8; i < DHT_ID_SIZE; i++) {
		const int left = a[i] ^ target[i], right = b[i] ^ target[i];
		if (left != right)
			return left - right;
	}
	return 0;
}

unsigned id_common_bits(const uint8_t a[DHT_ID_SIZE], const uint8_t b[DHT_ID_SIZE])
{
	for (unsigned i = 0; i < DHT_ID_SIZE; i++) {
		const unsigned x = a[i] ^ b[i];
		if (x != 0)
			return 8 * i + (unsigned)__builtin_clz(x) - 24;
	}
	return 8 * DHT_ID_SIZE;
}

void id_random_in_bucket(const uint8_t own[DHT_ID_SIZE], unsigned bits, struct rng *rng,
                         uint8_t out[DHT_ID_SIZE])
{
	memcpy(out, own, DHT_ID_SIZE);
	if (bits >= 8 * DHT_ID_SIZE)
		return;
	uint8_t random[DHT_ID_SIZE];
	rng_fill(rng, random, sizeof(random));
	const unsigned byte = bits / 8;
	const uint8_t flip = (uint8_t)(0x80u >> (bits % 8));
	const uint8_t below = (uint8_t)(flip - 1);
	out[byte] = (uint8_t)(((own[byte] ^ flip) & ~below) | (random[byte] & below));
	memcpy(out + byte + 1, random + byte + 1, DHT_ID_SIZE - byte - 1);
}

uint32_t id_crc32c(struct bytes bytes)
{
	uint32_t crc = 0xffffffffu;
	for (size_t i = 0; i < bytes.size; i++) {
		crc ^= bytes.data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (0x82f63b78u & (0u - (crc & 1u)));
	}
	return ~crc;
}

/* The hash over the masked address with 3 bits of r in front. */
static uint32_t address_hash(const struct endpoint *e, uint8_t random)
{
	static const uint8_t mask_v4[4] = { 0x03, 0x0f, 0x3f, 0xff };
	static const uint8_t mask_v6[8] = { 0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff };
	const bool v4 = e->family == ENDPOINT_V4;
	const size_t size = v4 ? sizeof(mask_v4) : sizeof(mask_v6);
	uint8_t masked[8];
	for (size_t i = 0; i < size; i++)
		masked[i] = (uint8_t)(e->address[i] & (v4 ? mask_v4[i] : mask_v6[i]));
	masked[0] = (uint8_t)(masked[0] | (random & 7u) << 5);
	return id_crc32c(bytes_of(masked, size));
}

void id_for_address(const struct endpoint *e, uint8_t random, struct rng *rng,
                    uint8_t out[DHT_ID_SIZE])
{
	const uint32_t hash = address_hash(e, random);
	rng_fill(rng, out, DHT_ID_SIZE);
	out[0] = (uint8_t)(hash >> 24);
	out[1] = (uint8_t)(hash >> 16);
	out[2] = (uint8_t)(((hash >> 8) & 0xf8u) | (out[2] & 7u));
	out[19] = random;
}

bool id_fits_address(const uint8_t id[DHT_ID_SIZE], const struct endpoint *e)
{
	if (endpoint_class(e) != ENDPOINT_GLOBAL)
		return true;
	const uint32_t hash = address_hash(e, id[19]);
	const uint32_t head = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8;
	return ((head ^ hash) & 0xfffff800u) == 0;
}
