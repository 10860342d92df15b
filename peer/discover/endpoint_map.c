/* peer/discover/endpoint_map.c: open addressing, linear probing, SipHash.
 *
 * Invariant: at most 3/4 full, and no free slot lies between an entry and the
 * slot its hash names, so that a search may stop at the first free one. */
#include "peer/discover/endpoint_map.h"

#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

void endpoint_map_init(struct endpoint_map *m, struct rng *rng)
{
	*m = (struct endpoint_map){ .slots = NULL };
	rng_fill(rng, m->key, sizeof(m->key));
}

void endpoint_map_deinit(struct endpoint_map *m)
{
	free(m->slots);
	m->slots = NULL;
	m->count = m->size = 0;
}

static uint32_t home(const struct endpoint_map *m, const struct endpoint *e)
{
	return (uint32_t)siphash(m->key, bytes_of(e, sizeof(*e))) & (m->size - 1);
}

/* The slot of e, or the free one where it would go. */
static uint32_t find(const struct endpoint_map *m, const struct endpoint *e)
{
	uint32_t i = home(m, e);

	while (m->slots[i].endpoint.family != ENDPOINT_NONE &&
	       !endpoint_equal(&m->slots[i].endpoint, e))
		i = (i + 1) & (m->size - 1);
	return i;
}

uint32_t endpoint_map_get(const struct endpoint_map *m, const struct endpoint *e)
{
	if (m->count == 0)
		return ENDPOINT_MAP_NONE;
	const struct endpoint_slot *s = &m->slots[find(m, e)];
	return s->endpoint.family == ENDPOINT_NONE ? ENDPOINT_MAP_NONE : s->value;
}

static void grow(struct endpoint_map *m)
{
	struct endpoint_slot *old = m->slots;
	const uint32_t old_size = m->size;

	assert(m->size < 1u << 30);
	m->size = m->size == 0 ? 16 : 2 * m->size;
	m->slots = memory_zeroed(m->size, sizeof(*m->slots));
	for (uint32_t i = 0; i < old_size; i++) {
		if (old[i].endpoint.family != ENDPOINT_NONE)
			m->slots[find(m, &old[i].endpoint)] = old[i];
	}
	free(old);
}

void endpoint_map_put(struct endpoint_map *m, const struct endpoint *e, uint32_t value)
{
	assert(e->family != ENDPOINT_NONE && value != ENDPOINT_MAP_NONE);
	if (4 * (m->count + 1) > 3 * m->size)
		grow(m);
	struct endpoint_slot *s = &m->slots[find(m, e)];
	m->count += s->endpoint.family == ENDPOINT_NONE;
	*s = (struct endpoint_slot){ *e, value };
}

bool endpoint_map_remove(struct endpoint_map *m, const struct endpoint *e)
{
	if (m->count == 0)
		return false;
	uint32_t hole = find(m, e);
	if (m->slots[hole].endpoint.family == ENDPOINT_NONE)
		return false;
	/* Move back whatever the hole would cut off from its home. */
	for (uint32_t i = (hole + 1) & (m->size - 1); m->slots[i].endpoint.family != ENDPOINT_NONE;
	     i = (i + 1) & (m->size - 1)) {
		const uint32_t from_home = (i - home(m, &m->slots[i].endpoint)) & (m->size - 1);
		if (from_home >= ((i - hole) & (m->size - 1))) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	memset(&m->slots[hole], 0, sizeof(m->slots[hole]));
	m->count--;
	return true;
}
