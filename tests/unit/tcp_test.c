/* Tests of tools/io/tcp.c on loopback, between two sessions that only count. */
#include "tools/io/tcp.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proto/memory.h"
#include "tools/io/loop.h"

enum { OUTPUT_VIEW = 48 << 10, CONNS = 64 };

/* What one end was told, and what it has to say. */
struct session {
	conn_id next_id;
	uint32_t accepted, connected, closed;
	conn_id last;              /* accepted, connected or closed */
	const char *reason;
	struct endpoint from, local;
	uint64_t received;
	uint64_t to_send, sent;
	size_t budget;
	bool refuse;
	bool damaged;
};

static struct loop loop;
static struct session ours, theirs;
static struct socket_set set, other_set;
static struct tcp *server, *client;
static uint8_t pattern[OUTPUT_VIEW + 251];
static const struct socket_bind anywhere;

conn_id session_on_accepted(struct session *s, const struct endpoint *from, usec now)
{
	(void)now;
	s->accepted++;
	s->from = *from;
	return s->refuse ? 0 : (s->last = ++s->next_id);
}

void session_on_connected(struct session *s, conn_id c, const struct endpoint *local, usec now)
{
	(void)now;
	s->connected++;
	s->last = c;
	s->local = *local;
}

void session_on_closed(struct session *s, conn_id c, const char *reason, usec now)
{
	(void)now;
	s->closed++;
	s->last = c;
	s->reason = reason;
}

void session_on_bytes(struct session *s, conn_id c, struct bytes bytes, usec now)
{
	size_t i;

	(void)c;
	(void)now;
	for (i = 0; i < bytes.size; i++)
		s->damaged |= bytes.data[i] != (uint8_t)((s->received + i) % 251);
	s->received += bytes.size;
	if (s->budget != SIZE_MAX)
		s->budget -= bytes.size;
}

size_t session_read_budget(struct session *s, conn_id c, usec now)
{
	(void)c;
	(void)now;
	return s->budget;
}

size_t session_output(struct session *s, conn_id c, struct bytes *views, size_t max, usec now)
{
	uint64_t left = s->to_send - s->sent, at = s->sent;
	size_t count = 0, size;

	(void)c;
	(void)now;
	while (left > 0 && count < max && count < 5) {
		size = left < OUTPUT_VIEW ? (size_t)left : OUTPUT_VIEW;
		views[count++] = bytes_of(pattern + at % 251, size);
		at += size;
		left -= size;
	}
	return count;
}

void session_on_sent(struct session *s, conn_id c, size_t size, usec now)
{
	(void)c;
	(void)now;
	s->sent += size;
	cr_assert_leq(s->sent, s->to_send);
}

static void begin(void)
{
	const struct socket_set none = { -1, -1, -1, -1, 0 };
	const char *failed;
	size_t i;

	for (i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i % 251);
	loop_init(&loop);
	ours = theirs = (struct session){ .budget = SIZE_MAX };
	cr_assert(socket_set_open(&set, &anywhere, 0, true, &failed));
	other_set = none;
	server = tcp_new(&loop, &ours, &anywhere, &set);
	client = tcp_new(&loop, &theirs, &anywhere, &other_set);
}

static void end(void)
{
	tcp_free(client);
	tcp_free(server);
	socket_set_close(&set);
	loop_deinit(&loop);
}

TestSuite(tcp, .init = begin, .fini = end);

#define UNTIL(condition) \
	while (!(condition)) \
		cr_assert_geq(event_base_loop(loop.base, EVLOOP_ONCE), 0)

static conn_id dial(void)
{
	const struct endpoint to = endpoint_v4(127, 0, 0, 1, set.port);
	const uint32_t accepted = ours.accepted + 1, connected = theirs.connected + 1;
	conn_id id = ++theirs.next_id;

	tcp_dial(client, id, &to);
	UNTIL(ours.accepted == accepted && theirs.connected == connected);
	return id;
}

Test(tcp, dials_and_accepts)
{
	dial();
	cr_assert_eq(theirs.last, 1);
	cr_assert_eq(tcp_conn_count(server), 1);
	cr_assert_eq(tcp_conn_count(client), 1);
	cr_assert_eq(theirs.local.port, ours.from.port);
	cr_assert_eq(theirs.local.family, ENDPOINT_V4);
}

Test(tcp, dials_v6)
{
	struct endpoint to;

	if (set.tcp6 < 0)
		cr_skip_test("no IPv6 here");
	cr_assert(endpoint_parse("::1", set.port, &to));
	tcp_dial(client, ++theirs.next_id, &to);
	UNTIL(ours.accepted == 1 && theirs.connected == 1);
	cr_assert_eq(ours.from.family, ENDPOINT_V6);
}

Test(tcp, refused_dial_says_why)
{
	struct endpoint to = endpoint_v4(127, 0, 0, 1, set.port);

	tcp_stop_listening(server);
	socket_set_close(&set);
	tcp_dial(client, ++theirs.next_id, &to);
	UNTIL(theirs.closed == 1);
	cr_assert_str_eq(theirs.reason, "Connection refused");
	cr_assert_eq(tcp_conn_count(client), 0);
}

/* More than any buffer holds, both ways at once. */
Test(tcp, carries_bytes_both_ways)
{
	conn_id id = dial();

	ours.to_send = theirs.to_send = 64 << 20;
	tcp_output(client, id);
	tcp_output(server, ours.last);
	UNTIL(ours.received == ours.to_send && theirs.received == theirs.to_send);
	cr_assert_not(ours.damaged);
	cr_assert_not(theirs.damaged);
	cr_assert_eq(ours.sent, ours.to_send);
	/* Nothing more to say: the write event is off and the loop can rest. */
	event_base_loop(loop.base, EVLOOP_NONBLOCK);
	theirs.to_send += 10;
	tcp_output(client, id);
	UNTIL(ours.received == theirs.to_send);
}

/* A budget of nothing stops the reading until ACT_INPUT. */
Test(tcp, budget_stops_reading)
{
	conn_id id = dial();

	ours.budget = 1000;
	theirs.to_send = 5000;
	tcp_output(client, id);
	UNTIL(ours.received == 1000);
	event_base_loop(loop.base, EVLOOP_ONCE);
	cr_assert_eq(event_base_loop(loop.base, EVLOOP_NONBLOCK), 0);
	cr_assert_eq(ours.received, 1000);
	ours.budget = 4000;
	tcp_input(server, ours.last);
	UNTIL(ours.received == 5000);
}

/* What was on offer when it was closed still arrives, then the end does. */
Test(tcp, close_flushes)
{
	conn_id id = dial();

	theirs.to_send = 20000;
	tcp_close(client, id);
	cr_assert_eq(tcp_conn_count(client), 0);
	cr_assert_eq(tcp_linger_count(client), 1);
	UNTIL(ours.closed == 1);
	cr_assert_eq(ours.received, 20000);
	cr_assert_not(ours.damaged);
	cr_assert_str_eq(ours.reason, "closed by the peer");
	UNTIL(tcp_linger_count(client) == 0);
	cr_assert_eq(theirs.closed, 0, "who closes is not told");
}

/* Also when the other side has much to say: the end is clean, not a reset. */
Test(tcp, close_while_receiving)
{
	conn_id id = dial();

	ours.to_send = 4 << 20;
	tcp_output(server, ours.last);
	UNTIL(theirs.received > 0);
	theirs.to_send = 100;
	tcp_close(client, id);
	UNTIL(ours.closed == 1);
	cr_assert_eq(ours.received, 100);
	cr_assert_str_eq(ours.reason, "closed by the peer");
}

Test(tcp, lingering_is_bounded)
{
	conn_id ids[TCP_LINGER_MAX + 8];
	uint32_t i;

	for (i = 0; i < TCP_LINGER_MAX + 8; i++)
		ids[i] = dial();
	for (i = 0; i < TCP_LINGER_MAX + 8; i++)
		tcp_close(client, ids[i]);
	cr_assert_eq(tcp_linger_count(client), TCP_LINGER_MAX);
	UNTIL(ours.closed == TCP_LINGER_MAX + 8 && tcp_linger_count(client) == 0);
}

Test(tcp, refused_by_the_session)
{
	const struct endpoint to = endpoint_v4(127, 0, 0, 1, set.port);

	ours.refuse = true;
	tcp_dial(client, ++theirs.next_id, &to);
	UNTIL(theirs.closed == 1);
	cr_assert_eq(ours.accepted, 1);
	cr_assert_eq(tcp_conn_count(server), 0);
}

/* Ids of connections that are gone do no harm. */
Test(tcp, stale_ids_are_ignored)
{
	tcp_close(client, 77);
	tcp_output(client, 77);
	tcp_input(client, 77);
	cr_assert_eq(tcp_conn_count(client), 0);
}

/* No descriptors left: callers are hung up on, the listener does not spin, and
 * the reserve is there for the next one. */
Test(tcp, descriptors_run_out)
{
	const struct endpoint to = endpoint_v4(127, 0, 0, 1, set.port);
	struct sockaddr_storage address;
	socklen_t size = socket_from_endpoint(&to, &address);
	struct rlimit limit = { 64, 64 };
	int fds[64], i, count, one;
	char byte;

	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	one = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_geq(one, 0);
	for (count = 0; count < 64; count++)
		if ((fds[count] = open("/dev/null", O_RDONLY)) < 0)
			break;
	cr_assert_lt(count, 64);
	cr_assert_eq(connect(one, (struct sockaddr *)&address, size), 0);
	event_base_loop(loop.base, EVLOOP_ONCE);
	cr_assert_eq(read(one, &byte, 1), 0, "hung up");
	cr_assert_eq(ours.accepted, 0);
	tcp_dial(client, ++theirs.next_id, &to);
	cr_assert_eq(theirs.closed, 1);
	cr_assert_str_eq(theirs.reason, "Too many open files");
	for (i = 0; i < count; i++)
		close(fds[i]);
	close(one);
	dial();
	cr_assert_eq(ours.accepted, 1);
}

Test(tcp, many_connections)
{
	uint32_t i;

	for (i = 0; i < CONNS; i++)
		dial();
	cr_assert_eq(tcp_conn_count(server), CONNS);
	tcp_free(client);
	client = NULL;
	UNTIL(ours.closed == CONNS);
	cr_assert_eq(tcp_conn_count(server), 0);
}
