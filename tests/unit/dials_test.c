/* tests/unit/dials_test.c: peer/discover/dials.c: what one subnet is spared. */
#include "peer/discover/dials.h"

#include <criterion/criterion.h>

static const usec start = 5 * USEC_PER_MIN;

static struct dials *fresh(void)
{
	static struct dials d;
	static struct rng r;

	rng_init_number(&r, 1, 0);
	dials_init(&d, &r);
	return &d;
}

static struct endpoint subnet(uint32_t i)
{
	return endpoint_v4((uint8_t)(20 + i / 65536), (uint8_t)(i / 256), (uint8_t)i, 1, 6881);
}

Test(dials, three_a_minute_whatever_the_host)
{
	struct dials *d = fresh();

	for (uint8_t i = 0; i < DIALS_PER_SUBNET_MAX; i++) {
		const struct endpoint e = endpoint_v4(8, 8, 8, i, 6881);
		cr_assert_leq(dials_when(d, &e, start + i), start + i);
		dials_take(d, &e, start + i);
	}
	const struct endpoint next = endpoint_v4(8, 8, 8, 77, 9999);
	const struct endpoint neighbour = endpoint_v4(8, 8, 9, 77, 9999);
	cr_assert_eq(dials_when(d, &next, start + 10), start + DIALS_WINDOW);
	cr_assert_leq(dials_when(d, &neighbour, start + 10), start + 10);
	/* A sliding window: one place frees as its dial gets old. */
	dials_take(d, &next, start + DIALS_WINDOW);
	cr_assert_eq(dials_when(d, &next, start + DIALS_WINDOW), start + 1 + DIALS_WINDOW);
	dials_deinit(d);
}

Test(dials, never_more_than_three_in_any_minute)
{
	struct dials *d = fresh();
	const struct endpoint e = endpoint_v4(8, 8, 8, 8, 6881);
	usec taken[64];
	uint32_t count = 0;

	for (usec now = start; now < start + 20 * USEC_PER_MIN && count < 64; now += 7 * USEC_PER_SEC) {
		if (dials_when(d, &e, now) > now)
			continue;
		dials_take(d, &e, now);
		taken[count++] = now;
	}
	cr_assert_geq(count, 50);
	for (uint32_t i = DIALS_PER_SUBNET_MAX; i < count; i++)
		cr_assert_geq(taken[i] - taken[i - DIALS_PER_SUBNET_MAX], DIALS_WINDOW);
	dials_deinit(d);
}

Test(dials, a_v6_place_is_a_64)
{
	struct dials *d = fresh();
	struct endpoint e;

	for (int i = 0; i < DIALS_PER_SUBNET_MAX; i++) {
		cr_assert(endpoint_parse("[2a00:1:2:3::1]:6881", 0, &e));
		e.address[15] = (uint8_t)i;
		dials_take(d, &e, start);
	}
	cr_assert_gt(dials_when(d, &e, start), start);
	cr_assert(endpoint_parse("[2a00:1:2:4::1]:6881", 0, &e));
	cr_assert_leq(dials_when(d, &e, start), start);
	dials_deinit(d);
}

Test(dials, private_networks_are_free)
{
	static const char *const local[] = { "10.0.0.1:6881", "127.0.0.1:6881", "[fd00::1]:6881",
		                             "169.254.3.3:6881" };
	struct dials *d = fresh();

	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
		struct endpoint e;
		cr_assert(endpoint_parse(local[i], 0, &e));
		for (int n = 0; n < 10; n++) {
			cr_assert_leq(dials_when(d, &e, start), start);
			dials_take(d, &e, start);
		}
	}
	cr_assert_eq(d->count, 0);
	dials_deinit(d);
}

Test(dials, a_full_table_waits_and_recovers)
{
	struct dials *d = fresh();
	uint32_t i = 0;

	for (;; i++) {
		const struct endpoint e = subnet(i);
		if (dials_when(d, &e, start) > start)
			break;
		dials_take(d, &e, start);
	}
	cr_assert_eq(i, DIALS_SUBNETS_MAX);
	cr_assert_eq(d->count, DIALS_SUBNETS_MAX);
	const struct endpoint late = subnet(i), known = subnet(3);
	cr_assert_leq(dials_when(d, &known, start), start);
	cr_assert_gt(dials_when(d, &late, start + DIALS_WINDOW / 2), start + DIALS_WINDOW / 2);
	cr_assert_leq(dials_when(d, &late, start + DIALS_WINDOW), start + DIALS_WINDOW);
	dials_take(d, &late, start + DIALS_WINDOW);
	cr_assert_eq(d->count, 1);
	dials_deinit(d);
}
