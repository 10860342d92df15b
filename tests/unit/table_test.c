/* The routing table: who comes in, who stays, who goes. */
#include "dht/table.h"

#include "dht/id.h"

#include <criterion/criterion.h>

static struct table table;
static const uint8_t own[DHT_ID_SIZE] = { 0 };

static void setup(void)
{
	table_init(&table, ENDPOINT_V4, own);
}

static void teardown(void)
{
	table_deinit(&table);
}

TestSuite(table, .init = setup, .fini = teardown);

/* An id in bucket `bits`, made different by `number`. */
static const uint8_t *id_in(unsigned bits, unsigned number)
{
	static uint8_t id[4][DHT_ID_SIZE];
	static unsigned turn;
	uint8_t *out = id[turn++ % 4];
	memset(out, 0, DHT_ID_SIZE);
	out[bits / 8] = (uint8_t)(0x80 >> (bits % 8));
	out[18] = (uint8_t)(number >> 8);
	out[19] = (uint8_t)number;
	return out;
}

/* Every number a /24 of its own. */
static struct endpoint at(unsigned number)
{
	return endpoint_v4((uint8_t)(11 + number / 60000), (uint8_t)(number >> 8), (uint8_t)number, 1,
	                   6881);
}

static bool reply(unsigned bits, unsigned number, usec rtt_ms, uint32_t now)
{
	const struct endpoint e = at(number);
	return table_on_reply(&table, id_in(bits, number), &e, rtt_ms * USEC_PER_MS, now);
}

static bool is_live(unsigned bits, unsigned number)
{
	const struct endpoint e = at(number);
	return table_find(&table, id_in(bits, number), &e) != NULL;
}

static void fail(unsigned bits, unsigned number, unsigned times)
{
	const struct endpoint e = at(number);
	for (unsigned i = 0; i < times; i++)
		table_on_fail(&table, id_in(bits, number), &e);
}

Test(table, buckets_hold_128_64_32_16_8)
{
	static const unsigned wanted[] = { 128, 64, 32, 16, 8, 8, 8 };
	unsigned number = 1;
	for (unsigned bits = 0; bits < 7; bits++) {
		for (unsigned i = 0; i < 300; i++)
			reply(bits, number++, 100, 10);
		cr_assert_eq(table.buckets[bits].live_count, wanted[bits], "bucket %u", bits);
		cr_assert_leq(table.buckets[bits].spare_count, TABLE_SPARES_MAX);
	}
	cr_assert_eq(table.count, 264);
}

Test(table, never_ourselves_and_never_an_impossible_address)
{
	struct endpoint e = at(1);
	cr_assert_not(table_on_reply(&table, own, &e, 1, 10));
	table_hear_of(&table, own, &e, true, 10);
	e.port = 0;
	cr_assert_not(table_on_reply(&table, id_in(1, 1), &e, 1, 10));
	e = endpoint_v4(224, 0, 0, 1, 5);
	cr_assert_not(table_on_reply(&table, id_in(1, 1), &e, 1, 10));
	cr_assert_eq(table.count, 0);
}

Test(table, hearsay_is_never_live)
{
	for (unsigned i = 0; i < 1000; i++) {
		const struct endpoint e = at(i);
		table_hear_of(&table, id_in(i % 12, i), &e, i % 2, 10);
	}
	cr_assert_eq(table.count, 0);
	struct table_node out[8];
	cr_assert_eq(table_closest(&table, own, out, 8), 0);
	cr_assert_leq(table_memory(&table), 16384);
}

/* D2: an id that answers cannot be re-pointed, by hearsay or by another answer. */
Test(table, an_id_is_not_re_pointed)
{
	cr_assert(reply(3, 1, 100, 10));
	const struct endpoint thief = at(2);
	table_hear_of(&table, id_in(3, 1), &thief, true, 11);
	cr_assert(is_live(3, 1));
	cr_assert_not(table_on_reply(&table, id_in(3, 1), &thief, 1000, 12));
	cr_assert(is_live(3, 1));
	/* Once the first has stopped answering, the second may have it. */
	fail(3, 1, 1);
	cr_assert(table_on_reply(&table, id_in(3, 1), &thief, 1000, 13));
	cr_assert_not(is_live(3, 1));
	cr_assert_eq(table.count, 1);
}

Test(table, one_node_per_global_address)
{
	struct endpoint e = at(1);
	cr_assert(table_on_reply(&table, id_in(2, 1), &e, 1000, 10));
	e.port = 7000;
	cr_assert_not(table_on_reply(&table, id_in(5, 2), &e, 1000, 10));
	cr_assert_eq(table.count, 1);
}

Test(table, an_endpoint_that_changed_its_id_moves)
{
	const struct endpoint e = at(1);
	cr_assert(table_on_reply(&table, id_in(2, 1), &e, 1000, 10));
	cr_assert(table_on_reply(&table, id_in(5, 2), &e, 1000, 10));
	cr_assert_eq(table.count, 1);
	cr_assert_not_null(table_find(&table, id_in(5, 2), &e));
}

Test(table, one_node_per_subnet_in_a_bucket)
{
	for (unsigned host = 1; host < 100; host++) {
		const struct endpoint e = endpoint_v4(50, 60, 70, (uint8_t)host, 1000);
		table_on_reply(&table, id_in(1, host), &e, 1000, 10);
	}
	cr_assert_eq(table.count, 1);
	const struct endpoint e = endpoint_v4(50, 60, 70, 200, 1000);
	cr_assert(table_on_reply(&table, id_in(2, 200), &e, 1000, 10), "another bucket may");
}

Test(table, local_networks_may_share_an_address)
{
	for (unsigned i = 0; i < 8; i++) {
		const struct endpoint loopback = endpoint_v4(127, 0, 0, 1, (uint16_t)(1000 + i));
		cr_assert(table_on_reply(&table, id_in(0, i), &loopback, 1000, 10));
		const struct endpoint lan = endpoint_v4(10, 0, 0, (uint8_t)i, 1000);
		cr_assert(table_on_reply(&table, id_in(1, 100 + i), &lan, 1000, 10));
	}
	cr_assert_eq(table.count, 16);
}

Test(table, failing_nodes_are_hidden_then_forgotten)
{
	cr_assert(reply(3, 1, 100, 10));
	struct table_node out[8];
	fail(3, 1, 1);
	cr_assert_eq(table_closest(&table, own, out, 8), 1);
	fail(3, 1, 1);
	cr_assert_eq(table_closest(&table, own, out, 8), 0, "two fails: not handed out");
	cr_assert_eq(table.count, 1);
	cr_assert(reply(3, 1, 100, 20), "an answer makes it good again");
	cr_assert_eq(table_closest(&table, own, out, 8), 1);
	fail(3, 1, TABLE_FAILS_MAX);
	cr_assert_eq(table.count, 0);
}

Test(table, verified_spare_takes_a_failed_place)
{
	for (unsigned i = 0; i < 9; i++)
		reply(6, 1 + i, 100, 10);
	cr_assert_eq(table.buckets[6].live_count, 8);
	cr_assert_eq(table.buckets[6].spare_count, 1);
	cr_assert_not(is_live(6, 9));
	fail(6, 4, TABLE_FAILS_HIDDEN);
	cr_assert(is_live(6, 9));
	cr_assert_not(is_live(6, 4));
	cr_assert_eq(table.buckets[6].live_count, 8);
}

Test(table, newcomer_replaces_a_failing_or_much_slower_one)
{
	for (unsigned i = 0; i < 8; i++)
		reply(6, 1 + i, 100, 10);
	cr_assert_not(reply(6, 20, 90, 10), "not much faster");
	cr_assert(reply(6, 21, 30, 10), "3 times as fast");
	fail(6, 21, 1);
	cr_assert(reply(6, 22, 400, 10), "in the place of one that fails");
	cr_assert_not(is_live(6, 21));
	cr_assert_eq(table.buckets[6].live_count, 8);
}

Test(table, bep42_ids_are_preferred)
{
	struct rng rng;
	uint8_t id[DHT_ID_SIZE];
	rng_init_number(&rng, 1, 0);
	/* Only ids that do not fit: bucket 0 fills up with them. */
	for (unsigned i = 0; i < 128; i++)
		cr_assert(reply(0, 1 + i, 100, 10));
	const struct endpoint e = at(9999);
	do
		id_for_address(&e, (uint8_t)rng_u32(&rng), &rng, id);
	while (id_common_bits(id, own) != 0);
	cr_assert(table_on_reply(&table, id, &e, 100 * USEC_PER_MS, 10));
	cr_assert_eq(table.buckets[0].live_count, 128);
}

/* D1 and the tests' "id changed, table kept". */
Test(table, a_new_own_id_keeps_the_nodes)
{
	for (unsigned i = 0; i < 100; i++)
		reply(i % 8, 1 + i, 100, 10);
	const uint32_t before = table.count;
	uint8_t id[DHT_ID_SIZE];
	memset(id, 0xff, sizeof(id));
	table_set_id(&table, id);
	cr_assert_geq(table.count, before / 2);
	for (uint32_t bits = 0; bits < table.depth; bits++)
		cr_assert_leq(table.buckets[bits].live_count, TABLE_BUCKET_MAX);
	struct table_node out[8];
	cr_assert_eq(table_closest(&table, id, out, 8), 8);
}

Test(table, v6_entries_keep_their_whole_address)
{
	struct table six;
	struct table_node out[8];
	table_init(&six, ENDPOINT_V6, own);
	for (unsigned i = 0; i < 20; i++) {
		uint8_t address[16] = { 0x2a, 0x01, (uint8_t)i };
		address[15] = (uint8_t)(i + 1);
		const struct endpoint e = endpoint_from_address(bytes_of(address, 16), 77);
		cr_assert(table_on_reply(&six, id_in(1, i), &e, 1000, 10));
	}
	cr_assert_eq(table_closest(&six, id_in(1, 3), out, 8), 8);
	cr_assert_eq(out[0].endpoint.address[2], 3);
	cr_assert_eq(out[0].endpoint.address[15], 4);
	table_deinit(&six);
}

Test(table, memory_of_a_full_v4_table)
{
	unsigned number = 1;
	for (unsigned bits = 0; bits < 16; bits++) {
		for (unsigned i = 0; i < 300; i++)
			reply(bits, number++, 100, 10);
	}
	cr_assert_leq(table_memory(&table), 21 * 1024);
	for (unsigned bits = 13; bits < 16; bits++)
		cr_assert_eq(table.buckets[bits].live_count, 8);
}
