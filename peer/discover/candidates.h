/* peer/discover/candidates.h: the addresses known for one torrent: whom to
 * dial next, and whom to avoid.
 *
 * An index names one address for ever, so that it can stand for a peer across
 * reconnects (trust, bans): it is a slot and the slot's generation. An address
 * that had to make room leaves an index that no longer means anything, never
 * one that means somebody else. */
#ifndef PEER_DISCOVER_CANDIDATES_H
#define PEER_DISCOVER_CANDIDATES_H

#include "peer/action.h"
#include "peer/discover/dials.h"
#include "proto/endpoint.h"
#include "proto/rng.h"

enum {
	CANDIDATES_MAX = 2000,            /* per torrent; unpromising ones make room */
	CANDIDATES_PER_SOURCE_MAX = 1000, /* PEX and DHT each */
	CANDIDATE_FAILURES_MAX = 6,       /* then forgotten unless the user gave it */
	CANDIDATE_NONE = UINT32_MAX,
};
#define CANDIDATE_BACKOFF_MIN (10 * USEC_PER_SEC)
#define CANDIDATE_BACKOFF_MAX (30 * USEC_PER_MIN)

struct candidates;
/* rng is borrowed. */
struct candidates *candidates_new(struct rng *rng);
void candidates_free(struct candidates *c);
/* Count dials in a budget shared by all torrents (borrowed) instead of one of
 * its own: a subnet is spared however many torrents name it. */
void candidates_share_dials(struct candidates *c, struct dials *dials);

/* How peers see us, per family: equals are then dialed by canonical priority
 * (BEP 40) instead of at random. */
void candidates_set_own(struct candidates *c, const struct endpoint *own);

/* Add an address or refresh it. CANDIDATE_NONE: refused (unusable, a port below
 * 1024 from DHT or PEX unless its address is private, table full of better ones). */
uint32_t candidates_add(struct candidates *c, const struct endpoint *e, enum peer_source source,
                        bool seed, usec now);
/* Somebody connected to us from e (its port is no listening port). Counts as
 * connected. CANDIDATE_NONE: banned, or no room. */
uint32_t candidates_on_incoming(struct candidates *c, const struct endpoint *e, usec now);
/* It told where it listens (BEP 10 "p"): dialable once it is gone, and the same
 * as a known address with that port unless we are connected to that, too. */
void candidates_set_port(struct candidates *c, uint32_t index, uint16_t port, usec now);
/* That address is ourselves: never dial. */
void candidates_set_self(struct candidates *c, const struct endpoint *e);

/* Whom to dial now: fewest failures first, then by source, then by canonical
 * priority or at random; back-off respected (10 s, doubling to 30 min, jitter), and the dial
 * budget of its subnet (dials.h). Counts as dialing until one of the on_ calls
 * below. O(log n). want_seeds false skips known seeds
 * (we are one). CANDIDATE_NONE: nobody now. */
uint32_t candidates_next(struct candidates *c, bool want_seeds, usec now);
/* When candidates_next may have somebody again: 0 for at once, USEC_NEVER: only
 * after news. */
usec candidates_deadline(const struct candidates *c, bool want_seeds);

/* An index that means nothing any more gives an endpoint of ENDPOINT_NONE. */
const struct endpoint *candidates_endpoint(const struct candidates *c, uint32_t index);
enum peer_source candidates_source(const struct candidates *c, uint32_t index);
/* A dial succeeded; nothing new about one that counts as connected already. */
void candidates_on_connected(struct candidates *c, uint32_t index, usec now);
/* A dial failed, or the handshake on a connection, whoever began it. */
void candidates_on_failed(struct candidates *c, uint32_t index, usec now);
/* A working connection ended. useful: it gave or took something, or may later. */
void candidates_on_closed(struct candidates *c, uint32_t index, bool useful, usec now);
void candidates_set_seed(struct candidates *c, uint32_t index, bool seed);
/* It lied: never again, whatever its port, for an address that is not
 * private; for a private one, that address and port. */
void candidates_ban(struct candidates *c, uint32_t index);
bool candidates_is_banned(const struct candidates *c, const struct endpoint *e);
/* Connected or dialing already. */
bool candidates_is_busy(const struct candidates *c, uint32_t index);
uint32_t candidates_count(const struct candidates *c);
/* Dialable now or later, not connected. */
uint32_t candidates_idle_count(const struct candidates *c);

#endif
