/* proto/sha1_lanes.h: the inner loops of hash_many.c, each for a processor
 * that has the instructions. Private to proto/sha1_*.c and hash_many.c. */
#ifndef PROTO_SHA1_LANES_H
#define PROTO_SHA1_LANES_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define SHA1_LANES_X86 1
#else
#define SHA1_LANES_X86 0
#endif

enum { SHA1_BLOCK = 64, SHA1_WORDS = 5 };

/* A message that is being hashed: its chaining value and where its next whole
 * blocks lie. */
struct sha1_lane {
	uint32_t state[SHA1_WORDS];
	const uint8_t *data;
};

/* `blocks` blocks of each lane; data moves on. */
#if SHA1_LANES_X86
void sha1_shani_1(struct sha1_lane *const lanes[1], size_t blocks);
void sha1_shani_2(struct sha1_lane *const lanes[2], size_t blocks);
void sha1_shani_3(struct sha1_lane *const lanes[3], size_t blocks);
void sha1_shani_4(struct sha1_lane *const lanes[4], size_t blocks);
/* 1 to 16 lanes, at the same cost. */
void sha1_avx512(struct sha1_lane *const lanes[], size_t count, size_t blocks);
#endif

#endif
