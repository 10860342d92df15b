/* peer/discover/dials.c: the last dials to each subnet, in a small hash table.
 *
 * Nothing is ever taken out: places whose dials are all older than the window
 * are left behind when the table is built anew, which happens when it is half
 * full or holds DIALS_SUBNETS_MAX. */
#include "peer/discover/dials.h"

#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

void dials_init(struct dials *d, struct rng *rng)
{
	*d = (struct dials){ .places = NULL };
	rng_fill(rng, d->key, sizeof(d->key));
}

void dials_deinit(struct dials *d)
{
	free(d->places);
	d->places = NULL;
	d->count = d->size = 0;
}

static struct dial_place *find(const struct dials *d, uint64_t subnet)
{
	uint64_t i = siphash(d->key, bytes_of(&subnet, sizeof(subnet)));

	for (;; i++) {
		struct dial_place *p = &d->places[i & (d->size - 1)];
		if (p->count == 0 || p->subnet == subnet)
			return p;
	}
}

/* The oldest remembered dial of a full ring, the newest of any. */
static usec oldest(const struct dial_place *p)
{
	return p->at[p->next % DIALS_PER_SUBNET_MAX];
}

static usec newest(const struct dial_place *p)
{
	return p->at[(p->next + DIALS_PER_SUBNET_MAX - 1) % DIALS_PER_SUBNET_MAX];
}

static bool is_over(usec at, usec now)
{
	return usec_since(at, now) >= DIALS_WINDOW;
}

/* Leave out what is over; grow when most of it is not. */
static void rebuild(struct dials *d, usec now)
{
	struct dial_place *old = d->places;
	const uint32_t old_size = d->size;
	uint32_t alive = 0;

	for (uint32_t i = 0; i < old_size; i++)
		alive += old[i].count != 0 && !is_over(newest(&old[i]), now);
	if (d->size == 0)
		d->size = 16;
	while (4 * (alive + 1) > d->size)
		d->size *= 2;
	d->places = memory_zeroed(d->size, sizeof(*d->places));
	d->count = alive;
	d->swept_at = now;
	for (uint32_t i = 0; i < old_size; i++) {
		if (old[i].count != 0 && !is_over(newest(&old[i]), now))
			*find(d, old[i].subnet) = old[i];
	}
	free(old);
}

usec dials_when(struct dials *d, const struct endpoint *e, usec now)
{
	if (endpoint_class(e) != ENDPOINT_GLOBAL || d->size == 0)
		return now;
	const struct dial_place *p = find(d, endpoint_subnet(e));
	if (p->count == DIALS_PER_SUBNET_MAX && !is_over(oldest(p), now))
		return oldest(p) + DIALS_WINDOW;
	if (p->count != 0 || d->count < DIALS_SUBNETS_MAX)
		return now;
	if (usec_since(d->swept_at, now) < USEC_PER_SEC)
		return d->swept_at + USEC_PER_SEC;
	rebuild(d, now);
	return d->count < DIALS_SUBNETS_MAX ? now : now + USEC_PER_SEC;
}

void dials_take(struct dials *d, const struct endpoint *e, usec now)
{
	if (endpoint_class(e) != ENDPOINT_GLOBAL)
		return;
	if (2 * (d->count + 1) > d->size)
		rebuild(d, now);
	struct dial_place *p = find(d, endpoint_subnet(e));
	if (p->count == 0) {
		*p = (struct dial_place){ .subnet = endpoint_subnet(e) };
		d->count++;
	}
	p->at[p->next] = now;
	p->next = (p->next + 1) % DIALS_PER_SUBNET_MAX;
	if (p->count < DIALS_PER_SUBNET_MAX)
		p->count++;
}
