/* The XOR metric, and BEP 42's own ids. */
#include "dht/id.h"
#include "proto/hash.h"

#include <criterion/criterion.h>

Test(id, orders_by_xor_distance)
{
	const uint8_t target[20] = { 0x10 }, near[20] = { 0x11 }, far[20] = { 0x20 };
	cr_assert_lt(id_compare(near, far, target), 0);
	cr_assert_gt(id_compare(far, near, target), 0);
	cr_assert_eq(id_compare(far, far, target), 0);
	uint8_t last[20] = { 0x11 };
	last[19] = 1;
	cr_assert_lt(id_compare(near, last, target), 0);
	cr_assert_eq(id_distance_head(near, target), (uint64_t)1 << 56);
}

Test(id, counts_common_bits)
{
	uint8_t a[20] = { 0 }, b[20] = { 0 };
	cr_assert_eq(id_common_bits(a, b), 160);
	for (unsigned bit = 0; bit < 160; bit++) {
		memset(b, 0, sizeof(b));
		b[bit / 8] = (uint8_t)(0x80 >> (bit % 8));
		cr_assert_eq(id_common_bits(a, b), bit);
	}
}

Test(id, random_id_falls_into_its_bucket)
{
	struct rng rng;
	uint8_t own[20], out[20];
	rng_init_number(&rng, 1, 0);
	rng_fill(&rng, own, sizeof(own));
	for (unsigned bits = 0; bits <= 160; bits++) {
		id_random_in_bucket(own, bits, &rng, out);
		cr_assert_eq(id_common_bits(own, out), bits);
	}
}

Test(id, crc32c_check_value)
{
	cr_assert_eq(id_crc32c(bytes_of_text("123456789")), 0xe3069283u);
}

/* The table of BEP 42. */
Test(id, bep42_vectors)
{
	static const struct {
		uint8_t ip[4], random;
		const char *id;
	} cases[] = {
		{ { 124, 31, 75, 21 }, 1, "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401" },
		{ { 21, 75, 31, 124 }, 86, "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256" },
		{ { 65, 23, 51, 170 }, 22, "a5d43220bc8f112a3d426c84764f8c2a1150e616" },
		{ { 84, 124, 73, 14 }, 65, "1b0321dd1bb1fe518101ceef99462b947a01ff41" },
		{ { 43, 213, 53, 83 }, 90, "e56f6cbf5b7c4be0237986d5243b87aa6d51305a" },
	};
	struct rng rng;
	rng_init_number(&rng, 2, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t id[20], own[20];
		const struct endpoint e = endpoint_from_address(bytes_of(cases[i].ip, 4), 1);
		cr_assert(hex_decode(cases[i].id, id, sizeof(id)));
		cr_assert(id_fits_address(id, &e), "vector %zu", i);
		id_for_address(&e, cases[i].random, &rng, own);
		cr_assert(memcmp(own, id, 2) == 0 && ((own[2] ^ id[2]) & 0xf8) == 0);
		cr_assert_eq(own[19], cases[i].random);
		id[1] ^= 1;
		cr_assert_not(id_fits_address(id, &e));
	}
}

Test(id, own_id_fits_v6_and_local_networks_are_exempt)
{
	struct rng rng;
	uint8_t id[20], any[20] = { 1 };
	rng_init_number(&rng, 3, 0);
	struct endpoint e;
	cr_assert(endpoint_parse("[2a01:4f8::1]:1", 0, &e));
	for (unsigned r = 0; r < 256; r++) {
		id_for_address(&e, (uint8_t)r, &rng, id);
		cr_assert(id_fits_address(id, &e));
	}
	cr_assert_not(id_fits_address(any, &e));
	e = endpoint_v4(192, 168, 1, 1, 1);
	cr_assert(id_fits_address(any, &e));
	e = endpoint_v4(127, 0, 0, 1, 1);
	cr_assert(id_fits_address(any, &e));
}
