/* A tiny network for tests of whole nodes: virtual time, datagrams delivered
 * after a fixed delay, optional loss and dead nodes. Every output that is not
 * a datagram is handed to the test. Included by one test file at a time. */
#ifndef TESTS_NODE_NET_H
#define TESTS_NODE_NET_H

#include "dht/node.h"
#include "proto/memory.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { NET_NODES_MAX = 128, NET_PACKETS_MAX = 8192 };

struct net_packet {
	usec at;
	struct endpoint from, to;
	size_t size;
	uint8_t data[1600];
};

struct net_node {
	struct dht_node *dht;
	struct endpoint at, at6;
	bool dead;
};

struct net {
	struct net_node nodes[NET_NODES_MAX];
	unsigned count;
	struct net_packet *packets; /* a ring in order of arrival: one delay for all */
	unsigned first, packet_count;
	usec now, delay;
	unsigned loss_percent;
	struct rng rng;
	uint64_t sent;
	/* Told of every output but SEND; may be NULL. */
	void (*on_output)(struct net *net, unsigned node, const struct dht_output *out);
	/* Told of every datagram on its way; false: lost. May be NULL. */
	bool (*on_send)(struct net *net, const struct endpoint *from, const struct endpoint *to,
	                struct bytes datagram);
};

static inline void net_init(struct net *net, uint64_t seed)
{
	memset(net, 0, sizeof(*net));
	net->packets = memory_alloc(NET_PACKETS_MAX * sizeof(*net->packets));
	net->now = 1000 * USEC_PER_SEC;
	net->delay = 30 * USEC_PER_MS;
	rng_init_number(&net->rng, seed, 0);
}

static inline void net_deinit(struct net *net)
{
	for (unsigned i = 0; i < net->count; i++)
		dht_node_free(net->nodes[i].dht);
	free(net->packets);
}

static inline void net_drain(struct net *net, unsigned i)
{
	struct dht_output out;
	while (net->nodes[i].dht != NULL && dht_node_next_output(net->nodes[i].dht, &out)) {
		if (out.kind != DHT_OUT_SEND) {
			if (net->on_output != NULL)
				net->on_output(net, i, &out);
			continue;
		}
		const struct endpoint *from = out.to.family == ENDPOINT_V6 ? &net->nodes[i].at6
		                                                           : &net->nodes[i].at;
		net->sent++;
		if (net->on_send != NULL && !net->on_send(net, from, &out.to, out.datagram))
			continue;
		if (rng_below(&net->rng, 100) < net->loss_percent)
			continue;
		cr_assert_lt(net->packet_count, NET_PACKETS_MAX);
		struct net_packet *p =
			&net->packets[(net->first + net->packet_count++) % NET_PACKETS_MAX];
		p->at = net->now + net->delay;
		p->from = *from;
		p->to = out.to;
		p->size = out.datagram.size;
		memcpy(p->data, out.datagram.data, out.datagram.size);
	}
}

static inline int net_find(const struct net *net, const struct endpoint *e)
{
	for (unsigned i = 0; i < net->count; i++) {
		if (endpoint_equal(&net->nodes[i].at, e) || endpoint_equal(&net->nodes[i].at6, e))
			return (int)i;
	}
	return -1;
}

/* A global address for node i, each in a /24 of its own. */
static inline struct endpoint net_global(unsigned i)
{
	return endpoint_v4((uint8_t)(11 + i % 80), (uint8_t)(i * 7), (uint8_t)(i * 13 + 1), 9, 6881);
}

static inline unsigned net_add(struct net *net, struct endpoint at, const struct dht_config *base)
{
	struct dht_config config = { .v4 = true };
	const unsigned i = net->count++;
	cr_assert_lt(i, NET_NODES_MAX);
	if (base != NULL)
		config = *base;
	rng_fill(&net->rng, config.seed, sizeof(config.seed));
	net->nodes[i] = (struct net_node){ .dht = dht_node_new(&config, net->now), .at = at };
	uint8_t six[16] = { 0x2a, 0x01, (uint8_t)i, 7 };
	six[15] = 1;
	net->nodes[i].at6 = endpoint_from_address(bytes_of(six, 16), 6881);
	return i;
}

static inline void net_contact(struct net *net, unsigned who, unsigned whom)
{
	dht_node_add_contact(net->nodes[who].dht, &net->nodes[whom].at, DHT_CONTACT, net->now);
}

/* Deliver a datagram as if it came from there, and what it brings about. */
static inline void net_inject(struct net *net, unsigned to, const struct endpoint *from,
                              struct bytes datagram)
{
	dht_node_on_datagram(net->nodes[to].dht, from, datagram, net->now);
	net_drain(net, to);
}

static inline void net_deliver(struct net *net, const struct net_packet *p)
{
	const int i = net_find(net, &p->to);
	if (i >= 0 && !net->nodes[i].dead)
		net_inject(net, (unsigned)i, &p->from, bytes_of(p->data, p->size));
}

static inline void net_run(struct net *net, usec span)
{
	const usec end = net->now + span;
	for (unsigned i = 0; i < net->count; i++)
		net_drain(net, i);
	for (;;) {
		usec next = end;
		int who = -1;
		if (net->packet_count > 0 && net->packets[net->first].at <= next)
			next = net->packets[net->first].at;
		for (unsigned i = 0; i < net->count; i++) {
			if (net->nodes[i].dead || net->nodes[i].dht == NULL)
				continue;
			const usec at = dht_node_deadline(net->nodes[i].dht);
			if (at < next) {
				next = at;
				who = (int)i;
			}
		}
		net->now = usec_max(net->now, next);
		if (who >= 0) {
			dht_node_on_timer(net->nodes[who].dht, net->now);
			cr_assert_gt(dht_node_deadline(net->nodes[who].dht), net->now,
			             "node %d spins", who);
			net_drain(net, (unsigned)who);
		} else if (net->packet_count > 0 && net->packets[net->first].at <= next) {
			static struct net_packet p;
			p = net->packets[net->first];
			net->first = (net->first + 1) % NET_PACKETS_MAX;
			net->packet_count--;
			net_deliver(net, &p);
		} else {
			return;
		}
	}
}

static inline struct dht_stats net_stats(const struct net *net, unsigned i)
{
	struct dht_stats stats;
	dht_node_stats(net->nodes[i].dht, &stats);
	return stats;
}

/* A network of `count` nodes on global addresses that all know each other's
 * door, grown for a few minutes. */
static inline void net_grow(struct net *net, unsigned count, bool global)
{
	for (unsigned i = 0; i < count; i++) {
		net_add(net, global ? net_global(i) : endpoint_v4(127, 0, 0, 1, (uint16_t)(7000 + i)), NULL);
		if (i > 0)
			net_contact(net, i, rng_below(&net->rng, i));
		net_run(net, USEC_PER_SEC);
	}
	net_run(net, 3 * USEC_PER_MIN);
}

#endif
