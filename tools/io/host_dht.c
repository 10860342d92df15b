/* tools/io/host_dht.c: the DHT node's side of a host: its datagrams, its
 * searches for the session's torrents, its first contacts and its state file.
 *
 * Why first contacts are tried again: the first packet may be lost, or the
 * network may come up after us. As long as the table is empty they are asked
 * anew, at growing intervals. */
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "proto/memory.h"
#include "tools/io/files.h"
#include "tools/io/host_state.h"

static const char *const routers[] = {
	"router.bittorrent.com:6881",
	"dht.transmissionbt.com:6881",
	"dht.libtorrent.org:25401",
	"router.utorrent.com:6881",
};

/* ---- contacts ---- */

struct look_up {
	struct host *host;
	enum dht_contact_kind kind;
	char text[DNS_HOST_MAX + 8];
};

static void found(void *context, const struct endpoint *answers, uint32_t count,
                  const char *reason)
{
	struct look_up *l = context;
	uint32_t i;

	for (i = 0; i < count; i++)
		dht_node_add_contact(l->host->dht, &answers[i], l->kind, loop_now());
	if (reason != NULL && l->kind == DHT_CONTACT && !l->host->complained) {
		l->host->complained = true;
		(void)fprintf(stderr, "shoal: DHT node %s: %s\n", l->text, reason);
	}
	free(l);
}

static void add_node(struct host *h, const char *text, enum dht_contact_kind kind)
{
	char name[DNS_HOST_MAX + 1];
	struct endpoint e;
	struct look_up *l;
	uint16_t port;

	if (h->dht == NULL)
		return;
	if (endpoint_parse(text, 0, &e)) {
		dht_node_add_contact(h->dht, &e, kind, loop_now());
		return;
	}
	if (!dns_split(text, name, &port))
		return;
	l = memory_zeroed(1, sizeof(*l));
	l->host = h;
	l->kind = kind;
	(void)snprintf(l->text, sizeof(l->text), "%s:%u", name, port);
	if (dns_resolve(h->dns, name, port, found, l) == 0)
		free(l);
}

void host_add_node(struct host *h, const char *text)
{
	add_node(h, text, DHT_CONTACT);
	event_active(&h->soon, EV_TIMEOUT, 0);
}

static void bootstrap(struct host *h)
{
	uint32_t i;

	for (i = 0; i < h->bootstrap_count; i++)
		add_node(h, h->bootstrap[i], DHT_CONTACT);
}

static void bootstrap_again(evutil_socket_t fd, short what, void *context)
{
	struct host *h = context;
	struct dht_stats stats;
	struct timeval wait;
	uint32_t i, nodes;

	(void)fd;
	(void)what;
	dht_node_stats(h->dht, &stats);
	nodes = stats.nodes_v4 + stats.nodes_v6;
	if (nodes == 0)
		bootstrap(h);
	if (h->default_routers && nodes < HOST_NODES_ENOUGH)
		for (i = 0; i < sizeof(routers) / sizeof(routers[0]); i++)
			add_node(h, routers[i], DHT_CONTACT_ROUTER);
	h->bootstrap_wait = usec_min(2 * h->bootstrap_wait, HOST_BOOTSTRAP_USEC_MAX);
	wait = loop_timeval(h->bootstrap_wait);
	event_add(&h->bootstrap_timer, &wait);
	host_pump(h);
}

/* ---- state file ---- */

struct save {
	struct host *host;
	uint8_t *bytes; /* owned */
	size_t size;
	bool good;
	char reason[FILES_REASON_MAX];
};

static void save_work(void *context)
{
	struct save *s = context;

	s->good = files_save(s->host->state_path, bytes_of(s->bytes, s->size), FILES_PRIVATE,
	                     s->reason);
}

static void save_done(void *context)
{
	struct save *s = context;
	struct host *h = s->host;

	if (!s->good)
		(void)fprintf(stderr, "shoal: DHT state not saved: %s\n", s->reason);
	h->saving = false;
	free(s->bytes);
	free(s);
	if (h->save_again)
		host_dht_save(h);
}

void host_dht_save(struct host *h)
{
	struct save *s;

	if (h->dht == NULL || h->state_path == NULL)
		return;
	h->save_again = h->saving;
	if (h->saving)
		return;
	s = memory_zeroed(1, sizeof(*s));
	s->host = h;
	s->bytes = dht_node_save(h->dht, &s->size);
	h->saving = true;
	disk_run(h->disk, save_work, save_done, s);
}

static void save_due(evutil_socket_t fd, short what, void *context)
{
	struct host *h = context;

	(void)fd;
	(void)what;
	host_dht_save(h);
}

/* A state file that is missing or broken costs a bootstrap, no more. */
static void load(struct host *h, usec now)
{
	char reason[FILES_REASON_MAX];
	size_t size;
	uint8_t *bytes;

	if (h->state_path == NULL)
		return;
	bytes = files_load(h->state_path, HOST_STATE_SIZE_MAX, &size, reason);
	if (bytes == NULL)
		return;
	if (!dht_node_load(h->dht, bytes_of(bytes, size), now))
		(void)fprintf(stderr, "shoal: %s: not a DHT state file; starting without it\n",
		              h->state_path);
	free(bytes);
}

/* ---- life ---- */

static void keep_bootstrap(struct host *h, const struct host_config *config)
{
	uint32_t i;

	h->bootstrap = memory_zeroed(config->bootstrap_count + 1, sizeof(*h->bootstrap));
	for (i = 0; i < config->bootstrap_count; i++)
		h->bootstrap[i] = memory_copy_text(config->bootstrap[i]);
	h->bootstrap_count = config->bootstrap_count;
	h->default_routers = config->default_routers;
	h->bootstrap_wait = HOST_BOOTSTRAP_USEC;
}

void host_dht_start(struct host *h, const struct host_config *config, usec now)
{
	const struct timeval first = loop_timeval(HOST_BOOTSTRAP_USEC);
	const struct timeval save = loop_timeval(HOST_SAVE_USEC);
	struct dht_config node = config->node;

	randombytes_buf(node.seed, sizeof(node.seed));
	node.v4 = udp_has(h->udp, ENDPOINT_V4);
	node.v6 = udp_has(h->udp, ENDPOINT_V6);
	h->dht = dht_node_new(&node, now);
	if (config->state_dir != NULL)
		h->state_path = files_join(config->state_dir, "dht.state");
	load(h, now);
	keep_bootstrap(h, config);
	bootstrap(h);
	evtimer_assign(&h->bootstrap_timer, h->loop.base, bootstrap_again, h);
	evtimer_add(&h->bootstrap_timer, &first);
	event_assign(&h->save_timer, h->loop.base, -1, EV_PERSIST, save_due, h);
	event_add(&h->save_timer, &save);
}

void host_dht_deinit(struct host *h)
{
	uint32_t i;

	if (h->dht == NULL)
		return;
	event_del(&h->bootstrap_timer);
	event_del(&h->save_timer);
	for (i = 0; i < h->bootstrap_count; i++)
		free(h->bootstrap[i]);
	free(h->bootstrap);
	dht_node_free(h->dht);
	h->dht = NULL;
}

/* ---- the node's torrents ---- */

void host_dht_follow(struct host *h, const struct action *a)
{
	unsigned flags = (h->listening ? DHT_ANNOUNCE : 0u) | (a->seed ? DHT_SEED : 0u);
	dht_search search;
	uint64_t old;

	if (h->dht == NULL)
		return;
	search = dht_node_follow(h->dht, a->info_hash, flags, h->sockets.port, loop_now());
	if (idmap_get(&h->searches, a->torrent, &old) && old != search)
		idmap_remove(&h->follows, old);
	if (search == 0) {
		idmap_remove(&h->searches, a->torrent);
		return;
	}
	idmap_set(&h->follows, search, a->torrent);
	idmap_set(&h->searches, a->torrent, search);
}

void host_dht_unfollow(struct host *h, const struct action *a)
{
	uint64_t search;

	if (h->dht == NULL)
		return;
	if (idmap_get(&h->searches, a->torrent, &search))
		idmap_remove(&h->follows, search);
	idmap_remove(&h->searches, a->torrent);
	dht_node_unfollow(h->dht, a->info_hash);
}

static void result(struct host *h, const struct dht_output *o)
{
	const struct host_event event = { .kind = HOST_DHT, .output = o };
	uint64_t torrent;

	if (!idmap_get(&h->follows, o->search, &torrent))
		host_tell(h, &event);
	else if (o->kind == DHT_OUT_PEERS)
		session_on_peers(h->session, torrent, o->peers, o->count, SOURCE_DHT, loop_now());
}

bool host_dht_drain(struct host *h)
{
	struct dht_output o;
	bool any = false;

	while (h->dht != NULL && dht_node_next_output(h->dht, &o)) {
		any = true;
		switch (o.kind) {
		case DHT_OUT_SEND: udp_send(h->udp, &o.to, o.datagram); break;
		case DHT_OUT_SAVE: host_dht_save(h); break;
		case DHT_OUT_PEERS:
		case DHT_OUT_NODES:
		case DHT_OUT_ITEM:
		case DHT_OUT_SAMPLES:
		case DHT_OUT_SCRAPE:
		case DHT_OUT_PONG:
		case DHT_OUT_DONE:
		case DHT_OUT_READY:
		case DHT_OUT_ADDRESS: result(h, &o); break;
		}
	}
	return any;
}

/* Drained at once, while udp knows which address the question came to. */
void host_dht_datagram(void *context, const struct endpoint *from, struct bytes datagram)
{
	struct host *h = context;

	if (h->dht == NULL)
		return;
	dht_node_on_datagram(h->dht, from, datagram, loop_now());
	h->pumping = true;
	host_dht_drain(h);
	h->pumping = false;
}
