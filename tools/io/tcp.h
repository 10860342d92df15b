/* tools/io/tcp.h: listeners, dials and connected sockets of the session.
 *
 * Bytes go socket -> one staging buffer -> session_on_bytes, and
 * session_output -> one sendmsg. Nothing is queued here: what the kernel does
 * not take stays with the session. */
#ifndef TOOLS_IO_TCP_H
#define TOOLS_IO_TCP_H

#include "peer/session.h"
#include "tools/io/socket.h"

enum {
	TCP_STAGING_SIZE = 256 << 10,
	TCP_ACCEPT_BATCH_MAX = 32,     /* per wake-up of a listener */
	TCP_WRITE_TURN_MAX = 1 << 20,  /* bytes one connection may send before the others' turn */
	TCP_NOTSENT_LOWAT_BYTES = 128 << 10,
	TCP_LINGER_MAX = 64,           /* sockets being closed gently at one time */
};
#define TCP_LINGER_USEC_MAX (2 * USEC_PER_SEC)

struct loop;
struct tcp;
/* bind is copied, loop borrowed. The sockets of the set are borrowed too: its
 * owner closes them after tcp_free. tcp4 or tcp6 may be -1. */
struct tcp *tcp_new(struct loop *loop, struct session *session, const struct socket_bind *bind,
                    const struct socket_set *set);
/* Closes every connection at once; the session is not told. */
void tcp_free(struct tcp *t);

/* The actions. */
void tcp_dial(struct tcp *t, conn_id id, const struct endpoint *to);
void tcp_close(struct tcp *t, conn_id id);
void tcp_output(struct tcp *t, conn_id id);
void tcp_input(struct tcp *t, conn_id id);
/* No new ones from now on. */
void tcp_stop_listening(struct tcp *t);

size_t tcp_conn_count(const struct tcp *t);
/* Sockets that wait for the other side to close. */
size_t tcp_linger_count(const struct tcp *t);

#endif
