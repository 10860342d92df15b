/* proto/hash_many.c: which messages are hashed together, and their ends.
 *
 * Up to HASH_MANY_MAX messages are open. Each step takes the first of them,
 * as many as the best way for that number wants, and does as many blocks as
 * all of those have at hand; then whoever ran dry is asked for more. A message
 * that has ended makes room for the next one, so unequal lengths cost little.
 *
 * Invariant: between steps every open message has at least one whole block. */
#include "proto/hash_many.h"

#include <stdatomic.h>
#include <string.h>

#include "proto/sha1_lanes.h"

#if SHA1_LANES_X86
#include <cpuid.h>
#endif

/* With fewer messages the SHA instructions are faster. */
enum { AVX512_LANES_MIN = 14 };

struct message {
	struct sha1_lane lane;      /* first: kernels see only this */
	size_t blocks;              /* whole blocks at lane.data */
	struct bytes rest;          /* what follows them, not yet taken */
	uint8_t tail[2 * SHA1_BLOCK]; /* what is less than a block, and the padding */
	size_t tail_size;
	uint64_t length;            /* bytes so far */
	bool padded;
	struct hash_lane *source;
};

/* ---- the processor ---- */

#if SHA1_LANES_X86
static unsigned ask_processor(void)
{
	unsigned a, b, c, d, ways = 0;

	if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1) != 0 &&
	    __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3"))
		ways |= HASH_BY_SHA_NI;
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
		ways |= HASH_BY_AVX512;
	return ways;
}
#endif

/* Asked once: in a virtual machine cpuid is answered by the host, which takes
 * microseconds. */
unsigned hash_many_ways(void)
{
#if SHA1_LANES_X86
	static atomic_uint known; /* 1 + the answer */
	unsigned ways = atomic_load_explicit(&known, memory_order_relaxed);

	if (ways == 0) {
		ways = 1 + ask_processor();
		atomic_store_explicit(&known, ways, memory_order_relaxed);
	}
	return ways - 1;
#else
	return HASH_BY_OPENSSL;
#endif
}

size_t hash_many_best(void)
{
	const unsigned ways = hash_many_ways();

	if (ways & HASH_BY_AVX512)
		return HASH_MANY_MAX;
	return ways & HASH_BY_SHA_NI ? 4 : 1;
}

/* ---- one after the other ---- */

static void hash_in_turn(struct hash_lane *lanes, size_t count)
{
	struct hasher *h = hasher_new_sha1();

	for (size_t i = 0; i < count; i++) {
		for (;;) {
			const struct bytes part = lanes[i].next(lanes[i].context);

			if (part.size == 0)
				break;
			hasher_update(h, part);
		}
		hasher_finish(h, lanes[i].digest);
	}
	hasher_free(h);
}

#if SHA1_LANES_X86
/* ---- a message's bytes ---- */

static void message_open(struct message *m, struct hash_lane *source)
{
	static const uint32_t initial[SHA1_WORDS] = { 0x67452301, 0xefcdab89, 0x98badcfe,
		                                      0x10325476, 0xc3d2e1f0 };

	m->blocks = m->tail_size = 0;
	m->length = 0;
	m->padded = false;
	m->rest = bytes_of(NULL, 0);
	m->source = source;
	memcpy(m->lane.state, initial, sizeof(initial));
}

/* One or two last blocks: a one bit, zeroes, the length in bits. */
static void message_pad(struct message *m)
{
	const size_t size = m->tail_size < SHA1_BLOCK - 8 ? SHA1_BLOCK : 2 * SHA1_BLOCK;
	const uint64_t bits = m->length * 8;

	memset(m->tail + m->tail_size, 0, size - m->tail_size);
	m->tail[m->tail_size] = 0x80;
	for (size_t i = 0; i < 8; i++)
		m->tail[size - 1 - i] = (uint8_t)(bits >> 8 * i);
	m->lane.data = m->tail;
	m->blocks = size / SHA1_BLOCK;
	m->padded = true;
}

/* Blocks that lie in one run are hashed where they lie; one that lies across
 * two parts is put together in the tail. */
static void message_take(struct message *m)
{
	const size_t room = SHA1_BLOCK - m->tail_size;
	const size_t moved = m->rest.size < room ? m->rest.size : room;

	if (m->tail_size == 0 && m->rest.size >= SHA1_BLOCK) {
		m->lane.data = m->rest.data;
		m->blocks = m->rest.size / SHA1_BLOCK;
		m->rest.data += m->blocks * SHA1_BLOCK;
		m->rest.size %= SHA1_BLOCK;
		return;
	}
	memcpy(m->tail + m->tail_size, m->rest.data, moved);
	m->rest.data += moved;
	m->rest.size -= moved;
	m->tail_size += moved;
	if (m->tail_size == SHA1_BLOCK) {
		m->lane.data = m->tail;
		m->blocks = 1;
		m->tail_size = 0;
	}
}

/* False: it has ended and its digest is there. */
static bool message_fill(struct message *m)
{
	while (m->blocks == 0 && !m->padded) {
		if (m->rest.size == 0) {
			m->rest = m->source->next(m->source->context);
			m->length += m->rest.size;
		}
		if (m->rest.size == 0)
			message_pad(m);
		else
			message_take(m);
	}
	if (m->blocks > 0)
		return true;
	for (size_t i = 0; i < SHA1_SIZE; i++)
		m->source->digest[i] = (uint8_t)(m->lane.state[i / 4] >> (24 - 8 * (i % 4)));
	return false;
}

/* ---- together ---- */

/* The first of the open messages, as many as the best way for that number
 * wants, as far as all of them go. */
static void step(unsigned ways, struct message *const open[], size_t count)
{
	const bool wide = ways & HASH_BY_AVX512 &&
	                  (count >= AVX512_LANES_MIN || !(ways & HASH_BY_SHA_NI));
	const size_t width = wide ? count : count < 4 ? count : 4;
	struct sha1_lane *lanes[HASH_MANY_MAX];
	size_t blocks = SIZE_MAX;

	for (size_t i = 0; i < width; i++) {
		lanes[i] = &open[i]->lane;
		if (open[i]->blocks < blocks)
			blocks = open[i]->blocks;
	}
	if (wide)
		sha1_avx512(lanes, width, blocks);
	else if (width == 4)
		sha1_shani_4(lanes, blocks);
	else if (width == 3)
		sha1_shani_3(lanes, blocks);
	else if (width == 2)
		sha1_shani_2(lanes, blocks);
	else
		sha1_shani_1(lanes, blocks);
	for (size_t i = 0; i < width; i++)
		open[i]->blocks -= blocks;
}

/* Asks whoever ran dry; those that have ended go behind the others, where
 * their places are used again. Returns how many go on. */
static size_t refill(struct message *open[], size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		struct message *m = open[i];

		if (m->blocks > 0 || message_fill(m)) {
			open[i] = open[kept];
			open[kept++] = m;
		}
	}
	return kept;
}

static void hash_together(unsigned ways, struct hash_lane *lanes, size_t count)
{
	struct message messages[HASH_MANY_MAX], *open[HASH_MANY_MAX];
	size_t opened = 0, next = 0, i;

	for (i = 0; i < HASH_MANY_MAX; i++)
		open[i] = &messages[i];
	do {
		opened = refill(open, opened);
		while (opened < HASH_MANY_MAX && next < count) {
			message_open(open[opened], &lanes[next++]);
			(void)message_fill(open[opened++]);
		}
		if (opened > 0)
			step(ways, open, opened);
	} while (opened > 0);
}
#endif

void hash_many_sha1_by(unsigned ways, struct hash_lane *lanes, size_t count)
{
	ways &= hash_many_ways();
#if SHA1_LANES_X86
	if (ways != HASH_BY_OPENSSL) {
		hash_together(ways, lanes, count);
		return;
	}
#endif
	hash_in_turn(lanes, count);
}

void hash_many_sha1(struct hash_lane *lanes, size_t count)
{
	/* A single message: OpenSSL's loop is as good. */
	hash_many_sha1_by(count > 1 ? HASH_BY_ANY : HASH_BY_OPENSSL, lanes, count);
}
