/* tests/unit/tracker_url_test.c: tracker URLs, and what is asked with them. */
#include "proto/tracker_url.h"

#include <criterion/criterion.h>

static struct tracker_url u;
static struct tracker_request request;
static char out[TRACKER_REQUEST_URL_MAX];

static void init(void)
{
	size_t i;

	memset(&request, 0, sizeof(request));
	for (i = 0; i < SHA1_SIZE; i++)
		request.info_hash[i] = (uint8_t)(i * 13);
	memcpy(request.peer_id, "-SH0001-~a b/c?d&e%f", PEER_ID_SIZE);
	request.port = 6881;
	request.left = 100;
	request.key = 0xdeadbeef;
	request.numwant = 50;
}

TestSuite(tracker_url, .init = init);

static void parsed(const char *url)
{
	const char *reason;

	cr_assert(tracker_url_parse(&u, url, &reason), "%s: %s", url, reason);
}

Test(tracker_url, parts)
{
	parsed("http://Tracker.Example:6969/announce?pass=1#x");
	cr_assert_eq(u.scheme, TRACKER_HTTP);
	cr_assert_str_eq(u.host, "tracker.example");
	cr_assert_eq(u.port, 6969);
	cr_assert(bytes_equal_text(u.target, "/announce?pass=1"));
	cr_assert(bytes_equal_text(u.base, "http://Tracker.Example:6969/announce?pass=1"));
	parsed("HTTPS://a");
	cr_assert(u.scheme == TRACKER_HTTPS && u.port == 443 && u.target.size == 0);
	parsed("http://a_b-c.d/x");
	cr_assert_eq(u.port, 80);
	parsed("http://a:/x");
	cr_assert_eq(u.port, 80);
	parsed("udp://[2001:DB8::1]:451/dir?a=b&c=d");
	cr_assert_eq(u.scheme, TRACKER_UDP);
	cr_assert_str_eq(u.host, "2001:db8::1");
	cr_assert_eq(u.port, 451);
	cr_assert(bytes_equal_text(u.target, "/dir?a=b&c=d"));
	parsed("http://[::1]/announce");
	cr_assert_eq(u.port, 80);
	parsed("http://h?x=1");
	cr_assert(bytes_equal_text(u.target, "?x=1"));
	parsed("udp://h:65535");
	cr_assert_eq(u.port, 65535);
}

Test(tracker_url, refused)
{
	static const char *const urls[] = {
	    "",
	    "http",
	    "http:/",
	    "http://",
	    "http:///x",
	    "ftp://a/b",
	    "wss://a/b",
	    "dht://a",
	    "udp://a",
	    "udp://a/announce",
	    "udp://a:0",
	    "udp://a:65536",
	    "udp://a:123456",
	    "http://a:b/",
	    "http://a:-1/",
	    "http://a:1x/",
	    "http://a b/",
	    "http://a\tb/",
	    "http://a\r\n/",
	    "http://a/\x7f",
	    "http://\xc3\xa4/",
	    "http://user@a/",
	    "http://user:pw@a/x",
	    "http://a\\@b/",
	    "http://[::1",
	    "http://[]/",
	    "http://[::1]x/",
	    "http://[::g]/",
	    "http://a%2e/",
	    "http://*/",
	    " http://a/",
	};
	const char *reason;
	size_t i;

	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		reason = NULL;
		cr_assert_not(tracker_url_parse(&u, urls[i], &reason), "%s", urls[i]);
		cr_assert_not_null(reason);
	}
}

Test(tracker_url, length_limits)
{
	char url[TRACKER_URL_MAX + 1];
	const char *reason;

	memset(url, 'a', sizeof(url));
	memcpy(url, "http://h/", 9);
	url[TRACKER_URL_MAX - 1] = '\0';
	parsed(url);
	cr_assert(tracker_url_announce(&u, &request, out)); /* the longest still fits */
	url[TRACKER_URL_MAX - 1] = 'a';
	url[TRACKER_URL_MAX] = '\0';
	cr_assert_not(tracker_url_parse(&u, url, &reason));
	memset(url, 'a', sizeof(url));
	memcpy(url, "http://", 7);
	url[7 + TRACKER_HOST_MAX - 1] = '\0';
	parsed(url);
	url[7 + TRACKER_HOST_MAX - 1] = 'a';
	url[7 + TRACKER_HOST_MAX] = '\0';
	cr_assert_not(tracker_url_parse(&u, url, &reason));
}

Test(tracker_url, announce_in_full)
{
	parsed("http://t/announce");
	request.event = TRACKER_EVENT_STARTED;
	request.uploaded = 1;
	request.downloaded = UINT64_MAX;
	cr_assert(tracker_url_announce(&u, &request, out));
	cr_assert_str_eq(
	    out,
	    "http://t/"
	    "announce?info_hash=%00%0D%1A%274AN%5Bhu%82%8F%9C%A9%B6%C3%D0%DD%EA%F7"
	    "&peer_id=-SH0001-~a%20b%2Fc%3Fd%26e%25f&port=6881&uploaded=1"
	    "&downloaded=9223372036854775807&left=100&compact=1&no_peer_id=1&key=DEADBEEF"
	    "&numwant=50&event=started");
}

Test(tracker_url, optional_parameters)
{
	parsed("https://t/announce?passkey=abc");
	request.event = TRACKER_EVENT_PAUSED;
	request.tracker_id = "a&b";
	request.crypto = request.crypto_required = true;
	request.ipv6 =
	    endpoint_from_address(bytes_of("\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16), 1);
	cr_assert(tracker_url_announce(&u, &request, out));
	cr_assert_not_null(strstr(out, "/announce?passkey=abc&info_hash=%00"));
	cr_assert_not_null(strstr(out, "&event=paused"));
	cr_assert_not_null(strstr(out, "&trackerid=a%26b"));
	cr_assert_not_null(strstr(out, "&ipv6=fd00%3A%3A1"));
	cr_assert_not_null(strstr(out, "&supportcrypto=1"));
	cr_assert_not_null(strstr(out, "&requirecrypto=1"));
	request.event = TRACKER_EVENT_NONE;
	request.tracker_id = "";
	request.crypto = request.crypto_required = false;
	request.ipv6.family = ENDPOINT_NONE;
	cr_assert(tracker_url_announce(&u, &request, out));
	cr_assert_null(strstr(out, "event="));
	cr_assert_null(strstr(out, "trackerid="));
	cr_assert_null(strstr(out, "ipv6="));
	cr_assert_null(strstr(out, "crypto="));
}

Test(tracker_url, joints)
{
	static const char *const urls[] = {"http://t/a", "http://t/a?", "http://t/a?b&",
					   "http://t/a?b", "http://t/a#?"};
	static const char *const wants[] = {"t/a?info_hash", "t/a?info_hash",
					    "t/a?b&info_hash", "t/a?b&info_hash",
					    "t/a?info_hash"};
	size_t i;

	for (i = 0; i < 5; i++) {
		parsed(urls[i]);
		cr_assert(tracker_url_announce(&u, &request, out));
		cr_assert_not_null(strstr(out, wants[i]), "%s", out);
	}
}

Test(tracker_url, every_event_has_a_name)
{
	static const char *const names[] = {NULL, "completed", "started", "stopped",
					    "paused"};
	int event;

	parsed("http://t/a");
	for (event = 1; event <= TRACKER_EVENT_PAUSED; event++) {
		request.event = (enum tracker_event)event;
		cr_assert(tracker_url_announce(&u, &request, out));
		cr_assert_not_null(strstr(strstr(out, "&event="), names[event]));
	}
}

Test(tracker_url, udp_has_no_request_url)
{
	static char scrape[TRACKER_SCRAPE_URL_MAX];

	parsed("udp://t:1/announce");
	cr_assert_not(tracker_url_announce(&u, &request, out));
	cr_assert_not(tracker_url_scrape(&u, &request.info_hash, 1, scrape));
}

/* BEP 48, with the cases of the convention it grew from. */
Test(tracker_url, scrape)
{
	static const struct {
		const char *url, *want; /* NULL: none */
	} table[] = {
	    {"http://e/announce", "http://e/scrape?info_hash=%00"},
	    {"http://e/x/announce", "http://e/x/scrape?info_hash"},
	    {"http://e/announce.php", "http://e/scrape.php?info_hash"},
	    {"http://e/announce?x2%0644", "http://e/scrape?x2%0644&info_hash"},
	    {"http://e/announce?a=/announce", "http://e/scrape?a=/announce&info_hash"},
	    {"http://e/a", NULL},
	    {"http://e/announce/x", NULL},
	    {"http://e/xannounce", NULL},
	    {"http://e?announce", NULL},
	    {"http://e", NULL},
	    {"http://announce", NULL},
	};
	static char scrape[TRACKER_SCRAPE_URL_MAX];
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		bool ok;

		parsed(table[i].url);
		ok = tracker_url_scrape(&u, &request.info_hash, 1, scrape);
		cr_assert_eq(ok, table[i].want != NULL, "%s", table[i].url);
		if (ok)
			cr_assert_eq(strncmp(scrape, table[i].want, strlen(table[i].want)),
				     0, "%s", scrape);
	}
}

Test(tracker_url, largest_scrape_fits)
{
	static uint8_t hashes[TRACKER_SCRAPE_MAX][SHA1_SIZE];
	static char scrape[TRACKER_SCRAPE_URL_MAX], url[TRACKER_URL_MAX];

	memset(url, 'a', sizeof(url));
	memcpy(url, "http://h/announce?", 18);
	url[TRACKER_URL_MAX - 1] = '\0';
	parsed(url);
	cr_assert(tracker_url_scrape(&u, hashes, TRACKER_SCRAPE_MAX, scrape));
}
