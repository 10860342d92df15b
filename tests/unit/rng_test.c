/* tests/unit/rng_test.c: proto/rng.c. */
#include "proto/rng.h"

#include "proto/hash.h"

#include <criterion/criterion.h>
#include <signal.h>

/* ChaCha20 with key, nonce and counter zero (RFC 7539, appendix A.1). */
Test(rng, stream_is_chacha20)
{
	static const uint8_t seed[RNG_SEED_SIZE];
	struct rng r;
	uint8_t out[32];
	char hex[65];
	rng_init(&r, seed);
	rng_fill(&r, out, sizeof(out));
	cr_assert_str_eq(hex_encode(bytes_of(out, sizeof(out)), hex),
	                 "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7");
}

Test(rng, chunks_do_not_matter)
{
	struct rng a, b;
	static uint8_t whole[20000], parts[20000];
	rng_init_number(&a, 42, 7);
	rng_init_number(&b, 42, 7);
	rng_fill(&a, whole, sizeof(whole));
	size_t at = 0;
	for (size_t size = 1; at < sizeof(parts); size = size * 5 % 1409) {
		const size_t now = size < sizeof(parts) - at ? size : sizeof(parts) - at;
		rng_fill(&b, parts + at, now);
		at += now;
	}
	cr_assert_eq(memcmp(whole, parts, sizeof(whole)), 0);
	cr_assert_eq(rng_u64(&a), rng_u64(&b));
}

Test(rng, same_seed_same_stream_and_streams_differ)
{
	struct rng a, b, other_stream, other_seed;
	rng_init_number(&a, 1, 2);
	rng_init_number(&b, 1, 2);
	rng_init_number(&other_stream, 1, 3);
	rng_init_number(&other_seed, 2, 2);
	const uint64_t x = rng_u64(&a);
	cr_assert_eq(x, rng_u64(&b));
	cr_assert_neq(x, rng_u64(&other_stream));
	cr_assert_neq(x, rng_u64(&other_seed));
	cr_assert_neq(x, rng_u64(&a));
}

Test(rng, given_bytes_are_wiped)
{
	struct rng r;
	uint8_t out[100];
	static const uint8_t zero[100];
	rng_init_number(&r, 1, 1);
	rng_fill(&r, out, sizeof(out));
	cr_assert_eq(r.used, 100);
	cr_assert_eq(memcmp(r.buffer, zero, 100), 0);
}

Test(rng, below_is_in_range_and_even)
{
	struct rng r;
	uint32_t counts[7] = { 0 };
	rng_init_number(&r, 3, 0);
	for (int i = 0; i < 70000; i++) {
		const uint32_t v = rng_below(&r, 7);
		cr_assert_lt(v, 7);
		counts[v]++;
	}
	for (int i = 0; i < 7; i++)
		cr_assert(counts[i] > 9600 && counts[i] < 10400, "%u", counts[i]);
	cr_assert_eq(rng_below(&r, 1), 0);
	for (int i = 0; i < 1000; i++)
		cr_assert_lt(rng_below(&r, 0x80000001u), 0x80000001u);
}

Test(rng, below_zero_is_a_bug, .signal = SIGABRT)
{
	struct rng r;
	rng_init_number(&r, 3, 0);
	rng_below(&r, 0);
}

Test(rng, unit_interval)
{
	struct rng r;
	double sum = 0;
	rng_init_number(&r, 5, 0);
	for (int i = 0; i < 10000; i++) {
		const double v = rng_unit(&r);
		cr_assert(v >= 0 && v < 1);
		sum += v;
	}
	cr_assert(sum > 4800 && sum < 5200, "%f", sum);
}

/* The vector of the SipHash paper, appendix A. */
Test(rng, siphash_vector)
{
	uint8_t key[16], message[15];
	for (uint8_t i = 0; i < 16; i++)
		key[i] = i;
	for (uint8_t i = 0; i < 15; i++)
		message[i] = i;
	cr_assert_eq(siphash(key, bytes_of(message, 15)), 0xa129ca6149be45e5);
	cr_assert_neq(siphash(key, bytes_of(message, 14)), siphash(key, bytes_of(message, 15)));
	cr_assert_neq(siphash(key, bytes_of(NULL, 0)), 0);
}
