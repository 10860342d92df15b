/* tests/unit/slots_test.c: ids outlive their things without finding others. */
#include <criterion/criterion.h>

#include "peer/slots.h"

Test(slots, a_reused_slot_has_another_id)
{
	struct slots s;
	int a, b;
	slots_init(&s);
	const uint64_t first = slots_add(&s, &a);
	cr_assert_neq(first, 0);
	cr_assert_eq(slots_get(&s, first), &a);
	slots_remove(&s, first);
	cr_assert_null(slots_get(&s, first));
	const uint64_t second = slots_add(&s, &b);
	cr_assert_eq(slot_of(first), slot_of(second));
	cr_assert_neq(first, second);
	cr_assert_null(slots_get(&s, first));
	cr_assert_eq(slots_get(&s, second), &b);
	slots_deinit(&s);
}

Test(slots, zero_and_strange_ids_find_nothing)
{
	struct slots s;
	int a;
	slots_init(&s);
	cr_assert_null(slots_get(&s, 0));
	const uint64_t id = slots_add(&s, &a);
	cr_assert_null(slots_get(&s, 0));
	cr_assert_null(slots_get(&s, id + 1));
	cr_assert_null(slots_get(&s, id + ((uint64_t)1 << 32)));
	slots_deinit(&s);
}

Test(slots, walks_what_is_left_after_growth_and_removal)
{
	struct slots s;
	int things[1000];
	uint64_t ids[1000];
	slots_init(&s);
	for (int i = 0; i < 1000; i++)
		ids[i] = slots_add(&s, &things[i]);
	for (int i = 0; i < 1000; i += 2)
		slots_remove(&s, ids[i]);
	cr_assert_eq(s.count, 500);
	uint32_t slot = 0, seen = 0;
	int *thing;
	while ((thing = slots_walk(&s, &slot)) != NULL) {
		cr_assert_eq((thing - things) % 2, 1);
		seen++;
	}
	cr_assert_eq(seen, 500);
	slots_deinit(&s);
}
