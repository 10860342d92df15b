/* Tests of tools/io/http.c, with a server of our own on loopback. */
#include "tools/io/http.h"

#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <stdio.h>

#include "tools/io/dns.h"
#include "tools/io/loop.h"

enum { ASKED_MAX = 32 };

static const struct socket_bind anywhere;
static struct loop loop;
static struct dns *dns;
static struct http *http;
static struct evhttp *server;
static uint16_t port;
static uint32_t requests;
static struct {
	uint32_t calls;
	bool has_reason, absent;
	char reason[HTTP_REASON_MAX];
	long status;
	char body[4096];
	size_t body_size;
	struct endpoint from;
} told;

static const uint8_t bomb[] = { /* 64 KiB of zeroes, gzipped */
	0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xed, 0xc1,
	0x01, 0x01, 0x00, 0x00, 0x00, 0x80, 0x90, 0xfe, 0xaf, 0xee, 0x08, 0x0a,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x6a, 0xeb, 0x8e, 0x97, 0xd7, 0x00, 0x00, 0x01, 0x00
};

/* The path is what the server shall do. */
static void serve(struct evhttp_request *r, void *context)
{
	struct evbuffer *body = evbuffer_new();
	const char *uri = evhttp_request_get_uri(r);
	static char filler[1 << 16];
	char to[100];
	int i, hop;

	(void)context;
	requests++;
	evhttp_add_header(evhttp_request_get_output_headers(r), "Content-Type", "text/plain");
	if (sscanf(uri, "/hops/%d", &hop) == 1) {
		snprintf(to, sizeof(to), hop > 1 ? "/hops/%d" : "/text", hop - 1);
		evhttp_add_header(evhttp_request_get_output_headers(r), "Location", to);
		evhttp_send_reply(r, 302, "Found", body);
	} else if (strncmp(uri, "/to?", 4) == 0) {
		evhttp_add_header(evhttp_request_get_output_headers(r), "Location", uri + 4);
		evhttp_send_reply(r, 301, "Moved", body);
	} else if (strcmp(uri, "/silent") == 0) {
		evbuffer_free(body);
		return;
	} else if (strcmp(uri, "/long") == 0) {
		for (i = 0; i < 64; i++)
			evbuffer_add(body, filler, sizeof(filler));
		evhttp_send_reply(r, 200, "OK", body);
	} else if (strcmp(uri, "/bomb") == 0) {
		evhttp_add_header(evhttp_request_get_output_headers(r), "Content-Encoding", "gzip");
		evbuffer_add(body, bomb, sizeof(bomb));
		evhttp_send_reply(r, 200, "OK", body);
	} else if (strcmp(uri, "/missing") == 0) {
		evbuffer_add_printf(body, "no");
		evhttp_send_reply(r, 404, "Not here", body);
	} else {
		evbuffer_add_printf(body, "said %s", uri);
		evhttp_send_reply(r, 200, "OK", body);
	}
	evbuffer_free(body);
}

static void on_answer(void *context, const struct http_answer *a)
{
	cr_assert_eq(context, &told);
	told.calls++;
	told.has_reason = a->reason != NULL;
	told.absent = a->absent;
	snprintf(told.reason, sizeof(told.reason), "%s", a->reason ? a->reason : "");
	told.status = a->status;
	cr_assert_leq(a->body.size, sizeof(told.body));
	told.body_size = a->body.size;
	if (a->body.size)
		memcpy(told.body, a->body.data, a->body.size);
	told.from = a->from;
}

static void settle(void *context)
{
	(void)context;
}

static void begin(void)
{
	struct evhttp_bound_socket *bound;

	loop_init(&loop);
	loop.settle = settle;
	server = evhttp_new(loop.base);
	evhttp_set_gencb(server, serve, NULL);
	bound = evhttp_bind_socket_with_handle(server, "127.0.0.1", 0);
	cr_assert_not_null(bound);
	port = socket_local(evhttp_bound_socket_get_fd(bound)).port;
	dns = dns_new(&loop, &anywhere);
	http = http_new(&loop, dns, &anywhere);
}

static void end(void)
{
	http_free(http);
	dns_free(dns);
	evhttp_free(server);
	loop_deinit(&loop);
}

TestSuite(http, .init = begin, .fini = end);

static struct http_request request_of(char *url, size_t size, const char *path)
{
	snprintf(url, size, "http://127.0.0.1:%u%s", port, path);
	return (struct http_request){
		.url = url,
		.local = true,
		.timeout = 20 * USEC_PER_SEC,
		.body_max = sizeof(told.body),
		.on_answer = on_answer,
		.context = &told,
	};
}

static void run(const struct http_request *r)
{
	uint32_t before = told.calls;

	cr_assert_neq(http_get(http, r), 0);
	cr_assert_eq(told.calls, before);
	while (told.calls == before)
		event_base_loop(loop.base, EVLOOP_ONCE);
	cr_assert_eq(http_active(http), 0);
}

static void get(const char *path)
{
	char url[256];
	const struct http_request r = request_of(url, sizeof(url), path);

	run(&r);
}

static bool said(const char *text)
{
	return bytes_equal_text(bytes_of(told.body, told.body_size), text);
}

Test(http, get)
{
	get("/text?a=%00b");
	cr_assert_not(told.has_reason, "%s", told.reason);
	cr_assert_eq(told.status, 200);
	cr_assert(said("said /text?a=%00b"));
	cr_assert_eq(told.from.address[0], 127);
	cr_assert_eq(told.from.port, port);
	get("/again");
	cr_assert(said("said /again"));
}

Test(http, any_status_is_an_answer)
{
	get("/missing");
	cr_assert_not(told.has_reason);
	cr_assert_eq(told.status, 404);
	cr_assert(said("no"));
}

Test(http, redirects_are_followed_five_times)
{
	get("/hops/5");
	cr_assert(said("said /text"), "%s", told.reason);
	cr_assert_eq(requests, 6);
	get("/hops/6");
	cr_assert_str_eq(told.reason, "too many redirects");
	get("/hops/1000000");
	cr_assert_str_eq(told.reason, "too many redirects");
}

Test(http, redirects_to_other_schemes_are_refused)
{
	get("/to?ftp://127.0.0.1/x");
	cr_assert(told.has_reason);
	get("/to?file:///etc/passwd");
	cr_assert(told.has_reason);
	get("/to?udp://127.0.0.1:80/");
	cr_assert(told.has_reason);
	cr_assert_eq(requests, 3);
}

Test(http, a_body_is_given_up_at_its_limit)
{
	get("/long");
	cr_assert_str_eq(told.reason, "answer too long");
}

/* The limit counts what comes out of the compression. */
Test(http, a_bomb_is_given_up_at_the_limit)
{
	char url[256];
	struct http_request r = request_of(url, sizeof(url), "/bomb");

	run(&r);
	cr_assert_str_eq(told.reason, "answer too long");
	cr_assert_lt(sizeof(bomb), sizeof(told.body));
}

Test(http, silence_ends)
{
	char url[256];
	struct http_request r = request_of(url, sizeof(url), "/silent");

	r.timeout = 50 * USEC_PER_MS;
	run(&r);
	cr_assert(told.has_reason);
	cr_assert_neq(told.reason[0], '\0');
}

/* Who may not reach into our network is told so before any packet. */
Test(http, our_network_is_closed_to_strangers)
{
	char url[256];
	struct http_request r = request_of(url, sizeof(url), "/text");

	r.local = false;
	run(&r);
	cr_assert_str_eq(told.reason, "points into a network it must not");
	cr_assert_eq(requests, 0);
	cr_assert_not(told.absent);
}

Test(http, a_family_may_be_absent)
{
	char url[256];
	struct http_request r = request_of(url, sizeof(url), "/text");

	r.family = ENDPOINT_V6;
	run(&r);
	cr_assert(told.absent);
	r.family = ENDPOINT_V4;
	run(&r);
	cr_assert_not(told.absent);
	cr_assert_eq(told.status, 200);
}

Test(http, nobody_listens)
{
	char url[256];
	struct http_request r = request_of(url, sizeof(url), "/text");
	int fd = socket_open(&anywhere, ENDPOINT_V4, SOCK_STREAM, 0);

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", socket_local(fd).port);
	run(&r);
	cr_assert(told.has_reason);
	cr_assert_not(told.absent);
	evutil_closesocket(fd);
}

Test(http, urls_that_are_none)
{
	static const char *const urls[] = { "", "x", "ftp://a/", "udp://127.0.0.1:1/", "http://u@h/" };
	struct http_request r = { .timeout = USEC_PER_SEC, .on_answer = on_answer, .context = &told };
	size_t i;

	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		r.url = urls[i];
		run(&r);
		cr_assert(told.has_reason);
	}
}

Test(http, cancelled_is_never_answered)
{
	char url[256];
	struct http_request r = request_of(url, sizeof(url), "/text");

	http_cancel(http, http_get(http, &r));
	http_cancel(http, 12345);
	get("/text");
	cr_assert_eq(told.calls, 1);
}

Test(http, what_is_open_at_the_end_is_answered)
{
	char url[256];
	struct http_request r = request_of(url, sizeof(url), "/silent");
	uint32_t i;

	http_get(http, &r);
	for (i = 0; i < 10; i++)
		event_base_loop(loop.base, EVLOOP_NONBLOCK);
	http_free(http);
	cr_assert_eq(told.calls, 1);
	cr_assert_str_eq(told.reason, "closing");
	http = http_new(&loop, dns, &anywhere);
}

Test(http, limit_of_requests)
{
	char url[256];
	struct http_request r = request_of(url, sizeof(url), "/text");
	uint32_t i;

	for (i = 0; i < HTTP_ACTIVE_MAX; i++)
		cr_assert_neq(http_get(http, &r), 0);
	cr_assert_eq(http_get(http, &r), 0);
	while (told.calls < HTTP_ACTIVE_MAX)
		event_base_loop(loop.base, EVLOOP_ONCE);
	cr_assert_eq(http_active(http), 0);
}
