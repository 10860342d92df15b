/* BEP 33's own filter and estimate. */
#include "dht/bloom.h"
#include "proto/hash.h"

#include <criterion/criterion.h>

static const char expected[] =
	"F6C3F5EAA07FFD91BDE89F777F26FB2BFF37BDB8FB2BBAA2FD3DDDE7BACFFF75EE7CCBAE"
	"FE5EEDB1FBFAFF67F6ABFF5E43DDBCA3FD9B9FFDF4FFD3E9DFF12D1BDF59DB53DBE9FA5B"
	"7FF3B8FDFCDE1AFB8BEDD7BE2F3EE71EBBBFE93BCDEEFE148246C2BC5DBFF7E7EFDCF24F"
	"D8DC7ADFFD8FFFDFDDFFF7A4BBEEDF5CB95CE81FC7FCFF1FF4FFFFDFE5F7FDCBB7FD79B3"
	"FA1FC77BFE07FFF905B7B7FFC7FEFEFFE0B8370BB0CD3F5B7F2BD93FEB4386CFDD6F7FD5"
	"BFAF2E9EBFFFFEECD67ADBF7C67F17EFD5D75EBA6FFEBA7FFF47A91EB1BFBB53E8ABFB57"
	"62ABE8FF237279BFEFBFEEF5FFC5FEBFDFE5ADFFADFEE1FB737FFFFBFD9F6AEFFEEE76B6"
	"FD8F72EF";

Test(bloom, vector_of_bep33)
{
	uint8_t bloom[BLOOM_SIZE] = { 0 }, wanted[BLOOM_SIZE];
	cr_assert(hex_decode(expected, wanted, sizeof(wanted)));
	for (unsigned i = 0; i <= 255; i++) {
		const uint8_t ip[4] = { 192, 0, 2, (uint8_t)i };
		const struct endpoint e = endpoint_from_address(bytes_of(ip, 4), 1);
		bloom_add(bloom, &e);
		cr_assert(bloom_has(bloom, &e));
	}
	for (unsigned i = 0; i <= 0x3e7; i++) {
		const uint8_t ip[16] = { 0x20, 0x01, 0x0d, 0xb8, [14] = (uint8_t)(i >> 8), (uint8_t)i };
		const struct endpoint e = endpoint_from_address(bytes_of(ip, 16), 1);
		bloom_add(bloom, &e);
	}
	cr_assert(memcmp(bloom, wanted, sizeof(wanted)) == 0);
	cr_assert_float_eq(bloom_estimate(bloom), 1224.9308, 0.0001);
}

Test(bloom, empty_and_full)
{
	uint8_t bloom[BLOOM_SIZE] = { 0 };
	cr_assert_float_eq(bloom_estimate(bloom), 0, 1e-9);
	memset(bloom, 0xff, sizeof(bloom));
	cr_assert(bloom_estimate(bloom) > 7000 && bloom_estimate(bloom) < 9000);
}

Test(bloom, merged_holds_both)
{
	uint8_t a[BLOOM_SIZE] = { 0 }, b[BLOOM_SIZE] = { 0 };
	const struct endpoint x = endpoint_v4(1, 2, 3, 4, 5), y = endpoint_v4(6, 7, 8, 9, 10);
	bloom_add(a, &x);
	bloom_add(b, &y);
	cr_assert_not(bloom_has(a, &y));
	bloom_merge(a, b);
	cr_assert(bloom_has(a, &x) && bloom_has(a, &y));
}
