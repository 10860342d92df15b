/* tools/lab/swarm_figure.h: the textbook's curve as an SVG: how long it takes to
 * give a file to N peers, from a server and in a swarm, and what was measured. */
#ifndef TOOLS_LAB_SWARM_FIGURE_H
#define TOOLS_LAB_SWARM_FIGURE_H

#include "proto/bytes.h"

#include <stdio.h>

enum { SWARM_FIGURE_PEERS = 100 /* where the axis ends */ };

/* Times are in units of F/u: what one uplink takes to send the file once. */
struct swarm_figure_point {
	uint32_t peers; /* 1 to SWARM_FIGURE_PEERS */
	double time;    /* 1 to 100, and a little beyond */
};

struct swarm_figure {
	const struct swarm_figure_point *swarm, *server; /* measured; borrowed */
	uint32_t swarm_count, server_count;
	const char *measured; /* a line on how, plain text; borrowed */
};

/* The formulas for equal uplinks, us = ui = u. */
double swarm_figure_bound(uint32_t peers);
double swarm_figure_client_server_bound(uint32_t peers);
void swarm_figure_write(const struct swarm_figure *f, FILE *out);

#endif
