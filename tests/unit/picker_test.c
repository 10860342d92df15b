/* tests/unit/picker_test.c: peer/download/picker.c, against a naive reference. */
#include "peer/download/picker.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

enum { PIECES = 300, PEERS = 12 };

struct model {
	struct picker p;
	struct rng rng, dice;
	struct bitfield held;
	struct bitfield peers[PEERS];
	enum picker_standing standing[PIECES];
	uint8_t priority[PIECES];
};

static void model_init(struct model *m, uint64_t seed)
{
	memset(m, 0, sizeof(*m));
	rng_init_number(&m->rng, seed, 1);
	rng_init_number(&m->dice, seed, 2);
	picker_init(&m->p, PIECES, &m->rng);
	bitfield_init(&m->held, PIECES);
	for (int i = 0; i < PEERS; i++)
		bitfield_init(&m->peers[i], PIECES);
}

static void model_deinit(struct model *m)
{
	picker_deinit(&m->p);
	bitfield_deinit(&m->held);
	for (int i = 0; i < PEERS; i++)
		bitfield_deinit(&m->peers[i]);
}

static void set(struct model *m, uint32_t piece, enum picker_standing s, uint8_t priority)
{
	m->standing[piece] = s;
	m->priority[piece] = priority;
	if (s == PICKER_OUT)
		bitfield_set(&m->held, piece);
	else
		bitfield_clear(&m->held, piece);
	picker_set(&m->p, piece, s, priority);
}

static uint32_t availability(const struct model *m, uint32_t piece)
{
	uint32_t sum = 0;
	for (int i = 0; i < PEERS; i++)
		sum += bitfield_get(&m->peers[i], piece);
	return sum;
}

/* The order of preference as one number, smaller is better. */
static uint64_t key(const struct model *m, uint32_t piece)
{
	return ((uint64_t)(7 - m->priority[piece]) << 40) |
	       ((uint64_t)availability(m, piece) << 8) | (m->standing[piece] == PICKER_FRESH);
}

static void check_structure(const struct model *m)
{
	uint32_t ranked = 0;
	for (uint32_t i = 0; i < PICKER_RANKS; i++) {
		const struct picker_rank *r = &m->p.ranks[i];
		ranked += r->count;
		for (uint32_t k = 0; k < r->count; k++) {
			const uint32_t piece = r->order[k];
			const uint32_t a = m->p.availability[piece];
			cr_assert_eq(m->p.place[piece], k);
			cr_assert_eq(m->p.rank[piece], i + 1);
			cr_assert_leq(r->start[a], k);
			cr_assert(a + 1 == r->levels || r->start[a + 1] > k);
		}
	}
	cr_assert_eq(ranked, m->p.ranked);
	for (uint32_t piece = 0; piece < PIECES; piece++) {
		cr_assert_eq(m->p.availability[piece], availability(m, piece));
		cr_assert_eq(picker_get(&m->p, piece), m->standing[piece]);
	}
}

static void check_pick(struct model *m, const struct bitfield *has, bool may_begin)
{
	const struct picker_wish wish = { has, &m->held, may_begin };
	uint64_t best = UINT64_MAX, top = UINT64_MAX;
	uint32_t lowest = PICKER_NONE;
	for (uint32_t i = 0; i < PIECES; i++) {
		if (!bitfield_get(has, i) || m->standing[i] == PICKER_OUT ||
		    (m->standing[i] == PICKER_FRESH && !may_begin))
			continue;
		best = key(m, i) < best ? key(m, i) : best;
		if (7u - m->priority[i] < top) {
			top = 7u - m->priority[i];
			lowest = i;
		}
	}
	const uint32_t pick = picker_pick(&m->p, &wish);
	const uint32_t any = picker_pick_random(&m->p, &wish);
	cr_assert_eq(pick == PICKER_NONE, best == UINT64_MAX);
	cr_assert_eq(any == PICKER_NONE, best == UINT64_MAX);
	cr_assert_eq(picker_pick_lowest(&m->p, &wish), lowest);
	if (pick == PICKER_NONE)
		return;
	cr_assert(bitfield_get(has, pick));
	cr_assert_eq(key(m, pick), best);
	cr_assert(bitfield_get(has, any));
	cr_assert_eq(7u - m->priority[any], top);
	cr_assert(may_begin || m->standing[any] == PICKER_OPEN);
}

static void random_step(struct model *m)
{
	const uint32_t piece = rng_below(&m->dice, PIECES), i = rng_below(&m->dice, PEERS);
	struct bitfield *has = &m->peers[i];
	switch (rng_below(&m->dice, 8)) {
	case 0: /* leave, and join with something else */
		picker_on_leave(&m->p, has);
		bitfield_clear_all(has);
		check_structure(m);
		const uint32_t density = 1 + rng_below(&m->dice, 20);
		for (uint32_t k = 0; k < PIECES; k++) {
			if (rng_below(&m->dice, 20) < density)
				bitfield_set(has, k);
		}
		picker_on_join(&m->p, has);
		break;
	case 1:
	case 2:
	case 3:
		if (bitfield_set(has, piece))
			picker_on_have(&m->p, piece);
		break;
	case 4:
		if (bitfield_clear(has, piece))
			picker_on_loss(&m->p, piece);
		break;
	default:
		set(m, piece, (enum picker_standing)rng_below(&m->dice, 3),
		    (uint8_t)(1 + rng_below(&m->dice, 7)));
	}
}

Test(picker, agrees_with_the_naive_reference)
{
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct model m;
		model_init(&m, seed);
		for (uint32_t i = 0; i < PIECES; i++)
			set(&m, i, PICKER_FRESH, 4);
		for (int step = 0; step < 1200; step++) {
			random_step(&m);
			if (step % 7 == 0)
				check_structure(&m);
			check_pick(&m, &m.peers[rng_below(&m.dice, PEERS)], step % 3 != 0);
		}
		model_deinit(&m);
	}
}

Test(picker, the_rarest_comes_first)
{
	struct model m;
	model_init(&m, 1);
	for (uint32_t i = 0; i < PIECES; i++)
		set(&m, i, PICKER_FRESH, 4);
	for (int peer = 0; peer < 3; peer++) {
		bitfield_set_all(&m.peers[peer]);
		picker_on_join(&m.p, &m.peers[peer]);
	}
	bitfield_clear(&m.peers[0], 17);
	picker_on_loss(&m.p, 17);
	const struct picker_wish wish = { &m.peers[1], &m.held, true };
	cr_assert_eq(picker_pick(&m.p, &wish), 17);
	/* An open piece breaks ties, and no more than that. */
	set(&m, 200, PICKER_OPEN, 4);
	cr_assert_eq(picker_pick(&m.p, &wish), 17);
	set(&m, 17, PICKER_OUT, 0);
	cr_assert_eq(picker_pick(&m.p, &wish), 200);
	set(&m, 5, PICKER_FRESH, 7);
	cr_assert_eq(picker_pick(&m.p, &wish), 5);
	model_deinit(&m);
}

Test(picker, ties_are_broken_at_random)
{
	struct model m;
	uint32_t hits[PIECES] = { 0 };
	model_init(&m, 3);
	for (uint32_t i = 0; i < PIECES; i++)
		set(&m, i, PICKER_FRESH, 4);
	bitfield_set_all(&m.peers[0]);
	const struct picker_wish wish = { &m.peers[0], &m.held, true };
	for (int i = 0; i < PIECES * 100; i++)
		hits[picker_pick(&m.p, &wish)]++;
	for (uint32_t i = 0; i < PIECES; i++)
		cr_assert(hits[i] > 50 && hits[i] < 160, "piece %u: %u times", i, hits[i]);
	model_deinit(&m);
}

/* Rankings longer than PICKER_SCAN_MAX whose front the peer lacks: the peer's
 * own pieces decide, exactly while they are at most PICKER_SAMPLE_MAX. */
Test(picker, a_peer_without_the_rare_ones)
{
	const uint32_t size = 8 * PICKER_SAMPLE_MAX;
	struct picker p;
	struct rng rng;
	struct bitfield common, some, held;
	rng_init_number(&rng, 1, 1);
	picker_init(&p, size, &rng);
	bitfield_init(&common, size);
	bitfield_init(&some, size);
	bitfield_init(&held, size);
	for (uint32_t i = 0; i < size; i++) {
		picker_set(&p, i, PICKER_FRESH, 4);
		if (i >= size / 2)
			bitfield_set(&common, i);
	}
	for (int i = 0; i < 3; i++)
		picker_on_join(&p, &common);
	for (uint32_t i = 0; i < PICKER_SAMPLE_MAX - 1; i++)
		bitfield_set(&some, size / 2 + i * 3);
	picker_on_loss(&p, size / 2 + 300);
	const struct picker_wish wish = { &some, &held, true };
	for (int i = 0; i < 20; i++)
		cr_assert_eq(picker_pick(&p, &wish), size / 2 + 300);
	const struct picker_wish many = { &common, &held, true };
	for (int i = 0; i < 20; i++)
		cr_assert(bitfield_get(&common, picker_pick(&p, &many)));
	cr_assert_eq(picker_pick_lowest(&p, &many), size / 2);
	for (int i = 0; i < 20; i++)
		cr_assert(bitfield_get(&some, picker_pick_random(&p, &wish)));
	picker_deinit(&p);
	bitfield_deinit(&common);
	bitfield_deinit(&some);
	bitfield_deinit(&held);
}

Test(picker, nothing_to_pick)
{
	struct model m;
	model_init(&m, 1);
	bitfield_set_all(&m.peers[0]);
	const struct picker_wish wish = { &m.peers[0], &m.held, true };
	cr_assert_eq(picker_pick(&m.p, &wish), PICKER_NONE);
	cr_assert_eq(picker_pick_random(&m.p, &wish), PICKER_NONE);
	cr_assert_eq(picker_pick_lowest(&m.p, &wish), PICKER_NONE);
	model_deinit(&m);
}

Test(picker, availability_to_the_maximum)
{
	struct picker p;
	struct rng rng;
	rng_init_number(&rng, 1, 1);
	picker_init(&p, 2, &rng);
	picker_set(&p, 0, PICKER_FRESH, 1);
	picker_set(&p, 1, PICKER_FRESH, 1);
	for (uint32_t i = 0; i < PICKER_AVAILABILITY_MAX; i++)
		picker_on_have(&p, 0);
	cr_assert_eq(p.availability[0], PICKER_AVAILABILITY_MAX);
	cr_assert_eq(p.ranks[0].order[0], 1);
	for (uint32_t i = 0; i < PICKER_AVAILABILITY_MAX; i++)
		picker_on_loss(&p, 0);
	cr_assert_eq(p.availability[0], 0);
	picker_deinit(&p);
}

Test(picker, more_than_the_maximum_is_a_bug, .signal = SIGABRT)
{
	struct picker p;
	struct rng rng;
	rng_init_number(&rng, 1, 1);
	picker_init(&p, 1, &rng);
	for (uint32_t i = 0; i <= PICKER_AVAILABILITY_MAX; i++)
		picker_on_have(&p, 0);
}
