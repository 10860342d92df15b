/* tools/lab/lab_internal.h: what lab.c, streams.c and store.c share. */
#ifndef TOOLS_LAB_LAB_INTERNAL_H
#define TOOLS_LAB_LAB_INTERNAL_H

#include "tools/lab/lab.h"

struct lab_host;
struct segment;

/* One end of a connection. An end without host is a raw peer's. */
struct lab_end {
	struct lab_host *host;
	conn_id id;
	struct lab_end *other;
	struct lab_end *next_waiting; /* in the host's ring of those that want the uplink */
	bool waiting, closed;
	bool reading;            /* its inbox is being emptied */
	bool ended;              /* the other side is gone: over once the inbox is empty */
	struct segment *inbox, *inbox_last; /* owned: arrived, not read yet */
	uint16_t port;           /* the dialer's */
	uint32_t in_flight;      /* bytes sent and not arrived */
	uint32_t refs;           /* events that name it, + 1 while open */
	usec last_arrival;       /* at the other end: order is kept */
	struct lab_raw *raw;
};

struct lab_raw {
	struct lab_end *end;
	uint8_t *received; /* owned */
	size_t received_size, received_room;
	bool closed;
};

struct lab_torrent {
	torrent_id id;
	const struct lab_content *content;
	struct bitfield stored; /* pieces on this host's disk */
	struct lab_torrent *next;
};

struct lab_host {
	struct lab *lab;
	uint32_t number;
	struct lab_host_config config;
	struct session *session;
	struct endpoint endpoint;
	struct lab_end **ends;   /* owned; by slot of the conn id */
	uint32_t ends_size;
	struct lab_end *waiting_first, *waiting_last;
	bool up_busy, cut;
	usec down_free;
	usec timer_at;           /* of the earliest timer event under way */
	struct lab_torrent *torrents;
	enum disk_result disk;
	struct lab_host_stats stats;
	bool pumping;
};

struct lab_follower {
	uint8_t info_hash[SHA1_SIZE];
	uint32_t host;
	torrent_id torrent;
	bool active;
};

struct lab {
	struct world *world;
	struct lab_config config;
	struct lab_host **hosts;
	uint32_t host_count, host_size;
	struct lab_follower *followers;
	uint32_t follower_count, follower_size;
	lab_listener *listener;
	void *context;
};

/* lab.c */
void lab_pump_host(struct lab_host *h);
/* streams.c */
void streams_dial(struct lab_host *h, const struct action *a);
void streams_close(struct lab_host *h, conn_id c);
void streams_want(struct lab_host *h, conn_id c);
void streams_read(struct lab_host *h, conn_id c);
void streams_repaired(struct lab_host *h); /* no longer cut */
void streams_end_all(struct lab_host *h);
/* store.c */
void store_open(struct lab_host *h, const struct action *a);
void store_job(struct lab_host *h, const struct action *a);
struct lab_torrent *store_torrent(struct lab_host *h, torrent_id t);

#endif
