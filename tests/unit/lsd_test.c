/* tests/unit/lsd_test.c: peer/discover/lsd.c (BEP 14). */
#include "peer/discover/lsd.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const usec start = 1000 * USEC_PER_SEC;
static const char hash_text[] = "123456789abcdef0123456789abcdef012345678";

static struct lsd l;
static struct lsd_announce a;

static void setup(void)
{
	struct rng rng;

	rng_init_number(&rng, 1, 0);
	lsd_init(&l, &rng);
}

TestSuite(lsd, .init = setup);

static bool read_text(const char *text)
{
	return lsd_announce_read(&a, bytes_of_text(text));
}

/* The form that the BEP gives, for both groups. */
Test(lsd, an_announce_as_in_the_bep)
{
	uint8_t hash[1][SHA1_SIZE], packet[LSD_PACKET_MAX];
	char expected[512];
	struct writer w;

	cr_assert(hex_decode(hash_text, hash[0], SHA1_SIZE));
	for (int v6 = 0; v6 < 2; v6++) {
		writer_init(&w, packet, sizeof(packet));
		lsd_announce_write(&w, &l, v6 ? ENDPOINT_V6 : ENDPOINT_V4, 6881, hash, 1);
		snprintf(expected, sizeof(expected),
		         "BT-SEARCH * HTTP/1.1\r\nHost: %s\r\nPort: 6881\r\nInfohash: %s\r\n"
		         "cookie: %s\r\n\r\n\r\n",
		         v6 ? "[ff15::efc0:988f]:6771" : "239.192.152.143:6771", hash_text, l.cookie);
		cr_assert(bytes_equal_text(writer_bytes(&w), expected));
		cr_assert(lsd_announce_read(&a, writer_bytes(&w)));
		cr_assert(a.port == 6881 && a.count == 1);
		cr_assert_eq(memcmp(a.info_hashes[0], hash, SHA1_SIZE), 0);
		cr_assert_str_eq(a.cookie, l.cookie);
	}
}

Test(lsd, the_largest_announce_fits_a_packet)
{
	uint8_t hashes[LSD_HASHES_MAX][SHA1_SIZE], packet[LSD_PACKET_MAX];
	struct writer w;

	for (int i = 0; i < LSD_HASHES_MAX; i++)
		memset(hashes[i], i, SHA1_SIZE);
	writer_init(&w, packet, sizeof(packet));
	lsd_announce_write(&w, &l, ENDPOINT_V6, 65535, hashes, LSD_HASHES_MAX);
	cr_assert_not(w.failed);
	cr_assert(lsd_announce_read(&a, writer_bytes(&w)));
	cr_assert_eq(a.count, LSD_HASHES_MAX);
	cr_assert_eq(memcmp(a.info_hashes, hashes, sizeof(hashes)), 0);
}

Test(lsd, others_write_it_differently)
{
	cr_assert(read_text("BT-SEARCH * HTTP/1.1\nhost: x\nPORT:51413 \nX-New: 1\n"
	                    "infoHash:\t123456789ABCDEF0123456789abcdef012345678\n\nPort: 1\n"));
	cr_assert(a.port == 51413 && a.count == 1);
	cr_assert_str_eq(a.cookie, "");
	cr_assert(read_text("BT-SEARCH * HTTP/1.1\r\nPort: 1\r\n"
	                    "Infohash: 123456789abcdef0123456789abcdef012345678"));
}

Test(lsd, nonsense_is_refused)
{
	static const char *const bad[] = {
		"",
		"\r\n",
		"GET / HTTP/1.1\r\nPort: 1\r\n",
		"BT-SEARCH * HTTP/1.1",
		"BT-SEARCH * HTTP/1.1\r\nPort: 6881\r\n\r\n",
		"BT-SEARCH * HTTP/1.1\r\nInfohash: 123456789abcdef0123456789abcdef012345678\r\n\r\n",
		"BT-SEARCH * HTTP/1.1\r\nPort: 0\r\nInfohash: 123456789abcdef0123456789abcdef012345678\r\n",
		"BT-SEARCH * HTTP/1.1\r\nPort: 65536\r\nInfohash: 123456789abcdef0123456789abcdef012345678\r\n",
		"BT-SEARCH * HTTP/1.1\r\nPort: 99999999999\r\nInfohash: 123456789abcdef0123456789abcdef012345678\r\n",
		"BT-SEARCH * HTTP/1.1\r\nPort: -1\r\nInfohash: 123456789abcdef0123456789abcdef012345678\r\n",
		"BT-SEARCH * HTTP/1.1\r\nPort:\r\nInfohash: 123456789abcdef0123456789abcdef012345678\r\n",
		"BT-SEARCH * HTTP/1.1\r\nPort: 1\r\nInfohash: 123456789abcdef0123456789abcdef01234567\r\n",
		"BT-SEARCH * HTTP/1.1\r\nPort: 1\r\nInfohash: 123456789abcdef0123456789abcdef01234567x\r\n",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_not(read_text(bad[i]), "%zu", i);
}

Test(lsd, hashes_and_cookies_are_bounded)
{
	char text[8000] = "BT-SEARCH * HTTP/1.1\r\nPort: 1\r\n"
	                  "cookie: 123456789012345678901234567890123\r\n";

	for (int i = 0; i < LSD_READ_HASHES_MAX + 10; i++)
		strcat(strcat(strcat(text, "Infohash: "), hash_text), "\r\n");
	cr_assert(read_text(text));
	cr_assert_eq(a.count, LSD_READ_HASHES_MAX);
	cr_assert_str_eq(a.cookie, "");
}

Test(lsd, the_pace)
{
	cr_assert_eq(lsd_deadline(&l), USEC_NEVER);
	lsd_hurry(&l, start);
	cr_assert_eq(lsd_deadline(&l), start);
	lsd_on_sent(&l, 1, start);
	cr_assert_eq(lsd_deadline(&l), start + LSD_INTERVAL);
	lsd_hurry(&l, start + USEC_PER_SEC);
	cr_assert_eq(lsd_deadline(&l), start + LSD_PACE, "no more than one a minute");
	lsd_on_sent(&l, 3 * LSD_HASHES_MAX, start + LSD_PACE);
	cr_assert_eq(lsd_deadline(&l), start + LSD_PACE + LSD_INTERVAL / 3);
	lsd_on_sent(&l, 10000, start);
	cr_assert_eq(lsd_deadline(&l), start + LSD_PACE);
	lsd_hurry(&l, start + USEC_PER_SEC);
	cr_assert_eq(lsd_deadline(&l), start + LSD_PACE);
	lsd_stop(&l);
	cr_assert_eq(lsd_deadline(&l), USEC_NEVER);
	lsd_on_sent(&l, 0, start);
	cr_assert_eq(lsd_deadline(&l), USEC_NEVER);
}

static bool accepts(const char *from_text, const char *local_text)
{
	struct endpoint from, local;
	cr_assert(endpoint_parse(from_text, 1, &from) && endpoint_parse(local_text, 1, &local));
	return lsd_accepts(&l, &a, &from, &local, start);
}

Test(lsd, only_our_own_network_is_believed)
{
	a.cookie[0] = '\0';
	cr_assert(accepts("192.168.1.7", "192.168.1.2"));
	cr_assert(accepts("fe80::1", "2a00::1"));
	cr_assert(accepts("127.0.0.1", "127.0.0.1"));
	cr_assert_not(accepts("9.9.9.9", "192.168.1.2"));
	cr_assert(accepts("9.9.9.9", "9.9.9.1"));
	cr_assert(accepts("2a00:1:2:3::9", "2a00:1:2:3::1"));
	cr_assert_not(accepts("2a00:1:2:4::9", "2a00:1:2:3::1"));
	cr_assert_not(accepts("224.0.0.1", "9.9.9.9"));
}

Test(lsd, our_own_echo_is_not_believed)
{
	struct rng rng;
	struct lsd other;

	rng_init_number(&rng, 2, 0);
	lsd_init(&other, &rng);
	strcpy(a.cookie, l.cookie);
	cr_assert_not(accepts("192.168.1.2", "192.168.1.2"));
	strcpy(a.cookie, other.cookie);
	cr_assert(accepts("192.168.1.2", "192.168.1.2"), "two of us on one host");
}

Test(lsd, a_flood_is_cut)
{
	const struct endpoint from = endpoint_v4(192, 168, 1, 7, 1);
	uint32_t taken = 0;

	a.cookie[0] = '\0';
	for (int i = 0; i < 1000; i++)
		taken += lsd_accepts(&l, &a, &from, &from, start);
	cr_assert_eq(taken, LSD_TAKEN_MAX);
	cr_assert(lsd_accepts(&l, &a, &from, &from, start + USEC_PER_SEC));
}
