/* tests/unit/download_test.c: a download as a whole: honest swarms, liars, memory,
 * churn, and an availability that is always the sum of what the peers have. */
#include "tests/unit/download_rig.h"

Test(download, one_seed_gives_all)
{
	static const uint64_t totals[] = { 1, 16384, 16385, 1 << 20, (1 << 20) + 5, 3000000 };
	static const uint32_t lengths[] = { 16384, 32768, 1 << 18, 1 << 20, 40000 };
	for (int t = 0; t < 6; t++) {
		for (int l = 0; l < 5; l++) {
			struct fixture f;
			struct block out[BLOCKS_AT_ONCE];
			fixture_init(&f, totals[t], lengths[l]);
			struct download_peer *p = join_seed(&f, 0, 7);
			while (!download_is_done(f.d)) {
				f.now += 10 * USEC_PER_MS;
				const uint32_t n = download_request(f.d, p, out, BLOCKS_AT_ONCE, f.now);
				cr_assert_gt(n, 0);
				check_invariants(&f);
				f.now += 10 * USEC_PER_MS;
				for (uint32_t i = 0; i < n; i++)
					cr_assert_eq(send_block(&f, p, out[i], false), DOWNLOAD_TAKE);
				check_invariants(&f);
				store_all(&f, DISK_OK);
			}
			cr_assert_eq(p->received.total, totals[t]);
			cr_assert_eq(download_wanted_have_bytes(f.d), totals[t]);
			cr_assert_eq(download_wasted_bytes(f.d), 0);
			cr_assert_eq(p->interesting, 0);
			cr_assert_eq(download_request(f.d, p, out, BLOCKS_AT_ONCE, f.now), 0);
			leave(&f, p);
			fixture_deinit(&f);
		}
	}
}

struct liars {
	bool lies[PEERS_MAX];
	uint32_t lie_percent;   /* of its blocks */
	bool banned[PEERS_MAX];
	uint32_t banned_count;
	uint64_t peak_used;
};

/* Ban who is proven; no honest one ever is (S8). */
static void ban_liars(struct fixture *f, struct liars *l, bool *here)
{
	uint32_t source;
	while (download_next_liar(f->d, &source)) {
		cr_assert(l->lies[source], "peer %u is honest", source);
		cr_assert_not(l->banned[source], "told once");
		l->banned[source] = true;
		l->banned_count++;
		if (here[source])
			leave(f, &f->peers[source]);
		here[source] = false;
	}
}

/* Peers answer in rounds, a few blocks each, until all is there. Returns the
 * rounds taken. */
static uint32_t run_swarm(struct fixture *f, struct liars *l, uint32_t peers, uint32_t rounds_max)
{
	static struct block asked[PEERS_MAX][BLOCKS_AT_ONCE];
	uint32_t count[PEERS_MAX] = { 0 }, rounds = 0;
	bool here[PEERS_MAX];
	struct download_peer *who;
	struct block b;
	for (uint32_t i = 0; i < peers; i++) {
		join_seed(f, i, i);
		here[i] = true;
	}
	while (!download_is_done(f->d) && rounds < rounds_max) {
		rounds++;
		f->now += 100 * USEC_PER_MS;
		for (uint32_t i = 0; i < peers; i++) {
			if (!here[i])
				continue;
			struct download_peer *p = &f->peers[i];
			if (f->now >= download_peer_deadline(p))
				download_peer_on_timer(f->d, p, f->now);
			count[i] += download_request(f->d, p, asked[i] + count[i],
			                             BLOCKS_AT_ONCE - count[i], f->now);
			uint32_t answers = 1 + rng_below(&f->dice, 8);
			for (; answers > 0 && count[i] > 0; answers--) {
				b = asked[i][0];
				memmove(asked[i], asked[i] + 1, --count[i] * sizeof(b));
				const bool lie = l->lies[i] && rng_below(&f->dice, 100) < l->lie_percent;
				cr_assert_neq(send_block(f, p, b, lie), DOWNLOAD_BREAK, "%s", reason);
			}
		}
		while (download_next_cancel(f->d, &who, &b))
			cr_assert(who >= f->peers && who < f->peers + peers);
		store_all(f, DISK_OK);
		ban_liars(f, l, here);
		l->peak_used = f->pool.used > l->peak_used ? f->pool.used : l->peak_used;
	}
	check_invariants(f);
	for (uint32_t i = 0; i < peers; i++) {
		if (here[i])
			leave(f, &f->peers[i]);
	}
	return rounds;
}

/* Every number of liars, lying always, often or seldom: it completes, no honest
 * peer is banned, and liars that lie always are all found. */
Test(download, liar_matrix)
{
	static const uint32_t percents[] = { 100, 50, 10, 2 };
	for (uint32_t liar_count = 0; liar_count <= 6; liar_count += 2) {
		for (int k = 0; k < 4; k++) {
			struct fixture f;
			struct liars l = { .lie_percent = percents[k] };
			fixture_init(&f, 60 * 65536 + 777, 65536);
			for (uint32_t i = 0; i < liar_count; i++)
				l.lies[i * 2] = true;
			run_swarm(&f, &l, 20, 3000);
			cr_assert(download_is_done(f.d), "%u liars at %u %%", liar_count, percents[k]);
			if (percents[k] == 100)
				cr_assert_eq(l.banned_count, liar_count);
			cr_assert_eq(f.d->trust.copies, 0, "every bad copy was settled");
			fixture_deinit(&f);
		}
	}
}

Test(download, thirty_percent_liars_cost_little)
{
	struct fixture f;
	struct liars l = { .lie_percent = 100 };
	fixture_init(&f, 64 << 20, 1 << 18);
	for (uint32_t i = 0; i < PEERS_MAX * 3 / 10; i++)
		l.lies[i] = true;
	run_swarm(&f, &l, PEERS_MAX, 3000);
	cr_assert(download_is_done(f.d));
	cr_assert_eq(l.banned_count, PEERS_MAX * 3 / 10);
	cr_assert_lt(download_wasted_bytes(f.d), f.m.total / 5, "%lu wasted of %lu",
	             (unsigned long)download_wasted_bytes(f.d), (unsigned long)f.m.total);
	fixture_deinit(&f);
}

Test(download, a_piece_from_one_liar_convicts_at_once)
{
	struct fixture f;
	struct block out[16];
	uint32_t source;
	fixture_init(&f, 4 * 16384, 65536);
	struct download_peer *p = join_seed(&f, 0, 1234);
	const uint32_t n = download_request(f.d, p, out, 16, f.now);
	for (uint32_t i = 0; i < n; i++)
		send_block(&f, p, out[i], i == 2);
	cr_assert_eq(store_all(&f, DISK_OK), 0);
	cr_assert(download_next_liar(f.d, &source));
	cr_assert_eq(source, 1234);
	cr_assert_not(download_next_liar(f.d, &source));
	cr_assert_eq(download_wasted_bytes(f.d), 65536);
	cr_assert_gt(download_request(f.d, p, out, 16, f.now), 0, "the piece is missing again");
	leave(&f, p);
	fixture_deinit(&f);
}

/* Two sent it: nobody is accused until one of them sends it alone. */
Test(download, a_mixed_piece_is_fetched_from_one)
{
	struct fixture f;
	struct block a[4], b[4], again[8];
	uint32_t source;
	fixture_init(&f, 4 * 16384, 65536);
	struct download_peer *liar = join_seed(&f, 0, 10), *honest = join_seed(&f, 1, 11);
	cr_assert_eq(download_request(f.d, liar, a, 2, f.now), 2);
	cr_assert_eq(download_request(f.d, honest, b, 2, f.now), 2);
	for (int i = 0; i < 2; i++) {
		send_block(&f, liar, a[i], i == 0);
		send_block(&f, honest, b[i], false);
	}
	cr_assert_eq(store_all(&f, DISK_OK), 0);
	cr_assert_not(download_next_liar(f.d, &source));
	cr_assert(download_take_news(f.d));
	check_invariants(&f);
	/* A third, who had no part in it, is preferred. */
	struct download_peer *third = join_seed(&f, 2, 12);
	cr_assert_eq(download_request(f.d, honest, again, 8, f.now), 0);
	cr_assert_eq(download_request(f.d, third, again, 8, f.now), 4);
	cr_assert_eq(download_request(f.d, liar, b, 4, f.now), 0, "no endgame on it either");
	for (int i = 0; i < 4; i++)
		cr_assert_eq(send_block(&f, third, again[i], false), DOWNLOAD_TAKE);
	cr_assert_eq(store_all(&f, DISK_OK), 1);
	cr_assert(download_next_liar(f.d, &source));
	cr_assert_eq(source, 10);
	cr_assert_not(download_next_liar(f.d, &source));
	leave(&f, liar);
	leave(&f, honest);
	leave(&f, third);
	fixture_deinit(&f);
}

Test(download, memory_stays_within_the_budget)
{
	struct fixture f;
	struct liars l = { .lie_percent = 0 };
	fixture_init(&f, 32 << 20, 1 << 18);
	chunk_pool_deinit(&f.pool);
	chunk_pool_init(&f.pool, 1 << 20);
	run_swarm(&f, &l, PEERS_MAX, 3000);
	cr_assert(download_is_done(f.d));
	cr_assert_leq(l.peak_used, f.pool.limit);
	fixture_deinit(&f);
}

Test(download, a_spent_budget_still_moves)
{
	struct fixture f;
	struct liars l = { .lie_percent = 0 };
	fixture_init(&f, 4 << 20, 1 << 18);
	chunk_pool_deinit(&f.pool);
	chunk_pool_init(&f.pool, 0); /* others hold it all */
	run_swarm(&f, &l, 4, 3000);
	cr_assert(download_is_done(f.d));
	cr_assert_leq(l.peak_used, 4, "one piece at a time");
	fixture_deinit(&f);
}

Test(download, nothing_at_all)
{
	struct fixture f;
	struct block out[4];
	fixture_init(&f, 0, 16384);
	cr_assert(download_is_done(f.d));
	struct download_peer *p = join_seed(&f, 0, 0);
	cr_assert_eq(download_request(f.d, p, out, 4, f.now), 0);
	cr_assert_not(download_on_have(f.d, p, 0, &reason));
	cr_assert_eq(send_block(&f, p, (struct block){ 0, 0, 1 }, false), DOWNLOAD_BREAK);
	leave(&f, p);
	p = join(&f, 0, 0);
	cr_assert(download_on_bitfield(f.d, p, bytes_of("", 0), &reason));
	leave(&f, p);
	fixture_deinit(&f);
}

/* Whatever comes and goes, once a picker is there its sums are right (S5). */
Test(download, availability_through_churn)
{
	struct fixture f;
	bool here[PEERS_MAX] = { false };
	fixture_init(&f, 100 * 16384, 16384);
	for (int step = 0; step < 3000; step++) {
		const uint32_t i = rng_below(&f.dice, PEERS_MAX), piece = rng_below(&f.dice, 100);
		struct download_peer *p = &f.peers[i];
		switch (rng_below(&f.dice, 8)) {
		case 0:
			if (here[i])
				leave(&f, p);
			else if (rng_below(&f.dice, 3) == 0)
				join_seed(&f, i, i);
			else
				join(&f, i, i)->fast = true;
			here[i] = !here[i];
			break;
		case 1:
			if (here[i] && !p->has_known) {
				uint8_t bits[13];
				rng_fill(&f.dice, bits, sizeof(bits));
				bits[12] &= 0xf0;
				cr_assert(download_on_bitfield(f.d, p, bytes_of(bits, 13), &reason));
			}
			break;
		case 2:
			download_set_have(f.d, piece);
			break;
		case 3:
			download_set_lost(f.d, piece);
			break;
		case 4:
			download_set_priority(f.d, piece, (uint8_t)rng_below(&f.dice, 8));
			break;
		case 5:
			if (here[i])
				cr_assert(download_on_dont_have(f.d, p, piece, &reason));
			break;
		default:
			if (here[i])
				cr_assert(download_on_have(f.d, p, piece, &reason));
		}
		if (step % 5 == 0)
			check_invariants(&f);
	}
	for (uint32_t i = 0; i < PEERS_MAX; i++) {
		if (here[i])
			leave(&f, &f.peers[i]);
	}
	fixture_deinit(&f);
}
