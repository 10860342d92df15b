/* tests/unit/timers_test.c: peer/timers.c, against a plain array. */
#include "peer/timers.h"

#include "proto/rng.h"

#include <criterion/criterion.h>

Test(timers, empty_has_nothing)
{
	struct timers t;
	uint32_t key;

	timers_init(&t);
	cr_assert_eq(timers_earliest(&t), USEC_NEVER);
	cr_assert_not(timers_pop(&t, USEC_NEVER, &key));
	cr_assert_eq(timers_get(&t, 7), USEC_NEVER);
	timers_set(&t, 7, USEC_NEVER);
	cr_assert_eq(t.count, 0);
	cr_assert_null(t.heap);
	timers_deinit(&t);
}

Test(timers, pops_in_order_and_only_what_is_due)
{
	struct timers t;
	uint32_t key = 0;

	timers_init(&t);
	timers_set(&t, 5, 300);
	timers_set(&t, 0, 100);
	timers_set(&t, 9, 200);
	cr_assert_eq(timers_earliest(&t), 100);
	cr_assert_not(timers_pop(&t, 99, &key));
	cr_assert(timers_pop(&t, 200, &key) && key == 0);
	cr_assert(timers_pop(&t, 200, &key) && key == 9);
	cr_assert_not(timers_pop(&t, 200, &key));
	cr_assert_eq(timers_get(&t, 5), 300);
	timers_deinit(&t);
}

Test(timers, a_deadline_moves_both_ways_and_goes)
{
	struct timers t;
	uint32_t key = 0;

	timers_init(&t);
	for (uint32_t i = 0; i < 10; i++)
		timers_set(&t, i, 100 + i);
	timers_set(&t, 9, 1);
	cr_assert_eq(timers_earliest(&t), 1);
	timers_set(&t, 9, 1000);
	cr_assert_eq(timers_earliest(&t), 100);
	timers_set(&t, 0, USEC_NEVER);
	cr_assert_eq(timers_earliest(&t), 101);
	cr_assert_eq(t.count, 9);
	cr_assert(timers_pop(&t, 101, &key) && key == 1);
	timers_deinit(&t);
}

static uint32_t model_earliest(const usec *model, uint32_t size)
{
	uint32_t best = 0;
	for (uint32_t i = 1; i < size; i++) {
		if (model[i] < model[best])
			best = i;
	}
	return best;
}

Test(timers, like_a_plain_array)
{
	enum { KEYS = 60 };
	usec model[KEYS];
	struct timers t;
	struct rng r;

	rng_init_number(&r, 1, 0);
	timers_init(&t);
	for (uint32_t i = 0; i < KEYS; i++)
		model[i] = USEC_NEVER;
	for (int step = 0; step < 20000; step++) {
		const uint32_t key = rng_below(&r, KEYS);
		uint32_t popped;
		if (rng_below(&r, 4) == 0) {
			const usec now = rng_below(&r, 1000);
			const uint32_t best = model_earliest(model, KEYS);
			cr_assert_eq(timers_pop(&t, now, &popped), model[best] <= now);
			if (model[best] <= now) {
				cr_assert_eq(model[popped], model[best]);
				model[popped] = USEC_NEVER;
			}
		} else {
			model[key] = rng_below(&r, 5) == 0 ? USEC_NEVER : rng_below(&r, 1000);
			timers_set(&t, key, model[key]);
		}
		cr_assert_eq(timers_get(&t, key), model[key]);
		cr_assert_eq(timers_earliest(&t), model[model_earliest(model, KEYS)]);
	}
	timers_deinit(&t);
}
