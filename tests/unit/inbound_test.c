/* tests/unit/inbound_test.c: what a peer may say, and what ends the talk. */
#include "tests/unit/raw_peer.h"

enum { PIECE = 256 << 10 };

/* Say one thing to a downloading session after the handshake: is it over? */
static bool ends(void (*say)(struct raw_peer *), bool fast, bool seed, bool magnet)
{
	struct stage st;
	stage_open(&st, 8 * PIECE, PIECE, seed, magnet);
	struct raw_peer p = raw_open(&st);
	raw_greet(&p, fast, true);
	say(&p);
	const bool closed = raw_is_closed(&p);
	raw_close(&p);
	stage_close(&st);
	return closed;
}

static void nothing(struct raw_peer *p)
{
	raw_say(p, MSG_KEEP_ALIVE);
}

static void have_out_of_range(struct raw_peer *p)
{
	raw_say_number(p, MSG_HAVE, 8);
}

static void bitfield_short(struct raw_peer *p)
{
	raw_say_bytes(p, MSG_BITFIELD, bytes_of("", 0));
}

static void bitfield_long(struct raw_peer *p)
{
	raw_say_bytes(p, MSG_BITFIELD, bytes_of("\xff\x00", 2));
}

static void bitfield_late(struct raw_peer *p)
{
	raw_say_number(p, MSG_HAVE, 1);
	raw_say_bytes(p, MSG_BITFIELD, bytes_of("\xff", 1));
}

static void bitfield_late_and_wrong(struct raw_peer *p)
{
	raw_say_number(p, MSG_HAVE, 1);
	raw_say_bytes(p, MSG_BITFIELD, bytes_of("\xff\xff", 2));
}

static void have_none_late(struct raw_peer *p)
{
	raw_say_number(p, MSG_HAVE, 1);
	raw_say(p, MSG_HAVE_NONE);
}

static void bitfield_good(struct raw_peer *p)
{
	raw_say_bytes(p, MSG_BITFIELD, bytes_of("\xf0", 1));
}

static void fast_without_fast(struct raw_peer *p)
{
	raw_say(p, MSG_HAVE_NONE);
}

static void block_too_long(struct raw_peer *p)
{
	static uint8_t data[1];
	struct writer w;
	uint8_t buffer[13];
	writer_init(&w, buffer, sizeof buffer);
	write_u32(&w, 9 + (1 << 20));
	write_u8(&w, MSG_PIECE);
	write_u64(&w, 0);
	raw_send(p, writer_bytes(&w));
	raw_send(p, bytes_of(data, 1));
}

static void block_out_of_piece(struct raw_peer *p)
{
	static uint8_t data[BLOCK_SIZE];
	raw_say_piece(p, (struct block){ 7, PIECE, BLOCK_SIZE }, data);
}

static void block_early(struct raw_peer *p)
{
	static uint8_t data[BLOCK_SIZE];
	raw_say_piece(p, (struct block){ 0, 0, BLOCK_SIZE }, data);
}

static void extended_garbage(struct raw_peer *p)
{
	raw_say_extended(p, 0, bytes_of_text("d1:m"));
}

static void extended_unknown(struct raw_peer *p)
{
	raw_say_extended(p, 77, bytes_of_text("whatever"));
}

static void message_unknown(struct raw_peer *p)
{
	raw_say_bytes(p, 99, bytes_of_text("whatever"));
}

static void message_huge(struct raw_peer *p)
{
	raw_send(p, bytes_of("\x7f\xff\xff\xff\x14", 5));
}

static void metadata_size_lies(struct raw_peer *p)
{
	raw_say_extensions(p, METAINFO_INFO_MAX + 1u);
}

Test(inbound, what_is_legal_goes_on)
{
	cr_assert_not(ends(nothing, false, false, false));
	cr_assert_not(ends(bitfield_good, false, false, false));
	cr_assert_not(ends(message_unknown, false, false, false));
	cr_assert_not(ends(extended_unknown, false, false, false));
	cr_assert_not(ends(nothing, true, false, true));
}

Test(inbound, what_breaks_the_protocol_ends_the_connection)
{
	cr_assert(ends(have_out_of_range, false, false, false));
	cr_assert(ends(bitfield_short, false, false, false));
	cr_assert(ends(bitfield_long, false, false, false));
	cr_assert(ends(bitfield_late_and_wrong, false, false, false));
	cr_assert(ends(have_none_late, true, false, false));
	cr_assert(ends(fast_without_fast, false, false, false));
	cr_assert(ends(block_too_long, false, false, false));
	cr_assert(ends(block_out_of_piece, false, false, false));
	cr_assert(ends(extended_garbage, false, false, false));
	cr_assert(ends(message_huge, false, false, false));
}

Test(inbound, before_the_metadata_blocks_are_illegal_and_sizes_are_checked)
{
	cr_assert(ends(block_early, false, false, true));
	cr_assert(ends(metadata_size_lies, false, false, true));
	cr_assert(ends(bitfield_late, false, false, true));
	cr_assert_not(ends(bitfield_good, false, false, true));
}

/* aria2 sends a bitfield instead of many HAVEs. */
Test(inbound, a_late_bitfield_adds_pieces)
{
	struct stage st;
	struct peer_status peer;
	stage_open(&st, 8 * PIECE, PIECE, false, false);
	struct raw_peer p = raw_open(&st);
	raw_greet(&p, false, true);
	raw_say_number(&p, MSG_HAVE, 7);
	raw_say_bytes(&p, MSG_BITFIELD, bytes_of("\xc0", 1));
	cr_assert_not(raw_is_closed(&p));
	session_peers(lab_session(st.lab, st.host), st.t, &peer, 1, world_now(st.w));
	cr_assert_eq(peer.pieces, 3);
	raw_close(&p);
	stage_close(&st);
}

Test(inbound, early_haves_are_bounded)
{
	struct stage st;
	stage_open(&st, 8 * PIECE, PIECE, false, true);
	struct raw_peer p = raw_open(&st);
	raw_greet(&p, false, true);
	for (uint32_t i = 0; i < 2048; i++)
		raw_say_number(&p, MSG_HAVE, i);
	cr_assert_not(raw_is_closed(&p));
	raw_say_number(&p, MSG_HAVE, 1);
	cr_assert(raw_is_closed(&p));
	raw_close(&p);
	stage_close(&st);
}

/* A peer that sends blocks nobody asked for is not believed, and not for ever
 * listened to. */
Test(inbound, unrequested_blocks_are_not_taken)
{
	static uint8_t data[BLOCK_SIZE];
	struct stage st;
	stage_open(&st, 8 * PIECE, PIECE, false, false);
	struct raw_peer p = raw_open(&st);
	raw_greet(&p, false, false);
	bool closed = false;
	for (int i = 0; i < 5000 && !closed; i++) {
		raw_say_piece(&p, (struct block){ 0, 0, BLOCK_SIZE }, data);
		if (i % 100 == 0)
			closed = raw_is_closed(&p);
	}
	cr_assert(closed);
	cr_assert_eq(stage_status(&st).pieces_have, 0);
	raw_close(&p);
	stage_close(&st);
}

/* BEP 9: a whole dictionary from a peer made by hand; then a lie. */
static void serve_metadata(struct raw_peer *p, bool lie)
{
	struct message m;
	for (uint32_t served = 0; served < 1 && raw_wait(p, MSG_EXTENDED, &m, NULL);) {
		struct metadata_message ask;
		if (m.extended.id != 3 || !metadata_message_read(&ask, m.extended.payload))
			continue;
		cr_assert_eq(ask.kind, METADATA_REQUEST);
		cr_assert_eq(ask.piece, 0);
		uint8_t info[4096], buffer[8192];
		struct writer w;
		memcpy(info, p->stage->m.info.data, p->stage->m.info.size);
		info[10] ^= lie ? 1 : 0;
		const struct metadata_message reply = {
			.kind = METADATA_DATA,
			.total = (uint32_t)p->stage->m.info.size,
			.data = bytes_of(info, p->stage->m.info.size),
		};
		writer_init(&w, buffer, sizeof buffer);
		metadata_message_write(&w, &reply);
		/* The session takes ut_metadata under its own number. */
		raw_say_extended(p, EXT_METADATA, writer_bytes(&w));
		served++;
	}
}

Test(inbound, metadata_comes_from_a_peer_and_a_lie_ends_it)
{
	struct stage st;
	stage_open(&st, 8 * PIECE, PIECE, false, true);
	cr_assert_lt(st.m.info.size, 4096);
	struct raw_peer liar = raw_open(&st);
	raw_greet_as(&liar, 'l', false, true);
	raw_say_extensions(&liar, (uint32_t)st.m.info.size);
	serve_metadata(&liar, true);
	cr_assert(raw_is_closed(&liar));
	cr_assert_not(stage_noticed(&st, NOTICE_METADATA));

	struct raw_peer honest = raw_open(&st);
	raw_greet_as(&honest, 'h', false, true);
	raw_say_extensions(&honest, (uint32_t)st.m.info.size);
	serve_metadata(&honest, false);
	stage_pass(&st, USEC_PER_SEC);
	cr_assert(stage_noticed(&st, NOTICE_METADATA));
	cr_assert(stage_status(&st).has_metadata);
	raw_close(&liar);
	raw_close(&honest);
	stage_close(&st);
}

/* The bitfield that came before the metadata counts once it is there. */
Test(inbound, early_pieces_are_remembered)
{
	struct stage st;
	struct message m;
	stage_open(&st, 8 * PIECE, PIECE, false, true);
	struct raw_peer p = raw_open(&st);
	raw_greet(&p, false, true);
	raw_say_bytes(&p, MSG_BITFIELD, bytes_of("\xff", 1));
	raw_say(&p, MSG_UNCHOKE);
	raw_say_extensions(&p, (uint32_t)st.m.info.size);
	serve_metadata(&p, false);
	cr_assert(raw_wait(&p, MSG_INTERESTED, &m, NULL));
	cr_assert(raw_wait(&p, MSG_REQUEST, &m, NULL));
	raw_close(&p);
	stage_close(&st);
}
