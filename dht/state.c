/* dht/state.c: what survives a restart: our ids and good nodes, as bencode
 * with a format number. A file of another format is refused whole. */
#include "dht/inside.h"
#include "proto/bencode.h"
#include "proto/memory.h"

#include <stdlib.h>

enum {
	FORMAT = 1,
	SAVED_MAX = 100,  /* nodes of a family */
	TOKENS_MAX = 64,
	STATE_MAX = 16384,
};

static size_t list_nodes(const struct family *f, uint8_t *out)
{
	struct table_node nodes[SAVED_MAX];
	const unsigned count = table_list(&f->table, nodes, SAVED_MAX);
	size_t used = 0;
	for (unsigned i = 0; i < count; i++) {
		memcpy(out + used, nodes[i].id, DHT_ID_SIZE);
		used += DHT_ID_SIZE;
		used += endpoint_to_compact(&nodes[i].endpoint, out + used);
	}
	return used;
}

uint8_t *dht_node_save(const struct dht_node *n, size_t *size)
{
	static const char *const id_keys[FAMILIES] = { "id4", "id6" };
	static const char *const node_keys[FAMILIES] = { "nodes4", "nodes6" };
	uint8_t nodes[SAVED_MAX * KRPC_NODE_V6];
	uint8_t *out = memory_alloc(STATE_MAX);
	struct writer w;
	writer_init(&w, out, STATE_MAX);
	bencode_begin_dict(&w);
	bencode_put_key(&w, "format");
	bencode_put_int(&w, FORMAT);
	for (int i = 0; i < FAMILIES; i++) {
		bencode_put_key(&w, id_keys[i]);
		bencode_put_string(&w, bytes_of(n->families[i].table.own_id, DHT_ID_SIZE));
	}
	for (int i = 0; i < FAMILIES; i++) {
		bencode_put_key(&w, node_keys[i]);
		bencode_put_string(&w, bytes_of(nodes, list_nodes(&n->families[i], nodes)));
	}
	bencode_end(&w);
	*size = writer_bytes(&w).size;
	return out;
}

static void load_nodes(struct dht_node *n, const struct bencode *b, const char *key,
                       enum endpoint_family family, usec now)
{
	struct bytes nodes;
	const uint8_t *id;
	struct endpoint e;
	if (!bencode_find_string(b, 0, key, &nodes))
		return;
	for (int i = 0; i < SAVED_MAX && krpc_next_node(&nodes, family, &id, &e); i++)
		dht_node_add_contact(n, &e, DHT_CONTACT, now);
}

bool dht_node_load(struct dht_node *n, struct bytes state, usec now)
{
	struct bencode_token tokens[TOKENS_MAX];
	struct bencode b;
	struct bytes id[FAMILIES];
	int64_t format;
	if (state.size > STATE_MAX || !bencode_parse(&b, state, tokens, TOKENS_MAX, 0) ||
	    !bencode_find_int(&b, 0, "format", &format) || format != FORMAT ||
	    !bencode_find_string(&b, 0, "id4", &id[0]) || id[0].size != DHT_ID_SIZE ||
	    !bencode_find_string(&b, 0, "id6", &id[1]) || id[1].size != DHT_ID_SIZE)
		return false;
	for (int i = 0; i < FAMILIES && !n->fixed_id; i++)
		table_set_id(&n->families[i].table, id[i].data);
	load_nodes(n, &b, "nodes4", ENDPOINT_V4, now);
	load_nodes(n, &b, "nodes6", ENDPOINT_V6, now);
	return true;
}
