/* tests/unit/json_line_test.c: one valid JSON object a line, whatever the bytes. */
#include "tools/cli/json_line.h"

#include <criterion/criterion.h>
#include <math.h>

static struct json_line line;
static char written[8192];

static void begin(void)
{
	json_init(&line);
	json_begin(&line, "test", 1.5);
}

static const char *end(void)
{
	FILE *out = fmemopen(written, sizeof written, "w");

	json_end(&line, out);
	fclose(out);
	json_deinit(&line);
	return written;
}

Test(json_line, one_object_a_line)
{
	begin();
	json_text(&line, "text", "a\"b\\c");
	json_text(&line, "nothing", NULL);
	json_uint(&line, "big", UINT64_MAX);
	json_int(&line, "small", INT64_MIN);
	json_decimal(&line, "real", 12.345, 1);
	json_bool(&line, "yes", true);
	json_bool(&line, "no", false);
	json_hex(&line, "hex", bytes_of("\x01\xab", 2));
	cr_assert_str_eq(end(), "{\"event\": \"test\", \"time\": 1.500000, \"text\": \"a\\\"b\\\\c\", "
	                        "\"nothing\": null, \"big\": 18446744073709551615, "
	                        "\"small\": -9223372036854775808, \"real\": 12.3, \"yes\": true, "
	                        "\"no\": false, \"hex\": \"01ab\"}\n");
}

Test(json_line, not_finite_is_null)
{
	begin();
	json_decimal(&line, "a", NAN, 1);
	json_decimal(&line, "b", -INFINITY, 1);
	cr_assert(strstr(end(), "\"a\": null, \"b\": null}") != NULL);
}

Test(json_line, numbers_in_an_array)
{
	const double values[] = { 1, 0.25, NAN };
	begin();
	json_decimals(&line, "a", values, 3, 2);
	json_decimals(&line, "b", values, 0, 2);
	cr_assert(strstr(end(), "\"a\": [1.00, 0.25, null], \"b\": []}") != NULL);
}

static const char *text_of(const char *bytes, size_t size)
{
	static char text[8192];
	const char *at;

	begin();
	json_bytes(&line, "t", bytes_of(bytes, size));
	at = strstr(end(), "\"t\": ") + 5;
	snprintf(text, sizeof text, "%s", at);
	text[strlen(text) - 2] = '\0'; /* "}\n" */
	return text;
}

#define EXPECT_TEXT(bytes, json) cr_expect_str_eq(text_of(bytes, sizeof(bytes) - 1), json)

Test(json_line, any_bytes_give_valid_ascii)
{
	EXPECT_TEXT("\n\t\x01\x7f\0", "\"\\u000a\\u0009\\u0001\\u007f\\u0000\"");
	EXPECT_TEXT("\xc3\xa9\xe2\x82\xac", "\"\\u00e9\\u20ac\"");
	EXPECT_TEXT("\xf0\x9f\x90\x9f", "\"\\ud83d\\udc1f\"");
	EXPECT_TEXT("\xff", "\"\\ufffd\"");             /* no such byte */
	EXPECT_TEXT("\xc3", "\"\\ufffd\"");             /* cut off */
	EXPECT_TEXT("\xc3(", "\"\\ufffd(\"");           /* no continuation */
	EXPECT_TEXT("\xc0\x80", "\"\\ufffd\\ufffd\""); /* overlong */
	EXPECT_TEXT("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");  /* surrogate */
	EXPECT_TEXT("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""); /* above U+10FFFF */
}

Test(json_line, grows_with_its_content)
{
	char long_text[1000];

	memset(long_text, 1, sizeof long_text);
	cr_assert_eq(strlen(text_of(long_text, sizeof long_text)), 6 * sizeof long_text + 2);
}
