/* Tests of tools/io/trackers.c and courier.c together, with HTTP trackers of
 * our own on loopback: from a torrent's tiers to its peers. */
#include "tools/io/trackers.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/io/courier.h"
#include "tools/io/dns.h"
#include "tools/io/http.h"
#include "tools/io/loop.h"
#include "tools/io/udp.h"
#include "tools/io/udp_tracker.h"

enum { TORRENT = 7, LOG_MAX = 256 };

static const struct socket_bind anywhere;
static struct loop loop;
static struct socket_set set;
static struct udp *udp;
static struct dns *dns;
static struct http *http;
static struct udp_tracker *udp_trackers;
static struct courier *courier;
static struct trackers *trackers;
static struct evhttp *server;
static uint16_t port;

static struct {
	uint32_t count, at_once, at_once_most;
	char uris[LOG_MAX][1024];
	struct evhttp_request *held[LOG_MAX];
	bool hold;
} asked;

static struct {
	uint32_t calls, count, settles;
	struct endpoint peers[TRACKER_PEERS_MAX];
	uint64_t torrent;
	bool exists;
} told;

static void answer(struct evhttp_request *r)
{
	static const char peers[] = "d8:intervali1800e5:peers12:\x7f\0\0\2\x1a\xe1\x0a\1\2\3\x1a\xe1" "e";
	struct evbuffer *body = evbuffer_new();
	const char *uri = evhttp_request_get_uri(r);

	asked.at_once--;
	if (strstr(uri, "/announce-bad")) {
		evbuffer_add_printf(body, "<html>");
	} else if (strstr(uri, "/announce-no")) {
		evbuffer_add_printf(body, "d14:failure reason12:unregisterede");
	} else {
		evbuffer_add(body, peers, sizeof(peers) - 1);
	}
	evhttp_send_reply(r, strstr(uri, "/announce-no") ? 400 : 200, "x", body);
	evbuffer_free(body);
}

static void serve(struct evhttp_request *r, void *context)
{
	(void)context;
	cr_assert_lt(asked.count, LOG_MAX);
	snprintf(asked.uris[asked.count], sizeof(asked.uris[0]), "%s", evhttp_request_get_uri(r));
	if (++asked.at_once > asked.at_once_most)
		asked.at_once_most = asked.at_once;
	if (asked.hold)
		asked.held[asked.count++] = r;
	else
		asked.count++, answer(r);
}

static bool facts(void *context, uint64_t torrent, struct trackers_facts *out)
{
	cr_assert_eq(context, &told);
	if (!told.exists)
		return false;
	memset(out, 0, sizeof(*out));
	memset(out->info_hash, (int)torrent, SHA1_SIZE);
	memcpy(out->peer_id, "-SH0001-123456789012", PEER_ID_SIZE);
	out->left = 1000;
	out->port = 6881;
	out->crypto = true;
	return true;
}

static void peers(void *context, uint64_t torrent, const struct endpoint *list, uint32_t count)
{
	cr_assert_eq(context, &told);
	told.calls++;
	told.torrent = torrent;
	told.count = count;
	memcpy(told.peers, list, count * sizeof(*list));
}

static void settle(void *context)
{
	(void)context;
	told.settles++;
}

static void nobody(void *context, const struct endpoint *from, struct bytes datagram)
{
	(void)context;
	(void)from;
	(void)datagram;
}

static void begin(void)
{
	const struct trackers_owner owner = { facts, peers, &told };
	struct evhttp_bound_socket *bound;
	const char *failed;

	loop_init(&loop);
	loop.settle = settle;
	server = evhttp_new(loop.base);
	evhttp_set_gencb(server, serve, NULL);
	bound = evhttp_bind_socket_with_handle(server, "127.0.0.1", 0);
	port = socket_local(evhttp_bound_socket_get_fd(bound)).port;
	cr_assert(socket_set_open(&set, &anywhere, 0, false, &failed));
	udp = udp_new(&loop, &set, nobody, NULL);
	dns = dns_new(&loop, &anywhere);
	http = http_new(&loop, dns, &anywhere);
	udp_trackers = udp_tracker_new(&loop, udp);
	udp_set_tracker(udp, udp_tracker_on_datagram, udp_trackers);
	courier = courier_new(&loop, dns, http, udp_trackers, &anywhere);
	trackers = trackers_new(&loop, courier, &owner);
	told.exists = true;
}

static void end(void)
{
	trackers_free(trackers);
	courier_free(courier);
	udp_tracker_free(udp_trackers);
	http_free(http);
	dns_free(dns);
	udp_free(udp);
	socket_set_close(&set);
	evhttp_free(server);
	loop_deinit(&loop);
}

TestSuite(trackers, .init = begin, .fini = end);

#define UNTIL(condition) \
	while (!(condition)) \
	event_base_loop(loop.base, EVLOOP_ONCE)

static void add(uint64_t torrent, const char *path, uint32_t tier)
{
	const char *reason;
	char url[256];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
	cr_assert(trackers_add(trackers, torrent, url, tier, &reason), "%s", reason);
}

static struct announce_status status_of(uint64_t torrent, uint32_t i)
{
	struct announce_status s;

	trackers_status(trackers, torrent, i, &s);
	return s;
}

Test(trackers, peers_come_from_a_tracker)
{
	add(TORRENT, "/announce", 0);
	event_base_loop(loop.base, EVLOOP_NONBLOCK);
	cr_assert_eq(asked.count, 0);
	trackers_start(trackers, TORRENT, false);
	trackers_start(trackers, TORRENT, false);
	UNTIL(told.calls == 1 && courier_open(courier) == 0);
	cr_assert_eq(told.torrent, TORRENT);
	cr_assert_eq(told.count, 2);
	cr_assert_eq(told.peers[1].address[0], 10);
	cr_assert_eq(asked.count, 1); /* IPv6 is absent there */
	cr_assert_not_null(strstr(asked.uris[0], "/announce?info_hash=%07%07"));
	cr_assert_not_null(strstr(asked.uris[0], "&event=started"));
	cr_assert_not_null(strstr(asked.uris[0], "&left=1000&"));
	cr_assert_not_null(strstr(asked.uris[0], "&port=6881&"));
	cr_assert_not_null(strstr(asked.uris[0], "&supportcrypto=1"));
	cr_assert_null(strstr(asked.uris[0], "requirecrypto"));
	cr_assert_eq(status_of(TORRENT, 0).state, ANNOUNCE_WORKING);
	cr_assert_gt(told.settles, 0);
}

/* A dead host, garbage and a refusal before the live one, in one go. */
Test(trackers, tiers)
{
	int dead = socket_open(&anywhere, ENDPOINT_V4, SOCK_STREAM, 0);
	const char *reason;
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/announce", socket_local(dead).port);
	cr_assert(trackers_add(trackers, TORRENT, url, 0, &reason));
	add(TORRENT, "/announce-bad", 1);
	add(TORRENT, "/announce-no", 2);
	add(TORRENT, "/announce", 3);
	trackers_start(trackers, TORRENT, false);
	UNTIL(told.calls == 1 && courier_open(courier) == 0);
	cr_assert_eq(status_of(TORRENT, 0).state, ANNOUNCE_FAILING);
	cr_assert_eq(status_of(TORRENT, 1).state, ANNOUNCE_FAILING);
	cr_assert_str_eq(status_of(TORRENT, 1).text, "not a tracker's answer");
	cr_assert_str_eq(status_of(TORRENT, 2).text, "unregistered");
	cr_assert_eq(status_of(TORRENT, 3).state, ANNOUNCE_WORKING);
	close(dead);
}

Test(trackers, completed_and_stopped)
{
	add(TORRENT, "/announce", 0);
	trackers_start(trackers, TORRENT, false);
	UNTIL(told.calls == 1 && courier_open(courier) == 0);
	trackers_complete(trackers, TORRENT);
	UNTIL(asked.count == 2 && courier_open(courier) == 0);
	cr_assert_not_null(strstr(asked.uris[1], "&event=completed"));
	trackers_stop(trackers, TORRENT);
	trackers_stop(trackers, TORRENT);
	UNTIL(asked.count == 3 && courier_open(courier) == 0);
	cr_assert_not_null(strstr(asked.uris[2], "&numwant=0&event=stopped"));
	cr_assert_eq(told.calls, 2); /* the peers of "stopped" are nobody's */
}

/* It stops although the torrent is gone already, and is let go of then. */
Test(trackers, forgotten)
{
	add(TORRENT, "/announce", 0);
	trackers_start(trackers, TORRENT, false);
	UNTIL(told.calls == 1 && courier_open(courier) == 0);
	trackers_forget(trackers, TORRENT);
	told.exists = false;
	cr_assert_eq(trackers_count(trackers, TORRENT), 0);
	UNTIL(asked.count == 2 && courier_open(courier) == 0);
	cr_assert_not_null(strstr(asked.uris[1], "info_hash=%07%07"));
	cr_assert_not_null(strstr(asked.uris[1], "&event=stopped"));
	told.exists = true;
	add(TORRENT, "/announce", 0); /* a new life */
	cr_assert_eq(trackers_count(trackers, TORRENT), 1);
	trackers_forget(trackers, 12345);
}

Test(trackers, leaving_says_stopped_to_all)
{
	uint64_t t;

	for (t = 1; t <= 5; t++) {
		add(t, "/announce", 0);
		trackers_start(trackers, t, false);
	}
	UNTIL(told.calls == 5 && courier_open(courier) == 0);
	trackers_leave(trackers);
	cr_assert(trackers_is_leaving(trackers));
	UNTIL(!trackers_is_leaving(trackers));
	cr_assert_eq(asked.count, 10);
	for (t = 5; t < 10; t++)
		cr_assert_not_null(strstr(asked.uris[t], "&event=stopped"));
	trackers_start(trackers, 1, false);
}

/* A tracker that is silent holds the exit up for a moment only. */
Test(trackers, leaving_does_not_wait_for_ever)
{
	add(1, "/announce", 0);
	trackers_start(trackers, 1, false);
	UNTIL(told.calls == 1 && courier_open(courier) == 0);
	asked.hold = true;
	trackers_leave(trackers);
	UNTIL(!trackers_is_leaving(trackers));
	cr_assert_eq(courier_open(courier), 0);
}

Test(trackers, leaving_with_nothing_to_say_is_at_once)
{
	add(1, "/announce", 0);
	trackers_leave(trackers);
	cr_assert_not(trackers_is_leaving(trackers));
}

/* Many torrents of one host: a few at a time. */
Test(trackers, a_host_is_not_flooded)
{
	enum { TORRENTS = 40 };
	uint64_t t;
	uint32_t i;

	asked.hold = true;
	for (t = 1; t <= TORRENTS; t++) {
		add(t, "/announce", 0);
		trackers_start(trackers, t, false);
	}
	cr_assert_eq(courier_open(courier), 2 * TORRENTS);
	for (i = 0; i < TORRENTS; i++) {
		UNTIL(asked.count > i);
		answer(asked.held[i]);
	}
	UNTIL(told.calls == TORRENTS && courier_open(courier) == 0);
	cr_assert_leq(asked.at_once_most, COURIER_HTTP_AT_ONCE);
}

/* When the host is dead, those that wait learn it from the first. */
Test(trackers, a_dead_host_is_asked_once)
{
	enum { TORRENTS = 40 };
	int dead = socket_open(&anywhere, ENDPOINT_V4, SOCK_STREAM, 0);
	const char *reason;
	char url[64];
	uint64_t t;

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/announce", socket_local(dead).port);
	for (t = 1; t <= TORRENTS; t++) {
		cr_assert(trackers_add(trackers, t, url, 0, &reason));
		trackers_start(trackers, t, false);
	}
	UNTIL(courier_open(courier) == 0);
	for (t = 1; t <= TORRENTS; t++)
		cr_assert_eq(status_of(t, 0).failures, 1);
	close(dead);
}

/* A page of our router is no tracker. */
Test(trackers, pages_of_our_network_are_not_fetched)
{
	add(TORRENT, "/reboot?now=1", 0);
	trackers_start(trackers, TORRENT, false);
	UNTIL(courier_open(courier) == 0);
	cr_assert_eq(asked.count, 0);
	cr_assert_eq(status_of(TORRENT, 0).state, ANNOUNCE_FAILING);
	cr_assert_str_eq(status_of(TORRENT, 0).text, "points into a network it must not");
}

Test(trackers, nobody_points_nearer_than_itself)
{
	const struct endpoint loopback = endpoint_v4(127, 0, 0, 1, 1), lan = endpoint_v4(10, 0, 0, 1, 1),
			      world = endpoint_v4(8, 8, 8, 8, 1);

	cr_assert(trackers_may_name(&loopback, &loopback));
	cr_assert(trackers_may_name(&lan, &lan));
	cr_assert(trackers_may_name(&lan, &world));
	cr_assert(trackers_may_name(&world, &world));
	cr_assert_not(trackers_may_name(&lan, &loopback));
	cr_assert_not(trackers_may_name(&world, &lan));
	cr_assert_not(trackers_may_name(&world, &loopback));
}

Test(trackers, udp_and_http_are_one_list)
{
	const char *reason;

	add(TORRENT, "/announce", 1);
	cr_assert(trackers_add(trackers, TORRENT, "udp://127.0.0.1:1/announce", 0, &reason));
	cr_assert_not(trackers_add(trackers, TORRENT, "wss://x/", 0, &reason));
	cr_assert_not(trackers_add(trackers, 99, "wss://x/", 0, &reason));
	cr_assert_eq(trackers_count(trackers, 99), 0);
	cr_assert_eq(trackers_count(trackers, TORRENT), 2);
	trackers_start(trackers, TORRENT, false);
	UNTIL(asked.count == 0 && courier_open(courier) == 1); /* IPv6: absent; IPv4: silent */
	cr_assert_eq(status_of(TORRENT, 0).state, ANNOUNCE_ASKING);
	trackers_hurry(trackers, TORRENT);
	trackers_hurry(trackers, 99);
	trackers_on_address_change(trackers);
	UNTIL(told.calls == 1); /* the dead one is busy, so the other has its turn */
}
