/* dht/keymap.c: a hash table of pointers, linear probing, at most half full. */
#include "dht/keymap.h"

#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

enum { ROOM_MIN = 8 };

void keymap_init(struct keymap *m, struct rng *rng)
{
	memset(m, 0, sizeof(*m));
	rng_fill(rng, m->secret, sizeof(m->secret));
}

void keymap_deinit(struct keymap *m)
{
	free(m->slots);
	m->slots = NULL;
	m->room = m->count = 0;
}

static uint32_t home_of(const struct keymap *m, const uint8_t *key, uint8_t tag)
{
	uint8_t input[DHT_ID_SIZE + 1];
	memcpy(input, key, DHT_ID_SIZE);
	input[DHT_ID_SIZE] = tag;
	return (uint32_t)siphash(m->secret, bytes_of(input, sizeof(input))) & (m->room - 1);
}

static uint32_t slot_of(const struct keymap *m, const uint8_t *key, uint8_t tag)
{
	uint32_t i = home_of(m, key, tag);
	while (m->slots[i] != NULL &&
	       (m->slots[i]->tag != tag || memcmp(m->slots[i]->key, key, DHT_ID_SIZE) != 0))
		i = (i + 1) & (m->room - 1);
	return i;
}

struct keymap_entry *keymap_find(const struct keymap *m, const uint8_t key[DHT_ID_SIZE],
                                 uint8_t tag)
{
	return m->count == 0 ? NULL : m->slots[slot_of(m, key, tag)];
}

static void resize(struct keymap *m, uint32_t room)
{
	struct keymap_entry **old = m->slots;
	const uint32_t old_room = m->room;
	m->slots = memory_zeroed(room, sizeof(*m->slots));
	m->room = room;
	for (uint32_t i = 0; i < old_room; i++) {
		if (old[i] != NULL)
			m->slots[slot_of(m, old[i]->key, old[i]->tag)] = old[i];
	}
	free(old);
}

void keymap_add(struct keymap *m, struct keymap_entry *e)
{
	if (2 * (m->count + 1) > m->room)
		resize(m, m->room == 0 ? ROOM_MIN : 2 * m->room);
	const uint32_t i = slot_of(m, e->key, e->tag);
	assert(m->slots[i] == NULL);
	m->slots[i] = e;
	m->count++;
}

void keymap_remove(struct keymap *m, struct keymap_entry *e)
{
	const uint32_t mask = m->room - 1;
	uint32_t hole = slot_of(m, e->key, e->tag);
	assert(m->slots[hole] == e);
	for (uint32_t i = (hole + 1) & mask; m->slots[i] != NULL; i = (i + 1) & mask) {
		const uint32_t home = home_of(m, m->slots[i]->key, m->slots[i]->tag);
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = NULL;
	m->count--;
	if (m->count == 0)
		keymap_deinit(m);
	else if (m->room > 64 && 8 * m->count < m->room)
		resize(m, m->room / 2);
}

struct keymap_entry *keymap_walk(const struct keymap *m, uint32_t *at)
{
	while (*at < m->room) {
		struct keymap_entry *e = m->slots[(*at)++];
		if (e != NULL)
			return e;
	}
	return NULL;
}

struct keymap_entry *keymap_random(const struct keymap *m, struct rng *rng)
{
	assert(m->count > 0);
	uint32_t i = rng_below(rng, m->room);
	while (m->slots[i] == NULL)
		i = (i + 1) & (m->room - 1);
	return m->slots[i];
}
