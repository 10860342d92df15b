/* tools/lab/dht_net_inside.h: what dht_net.c and dht_warm.c share. */
#ifndef TOOLS_LAB_DHT_NET_INSIDE_H
#define TOOLS_LAB_DHT_NET_INSIDE_H

#include "tools/lab/dht_net.h"

struct member {
	struct dht_node *node; /* owned; NULL: gone */
	uint32_t host[2];      /* v4, v6; UINT32_MAX: none */
	usec armed_at;         /* in world time; 0: not armed */
	int64_t clock_offset;
	bool suspended, draining, keeps_serving;
};

struct dht_net {
	struct world *world;          /* borrowed */
	struct datagrams *datagrams;  /* owned */
	struct member *members;       /* owned */
	uint32_t count, room;
	uint32_t *member_of;          /* owned; by host */
	uint32_t host_room;
	dht_net_listener *listener;
	void *listener_context;
	dht_net_filter *filter;
	void *filter_context;
};

/* dht_warm.c */
void warm_keep_serving(struct dht_node *n);

#endif
