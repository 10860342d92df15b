/* peer/discover/avoid.c: a ring of addresses and an index over it.
 *
 * Invariant: the map holds exactly the endpoints of the ring; a banned global
 * address is in it with port 0. */
#include "peer/discover/avoid.h"

#include "proto/memory.h"

#include <stdlib.h>

void avoid_init(struct avoid *a, struct rng *rng)
{
	*a = (struct avoid){ .ring = NULL };
	endpoint_map_init(&a->map, rng);
}

void avoid_deinit(struct avoid *a)
{
	endpoint_map_deinit(&a->map);
	free(a->ring);
	a->ring = NULL;
}

/* A ban names the whole address where one address is one host of the internet;
 * behind a private one there may be many in a lab, each with its port. */
static struct endpoint banned_form(const struct endpoint *e)
{
	struct endpoint form = *e;

	if (endpoint_class(e) == ENDPOINT_GLOBAL)
		form.port = 0;
	return form;
}

bool avoid_is_banned(const struct avoid *a, const struct endpoint *e)
{
	const struct endpoint form = banned_form(e);
	return endpoint_map_get(&a->map, &form) == AVOID_BANNED;
}

bool avoid_has(const struct avoid *a, const struct endpoint *e)
{
	return endpoint_map_get(&a->map, e) != ENDPOINT_MAP_NONE || avoid_is_banned(a, e);
}

void avoid_add(struct avoid *a, const struct endpoint *e, enum avoidance why)
{
	const struct endpoint form = why == AVOID_BANNED ? banned_form(e) : *e;

	if (endpoint_map_get(&a->map, &form) == ENDPOINT_MAP_NONE) {
		if (a->ring == NULL)
			a->ring = memory_zeroed(AVOID_MAX, sizeof(*a->ring));
		struct endpoint *place = &a->ring[a->next];
		if (place->family != ENDPOINT_NONE)
			endpoint_map_remove(&a->map, place);
		*place = form;
		a->next = (a->next + 1) % AVOID_MAX;
		endpoint_map_put(&a->map, &form, why);
	} else if (why == AVOID_BANNED) {
		endpoint_map_put(&a->map, &form, why);
	}
}
