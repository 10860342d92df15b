/* Tests of tools/io/idmap.c. */
#include "tools/io/idmap.h"

#include <criterion/criterion.h>

#include "proto/rng.h"

Test(idmap, empty_has_nothing)
{
	struct idmap m = { 0 };
	struct idmap_entry entry;
	uint64_t value;

	cr_assert_not(idmap_get(&m, 7, &value));
	cr_assert_null(idmap_pointer(&m, 7));
	cr_assert_not(idmap_remove(&m, 7));
	cr_assert_not(idmap_any(&m, &entry));
	idmap_deinit(&m);
}

Test(idmap, set_replaces)
{
	struct idmap m = { 0 };
	uint64_t value;

	idmap_set(&m, 7, 1);
	idmap_set(&m, 7, 2);
	cr_assert(idmap_get(&m, 7, &value));
	cr_assert_eq(value, 2);
	cr_assert_eq(m.count, 1);
	cr_assert_not(idmap_get(&m, 0, &value));
	idmap_deinit(&m);
}

/* Against a plain array, through growth and many removals. */
Test(idmap, agrees_with_an_array)
{
	enum { IDS = 500, STEPS = 100000 };
	uint64_t truth[IDS + 1] = { 0 }, value;
	struct idmap m = { 0 };
	struct idmap_entry entry;
	struct rng rng;
	uint32_t i, id;

	rng_init_number(&rng, 1, 0);
	for (i = 0; i < STEPS; i++) {
		id = 1 + rng_below(&rng, IDS);
		if (rng_below(&rng, 2) == 0) {
			truth[id] = 1 + rng_u64(&rng) / 2;
			idmap_set(&m, id, truth[id]);
		} else {
			cr_assert_eq(idmap_remove(&m, id), truth[id] != 0);
			truth[id] = 0;
		}
	}
	for (id = 1; id <= IDS; id++) {
		cr_assert_eq(idmap_get(&m, id, &value), truth[id] != 0);
		if (truth[id] != 0)
			cr_assert_eq(value, truth[id]);
	}
	while (idmap_any(&m, &entry)) {
		cr_assert_eq(truth[entry.id], entry.value);
		cr_assert(idmap_remove(&m, entry.id));
	}
	cr_assert_eq(m.count, 0);
	idmap_deinit(&m);
}
