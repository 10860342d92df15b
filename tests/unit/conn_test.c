/* tests/unit/conn_test.c: the stream, cut anywhere. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "peer/connect/conn.h"
#include "proto/rng.h"

static size_t put_handshake(uint8_t *out)
{
	struct handshake h = { .extended = true, .fast = true };
	memset(h.info_hash, 7, SHA1_SIZE);
	memset(h.peer_id, 9, PEER_ID_SIZE);
	handshake_write(&h, out);
	return HANDSHAKE_SIZE;
}

/* A stream of a handshake, n HAVEs, and a block after each tenth. */
static size_t put_stream(uint8_t *out, size_t room, uint32_t n)
{
	struct writer w;
	size_t used = put_handshake(out);
	writer_init(&w, out + used, room - used);
	for (uint32_t i = 0; i < n; i++) {
		message_write_have(&w, i);
		if (i % 10 != 0)
			continue;
		const struct block b = { i, 0, 1000 };
		message_write_piece_header(&w, b);
		for (uint32_t k = 0; k < b.length; k++)
			write_u8(&w, (uint8_t)(i + k));
	}
	cr_assert_not(w.failed);
	return used + w.used;
}

static struct rng rng;

static void begin(struct conn *c)
{
	rng_init_number(&rng, 1, 1);
	conn_init(c, true);
	conn_expect(c, ENCRYPTION_ALLOWED, &rng);
}

static void accept_it(struct conn *c)
{
	struct handshake own = { .extended = true, .fast = true };
	memset(own.info_hash, 7, SHA1_SIZE);
	memset(own.peer_id, 8, PEER_ID_SIZE);
	handshaker_accept(c->opening, &own);
}

struct seen {
	uint32_t handshakes, haves, blocks;
	uint8_t block[1000];
	uint32_t piece;
};

static void feed(struct conn *c, struct bytes in, struct seen *seen)
{
	struct message m;
	for (;;) {
		switch (conn_next(c, &in, &m)) {
		case CONN_NOTHING:
			cr_assert_eq(in.size, 0);
			return;
		case CONN_ASKS_KEY:
			cr_assert_fail("nobody encrypts here");
		case CONN_ASKS_TORRENT:
			accept_it(c);
			break;
		case CONN_HANDSHAKEN:
			seen->handshakes++;
			conn_open(c, true);
			break;
		case CONN_MESSAGE:
			cr_assert_eq(m.kind, MSG_HAVE);
			cr_assert_eq(m.piece, seen->haves);
			seen->haves++;
			break;
		case CONN_BLOCK:
			cr_assert_eq(m.block.length, 1000);
			seen->piece = m.block.piece;
			conn_receive(c, seen->block, m.block.length);
			break;
		case CONN_BLOCK_END:
			for (uint32_t k = 0; k < 1000; k++)
				cr_assert_eq(seen->block[k], (uint8_t)(seen->piece + k));
			seen->blocks++;
			break;
		case CONN_BROKEN:
			cr_assert_fail("%s", c->broken);
		}
	}
}

Test(conn, a_stream_reads_the_same_however_it_is_cut)
{
	static uint8_t stream[1 << 16];
	const size_t size = put_stream(stream, sizeof stream, 200);
	for (uint32_t step = 1; step < 3000; step = step * 3 / 2 + 1) {
		struct conn c;
		struct seen seen = { 0 };
		begin(&c);
		for (size_t at = 0; at < size; at += step) {
			/* A copy of its own size, so that a read past the view is found. */
			const size_t n = step < size - at ? step : size - at;
			uint8_t *view = malloc(n);
			memcpy(view, stream + at, n);
			feed(&c, bytes_of(view, n), &seen);
			free(view);
		}
		cr_assert_eq(seen.handshakes, 1);
		cr_assert_eq(seen.haves, 200);
		cr_assert_eq(seen.blocks, 20);
		conn_deinit(&c, NULL);
	}
}

static const char *broken_by(struct bytes in)
{
	static struct conn c;
	struct message m;
	enum conn_event e;
	begin(&c);
	do {
		e = conn_next(&c, &in, &m);
		if (e == CONN_ASKS_TORRENT)
			accept_it(&c);
		if (e == CONN_HANDSHAKEN)
			conn_open(&c, true);
	} while (e != CONN_NOTHING && e != CONN_BROKEN);
	const char *reason = e == CONN_BROKEN ? c.broken : NULL;
	conn_deinit(&c, NULL);
	return reason;
}

/* Half a handshake may be anything, the start of an encrypted one too; what
 * can be neither ends it. */
Test(conn, a_stranger_is_told_apart)
{
	static uint8_t noise[2000];
	cr_assert_null(broken_by(bytes_of_text("\x13" "BitTor")));
	cr_assert_null(broken_by(bytes_of(NULL, 0)));
	memset(noise, 'x', sizeof noise);
	cr_assert_not_null(broken_by(bytes_of(noise, sizeof noise)));
}

Test(conn, a_length_beyond_the_limit_breaks_before_anything_is_kept)
{
	uint8_t stream[HANDSHAKE_SIZE + 5];
	put_handshake(stream);
	memcpy(stream + HANDSHAKE_SIZE, "\x7f\xff\xff\xff\x05", 5);
	cr_assert_not_null(broken_by(bytes_of(stream, sizeof stream)));
}

Test(conn, a_block_longer_than_anybody_asks_for_breaks)
{
	uint8_t stream[HANDSHAKE_SIZE + MESSAGE_PIECE_HEADER];
	struct writer w;
	put_handshake(stream);
	writer_init(&w, stream + HANDSHAKE_SIZE, MESSAGE_PIECE_HEADER);
	write_u32(&w, 9 + BLOCK_SIZE_MAX + 1);
	write_u8(&w, MSG_PIECE);
	write_u64(&w, 0);
	cr_assert_not_null(broken_by(bytes_of(stream, sizeof stream)));
}

Test(conn, a_discarded_block_ends_too)
{
	uint8_t stream[HANDSHAKE_SIZE + MESSAGE_PIECE_HEADER + 4];
	struct writer w;
	struct conn c;
	struct message m;
	put_handshake(stream);
	writer_init(&w, stream + HANDSHAKE_SIZE, MESSAGE_PIECE_HEADER);
	message_write_piece_header(&w, (struct block){ 1, 0, 4 });
	struct bytes in = bytes_of(stream, sizeof stream);
	begin(&c);
	cr_assert_eq(conn_next(&c, &in, &m), CONN_ASKS_TORRENT);
	accept_it(&c);
	cr_assert_eq(conn_next(&c, &in, &m), CONN_HANDSHAKEN);
	conn_open(&c, false);
	cr_assert_not(c.fast);
	cr_assert_eq(conn_next(&c, &in, &m), CONN_BLOCK);
	conn_receive(&c, NULL, m.block.length);
	cr_assert_eq(conn_next(&c, &in, &m), CONN_BLOCK_END);
	cr_assert_eq(conn_next(&c, &in, &m), CONN_NOTHING);
	conn_deinit(&c, NULL);
}
