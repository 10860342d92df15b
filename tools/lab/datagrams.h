/* tools/lab/datagrams.h: a network for datagrams on virtual time: latency,
 * loss, duplicates, reordering, corruption, address translators, partitions,
 * hosts that are gone or cut off, and packets with a forged source.
 *
 * A host has one address; a host of two families is two hosts. A pair of
 * hosts keeps most of its round-trip time, the rest changes from packet to
 * packet; over all pairs it has the configured distribution. */
#ifndef TOOLS_LAB_DATAGRAMS_H
#define TOOLS_LAB_DATAGRAMS_H

#include "proto/endpoint.h"
#include "tools/lab/world.h"

enum {
	DATAGRAMS_GROUPS_MAX = 256, /* sides of a partition */
	DATAGRAMS_SIZE_MAX = 1500,  /* larger ones are lost */
};

struct datagrams_config {
	struct latency rtt;
	double loss, duplicate, reorder, corrupt; /* chances of one packet */
	usec reorder_delay;  /* of a reordered packet, at most; 0: 500 ms */
	usec nat_timeout;    /* an unused mapping is forgotten; 0: 2 minutes */
};

/* What lets a packet in from outside, RFC 4787's words. */
enum nat_kind {
	NAT_NONE,
	NAT_FULL_CONE,       /* anybody, while any mapping lives */
	NAT_RESTRICTED,      /* addresses that were sent to */
	NAT_PORT_RESTRICTED, /* endpoints that were sent to */
	NAT_SYMMETRIC,       /* the same, and another outer port for each */
};

struct datagrams;
typedef void datagrams_receiver(void *owner, uint32_t host, const struct endpoint *from,
                                struct bytes datagram);

struct datagrams_host_config {
	enum endpoint_family family;
	struct endpoint endpoint;    /* family NONE: a global one, random, in a subnet of its own */
	enum nat_kind nat;
	datagrams_receiver *receive;
	void *owner;
};

struct datagrams_stats {
	uint64_t sent, sent_bytes;
	uint64_t delivered, delivered_bytes;
	uint64_t lost;         /* by chance or size */
	uint64_t unroutable;   /* nobody lives there (any more) */
	uint64_t filtered;     /* by an address translator */
	uint64_t partitioned;  /* or cut off */
};

struct datagrams *datagrams_new(struct world *w, const struct datagrams_config *config);
void datagrams_free(struct datagrams *d);
struct datagrams_config *datagrams_config(struct datagrams *d);

/* Hosts are numbered from 0. */
uint32_t datagrams_add(struct datagrams *d, const struct datagrams_host_config *config);
uint32_t datagrams_count(const struct datagrams *d);
/* As others see it (behind a symmetric translator: without the right port). */
const struct endpoint *datagrams_endpoint(const struct datagrams *d, uint32_t host);
/* The same as that destination sees it. */
struct endpoint datagrams_seen_by(const struct datagrams *d, uint32_t host,
                                  const struct endpoint *to);
enum nat_kind datagrams_nat(const struct datagrams *d, uint32_t host);
/* Who lives there; UINT32_MAX: nobody ever did. */
uint32_t datagrams_find(const struct datagrams *d, const struct endpoint *e);
/* Would a packet from that host to e get in now, chance aside. */
bool datagrams_gets_to(const struct datagrams *d, uint32_t from, const struct endpoint *e);
/* The usual round trip between the two. */
usec datagrams_rtt(const struct datagrams *d, uint32_t a, uint32_t b);
/* The host is gone for good: its address stays taken. */
void datagrams_kill(struct datagrams *d, uint32_t host);
bool datagrams_is_alive(const struct datagrams *d, uint32_t host);
/* Its cable is out: nothing comes, nothing goes. */
void datagrams_cut(struct datagrams *d, uint32_t host, bool cut);
/* Another address, as from a new lease; what is sent to the old one is lost. */
void datagrams_move(struct datagrams *d, uint32_t host);
/* Hosts of different groups hear nothing of each other while it is split. */
void datagrams_set_group(struct datagrams *d, uint32_t host, uint8_t group);
void datagrams_split(struct datagrams *d, bool split);
/* The translator of host lets answers from there in, as if it had just sent. */
void datagrams_open(struct datagrams *d, uint32_t host, const struct endpoint *to);

void datagrams_send(struct datagrams *d, uint32_t host, const struct endpoint *to,
                    struct bytes datagram);
/* With a source that is not its own; no translator stands in the way. */
void datagrams_send_as(struct datagrams *d, uint32_t host, const struct endpoint *source,
                       const struct endpoint *to, struct bytes datagram);

const struct datagrams_stats *datagrams_stats(const struct datagrams *d);

#endif
