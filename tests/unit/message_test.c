/* tests/unit/message_test.c: the peer wire against BEP 3, 5, 6 and 10. */
#include "proto/message.h"

#include <criterion/criterion.h>

enum { SIZE_MAX_TAKEN = 1 << 20 };

static const char *refusal;

static enum message_status read_text(struct message *m, const void *data, size_t size,
				     size_t *used)
{
	refusal = NULL;
	memset(m, 0xa5, sizeof(*m));
	return message_read(m, bytes_of(data, size), SIZE_MAX_TAKEN, used, &refusal);
}

/* A whole message, of which every shorter part asks for more. */
static struct message whole(const void *data, size_t size)
{
	struct message m;
	size_t used, cut;

	for (cut = 0; cut < size; cut++) {
		cr_assert_eq(read_text(&m, data, cut, &used), MESSAGE_MORE);
		cr_assert_gt(used, cut);
		cr_assert_eq(used, cut < 4 ? 4 : cut < 5 ? 5 : size);
	}
	cr_assert_eq(read_text(&m, data, size, &used), MESSAGE_OK);
	cr_assert_eq(used, size);
	return m;
}

static void refused(const void *data, size_t size)
{
	struct message m;
	size_t used;

	cr_assert_eq(read_text(&m, data, size, &used), MESSAGE_BAD);
	cr_assert_not_null(refusal);
}

Test(message, handshake_is_the_bytes_of_bep_3)
{
	const struct handshake h = {
	    .info_hash = "AAAAAAAAAAAAAAAAAAA",
	    .peer_id = "-SH0001-abcdefghijk",
	    .extended = true,
	    .fast = true,
	    .dht = true,
	};
	struct handshake back;
	uint8_t wire[HANDSHAKE_SIZE];

	handshake_write(&h, wire);
	cr_assert_arr_eq(wire,
			 "\x13"
			 "BitTorrent protocol"
			 "\0\0\0\0\0\x10\0\x05"
			 "AAAAAAAAAAAAAAAAAAA\0-SH0001-abcdefghijk\0",
			 HANDSHAKE_SIZE);
	cr_assert(handshake_read(&back, bytes_of(wire, sizeof(wire))));
	cr_assert_arr_eq(back.info_hash, h.info_hash, SHA1_SIZE);
	cr_assert_arr_eq(back.peer_id, h.peer_id, PEER_ID_SIZE);
	cr_assert(back.extended && back.fast && back.dht);
}

Test(message, handshake_flags_stand_alone)
{
	uint8_t wire[HANDSHAKE_SIZE];
	struct handshake back;
	int i;

	for (i = 0; i < 8; i++) {
		const struct handshake h = {.extended = i & 1, .fast = i & 2, .dht = i & 4};

		handshake_write(&h, wire);
		wire[20] = 0xff; /* reserved bits that mean nothing to us */
		wire[27] |= 0xfa;
		cr_assert(handshake_read(&back, bytes_of(wire, sizeof(wire))));
		cr_assert_eq(back.extended, h.extended);
		cr_assert_eq(back.fast, h.fast);
		cr_assert_eq(back.dht, h.dht);
	}
}

Test(message, handshake_of_another_protocol_is_refused_at_any_byte)
{
	const struct handshake h = {.dht = false};
	uint8_t wire[HANDSHAKE_SIZE];
	struct handshake back;
	size_t i, size;

	handshake_write(&h, wire);
	for (size = 0; size <= HANDSHAKE_SIZE; size++)
		cr_assert(handshake_may_begin(bytes_of(wire, size)));
	for (i = 0; i < HANDSHAKE_NAME; i++) {
		wire[i] ^= 0x20;
		cr_assert_not(handshake_read(&back, bytes_of(wire, sizeof(wire))));
		cr_assert_not(
		    handshake_read_opening(&back, bytes_of(wire, HANDSHAKE_OPENING)));
		cr_assert(handshake_may_begin(bytes_of(wire, i)));
		cr_assert_not(handshake_may_begin(bytes_of(wire, i + 1)));
		wire[i] ^= 0x20;
	}
}

Test(message, opening_tells_the_info_hash_before_the_peer_id)
{
	const struct handshake h = {.info_hash = "BBBBBBBBBBBBBBBBBBB", .fast = true};
	uint8_t wire[HANDSHAKE_SIZE];
	struct handshake back = {.peer_id = "untouched"};

	handshake_write(&h, wire);
	cr_assert(handshake_read_opening(&back, bytes_of(wire, HANDSHAKE_OPENING)));
	cr_assert_arr_eq(back.info_hash, h.info_hash, SHA1_SIZE);
	cr_assert(back.fast && !back.dht && !back.extended);
	cr_assert_str_eq((const char *)back.peer_id, "untouched");
}

Test(message, keep_alive_is_four_zeroes)
{
	struct message m;
	size_t used;

	cr_assert_eq(read_text(&m, "\0\0\0\0", 4, &used), MESSAGE_OK);
	cr_assert_eq(m.kind, MSG_KEEP_ALIVE);
	cr_assert_eq(used, 4);
	/* and is not confused by what follows */
	cr_assert_eq(read_text(&m, "\0\0\0\0\7\0\0\0\0", 9, &used), MESSAGE_OK);
	cr_assert_eq(m.kind, MSG_KEEP_ALIVE);
	cr_assert_eq(used, 4);
}

Test(message, bare_messages)
{
	static const enum message_kind kinds[] = {MSG_CHOKE,	  MSG_UNCHOKE,
						  MSG_INTERESTED, MSG_NOT_INTERESTED,
						  MSG_HAVE_ALL,	  MSG_HAVE_NONE};
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const uint8_t good[] = {0, 0, 0, 1, (uint8_t)kinds[i]};
		const uint8_t fat[] = {0, 0, 0, 2, (uint8_t)kinds[i], 0};

		cr_assert_eq(whole(good, sizeof(good)).kind, kinds[i]);
		refused(fat, sizeof(fat));
	}
}

Test(message, piece_numbers)
{
	static const enum message_kind kinds[] = {MSG_HAVE, MSG_SUGGEST, MSG_ALLOWED_FAST};
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		uint8_t wire[] = {0, 0, 0, 5, (uint8_t)kinds[i], 0xde, 0xad, 0xbe, 0xef, 0};
		struct message m = whole(wire, 9);

		cr_assert_eq(m.kind, kinds[i]);
		cr_assert_eq(m.piece, 0xdeadbeef);
		wire[3] = 4;
		refused(wire, 8);
		wire[3] = 6;
		refused(wire, 10);
	}
}

Test(message, blocks)
{
	static const enum message_kind kinds[] = {MSG_REQUEST, MSG_CANCEL, MSG_REJECT};
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		uint8_t wire[18] = {
		    0,	  0, 0,	   13, (uint8_t)kinds[i], 0, 0, 0, 7, 0, 1, 0, 0xff,
		    0xff, 0, 0x40, 0};
		struct message m = whole(wire, 17);

		cr_assert_eq(m.kind, kinds[i]);
		cr_assert_eq(m.block.piece, 7);
		cr_assert_eq(m.block.begin, 0x000100ff);
		cr_assert_eq(m.block.length, 0xff004000);
		wire[3] = 12;
		refused(wire, 16);
		wire[3] = 14;
		refused(wire, 18);
	}
}

Test(message, piece_yields_with_its_header)
{
	uint8_t wire[MESSAGE_PIECE_HEADER + 1] = {0, 0, 0x40, 9, MSG_PIECE, 0,
						  0, 0, 3,    0, 0,	    0x80};
	struct message m = whole(wire, MESSAGE_PIECE_HEADER);
	size_t used;

	cr_assert_eq(m.kind, MSG_PIECE);
	cr_assert_eq(m.block.piece, 3);
	cr_assert_eq(m.block.begin, 0x8000);
	cr_assert_eq(m.block.length, BLOCK_SIZE);
	/* data that came along are the stream's */
	cr_assert_eq(read_text(&m, wire, sizeof(wire), &used), MESSAGE_OK);
	cr_assert_eq(used, MESSAGE_PIECE_HEADER);
}

Test(message, piece_is_bounded_by_the_block_not_by_the_caller)
{
	uint8_t wire[MESSAGE_PIECE_HEADER] = {0, 2, 0, 9, MSG_PIECE};
	struct message m;
	const char *reason = NULL;
	size_t used;

	cr_assert_eq(message_read(&m, bytes_of(wire, sizeof(wire)), 100, &used, &reason),
		     MESSAGE_OK);
	cr_assert_eq(m.block.length, BLOCK_SIZE_MAX);
	wire[3] = 10;
	refused(wire, 5); /* at once, not when all has come */
	memcpy(wire, "\0\0\0\x09", 4);
	cr_assert_eq(whole(wire, sizeof(wire)).block.length, 0);
	wire[3] = 8;
	refused(wire, 5);
}

Test(message, bitfield_is_borrowed)
{
	static const uint8_t wire[] = {0, 0, 0, 3, MSG_BITFIELD, 0xaa, 0x80};
	struct message m = whole(wire, sizeof(wire));

	cr_assert_eq(m.kind, MSG_BITFIELD);
	cr_assert_eq(m.bitfield.data, wire + 5);
	cr_assert_eq(m.bitfield.size, 2);
	cr_assert_eq(whole("\0\0\0\1\5", 5).bitfield.size, 0);
}

Test(message, port)
{
	struct message m = whole("\0\0\0\3\x09\x1a\xe1", 7);

	cr_assert_eq(m.kind, MSG_PORT);
	cr_assert_eq(m.port, 6881);
	refused("\0\0\0\2\x09\x1a", 6);
	refused("\0\0\0\4\x09\x1a\xe1\0", 8);
}

Test(message, extended_is_borrowed)
{
	static const uint8_t wire[] = {0, 0, 0, 4, MSG_EXTENDED, 3, 'd', 'e'};
	struct message m = whole(wire, sizeof(wire));

	cr_assert_eq(m.kind, MSG_EXTENDED);
	cr_assert_eq(m.extended.id, 3);
	cr_assert_eq(m.extended.payload.data, wire + 6);
	cr_assert_eq(m.extended.payload.size, 2);
	cr_assert_eq(whole("\0\0\0\2\x14\0", 6).extended.payload.size, 0);
	refused("\0\0\0\1\x14", 5);
}

Test(message, unknown_ids_are_stepped_over_whole)
{
	int id;

	for (id = 0; id < 256; id++) {
		uint8_t wire[] = {0, 0, 0, 3, (uint8_t)id, 1, 2};
		struct message m;
		size_t used;
		bool known = id <= 9 || (id >= 13 && id <= 17) || id == MSG_EXTENDED;

		if (known) {
			cr_assert_str_neq(message_name((enum message_kind)id), "unknown");
			continue;
		}
		m = whole(wire, sizeof(wire));
		cr_assert_eq(m.kind, MSG_UNKNOWN);
		cr_assert_str_eq(message_name((enum message_kind)id), "unknown");
		cr_assert_eq(read_text(&m, wire, sizeof(wire), &used), MESSAGE_OK);
	}
}

/* The limit is filled, and one more is refused before it arrives. */
Test(message, size_max_bounds_what_has_no_size_of_its_own)
{
	static const uint8_t ids[] = {MSG_BITFIELD, MSG_EXTENDED, 99};
	const uint32_t size_max = 300000;
	struct message m;
	const char *reason;
	size_t i, used;

	for (i = 0; i < sizeof(ids); i++) {
		uint8_t wire[] = {0, 0x04, 0x93, 0xe0, ids[i], 0};

		cr_assert_eq(message_read(&m, bytes_of(wire, 6), size_max, &used, &reason),
			     MESSAGE_MORE);
		cr_assert_eq(used, 4 + size_max);
		wire[3]++;
		cr_assert_eq(message_read(&m, bytes_of(wire, 4), size_max, &used, &reason),
			     MESSAGE_BAD);
		cr_assert_eq(message_read(&m, bytes_of(wire, 5), size_max, &used, &reason),
			     MESSAGE_BAD);
	}
	refused("\xff\xff\xff\xff", 4);
	refused("\xff\xff\xff\xff\x14", 5);
}

Test(message, size_max_may_be_the_largest_number)
{
	struct message m;
	const char *reason;
	size_t used;

	cr_assert_eq(message_read(&m, bytes_of("\xff\xff\xff\xff\x14", 5), UINT32_MAX,
				  &used, &reason),
		     MESSAGE_MORE);
	cr_assert_eq(used, (size_t)4 + UINT32_MAX);
}

static size_t written(const struct writer *w, struct message *m)
{
	struct bytes all = writer_bytes(w);
	size_t used;

	cr_assert_eq(read_text(m, all.data, all.size, &used), MESSAGE_OK);
	cr_assert_eq(used, all.size);
	return used;
}

Test(message, writers_write_what_the_reader_reads)
{
	const struct block b = {1, 2, 3};
	uint8_t buffer[64];
	struct writer w;
	struct message m;

	writer_init(&w, buffer, sizeof(buffer));
	message_write_simple(&w, MSG_KEEP_ALIVE);
	cr_assert_eq(written(&w, &m), 4);
	cr_assert_eq(m.kind, MSG_KEEP_ALIVE);

	writer_init(&w, buffer, sizeof(buffer));
	message_write_simple(&w, MSG_HAVE_NONE);
	cr_assert_eq(written(&w, &m), 5);
	cr_assert_eq(m.kind, MSG_HAVE_NONE);

	writer_init(&w, buffer, sizeof(buffer));
	message_write_have(&w, 77);
	cr_assert_eq(written(&w, &m), MESSAGE_HAVE_SIZE);
	cr_assert(m.kind == MSG_HAVE && m.piece == 77);

	writer_init(&w, buffer, sizeof(buffer));
	message_write_piece_number(&w, MSG_SUGGEST, 78);
	written(&w, &m);
	cr_assert(m.kind == MSG_SUGGEST && m.piece == 78);

	writer_init(&w, buffer, sizeof(buffer));
	message_write_bitfield(&w, bytes_of("\xf0\x10", 2));
	written(&w, &m);
	cr_assert(m.kind == MSG_BITFIELD &&
		  bytes_equal(m.bitfield, bytes_of("\xf0\x10", 2)));

	writer_init(&w, buffer, sizeof(buffer));
	message_write_block(&w, MSG_REJECT, b);
	cr_assert_eq(written(&w, &m), MESSAGE_REQUEST_SIZE);
	cr_assert(m.kind == MSG_REJECT && memcmp(&m.block, &b, sizeof(b)) == 0);

	writer_init(&w, buffer, sizeof(buffer));
	message_write_piece_header(&w, b);
	cr_assert_eq(written(&w, &m), MESSAGE_PIECE_HEADER);
	cr_assert(m.kind == MSG_PIECE && memcmp(&m.block, &b, sizeof(b)) == 0);

	writer_init(&w, buffer, sizeof(buffer));
	message_write_port(&w, 65535);
	written(&w, &m);
	cr_assert(m.kind == MSG_PORT && m.port == 65535);

	writer_init(&w, buffer, sizeof(buffer));
	message_write_extended_header(&w, 9, 2);
	cr_assert_eq(w.used, 6);
	write_bytes(&w, bytes_of("de", 2));
	written(&w, &m);
	cr_assert(m.kind == MSG_EXTENDED && m.extended.id == 9);
	cr_assert(bytes_equal_text(m.extended.payload, "de"));
}

Test(message, a_full_writer_fails_for_good)
{
	uint8_t buffer[MESSAGE_REQUEST_SIZE + 8];
	struct writer w;

	writer_init(&w, buffer, sizeof(buffer));
	message_write_block(&w, MSG_REQUEST, (struct block){0, 0, BLOCK_SIZE});
	cr_assert_not(w.failed);
	message_write_have(&w, 1);
	cr_assert(w.failed);
	message_write_simple(&w, MSG_CHOKE);
	cr_assert_eq(writer_bytes(&w).size, 0);
}

Test(message, names)
{
	cr_assert_str_eq(message_name(MSG_REQUEST), "request");
	cr_assert_str_eq(message_name(MSG_KEEP_ALIVE), "keep-alive");
	cr_assert_str_eq(message_name(MSG_UNKNOWN), "unknown");
	cr_assert_str_eq(message_name((enum message_kind)10), "unknown");
}
