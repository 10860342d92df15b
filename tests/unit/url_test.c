/* tests/unit/url_test.c: proto/url.c. */
#include "proto/url.h"

#include <criterion/criterion.h>

Test(url, words)
{
	cr_assert(url_is_word(bytes_of_text("a")));
	cr_assert(url_is_word(bytes_of_text("http://\xc3\xa4/")));
	cr_assert_not(url_is_word(bytes_of_text("")));
	cr_assert_not(url_is_word(bytes_of_text("a b")));
	cr_assert_not(url_is_word(bytes_of_text("a\r\nHost: b")));
	cr_assert_not(url_is_word(bytes_of("a\0b", 3)));
	cr_assert_not(url_is_word(bytes_of_text("a\xff")));
}

Test(url, schemes)
{
	cr_assert(url_is_web(bytes_of_text("http://a"), 100));
	cr_assert(url_is_web(bytes_of_text("HTTPS://a"), 100));
	cr_assert_not(url_is_web(bytes_of_text("http://"), 100));
	cr_assert_not(url_is_web(bytes_of_text("http:/a"), 100));
	cr_assert_not(url_is_web(bytes_of_text("file:///etc/passwd"), 100));
	cr_assert_not(url_is_web(bytes_of_text("udp://a:1"), 100));
	cr_assert(url_is_tracker(bytes_of_text("udp://a:1"), 100));
	cr_assert(url_is_tracker(bytes_of_text("http://a:1"), 100));
	cr_assert_not(url_is_tracker(bytes_of_text("wss://a:1"), 100));
	cr_assert_not(url_is_tracker(bytes_of_text(""), 100));
}

Test(url, length_limit_is_exact)
{
	cr_assert(url_is_web(bytes_of_text("http://abc"), 10));
	cr_assert_not(url_is_web(bytes_of_text("http://abc"), 9));
	cr_assert(url_is_tracker(bytes_of_text("udp://abcd"), 10));
	cr_assert_not(url_is_tracker(bytes_of_text("udp://abcd"), 9));
}

Test(url, host_and_port)
{
	static const char *const good[] = { "a:1", "host.example:6881", "1.2.3.4:65535", "[::1]:80" };
	static const char *const bad[] = { "", ":", ":1", "a", "a:", "a:0", "a:65536", "a:000080", "a:1x",
		                           "a b:1", "::1:80", "[::1]", "[::1]:0", "[a]:1", "u@a:1",
		                           "a/b:1", "a?b:1", "http://a:1" };
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		cr_assert(url_is_host_port(bytes_of_text(good[i])), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_not(url_is_host_port(bytes_of_text(bad[i])), "%s", bad[i]);

	char name[300];
	memset(name, 'a', sizeof(name));
	memcpy(name + 253, ":65535", 6);
	cr_assert(url_is_host_port(bytes_of(name, 259)));
	memcpy(name + 253, "a:6881", 6);
	cr_assert_not(url_is_host_port(bytes_of(name, 259)));
}
