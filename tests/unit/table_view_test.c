/* What the routing table is asked: nearest nodes, upkeep, the network's size. */
#include "dht/table.h"

#include "dht/id.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct table table;
static struct rng rng;
static uint8_t own[DHT_ID_SIZE];

enum { COUNT = 600 };
static struct {
	uint8_t id[DHT_ID_SIZE];
	struct endpoint endpoint;
} all[COUNT];

static void setup(void)
{
	rng_init_number(&rng, 1, 0);
	rng_fill(&rng, own, sizeof(own));
	table_init(&table, ENDPOINT_V4, own);
}

static void teardown(void)
{
	table_deinit(&table);
}

TestSuite(table_view, .init = setup, .fini = teardown);

static struct endpoint at(unsigned number)
{
	return endpoint_v4(20, (uint8_t)(number >> 8), (uint8_t)number, 1, 6881);
}

static void populate(unsigned count, uint32_t now)
{
	for (unsigned i = 0; i < count; i++) {
		rng_fill(&rng, all[i].id, DHT_ID_SIZE);
		all[i].endpoint = at(i);
		table_on_reply(&table, all[i].id, &all[i].endpoint, 50 * USEC_PER_MS, now);
	}
}

Test(table_view, nearest_are_exactly_the_nearest)
{
	populate(COUNT, 10);
	for (int round = 0; round < 200; round++) {
		uint8_t target[DHT_ID_SIZE];
		struct table_node out[8];
		if (round % 2)
			rng_fill(&rng, target, sizeof(target));
		else
			id_random_in_bucket(own, (unsigned)round % 14, &rng, target);
		cr_assert_eq(table_closest(&table, target, out, 8), 8);
		/* Nobody in the table is nearer than the last and missing. */
		for (unsigned i = 0; i < COUNT; i++) {
			if (table_find(&table, all[i].id, &all[i].endpoint) == NULL)
				continue;
			bool given = false;
			for (int j = 0; j < 8; j++)
				given = given || id_equal(out[j].id, all[i].id);
			cr_assert(given || id_compare(all[i].id, out[7].id, target) > 0);
		}
		for (int j = 1; j < 8; j++)
			cr_assert_lt(id_compare(out[j - 1].id, out[j].id, target), 0);
	}
}

Test(table_view, compact_form_says_the_same)
{
	populate(COUNT, 10);
	uint8_t compact[8 * 26];
	struct table_node out[8];
	cr_assert_eq(table_closest_compact(&table, own, compact, 8), sizeof(compact));
	table_closest(&table, own, out, 8);
	for (unsigned i = 0; i < 8; i++) {
		struct endpoint e;
		cr_assert(memcmp(compact + 26 * i, out[i].id, 20) == 0);
		cr_assert(endpoint_from_compact(bytes_of(compact + 26 * i + 20, 6), &e));
		cr_assert(endpoint_equal(&e, &out[i].endpoint));
	}
	cr_assert_eq(table_closest_compact(&table, own, compact, 0), 0);
}

Test(table_view, an_empty_table_has_nobody)
{
	struct table_node out[8];
	cr_assert_eq(table_closest(&table, own, out, 8), 0);
	cr_assert_not(table_next_due(&table, 1000, out));
	cr_assert_eq(table_estimate(&table), 0);
	cr_assert_eq(table_list(&table, out, 8), 0);
}

Test(table_view, silent_nodes_become_due_near_ones_first)
{
	struct table_node due;
	populate(200, 1000);
	cr_assert_not(table_next_due(&table, 1060, &due));
	cr_assert(table_next_due(&table, 1000 + 21 * 60, &due));
	cr_assert_geq(id_common_bits(due.id, own), 4, "only near buckets are due after 20 minutes");
	cr_assert(due.live);
	/* Asked and silent: not again at once. */
	unsigned asked = 0;
	while (table_next_due(&table, 1000 + 100 * 60, &due)) {
		table_on_queried(&table, due.id, &due.endpoint, 1000 + 100 * 60);
		cr_assert_lt(asked++, 1000);
	}
	cr_assert_geq(asked, table.count, "everybody after 100 minutes");
}

Test(table_view, who_asked_us_is_looked_at_after_90_seconds)
{
	struct table_node due;
	populate(100, 1000);
	uint8_t id[DHT_ID_SIZE];
	id_random_in_bucket(own, 9, &rng, id);
	const struct endpoint e = at(5000);
	table_hear_of(&table, id, &e, true, 1000);
	cr_assert_not(table_next_due(&table, 1080, &due));
	cr_assert(table_next_due(&table, 1091, &due));
	cr_assert(id_equal(due.id, id) && !due.live);
	table_on_queried(&table, id, &e, 1091);
	cr_assert_not(table_next_due(&table, 1092, &due), "once");
}

Test(table_view, nobody_waits_while_the_table_is_small)
{
	struct table_node due;
	uint8_t id[DHT_ID_SIZE] = { 1 };
	const struct endpoint e = at(1);
	table_hear_of(&table, id, &e, true, 1000);
	cr_assert(table_next_due(&table, 1000, &due));
}

Test(table_view, failing_nodes_are_asked_again_with_growing_pauses)
{
	struct table_node due;
	populate(50, 1000);
	table_on_queried(&table, all[0].id, &all[0].endpoint, 1000);
	table_on_fail(&table, all[0].id, &all[0].endpoint);
	cr_assert_not(table_next_due(&table, 1010, &due));
	cr_assert(table_next_due(&table, 1021, &due));
	cr_assert(id_equal(due.id, all[0].id));
	table_on_queried(&table, all[0].id, &all[0].endpoint, 1021);
	table_on_fail(&table, all[0].id, &all[0].endpoint);
	cr_assert_not(table_next_due(&table, 1060, &due));
	cr_assert(table_next_due(&table, 1102, &due));
}

Test(table_view, size_of_the_network_is_estimated)
{
	/* 16 nearest of 100,000 uniform ids lie within 16 / 100,000 of the space. */
	uint8_t id[DHT_ID_SIZE];
	unsigned number = 0;
	for (unsigned i = 0; i < 100000; i++) {
		rng_fill(&rng, id, sizeof(id));
		if (id_common_bits(id, own) >= 10 || i % 97 == 0) {
			const struct endpoint e = at(number++);
			table_on_reply(&table, id, &e, 1000, 10);
		}
	}
	const uint64_t estimate = table_estimate(&table);
	cr_assert(estimate > 40000 && estimate < 250000, "%llu", (unsigned long long)estimate);
}

Test(table_view, a_list_to_save_is_bounded)
{
	struct table_node out[20];
	populate(COUNT, 10);
	cr_assert_eq(table_list(&table, out, 20), 20);
}
