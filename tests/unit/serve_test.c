/* What a node answers, to whom, how much, and when it keeps silent. */
#include "dht/bloom.h"
#include "dht/item.h"
#include "proto/krpc.h"
#include "proto/sign.h"
#include "tests/unit/node_net.h"

static struct net net;
static const uint8_t asker_id[DHT_ID_SIZE] = "the asker's own id..";
static const uint8_t hash_a[DHT_ID_SIZE] = "a torrent's hash, 20";
static struct endpoint asker;

/* The last datagram to the asker, decoded. */
static struct {
	unsigned count;
	size_t size;
	uint8_t data[1600];
	struct krpc m;
} answer;

static bool catch(struct net *x, const struct endpoint *from, const struct endpoint *to,
                  struct bytes datagram)
{
	const char *why;
	(void)x;
	(void)from;
	if (!endpoint_same_address(to, &asker))
		return true;
	memcpy(answer.data, datagram.data, datagram.size);
	answer.size = datagram.size;
	cr_assert(krpc_decode(&answer.m, bytes_of(answer.data, answer.size), &why), "%s", why);
	if (answer.m.kind == KRPC_QUERY)
		return false; /* it checks who we are: not an answer */
	answer.count++;
	return false;
}

static void setup(void)
{
	net_init(&net, 1);
	net.on_send = catch;
	memset(&answer, 0, sizeof(answer));
	asker = endpoint_v4(77, 66, 55, 44, 5000);
	net_add(&net, net_global(0), NULL);
}

static void teardown(void)
{
	net_deinit(&net);
}

TestSuite(serve, .init = setup, .fini = teardown);

/* Sends a query as the asker; its size. */
static size_t ask(struct krpc m)
{
	uint8_t data[1500];
	struct writer w;
	writer_init(&w, data, sizeof(data));
	m.kind = KRPC_QUERY;
	m.id = asker_id;
	m.transaction = bytes_of_text("aa");
	cr_assert(krpc_encode(&m, &w));
	answer.count = 0;
	net_inject(&net, 0, &asker, writer_bytes(&w));
	return writer_bytes(&w).size;
}

static void ask_raw(const char *text)
{
	answer.count = 0;
	net_inject(&net, 0, &asker, bytes_of_text(text));
}

/* Lets node 0 know `count` nodes, which are the asker's network. */
static void grow(unsigned count)
{
	net.on_send = NULL;
	for (unsigned i = 1; i <= count; i++) {
		net_add(&net, net_global(i), NULL);
		net_contact(&net, i, 0);
		net_run(&net, USEC_PER_SEC / 2);
	}
	net_run(&net, 2 * USEC_PER_MIN);
	net.on_send = catch;
	cr_assert_geq(net_stats(&net, 0).nodes_v4, 16);
}

static void get_token(uint8_t token[8], enum krpc_method method, const uint8_t *target)
{
	ask((struct krpc){ .method = method, .target = target });
	cr_assert_eq(answer.count, 1);
	cr_assert_eq(answer.m.token.size, 8);
	memcpy(token, answer.m.token.data, 8);
}

Test(serve, ping)
{
	ask((struct krpc){ .method = KRPC_PING });
	cr_assert_eq(answer.count, 1);
	cr_assert_eq(answer.m.kind, KRPC_REPLY);
	cr_assert(memcmp(answer.m.id, dht_node_id(net.nodes[0].dht, ENDPOINT_V4), 20) == 0);
	cr_assert(bytes_equal_text(answer.m.transaction, "aa"));
	cr_assert_eq(answer.m.version.size, 4);
	struct endpoint us;
	cr_assert(endpoint_from_compact(answer.m.ip, &us), "BEP 42 ip");
	cr_assert(endpoint_equal(&us, &asker));
}

Test(serve, find_node_gives_the_eight_nearest)
{
	grow(30);
	ask((struct krpc){ .method = KRPC_FIND_NODE, .target = hash_a });
	cr_assert(answer.m.has_nodes);
	cr_assert_eq(answer.m.nodes.size, 8 * 26);
	cr_assert_not(answer.m.has_nodes6);
}

Test(serve, want_of_a_family_we_lack_gives_an_empty_list)
{
	grow(30);
	ask((struct krpc){ .method = KRPC_FIND_NODE, .target = hash_a,
	                   .want = KRPC_WANT_V4 | KRPC_WANT_V6 });
	cr_assert(answer.m.has_nodes && answer.m.nodes.size > 0);
	cr_assert_eq(answer.m.nodes6.size, 0);
}

Test(serve, announce_with_a_good_token_is_stored)
{
	uint8_t token[8];
	get_token(token, KRPC_GET_PEERS, hash_a);
	ask((struct krpc){ .method = KRPC_ANNOUNCE_PEER, .target = hash_a, .has_port = true,
	                   .port = 4321, .token = bytes_of(token, 8) });
	cr_assert_eq(answer.m.kind, KRPC_REPLY);
	cr_assert_eq(dht_node_stored_peers(net.nodes[0].dht, hash_a), 1);
	ask((struct krpc){ .method = KRPC_GET_PEERS, .target = hash_a });
	struct endpoint e;
	struct bytes values = answer.m.values;
	cr_assert(krpc_next_peer(&values, &e));
	cr_assert_eq(e.port, 4321);
	cr_assert(endpoint_same_address(&e, &asker));
	/* implied_port takes the source's. */
	ask((struct krpc){ .method = KRPC_ANNOUNCE_PEER, .target = hash_a, .has_port = true,
	                   .port = 1, .implied_port = true, .token = bytes_of(token, 8) });
	ask((struct krpc){ .method = KRPC_GET_PEERS, .target = hash_a });
	values = answer.m.values;
	cr_assert(krpc_next_peer(&values, &e));
	cr_assert_eq(e.port, asker.port);
}

/* D5, D6: forged, foreign, old and missing tokens. */
Test(serve, announce_without_a_good_token_is_refused)
{
	uint8_t token[8], other[8];
	static const uint8_t hash_b[DHT_ID_SIZE] = "another hash, 20 too";
	get_token(token, KRPC_GET_PEERS, hash_a);
	get_token(other, KRPC_GET_PEERS, hash_b);
	const struct bytes bad[] = { bytes_of(other, 8), bytes_of(token, 7), bytes_of(NULL, 0),
		                     bytes_of("\0\0\0\0\0\0\0\0", 8) };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ask((struct krpc){ .method = KRPC_ANNOUNCE_PEER, .target = hash_a, .has_port = true,
		                   .port = 4321, .token = bad[i] });
		cr_assert_eq(answer.m.kind, KRPC_ERROR);
		cr_assert_eq(answer.m.error_code, KRPC_PROTOCOL);
	}
	const struct endpoint owner = asker;
	asker = endpoint_v4(77, 66, 55, 45, 5000);
	ask((struct krpc){ .method = KRPC_ANNOUNCE_PEER, .target = hash_a, .has_port = true,
	                   .port = 4321, .token = bytes_of(token, 8) });
	cr_assert_eq(answer.m.kind, KRPC_ERROR, "somebody else's token");
	asker = owner;
	net_run(&net, 11 * USEC_PER_MIN);
	ask((struct krpc){ .method = KRPC_ANNOUNCE_PEER, .target = hash_a, .has_port = true,
	                   .port = 4321, .token = bytes_of(token, 8) });
	cr_assert_eq(answer.m.kind, KRPC_ERROR, "an old token");
	cr_assert_eq(dht_node_stored_peers(net.nodes[0].dht, hash_a), 0);
}

Test(serve, bad_arguments_get_203_and_unknown_methods_204)
{
	ask((struct krpc){ .method = KRPC_FIND_NODE });
	cr_assert_eq(answer.m.error_code, KRPC_PROTOCOL);
	ask((struct krpc){ .method = KRPC_GET_PEERS });
	cr_assert_eq(answer.m.error_code, KRPC_PROTOCOL);
	ask((struct krpc){ .method = KRPC_ANNOUNCE_PEER });
	cr_assert_eq(answer.m.error_code, KRPC_PROTOCOL);
	ask((struct krpc){ .method = KRPC_GET });
	cr_assert_eq(answer.m.error_code, KRPC_PROTOCOL);
	ask((struct krpc){ .method = KRPC_SAMPLE_INFOHASHES });
	cr_assert_eq(answer.m.error_code, KRPC_PROTOCOL);
	ask_raw("d1:ad2:id20:abcdefghij0123456789e1:q4:vote1:t2:aa1:y1:qe");
	cr_assert_eq(answer.count, 1);
	cr_assert_eq(answer.m.error_code, KRPC_METHOD_UNKNOWN);
}

Test(serve, malformed_packets_get_silence)
{
	static const char *const bad[] = { "", "hello", "d1:y1:qe", "d1:q4:ping1:t2:aa1:y1:qe",
		"d1:ad2:id3:abce1:q4:ping1:t2:aa1:y1:qe", "d1:ade1:q4:ping1:t2:aa1:y1:qe",
		"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:y1:qe",
		"d1:rd2:id20:abcdefghij0123456789e1:t2:aa1:y1:re", "d1:eli201e1:xe1:t2:aa1:y1:ee" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ask_raw(bad[i]);
		cr_assert_eq(answer.count, 0, "%s", bad[i]);
	}
}

/* D4 */
Test(serve, impossible_addresses_get_silence)
{
	const struct endpoint real = asker;
	const struct endpoint impossible[] = { endpoint_v4(0, 0, 0, 0, 5), endpoint_v4(8, 8, 8, 8, 0),
		endpoint_v4(224, 0, 0, 1, 5), endpoint_v4(255, 255, 255, 255, 5), { .family = 0 } };
	net_run(&net, USEC_PER_SEC);
	for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
		asker = impossible[i];
		const uint64_t before = net.sent;
		ask((struct krpc){ .method = KRPC_PING });
		cr_assert_eq(net.sent, before);
	}
	asker = real;
}

Test(serve, packets_with_our_own_id_are_dropped)
{
	uint8_t data[200];
	struct writer w;
	writer_init(&w, data, sizeof(data));
	const struct krpc m = { .kind = KRPC_QUERY, .method = KRPC_PING,
		                .id = dht_node_id(net.nodes[0].dht, ENDPOINT_V4),
		                .transaction = bytes_of_text("aa") };
	cr_assert(krpc_encode(&m, &w));
	net_inject(&net, 0, &asker, writer_bytes(&w));
	cr_assert_eq(answer.count, 0);
}

/* Reflection: whoever has not proved its address gets at most 3 times the bytes. */
Test(serve, amplification_is_at_most_three)
{
	grow(40);
	uint8_t token[8];
	for (unsigned i = 0; i < 200; i++) {
		const struct endpoint real = asker;
		asker = endpoint_v4(90, (uint8_t)i, 3, 1, 5000);
		get_token(token, KRPC_GET_PEERS, hash_a);
		ask((struct krpc){ .method = KRPC_ANNOUNCE_PEER, .target = hash_a, .has_port = true,
		                   .port = 4321, .token = bytes_of(token, 8) });
		asker = real;
	}
	cr_assert_eq(dht_node_stored_peers(net.nodes[0].dht, hash_a), 200);
	static const enum krpc_method methods[] = { KRPC_PING, KRPC_FIND_NODE, KRPC_GET_PEERS,
		                                    KRPC_GET, KRPC_SAMPLE_INFOHASHES };
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		for (unsigned want = 0; want < 4; want++) {
			const size_t asked = ask((struct krpc){ .method = methods[i], .target = hash_a,
			                                        .want = want });
			cr_assert_eq(answer.count, 1);
			cr_assert_leq(answer.size, 3 * asked, "method %zu: %zu of %zu", i, answer.size,
			              asked);
		}
	}
	ask((struct krpc){ .method = KRPC_GET_PEERS, .target = hash_a });
	cr_assert_gt(answer.m.values.size, 5u * 8, "and still worth having");
	cr_assert_gt(answer.m.nodes.size, 0);
}

/* A place that floods us gets at most 2 kB/s, and silence beyond. */
Test(serve, a_flood_is_answered_within_budget)
{
	grow(30);
	uint64_t bytes = 0;
	unsigned answers = 0;
	for (unsigned i = 0; i < 3000; i++) {
		ask((struct krpc){ .method = KRPC_FIND_NODE, .target = hash_a });
		answers += answer.count;
		bytes += answer.count * answer.size;
		net_run(&net, 10 * USEC_PER_MS);
	}
	cr_assert_lt(answers, 600u);
	cr_assert_leq(bytes, 16000 + 31u * 2000);
	/* It is not held against anybody else, nor for ever. */
	const struct endpoint real = asker;
	asker = endpoint_v4(78, 66, 55, 44, 5000);
	ask((struct krpc){ .method = KRPC_PING });
	cr_assert_eq(answer.count, 1);
	asker = real;
	net_run(&net, 20 * USEC_PER_SEC);
	ask((struct krpc){ .method = KRPC_PING });
	cr_assert_eq(answer.count, 1);
}

Test(serve, scrape_of_bep33)
{
	uint8_t token[8];
	get_token(token, KRPC_GET_PEERS, hash_a);
	ask((struct krpc){ .method = KRPC_ANNOUNCE_PEER, .target = hash_a, .has_port = true,
	                   .port = 4321, .seed = true, .token = bytes_of(token, 8) });
	ask((struct krpc){ .method = KRPC_GET_PEERS, .target = hash_a, .scrape = true });
	cr_assert_not_null(answer.m.bloom_seeds);
	cr_assert(bloom_has(answer.m.bloom_seeds, &asker));
	cr_assert_not(bloom_has(answer.m.bloom_peers, &asker));
	ask((struct krpc){ .method = KRPC_GET_PEERS, .target = hash_a, .no_seed = true });
	cr_assert_eq(answer.m.values.size, 0);
}

Test(serve, items_of_bep44)
{
	uint8_t token[8], target[DHT_ID_SIZE];
	const struct bytes value = bytes_of_text("12:Hello World!");
	item_target_of_value(value, target);
	get_token(token, KRPC_GET, target);
	ask((struct krpc){ .method = KRPC_PUT, .value = value });
	cr_assert_eq(answer.m.error_code, KRPC_PROTOCOL, "no token");
	ask((struct krpc){ .method = KRPC_PUT, .value = value, .token = bytes_of(token, 8) });
	cr_assert_eq(answer.m.kind, KRPC_REPLY);
	ask((struct krpc){ .method = KRPC_GET, .target = target });
	cr_assert(bytes_equal(answer.m.value, value));
	cr_assert_not(answer.m.has_seq);
}

Test(serve, mutable_item_errors_of_bep44)
{
	uint8_t token[8], target[DHT_ID_SIZE], key[32], secret[64];
	const uint8_t seed[32] = { 1 };
	static uint8_t big[1100];
	struct dht_item item = { .seq = 3, .value_size = 5, .value = "3:one" };
	sign_keys(seed, key, secret);
	item_sign(&item, secret);
	item_target(&item, target);
	get_token(token, KRPC_GET, target);
	struct krpc m = { .method = KRPC_PUT, .key = item.key, .signature = item.signature,
		          .has_seq = true, .seq = 3, .value = bytes_of(item.value, 5),
		          .token = bytes_of(token, 8) };
	ask(m);
	cr_assert_eq(answer.m.kind, KRPC_REPLY);
	/* seq not newer than what the asker has: no value. */
	ask((struct krpc){ .method = KRPC_GET, .target = target, .has_seq = true, .seq = 3 });
	cr_assert(answer.m.has_seq && answer.m.seq == 3);
	cr_assert_eq(answer.m.value.size, 0);
	cr_assert_null(answer.m.key);
	ask((struct krpc){ .method = KRPC_GET, .target = target, .has_seq = true, .seq = 2 });
	cr_assert_eq(answer.m.value.size, 5);
	m.has_cas = true;
	m.cas = 1;
	ask(m);
	cr_assert_eq(answer.m.error_code, KRPC_CAS_MISMATCH);
	m.has_cas = false;
	m.seq = 4;
	ask(m);
	cr_assert_eq(answer.m.error_code, KRPC_BAD_SIGNATURE);
	item.seq = 2;
	item_sign(&item, secret);
	m.seq = 2;
	ask(m);
	cr_assert_eq(answer.m.error_code, KRPC_SEQ_TOO_OLD);
	memset(big, 'x', sizeof(big));
	memcpy(big, "1005:", 5);
	m.value = bytes_of(big, 1010);
	ask(m);
	cr_assert_eq(answer.m.error_code, KRPC_VALUE_TOO_BIG);
	m.value = bytes_of(item.value, 5);
	m.salt = bytes_of(big, 65);
	ask(m);
	cr_assert_eq(answer.m.error_code, KRPC_SALT_TOO_BIG);
}

Test(serve, largest_value_fits_into_an_answer)
{
	uint8_t token[8], target[DHT_ID_SIZE], value[DHT_VALUE_MAX];
	grow(20);
	memset(value, 'x', sizeof(value));
	memcpy(value, "996:", 4);
	item_target_of_value(bytes_of(value, sizeof(value)), target);
	get_token(token, KRPC_GET, target);
	ask((struct krpc){ .method = KRPC_PUT, .value = bytes_of(value, sizeof(value)),
	                   .token = bytes_of(token, 8) });
	cr_assert_eq(answer.m.kind, KRPC_REPLY);
	ask((struct krpc){ .method = KRPC_GET, .target = target });
	cr_assert_eq(answer.m.value.size, DHT_VALUE_MAX);
	cr_assert_leq(answer.size, 1200);
}

Test(serve, samples_of_bep51)
{
	uint8_t token[8];
	ask((struct krpc){ .method = KRPC_SAMPLE_INFOHASHES, .target = hash_a });
	cr_assert(answer.m.has_samples && answer.m.samples.size == 0, "always present");
	get_token(token, KRPC_GET_PEERS, hash_a);
	ask((struct krpc){ .method = KRPC_ANNOUNCE_PEER, .target = hash_a, .has_port = true,
	                   .port = 4321, .token = bytes_of(token, 8) });
	ask((struct krpc){ .method = KRPC_SAMPLE_INFOHASHES, .target = hash_a });
	cr_assert_eq(answer.m.samples.size, 20);
	cr_assert(memcmp(answer.m.samples.data, hash_a, 20) == 0);
	cr_assert_eq(answer.m.total, 1);
	cr_assert(answer.m.interval >= 0 && answer.m.interval <= 21600);
}

/* BEP 43 */
Test(serve, a_read_only_node_answers_nobody)
{
	const struct dht_config config = { .v4 = true, .read_only = true };
	net_add(&net, net_global(1), &config);
	uint8_t data[200];
	struct writer w;
	writer_init(&w, data, sizeof(data));
	const struct krpc m = { .kind = KRPC_QUERY, .method = KRPC_PING, .id = asker_id,
		                .transaction = bytes_of_text("aa") };
	cr_assert(krpc_encode(&m, &w));
	net_inject(&net, 1, &asker, writer_bytes(&w));
	cr_assert_eq(answer.count, 0);
}

/* A reply that keeps its promise: at most 1024 bytes to a proven node. */
Test(serve, replies_stay_within_1024_bytes)
{
	grow(40);
	uint8_t token[8];
	for (unsigned i = 0; i < 300; i++) {
		const struct endpoint real = asker;
		asker = endpoint_v4(90, (uint8_t)i, (uint8_t)(3 + i / 256), 1, 5000);
		get_token(token, KRPC_GET_PEERS, hash_a);
		ask((struct krpc){ .method = KRPC_ANNOUNCE_PEER, .target = hash_a, .has_port = true,
		                   .port = 4321, .token = bytes_of(token, 8) });
		asker = real;
	}
	/* Ask as a node of its table. */
	uint8_t data[300];
	struct writer w;
	writer_init(&w, data, sizeof(data));
	asker = net.nodes[5].at;
	const struct krpc m = { .kind = KRPC_QUERY, .method = KRPC_GET_PEERS, .target = hash_a,
		                .id = dht_node_id(net.nodes[5].dht, ENDPOINT_V4),
		                .transaction = bytes_of_text("aa") };
	cr_assert(krpc_encode(&m, &w));
	answer.count = 0;
	net_inject(&net, 0, &asker, writer_bytes(&w));
	cr_assert_eq(answer.count, 1);
	cr_assert_leq(answer.size, 1024);
	cr_assert_gt(answer.m.values.size, 80u * 8);
}
