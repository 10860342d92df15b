/* peer/discover/priority.c: CRC32-C over both addresses, the smaller first, with
 * the bits masked out that one owner may choose (BEP 40). */
#include "peer/discover/priority.h"

enum { CRC32C_POLYNOMIAL_REVERSED = 0x82f63b78 };

static uint32_t crc32c(uint32_t crc, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? (uint32_t)CRC32C_POLYNOMIAL_REVERSED : 0);
	}
	return crc;
}

/* The first bytes count whole, of the others every second bit: one byte more
 * than the addresses have in common, at least a network. */
static size_t whole_bytes(const uint8_t *a, const uint8_t *b, size_t size)
{
	const size_t least = size == 4 ? 2 : 6;
	size_t common = 0;

	while (common < size && a[common] == b[common])
		common++;
	if (common < least)
		return least;
	return common < size ? common + 1 : size;
}

uint32_t peer_priority(const struct endpoint *us, const struct endpoint *them)
{
	uint8_t a[16], b[16];
	size_t size = endpoint_address_size(us);

	if (size == 0 || us->family != them->family)
		return 0;
	if (endpoint_same_address(us, them)) {
		size = 2;
		a[0] = (uint8_t)(us->port >> 8);
		a[1] = (uint8_t)us->port;
		b[0] = (uint8_t)(them->port >> 8);
		b[1] = (uint8_t)them->port;
	} else {
		const size_t whole = whole_bytes(us->address, them->address, size);
		for (size_t i = 0; i < size; i++) {
			a[i] = us->address[i] & (i < whole ? 0xff : 0x55);
			b[i] = them->address[i] & (i < whole ? 0xff : 0x55);
		}
	}
	const bool in_order = memcmp(a, b, size) <= 0;
	const uint32_t crc = crc32c(UINT32_MAX, in_order ? a : b, size);
	return ~crc32c(crc, in_order ? b : a, size);
}
