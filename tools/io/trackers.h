/* tools/io/trackers.h: the trackers of all torrents: the tier logic of each
 * (peer/discover/announce.h) between the clock, the courier and whoever wants
 * the peers. */
#ifndef TOOLS_IO_TRACKERS_H
#define TOOLS_IO_TRACKERS_H

#include "peer/discover/announce.h"

#define TRACKERS_TIMEOUT (30 * USEC_PER_SEC)          /* of one HTTP announce */
#define TRACKERS_LEAVE_TIMEOUT (USEC_PER_SEC)         /* for all "stopped" at the exit */

struct courier;
struct loop;
struct trackers;

/* What an announce says of a torrent. */
struct trackers_facts {
	uint8_t info_hash[SHA1_SIZE];
	uint8_t peer_id[PEER_ID_SIZE];
	uint64_t uploaded, downloaded, left; /* bytes; left is not 0 while that is not known */
	uint16_t port;
	bool crypto, crypto_required;        /* we take encrypted connections, or no others */
};

struct trackers_owner {
	/* False: there is no such torrent any more; what it was is remembered. */
	bool (*facts)(void *context, uint64_t torrent, struct trackers_facts *out);
	/* Peers that this tracker may name, see below. Borrowed. */
	void (*peers)(void *context, uint64_t torrent, const struct endpoint *peers,
	              uint32_t count);
	void *context;
};

/* All borrowed; owner is copied. */
struct trackers *trackers_new(struct loop *loop, struct courier *courier,
                              const struct trackers_owner *owner);
/* Before the courier. */
void trackers_free(struct trackers *t);

/* A torrent is known from its first tracker on, and does nothing until it is
 * started. False: no tracker URL (reason is static), known, or too many. */
bool trackers_add(struct trackers *t, uint64_t torrent, const char *url, uint32_t tier,
                  const char **reason);
/* Each may be said again and of unknown torrents: then nothing happens. */
void trackers_start(struct trackers *t, uint64_t torrent, bool complete);
void trackers_stop(struct trackers *t, uint64_t torrent);
void trackers_complete(struct trackers *t, uint64_t torrent);
/* BEP 21: it wants no more, and is no seed. */
void trackers_set_partial(struct trackers *t, uint64_t torrent, bool partial);
void trackers_hurry(struct trackers *t, uint64_t torrent);
/* Stop it, and let go of it when "stopped" has been answered. */
void trackers_forget(struct trackers *t, uint64_t torrent);
/* Our address or port is another one. */
void trackers_on_address_change(struct trackers *t);

/* The program ends: "stopped" to all that count us in, within
 * TRACKERS_LEAVE_TIMEOUT; then, or when all have answered, the loop settles
 * and trackers_is_leaving is false. */
void trackers_leave(struct trackers *t);
bool trackers_is_leaving(const struct trackers *t);

uint32_t trackers_count(const struct trackers *t, uint64_t torrent);
/* i < trackers_count(). */
void trackers_status(const struct trackers *t, uint64_t torrent, uint32_t i,
                     struct announce_status *out);

/* May a tracker at `tracker` name `peer`: nobody may point us at a network
 * that is nearer to us than itself. */
bool trackers_may_name(const struct endpoint *tracker, const struct endpoint *peer);

#endif
