/* tests/unit/endpoint_test.c: proto/endpoint.c. */
#include "proto/endpoint.h"

#include <criterion/criterion.h>

static struct endpoint parse(const char *text)
{
	struct endpoint e;
	cr_assert(endpoint_parse(text, 1, &e), "%s", text);
	return e;
}

Test(endpoint, text_round_trip)
{
	static const char *const cases[] = {
		"1.2.3.4:80", "255.255.255.255:65535", "[::1]:6881", "[2001:db8::1]:1",
		"[fe80::1:2:3:4]:443",
		"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct endpoint e;
		char out[ENDPOINT_TEXT_MAX];
		cr_assert(endpoint_parse(cases[i], 0, &e));
		cr_assert_str_eq(endpoint_format(&e, out), cases[i]);
	}
}

Test(endpoint, default_port)
{
	struct endpoint e;
	cr_assert(endpoint_parse("1.2.3.4", 6881, &e));
	cr_assert_eq(e.port, 6881);
	cr_assert(endpoint_parse("::1", 6881, &e));
	cr_assert_eq(e.port, 6881);
	cr_assert(endpoint_parse("[::1]", 6881, &e));
	cr_assert_eq(e.port, 6881);
	cr_assert(endpoint_parse("1.2.3.4:5", 6881, &e));
	cr_assert_eq(e.port, 5);
	cr_assert_not(endpoint_parse("1.2.3.4", 0, &e));
	cr_assert_not(endpoint_parse("[::1]", 0, &e));
	cr_assert_not(endpoint_parse("::1", 0, &e));
}

Test(endpoint, text_refused)
{
	static const char *const cases[] = {
		"", ":", ":80", "1.2.3.4:", "1.2.3.4:0", "1.2.3.4:65536", "1.2.3.4:80x", "1.2.3.4:-1",
		"1.2.3.4:080", "1.2.3.4:4294967297", "1.2.3:80", "1.2.3.256:80", "host:80", "localhost",
		"[::1:80", "::1]:80", "[::1]80", "[::1]:", "[1.2.3.4]:80", "[]:80", "[::g]:80",
		"1.2.3.4:80:90", " 1.2.3.4:80", "1.2.3.4 :80", "[fe80::1%eth0]:80",
		"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:1",
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct endpoint e;
		cr_assert_not(endpoint_parse(cases[i], 9, &e), "'%s'", cases[i]);
		cr_assert_eq(e.family, ENDPOINT_NONE);
	}
}

/* BEP 5: "compact IP-address/port info": 4 bytes, then the port. */
Test(endpoint, compact)
{
	const struct endpoint v4 = parse("1.2.3.4:258");
	const struct endpoint v6 = parse("[2001:db8::7]:6881");
	uint8_t out[ENDPOINT_COMPACT_V6];
	struct endpoint back;

	cr_assert_eq(endpoint_to_compact(&v4, out), 6);
	cr_assert_eq(memcmp(out, "\x01\x02\x03\x04\x01\x02", 6), 0);
	cr_assert(endpoint_from_compact(bytes_of(out, 6), &back));
	cr_assert_eq(memcmp(&v4, &back, sizeof(v4)), 0, "comparable whole");

	cr_assert_eq(endpoint_to_compact(&v6, out), 18);
	cr_assert_eq(out[16] << 8 | out[17], 6881);
	cr_assert(endpoint_from_compact(bytes_of(out, 18), &back));
	cr_assert_eq(memcmp(&v6, &back, sizeof(v6)), 0);

	for (size_t size = 0; size < sizeof(out); size++) {
		if (size != 6)
			cr_assert_not(endpoint_from_compact(bytes_of(out, size), &back));
	}
	const struct endpoint none = { .family = ENDPOINT_NONE };
	cr_assert_eq(endpoint_to_compact(&none, out), 0);
}

Test(endpoint, mapped_becomes_v4)
{
	static const uint8_t mapped[18] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 9, 8, 7, 6, 0, 80 };
	const struct endpoint plain = endpoint_v4(9, 8, 7, 6, 80);
	struct endpoint e;

	cr_assert(endpoint_from_compact(bytes_of(mapped, sizeof(mapped)), &e));
	cr_assert_eq(memcmp(&e, &plain, sizeof(e)), 0);
	e = parse("[::ffff:9.8.7.6]:80");
	cr_assert(endpoint_equal(&e, &plain));
	e = endpoint_from_address(bytes_of(mapped, 16), 80);
	cr_assert(endpoint_equal(&e, &plain));
	cr_assert_eq(endpoint_from_address(bytes_of(mapped, 5), 80).family, ENDPOINT_NONE);
}

Test(endpoint, equality)
{
	const struct endpoint a = parse("1.2.3.4:80"), b = parse("1.2.3.4:81"), c = parse("1.2.3.5:80");
	cr_assert(endpoint_equal(&a, &a));
	cr_assert_not(endpoint_equal(&a, &b));
	cr_assert(endpoint_same_address(&a, &b));
	cr_assert_not(endpoint_same_address(&a, &c));
	/* 102:304:: begins with the bytes of 1.2.3.4. */
	const struct endpoint v6 = parse("[102:304::]:80");
	cr_assert_not(endpoint_same_address(&a, &v6));
}

Test(endpoint, classes)
{
	static const struct {
		const char *text;
		enum endpoint_class class;
	} cases[] = {
		{ "0.0.0.0", ENDPOINT_UNUSABLE },       { "0.255.255.255", ENDPOINT_UNUSABLE },
		{ "1.0.0.0", ENDPOINT_GLOBAL },         { "9.255.255.255", ENDPOINT_GLOBAL },
		{ "10.0.0.0", ENDPOINT_PRIVATE },       { "10.255.255.255", ENDPOINT_PRIVATE },
		{ "11.0.0.0", ENDPOINT_GLOBAL },        { "100.63.255.255", ENDPOINT_GLOBAL },
		{ "100.64.0.0", ENDPOINT_PRIVATE },     { "100.127.255.255", ENDPOINT_PRIVATE },
		{ "100.128.0.0", ENDPOINT_GLOBAL },     { "127.0.0.1", ENDPOINT_LOOPBACK },
		{ "127.255.0.1", ENDPOINT_LOOPBACK },   { "169.254.0.1", ENDPOINT_LINK },
		{ "169.255.0.1", ENDPOINT_GLOBAL },     { "172.15.255.255", ENDPOINT_GLOBAL },
		{ "172.16.0.0", ENDPOINT_PRIVATE },     { "172.31.255.255", ENDPOINT_PRIVATE },
		{ "172.32.0.0", ENDPOINT_GLOBAL },      { "192.0.2.1", ENDPOINT_UNUSABLE },
		{ "192.0.3.1", ENDPOINT_GLOBAL },       { "192.168.1.1", ENDPOINT_PRIVATE },
		{ "192.169.0.0", ENDPOINT_GLOBAL },     { "198.18.0.1", ENDPOINT_PRIVATE },
		{ "198.20.0.0", ENDPOINT_GLOBAL },      { "198.51.100.9", ENDPOINT_UNUSABLE },
		{ "203.0.113.9", ENDPOINT_UNUSABLE },   { "223.255.255.255", ENDPOINT_GLOBAL },
		{ "224.0.0.1", ENDPOINT_UNUSABLE },     { "240.0.0.1", ENDPOINT_UNUSABLE },
		{ "255.255.255.255", ENDPOINT_UNUSABLE },
		{ "::", ENDPOINT_UNUSABLE },            { "::1", ENDPOINT_LOOPBACK },
		{ "::2", ENDPOINT_UNUSABLE },           { "fe80::1", ENDPOINT_LINK },
		{ "febf::1", ENDPOINT_LINK },           { "fec0::1", ENDPOINT_UNUSABLE },
		{ "fc00::1", ENDPOINT_PRIVATE },        { "fdff::1", ENDPOINT_PRIVATE },
		{ "ff02::1", ENDPOINT_UNUSABLE },       { "2001:db8::1", ENDPOINT_UNUSABLE },
		{ "2001:db9::1", ENDPOINT_GLOBAL },     { "2a00::1", ENDPOINT_GLOBAL },
		{ "3fff::1", ENDPOINT_GLOBAL },         { "4000::1", ENDPOINT_UNUSABLE },
		{ "64:ff9b::808:808", ENDPOINT_GLOBAL }, { "64:ff9b::a00:1", ENDPOINT_PRIVATE },
		{ "2002:7f00:1::", ENDPOINT_LOOPBACK }, { "2002:808:808::1", ENDPOINT_GLOBAL },
		{ "::ffff:10.0.0.1", ENDPOINT_PRIVATE },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct endpoint e = parse(cases[i].text);
		cr_assert_eq(endpoint_class(&e), cases[i].class, "%s", cases[i].text);
		cr_assert_eq(endpoint_is_usable(&e), cases[i].class != ENDPOINT_UNUSABLE);
	}
	const struct endpoint no_port = endpoint_v4(8, 8, 8, 8, 0), none = { .family = ENDPOINT_NONE };
	cr_assert_not(endpoint_is_usable(&no_port));
	cr_assert_not(endpoint_is_usable(&none));
}

Test(endpoint, subnets)
{
	const struct endpoint a = parse("1.2.3.4"), b = parse("1.2.3.200"), c = parse("1.2.4.4");
	cr_assert_eq(endpoint_subnet(&a), endpoint_subnet(&b));
	cr_assert_neq(endpoint_subnet(&a), endpoint_subnet(&c));

	const struct endpoint d = parse("2001:0:0:1::1"), e = parse("2001:0:0:1:ffff::"),
	                      f = parse("2001:0:0:2::1");
	cr_assert_eq(endpoint_subnet(&d), endpoint_subnet(&e));
	cr_assert_neq(endpoint_subnet(&d), endpoint_subnet(&f));

	/* The upper 64 bits of 0:0:1:203:: are the number of 1.2.3.0/24. */
	const struct endpoint like_v4 = parse("0:0:1:203::9"), none = { .family = ENDPOINT_NONE };
	const struct endpoint loopback = parse("::1"), zero = parse("0.0.0.1");
	cr_assert_neq(endpoint_subnet(&a), endpoint_subnet(&like_v4));
	cr_assert_neq(endpoint_subnet(&loopback), endpoint_subnet(&zero));
	cr_assert_neq(endpoint_subnet(&none), endpoint_subnet(&zero));
}

Test(endpoint, formats_address_alone)
{
	const struct endpoint v4 = parse("1.2.3.4:5"), v6 = parse("[::1]:5"), none = { .family = 0 };
	char out[ENDPOINT_TEXT_MAX];
	cr_assert_str_eq(endpoint_format_address(&v4, out), "1.2.3.4");
	cr_assert_str_eq(endpoint_format_address(&v6, out), "::1");
	cr_assert_str_eq(endpoint_format_address(&none, out), "none");
	cr_assert_str_eq(endpoint_format(&none, out), "none");
	cr_assert_eq(endpoint_address_size(&v4), 4);
	cr_assert_eq(endpoint_address_size(&v6), 16);
	cr_assert_eq(endpoint_address_size(&none), 0);
}
