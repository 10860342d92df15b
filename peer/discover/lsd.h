/* peer/discover/lsd.h: local service discovery (BEP 14): multicast announces to
 * the peers of the own network. Bytes and times only; the rim has the sockets.
 *
 * Private torrents (BEP 27) are never given to it. */
#ifndef PEER_DISCOVER_LSD_H
#define PEER_DISCOVER_LSD_H

#include "proto/endpoint.h"
#include "proto/hash.h"
#include "proto/rng.h"
#include "proto/wire.h"

enum {
	LSD_PORT = 6771,
	LSD_PACKET_MAX = 1400,   /* bytes: no fragments */
	LSD_HASHES_MAX = 20,     /* torrents per announce of ours; the packet holds them */
	LSD_READ_HASHES_MAX = 64, /* of another's, the rest is left out */
	LSD_COOKIE_MAX = 32,     /* bytes of another's, a longer one is none */
	LSD_TAKEN_MAX = 64,      /* announces taken per second, from everybody */
};
#define LSD_INTERVAL (5 * USEC_PER_MIN)  /* between two announces of one torrent */
#define LSD_PACE USEC_PER_MIN            /* between two announces, whatever torrent */

/* Where announces go: 239.192.152.143 and ff15::efc0:988f. */
struct endpoint lsd_group(enum endpoint_family family);

struct lsd {
	char cookie[17];      /* ours: tells our own announces, looped back */
	usec sent_at;         /* USEC_NEVER: not yet */
	usec due_at;          /* USEC_NEVER: nothing to announce */
	usec second;          /* of the announces counted in taken */
	uint32_t taken;
};

struct lsd_announce {
	uint16_t port;
	char cookie[LSD_COOKIE_MAX + 1]; /* "": none */
	uint8_t info_hashes[LSD_READ_HASHES_MAX][SHA1_SIZE];
	uint32_t count;       /* at least 1 */
};

void lsd_init(struct lsd *l, struct rng *rng);
/* There is a torrent to announce (a new one, or after a pause): soon, but no
 * sooner than the pace allows. */
void lsd_hurry(struct lsd *l, usec now);
/* Nothing to announce any more. */
void lsd_stop(struct lsd *l);
/* When to send the next announce. */
usec lsd_deadline(const struct lsd *l);
/* An announce was sent, of some of so many torrents: the owner takes them in
 * turn. Sets the next deadline so that each torrent has its turn every
 * LSD_INTERVAL, or as often as the pace allows. */
void lsd_on_sent(struct lsd *l, uint32_t torrents, usec now);

/* One announce of up to LSD_HASHES_MAX torrents to the group of family. */
void lsd_announce_write(struct writer *w, const struct lsd *l, enum endpoint_family family,
                        uint16_t port, const uint8_t (*info_hashes)[SHA1_SIZE], uint32_t count);
/* False: no announce (no port, no info-hash, not this protocol). Header names in
 * any case, lines with or without CR, unknown headers ignored. */
bool lsd_announce_read(struct lsd_announce *a, struct bytes packet);
/* Whether to believe it: not our own, not from another network (local: an
 * address of ours on the interface; its family must fit), not one of a flood. */
bool lsd_accepts(struct lsd *l, const struct lsd_announce *a, const struct endpoint *from,
                 const struct endpoint *local, usec now);

#endif
