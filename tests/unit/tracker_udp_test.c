/* tests/unit/tracker_udp_test.c: packets of BEP 15 and 41. */
#include "proto/tracker_udp.h"

#include <criterion/criterion.h>

static uint8_t packet[TRACKER_UDP_PACKET_MAX];
static struct tracker_udp_head head;
static struct tracker_response r;
static struct writer w;
static struct rng rng;

static void init(void)
{
	writer_init(&w, packet, sizeof(packet));
	rng_init_number(&rng, 1, 2);
}

TestSuite(tracker_udp, .init = init);

static const struct tracker_request request = {
    .info_hash = "an info-hash of 20 b",
    .peer_id = "-SH0001-123456789012",
    .uploaded = 3,
    .downloaded = 1,
    .left = 2,
    .event = TRACKER_EVENT_STARTED,
    .key = 0xdeadbeef,
    .numwant = 50,
    .port = 6881,
};

Test(tracker_udp, waits_15_seconds_and_doubles)
{
	cr_assert_eq(tracker_udp_patience(0), 15 * USEC_PER_SEC);
	cr_assert_eq(tracker_udp_patience(1), 30 * USEC_PER_SEC);
	cr_assert_eq(tracker_udp_patience(8), 3840 * USEC_PER_SEC);
	cr_assert_eq(tracker_udp_patience(1000), 3840 * USEC_PER_SEC);
}

Test(tracker_udp, connect)
{
	uint64_t connection;

	tracker_udp_write_connect(&w, 0x01020304);
	cr_assert_eq(w.used, 16);
	cr_assert_arr_eq(packet, "\0\0\x04\x17\x27\x10\x19\x80\0\0\0\0\1\2\3\4", 16);

	cr_assert(
	    tracker_udp_read(&head, bytes_of("\0\0\0\0\1\2\3\4\x11\0\0\0\0\0\0\x22+", 17)));
	cr_assert_eq(head.action, TRACKER_UDP_CONNECT);
	cr_assert_eq(head.transaction, 0x01020304);
	cr_assert(tracker_udp_read_connect(&head, &connection));
	cr_assert_eq(connection, 0x1100000000000022);
	cr_assert(
	    tracker_udp_read(&head, bytes_of("\0\0\0\0\1\2\3\4\x11\0\0\0\0\0\0", 15)));
	cr_assert_not(tracker_udp_read_connect(&head, &connection));
}

Test(tracker_udp, announce_at_the_offsets_of_bep_15)
{
	tracker_udp_write_announce(&w, 0x1122334455667788, 9, &request, bytes_of(NULL, 0));
	cr_assert_eq(w.used, 98);
	cr_assert_arr_eq(packet, "\x11\x22\x33\x44\x55\x66\x77\x88\0\0\0\1\0\0\0\x09", 16);
	cr_assert_arr_eq(packet + 16, request.info_hash, 20);
	cr_assert_arr_eq(packet + 36, request.peer_id, 20);
	cr_assert_arr_eq(packet + 56, "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3",
			 24);
	cr_assert_arr_eq(packet + 80, "\0\0\0\2\0\0\0\0\xde\xad\xbe\xef\0\0\0\x32\x1a\xe1",
			 18);
}

Test(tracker_udp, paused_is_not_said_over_udp)
{
	struct tracker_request paused = request;

	paused.event = TRACKER_EVENT_PAUSED;
	tracker_udp_write_announce(&w, 1, 9, &paused, bytes_of(NULL, 0));
	cr_assert_arr_eq(packet + 80, "\0\0\0\0", 4);
}

/* The example of BEP 41, and a path longer than one option. */
Test(tracker_udp, path_as_option)
{
	static uint8_t target[2048];

	tracker_udp_write_announce(&w, 1, 9, &request, bytes_of_text("/dir?a=b&c=d"));
	cr_assert_eq(w.used, 98 + 14);
	cr_assert_arr_eq(packet + 98, "\x02\x0c/dir?a=b&c=d", 14);

	memset(target, 'p', sizeof(target));
	writer_init(&w, packet, sizeof(packet));
	tracker_udp_write_announce(&w, 1, 9, &request, bytes_of(target, sizeof(target)));
	cr_assert_not(w.failed);
	cr_assert_eq(w.used, 98 + 2048 + 9 * 2);
	cr_assert_eq(packet[98 + 1], 255);
	cr_assert_eq(packet[98 + 257], 2);
	cr_assert_eq(packet[98 + 8 * 257 + 1], 8);
}

Test(tracker_udp, announce_reply_of_either_family)
{
	static const uint8_t v4[] = {0, 0, 0,	 1,    0, 0, 0, 9, 0, 0, 7,
				     8, 0, 0,	 0,    3, 0, 0, 0, 5, 1, 2,
				     3, 4, 0x1a, 0xe1, 5, 6, 7, 8, 0, 0, 0xff};
	uint8_t v6[20 + 18] = {0, 0, 0, 1, 0, 0, 0, 9, 0, 0,	7,
			       8, 0, 0, 0, 3, 0, 0, 0, 5, 0x20, 1};

	v6[37] = 80;
	cr_assert(tracker_udp_read(&head, bytes_of(v4, sizeof(v4))));
	cr_assert_eq(head.action, TRACKER_UDP_ANNOUNCE);
	cr_assert(tracker_udp_read_announce(&head, false, &r, &rng));
	cr_assert_eq(r.interval_sec, 1800);
	cr_assert(r.incomplete == 3 && r.complete == 5);
	cr_assert_eq(r.downloaded, TRACKER_UNKNOWN);
	cr_assert_eq(r.peer_count, 1); /* the other has port 0; an odd byte is ignored */
	cr_assert_eq(r.peers[0].port, 6881);

	cr_assert(tracker_udp_read(&head, bytes_of(v6, sizeof(v6))));
	cr_assert(tracker_udp_read_announce(&head, true, &r, &rng));
	cr_assert_eq(r.peer_count, 1);
	cr_assert_eq(r.peers[0].family, ENDPOINT_V6);
	cr_assert_eq(r.peers[0].port, 80);
}

Test(tracker_udp, short_or_absurd_replies)
{
	static const uint8_t reply[20] = {0, 0, 0, 1, 0, 0, 0, 9, 0xff, 0xff, 0xff, 0xff};
	size_t size;

	for (size = 0; size < 8; size++)
		cr_assert_not(tracker_udp_read(&head, bytes_of(reply, size)));
	for (; size < 20; size++) {
		cr_assert(tracker_udp_read(&head, bytes_of(reply, size)));
		cr_assert_not(tracker_udp_read_announce(&head, false, &r, &rng));
	}
	cr_assert(tracker_udp_read(&head, bytes_of(reply, 20)));
	cr_assert(tracker_udp_read_announce(&head, false, &r, &rng));
	cr_assert_eq(r.interval_sec, 0);
	cr_assert_not(tracker_udp_read(&head, bytes_of("\0\0\0\4\0\0\0\0", 8)));
	cr_assert(tracker_udp_read(
	    &head, bytes_of("\0\0\0\1\0\0\0\0\x7f\xff\xff\xff\0\0\0\0\0\0\0\0", 20)));
	cr_assert(tracker_udp_read_announce(&head, false, &r, &rng));
	cr_assert_eq(r.interval_sec, TRACKER_SECONDS_MAX);
}

Test(tracker_udp, scrape)
{
	static uint8_t hashes[TRACKER_SCRAPE_MAX][SHA1_SIZE] = {"the first", "the second"};
	static const uint8_t reply[] = {0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0, 1,
					0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4,
					0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 7};
	struct tracker_scrape entries[3];

	tracker_udp_write_scrape(&w, 7, 9, hashes, TRACKER_SCRAPE_MAX);
	cr_assert_eq(w.used, 16 + 20 * TRACKER_SCRAPE_MAX);
	cr_assert_arr_eq(packet, "\0\0\0\0\0\0\0\7\0\0\0\2\0\0\0\x09the first", 25);

	cr_assert(tracker_udp_read(&head, bytes_of(reply, sizeof(reply))));
	cr_assert_eq(tracker_udp_read_scrape(&head, entries, 3), 2); /* the third is cut */
	cr_assert(entries[0].complete == 1 && entries[0].downloaded == 2);
	cr_assert_eq(entries[0].incomplete, 3);
	cr_assert_eq(entries[1].complete, 4);
	cr_assert_eq(tracker_udp_read_scrape(&head, entries, 1), 1);
}

Test(tracker_udp, error)
{
	static uint8_t reply[8 + 1000] = {0, 0, 0, 3, 0, 0, 0, 9, 'n', 'o', '\n'};

	cr_assert(tracker_udp_read(&head, bytes_of(reply, 11)));
	cr_assert_eq(head.action, TRACKER_UDP_ERROR);
	tracker_udp_read_error(&head, &r);
	cr_assert(r.failed);
	cr_assert_str_eq(r.text, "no_");
	memset(reply + 8, 'x', 1000);
	cr_assert(tracker_udp_read(&head, bytes_of(reply, sizeof(reply))));
	tracker_udp_read_error(&head, &r);
	cr_assert_eq(strlen(r.text), TRACKER_TEXT_MAX - 1);
	cr_assert(tracker_udp_read(&head, bytes_of(reply, 8)));
	tracker_udp_read_error(&head, &r);
	cr_assert_str_eq(r.text, "");
}
