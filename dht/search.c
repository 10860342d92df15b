/* dht/search.c: runs searches: turns a lookup's decisions into queries and
 * replies into lookup progress, then announces or puts.
 *
 * Life: waiting (no node known) -> running -> storing -> lingering. DONE is
 * said when lingering begins; the search goes when its last query has died.
 * A search is named by slot and generation, so a late reply to one that is
 * gone finds nothing. */
#include "dht/id.h"
#include "dht/inside.h"
#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

#define WAIT_USEC (60 * USEC_PER_SEC) /* for a first node */
enum {
	SLOT_BITS = 12,
	NODES_TAKEN_MAX = 16, /* of one reply and family */
	START_NODES = 16,     /* of our table */
	SILENT_FAMILY = 16,   /* queries in a row that died */
	REMEMBERED_QUERIES_MAX = 12, /* of a re-announce */
};
_Static_assert(SLOTS_MAX <= 1 << SLOT_BITS, "a slot fits into the id");

/* ---- slots ---- */

struct search *search_find(struct dht_node *n, uint64_t id)
{
	const uint32_t slot = (uint32_t)id & ((1u << SLOT_BITS) - 1);
	struct search *s = slot < n->search_room ? n->searches[slot] : NULL;
	return s != NULL && s->id == id ? s : NULL;
}

static bool free_slot(struct dht_node *n, uint32_t *slot)
{
	for (*slot = 0; *slot < n->search_room; (*slot)++) {
		if (n->searches[*slot] == NULL)
			return true;
	}
	if (n->search_room >= SLOTS_MAX)
		return false;
	const uint32_t room = n->search_room == 0 ? 4 : 2 * n->search_room;
	n->searches = memory_resize(n->searches, room, sizeof(*n->searches));
	memset(n->searches + n->search_room, 0, (room - n->search_room) * sizeof(*n->searches));
	n->search_room = room;
	return true;
}

struct search *search_new(struct dht_node *n, enum search_kind kind,
                          const uint8_t target[DHT_ID_SIZE], unsigned flags, bool own)
{
	uint32_t slot;
	if ((!own && n->search_public >= DHT_SEARCHES_MAX) || !free_slot(n, &slot))
		return NULL;
	struct search *s = memory_zeroed(1, sizeof(*s));
	s->id = ++n->generation << SLOT_BITS | slot;
	s->kind = kind;
	s->flags = flags;
	memcpy(s->target, target, DHT_ID_SIZE);
	if (!own)
		s->out = s->id;
	if (flags & DHT_SCRAPE)
		s->blooms = memory_zeroed(2, BLOOM_SIZE);
	n->searches[slot] = s;
	n->search_count++;
	n->search_public += !own;
	return s;
}

void search_free(struct dht_node *n, struct search *s)
{
	n->searches[(uint32_t)s->id & ((1u << SLOT_BITS) - 1)] = NULL;
	n->search_count--;
	n->search_waiting -= s->state == SEARCH_WAITING;
	n->search_public -= s->out == s->id;
	for (int i = 0; i < FAMILIES; i++)
		lookup_deinit(&s->lookup[i]);
	free(s->seen.slots);
	free(s->blooms);
	free(s->item);
	free(s);
	if (n->search_count == 0) {
		free(n->searches);
		n->searches = NULL;
		n->search_room = 0;
	}
}

/* ---- start ---- */

static bool stores(const struct search *s)
{
	return (s->flags & DHT_ANNOUNCE) != 0 || s->kind == SEARCH_PUT_ITEM;
}

static void add_own_nodes(struct dht_node *n, struct search *s, int i)
{
	struct table_node nodes[START_NODES];
	struct lookup *l = &s->lookup[i];
	const unsigned count = table_closest(&n->families[i].table, s->target, nodes, START_NODES);
	for (unsigned j = 0; j < count; j++)
		lookup_add(l, nodes[j].id, &nodes[j].endpoint, 0, nodes[j].srtt_ms, nodes[j].rttvar_ms);
}

/* It answers. A family whose socket leads nowhere takes no part in searches,
 * as long as another one works. */
static bool is_working(const struct family *f)
{
	return f->enabled && f->replied_at != 0 && f->silent < SILENT_FAMILY;
}

/* Idempotent: candidates that were added before stay. */
static void prepare_lookups(struct dht_node *n, struct search *s)
{
	const struct lookup_policy policy = lookup_policy_default(stores(s), n->classic);
	const bool any = is_working(&n->families[0]) || is_working(&n->families[1]);
	for (int i = 0; i < FAMILIES; i++) {
		const struct family *f = &n->families[i];
		if (s->has_lookup[i] || !f->enabled || (any && !is_working(f)))
			continue;
		lookup_init(&s->lookup[i], &policy, f->family, s->target, node_estimate(n, f));
		s->has_lookup[i] = true;
	}
}

static bool has_candidates(const struct search *s)
{
	return s->lookup[0].count + s->lookup[1].count > 0;
}

static void start(struct dht_node *n, struct search *s)
{
	if (s->state == SEARCH_WAITING)
		n->search_waiting--;
	s->state = SEARCH_RUNNING;
	search_pump(n, s);
}

void search_begin(struct dht_node *n, struct search *s)
{
	prepare_lookups(n, s);
	for (int i = 0; i < FAMILIES; i++) {
		/* A re-announce has its remembered nodes and needs no others. */
		if (s->has_lookup[i] && s->lookup[i].policy.queries_max == 0)
			add_own_nodes(n, s, i);
	}
	s->state = SEARCH_WAITING;
	s->give_up_at = s->out != 0 && !s->scheduled ? n->now + WAIT_USEC : n->now;
	n->search_waiting++;
	if (has_candidates(s))
		start(n, s);
}

void search_begin_from(struct dht_node *n, struct search *s, const struct dht_contact *nodes,
                       uint32_t count)
{
	prepare_lookups(n, s);
	for (uint32_t i = 0; i < count; i++) {
		struct lookup *l = &s->lookup[nodes[i].endpoint.family == ENDPOINT_V6];
		if (l->family != (enum endpoint_family)nodes[i].endpoint.family)
			continue;
		/* All at once: they are few and were all there last time. */
		l->policy.queries_max = REMEMBERED_QUERIES_MAX;
		l->policy.burst = l->policy.alpha = l->policy.wanted = HANDED_OUT;
		lookup_add(l, nodes[i].id, &nodes[i].endpoint, 0, 0, 0);
	}
	search_begin(n, s);
}

void search_wake_waiting(struct dht_node *n)
{
	for (uint32_t i = 0; i < n->search_room && n->search_waiting > 0; i++) {
		struct search *s = n->searches[i];
		if (s == NULL || s->state != SEARCH_WAITING)
			continue;
		prepare_lookups(n, s);
		for (int j = 0; j < FAMILIES; j++) {
			if (s->has_lookup[j])
				add_own_nodes(n, s, j);
		}
		if (has_candidates(s))
			start(n, s);
	}
}

void search_on_timer(struct dht_node *n)
{
	for (uint32_t i = 0; i < n->search_room && n->search_waiting > 0; i++) {
		struct search *s = n->searches[i];
		if (s != NULL && s->state == SEARCH_WAITING && n->now >= s->give_up_at)
			start(n, s); /* without a candidate: it ends at once */
	}
}

usec search_deadline(const struct dht_node *n)
{
	usec at = USEC_NEVER;
	for (uint32_t i = 0; i < n->search_room && n->search_waiting > 0; i++) {
		const struct search *s = n->searches[i];
		if (s != NULL && s->state == SEARCH_WAITING)
			at = usec_min(at, s->give_up_at);
	}
	return at;
}

/* ---- queries ---- */

/* Ask for the other family's nodes as well while its search has too few. */
static unsigned wanted_families(const struct dht_node *n, const struct search *s, int family)
{
	const int other = 1 - family;
	if (!n->families[other].enabled || s->lookup[other].count >= HANDED_OUT)
		return 0;
	return KRPC_WANT_V4 | KRPC_WANT_V6;
}

static bool ask_candidate(struct dht_node *n, struct search *s, int family,
                          struct lookup_candidate *c)
{
	struct krpc m = { .target = s->target, .want = wanted_families(n, s, family) };
	const struct ask ask = { .to = &c->endpoint, .id = c->id, .purpose = QUERY_LOOKUP,
		                 .owner = s->id, .srtt_ms = c->srtt_ms, .rttvar_ms = c->rttvar_ms };
	switch (s->kind) {
	case SEARCH_GET_PEERS:
		m.method = KRPC_GET_PEERS;
		m.scrape = (s->flags & DHT_SCRAPE) != 0;
		m.no_seed = (s->flags & DHT_NO_SEED) != 0;
		break;
	case SEARCH_GET_ITEM:
	case SEARCH_PUT_ITEM:
		m.method = KRPC_GET;
		break;
	case SEARCH_FIND_NODE:
	case SEARCH_PING:
	case SEARCH_SAMPLE:
		m.method = KRPC_FIND_NODE;
		break;
	}
	if (!node_ask(n, &ask, &m))
		return false;
	s->in_flight++;
	if (c->state == LOOKUP_STALLED)
		lookup_on_resent(&s->lookup[family], c);
	else
		lookup_on_sent(&s->lookup[family], c);
	return true;
}

/* One without candidates may still get some from the other's answers. */
static bool is_finished(struct search *s)
{
	bool finished = true;
	for (int i = 0; i < FAMILIES; i++) {
		if (s->has_lookup[i] && s->lookup[i].count > 0 && !lookup_is_finished(&s->lookup[i]))
			finished = false;
	}
	return finished;
}

static void remember_estimate(struct dht_node *n, struct search *s)
{
	for (int i = 0; i < FAMILIES; i++) {
		struct family *f = &n->families[i];
		const uint64_t size = s->has_lookup[i] ? lookup_estimate(&s->lookup[i]) : 0;
		if (size == 0)
			continue;
		f->estimates[f->estimate_next] = size;
		f->estimate_next = (f->estimate_next + 1) % ESTIMATES_MAX;
		if (f->estimate_count < ESTIMATES_MAX)
			f->estimate_count++;
	}
}

static void end(struct dht_node *n, struct search *s)
{
	s->state = SEARCH_LINGERING;
	results_done(n, s);
	if (s->in_flight == 0)
		search_free(n, s);
}

/* ---- announces and puts ---- */

static bool send_store(struct dht_node *n, struct search *s, struct lookup_candidate *c)
{
	struct krpc m = { .method = KRPC_ANNOUNCE_PEER, .target = s->target,
		          .token = bytes_of(c->token, c->token_size) };
	const struct ask ask = { .to = &c->endpoint, .id = c->id, .purpose = QUERY_STORE,
		                 .owner = s->id, .srtt_ms = c->srtt_ms, .rttvar_ms = c->rttvar_ms };
	if (s->kind == SEARCH_PUT_ITEM) {
		const struct dht_item *i = s->item;
		m.method = KRPC_PUT;
		m.target = NULL;
		m.value = bytes_of(i->value, i->value_size);
		if (i->mutable_item) {
			m.key = i->key;
			m.signature = i->signature;
			m.salt = bytes_of(i->salt, i->salt_size);
			m.has_seq = true;
			m.seq = i->seq;
			/* BEP 44: no cas to a node that has nothing yet. */
			m.has_cas = s->has_cas && c->value_known;
			m.cas = s->cas;
		}
	} else {
		m.has_port = true;
		m.port = s->port;
		m.implied_port = (s->flags & DHT_IMPLIED_PORT) != 0;
		m.seed = (s->flags & DHT_SEED) != 0;
	}
	c->stored++;
	if (!node_ask(n, &ask, &m))
		return false;
	s->in_flight++;
	s->stores_out++;
	return true;
}

/* Somebody holds another seq than the cas expects: then the put is lost, and
 * must not slip in where there is nothing yet. */
static bool cas_is_lost(const struct search *s)
{
	for (int i = 0; s->has_cas && i < FAMILIES; i++) {
		for (uint32_t j = 0; j < s->lookup[i].count; j++) {
			const struct lookup_candidate *c = &s->lookup[i].candidates[j];
			if (c->value_known && c->value_seq != s->cas)
				return true;
		}
	}
	return false;
}

/* In each family as soon as its own search is over, and again when somebody
 * nearer answers late. */
static void store_at_closest(struct dht_node *n, struct search *s)
{
	const bool holders_only = cas_is_lost(s);
	for (int i = 0; i < FAMILIES; i++) {
		struct lookup *l = &s->lookup[i];
		const uint32_t count = s->has_lookup[i] && l->finished ? lookup_store_count(l) : 0;
		struct lookup_candidate *c;
		uint32_t given = 0;
		/* Who gave no token takes nothing: the next one does (BEP 33). */
		for (uint32_t j = 0; given < count && (c = lookup_replier(l, j)) != NULL; j++) {
			if (c->token_size == 0)
				continue;
			given++;
			if (c->stored == 0 && (c->value_known || !holders_only))
				send_store(n, s, c);
		}
	}
}

static bool ask_all(struct dht_node *n, struct search *s)
{
	struct lookup_candidate *c;
	bool asked = false;
	for (int i = 0; i < FAMILIES; i++) {
		while (s->has_lookup[i] && (c = lookup_next(&s->lookup[i])) != NULL) {
			if (!ask_candidate(n, s, i, c))
				lookup_on_fail(&s->lookup[i], c->id, &c->endpoint);
			asked = true;
		}
	}
	return asked;
}

void search_pump(struct dht_node *n, struct search *s)
{
	if (s->state != SEARCH_RUNNING)
		return;
	ask_all(n, s);
	bool finished;
	/* Looking whether it is over may widen a suspect search. */
	while (!(finished = is_finished(s)) && ask_all(n, s))
		;
	if (finished) {
		remember_estimate(n, s);
		results_ready(n, s);
		s->state = SEARCH_STORING;
	}
	if (stores(s))
		store_at_closest(n, s);
	if (!finished)
		return;
	if (s->stores_out == 0)
		end(n, s);
}

/* ---- what came of it ---- */

void search_add_nodes(struct dht_node *n, struct search *s, const struct endpoint *from,
                      const struct krpc *m)
{
	const uint32_t named_by = node_hash(n, from);
	prepare_lookups(n, s);
	for (int i = 0; i < FAMILIES; i++) {
		const struct family *f = &n->families[i];
		struct bytes nodes = i == 0 ? m->nodes : m->nodes6;
		const uint8_t *id;
		struct endpoint e;
		for (int j = 0; s->has_lookup[i] && j < NODES_TAKEN_MAX &&
		     krpc_next_node(&nodes, f->family, &id, &e); j++) {
			if (!node_may_name(from, &e) || id_equal(id, f->table.own_id))
				continue;
			const struct table_entry *known = table_find(&f->table, id, &e);
			if (known == NULL &&
			    unreachable_has(&n->unreachable, node_hash(n, &e), node_seconds(n)))
				continue;
			lookup_add(&s->lookup[i], id, &e, named_by, known != NULL ? known->srtt_ms : 0,
			           known != NULL ? known->rttvar_ms : 0);
		}
	}
}

static void on_lookup_reply(struct dht_node *n, struct search *s, const struct query *q,
                            const struct krpc *m)
{
	struct lookup *l = &s->lookup[q->to.family == ENDPOINT_V6];
	struct lookup_candidate *c = lookup_on_reply(l, q->id, &q->to);
	if (c == NULL)
		return;
	if (m->token.size <= LOOKUP_TOKEN_MAX) {
		c->token_size = (uint8_t)m->token.size;
		if (m->token.size != 0)
			memcpy(c->token, m->token.data, m->token.size);
	}
	results_take(n, s, &q->to, c, m);
	search_add_nodes(n, s, &q->to, m); /* c may have moved */
	if (s->state == SEARCH_RUNNING)
		search_pump(n, s);
	else if (stores(s))
		store_at_closest(n, s); /* nearer than one we stored at, and late */
}

static void on_single_reply(struct dht_node *n, struct search *s, const struct query *q,
                            const struct krpc *m)
{
	if (s->state == SEARCH_LINGERING)
		return;
	results_pong(n, s, q, m);
	end(n, s);
}

static void one_less_store(struct dht_node *n, struct search *s)
{
	assert(s->stores_out > 0);
	s->stores_out--;
	if (s->stores_out == 0 && s->state == SEARCH_STORING)
		end(n, s);
}

static void on_store_reply(struct search *s, const struct query *q)
{
	struct lookup_candidate *c = lookup_find(&s->lookup[q->to.family == ENDPOINT_V6], q->id, &q->to);
	if (c == NULL || c->took)
		return;
	c->took = true;
	s->announced++;
}

/* A lost announce would be missed for 25 minutes: one more packet. */
static void repeat_store(struct dht_node *n, struct search *s, const struct query *q)
{
	struct lookup_candidate *c = lookup_find(&s->lookup[q->to.family == ENDPOINT_V6], q->id, &q->to);
	if (c != NULL && !c->took && c->stored == 1)
		send_store(n, s, c);
}

static void release(struct dht_node *n, struct search *s)
{
	if (s->state == SEARCH_LINGERING && s->in_flight == 0)
		search_free(n, s);
}

void search_on_reply(struct dht_node *n, struct search *s, const struct query *q,
                     const struct krpc *m)
{
	const uint64_t id = s->id;
	/* Held until the end, so that nothing below frees it under our feet. */
	if (q->purpose == QUERY_LOOKUP) {
		on_lookup_reply(n, s, q, m);
	} else if (q->purpose == QUERY_SINGLE) {
		on_single_reply(n, s, q, m);
	} else {
		on_store_reply(s, q);
		if (!q->stalled)
			one_less_store(n, s);
	}
	s = search_find(n, id);
	if (s != NULL) {
		s->in_flight--;
		release(n, s);
	}
}

void search_on_error(struct dht_node *n, struct search *s, const struct query *q,
                     const struct krpc *m)
{
	if (q->purpose == QUERY_STORE && (s->error == 0 || m->error_code >= KRPC_CAS_MISMATCH) &&
	    m->error_code > 0 && m->error_code < 1000)
		s->error = (uint32_t)m->error_code;
	search_on_dead(n, s, q);
}

/* A ping or sample is sent twice before it counts as unanswered. */
static void repeat_single(struct dht_node *n, struct search *s, const struct query *q)
{
	struct krpc m = { .method = (enum krpc_method)q->method };
	const struct ask ask = { .to = &q->to, .purpose = QUERY_SINGLE, .owner = s->id };
	if (s->single_sent >= 2 || s->state == SEARCH_LINGERING)
		return;
	if (s->kind == SEARCH_SAMPLE)
		m.target = s->target;
	s->single_sent++;
	if (node_ask(n, &ask, &m))
		s->in_flight++;
}

void search_on_stall(struct dht_node *n, struct search *s, const struct query *q)
{
	const int family = q->to.family == ENDPOINT_V6;
	if (q->purpose == QUERY_SINGLE) {
		repeat_single(n, s, q);
	} else if (q->purpose == QUERY_STORE) {
		repeat_store(n, s, q);
		one_less_store(n, s);
	} else {
		struct lookup *l = &s->lookup[family];
		if (lookup_on_stall(l, q->id, &q->to) && s->state == SEARCH_RUNNING) {
			struct lookup_candidate *c = lookup_find(l, q->id, &q->to);
			ask_candidate(n, s, family, c);
		}
		search_pump(n, s);
	}
}

void search_on_dead(struct dht_node *n, struct search *s, const struct query *q)
{
	const uint64_t id = s->id;
	if (q->purpose == QUERY_LOOKUP) {
		lookup_on_fail(&s->lookup[q->to.family == ENDPOINT_V6], q->id, &q->to);
		search_pump(n, s);
	} else if (q->purpose == QUERY_SINGLE && s->in_flight == 1 && s->state != SEARCH_LINGERING) {
		s->in_flight--;
		end(n, s);
		return;
	} else if (q->purpose == QUERY_STORE && !q->stalled) {
		one_less_store(n, s);
	}
	s = search_find(n, id);
	if (s != NULL) {
		s->in_flight--;
		release(n, s);
	}
}
