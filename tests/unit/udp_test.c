/* Tests of tools/io/udp.c on loopback. */
#include "tools/io/udp.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <unistd.h>

#include "tools/io/loop.h"

static const struct socket_bind anywhere;
static struct loop loop;
static struct socket_set set;
static struct udp *udp;
static struct {
	uint32_t count, settles;
	size_t last_size;
	struct endpoint from;
	bool echo;
} told;

static void on_dht(void *context, const struct endpoint *from, struct bytes datagram)
{
	cr_assert_eq(context, &told);
	cr_assert_eq(datagram.data[0], 'd');
	told.count++;
	told.from = *from;
	told.last_size = datagram.size;
	if (told.echo)
		udp_send(udp, from, datagram);
}

/* As the host does: what was sent goes out when the loop settles. */
static void settle(void *context)
{
	(void)context;
	told.settles++;
	udp_flush(udp);
}

static void begin(void)
{
	const char *failed;

	loop_init(&loop);
	loop.settle = settle;
	cr_assert(socket_set_open(&set, &anywhere, 0, false, &failed));
	udp = udp_new(&loop, &set, on_dht, &told);
}

static void end(void)
{
	udp_free(udp);
	socket_set_close(&set);
	loop_deinit(&loop);
}

TestSuite(udp, .init = begin, .fini = end);

#define UNTIL(condition) \
	while (!(condition)) \
		cr_assert_geq(event_base_loop(loop.base, EVLOOP_ONCE), 0)

/* A plain blocking socket, as somebody else would have. */
static int other(const char *address)
{
	struct socket_bind b;
	struct timeval wait = { 5, 0 };
	int fd;

	cr_assert(socket_bind_parse(&b, address));
	fd = socket(b.address.family == ENDPOINT_V4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
	if (fd >= 0) {
		struct sockaddr_storage local;
		socklen_t size = socket_from_endpoint(&b.address, &local);

		cr_assert_eq(bind(fd, (struct sockaddr *)&local, size), 0);
		cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
	}
	return fd;
}

static void send_to(int fd, const char *address, const void *data, size_t size)
{
	struct sockaddr_storage to;
	struct endpoint e;
	socklen_t length;

	cr_assert(endpoint_parse(address, set.port, &e));
	length = socket_from_endpoint(&e, &to);
	cr_assert_eq(sendto(fd, data, size, 0, (struct sockaddr *)&to, length), (ssize_t)size);
}

static struct endpoint receive_from(int fd)
{
	struct sockaddr_storage from = { 0 };
	socklen_t size = sizeof(from);
	char data[2000];

	cr_assert_gt(recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &size), 0);
	return socket_to_endpoint(&from);
}

Test(udp, sorts_by_the_first_byte)
{
	static uint8_t large[UDP_DATAGRAM_MAX + 100];
	struct udp_counts counts;
	int fd = other("127.0.0.1");

	memset(large, 'd', sizeof(large));
	send_to(fd, "127.0.0.1", "\x01\x00rest", 6);
	send_to(fd, "127.0.0.1", "", 0);
	send_to(fd, "127.0.0.1", large, UDP_DATAGRAM_MAX + 1);
	send_to(fd, "127.0.0.1", large, sizeof(large));
	send_to(fd, "127.0.0.1", large, UDP_DATAGRAM_MAX);
	send_to(fd, "127.0.0.1", "de", 2);
	UNTIL(told.last_size == 2);
	cr_assert_eq(told.count, 2);
	udp_counts(udp, &counts);
	cr_assert_eq(counts.received, 6);
	cr_assert_eq(counts.unsorted, 4);
	cr_assert_eq(told.from.port, socket_local(fd).port);
	close(fd);
}

/* More than a batch and more than a turn. */
Test(udp, many_datagrams)
{
	enum { COUNT = 3 * UDP_RECEIVE_BATCH_MAX };
	int fd = other("127.0.0.1"), i;

	told.echo = true;
	for (i = 0; i < COUNT; i++)
		send_to(fd, "127.0.0.1", "de", 2);
	UNTIL(told.count == COUNT);
	for (i = 0; i < COUNT; i++)
		receive_from(fd);
	cr_assert_lt(told.settles, COUNT, "in batches");
	close(fd);
}

/* Asked at 127.0.0.9, answered from there, though the route says 127.0.0.1. */
Test(udp, answers_from_the_address_it_was_asked_at)
{
	const struct endpoint want = endpoint_v4(127, 0, 0, 9, set.port);
	int fd = other("127.0.0.1");
	struct endpoint from;

	told.echo = true;
	send_to(fd, "127.0.0.9", "de", 2);
	UNTIL(told.count == 1);
	from = receive_from(fd);
	cr_assert(endpoint_equal(&from, &want));
	/* What is not an answer leaves by the routing table's choice. */
	udp_send(udp, &told.from, bytes_of("de", 2));
	udp_flush(udp);
	from = receive_from(fd);
	cr_assert_eq(from.address[3], 1);
	close(fd);
}

Test(udp, speaks_v6)
{
	int fd = udp_has(udp, ENDPOINT_V6) ? other("::1") : -1;

	if (fd < 0)
		cr_skip_test("no IPv6 here");
	told.echo = true;
	send_to(fd, "::1", "de", 2);
	UNTIL(told.count == 1);
	cr_assert_eq(told.from.family, ENDPOINT_V6);
	cr_assert_eq(receive_from(fd).port, set.port);
	close(fd);
}

/* One that cannot be sent does not hold up those behind it. */
Test(udp, unsendable_ones_are_passed_over)
{
	static const uint8_t large[UDP_DATAGRAM_MAX + 1] = "d";
	const struct endpoint nowhere = { 0 }, broadcast = endpoint_v4(255, 255, 255, 255, 9);
	struct udp_counts counts;
	int fd = other("127.0.0.1");
	const struct endpoint to = socket_local(fd);

	udp_send(udp, &nowhere, bytes_of("de", 2));
	udp_send(udp, &to, bytes_of(large, sizeof(large)));
	udp_send(udp, &broadcast, bytes_of("de", 2));
	udp_send(udp, &to, bytes_of("de", 2));
	udp_flush(udp);
	receive_from(fd);
	udp_counts(udp, &counts);
	cr_assert_eq(counts.refused, 3);
	cr_assert_eq(counts.sent, 1);
	close(fd);
}

/* The send batch is flushed by itself when it is full. */
Test(udp, send_batch_is_bounded)
{
	int fd = other("127.0.0.1"), i;
	const struct endpoint to = socket_local(fd);

	for (i = 0; i <= UDP_SEND_BATCH_MAX; i++)
		udp_send(udp, &to, bytes_of("de", 2));
	for (i = 0; i < UDP_SEND_BATCH_MAX; i++)
		receive_from(fd);
	udp_flush(udp);
	receive_from(fd);
	close(fd);
}
