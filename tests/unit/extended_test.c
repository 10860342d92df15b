/* tests/unit/extended_test.c: BEP 10, 9, 11, 21 and 54, from their texts. */
#include "proto/extended.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "proto/bencode.h"

static struct extended_handshake parsed(const char *text)
{
	struct extended_handshake h;

	memset(&h, 0xa5, sizeof(h));
	cr_assert(extended_handshake_read(&h, bytes_of_text(text)), "%s", text);
	return h;
}

Test(extended, handshake_of_bep_10)
{
	struct extended_handshake h = parsed(
	    "d1:md11:LT_metadatai1e6:ut_PEXi2e6:ut_pexi2ee1:pi6881e1:v13:Tester 1.2.34e");

	cr_assert(h.has_m);
	cr_assert_eq(h.ids[EXT_PEX], 2);
	cr_assert_eq(h.ids[EXT_METADATA], 0);
	cr_assert_eq(h.named, 1u << EXT_PEX);
	cr_assert_eq(h.port, 6881);
	cr_assert_str_eq(h.client, "Tester 1.2.34");
	cr_assert_eq(h.your_ip.family, ENDPOINT_NONE);
}

Test(extended, handshake_of_bep_9_and_21)
{
	struct extended_handshake h =
	    parsed("d1:md11:ut_metadatai3ee13:metadata_sizei31235e11:upload_onlyi1ee");

	cr_assert_eq(h.ids[EXT_METADATA], 3);
	cr_assert_eq(h.metadata_size, 31235);
	cr_assert(h.upload_only);
}

Test(extended, all_keys)
{
	static const char text[] =
	    "d1:ei1e4:ipv44:\x01\x02\x03\x04"
	    "4:ipv616:\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09"
	    "1:md11:lt_donthavei7e11:upload_onlyi255e11:ut_metadatai2e6:ut_pexi1ee"
	    "1:pi51413e4:reqqi500e6:yourip4:\x0a\0\0\x07"
	    "e";
	const struct endpoint v4 = endpoint_v4(1, 2, 3, 4, 51413),
			      me = endpoint_v4(10, 0, 0, 7, 0);
	struct extended_handshake h;

	cr_assert(extended_handshake_read(&h, bytes_of(text, sizeof(text) - 1)));
	cr_assert(h.encryption);
	cr_assert(endpoint_equal(&h.ipv4, &v4));
	cr_assert_eq(h.ipv6.family, ENDPOINT_V6);
	cr_assert_eq(h.ipv6.port, 51413);
	cr_assert(endpoint_equal(&h.your_ip, &me));
	cr_assert_eq(h.ids[EXT_DONTHAVE], 7);
	cr_assert_eq(h.ids[EXT_UPLOAD_ONLY], 255);
	cr_assert_eq(h.reqq, 500);
	cr_assert_not(h.upload_only);
}

Test(extended, absurd_values_count_as_absent)
{
	struct extended_handshake h =
	    parsed("d1:ei0e4:ipv43:abc4:ipv64:abcd1:md11:lt_donthavei-1e11:upload_only1:"
		   "x11:ut_metadatai256ee"
		   "13:metadata_sizei1099511627776e1:pi65536e4:reqqi-5e11:upload_only1:11:"
		   "vi7e6:yourip5:abcdee");

	cr_assert(h.has_m);
	cr_assert_eq(h.named, 0);
	cr_assert_eq(h.ids[EXT_DONTHAVE] | h.ids[EXT_UPLOAD_ONLY] | h.ids[EXT_METADATA], 0);
	cr_assert_eq(h.metadata_size, 0);
	cr_assert_eq(h.port, 0);
	cr_assert_eq(h.reqq, 0);
	cr_assert_not(h.upload_only || h.encryption);
	cr_assert_str_eq(h.client, "");
	cr_assert_eq(h.ipv4.family | h.ipv6.family | h.your_ip.family, ENDPOINT_NONE);
}

Test(extended, not_a_dictionary)
{
	static const char *const texts[] = {"",	    "i1e",     "le", "d",
					    "d1:m", "d1:mi1e", "x",  "d1:mde"};
	struct extended_handshake h;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_assert_not(extended_handshake_read(&h, bytes_of_text(texts[i])), "%s",
			      texts[i]);
	cr_assert(extended_handshake_read(&h, bytes_of_text("d1:mi1ee")));
	cr_assert_not(h.has_m);
	cr_assert(extended_handshake_read(&h, bytes_of_text("de")));
}

Test(extended, bytes_behind_the_dictionary_are_let_pass)
{
	cr_assert_eq(parsed("d1:pi99eexyz").port, 99);
}

/* More tokens than the budget: refused, not half read. */
Test(extended, token_budget)
{
	static char text[8 << 10];
	struct extended_handshake h;
	size_t i, used = 0;

	text[used++] = 'l';
	for (i = 0; i < 2000; i++) {
		text[used++] = 'l';
		text[used++] = 'e';
	}
	text[used++] = 'e';
	cr_assert_not(extended_handshake_read(&h, bytes_of(text, used)));
}

Test(extended, m_adds_to_what_was_said_before)
{
	uint8_t ids[EXT_KINDS] = {0};
	struct extended_handshake h = parsed("d1:md11:ut_metadatai3e6:ut_pexi1eee");

	extended_ids_update(ids, &h);
	cr_assert(ids[EXT_METADATA] == 3 && ids[EXT_PEX] == 1);
	h = parsed("d1:pi6881ee");
	extended_ids_update(ids, &h);
	cr_assert(ids[EXT_METADATA] == 3 && ids[EXT_PEX] == 1);
	h = parsed("d1:md11:ut_metadatai0eee"); /* BEP 10: switched off, the rest stays */
	extended_ids_update(ids, &h);
	cr_assert(ids[EXT_METADATA] == 0 && ids[EXT_PEX] == 1);
}

static const char *client_of(const char *name)
{
	static struct extended_handshake h;
	char text[400];

	cr_assert_lt(strlen(name), 350);
	snprintf(text, sizeof(text), "d1:v%zu:%se", strlen(name), name);
	h = parsed(text);
	return h.client;
}

Test(extended, client_name_is_printable)
{
	cr_assert_str_eq(client_of("a\x01"
				   "b\x1b[2J\x7f"),
			 "a?b?[2J?");
	/* well-formed UTF-8 stays; broken, overlong and text-turning does not */
	cr_assert_str_eq(client_of("\xc2\xb5Torrent"), "\xc2\xb5Torrent");
	cr_assert_str_eq(client_of("\xf0\x9f\x90\x9f"), "\xf0\x9f\x90\x9f");
	cr_assert_str_eq(client_of("\xc0\xaf"), "??");
	cr_assert_str_eq(client_of("\xe0\x80\xaf"), "???");
	cr_assert_str_eq(client_of("\xed\xa0\x80"), "???");
	cr_assert_str_eq(client_of("\xf5\x80\x80\x80"), "????");
	cr_assert_str_eq(client_of("a\xe2"), "a?");
	cr_assert_str_eq(client_of("\xc2\x9b"), "?");
	cr_assert_str_eq(client_of("\xe2\x80\xae"), "?");
}

Test(extended, client_name_is_cut_between_characters)
{
	char name[301];

	memset(name, 'x', 300);
	name[300] = '\0';
	cr_assert_eq(strlen(client_of(name)), EXT_CLIENT_MAX - 1);
	memcpy(name + EXT_CLIENT_MAX - 2, "\xc2\xb5", 2);
	cr_assert_eq(strlen(client_of(name)), EXT_CLIENT_MAX - 2);
}

static struct bytes canonical(const struct writer *w)
{
	static struct bencode_token tokens[64];
	struct bencode b;

	cr_assert_not(w->failed);
	cr_assert(bencode_parse(&b, writer_bytes(w), tokens, 64,
				BENCODE_STRICT | BENCODE_TRAILING),
		  "%s", b.error);
	return bytes_of(w->data, tokens[0].end);
}

Test(extended, handshake_round_trip)
{
	struct extended_handshake back,
	    h = {
		.ids = {0, EXT_METADATA, EXT_PEX, EXT_DONTHAVE, EXT_UPLOAD_ONLY},
		.metadata_size = 1 << 20,
		.reqq = 2048,
		.port = 51413,
		.upload_only = true,
		.encryption = true,
		.client = "shoal 0.1",
		.your_ip = endpoint_v4(192, 0, 2, 9, 0),
		.ipv4 = endpoint_v4(10, 1, 2, 3, 51413),
		.ipv6 = endpoint_from_address(
		    bytes_of("\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16), 51413),
	    };
	uint8_t buffer[EXT_HANDSHAKE_MAX];
	struct writer w;

	writer_init(&w, buffer, sizeof(buffer));
	extended_handshake_write(&w, &h);
	cr_assert(extended_handshake_read(&back, canonical(&w)));
	cr_assert_arr_eq(back.ids, h.ids, EXT_KINDS);
	cr_assert_eq(back.metadata_size, h.metadata_size);
	cr_assert_eq(back.reqq, h.reqq);
	cr_assert_eq(back.port, h.port);
	cr_assert(back.upload_only && back.encryption && back.has_m);
	cr_assert_str_eq(back.client, h.client);
	cr_assert(endpoint_equal(&back.your_ip, &h.your_ip));
	cr_assert(endpoint_equal(&back.ipv4, &h.ipv4));
	cr_assert(endpoint_equal(&back.ipv6, &h.ipv6));
}

Test(extended, smallest_handshake)
{
	const struct extended_handshake none = {.has_m = true},
					off = {.named = 1u << EXT_PEX};
	uint8_t buffer[64];
	struct writer w;

	writer_init(&w, buffer, sizeof(buffer));
	extended_handshake_write(&w, &none);
	cr_assert(bytes_equal_text(canonical(&w), "d1:mdee"));
	writer_init(&w, buffer, sizeof(buffer));
	extended_handshake_write(&w, &off);
	cr_assert(bytes_equal_text(canonical(&w), "d1:md6:ut_pexi0eee"));
}

/* The examples of BEP 9. */
Test(extended, metadata_request_and_reject)
{
	struct metadata_message m;

	cr_assert(metadata_message_read(&m, bytes_of_text("d8:msg_typei0e5:piecei0ee")));
	cr_assert(m.kind == METADATA_REQUEST && m.piece == 0 && m.data.size == 0);
	cr_assert(metadata_message_read(&m, bytes_of_text("d8:msg_typei2e5:piecei12ee")));
	cr_assert(m.kind == METADATA_REJECT && m.piece == 12);
}

Test(extended, metadata_data_follows_the_dictionary)
{
	const char *text = "d8:msg_typei1e5:piecei0e10:total_sizei34256eexxxxxxxx";
	struct metadata_message m;

	cr_assert(metadata_message_read(&m, bytes_of_text(text)));
	cr_assert_eq(m.kind, METADATA_DATA);
	cr_assert_eq(m.total, 34256);
	cr_assert(bytes_equal_text(m.data, "xxxxxxxx"));
	cr_assert_eq(m.data.data, (const uint8_t *)text + strlen(text) - 8);
}

Test(extended, metadata_unknown_kind_is_reported)
{
	struct metadata_message m;

	cr_assert(metadata_message_read(&m, bytes_of_text("d8:msg_typei7ee")));
	cr_assert_eq(m.kind, 7);
	cr_assert(metadata_message_read(&m, bytes_of_text("d8:msg_typei-1e5:piecei0ee")));
	cr_assert_eq(m.kind, -1);
}

Test(extended, metadata_malformed)
{
	static const char *const texts[] = {
	    "",
	    "le",
	    "de",
	    "d8:msg_typei0ee",
	    "d8:msg_type1:05:piecei0ee",
	    "d8:msg_typei0e5:piecei-1ee",
	    "d8:msg_typei0e5:piecei4294967296ee",
	    "d8:msg_typei1e5:piecei0e10:total_sizei9ee",
	    "d8:msg_typei1e5:piecei0e10:total_sizei0eex",
	    "d8:msg_typei1e5:piecei0e10:total_sizei-4eex",
	    "d8:msg_typei1e5:piecei0e10:total_sizei4294967296eex",
	};
	struct metadata_message m;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_assert_not(metadata_message_read(&m, bytes_of_text(texts[i])), "%s",
			      texts[i]);
}

Test(extended, metadata_piece_is_16_kib_at_most)
{
	static uint8_t data[EXT_METADATA_PIECE + 1], buffer[EXT_PAYLOAD_MAX];
	struct metadata_message back,
	    m = {METADATA_DATA, 2, 99999, {data, EXT_METADATA_PIECE}};
	struct writer w;

	memset(data, 'i', sizeof(data));
	writer_init(&w, buffer, sizeof(buffer));
	metadata_message_write(&w, &m);
	cr_assert_lt(canonical(&w).size, 64);
	cr_assert(metadata_message_read(&back, writer_bytes(&w)));
	cr_assert(back.piece == 2 && back.total == 99999 && bytes_equal(back.data, m.data));

	m.data.size++;
	writer_init(&w, buffer, sizeof(buffer));
	metadata_message_write(&w, &m);
	cr_assert_not(w.failed);
	cr_assert_not(metadata_message_read(&back, writer_bytes(&w)));
}

Test(extended, metadata_request_is_written_as_in_bep_9)
{
	const struct metadata_message m = {.kind = METADATA_REQUEST, .piece = 3};
	uint8_t buffer[64];
	struct writer w;

	writer_init(&w, buffer, sizeof(buffer));
	metadata_message_write(&w, &m);
	cr_assert(bytes_equal_text(writer_bytes(&w), "d8:msg_typei0e5:piecei3ee"));
}

static struct pex_message pex, pex_back;

Test(extended, pex_reads_both_families)
{
	static const char text[] =
	    "d5:added12:\x01\x02\x03\x04\x1a\xe1\x05\x06\x07\x08\x00\x50"
	    "7:added.f1:\x12"
	    "6:added618:\x20\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x1a\xe1"
	    "8:added6.f2:\x04\xff"
	    "7:dropped6:\x09\x09\x09\x09\0\1"
	    "8:dropped60:e";
	const struct endpoint first = endpoint_v4(1, 2, 3, 4, 6881);

	cr_assert(pex_message_read(&pex, bytes_of(text, sizeof(text) - 1)));
	cr_assert_eq(pex.added_count, 3);
	cr_assert(endpoint_equal(&pex.added[0].endpoint, &first));
	cr_assert_eq(pex.added[0].flags, PEX_SEED | PEX_REACHABLE);
	cr_assert_eq(pex.added[1].endpoint.port, 80);
	cr_assert_eq(pex.added[1].flags, 0); /* flags shorter than the list */
	cr_assert_eq(pex.added[2].endpoint.family, ENDPOINT_V6);
	cr_assert_eq(pex.added[2].flags, PEX_UTP); /* and longer */
	cr_assert_eq(pex.dropped_count, 1);
}

Test(extended, pex_malformed)
{
	static const char *const texts[] = {
	    "",
	    "le",
	    "i1e",
	    "d5:added5:abcdee",
	    "d6:added66:abcdefe",
	    "d7:dropped7:abcdefge",
	    "d8:dropped61:ae",
	    "d5:added6:abc",
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_assert_not(pex_message_read(&pex, bytes_of_text(texts[i])), "%s",
			      texts[i]);
	cr_assert(pex_message_read(&pex, bytes_of_text("de")));
	cr_assert(pex_message_read(&pex, bytes_of_text("d5:addedi1ee")));
	cr_assert_eq(pex.added_count + pex.dropped_count, 0);
}

/* A flood: the limit is filled, the rest dropped. */
Test(extended, pex_read_limit)
{
	static uint8_t buffer[64 << 10], list[4096 * ENDPOINT_COMPACT_V4];
	struct writer w;

	memset(list, 7, sizeof(list));
	writer_init(&w, buffer, sizeof(buffer));
	bencode_begin_dict(&w);
	bencode_put_key(&w, "added");
	bencode_put_string(&w, bytes_of(list, sizeof(list)));
	bencode_put_key(&w, "dropped");
	bencode_put_string(&w, bytes_of(list, sizeof(list)));
	bencode_end(&w);
	cr_assert(pex_message_read(&pex, writer_bytes(&w)));
	cr_assert_eq(pex.added_count, EXT_PEX_READ_MAX);
	cr_assert_eq(pex.dropped_count, EXT_PEX_READ_MAX);
}

Test(extended, pex_round_trip_at_the_limit)
{
	static uint8_t buffer[16 << 10];
	struct writer w;
	uint32_t i, v4 = 0, v6 = 0;

	pex.added_count = pex.dropped_count = EXT_PEX_READ_MAX;
	for (i = 0; i < EXT_PEX_READ_MAX; i++) {
		uint8_t address[16] = {0x20, 0x01, (uint8_t)i};

		pex.added[i].flags = (uint8_t)i;
		pex.added[i].endpoint =
		    i % 3 ? endpoint_v4(9, 9, 9, (uint8_t)i, 1000)
			  : endpoint_from_address(bytes_of(address, 16), 9);
		pex.dropped[i] = pex.added[i].endpoint;
	}
	writer_init(&w, buffer, sizeof(buffer));
	pex_message_write(&w, &pex);
	cr_assert(pex_message_read(&pex_back, canonical(&w)));
	cr_assert_eq(pex_back.added_count, EXT_PEX_READ_MAX);
	cr_assert_eq(pex_back.dropped_count, EXT_PEX_READ_MAX);
	for (i = 0; i < EXT_PEX_READ_MAX; i++) { /* v4 first, then v6, each in order */
		uint32_t to =
		    i % 3 ? v4++ : EXT_PEX_READ_MAX - (EXT_PEX_READ_MAX + 2) / 3 + v6++;

		cr_assert(
		    endpoint_equal(&pex.added[i].endpoint, &pex_back.added[to].endpoint));
		cr_assert_eq(pex.added[i].flags, pex_back.added[to].flags);
		cr_assert(endpoint_equal(&pex.dropped[i], &pex_back.dropped[to]));
	}
}

Test(extended, empty_pex_still_has_a_list)
{
	uint8_t buffer[64];
	struct writer w;

	memset(&pex, 0, sizeof(pex));
	writer_init(&w, buffer, sizeof(buffer));
	pex_message_write(&w, &pex);
	cr_assert(bytes_equal_text(writer_bytes(&w), "d7:dropped0:e"));
}

Test(extended, donthave_is_four_bytes)
{
	uint32_t piece;

	cr_assert(donthave_message_read(&piece, bytes_of("\0\1\0\2", 4)));
	cr_assert_eq(piece, 0x10002);
	cr_assert_not(donthave_message_read(&piece, bytes_of("\0\1\0", 3)));
	cr_assert_not(donthave_message_read(&piece, bytes_of("\0\1\0\2\3", 5)));
}

Test(extended, upload_only_is_one_byte)
{
	bool upload_only;

	cr_assert(upload_only_message_read(&upload_only, bytes_of("\1", 1)));
	cr_assert(upload_only);
	cr_assert(upload_only_message_read(&upload_only, bytes_of("\0", 1)));
	cr_assert_not(upload_only);
	cr_assert_not(upload_only_message_read(&upload_only, bytes_of(NULL, 0)));
}
