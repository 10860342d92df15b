/* proto/sha1_avx512.c: SHA-1 of up to sixteen messages, one in each 32-bit
 * lane of the 512-bit registers (FIPS 180-4, section 6.1).
 *
 * Sixteen blocks are loaded as rows and transposed, so that register t holds
 * word t of every message; from there it is the plain algorithm. Lanes without
 * a message repeat the first one and their result is dropped. */
#include "proto/sha1_lanes.h"

#if SHA1_LANES_X86

#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512bw")))
#define INLINE static inline AVX512 __attribute__((always_inline))

enum { WIDTH = 16 };

/* Within each 4 x 4 square of words. */
INLINE void transpose_squares(__m512i r[4])
{
	const __m512i a = _mm512_unpacklo_epi32(r[0], r[1]), b = _mm512_unpackhi_epi32(r[0], r[1]);
	const __m512i c = _mm512_unpacklo_epi32(r[2], r[3]), d = _mm512_unpackhi_epi32(r[2], r[3]);

	r[0] = _mm512_unpacklo_epi64(a, c);
	r[1] = _mm512_unpackhi_epi64(a, c);
	r[2] = _mm512_unpacklo_epi64(b, d);
	r[3] = _mm512_unpackhi_epi64(b, d);
}

/* The squares themselves: four rows, 4 apart, of four squares each. */
INLINE void transpose_of_squares(__m512i r[WIDTH], int i)
{
	const __m512i a = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
	const __m512i b = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
	const __m512i c = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
	const __m512i d = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);

	r[i] = _mm512_shuffle_i32x4(a, c, 0x88);
	r[i + 4] = _mm512_shuffle_i32x4(b, d, 0x88);
	r[i + 8] = _mm512_shuffle_i32x4(a, c, 0xdd);
	r[i + 12] = _mm512_shuffle_i32x4(b, d, 0xdd);
}

INLINE void load_blocks(__m512i w[WIDTH], const uint8_t *const data[WIDTH], size_t at)
{
	const __m512i order = _mm512_broadcast_i32x4(
	        _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));

	for (int i = 0; i < WIDTH; i++)
		w[i] = _mm512_shuffle_epi8(_mm512_loadu_si512(data[i] + at), order);
	for (int i = 0; i < WIDTH; i += 4)
		transpose_squares(w + i);
	for (int i = 0; i < 4; i++)
		transpose_of_squares(w, i);
}

/* Word t of the schedule; the ring keeps the last sixteen. */
INLINE __m512i word(__m512i w[WIDTH], int t)
{
	if (t >= WIDTH)
		w[t % 16] = _mm512_rol_epi32(
		        _mm512_ternarylogic_epi32(_mm512_xor_si512(w[t % 16], w[(t + 2) % 16]),
		                                  w[(t + 8) % 16], w[(t + 13) % 16], 0x96), 1);
	return w[t % 16];
}

/* Truth tables for ternarylogic: choose, parity, majority. */
#define ROUND(a, b, c, d, e, t, table, k)                                                \
	do {                                                                             \
		e = _mm512_add_epi32(_mm512_add_epi32(e, _mm512_rol_epi32(a, 5)),        \
		                     _mm512_add_epi32(                                   \
		                             _mm512_ternarylogic_epi32(b, c, d, table),  \
		                             _mm512_add_epi32(word(w, t), k)));          \
		b = _mm512_rol_epi32(b, 30);                                             \
	} while (0)
#define FIVE(t, table, k)                            \
	ROUND(a, b, c, d, e, t, table, k);           \
	ROUND(e, a, b, c, d, t + 1, table, k);       \
	ROUND(d, e, a, b, c, t + 2, table, k);       \
	ROUND(c, d, e, a, b, t + 3, table, k);       \
	ROUND(b, c, d, e, a, t + 4, table, k)
#define TWENTY(t, table, k)       \
	FIVE(t, table, k);        \
	FIVE(t + 5, table, k);    \
	FIVE(t + 10, table, k);   \
	FIVE(t + 15, table, k)

INLINE void compress(__m512i h[SHA1_WORDS], __m512i w[WIDTH])
{
	const __m512i k0 = _mm512_set1_epi32(0x5a827999), k1 = _mm512_set1_epi32(0x6ed9eba1);
	const __m512i k2 = _mm512_set1_epi32((int)0x8f1bbcdc);
	const __m512i k3 = _mm512_set1_epi32((int)0xca62c1d6);
	__m512i a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

	TWENTY(0, 0xca, k0);
	TWENTY(20, 0x96, k1);
	TWENTY(40, 0xe8, k2);
	TWENTY(60, 0x96, k3);
	h[0] = _mm512_add_epi32(h[0], a);
	h[1] = _mm512_add_epi32(h[1], b);
	h[2] = _mm512_add_epi32(h[2], c);
	h[3] = _mm512_add_epi32(h[3], d);
	h[4] = _mm512_add_epi32(h[4], e);
}

AVX512 void sha1_avx512(struct sha1_lane *const lanes[], size_t count, size_t blocks)
{
	const uint8_t *data[WIDTH];
	uint32_t words[SHA1_WORDS][WIDTH];
	__m512i h[SHA1_WORDS], w[WIDTH];
	size_t i, at;

	for (i = 0; i < WIDTH; i++) {
		const struct sha1_lane *l = lanes[i < count ? i : 0];

		data[i] = l->data;
		for (int t = 0; t < SHA1_WORDS; t++)
			words[t][i] = l->state[t];
	}
	for (int t = 0; t < SHA1_WORDS; t++)
		h[t] = _mm512_loadu_si512(words[t]);
	for (at = 0; at < blocks * SHA1_BLOCK; at += SHA1_BLOCK) {
		load_blocks(w, data, at);
		compress(h, w);
	}
	for (int t = 0; t < SHA1_WORDS; t++)
		_mm512_storeu_si512(words[t], h[t]);
	for (i = 0; i < count; i++) {
		lanes[i]->data += blocks * SHA1_BLOCK;
		for (int t = 0; t < SHA1_WORDS; t++)
			lanes[i]->state[t] = words[t][i];
	}
}

#else
typedef int sha1_avx512_is_for_x86;
#endif
