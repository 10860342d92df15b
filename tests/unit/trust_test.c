/* tests/unit/trust_test.c: peer/download/trust.c */
#include "peer/download/trust.h"

#include "proto/memory.h"

#include <criterion/criterion.h>
#include <stdlib.h>

struct fixture {
	struct trust t;
	struct rng rng;
};

static void fixture_init(struct fixture *f)
{
	rng_init_number(&f->rng, 1, 1);
	trust_init(&f->t, &f->rng);
}

/* A copy of a piece of blocks blocks, block i from sources[i % 2]; the bits of
 * wrong say which are. */
struct copy {
	struct partial partial;
	uint8_t **chunks;
};

static struct copy *copy_new(uint32_t piece, uint32_t blocks, uint32_t even, uint32_t odd,
                             uint32_t wrong)
{
	struct copy *c = memory_zeroed(1, sizeof(*c));
	c->partial.piece = piece;
	c->partial.block_count = blocks;
	c->partial.length = blocks * BLOCK_SIZE - 5;
	c->partial.chunk_count = chunks_for(c->partial.length);
	c->partial.blocks = memory_zeroed(blocks, sizeof(*c->partial.blocks));
	c->chunks = memory_zeroed(c->partial.chunk_count, sizeof(*c->chunks));
	for (uint32_t i = 0; i < c->partial.chunk_count; i++)
		c->chunks[i] = memory_zeroed(1, CHUNK_SIZE);
	for (uint32_t i = 0; i < blocks; i++) {
		uint8_t *data = c->chunks[i / CHUNK_BLOCKS] + (i % CHUNK_BLOCKS) * BLOCK_SIZE;
		data[partial_block_size(&c->partial, i) - 1] = i < 32 && (wrong >> i & 1) != 0;
		c->partial.blocks[i].source = i % 2 == 0 ? even : odd;
	}
	/* What lies behind the last block must not matter. */
	c->chunks[c->partial.chunk_count - 1][(c->partial.length - 1) % CHUNK_SIZE + 1] =
	        (uint8_t)wrong;
	return c;
}

static void copy_free(struct copy *c)
{
	for (uint32_t i = 0; i < c->partial.chunk_count; i++)
		free(c->chunks[i]);
	free(c->chunks);
	free(c->partial.blocks);
	free(c);
}

static void bad(struct fixture *f, uint32_t piece, uint32_t blocks, uint32_t even, uint32_t odd,
                uint32_t wrong)
{
	struct copy *c = copy_new(piece, blocks, even, odd, wrong);
	trust_on_bad(&f->t, &c->partial, c->chunks);
	copy_free(c);
}

static void good(struct fixture *f, uint32_t piece, uint32_t blocks)
{
	struct copy *c = copy_new(piece, blocks, 99, 99, 0);
	trust_on_good(&f->t, &c->partial, c->chunks);
	copy_free(c);
}

static void expect_liars(struct fixture *f, const uint32_t *liars, uint32_t count)
{
	uint32_t source;
	for (uint32_t i = 0; i < count; i++) {
		cr_assert(trust_next_liar(&f->t, &source));
		cr_assert_eq(source, liars[i]);
	}
	cr_assert_not(trust_next_liar(&f->t, &source));
}

Test(trust, one_source_is_proof)
{
	struct fixture f;
	fixture_init(&f);
	bad(&f, 3, 4, 7, 7, 1);
	expect_liars(&f, (uint32_t[]){ 7 }, 1);
	cr_assert_not(trust_is_suspect(&f.t, 3));
	bad(&f, 4, 4, 7, 7, 1);
	expect_liars(&f, NULL, 0);
	trust_deinit(&f.t);
}

Test(trust, two_sources_wait_for_a_good_copy)
{
	struct fixture f;
	fixture_init(&f);
	bad(&f, 3, 4, 7, 8, 1 << 3);
	expect_liars(&f, NULL, 0);
	cr_assert(trust_is_suspect(&f.t, 3));
	cr_assert_not(trust_is_suspect(&f.t, 2));
	cr_assert(trust_is_implicated(&f.t, 3, 7) && trust_is_implicated(&f.t, 3, 8));
	cr_assert_not(trust_is_implicated(&f.t, 3, 9));
	cr_assert_not(trust_is_implicated(&f.t, 2, 7));
	good(&f, 2, 4);
	expect_liars(&f, NULL, 0);
	good(&f, 3, 4);
	expect_liars(&f, (uint32_t[]){ 8 }, 1);
	cr_assert_not(trust_is_suspect(&f.t, 3));
	cr_assert_eq(f.t.copies + f.t.blocks, 0);
	trust_deinit(&f.t);
}

Test(trust, several_bad_copies_of_one_piece)
{
	struct fixture f;
	fixture_init(&f);
	bad(&f, 3, 4, 7, 8, 1);      /* 7 lied */
	bad(&f, 3, 4, 8, 9, 1 << 1); /* 9 lied */
	bad(&f, 5, 4, 1, 2, 3);
	good(&f, 3, 4);
	expect_liars(&f, (uint32_t[]){ 7, 9 }, 2);
	cr_assert_eq(f.t.copies, 1);
	good(&f, 5, 4);
	expect_liars(&f, (uint32_t[]){ 1, 2 }, 2);
	trust_deinit(&f.t);
}

Test(trust, copies_up_to_the_maximum)
{
	struct fixture f;
	fixture_init(&f);
	for (uint32_t i = 0; i < TRUST_PIECES_MAX + 3; i++)
		bad(&f, i, 2, 1, 2, 1);
	cr_assert_eq(f.t.copies, TRUST_PIECES_MAX);
	cr_assert_not(trust_is_suspect(&f.t, 2));
	cr_assert(trust_is_suspect(&f.t, 3));
	cr_assert(trust_is_suspect(&f.t, TRUST_PIECES_MAX + 2));
	trust_deinit(&f.t);
}

Test(trust, blocks_up_to_the_maximum)
{
	struct fixture f;
	enum { BLOCKS = TRUST_BLOCKS_MAX / 8 };
	fixture_init(&f);
	for (uint32_t i = 0; i < 9; i++)
		bad(&f, i, BLOCKS, 1, 2, 1);
	cr_assert_eq(f.t.copies, 8);
	cr_assert_eq(f.t.blocks, TRUST_BLOCKS_MAX);
	cr_assert_not(trust_is_suspect(&f.t, 0));
	cr_assert(trust_is_suspect(&f.t, 8));
	trust_deinit(&f.t);
}

Test(trust, liars_up_to_the_maximum)
{
	struct fixture f;
	uint32_t source;
	fixture_init(&f);
	for (uint32_t i = 0; i < TRUST_LIARS_MAX + 10; i++)
		bad(&f, i, 1, i, i, 1);
	cr_assert_eq(f.t.liar_count, TRUST_LIARS_MAX);
	for (uint32_t i = 0; i < TRUST_LIARS_MAX; i++) {
		cr_assert(trust_next_liar(&f.t, &source));
		cr_assert_eq(source, i + 10);
	}
	cr_assert_not(trust_next_liar(&f.t, &source));
	bad(&f, 0, 1, 1, 1, 1);
	cr_assert(trust_next_liar(&f.t, &source));
	cr_assert_eq(source, 1);
	trust_deinit(&f.t);
}
