/* Tests of tools/io/udp_tracker.c, with a tracker of our own on loopback. */
#include "tools/io/udp_tracker.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/io/loop.h"
#include "tools/io/udp.h"

static const struct socket_bind anywhere;
static struct loop loop;
static struct socket_set set;
static struct udp *udp;
static struct udp_tracker *trackers;
static struct endpoint address;
static struct event server_event;
static int server = -1;

/* What the server has seen, and what it shall do. */
static struct {
	uint32_t connects, announces, ignore, refuse;
	uint64_t connection; /* it gives out */
	uint32_t event;
	bool wrong_transaction;
	size_t last_size;
} seen;

static struct {
	uint32_t calls;
	struct tracker_response r;
	bool has_response;
	char reason[64];
} told;

static uint32_t u32_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void reply(const struct writer *w, const struct sockaddr_storage *to, socklen_t size)
{
	struct bytes all = writer_bytes(w);

	cr_assert_eq(sendto(server, all.data, all.size, 0, (const struct sockaddr *)to, size),
	             (ssize_t)all.size);
}

static void serve(evutil_socket_t fd, short what, void *context)
{
	uint8_t in[4096], out[256];
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(fd, in, sizeof(in), 0, (struct sockaddr *)&from, &size);
	struct writer w;
	uint32_t action, transaction;

	(void)what;
	(void)context;
	cr_assert_geq(n, 16);
	action = u32_at(in + 8);
	transaction = u32_at(in + 12) + seen.wrong_transaction;
	seen.connects += action == TRACKER_UDP_CONNECT;
	seen.announces += action == TRACKER_UDP_ANNOUNCE;
	seen.last_size = (size_t)n;
	if (seen.ignore > 0) {
		seen.ignore--;
		return;
	}
	writer_init(&w, out, sizeof(out));
	if (action == TRACKER_UDP_CONNECT) {
		write_u32(&w, TRACKER_UDP_CONNECT);
		write_u32(&w, transaction);
		write_u64(&w, seen.connection);
	} else if (seen.refuse > 0 || u32_at(in + 4) != (uint32_t)seen.connection) {
		seen.refuse -= seen.refuse > 0;
		write_u32(&w, TRACKER_UDP_ERROR);
		write_u32(&w, transaction);
		write_text(&w, "refused");
	} else {
		seen.event = u32_at(in + 80);
		write_u32(&w, TRACKER_UDP_ANNOUNCE);
		write_u32(&w, transaction);
		write_u32(&w, 1800);
		write_u32(&w, 1);
		write_u32(&w, 2);
		write_bytes(&w, bytes_of("\x7f\0\0\1\x1a\xe1", 6));
	}
	reply(&w, &from, size);
}

static void nobody(void *context, const struct endpoint *from, struct bytes datagram)
{
	(void)context;
	(void)from;
	(void)datagram;
}

static void settle(void *context)
{
	(void)context;
}

static void begin(void)
{
	const char *failed;

	loop_init(&loop);
	loop.settle = settle;
	cr_assert(socket_set_open(&set, &anywhere, 0, false, &failed));
	udp = udp_new(&loop, &set, nobody, NULL);
	trackers = udp_tracker_new(&loop, udp);
	udp_set_tracker(udp, udp_tracker_on_datagram, trackers);
	server = socket_open(&anywhere, ENDPOINT_V4, SOCK_DGRAM, 0);
	cr_assert_geq(server, 0);
	event_assign(&server_event, loop.base, server, EV_READ | EV_PERSIST, serve, NULL);
	event_add(&server_event, NULL);
	address = endpoint_v4(127, 0, 0, 1, socket_local(server).port);
	seen.connection = 0x1122334455667788;
}

static void end(void)
{
	event_del(&server_event);
	close(server);
	udp_tracker_free(trackers);
	udp_free(udp);
	socket_set_close(&set);
	loop_deinit(&loop);
}

TestSuite(udp_tracker, .init = begin, .fini = end);

static void on_answer(void *context, const struct tracker_response *r, const char *reason)
{
	cr_assert_eq(context, &told);
	told.calls++;
	told.has_response = r != NULL;
	if (r)
		told.r = *r;
	snprintf(told.reason, sizeof(told.reason), "%s", reason ? reason : "");
}

static udp_tracker_id announce(const char *target)
{
	const struct tracker_request request = { .event = TRACKER_EVENT_STARTED, .port = 6881 };

	return udp_tracker_announce(trackers, &address, &request, bytes_of_text(target), 0, on_answer,
	                            &told);
}

static void wait_for(uint32_t calls)
{
	while (told.calls < calls)
		event_base_loop(loop.base, EVLOOP_ONCE);
}

Test(udp_tracker, connects_once_and_announces)
{
	cr_assert_neq(announce("/announce"), 0);
	wait_for(1);
	cr_assert(told.has_response);
	cr_assert_not(told.r.failed);
	cr_assert_eq(told.r.interval_sec, 1800);
	cr_assert_eq(told.r.peer_count, 1);
	cr_assert_eq(seen.event, TRACKER_EVENT_STARTED);
	cr_assert_eq(seen.last_size, 98 + 2 + 9);
	announce("");
	wait_for(2);
	cr_assert_eq(seen.connects, 1); /* the id is remembered */
	cr_assert_eq(seen.announces, 2);
	cr_assert_eq(seen.last_size, 98);
}

Test(udp_tracker, a_path_too_long_for_a_packet_is_left_out)
{
	char target[1900];

	memset(target, 'p', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	announce(target);
	wait_for(1);
	cr_assert_eq(seen.last_size, 98);
}

Test(udp_tracker, a_remembered_id_may_have_died)
{
	announce("");
	wait_for(1);
	seen.connection++;
	announce("");
	wait_for(2);
	cr_assert_not(told.r.failed);
	cr_assert_eq(seen.connects, 2);
	cr_assert_eq(seen.announces, 3);
}

Test(udp_tracker, a_refusal_is_an_answer)
{
	seen.refuse = 5;
	announce("");
	wait_for(1);
	cr_assert(told.has_response && told.r.failed);
	cr_assert_str_eq(told.r.text, "refused");
	cr_assert_eq(seen.announces, 1);
	announce("");
	wait_for(2);
	cr_assert(told.r.failed);
	cr_assert_eq(seen.announces, 3); /* the remembered id, then a new one */
}

Test(udp_tracker, only_the_tracker_may_answer)
{
	static const uint8_t forged[] = { 0, 0, 0, 3, 0, 0, 0, 0 };
	struct endpoint stranger = address;
	uint8_t packet[8];
	udp_tracker_id id;

	seen.ignore = 1;
	id = announce("");
	memcpy(packet, forged, sizeof(packet));
	packet[4] = (uint8_t)(id >> 24);
	packet[5] = (uint8_t)(id >> 16);
	packet[6] = (uint8_t)(id >> 8);
	packet[7] = (uint8_t)id;
	stranger.port ^= 1;
	udp_tracker_on_datagram(trackers, &stranger, bytes_of(packet, 8));
	cr_assert_eq(told.calls, 0);
	packet[7] ^= 1;
	udp_tracker_on_datagram(trackers, &address, bytes_of(packet, 8));
	cr_assert_eq(told.calls, 0);
	packet[7] ^= 1;
	udp_tracker_on_datagram(trackers, &address, bytes_of(packet, 8));
	cr_assert_eq(told.calls, 1);
	udp_tracker_on_datagram(trackers, &address, bytes_of(packet, 8));
	cr_assert_eq(told.calls, 1);
}

/* An announce reply to a connect, and other nonsense, changes nothing. */
Test(udp_tracker, replies_out_of_order)
{
	udp_tracker_id id;
	uint8_t packet[20] = { 0, 0, 0, 1 };

	seen.ignore = 1;
	id = announce("");
	packet[4] = (uint8_t)(id >> 24);
	packet[5] = (uint8_t)(id >> 16);
	packet[6] = (uint8_t)(id >> 8);
	packet[7] = (uint8_t)id;
	udp_tracker_on_datagram(trackers, &address, bytes_of(packet, 20));
	packet[3] = 0;
	udp_tracker_on_datagram(trackers, &address, bytes_of(packet, 10));
	packet[3] = 2;
	udp_tracker_on_datagram(trackers, &address, bytes_of(packet, 20));
	cr_assert_eq(told.calls, 0);
}

Test(udp_tracker, limit_of_jobs)
{
	uint32_t i;

	seen.ignore = UINT32_MAX;
	for (i = 0; i < UDP_TRACKER_JOBS_MAX; i++)
		cr_assert_neq(announce(""), 0);
	cr_assert_eq(announce(""), 0);
}

Test(udp_tracker, cancelled_is_never_answered)
{
	udp_tracker_cancel(trackers, announce(""));
	udp_tracker_cancel(trackers, 77);
	announce("");
	wait_for(1);
	event_base_loop(loop.base, EVLOOP_NONBLOCK);
	cr_assert_eq(told.calls, 1);
}
