/* tools/io/host.h: one running peer: the session, the DHT node and the rim
 * that carries out what they ask, on one libevent loop.
 *
 * The programs (get, seed, daemon, dht node) are thin layers over this: they
 * fill a host_config, add torrents, and listen to host_events. Everything here
 * runs on the network thread; disk and hash work is on worker threads. */
#ifndef TOOLS_IO_HOST_H
#define TOOLS_IO_HOST_H

#include "dht/node.h"
#include "peer/session.h"

enum { HOST_REASON_MAX = 256 };

struct host_config {
	bool session;                  /* false: a DHT node alone */
	bool dht;
	bool listen;                   /* accept TCP peers */
	uint16_t port;                 /* TCP and UDP alike; 0: one the kernel gives */
	bool port_strict;              /* fail when it is taken, instead of taking another */
	const char *bind;              /* address or interface; NULL: all */
	const char *const *bootstrap;  /* HOST:PORT each, names resolved through c-ares */
	uint32_t bootstrap_count;
	bool default_routers;          /* the well-known ones, after 1 s */
	const char *state_dir;         /* DHT state is loaded and saved here; NULL: nowhere */
	uint32_t disk_threads;         /* 0: default */
	const char *tls_ca;            /* certificates to trust instead of the system's; NULL */
	struct session_config engine;  /* seed, listen_port and dht_port are filled in */
	struct dht_config node;        /* seed and families are filled in */
};

enum host_event_kind {
	HOST_NOTICE,    /* action: an ACT_NOTICE of the session */
	HOST_METADATA,  /* action: an ACT_METADATA; info is there */
	HOST_DHT,       /* output: of a search that the program itself started */
	HOST_SIGNAL,    /* signal number: INT, TERM, HUP */
	HOST_TICK,      /* once a second, or as host_set_tick says */
};

struct host_event {
	enum host_event_kind kind;
	const struct action *action;     /* borrowed during the call */
	const struct dht_output *output; /* likewise */
	int signal;
};

struct trackers;
struct host;
/* Called on the network thread, outside of any call into session or node: it
 * may use host_session and host_dht freely, and host_stop. */
typedef void host_listener(struct host *h, const struct host_event *event, void *context);

/* NULL: reason says what and where ("port 6881: address in use"). */
struct host *host_new(const struct host_config *config, host_listener *listener, void *context,
                      char reason[HOST_REASON_MAX]);
void host_free(struct host *h);
/* Until host_stop has finished. */
void host_run(struct host *h);
/* Leave cleanly: tell the peers, let running writes finish, save the DHT
 * state; at most 3 s whatever the network or disk does. A second call ends it
 * at once. */
void host_stop(struct host *h);
/* For programs and the RPC: timers, evhttp. */
struct event_base *host_base(struct host *h);
struct session *host_session(struct host *h);
struct dht_node *host_dht(struct host *h); /* NULL without */
struct trackers *host_trackers(struct host *h); /* for their status; NULL without session */
usec host_now(const struct host *h);
uint16_t host_port(const struct host *h);  /* what we really listen on */
void host_set_tick(struct host *h, usec period);

/* Add a torrent whose files live under root (created when needed). Options as
 * session_add; root is copied. existing as session_add. */
torrent_id host_add(struct host *h, const struct torrent_options *options, const char *root,
                    torrent_id *existing);
void host_remove(struct host *h, torrent_id t);
/* HOST:PORT given by the user or a magnet's x.pe: resolved without blocking,
 * then handed to the session, and to the DHT as a contact. */
void host_add_peer(struct host *h, torrent_id t, const char *text, enum peer_source source);
/* One more tracker (a magnet's tr); those of a torrent file are known. False:
 * reason is static. */
bool host_add_tracker(struct host *h, torrent_id t, const char *url, uint32_t tier,
                      const char **reason);
/* A DHT node by HOST:PORT (a torrent's "nodes", BEP 5). */
void host_add_node(struct host *h, const char *text);
/* Blocking work of the program (saving a file): work runs on a worker thread,
 * then done on the network thread; done may be NULL. Work that has not begun
 * when the host ends is dropped. */
void host_run_work(struct host *h, void (*work)(void *), void (*done)(void *), void *context);
/* After calling into host_session() or host_dht() from outside a listener:
 * carry out what they want. (Done by itself after a listener returns.) */
void host_pump(struct host *h);

#endif
