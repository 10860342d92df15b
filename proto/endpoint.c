/* proto/endpoint.c: addresses with ports: compact forms, text, and the kind
 * of network they belong to (BEP 5, 7, 23; RFC 6890).
 *
 * inet_pton and inet_ntop are the only system functions of the core: they are
 * pure. Invariant: bytes behind a v4 address are zero, and a v4-mapped v6
 * address is v4. */
#include "proto/endpoint.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

struct endpoint endpoint_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
	return (struct endpoint){ .address = { a, b, c, d }, .port = port, .family = ENDPOINT_V4 };
}

struct endpoint endpoint_from_address(struct bytes address, uint16_t port)
{
	struct endpoint e = { .port = port };

	if (address.size == 16 && memcmp(address.data, mapped_prefix, 12) == 0)
		address = bytes_of(address.data + 12, 4);
	if (address.size == 4)
		e.family = ENDPOINT_V4;
	else if (address.size == 16)
		e.family = ENDPOINT_V6;
	else
		return (struct endpoint){ .family = ENDPOINT_NONE };
	memcpy(e.address, address.data, address.size);
	return e;
}

bool endpoint_from_compact(struct bytes compact, struct endpoint *out)
{
	*out = (struct endpoint){ .family = ENDPOINT_NONE };
	if (compact.size != ENDPOINT_COMPACT_V4 && compact.size != ENDPOINT_COMPACT_V6)
		return false;
	const size_t size = compact.size - 2;
	const uint16_t port = (uint16_t)(compact.data[size] << 8 | compact.data[size + 1]);
	*out = endpoint_from_address(bytes_of(compact.data, size), port);
	return true;
}

size_t endpoint_address_size(const struct endpoint *e)
{
	return e->family == ENDPOINT_V4 ? 4 : e->family == ENDPOINT_V6 ? 16 : 0;
}

size_t endpoint_to_compact(const struct endpoint *e, uint8_t out[ENDPOINT_COMPACT_V6])
{
	const size_t size = endpoint_address_size(e);

	if (size == 0)
		return 0;
	memcpy(out, e->address, size);
	out[size] = (uint8_t)(e->port >> 8);
	out[size + 1] = (uint8_t)e->port;
	return size + 2;
}

/* Decimal digits up to the NUL, 1..65535, no leading zero. */
static bool parse_port(const char *text, uint16_t *port)
{
	uint32_t value = 0;
	size_t digits = 0;

	for (; text[digits] >= '0' && text[digits] <= '9'; digits++) {
		if (digits == 5)
			return false;
		value = value * 10 + (uint32_t)(text[digits] - '0');
	}
	if (text[digits] != '\0' || digits == 0 || text[0] == '0' || value > UINT16_MAX)
		return false;
	*port = (uint16_t)value;
	return true;
}

static bool parse_address(int family, const char *text, size_t length, uint16_t port,
                          struct endpoint *out)
{
	char copy[INET6_ADDRSTRLEN];
	uint8_t address[16];

	if (length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (inet_pton(family, copy, address) != 1)
		return false;
	*out = endpoint_from_address(bytes_of(address, family == AF_INET ? 4 : 16), port);
	return true;
}

bool endpoint_parse(const char *text, uint16_t default_port, struct endpoint *out)
{
	*out = (struct endpoint){ .family = ENDPOINT_NONE };
	uint16_t port = default_port;
	int family = AF_INET;
	size_t length = strlen(text);
	const char *colon = strrchr(text, ':');

	if (text[0] == '[') {
		const char *end = strchr(text, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return false;
		family = AF_INET6;
		colon = end[1] == ':' ? end + 1 : NULL;
		text++;
		length = (size_t)(end - text);
	} else if (colon != NULL && strchr(text, ':') != colon) {
		/* More than one colon without brackets: v6 without a port. */
		family = AF_INET6;
		colon = NULL;
	} else if (colon != NULL) {
		length = (size_t)(colon - text);
	}
	if (colon != NULL && !parse_port(colon + 1, &port))
		return false;
	if (colon == NULL && default_port == 0)
		return false;
	return parse_address(family, text, length, port, out);
}

char *endpoint_format_address(const struct endpoint *e, char out[ENDPOINT_TEXT_MAX])
{
	out[0] = '\0';
	if (e->family == ENDPOINT_NONE)
		snprintf(out, ENDPOINT_TEXT_MAX, "none");
	else
		inet_ntop(e->family == ENDPOINT_V4 ? AF_INET : AF_INET6, e->address, out,
		          ENDPOINT_TEXT_MAX);
	return out;
}

char *endpoint_format(const struct endpoint *e, char out[ENDPOINT_TEXT_MAX])
{
	char address[ENDPOINT_TEXT_MAX];

	endpoint_format_address(e, address);
	if (e->family == ENDPOINT_NONE)
		snprintf(out, ENDPOINT_TEXT_MAX, "none");
	else
		snprintf(out, ENDPOINT_TEXT_MAX, e->family == ENDPOINT_V6 ? "[%.46s]:%u" : "%.46s:%u",
		         address, (unsigned)e->port);
	return out;
}

bool endpoint_same_address(const struct endpoint *a, const struct endpoint *b)
{
	return a->family == b->family && memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && endpoint_same_address(a, b);
}

struct range {
	uint8_t address[4];
	uint8_t bits;
	uint8_t class; /* enum endpoint_class */
};

/* RFC 6890 and its registry; the first match decides. */
static const struct range v4_ranges[] = {
	{ { 0, 0, 0, 0 }, 8, ENDPOINT_UNUSABLE },
	{ { 10, 0, 0, 0 }, 8, ENDPOINT_PRIVATE },
	{ { 100, 64, 0, 0 }, 10, ENDPOINT_PRIVATE },
	{ { 127, 0, 0, 0 }, 8, ENDPOINT_LOOPBACK },
	{ { 169, 254, 0, 0 }, 16, ENDPOINT_LINK },
	{ { 172, 16, 0, 0 }, 12, ENDPOINT_PRIVATE },
	{ { 192, 0, 2, 0 }, 24, ENDPOINT_UNUSABLE },
	{ { 192, 168, 0, 0 }, 16, ENDPOINT_PRIVATE },
	{ { 198, 18, 0, 0 }, 15, ENDPOINT_PRIVATE }, /* benchmarks */
	{ { 198, 51, 100, 0 }, 24, ENDPOINT_UNUSABLE },
	{ { 203, 0, 113, 0 }, 24, ENDPOINT_UNUSABLE },
	{ { 224, 0, 0, 0 }, 3, ENDPOINT_UNUSABLE }, /* multicast, reserved, broadcast */
};

static bool prefix_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	if (memcmp(a, b, bits / 8) != 0)
		return false;
	return bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) >> (8 - bits % 8)) == 0;
}

static enum endpoint_class class_v4(const uint8_t *a)
{
	for (size_t i = 0; i < sizeof(v4_ranges) / sizeof(v4_ranges[0]); i++) {
		if (prefix_equal(a, v4_ranges[i].address, v4_ranges[i].bits))
			return (enum endpoint_class)v4_ranges[i].class;
	}
	return ENDPOINT_GLOBAL;
}

static enum endpoint_class class_v6(const uint8_t *a)
{
	static const uint8_t zero[16];

	if (memcmp(a, zero, 15) == 0)
		return a[15] == 1 ? ENDPOINT_LOOPBACK : ENDPOINT_UNUSABLE;
	if (a[0] == 0xfe && (a[1] & 0xc0) == 0x80)
		return ENDPOINT_LINK;
	if ((a[0] & 0xfe) == 0xfc)
		return ENDPOINT_PRIVATE;
	if (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8)
		return ENDPOINT_UNUSABLE; /* documentation */
	/* NAT64 (64:ff9b::/96) and 6to4 (2002::/16) carry a v4 address; what they
	 * lead to is as private as that is. */
	if (memcmp(a, (const uint8_t[12]){ 0x00, 0x64, 0xff, 0x9b }, 12) == 0)
		return class_v4(a + 12);
	if (a[0] == 0x20 && a[1] == 0x02)
		return class_v4(a + 2);
	/* Only 2000::/3 is handed out as global unicast. */
	return (a[0] & 0xe0) == 0x20 ? ENDPOINT_GLOBAL : ENDPOINT_UNUSABLE;
}

enum endpoint_class endpoint_class(const struct endpoint *e)
{
	if (e->family == ENDPOINT_V4)
		return class_v4(e->address);
	return e->family == ENDPOINT_V6 ? class_v6(e->address) : ENDPOINT_UNUSABLE;
}

bool endpoint_is_usable(const struct endpoint *e)
{
	return e->port != 0 && endpoint_class(e) != ENDPOINT_UNUSABLE;
}

uint64_t endpoint_subnet(const struct endpoint *e)
{
	uint64_t key = 0;

	if (e->family == ENDPOINT_V4)
		return (uint64_t)e->address[0] << 16 | (uint64_t)e->address[1] << 8 | e->address[2];
	if (e->family == ENDPOINT_NONE)
		return UINT64_MAX;
	/* A v6 /64 whose upper 40 bits are zero would look like a v4 /24; those
	 * are unusable addresses but for ::1, so the top bit may mark them. */
	for (int i = 0; i < 8; i++)
		key = key << 8 | e->address[i];
	return key >> 24 == 0 ? key | (uint64_t)1 << 63 : key;
}
