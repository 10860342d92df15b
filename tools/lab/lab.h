/* tools/lab/lab.h: a network of real sessions in one process, on virtual time:
 * connections with access links, a memory disk with faults, and a directory
 * that stands in for the DHT.
 *
 * The engine is the one that ships; only what lies behind its actions is
 * simulated. Content is generated once and shared: a piece that was stored is
 * remembered as a bit, since its hash has proved the bytes. */
#ifndef TOOLS_LAB_LAB_H
#define TOOLS_LAB_LAB_H

#include "peer/session.h"
#include "tools/lab/world.h"

enum {
	LAB_HOSTS_MAX = 65000,
	LAB_QUANTUM = 16 << 10,      /* bytes a connection sends before the next has its turn */
	LAB_IN_FLIGHT_MAX = 1 << 20, /* per connection and direction: the TCP window */
	LAB_DIRECTORY_PEERS = 50,    /* a random subset, as the textbook's registrar gives */
};

struct lab_config {
	struct latency rtt;
	double loss;              /* of segments; each costs a retransmission's delay */
	usec disk_time;           /* of a job */
	usec lookup_time;         /* until the directory answers */
	usec lookup_interval;     /* it answers again while followed; 0: once */
};

struct lab_host_config {
	uint64_t up, down;        /* bytes per second; 0: no limit */
	uint32_t byte_reads;      /* > 0: deliver at most that many bytes per input */
	double lie;               /* chance that a block it serves is false */
	struct session_config session; /* the seed is filled in */
};

struct lab;
/* Called outside of the session, for each ACT_NOTICE. */
typedef void lab_listener(struct lab *lab, uint32_t host, const struct action *notice, void *context);

struct lab *lab_new(struct world *w, const struct lab_config *config);
void lab_free(struct lab *lab);
void lab_set_listener(struct lab *lab, lab_listener *listener, void *context);
struct world *lab_world(struct lab *lab);

/* A torrent's content: generated from a seed; files NULL: one file. */
struct lab_content;
struct lab_content *lab_content_new(uint64_t seed, uint64_t size, uint32_t piece_length,
                                    const uint64_t *file_sizes, uint32_t file_count);
void lab_content_free(struct lab_content *c);
/* A fresh parse of its .torrent. */
void lab_content_metainfo(const struct lab_content *c, struct metainfo *m);
const uint8_t *lab_content_hash(const struct lab_content *c);
/* Its bytes, all files joined. */
const uint8_t *lab_content_bytes(const struct lab_content *c);

/* Hosts are numbered from 0, with an address of their own. */
uint32_t lab_host_add(struct lab *lab, const struct lab_host_config *config);
struct endpoint lab_endpoint(const struct lab *lab, uint32_t host);
struct session *lab_session(struct lab *lab, uint32_t host); /* NULL: gone */
/* seed: its disk holds everything. magnet: it knows the hash only. */
torrent_id lab_add(struct lab *lab, uint32_t host, const struct lab_content *content, bool seed,
                   bool magnet);
/* Tell host about another one. */
void lab_introduce(struct lab *lab, uint32_t host, torrent_id t, uint32_t other);
/* After using lab_session() from outside: carry out what it wants. */
void lab_pump(struct lab *lab, uint32_t host);

/* Faults. */
void lab_kill(struct lab *lab, uint32_t host);          /* connections end at once */
void lab_cut(struct lab *lab, uint32_t host, bool cut); /* nothing gets through; after
                                                         * it, what is not given up does */
void lab_fail_disk(struct lab *lab, uint32_t host, enum disk_result result); /* from now on; DISK_OK: works */
/* A peer of our own making, for hostile tests: a raw connection to host. */
struct lab_raw;
struct lab_raw *lab_raw_connect(struct lab *lab, uint32_t host);
void lab_raw_send(struct lab *lab, struct lab_raw *raw, struct bytes bytes);
/* What host sent so far; *closed: it ended the connection. */
struct bytes lab_raw_received(const struct lab_raw *raw, bool *closed);
void lab_raw_free(struct lab *lab, struct lab_raw *raw);

/* Figures. */
struct lab_host_stats {
	uint64_t sent, received;  /* bytes on its links */
	usec up_busy;             /* uplink in use */
	usec done_at;             /* its first torrent was complete; 0: not yet */
};
void lab_stats(const struct lab *lab, uint32_t host, struct lab_host_stats *out);

#endif
