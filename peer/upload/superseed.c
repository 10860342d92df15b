/* peer/upload/superseed.c: which piece to show to whom.
 *
 * A peer that sees a piece is expected to fetch it and to pass it on: somebody
 * else's HAVE of it frees its place for another. One that keeps what it got gets
 * no more, until the uplink has nothing to do, which turns all this off: the
 * scheme must never cost more than it saves. Where there is nobody else to pass
 * it on to, having it is enough.
 *
 * Invariant: shown_to[i] is the number of hidden peers with i among their shown;
 * out is the number of pieces with copies[i] > 0. */
#include "peer/upload/superseed.h"

#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

void superseed_init(struct superseed *s)
{
	*s = (struct superseed){ .on = false };
}

static void forget_counts(struct superseed *s)
{
	free(s->copies);
	free(s->shown_to);
	s->copies = s->shown_to = NULL;
	s->out = 0;
}

void superseed_deinit(struct superseed *s)
{
	assert(s->peers == NULL);
	forget_counts(s);
}

bool superseed_is_due(const struct superseed *s, const struct superseed_facts *f)
{
	if (f->seeds > 0 || f->pieces_out >= f->piece_count ||
	    f->idle_permille > SUPERSEED_IDLE_PERMILLE)
		return false;
	if (s->on)
		return true;
	const uint64_t unique = (uint64_t)f->pieces_out * f->piece_length;
	return f->sent_bytes >= (uint64_t)SUPERSEED_PIECES_MIN * f->piece_length &&
	       f->sent_bytes * 100 > unique * SUPERSEED_BEGIN_PERCENT;
}

void superseed_begin(struct superseed *s, uint32_t piece_count)
{
	assert(!s->on && s->copies == NULL);
	s->on = true;
	s->piece_count = piece_count;
	s->copies = memory_zeroed(piece_count, sizeof(*s->copies));
	s->shown_to = memory_zeroed(piece_count, sizeof(*s->shown_to));
	/* Some may still be hidden from since the last time. */
	for (struct superseed_peer *p = s->peers; p != NULL; p = p->next) {
		p->rest = 0;
		for (int i = 0; i < SUPERSEED_SHOWN_MAX; i++)
			p->shown[i] = SUPERSEED_NONE;
	}
}

void superseed_end(struct superseed *s)
{
	s->on = false;
	forget_counts(s);
}

/* ---- peers ---- */

void superseed_peer_init(struct superseed *s, struct superseed_peer *p, bool hidden)
{
	*p = (struct superseed_peer){ .hidden = hidden && s->on };
	for (int i = 0; i < SUPERSEED_SHOWN_MAX; i++)
		p->shown[i] = SUPERSEED_NONE;
	if (!p->hidden)
		return;
	bitfield_init(&p->told, s->piece_count);
	p->next = s->peers;
	if (p->next != NULL)
		p->next->prev = p;
	s->peers = p;
}

static void free_place(struct superseed *s, uint32_t *shown)
{
	if (*shown == SUPERSEED_NONE)
		return;
	if (s->on)
		s->shown_to[*shown]--;
	*shown = SUPERSEED_NONE;
}

/* It knows all, or is gone. */
static void show_itself(struct superseed *s, struct superseed_peer *p)
{
	if (!p->hidden)
		return;
	for (int i = 0; i < SUPERSEED_SHOWN_MAX; i++)
		free_place(s, &p->shown[i]);
	if (p->prev != NULL)
		p->prev->next = p->next;
	else
		s->peers = p->next;
	if (p->next != NULL)
		p->next->prev = p->prev;
	bitfield_deinit(&p->told);
	*p = (struct superseed_peer){ .hidden = false };
}

void superseed_peer_deinit(struct superseed *s, struct superseed_peer *p)
{
	show_itself(s, p);
}

/* ---- who has what ---- */

static void count_copy(struct superseed *s, uint32_t piece)
{
	if (s->copies[piece] == 0)
		s->out++;
	if (s->copies[piece] < UINT16_MAX)
		s->copies[piece]++;
}

void superseed_on_bitfield(struct superseed *s, const struct bitfield *has)
{
	if (!s->on)
		return;
	for (uint32_t i = bitfield_next(has, 0); i < has->size; i = bitfield_next(has, i + 1))
		count_copy(s, i);
}

void superseed_on_gone(struct superseed *s, const struct bitfield *has)
{
	if (!s->on)
		return;
	for (uint32_t i = bitfield_next(has, 0); i < has->size; i = bitfield_next(has, i + 1)) {
		if (s->copies[i] > 0 && --s->copies[i] == 0)
			s->out--;
	}
}

void superseed_on_have(struct superseed *s, struct superseed_peer *from, uint32_t piece)
{
	if (!s->on || piece >= s->piece_count)
		return;
	count_copy(s, piece);
	if (s->shown_to[piece] == 0)
		return;
	for (struct superseed_peer *p = s->peers; p != NULL; p = p->next) {
		const bool alone = s->peers == p && p->next == NULL;
		if (p == from && !alone && s->copies[piece] < 2)
			continue;
		for (int i = 0; i < SUPERSEED_SHOWN_MAX; i++) {
			if (p->shown[i] == piece)
				free_place(s, &p->shown[i]);
		}
	}
}

/* ---- what to show ---- */

/* A piece that nobody has and nobody else was shown, at random; SUPERSEED_NONE
 * when there is none left: the others can be had from each other. */
static uint32_t pick_unseen(const struct superseed *s, struct rng *rng)
{
	if (s->piece_count == 0)
		return SUPERSEED_NONE;
	const uint32_t start = rng_below(rng, s->piece_count);
	for (uint32_t k = 0; k < s->piece_count; k++) {
		const uint32_t i = k < s->piece_count - start ? start + k : k - (s->piece_count - start);
		if (s->copies[i] == 0 && s->shown_to[i] == 0)
			return i;
	}
	return SUPERSEED_NONE;
}

static bool tell_the_rest(struct superseed *s, struct superseed_peer *p,
                          const struct bitfield *has, uint32_t *piece)
{
	while (p->rest < p->told.size) {
		const uint32_t i = p->rest++;
		if (!bitfield_set(&p->told, i) || bitfield_get(has, i))
			continue;
		*piece = i;
		return true;
	}
	show_itself(s, p);
	return false;
}

bool superseed_tell_next(struct superseed *s, struct superseed_peer *p, const struct bitfield *has,
                         struct rng *rng, uint32_t *piece)
{
	if (!p->hidden)
		return false;
	if (!s->on)
		return tell_the_rest(s, p, has, piece);
	for (int i = 0; i < SUPERSEED_SHOWN_MAX; i++) {
		if (p->shown[i] != SUPERSEED_NONE)
			continue;
		*piece = pick_unseen(s, rng);
		if (*piece == SUPERSEED_NONE)
			return false;
		p->shown[i] = *piece;
		s->shown_to[*piece]++;
		bitfield_set(&p->told, *piece);
		return true;
	}
	return false;
}

bool superseed_may_ask(const struct superseed_peer *p, uint32_t piece)
{
	return !p->hidden || bitfield_get(&p->told, piece);
}
