/* A whole node under arbitrary input: datagrams (raw, or real messages with
 * the transaction of a query that is in flight), timers, questions.
 *
 * Always: nothing is sent to an impossible address or beyond 1500 bytes; the
 * deadline does not lie in the past after a timer; what it stores and keeps
 * is bounded; an answer is at most three times the question, unless it
 * carries a value or a filter. */
#include "dht/node.h"

#include "proto/bencode.h"
#include "proto/krpc.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

struct fuzz {
	struct dht_node *node;
	usec now;
	uint8_t transactions[16][4]; /* of its last queries */
	struct endpoint asked[16];
	unsigned queries;
};

static void take(struct fuzz *f, const struct dht_output *out, size_t question)
{
	struct krpc m;
	const char *why;
	if (out->kind != DHT_OUT_SEND)
		return;
	must(endpoint_is_usable(&out->to));
	must(out->datagram.size <= DHT_DATAGRAM_MAX);
	must(krpc_decode(&m, out->datagram, &why));
	if (m.kind == KRPC_QUERY) {
		must(m.transaction.size == 4);
		memcpy(f->transactions[f->queries % 16], m.transaction.data, 4);
		f->asked[f->queries % 16] = out->to;
		f->queries++;
	} else if (m.kind == KRPC_REPLY && m.value.size == 0 && m.bloom_peers == NULL) {
		must(out->datagram.size <= 1024);
		must(question == 0 || out->datagram.size <= 3 * question ||
		     f->queries > 0 /* it may know the asker */);
	}
}

static void drain(struct fuzz *f, size_t question)
{
	struct dht_output out;
	while (dht_node_next_output(f->node, &out))
		take(f, &out, question);
}

static struct endpoint address_of(uint8_t b)
{
	if (b < 8)
		return endpoint_v4(127, 0, 0, 1, (uint16_t)(1000 + b));
	return endpoint_v4(b, 2, (uint8_t)(b * 3), 4, (uint16_t)(b == 99 ? 0 : 1000 + b));
}

/* A reply to one of its queries, carrying fuzzed nodes and values. */
static void reply(struct fuzz *f, struct bytes rest)
{
	uint8_t datagram[1500], id[20] = { 0 };
	struct writer w;
	if (f->queries == 0 || rest.size < 4)
		return;
	const unsigned which = rest.data[0] % 16;
	id[0] = rest.data[1];
	const size_t size = rest.size > 900 ? 900 : rest.size;
	struct krpc m = { .kind = KRPC_REPLY, .id = id, .interval = rest.data[2], .total = -1,
		          .transaction = bytes_of(f->transactions[which], 4) };
	m.nodes = bytes_of(rest.data, size / 26 * 26);
	m.has_nodes = true;
	m.token = bytes_of(rest.data, size % 90);
	m.ip = bytes_of(rest.data, size >= 6 ? 6 : 0);
	writer_init(&w, datagram, sizeof(datagram));
	if (krpc_encode(&m, &w))
		dht_node_on_datagram(f->node, &f->asked[which], writer_bytes(&w), f->now);
}

static void ask(struct fuzz *f, struct bytes rest)
{
	uint8_t hash[20] = { 0 };
	if (rest.size < 2)
		return;
	memcpy(hash, rest.data, rest.size < 20 ? rest.size : 20);
	switch (rest.data[1] % 6) {
	case 0: dht_node_get_peers(f->node, hash, rest.data[0] & 31u, 7, f->now); break;
	case 1: dht_node_follow(f->node, hash, rest.data[0] & 31u, 7, f->now); break;
	case 2: dht_node_unfollow(f->node, hash); break;
	case 3: dht_node_find_node(f->node, hash, f->now); break;
	case 4: dht_node_get_item(f->node, hash, NULL, bytes_of(NULL, 0), f->now); break;
	default: dht_node_hurry(f->node, hash, f->now); break;
	}
}

static void step(struct fuzz *f, uint8_t op, struct bytes rest)
{
	const struct endpoint from = address_of(op);
	switch (op % 5) {
	case 0:
	case 1:
		dht_node_on_datagram(f->node, &from, rest, f->now);
		drain(f, rest.size);
		return;
	case 2: reply(f, rest); break;
	case 3: ask(f, rest); break;
	default:
		dht_node_add_contact(f->node, &from, rest.size & 1 ? DHT_CONTACT : DHT_CONTACT_ROUTER,
		                     f->now);
		f->now += (usec)rest.size * rest.size * 1000;
		dht_node_on_timer(f->node, f->now);
		must(dht_node_deadline(f->node) > f->now);
		break;
	}
	drain(f, 0);
}

static void check(const struct fuzz *f)
{
	struct dht_stats stats;
	dht_node_stats(f->node, &stats);
	must(stats.stored_bytes <= 1 << 16);
	must(stats.memory_bytes < 4 << 20);
	size_t size;
	uint8_t *state = dht_node_save(f->node, &size);
	must(size > 0);
	must(dht_node_load(f->node, bytes_of(state, size), f->now));
	free(state);
}

/* Input: records of one byte op, two bytes length, and the length's bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct dht_config config = { .v4 = true, .v6 = true, .store_bytes_max = 1 << 16 };
	struct fuzz f = { .now = 1000 * USEC_PER_SEC };
	f.node = dht_node_new(&config, f.now);
	size_t at = 0;
	while (size - at >= 3) {
		const uint8_t op = data[at];
		size_t length = (size_t)data[at + 1] << 8 | data[at + 2];
		at += 3;
		if (length > size - at)
			length = size - at;
		step(&f, op, bytes_of(data + at, length));
		at += length;
		f.now += 1000;
	}
	check(&f);
	dht_node_free(f.node);
	return 0;
}
