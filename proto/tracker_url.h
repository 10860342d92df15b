/* proto/tracker_url.h: the address of a tracker, taken apart, and the URLs of
 * HTTP announces and scrapes (BEP 3, 7, 23, 48).
 *
 * Only http, https and udp; printable ASCII; no user names and no back
 * slashes in the authority, which is where parsers disagree about the host. */
#ifndef PROTO_TRACKER_URL_H
#define PROTO_TRACKER_URL_H

#include "proto/tracker_msg.h"

enum {
	TRACKER_URL_MAX = 2048,       /* of a torrent, with the NUL */
	TRACKER_HOST_MAX = 254,       /* with the NUL */
	TRACKER_REQUEST_URL_MAX = TRACKER_URL_MAX + 1024,
	TRACKER_SCRAPE_URL_MAX = TRACKER_URL_MAX + TRACKER_SCRAPE_MAX * 72,
};

enum tracker_scheme {
	TRACKER_HTTP,
	TRACKER_HTTPS,
	TRACKER_UDP,
};

struct tracker_url {
	enum tracker_scheme scheme;
	char host[TRACKER_HOST_MAX]; /* lower case; an IPv6 address without brackets */
	uint16_t port;
	struct bytes base;           /* borrowed: everything before the fragment */
	struct bytes target;         /* borrowed: path and query of base; may be empty */
};

/* url outlives u. False: *reason is static text. */
bool tracker_url_parse(struct tracker_url *u, const char *url, const char **reason);

/* NUL-terminated into out. False: http(s) only, or too long. */
bool tracker_url_announce(const struct tracker_url *u, const struct tracker_request *request,
                          char out[TRACKER_REQUEST_URL_MAX]);
/* BEP 48. False too when the URL has no scrape: its last component does not
 * begin with "announce". count <= TRACKER_SCRAPE_MAX. */
bool tracker_url_scrape(const struct tracker_url *u, const uint8_t (*hashes)[SHA1_SIZE],
                        uint32_t count, char out[TRACKER_SCRAPE_URL_MAX]);

#endif
