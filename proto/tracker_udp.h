/* proto/tracker_udp.h: the packets of UDP trackers (BEP 15), and the option
 * that carries the path of the URL (BEP 41).
 *
 * A connect gives a connection id, good for one minute, which an announce or
 * scrape must show. A reply is known by the transaction we chose; the caller
 * also compares where it came from. */
#ifndef PROTO_TRACKER_UDP_H
#define PROTO_TRACKER_UDP_H

#include "proto/tracker_msg.h"
#include "proto/wire.h"

enum {
	TRACKER_UDP_PACKET_MAX = 98 + 9 * 257, /* an announce with 2 KiB of path */
	TRACKER_UDP_TRIES_MAX = 9,             /* n of 15 * 2^n goes to 8 */
};
#define TRACKER_UDP_ID_AGE_MAX USEC_PER_MIN /* a connection id is used no longer */

/* How long to wait for the reply to the try-th packet (0 first). */
usec tracker_udp_patience(unsigned try);

enum tracker_udp_action {
	TRACKER_UDP_CONNECT = 0,
	TRACKER_UDP_ANNOUNCE = 1,
	TRACKER_UDP_SCRAPE = 2,
	TRACKER_UDP_ERROR = 3,
};

void tracker_udp_write_connect(struct writer *w, uint32_t transaction);
/* target: path and query of the URL, up to 2 KiB; may be empty. */
void tracker_udp_write_announce(struct writer *w, uint64_t connection, uint32_t transaction,
                                const struct tracker_request *request, struct bytes target);
/* count <= TRACKER_SCRAPE_MAX. */
void tracker_udp_write_scrape(struct writer *w, uint64_t connection, uint32_t transaction,
                              const uint8_t (*hashes)[SHA1_SIZE], uint32_t count);

struct tracker_udp_head {
	enum tracker_udp_action action;
	uint32_t transaction;
	struct bytes body; /* borrowed: what follows */
};

/* False: too short or no such action. */
bool tracker_udp_read(struct tracker_udp_head *h, struct bytes packet);
/* The bodies. False: too short. */
bool tracker_udp_read_connect(const struct tracker_udp_head *h, uint64_t *connection);
/* v6: the packet came over IPv6, so its peers are 18 bytes each. */
bool tracker_udp_read_announce(const struct tracker_udp_head *h, bool v6,
                               struct tracker_response *r, struct rng *rng);
/* In the order that was asked; returns how many of max there are. */
uint32_t tracker_udp_read_scrape(const struct tracker_udp_head *h, struct tracker_scrape *entries,
                                 uint32_t max);
/* The tracker's text, cleaned, as a failed response. */
void tracker_udp_read_error(const struct tracker_udp_head *h, struct tracker_response *r);

#endif
