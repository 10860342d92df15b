/* tools/lab/world.h: virtual time: a heap of events, and everything random in
 * separate seeded streams, so that the same seed gives the same run.
 *
 * The network for datagrams is in datagrams.h, the one for connections with
 * access links in streams.h; both live on one world. */
#ifndef TOOLS_LAB_WORLD_H
#define TOOLS_LAB_WORLD_H

#include "proto/bytes.h"
#include "proto/rng.h"

enum world_stream { /* what a random number is for; never shared */
	WORLD_WORKLOAD,
	WORLD_NETWORK,
	WORLD_DISK,
	WORLD_FAULTS,
	WORLD_PRODUCT, /* seeds of the nodes and sessions themselves */
	WORLD_STREAMS,
};

struct world;
/* Something happens to owner; a and b are the event's own. */
typedef void world_event(struct world *w, void *owner, uint64_t a, uint64_t b);

struct world *world_new(uint64_t seed);
void world_free(struct world *w);
usec world_now(const struct world *w);
struct rng *world_rng(struct world *w, enum world_stream stream);
/* Run event at that time (not before now); equal times in the order of calls. */
void world_at(struct world *w, usec when, world_event *event, void *owner, uint64_t a, uint64_t b);
/* The next event; false: none is left, or the next lies behind until (time is
 * then until). Time does not move when nothing is left. */
bool world_step(struct world *w, usec until);
/* Until nothing is left or until has come. */
void world_run(struct world *w, usec until);
uint64_t world_event_count(const struct world *w);

/* The trace: a hash over everything the lab notes. Two runs of one seed that
 * differ anywhere differ here. */
void world_note(struct world *w, uint64_t what, uint64_t a, uint64_t b);
uint64_t world_trace_hash(const struct world *w);

/* A latency distribution: log-normal body and tail through three quantiles. */
struct latency {
	double mu, sigma_low, sigma_high; /* of ln(usec), below and above the median */
};
/* Round-trip quantiles in milliseconds. */
struct latency latency_from_quantiles(double p50_ms, double p90_ms, double p99_ms);
/* The round trip that lies z standard deviations above the median. */
usec latency_at(const struct latency *l, double z);
/* One sample of a round trip. */
usec latency_sample(const struct latency *l, struct rng *rng);

#endif
