/* tools/lab/dht_net.h: many DHT nodes on one network of datagrams.
 *
 * The node is the one that ships. Here it gets its datagrams, its timer and a
 * clock of its own that may jump; hosts can be suspended, cut off, replaced by
 * programs of a test, or go for good. */
#ifndef TOOLS_LAB_DHT_NET_H
#define TOOLS_LAB_DHT_NET_H

#include "dht/node.h"
#include "tools/lab/datagrams.h"

struct dht_net;
/* What node who says; for every output but SEND. Not called from inside of a
 * node, so it may ask nodes. */
typedef void dht_net_listener(struct dht_net *net, uint32_t who, const struct dht_output *out,
                              void *context);
/* A packet that node who is about to get; false: it does not. */
typedef bool dht_net_filter(struct dht_net *net, uint32_t who, const struct endpoint *from,
                            struct bytes datagram, void *context);

struct dht_net_node {
	enum nat_kind nat;
	bool v4, v6;            /* neither: v4 */
	struct endpoint at;     /* its IPv4 address; family NONE: a random one */
	bool fitting_id;        /* an id that fits its address (BEP 42) from the start */
	struct dht_config dht;  /* v4, v6 and seed are filled in */
};

struct dht_net *dht_net_new(struct world *w, const struct datagrams_config *config);
void dht_net_free(struct dht_net *net);
void dht_net_set_listener(struct dht_net *net, dht_net_listener *listener, void *context);
void dht_net_set_filter(struct dht_net *net, dht_net_filter *filter, void *context);
struct world *dht_net_world(struct dht_net *net);
struct datagrams *dht_net_datagrams(struct dht_net *net);

/* Nodes are numbered from 0. config NULL: an open IPv4 host. */
uint32_t dht_net_add(struct dht_net *net, const struct dht_net_node *config);
uint32_t dht_net_count(const struct dht_net *net);
struct dht_node *dht_net_node(struct dht_net *net, uint32_t who); /* NULL: gone */
bool dht_net_is_alive(const struct dht_net *net, uint32_t who);
/* Its host on the network; UINT32_MAX: it does not have that family. */
uint32_t dht_net_host(const struct dht_net *net, uint32_t who, enum endpoint_family family);
const struct endpoint *dht_net_at(const struct dht_net *net, uint32_t who);
/* Who has that address; UINT32_MAX: no node. */
uint32_t dht_net_find(const struct dht_net *net, const struct endpoint *e);
/* What its clock shows. */
usec dht_net_now(const struct dht_net *net, uint32_t who);

void dht_net_contact(struct dht_net *net, uint32_t who, uint32_t whom);
void dht_net_router(struct dht_net *net, uint32_t who, uint32_t whom);
/* Whatever was called on a node directly: take what it wants to say and when
 * it wants to be woken. */
void dht_net_settle(struct dht_net *net, uint32_t who);

void dht_net_kill(struct dht_net *net, uint32_t who);
void dht_net_cut(struct dht_net *net, uint32_t who, bool cut);
/* The host sleeps: no timer, no packet. Waking, its clock shows the truth. */
void dht_net_suspend(struct dht_net *net, uint32_t who);
void dht_net_resume(struct dht_net *net, uint32_t who);
/* Its clock jumps, forward or backward. */
void dht_net_jump(struct dht_net *net, uint32_t who, int64_t by_usec);

/* Run the world for that long. */
void dht_net_run(struct dht_net *net, usec span);

/* ---- dht_warm.c: a network that has run for hours ---- */

/* Somebody on the network who is no node of ours, but in their tables. */
struct dht_stranger {
	uint8_t id[DHT_ID_SIZE];
	uint32_t host;
};
/* Fill the IPv4 table of every node that has just been added. */
void dht_net_warm(struct dht_net *net, const struct dht_stranger *strangers, uint32_t count);
/* It never finds out that nobody reaches it, as most nodes of the network. */
void dht_net_keep_serving(struct dht_net *net, uint32_t who);
/* Who is in its IPv4 table; max at most. Returns how many. */
uint32_t dht_net_table(struct dht_net *net, uint32_t who, struct dht_contact *out, uint32_t max);

#endif
