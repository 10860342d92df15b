/* Tests of tools/io/socket.c. */
#include "tools/io/socket.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

static const struct socket_bind anywhere;

Test(socket, addresses_round_trip)
{
	static const char *const texts[] = { "1.2.3.4:80", "[2001:db8::1]:6881", "[::1]:1" };
	struct sockaddr_storage address;
	struct endpoint e, back;
	size_t i;

	for (i = 0; i < 3; i++) {
		cr_assert(endpoint_parse(texts[i], 0, &e));
		socket_from_endpoint(&e, &address);
		back = socket_to_endpoint(&address);
		cr_assert(endpoint_equal(&e, &back), "%s", texts[i]);
	}
	address.ss_family = AF_UNIX;
	cr_assert_eq(socket_to_endpoint(&address).family, ENDPOINT_NONE);
	cr_assert_eq(socket_local(-1).family, ENDPOINT_NONE);
}

Test(socket, bind_texts)
{
	struct socket_bind b;

	cr_assert(socket_bind_parse(&b, NULL));
	cr_assert(socket_bind_allows(&b, ENDPOINT_V4) && socket_bind_allows(&b, ENDPOINT_V6));
	cr_assert(socket_bind_parse(&b, "127.0.0.1"));
	cr_assert(socket_bind_allows(&b, ENDPOINT_V4) && !socket_bind_allows(&b, ENDPOINT_V6));
	cr_assert(socket_bind_parse(&b, "::1"));
	cr_assert(!socket_bind_allows(&b, ENDPOINT_V4) && socket_bind_allows(&b, ENDPOINT_V6));
	cr_assert(socket_bind_parse(&b, "lo"));
	cr_assert_str_eq(b.device, "lo");
	cr_assert_not(socket_bind_parse(&b, "no-such-interface"));
	cr_assert_not(socket_bind_parse(&b, "nointerface0"));
}

/* One port for all of them, whatever it is. */
Test(socket, set_shares_a_port)
{
	struct socket_set set;
	const char *failed;

	cr_assert(socket_set_open(&set, &anywhere, 0, true, &failed));
	cr_assert_gt(set.port, 0);
	cr_assert_geq(set.tcp4, 0);
	cr_assert_geq(set.udp4, 0);
	cr_assert_eq(socket_local(set.tcp4).port, set.port);
	cr_assert_eq(socket_local(set.udp4).port, set.port);
	if (set.tcp6 >= 0)
		cr_assert_eq(socket_local(set.tcp6).port, set.port);
	if (set.udp6 >= 0)
		cr_assert_eq(socket_local(set.udp6).port, set.port);
	socket_set_close(&set);
	cr_assert_eq(set.tcp4, -1);
}

Test(socket, set_fails_when_the_port_is_taken)
{
	struct socket_set a, b;
	const char *failed;

	cr_assert(socket_set_open(&a, &anywhere, 0, true, &failed));
	cr_assert_not(socket_set_open(&b, &anywhere, a.port, true, &failed));
	cr_assert_eq(errno, EADDRINUSE);
	cr_assert_str_eq(failed, "TCP");
	cr_assert_not(socket_set_open(&b, &anywhere, a.port, false, &failed));
	cr_assert_eq(errno, EADDRINUSE);
	cr_assert_str_eq(failed, "UDP");
	socket_set_close(&a);
}

Test(socket, set_obeys_bind)
{
	struct socket_bind b;
	struct socket_set set;
	struct endpoint local, want;
	const char *failed;

	cr_assert(socket_bind_parse(&b, "127.0.0.1"));
	cr_assert(socket_set_open(&set, &b, 0, true, &failed));
	cr_assert(set.tcp6 < 0 && set.udp6 < 0);
	cr_assert(endpoint_parse("127.0.0.1", 1, &want));
	local = socket_local(set.udp4);
	cr_assert(endpoint_same_address(&local, &want));
	socket_set_close(&set);
	/* An address that is not ours: no socket at all, rather than another. */
	b.address = endpoint_v4(198, 51, 100, 7, 0);
	cr_assert_not(socket_set_open(&set, &b, 0, true, &failed));
	cr_assert_eq(errno, EADDRNOTAVAIL);
	cr_assert_lt(socket_open_client(&b, ENDPOINT_V4, SOCK_STREAM), 0);
	cr_assert_lt(socket_open_client(&b, ENDPOINT_V6, SOCK_STREAM), 0);
}
