/* dht/id.h: node ids and the XOR metric (BEP 5), and ids that are tied to
 * an address (BEP 42). */
#ifndef DHT_ID_H
#define DHT_ID_H

#include "dht/node.h"

/* The first 64 bits as a number: enough to order nearly all. */
static inline uint64_t id_head(const uint8_t id[DHT_ID_SIZE])
{
	uint64_t v;
	memcpy(&v, id, sizeof(v));
	return __builtin_bswap64(v);
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "id_head swaps");

static inline uint64_t id_distance_head(const uint8_t a[DHT_ID_SIZE], const uint8_t b[DHT_ID_SIZE])
{
	return id_head(a) ^ id_head(b);
}

static inline bool id_equal(const uint8_t a[DHT_ID_SIZE], const uint8_t b[DHT_ID_SIZE])
{
	return id_head(a) == id_head(b) && memcmp(a, b, DHT_ID_SIZE) == 0;
}
/* Below 0: a is nearer to target than b; 0: a equals b. */
int id_compare(const uint8_t a[DHT_ID_SIZE], const uint8_t b[DHT_ID_SIZE],
               const uint8_t target[DHT_ID_SIZE]);
/* How many leading bits are equal: 0 to 160. */
unsigned id_common_bits(const uint8_t a[DHT_ID_SIZE], const uint8_t b[DHT_ID_SIZE]);
/* A random id that shares exactly `bits` leading bits with own (all 160: own). */
void id_random_in_bucket(const uint8_t own[DHT_ID_SIZE], unsigned bits, struct rng *rng,
                         uint8_t out[DHT_ID_SIZE]);

uint32_t id_crc32c(struct bytes bytes);
/* BEP 42: an id that proves itself from this address; random byte included. */
void id_for_address(const struct endpoint *e, uint8_t random, struct rng *rng,
                    uint8_t out[DHT_ID_SIZE]);
/* BEP 42: does the id belong to that address. Always true on local networks,
 * which are exempt. */
bool id_fits_address(const uint8_t id[DHT_ID_SIZE], const struct endpoint *e);

#endif
