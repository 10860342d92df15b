/* proto/krpc.c: DHT messages to and from bencode.
 *
 * The whole datagram is parsed as bencode first and only then are keys looked
 * up, each in the dictionary where it belongs: a key that hides inside a
 * nested string is data, never a key. */
#include "proto/krpc.h"

#include "proto/bencode.h"

#include <assert.h>

static const char *const method_names[] = {
	[KRPC_PING] = "ping",
	[KRPC_FIND_NODE] = "find_node",
	[KRPC_GET_PEERS] = "get_peers",
	[KRPC_ANNOUNCE_PEER] = "announce_peer",
	[KRPC_GET] = "get",
	[KRPC_PUT] = "put",
	[KRPC_SAMPLE_INFOHASHES] = "sample_infohashes",
};

struct bytes krpc_version(void)
{
	return bytes_of("SH\x00\x01", 4);
}

const char *krpc_method_name(enum krpc_method method)
{
	return method < KRPC_UNKNOWN ? method_names[method] : "?";
}

/* ---- decoding ---- */

static const uint8_t *find_sized(const struct bencode *b, uint32_t dict, const char *key,
                                 size_t size)
{
	struct bytes s;
	if (!bencode_find_string(b, dict, key, &s) || s.size != size)
		return NULL;
	return s.data;
}

static bool find_flag(const struct bencode *b, uint32_t dict, const char *key)
{
	int64_t v;
	return bencode_find_int(b, dict, key, &v) && v == 1;
}

static enum krpc_method method_of(struct bytes name)
{
	for (unsigned i = 0; i < KRPC_UNKNOWN; i++) {
		if (bytes_equal_text(name, method_names[i]))
			return (enum krpc_method)i;
	}
	return KRPC_UNKNOWN;
}

static unsigned decode_want(const struct bencode *b, uint32_t args)
{
	const uint32_t list = bencode_find_typed(b, args, "want", BENCODE_LIST);
	unsigned want = 0;
	if (list == BENCODE_NONE)
		return 0;
	for (uint32_t i = bencode_first(b, list); i != BENCODE_NONE; i = bencode_after(b, list, i)) {
		struct bytes s;
		if (!bencode_string(b, i, &s))
			continue;
		if (bytes_equal_text(s, "n4"))
			want |= KRPC_WANT_V4;
		else if (bytes_equal_text(s, "n6"))
			want |= KRPC_WANT_V6;
	}
	return want;
}

/* What queries and replies of BEP 44 share. */
static void decode_item(struct krpc *m, const struct bencode *b, uint32_t args)
{
	m->key = find_sized(b, args, "k", 32);
	m->signature = find_sized(b, args, "sig", 64);
	m->has_seq = bencode_find_int(b, args, "seq", &m->seq);
	const uint32_t v = bencode_find(b, args, "v");
	if (v != BENCODE_NONE)
		m->value = bencode_raw(b, v);
}

static void decode_arguments(struct krpc *m, const struct bencode *b, uint32_t args)
{
	m->target = find_sized(b, args, "info_hash", KRPC_ID_SIZE);
	if (m->target == NULL)
		m->target = find_sized(b, args, "target", KRPC_ID_SIZE);
	m->want = decode_want(b, args);
	int64_t port;
	if (bencode_find_int(b, args, "port", &port) && port >= 0 && port <= UINT16_MAX) {
		m->has_port = true;
		m->port = (uint16_t)port;
	}
	int64_t implied;
	m->implied_port = bencode_find_int(b, args, "implied_port", &implied) && implied != 0;
	m->seed = find_flag(b, args, "seed");
	m->no_seed = find_flag(b, args, "noseed");
	m->scrape = find_flag(b, args, "scrape");
	(void)bencode_find_string(b, args, "token", &m->token);
	(void)bencode_find_string(b, args, "salt", &m->salt);
	m->has_cas = bencode_find_int(b, args, "cas", &m->cas);
	decode_item(m, b, args);
}

static struct bytes whole_entries(const struct bencode *b, uint32_t dict, const char *key,
                                  size_t entry, bool *has)
{
	struct bytes s;
	*has = bencode_find_string(b, dict, key, &s) && s.size % entry == 0;
	return *has ? s : bytes_of(NULL, 0);
}

static void decode_results(struct krpc *m, const struct bencode *b, uint32_t results)
{
	m->nodes = whole_entries(b, results, "nodes", KRPC_NODE_V4, &m->has_nodes);
	m->nodes6 = whole_entries(b, results, "nodes6", KRPC_NODE_V6, &m->has_nodes6);
	const uint32_t values = bencode_find_typed(b, results, "values", BENCODE_LIST);
	if (values != BENCODE_NONE) {
		const struct bytes raw = bencode_raw(b, values);
		m->values = bytes_of(raw.data + 1, raw.size - 2);
	}
	(void)bencode_find_string(b, results, "token", &m->token);
	m->bloom_seeds = find_sized(b, results, "BFsd", KRPC_BLOOM_SIZE);
	m->bloom_peers = find_sized(b, results, "BFpe", KRPC_BLOOM_SIZE);
	m->samples = whole_entries(b, results, "samples", KRPC_ID_SIZE, &m->has_samples);
	if (!bencode_find_int(b, results, "interval", &m->interval))
		m->interval = -1;
	if (!bencode_find_int(b, results, "num", &m->total))
		m->total = -1;
	decode_item(m, b, results);
}

static bool decode_query(struct krpc *m, const struct bencode *b, const char **reason)
{
	struct bytes name;
	const uint32_t args = bencode_find_typed(b, 0, "a", BENCODE_DICT);
	if (args == BENCODE_NONE || !bencode_find_string(b, 0, "q", &name)) {
		*reason = "query without method or arguments";
		return false;
	}
	m->method = method_of(name);
	m->read_only = find_flag(b, 0, "ro");
	m->id = find_sized(b, args, "id", KRPC_ID_SIZE);
	if (m->id == NULL) {
		*reason = "query without id";
		return false;
	}
	decode_arguments(m, b, args);
	return true;
}

static bool decode_reply(struct krpc *m, const struct bencode *b, const char **reason)
{
	const uint32_t results = bencode_find_typed(b, 0, "r", BENCODE_DICT);
	if (results == BENCODE_NONE) {
		*reason = "reply without results";
		return false;
	}
	m->id = find_sized(b, results, "id", KRPC_ID_SIZE);
	if (m->id == NULL) {
		*reason = "reply without id";
		return false;
	}
	decode_results(m, b, results);
	return true;
}

static bool decode_error(struct krpc *m, const struct bencode *b, const char **reason)
{
	const uint32_t list = bencode_find_typed(b, 0, "e", BENCODE_LIST);
	const uint32_t code = list == BENCODE_NONE ? BENCODE_NONE : bencode_first(b, list);
	if (code == BENCODE_NONE || !bencode_int(b, code, &m->error_code)) {
		*reason = "error without code";
		return false;
	}
	const uint32_t text = bencode_after(b, list, code);
	if (text != BENCODE_NONE)
		(void)bencode_string(b, text, &m->error_text);
	return true;
}

bool krpc_decode(struct krpc *m, struct bytes datagram, const char **reason)
{
	struct bencode_token tokens[KRPC_TOKENS_MAX];
	struct bencode b;
	struct bytes kind;
	memset(m, 0, sizeof(*m));
	m->interval = m->total = -1;
	if (datagram.size == 0 || datagram.data[0] != 'd') {
		*reason = "not a dictionary";
		return false;
	}
	if (!bencode_parse(&b, datagram, tokens, KRPC_TOKENS_MAX, 0)) {
		*reason = b.error;
		return false;
	}
	if (!bencode_find_string(&b, 0, "t", &m->transaction) ||
	    m->transaction.size > KRPC_TRANSACTION_MAX) {
		*reason = "no usable transaction";
		return false;
	}
	(void)bencode_find_string(&b, 0, "v", &m->version);
	if (bencode_find_string(&b, 0, "ip", &m->ip) && m->ip.size != ENDPOINT_COMPACT_V4 &&
	    m->ip.size != ENDPOINT_COMPACT_V6)
		m->ip = bytes_of(NULL, 0);
	if (!bencode_find_string(&b, 0, "y", &kind) || kind.size != 1) {
		*reason = "no kind";
		return false;
	}
	m->kind = (enum krpc_kind)kind.data[0];
	switch (kind.data[0]) {
	case KRPC_QUERY: return decode_query(m, &b, reason);
	case KRPC_REPLY: return decode_reply(m, &b, reason);
	case KRPC_ERROR: return decode_error(m, &b, reason);
	default: *reason = "unknown kind"; return false;
	}
}

/* The list has been parsed once already; this walks its strings and stops at
 * anything else. */
static bool next_string(struct bytes *list, struct bytes *out)
{
	size_t length = 0, i = 0;
	while (i < list->size && list->data[i] >= '0' && list->data[i] <= '9' && i < 5)
		length = length * 10 + (size_t)(list->data[i++] - '0');
	if (i == 0 || i >= list->size || list->data[i] != ':' || length > list->size - i - 1) {
		*list = bytes_of(NULL, 0);
		return false;
	}
	*out = bytes_of(list->data + i + 1, length);
	*list = bytes_of(out->data + length, list->size - i - 1 - length);
	return true;
}

bool krpc_next_peer(struct bytes *values, struct endpoint *out)
{
	struct bytes s;
	while (next_string(values, &s)) {
		if (endpoint_from_compact(s, out))
			return true;
	}
	return false;
}

bool krpc_next_node(struct bytes *nodes, enum endpoint_family family, const uint8_t **id,
                    struct endpoint *out)
{
	const size_t entry = family == ENDPOINT_V4 ? KRPC_NODE_V4 : KRPC_NODE_V6;
	if (nodes->size < entry)
		return false;
	*id = nodes->data;
	const struct bytes compact = bytes_of(nodes->data + KRPC_ID_SIZE, entry - KRPC_ID_SIZE);
	nodes->data += entry;
	nodes->size -= entry;
	return endpoint_from_compact(compact, out);
}

/* ---- encoding: keys in the order of their bytes ---- */

static void put_bytes(struct writer *w, const char *key, const void *data, size_t size)
{
	bencode_put_key(w, key);
	bencode_put_string(w, bytes_of(data, size));
}

static void put_optional(struct writer *w, const char *key, const void *data, size_t size)
{
	if (data != NULL && size != 0)
		put_bytes(w, key, data, size);
}

static void put_int(struct writer *w, const char *key, int64_t v)
{
	bencode_put_key(w, key);
	bencode_put_int(w, v);
}

static void put_flag(struct writer *w, const char *key, bool flag)
{
	if (flag)
		put_int(w, key, 1);
}

static void put_item(struct writer *w, const struct krpc *m)
{
	if (m->has_seq)
		put_int(w, "seq", m->seq);
	put_optional(w, "sig", m->signature, 64);
}

static void put_value(struct writer *w, const struct krpc *m)
{
	if (m->value.size == 0)
		return;
	bencode_put_key(w, "v");
	write_bytes(w, m->value);
}

static void put_want(struct writer *w, unsigned want)
{
	if (want == 0)
		return;
	bencode_put_key(w, "want");
	bencode_begin_list(w);
	if (want & KRPC_WANT_V4)
		bencode_put_text(w, "n4");
	if (want & KRPC_WANT_V6)
		bencode_put_text(w, "n6");
	bencode_end(w);
}

static void put_query(struct writer *w, const struct krpc *m)
{
	const bool by_hash = m->method == KRPC_GET_PEERS || m->method == KRPC_ANNOUNCE_PEER;
	bencode_put_key(w, "a");
	bencode_begin_dict(w);
	if (m->has_cas)
		put_int(w, "cas", m->cas);
	put_bytes(w, "id", m->id, KRPC_ID_SIZE);
	if (m->method == KRPC_ANNOUNCE_PEER)
		put_int(w, "implied_port", m->implied_port);
	if (by_hash)
		put_optional(w, "info_hash", m->target, KRPC_ID_SIZE);
	put_optional(w, "k", m->key, 32);
	put_flag(w, "noseed", m->no_seed);
	if (m->has_port)
		put_int(w, "port", m->port);
	put_optional(w, "salt", m->salt.data, m->salt.size);
	put_flag(w, "scrape", m->scrape);
	put_flag(w, "seed", m->seed);
	put_item(w, m);
	if (!by_hash)
		put_optional(w, "target", m->target, KRPC_ID_SIZE);
	put_optional(w, "token", m->token.data, m->token.size);
	put_value(w, m);
	put_want(w, m->want);
	bencode_end(w);
}

static void put_peers(struct writer *w, const struct krpc *m)
{
	if (m->peers == NULL || m->peer_count == 0)
		return;
	bencode_put_key(w, "values");
	bencode_begin_list(w);
	for (uint32_t i = 0; i < m->peer_count; i++) {
		uint8_t compact[ENDPOINT_COMPACT_V6];
		const size_t size = endpoint_to_compact(&m->peers[i], compact);
		bencode_put_string(w, bytes_of(compact, size));
	}
	bencode_end(w);
}

static void put_reply(struct writer *w, const struct krpc *m)
{
	bencode_put_key(w, "r");
	bencode_begin_dict(w);
	put_optional(w, "BFpe", m->bloom_peers, KRPC_BLOOM_SIZE);
	put_optional(w, "BFsd", m->bloom_seeds, KRPC_BLOOM_SIZE);
	put_bytes(w, "id", m->id, KRPC_ID_SIZE);
	if (m->interval >= 0)
		put_int(w, "interval", m->interval);
	put_optional(w, "k", m->key, 32);
	if (m->has_nodes)
		put_bytes(w, "nodes", m->nodes.data, m->nodes.size);
	if (m->has_nodes6)
		put_bytes(w, "nodes6", m->nodes6.data, m->nodes6.size);
	if (m->total >= 0)
		put_int(w, "num", m->total);
	if (m->has_samples)
		put_bytes(w, "samples", m->samples.data, m->samples.size);
	put_item(w, m);
	put_optional(w, "token", m->token.data, m->token.size);
	put_value(w, m);
	put_peers(w, m);
	bencode_end(w);
}

static void put_error(struct writer *w, const struct krpc *m)
{
	bencode_put_key(w, "e");
	bencode_begin_list(w);
	bencode_put_int(w, m->error_code);
	bencode_put_string(w, m->error_text);
	bencode_end(w);
}

bool krpc_encode(const struct krpc *m, struct writer *w)
{
	assert(m->kind == KRPC_ERROR || m->id != NULL);
	bencode_begin_dict(w);
	if (m->kind == KRPC_QUERY)
		put_query(w, m);
	else if (m->kind == KRPC_ERROR)
		put_error(w, m);
	if (m->kind != KRPC_QUERY)
		put_optional(w, "ip", m->ip.data, m->ip.size);
	if (m->kind == KRPC_QUERY) {
		bencode_put_key(w, "q");
		bencode_put_text(w, krpc_method_name(m->method));
	}
	if (m->kind == KRPC_REPLY)
		put_reply(w, m);
	if (m->kind == KRPC_QUERY)
		put_flag(w, "ro", m->read_only);
	put_bytes(w, "t", m->transaction.data, m->transaction.size);
	put_bytes(w, "v", krpc_version().data, krpc_version().size);
	const char kind = (char)m->kind;
	put_bytes(w, "y", &kind, 1);
	bencode_end(w);
	return !w->failed;
}
