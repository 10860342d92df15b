/* tools/lab/dht_net.c: nodes, their timers and their clocks. */
#include "tools/lab/dht_net.h"

#include <assert.h>
#include <stdlib.h>

#include "dht/id.h"
#include "proto/memory.h"
#include "tools/lab/dht_net_inside.h"

struct dht_net *dht_net_new(struct world *w, const struct datagrams_config *config)
{
	struct dht_net *net = memory_zeroed(1, sizeof *net);
	net->world = w;
	net->datagrams = datagrams_new(w, config);
	return net;
}

void dht_net_free(struct dht_net *net)
{
	if (net == NULL)
		return;
	for (uint32_t i = 0; i < net->count; i++)
		dht_node_free(net->members[i].node);
	datagrams_free(net->datagrams);
	free(net->members);
	free(net->member_of);
	free(net);
}

void dht_net_set_listener(struct dht_net *net, dht_net_listener *listener, void *context)
{
	net->listener = listener;
	net->listener_context = context;
}

void dht_net_set_filter(struct dht_net *net, dht_net_filter *filter, void *context)
{
	net->filter = filter;
	net->filter_context = context;
}

struct world *dht_net_world(struct dht_net *net)
{
	return net->world;
}

struct datagrams *dht_net_datagrams(struct dht_net *net)
{
	return net->datagrams;
}

/* ---- time ---- */

static usec node_time(const struct member *m, usec now)
{
	return (usec)((int64_t)now + m->clock_offset);
}

usec dht_net_now(const struct dht_net *net, uint32_t who)
{
	return node_time(&net->members[who], world_now(net->world));
}

static void wake(struct world *w, void *owner, uint64_t a, uint64_t b);

/* One wake-up is pending at the most that counts: an earlier one than needed
 * finds that out when it comes. */
static void arm(struct dht_net *net, uint32_t who)
{
	struct member *m = &net->members[who];
	const usec now = world_now(net->world), own = node_time(m, now);
	const usec deadline = dht_node_deadline(m->node);
	if (deadline == USEC_NEVER)
		return;
	const usec at = deadline <= own ? now : now + (deadline - own);
	if (m->armed_at != 0 && m->armed_at <= at)
		return;
	m->armed_at = at;
	world_at(net->world, at, wake, net, who, at);
}

void dht_net_settle(struct dht_net *net, uint32_t who)
{
	struct dht_output out;
	struct member *m = &net->members[who];
	if (m->node == NULL || m->draining)
		return;
	m->draining = true;
	while (dht_node_next_output(m->node, &out)) {
		if (out.kind == DHT_OUT_SEND) {
			const uint32_t host = m->host[out.to.family == ENDPOINT_V6];
			assert(host != UINT32_MAX);
			world_note(net->world, who, out.datagram.size, out.to.port);
			datagrams_send(net->datagrams, host, &out.to, out.datagram);
		} else if (net->listener != NULL) {
			net->listener(net, who, &out, net->listener_context);
			m = &net->members[who]; /* it may have added nodes */
			if (m->node == NULL)
				return;
		}
	}
	m->draining = false;
	arm(net, who);
}

static void wake(struct world *w, void *owner, uint64_t a, uint64_t b)
{
	struct dht_net *net = owner;
	struct member *m = &net->members[a];
	(void)w;
	if (m->node == NULL || m->armed_at != b)
		return; /* gone, or an earlier one came in between */
	m->armed_at = 0;
	if (m->suspended)
		return;
	const usec own = node_time(m, world_now(net->world));
	if (m->keeps_serving)
		warm_keep_serving(m->node);
	if (dht_node_deadline(m->node) <= own) {
		dht_node_on_timer(m->node, own);
		assert(dht_node_deadline(m->node) > own);
	}
	dht_net_settle(net, (uint32_t)a);
}

static void receive(void *owner, uint32_t host, const struct endpoint *from, struct bytes datagram)
{
	struct dht_net *net = owner;
	const uint32_t who = net->member_of[host];
	struct member *m = &net->members[who];
	if (m->node == NULL || m->suspended)
		return;
	if (net->filter != NULL && !net->filter(net, who, from, datagram, net->filter_context))
		return;
	dht_node_on_datagram(m->node, from, datagram, node_time(m, world_now(net->world)));
	dht_net_settle(net, who);
}

/* ---- nodes ---- */

static uint32_t add_host(struct dht_net *net, uint32_t who, const struct dht_net_node *c, bool v6)
{
	const struct datagrams_host_config host = {
		.family = v6 ? ENDPOINT_V6 : ENDPOINT_V4,
		.nat = v6 ? NAT_NONE : c->nat,
		.receive = receive,
		.owner = net,
	};
	struct datagrams_host_config config = host;
	if (!v6)
		config.endpoint = c->at;
	const uint32_t number = datagrams_add(net->datagrams, &config);
	if (number >= net->host_room) {
		const uint32_t old = net->host_room;
		net->host_room = 2 * number + 64;
		net->member_of = memory_resize(net->member_of, net->host_room, sizeof(*net->member_of));
		/* Hosts that are none of ours have no member. */
		for (uint32_t i = old; i < net->host_room; i++)
			net->member_of[i] = UINT32_MAX;
	}
	net->member_of[number] = who;
	return number;
}

uint32_t dht_net_add(struct dht_net *net, const struct dht_net_node *config)
{
	static const struct dht_net_node plain;
	const struct dht_net_node *c = config != NULL ? config : &plain;
	struct dht_config dht = c->dht;
	uint8_t id[DHT_ID_SIZE];
	if (net->count == net->room) {
		net->room = net->room == 0 ? 64 : 2 * net->room;
		net->members = memory_resize(net->members, net->room, sizeof *net->members);
	}
	const uint32_t who = net->count++;
	struct member *m = &net->members[who];
	*m = (struct member){ .host = { UINT32_MAX, UINT32_MAX } };
	dht.v4 = c->v4 || !c->v6;
	dht.v6 = c->v6;
	if (dht.v4)
		m->host[0] = add_host(net, who, c, false);
	if (dht.v6)
		m->host[1] = add_host(net, who, c, true);
	struct rng *rng = world_rng(net->world, WORLD_PRODUCT);
	rng_fill(rng, dht.seed, sizeof dht.seed);
	if (c->fitting_id) {
		id_for_address(dht_net_at(net, who), (uint8_t)rng_u32(rng), rng, id);
		dht.id = id;
	}
	m->node = dht_node_new(&dht, world_now(net->world));
	arm(net, who);
	return who;
}

uint32_t dht_net_count(const struct dht_net *net)
{
	return net->count;
}

struct dht_node *dht_net_node(struct dht_net *net, uint32_t who)
{
	return net->members[who].node;
}

bool dht_net_is_alive(const struct dht_net *net, uint32_t who)
{
	return net->members[who].node != NULL;
}

uint32_t dht_net_host(const struct dht_net *net, uint32_t who, enum endpoint_family family)
{
	return net->members[who].host[family == ENDPOINT_V6];
}

const struct endpoint *dht_net_at(const struct dht_net *net, uint32_t who)
{
	const struct member *m = &net->members[who];
	return datagrams_endpoint(net->datagrams, m->host[m->host[0] == UINT32_MAX]);
}

uint32_t dht_net_find(const struct dht_net *net, const struct endpoint *e)
{
	const uint32_t host = datagrams_find(net->datagrams, e);
	if (host == UINT32_MAX || host >= net->host_room)
		return UINT32_MAX;
	return net->member_of[host];
}

void dht_net_contact(struct dht_net *net, uint32_t who, uint32_t whom)
{
	dht_node_add_contact(net->members[who].node, dht_net_at(net, whom), DHT_CONTACT,
	                     dht_net_now(net, who));
	dht_net_settle(net, who);
}

void dht_net_router(struct dht_net *net, uint32_t who, uint32_t whom)
{
	dht_node_add_contact(net->members[who].node, dht_net_at(net, whom), DHT_CONTACT_ROUTER,
	                     dht_net_now(net, who));
	dht_net_settle(net, who);
}

/* ---- what happens to them ---- */

void dht_net_kill(struct dht_net *net, uint32_t who)
{
	struct member *m = &net->members[who];
	assert(!m->draining);
	for (int i = 0; i < 2; i++)
		if (m->host[i] != UINT32_MAX)
			datagrams_kill(net->datagrams, m->host[i]);
	dht_node_free(m->node);
	m->node = NULL;
}

void dht_net_cut(struct dht_net *net, uint32_t who, bool cut)
{
	const struct member *m = &net->members[who];
	for (int i = 0; i < 2; i++)
		if (m->host[i] != UINT32_MAX)
			datagrams_cut(net->datagrams, m->host[i], cut);
}

void dht_net_suspend(struct dht_net *net, uint32_t who)
{
	net->members[who].suspended = true;
}

void dht_net_resume(struct dht_net *net, uint32_t who)
{
	struct member *m = &net->members[who];
	m->suspended = false;
	if (m->node == NULL)
		return;
	m->armed_at = 0;
	arm(net, who);
}

void dht_net_jump(struct dht_net *net, uint32_t who, int64_t by_usec)
{
	struct member *m = &net->members[who];
	m->clock_offset += by_usec;
	m->armed_at = 0;
	arm(net, who);
}

void dht_net_run(struct dht_net *net, usec span)
{
	world_run(net->world, world_now(net->world) + span);
}
