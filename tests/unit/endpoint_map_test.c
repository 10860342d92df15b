/* tests/unit/endpoint_map_test.c: peer/discover/endpoint_map.c, against a plain array. */
#include "peer/discover/endpoint_map.h"

#include <criterion/criterion.h>

static struct endpoint nth(uint32_t i)
{
	if (i % 2 == 0)
		return endpoint_v4(9, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i, 6881);
	uint8_t address[16] = { 0x20, 0x01, 5 };
	address[14] = (uint8_t)(i >> 8);
	address[15] = (uint8_t)i;
	return endpoint_from_address(bytes_of(address, 16), 6881);
}

Test(endpoint_map, an_empty_one_has_nothing)
{
	struct endpoint_map m;
	struct rng r;
	const struct endpoint e = nth(1);

	rng_init_number(&r, 1, 0);
	endpoint_map_init(&m, &r);
	cr_assert_eq(endpoint_map_get(&m, &e), ENDPOINT_MAP_NONE);
	cr_assert_not(endpoint_map_remove(&m, &e));
	cr_assert_null(m.slots);
	endpoint_map_deinit(&m);
}

Test(endpoint_map, the_port_counts)
{
	struct endpoint_map m;
	struct rng r;
	const struct endpoint a = endpoint_v4(9, 9, 9, 9, 1), b = endpoint_v4(9, 9, 9, 9, 2);

	rng_init_number(&r, 1, 0);
	endpoint_map_init(&m, &r);
	endpoint_map_put(&m, &a, 1);
	endpoint_map_put(&m, &b, 2);
	endpoint_map_put(&m, &b, 3);
	cr_assert_eq(m.count, 2);
	cr_assert_eq(endpoint_map_get(&m, &a), 1);
	cr_assert_eq(endpoint_map_get(&m, &b), 3);
	endpoint_map_deinit(&m);
}

Test(endpoint_map, like_a_plain_array)
{
	enum { KEYS = 400 };
	uint32_t model[KEYS];
	uint32_t count = 0;
	struct endpoint_map m;
	struct rng r;

	rng_init_number(&r, 3, 0);
	endpoint_map_init(&m, &r);
	memset(model, 0xff, sizeof(model));
	for (int step = 0; step < 40000; step++) {
		const uint32_t i = rng_below(&r, KEYS);
		const struct endpoint e = nth(i);
		/* Fills and empties in turns. */
		if (rng_below(&r, 4) < (step / 3000 % 2 == 0 ? 3u : 1u)) {
			count += model[i] == ENDPOINT_MAP_NONE;
			model[i] = rng_below(&r, 1000);
			endpoint_map_put(&m, &e, model[i]);
		} else {
			cr_assert_eq(endpoint_map_remove(&m, &e), model[i] != ENDPOINT_MAP_NONE);
			count -= model[i] != ENDPOINT_MAP_NONE;
			model[i] = ENDPOINT_MAP_NONE;
		}
		const uint32_t other = rng_below(&r, KEYS);
		const struct endpoint o = nth(other);
		cr_assert_eq(endpoint_map_get(&m, &o), model[other]);
		cr_assert_eq(m.count, count);
	}
	for (uint32_t i = 0; i < KEYS; i++) {
		const struct endpoint e = nth(i);
		cr_assert_eq(endpoint_map_get(&m, &e), model[i]);
	}
	endpoint_map_deinit(&m);
}
