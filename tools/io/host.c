/* tools/io/host.c: a running peer. It owns the session, the node and the parts
 * of the rim, and introduces them to each other.
 *
 * The one rule is in host_pump: an input is followed by draining everything
 * the core wants, then by arming the one timer. Nothing in here is called from
 * within the core, so listeners may use it freely. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <sodium.h>

#include "proto/memory.h"
#include "tools/io/files.h"
#include "tools/io/host_state.h"
#include "tools/io/trackers.h"

/* ---- the loop ---- */

static void check_stopped(struct host *h)
{
	const usec now = loop_now();
	bool quiet;

	if (!h->stopping || h->finished)
		return;
	quiet = (h->session == NULL || (session_is_quiet(h->session) &&
	                                !trackers_is_leaving(h->trackers))) &&
	        disk_pending(h->disk) == 0;
	if (quiet && h->quiet_at == USEC_NEVER) {
		const struct timeval wait = loop_timeval(HOST_LINGER_USEC_MAX);

		h->quiet_at = now;
		evtimer_add(&h->stop_timer, &wait);
	}
	if ((quiet && (h->tcp == NULL || tcp_linger_count(h->tcp) == 0 ||
	               now >= h->quiet_at + HOST_LINGER_USEC_MAX)) || now >= h->stop_at) {
		h->finished = true;
		event_base_loopbreak(h->loop.base);
	}
}

void host_pump(struct host *h)
{
	struct action a;
	bool more;

	if (h->pumping)
		return;
	h->pumping = true;
	do {
		more = host_dht_drain(h);
		while (h->session != NULL && session_next_action(h->session, &a)) {
			host_perform(h, &a);
			more = true;
		}
	} while (more);
	udp_flush(h->udp);
	h->pumping = false;
	if (h->session != NULL)
		loop_arm(&h->loop, session_deadline(h->session));
	if (h->dht != NULL)
		loop_arm(&h->loop, dht_node_deadline(h->dht));
	check_stopped(h);
}

static void settle(void *context)
{
	host_pump(context);
}

static void soon(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	host_pump(context);
}

static void on_timer(void *context)
{
	struct host *h = context;
	const usec now = loop_now();

	if (h->session != NULL && session_deadline(h->session) <= now)
		session_on_timer(h->session, now);
	if (h->dht != NULL && dht_node_deadline(h->dht) <= now)
		dht_node_on_timer(h->dht, now);
	host_pump(h);
}

static void on_signal(int number, void *context)
{
	struct host *h = context;
	const struct host_event event = { .kind = HOST_SIGNAL, .signal = number };

	if (h->listener == NULL)
		host_stop(h);
	host_tell(h, &event);
	host_pump(h);
}

static void tick(evutil_socket_t fd, short what, void *context)
{
	struct host *h = context;
	const struct host_event event = { .kind = HOST_TICK };

	(void)fd;
	(void)what;
	host_tell(h, &event);
	host_pump(h);
}

void host_set_tick(struct host *h, usec period)
{
	const struct timeval wait = loop_timeval(period);

	event_del(&h->tick);
	event_add(&h->tick, &wait);
}

void host_run(struct host *h)
{
	loop_take_signals(&h->loop);
	host_pump(h);
	while (!h->finished)
		if (event_base_dispatch(h->loop.base) < 0)
			break;
}

/* ---- leaving ---- */

static void stop_due(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	host_pump(context);
}

void host_stop(struct host *h)
{
	const struct timeval wait = loop_timeval(HOST_STOP_USEC_MAX);
	const usec now = loop_now();

	if (h->stopping) {
		h->finished = true;
		event_base_loopbreak(h->loop.base);
		return;
	}
	h->stopping = true;
	h->stop_at = now + HOST_STOP_USEC_MAX;
	evtimer_add(&h->stop_timer, &wait);
	if (h->tcp != NULL)
		tcp_stop_listening(h->tcp);
	if (h->session != NULL) {
		trackers_leave(h->trackers);
		session_stop(h->session, now);
	}
	disk_hurry(h->disk);
	host_dht_save(h);
	event_active(&h->soon, EV_TIMEOUT, 0);
}

/* ---- life ---- */

static bool open_sockets(struct host *h, const struct host_config *c,
                         char reason[HOST_REASON_MAX])
{
	const bool listening = c->session && c->listen;
	const char *failed = "";
	bool good;
	int error;

	if (!socket_bind_parse(&h->bind, c->bind)) {
		(void)snprintf(reason, HOST_REASON_MAX, "%.100s: no such address or interface here",
		               c->bind);
		return false;
	}
	good = socket_set_open(&h->sockets, &h->bind, c->port, listening, &failed);
	error = errno;
	if (!good && c->port != 0 && !c->port_strict && error == EADDRINUSE)
		good = socket_set_open(&h->sockets, &h->bind, 0, listening, &failed);
	if (!good)
		(void)snprintf(reason, HOST_REASON_MAX, "port %u (%s)%s%.100s: %s", c->port, failed,
		               c->bind == NULL ? "" : " on ", c->bind == NULL ? "" : c->bind,
		               strerror(error));
	h->listening = good && (h->sockets.tcp4 >= 0 || h->sockets.tcp6 >= 0);
	return good;
}

/* Peers and files share the limit; the soft one is often a mere 1024. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= HOST_FILES_MAX)
		return;
	limit.rlim_cur = limit.rlim_max < HOST_FILES_MAX ? limit.rlim_max : HOST_FILES_MAX;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void start_session(struct host *h, const struct host_config *config, usec now)
{
	struct session_config engine = config->engine;

	randombytes_buf(engine.seed, sizeof(engine.seed));
	engine.listen_port = h->listening ? h->sockets.port : 0;
	engine.dht_port = config->dht ? h->sockets.port : 0;
	if (engine.disk_jobs_max == 0)
		engine.disk_jobs_max = disk_checks_wanted(config->disk_threads);
	h->session = session_new(&engine, now);
}

static void start_events(struct host *h)
{
	struct event_base *base = h->loop.base;

	h->loop.settle = settle;
	h->loop.on_timer = on_timer;
	h->loop.on_signal = on_signal;
	h->loop.context = h;
	evtimer_assign(&h->soon, base, soon, h);
	evtimer_assign(&h->stop_timer, base, stop_due, h);
	event_assign(&h->tick, base, -1, EV_PERSIST, tick, h);
	host_set_tick(h, USEC_PER_SEC);
	event_active(&h->soon, EV_TIMEOUT, 0);
}

struct host *host_new(const struct host_config *config, host_listener *listener, void *context,
                      char reason[HOST_REASON_MAX])
{
	char directory_reason[FILES_REASON_MAX];
	const usec now = loop_now();
	struct host *h;

	if (sodium_init() < 0) {
		(void)snprintf(reason, HOST_REASON_MAX, "libsodium does not start");
		return NULL;
	}
	if (config->state_dir != NULL &&
	    !files_make_directory(config->state_dir, directory_reason)) {
		(void)snprintf(reason, HOST_REASON_MAX, "%.*s", HOST_REASON_MAX - 1, directory_reason);
		return NULL;
	}
	h = memory_zeroed(1, sizeof(*h));
	if (!open_sockets(h, config, reason)) {
		free(h);
		return NULL;
	}
	raise_file_limit();
	h->listener = listener;
	h->context = context;
	h->quiet_at = USEC_NEVER;
	loop_init(&h->loop);
	start_events(h);
	if (config->session)
		start_session(h, config, now);
	h->disk = disk_new(&h->loop, h->session, config->disk_threads);
	h->dns = dns_new(&h->loop, &h->bind);
	h->udp = udp_new(&h->loop, &h->sockets, host_dht_datagram, h);
	if (config->session) {
		h->tcp = tcp_new(&h->loop, h->session, &h->bind, &h->sockets);
		host_trackers_start(h, config);
	}
	if (config->dht)
		host_dht_start(h, config, now);
	return h;
}

static void free_roots(struct host *h)
{
	struct idmap_entry entry;

	while (idmap_any(&h->roots, &entry)) {
		free((char *)(uintptr_t)entry.value);
		idmap_remove(&h->roots, entry.id);
	}
	idmap_deinit(&h->roots);
	idmap_deinit(&h->follows);
	idmap_deinit(&h->searches);
}

void host_free(struct host *h)
{
	bool idle;

	if (h == NULL)
		return;
	host_trackers_deinit(h);
	dns_free(h->dns);
	tcp_free(h->tcp);
	udp_free(h->udp);
	socket_set_close(&h->sockets);
	idle = disk_free(h->disk, HOST_DISK_USEC_MAX);
	host_dht_deinit(h);
	event_del(&h->soon);
	event_del(&h->tick);
	event_del(&h->stop_timer);
	free_roots(h);
	/* A worker that hangs in the system still uses the session's buffers and
	 * this struct: better left behind than pulled from under it. */
	if (!idle)
		return;
	if (h->session != NULL)
		session_free(h->session);
	loop_deinit(&h->loop);
	free(h->state_path);
	free(h);
}

struct event_base *host_base(struct host *h)
{
	return h->loop.base;
}

struct session *host_session(struct host *h)
{
	return h->session;
}

struct dht_node *host_dht(struct host *h)
{
	return h->dht;
}

usec host_now(const struct host *h)
{
	(void)h;
	return loop_now();
}

uint16_t host_port(const struct host *h)
{
	return h->sockets.port;
}

void host_run_work(struct host *h, void (*work)(void *), void (*done)(void *), void *context)
{
	disk_run(h->disk, work, done, context);
}

/* ---- torrents ---- */

torrent_id host_add(struct host *h, const struct torrent_options *options, const char *root,
                    torrent_id *existing)
{
	torrent_id t = session_add(h->session, options, existing, loop_now());

	if (t != 0) {
		idmap_set_pointer(&h->roots, t, memory_copy_text(root));
		host_trackers_add_known(h, t);
	}
	event_active(&h->soon, EV_TIMEOUT, 0);
	return t;
}

void host_remove(struct host *h, torrent_id t)
{
	trackers_forget(h->trackers, t);
	session_remove(h->session, t, loop_now());
	free(idmap_pointer(&h->roots, t));
	idmap_remove(&h->roots, t);
	event_active(&h->soon, EV_TIMEOUT, 0);
}

struct peer_look_up {
	struct host *host;
	torrent_id torrent;
	enum peer_source source;
	char name[DNS_HOST_MAX + 1];
};

static void add_peers(struct host *h, torrent_id t, const struct endpoint *peers, uint32_t count,
                      enum peer_source source)
{
	const usec now = loop_now();
	uint32_t i;

	session_on_peers(h->session, t, peers, count, source, now);
	for (i = 0; h->dht != NULL && i < count; i++)
		dht_node_add_contact(h->dht, &peers[i], DHT_CONTACT, now);
}

static void peer_found(void *context, const struct endpoint *answers, uint32_t count,
                       const char *reason)
{
	struct peer_look_up *l = context;

	add_peers(l->host, l->torrent, answers, count, l->source);
	if (reason != NULL && l->source == SOURCE_USER)
		(void)fprintf(stderr, "shoal: peer %s: %s\n", l->name, reason);
	free(l);
}

void host_add_peer(struct host *h, torrent_id t, const char *text, enum peer_source source)
{
	struct peer_look_up *l;
	struct endpoint e;
	uint16_t port;

	if (endpoint_parse(text, 0, &e)) {
		add_peers(h, t, &e, 1, source);
		event_active(&h->soon, EV_TIMEOUT, 0);
		return;
	}
	l = memory_zeroed(1, sizeof(*l));
	l->host = h;
	l->torrent = t;
	l->source = source;
	if (!dns_split(text, l->name, &port) ||
	    dns_resolve(h->dns, l->name, port, peer_found, l) == 0)
		free(l);
}
