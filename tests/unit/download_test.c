/* tests/unit/download_test.c: peer/download/download.c and intake.c, through the
 * front door: honest swarms, hostile peers, and an availability that is always
 * the sum of what the peers have. */
#include "peer/download/state.h"

#include "proto/memory.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { PEERS_MAX = 40, BLOCKS_AT_ONCE = 512 };

static const char *reason;

struct fixture {
	struct metainfo m;
	struct metainfo_file file;
	struct chunk_pool pool;
	struct rng rng, dice;
	struct download *d;
	struct download_peer peers[PEERS_MAX];
	usec now;
};

static void fixture_init(struct fixture *f, uint64_t total, uint32_t piece_length)
{
	memset(f, 0, sizeof(*f));
	f->m.total = total;
	f->m.piece_length = piece_length;
	f->m.piece_count = (uint32_t)((total + piece_length - 1) / piece_length);
	f->file = (struct metainfo_file){ .path = "file", .length = total };
	f->m.files = &f->file;
	f->m.file_count = 1;
	chunk_pool_init(&f->pool, 8 << 20);
	rng_init_number(&f->rng, 1, 1);
	rng_init_number(&f->dice, 1, 2);
	f->d = download_new(&f->m, &f->pool, &f->rng);
	f->now = USEC_PER_SEC;
}

static void fixture_deinit(struct fixture *f)
{
	download_free(f->d);
	cr_assert_eq(f->pool.used, 0, "%u chunks leaked", f->pool.used);
	chunk_pool_deinit(&f->pool);
}

static uint8_t content(uint32_t piece, uint32_t offset)
{
	return (uint8_t)(piece * 31 + offset * 7 + (offset >> 8) * 13 + 1);
}

static struct download_peer *join(struct fixture *f, uint32_t i, uint32_t source)
{
	download_peer_init(f->d, &f->peers[i], source, f->now);
	return &f->peers[i];
}

static struct download_peer *join_seed(struct fixture *f, uint32_t i, uint32_t source)
{
	struct download_peer *p = join(f, i, source);
	p->fast = true;
	cr_assert(download_on_have_all(f->d, p, &reason));
	download_on_unchoke(f->d, p, f->now);
	return p;
}

static void leave(struct fixture *f, struct download_peer *p)
{
	download_peer_deinit(f->d, p, f->now);
}

static enum download_take send_block(struct fixture *f, struct download_peer *p, struct block b,
                                     bool lie)
{
	uint8_t *into;
	const enum download_take take = download_block_begin(f->d, p, b, &into, &reason, f->now);
	if (take != DOWNLOAD_TAKE)
		return take;
	for (uint32_t i = 0; i < b.length; i++)
		into[i] = (uint8_t)(content(b.piece, b.begin + i) ^ (lie ? 1 : 0));
	download_block_end(f->d, p, f->now);
	return take;
}

/* The disk: compares, answers. Returns how many pieces were right. */
static uint32_t store_all(struct fixture *f, enum disk_result good)
{
	struct full_piece full;
	uint32_t right = 0;

	while (download_next_full(f->d, &full)) {
		bool ok = true;
		cr_assert_eq(full.length, metainfo_piece_size(&f->m, full.piece));
		for (uint32_t i = 0; i < full.length && ok; i++)
			ok = full.chunks[i / CHUNK_SIZE][i % CHUNK_SIZE] == content(full.piece, i);
		download_on_stored(f->d, &full, ok ? good : DISK_BAD_HASH, f->now);
		right += ok;
	}
	return right;
}

/* S5: availability is the sum of the peers' pieces; interesting is what they
 * have and we need; the standing of each piece is what its blocks say. */
static void check_invariants(const struct fixture *f)
{
	const struct download *d = f->d;
	for (const struct download_peer *p = d->peers; p != NULL; p = p->next) {
		cr_assert_eq(p->interesting, bitfield_count_missing(&p->has, &d->held));
		cr_assert_eq(p->outstanding, p->queue.count);
		for (uint32_t i = 0; i < p->outstanding; i++) {
			const struct requested r = requests_at(p, i);
			const struct partial *partial = pieces_find(&d->pieces, r.piece);
			cr_assert_not_null(partial);
			cr_assert_not(partial->blocks[r.block].have);
			cr_assert(partial->blocks[r.block].askers[0] == p ||
			          partial->blocks[r.block].askers[1] == p);
		}
	}
	for (uint32_t piece = 0; piece < f->m.piece_count; piece++) {
		uint32_t sum = 0;
		for (const struct download_peer *p = d->peers; p != NULL; p = p->next)
			sum += bitfield_get(&p->has, piece);
		cr_assert_eq(download_availability(d, piece), sum);
	}
	uint32_t promised = 0;
	for (const struct partial *it = d->pieces.first; it != NULL; it = it->next) {
		uint32_t free_count = 0, have_count = 0;
		for (uint32_t i = 0; i < it->block_count; i++) {
			have_count += it->blocks[i].have;
			free_count += !it->blocks[i].have && it->blocks[i].askers[0] == NULL;
			if (it->blocks[i].have)
				cr_assert_null(it->blocks[i].askers[0]);
		}
		cr_assert_eq(it->free_count, free_count);
		cr_assert_eq(it->have_count, have_count);
		if (it->state == PARTIAL_FETCHING)
			promised += it->chunk_count - it->chunks_held;
	}
	cr_assert_eq(promised, d->pieces.promised);
}

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

/* ---- what peers say ---- */

Test(download, claims_that_break_the_protocol)
{
	struct fixture f;
	fixture_init(&f, 10 * 16384, 16384);
	struct download_peer *p = join(&f, 0, 0);
	cr_assert_not(download_on_have(f.d, p, 10, &reason));
	cr_assert_not(download_on_dont_have(f.d, p, 10, &reason));
	cr_assert_not(download_on_have_all(f.d, p, &reason), "no fast extension");
	cr_assert_not(download_on_have_none(f.d, p, &reason));
	cr_assert_not(download_on_allowed_fast(f.d, p, 1, &reason));
	cr_assert_not(download_on_reject(f.d, p, (struct block){ 0, 0, 16384 }, f.now, &reason));
	cr_assert_not(download_on_bitfield(f.d, p, bytes_of("\xff", 1), &reason), "too short");
	cr_assert_str_eq(reason, "malformed bitfield");
	leave(&f, p);
	p = join(&f, 0, 0);
	cr_assert_not(download_on_bitfield(f.d, p, bytes_of("\xff\xff", 2), &reason), "spare bits");
	leave(&f, p);
	p = join(&f, 0, 0);
	cr_assert(download_on_have(f.d, p, 3, &reason));
	cr_assert(download_on_have(f.d, p, 3, &reason), "twice is harmless");
	cr_assert_not(download_on_bitfield(f.d, p, bytes_of("\xff\xc0", 2), &reason), "too late");
	cr_assert_eq(p->interesting, 1);
	check_invariants(&f);
	p->fast = true;
	cr_assert_not(download_on_allowed_fast(f.d, p, 10, &reason));
	cr_assert_not(download_on_reject(f.d, p, (struct block){ 0, 0, 16384 }, f.now, &reason));
	leave(&f, p);
	fixture_deinit(&f);
}

Test(download, a_seed_that_loses_a_piece)
{
	struct fixture f;
	fixture_init(&f, 10 * 16384, 16384);
	struct download_peer *p = join_seed(&f, 0, 0), *q = join_seed(&f, 1, 1);
	struct block out[16];
	cr_assert_eq(f.d->picker->seeds, 2);
	cr_assert_eq(download_availability(f.d, 4), 2);
	const uint32_t n = download_request(f.d, p, out, 16, f.now);
	cr_assert_gt(n, 0);
	cr_assert(download_on_dont_have(f.d, p, out[0].piece, &reason));
	cr_assert_eq(p->outstanding, n - 1, "what it no longer has is not waited for");
	cr_assert_eq(download_availability(f.d, out[0].piece), 1);
	check_invariants(&f);
	cr_assert_eq(send_block(&f, p, out[0], false), DOWNLOAD_TAKE, "it came after all");
	leave(&f, p);
	leave(&f, q);
	fixture_deinit(&f);
}

Test(download, impossible_and_unasked_blocks)
{
	static const struct block impossible[] = {
		{ 3, 0, 16384 }, { UINT32_MAX, 0, 16384 }, { 0, 1, 16384 }, { 0, 65536, 16384 },
		{ 0, UINT32_MAX, 16384 }, { 0, 0, 0 }, { 0, 0, 16383 }, { 0, 0, 32768 },
		{ 0, 0, UINT32_MAX }, { 2, 16384, 16384 }, { 2, 32768, 1 }, { 0, 4294950912u, 16384 },
	};
	struct fixture f;
	fixture_init(&f, 2 * 65536 + 20000, 65536);
	struct download_peer *p = join_seed(&f, 0, 0);
	for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++)
		cr_assert_eq(send_block(&f, p, impossible[i], false), DOWNLOAD_BREAK, "%zu", i);
	for (int i = 0; i < UNASKED_MAX; i++)
		cr_assert_eq(send_block(&f, p, (struct block){ 2, 16384, 3616 }, false),
		             DOWNLOAD_DISCARD);
	cr_assert_eq(download_wasted_bytes(f.d), UNASKED_MAX * 3616);
	cr_assert_eq(send_block(&f, p, (struct block){ 2, 16384, 3616 }, false), DOWNLOAD_BREAK);
	cr_assert_str_eq(reason, "blocks nobody asked for");
	cr_assert_eq(f.pool.used, 0, "no memory for what was not asked for");
	leave(&f, p);
	fixture_deinit(&f);
}

Test(download, allowed_fast_up_to_the_maximum)
{
	struct fixture f;
	struct block out[BLOCKS_AT_ONCE];
	fixture_init(&f, (ALLOWED_FAST_MAX + 9) * 16384, 16384);
	struct download_peer *p = join(&f, 0, 0);
	p->fast = true;
	p->window = 1000;
	cr_assert(download_on_have_all(f.d, p, &reason));
	cr_assert_eq(download_request(f.d, p, out, BLOCKS_AT_ONCE, f.now), 0, "it chokes us");
	for (uint32_t i = 0; i < ALLOWED_FAST_MAX + 9; i++) {
		cr_assert(download_on_allowed_fast(f.d, p, i, &reason));
		cr_assert(download_on_allowed_fast(f.d, p, i, &reason), "twice is harmless");
	}
	cr_assert_eq(p->allowed_count, ALLOWED_FAST_MAX);
	const uint32_t n = download_request(f.d, p, out, BLOCKS_AT_ONCE, f.now);
	cr_assert_eq(n, ALLOWED_FAST_MAX);
	cr_assert(download_on_reject(f.d, p, out[0], f.now, &reason));
	cr_assert_eq(download_request(f.d, p, out, BLOCKS_AT_ONCE, f.now), 0,
	             "what it refused although allowed is not asked again");
	for (uint32_t i = 1; i < n; i++)
		cr_assert_eq(send_block(&f, p, out[i], false), DOWNLOAD_TAKE);
	cr_assert_eq(store_all(&f, DISK_OK), ALLOWED_FAST_MAX - 1);
	leave(&f, p);
	fixture_deinit(&f);
}

/* ---- chokes, rejects, silence ---- */

Test(download, choke_without_fast_frees_at_once)
{
	struct fixture f;
	struct block out[16];
	fixture_init(&f, 10 * 16384, 16384);
	struct download_peer *p = join(&f, 0, 0);
	for (uint32_t i = 0; i < 10; i++)
		download_on_have(f.d, p, i, &reason);
	download_on_unchoke(f.d, p, f.now);
	const uint32_t n = download_request(f.d, p, out, 16, f.now);
	cr_assert_eq(n, REQUEST_WINDOW_START);
	download_take_news(f.d);
	download_on_choke(f.d, p, f.now);
	cr_assert_eq(p->outstanding, 0);
	cr_assert(download_take_news(f.d));
	cr_assert_not(download_take_news(f.d), "told once");
	cr_assert_eq(download_peer_deadline(p), USEC_NEVER);
	check_invariants(&f);
	cr_assert_eq(send_block(&f, p, out[0], false), DOWNLOAD_TAKE, "it was on its way");
	cr_assert_eq(send_block(&f, p, out[0], false), DOWNLOAD_DISCARD, "but not twice");
	leave(&f, p);
	fixture_deinit(&f);
}

Test(download, choke_with_fast_waits_for_rejects_but_not_for_ever)
{
	struct fixture f;
	struct block out[16];
	fixture_init(&f, 10 * 16384, 16384);
	struct download_peer *p = join_seed(&f, 0, 0);
	cr_assert(download_on_allowed_fast(f.d, p, 0, &reason));
	const uint32_t n = download_request(f.d, p, out, 16, f.now);
	download_on_choke(f.d, p, f.now);
	cr_assert_eq(p->outstanding, n);
	cr_assert(download_on_reject(f.d, p, out[0], f.now, &reason));
	cr_assert_eq(send_block(&f, p, out[1], false), DOWNLOAD_TAKE);
	cr_assert_eq(p->outstanding, n - 2);
	cr_assert_eq(download_peer_deadline(p), f.now + REQUEST_CHOKE_WAIT * USEC_PER_SEC);
	f.now += REQUEST_CHOKE_WAIT * USEC_PER_SEC;
	download_peer_on_timer(f.d, p, f.now);
	for (uint32_t i = 0; i < p->outstanding; i++)
		cr_assert_eq(requests_at(p, i).piece, 0, "only what it allows");
	cr_assert(download_on_reject(f.d, p, out[2], f.now, &reason), "a late one is no offence");
	check_invariants(&f);
	leave(&f, p);
	fixture_deinit(&f);
}

Test(download, a_peer_that_rejects_everything_is_not_asked_in_a_loop)
{
	struct fixture f;
	struct block out[16];
	uint32_t asked = 0;
	fixture_init(&f, 10 * 16384, 16384);
	struct download_peer *p = join_seed(&f, 0, 0);
	for (usec end = f.now + 60 * USEC_PER_SEC; f.now < end; f.now += 10 * USEC_PER_MS) {
		if (f.now >= download_peer_deadline(p))
			download_peer_on_timer(f.d, p, f.now);
		const uint32_t n = download_request(f.d, p, out, 16, f.now);
		for (uint32_t i = 0; i < n; i++)
			cr_assert(download_on_reject(f.d, p, out[i], f.now, &reason));
		asked += n;
	}
	cr_assert(asked > 8 && asked < 100, "%u requests in a minute", asked);
	leave(&f, p);
	fixture_deinit(&f);
}

Test(download, silence_gives_the_blocks_to_others)
{
	struct fixture f;
	struct block out[16], again[16];
	struct download_peer *who;
	struct block b;
	fixture_init(&f, 4 * 16384, 16384);
	struct download_peer *p = join_seed(&f, 0, 0), *q = join_seed(&f, 1, 1);
	cr_assert_eq(download_request(f.d, p, out, 16, f.now), 4);
	cr_assert_eq(download_peer_deadline(p), f.now + REQUEST_TIMEOUT * USEC_PER_SEC);
	f.now += REQUEST_TIMEOUT * USEC_PER_SEC;
	download_peer_on_timer(f.d, p, f.now);
	cr_assert_eq(p->outstanding, 0);
	cr_assert_not(p->snubbed);
	for (int i = 0; i < 3; i++) {
		cr_assert(download_next_cancel(f.d, &who, &b));
		cr_assert_eq(who, p);
	}
	cr_assert_not(download_next_cancel(f.d, &who, &b), "one stays with it");
	cr_assert_eq(download_request(f.d, p, out, 16, f.now), 0);
	cr_assert_eq(download_request(f.d, q, again, 2, f.now), 2);
	check_invariants(&f);
	f.now += (REQUEST_SNUB - REQUEST_TIMEOUT) * USEC_PER_SEC;
	cr_assert_eq(download_peer_deadline(p), f.now);
	download_peer_on_timer(f.d, p, f.now);
	cr_assert(p->snubbed);
	cr_assert_eq(download_request(f.d, p, out, 16, f.now), 1, "one request");
	cr_assert_eq(download_request(f.d, p, out + 1, 16, f.now), 0);
	cr_assert_eq(send_block(&f, p, out[0], false), DOWNLOAD_TAKE);
	cr_assert_not(p->snubbed);
	cr_assert_gt(download_request(f.d, p, out, 16, f.now), 0);
	leave(&f, p);
	leave(&f, q);
	fixture_deinit(&f);
}

Test(download, silent_for_ever_still_moves_on)
{
	struct fixture f;
	struct block out[16];
	uint32_t asked = 0;
	fixture_init(&f, 16384, 16384);
	struct download_peer *p = join_seed(&f, 0, 0);
	const usec end = f.now + 3600 * USEC_PER_SEC;
	while (f.now < end) {
		asked += download_request(f.d, p, out, 16, f.now);
		const usec at = download_peer_deadline(p);
		cr_assert(at > f.now && at != USEC_NEVER);
		f.now = at;
		download_peer_on_timer(f.d, p, f.now);
		cr_assert_leq(p->outstanding, 1);
	}
	cr_assert(asked > 30 && asked < 100, "%u", asked);
	leave(&f, p);
	fixture_deinit(&f);
}

/* ---- endgame ---- */

Test(download, endgame_doubles_from_the_slow_and_cancels)
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

Test(download, a_slow_peer_is_not_asked_for_what_a_fast_one_has_under_way)
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

/* The last block trickles in; somebody else ends it. */
Test(download, a_block_is_no_hostage)
{
	struct fixture f;
	struct block out[4];
	uint8_t *into;
	fixture_init(&f, 16384, 16384);
	struct download_peer *slow = join_seed(&f, 0, 0), *good = join_seed(&f, 1, 1);
	cr_assert_eq(download_request(f.d, slow, out, 4, f.now), 1);
	cr_assert_eq(download_block_begin(f.d, slow, out[0], &into, &reason, f.now), DOWNLOAD_TAKE);
	into[0] = 99;
	f.now += REQUEST_TIMEOUT * USEC_PER_SEC;
	download_peer_on_timer(f.d, slow, f.now);
	cr_assert_eq(download_request(f.d, good, out, 4, f.now), 1);
	cr_assert_eq(send_block(&f, good, out[0], false), DOWNLOAD_TAKE);
	memset(into, 0xff, 16384);
	cr_assert_eq(store_all(&f, DISK_OK), 1);
	download_block_end(f.d, slow, f.now);
	cr_assert(download_is_done(f.d));
	cr_assert_eq(download_wasted_bytes(f.d), 16384);
	leave(&f, slow);
	leave(&f, good);
	fixture_deinit(&f);
}

/* ---- trust ---- */

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

/* The owner of such a piece goes away half way: another begins it anew, and
 * what the first sent is not mixed in. */
Test(download, the_owner_of_an_exclusive_piece_leaves)
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

/* ---- disk, memory, choices of the user ---- */

Test(download, a_disk_error_makes_the_piece_missing)
{
	struct fixture f;
	struct block out[16];
	fixture_init(&f, 65536, 65536);
	struct download_peer *p = join_seed(&f, 0, 0);
	cr_assert_eq(download_request(f.d, p, out, 16, f.now), 4);
	for (int i = 0; i < 4; i++)
		send_block(&f, p, out[i], false);
	store_all(&f, DISK_FULL);
	uint32_t source;
	cr_assert_not(download_next_liar(f.d, &source));
	cr_assert_not(download_is_done(f.d));
	cr_assert_eq(f.pool.used, 0);
	cr_assert_eq(download_request(f.d, p, out, 16, f.now), 4);
	check_invariants(&f);
	leave(&f, p);
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

Test(download, priorities_and_skipping)
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

Test(download, in_sequence_with_the_last_piece_after_the_first)
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

Test(download, the_first_piece_is_random)
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

Test(download, a_window_is_filled_in_batches)
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
Test(download, idle_peers_look_again_in_the_endgame)
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
Test(download, seeds_are_spared_for_what_only_they_have)
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

Test(download, classic_asks_for_open_pieces_before_rarer_ones)
{
	cr_assert_eq(second_piece(false), 1);
	cr_assert_eq(second_piece(true), 0);
}
