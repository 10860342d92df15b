/* KRPC messages: the BEPs' own examples in both directions, and hostile shapes. */
#include "proto/krpc.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct krpc message;
static const char *why;

static bool decode(const char *text)
{
	return krpc_decode(&message, bytes_of_text(text), &why);
}

static struct bytes encode(const struct krpc *m, uint8_t *out, size_t size)
{
	struct writer w;
	writer_init(&w, out, size);
	cr_assert(krpc_encode(m, &w));
	return writer_bytes(&w);
}

static const uint8_t *const id_a = (const uint8_t *)"abcdefghij0123456789";
static const uint8_t *const id_m = (const uint8_t *)"mnopqrstuvwxyz123456";

Test(krpc, ping_query_of_bep5)
{
	cr_assert(decode("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"));
	cr_assert_eq(message.kind, KRPC_QUERY);
	cr_assert_eq(message.method, KRPC_PING);
	cr_assert(memcmp(message.id, id_a, 20) == 0);
	cr_assert(bytes_equal_text(message.transaction, "aa"));
	cr_assert_not(message.read_only);
}

Test(krpc, ping_reply_of_bep5)
{
	cr_assert(decode("d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re"));
	cr_assert_eq(message.kind, KRPC_REPLY);
	cr_assert(memcmp(message.id, id_m, 20) == 0);
	cr_assert_eq(message.total, -1);
	cr_assert_eq(message.interval, -1);
}

Test(krpc, error_of_bep5)
{
	cr_assert(decode("d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee"));
	cr_assert_eq(message.kind, KRPC_ERROR);
	cr_assert_eq(message.error_code, 201);
	cr_assert(bytes_equal_text(message.error_text, "A Generic Error Ocurred"));
}

Test(krpc, find_node_query_of_bep5)
{
	cr_assert(decode("d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e"
	                 "1:q9:find_node1:t2:aa1:y1:qe"));
	cr_assert_eq(message.method, KRPC_FIND_NODE);
	cr_assert(memcmp(message.target, id_m, 20) == 0);
	cr_assert_eq(message.want, 0);
}

/* BEP 5 abbreviates the nodes of its example to 9 bytes: that is no whole entry. */
Test(krpc, find_node_reply_with_broken_nodes_has_none)
{
	cr_assert(decode("d1:rd2:id20:0123456789abcdefghij5:nodes9:def456...e1:t2:aa1:y1:re"));
	cr_assert_not(message.has_nodes);
	cr_assert_eq(message.nodes.size, 0);
}

Test(krpc, get_peers_of_bep5)
{
	cr_assert(decode("d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e"
	                 "1:q9:get_peers1:t2:aa1:y1:qe"));
	cr_assert_eq(message.method, KRPC_GET_PEERS);
	cr_assert(memcmp(message.target, id_m, 20) == 0);
}

Test(krpc, get_peers_reply_with_values_of_bep5)
{
	cr_assert(decode("d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:"
	                 "idhtnmee1:t2:aa1:y1:re"));
	cr_assert(bytes_equal_text(message.token, "aoeusnth"));
	struct bytes values = message.values;
	struct endpoint e;
	cr_assert(krpc_next_peer(&values, &e));
	const struct endpoint first = endpoint_v4('a', 'x', 'j', 'e', '.' << 8 | 'u');
	cr_assert(endpoint_equal(&e, &first));
	cr_assert(krpc_next_peer(&values, &e));
	const struct endpoint second = endpoint_v4('i', 'd', 'h', 't', 'n' << 8 | 'm');
	cr_assert(endpoint_equal(&e, &second));
	cr_assert_not(krpc_next_peer(&values, &e));
}

Test(krpc, values_of_other_shapes_are_skipped)
{
	cr_assert(decode("d1:rd2:id20:abcdefghij01234567896:valuesl3:abc6:axje.u0:e"
	                 "e1:t2:aa1:y1:re"));
	struct bytes values = message.values;
	struct endpoint e;
	cr_assert(krpc_next_peer(&values, &e));
	cr_assert_not(krpc_next_peer(&values, &e));
	cr_assert(decode("d1:rd2:id20:abcdefghij01234567896:valuesli7e6:axje.uee1:t2:aa1:y1:re"));
	values = message.values;
	cr_assert_not(krpc_next_peer(&values, &e));
}

Test(krpc, announce_peer_of_bep5)
{
	const char text[] = "d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:"
	                    "mnopqrstuvwxyz1234564:porti6881e5:token8:aoeusnthe1:q13:announce_peer"
	                    "1:t2:aa1:y1:qe";
	cr_assert(decode(text));
	cr_assert_eq(message.method, KRPC_ANNOUNCE_PEER);
	cr_assert(message.implied_port);
	cr_assert(message.has_port);
	cr_assert_eq(message.port, 6881);
	cr_assert(bytes_equal_text(message.token, "aoeusnth"));
	cr_assert_not(message.seed);
}

Test(krpc, port_out_of_range_is_missing)
{
	cr_assert(decode("d1:ad2:id20:abcdefghij01234567894:porti65536ee1:q13:announce_peer"
	                 "1:t2:aa1:y1:qe"));
	cr_assert_not(message.has_port);
	cr_assert(decode("d1:ad2:id20:abcdefghij01234567894:porti-1ee1:q13:announce_peer"
	                 "1:t2:aa1:y1:qe"));
	cr_assert_not(message.has_port);
}

Test(krpc, want_of_bep32)
{
	cr_assert(decode("d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456"
	                 "4:wantl2:n42:n62:n9i3eee1:q9:find_node1:t2:aa1:y1:qe"));
	cr_assert_eq(message.want, KRPC_WANT_V4 | KRPC_WANT_V6);
}

Test(krpc, read_only_of_bep43)
{
	cr_assert(decode("d1:ad2:id20:abcdefghij0123456789e1:q4:ping2:roi1e1:t2:aa1:y1:qe"));
	cr_assert(message.read_only);
}

Test(krpc, nested_string_does_not_spoof_keys)
{
	/* A whole reply inside the token of a query. */
	cr_assert(decode("d1:ad2:id20:abcdefghij01234567895:token27:1:y1:r2:id20:zzzzzzzzzzzzzze"
	                 "1:q4:ping1:t2:aa1:y1:qe"));
	cr_assert_eq(message.kind, KRPC_QUERY);
	cr_assert(memcmp(message.id, id_a, 20) == 0);
}

Test(krpc, put_of_bep44)
{
	char text[512];
	const int size = snprintf(text, sizeof(text),
	                          "d1:ad3:casi4e2:id20:abcdefghij01234567891:k32:%032d4:salt6:foobar"
	                          "3:seqi5e3:sig64:%064d5:token8:aoeusnth1:v12:Hello World!e1:q3:put"
	                          "1:t2:aa1:y1:qe", 0, 0);
	cr_assert(krpc_decode(&message, bytes_of(text, (size_t)size), &why), "%s", why);
	cr_assert_eq(message.method, KRPC_PUT);
	cr_assert(message.has_cas && message.cas == 4);
	cr_assert(message.has_seq && message.seq == 5);
	cr_assert(bytes_equal_text(message.value, "12:Hello World!"));
	cr_assert(bytes_equal_text(message.salt, "foobar"));
	cr_assert_not_null(message.key);
	cr_assert_not_null(message.signature);
}

Test(krpc, samples_of_bep51)
{
	cr_assert(decode("d1:rd2:id20:abcdefghij01234567898:intervali60e5:nodes0:3:numi2e7:samples40:"
	                 "aaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbe1:t2:aa1:y1:re"));
	cr_assert(message.has_samples && message.samples.size == 40);
	cr_assert_eq(message.interval, 60);
	cr_assert_eq(message.total, 2);
}

Test(krpc, refuses_what_nobody_could_answer)
{
	static const char *const bad[] = {
		"", "d", "de", "le", "i1e", "4:spam", "d1:y1:qe", "d1:t2:aae",
		"d1:t2:aa1:y1:qe",                                   /* no method */
		"d1:ade1:q4:ping1:t2:aa1:y1:qe",                     /* no id */
		"d1:ad2:id19:abcdefghij012345678e1:q4:ping1:t2:aa1:y1:qe",
		"d1:ad2:id20:abcdefghij0123456789e1:q4:pingi1e1:y1:qe",
		"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:ti7e1:y1:qe",
		"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:xe",
		"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y2:qqe",
		("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t33:000000000000000000000000000000000"
		 "1:y1:qe"),
		"d1:rle1:t2:aa1:y1:re", "d1:rde1:t2:aa1:y1:re",
		"d1:e3:abc1:t2:aa1:y1:ee", "d1:ele1:t2:aa1:y1:ee",
		"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qeX",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why = NULL;
		cr_assert_not(decode(bad[i]), "%s", bad[i]);
		cr_assert_not_null(why);
	}
}

Test(krpc, every_truncation_is_refused)
{
	const char text[] = "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e"
	                    "1:q9:get_peers1:t2:aa1:y1:qe";
	for (size_t size = 0; size + 1 < sizeof(text) - 1; size++)
		cr_assert_not(krpc_decode(&message, bytes_of(text, size), &why));
}

Test(krpc, unknown_method_decodes)
{
	cr_assert(decode("d1:ad2:id20:abcdefghij0123456789e1:q4:vote1:t2:aa1:y1:qe"));
	cr_assert_eq(message.method, KRPC_UNKNOWN);
}

Test(krpc, depth_and_tokens_are_bounded)
{
	char deep[1500];
	memset(deep, 'l', sizeof(deep));
	memcpy(deep, "d1:a", 4);
	cr_assert_not(krpc_decode(&message, bytes_of(deep, sizeof(deep)), &why));
	char many[3000] = "d1:al";
	memset(many + 5, '0', sizeof(many) - 5);
	for (size_t i = 5; i + 1 < sizeof(many); i += 2)
		many[i + 1] = ':';
	cr_assert_not(krpc_decode(&message, bytes_of(many, sizeof(many)), &why));
}

Test(krpc, writes_the_ping_of_bep5)
{
	uint8_t out[200];
	const struct krpc m = { .kind = KRPC_QUERY, .method = KRPC_PING, .id = id_a,
		                .transaction = bytes_of_text("aa") };
	const char expected[] = "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:v4:SH\x00\x01"
	                        "1:y1:qe";
	cr_assert(bytes_equal(encode(&m, out, sizeof(out)), bytes_of(expected, sizeof(expected) - 1)));
}

Test(krpc, writes_a_full_reply_in_sorted_order)
{
	uint8_t out[1024], bloom[256] = { 0 }, nodes[26] = { 0 }, nodes6[38] = { 0 };
	const struct endpoint peers[2] = { endpoint_v4(1, 2, 3, 4, 5), endpoint_v4(6, 7, 8, 9, 10) };
	const struct krpc m = {
		.kind = KRPC_REPLY, .id = id_a, .transaction = bytes_of_text("aa"),
		.ip = bytes_of("\x01\x02\x03\x04\x00\x05", 6), .bloom_peers = bloom,
		.bloom_seeds = bloom, .nodes = bytes_of(nodes, 26), .nodes6 = bytes_of(nodes6, 38),
		.has_nodes = true, .has_nodes6 = true, .interval = -1, .total = -1,
		.token = bytes_of_text("tok"), .peers = peers, .peer_count = 2,
	};
	const struct bytes wire = encode(&m, out, sizeof(out));
	cr_assert(krpc_decode(&message, wire, &why), "%s", why);
	cr_assert_eq(message.nodes.size, 26);
	cr_assert_eq(message.nodes6.size, 38);
	cr_assert_eq(message.ip.size, 6);
	cr_assert_not_null(message.bloom_peers);
	struct bytes values = message.values;
	struct endpoint e;
	for (int i = 0; i < 2; i++) {
		cr_assert(krpc_next_peer(&values, &e));
		cr_assert(endpoint_equal(&e, &peers[i]));
	}
	const uint8_t *id;
	struct bytes rest = message.nodes;
	cr_assert(krpc_next_node(&rest, ENDPOINT_V4, &id, &e));
	cr_assert_not(krpc_next_node(&rest, ENDPOINT_V4, &id, &e));
}

Test(krpc, encoding_into_too_little_room_fails)
{
	uint8_t out[200];
	const struct krpc m = { .kind = KRPC_QUERY, .method = KRPC_PING, .id = id_a,
		                .transaction = bytes_of_text("aa") };
	for (size_t size = 0; size < 60; size++) {
		struct writer w;
		writer_init(&w, out, size);
		cr_assert_not(krpc_encode(&m, &w));
	}
}

Test(krpc, error_round_trip)
{
	uint8_t out[200];
	const struct krpc m = { .kind = KRPC_ERROR, .transaction = bytes_of_text("aa"),
		                .error_code = KRPC_SEQ_TOO_OLD, .error_text = bytes_of_text("old") };
	cr_assert(krpc_decode(&message, encode(&m, out, sizeof(out)), &why));
	cr_assert_eq(message.error_code, 302);
	cr_assert(bytes_equal_text(message.error_text, "old"));
}

Test(krpc, method_names)
{
	cr_assert_str_eq(krpc_method_name(KRPC_SAMPLE_INFOHASHES), "sample_infohashes");
	cr_assert_str_eq(krpc_method_name(KRPC_UNKNOWN), "?");
}
