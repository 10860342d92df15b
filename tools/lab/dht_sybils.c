/* tools/lab/dht_sybils.c: hosts that answer like nodes and lead astray. */
#include "tools/lab/dht_sybils.h"

#include <stdlib.h>

#include "dht/id.h"
#include "proto/krpc.h"
#include "proto/memory.h"

enum { NAMED = 8 };

struct dht_sybils {
	struct dht_net *net;       /* borrowed */
	struct dht_stranger *list; /* owned */
	uint32_t count, room;
	uint32_t *of_host;         /* owned; which one, by host */
	uint32_t host_room;
	uint64_t asked;
};

struct dht_sybils *dht_sybils_new(struct dht_net *net)
{
	struct dht_sybils *s = memory_zeroed(1, sizeof *s);
	s->net = net;
	return s;
}

void dht_sybils_free(struct dht_sybils *s)
{
	if (s == NULL)
		return;
	free(s->list);
	free(s->of_host);
	free(s);
}

/* The NAMED of them nearest to target, as compact nodes: those around the
 * place where it would stand in order share the longest prefixes with it. */
static size_t name_nearest(const struct dht_sybils *s, const uint8_t *target, uint8_t *out)
{
	const struct datagrams *d = dht_net_datagrams(s->net);
	uint32_t low = 0, high = s->count;
	size_t used = 0;
	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		if (memcmp(s->list[middle].id, target, DHT_ID_SIZE) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	const uint32_t from = low < NAMED / 2 ? 0 : low - NAMED / 2;
	for (uint32_t i = from; i < s->count && i < from + NAMED; i++) {
		memcpy(out + used, s->list[i].id, DHT_ID_SIZE);
		used += DHT_ID_SIZE;
		used += endpoint_to_compact(datagrams_endpoint(d, s->list[i].host), out + used);
	}
	return used;
}

static void receive(void *owner, uint32_t host, const struct endpoint *from, struct bytes datagram)
{
	struct dht_sybils *s = owner;
	uint8_t buffer[DATAGRAMS_SIZE_MAX], nodes[NAMED * KRPC_NODE_V6], ip[ENDPOINT_COMPACT_V6];
	const char *reason;
	struct krpc m;
	struct writer w;
	if (!krpc_decode(&m, datagram, &reason) || m.kind != KRPC_QUERY)
		return;
	s->asked++;
	struct krpc reply = { .kind = KRPC_REPLY, .transaction = m.transaction,
		              .id = s->list[s->of_host[host]].id, .interval = -1, .total = -1 };
	reply.ip = bytes_of(ip, endpoint_to_compact(from, ip));
	if (m.target != NULL && m.method != KRPC_ANNOUNCE_PEER) {
		reply.has_nodes = true;
		reply.nodes = bytes_of(nodes, name_nearest(s, m.target, nodes));
		reply.token = bytes_of_text("token");
	}
	writer_init(&w, buffer, sizeof buffer);
	if (krpc_encode(&reply, &w))
		datagrams_send(dht_net_datagrams(s->net), host, from, writer_bytes(&w));
}

void dht_sybils_add(struct dht_sybils *s, const uint8_t *id)
{
	struct datagrams *d = dht_net_datagrams(s->net);
	const struct datagrams_host_config config = { .family = ENDPOINT_V4, .receive = receive,
		                                      .owner = s };
	if (s->count == s->room) {
		s->room = s->room == 0 ? 64 : 2 * s->room;
		s->list = memory_resize(s->list, s->room, sizeof *s->list);
	}
	struct dht_stranger *one = &s->list[s->count++];
	one->host = datagrams_add(d, &config);
	if (id != NULL) {
		memcpy(one->id, id, DHT_ID_SIZE);
	} else {
		struct rng *rng = world_rng(dht_net_world(s->net), WORLD_FAULTS);
		id_for_address(datagrams_endpoint(d, one->host), (uint8_t)rng_u32(rng), rng, one->id);
	}
}

static int compare(const void *a, const void *b)
{
	return memcmp(((const struct dht_stranger *)a)->id, ((const struct dht_stranger *)b)->id,
	              DHT_ID_SIZE);
}

void dht_sybils_ready(struct dht_sybils *s)
{
	if (s->count == 0)
		return;
	qsort(s->list, s->count, sizeof *s->list, compare);
	s->host_room = datagrams_count(dht_net_datagrams(s->net));
	s->of_host = memory_resize(s->of_host, s->host_room, sizeof(*s->of_host));
	for (uint32_t i = 0; i < s->count; i++)
		s->of_host[s->list[i].host] = i;
}

const struct dht_stranger *dht_sybils_list(const struct dht_sybils *s)
{
	return s->list;
}

uint32_t dht_sybils_count(const struct dht_sybils *s)
{
	return s->count;
}

uint64_t dht_sybils_asked(const struct dht_sybils *s)
{
	return s->asked;
}
