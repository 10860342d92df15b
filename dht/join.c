/* dht/join.c: getting into the network, and staying in it.
 *
 * As long as a family knows too few nodes, or has heard nobody for a while, it
 * asks contacts, 16 at a time, and the routers when those have not worked
 * within a second; again after 1 s, 2 s ... 60 s with jitter, for ever. Each
 * family on its own. The first answer starts a search for our own id, then a
 * few for random ids until the table has some breadth. After that one node is
 * looked at every few seconds, whichever needs it most. */
#include "dht/id.h"
#include "dht/inside.h"

#define ROUTERS_AFTER_USEC USEC_PER_SEC
#define BACKOFF_MIN_USEC USEC_PER_SEC
#define BACKOFF_MAX_USEC (60 * USEC_PER_SEC)
#define CHECK_USEC (6 * USEC_PER_SEC)       /* one node looked at */
#define CHECK_HUNGRY_USEC (50 * USEC_PER_MS)
#define REFRESH_USEC (45 * USEC_PER_MIN)    /* our own neighbourhood */
#define REFRESH_FIRST_USEC USEC_PER_MIN     /* while new there; doubles */
enum {
	ROUND_CONTACTS = 16,
	ROUND_ROUTERS = 8,
	ROUND_NODES = 8,      /* of a table that fell silent */
	FEW_NODES = 8,        /* with fewer, keep asking contacts */
	BROAD_NODES = 48,     /* with fewer, look into more buckets */
	SILENT_MAX = 6,       /* queries in a row that died: is it our network? */
	FILLS = 6,
	NEAR_BITS = 4,        /* from there on a bucket counts as near */
	CHECKS_MAX = 8,       /* in flight */
	PUSHED_MAX = 64,      /* a contact is asked at once while the table has fewer */
};

static usec jittered(struct dht_node *n, usec about)
{
	return about - about / 4 + (usec)(rng_unit(&n->rng) * (double)about / 2);
}

void join_init(struct dht_node *n)
{
	for (int i = 0; i < FAMILIES; i++) {
		struct family *f = &n->families[i];
		f->backoff = BACKOFF_MIN_USEC;
		f->next_round_at = n->now;
		f->routers_at = USEC_NEVER;
		f->refresh_at = USEC_NEVER;
		f->refresh_pause = REFRESH_FIRST_USEC;
	}
	n->check_at = n->now + jittered(n, CHECK_USEC);
}

static bool is_needy(const struct family *f)
{
	return f->table.count < FEW_NODES || f->silent >= SILENT_MAX;
}

/* find_node for our own id, wanting both families while both are new. */
static bool send_find_self(struct dht_node *n, struct family *f, const struct endpoint *to,
                           const uint8_t *id)
{
	const struct family *other = &n->families[f == &n->families[0]];
	struct krpc m = { .method = KRPC_FIND_NODE, .target = f->table.own_id };
	const struct ask ask = { .to = to, .id = id, .purpose = QUERY_BOOTSTRAP };
	if (other->enabled && other->table.count < FEW_NODES)
		m.want = KRPC_WANT_V4 | KRPC_WANT_V6;
	return node_ask(n, &ask, &m);
}

static unsigned ask_contacts(struct dht_node *n, struct family *f, bool routers, unsigned max)
{
	unsigned sent = 0;
	const struct contact *c;
	while (sent < max && (c = contacts_next(&n->contacts, f->family, routers, n->now)) != NULL) {
		if (send_find_self(n, f, &c->endpoint, NULL))
			sent++;
		else
			break;
	}
	return sent;
}

static void begin_round(struct dht_node *n, struct family *f)
{
	contacts_begin_round(&n->contacts, f->family);
	f->round_at = n->now;
	f->next_round_at = n->now + jittered(n, f->backoff);
	f->backoff = usec_min(2 * f->backoff, BACKOFF_MAX_USEC);
	unsigned sent = ask_contacts(n, f, false, ROUND_CONTACTS);
	if (f->silent >= SILENT_MAX) {
		struct table_node nodes[ROUND_NODES];
		const unsigned count = table_list(&f->table, nodes, ROUND_NODES);
		for (unsigned i = 0; i < count; i++)
			sent += send_find_self(n, f, &nodes[i].endpoint, nodes[i].id);
	}
	f->routers_at = sent > 0 ? n->now + ROUTERS_AFTER_USEC : n->now;
}

static void run_rounds(struct dht_node *n, struct family *f)
{
	if (!f->enabled || !is_needy(f))
		return;
	if (n->now >= f->next_round_at)
		begin_round(n, f);
	if (n->now >= f->routers_at) {
		f->routers_at = USEC_NEVER;
		if (f->replied_at < f->round_at || f->replied_at == 0)
			ask_contacts(n, f, true, ROUND_ROUTERS);
	}
}

/* ---- searches of our own ---- */

static uint64_t search_for(struct dht_node *n, const uint8_t id[DHT_ID_SIZE],
                           const struct query *q, const struct krpc *m)
{
	struct search *s = search_new(n, SEARCH_FIND_NODE, id, 0, true);
	if (s == NULL)
		return 0;
	const uint64_t name = s->id;
	if (m != NULL)
		search_add_nodes(n, s, &q->to, m);
	search_begin(n, s);
	return search_find(n, name) != NULL ? name : 0;
}

void join_on_reply(struct dht_node *n, const struct query *q, const struct krpc *m)
{
	struct family *f = node_family(n, &q->to);
	contacts_on_result(&n->contacts, &q->to, true);
	f->routers_at = USEC_NEVER;
	struct search *running = f->join_search != 0 ? search_find(n, f->join_search) : NULL;
	if (running != NULL && running->state == SEARCH_RUNNING) {
		search_add_nodes(n, running, &q->to, m);
		search_pump(n, running);
		return;
	}
	f->fills_left = FILLS;
	f->join_search = search_for(n, f->table.own_id, q, m);
	join_on_new_id(n, f);
	f->refresh_at = n->now + jittered(n, f->refresh_pause);
}

void join_on_new_id(struct dht_node *n, struct family *f)
{
	f->refresh_pause = REFRESH_FIRST_USEC;
	f->refresh_at = n->now;
}

void join_on_dead(struct dht_node *n, const struct query *q)
{
	contacts_on_result(&n->contacts, &q->to, false);
}

static void fill(struct dht_node *n, struct family *f)
{
	uint8_t target[DHT_ID_SIZE];
	if (f->fills_left == 0 || f->table.count >= BROAD_NODES || f->table.count < 2)
		return;
	/* Wide buckets have most to give: bucket 0 is half of the network. */
	id_random_in_bucket(f->table.own_id, FILLS - f->fills_left, &n->rng, target);
	f->fills_left--;
	f->fill_search = search_for(n, target, NULL, NULL);
}

void join_on_search_done(struct dht_node *n, struct search *s)
{
	for (int i = 0; i < FAMILIES; i++) {
		struct family *f = &n->families[i];
		if (!f->enabled || (s->id != f->join_search && s->id != f->fill_search))
			continue;
		if (s->id == f->join_search)
			f->join_search = 0;
		else
			f->fill_search = 0;
		if (!is_needy(f))
			f->backoff = BACKOFF_MIN_USEC;
		if (!n->saved_once && f->table.count >= FEW_NODES) {
			n->saved_once = true;
			n->save_at = n->now;
		}
		fill(n, f);
	}
}

static void refresh(struct dht_node *n, struct family *f)
{
	uint8_t target[DHT_ID_SIZE];
	if (!f->enabled || n->now < f->refresh_at)
		return;
	f->refresh_pause = usec_min(2 * f->refresh_pause, REFRESH_USEC);
	f->refresh_at = n->now + jittered(n, f->refresh_pause);
	if (f->table.count == 0)
		return;
	if (f->join_search == 0)
		f->join_search = search_for(n, f->table.own_id, NULL, NULL);
	if (f->fill_search == 0 && f->table.count < BROAD_NODES) {
		id_random_in_bucket(f->table.own_id, rng_below(&n->rng, 6), &n->rng, target);
		f->fill_search = search_for(n, target, NULL, NULL);
	}
}

/* ---- looking at one node after the other ---- */

static bool check_one(struct dht_node *n, struct family *f)
{
	struct table_node due;
	uint8_t target[DHT_ID_SIZE];
	if (!f->enabled || n->checks_out >= CHECKS_MAX ||
	    !table_next_due(&f->table, node_seconds(n), &due))
		return false;
	struct krpc m = { .method = KRPC_PING };
	/* Where there is place, a look at a node also asks it for others: a near
	 * one for our neighbours, a far one for its own. */
	if (!table_is_full_at(&f->table, due.id)) {
		const unsigned bits = id_common_bits(due.id, f->table.own_id);
		id_random_in_bucket(f->table.own_id, bits < NEAR_BITS ? bits : 8 * DHT_ID_SIZE, &n->rng,
		                    target);
		m.method = KRPC_FIND_NODE;
		m.target = target;
	}
	const struct ask ask = { .to = &due.endpoint, .id = due.id, .purpose = QUERY_CHECK,
		                 .srtt_ms = due.srtt_ms, .rttvar_ms = due.rttvar_ms };
	if (!node_ask(n, &ask, &m))
		return false;
	n->checks_out++;
	return true;
}

static void check(struct dht_node *n)
{
	if (n->now < n->check_at)
		return;
	bool hungry = false;
	for (int i = 0; i < FAMILIES; i++) {
		struct family *f = &n->families[i];
		if (check_one(n, f) && f->table.count < BROAD_NODES)
			hungry = true;
	}
	n->check_at = n->now + jittered(n, hungry ? CHECK_HUNGRY_USEC : CHECK_USEC);
}

void join_on_timer(struct dht_node *n)
{
	for (int i = 0; i < FAMILIES; i++) {
		run_rounds(n, &n->families[i]);
		refresh(n, &n->families[i]);
	}
	check(n);
}

usec join_deadline(const struct dht_node *n)
{
	usec at = n->check_at;
	for (int i = 0; i < FAMILIES; i++) {
		const struct family *f = &n->families[i];
		if (!f->enabled)
			continue;
		at = usec_min(at, f->refresh_at);
		if (is_needy(f))
			at = usec_min(at, usec_min(f->next_round_at, f->routers_at));
	}
	return at;
}

void join_on_network_change(struct dht_node *n)
{
	for (int i = 0; i < FAMILIES; i++) {
		struct family *f = &n->families[i];
		f->backoff = BACKOFF_MIN_USEC;
		f->next_round_at = n->now;
		/* Ask contacts and a few nodes now, whatever we believed before. */
		f->silent = SILENT_MAX;
	}
}

void join_on_contact(struct dht_node *n, const struct endpoint *e)
{
	struct family *f = node_family(n, e);
	if (!is_needy(f)) {
		/* A PORT message, say: one look, if the table has use for it. */
		if (f->table.count < PUSHED_MAX && !contacts_is_router(&n->contacts, e))
			(void)send_find_self(n, f, e, NULL);
		return;
	}
	/* The next round begins at once, unless one has just begun. */
	f->next_round_at = usec_min(f->next_round_at,
	                            f->round_at == 0 ? n->now : f->round_at + BACKOFF_MIN_USEC);
}
