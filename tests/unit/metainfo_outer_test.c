/* tests/unit/metainfo_outer_test.c: proto/metainfo_outer.c, through metainfo_parse. */
#include "proto/metainfo_outer.h"

#include "proto/memory.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define HASH "aaaaaaaaaaaaaaaaaaaa"
#define SINGLE "6:lengthi5e4:name1:n12:piece lengthi16384e6:pieces20:" HASH

static struct metainfo m;
static char reason[METAINFO_REASON_MAX];

static void expect_good(const char *text)
{
	cr_assert(metainfo_parse(&m, bytes_of_text(text), reason), "%s: %s", text, reason);
}

/* BEP 12. */
Test(metainfo_outer, tracker_tiers)
{
	expect_good("d8:announce9:http://z/13:announce-list"
	            "l" "l8:udp://b/10: http://c/e" "le" "l3:bad10:wss://a.b/e" "9:http://x/"
	            "l8:udp://b/9:http://c/e" "li5e9:HTTPS://de" "e4:infod" SINGLE "ee");
	cr_assert_eq(m.tracker_count, 3);
	cr_assert_str_eq(m.trackers[0].url, "udp://b/");
	cr_assert_str_eq(m.trackers[1].url, "http://c/");
	cr_assert_str_eq(m.trackers[2].url, "HTTPS://d");
	cr_assert_eq(m.trackers[0].tier, 0);
	cr_assert_eq(m.trackers[1].tier, 0);
	cr_assert_eq(m.trackers[2].tier, 1, "tiers with nothing in them do not count");
	metainfo_deinit(&m);

	expect_good("d8:announce9:http://z/13:announce-listle4:infod" SINGLE "ee");
	cr_assert_eq(m.tracker_count, 1);
	cr_assert_str_eq(m.trackers[0].url, "http://z/");
	metainfo_deinit(&m);

	expect_good("d8:announce15:http://a/\r\nX: y4:infod" SINGLE "ee");
	cr_assert_eq(m.tracker_count, 0, "a URL that would inject a header");
	metainfo_deinit(&m);
}

Test(metainfo_outer, lists_are_bounded)
{
	enum { COUNT = METAINFO_TRACKERS_MAX + 20, SIZE = 64 << 10 };
	uint8_t *buffer = memory_alloc(SIZE);
	struct writer w;
	writer_init(&w, buffer, SIZE);
	write_text(&w, "d13:announce-listl");
	for (int i = 0; i < COUNT; i++) {
		char url[32];
		snprintf(url, sizeof(url), "udp://h%d/", i);
		bencode_begin_list(&w);
		bencode_put_text(&w, url);
		bencode_end(&w);
	}
	write_text(&w, "e4:infod" SINGLE "e5:nodesl");
	for (int i = 0; i < COUNT; i++)
		write_text(&w, "l7:1.2.3.4i6881ee");
	write_text(&w, "e8:url-listl");
	for (int i = 0; i < COUNT; i++) {
		char url[32];
		snprintf(url, sizeof(url), "http://h%d/", i);
		bencode_put_text(&w, url);
	}
	write_text(&w, "ee");
	cr_assert(metainfo_parse(&m, writer_bytes(&w), reason), "%s", reason);
	cr_assert_eq(m.tracker_count, METAINFO_TRACKERS_MAX);
	cr_assert_eq(m.trackers[METAINFO_TRACKERS_MAX - 1].tier, METAINFO_TRACKERS_MAX - 1);
	cr_assert_eq(m.node_count, METAINFO_NODES_MAX);
	cr_assert_eq(m.web_seed_count, METAINFO_URLS_MAX);
	metainfo_deinit(&m);
	free(buffer);
}

/* BEP 5: nodes = [["<host>", <port>], ...] */
Test(metainfo_outer, nodes)
{
	expect_good("d4:infod" SINGLE "e5:nodesl"
	            "l9:127.0.0.1i6881ee" "l16:your.router.nodei4804ee" "l22:2001:db8:100:0:d5c8::1i1ee"
	            "l1:ai0ee" "l1:ai65536ee" "l1:ae" "l1:ai1ei2ee" "li1e1:ae" "l0:i1ee" "l3:a bi1ee"
	            "4:spam" "ee");
	cr_assert_eq(m.node_count, 3);
	cr_assert_str_eq(m.nodes[0].host, "127.0.0.1");
	cr_assert_eq(m.nodes[0].port, 6881);
	cr_assert_str_eq(m.nodes[1].host, "your.router.node");
	cr_assert_eq(m.nodes[1].port, 4804);
	metainfo_deinit(&m);
}

/* BEP 19: a string or a list. */
Test(metainfo_outer, web_seeds)
{
	expect_good("d4:infod" SINGLE "e8:url-list10:http://a/be");
	cr_assert_eq(m.web_seed_count, 1);
	cr_assert_str_eq(m.web_seeds[0], "http://a/b");
	metainfo_deinit(&m);
	expect_good("d4:infod" SINGLE "e8:url-listl9:http://a/9:http://a/8:ftp://b/7:file://10:https://c/"
	            "i1eee");
	cr_assert_eq(m.web_seed_count, 2);
	cr_assert_str_eq(m.web_seeds[1], "https://c/");
	metainfo_deinit(&m);
	expect_good("d4:infod" SINGLE "e8:url-listi5ee");
	cr_assert_eq(m.web_seed_count, 0);
	metainfo_deinit(&m);
}

Test(metainfo_outer, texts_are_cleaned_and_cut)
{
	static char text[METAINFO_TEXT_MAX + 1000], comment[METAINFO_TEXT_MAX + 100];
	memset(comment, 'x', sizeof(comment));
	snprintf(text, sizeof(text), "d7:comment%zu:%.*s10:created by4:a\x1b[m4:infod" SINGLE "ee",
	         sizeof(comment), (int)sizeof(comment), comment);
	expect_good(text);
	cr_assert_eq(strlen(m.comment), METAINFO_TEXT_MAX);
	cr_assert_str_eq(m.created_by, "a_[m");
	metainfo_deinit(&m);
	expect_good("d7:comment1:\xe4" "13:comment.utf-82:\xc3\xa4" "13:creation datei-5e4:infod" SINGLE "ee");
	cr_assert_str_eq(m.comment, "\xc3\xa4");
	cr_assert_eq(m.created_at, 0);
	metainfo_deinit(&m);
}
