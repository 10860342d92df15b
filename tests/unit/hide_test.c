/* tests/unit/hide_test.c: what a lone seed lets newcomers see, and when it stops. */
#include "peer/upload/superseed.h"
#include "tests/unit/raw_peer.h"

enum { PIECE = 64 << 10, PIECES = 32 };

struct sight {
	uint32_t haves, bitfields;
	bool all, none;
	uint32_t last;
};

static struct sight look(struct raw_peer *p)
{
	struct sight s = { 0 };
	struct message m;
	while (raw_next(p, &m, NULL)) {
		s.haves += m.kind == MSG_HAVE;
		s.bitfields += m.kind == MSG_BITFIELD;
		s.all = s.all || m.kind == MSG_HAVE_ALL;
		s.none = s.none || m.kind == MSG_HAVE_NONE;
		if (m.kind == MSG_HAVE)
			s.last = m.piece;
	}
	return s;
}

static struct raw_peer newcomer(struct stage *st, uint8_t name)
{
	struct raw_peer p = raw_open(st);
	raw_greet_as(&p, name, true, false);
	return p;
}

Test(hide, the_first_sees_all_and_the_next_two_pieces)
{
	struct stage st;
	stage_open(&st, PIECES * PIECE, PIECE, true, false);
	struct raw_peer a = newcomer(&st, 'a'), b = newcomer(&st, 'b');
	cr_assert(look(&a).all);
	const struct sight s = look(&b);
	cr_assert(s.none && !s.all);
	cr_assert_eq(s.haves, SUPERSEED_SHOWN_MAX);
	raw_close(&a);
	raw_close(&b);
	stage_close(&st);
}

/* What it was not told of it may not ask for. */
Test(hide, hidden_pieces_are_not_served)
{
	struct stage st;
	struct message m;
	stage_open(&st, PIECES * PIECE, PIECE, true, false);
	struct raw_peer a = newcomer(&st, 'a'), b = newcomer(&st, 'b');
	const uint32_t told = look(&b).last;
	const struct block shown = { told, 0, BLOCK_SIZE };
	raw_say(&b, MSG_INTERESTED);
	cr_assert(raw_wait(&b, MSG_UNCHOKE, &m, NULL));
	raw_say_block(&b, MSG_REQUEST, shown);
	cr_assert(raw_wait(&b, MSG_PIECE, &m, NULL));
	cr_assert_eq(m.block.piece, told);
	raw_close(&a);
	raw_close(&b);
	stage_close(&st);
}

/* Another seed makes it pointless: the rest is told. */
Test(hide, it_ends_when_another_seed_is_met)
{
	struct stage st;
	stage_open(&st, PIECES * PIECE, PIECE, true, false);
	struct raw_peer a = newcomer(&st, 'a'), b = newcomer(&st, 'b');
	const uint32_t before = look(&b).haves;
	struct raw_peer seed = newcomer(&st, 's');
	raw_say(&seed, MSG_HAVE_ALL);
	raw_say(&a, MSG_INTERESTED);
	stage_pass(&st, 3 * USEC_PER_SEC);
	cr_assert_eq(before + look(&b).haves, PIECES);
	raw_close(&a);
	raw_close(&b);
	raw_close(&seed);
	stage_close(&st);
}

/* Peers that pass nothing on do not keep it hiding for ever. */
Test(hide, it_ends_when_the_uplink_idles)
{
	struct stage st;
	stage_open(&st, PIECES * PIECE, PIECE, true, false);
	struct raw_peer a = newcomer(&st, 'a'), b = newcomer(&st, 'b');
	const uint32_t before = look(&b).haves;
	raw_say(&b, MSG_INTERESTED);
	stage_pass(&st, 10 * USEC_PER_SEC);
	cr_assert_eq(before + look(&b).haves, PIECES);
	raw_close(&a);
	raw_close(&b);
	stage_close(&st);
}

/* A newcomer that has something already got it elsewhere. */
Test(hide, it_does_not_begin_where_pieces_are_out)
{
	struct stage st;
	stage_open(&st, PIECES * PIECE, PIECE, true, false);
	struct raw_peer a = newcomer(&st, 'a');
	raw_say_number(&a, MSG_HAVE, 3);
	stage_pass(&st, USEC_PER_SEC);
	struct raw_peer b = newcomer(&st, 'b');
	cr_assert(look(&b).all);
	raw_close(&a);
	raw_close(&b);
	stage_close(&st);
}
