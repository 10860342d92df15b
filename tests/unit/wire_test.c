/* tests/unit/wire_test.c: proto/wire.c. */
#include "proto/wire.h"

#include <criterion/criterion.h>

Test(wire, reads_big_endian)
{
	static const uint8_t in[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 'x', 'y' };
	struct reader r;
	reader_init(&r, bytes_of(in, sizeof(in)));

	cr_assert_eq(read_u8(&r), 0x01);
	cr_assert_eq(read_u16(&r), 0x0203);
	cr_assert_eq(read_u32(&r), 0x04050607);
	cr_assert_eq(read_u64(&r), 0x08090a0b0c0d0e0f);
	cr_assert_eq(reader_left(&r), 2);
	cr_assert(bytes_equal_text(read_rest(&r), "xy"));
	cr_assert_eq(reader_left(&r), 0);
	cr_assert_not(r.failed);
}

Test(wire, short_read_fails_and_sticks)
{
	static const uint8_t in[] = { 0xff, 0xff, 0xff };
	struct reader r;
	reader_init(&r, bytes_of(in, sizeof(in)));

	cr_assert_eq(read_u32(&r), 0);
	cr_assert(r.failed);
	cr_assert_eq(read_u8(&r), 0, "nothing is read after a failure");
	cr_assert_eq(reader_left(&r), 0);
	cr_assert_eq(read_rest(&r).size, 0);
}

Test(wire, u64_from_seven_bytes_fails)
{
	static const uint8_t in[7] = { 1, 1, 1, 1, 1, 1, 1 };
	struct reader r;
	reader_init(&r, bytes_of(in, sizeof(in)));
	cr_assert_eq(read_u64(&r), 0);
	cr_assert(r.failed);
}

Test(wire, claimed_size_cannot_wrap)
{
	static const uint8_t in[4] = { 0 };
	struct reader r;
	reader_init(&r, bytes_of(in, sizeof(in)));
	read_u16(&r);
	cr_assert_eq(read_bytes(&r, SIZE_MAX).size, 0);
	cr_assert(r.failed);
}

Test(wire, empty_input)
{
	struct reader r;
	reader_init(&r, bytes_of(NULL, 0));
	cr_assert_eq(read_rest(&r).size, 0);
	cr_assert_eq(read_bytes(&r, 0).size, 0);
	cr_assert_not(r.failed);
	cr_assert_eq(read_u16(&r), 0);
	cr_assert(r.failed);
}

Test(wire, writes_big_endian)
{
	static const uint8_t expected[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 'z' };
	uint8_t out[16];
	struct writer w;
	writer_init(&w, out, sizeof(out));

	write_u8(&w, 0x01);
	write_u16(&w, 0x0203);
	write_u32(&w, 0x04050607);
	write_u64(&w, 0x08090a0b0c0d0e0f);
	write_text(&w, "z");
	cr_assert(bytes_equal(writer_bytes(&w), bytes_of(expected, sizeof(expected))));
}

Test(wire, write_past_the_end_fails_and_sticks)
{
	uint8_t out[4] = { 0, 0, 0, 0xaa };
	struct writer w;
	writer_init(&w, out, 3);

	write_u32(&w, 0x01020304);
	cr_assert(w.failed);
	write_u8(&w, 9);
	cr_assert_eq(writer_bytes(&w).size, 0);
	cr_assert_eq(out[0], 0, "a write that does not fit writes nothing");
	cr_assert_eq(out[3], 0xaa);
}

Test(wire, exact_fit)
{
	uint8_t out[3];
	struct writer w;
	writer_init(&w, out, sizeof(out));
	write_text(&w, "abc");
	write_bytes(&w, bytes_of(NULL, 0));
	cr_assert(bytes_equal_text(writer_bytes(&w), "abc"));
}

Test(wire, decimals)
{
	static const struct {
		int64_t value;
		const char *text;
	} cases[] = {
		{ 0, "0" }, { 7, "7" }, { -1, "-1" }, { 10, "10" },
		{ INT64_MAX, "9223372036854775807" }, { INT64_MIN, "-9223372036854775808" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t out[20];
		struct writer w;
		writer_init(&w, out, sizeof(out));
		write_decimal(&w, cases[i].value);
		cr_assert(bytes_equal_text(writer_bytes(&w), cases[i].text), "%s", cases[i].text);
	}
}
