/* tests/unit/download_rig.h: one download with peers made by hand and a disk
 * that compares, for the tests of peer/download through its front door. */
#ifndef TESTS_DOWNLOAD_RIG_H
#define TESTS_DOWNLOAD_RIG_H

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

static inline void fixture_init(struct fixture *f, uint64_t total, uint32_t piece_length)
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

static inline void fixture_deinit(struct fixture *f)
{
	download_free(f->d);
	cr_assert_eq(f->pool.used, 0, "%u chunks leaked", f->pool.used);
	chunk_pool_deinit(&f->pool);
}

static inline uint8_t content(uint32_t piece, uint32_t offset)
{
	return (uint8_t)(piece * 31 + offset * 7 + (offset >> 8) * 13 + 1);
}

static inline struct download_peer *join(struct fixture *f, uint32_t i, uint32_t source)
{
	download_peer_init(f->d, &f->peers[i], source, f->now);
	return &f->peers[i];
}

static inline struct download_peer *join_seed(struct fixture *f, uint32_t i, uint32_t source)
{
	struct download_peer *p = join(f, i, source);
	p->fast = true;
	cr_assert(download_on_have_all(f->d, p, &reason));
	download_on_unchoke(f->d, p, f->now);
	return p;
}

static inline void leave(struct fixture *f, struct download_peer *p)
{
	download_peer_deinit(f->d, p, f->now);
}

static inline enum download_take send_block(struct fixture *f, struct download_peer *p, struct block b,
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
static inline uint32_t store_all(struct fixture *f, enum disk_result good)
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
static inline void check_invariants(const struct fixture *f)
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

#endif
