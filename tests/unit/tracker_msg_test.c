/* tests/unit/tracker_msg_test.c: HTTP answers and scrapes (BEP 3, 7, 23, 24, 31, 48). */
#include "proto/tracker_msg.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/bencode.h"

static struct tracker_response r;
static struct rng rng;

static void init(void)
{
	rng_init_number(&rng, 1, 1);
}

TestSuite(tracker_msg, .init = init);

static bool read_bytes_of(const void *data, size_t size)
{
	const char *reason = NULL;
	bool ok;

	memset(&r, 0xa5, sizeof(r));
	ok = tracker_response_read(&r, bytes_of(data, size), &rng, &reason);
	cr_assert(ok || (reason && reason[0]));
	return ok;
}

static bool read_text(const char *text)
{
	return read_bytes_of(text, strlen(text));
}

Test(tracker_msg, compact_of_both_families)
{
	static const char body[] =
	    "d8:completei5e10:downloadedi70e11:external ip4:\x0a\0\0\7"
	    "10:incompletei3e8:intervali1800e12:min intervali900e"
	    "5:peers12:\x01\x02\x03\x04\x1a\xe1\x05\x06\x07\x08\0\x50"
	    "6:peers618:\x20\x01\x0d\xb9\0\0\0\0\0\0\0\0\0\0\0\1\x1a\xe1"
	    "10:tracker id3:abc15:warning message4:slowe";
	const struct endpoint first = endpoint_v4(1, 2, 3, 4, 6881);

	cr_assert(read_bytes_of(body, sizeof(body) - 1));
	cr_assert_not(r.failed);
	cr_assert_eq(r.interval_sec, 1800);
	cr_assert_eq(r.min_interval_sec, 900);
	cr_assert(r.complete == 5 && r.incomplete == 3 && r.downloaded == 70);
	cr_assert_str_eq(r.tracker_id, "abc");
	cr_assert_str_eq(r.warning, "slow");
	cr_assert_eq(r.external.family, ENDPOINT_V4);
	cr_assert_eq(r.external.address[3], 7);
	cr_assert_eq(r.peer_count, 3);
	cr_assert_eq(r.peer_total, 3);
	cr_assert(endpoint_equal(&r.peers[0], &first));
	cr_assert_eq(r.peers[1].port, 80);
	cr_assert_eq(r.peers[2].family, ENDPOINT_V6);
}

Test(tracker_msg, external_address_of_16_bytes)
{
	static const char body[] = "d11:external ip16:\x20\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
				   "e";

	cr_assert(read_bytes_of(body, sizeof(body) - 1));
	cr_assert_eq(r.external.family, ENDPOINT_V6);
	cr_assert(read_text("d11:external ip3:abce"));
	cr_assert_eq(r.external.family, ENDPOINT_NONE);
}

Test(tracker_msg, dictionary_form)
{
	cr_assert(read_text("d8:intervali60e5:peersl"
			    "d2:ip9:127.0.0.17:peer id20:aaaaaaaaaaaaaaaaaaaa4:porti6881ee"
			    "d2:ip3:::14:porti1ee"
			    "d2:ip11:example.com4:porti80ee" /* a name: left out */
			    "d2:ip7:1.2.3.44:porti0ee"	     /* port 0 */
			    "d2:ip7:1.2.3.44:porti65536ee"
			    "d2:ip7:1.2.3.44:port2:80e"
			    "d2:ip10:1.2.3.4:994:porti7ee" /* its own port does not count */
			    "d4:porti80ee"
			    "i7e4:spamlee"
			    "ee"));
	cr_assert_eq(r.peer_count, 3);
	cr_assert_eq(r.peers[0].port, 6881);
	cr_assert_eq(r.peers[1].family, ENDPOINT_V6);
	cr_assert_eq(r.peers[2].port, 7);
}

Test(tracker_msg, an_address_with_a_nul_is_none)
{
	static const char body[] = "d5:peersld2:ip8:1.2.3.4\0"
				   "4:porti80eeee";

	cr_assert(read_bytes_of(body, sizeof(body) - 1));
	cr_assert_eq(r.peer_count, 0);
}

Test(tracker_msg, undialable_addresses_are_left_out)
{
	static const char body[] = "d5:peers30:\x01\x02\x03\x04\0\0" /* port 0 */
				   "\0\0\0\0\0\x50"		     /* unspecified */
				   "\xe0\0\0\1\0\x50"		     /* multicast */
				   "\xff\xff\xff\xff\0\x50"	     /* broadcast */
				   "\x7f\0\0\1\0\x50"
				   "e"; /* loopback: judged later */

	cr_assert(read_bytes_of(body, sizeof(body) - 1));
	cr_assert_eq(r.peer_count, 1);
	cr_assert_eq(r.peers[0].address[0], 127);
}

Test(tracker_msg, a_list_that_does_not_divide_keeps_what_does)
{
	cr_assert(read_text("d5:peers8:abcdefghe"));
	cr_assert_eq(r.peer_count, 1);
	cr_assert(read_text("d5:peersi8e6:peers60:e"));
	cr_assert_eq(r.peer_count, 0);
}

Test(tracker_msg, failure_reason)
{
	cr_assert(read_text("d14:failure reason12:unregistered8:intervali5ee"));
	cr_assert(r.failed);
	cr_assert_str_eq(r.text, "unregistered");
	cr_assert_eq(r.interval_sec, 0);
	cr_assert_not(r.retry_never);
	cr_assert(read_text("d14:failure reasoni7ee")); /* no text, still a no */
	cr_assert(r.failed);
	cr_assert_str_eq(r.text, "");
}

/* The examples of BEP 31, and the integer its text speaks of. */
Test(tracker_msg, retry_in)
{
	cr_assert(read_text("d14:failure reason10:Overloaded8:retry in1:5e"));
	cr_assert_eq(r.retry_sec, 300);
	cr_assert(read_text("d14:failure reason13:Not a tracker8:retry in5:nevere"));
	cr_assert(r.retry_never);
	cr_assert(read_text("d14:failure reason1:x8:retry ini7ee"));
	cr_assert_eq(r.retry_sec, 420);
	cr_assert(read_text("d14:failure reason1:x8:retry ini-7ee"));
	cr_assert_eq(r.retry_sec, 0);
	cr_assert(read_text("d14:failure reason1:x8:retry ini9223372036854775807ee"));
	cr_assert_eq(r.retry_sec, TRACKER_SECONDS_MAX);
	cr_assert(read_text("d14:failure reason1:x8:retry in20:99999999999999999999e"));
	cr_assert_eq(r.retry_sec, TRACKER_SECONDS_MAX);
	cr_assert(read_text("d14:failure reason1:x8:retry in5:5 mine"));
	cr_assert_eq(r.retry_sec, 0);
}

Test(tracker_msg, absurd_numbers_were_not_said)
{
	cr_assert(read_text("d8:completei-1e10:incompletei4294967295e8:intervali-30ee"));
	cr_assert_eq(r.complete, TRACKER_UNKNOWN);
	cr_assert_eq(r.incomplete, TRACKER_UNKNOWN);
	cr_assert_eq(r.downloaded, TRACKER_UNKNOWN);
	cr_assert_eq(r.interval_sec, 0);
	cr_assert(read_text("d8:intervali99999999999999ee"));
	cr_assert_eq(r.interval_sec, TRACKER_SECONDS_MAX);
	cr_assert(read_text("d8:interval2:30e"));
	cr_assert_eq(r.interval_sec, 0);
}

Test(tracker_msg, text_is_cleaned_and_cut)
{
	static char body[2000];
	int used = snprintf(body, sizeof(body), "d14:failure reason1000:");

	memset(body + used, 'x', 1000);
	body[used + 3] = '\x1b';
	strcpy(body + used + 1000, "e");
	cr_assert(read_text(body));
	cr_assert_eq(strlen(r.text), TRACKER_TEXT_MAX - 1);
	cr_assert_null(strchr(r.text, '\x1b'));
}

Test(tracker_msg, what_is_no_answer)
{
	static const char *const bodies[] = {
	    "",
	    "<html>404</html>",
	    "i5e",
	    "le",
	    "4:spam",
	    "d",
	    "d8:interval",
	    "d5:peers999:abce",
	};
	size_t i;

	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		cr_assert_not(read_text(bodies[i]), "%s", bodies[i]);
	cr_assert(read_text("de"));
	cr_assert(read_text("de\r\n")); /* some servers end the page so */
}

/* More peers than are kept: a random subset, which the order does not decide. */
Test(tracker_msg, ten_thousand_peers)
{
	enum { COUNT = 10000 };
	uint8_t *body = malloc(COUNT * 6 + 32);
	uint32_t i, late = 0;
	size_t used = (size_t)sprintf((char *)body, "d5:peers%d:", COUNT * 6);

	for (i = 0; i < COUNT; i++) {
		const uint8_t peer[6] = {11, 0, (uint8_t)(i >> 8), (uint8_t)i, 0x1a, 0xe1};

		memcpy(body + used, peer, 6);
		used += 6;
	}
	body[used++] = 'e';
	cr_assert(read_bytes_of(body, used));
	cr_assert_eq(r.peer_count, TRACKER_PEERS_MAX);
	cr_assert_eq(r.peer_total, COUNT);
	for (i = 0; i < r.peer_count; i++)
		late += (uint32_t)(r.peers[i].address[2] << 8 | r.peers[i].address[3]) >=
			COUNT / 2;
	cr_assert(late > 60 && late < 140, "%u", late);
	free(body);
}

Test(tracker_msg, limits_of_an_answer)
{
	static uint8_t body[TRACKER_BODY_MAX + 1];
	size_t i;

	body[0] = 'l';
	for (i = 1; i < sizeof(body); i++)
		body[i] = i % 2 ? 'l' : 'e';
	cr_assert_not(read_bytes_of(body, TRACKER_TOKENS_MAX * 2 + 10)); /* tokens */
	cr_assert_not(read_bytes_of(body, sizeof(body)));		 /* bytes */
	/* as many dictionaries as its budget was made for */
	{
		size_t used = (size_t)sprintf((char *)body, "d5:peersl");

		for (i = 0; i < 10000; i++)
			used += (size_t)sprintf((char *)body + used,
						"d2:ip7:9.8.7.64:porti%zuee", i + 1);
		used += (size_t)sprintf((char *)body + used, "ee");
		cr_assert(read_bytes_of(body, used));
		cr_assert_eq(r.peer_total, 10000);
	}
}

/* The example of BEP 48. */
Test(tracker_msg, scrape)
{
	static const char body[] =
	    "d5:filesd20:xxxxxxxxxxxxxxxxxxxxd8:completei11e10:downloadedi13772e10:"
	    "incompletei19ee"
	    "20:yyyyyyyyyyyyyyyyyyyyd8:completei21e10:downloadedi206e10:incompletei20e"
	    "11:downloadersi4eeee";
	struct tracker_scrape entries[4];
	char text[TRACKER_TEXT_MAX];
	uint32_t count;

	cr_assert(tracker_scrape_read(entries, 4, &count, bytes_of_text(body), text));
	cr_assert_eq(count, 2);
	cr_assert_arr_eq(entries[0].info_hash, "xxxxxxxxxxxxxxxxxxxx", SHA1_SIZE);
	cr_assert(entries[0].complete == 11 && entries[0].downloaded == 13772);
	cr_assert_eq(entries[0].incomplete, 19);
	cr_assert_eq(entries[0].downloaders, TRACKER_UNKNOWN);
	cr_assert_arr_eq(entries[1].info_hash, "yyyyyyyyyyyyyyyyyyyy", SHA1_SIZE);
	/* BEP 48 sorts "downloaders" nowhere; it is found */
	cr_assert_eq(entries[1].incomplete, 20);
	cr_assert(tracker_scrape_read(entries, 1, &count, bytes_of_text(body), text));
	cr_assert_eq(count, 1);
}

Test(tracker_msg, scrape_that_fails)
{
	struct tracker_scrape entries[1];
	char text[TRACKER_TEXT_MAX];
	uint32_t count;

	cr_assert_not(tracker_scrape_read(entries, 1, &count,
					  bytes_of_text("d14:failure reason2:noe"), text));
	cr_assert_str_eq(text, "no");
	cr_assert_not(tracker_scrape_read(entries, 1, &count, bytes_of_text("de"), text));
	cr_assert_str_eq(text, "scrape without files");
	cr_assert_not(tracker_scrape_read(entries, 1, &count, bytes_of_text("404"), text));
	cr_assert_str_eq(text, "not a tracker's answer");
	cr_assert(tracker_scrape_read(entries, 1, &count,
				      bytes_of_text("d5:filesd3:abcdeee"), text));
	cr_assert_eq(count, 0);
}
