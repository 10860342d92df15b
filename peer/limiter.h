/* peer/limiter.h: how many bytes each connection may move now, in one direction:
 * token buckets for the session, each torrent and each connection.
 *
 * Where bytes are short, those who want them wait in line and get a quantum
 * each in turn (deficit round-robin), whatever torrent they belong to; a torrent
 * or connection held back by a limit of its own does not hold back the others.
 * Without any limit limiter_ask is one comparison, and nothing is allocated.
 *
 *	ask  -> bytes  : move up to that many, then take what was moved
 *	ask  -> 0      : in line; limiter_next names it when its turn has come
 *
 * Torrents and connections are named by their slots: small dense numbers, reused
 * after limiter_forget. */
#ifndef PEER_LIMITER_H
#define PEER_LIMITER_H

#include "peer/rate.h"
#include "peer/timers.h"

enum { LIMITER_QUANTUM = 16 << 10 }; /* bytes a turn brings */
#define LIMITER_GRANT_TIME (20 * USEC_PER_MS) /* a turn not used by then goes to others */

struct limiter_torrent;
struct limiter_conn;

struct limiter {
	struct bucket bucket;             /* the session's */
	struct limiter_torrent *torrents; /* owned, by slot */
	struct limiter_conn *conns;       /* owned, by slot */
	uint32_t torrents_size, conns_size;
	uint32_t limits;                  /* rates that are set, at whatever level */
	uint32_t waiting;                 /* connections in line */
	uint64_t ticket;                  /* of the last turn given */
	struct timers ready;              /* torrents with a line, by their first one's ticket */
	struct timers held_torrents;      /* torrents over their own limit, until when */
	struct timers held_conns;         /* connections likewise */
	struct timers granted;            /* connections whose turn it is, until when */
	usec wake_at;
};

/* rate in bytes per second; 0: no limit. */
void limiter_init(struct limiter *l, uint64_t rate, usec now);
void limiter_deinit(struct limiter *l);
void limiter_set_rate(struct limiter *l, uint64_t rate, usec now);
void limiter_set_torrent_rate(struct limiter *l, uint32_t torrent, uint64_t rate, usec now);
void limiter_set_conn_rate(struct limiter *l, uint32_t conn, uint64_t rate, usec now);

/* How many bytes conn of torrent may move now, at most want (> 0); SIZE_MAX when
 * nothing limits it. 0: it is in line. Asking again changes nothing. */
size_t limiter_ask(struct limiter *l, uint32_t torrent, uint32_t conn, size_t want, usec now);
/* It moved that many: at most what limiter_ask said, or more where it could not
 * be held back. Ends its turn: the rest goes to others. */
void limiter_take(struct limiter *l, uint32_t torrent, uint32_t conn, size_t bytes, usec now);
/* The next whose turn has come: it may ask. False: nobody now. */
bool limiter_next(struct limiter *l, uint32_t *conn, usec now);
/* When limiter_next may have somebody; USEC_NEVER: nobody waits. */
usec limiter_deadline(const struct limiter *l);

/* The connection is gone, its limit too. */
void limiter_forget(struct limiter *l, uint32_t conn, usec now);
/* The torrent is gone, after its connections. */
void limiter_forget_torrent(struct limiter *l, uint32_t torrent, usec now);

#endif
