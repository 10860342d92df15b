/* dht/serve.c: answering others (BEP 5, 32, 33, 42, 43, 44, 51).
 *
 * Who has not proved that it can hear us at its address gets at most three
 * times the bytes it sent (a stored value or a scrape excepted), and everybody
 * a budget per place. What is over budget is dropped in silence; what is well
 * formed but wrong gets a KRPC error; what nobody could parse got nothing
 * already. */
#include "dht/id.h"
#include "dht/inside.h"

#include <assert.h>

enum {
	ENVELOPE = 62,      /* of a reply with id and version; transaction, address, lists not counted */
	TOKEN_COST = 9 + TOKEN_SIZE,
	NODES_COST = 12,    /* key and length of a list of nodes */
	VALUES_COST = 10,
	VALUE_V4 = 8, VALUE_V6 = 21,
	PEERS_HANDED_OUT = 100,
	NODES_BESIDE_PEERS = 4, /* whoever holds peers is near: few nodes will do */
	SAMPLES_HANDED_OUT = 20,
	SAMPLE_INTERVAL = 300,  /* seconds */
};

/* One answer in the making. */
struct answer {
	struct dht_node *n;
	struct family *f;
	const struct endpoint *to;
	const struct krpc *question;
	size_t room;       /* bytes left for lists */
	struct krpc reply;
	uint8_t ip[ENDPOINT_COMPACT_V6];
	uint8_t token[TOKEN_SIZE];
	uint8_t nodes[HANDED_OUT * KRPC_NODE_V4];
	uint8_t nodes6[HANDED_OUT * KRPC_NODE_V6];
	struct endpoint peers[PEERS_HANDED_OUT];
	uint8_t samples[SAMPLES_HANDED_OUT][DHT_ID_SIZE];
};

static void send_answer(struct answer *a)
{
	if (!node_send(a->n, a->to, &a->reply, true))
		a->n->counted.dropped++;
}

static void send_error(struct answer *a, int code, const char *text)
{
	a->reply.kind = KRPC_ERROR;
	a->reply.error_code = code;
	a->reply.error_text = bytes_of_text(text);
	send_answer(a);
}

static void begin(struct answer *a, struct dht_node *n, const struct endpoint *from,
                  const struct krpc *m, size_t query_size)
{
	a->n = n;
	a->f = node_family(n, from);
	a->to = from;
	a->question = m;
	a->reply = (struct krpc){ .kind = KRPC_REPLY, .id = a->f->table.own_id,
		                  .transaction = m->transaction, .interval = -1, .total = -1 };
	const size_t ip_size = endpoint_to_compact(from, a->ip);
	a->reply.ip = bytes_of(a->ip, ip_size);
	size_t limit = REPLY_MAX;
	if (table_find(&a->f->table, m->id, from) != NULL)
		/* A sign of life: no need to look at it soon. It proves nothing more. */
		table_on_queried(&a->f->table, m->id, from, node_seconds(n));
	else if (limit > REPLY_FACTOR_MAX * query_size)
		limit = REPLY_FACTOR_MAX * query_size;
	const size_t used = ENVELOPE + ip_size + m->transaction.size;
	a->room = limit > used ? limit - used : 0;
}

static bool take_room(struct answer *a, size_t size)
{
	if (a->room < size)
		return false;
	a->room -= size;
	return true;
}

static void add_token(struct answer *a, const uint8_t target[DHT_ID_SIZE])
{
	if (!take_room(a, TOKEN_COST))
		return;
	tokens_make(&a->n->tokens, a->to, target, a->token);
	a->reply.token = bytes_of(a->token, TOKEN_SIZE);
}

/* How many entries of that size still fit, at most max. */
static unsigned how_many(struct answer *a, size_t entry, unsigned max)
{
	if (a->room < NODES_COST)
		return 0;
	const size_t fit = (a->room - NODES_COST) / entry;
	return fit < max ? (unsigned)fit : max;
}

static void add_nodes(struct answer *a, const uint8_t target[DHT_ID_SIZE], unsigned max)
{
	unsigned want = a->question->want;
	if (want == 0)
		want = a->f->family == ENDPOINT_V4 ? KRPC_WANT_V4 : KRPC_WANT_V6;
	for (int turn = 0; turn < FAMILIES; turn++) {
		/* The family of the question first, while there is room. */
		const bool v4 = (a->f->family == ENDPOINT_V4) == (turn == 0);
		const struct table *t = &a->n->families[v4 ? 0 : 1].table;
		if ((want & (v4 ? KRPC_WANT_V4 : KRPC_WANT_V6)) == 0)
			continue;
		const size_t entry = v4 ? KRPC_NODE_V4 : KRPC_NODE_V6;
		const size_t size = table_closest_compact(t, target, v4 ? a->nodes : a->nodes6,
		                                          how_many(a, entry, max));
		if (!take_room(a, size + NODES_COST))
			return;
		if (v4) {
			a->reply.has_nodes = true;
			a->reply.nodes = bytes_of(a->nodes, size);
		} else {
			a->reply.has_nodes6 = true;
			a->reply.nodes6 = bytes_of(a->nodes6, size);
		}
	}
}

static void find_node(struct answer *a)
{
	if (a->question->target == NULL) {
		send_error(a, KRPC_PROTOCOL, "target missing");
		return;
	}
	add_nodes(a, a->question->target, HANDED_OUT);
	send_answer(a);
}

static void add_peers(struct answer *a, const struct store_key *k)
{
	const size_t each = a->f->family == ENDPOINT_V4 ? VALUE_V4 : VALUE_V6;
	size_t fit = a->room > VALUES_COST ? (a->room - VALUES_COST) / each : 0;
	if (fit > PEERS_HANDED_OUT)
		fit = PEERS_HANDED_OUT;
	a->reply.peer_count = store_key_peers(k, a->question->no_seed, a->peers, (uint32_t)fit,
	                                      &a->n->rng);
	a->reply.peers = a->peers;
	if (a->reply.peer_count > 0)
		take_room(a, VALUES_COST + a->reply.peer_count * each);
}

static void get_peers(struct answer *a)
{
	struct dht_node *n = a->n;
	if (a->question->target == NULL) {
		send_error(a, KRPC_PROTOCOL, "info_hash missing");
		return;
	}
	struct store_key *k = store_find(&n->store, a->question->target, a->f->family,
	                                 node_seconds(n));
	add_token(a, a->question->target);
	if (k == NULL) {
		add_nodes(a, a->question->target, HANDED_OUT);
	} else {
		if (a->question->scrape) {
			store_key_blooms(&n->store, k, node_seconds(n), &a->reply.bloom_seeds,
			                 &a->reply.bloom_peers);
			a->room = a->room > 2 * BLOOM_SIZE + 24 ? a->room - 2 * BLOOM_SIZE - 24 : a->room;
		}
		add_nodes(a, a->question->target, NODES_BESIDE_PEERS);
		add_peers(a, k);
	}
	send_answer(a);
}

static void announce_peer(struct answer *a)
{
	const struct krpc *m = a->question;
	struct dht_node *n = a->n;
	struct endpoint peer = *a->to;
	if (m->target == NULL || (!m->implied_port && !m->has_port)) {
		send_error(a, KRPC_PROTOCOL, "info_hash or port missing");
		return;
	}
	if (!tokens_check(&n->tokens, a->to, m->target, m->token)) {
		send_error(a, KRPC_PROTOCOL, "bad token");
		return;
	}
	if (!m->implied_port)
		peer.port = m->port;
	if (peer.port == 0) {
		send_error(a, KRPC_PROTOCOL, "port 0");
		return;
	}
	/* Without room we say nothing about it: the announcer has others. */
	(void)store_put(&n->store, a->f->table.own_id, m->target, &peer, m->seed, node_seconds(n),
	                &n->rng);
	follow_on_announced(n, m->target, &peer);
	send_answer(a);
}

static void get_item(struct answer *a)
{
	struct dht_node *n = a->n;
	if (a->question->target == NULL) {
		send_error(a, KRPC_PROTOCOL, "target missing");
		return;
	}
	const struct stored_item *i = items_find(&n->items, a->question->target, node_seconds(n));
	add_token(a, a->question->target);
	if (i != NULL && i->mutable_item) {
		a->reply.has_seq = true;
		a->reply.seq = i->seq;
	}
	const bool newer = i != NULL && (!i->mutable_item || !a->question->has_seq ||
	                                 i->seq > a->question->seq);
	if (newer) {
		a->reply.value = bytes_of(i->value, i->value_size);
		a->reply.key = i->mutable_item ? i->key : NULL;
		a->reply.signature = i->mutable_item ? i->signature : NULL;
		const size_t cost = i->value_size + 150;
		a->room = a->room > cost ? a->room - cost : 0;
	}
	add_nodes(a, a->question->target, HANDED_OUT);
	send_answer(a);
}

static const char *put_error_text(int code)
{
	switch (code) {
	case KRPC_VALUE_TOO_BIG: return "value too big";
	case KRPC_BAD_SIGNATURE: return "invalid signature";
	case KRPC_SALT_TOO_BIG: return "salt too big";
	case KRPC_CAS_MISMATCH: return "cas mismatch";
	case KRPC_SEQ_TOO_OLD: return "seq less than current";
	case KRPC_SERVER: return "full";
	default: return "bad arguments";
	}
}

static void put_item(struct answer *a)
{
	struct dht_node *n = a->n;
	uint8_t target[DHT_ID_SIZE];
	const int too_big = items_check_size(a->question);
	if (too_big != 0) {
		send_error(a, too_big, put_error_text(too_big));
		return;
	}
	items_target_of_put(a->question, target);
	if (!tokens_check(&n->tokens, a->to, target, a->question->token)) {
		send_error(a, KRPC_PROTOCOL, "bad token");
		return;
	}
	const int error = items_put(&n->items, a->f->table.own_id, a->question, a->to,
	                            node_seconds(n), &n->rng);
	if (error != 0)
		send_error(a, error, put_error_text(error));
	else
		send_answer(a);
}

static void sample(struct answer *a)
{
	struct dht_node *n = a->n;
	if (a->question->target == NULL) {
		send_error(a, KRPC_PROTOCOL, "target missing");
		return;
	}
	a->room = a->room > 40 ? a->room - 40 : 0; /* interval, num, samples */
	const size_t fit = a->room / DHT_ID_SIZE;
	const uint32_t max = fit > SAMPLES_HANDED_OUT ? SAMPLES_HANDED_OUT : (uint32_t)fit;
	const uint32_t count = store_sample(&n->store, a->f->family, a->samples, max, &n->rng);
	take_room(a, count * (size_t)DHT_ID_SIZE);
	a->reply.has_samples = true;
	a->reply.samples = bytes_of(a->samples, count * (size_t)DHT_ID_SIZE);
	a->reply.total = (int64_t)n->store.keys.count;
	a->reply.interval = SAMPLE_INTERVAL;
	add_nodes(a, a->question->target, HANDED_OUT);
	send_answer(a);
}

static void dispatch(struct answer *a)
{
	switch (a->question->method) {
	case KRPC_PING: send_answer(a); break;
	case KRPC_FIND_NODE: find_node(a); break;
	case KRPC_GET_PEERS: get_peers(a); break;
	case KRPC_ANNOUNCE_PEER: announce_peer(a); break;
	case KRPC_GET: get_item(a); break;
	case KRPC_PUT: put_item(a); break;
	case KRPC_SAMPLE_INFOHASHES: sample(a); break;
	case KRPC_UNKNOWN: send_error(a, KRPC_METHOD_UNKNOWN, "method unknown"); break;
	}
}

void serve_query(struct dht_node *n, const struct endpoint *from, const struct krpc *m,
                 size_t query_size)
{
	struct family *f = node_family(n, from);
	if (id_equal(m->id, f->table.own_id)) {
		n->counted.dropped++;
		return;
	}
	f->heard_at = n->now;
	if (n->read_only)
		return; /* BEP 43: a read-only node answers nobody */
	if (!n->unguarded && !guard_admit(&n->guard, from, n->now)) {
		n->counted.dropped++;
		return;
	}
	if (endpoint_class(from) == ENDPOINT_GLOBAL)
		reach_on_query(&n->reach, siphash(n->secret, bytes_of(from, sizeof(*from))), n->now);
	struct answer a;
	begin(&a, n, from, m, query_size);
	dispatch(&a);
	if (!m->read_only && !contacts_is_router(&n->contacts, from))
		table_hear_of(&f->table, m->id, from, true, node_seconds(n));
}
