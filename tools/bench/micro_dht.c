/* tools/bench/micro_dht.c: what answering costs: find_node and get_peers from
 * the datagram to the answer, by how many info-hashes the node stores.
 *
 * The node's table is filled by answers that it asked for, its store by
 * announces with its own tokens: everything goes through the front door. */
#include "tools/bench/micro_dht.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "dht/node.h"
#include "proto/krpc.h"
#include "proto/memory.h"

enum {
	QUESTIONS = 200000,
	VARIANTS = 4096, /* different questions, so that caches do not flatter */
	CONTACTS = 4000, /* nodes it may meet */
	DATAGRAM = 256,
};

struct bench {
	struct dht_node *node;
	struct rng rng;
	usec now;
	struct endpoint last_to;
	uint8_t last[DHT_DATAGRAM_MAX];
	size_t last_size;
};

struct question {
	struct endpoint from;
	uint8_t data[DATAGRAM];
	uint32_t size;
};

/* Of the processor, so that others on the machine do not count. */
static double now_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* An address of its own for each number. */
static struct endpoint place(uint32_t n)
{
	return endpoint_v4((uint8_t)(20 + n % 100), (uint8_t)(n / 100), (uint8_t)(n / 25600), 9, 6881);
}

static void id_of(uint32_t n, uint8_t out[DHT_ID_SIZE])
{
	struct rng rng;
	rng_init_number(&rng, n, 1);
	rng_fill(&rng, out, DHT_ID_SIZE);
}

static size_t encode(const struct krpc *m, uint8_t *out, size_t size)
{
	struct writer w;
	writer_init(&w, out, size);
	const bool fits = krpc_encode(m, &w);
	assert(fits);
	return writer_bytes(&w).size;
}

/* Drop what it says, and keep the last of it. */
static void drain(struct bench *b)
{
	struct dht_output out;
	while (dht_node_next_output(b->node, &out)) {
		if (out.kind != DHT_OUT_SEND)
			continue;
		b->last_to = out.to;
		b->last_size = out.datagram.size;
		memcpy(b->last, out.datagram.data, out.datagram.size);
	}
}

/* Nodes that answer whatever it asks them. */
static void fill_table(struct bench *b)
{
	uint8_t id[DHT_ID_SIZE], buffer[DATAGRAM];
	const char *reason;
	struct krpc query;
	for (uint32_t i = 0; i < CONTACTS; i++) {
		const struct endpoint e = place(i);
		id_of(i, id);
		(void)dht_node_ping(b->node, &e, b->now);
		drain(b);
		if (!endpoint_equal(&b->last_to, &e) ||
		    !krpc_decode(&query, bytes_of(b->last, b->last_size), &reason))
			continue;
		const struct krpc reply = { .kind = KRPC_REPLY, .id = id, .interval = -1, .total = -1,
			                    .transaction = query.transaction };
		const size_t size = encode(&reply, buffer, sizeof buffer);
		b->now += 50 * USEC_PER_MS;
		dht_node_on_datagram(b->node, &e, bytes_of(buffer, size), b->now);
		drain(b);
	}
}

static void make_question(struct bench *b, struct question *q, enum krpc_method method,
                          const uint8_t target[DHT_ID_SIZE])
{
	uint8_t id[DHT_ID_SIZE];
	const uint32_t n = rng_below(&b->rng, 1u << 20);
	id_of(n, id);
	q->from = place(n);
	const struct krpc m = { .kind = KRPC_QUERY, .method = method, .id = id, .target = target,
		                .transaction = bytes_of_text("abcd") };
	q->size = (uint32_t)encode(&m, q->data, sizeof q->data);
}

/* One hash, announced by somebody with a token of the node. False: refused. */
static bool store_one(struct bench *b, uint32_t number)
{
	struct question q;
	uint8_t hash[DHT_ID_SIZE], token[64], buffer[DATAGRAM];
	const char *reason;
	struct krpc reply;
	id_of(1000000 + number, hash);
	make_question(b, &q, KRPC_GET_PEERS, hash);
	dht_node_on_datagram(b->node, &q.from, bytes_of(q.data, q.size), b->now);
	drain(b);
	if (!krpc_decode(&reply, bytes_of(b->last, b->last_size), &reason) ||
	    reply.token.size == 0 || reply.token.size > sizeof token)
		return false;
	memcpy(token, reply.token.data, reply.token.size);
	const struct krpc m = { .kind = KRPC_QUERY, .method = KRPC_ANNOUNCE_PEER, .id = hash,
		                .target = hash, .has_port = true, .port = 6881,
		                .transaction = bytes_of_text("abcd"),
		                .token = bytes_of(token, reply.token.size) };
	const size_t size = encode(&m, buffer, sizeof buffer);
	dht_node_on_datagram(b->node, &q.from, bytes_of(buffer, size), b->now);
	drain(b);
	return true;
}

static double ns_per_answer(struct bench *b, enum krpc_method method, uint32_t stored)
{
	struct question *questions = memory_alloc(VARIANTS * sizeof *questions);
	uint8_t target[DHT_ID_SIZE];
	for (uint32_t i = 0; i < VARIANTS; i++) {
		/* Every other get_peers hits a stored hash. */
		id_of(method == KRPC_GET_PEERS && i % 2 == 0 && stored != 0
		              ? 1000000 + rng_below(&b->rng, stored)
		              : rng_u32(&b->rng) | 1u << 31, target);
		make_question(b, &questions[i], method, target);
	}
	const double start = now_seconds();
	for (uint32_t i = 0; i < QUESTIONS; i++) {
		const struct question *q = &questions[i % VARIANTS];
		dht_node_on_datagram(b->node, &q->from, bytes_of(q->data, q->size), b->now);
		drain(b);
	}
	const double spent = now_seconds() - start;
	free(questions);
	return spent / QUESTIONS * 1e9;
}

static void bench_stored(FILE *out, uint32_t wanted)
{
	const struct dht_config config = { .seed = { 1 }, .v4 = true, .unguarded = true,
		                           .store_bytes_max = (uint64_t)1 << 30 };
	struct bench b = { .now = 1000 * USEC_PER_SEC };
	struct dht_stats stats;
	rng_init_number(&b.rng, 1, 2);
	b.node = dht_node_new(&config, b.now);
	fill_table(&b);
	for (uint32_t i = 0; i < wanted; i++)
		if (!store_one(&b, i))
			break;
	dht_node_stats(b.node, &stats);
	const double find = ns_per_answer(&b, KRPC_FIND_NODE, wanted);
	const double peers = ns_per_answer(&b, KRPC_GET_PEERS, wanted);
	fprintf(out, "dht: %7llu hashes stored, %3u nodes known: find_node %5.0f ns, get_peers %5.0f ns\n",
	        (unsigned long long)stats.stored_hashes, stats.nodes_v4, find, peers);
	dht_node_free(b.node);
}

void bench_dht(FILE *out)
{
	bench_stored(out, 1000);
	bench_stored(out, 16000);
	bench_stored(out, 256000);
}
