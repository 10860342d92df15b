/* tools/io/host_state.h: what is inside a struct host. Private to host.c (life,
 * loop, torrents), perform.c (what the session asks), host_dht.c (the DHT
 * node's side) and host_trackers.c. */
#ifndef TOOLS_IO_HOST_STATE_H
#define TOOLS_IO_HOST_STATE_H

#include "tools/io/disk.h"
#include "tools/io/dns.h"
#include "tools/io/host.h"
#include "tools/io/idmap.h"
#include "tools/io/loop.h"
#include "tools/io/tcp.h"
#include "tools/io/udp.h"

#define HOST_STOP_USEC_MAX (2400 * USEC_PER_MS)    /* for peers and disk */
#define HOST_LINGER_USEC_MAX (300 * USEC_PER_MS)   /* then for sockets to close */
#define HOST_DISK_USEC_MAX (400 * USEC_PER_MS)     /* then for threads to end */
#define HOST_SAVE_USEC (10 * USEC_PER_MIN)
#define HOST_BOOTSTRAP_USEC USEC_PER_SEC           /* first look, then doubling */
#define HOST_BOOTSTRAP_USEC_MAX (60 * USEC_PER_SEC)

enum {
	HOST_NODES_ENOUGH = 8,       /* no need of routers any more */
	HOST_STATE_SIZE_MAX = 1 << 20,
	HOST_FILES_MAX = 16384,      /* descriptors asked for */
};

struct host {
	struct loop loop;
	host_listener *listener;
	void *context;
	struct session *session;   /* owned; NULL: a DHT node alone */
	struct dht_node *dht;      /* owned; NULL: none */
	struct socket_bind bind;
	struct socket_set sockets;
	struct tcp *tcp;           /* owned, as the next three; NULL without session */
	struct udp *udp;
	struct dns *dns;
	struct disk *disk;
	struct http *http;         /* owned, as the next three; NULL without session */
	struct udp_tracker *udp_tracker;
	struct courier *courier;
	struct trackers *trackers;
	enum encryption_policy encryption; /* told to trackers */
	bool listening;
	bool pumping;              /* actions are being carried out */
	struct event soon;         /* host_pump from the loop */
	struct event tick;
	/* torrents */
	struct idmap roots;        /* torrent_id -> char *, owned */
	struct idmap follows;      /* dht_search -> torrent_id */
	struct idmap searches;     /* torrent_id -> dht_search */
	/* DHT */
	char **bootstrap;          /* owned */
	uint32_t bootstrap_count;
	bool default_routers;
	bool complained;           /* about names that do not resolve: once */
	usec bootstrap_wait;
	struct event bootstrap_timer, save_timer;
	char *state_path;          /* owned; NULL: not kept */
	bool saving, save_again;
	/* leaving */
	bool stopping, finished;
	usec stop_at;              /* leave then whatever is open */
	usec quiet_at;             /* when only sockets were left; USEC_NEVER before */
	struct event stop_timer;
};

/* ---- perform.c ---- */
void host_perform(struct host *h, const struct action *a);
void host_tell(struct host *h, const struct host_event *event);

/* ---- host_trackers.c ---- */
void host_trackers_start(struct host *h, const struct host_config *config);
void host_trackers_deinit(struct host *h);
void host_trackers_on_notice(struct host *h, const struct action *a);
/* Those that stand in its torrent file. */
void host_trackers_add_known(struct host *h, torrent_id t);

/* ---- host_dht.c ---- */
/* families with a socket; loads what was saved. */
void host_dht_start(struct host *h, const struct host_config *config, usec now);
void host_dht_deinit(struct host *h);
/* Carries out what the node wants; true when there was something. */
bool host_dht_drain(struct host *h);
void host_dht_datagram(void *context, const struct endpoint *from, struct bytes datagram);
void host_dht_follow(struct host *h, const struct action *a);
void host_dht_unfollow(struct host *h, const struct action *a);
void host_dht_save(struct host *h);

#endif
