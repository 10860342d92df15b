/* dht/questions.c: the questions of node.h, turned into searches. */
#include "dht/inside.h"
#include "dht/item.h"
#include "proto/memory.h"

static void set_now(struct dht_node *n, usec now)
{
	if (now > n->now)
		n->now = now;
}

/* Starts it; it may be over, and gone, when this returns. */
static dht_search begin(struct dht_node *n, struct search *s)
{
	const dht_search out = s->out;
	search_begin(n, s);
	return out;
}

dht_search dht_node_get_peers(struct dht_node *n, const uint8_t info_hash[DHT_ID_SIZE],
                              unsigned flags, uint16_t port, usec now)
{
	set_now(n, now);
	struct search *s = search_new(n, SEARCH_GET_PEERS, info_hash, flags, false);
	if (s == NULL)
		return 0;
	s->port = port;
	return begin(n, s);
}

dht_search dht_node_find_node(struct dht_node *n, const uint8_t target[DHT_ID_SIZE], usec now)
{
	set_now(n, now);
	struct search *s = search_new(n, SEARCH_FIND_NODE, target, 0, false);
	return s == NULL ? 0 : begin(n, s);
}

static dht_search ask_single(struct dht_node *n, enum search_kind kind, const struct endpoint *to,
                             const uint8_t target[DHT_ID_SIZE], usec now)
{
	set_now(n, now);
	if (!endpoint_is_usable(to) || !node_family(n, to)->enabled)
		return 0;
	struct search *s = search_new(n, kind, target, 0, false);
	if (s == NULL)
		return 0;
	struct krpc m = { .method = kind == SEARCH_PING ? KRPC_PING : KRPC_SAMPLE_INFOHASHES,
		          .target = kind == SEARCH_PING ? NULL : s->target };
	const struct ask ask = { .to = to, .purpose = QUERY_SINGLE, .owner = s->id };
	s->state = SEARCH_RUNNING;
	s->single_sent = 1;
	if (!node_ask(n, &ask, &m)) {
		search_free(n, s);
		return 0;
	}
	s->in_flight++;
	return s->out;
}

dht_search dht_node_ping(struct dht_node *n, const struct endpoint *to, usec now)
{
	static const uint8_t none[DHT_ID_SIZE];
	return ask_single(n, SEARCH_PING, to, none, now);
}

dht_search dht_node_sample(struct dht_node *n, const struct endpoint *to,
                           const uint8_t target[DHT_ID_SIZE], usec now)
{
	return ask_single(n, SEARCH_SAMPLE, to, target, now);
}

void dht_node_cancel(struct dht_node *n, dht_search search)
{
	struct search *s = search_find(n, search);
	if (s != NULL && s->out == search)
		search_free(n, s);
}

dht_search dht_node_get_item(struct dht_node *n, const uint8_t target[DHT_ID_SIZE],
                             const uint8_t key[32], struct bytes salt, usec now)
{
	set_now(n, now);
	if (salt.size > DHT_SALT_MAX)
		return 0;
	struct search *s = search_new(n, SEARCH_GET_ITEM, target, 0, false);
	if (s == NULL)
		return 0;
	s->item = memory_zeroed(1, sizeof(*s->item));
	s->item->mutable_item = key != NULL;
	if (key != NULL) {
		memcpy(s->item->key, key, sizeof(s->item->key));
		item_target_of_key(key, salt, s->target);
	}
	s->item->salt_size = (uint32_t)salt.size;
	if (salt.size != 0)
		memcpy(s->item->salt, salt.data, salt.size);
	return begin(n, s);
}

dht_search dht_node_put_item(struct dht_node *n, const struct dht_item *item, bool has_cas,
                             int64_t cas, usec now)
{
	uint8_t target[DHT_ID_SIZE];
	set_now(n, now);
	if (!item_is_valid(item))
		return 0;
	item_target(item, target);
	struct search *s = search_new(n, SEARCH_PUT_ITEM, target, 0, false);
	if (s == NULL)
		return 0;
	s->item = memory_copy(item, sizeof(*item));
	s->has_cas = has_cas;
	s->cas = cas;
	return begin(n, s);
}
