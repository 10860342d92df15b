/* tests/unit/allow_test.c: allowed-fast pieces (BEP 6). */
#include "tests/unit/raw_peer.h"

#include "peer/engine.h"

enum { PIECE = 64 << 10, PIECES = 64 };

/* The example of BEP 6. */
Test(allow, the_set_is_the_canonical_one)
{
	const uint32_t expected[9] = { 1059, 431, 808, 1217, 287, 376, 1188, 353, 508 };
	const struct endpoint e = endpoint_v4(80, 4, 4, 200, 6881);
	uint8_t hash[SHA1_SIZE];
	uint32_t pieces[9];
	memset(hash, 0xaa, sizeof hash);
	cr_assert_eq(allow_pieces(&e, hash, 1313, pieces, 7), 7);
	cr_assert_arr_eq(pieces, expected, 7 * sizeof *expected);
	cr_assert_eq(allow_pieces(&e, hash, 1313, pieces, 9), 9);
	cr_assert_arr_eq(pieces, expected, sizeof expected);
}

Test(allow, few_pieces_end_the_search)
{
	const struct endpoint e = endpoint_v4(80, 4, 4, 200, 6881);
	const uint8_t hash[SHA1_SIZE] = { 1 };
	uint32_t pieces[ALLOW_PIECES];
	for (uint32_t count = 0; count <= 12; count++) {
		const uint32_t n = allow_pieces(&e, hash, count, pieces, ALLOW_PIECES);
		cr_assert_leq(n, count);
		for (uint32_t i = 0; i < n; i++)
			cr_assert_lt(pieces[i], count);
	}
}

static uint32_t allowed(struct raw_peer *p, uint32_t *pieces)
{
	struct message m;
	uint32_t n = 0;
	while (raw_next(p, &m, NULL))
		if (m.kind == MSG_ALLOWED_FAST) {
			cr_assert_lt(n, ALLOW_PIECES);
			pieces[n++] = m.piece;
		}
	return n;
}

Test(allow, a_choked_newcomer_gets_those_and_no_others)
{
	struct stage st;
	struct message m;
	uint32_t pieces[ALLOW_PIECES];
	stage_open(&st, PIECES * PIECE, PIECE, true, false);
	struct raw_peer p = raw_open(&st);
	raw_greet(&p, true, false);
	raw_say(&p, MSG_HAVE_NONE);
	stage_pass(&st, USEC_PER_SEC);
	const uint32_t n = allowed(&p, pieces);
	cr_assert_eq(n, ALLOW_PIECES);
	raw_say_block(&p, MSG_REQUEST, (struct block){ pieces[3], 0, BLOCK_SIZE });
	cr_assert(raw_wait(&p, MSG_PIECE, &m, NULL));
	cr_assert_eq(m.block.piece, pieces[3]);
	uint32_t other = 0;
	for (uint32_t i = 0; i < n; i++) /* one that is not among them */
		if (pieces[i] == other) {
			other++;
			i = UINT32_MAX;
		}
	raw_say_block(&p, MSG_REQUEST, (struct block){ other, 0, BLOCK_SIZE });
	cr_assert(raw_wait(&p, MSG_REJECT, &m, NULL));
	cr_assert_eq(m.block.piece, other);
	raw_close(&p);
	stage_close(&st);
}

/* Not again and again. */
Test(allow, it_is_worth_ten_pieces)
{
	struct stage st;
	struct message m;
	uint32_t pieces[ALLOW_PIECES], served = 0;
	stage_open(&st, PIECES * PIECE, PIECE, true, false);
	struct raw_peer p = raw_open(&st);
	raw_greet(&p, true, false);
	raw_say(&p, MSG_HAVE_NONE);
	stage_pass(&st, USEC_PER_SEC);
	cr_assert_eq(allowed(&p, pieces), ALLOW_PIECES);
	for (uint32_t i = 0; i < 100; i++)
		raw_say_block(&p, MSG_REQUEST, (struct block){ pieces[0], 0, BLOCK_SIZE });
	stage_pass(&st, 5 * USEC_PER_SEC);
	while (raw_next(&p, &m, NULL))
		served += m.kind == MSG_PIECE;
	cr_assert_eq(served, ALLOW_PIECES * PIECE / BLOCK_SIZE);
	raw_close(&p);
	stage_close(&st);
}

Test(allow, who_has_some_is_no_newcomer)
{
	struct stage st;
	uint32_t pieces[ALLOW_PIECES];
	const uint8_t bits[PIECES / 8] = { 0xff, 0xff };
	stage_open(&st, PIECES * PIECE, PIECE, true, false);
	struct raw_peer p = raw_open(&st);
	raw_greet(&p, true, false);
	raw_say_bytes(&p, MSG_BITFIELD, bytes_of(bits, sizeof bits));
	stage_pass(&st, USEC_PER_SEC);
	cr_assert_eq(allowed(&p, pieces), 0);
	raw_close(&p);
	stage_close(&st);
}
