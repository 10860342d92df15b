/* tests/unit/ask_test.c: what is asked of whom: order, windows, the endgame. */
#include "tests/unit/download_rig.h"

Test(ask, endgame_doubles_from_the_slow_and_cancels)
{
	struct fixture f;
	struct block out[BLOCKS_AT_ONCE], twice[BLOCKS_AT_ONCE];
	struct download_peer *who;
	struct block b;
	fixture_init(&f, 40 * 16384, 4 * 16384);
	struct download_peer *slow = join_seed(&f, 0, 0), *fast = join_seed(&f, 1, 1);
	struct download_peer *third = join_seed(&f, 2, 2);
	slow->window = 16;
	fast->window = third->window = 64;
	for (int i = 0; i < 4; i++) { /* 1 MiB/s */
		meter_add(&fast->received, 1 << 20, f.now);
		meter_add(&third->received, 1 << 20, f.now);
		f.now += USEC_PER_SEC;
	}
	cr_assert_eq(download_request(f.d, slow, out, BLOCKS_AT_ONCE, f.now), 16);
	download_take_news(f.d);
	cr_assert_eq(download_request(f.d, fast, twice, 24, f.now), 24);
	cr_assert(download_take_news(f.d), "nothing is free now: the idle may join the endgame");
	const uint32_t n = download_request(f.d, third, twice, BLOCKS_AT_ONCE, f.now);
	cr_assert_gt(n, 0);
	cr_assert(twice[0].piece == out[15].piece && twice[0].begin == out[15].begin,
	          "the slow one's last request first");
	check_invariants(&f);
	for (uint32_t i = 0; i < n; i++) {
		const struct partial *partial = pieces_find(&f.d->pieces, twice[i].piece);
		const struct partial_block *pb = &partial->blocks[twice[i].begin / BLOCK_SIZE];
		cr_assert(pb->askers[0] == slow || pb->askers[0] == fast);
		cr_assert_eq(pb->askers[1], third);
	}
	fast->window = 1000;
	for (int i = 0; i < 10; i++) {
		const uint32_t more = download_request(f.d, fast, out, BLOCKS_AT_ONCE, f.now);
		for (uint32_t k = 0; k < more; k++)
			for (uint32_t j = 0; j < n; j++)
				cr_assert_not(out[k].piece == twice[j].piece &&
				              out[k].begin == twice[j].begin, "never a third");
	}
	cr_assert_eq(send_block(&f, third, twice[0], false), DOWNLOAD_TAKE);
	cr_assert(download_next_cancel(f.d, &who, &b));
	cr_assert_eq(who, slow);
	cr_assert(b.piece == twice[0].piece && b.begin == twice[0].begin && b.length == 16384);
	cr_assert_not(download_next_cancel(f.d, &who, &b));
	cr_assert_eq(send_block(&f, slow, twice[0], false), DOWNLOAD_DISCARD);
	check_invariants(&f);
	leave(&f, slow);
	leave(&f, fast);
	leave(&f, third);
	fixture_deinit(&f);
}

Test(ask, a_slow_peer_is_not_asked_for_what_a_fast_one_has_under_way)
{
	struct fixture f;
	struct block out[16];
	fixture_init(&f, 4 * 16384, 4 * 16384);
	struct download_peer *fast = join_seed(&f, 0, 0), *slow = join_seed(&f, 1, 1);
	for (int i = 0; i < 4; i++, f.now += USEC_PER_SEC) {
		meter_add(&fast->received, 1 << 20, f.now);
		meter_add(&slow->received, 20 << 10, f.now);
	}
	cr_assert_eq(download_request(f.d, fast, out, 16, f.now), 4);
	cr_assert_eq(download_request(f.d, slow, out, 16, f.now), 0);
	f.now += 3 * USEC_PER_SEC; /* but silence tells */
	cr_assert_gt(download_request(f.d, slow, out, 16, f.now), 0);
	leave(&f, fast);
	leave(&f, slow);
	fixture_deinit(&f);
}

/* The owner of such a piece goes away half way: another begins it anew, and
 * what the first sent is not mixed in. */
Test(ask, the_owner_of_an_exclusive_piece_leaves)
{
	struct fixture f;
	struct block a[8], b[8];
	fixture_init(&f, 4 * 16384, 65536);
	struct download_peer *p = join_seed(&f, 0, 10), *q = join_seed(&f, 1, 11);
	download_request(f.d, p, a, 2, f.now);
	download_request(f.d, q, b, 2, f.now);
	for (int i = 0; i < 2; i++) {
		send_block(&f, p, a[i], true);
		send_block(&f, q, b[i], false);
	}
	store_all(&f, DISK_OK);
	cr_assert_eq(download_request(f.d, q, b, 8, f.now), 4);
	send_block(&f, q, b[0], false);
	cr_assert_eq(download_request(f.d, p, a, 8, f.now), 0);
	leave(&f, q);
	const uint64_t wasted = download_wasted_bytes(f.d);
	cr_assert_eq(download_request(f.d, p, a, 8, f.now), 4, "all of it");
	cr_assert_eq(download_wasted_bytes(f.d), wasted + 16384);
	for (int i = 0; i < 4; i++)
		send_block(&f, p, a[i], false);
	cr_assert_eq(store_all(&f, DISK_OK), 1);
	uint32_t source;
	cr_assert(download_next_liar(f.d, &source), "its first answer proves it now");
	cr_assert_eq(source, 10);
	leave(&f, p);
	fixture_deinit(&f);
}

Test(ask, priorities_and_skipping)
{
	struct fixture f;
	struct block out[16];
	fixture_init(&f, 10 * 16384, 16384);
	for (uint32_t i = 0; i < 10; i++)
		download_set_priority(f.d, i, 0);
	cr_assert(download_is_done(f.d), "nothing is wanted");
	cr_assert_eq(download_wanted_bytes(f.d), 0);
	struct download_peer *p = join_seed(&f, 0, 0);
	cr_assert_eq(p->interesting, 0);
	cr_assert_eq(download_request(f.d, p, out, 16, f.now), 0);
	download_set_priority(f.d, 3, 1);
	download_set_priority(f.d, 7, 7);
	download_set_priority(f.d, 5, 4);
	cr_assert(download_take_news(f.d));
	cr_assert_eq(p->interesting, 3);
	cr_assert_eq(download_request(f.d, p, out, 16, f.now), 3);
	cr_assert(out[0].piece == 7 && out[1].piece == 5 && out[2].piece == 3);
	download_set_priority(f.d, 5, 0);
	cr_assert_eq(p->outstanding, 2, "what is no longer wanted is cancelled");
	struct download_peer *who;
	struct block b;
	cr_assert(download_next_cancel(f.d, &who, &b));
	cr_assert_eq(b.piece, 5);
	send_block(&f, p, out[0], false);
	send_block(&f, p, out[2], false);
	cr_assert_eq(store_all(&f, DISK_OK), 2);
	cr_assert(download_is_done(f.d));
	cr_assert_eq(download_wanted_have_bytes(f.d), 2 * 16384);
	check_invariants(&f);
	leave(&f, p);
	fixture_deinit(&f);
}

Test(ask, in_sequence_with_the_last_piece_after_the_first)
{
	struct fixture f;
	struct block out[16];
	static const uint32_t expected[] = { 0, 9, 1, 2, 3, 4, 5, 6, 7, 8 };
	fixture_init(&f, 10 * 16384, 16384);
	download_set_sequential(f.d, true);
	struct download_peer *p = join_seed(&f, 0, 0);
	p->window = 16;
	cr_assert_eq(download_request(f.d, p, out, 16, f.now), 10);
	for (uint32_t i = 0; i < 10; i++)
		cr_assert_eq(out[i].piece, expected[i]);
	leave(&f, p);
	fixture_deinit(&f);
}

Test(ask, the_first_piece_is_random)
{
	uint32_t first[16] = { 0 };
	for (uint64_t seed = 0; seed < 320; seed++) {
		struct fixture f;
		struct block out[1];
		fixture_init(&f, 16 * 16384, 16384);
		rng_init_number(&f.rng, seed, 9);
		download_free(f.d);
		f.d = download_new(&f.m, &f.pool, &f.rng);
		struct download_peer *p = join_seed(&f, 0, 0), *q = join(&f, 1, 1);
		for (uint32_t i = 0; i < 15; i++)
			download_on_have(f.d, q, i, &reason);
		cr_assert_eq(download_request(f.d, p, out, 1, f.now), 1);
		first[out[0].piece]++;
		leave(&f, p);
		leave(&f, q);
		fixture_deinit(&f);
	}
	for (int i = 0; i < 16; i++)
		cr_assert(first[i] > 5 && first[i] < 40, "piece %d: %u", i, first[i]);
}

Test(ask, a_window_is_filled_in_batches)
{
	struct fixture f;
	struct block out[16];
	uint32_t n, sum = 0;
	fixture_init(&f, 200 * 16384, 16384);
	struct download_peer *p = join_seed(&f, 0, 0);
	p->window = 100;
	while ((n = download_request(f.d, p, out, 16, f.now)) > 0)
		sum += n;
	cr_assert_eq(sum, 100);
	leave(&f, p);
	fixture_deinit(&f);
}

/* Nothing tells an idle peer that another became slow: it looks again by itself. */
Test(ask, idle_peers_look_again_in_the_endgame)
{
	struct fixture f;
	struct block out[16];
	fixture_init(&f, 2 * 16384, 16384);
	struct download_peer *p = join_seed(&f, 0, 0), *q = join_seed(&f, 1, 1);
	for (int i = 0; i < 4; i++, f.now += USEC_PER_SEC)
		meter_add(&p->received, 1 << 20, f.now);
	cr_assert_eq(download_request(f.d, p, out, 16, f.now), 2);
	cr_assert_eq(download_request(f.d, q, out, 16, f.now), 0);
	uint32_t n = 0;
	for (int i = 0; i < 10 && n == 0; i++) {
		cr_assert_eq(download_peer_deadline(q), f.now + REQUEST_WAKE * USEC_PER_SEC);
		f.now = download_peer_deadline(q);
		download_peer_on_timer(f.d, q, f.now);
		n = download_request(f.d, q, out, 16, f.now);
	}
	cr_assert_gt(n, 0);
	leave(&f, p);
	leave(&f, q);
	fixture_deinit(&f);
}

/* What another peer can send now is not taken from the seed while there are
 * pieces that nobody else has. */
Test(ask, seeds_are_spared_for_what_only_they_have)
{
	struct fixture f;
	struct block out[16];
	struct download_peer *who;
	struct block b;
	fixture_init(&f, 20 * 4 * 16384, 4 * 16384);
	download_set_have(f.d, 0); /* past the random first piece */
	struct download_peer *seed = join_seed(&f, 0, 0), *peer = join(&f, 1, 1);
	peer->fast = true;
	download_on_unchoke(f.d, peer, f.now);
	cr_assert_eq(download_request(f.d, seed, out, 4, f.now), 4);
	const uint32_t piece = out[0].piece;
	uint8_t *into;
	cr_assert_eq(download_block_begin(f.d, seed, out[0], &into, &reason, f.now), DOWNLOAD_TAKE);
	cr_assert(download_on_have(f.d, peer, piece, &reason));
	for (int i = 0; i < 3; i++) {
		cr_assert(download_next_cancel(f.d, &who, &b));
		cr_assert(who == seed && b.piece == piece);
	}
	cr_assert_not(download_next_cancel(f.d, &who, &b), "what is streaming in stays");
	cr_assert(download_take_news(f.d));
	download_block_end(f.d, seed, f.now);
	cr_assert_eq(download_request(f.d, peer, out, 16, f.now), 3);
	cr_assert_eq(out[0].piece, piece);
	cr_assert_gt(download_request(f.d, seed, out, 16, f.now), 0);
	cr_assert_neq(out[0].piece, piece);
	check_invariants(&f);
	leave(&f, seed);
	leave(&f, peer);
	fixture_deinit(&f);
}

/* Which piece a second peer is asked for: piece 0 is open and had by two, piece
 * 1 is fresh and had by one. */
static uint32_t second_piece(bool classic)
{
	struct fixture f;
	struct block b[64];
	fixture_init(&f, 3 * 65536, 65536);
	download_set_classic(f.d, classic);
	download_set_have(f.d, 2);
	struct download_peer *p = join(&f, 0, 1), *q = join(&f, 1, 2);
	cr_assert(download_on_have(f.d, p, 0, &reason));
	cr_assert(download_on_have(f.d, q, 0, &reason));
	cr_assert(download_on_have(f.d, q, 1, &reason));
	download_on_unchoke(f.d, p, f.now);
	download_on_unchoke(f.d, q, f.now);
	cr_assert_eq(download_request(f.d, p, b, 1, f.now), 1);
	cr_assert_eq(b[0].piece, 0);
	cr_assert_eq(download_request(f.d, q, b, 1, f.now), 1);
	const uint32_t piece = b[0].piece;
	leave(&f, p);
	leave(&f, q);
	fixture_deinit(&f);
	return piece;
}

Test(ask, classic_asks_for_open_pieces_before_rarer_ones)
{
	cr_assert_eq(second_piece(false), 1);
	cr_assert_eq(second_piece(true), 0);
}
