/* tests/unit/ipfilter_test.c: peer/discover/ipfilter.c: block lists. */
#include "peer/discover/ipfilter.h"

#include "proto/rng.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct ipfilter f;
static struct ipfilter_report report;

static void setup(void)
{
	ipfilter_init(&f);
}

static void teardown(void)
{
	ipfilter_deinit(&f);
}

TestSuite(ipfilter, .init = setup, .fini = teardown);

static void load(const char *text)
{
	ipfilter_load(&f, bytes_of_text(text), &report);
}

static bool blocks(const char *address)
{
	struct endpoint e;
	cr_assert(endpoint_parse(address, 6881, &e), "%s", address);
	return ipfilter_blocks(&f, &e);
}

Test(ipfilter, an_empty_one_blocks_nobody)
{
	load("");
	cr_assert_eq(report.ranges + report.ignored, 0);
	cr_assert_not(blocks("0.0.0.0"));
	cr_assert_not(blocks("::"));
	const struct endpoint none = { .family = ENDPOINT_NONE };
	cr_assert_not(ipfilter_blocks(&f, &none));
}

Test(ipfilter, p2p_text)
{
	load("# a comment\n"
	     "Some org:1.2.4.0-1.2.4.255\r\n"
	     "\n"
	     "A:name - with : all 1.1.1.1-2.2.2.2 of it:5.6.7.8-5.6.7.8\n"
	     "six:2001:db8::-2001:db8::ffff\n"
	     ":9.9.9.9-9.9.9.10");
	cr_assert_eq(report.ranges, 4);
	cr_assert_eq(report.ignored, 0);
	cr_assert_not(blocks("1.2.3.255"));
	cr_assert(blocks("1.2.4.0"));
	cr_assert(blocks("1.2.4.255"));
	cr_assert_not(blocks("1.2.5.0"));
	cr_assert(blocks("5.6.7.8"));
	cr_assert_not(blocks("1.1.1.1"));
	cr_assert(blocks("9.9.9.10"));
	cr_assert(blocks("2001:db8::1234"));
	cr_assert_not(blocks("2001:db8::1:0"));
}

Test(ipfilter, dat)
{
	load("001.002.004.000 - 001.002.004.255 , 000 , Some org\n"
	     "010.000.000.000 - 010.255.255.255 , 127 , blocked, with commas\n"
	     "020.000.000.000 - 020.255.255.255 , 128 , allowed\n"
	     "030.000.000.000 - 030.000.000.009 , 100\n"
	     "; a comment\n");
	cr_assert_eq(report.ranges, 3);
	cr_assert_eq(report.ignored, 0);
	cr_assert(blocks("1.2.4.9"));
	cr_assert(blocks("10.8.8.8"), "zero-padded is decimal");
	cr_assert_not(blocks("20.1.1.1"));
	cr_assert(blocks("30.0.0.9"));
	cr_assert_not(blocks("8.0.0.0"));
}

Test(ipfilter, plain_lines)
{
	load("1.2.3.4\n1.2.3.8-1.2.3.9\n10.20.30.40/28\n2001:db8::/33\n0.0.0.0/32\n"
	     "fe80::1 - fe80::3\n");
	cr_assert_eq(report.ranges, 6);
	cr_assert(blocks("1.2.3.4"));
	cr_assert_not(blocks("1.2.3.5"));
	cr_assert(blocks("1.2.3.8"));
	cr_assert_not(blocks("10.20.30.31"));
	cr_assert(blocks("10.20.30.32"));
	cr_assert(blocks("10.20.30.47"));
	cr_assert_not(blocks("10.20.30.48"));
	cr_assert(blocks("2001:db8:7fff:ffff::"));
	cr_assert_not(blocks("2001:db8:8000::"));
	cr_assert(blocks("fe80::2"));
	cr_assert(blocks("0.0.0.0"));
}

Test(ipfilter, a_prefix_of_none_is_everything)
{
	load("0.0.0.0/0");
	cr_assert(blocks("0.0.0.0"));
	cr_assert(blocks("255.255.255.255"));
	cr_assert_not(blocks("::1"));
	load("::/0");
	cr_assert(blocks("ffff::1"));
}

Test(ipfilter, nonsense_is_counted_and_skipped)
{
	load("1.2.3.4\n"
	     "hello\n"
	     "a:1.2.3\n"
	     "1.2.3.256\n"
	     "1.2.3.4.5\n"
	     "2.2.2.2-1.1.1.1\n"
	     "1.1.1.1-::1\n"
	     "1.1.1.1/33\n"
	     "1.1.1.1/-1\n"
	     "1.1.1.1 , x , y\n"
	     "1.1.1.1 - 1.1.1.2 , 1000 , y\n"
	     "name:::\n"
	     "[::1]\n"
	     "0000.1.1.1\n"
	     "-\n:\n,\n/\n");
	cr_assert_eq(report.ranges, 2, "%u", report.ranges);
	cr_assert_eq(report.ignored, 16, "%u", report.ignored);
	cr_assert_eq(report.bad_line, 2);
	cr_assert_not(blocks("1.1.1.1"));
	cr_assert(blocks("::"), "name:::");
}

Test(ipfilter, bytes_of_any_kind)
{
	static const char nul[] = "1.2.3.4\n\0\n::1\0x\n5.6.7.8";

	ipfilter_load(&f, bytes_of(nul, sizeof(nul) - 1), &report);
	cr_assert_eq(report.ranges, 2);
	cr_assert_eq(report.ignored, 2);
	cr_assert_not(blocks("::1"));
	cr_assert(blocks("5.6.7.8"));
}

Test(ipfilter, overlapping_ranges_are_merged)
{
	load("10.0.0.0-10.0.0.9\n10.0.0.5-10.0.0.20\n10.0.0.21-10.0.0.30\n10.0.0.2\n"
	     "255.255.255.0-255.255.255.255\n255.255.255.255\n10.0.0.32\n"
	     "::1-::9\n::5-::20\n::6\n");
	cr_assert_eq(f.v4_count, 3);
	cr_assert_eq(f.v6_count, 1);
	cr_assert(blocks("10.0.0.30"));
	cr_assert_not(blocks("10.0.0.31"));
	cr_assert(blocks("255.255.255.255"));
	/* A second file adds to the first. */
	load("10.0.0.31\n");
	cr_assert_eq(f.v4_count, 2);
	cr_assert(blocks("10.0.0.31"));
}

Test(ipfilter, like_a_plain_table)
{
	static bool model[4096];
	struct rng rng;
	char text[64];

	rng_init_number(&rng, 4, 0);
	for (int i = 0; i < 200; i++) {
		const uint32_t first = rng_below(&rng, 4096);
		const uint32_t last = first + rng_below(&rng, 12);
		if (last >= 4096)
			continue;
		for (uint32_t k = first; k <= last; k++)
			model[k] = true;
		snprintf(text, sizeof(text), "x:77.0.%u.%u-77.0.%u.%u\n", first >> 8, first & 255,
		         last >> 8, last & 255);
		load(text);
	}
	for (uint32_t i = 0; i < 4096; i++) {
		const struct endpoint e = endpoint_v4(77, 0, (uint8_t)(i >> 8), (uint8_t)i, 1);
		cr_assert_eq(ipfilter_blocks(&f, &e), model[i], "%u", i);
	}
}

Test(ipfilter, the_number_of_ranges_is_bounded)
{
	enum { LINE = 5 };
	const uint32_t lines = IPFILTER_RANGES_MAX + 10;
	char *text = malloc((size_t)lines * LINE + 1);

	/* The same one again and again: only the merge makes them one. */
	for (uint32_t i = 0; i < lines; i++)
		memcpy(text + (size_t)i * LINE, i % 2 ? "::7 \n" : "::1 \n", LINE);
	ipfilter_load(&f, bytes_of(text, (size_t)lines * LINE), &report);
	cr_assert(report.full);
	cr_assert_eq(report.ranges, IPFILTER_RANGES_MAX);
	cr_assert_eq(f.v6_count, 2);
	free(text);
}
