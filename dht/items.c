/* dht/items.c: stored BEP 44 items. */
#include "dht/items.h"

#include "dht/id.h"
#include "dht/item.h"
#include "proto/memory.h"

#include <stdlib.h>

enum { ITEM_COST = 64, EVICT_SAMPLE = 8, SWEEP_SLOTS = 64 };

void items_init(struct items *s, uint64_t bytes_max, struct rng *rng)
{
	memset(s, 0, sizeof(*s));
	s->bytes_max = bytes_max;
	keymap_init(&s->map, rng);
	quota_init(&s->quota, rng);
}

void items_deinit(struct items *s)
{
	uint32_t at = 0;
	struct keymap_entry *e;
	while ((e = keymap_walk(&s->map, &at)) != NULL)
		free(e);
	keymap_deinit(&s->map);
	quota_deinit(&s->quota);
}

static uint64_t cost_of(uint32_t value_size)
{
	return ITEM_COST + sizeof(struct stored_item) + value_size;
}

static void remove_item(struct items *s, struct stored_item *i)
{
	s->bytes -= cost_of(i->value_size);
	quota_remove(&s->quota, &i->from);
	keymap_remove(&s->map, &i->entry);
	free(i);
}

const struct stored_item *items_find(struct items *s, const uint8_t target[DHT_ID_SIZE],
                                     uint32_t now)
{
	struct stored_item *i = (struct stored_item *)keymap_find(&s->map, target, 0);
	if (i != NULL && now - i->at >= ITEMS_LIFE_SECONDS) {
		remove_item(s, i);
		return NULL;
	}
	return i;
}

void items_target_of_put(const struct krpc *m, uint8_t target[DHT_ID_SIZE])
{
	if (m->key != NULL)
		item_target_of_key(m->key, m->salt, target);
	else
		item_target_of_value(m->value, target);
}

int items_check_size(const struct krpc *m)
{
	if (m->value.size > DHT_VALUE_MAX)
		return KRPC_VALUE_TOO_BIG;
	return m->salt.size > DHT_SALT_MAX ? KRPC_SALT_TOO_BIG : 0;
}

/* What is wrong with it in itself; 0: nothing. */
static int check_put(const struct krpc *m)
{
	if (m->value.size == 0 || (m->key != NULL && (m->signature == NULL || !m->has_seq)))
		return KRPC_PROTOCOL;
	if (m->key == NULL)
		return 0;
	if (m->seq < 0)
		return KRPC_PROTOCOL;
	return item_verify(m->key, m->signature, m->salt, m->seq, m->value) ? 0 : KRPC_BAD_SIGNATURE;
}

/* May it replace what is there. */
static int check_order(const struct stored_item *old, const struct krpc *m)
{
	if (m->has_cas && m->cas != old->seq)
		return KRPC_CAS_MISMATCH;
	if (m->seq < old->seq)
		return KRPC_SEQ_TOO_OLD;
	if (m->seq == old->seq &&
	    !bytes_equal(m->value, bytes_of(old->value, old->value_size)))
		return KRPC_SEQ_TOO_OLD;
	return 0;
}

static bool make_room(struct items *s, const uint8_t own_id[DHT_ID_SIZE],
                      const uint8_t target[DHT_ID_SIZE], uint64_t bytes, struct rng *rng)
{
	const unsigned mine = id_common_bits(target, own_id);
	while (s->bytes + bytes > s->bytes_max) {
		struct stored_item *farthest = NULL;
		unsigned least = 0;
		for (int i = 0; i < EVICT_SAMPLE && s->map.count > 0; i++) {
			struct stored_item *x = (struct stored_item *)keymap_random(&s->map, rng);
			const unsigned near = id_common_bits(x->entry.key, own_id);
			if (farthest == NULL || near < least) {
				farthest = x;
				least = near;
			}
		}
		if (farthest == NULL || least > mine)
			return false;
		remove_item(s, farthest);
	}
	return true;
}

static void recount(struct items *s)
{
	uint32_t at = 0;
	struct keymap_entry *e;
	quota_reset(&s->quota);
	while ((e = keymap_walk(&s->map, &at)) != NULL)
		quota_add(&s->quota, &((struct stored_item *)e)->from);
}

static void add_item(struct items *s, const uint8_t target[DHT_ID_SIZE], const struct krpc *m,
                     const struct endpoint *from, uint32_t now)
{
	struct stored_item *i = memory_zeroed(1, sizeof(*i) + m->value.size);
	memcpy(i->entry.key, target, DHT_ID_SIZE);
	i->mutable_item = m->key != NULL;
	if (i->mutable_item) {
		memcpy(i->key, m->key, sizeof(i->key));
		memcpy(i->signature, m->signature, sizeof(i->signature));
		i->seq = m->seq;
	}
	i->at = now;
	i->from = *from;
	i->value_size = (uint32_t)m->value.size;
	memcpy(i->value, m->value.data, m->value.size);
	keymap_add(&s->map, &i->entry);
	s->bytes += cost_of(i->value_size);
	quota_add(&s->quota, from);
	if (quota_is_crowded(&s->quota))
		recount(s);
}

int items_put(struct items *s, const uint8_t own_id[DHT_ID_SIZE], const struct krpc *m,
              const struct endpoint *from, uint32_t now, struct rng *rng)
{
	uint8_t target[DHT_ID_SIZE];
	int error = items_check_size(m);
	if (error == 0)
		error = check_put(m);
	if (error != 0)
		return error;
	items_target_of_put(m, target);
	struct stored_item *old = (struct stored_item *)items_find(s, target, now);
	if (old != NULL) {
		error = old->mutable_item ? check_order(old, m) : 0;
		if (error != 0)
			return error;
		if (!old->mutable_item || m->seq == old->seq) {
			old->at = now;
			return 0;
		}
	} else if (!quota_allows(&s->quota, from, ITEMS_SUBNET_MAX)) {
		return KRPC_SERVER;
	}
	if (old != NULL)
		remove_item(s, old);
	if (!make_room(s, own_id, target, cost_of((uint32_t)m->value.size), rng))
		return KRPC_SERVER;
	add_item(s, target, m, from, now);
	return 0;
}

void items_sweep(struct items *s, uint32_t now)
{
	for (uint32_t i = 0; i < SWEEP_SLOTS && s->map.count > 0; i++) {
		if (s->sweep_at >= s->map.room)
			s->sweep_at = 0;
		struct stored_item *x = (struct stored_item *)s->map.slots[s->sweep_at];
		if (x != NULL && now - x->at >= ITEMS_LIFE_SECONDS)
			remove_item(s, x);
		else
			s->sweep_at++;
	}
}
