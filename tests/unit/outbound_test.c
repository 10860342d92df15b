/* tests/unit/outbound_test.c: what a session says, and how it serves. */
#include "tests/unit/raw_peer.h"

enum { PIECE = 256 << 10 };

static void expect_block(struct raw_peer *p, struct block b)
{
	struct message m;
	struct bytes data = { 0 };
	cr_assert(raw_wait(p, MSG_PIECE, &m, &data), "no answer for piece %u at %u", b.piece, b.begin);
	cr_assert_eq(m.block.piece, b.piece);
	cr_assert_eq(m.block.begin, b.begin);
	cr_assert_eq(m.block.length, b.length);
	const uint8_t *want =
	        lab_content_bytes(p->stage->content) + (size_t)b.piece * PIECE + b.begin;
	cr_assert_arr_eq(data.data, want, b.length);
}

static void ask_run(struct raw_peer *p, uint32_t piece, uint32_t from, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		raw_say_block(p, MSG_REQUEST,
		              (struct block){ piece, (from + i) * BLOCK_SIZE, BLOCK_SIZE });
	for (uint32_t i = 0; i < count; i++)
		expect_block(p, (struct block){ piece, (from + i) * BLOCK_SIZE, BLOCK_SIZE });
}

static void become_served(struct raw_peer *p)
{
	struct message m;
	raw_say(p, MSG_INTERESTED);
	cr_assert(raw_wait(p, MSG_UNCHOKE, &m, NULL));
}

Test(outbound, a_seed_says_bitfield_or_have_all)
{
	struct stage st;
	struct message m;
	stage_open(&st, 9 * PIECE, PIECE, true, false);
	struct raw_peer plain = raw_open(&st);
	raw_greet_as(&plain, 'p', false, false);
	cr_assert(raw_next(&plain, &m, NULL));
	cr_assert_eq(m.kind, MSG_BITFIELD);
	cr_assert(bytes_equal(m.bitfield, bytes_of("\xff\x80", 2)));
	raw_close(&plain);
	stage_pass(&st, USEC_PER_SEC);
	struct raw_peer fast = raw_open(&st);
	raw_greet_as(&fast, 'f', true, false);
	cr_assert(raw_next(&fast, &m, NULL));
	cr_assert_eq(m.kind, MSG_HAVE_ALL);
	raw_close(&fast);
	stage_close(&st);
}

/* The second batch lies in a span that was read ahead for the first: nothing
 * has to be read for it, and it must not be forgotten because of that. */
Test(outbound, requests_into_a_span_that_is_there_are_served)
{
	struct stage st;
	stage_open(&st, 9 * PIECE, PIECE, true, false);
	struct raw_peer p = raw_open(&st);
	raw_greet(&p, false, false);
	become_served(&p);
	for (uint32_t from = 0; from < 16; from += 4)
		ask_run(&p, 3, from, 4);
	ask_run(&p, 8, 0, 16);
	cr_assert_eq(stage_status(&st).uploaded, 32 * BLOCK_SIZE);
	raw_close(&p);
	stage_close(&st);
}

Test(outbound, odd_blocks_are_served_byte_for_byte)
{
	struct stage st;
	stage_open(&st, 2 * PIECE + 12345, PIECE, true, false);
	struct raw_peer p = raw_open(&st);
	static const struct block odd[] = {
		{ 0, 0, 1 },      { 0, 65535, 2 },     { 1, 1, BLOCK_SIZE },
		{ 2, 12344, 1 },  { 2, 0, 12345 },     { 1, PIECE - 3, 3 },
		{ 0, 5, 131072 }, { 1, 131072, 131072 },
	};
	raw_greet(&p, false, false);
	become_served(&p);
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		raw_say_block(&p, MSG_REQUEST, odd[i]);
		expect_block(&p, odd[i]);
	}
	raw_close(&p);
	stage_close(&st);
}

Test(outbound, a_choked_peer_gets_nothing_and_a_fast_one_a_reject)
{
	struct stage st;
	struct message m;
	stage_open(&st, 9 * PIECE, PIECE, true, false);
	struct raw_peer plain = raw_open(&st), fast = raw_open(&st);
	const struct block b = { 1, 0, BLOCK_SIZE };
	raw_greet_as(&plain, 'p', false, false);
	raw_greet_as(&fast, 'f', true, false);
	raw_say_block(&plain, MSG_REQUEST, b);
	raw_say_block(&fast, MSG_REQUEST, b);
	cr_assert(raw_wait(&fast, MSG_REJECT, &m, NULL));
	cr_assert_eq(m.block.piece, 1);
	cr_assert_not(raw_wait(&plain, MSG_PIECE, &m, NULL));
	cr_assert_eq(stage_status(&st).uploaded, 0);
	raw_close(&plain);
	raw_close(&fast);
	stage_close(&st);
}

Test(outbound, impossible_requests_end_the_connection)
{
	static const struct block bad[] = {
		{ 9, 0, BLOCK_SIZE },          /* no such piece */
		{ 0, PIECE, BLOCK_SIZE },      /* behind its end */
		{ 0, PIECE - 1, 2 },           /* across its end */
		{ 0, 0, 0 },                   /* nothing */
		{ 0, 0, BLOCK_SIZE_MAX + 1 },  /* too much */
		{ 0, 0xfffffff0u, BLOCK_SIZE },/* wraps */
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct stage st;
		stage_open(&st, 9 * PIECE, PIECE, true, false);
		struct raw_peer p = raw_open(&st);
		raw_greet(&p, false, false);
		become_served(&p);
		raw_say_block(&p, MSG_REQUEST, bad[i]);
		cr_assert(raw_is_closed(&p), "block %zu", i);
		raw_close(&p);
		stage_close(&st);
	}
}

Test(outbound, a_failed_read_stops_the_torrent_with_a_reason)
{
	struct stage st;
	stage_open(&st, 9 * PIECE, PIECE, true, false);
	struct raw_peer p = raw_open(&st);
	raw_greet(&p, true, false);
	become_served(&p);
	lab_fail_disk(st.lab, st.host, DISK_FAILED);
	raw_say_block(&p, MSG_REQUEST, (struct block){ 1, 0, BLOCK_SIZE });
	cr_assert(raw_is_closed(&p));
	cr_assert_eq(stage_status(&st).state, TORRENT_ERROR);
	cr_assert_str_eq(stage_status(&st).error, "the lab's disk fails");
	raw_close(&p);
	stage_close(&st);
}

/* BEP 9, served: the dictionary block by block, and a reject beyond it. */
Test(outbound, metadata_is_served)
{
	struct stage st;
	struct message m;
	stage_open(&st, 2000 * 1024, 1024, true, false);
	cr_assert_gt(st.m.info.size, 2 * EXT_METADATA_PIECE);
	struct raw_peer p = raw_open(&st);
	raw_greet(&p, false, true);
	raw_say_extensions(&p, 0);
	size_t got = 0;
	for (uint32_t block = 0; block < 4; block++) {
		uint8_t buffer[128];
		struct writer w;
		struct metadata_message ask = { .kind = METADATA_REQUEST, .piece = block }, reply;
		writer_init(&w, buffer, sizeof buffer);
		metadata_message_write(&w, &ask);
		raw_say_extended(&p, EXT_METADATA, writer_bytes(&w));
		do
			cr_assert(raw_wait(&p, MSG_EXTENDED, &m, NULL));
		while (m.extended.id != 3);
		cr_assert(metadata_message_read(&reply, m.extended.payload));
		cr_assert_eq(reply.piece, block);
		if (reply.kind != METADATA_DATA)
			continue;
		cr_assert_eq(reply.total, st.m.info.size);
		cr_assert_arr_eq(reply.data.data, st.m.info.data + got, reply.data.size);
		got += reply.data.size;
	}
	cr_assert_eq(got, st.m.info.size);
	raw_close(&p);
	stage_close(&st);
}

/* BEP 3: something is said before two minutes are over. */
Test(outbound, keep_alives_come)
{
	struct stage st;
	struct message m;
	stage_open(&st, 9 * PIECE, PIECE, true, false);
	struct raw_peer p = raw_open(&st);
	raw_greet(&p, false, false);
	while (raw_next(&p, &m, NULL))
		;
	stage_pass(&st, 110 * USEC_PER_SEC);
	cr_assert(raw_next(&p, &m, NULL));
	cr_assert_eq(m.kind, MSG_KEEP_ALIVE);
	raw_close(&p);
	stage_close(&st);
}
