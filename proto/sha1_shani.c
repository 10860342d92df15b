/* proto/sha1_shani.c: SHA-1 with the SHA instructions of x86, one to four
 * messages interleaved (FIPS 180-4, section 6.1).
 *
 * sha1rnds4 does four rounds but takes several cycles, and the next one waits
 * for it; other messages' rounds fit in between. The macros write the streams
 * out one after the other, because the round function's number must be a
 * literal. */
#include "proto/sha1_lanes.h"

#if SHA1_LANES_X86

#include <immintrin.h>

#define SHANI __attribute__((target("sha,ssse3,sse4.1")))

/* One message in registers: m are the last sixteen words of its schedule. */
struct stream {
	__m128i abcd, e, m[4];
	__m128i abcd_before, e_before;
};

static inline SHANI __attribute__((always_inline)) __m128i load_words(const uint8_t *data)
{
	const __m128i order = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);

	return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)data), order);
}

static inline SHANI __attribute__((always_inline)) void stream_open(struct stream *s,
                                                                    const struct sha1_lane *l)
{
	s->abcd = _mm_loadu_si128((const __m128i *)(const void *)l->state);
	s->abcd = _mm_shuffle_epi32(s->abcd, 0x1b);
	s->e = _mm_set_epi32((int)l->state[4], 0, 0, 0);
}

static inline SHANI __attribute__((always_inline)) void stream_close(const struct stream *s,
                                                                     struct sha1_lane *l)
{
	_mm_storeu_si128((__m128i *)(void *)l->state, _mm_shuffle_epi32(s->abcd, 0x1b));
	l->state[4] = (uint32_t)_mm_extract_epi32(s->e, 3);
}

static inline SHANI __attribute__((always_inline)) void block_begin(struct stream *s,
                                                                    struct sha1_lane *l)
{
	s->abcd_before = s->abcd;
	s->e_before = s->e;
	s->m[0] = load_words(l->data);
	s->m[1] = load_words(l->data + 16);
	s->m[2] = load_words(l->data + 32);
	s->m[3] = load_words(l->data + 48);
	l->data += SHA1_BLOCK;
}

static inline SHANI __attribute__((always_inline)) void block_end(struct stream *s)
{
	s->abcd = _mm_add_epi32(s->abcd, s->abcd_before);
	s->e = _mm_sha1nexte_epu32(s->e, s->e_before);
}

/* The next four words of the schedule, in place of the oldest four. */
static inline SHANI __attribute__((always_inline)) void schedule(struct stream *s, int g)
{
	const __m128i early = _mm_sha1msg1_epu32(s->m[g % 4], s->m[(g + 1) % 4]);

	s->m[g % 4] = _mm_sha1msg2_epu32(_mm_xor_si128(early, s->m[(g + 2) % 4]), s->m[(g + 3) % 4]);
}

/* Rounds 4 g to 4 g + 3 of stream i. */
#define ROUNDS(i, g)                                                                  \
	do {                                                                          \
		const __m128i before = s[i].abcd;                                     \
                                                                                      \
		if ((g) >= 4)                                                         \
			schedule(&s[i], g);                                           \
		s[i].e = (g) == 0 ? _mm_add_epi32(s[i].e, s[i].m[0])                  \
		                  : _mm_sha1nexte_epu32(s[i].e, s[i].m[(g) % 4]);     \
		s[i].abcd = _mm_sha1rnds4_epu32(s[i].abcd, s[i].e, (g) / 5);          \
		s[i].e = before;                                                      \
	} while (0);

#define EACH_1(what, ...) what(0, ##__VA_ARGS__)
#define EACH_2(what, ...) EACH_1(what, ##__VA_ARGS__) what(1, ##__VA_ARGS__)
#define EACH_3(what, ...) EACH_2(what, ##__VA_ARGS__) what(2, ##__VA_ARGS__)
#define EACH_4(what, ...) EACH_3(what, ##__VA_ARGS__) what(3, ##__VA_ARGS__)

#define FIVE_GROUPS(each, g) \
	each(ROUNDS, g) each(ROUNDS, g + 1) each(ROUNDS, g + 2) each(ROUNDS, g + 3) \
	each(ROUNDS, g + 4)

#define OPEN(i) stream_open(&s[i], lanes[i]);
#define BEGIN(i) block_begin(&s[i], lanes[i]);
#define END(i) block_end(&s[i]);
#define CLOSE(i) stream_close(&s[i], lanes[i]);

#define DEFINE_SHANI(n, each)                                                         \
	SHANI void sha1_shani_##n(struct sha1_lane *const lanes[n], size_t blocks)    \
	{                                                                             \
		struct stream s[n];                                                   \
                                                                                      \
		each(OPEN)                                                            \
		for (; blocks > 0; blocks--) {                                        \
			each(BEGIN)                                                   \
			FIVE_GROUPS(each, 0)                                          \
			FIVE_GROUPS(each, 5)                                          \
			FIVE_GROUPS(each, 10)                                         \
			FIVE_GROUPS(each, 15)                                         \
			each(END)                                                     \
		}                                                                     \
		each(CLOSE)                                                           \
	}

DEFINE_SHANI(1, EACH_1)
DEFINE_SHANI(2, EACH_2)
DEFINE_SHANI(3, EACH_3)
DEFINE_SHANI(4, EACH_4)

#else
typedef int sha1_shani_is_for_x86;
#endif
