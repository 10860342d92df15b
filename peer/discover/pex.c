/* peer/discover/pex.c: the timeline of a torrent's connections, and its readers.
 *
 * An event says that a peer came or went. A message to somebody covers the events
 * from its place on: who came is added, who went is dropped, who did both cancels
 * out. Where more than PEX_CHANGES_MAX would be added or dropped, it covers fewer
 * events and the next one goes on from there. So nobody is added and dropped in
 * one message, and whoever was added is dropped in the end (BEP 11). */
#include "peer/discover/pex.h"

#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

enum { PORT_PRIVILEGED = 1024 };

enum pex_event_kind { EVENT_CAME, EVENT_CHANGED, EVENT_WENT };

struct pex_event {
	struct pex_peer peer;
	enum pex_event_kind kind;
};

void pex_init(struct pex *p)
{
	*p = (struct pex){ .live = NULL };
}

void pex_deinit(struct pex *p)
{
	free(p->live);
	free(p->events);
	pex_init(p);
}

/* ---- who is there ---- */

static struct pex_event *event_at(const struct pex *p, uint64_t number)
{
	return &p->events[number & (p->events_size - 1)];
}

static void make_room(struct pex *p)
{
	if (p->head - p->tail < p->events_size)
		return;
	if (p->events_size == PEX_TIMELINE_MAX) {
		p->tail++;
		return;
	}
	const uint32_t size = p->events_size == 0 ? 16 : 2 * p->events_size;
	struct pex_event *events = memory_zeroed(size, sizeof(*events));
	for (uint64_t i = p->tail; i < p->head; i++)
		events[i & (size - 1)] = *event_at(p, i);
	free(p->events);
	p->events = events;
	p->events_size = size;
}

static void append(struct pex *p, const struct pex_peer *peer, enum pex_event_kind kind)
{
	make_room(p);
	*event_at(p, p->head) = (struct pex_event){ *peer, kind };
	p->head++;
}

static uint32_t find_live(const struct pex *p, const struct endpoint *e)
{
	uint32_t i = 0;

	while (i < p->live_count && !endpoint_equal(&p->live[i].endpoint, e))
		i++;
	return i;
}

void pex_on_connected(struct pex *p, const struct endpoint *e, uint8_t flags)
{
	const struct pex_peer peer = { *e, flags };
	const uint32_t i = find_live(p, e);

	const bool is_new = i == p->live_count;

	if (!endpoint_is_usable(e) || (!is_new && p->live[i].flags == flags))
		return;
	if (is_new) {
		if (p->live_count == p->live_size) {
			p->live_size = p->live_size == 0 ? 8 : 2 * p->live_size;
			p->live = memory_resize(p->live, p->live_size, sizeof(*p->live));
		}
		p->live_count++;
	}
	p->live[i] = peer;
	append(p, &peer, is_new ? EVENT_CAME : EVENT_CHANGED);
}

void pex_on_closed(struct pex *p, const struct endpoint *e)
{
	const uint32_t i = find_live(p, e);

	if (i == p->live_count)
		return;
	append(p, &p->live[i], EVENT_WENT);
	p->live[i] = p->live[--p->live_count];
}

/* ---- telling ---- */

void pex_recipient_init(struct pex_recipient *r, usec now)
{
	*r = (struct pex_recipient){ .next_at = now + PEX_FIRST_DELAY };
}

usec pex_deadline(const struct pex *p, const struct pex_recipient *r)
{
	const bool news = r->begun ? r->place < p->head : p->live_count > 0;
	return news ? r->next_at : USEC_NEVER;
}

/* A first message: some of whom we are connected to, at random. */
static void tell_first(const struct pex *p, const struct endpoint *itself, struct pex_message *out,
                       struct rng *rng)
{
	uint32_t left = p->live_count;

	for (uint32_t i = 0; i < p->live_count; i++, left--) {
		if (endpoint_equal(&p->live[i].endpoint, itself))
			continue;
		/* Each of those left with the same chance for the places left. */
		const uint32_t places = PEX_FIRST_MAX - out->added_count;
		if (places < left && rng_below(rng, left) >= places)
			continue;
		out->added[out->added_count++] = p->live[i];
		if (out->added_count == PEX_FIRST_MAX)
			break;
	}
}

/* A message of changes while it is put together. */
struct changes {
	struct pex_message *out;
	bool known[PEX_CHANGES_MAX]; /* of added: it had been told before */
};

static uint32_t find_added(const struct pex_message *m, const struct endpoint *e)
{
	uint32_t i = 0;

	while (i < m->added_count && !endpoint_equal(&m->added[i].endpoint, e))
		i++;
	return i;
}

static uint32_t find_dropped(const struct pex_message *m, const struct endpoint *e)
{
	uint32_t i = 0;

	while (i < m->dropped_count && !endpoint_equal(&m->dropped[i], e))
		i++;
	return i;
}

/* These two return false when it does not fit into this message. */
static bool tell_came(struct changes *c, const struct pex_peer *peer, bool known)
{
	struct pex_message *m = c->out;
	const uint32_t dropped = find_dropped(m, &peer->endpoint);
	const uint32_t added = find_added(m, &peer->endpoint);

	/* Gone and back: it has never been away. */
	if (dropped < m->dropped_count) {
		m->dropped[dropped] = m->dropped[--m->dropped_count];
		return true;
	}
	if (added == PEX_CHANGES_MAX)
		return false;
	if (added == m->added_count) {
		c->known[added] = known;
		m->added_count++;
	}
	m->added[added] = *peer;
	return true;
}

static bool tell_went(struct changes *c, const struct pex_peer *peer)
{
	struct pex_message *m = c->out;
	const uint32_t added = find_added(m, &peer->endpoint);
	const bool known = added == m->added_count || c->known[added];

	if (known && m->dropped_count == PEX_CHANGES_MAX)
		return false;
	/* Come and gone: it has never been here. */
	if (added < m->added_count) {
		m->added_count--;
		m->added[added] = m->added[m->added_count];
		c->known[added] = c->known[m->added_count];
	}
	if (known)
		m->dropped[m->dropped_count++] = peer->endpoint;
	return true;
}

static void tell_changes(const struct pex *p, struct pex_recipient *r,
                         const struct endpoint *itself, struct pex_message *out)
{
	struct changes c = { .out = out };

	if (r->place < p->tail)
		r->place = p->tail;
	for (; r->place < p->head; r->place++) {
		const struct pex_event *e = event_at(p, r->place);
		if (endpoint_equal(&e->peer.endpoint, itself))
			continue;
		if (!(e->kind == EVENT_WENT ? tell_went(&c, &e->peer)
		                            : tell_came(&c, &e->peer, e->kind == EVENT_CHANGED)))
			return;
	}
}

bool pex_next_message(const struct pex *p, struct pex_recipient *r, const struct endpoint *itself,
                      struct pex_message *out, struct rng *rng, usec now)
{
	out->added_count = out->dropped_count = 0;
	if (now < pex_deadline(p, r))
		return false;
	if (!r->begun) {
		tell_first(p, itself, out, rng);
		r->place = p->head;
	} else {
		tell_changes(p, r, itself, out);
	}
	r->begun = true;
	if (out->added_count + out->dropped_count == 0)
		return false;
	r->next_at = now + PEX_INTERVAL;
	return true;
}

/* ---- being told ---- */

static bool is_credible(const struct endpoint *e, const struct endpoint *from)
{
	if (!endpoint_is_usable(e))
		return false;
	if (endpoint_class(e) != ENDPOINT_GLOBAL)
		return endpoint_class(from) != ENDPOINT_GLOBAL;
	return e->port >= PORT_PRIVILEGED;
}

/* A list that names one host many times wants us to knock there many times. */
static bool is_first_of_its_host(const struct pex_message *m, uint32_t kept,
                                 const struct endpoint *e)
{
	if (endpoint_class(e) != ENDPOINT_GLOBAL)
		return true;
	for (uint32_t i = 0; i < kept; i++) {
		if (endpoint_same_address(&m->added[i].endpoint, e))
			return false;
	}
	return true;
}

enum pex_verdict pex_on_message(struct pex_guard *g, struct pex_message *m,
                                const struct endpoint *from, usec now)
{
	uint32_t kept = 0;

	if (g->heard_at != 0 && usec_since(g->heard_at, now) < PEX_INTERVAL_TAKEN) {
		g->hasty++;
		m->added_count = m->dropped_count = 0;
		return g->hasty > PEX_HASTE_MAX ? PEX_BROKEN : PEX_IGNORED;
	}
	g->heard_at = usec_max(now, 1);
	g->hasty = 0;
	for (uint32_t i = 0; i < m->added_count; i++) {
		const struct pex_peer peer = m->added[i];
		if (is_credible(&peer.endpoint, from) && is_first_of_its_host(m, kept, &peer.endpoint))
			m->added[kept++] = peer;
	}
	m->added_count = kept;
	return PEX_TAKEN;
}
