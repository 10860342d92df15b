/* dht/contacts.c: the list of possible nodes. */
#include "dht/contacts.h"

#include "proto/memory.h"

#include <stdlib.h>

void contacts_deinit(struct contacts *c)
{
	free(c->list);
	memset(c, 0, sizeof(*c));
}

static struct contact *find(const struct contacts *c, const struct endpoint *e)
{
	for (uint32_t i = 0; i < c->count; i++) {
		if (endpoint_equal(&c->list[i].endpoint, e))
			return &c->list[i];
	}
	return NULL;
}

/* The one whose loss costs least: most fails, never a router. */
static struct contact *worst(const struct contacts *c)
{
	struct contact *out = &c->list[0];
	for (uint32_t i = 1; i < c->count; i++) {
		struct contact *x = &c->list[i];
		if (x->router < out->router || (x->router == out->router && x->fails > out->fails))
			out = x;
	}
	return out;
}

void contacts_add(struct contacts *c, const struct endpoint *e, bool router)
{
	struct contact *slot = find(c, e);
	if (slot != NULL) {
		slot->router = slot->router || router;
		slot->fails = 0;
		return;
	}
	if (c->count == CONTACTS_MAX) {
		slot = worst(c);
	} else {
		if (c->count == c->room) {
			c->room = c->room == 0 ? 4 : 2 * c->room;
			c->list = memory_resize(c->list, c->room, sizeof(*c->list));
		}
		slot = &c->list[c->count++];
	}
	*slot = (struct contact){ .endpoint = *e, .router = router };
}

bool contacts_is_router(const struct contacts *c, const struct endpoint *e)
{
	const struct contact *x = find(c, e);
	return x != NULL && x->router;
}

void contacts_begin_round(struct contacts *c, enum endpoint_family family)
{
	for (uint32_t i = 0; i < c->count; i++) {
		if (c->list[i].endpoint.family == (uint8_t)family)
			c->list[i].tried = false;
	}
}

struct contact *contacts_next(struct contacts *c, enum endpoint_family family, bool router,
                              usec now)
{
	struct contact *best = NULL;
	for (uint32_t i = 0; i < c->count; i++) {
		struct contact *x = &c->list[i];
		if (x->endpoint.family != (uint8_t)family || x->router != router || x->tried)
			continue;
		if (best == NULL || x->fails < best->fails ||
		    (x->fails == best->fails && x->tried_at < best->tried_at))
			best = x;
	}
	if (best != NULL) {
		best->tried = true;
		best->tried_at = now;
	}
	return best;
}

void contacts_on_result(struct contacts *c, const struct endpoint *e, bool answered)
{
	struct contact *x = find(c, e);
	if (x == NULL)
		return;
	if (answered) {
		x->fails = 0;
		x->answered = true;
		return;
	}
	if (x->fails < UINT8_MAX)
		x->fails++;
	if (!x->router && x->fails >= CONTACT_FAILS_MAX && c->count > CONTACTS_KEPT)
		*x = c->list[--c->count];
}
