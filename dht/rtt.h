/* dht/rtt.h: how long answers take, over all nodes: a histogram of round-trip
 * times that forgets, four steps an octave from 4 ms to 16 s. */
#ifndef DHT_RTT_H
#define DHT_RTT_H

#include "proto/bytes.h"

enum {
	RTT_STEPS = 49,
	RTT_SAMPLES_MAX = 512, /* then every count is halved */
	RTT_SAMPLES_MIN = 16,  /* before that, the quantiles of a guess */
};

struct rtt {
	uint16_t counts[RTT_STEPS];
	uint16_t total;
};

void rtt_add(struct rtt *r, usec sample);
/* The quantile, percent from 1 to 99. */
usec rtt_quantile(const struct rtt *r, unsigned percent);
/* When a query counts as stalled: p80, at least p10 + 100 ms. */
usec rtt_stall(const struct rtt *r);

#endif
