/* tests/unit/bencode_test.c: proto/bencode.c. */
#include "proto/bencode.h"

#include "proto/memory.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct bencode_token tokens[256];
static struct bencode doc;

static bool parse(const char *text, unsigned flags)
{
	return bencode_parse(&doc, bytes_of_text(text), tokens, 256, flags);
}

/* BEP 3, "bencoding". */
Test(bencode, examples_of_bep_3)
{
	struct bytes s;
	int64_t v;

	cr_assert(parse("4:spam", 0));
	cr_assert_eq(bencode_type(&doc, 0), BENCODE_STRING);
	cr_assert(bytes_equal_text(bencode_raw(&doc, 0), "4:spam"));

	cr_assert(parse("l4:spam4:eggse", 0));
	const uint32_t spam = bencode_first(&doc, 0), eggs = bencode_after(&doc, 0, spam);
	cr_assert(bencode_string(&doc, spam, &s) && bytes_equal_text(s, "spam"));
	cr_assert(bencode_string(&doc, eggs, &s) && bytes_equal_text(s, "eggs"));
	cr_assert_eq(bencode_after(&doc, 0, eggs), BENCODE_NONE);

	cr_assert(parse("d3:cow3:moo4:spam4:eggse", BENCODE_STRICT));
	cr_assert(bencode_find_string(&doc, 0, "cow", &s) && bytes_equal_text(s, "moo"));
	cr_assert(bencode_find_string(&doc, 0, "spam", &s) && bytes_equal_text(s, "eggs"));
	cr_assert_eq(bencode_find(&doc, 0, "co"), BENCODE_NONE);
	cr_assert_eq(bencode_find(&doc, 0, "moo"), BENCODE_NONE, "a value is no key");

	cr_assert(parse("d4:spaml1:a1:bee", BENCODE_STRICT));
	cr_assert_neq(bencode_find_typed(&doc, 0, "spam", BENCODE_LIST), BENCODE_NONE);
	cr_assert_eq(bencode_find_typed(&doc, 0, "spam", BENCODE_DICT), BENCODE_NONE);

	cr_assert(parse("d1:ai3e1:bi-3ee", BENCODE_STRICT));
	cr_assert(bencode_find_int(&doc, 0, "a", &v) && v == 3);
	cr_assert(bencode_find_int(&doc, 0, "b", &v) && v == -3);
	cr_assert_not(bencode_find_string(&doc, 0, "a", &s));
	cr_assert_not(bencode_find_int(&doc, 0, "c", &v));
}

Test(bencode, integers_at_the_edges)
{
	static const struct {
		const char *text;
		int64_t value;
	} cases[] = {
		{ "li0ee", 0 },
		{ "li9223372036854775807ee", INT64_MAX },
		{ "li-9223372036854775808ee", INT64_MIN },
		{ "li-1ee", -1 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t v = 99;
		cr_assert(parse(cases[i].text, 0), "%s", cases[i].text);
		cr_assert(bencode_int(&doc, 1, &v));
		cr_assert_eq(v, cases[i].value);
	}
}

Test(bencode, refused_with_place_and_reason)
{
	static const struct {
		const char *text;
		const char *error;
		size_t at;
	} cases[] = {
		{ "", "empty", 0 },
		{ "x", "no bencoded value", 0 },
		{ "e", "no bencoded value", 0 },
		{ "-1:a", "no bencoded value", 0 },
		{ "i", "integer without end", 0 },
		{ "i5", "integer without end", 0 },
		{ "ie", "integer without digits", 0 },
		{ "i-e", "integer without digits", 0 },
		{ "i-0e", "integer is -0 or has a leading zero", 0 },
		{ "i-01e", "integer is -0 or has a leading zero", 0 },
		{ "i00e", "integer has a leading zero", 0 },
		{ "i03e", "integer has a leading zero", 0 },
		{ "i+3e", "integer without digits", 0 },
		{ "i 3e", "integer without digits", 0 },
		{ "i3.e", "integer has a strange character", 2 },
		{ "i3-e", "integer has a strange character", 2 },
		{ "li1ei9223372036854775808ee", "integer out of range", 4 },
		{ "i-9223372036854775809e", "integer out of range", 0 },
		{ "i99999999999999999999999e", "integer out of range", 0 },
		{ "5", "string without a colon", 0 },
		{ "5abcde", "string without a colon", 1 },
		{ "5:abcd", "string is longer than the input", 0 },
		{ "05:abcde", "string length has a leading zero", 0 },
		{ "00:", "string length has a leading zero", 0 },
		{ "4294967295:a", "string is longer than the input", 0 },
		{ "4294967296:a", "string length out of range", 0 },
		{ "18446744073709551615:a", "string length out of range", 0 },
		{ "l", "ends too early", 1 },
		{ "li1e", "ends too early", 4 },
		{ "d", "ends too early", 1 },
		{ "d1:a", "ends too early", 4 },
		{ "d1:ae", "dictionary key without a value", 4 },
		{ "di1e1:ae", "dictionary key is not a string", 1 },
		{ "dl1:aei1ee", "dictionary key is not a string", 1 },
		{ "i1ei2e", "bytes behind the value", 3 },
		{ "de\n", "bytes behind the value", 2 },
		{ "lee", "bytes behind the value", 2 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_not(parse(cases[i].text, 0), "%s", cases[i].text);
		cr_assert_str_eq(doc.error, cases[i].error, "%s: %s", cases[i].text, doc.error);
		cr_assert_eq(doc.error_at, cases[i].at, "%s: %zu", cases[i].text, doc.error_at);
		cr_assert_eq(doc.token_count, 0);
		cr_assert_eq(bencode_find(&doc, 0, "a"), BENCODE_NONE, "safe after failure");
	}
}

Test(bencode, every_cut_is_refused)
{
	const char *text = "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:q1:zli-7eee";
	cr_assert(parse(text, BENCODE_STRICT));
	for (size_t size = 0; size < strlen(text); size++)
		cr_assert_not(bencode_parse(&doc, bytes_of(text, size), tokens, 256, 0));
}

Test(bencode, key_order)
{
	struct bytes s;
	cr_assert_not(parse("d1:b1:x1:a1:ye", BENCODE_STRICT));
	cr_assert_str_eq(doc.error, "dictionary keys not sorted");
	cr_assert_eq(doc.error_at, 7);
	cr_assert_not(parse("d1:a1:x1:a1:ye", BENCODE_STRICT));
	cr_assert_str_eq(doc.error, "dictionary key twice");
	cr_assert_not(parse("d2:aa1:x1:a1:ye", BENCODE_STRICT), "a prefix sorts first");
	cr_assert_not(parse("d0:1:x0:1:ye", BENCODE_STRICT));
	cr_assert(parse("d0:1:x1:a1:y2:aa1:z1:b1:we", BENCODE_STRICT));
	cr_assert(parse("d1:\xff" "1:xe", BENCODE_STRICT));
	cr_assert_not(parse("d1:\xff" "1:x1:a1:ye", BENCODE_STRICT), "bytes are unsigned");
	/* Each dictionary has its own order. */
	cr_assert(parse("d1:bd1:a1:xe1:cd1:a1:xee", BENCODE_STRICT));
	cr_assert_not(parse("d1:bd1:a1:xe1:a1:xe", BENCODE_STRICT));

	cr_assert(parse("d1:b1:x1:a1:y1:b1:ze", 0));
	cr_assert(bencode_find_string(&doc, 0, "b", &s) && bytes_equal_text(s, "x"), "the first");
	cr_assert(bencode_find_string(&doc, 0, "a", &s) && bytes_equal_text(s, "y"));
}

Test(bencode, trailing_bytes)
{
	cr_assert(parse("d1:ai1eerest", BENCODE_TRAILING));
	cr_assert_eq(doc.tokens[0].end, 8);
	cr_assert(bytes_equal_text(bencode_raw(&doc, 0), "d1:ai1ee"));
	cr_assert_not(parse("d1:ai1eerest", 0));
}

Test(bencode, walks_nested_values)
{
	cr_assert(parse("d1:al1:x1:yld1:zi1eeee1:b0:e", 0));
	const uint32_t list = bencode_find(&doc, 0, "a");
	uint32_t count = 0;
	for (uint32_t t = bencode_first(&doc, list); t != BENCODE_NONE; t = bencode_after(&doc, list, t))
		count++;
	cr_assert_eq(count, 3);
	struct bytes s;
	cr_assert(bencode_find_string(&doc, 0, "b", &s));
	cr_assert_eq(s.size, 0);
	cr_assert(bytes_equal_text(bencode_raw(&doc, list), "l1:x1:yld1:zi1eeee"));
	cr_assert_eq(bencode_find(&doc, list, "x"), BENCODE_NONE, "a list has no keys");

	cr_assert(parse("le", 0));
	cr_assert_eq(bencode_first(&doc, 0), BENCODE_NONE);
	cr_assert(parse("de", 0));
	cr_assert_eq(bencode_first(&doc, 0), BENCODE_NONE);
}

Test(bencode, depth_limit_is_exact)
{
	char text[2 * (BENCODE_DEPTH_MAX + 1) + 1] = "";
	memset(text, 'l', BENCODE_DEPTH_MAX);
	memset(text + BENCODE_DEPTH_MAX, 'e', BENCODE_DEPTH_MAX);
	cr_assert(parse(text, 0));
	memset(text, 'l', BENCODE_DEPTH_MAX + 1);
	memset(text + BENCODE_DEPTH_MAX + 1, 'e', BENCODE_DEPTH_MAX + 1);
	cr_assert_not(parse(text, 0));
	cr_assert_str_eq(doc.error, "nested too deep");
	cr_assert_eq(doc.error_at, BENCODE_DEPTH_MAX);
}

/* A recursive parser would run out of stack here. */
Test(bencode, depth_of_a_million)
{
	enum { DEPTH = 1000000 };
	char *lists = memory_alloc(DEPTH), *dicts = memory_alloc(4 * DEPTH);
	memset(lists, 'l', DEPTH);
	for (size_t i = 0; i < DEPTH; i++)
		memcpy(dicts + 4 * i, "d1:a", 4);
	const uint32_t bound = bencode_count_bound(bytes_of(lists, DEPTH));
	struct bencode_token *many = memory_zeroed(bound, sizeof(*many));
	cr_assert_not(bencode_parse(&doc, bytes_of(lists, DEPTH), many, bound, 0));
	cr_assert_str_eq(doc.error, "nested too deep");
	cr_assert_not(bencode_parse(&doc, bytes_of(dicts, 4 * DEPTH), many, bound, 0));
	cr_assert_str_eq(doc.error, "nested too deep");
	free(many);
	free(lists);
	free(dicts);
}

Test(bencode, token_budget_is_exact)
{
	char text[300] = "l";
	/* The list itself and 127 values of 2 bytes: 128 tokens. */
	for (int i = 0; i < 127; i++)
		memcpy(text + 1 + 2 * i, "0:", 2);
	strcpy(text + 1 + 2 * 127, "e");
	cr_assert(bencode_parse(&doc, bytes_of_text(text), tokens, 128, 0));
	cr_assert_eq(doc.token_count, 128);
	cr_assert_not(bencode_parse(&doc, bytes_of_text(text), tokens, 127, 0));
	cr_assert_str_eq(doc.error, "too many values");
	cr_assert_not(bencode_parse(&doc, bytes_of_text(text), NULL, 0, 0));
}

Test(bencode, count_bound_covers_and_is_tight)
{
	static const char *const cases[] = { "i1e", "0:", "le", "d1:ai1e1:b2:xye", "l2:eel1:aei-5ee",
		                             "d1:ad2:id20:abcdefghij0123456789ee" };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert(parse(cases[i], 0));
		const uint32_t bound = bencode_count_bound(bytes_of_text(cases[i]));
		cr_assert_geq(bound, doc.token_count);
		cr_assert_leq(bound, doc.token_count + 1);
	}
	/* Broken input: parsing with this bound still finds the fault. */
	static const char *const broken[] = { "", "i", "5", "9:a", "l9999999999999999999999:", "xxx",
		                              "l1:ax", "d1:a" };
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		const uint32_t bound = bencode_count_bound(bytes_of_text(broken[i]));
		cr_assert_not(bencode_parse(&doc, bytes_of_text(broken[i]), tokens, bound, 0));
		cr_assert_str_neq(doc.error, "too many values", "%s", broken[i]);
	}
}

Test(bencode, writes_canonically)
{
	uint8_t out[64];
	struct writer w;
	writer_init(&w, out, sizeof(out));
	bencode_begin_dict(&w);
	bencode_put_key(&w, "cow");
	bencode_put_text(&w, "moo");
	bencode_put_key(&w, "n");
	bencode_put_int(&w, -42);
	bencode_put_key(&w, "spam");
	bencode_begin_list(&w);
	bencode_put_string(&w, bytes_of("a\0", 2));
	bencode_put_string(&w, bytes_of(NULL, 0));
	bencode_end(&w);
	bencode_end(&w);

	static const char expected[] = "d3:cow3:moo1:ni-42e4:spaml2:a\0" "0:ee";
	cr_assert(bytes_equal(writer_bytes(&w), bytes_of(expected, sizeof(expected) - 1)));
	cr_assert(bencode_parse(&doc, writer_bytes(&w), tokens, 256, BENCODE_STRICT));

	writer_init(&w, out, 4);
	bencode_put_text(&w, "spam");
	cr_assert(w.failed);
}
