/* proto/rng.h: the seeded random stream of the core (ChaCha20, libsodium).
 *
 * The rim seeds it from the kernel, the simulator from a number; the core
 * takes all its randomness from one of these, so a run can be replayed. */
#ifndef PROTO_RNG_H
#define PROTO_RNG_H

#include "proto/bytes.h"

enum { RNG_SEED_SIZE = 32 };

struct rng {
	uint8_t key[RNG_SEED_SIZE];
	uint64_t block;      /* next key-stream block */
	uint8_t buffer[512]; /* unread key stream */
	uint32_t used;
};

void rng_init(struct rng *r, const uint8_t seed[RNG_SEED_SIZE]);
/* For tests and the simulator: distinct (seed, stream) give independent streams. */
void rng_init_number(struct rng *r, uint64_t seed, uint64_t stream);
void rng_fill(struct rng *r, void *out, size_t size);
uint32_t rng_u32(struct rng *r);
uint64_t rng_u64(struct rng *r);
/* Uniform in [0, bound), unbiased; bound > 0. */
uint32_t rng_below(struct rng *r, uint32_t bound);
/* Uniform in [0, 1). */
double rng_unit(struct rng *r);
/* SipHash-2-4 of bytes under a 16-byte key: for hash tables and DHT tokens
 * whose input comes from strangers. */
uint64_t siphash(const uint8_t key[16], struct bytes bytes);

#endif
