/* tools/io/idmap.c: id -> value, open addressing with linear probing.
 *
 * Invariant: at most three quarters full, and every entry can be reached from
 * its home slot without crossing a free one. */
#include "tools/io/idmap.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/memory.h"

enum { SLOTS_MIN = 16 };

static size_t home(const struct idmap *m, uint64_t id)
{
	return (size_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (m->slots - 1);
}

/* The slot that holds id, or the free one where it would go. */
static size_t slot_of(const struct idmap *m, uint64_t id)
{
	size_t i = home(m, id);

	while (m->entries[i].id != 0 && m->entries[i].id != id)
		i = (i + 1) & (m->slots - 1);
	return i;
}

static void grow(struct idmap *m)
{
	struct idmap old = *m;
	size_t i;

	m->slots = old.slots == 0 ? SLOTS_MIN : 2 * old.slots;
	m->entries = memory_zeroed(m->slots, sizeof(*m->entries));
	for (i = 0; i < old.slots; i++)
		if (old.entries[i].id != 0)
			m->entries[slot_of(m, old.entries[i].id)] = old.entries[i];
	free(old.entries);
}

void idmap_deinit(struct idmap *m)
{
	free(m->entries);
	*m = (struct idmap){ 0 };
}

void idmap_set(struct idmap *m, uint64_t id, uint64_t value)
{
	size_t i;

	assert(id != 0);
	if (4 * (m->count + 1) > 3 * m->slots)
		grow(m);
	i = slot_of(m, id);
	if (m->entries[i].id == 0)
		m->count++;
	m->entries[i] = (struct idmap_entry){ id, value };
}

bool idmap_get(const struct idmap *m, uint64_t id, uint64_t *value)
{
	size_t i;

	if (m->count == 0 || id == 0)
		return false;
	i = slot_of(m, id);
	if (m->entries[i].id == 0)
		return false;
	*value = m->entries[i].value;
	return true;
}

void idmap_set_pointer(struct idmap *m, uint64_t id, void *value)
{
	idmap_set(m, id, (uint64_t)(uintptr_t)value);
}

void *idmap_pointer(const struct idmap *m, uint64_t id)
{
	uint64_t value;

	return idmap_get(m, id, &value) ? (void *)(uintptr_t)value : NULL;
}

bool idmap_remove(struct idmap *m, uint64_t id)
{
	size_t hole, i, want;

	if (m->count == 0 || id == 0)
		return false;
	hole = slot_of(m, id);
	if (m->entries[hole].id == 0)
		return false;
	for (i = (hole + 1) & (m->slots - 1); m->entries[i].id != 0; i = (i + 1) & (m->slots - 1)) {
		want = home(m, m->entries[i].id);
		/* It may fill the hole if its home does not lie between the two. */
		if (((i - want) & (m->slots - 1)) >= ((i - hole) & (m->slots - 1))) {
			m->entries[hole] = m->entries[i];
			hole = i;
		}
	}
	m->entries[hole].id = 0;
	m->count--;
	return true;
}

bool idmap_any(const struct idmap *m, struct idmap_entry *out)
{
	size_t i;

	for (i = 0; m->count > 0 && i < m->slots; i++)
		if (m->entries[i].id != 0) {
			*out = m->entries[i];
			return true;
		}
	return false;
}
