/* tools/lab/datagrams.c: hosts, address translators, and packets on their way.
 *
 * A packet waits in a slot of a pool until its event comes; whether it gets in
 * is decided on arrival, since the world may have changed meanwhile. */
#include "tools/lab/datagrams.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "proto/memory.h"

#define NAT_TIMEOUT_USEC (2 * USEC_PER_MIN)
#define REORDER_USEC (500 * USEC_PER_MS)
/* How much of the variance of a round trip belongs to the pair of hosts. */
#define PAIR_SHARE 0.8

enum { NORMALS = 4096, MAPPINGS_MIN = 8, SLAB = 256 };

struct mapping {
	uint32_t key;  /* hash of an address or endpoint; 0: free */
	uint32_t used; /* seconds */
};

struct host {
	struct endpoint endpoint;
	datagrams_receiver *receive;
	void *owner;              /* borrowed */
	struct mapping *mappings; /* owned; open addressing */
	uint32_t room, count;
	uint32_t sent_at;         /* seconds; 0: never */
	uint8_t nat, group;
	bool dead, cut;
};

struct packet {
	struct endpoint from, to;
	uint32_t host;  /* that sent it */
	uint32_t size;
	struct packet *next; /* free list */
	uint8_t data[DATAGRAMS_SIZE_MAX];
};

struct datagrams {
	struct world *world; /* borrowed */
	struct datagrams_config config;
	struct datagrams_stats stats;
	struct host *hosts;  /* owned */
	uint32_t count, room;
	uint32_t *index;     /* owned; by address, open addressing; host + 1 */
	uint32_t index_room, index_count;
	struct packet *free;
	struct packet **slabs; /* owned; of SLAB packets each */
	uint32_t slab_count;
	uint64_t salt;
	bool split;
	double normals[NORMALS]; /* quantiles of the normal distribution */
};

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* The point below which that share of a normal distribution lies (bisection:
 * done once for a table). */
static double normal_quantile(double p)
{
	double low = -8, high = 8;
	for (int i = 0; i < 50; i++) {
		const double middle = (low + high) / 2;
		if (0.5 * erfc(-middle / sqrt(2.0)) < p)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

struct datagrams *datagrams_new(struct world *w, const struct datagrams_config *config)
{
	struct datagrams *d = memory_zeroed(1, sizeof *d);
	d->world = w;
	d->config = *config;
	d->salt = rng_u64(world_rng(w, WORLD_NETWORK));
	for (int i = 0; i < NORMALS; i++)
		d->normals[i] = normal_quantile((i + 0.5) / NORMALS);
	return d;
}

void datagrams_free(struct datagrams *d)
{
	if (d == NULL)
		return;
	for (uint32_t i = 0; i < d->count; i++)
		free(d->hosts[i].mappings);
	for (uint32_t i = 0; i < d->slab_count; i++)
		free(d->slabs[i]);
	free(d->slabs);
	free(d->hosts);
	free(d->index);
	free(d);
}

struct datagrams_config *datagrams_config(struct datagrams *d)
{
	return &d->config;
}

const struct datagrams_stats *datagrams_stats(const struct datagrams *d)
{
	return &d->stats;
}

/* ---- addresses ---- */

static uint64_t address_hash(const struct endpoint *e)
{
	uint64_t head, tail;
	memcpy(&head, e->address, 8);
	memcpy(&tail, e->address + 8, 8);
	return mix(head ^ mix(tail + e->family));
}

/* The place of that address in the index: its host, or a free slot. */
static uint32_t *index_slot(const struct datagrams *d, const struct endpoint *e)
{
	uint32_t i = (uint32_t)address_hash(e) & (d->index_room - 1);
	while (d->index[i] != 0 && !endpoint_same_address(&d->hosts[d->index[i] - 1].endpoint, e))
		i = (i + 1) & (d->index_room - 1);
	return &d->index[i];
}

static void index_add(struct datagrams *d, uint32_t host)
{
	if (2 * (d->index_count + 1) > d->index_room) {
		uint32_t *old = d->index;
		const uint32_t old_room = d->index_room;
		d->index_room = old_room == 0 ? 1024 : 2 * old_room;
		d->index = memory_zeroed(d->index_room, sizeof *d->index);
		for (uint32_t i = 0; i < old_room; i++)
			if (old[i] != 0)
				*index_slot(d, &d->hosts[old[i] - 1].endpoint) = old[i];
		free(old);
	}
	*index_slot(d, &d->hosts[host].endpoint) = host + 1;
	d->index_count++;
}

uint32_t datagrams_find(const struct datagrams *d, const struct endpoint *e)
{
	return d->index_room == 0 ? UINT32_MAX : *index_slot(d, e) - 1;
}

/* A random global address whose subnet nobody has, so that rules about
 * subnets hit only those who are meant. */
static struct endpoint fresh_address(struct datagrams *d, enum endpoint_family family)
{
	struct rng *rng = world_rng(d->world, WORLD_NETWORK);
	assert(family != ENDPOINT_NONE);
	for (;;) {
		uint8_t a[16];
		rng_fill(rng, a, sizeof a);
		const uint16_t port = (uint16_t)(1024 + (a[14] << 8 | a[15]) % 64000);
		struct endpoint e;
		if (family == ENDPOINT_V4) {
			/* The last byte follows from the others: one host in a /24. */
			const uint64_t net = (uint64_t)a[0] << 16 | (uint64_t)a[1] << 8 | a[2];
			e = endpoint_v4(a[0], a[1], a[2], (uint8_t)(1 + mix(d->salt ^ net) % 254), port);
		} else {
			a[0] = 0x24;
			a[1] = (uint8_t)(a[1] & 0x0f);
			memset(a + 8, 0, 7);
			a[15] = 1;
			e = endpoint_from_address(bytes_of(a, 16), port);
		}
		if (endpoint_class(&e) == ENDPOINT_GLOBAL && datagrams_find(d, &e) == UINT32_MAX)
			return e;
	}
}

uint32_t datagrams_add(struct datagrams *d, const struct datagrams_host_config *config)
{
	const struct endpoint e = config->endpoint.family != ENDPOINT_NONE
	                                  ? config->endpoint
	                                  : fresh_address(d, config->family);
	if (d->count == d->room) {
		d->room = d->room == 0 ? 64 : 2 * d->room;
		d->hosts = memory_resize(d->hosts, d->room, sizeof *d->hosts);
	}
	d->hosts[d->count] = (struct host){ .endpoint = e, .receive = config->receive,
		                            .owner = config->owner, .nat = (uint8_t)config->nat };
	index_add(d, d->count);
	return d->count++;
}

uint32_t datagrams_count(const struct datagrams *d)
{
	return d->count;
}

const struct endpoint *datagrams_endpoint(const struct datagrams *d, uint32_t host)
{
	assert(host < d->count);
	return &d->hosts[host].endpoint;
}

enum nat_kind datagrams_nat(const struct datagrams *d, uint32_t host)
{
	return (enum nat_kind)d->hosts[host].nat;
}

/* ---- what happens to hosts ---- */

void datagrams_kill(struct datagrams *d, uint32_t host)
{
	struct host *h = &d->hosts[host];
	h->dead = true;
	free(h->mappings);
	h->mappings = NULL;
	h->room = h->count = 0;
}

bool datagrams_is_alive(const struct datagrams *d, uint32_t host)
{
	return !d->hosts[host].dead;
}

void datagrams_cut(struct datagrams *d, uint32_t host, bool cut)
{
	d->hosts[host].cut = cut;
}

void datagrams_move(struct datagrams *d, uint32_t host)
{
	/* The old address keeps its slot through a host that is dead. */
	const struct endpoint old = d->hosts[host].endpoint;
	const struct datagrams_host_config gone = { .endpoint = old };
	const uint32_t ghost = datagrams_add(d, &gone);
	d->hosts[ghost].dead = true;
	d->hosts[host].endpoint = fresh_address(d, (enum endpoint_family)old.family);
	index_add(d, host);
}

void datagrams_set_group(struct datagrams *d, uint32_t host, uint8_t group)
{
	d->hosts[host].group = group;
}

void datagrams_split(struct datagrams *d, bool split)
{
	d->split = split;
}

/* ---- address translators ---- */

static uint32_t seconds(const struct datagrams *d)
{
	return (uint32_t)(world_now(d->world) / USEC_PER_SEC);
}

static uint32_t timeout_seconds(const struct datagrams *d)
{
	const usec t = d->config.nat_timeout != 0 ? d->config.nat_timeout : NAT_TIMEOUT_USEC;
	return (uint32_t)(t / USEC_PER_SEC);
}

static uint32_t mapping_key(const struct host *h, const struct endpoint *e)
{
	const uint16_t port = h->nat == NAT_RESTRICTED ? 0 : e->port;
	const uint32_t key = (uint32_t)mix(address_hash(e) + port);
	return key == 0 ? 1 : key;
}

static struct mapping *mapping_slot(const struct host *h, uint32_t key)
{
	uint32_t i = key & (h->room - 1);
	while (h->mappings[i].key != 0 && h->mappings[i].key != key)
		i = (i + 1) & (h->room - 1);
	return &h->mappings[i];
}

/* Forget what has expired; more room if most has not. */
static void mappings_renew(struct datagrams *d, struct host *h)
{
	const struct host old = *h;
	const uint32_t now = seconds(d), timeout = timeout_seconds(d);
	uint32_t live = 0;
	for (uint32_t i = 0; i < old.room; i++)
		live += old.mappings[i].key != 0 && now - old.mappings[i].used <= timeout;
	h->room = old.room == 0 ? MAPPINGS_MIN : old.room;
	while (2 * (live + 1) > h->room)
		h->room *= 2;
	h->mappings = memory_zeroed(h->room, sizeof *h->mappings);
	h->count = live;
	for (uint32_t i = 0; i < old.room; i++)
		if (old.mappings[i].key != 0 && now - old.mappings[i].used <= timeout)
			*mapping_slot(h, old.mappings[i].key) = old.mappings[i];
	free(old.mappings);
}

static void note_sent(struct datagrams *d, struct host *h, const struct endpoint *to)
{
	h->sent_at = seconds(d);
	if (h->nat < NAT_RESTRICTED)
		return;
	if (4 * (h->count + 1) > 3 * h->room)
		mappings_renew(d, h);
	struct mapping *m = mapping_slot(h, mapping_key(h, to));
	h->count += m->key == 0;
	*m = (struct mapping){ mapping_key(h, to), h->sent_at };
}

void datagrams_open(struct datagrams *d, uint32_t host, const struct endpoint *to)
{
	note_sent(d, &d->hosts[host], to);
}

/* What the others see as the port when it sends there. */
static uint16_t outer_port(const struct host *h, const struct endpoint *to)
{
	return h->nat == NAT_SYMMETRIC ? (uint16_t)(1024 + mapping_key(h, to) % 64000)
	                               : h->endpoint.port;
}

static bool lets_in(const struct datagrams *d, const struct host *h, const struct endpoint *from,
                    uint16_t port)
{
	const uint32_t now = seconds(d), timeout = timeout_seconds(d);
	if (h->nat == NAT_NONE)
		return port == h->endpoint.port;
	if (h->nat == NAT_FULL_CONE)
		return port == h->endpoint.port && h->sent_at != 0 && now - h->sent_at <= timeout;
	if (h->room == 0 || port != outer_port(h, from))
		return false;
	const struct mapping *m = mapping_slot(h, mapping_key(h, from));
	return m->key != 0 && now - m->used <= timeout;
}

static bool is_cut(const struct datagrams *d, const struct host *a, const struct host *b)
{
	return a->cut || b->cut || (d->split && a->group != b->group);
}

struct endpoint datagrams_seen_by(const struct datagrams *d, uint32_t host,
                                  const struct endpoint *to)
{
	struct endpoint e = d->hosts[host].endpoint;
	e.port = outer_port(&d->hosts[host], to);
	return e;
}

bool datagrams_gets_to(const struct datagrams *d, uint32_t from, const struct endpoint *e)
{
	const uint32_t to = datagrams_find(d, e);
	if (to == UINT32_MAX || d->hosts[to].dead || d->hosts[from].dead ||
	    is_cut(d, &d->hosts[from], &d->hosts[to]))
		return false;
	const struct endpoint source = datagrams_seen_by(d, from, e);
	return lets_in(d, &d->hosts[to], &source, e->port);
}

/* ---- packets ---- */

static struct packet *packet_new(struct datagrams *d)
{
	if (d->free == NULL) {
		struct packet *slab = memory_alloc(SLAB * sizeof *slab);
		d->slabs = memory_resize(d->slabs, d->slab_count + 1, sizeof(*d->slabs));
		d->slabs[d->slab_count++] = slab;
		for (int i = SLAB; i-- > 0;) {
			slab[i].next = d->free;
			d->free = &slab[i];
		}
	}
	struct packet *p = d->free;
	d->free = p->next;
	return p;
}

static void packet_free(struct datagrams *d, struct packet *p)
{
	p->next = d->free;
	d->free = p;
}

static void arrive(struct world *w, void *owner, uint64_t a, uint64_t b)
{
	struct datagrams *d = owner;
	struct packet *p = (struct packet *)(uintptr_t)a;
	(void)w;
	(void)b;
	const uint32_t to = datagrams_find(d, &p->to);
	if (to == UINT32_MAX || d->hosts[to].dead || d->hosts[to].receive == NULL) {
		d->stats.unroutable++;
	} else if (is_cut(d, &d->hosts[p->host], &d->hosts[to])) {
		d->stats.partitioned++;
	} else if (!lets_in(d, &d->hosts[to], &p->from, p->to.port)) {
		d->stats.filtered++;
	} else {
		d->stats.delivered++;
		d->stats.delivered_bytes += p->size;
		d->hosts[to].receive(d->hosts[to].owner, to, &p->from, bytes_of(p->data, p->size));
	}
	packet_free(d, p);
}

/* How far the round trips of this pair lie from the median, in deviations. */
static double pair_normal(const struct datagrams *d, const struct endpoint *x,
                          const struct endpoint *y)
{
	const uint64_t a = address_hash(x), b = address_hash(y);
	return d->normals[mix(d->salt ^ (a < b ? a + 3 * b : b + 3 * a)) % NORMALS];
}

usec datagrams_rtt(const struct datagrams *d, uint32_t a, uint32_t b)
{
	const double z = pair_normal(d, &d->hosts[a].endpoint, &d->hosts[b].endpoint);
	return latency_at(&d->config.rtt, sqrt(PAIR_SHARE) * z);
}

/* Half a round trip, this time. */
static usec one_way(struct datagrams *d, uint32_t host, const struct endpoint *to, uint32_t random)
{
	const double z = sqrt(PAIR_SHARE) * pair_normal(d, &d->hosts[host].endpoint, to) +
	                 sqrt(1 - PAIR_SHARE) * d->normals[random % NORMALS];
	return latency_at(&d->config.rtt, z) / 2;
}

static bool chance(struct rng *rng, double p)
{
	return p > 0 && rng_unit(rng) < p;
}

static void put(struct datagrams *d, uint32_t host, const struct endpoint *from,
                const struct endpoint *to, struct bytes datagram)
{
	struct rng *rng = world_rng(d->world, WORLD_NETWORK);
	const struct datagrams_config *c = &d->config;
	usec after = one_way(d, host, to, rng_u32(rng));
	if (chance(rng, c->reorder)) {
		const usec most = c->reorder_delay != 0 ? c->reorder_delay : REORDER_USEC;
		after += (usec)(rng_unit(rng) * (double)most);
	}
	struct packet *p = packet_new(d);
	p->from = *from;
	p->to = *to;
	p->host = host;
	p->size = (uint32_t)datagram.size;
	if (datagram.size > 0)
		memcpy(p->data, datagram.data, datagram.size);
	if (datagram.size > 0 && chance(rng, c->corrupt))
		p->data[rng_below(rng, p->size)] ^= (uint8_t)(1u << rng_below(rng, 8));
	world_at(d->world, world_now(d->world) + after, arrive, d, (uint64_t)(uintptr_t)p, 0);
}

void datagrams_send_as(struct datagrams *d, uint32_t host, const struct endpoint *source,
                       const struct endpoint *to, struct bytes datagram)
{
	struct rng *rng = world_rng(d->world, WORLD_NETWORK);
	assert(host < d->count);
	d->stats.sent++;
	d->stats.sent_bytes += datagram.size;
	if (datagram.size > DATAGRAMS_SIZE_MAX || chance(rng, d->config.loss)) {
		d->stats.lost++;
		return;
	}
	put(d, host, source, to, datagram);
	if (chance(rng, d->config.duplicate))
		put(d, host, source, to, datagram);
}

void datagrams_send(struct datagrams *d, uint32_t host, const struct endpoint *to,
                    struct bytes datagram)
{
	struct host *h = &d->hosts[host];
	assert(host < d->count);
	if (h->dead)
		return;
	note_sent(d, h, to);
	const struct endpoint source = datagrams_seen_by(d, host, to);
	datagrams_send_as(d, host, &source, to, datagram);
}
