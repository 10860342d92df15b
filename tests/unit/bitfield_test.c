/* tests/unit/bitfield_test.c: proto/bitfield.c, against a plain array of bools. */
#include "proto/bitfield.h"

#include "proto/rng.h"

#include <criterion/criterion.h>
#include <signal.h>

static const uint32_t sizes[] = { 0, 1, 7, 8, 9, 63, 64, 65, 127, 128, 129, 200, 1000 };
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static void fill_random(struct bitfield *b, bool *model, struct rng *r)
{
	for (uint32_t i = 0; i < b->size; i++) {
		model[i] = rng_below(r, 4) == 0;
		if (model[i])
			bitfield_set(b, i);
	}
}

static uint32_t model_next(const bool *a, const bool *b, uint32_t size, uint32_t from)
{
	for (uint32_t i = from; i < size; i++) {
		if (a[i] && (b == NULL || !b[i]))
			return i;
	}
	return size;
}

Test(bitfield, wire_order)
{
	struct bitfield b;
	bitfield_init(&b, 10);
	bitfield_set(&b, 0);
	bitfield_set(&b, 9);
	const struct bytes wire = bitfield_wire(&b);
	cr_assert_eq(wire.size, 2);
	cr_assert_eq(wire.data[0], 0x80);
	cr_assert_eq(wire.data[1], 0x40);
	bitfield_deinit(&b);
}

Test(bitfield, changes_are_reported_and_counted)
{
	struct bitfield b;
	bitfield_init(&b, 100);
	cr_assert(bitfield_set(&b, 77));
	cr_assert_not(bitfield_set(&b, 77));
	cr_assert_eq(b.count, 1);
	cr_assert(bitfield_get(&b, 77));
	cr_assert_not(bitfield_get(&b, 78));
	cr_assert_not(bitfield_get(&b, 100), "out of range is clear");
	cr_assert(bitfield_clear(&b, 77));
	cr_assert_not(bitfield_clear(&b, 77));
	cr_assert_eq(b.count, 0);
	bitfield_deinit(&b);
}

Test(bitfield, matches_model)
{
	struct rng r;
	rng_init_number(&r, 11, 0);
	for (int s = 0; s < SIZES; s++) {
		const uint32_t size = sizes[s];
		bool in_a[1001] = { false }, in_b[1001] = { false };
		struct bitfield a, b;
		bitfield_init(&a, size);
		bitfield_init(&b, size);
		fill_random(&a, in_a, &r);
		fill_random(&b, in_b, &r);
		uint32_t missing = 0;
		for (uint32_t i = 0; i <= size; i++) {
			cr_assert_eq(bitfield_get(&a, i), in_a[i]);
			cr_assert_eq(bitfield_next(&a, i), model_next(in_a, NULL, size, i));
			cr_assert_eq(bitfield_next_missing(&a, &b, i), model_next(in_a, in_b, size, i));
			missing += in_a[i] && !in_b[i];
		}
		cr_assert_eq(bitfield_next(&a, UINT32_MAX), size);
		cr_assert_eq(bitfield_count_missing(&a, &b), missing);
		bitfield_deinit(&a);
		bitfield_deinit(&b);
	}
}

Test(bitfield, set_all_leaves_spare_bits_zero)
{
	for (int s = 0; s < SIZES; s++) {
		struct bitfield b, again;
		bitfield_init(&b, sizes[s]);
		bitfield_init(&again, sizes[s]);
		bitfield_set_all(&b);
		cr_assert(bitfield_is_full(&b));
		cr_assert(bitfield_load(&again, bitfield_wire(&b)), "size %u", sizes[s]);
		cr_assert_eq(again.count, sizes[s]);
		bitfield_clear_all(&b);
		cr_assert_eq(b.count, 0);
		cr_assert_eq(bitfield_next(&b, 0), sizes[s]);
		cr_assert_eq(bitfield_count_missing(&again, &b), sizes[s]);
		bitfield_deinit(&b);
		bitfield_deinit(&again);
	}
}

/* BEP 3: "Spare bits at the end are set to zero." */
Test(bitfield, load_checks_length_and_spare_bits)
{
	struct bitfield b;
	bitfield_init(&b, 10);
	bitfield_set(&b, 3);
	cr_assert_not(bitfield_load(&b, bytes_of("\xff", 1)));
	cr_assert_not(bitfield_load(&b, bytes_of("\xff\x00\x00", 3)));
	cr_assert_not(bitfield_load(&b, bytes_of("\xff\x20", 2)));
	cr_assert_not(bitfield_load(&b, bytes_of("\xff\x01", 2)));
	cr_assert_not(bitfield_load(&b, bytes_of(NULL, 0)));
	cr_assert_eq(b.count, 1, "nothing changed");
	cr_assert(bitfield_get(&b, 3));
	cr_assert(bitfield_load(&b, bytes_of("\xf0\xc0", 2)));
	cr_assert_eq(b.count, 6);
	cr_assert_not(bitfield_get(&b, 4));
	bitfield_deinit(&b);

	bitfield_init(&b, 0);
	cr_assert(bitfield_load(&b, bytes_of(NULL, 0)));
	cr_assert_not(bitfield_load(&b, bytes_of("\0", 1)));
	cr_assert(bitfield_is_full(&b));
	bitfield_deinit(&b);
}

Test(bitfield, copy)
{
	struct bitfield a, b;
	bitfield_init(&a, 130);
	bitfield_init(&b, 130);
	bitfield_set(&a, 129);
	bitfield_set(&b, 5);
	bitfield_copy(&b, &a);
	cr_assert(bitfield_get(&b, 129));
	cr_assert_not(bitfield_get(&b, 5));
	cr_assert_eq(b.count, 1);
	bitfield_deinit(&a);
	bitfield_deinit(&b);
	bitfield_deinit(&b);
}

Test(bitfield, set_out_of_range_is_a_bug, .signal = SIGABRT)
{
	struct bitfield b;
	bitfield_init(&b, 10);
	bitfield_set(&b, 10);
}
