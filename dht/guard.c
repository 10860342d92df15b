/* dht/guard.c: token buckets per address and subnet. */
#include "dht/guard.h"

#include "proto/memory.h"

#include <stdlib.h>

enum { SETS_MIN = 8 };

void guard_init(struct guard *g, struct rng *rng)
{
	memset(g, 0, sizeof(*g));
	rng_fill(rng, g->secret, sizeof(g->secret));
}

void guard_deinit(struct guard *g)
{
	free(g->slots);
	g->slots = NULL;
	g->sets = 0;
}

struct budget {
	int32_t packets, packets_burst; /* a second; at most */
	int32_t bytes, bytes_burst;
};

static struct budget budget_of(bool subnet, bool local)
{
	const int32_t factor = local ? GUARD_LOCAL_FACTOR : 1;
	if (subnet)
		return (struct budget){ factor * GUARD_SUBNET_PACKETS, factor * GUARD_SUBNET_BURST,
			                factor * GUARD_SUBNET_BYTES, factor * GUARD_SUBNET_BYTES_BURST };
	return (struct budget){ factor * GUARD_IP_PACKETS, factor * GUARD_IP_BURST, 0, 0 };
}

enum { TAG_SUBNET = 1, TAG_LOCAL = 2, TAG_USED = 4 };

/* Its low bits say which budget holds, so that a slot can be judged alone. */
static uint32_t tag_of(const struct guard *g, bool subnet, const struct endpoint *e)
{
	uint8_t input[sizeof(e->address) + 1];
	size_t size = sizeof(e->address);
	if (subnet) {
		const uint64_t key = endpoint_subnet(e);
		memcpy(input, &key, sizeof(key));
		size = sizeof(key);
	} else {
		memcpy(input, e->address, sizeof(e->address));
	}
	input[size++] = subnet;
	const uint32_t hash = (uint32_t)siphash(g->secret, bytes_of(input, size));
	return hash << 3 | TAG_USED | (endpoint_class(e) == ENDPOINT_GLOBAL ? 0 : TAG_LOCAL) |
	       (subnet ? TAG_SUBNET : 0);
}

static struct budget budget_of_tag(uint32_t tag)
{
	return budget_of((tag & TAG_SUBNET) != 0, (tag & TAG_LOCAL) != 0);
}

static void refill(struct guard_slot *s, const struct budget *b, uint32_t now_ms)
{
	const uint32_t passed = now_ms - s->at_ms;
	s->at_ms = now_ms;
	const int64_t packets = s->packets + (int64_t)passed * b->packets;
	const int64_t bytes = s->bytes + (int64_t)passed * b->bytes / 1000;
	const int64_t packets_max = (int64_t)b->packets_burst * 1000;
	s->packets = (int32_t)(packets > packets_max ? packets_max : packets);
	s->bytes = (int32_t)(bytes > b->bytes_burst ? b->bytes_burst : bytes);
}

static struct guard_slot *set_of(const struct guard *g, uint32_t tag)
{
	return &g->slots[((tag >> 3) & (g->sets - 1)) * GUARD_WAYS];
}

static void grow(struct guard *g)
{
	struct guard_slot *old = g->slots;
	const uint32_t old_count = g->sets * GUARD_WAYS;
	g->sets = g->sets == 0 ? SETS_MIN : 2 * g->sets;
	g->slots = memory_zeroed((size_t)g->sets * GUARD_WAYS, sizeof(*g->slots));
	for (uint32_t i = 0; i < old_count; i++) {
		struct guard_slot *set = set_of(g, old[i].tag);
		for (unsigned way = 0; old[i].tag != 0 && way < GUARD_WAYS; way++) {
			if (set[way].tag == 0) {
				set[way] = old[i];
				break;
			}
		}
	}
	free(old);
}

/* Nothing spent: forgetting it loses nothing. */
static bool is_full(const struct guard_slot *s, uint32_t now_ms)
{
	struct guard_slot copy = *s;
	const struct budget b = budget_of_tag(s->tag);
	refill(&copy, &b, now_ms);
	return copy.packets == b.packets_burst * 1000 && copy.bytes == b.bytes_burst;
}

/* The way that makes place for a new one; NULL: all still count, and the
 * table may grow. */
static struct guard_slot *make_way(const struct guard *g, struct guard_slot *set, uint32_t now_ms)
{
	struct guard_slot *oldest = set;
	for (unsigned way = 0; way < GUARD_WAYS; way++) {
		if (set[way].tag == 0 || is_full(&set[way], now_ms))
			return &set[way];
		if (now_ms - set[way].at_ms > now_ms - oldest->at_ms)
			oldest = &set[way];
	}
	return g->sets < GUARD_SETS_MAX ? NULL : oldest;
}

static struct guard_slot *slot_of(struct guard *g, bool subnet, const struct endpoint *e,
                                  uint32_t now_ms)
{
	const uint32_t tag = tag_of(g, subnet, e);
	const struct budget b = budget_of_tag(tag);
	struct guard_slot *slot = NULL;
	if (g->sets == 0)
		grow(g);
	for (;;) {
		struct guard_slot *set = set_of(g, tag);
		for (unsigned way = 0; way < GUARD_WAYS; way++) {
			if (set[way].tag == tag) {
				refill(&set[way], &b, now_ms);
				return &set[way];
			}
		}
		slot = make_way(g, set, now_ms);
		if (slot != NULL)
			break;
		grow(g);
	}
	*slot = (struct guard_slot){ tag, now_ms, b.packets_burst * 1000, b.bytes_burst };
	return slot;
}

bool guard_admit(struct guard *g, const struct endpoint *from, usec now)
{
	const uint32_t now_ms = (uint32_t)(now / USEC_PER_MS);
	struct guard_slot *s = slot_of(g, false, from, now_ms);
	if (s->packets < 1000)
		return false;
	s->packets -= 1000;
	s = slot_of(g, true, from, now_ms);
	if (s->packets < 1000)
		return false;
	s->packets -= 1000;
	return true;
}

bool guard_pay(struct guard *g, const struct endpoint *to, size_t bytes, usec now)
{
	struct guard_slot *s = slot_of(g, true, to, (uint32_t)(now / USEC_PER_MS));
	if (s->bytes < (int32_t)bytes)
		return false;
	s->bytes -= (int32_t)bytes;
	return true;
}
