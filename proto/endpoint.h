/* proto/endpoint.h: an IP address and a port, and its compact forms
 * (BEP 5, 7, 23: 6 bytes for IPv4, 18 for IPv6, network order). */
#ifndef PROTO_ENDPOINT_H
#define PROTO_ENDPOINT_H

#include "proto/bytes.h"

enum endpoint_family {
	ENDPOINT_NONE = 0,
	ENDPOINT_V4 = 4,
	ENDPOINT_V6 = 6,
};

/* Unused address bytes are always zero, so that two endpoints may be
 * compared and hashed whole. An IPv4-mapped IPv6 address is never stored:
 * every constructor turns it into IPv4. */
struct endpoint {
	uint8_t address[16]; /* v4: the first 4 */
	uint16_t port;       /* host order */
	uint8_t family;      /* enum endpoint_family */
	uint8_t reserved;    /* 0 */
};

enum {
	ENDPOINT_COMPACT_V4 = 6,
	ENDPOINT_COMPACT_V6 = 18,
	ENDPOINT_TEXT_MAX = 56, /* "[v6]:port" and the NUL */
};

/* What kind of network an address belongs to. Decides where we may dial on
 * whose word: a stranger on the internet cannot send us into our own LAN. */
enum endpoint_class {
	ENDPOINT_UNUSABLE,  /* unspecified, multicast, broadcast, 0/8, documentation, port not looked at */
	ENDPOINT_LOOPBACK,  /* 127/8, ::1 */
	ENDPOINT_LINK,      /* 169.254/16, fe80::/10 */
	ENDPOINT_PRIVATE,   /* RFC 1918, 100.64/10, fc00::/7 */
	ENDPOINT_GLOBAL,
};

struct endpoint endpoint_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port);
/* size is 4 or 16 (network order); anything else gives ENDPOINT_NONE. */
struct endpoint endpoint_from_address(struct bytes address, uint16_t port);
/* size is 6 or 18; false for another size. Port 0 is accepted here. */
bool endpoint_from_compact(struct bytes compact, struct endpoint *out);
/* Writes 6 or 18 bytes, returns how many (0 for ENDPOINT_NONE). */
size_t endpoint_to_compact(const struct endpoint *e, uint8_t out[ENDPOINT_COMPACT_V6]);

/* "1.2.3.4:80", "[::1]:80"; no names. An address without port is accepted
 * when default_port is not 0. False: not an address. */
bool endpoint_parse(const char *text, uint16_t default_port, struct endpoint *out);
/* Always NUL-terminated; returns out. */
char *endpoint_format(const struct endpoint *e, char out[ENDPOINT_TEXT_MAX]);
/* The address alone, without brackets or port. */
char *endpoint_format_address(const struct endpoint *e, char out[ENDPOINT_TEXT_MAX]);

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);
bool endpoint_same_address(const struct endpoint *a, const struct endpoint *b);
enum endpoint_class endpoint_class(const struct endpoint *e);
/* May a packet be sent there at all: a real unicast address, port not 0. */
bool endpoint_is_usable(const struct endpoint *e);
/* The subnet that counts as "one place": /24 for v4, /64 for v6, as a key
 * that never collides between families. */
uint64_t endpoint_subnet(const struct endpoint *e);
/* Bytes of the address: 4, 16 or 0. */
size_t endpoint_address_size(const struct endpoint *e);

#endif
