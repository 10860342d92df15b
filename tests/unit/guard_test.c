/* Budgets per address and subnet. */
#include "dht/guard.h"

#include <criterion/criterion.h>

static struct guard guard;
static struct rng rng;
static const usec start = 100 * USEC_PER_SEC;

static void setup(void)
{
	rng_init_number(&rng, 1, 0);
	guard_init(&guard, &rng);
}

static void teardown(void)
{
	guard_deinit(&guard);
}

TestSuite(guard, .init = setup, .fini = teardown);

static unsigned admitted(struct endpoint e, unsigned packets, usec now)
{
	unsigned count = 0;
	for (unsigned i = 0; i < packets; i++)
		count += guard_admit(&guard, &e, now);
	return count;
}

Test(guard, an_address_has_a_burst_and_a_rate)
{
	const struct endpoint e = endpoint_v4(8, 8, 8, 8, 1);
	cr_assert_eq(admitted(e, 1000, start), GUARD_IP_BURST);
	cr_assert_eq(admitted(e, 1000, start + USEC_PER_SEC), GUARD_IP_PACKETS);
	cr_assert_eq(admitted(e, 1000, start + 100 * USEC_PER_SEC), GUARD_IP_BURST);
	const struct endpoint port = endpoint_v4(8, 8, 8, 8, 2);
	cr_assert_eq(admitted(port, 10, start + 100 * USEC_PER_SEC), 0, "ports do not matter");
}

Test(guard, a_subnet_has_one_too)
{
	unsigned count = 0;
	for (unsigned host = 0; host < 200; host++)
		count += admitted(endpoint_v4(8, 8, 8, (uint8_t)host, 1), 20, start);
	cr_assert_eq(count, GUARD_SUBNET_BURST);
	cr_assert_eq(admitted(endpoint_v4(8, 8, 9, 1, 1), 20, start), 20);
}

/* Goal: at most 2 kB/s to a /24, whoever asks in its name. */
Test(guard, bytes_out_per_subnet)
{
	uint64_t paid = 0;
	for (unsigned second = 0; second < 60; second++) {
		for (unsigned i = 0; i < 200; i++) {
			const struct endpoint e = endpoint_v4(8, 8, 8, (uint8_t)i, 1);
			paid += guard_pay(&guard, &e, 300, start + second * USEC_PER_SEC) ? 300 : 0;
		}
	}
	cr_assert_leq(paid, GUARD_SUBNET_BYTES_BURST + 60u * GUARD_SUBNET_BYTES);
	cr_assert_geq(paid, 50u * GUARD_SUBNET_BYTES);
}

Test(guard, local_networks_have_more)
{
	cr_assert_eq(admitted(endpoint_v4(127, 0, 0, 1, 1), 3000, start), 3000);
	cr_assert_eq(admitted(endpoint_v4(10, 1, 1, 1, 1), 3000, start), 3000);
}

Test(guard, a_flood_from_everywhere_is_bounded_memory)
{
	for (unsigned i = 0; i < 200000; i++)
		admitted(endpoint_v4((uint8_t)(11 + (i >> 16)), (uint8_t)(i >> 8), (uint8_t)i, 1, 1), 1,
		         start + i);
	cr_assert_leq(guard.sets, GUARD_SETS_MAX);
}

Test(guard, a_busy_place_keeps_its_debt_while_the_table_grows)
{
	const struct endpoint e = endpoint_v4(8, 8, 8, 8, 1);
	cr_assert_eq(admitted(e, 1000, start), GUARD_IP_BURST);
	for (unsigned i = 0; i < 100; i++)
		admitted(endpoint_v4(11, (uint8_t)i, 3, 1, 1), 1, start);
	cr_assert_eq(admitted(e, 10, start), 0);
}

Test(guard, v6_subnets)
{
	unsigned count = 0;
	for (unsigned host = 0; host < 300; host++) {
		const uint8_t address[16] = { 0x2a, 0x01, 4, 5, 6, 7, 8, 9, [14] = (uint8_t)(host >> 8),
			                      (uint8_t)host };
		count += admitted(endpoint_from_address(bytes_of(address, 16), 1), 2, start);
	}
	cr_assert_eq(count, GUARD_SUBNET_BURST);
}
