/* dht/node.c: the front door. Receives, matches replies to queries, routes to
 * the part that decides, and hands outputs back. It decides nothing itself.
 *
 * A node enters a table only through on_reply(): transaction, exact address
 * and expected id must fit. Nothing else a stranger sends changes what we
 * believe about others. */
#include "dht/node.h"

#include "dht/id.h"
#include "dht/inside.h"
#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

#define SLEPT_USEC (2 * USEC_PER_MIN) /* no timer for so long: we were suspended */
#define SWEEP_USEC (10 * USEC_PER_SEC)
#define SAVE_USEC (10 * USEC_PER_MIN)

struct dht_node *dht_node_new(const struct dht_config *config, usec now)
{
	struct dht_node *n = memory_zeroed(1, sizeof(*n));
	uint8_t id[DHT_ID_SIZE];
	n->now = n->started_at = now;
	rng_init(&n->rng, config->seed);
	rng_fill(&n->rng, n->secret, sizeof(n->secret));
	rng_fill(&n->rng, id, sizeof(id));
	n->fixed_id = config->id != NULL;
	n->read_only = config->read_only;
	n->classic = config->classic;
	n->unguarded = config->unguarded;
	for (int i = 0; i < FAMILIES; i++) {
		struct family *f = &n->families[i];
		f->family = i == 0 ? ENDPOINT_V4 : ENDPOINT_V6;
		f->enabled = i == 0 ? config->v4 : config->v6;
		table_init(&f->table, f->family, n->fixed_id ? config->id : id);
	}
	const uint64_t bytes = config->store_bytes_max != 0 ? config->store_bytes_max
	                                                    : STORE_BYTES_DEFAULT;
	queries_init(&n->queries);
	tokens_init(&n->tokens, &n->rng, now);
	guard_init(&n->guard, &n->rng);
	store_init(&n->store, bytes - bytes / 4, &n->rng);
	items_init(&n->items, bytes / 4, &n->rng);
	follow_init(n);
	join_init(n);
	n->credit_at = now;
	n->sweep_at = now + SWEEP_USEC;
	n->save_at = now + SAVE_USEC;
	return n;
}

void dht_node_free(struct dht_node *n)
{
	if (n == NULL)
		return;
	follow_deinit(n);
	for (uint32_t i = 0; i < n->search_room; i++) {
		if (n->searches[i] != NULL)
			search_free(n, n->searches[i]);
	}
	free(n->searches);
	for (int i = 0; i < FAMILIES; i++) {
		table_deinit(&n->families[i].table);
		votes_deinit(&n->families[i].votes);
	}
	queries_deinit(&n->queries);
	guard_deinit(&n->guard);
	store_deinit(&n->store);
	items_deinit(&n->items);
	contacts_deinit(&n->contacts);
	unreachable_clear(&n->unreachable);
	reach_deinit(&n->reach);
	outputs_deinit(&n->outputs);
	free(n);
}

/* ---- what the parts share ---- */

struct family *node_family(struct dht_node *n, const struct endpoint *e)
{
	return &n->families[e->family == ENDPOINT_V6];
}

uint32_t node_hash(const struct dht_node *n, const struct endpoint *e)
{
	const uint32_t hash = (uint32_t)siphash(n->secret, bytes_of(e, sizeof(*e)));
	return hash == 0 ? 1 : hash;
}

bool node_is_read_only(const struct dht_node *n)
{
	return n->read_only || n->reach.read_only;
}

static int compare_u64(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* The median of what the last searches saw: a few lying places do not move it. */
uint64_t node_estimate(const struct dht_node *n, const struct family *f)
{
	uint64_t sorted[ESTIMATES_MAX];
	(void)n;
	if (f->estimate_count < 3)
		return table_estimate(&f->table);
	memcpy(sorted, f->estimates, f->estimate_count * sizeof(*sorted));
	qsort(sorted, f->estimate_count, sizeof(*sorted), compare_u64);
	return sorted[f->estimate_count / 2];
}

bool node_may_name(const struct endpoint *who, const struct endpoint *what)
{
	return endpoint_is_usable(what) && (endpoint_class(who) != ENDPOINT_GLOBAL ||
	                                    endpoint_class(what) == ENDPOINT_GLOBAL);
}

bool node_send(struct dht_node *n, const struct endpoint *to, const struct krpc *m, bool guarded)
{
	uint8_t buffer[DHT_DATAGRAM_MAX + 1024];
	struct writer w;
	writer_init(&w, buffer, sizeof(buffer));
	const bool fits = krpc_encode(m, &w);
	assert(fits);
	const struct bytes datagram = writer_bytes(&w);
	if (guarded && !n->unguarded && !guard_pay(&n->guard, to, datagram.size, n->now))
		return false;
	const struct dht_output out = { .kind = DHT_OUT_SEND, .to = *to };
	outputs_add(&n->outputs, &out, datagram.data, datagram.size);
	n->counted.packets_out++;
	n->counted.bytes_out += datagram.size;
	if (endpoint_class(to) == ENDPOINT_GLOBAL)
		reach_on_sent(&n->reach, siphash(n->secret, bytes_of(to, sizeof(*to))), n->now);
	return true;
}

/* When to stop waiting for this node in particular. */
static usec stall_after(const struct dht_node *n, const struct ask *ask)
{
	const usec general = rtt_stall(&n->rtt);
	if (n->classic)
		return CLASSIC_DEAD_USEC;
	if (ask->srtt_ms == 0)
		return general;
	const usec own = ((usec)ask->srtt_ms + 4 * (usec)ask->rttvar_ms + 20) * USEC_PER_MS;
	return usec_min(own, 2 * general);
}

bool node_ask(struct dht_node *n, const struct ask *ask, struct krpc *m)
{
	struct family *f = node_family(n, ask->to);
	struct query what = { .purpose = (uint8_t)ask->purpose, .method = (uint8_t)m->method,
		              .to = *ask->to, .owner = ask->owner, .sent_at = n->now };
	if (!f->enabled)
		return false;
	if (ask->id != NULL) {
		what.has_id = true;
		memcpy(what.id, ask->id, DHT_ID_SIZE);
	}
	what.stall_at = n->now + stall_after(n, ask);
	what.dead_at = n->now + (n->classic ? CLASSIC_DEAD_USEC : QUERY_DEAD_USEC);
	const struct query *q = queries_add(&n->queries, &what, &n->rng);
	if (q == NULL)
		return false;
	m->kind = KRPC_QUERY;
	m->id = f->table.own_id;
	m->read_only = node_is_read_only(n);
	m->transaction = bytes_of(&q->transaction, sizeof(q->transaction));
	if (ask->id != NULL)
		table_on_queried(&f->table, ask->id, ask->to, node_seconds(n));
	node_send(n, ask->to, m, false);
	n->credit -= 1;
	return true;
}

/* ---- replies ---- */

/* What the network calls us. A winner that does not fit our id changes it. */
static void take_vote(struct dht_node *n, struct family *f, const struct endpoint *from,
                      struct bytes ip)
{
	struct endpoint address, winner;
	if (ip.size == 0 || !endpoint_from_compact(ip, &address) ||
	    !votes_add(&f->votes, from, &address, &winner) ||
	    endpoint_same_address(&winner, &f->address))
		return;
	f->address = winner;
	const struct dht_output out = { .kind = DHT_OUT_ADDRESS, .to = winner };
	outputs_add(&n->outputs, &out, NULL, 0);
	if (n->fixed_id || id_fits_address(f->table.own_id, &winner))
		return;
	uint8_t id[DHT_ID_SIZE];
	id_for_address(&winner, (uint8_t)rng_u32(&n->rng), &n->rng, id);
	table_set_id(&f->table, id);
	join_on_new_id(n, f);
}

/* Every node that the reply names may become a spare. */
static void hear_of_nodes(struct dht_node *n, const struct endpoint *from, const struct krpc *m)
{
	for (int i = 0; i < FAMILIES; i++) {
		struct family *f = &n->families[i];
		struct bytes nodes = i == 0 ? m->nodes : m->nodes6;
		const uint8_t *id;
		struct endpoint e;
		for (int count = 0; f->enabled && count < 2 * HANDED_OUT &&
		     krpc_next_node(&nodes, f->family, &id, &e); count++) {
			if (node_may_name(from, &e) && !contacts_is_router(&n->contacts, &e) &&
			    !unreachable_has(&n->unreachable, node_hash(n, &e), node_seconds(n)))
				table_hear_of(&f->table, id, &e, false, node_seconds(n));
		}
	}
}

static void route_reply(struct dht_node *n, const struct query *q, const struct krpc *m)
{
	struct search *s;
	switch ((enum query_purpose)q->purpose) {
	case QUERY_CHECK:
		n->checks_out--;
		break;
	case QUERY_BOOTSTRAP:
		join_on_reply(n, q, m);
		break;
	case QUERY_LOOKUP:
	case QUERY_STORE:
	case QUERY_SINGLE:
		s = search_find(n, q->owner);
		if (s != NULL)
			search_on_reply(n, s, q, m);
		break;
	case QUERY_NONE:
		break;
	}
}

static void route_dead(struct dht_node *n, const struct query *q)
{
	struct search *s;
	switch ((enum query_purpose)q->purpose) {
	case QUERY_CHECK:
		n->checks_out--;
		break;
	case QUERY_BOOTSTRAP:
		join_on_dead(n, q);
		break;
	case QUERY_LOOKUP:
	case QUERY_STORE:
	case QUERY_SINGLE:
		s = search_find(n, q->owner);
		if (s != NULL)
			search_on_dead(n, s, q);
		break;
	case QUERY_NONE:
		break;
	}
}

static void on_reply(struct dht_node *n, const struct endpoint *from, const struct krpc *m)
{
	struct family *f = node_family(n, from);
	uint32_t transaction;
	if (m->transaction.size != sizeof(transaction)) {
		n->counted.dropped++;
		return;
	}
	memcpy(&transaction, m->transaction.data, sizeof(transaction));
	struct query *found = queries_find(&n->queries, transaction, from);
	if (found == NULL || id_equal(m->id, f->table.own_id)) {
		n->counted.dropped++;
		return;
	}
	const struct query q = *found;
	queries_remove(&n->queries, found);
	f->heard_at = f->replied_at = n->now;
	f->silent = 0;
	if (q.has_id && !id_equal(q.id, m->id)) {
		/* Somebody else sits there now; whether it is a node will show. */
		table_remove(&f->table, q.id, from);
		table_hear_of(&f->table, m->id, from, false, node_seconds(n));
		route_dead(n, &q);
		return;
	}
	const usec rtt = usec_since(q.sent_at, n->now);
	rtt_add(&n->rtt, rtt);
	unreachable_remove(&n->unreachable, node_hash(n, from));
	if (!contacts_is_router(&n->contacts, from)) {
		table_on_reply(&f->table, m->id, from, rtt, node_seconds(n));
		take_vote(n, f, from, m->ip);
	}
	hear_of_nodes(n, from, m);
	route_reply(n, &q, m);
	if (n->search_waiting > 0)
		search_wake_waiting(n);
}

static void on_error(struct dht_node *n, const struct endpoint *from, const struct krpc *m)
{
	uint32_t transaction;
	struct query *found = NULL;
	if (m->transaction.size == sizeof(transaction)) {
		memcpy(&transaction, m->transaction.data, sizeof(transaction));
		found = queries_find(&n->queries, transaction, from);
	}
	if (found == NULL) {
		n->counted.dropped++;
		return;
	}
	const struct query q = *found;
	struct family *f = node_family(n, from);
	queries_remove(&n->queries, found);
	f->heard_at = n->now;
	struct search *s = q.purpose >= QUERY_LOOKUP ? search_find(n, q.owner) : NULL;
	if (s != NULL)
		search_on_error(n, s, &q, m);
	else
		route_dead(n, &q);
}

/* ---- inputs ---- */

static void set_now(struct dht_node *n, usec now)
{
	if (now > n->now)
		n->now = now;
	tokens_refresh(&n->tokens, &n->rng, n->now);
}

void dht_node_on_datagram(struct dht_node *n, const struct endpoint *from, struct bytes datagram,
                          usec now)
{
	struct krpc m;
	const char *reason;
	set_now(n, now);
	n->counted.packets_in++;
	n->counted.bytes_in += datagram.size;
	if (datagram.size > DHT_DATAGRAM_MAX || !endpoint_is_usable(from) ||
	    !node_family(n, from)->enabled || !krpc_decode(&m, datagram, &reason)) {
		n->counted.dropped++;
		return;
	}
	switch (m.kind) {
	case KRPC_QUERY:
		serve_query(n, from, &m, datagram.size);
		break;
	case KRPC_REPLY:
		on_reply(n, from, &m);
		break;
	case KRPC_ERROR:
		on_error(n, from, &m);
		break;
	}
}

/* Nobody answered. It counts against the node only if we heard anybody at all
 * meanwhile: otherwise our own network is down. */
static void on_dead(struct dht_node *n, const struct query *q)
{
	struct family *f = node_family(n, &q->to);
	f->silent += q->sent_at > f->replied_at;
	if (f->heard_at > q->sent_at) {
		const bool live = q->has_id && table_find(&f->table, q->id, &q->to) != NULL;
		if (!live && !n->classic)
			unreachable_add(&n->unreachable, node_hash(n, &q->to), node_seconds(n));
		if (q->has_id)
			table_on_fail(&f->table, q->id, &q->to);
	}
	route_dead(n, q);
}

static void run_queries(struct dht_node *n)
{
	struct query *q;
	while ((q = queries_due(&n->queries, n->now)) != NULL) {
		struct query copy = *q;
		if (!q->stalled && n->now < q->dead_at) {
			q->stalled = true;
			struct search *s = q->purpose >= QUERY_LOOKUP ? search_find(n, q->owner) : NULL;
			if (s != NULL)
				search_on_stall(n, s, &copy);
			continue;
		}
		queries_remove(&n->queries, q);
		if (!copy.stalled && copy.purpose >= QUERY_LOOKUP) {
			struct search *s = search_find(n, copy.owner);
			if (s != NULL)
				search_on_stall(n, s, &copy);
			copy.stalled = true;
		}
		on_dead(n, &copy);
	}
}

static void run_upkeep(struct dht_node *n)
{
	if (n->now >= n->sweep_at) {
		const uint32_t seconds = node_seconds(n);
		store_sweep(&n->store, seconds);
		items_sweep(&n->items, seconds);
		unreachable_sweep(&n->unreachable, seconds);
		reach_judge(&n->reach, n->families[0].table.count + n->families[1].table.count, n->now);
		n->sweep_at = n->now + SWEEP_USEC;
	}
	if (n->now >= n->save_at) {
		const struct dht_output out = { .kind = DHT_OUT_SAVE };
		outputs_add(&n->outputs, &out, NULL, 0);
		n->save_at = n->now + SAVE_USEC;
	}
}

void dht_node_on_timer(struct dht_node *n, usec now)
{
	const bool slept = usec_since(n->now, now) > SLEPT_USEC;
	set_now(n, now);
	if (slept)
		dht_node_on_network_change(n, now);
	run_queries(n);
	join_on_timer(n);
	search_on_timer(n);
	follow_on_timer(n);
	run_upkeep(n);
}

usec dht_node_deadline(const struct dht_node *n)
{
	usec at = usec_min(queries_deadline(&n->queries), join_deadline(n));
	at = usec_min(at, usec_min(search_deadline(n), follow_deadline(n)));
	return usec_min(at, usec_min(n->sweep_at, n->save_at));
}

void dht_node_on_network_change(struct dht_node *n, usec now)
{
	set_now(n, now);
	unreachable_clear(&n->unreachable);
	reach_reset(&n->reach);
	for (int i = 0; i < FAMILIES; i++) {
		votes_clear(&n->families[i].votes);
		/* Whatever is in flight dies without blame. */
		n->families[i].heard_at = 0;
	}
	join_on_network_change(n);
}

void dht_node_add_contact(struct dht_node *n, const struct endpoint *e,
                          enum dht_contact_kind kind, usec now)
{
	set_now(n, now);
	if (!endpoint_is_usable(e) || !node_family(n, e)->enabled)
		return;
	contacts_add(&n->contacts, e, kind == DHT_CONTACT_ROUTER);
	join_on_contact(n, e);
}

bool dht_node_next_output(struct dht_node *n, struct dht_output *out)
{
	return outputs_next(&n->outputs, out);
}

/* ---- looking in ---- */

const uint8_t *dht_node_id(const struct dht_node *n, enum endpoint_family family)
{
	return n->families[family == ENDPOINT_V6].table.own_id;
}

uint32_t dht_node_stored_peers(const struct dht_node *n, const uint8_t info_hash[DHT_ID_SIZE])
{
	uint32_t count = 0;
	for (int i = 0; i < FAMILIES; i++) {
		const struct store_key *k = (const struct store_key *)keymap_find(
			&n->store.keys, info_hash, (uint8_t)n->families[i].family);
		if (k != NULL)
			count += store_key_count(k);
	}
	return count;
}

static size_t memory_of(const struct dht_node *n)
{
	size_t bytes = sizeof(*n) + n->queries.room * sizeof(struct query) + n->outputs.room;
	for (int i = 0; i < FAMILIES; i++) {
		bytes += table_memory(&n->families[i].table);
		bytes += n->families[i].votes.ring == NULL ? 0 : VOTES_MAX * sizeof(struct vote);
	}
	bytes += (size_t)n->guard.sets * GUARD_WAYS * sizeof(struct guard_slot);
	bytes += n->contacts.room * sizeof(struct contact) + n->search_room * sizeof(void *);
	bytes += n->unreachable.room * sizeof(struct unreachable_slot);
	bytes += n->reach.sent == NULL ? 0 : REACH_BITS / 4;
	for (uint32_t i = 0; i < n->search_room; i++) {
		const struct search *s = n->searches[i];
		if (s == NULL)
			continue;
		bytes += sizeof(*s) + s->seen.room * sizeof(*s->seen.slots);
		for (int j = 0; j < FAMILIES; j++)
			bytes += s->lookup[j].room * sizeof(struct lookup_candidate);
	}
	return bytes + n->store.bytes + n->items.bytes;
}

void dht_node_stats(const struct dht_node *n, struct dht_stats *out)
{
	*out = n->counted;
	out->nodes_v4 = n->families[0].table.count;
	out->nodes_v6 = n->families[1].table.count;
	out->searches = n->search_public;
	out->followed = n->follows.count;
	out->stored_hashes = n->store.keys.count;
	out->stored_peers = n->store.peers;
	out->stored_items = n->items.map.count;
	out->stored_bytes = n->store.bytes + n->items.bytes;
	for (int i = 0; i < FAMILIES; i++) {
		const uint64_t size = node_estimate(n, &n->families[i]);
		if (size > out->size_estimate)
			out->size_estimate = size;
	}
	out->read_only = node_is_read_only(n);
	out->reachable = reach_is_proven(&n->reach, n->now);
	out->memory_bytes = memory_of(n);
}
