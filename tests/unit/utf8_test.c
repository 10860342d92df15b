/* tests/unit/utf8_test.c: proto/utf8.c. */
#include "proto/utf8.h"

#include <criterion/criterion.h>

Test(utf8, valid)
{
	static const char *const good[] = { "", "a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x90\x9f",
		                            "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
		                            "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf" };
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		cr_assert(utf8_is_valid(bytes_of_text(good[i])), "%zu", i);
}

Test(utf8, invalid)
{
	static const char *const bad[] = {
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", /* overlong */
		"\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
		"\xed\xa0\x80", "\xed\xbf\xbf",          /* surrogates */
		"\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "\xfe",
		"\xc3", "\xe2\x82", "\xf0\x9f\x90", "\xc3" "a", "\xe2\x82" "a", /* cut */
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_not(utf8_is_valid(bytes_of_text(bad[i])), "%zu", i);
}

Test(utf8, cut_keeps_characters_whole)
{
	const struct bytes text = bytes_of_text("a\xe2\x82\xac" "b"); /* 1, 3 and 1 bytes */
	static const size_t expected[] = { 0, 1, 1, 1, 4, 5, 5 };
	for (size_t max = 0; max < 7; max++)
		cr_assert_eq(utf8_cut(text, max), expected[max], "%zu", max);
	cr_assert_eq(utf8_cut(bytes_of_text("\x80\x80\x80"), 2), 0, "no character begins there");
}

Test(utf8, clean)
{
	char out[64];
	cr_assert_eq(utf8_clean(bytes_of("a\nb\t\x1b[2J\0c\x7f", 11), false, out), 11);
	cr_assert_str_eq(out, "a_b__[2J_c_");
	utf8_clean(bytes_of_text("a\nb\tc\r"), true, out);
	cr_assert_str_eq(out, "a\nb\tc_");
	/* U+202E turns "gpj.exe" around; U+0085 is a C1 line end. */
	utf8_clean(bytes_of_text("x\xe2\x80\xaegpj.exe\xc2\x85\xff\xe2\x82"), false, out);
	cr_assert_str_eq(out, "x_gpj.exe____");
	cr_assert_eq(utf8_clean(bytes_of(NULL, 0), false, out), 0);
}
