/* tools/bench/micro_picker.c: what choosing costs: the picker's HAVE, pick and
 * join at 100k pieces and 200 peers, and a block's whole way through a download,
 * its bytes not counted. */
#include "tools/bench/micro_picker.h"

#include "peer/download/download.h"
#include "peer/download/picker.h"
#include "proto/memory.h"

#include <stdlib.h>
#include <time.h>

enum { PIECES = 100000, PEERS = 200, LAPS = 2000000, PICKS = 1000000, JOINS = 200 };

struct fixture {
	struct picker picker;
	struct rng rng;
	struct bitfield held, peers[PEERS];
	uint32_t *pieces; /* owned: LAPS random pieces */
};

static double nanoseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Peers with 50 % to 99 % of the pieces, the rest of the download as fresh. */
static void fixture_init(struct fixture *f)
{
	rng_init_number(&f->rng, 1, 1);
	picker_init(&f->picker, PIECES, &f->rng);
	bitfield_init(&f->held, PIECES);
	for (uint32_t i = 0; i < PIECES; i++)
		picker_set(&f->picker, i, PICKER_FRESH, 4);
	for (uint32_t i = 0; i < PEERS; i++) {
		bitfield_init(&f->peers[i], PIECES);
		const uint32_t percent = 50 + rng_below(&f->rng, 50);
		for (uint32_t k = 0; k < PIECES; k++) {
			if (rng_below(&f->rng, 100) < percent)
				bitfield_set(&f->peers[i], k);
		}
		picker_on_join(&f->picker, &f->peers[i]);
	}
	f->pieces = memory_alloc(LAPS * sizeof(*f->pieces));
	for (uint32_t i = 0; i < LAPS; i++)
		f->pieces[i] = rng_below(&f->rng, PIECES);
}

static void fixture_deinit(struct fixture *f)
{
	picker_deinit(&f->picker);
	bitfield_deinit(&f->held);
	for (uint32_t i = 0; i < PEERS; i++)
		bitfield_deinit(&f->peers[i]);
	free(f->pieces);
}

static double pick_cost(struct fixture *f, bool taking)
{
	uint32_t taken = 0;
	const double start = nanoseconds();

	for (uint32_t i = 0; i < PICKS; i++) {
		const struct picker_wish wish = { &f->peers[i % PEERS], &f->held, true };
		const uint32_t piece = picker_pick(&f->picker, &wish);
		if (!taking || piece == PICKER_NONE)
			continue;
		picker_set(&f->picker, piece, PICKER_OUT, 0);
		bitfield_set(&f->held, piece);
		if (++taken == PIECES / 2)
			return (nanoseconds() - start) / taken;
	}
	return (nanoseconds() - start) / PICKS;
}

/* A peer with a hundredth of the pieces, all of them common: the rankings'
 * front is of no use to it. */
static double poor_pick_cost(struct fixture *f)
{
	struct bitfield few;
	const uint32_t laps = PICKS / 100;
	uint32_t found = 0;

	bitfield_init(&few, PIECES);
	for (uint32_t i = 0; i < PIECES / 100; i++) {
		bitfield_set(&few, i * 100);
		for (uint32_t k = 0; k < PEERS; k++)
			picker_on_have(&f->picker, i * 100);
	}
	const struct picker_wish wish = { &few, &f->held, true };
	const double start = nanoseconds();
	for (uint32_t i = 0; i < laps; i++)
		found += picker_pick(&f->picker, &wish) != PICKER_NONE;
	const double cost = (nanoseconds() - start) / (found == 0 ? 1 : found);
	bitfield_deinit(&few);
	return cost;
}

/* One seed sends everything; nothing is copied, nothing is hashed. */
static double block_cost(uint32_t piece_length)
{
	struct metainfo m = { .piece_length = piece_length, .total = (uint64_t)8 << 30 };
	struct chunk_pool pool;
	struct rng rng;
	struct download_peer p;
	struct block blocks[64];
	struct full_piece full;
	const char *reason;
	uint8_t *into;
	usec now = USEC_PER_SEC;
	uint64_t count = 0;

	m.piece_count = (uint32_t)(m.total / piece_length);
	rng_init_number(&rng, 1, 1);
	chunk_pool_init(&pool, 64 << 20);
	struct download *d = download_new(&m, &pool, &rng);
	download_peer_init(d, &p, 0, now);
	p.fast = true;
	download_on_have_all(d, &p, &reason);
	download_on_unchoke(d, &p, now);
	const double start = nanoseconds();
	while (!download_is_done(d)) {
		const uint32_t n = download_request(d, &p, blocks, 64, now);
		for (uint32_t i = 0; i < n; i++, count++, now += 8) {
			download_block_begin(d, &p, blocks[i], &into, &reason, now);
			download_block_end(d, &p, now);
		}
		while (download_next_full(d, &full))
			download_on_stored(d, &full, DISK_OK, now);
	}
	const double cost = (nanoseconds() - start) / (double)count;
	download_peer_deinit(d, &p, now);
	download_free(d);
	chunk_pool_deinit(&pool);
	return cost;
}

void bench_picker(FILE *out)
{
	struct fixture *f = memory_zeroed(1, sizeof(*f));
	double start;

	fixture_init(f);
	start = nanoseconds();
	for (uint32_t i = 0; i < LAPS; i++)
		picker_on_have(&f->picker, f->pieces[i]);
	fprintf(out, "picker: HAVE             %8.1f ns\n", (nanoseconds() - start) / LAPS);
	start = nanoseconds();
	for (uint32_t i = 0; i < LAPS; i++)
		picker_on_loss(&f->picker, f->pieces[i]);
	fprintf(out, "picker: loss             %8.1f ns\n", (nanoseconds() - start) / LAPS);
	start = nanoseconds();
	for (uint32_t i = 0; i < JOINS; i++) {
		picker_on_leave(&f->picker, &f->peers[i % PEERS]);
		picker_on_join(&f->picker, &f->peers[i % PEERS]);
	}
	fprintf(out, "picker: bitfield         %8.1f us\n",
	        (nanoseconds() - start) / JOINS / 2 / 1000);
	fprintf(out, "picker: pick             %8.1f ns\n", pick_cost(f, false));
	fprintf(out, "picker: pick, poor peer  %8.1f ns\n", poor_pick_cost(f));
	fprintf(out, "picker: pick and take    %8.1f ns\n", pick_cost(f, true));
	fixture_deinit(f);
	free(f);
	fprintf(out, "download: block of 256K  %8.1f ns\n", block_cost(256 << 10));
	fprintf(out, "download: block of 4M    %8.1f ns\n", block_cost(4 << 20));
	fprintf(out, "download: block of 16K   %8.1f ns\n", block_cost(16 << 10));
}
