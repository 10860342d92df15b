/* peer/download/picker.c: rankings of pieces by availability.
 *
 * Invariant, for each ranking: order[start[a] .. start[a + 1]) are the pieces
 * with availability a (the last level ends at count), and place[order[i]] == i.
 *
 * Most picks end at the first pieces of a ranking. For a peer that has little
 * of what is rare that scan is cut off, and its own pieces are walked instead,
 * from a random one, up to a bound: exact for peers with few pieces, a sample
 * for the rest. */
#include "peer/download/picker.h"

#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

static uint32_t rank_index(uint8_t priority, bool open)
{
	return 2u * (priority - 1u) + (open ? 1u : 0u);
}

static bool rank_is_open(uint32_t index)
{
	return (index & 1) != 0;
}

/* Uniform enough for ties: the high half of a Weyl-mixed product. */
static uint32_t dice_below(struct picker *p, uint32_t bound)
{
	p->dice += 0x9e3779b97f4a7c15u;
	uint64_t z = p->dice;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	return (uint32_t)((z >> 32) * bound >> 32);
}

void picker_init(struct picker *p, uint32_t pieces, struct rng *rng)
{
	*p = (struct picker){ .size = pieces, .dice = rng_u64(rng) };
	p->place = memory_zeroed((size_t)pieces + 1, sizeof(*p->place));
	p->availability = memory_zeroed((size_t)pieces + 1, sizeof(*p->availability));
	p->rank = memory_zeroed((size_t)pieces + 1, sizeof(*p->rank));
}

void picker_deinit(struct picker *p)
{
	free(p->place);
	free(p->availability);
	free(p->rank);
	for (uint32_t i = 0; i < PICKER_RANKS; i++) {
		free(p->ranks[i].order);
		free(p->ranks[i].start);
	}
	*p = (struct picker){ .size = 0 };
}

/* ---- one ranking ---- */

static void rank_need_levels(struct picker_rank *r, uint32_t levels)
{
	if (levels <= r->levels)
		return;
	if (levels > r->start_size) {
		r->start_size = levels < 8 ? 8 : levels + levels / 2;
		r->start = memory_resize(r->start, r->start_size, sizeof(*r->start));
	}
	for (uint32_t a = r->levels; a < levels; a++)
		r->start[a] = r->count;
	r->levels = levels;
}

static void rank_swap(struct picker *p, struct picker_rank *r, uint32_t i, uint32_t j)
{
	const uint32_t a = r->order[i], b = r->order[j];

	r->order[i] = b;
	r->order[j] = a;
	p->place[b] = i;
	p->place[a] = j;
}

static void rank_insert(struct picker *p, struct picker_rank *r, uint32_t piece)
{
	const uint32_t availability = p->availability[piece];

	rank_need_levels(r, availability + 1);
	if (r->count == r->size) {
		r->size = r->size == 0 ? 64 : r->size + r->size / 2;
		r->order = memory_resize(r->order, r->size, sizeof(*r->order));
	}
	uint32_t at = r->count++;
	r->order[at] = piece;
	p->place[piece] = at;
	for (uint32_t a = r->levels - 1; a > availability; a--) {
		rank_swap(p, r, at, r->start[a]);
		at = r->start[a]++;
	}
}

static void rank_remove(struct picker *p, struct picker_rank *r, uint32_t piece)
{
	uint32_t at = p->place[piece];

	for (uint32_t a = p->availability[piece] + 1u; a < r->levels; a++) {
		const uint32_t last = --r->start[a];
		rank_swap(p, r, at, last);
		at = last;
	}
	rank_swap(p, r, at, r->count - 1);
	r->count--;
}

/* Put a ranking in order again after availabilities changed under it. */
static void rank_sort(struct picker *p, struct picker_rank *r)
{
	uint32_t levels = 1;

	if (r->count == 0) {
		r->levels = 0;
		return;
	}
	for (uint32_t i = 0; i < r->count; i++) {
		const uint32_t a = p->availability[r->order[i]] + 1u;
		levels = a > levels ? a : levels;
	}
	rank_need_levels(r, levels);
	r->levels = levels;
	memset(r->start, 0, levels * sizeof(*r->start));
	for (uint32_t i = 0; i < r->count; i++)
		r->start[p->availability[r->order[i]]]++;
	uint32_t sum = 0;
	for (uint32_t a = 0; a < levels; a++) {
		const uint32_t here = r->start[a];
		r->start[a] = sum;
		sum += here;
	}

	uint32_t *old = r->order;
	uint32_t *to = memory_alloc(levels * sizeof(*to));
	memcpy(to, r->start, levels * sizeof(*to));
	r->order = memory_alloc(r->size * sizeof(*r->order));
	for (uint32_t i = 0; i < r->count; i++) {
		const uint32_t piece = old[i], at = to[p->availability[piece]]++;
		r->order[at] = piece;
		p->place[piece] = at;
	}
	free(to);
	free(old);
}

/* ---- standing and availability ---- */

void picker_set(struct picker *p, uint32_t piece, enum picker_standing standing, uint8_t priority)
{
	assert(piece < p->size);
	assert(standing == PICKER_OUT || (priority >= 1 && priority <= PICKER_PRIORITY_MAX));
	uint8_t rank = 0;
	if (standing != PICKER_OUT)
		rank = (uint8_t)(rank_index(priority, standing == PICKER_OPEN) + 1);
	if (p->rank[piece] == rank)
		return;
	if (p->rank[piece] != 0) {
		rank_remove(p, &p->ranks[p->rank[piece] - 1], piece);
		p->ranked--;
	}
	p->rank[piece] = rank;
	if (rank != 0) {
		rank_insert(p, &p->ranks[rank - 1], piece);
		p->ranked++;
	}
}

enum picker_standing picker_get(const struct picker *p, uint32_t piece)
{
	assert(piece < p->size);
	if (p->rank[piece] == 0)
		return PICKER_OUT;
	return rank_is_open(p->rank[piece] - 1u) ? PICKER_OPEN : PICKER_FRESH;
}

void picker_on_have(struct picker *p, uint32_t piece)
{
	assert(piece < p->size && p->availability[piece] < PICKER_AVAILABILITY_MAX);
	const uint32_t above = ++p->availability[piece];
	if (p->rank[piece] == 0)
		return;

	struct picker_rank *r = &p->ranks[p->rank[piece] - 1];
	rank_need_levels(r, above + 1);
	rank_swap(p, r, p->place[piece], --r->start[above]);
}

void picker_on_loss(struct picker *p, uint32_t piece)
{
	assert(piece < p->size && p->availability[piece] > 0);
	const uint32_t level = p->availability[piece]--;
	if (p->rank[piece] == 0)
		return;

	struct picker_rank *r = &p->ranks[p->rank[piece] - 1];
	rank_swap(p, r, p->place[piece], r->start[level]++);
}

void picker_count(struct picker *p, const struct bitfield *has)
{
	for (uint32_t i = bitfield_next(has, 0); i < has->size; i = bitfield_next(has, i + 1)) {
		assert(p->availability[i] < PICKER_AVAILABILITY_MAX);
		p->availability[i]++;
	}
}

void picker_sort(struct picker *p)
{
	for (uint32_t i = 0; i < PICKER_RANKS; i++)
		rank_sort(p, &p->ranks[i]);
}

static bool is_many(const struct picker *p, const struct bitfield *has)
{
	return has->count > p->size / 4;
}

void picker_on_join(struct picker *p, const struct bitfield *has)
{
	assert(has->size == p->size);
	if (is_many(p, has)) {
		picker_count(p, has);
		picker_sort(p);
		return;
	}
	for (uint32_t i = bitfield_next(has, 0); i < has->size; i = bitfield_next(has, i + 1))
		picker_on_have(p, i);
}

void picker_on_leave(struct picker *p, const struct bitfield *has)
{
	assert(has->size == p->size);
	const bool many = is_many(p, has);
	for (uint32_t i = bitfield_next(has, 0); i < has->size; i = bitfield_next(has, i + 1)) {
		if (many) {
			assert(p->availability[i] > 0);
			p->availability[i]--;
		} else {
			picker_on_loss(p, i);
		}
	}
	if (many)
		picker_sort(p);
}

bool picker_has_rarer(const struct picker *p, uint32_t piece, uint8_t priority)
{
	const uint32_t a = p->availability[piece];

	assert(priority >= 1 && priority <= PICKER_PRIORITY_MAX);
	for (uint32_t open = 0; open < 2; open++) {
		const struct picker_rank *r = &p->ranks[rank_index(priority, open != 0)];
		if ((a < r->levels ? r->start[a] : r->count) > 0)
			return true;
	}
	return false;
}

/* ---- picking ---- */

enum scan { SCAN_FOUND, SCAN_NOTHING, SCAN_CUT };

/* Look through order[from .. to), from a random place in it or its front. */
static enum scan scan_range(struct picker *p, const struct picker_rank *r,
                            const struct bitfield *has, uint32_t from, uint32_t to, bool random,
                            uint32_t *budget, uint32_t *piece)
{
	const uint32_t length = to - from;

	if (length == 0)
		return SCAN_NOTHING;
	uint32_t at = from + (random ? dice_below(p, length) : 0);
	for (uint32_t i = 0; i < length; i++) {
		if (bitfield_get(has, r->order[at])) {
			*piece = r->order[at];
			return SCAN_FOUND;
		}
		if (--*budget == 0)
			return SCAN_CUT;
		if (++at == to)
			at = from;
	}
	return SCAN_NOTHING;
}

static enum scan scan_rank(struct picker *p, uint32_t index, const struct bitfield *has,
                           uint32_t *piece)
{
	const struct picker_rank *r = &p->ranks[index];
	uint32_t budget = PICKER_SCAN_MAX;

	*piece = PICKER_NONE;
	for (uint32_t a = 0; a < r->levels; a++) {
		const uint32_t end = a + 1 < r->levels ? r->start[a + 1] : r->count;
		const enum scan s = scan_range(p, r, has, r->start[a], end, !rank_is_open(index),
		                               &budget, piece);
		if (s != SCAN_NOTHING)
			return s;
	}
	return SCAN_NOTHING;
}

/* Whether a comes before b: one of them is ranked higher, rarer, or open. */
static int compare(const struct picker *p, uint32_t a, uint32_t b)
{
	const uint32_t a_rank = p->rank[a] - 1u, b_rank = p->rank[b] - 1u;

	if (a_rank / 2 != b_rank / 2)
		return a_rank > b_rank ? 1 : -1;
	if (p->availability[a] != p->availability[b])
		return p->availability[a] < p->availability[b] ? 1 : -1;
	if (a_rank != b_rank)
		return a_rank > b_rank ? 1 : -1;
	return 0;
}

static bool is_candidate(const struct picker *p, const struct picker_wish *w, uint32_t piece)
{
	return p->rank[piece] != 0 && (w->may_begin || rank_is_open(p->rank[piece] - 1u));
}

/* The best of the peer's own pieces, walked from a random one. */
static uint32_t pick_from_peer(struct picker *p, const struct picker_wish *w)
{
	const uint32_t start = dice_below(p, p->size);
	uint32_t best = PICKER_NONE, seen = 0, equals = 0;
	bool wrapped = false;

	for (uint32_t i = start; seen < PICKER_SAMPLE_MAX; i++) {
		i = bitfield_next_missing(w->has, w->held, i);
		if (i >= p->size) {
			if (wrapped)
				break;
			wrapped = true;
			i = bitfield_next_missing(w->has, w->held, 0);
		}
		if (wrapped && i >= start)
			break;
		if (!is_candidate(p, w, i))
			continue;
		seen++;
		const int order = best == PICKER_NONE ? 1 : compare(p, i, best);
		equals = order > 0 ? 1 : equals + (order == 0);
		if (order > 0 || (order == 0 && dice_below(p, equals) == 0))
			best = i;
	}
	return best;
}

uint32_t picker_pick(struct picker *p, const struct picker_wish *w)
{
	assert(w->has->size == p->size && w->held->size == p->size);
	for (uint8_t priority = PICKER_PRIORITY_MAX; priority > 0; priority--) {
		const uint32_t fresh_index = rank_index(priority, false);
		uint32_t open, fresh = PICKER_NONE;

		if (scan_rank(p, rank_index(priority, true), w->has, &open) == SCAN_CUT)
			return pick_from_peer(p, w);
		if (w->may_begin && scan_rank(p, fresh_index, w->has, &fresh) == SCAN_CUT)
			return pick_from_peer(p, w);
		if (open == PICKER_NONE)
			open = fresh;
		if (open == PICKER_NONE)
			continue;
		if (fresh != PICKER_NONE && compare(p, fresh, open) > 0)
			return fresh;
		return open;
	}
	return PICKER_NONE;
}

uint32_t picker_pick_random(struct picker *p, const struct picker_wish *w)
{
	for (uint32_t index = PICKER_RANKS; index-- > 0;) {
		const struct picker_rank *r = &p->ranks[index];
		uint32_t budget = PICKER_SCAN_MAX, piece;

		if (!rank_is_open(index) && !w->may_begin)
			continue;
		const enum scan s = scan_range(p, r, w->has, 0, r->count, !rank_is_open(index),
		                               &budget, &piece);
		if (s == SCAN_FOUND)
			return piece;
		if (s == SCAN_CUT)
			return pick_from_peer(p, w);
	}
	return PICKER_NONE;
}

/* The lowest of a short ranking. */
static uint32_t lowest_in_rank(const struct picker_rank *r, const struct bitfield *has)
{
	uint32_t lowest = PICKER_NONE;

	for (uint32_t i = 0; i < r->count; i++) {
		if (r->order[i] < lowest && bitfield_get(has, r->order[i]))
			lowest = r->order[i];
	}
	return lowest;
}

static uint32_t lowest_of_priority(const struct picker *p, const struct picker_wish *w,
                                   uint8_t priority)
{
	const struct picker_rank *open = &p->ranks[rank_index(priority, true)];
	const struct picker_rank *fresh = &p->ranks[rank_index(priority, false)];

	if (open->count + fresh->count <= PICKER_SCAN_MAX) {
		const uint32_t a = lowest_in_rank(open, w->has);
		const uint32_t b = w->may_begin ? lowest_in_rank(fresh, w->has) : PICKER_NONE;
		return a < b ? a : b;
	}
	for (uint32_t i = 0; i < p->size; i++) {
		i = bitfield_next_missing(w->has, w->held, i);
		if (i < p->size && is_candidate(p, w, i) &&
		    (p->rank[i] - 1) / 2 + 1 == priority)
			return i;
	}
	return PICKER_NONE;
}

uint32_t picker_pick_lowest(struct picker *p, const struct picker_wish *w)
{
	for (uint8_t priority = PICKER_PRIORITY_MAX; priority > 0; priority--) {
		const uint32_t piece = lowest_of_priority(p, w, priority);
		if (piece != PICKER_NONE)
			return piece;
	}
	return PICKER_NONE;
}

