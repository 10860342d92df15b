/* tools/lab/dht_lab.h: how well searches do in a large DHT under the
 * conditions of the public one: shoal lab dht.
 *
 * A share of the hosts sits behind address translators and is known to those
 * it talks with, but reached by nobody else; hosts come and go; packets get
 * lost. In this network torrents are announced, looked for soon after and half
 * an hour later. docs/dht.md says what each figure means. */
#ifndef TOOLS_LAB_DHT_LAB_H
#define TOOLS_LAB_DHT_LAB_H

#include "tools/lab/dht_net.h"

enum {
	DHT_LAB_NODES_MIN = 100,
	DHT_LAB_NODES_MAX = 200000,
	DHT_LAB_LOOKUPS_MAX = 100000,
};

struct dht_lab_config {
	uint32_t nodes, lookups;
	uint64_t seed;
	double nat;              /* share of hosts behind a translator */
	double loss;             /* of packets */
	double churn_median_min; /* half of the sessions are shorter; 0: nobody leaves */
	double sybils;           /* below 1: share of those who answer; else how many */
	double later_min;        /* until the third one searches; 0: there is none */
	bool classic;            /* every node looks up by the textbook's rule */
	double rtt_ms[3];        /* p50, p90, p99 */
};

struct dht_lab_figures {
	double dead_contact_ratio;   /* of the contacts that answers named */
	double dead_table_ratio;     /* of the askers' own tables */
	double first_holder_ms_p50, first_holder_ms_p99;
	double ready_ms_p50, ready_ms_p95;
	double queries_mean;
	double recall_8_closest;
	double found_at_once, found_after_30min; /* the latter NAN without a third search */
	double reannounce_queries_mean;
	double bytes_per_node;
	double traffic_mb_per_day;   /* of a node, in and out */
	double virtual_s;
	uint64_t events, packets;
	uint64_t trace_hash;
	uint32_t joined, left;
};

void dht_lab_run(const struct dht_lab_config *config, struct dht_lab_figures *out);

#endif
