/* tools/io/tcp.c: one persistent read event and one write event for each socket.
 *
 * A wake-up reads once, at most the staging buffer: readiness is level
 * triggered, so what is left comes round again after everybody else. The write
 * event is on only while the kernel refuses bytes.
 *
 * A connection ends in one of three ways: the session closes it (ACT_CLOSE),
 * the socket ends (session_on_closed), or tcp_free. In the first the last
 * bytes are handed to the kernel, the sending side is shut, and the socket
 * lingers, reading and dropping, until the other side closes or the time is
 * up: closing with unread bytes would make the kernel reset the connection and
 * lose what was just sent. */
#include "tools/io/tcp.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "proto/memory.h"
#include "tools/io/idmap.h"
#include "tools/io/loop.h"

enum tcp_state { TCP_DIALLING, TCP_OPEN, TCP_LINGERING };

struct tcp_conn {
	struct tcp *tcp;
	conn_id id;          /* 0 while lingering */
	int fd;
	enum tcp_state state;
	bool reading, writing; /* which events are added */
	struct event read_event, write_event;
	struct tcp_conn *next, *previous; /* in tcp.lingering */
};

struct tcp {
	struct loop *loop;       /* borrowed */
	struct session *session; /* borrowed */
	struct socket_bind bind;
	struct event listeners[2];
	int listener_count;
	int reserve_fd;          /* given up to accept and refuse when there are no more */
	struct idmap conns;      /* conn_id -> struct tcp_conn, owned */
	struct tcp_conn *lingering; /* owned list */
	size_t linger_count;
	uint8_t staging[TCP_STAGING_SIZE];
};

static struct tcp_conn *conn_of(const struct tcp *t, conn_id id)
{
	return idmap_pointer(&t->conns, id);
}

static void set_writing(struct tcp_conn *c, bool on)
{
	if (c->writing == on)
		return;
	c->writing = on;
	if (on)
		event_add(&c->write_event, NULL);
	else
		event_del(&c->write_event);
}

static void set_reading(struct tcp_conn *c, bool on)
{
	if (c->reading == on)
		return;
	c->reading = on;
	if (on)
		event_add(&c->read_event, NULL);
	else
		event_del(&c->read_event);
}

/* ---- ending ---- */

static void conn_free(struct tcp_conn *c)
{
	struct tcp *t = c->tcp;

	event_del(&c->read_event);
	event_del(&c->write_event);
	close(c->fd);
	if (c->state == TCP_LINGERING) {
		if (c->next != NULL)
			c->next->previous = c->previous;
		if (c->previous != NULL)
			c->previous->next = c->next;
		else
			t->lingering = c->next;
		t->linger_count--;
	} else {
		idmap_remove(&t->conns, c->id);
	}
	free(c);
}

/* The socket ended by itself: the session hears why. */
static void conn_ended(struct tcp_conn *c, const char *reason)
{
	struct session *session = c->tcp->session;
	const conn_id id = c->id;

	conn_free(c);
	session_on_closed(session, id, reason, loop_now());
}

static void linger_ready(evutil_socket_t fd, short what, void *context)
{
	struct tcp_conn *c = context;
	struct loop *loop = c->tcp->loop;
	ssize_t n = 0;

	if (!(what & EV_TIMEOUT))
		n = recv(fd, c->tcp->staging, TCP_STAGING_SIZE, 0);
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	conn_free(c);
	loop_settle(loop); /* somebody may wait for the last of them */
}

/* The time-out is for the whole of it: a peer that keeps sending does not
 * stretch it, because the write event carries the clock, not the reading. */
static void conn_linger(struct tcp_conn *c)
{
	struct tcp *t = c->tcp;
	const struct timeval wait = loop_timeval(TCP_LINGER_USEC_MAX);

	event_del(&c->read_event);
	event_del(&c->write_event);
	if (t->linger_count >= TCP_LINGER_MAX || shutdown(c->fd, SHUT_WR) != 0) {
		conn_free(c);
		return;
	}
	idmap_remove(&t->conns, c->id);
	c->id = 0;
	c->state = TCP_LINGERING;
	c->previous = NULL;
	c->next = t->lingering;
	if (c->next != NULL)
		c->next->previous = c;
	t->lingering = c;
	t->linger_count++;
	event_assign(&c->read_event, t->loop->base, c->fd, EV_READ | EV_PERSIST, linger_ready, c);
	event_add(&c->read_event, NULL);
	evtimer_assign(&c->write_event, t->loop->base, linger_ready, c);
	event_add(&c->write_event, &wait);
}

/* ---- bytes ---- */

/* One sendmsg of what the session offers. Returns the bytes sent, 0 when there
 * is nothing or the kernel refuses (*refused), -1 when the connection is gone. */
static ssize_t send_once(struct tcp_conn *c, bool *refused)
{
	struct bytes views[SESSION_OUTPUT_VIEWS];
	struct iovec parts[SESSION_OUTPUT_VIEWS];
	struct msghdr message = { .msg_iov = parts };
	struct session *session = c->tcp->session;
	const usec now = loop_now();
	size_t count = session_output(session, c->id, views, SESSION_OUTPUT_VIEWS, now);
	size_t i, offered = 0;
	ssize_t n;

	*refused = false;
	for (i = 0; i < count; i++) {
		parts[i] = (struct iovec){ (void *)(uintptr_t)views[i].data, views[i].size };
		offered += views[i].size;
	}
	if (offered == 0)
		return 0;
	message.msg_iovlen = count;
	do
		n = sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
		*refused = true;
		return 0;
	}
	if (n < 0)
		return -1;
	session_on_sent(session, c->id, (size_t)n, now);
	*refused = (size_t)n < offered;
	return n;
}

/* False: the connection ended and c is gone. */
static bool flush(struct tcp_conn *c)
{
	size_t sent = 0;
	bool refused;
	ssize_t n;

	do {
		n = send_once(c, &refused);
		if (n < 0) {
			conn_ended(c, strerror(errno));
			return false;
		}
		sent += (size_t)n;
	} while (n > 0 && !refused && sent < TCP_WRITE_TURN_MAX);
	/* After a full turn the event brings it back behind the others. */
	set_writing(c, refused || n > 0);
	return true;
}

static void read_ready(evutil_socket_t fd, short what, void *context)
{
	struct tcp_conn *c = context;
	struct tcp *t = c->tcp;
	const usec now = loop_now();
	size_t budget = session_read_budget(t->session, c->id, now);
	ssize_t n;

	(void)what;
	if (budget == 0) {
		set_reading(c, false);
		loop_settle(t->loop);
		return;
	}
	n = recv(fd, t->staging, budget < TCP_STAGING_SIZE ? budget : TCP_STAGING_SIZE, 0);
	if (n > 0)
		session_on_bytes(t->session, c->id, bytes_of(t->staging, (size_t)n), now);
	else if (n == 0)
		conn_ended(c, "closed by the peer");
	else if (errno != EAGAIN && errno != EINTR)
		conn_ended(c, strerror(errno));
	loop_settle(t->loop);
}

static void dial_answered(struct tcp_conn *c)
{
	struct endpoint local;
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		error = errno;
	if (error != 0) {
		conn_ended(c, strerror(error));
		return;
	}
	c->state = TCP_OPEN;
	set_writing(c, false);
	set_reading(c, true);
	local = socket_local(c->fd);
	session_on_connected(c->tcp->session, c->id, &local, loop_now());
}

static void write_ready(evutil_socket_t fd, short what, void *context)
{
	struct tcp_conn *c = context;
	struct loop *loop = c->tcp->loop;

	(void)fd;
	(void)what;
	if (c->state == TCP_DIALLING)
		dial_answered(c);
	else
		flush(c);
	loop_settle(loop);
}

/* ---- beginning ---- */

static void set_options(int fd)
{
	int one = 1, lowat = TCP_NOTSENT_LOWAT_BYTES;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof(lowat));
}

static struct tcp_conn *conn_new(struct tcp *t, conn_id id, int fd, enum tcp_state state)
{
	struct tcp_conn *c = memory_zeroed(1, sizeof(*c));

	assert(conn_of(t, id) == NULL);
	*c = (struct tcp_conn){ .tcp = t, .id = id, .fd = fd, .state = state };
	event_assign(&c->read_event, t->loop->base, fd, EV_READ | EV_PERSIST, read_ready, c);
	event_assign(&c->write_event, t->loop->base, fd, EV_WRITE | EV_PERSIST, write_ready, c);
	idmap_set_pointer(&t->conns, id, c);
	set_options(fd);
	return c;
}

void tcp_dial(struct tcp *t, conn_id id, const struct endpoint *to)
{
	struct sockaddr_storage address;
	socklen_t size = socket_from_endpoint(to, &address);
	int fd = socket_open_client(&t->bind, to->family, SOCK_STREAM), error;

	if (fd < 0) {
		session_on_closed(t->session, id, strerror(errno), loop_now());
		return;
	}
	if (connect(fd, (struct sockaddr *)&address, size) != 0 && errno != EINPROGRESS) {
		error = errno;
		close(fd);
		session_on_closed(t->session, id, strerror(error), loop_now());
		return;
	}
	/* One that is connected at once is writable at once. */
	set_writing(conn_new(t, id, fd, TCP_DIALLING), true);
}

/* The descriptors are used up: without this the listener would stay readable
 * and spin. The reserve makes room to take the caller and hang up. */
static void refuse_one(struct tcp *t, int listener)
{
	int fd;

	if (t->reserve_fd < 0)
		return;
	close(t->reserve_fd);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	t->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static bool accept_one(struct tcp *t, int listener)
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof(address);
	struct endpoint from;
	conn_id id;
	int fd = accept4(listener, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE) {
			refuse_one(t, listener);
			return false;
		}
		return errno == ECONNABORTED || errno == EINTR;
	}
	from = socket_to_endpoint(&address);
	id = session_on_accepted(t->session, &from, loop_now());
	if (id == 0) {
		close(fd);
		return true;
	}
	set_reading(conn_new(t, id, fd, TCP_OPEN), true);
	return true;
}

static void listener_ready(evutil_socket_t fd, short what, void *context)
{
	struct tcp *t = context;
	int i;

	(void)what;
	for (i = 0; i < TCP_ACCEPT_BATCH_MAX && accept_one(t, fd); i++)
		;
	loop_settle(t->loop);
}

static void listen_on(struct tcp *t, int fd)
{
	struct event *e = &t->listeners[t->listener_count];

	if (fd < 0)
		return;
	event_assign(e, t->loop->base, fd, EV_READ | EV_PERSIST, listener_ready, t);
	event_add(e, NULL);
	t->listener_count++;
}

struct tcp *tcp_new(struct loop *loop, struct session *session, const struct socket_bind *bind,
                    const struct socket_set *set)
{
	struct tcp *t = memory_zeroed(1, sizeof(*t));

	t->loop = loop;
	t->session = session;
	t->bind = *bind;
	t->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	listen_on(t, set->tcp4);
	listen_on(t, set->tcp6);
	return t;
}

void tcp_free(struct tcp *t)
{
	struct idmap_entry entry;

	if (t == NULL)
		return;
	tcp_stop_listening(t);
	while (idmap_any(&t->conns, &entry))
		conn_free((struct tcp_conn *)(uintptr_t)entry.value);
	while (t->lingering != NULL)
		conn_free(t->lingering);
	idmap_deinit(&t->conns);
	if (t->reserve_fd >= 0)
		close(t->reserve_fd);
	free(t);
}

/* ---- actions ---- */

void tcp_close(struct tcp *t, conn_id id)
{
	struct tcp_conn *c = conn_of(t, id);
	bool refused;

	if (c == NULL)
		return;
	if (c->state == TCP_OPEN && send_once(c, &refused) >= 0)
		conn_linger(c);
	else
		conn_free(c);
}

void tcp_output(struct tcp *t, conn_id id)
{
	struct tcp_conn *c = conn_of(t, id);

	/* While the kernel refuses, its event does this. */
	if (c != NULL && c->state == TCP_OPEN && !c->writing)
		flush(c);
}

void tcp_input(struct tcp *t, conn_id id)
{
	struct tcp_conn *c = conn_of(t, id);

	if (c != NULL && c->state == TCP_OPEN)
		set_reading(c, true);
}

void tcp_stop_listening(struct tcp *t)
{
	while (t->listener_count > 0)
		event_del(&t->listeners[--t->listener_count]);
}

size_t tcp_conn_count(const struct tcp *t)
{
	return t->conns.count;
}

size_t tcp_linger_count(const struct tcp *t)
{
	return t->linger_count;
}
