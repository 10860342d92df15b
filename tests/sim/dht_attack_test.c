/* tests/sim/dht_attack_test.c: what broke other DHT nodes, tried on this one:
 * packets nobody asked for, stolen ids, forged tokens, lies about our address,
 * hidden keys, junk, floods and reflection. Crowds of liars are in
 * dht_sybil_test.c. */
#include "dht/id.h"
#include "dht/inside.h"
#include "tests/sim/dht_outsider.h"

#include <stdlib.h>

static struct sim sim;

static void setup(void)
{
	sim_begin(&sim, 31, NULL);
	sim_grow(&sim, 40, NULL);
}

static void teardown(void)
{
	sim_expect_sane(&sim);
	sim_end(&sim);
}

TestSuite(dht_attack, .init = setup, .fini = teardown);

enum { VICTIM = 7 };

static struct dht_node *victim(void)
{
	return dht_net_node(sim.net, VICTIM);
}

static void ask_as(struct outsider *o, const struct endpoint *source, enum krpc_method method,
                   const uint8_t *target)
{
	const struct krpc m = { .kind = KRPC_QUERY, .method = method, .id = o->id, .target = target,
		                .transaction = bytes_of_text("xx") };
	outsider_say_as(o, source, VICTIM, &m);
}

/* ---- who gets into the table ---- */

/* D2: twenty thousand pongs that nobody asked for. */
Test(dht_attack, unsolicited_pongs)
{
	struct outsider o;
	struct rng rng;
	outsider_join(&o, &sim, NULL);
	rng_init_number(&rng, 1, 1);
	const uint32_t knew = sim_known(&sim, VICTIM);
	for (uint32_t i = 0; i < 20000; i++) {
		uint8_t id[DHT_ID_SIZE], transaction[4];
		rng_fill(&rng, id, sizeof id);
		rng_fill(&rng, transaction, sizeof transaction);
		const struct endpoint source = endpoint_v4((uint8_t)(20 + i % 80), (uint8_t)(i / 80),
		                                           (uint8_t)(i % 250), 9, 6881);
		const struct krpc m = { .kind = KRPC_REPLY, .id = id, .interval = -1, .total = -1,
			                .transaction = bytes_of(transaction, 4) };
		outsider_say_as(&o, &source, VICTIM, &m);
		if (i % 100 == 0)
			sim_run(&sim, 50 * USEC_PER_MS);
	}
	sim_run(&sim, USEC_PER_MIN);
	cr_assert_leq(sim_known(&sim, VICTIM), knew + 5, "%u of 20000 got in",
	              sim_known(&sim, VICTIM) - knew);
	cr_assert_geq(sim_stats(&sim, VICTIM).dropped, 19000);
}

/* A known id, named by somebody else in a query, stays where it was. */
Test(dht_attack, an_id_is_not_re_pointed)
{
	struct dht_contact known[256];
	struct outsider o;
	outsider_join(&o, &sim, NULL);
	o.serves = true;
	const uint32_t count = dht_net_table(sim.net, VICTIM, known, 256);
	cr_assert_geq(count, 20);
	for (uint32_t i = 0; i < count; i++) {
		memcpy(o.id, known[i].id, DHT_ID_SIZE);
		ask_as(&o, &o.at, KRPC_PING, NULL);
		sim_run(&sim, 10 * USEC_PER_SEC);
	}
	sim_run(&sim, 5 * USEC_PER_MIN);
	uint32_t kept = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct krpc find = { .method = KRPC_FIND_NODE, .target = known[i].id }, reply;
		struct endpoint e;
		const uint8_t *id;
		cr_assert(outsider_ask(&o, VICTIM, &find, &reply));
		while (krpc_next_node(&reply.nodes, ENDPOINT_V4, &id, &e))
			cr_assert_not(endpoint_same_address(&e, &o.at), "%u of %u now lead to the thief", i, count);
		kept += table_find(&victim()->families[0].table, known[i].id, &known[i].endpoint) != NULL;
		sim_run(&sim, USEC_PER_SEC);
	}
	cr_assert_geq(kept, count * 9 / 10, "%u of %u kept", kept, count);
}

struct redirect {
	struct outsider *liar;
	struct endpoint other;
	uint32_t redirected;
};

/* An answer with the right transaction, from another address or port. */
static bool answer_from_elsewhere(struct dht_net *net, uint32_t who, const struct endpoint *from,
                                  struct bytes datagram, void *context)
{
	struct redirect *r = context;
	if (who != VICTIM || !endpoint_equal(from, &r->liar->at) || r->redirected > 10000)
		return true;
	r->redirected++;
	datagrams_send_as(dht_net_datagrams(net), r->liar->host, &r->other, dht_net_at(net, VICTIM),
	                  datagram);
	return false;
}

Test(dht_attack, answers_from_another_address)
{
	struct outsider o;
	outsider_join(&o, &sim, NULL);
	o.serves = true;
	for (int port = 0; port < 2; port++) {
		struct redirect r = { .liar = &o, .other = o.at };
		if (port == 1)
			r.other.port++;
		else
			r.other.address[3] ^= 1;
		dht_net_set_filter(sim.net, answer_from_elsewhere, &r);
		dht_node_add_contact(victim(), &o.at, DHT_CONTACT, dht_net_now(sim.net, VICTIM));
		(void)dht_node_ping(victim(), &o.at, dht_net_now(sim.net, VICTIM));
		dht_net_settle(sim.net, VICTIM);
		sim_run(&sim, 30 * USEC_PER_SEC);
		cr_assert_gt(r.redirected, 0);
		cr_assert_null(table_find(&victim()->families[0].table, o.id, &o.at));
		cr_assert_null(table_find(&victim()->families[0].table, o.id, &r.other));
	}
}

/* Whoever answers with our own id is not listened to. */
Test(dht_attack, our_own_id_in_an_answer)
{
	struct outsider o;
	outsider_join(&o, &sim, NULL);
	o.serves = true;
	memcpy(o.id, dht_node_id(victim(), ENDPOINT_V4), DHT_ID_SIZE);
	const uint32_t knew = sim_known(&sim, VICTIM);
	(void)dht_node_ping(victim(), &o.at, dht_net_now(sim.net, VICTIM));
	dht_net_settle(sim.net, VICTIM);
	sim_run(&sim, 20 * USEC_PER_SEC);
	cr_assert_gt(o.got, 0);
	cr_assert_leq(sim_known(&sim, VICTIM), knew + 3);
}

/* ---- tokens: D5, D6 ---- */

static uint32_t stored(const uint8_t hash[DHT_ID_SIZE])
{
	return dht_node_stored_peers(victim(), hash);
}

static void announce_with(struct outsider *o, const uint8_t hash[DHT_ID_SIZE], struct bytes token)
{
	struct krpc m = { .method = KRPC_ANNOUNCE_PEER, .target = hash, .has_port = true, .port = 6881,
		          .token = token }, reply;
	(void)outsider_ask(o, VICTIM, &m, &reply);
	sim_run(&sim, 200 * USEC_PER_MS);
}

static size_t get_token(struct outsider *o, const uint8_t hash[DHT_ID_SIZE], uint8_t out[64])
{
	struct krpc get = { .method = KRPC_GET_PEERS, .target = hash }, reply;
	cr_assert(outsider_ask(o, VICTIM, &get, &reply));
	cr_assert(reply.token.size > 0 && reply.token.size <= 64);
	memcpy(out, reply.token.data, reply.token.size);
	return reply.token.size;
}

Test(dht_attack, no_announce_without_a_right_token)
{
	struct outsider o, other;
	uint8_t hash[DHT_ID_SIZE], another[DHT_ID_SIZE], token[64];
	outsider_join(&o, &sim, NULL);
	outsider_join(&other, &sim, NULL);
	sim_hash(1, hash);
	sim_hash(2, another);
	announce_with(&o, hash, bytes_of("", 0));
	announce_with(&o, hash, bytes_of_text("aoeuidht"));
	cr_assert_eq(stored(hash), 0);
	size_t size = get_token(&o, hash, token);
	announce_with(&other, hash, bytes_of(token, size));
	cr_assert_eq(stored(hash), 0, "a token of somebody else");
	announce_with(&o, another, bytes_of(token, size));
	cr_assert_eq(stored(another), 0, "a token for another torrent");
	for (size_t bit = 0; bit < 8 * size; bit++) {
		token[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		announce_with(&o, hash, bytes_of(token, size));
		token[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		cr_assert_eq(stored(hash), 0, "bit %zu changed", bit);
	}
	announce_with(&o, hash, bytes_of(token, size));
	cr_assert_eq(stored(hash), 1);
}

/* With a linear check three tokens make a fourth (CRC did). */
Test(dht_attack, tokens_do_not_add_up)
{
	struct outsider o[4];
	uint8_t hash[DHT_ID_SIZE], token[4][64], forged[64];
	size_t size = 0;
	sim_hash(3, hash);
	for (int i = 0; i < 4; i++) {
		const struct endpoint at = endpoint_v4(61, 7, 9, (uint8_t)(4 + i), 6881);
		outsider_join(&o[i], &sim, &at);
		if (i < 3)
			size = get_token(&o[i], hash, token[i]);
	}
	for (size_t i = 0; i < size; i++)
		forged[i] = token[0][i] ^ token[1][i] ^ token[2][i];
	announce_with(&o[3], hash, bytes_of(forged, size));
	cr_assert_eq(stored(hash), 0);
}

Test(dht_attack, tokens_grow_old)
{
	struct outsider o;
	uint8_t hash[DHT_ID_SIZE], token[64];
	outsider_join(&o, &sim, NULL);
	sim_hash(4, hash);
	const size_t size = get_token(&o, hash, token);
	sim_run(&sim, 11 * USEC_PER_MIN);
	announce_with(&o, hash, bytes_of(token, size));
	cr_assert_eq(stored(hash), 0, "older than ten minutes");
	const size_t fresh = get_token(&o, hash, token);
	sim_run(&sim, 270 * USEC_PER_SEC);
	announce_with(&o, hash, bytes_of(token, fresh));
	cr_assert_eq(stored(hash), 1, "younger than five");
}

/* A key inside of a string is no key. */
Test(dht_attack, hidden_keys)
{
	struct outsider o;
	uint8_t hash[DHT_ID_SIZE], token[64], packet[400];
	outsider_join(&o, &sim, NULL);
	sim_hash(5, hash);
	const size_t size = get_token(&o, hash, token);
	/* "id" of 20 bytes that reads like a token and its key; then an announce
	 * that has the real one in a string and in a nested dictionary alone. */
	static const char *const forms[] = {
		"d1:ad2:id20:5:token8:TTTTTTTT....9:info_hash20:HHHHHHHHHHHHHHHHHHHH4:porti6881ee"
		"1:q13:announce_peer1:t2:aa1:y1:qe",
		"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaa9:info_hash20:HHHHHHHHHHHHHHHHHHHH4:porti6881e"
		"1:xd5:token8:TTTTTTTTee1:q13:announce_peer1:t2:aa1:y1:qe",
		"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaa9:info_hash20:HHHHHHHHHHHHHHHHHHHH4:porti6881ee"
		"1:q13:announce_peer1:t2:aa5:token8:TTTTTTTT1:y1:qe",
		"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaa9:info_hash20:HHHHHHHHHHHHHHHHHHHH4:porti6881e"
		"1:v31:1:ad5:token8:TTTTTTTT1:y1:qe.......e1:q13:announce_peer1:t2:aa1:y1:qe",
	};
	cr_assert_eq(size, 8);
	for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
		const size_t length = strlen(forms[f]);
		memcpy(packet, forms[f], length + 1);
		char *at = strstr((char *)packet, "TTTTTTTT");
		memcpy(at, token, size);
		for (at = (char *)packet; (at = memmem(at, length - (size_t)(at - (char *)packet), "HHHHHHHHHHHHHHHHHHHH", 20)) != NULL;)
			memcpy(at, hash, DHT_ID_SIZE);
		outsider_send(&o, VICTIM, bytes_of(packet, length));
		sim_run(&sim, USEC_PER_SEC);
		cr_assert_eq(stored(hash), 0, "form %zu", f);
	}
	announce_with(&o, hash, bytes_of(token, size));
	cr_assert_eq(stored(hash), 1);
}

/* ---- our own address ---- */

static void vote_as(struct outsider *o, const struct endpoint *source, const uint8_t transaction[4],
                    const uint8_t evil[6])
{
	const struct krpc m = { .kind = KRPC_REPLY, .id = o->id, .interval = -1, .total = -1,
		                .transaction = bytes_of(transaction, 4), .ip = bytes_of(evil, 6) };
	outsider_say_as(o, source, VICTIM, &m);
}

Test(dht_attack, forged_votes_about_our_address)
{
	static const uint8_t evil[6] = { 66, 66, 66, 66, 0x1a, 0xe1 };
	struct dht_contact known[64];
	struct outsider o;
	struct rng rng;
	uint8_t id[DHT_ID_SIZE], transaction[4];
	outsider_join(&o, &sim, NULL);
	rng_init_number(&rng, 2, 2);
	sim_run(&sim, 20 * USEC_PER_MIN);
	memcpy(id, dht_node_id(victim(), ENDPOINT_V4), DHT_ID_SIZE);
	const uint32_t count = dht_net_table(sim.net, VICTIM, known, 64);
	sim.log.addresses = 0;
	for (uint32_t i = 0; i < 10000; i++) {
		rng_fill(&rng, transaction, 4);
		memcpy(o.id, known[i % count].id, DHT_ID_SIZE);
		vote_as(&o, &known[i % count].endpoint, transaction, evil);
		if (i % 100 == 0)
			sim_run(&sim, USEC_PER_SEC);
	}
	sim_run(&sim, USEC_PER_MIN);
	cr_assert_eq(sim.log.addresses, 0);
	cr_assert(id_equal(id, dht_node_id(victim(), ENDPOINT_V4)));
}

/* ---- silence and budgets ---- */

/* D4: to malformed packets, and to addresses that cannot be. */
Test(dht_attack, malformed_packets_get_no_answer)
{
	static const char *const packets[] = {
		"", "d", "de", "i1e", "le", "hello", "d1:t2:aae", "d1:y1:qe", "d1:q4:ping1:t2:aa1:y1:qe",
		"d1:ad2:id19:aaaaaaaaaaaaaaaaaaae1:q4:ping1:t2:aa1:y1:qe",
		"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t2:aa1:y1:q",
		"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t2:aa1:y1:ze",
		"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:y1:qe",
		"d1:ad2:id99999999:aaae1:q4:ping1:t2:aa1:y1:qe",
		"d1:ali1ee1:q4:ping1:t2:aa1:y1:qe",
		"\x41\x01\x02\x03", "GET / HTTP/1.1\r\n\r\n",
	};
	struct outsider o;
	outsider_join(&o, &sim, NULL);
	for (size_t i = 0; i < sizeof packets / sizeof *packets; i++) {
		const uint64_t got = o.got;
		outsider_send(&o, VICTIM, bytes_of_text(packets[i]));
		sim_run(&sim, 5 * USEC_PER_SEC);
		cr_assert_eq(o.got, got, "packet %zu got an answer", i);
	}
	uint8_t nested[1400];
	memset(nested, 'l', sizeof nested);
	outsider_send(&o, VICTIM, bytes_of(nested, sizeof nested));
	sim_run(&sim, 5 * USEC_PER_SEC);
	cr_assert_eq(o.got, 0);
}

Test(dht_attack, impossible_sources_get_no_answer)
{
	static const uint8_t places[][4] = { { 0, 0, 0, 0 }, { 0, 1, 2, 3 }, { 224, 0, 0, 1 },
		                             { 239, 1, 2, 3 }, { 255, 255, 255, 255 } };
	struct outsider o;
	outsider_join(&o, &sim, NULL);
	const uint64_t before = sim_stats(&sim, VICTIM).packets_in;
	for (size_t i = 0; i <= sizeof places / sizeof *places; i++) {
		const bool port = i == sizeof places / sizeof *places;
		const struct endpoint source = port ? endpoint_v4(61, 1, 2, 3, 0)
		                                    : endpoint_v4(places[i][0], places[i][1], places[i][2],
		                                                  places[i][3], 6881);
		const struct dht_stats s1 = sim_stats(&sim, VICTIM);
		const struct krpc m = { .kind = KRPC_QUERY, .method = KRPC_PING, .id = o.id,
			                .transaction = bytes_of_text("xx") };
		uint8_t buffer[200];
		struct writer w;
		writer_init(&w, buffer, sizeof buffer);
		cr_assert(krpc_encode(&m, &w));
		dht_node_on_datagram(victim(), &source, writer_bytes(&w), dht_net_now(sim.net, VICTIM));
		cr_assert_eq(sim_stats(&sim, VICTIM).packets_out, s1.packets_out, "place %zu", i);
	}
	cr_assert_geq(sim_stats(&sim, VICTIM).packets_in, before + 6);
}

/* Reflection: questions in the name of a victim elsewhere. */
Test(dht_attack, reflection_is_small_and_bounded)
{
	static const enum krpc_method methods[] = { KRPC_PING, KRPC_FIND_NODE, KRPC_GET_PEERS, KRPC_GET,
		                                    KRPC_SAMPLE_INFOHASHES };
	struct outsider attacker, target, friends[30];
	uint8_t hash[DHT_ID_SIZE];
	sim_hash(6, hash);
	outsider_join(&attacker, &sim, NULL);
	outsider_join(&target, &sim, NULL);
	/* A torrent with many peers makes the largest answers. */
	for (int i = 0; i < 30; i++) {
		outsider_join(&friends[i], &sim, NULL);
		cr_assert(outsider_announce(&friends[i], VICTIM, hash, 6881));
	}
	for (size_t m = 0; m < sizeof methods / sizeof *methods; m++) {
		sim_run(&sim, USEC_PER_MIN);
		const uint64_t sent = attacker.sent_bytes, got = target.got_bytes;
		for (int i = 0; i < 20; i++) {
			ask_as(&attacker, &target.at, methods[m], methods[m] == KRPC_PING ? NULL : hash);
			sim_run(&sim, 500 * USEC_PER_MS);
		}
		const uint64_t out = target.got_bytes - got, in = attacker.sent_bytes - sent;
		cr_assert_gt(out, 0, "method %s", krpc_method_name(methods[m]));
		cr_assert_leq(out, 3 * in, "method %s: %llu bytes for %llu", krpc_method_name(methods[m]),
		              (unsigned long long)out, (unsigned long long)in);
	}
	/* A flood, from all over the victim's /24: what reaches it has a ceiling. */
	sim_run(&sim, USEC_PER_MIN);
	const uint64_t got = sim_stats(&sim, VICTIM).bytes_out;
	const usec start = world_now(sim.world);
	for (int i = 0; i < 20000; i++) {
		struct endpoint source = target.at;
		source.address[3] = (uint8_t)i;
		ask_as(&attacker, &source, KRPC_GET_PEERS, hash);
		if (i % 100 == 0)
			sim_run(&sim, 50 * USEC_PER_MS);
	}
	sim_run(&sim, 5 * USEC_PER_SEC);
	const uint64_t seconds = usec_since(start, world_now(sim.world)) / USEC_PER_SEC;
	const uint64_t out = sim_stats(&sim, VICTIM).bytes_out - got;
	/* Its ordinary traffic with the 40 others is in there. */
	cr_assert_leq(out, GUARD_SUBNET_BYTES_BURST + (seconds + 1) * GUARD_SUBNET_BYTES + 20000,
	              "%llu bytes in %llu s", (unsigned long long)out, (unsigned long long)seconds);
}

/* One place that floods; the others are served as before. */
Test(dht_attack, a_flood_does_not_starve_the_others)
{
	struct outsider loud, quiet;
	uint8_t hash[DHT_ID_SIZE];
	struct krpc reply;
	sim_hash(7, hash);
	outsider_join(&loud, &sim, NULL);
	outsider_join(&quiet, &sim, NULL);
	const usec start = world_now(sim.world);
	for (int i = 0; i < 20000; i++) {
		ask_as(&loud, &loud.at, KRPC_FIND_NODE, hash);
		if (i % 200 == 0)
			sim_run(&sim, 50 * USEC_PER_MS);
		if (i % 4000 == 0) {
			struct krpc find = { .method = KRPC_FIND_NODE, .target = hash };
			cr_assert(outsider_ask(&quiet, VICTIM, &find, &reply), "after %d", i);
		}
	}
	const uint64_t seconds = usec_since(start, world_now(sim.world)) / USEC_PER_SEC;
	cr_assert_leq(loud.got, GUARD_IP_BURST + (seconds + 1) * GUARD_IP_PACKETS, "%llu answers",
	              (unsigned long long)loud.got);
	/* Never banned: a source can be forged. */
	sim_run(&sim, 20 * USEC_PER_SEC);
	struct krpc find = { .method = KRPC_FIND_NODE, .target = hash };
	cr_assert(outsider_ask(&loud, VICTIM, &find, &reply));
}

/* ---- junk ---- */

/* Thousands of hashes from one place, then an honest announce. */
Test(dht_attack, junk_from_one_place_does_not_lock_the_store)
{
	struct outsider o, honest;
	uint8_t hash[DHT_ID_SIZE];
	outsider_join(&o, &sim, NULL);
	outsider_join(&honest, &sim, NULL);
	for (uint32_t i = 0; i < 3000; i++) {
		sim_hash(10000 + i, hash);
		(void)outsider_announce(&o, VICTIM, hash, 6881);
		sim_run(&sim, 100 * USEC_PER_MS);
	}
	const struct dht_stats stats = sim_stats(&sim, VICTIM);
	cr_assert_leq(stats.stored_hashes, STORE_SUBNET_PEERS_MAX, "%llu junk hashes",
	              (unsigned long long)stats.stored_hashes);
	sim_hash(8, hash);
	cr_assert(outsider_announce(&honest, VICTIM, hash, 6881));
	cr_assert_eq(stored(hash), 1);
}

/* D7: from everywhere, into a small store: bounded, and what is near our id
 * still gets in. */
Test(dht_attack, junk_from_everywhere_stays_within_the_budget)
{
	enum { PLACES = 100, BUDGET = 128 << 10 };
	static struct outsider o[PLACES];
	const struct dht_net_node small = { .dht.store_bytes_max = BUDGET };
	uint8_t hash[DHT_ID_SIZE];
	const uint32_t who = dht_net_add(sim.net, &small);
	dht_net_router(sim.net, who, 0);
	sim_run(&sim, USEC_PER_MIN);
	for (uint32_t i = 0; i < PLACES; i++)
		outsider_join(&o[i], &sim, NULL);
	for (uint32_t i = 0; i < 6000; i++) {
		sim_hash(20000 + i, hash);
		(void)outsider_announce(&o[i % PLACES], who, hash, 6881);
	}
	const struct dht_stats stats = sim_stats(&sim, who);
	cr_assert_gt(stats.stored_hashes, 100);
	cr_assert_leq(stats.stored_bytes, BUDGET, "%llu bytes", (unsigned long long)stats.stored_bytes);
	memcpy(hash, dht_node_id(dht_net_node(sim.net, who), ENDPOINT_V4), DHT_ID_SIZE);
	hash[DHT_ID_SIZE - 1] ^= 1;
	cr_assert(outsider_announce(&o[0], who, hash, 6881));
	cr_assert_eq(dht_node_stored_peers(dht_net_node(sim.net, who), hash), 1);
}
