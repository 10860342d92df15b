/* tests/unit/superseed_test.c: peer/upload/superseed.c (BEP 16). */
#include "peer/upload/superseed.h"

#include <criterion/criterion.h>

enum { PIECES = 60, PEERS = 12 };

static struct superseed s;
static struct rng rng;
static struct superseed_peer peers[PEERS];
static struct bitfield has[PEERS];

static void setup(void)
{
	rng_init_number(&rng, 9, 0);
	superseed_init(&s);
	for (int i = 0; i < PEERS; i++)
		bitfield_init(&has[i], PIECES);
}

static void teardown(void)
{
	for (int i = 0; i < PEERS; i++) {
		superseed_peer_deinit(&s, &peers[i]);
		bitfield_deinit(&has[i]);
	}
	superseed_deinit(&s);
}

TestSuite(superseed, .init = setup, .fini = teardown);

static void begin(int count)
{
	superseed_begin(&s, PIECES);
	for (int i = 0; i < count; i++)
		superseed_peer_init(&s, &peers[i], true);
}

static bool tell(int peer, uint32_t *piece)
{
	return superseed_tell_next(&s, &peers[peer], &has[peer], &rng, piece);
}

static void get(int peer, uint32_t piece)
{
	cr_assert(bitfield_set(&has[peer], piece));
	superseed_on_have(&s, &peers[peer], piece);
}

Test(superseed, off_nothing_is_hidden)
{
	uint32_t piece;

	superseed_peer_init(&s, &peers[0], true);
	cr_assert_not(peers[0].hidden);
	cr_assert_not(tell(0, &piece));
	cr_assert(superseed_may_ask(&peers[0], 7));
	superseed_on_have(&s, &peers[0], 3);
	superseed_on_bitfield(&s, &has[0]);
	superseed_on_gone(&s, &has[0]);
	cr_assert_null(s.copies);
}

Test(superseed, when_it_is_due)
{
	const struct superseed_facts lone = { .piece_count = 100, .pieces_out = 10, .piece_length = 1000,
		                              .sent_bytes = 12001 };
	struct superseed_facts f = lone;

	cr_assert(superseed_is_due(&s, &f));
	f.sent_bytes = 11900;
	cr_assert_not(superseed_is_due(&s, &f), "few enough twice");
	f = lone;
	f.seeds = 1;
	cr_assert_not(superseed_is_due(&s, &f), "not alone");
	f = lone;
	f.pieces_out = 100;
	f.sent_bytes = 1000000;
	cr_assert_not(superseed_is_due(&s, &f), "a copy is out");
	f = lone;
	f.idle_permille = SUPERSEED_IDLE_PERMILLE + 1;
	cr_assert_not(superseed_is_due(&s, &f), "the uplink idles");
	f = lone;
	f.pieces_out = 0;
	f.sent_bytes = 7999;
	cr_assert_not(superseed_is_due(&s, &f), "too early to judge");
	f.sent_bytes = 8000;
	cr_assert(superseed_is_due(&s, &f));
	/* Once on it stays on, however well it goes. */
	superseed_begin(&s, PIECES);
	f = lone;
	f.sent_bytes = 10000;
	cr_assert(superseed_is_due(&s, &f));
	f.idle_permille = 1000;
	cr_assert_not(superseed_is_due(&s, &f));
	superseed_end(&s);
}

Test(superseed, a_peer_sees_a_few_pieces_until_somebody_else_has_one)
{
	uint32_t a, b, c;

	begin(2);
	cr_assert(tell(0, &a) && tell(0, &b));
	cr_assert_neq(a, b);
	cr_assert_not(tell(0, &c), "no more than %d", SUPERSEED_SHOWN_MAX);
	cr_assert(superseed_may_ask(&peers[0], a));
	cr_assert(superseed_may_ask(&peers[0], b));
	for (uint32_t i = 0; i < PIECES; i++)
		cr_assert(i == a || i == b || !superseed_may_ask(&peers[0], i));
	get(0, a);
	cr_assert_not(tell(0, &c), "it has it, but nobody else has");
	get(1, a);
	cr_assert(tell(0, &c));
	cr_assert(c != a && c != b);
}

Test(superseed, everybody_sees_other_pieces)
{
	bool seen[PIECES] = { false };
	uint32_t piece;

	begin(PEERS);
	for (int i = 0; i < PEERS; i++) {
		while (tell(i, &piece)) {
			cr_assert_not(seen[piece]);
			seen[piece] = true;
		}
	}
}

Test(superseed, a_lone_peer_is_not_left_waiting)
{
	uint32_t piece, got = 0;

	begin(1);
	while (tell(0, &piece)) {
		get(0, piece);
		got++;
	}
	cr_assert_eq(got, PIECES);
}

Test(superseed, only_what_nobody_has_is_shown)
{
	uint32_t piece;

	superseed_begin(&s, PIECES);
	for (uint32_t i = 0; i < PIECES; i++) {
		if (i != 17)
			bitfield_set(&has[1], i);
	}
	superseed_on_bitfield(&s, &has[1]);
	cr_assert_eq(s.out, PIECES - 1);
	superseed_peer_init(&s, &peers[0], true);
	superseed_peer_init(&s, &peers[2], true);
	cr_assert(tell(0, &piece));
	cr_assert_eq(piece, 17);
	cr_assert_not(tell(0, &piece));
	cr_assert_not(tell(2, &piece), "it sees it already");
	/* What left with its only holder is shown again. */
	superseed_on_gone(&s, &has[1]);
	cr_assert_eq(s.out, 0);
	cr_assert(tell(2, &piece));
	cr_assert_neq(piece, 17);
}

Test(superseed, who_leaves_frees_what_it_was_shown)
{
	uint32_t piece;

	begin(3);
	for (int i = 0; i < 3; i++) {
		while (tell(i, &piece))
			;
	}
	superseed_peer_deinit(&s, &peers[1]);
	superseed_peer_deinit(&s, &peers[0]);
	superseed_peer_deinit(&s, &peers[2]);
	for (uint32_t i = 0; i < PIECES; i++)
		cr_assert_eq(s.shown_to[i], 0);
	cr_assert_null(s.peers);
}

Test(superseed, turned_off_the_rest_is_told)
{
	uint32_t piece, told = 0;

	begin(2);
	cr_assert(tell(0, &piece));
	get(0, piece);
	bitfield_set(&has[0], (piece + 1) % PIECES);
	superseed_end(&s);
	cr_assert(peers[0].hidden);
	while (tell(0, &piece)) {
		cr_assert_not(bitfield_get(&has[0], piece));
		told++;
	}
	cr_assert_eq(told, PIECES - 2);
	cr_assert_not(peers[0].hidden);
	cr_assert(superseed_may_ask(&peers[0], 0));
	/* And on again, while the other has not been told yet. */
	superseed_begin(&s, PIECES);
	cr_assert(tell(1, &piece));
	superseed_end(&s);
}

/* Peers that pass pieces on among themselves: the seed sends each piece once. */
Test(superseed, one_copy_leaves_the_seed)
{
	uint32_t sent = 0, piece;
	uint32_t queue[PEERS][SUPERSEED_SHOWN_MAX * 4];
	uint32_t count[PEERS] = { 0 };

	begin(PEERS);
	for (int tick = 0; s.out < PIECES && tick < 1000; tick++) {
		for (int i = 0; i < PEERS; i++) {
			while (tell(i, &piece)) {
				cr_assert_lt(count[i], SUPERSEED_SHOWN_MAX * 4);
				queue[i][count[i]++] = piece;
			}
		}
		/* The seed serves one peer a tick, in turn. */
		const int lucky = tick % PEERS;
		if (count[lucky] > 0) {
			piece = queue[lucky][0];
			memmove(queue[lucky], queue[lucky] + 1, --count[lucky] * sizeof(piece));
			if (!bitfield_get(&has[lucky], piece)) {
				get(lucky, piece);
				sent++;
			}
		}
		/* The peers trade one piece each. */
		for (int i = 0; i < PEERS; i++) {
			const int other = (int)rng_below(&rng, PEERS);
			piece = bitfield_next_missing(&has[other], &has[i], rng_below(&rng, PIECES));
			if (piece < PIECES)
				get(i, piece);
		}
	}
	cr_assert_eq(s.out, PIECES);
	cr_assert_eq(sent, PIECES);
}
