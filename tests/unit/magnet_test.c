/* tests/unit/magnet_test.c: proto/magnet.c. */
#include "proto/magnet.h"

#include "proto/memory.h"
#include "proto/wire.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define HEX "0123456789abcdef0123456789ABCDEF01234567"
#define BASE32 "AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH" /* the same hash */
#define LINK "magnet:?xt=urn:btih:" HEX
#define KEY "8543d3e6115f0f98c944077a4493dcd543e49c739fd998550a1f614ab36ed63e"

static struct magnet m;
static char reason[MAGNET_REASON_MAX];

static void expect_good(const char *text)
{
	cr_assert(magnet_parse(&m, text, reason), "%s: %s", text, reason);
}

static void expect_bad(const char *text, const char *why)
{
	cr_assert_not(magnet_parse(&m, text, reason), "%s", text);
	cr_assert_str_eq(reason, why, "%s: %s", text, reason);
	magnet_deinit(&m);
}

static void expect_hash(void)
{
	uint8_t hash[SHA1_SIZE];
	cr_assert(hex_decode(HEX, hash, SHA1_SIZE));
	cr_assert(m.has_info_hash);
	cr_assert_eq(memcmp(hash, m.info_hash, SHA1_SIZE), 0);
}

/* BEP 9: magnet:?xt=urn:btih:<info-hash>&dn=<name>&tr=<url>&x.pe=<peer> */
Test(magnet, bep_9)
{
	expect_good(LINK "&dn=A%20name+here&tr=http%3A%2F%2Ftracker%2Fann%3Fk%3Da%2Bb&tr=udp://b:80"
	                 "&x.pe=host.example:6881&x.pe=1.2.3.4:5&x.pe=[2001:db8::1]:6");
	expect_hash();
	cr_assert_str_eq(m.name, "A name here");
	cr_assert_eq(m.tracker_count, 2);
	cr_assert_str_eq(m.trackers[0], "http://tracker/ann?k=a+b");
	cr_assert_str_eq(m.trackers[1], "udp://b:80");
	cr_assert_eq(m.peer_count, 3);
	cr_assert_str_eq(m.peers[0], "host.example:6881");
	cr_assert_str_eq(m.peers[2], "[2001:db8::1]:6");
	cr_assert_eq(m.file_count, 0);
	magnet_deinit(&m);
	magnet_deinit(&m);
}

Test(magnet, forms_of_the_hash)
{
	static const char *const good[] = {
		LINK, "magnet:?xt=urn:btih:" BASE32, "MAGNET:?XT=URN:BTIH:" HEX,
		"magnet:?xt=urn:btih:aerukz4jvpg66ajdivtytk6n54asgrlh",
		"magnet:?xt=urn%3Abtih%3A" HEX, "magnet:?xt.1=urn:btih:" HEX, HEX, BASE32,
		"  " LINK "\r\n", "\t" HEX "\n", "magnet:?dn=x&xt=urn:btih:" HEX,
		"magnet:?dn=x&amp;xt=urn:btih:" HEX, "magnet:?&&xt=urn:btih:" HEX "&",
		LINK "&xt=urn:btih:" BASE32, LINK "&xt=urn:btmh:1220aa",
		"magnet:?xt.1=urn:sha1:" BASE32 "&xt.2=urn:btih:" HEX, LINK "&unknown=%zz&also",
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		expect_good(good[i]);
		expect_hash();
		magnet_deinit(&m);
	}
}

Test(magnet, refused_with_place_and_reason)
{
	static const struct {
		const char *text;
		const char *why;
	} cases[] = {
		{ "", "neither a magnet link nor an info-hash" },
		{ "magnet", "neither a magnet link nor an info-hash" },
		{ "magnet:", "neither a magnet link nor an info-hash" },
		{ "http://a/b.torrent", "neither a magnet link nor an info-hash" },
		{ HEX "0", "neither a magnet link nor an info-hash" },
		{ "0123456789abcdef0123456789abcdef0123456x", "neither a magnet link nor an info-hash" },
		{ "magnet:?", "xt: no urn:btih with an info-hash" },
		{ "magnet:?dn=x", "xt: no urn:btih with an info-hash" },
		{ "magnet:?xt=urn:sha1:" BASE32, "xt: no urn:btih with an info-hash" },
		{ "magnet:?xt=urn:btmh:1220aa", "xt: only urn:btmh, a v2 torrent; urn:btih is needed" },
		{ "magnet:?xt=urn:btih:", "xt: info-hash is neither 40 hex digits nor 32 of base32, at byte 11" },
		{ "magnet:?xt=urn:btih:" HEX "0",
		  "xt: info-hash is neither 40 hex digits nor 32 of base32, at byte 11" },
		{ "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef0123456",
		  "xt: info-hash is neither 40 hex digits nor 32 of base32, at byte 11" },
		{ "magnet:?xt=urn:btih:AERUKZ4JVPG66AJDIVTYTK6N54ASGRL1",
		  "xt: info-hash is neither 40 hex digits nor 32 of base32, at byte 11" },
		{ LINK "&xt=urn:btih:ffffffffffffffffffffffffffffffffffffffff",
		  "xt: a second, different info-hash, at byte 64" },
		{ LINK "&dn=a%0", "dn: % without two hex digits, at byte 65" },
		{ LINK "&dn=a%", "dn: % without two hex digits, at byte 65" },
		{ LINK "&dn=%g0", "dn: % without two hex digits, at byte 64" },
		{ LINK "&dn=%4&tr=0", "dn: % without two hex digits, at byte 64" },
		{ LINK "&dn=ab%00c", "dn: %00 in a value, at byte 66" },
		{ LINK "&tr=http://a/%00", "tr: %00 in a value, at byte 73" },
		{ LINK "&so=a", "so: not a list of file numbers, at byte 64" },
		{ LINK "&so=1,", "so: not a list of file numbers, at byte 64" },
		{ LINK "&so=1-", "so: not a range of file numbers, at byte 64" },
		{ LINK "&so=3-2", "so: not a range of file numbers, at byte 64" },
		{ LINK "&so=1,,2", "so: not a list of file numbers, at byte 64" },
		{ LINK "&so=-1", "so: not a list of file numbers, at byte 64" },
		{ LINK "&so=4294967296", "so: not a list of file numbers, at byte 64" },
		{ LINK "&so=1-4294967296", "so: not a range of file numbers, at byte 64" },
		{ "magnet:?xs=urn:btpk:" HEX, "xs: public key is not 64 hex digits, at byte 11" },
		{ "magnet:?xs=urn:btpk:" KEY "&s=abc", "s: salt is not hex, at byte 87" },
		{ "magnet:?xs=urn:btpk:" KEY "&xs=urn:btpk:" KEY, "xs: a second public key, at byte 88" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_bad(cases[i].text, cases[i].why);
}

/* BEP 53: so=0,2,4,6-8 */
Test(magnet, select_only)
{
	static const struct magnet_range expected[] = { { 0, 0 }, { 2, 2 }, { 4, 4 }, { 6, 8 } };
	expect_good(LINK "&so=0,2,4,6-8");
	cr_assert_eq(m.file_count, 4);
	for (int i = 0; i < 4; i++) {
		cr_assert_eq(m.files[i].first, expected[i].first);
		cr_assert_eq(m.files[i].last, expected[i].last);
	}
	magnet_deinit(&m);
	expect_good(LINK "&so=");
	cr_assert_eq(m.file_count, 0, "all");
	magnet_deinit(&m);
	expect_good(LINK "&so=4294967295");
	cr_assert_eq(m.files[0].last, UINT32_MAX);
	magnet_deinit(&m);
}

/* BEP 46: magnet:?xs=urn:btpk:[ Public Key (Hex) ]&s=[ Salt (Hex) ] */
Test(magnet, public_key)
{
	uint8_t key[32];
	hex_decode(KEY, key, sizeof(key));
	expect_good("magnet:?xs=urn:btpk:" KEY "&s=6e");
	cr_assert(m.has_public_key);
	cr_assert_not(m.has_info_hash);
	cr_assert_eq(memcmp(m.public_key, key, 32), 0);
	cr_assert_eq(m.salt_size, 1);
	cr_assert_eq(m.salt[0], 'n');
	magnet_deinit(&m);
	expect_good("magnet:?xs=urn:btpk:" KEY);
	cr_assert_eq(m.salt_size, 0);
	magnet_deinit(&m);
	expect_good(LINK "&xs=http://a/b.torrent");
	cr_assert_not(m.has_public_key);
	magnet_deinit(&m);

	char text[400];
	int used = snprintf(text, sizeof(text), "magnet:?xs=urn:btpk:" KEY "&s=");
	memset(text + used, 'a', 2 * MAGNET_SALT_MAX);
	text[used + 2 * MAGNET_SALT_MAX] = '\0';
	expect_good(text);
	cr_assert_eq(m.salt_size, MAGNET_SALT_MAX);
	magnet_deinit(&m);
	strcat(text, "aa");
	expect_bad(text, "s: salt is longer than 64 bytes, at byte 87");
}

/* What only helps never spoils a link. */
Test(magnet, malformed_helpers_are_left_out)
{
	expect_good(LINK "&tr=&tr=wss://a&tr=file:///etc/passwd&tr=http://a/%0d%0aX:y&tr.1=http://b/"
	                 "&tr.x=http://c/&tr=http://b/&x.pe=a&x.pe=a:0&x.pe=::1:80&ws=ftp://a/&ws=http://w/"
	                 "&dn=&dn=first&dn=second");
	cr_assert_eq(m.tracker_count, 1);
	cr_assert_str_eq(m.trackers[0], "http://b/");
	cr_assert_eq(m.peer_count, 0);
	cr_assert_eq(m.web_seed_count, 1);
	cr_assert_str_eq(m.web_seeds[0], "http://w/");
	cr_assert_str_eq(m.name, "first");
	magnet_deinit(&m);
}

Test(magnet, name_is_safe_to_show)
{
	expect_good(LINK "&dn=a%1b%5B2J%ffb%0a%C3%A4");
	cr_assert_str_eq(m.name, "a_[2J_b_\xc3\xa4");
	magnet_deinit(&m);
}

static const char *link_with_many(struct writer *w, const char *format, int count)
{
	write_text(w, LINK);
	for (int i = 0; i < count; i++) {
		char text[64];
		snprintf(text, sizeof(text), format, i);
		write_text(w, text);
	}
	write_u8(w, 0);
	cr_assert_not(w->failed);
	return (const char *)w->data;
}

Test(magnet, lists_are_bounded)
{
	static uint8_t buffer[MAGNET_SIZE_MAX];
	struct writer w;
	writer_init(&w, buffer, sizeof(buffer));
	expect_good(link_with_many(&w, "&tr=http://h%d/", MAGNET_TRACKERS_MAX + 1));
	cr_assert_eq(m.tracker_count, MAGNET_TRACKERS_MAX);
	magnet_deinit(&m);
	writer_init(&w, buffer, sizeof(buffer));
	expect_good(link_with_many(&w, "&x.pe=h%d:1", MAGNET_PEERS_MAX + 1));
	cr_assert_eq(m.peer_count, MAGNET_PEERS_MAX);
	magnet_deinit(&m);
	writer_init(&w, buffer, sizeof(buffer));
	expect_good(link_with_many(&w, "&ws=http://h%d/", MAGNET_URLS_MAX + 1));
	cr_assert_eq(m.web_seed_count, MAGNET_URLS_MAX);
	magnet_deinit(&m);
	writer_init(&w, buffer, sizeof(buffer));
	expect_good(link_with_many(&w, "&so=%d", MAGNET_RANGES_MAX));
	cr_assert_eq(m.file_count, MAGNET_RANGES_MAX);
	magnet_deinit(&m);
	writer_init(&w, buffer, sizeof(buffer));
	cr_assert_not(magnet_parse(&m, link_with_many(&w, "&so=%d", MAGNET_RANGES_MAX + 1), reason));
	cr_assert(strstr(reason, "so: too many ranges") == reason);
	magnet_deinit(&m);
}

Test(magnet, size_limits)
{
	char *text = memory_alloc(MAGNET_SIZE_MAX + 2);
	memset(text, 'x', MAGNET_SIZE_MAX + 1);
	memcpy(text, LINK "&dn=", strlen(LINK "&dn="));
	text[MAGNET_SIZE_MAX] = '\0';
	expect_good(text);
	cr_assert_eq(strlen(m.name), MAGNET_NAME_MAX);
	magnet_deinit(&m);
	text[MAGNET_SIZE_MAX] = 'x';
	text[MAGNET_SIZE_MAX + 1] = '\0';
	expect_bad(text, "longer than 65536 bytes");
	free(text);
}

Test(magnet, format_reads_back)
{
	static const char *const trackers[] = { "http://a/?x=1&y=%20#z", "udp://b:1/" };
	uint8_t hash[SHA1_SIZE];
	hex_decode(HEX, hash, SHA1_SIZE);
	char *link = magnet_format(hash, "a&b=c +%\xc3\xa4", trackers, 2);
	cr_assert_str_eq(link, "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567"
	                       "&dn=a%26b%3Dc%20%2B%25%C3%A4&tr=http%3A%2F%2Fa%2F%3Fx%3D1%26y%3D%2520%23z"
	                       "&tr=udp%3A%2F%2Fb%3A1%2F");
	expect_good(link);
	expect_hash();
	cr_assert_str_eq(m.name, "a&b=c +%\xc3\xa4");
	cr_assert_eq(m.tracker_count, 2);
	cr_assert_str_eq(m.trackers[0], trackers[0]);
	cr_assert_str_eq(m.trackers[1], trackers[1]);
	magnet_deinit(&m);
	free(link);

	link = magnet_format(hash, NULL, NULL, 0);
	cr_assert_eq(strlen(link), 60);
	free(link);
}
