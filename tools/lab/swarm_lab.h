/* tools/lab/swarm_lab.h: one seed, many peers that come for its file, and how
 * close they come to what their links allow. */
#ifndef TOOLS_LAB_SWARM_LAB_H
#define TOOLS_LAB_SWARM_LAB_H

#include "proto/bytes.h"

enum {
	SWARM_LAB_PEERS_MAX = 1000,
	SWARM_LAB_PIECE_MIN = 16 << 10,
	SWARM_LAB_PIECE_MAX = 16 << 20,
};
#define SWARM_LAB_SIZE_MAX ((uint64_t)4 << 30)
#define SWARM_LAB_RATE_MIN ((uint64_t)1 << 10) /* bytes per second */
#define SWARM_LAB_RATE_MAX ((uint64_t)1 << 40)

struct swarm_lab_config {
	uint32_t peers;           /* the seed not counted */
	uint64_t size;            /* bytes of the file */
	uint32_t piece_length;
	uint64_t seed_up, peer_up; /* bytes per second */
	uint64_t peer_down;       /* 0: no limit */
	double loss;              /* share of segments */
	double rtt_ms;
	bool leave;               /* whoever has everything goes */
	double trickle_s;         /* they come within that time, evenly; 0: all at once */
	double classic;           /* share of peers that follow the textbook; 1: the seed too */
	bool client_server;       /* nobody but the seed uploads */
	uint64_t seed;
};

/* The textbook's bounds in seconds, for a file of size bytes. */
double swarm_lab_bound(const struct swarm_lab_config *c);
double swarm_lab_client_server_bound(const struct swarm_lab_config *c);

/* What one peer did, times in seconds since it came. */
struct swarm_lab_peer {
	bool classic;
	double came_s;            /* since the beginning */
	double took_s;            /* until it was complete; 0: it was not */
	double idle;              /* share of its time, until the end, its uplink did nothing */
};

struct swarm_lab_figures {
	uint32_t done;            /* of config.peers; fewer: time was up */
	double bound_s, client_server_s;
	double last_s;            /* from the beginning to the last one's completion */
	double mean_s;            /* of took_s */
	double efficiency;        /* the bound of this architecture / last_s */
	double classic_mean_s, classic_last_s; /* of these peers alone; 0: there are none */
	double shoal_mean_s, shoal_last_s;
	double seed_copies;       /* bytes the seed sent / size */
	double seed_idle, idle_mean, idle_min, idle_max; /* uplinks; min, max of peers */
	uint64_t events, trace_hash;
	struct swarm_lab_peer *peers; /* owned; config.peers */
};

/* Runs until everybody is done, or far behind any hope of it. */
void swarm_lab_run(const struct swarm_lab_config *c, struct swarm_lab_figures *out);
void swarm_lab_figures_deinit(struct swarm_lab_figures *f);

#endif
