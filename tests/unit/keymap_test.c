/* The hash table of 20-byte keys. */
#include "dht/keymap.h"

#include <criterion/criterion.h>

enum { COUNT = 3000 };
static struct keymap_entry entries[COUNT];
static struct keymap map;
static struct rng rng;

static void setup(void)
{
	rng_init_number(&rng, 1, 0);
	keymap_init(&map, &rng);
	for (unsigned i = 0; i < COUNT; i++) {
		memset(&entries[i], 0, sizeof(entries[i]));
		memcpy(entries[i].key, &i, sizeof(i));
		entries[i].tag = 1;
	}
}

static void teardown(void)
{
	keymap_deinit(&map);
}

TestSuite(keymap, .init = setup, .fini = teardown);

Test(keymap, finds_by_key_and_tag)
{
	cr_assert_null(keymap_find(&map, entries[0].key, 1));
	keymap_add(&map, &entries[0]);
	cr_assert_eq(keymap_find(&map, entries[0].key, 1), &entries[0]);
	cr_assert_null(keymap_find(&map, entries[0].key, 2));
	cr_assert_null(keymap_find(&map, entries[1].key, 1));
	cr_assert_eq(keymap_random(&map, &rng), &entries[0]);
}

Test(keymap, removal_loses_nobody)
{
	for (unsigned i = 0; i < COUNT; i++)
		keymap_add(&map, &entries[i]);
	for (unsigned i = 0; i < COUNT; i += 2)
		keymap_remove(&map, &entries[i]);
	for (unsigned i = 0; i < COUNT; i++) {
		struct keymap_entry *found = keymap_find(&map, entries[i].key, 1);
		cr_assert_eq(found, i % 2 == 0 ? NULL : &entries[i]);
	}
	for (unsigned i = 1; i < COUNT; i += 2)
		keymap_remove(&map, &entries[i]);
	cr_assert_eq(map.count, 0);
	cr_assert_null(map.slots);
}

Test(keymap, walk_visits_everybody_once)
{
	static unsigned visits[COUNT];
	for (unsigned i = 0; i < 100; i++)
		keymap_add(&map, &entries[i]);
	uint32_t at = 0;
	const struct keymap_entry *e;
	while ((e = keymap_walk(&map, &at)) != NULL)
		visits[e - entries]++;
	for (unsigned i = 0; i < 100; i++)
		cr_assert_eq(visits[i], 1);
}
