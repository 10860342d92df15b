/* dht/votes.c: counting address votes. */
#include "dht/votes.h"

#include "proto/memory.h"

#include <stdlib.h>

void votes_deinit(struct votes *v)
{
	free(v->ring);
	memset(v, 0, sizeof(*v));
}

void votes_clear(struct votes *v)
{
	v->count = v->next = 0;
}

static uint64_t address_key(const struct endpoint *e)
{
	uint64_t key = 0;
	memcpy(&key, e->address, e->family == ENDPOINT_V4 ? 4 : 8);
	return key;
}

static struct vote *vote_of(struct votes *v, uint64_t subnet)
{
	for (uint32_t i = 0; i < v->count; i++) {
		if (v->ring[i].subnet == subnet)
			return &v->ring[i];
	}
	if (v->ring == NULL)
		v->ring = memory_zeroed(VOTES_MAX, sizeof(*v->ring));
	struct vote *vote = &v->ring[v->next];
	v->next = (v->next + 1) % VOTES_MAX;
	if (v->count < VOTES_MAX)
		v->count++;
	vote->subnet = subnet;
	return vote;
}

bool votes_add(struct votes *v, const struct endpoint *replier, const struct endpoint *address,
               struct endpoint *winner)
{
	if (endpoint_class(replier) != ENDPOINT_GLOBAL || endpoint_class(address) != ENDPOINT_GLOBAL ||
	    address->family != replier->family)
		return false;
	vote_of(v, endpoint_subnet(replier))->address = address_key(address);
	if (v->count < VOTES_MIN)
		return false;
	uint32_t same = 0;
	for (uint32_t i = 0; i < v->count; i++) {
		same += v->ring[i].address == address_key(address);
	}
	if (3 * same < 2 * v->count)
		return false;
	*winner = *address;
	return true;
}
