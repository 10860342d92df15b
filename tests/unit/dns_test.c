/* Tests of tools/io/dns.c, with a name server of our own on loopback. */
#include "tools/io/dns.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/io/loop.h"

enum { PORT = 6881, TYPE_A = 1, TYPE_AAAA = 28, HEADER = 12 };

static const struct socket_bind anywhere;
static struct loop loop;
static struct dns *dns;
static struct {
	uint32_t calls, count;
	struct endpoint answers[DNS_ANSWERS_MAX];
	char reason[100];
	bool has_reason;
} told;

/* ---- a name server: 192.0.2.x is not dialled, so 10.x is given out ---- */

static int server = -1;
static uint32_t queries;
static struct event server_event;

static void answer(evutil_socket_t fd, short what, void *context)
{
	static const uint8_t record_a[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 1, 2, 3 };
	static const uint8_t record_aaaa[] = { 0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 60, 0, 16, 0xfd, 0,
		                               0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 };
	uint8_t message[512];
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(fd, message, 400, 0, (struct sockaddr *)&from, &size);
	size_t end = HEADER;
	bool exists;

	(void)what;
	(void)context;
	cr_assert_gt(n, HEADER);
	queries++;
	exists = message[HEADER + 1] != 'x'; /* no name that begins with x exists */
	while (message[end] != 0)
		end += 1u + message[end];
	end += 5;
	message[2] = 0x84;
	message[3] = exists ? 0x80 : 0x83;
	memset(message + 6, 0, 6); /* the EDNS record is not repeated */
	if (exists && message[end - 3] == TYPE_A) {
		message[7] = 1;
		memcpy(message + end, record_a, sizeof(record_a));
		end += sizeof(record_a);
	} else if (exists && message[end - 3] == TYPE_AAAA) {
		message[7] = 1;
		memcpy(message + end, record_aaaa, sizeof(record_aaaa));
		end += sizeof(record_aaaa);
	}
	cr_assert_eq(sendto(fd, message, end, 0, (struct sockaddr *)&from, size), (ssize_t)end);
}

static void start_server(bool answers)
{
	char text[64];

	server = socket_open(&anywhere, ENDPOINT_V4, SOCK_DGRAM, 0);
	cr_assert_geq(server, 0);
	event_assign(&server_event, loop.base, server, EV_READ | EV_PERSIST, answer, NULL);
	if (answers)
		event_add(&server_event, NULL);
	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", socket_local(server).port);
	cr_assert(dns_use_server(dns, text));
}

static void on_answer(void *context, const struct endpoint *answers, uint32_t count,
                      const char *reason)
{
	cr_assert_eq(context, &told);
	told.calls++;
	told.count = count;
	memcpy(told.answers, answers, count * sizeof(*answers));
	told.has_reason = reason != NULL;
	(void)snprintf(told.reason, sizeof(told.reason), "%s", reason == NULL ? "" : reason);
}

static void begin(void)
{
	loop_init(&loop);
	dns = dns_new(&loop, &anywhere);
}

static void end(void)
{
	dns_free(dns);
	if (server >= 0) {
		event_del(&server_event);
		close(server);
	}
	loop_deinit(&loop);
}

TestSuite(dns, .init = begin, .fini = end);

static void resolve(const char *host)
{
	const uint32_t calls = told.calls;

	cr_assert_neq(dns_resolve(dns, host, PORT, on_answer, &told), 0);
	cr_assert_eq(told.calls, calls, "never from within the call");
	while (told.calls == calls)
		event_base_loop(loop.base, EVLOOP_ONCE);
}

Test(dns, literals)
{
	const struct endpoint want = endpoint_v4(10, 9, 8, 7, PORT);

	resolve("10.9.8.7");
	cr_assert_eq(told.count, 1);
	cr_assert(endpoint_equal(&told.answers[0], &want));
	resolve("fd00::7");
	cr_assert_eq(told.count, 1);
	cr_assert_eq(told.answers[0].family, ENDPOINT_V6);
	cr_assert_eq(told.answers[0].port, PORT);
}

Test(dns, hosts_file)
{
	uint32_t i;

	start_server(false); /* nobody is asked */
	resolve("localhost");
	cr_assert_geq(told.count, 1);
	for (i = 0; i < told.count; i++)
		cr_assert_eq(endpoint_class(&told.answers[i]), ENDPOINT_LOOPBACK);
}

Test(dns, both_families)
{
	start_server(true);
	resolve("node.example");
	cr_assert_eq(told.count, 2);
	cr_assert_neq(told.answers[0].family, told.answers[1].family);
	cr_assert_eq(told.answers[0].port, PORT);
	cr_assert_geq(queries, 2);
}

Test(dns, unknown_name_says_so)
{
	start_server(true);
	resolve("xnode.example");
	cr_assert_eq(told.count, 0);
	cr_assert_str_eq(told.reason, "Domain name not found");
}

/* --bind to one family: addresses of the other are of no use. */
Test(dns, bind_chooses_the_family)
{
	struct socket_bind b;

	dns_free(dns);
	cr_assert(socket_bind_parse(&b, "127.0.0.1"));
	dns = dns_new(&loop, &b);
	start_server(true);
	resolve("node.example");
	cr_assert_eq(told.count, 1);
	cr_assert_eq(told.answers[0].family, ENDPOINT_V4);
}

Test(dns, cancelled_is_not_called)
{
	start_server(true);
	dns_cancel(dns, dns_resolve(dns, "node.example", PORT, on_answer, &told));
	dns_cancel(dns, dns_resolve(dns, "10.1.1.1", PORT, on_answer, &told));
	dns_cancel(dns, 12345);
	resolve("other.example");
	cr_assert_eq(told.calls, 1);
}

/* Contexts can be released: every open question hears of the end. */
Test(dns, free_answers_what_is_open)
{
	start_server(false);
	cr_assert_neq(dns_resolve(dns, "node.example", PORT, on_answer, &told), 0);
	cr_assert_neq(dns_resolve(dns, "10.1.1.1", PORT, on_answer, &told), 0);
	dns_free(dns);
	dns = NULL;
	cr_assert_eq(told.calls, 2);
	cr_assert_eq(told.count, 0);
	cr_assert_not(told.has_reason);
}

Test(dns, questions_are_bounded)
{
	uint32_t i;

	for (i = 0; i < DNS_QUESTIONS_MAX; i++)
		cr_assert_neq(dns_resolve(dns, "10.1.1.1", PORT, on_answer, &told), 0);
	cr_assert_eq(dns_resolve(dns, "10.1.1.1", PORT, on_answer, &told), 0);
	event_base_loop(loop.base, EVLOOP_NONBLOCK);
	cr_assert_eq(told.calls, DNS_QUESTIONS_MAX);
	cr_assert_neq(dns_resolve(dns, "10.1.1.1", PORT, on_answer, &told), 0);
}

Test(dns, splits)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
	} good[] = {
		{ "router.example:6881", "router.example", 6881 },
		{ "1.2.3.4:80", "1.2.3.4", 80 },
		{ "[::1]:65535", "::1", 65535 },
	};
	static const char *const bad[] = { "", ":", "a", "a:", ":1", "a:0", "a:65536", "a:1x", "a: 1",
		                           "::1", "[]:1", "fe80::1:80", "a:99999999999" };
	char host[DNS_HOST_MAX + 1], longest[DNS_HOST_MAX + 20];
	uint16_t port;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cr_assert(dns_split(good[i].text, host, &port), "%s", good[i].text);
		cr_assert_str_eq(host, good[i].host);
		cr_assert_eq(port, good[i].port);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_not(dns_split(bad[i], host, &port), "%s", bad[i]);
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + DNS_HOST_MAX, ":1", 3);
	cr_assert(dns_split(longest, host, &port));
	longest[DNS_HOST_MAX] = 'a';
	memcpy(longest + DNS_HOST_MAX + 1, ":1", 3);
	cr_assert_not(dns_split(longest, host, &port));
}
