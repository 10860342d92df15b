/* proto/hash_many.h: SHA-1 of several messages side by side.
 *
 * One SHA-1 is a chain of dependent steps that leaves most of a core idle;
 * independent messages fill it. The way is chosen at run time: 16 messages in
 * AVX-512 lanes, up to four interleaved in the SHA instructions, or one after
 * the other through OpenSSL, which is all there is elsewhere than on x86.
 *
 * Thread-safe: nothing is kept between calls. */
#ifndef PROTO_HASH_MANY_H
#define PROTO_HASH_MANY_H

#include "proto/hash.h"

enum {
	HASH_MANY_MAX = 16,  /* messages hashed at one time; more wait for their turn */
};

/* The ways, as bits. */
enum hash_ways {
	HASH_BY_OPENSSL = 0, /* none of the others */
	HASH_BY_SHA_NI = 1 << 0,
	HASH_BY_AVX512 = 1 << 1,
	HASH_BY_ANY = HASH_BY_SHA_NI | HASH_BY_AVX512,
};

/* One message. It is asked for its bytes as they are needed, so that they can
 * be read just before: by `next`, which stay valid until it is called again
 * for this message. Empty: there are no more. */
struct hash_lane {
	struct bytes (*next)(void *context);
	void *context;
	uint8_t digest[SHA1_SIZE]; /* out */
};

void hash_many_sha1(struct hash_lane *lanes, size_t count);
/* For tests and measurements: only these, as far as the processor has them. */
void hash_many_sha1_by(unsigned ways, struct hash_lane *lanes, size_t count);
/* What the processor has. */
unsigned hash_many_ways(void);
/* With how many messages the best way is at its best; 1: no use in batches. */
size_t hash_many_best(void);

#endif
