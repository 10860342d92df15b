/* peer/download/ask.c: what to ask whom.
 *
 * In this order: pieces that one source must send alone and that are this
 * peer's; what the picker says; and when nothing is free any more, the endgame:
 * blocks another peer was asked for, if this one is likely to be sooner. Outside
 * the endgame no block is asked of two peers, unless the first fell silent. */
#include "peer/download/state.h"

#include "peer/storage/layout.h"
#include "proto/memory.h"

#include <assert.h>

enum {
	OWNER_PATIENCE = 20,     /* seconds an exclusive piece waits for its owner */
	ENDGAME_SCAN_MAX = 512,  /* requests of others looked at for one call */
};

/* ---- taking back ---- */

void download_release(struct download *d, struct download_peer *p, uint32_t piece,
                      uint32_t block)
{
	struct partial *partial = pieces_find(&d->pieces, piece);

	if (partial == NULL || !partial_remove_asker(partial, block, p))
		return;
	if (!partial->blocks[block].have) {
		d->news = true;
		download_refresh(d, piece, partial);
	}
}

static void cancel_add(struct download *d, struct download_peer *p, struct block b)
{
	if (d->cancel_count == d->cancel_size) {
		d->cancel_size = d->cancel_size == 0 ? 16 : 2 * d->cancel_size;
		d->cancels = memory_resize(d->cancels, d->cancel_size, sizeof(*d->cancels));
	}
	d->cancels[d->cancel_count++] = (struct cancel){ p, b };
}

bool download_next_cancel(struct download *d, struct download_peer **p, struct block *b)
{
	if (d->cancels_told == d->cancel_count) {
		d->cancels_told = d->cancel_count = 0;
		return false;
	}
	*p = d->cancels[d->cancels_told].peer;
	*b = d->cancels[d->cancels_told++].block;
	return true;
}

void download_forget_cancels(struct download *d, const struct download_peer *p)
{
	uint32_t kept = d->cancels_told;

	for (uint32_t i = d->cancels_told; i < d->cancel_count; i++) {
		if (d->cancels[i].peer != p)
			d->cancels[kept++] = d->cancels[i];
	}
	d->cancel_count = kept;
}

void download_lapse(struct download *d, struct download_peer *p, uint32_t index, bool cancel)
{
	const struct requested r = requests_at(p, index);

	requests_lapse(p, index);
	if (cancel) {
		const uint32_t begin = r.block * BLOCK_SIZE;
		const uint32_t left = metainfo_piece_size(d->m, r.piece) - begin;
		cancel_add(d, p, (struct block){ r.piece, begin,
		                                 left < BLOCK_SIZE ? left : BLOCK_SIZE });
	}
	download_release(d, p, r.piece, r.block);
}

void download_withdraw_block(struct download *d, struct partial *partial, uint32_t block)
{
	struct download_peer *p;

	while ((p = partial->blocks[block].askers[0]) != NULL) {
		uint32_t index;
		if (requests_find(p, partial->piece, block, &index)) {
			download_lapse(d, p, index, true);
			requests_settle(p);
		} else {
			download_release(d, p, partial->piece, block); /* it is sending it */
		}
	}
}

void download_withdraw_piece(struct download *d, struct partial *partial)
{
	for (uint32_t i = 0; i < partial->block_count; i++)
		download_withdraw_block(d, partial, i);
}

void download_withdraw_peer(struct download *d, struct download_peer *p, bool cancel)
{
	while (p->outstanding > 0)
		download_lapse(d, p, 0, cancel);
	requests_settle(p);
}

void download_spare_seeds(struct download *d, uint32_t piece)
{
	struct partial *partial = pieces_find(&d->pieces, piece);

	if (d->classic || partial == NULL || partial->state != PARTIAL_FETCHING || partial->exclusive ||
	    !picker_has_rarer(d->picker, piece, download_priority(d, piece)))
		return;
	for (uint32_t block = 0; block < partial->block_count; block++) {
		struct download_peer *p = partial->blocks[block].askers[0];
		uint32_t index;
		if (p == NULL || !p->as_seed || !requests_find(p, piece, block, &index))
			continue;
		download_lapse(d, p, index, true);
		requests_settle(p);
	}
}

/* ---- asking ---- */

struct asking {
	struct download *d;
	struct download_peer *p;
	struct block *out;
	uint32_t room, count;
	bool later; /* something was refused for a reason that time may remove */
	usec now;
};

static void ask_block(struct asking *a, struct partial *partial, uint32_t block)
{
	const bool added = partial_add_asker(partial, block, a->p);

	assert(added);
	(void)added;
	requests_push(a->p, partial->piece, block, a->now);
	a->out[a->count++] = download_block(partial, block);
}

/* As many free blocks of one piece as there is room for. */
static void ask_piece(struct asking *a, uint32_t piece)
{
	struct partial *partial = pieces_find(&a->d->pieces, piece);

	if (partial == NULL)
		partial = pieces_begin(&a->d->pieces, piece);
	while (a->count < a->room) {
		const uint32_t block = partial_next_free(partial);
		if (block == partial->block_count)
			break;
		ask_block(a, partial, block);
	}
	if (partial->exclusive)
		partial->owner_at = a->now;
	download_refresh(a->d, piece, partial);
}

static bool can_send(const struct download_peer *p, uint32_t piece)
{
	return !p->choked && !p->stalled && !p->snubbed && bitfield_get(&p->has, piece);
}

static bool owner_is_gone(const struct asking *a, const struct partial *partial)
{
	for (const struct download_peer *q = a->d->peers; q != NULL; q = q->next) {
		if (q->source != partial->owner || !bitfield_get(&q->has, partial->piece))
			continue;
		if (can_send(q, partial->piece))
			return false;
		if (usec_since(partial->owner_at, a->now) < OWNER_PATIENCE * USEC_PER_SEC)
			return false;
	}
	return true;
}

/* One that had no part in the bad copy, unless there is none. */
static bool is_fit_owner(const struct asking *a, uint32_t piece)
{
	const struct trust *t = &a->d->trust;

	if (!trust_is_implicated(t, piece, a->p->source))
		return true;
	for (const struct download_peer *q = a->d->peers; q != NULL; q = q->next) {
		if (can_send(q, piece) && !trust_is_implicated(t, piece, q->source))
			return false;
	}
	return true;
}

static void ask_exclusive(struct asking *a)
{
	struct partial *next;

	for (struct partial *it = a->d->pieces.first; it != NULL && a->count < a->room; it = next) {
		next = it->next;
		if (!it->exclusive || it->state != PARTIAL_FETCHING ||
		    !bitfield_get(&a->p->has, it->piece))
			continue;
		if (!it->owned || it->owner != a->p->source) {
			if (it->owned && !owner_is_gone(a, it)) {
				a->later = true;
				continue;
			}
			if (!is_fit_owner(a, it->piece))
				continue;
			download_withdraw_piece(a->d, it);
			a->d->wasted_bytes += pieces_clear(&a->d->pieces, it, true);
			it->owned = true;
			it->owner = a->p->source;
		}
		ask_piece(a, it->piece);
	}
}

/* Sequential: the lowest piece; but the last piece of a file right after its
 * first, since that is where containers keep their index. */
static uint32_t choose_in_order(struct asking *a, const struct picker_wish *wish)
{
	const struct metainfo *m = a->d->m;
	const uint32_t piece = picker_pick_lowest(a->d->picker, wish);
	struct layout_walk walk;
	struct layout_slice slice;
	uint32_t first, last;

	if (piece == PICKER_NONE)
		return piece;
	layout_walk_init(&walk, m, (uint64_t)piece * m->piece_length,
	                 metainfo_piece_size(m, piece));
	while (layout_walk_next(&walk, &slice)) {
		const bool known = layout_file_pieces(m, slice.file, &first, &last);
		assert(known);
		(void)known;
		if (first == piece || last == piece || !bitfield_get(wish->has, last))
			continue;
		const enum picker_standing s = picker_get(a->d->picker, last);
		if ((s == PICKER_OPEN || (s == PICKER_FRESH && wish->may_begin)) &&
		    download_priority(a->d, last) == download_priority(a->d, piece))
			return last;
	}
	return piece;
}

static uint32_t choose_open(struct asking *a)
{
	const struct picker_wish wish = { &a->p->has, &a->d->held, false };
	return picker_pick(a->d->picker, &wish);
}

static uint32_t choose(struct asking *a)
{
	struct picker_wish wish = { &a->p->has, &a->d->held, true };
	uint32_t piece = a->d->classic ? choose_open(a) : PICKER_NONE;

	if (piece != PICKER_NONE)
		return piece;
	for (;;) {
		if (a->d->sequential)
			piece = choose_in_order(a, &wish);
		else if (a->d->have.count == 0)
			piece = picker_pick_random(a->d->picker, &wish);
		else
			piece = picker_pick(a->d->picker, &wish);
		if (piece == PICKER_NONE || picker_get(a->d->picker, piece) == PICKER_OPEN ||
		    pieces_may_begin(&a->d->pieces, piece))
			return piece;
		if (!wish.may_begin)
			return PICKER_NONE;
		wish.may_begin = false;
		a->d->starved = a->later = true;
	}
}

static void ask_picked(struct asking *a)
{
	while (a->count < a->room) {
		const uint32_t piece = choose(a);
		if (piece == PICKER_NONE)
			return;
		ask_piece(a, piece);
	}
}

/* While it chokes us: only what it allowed (BEP 6). */
static void ask_allowed(struct asking *a)
{
	for (uint32_t i = 0; i < a->p->allowed_count && a->count < a->room; i++) {
		const uint32_t piece = a->p->allowed[i];
		const enum picker_standing s = picker_get(a->d->picker, piece);
		if (s == PICKER_OUT || !bitfield_get(&a->p->has, piece))
			continue;
		if (s == PICKER_OPEN || pieces_may_begin(&a->d->pieces, piece))
			ask_piece(a, piece);
	}
}

/* ---- endgame ---- */

/* Doubles q's last requests while p is likely to answer them first. */
static void double_from(struct asking *a, const struct download_peer *q, uint32_t *scans)
{
	for (uint32_t i = q->outstanding; i > 0 && a->count < a->room && *scans > 0; i--) {
		const struct requested r = requests_at(q, i - 1);
		const double theirs = requests_eta(q, i - 1, a->now);
		const double ours = requests_eta(a->p, a->p->outstanding, a->now);
		if (ours * 1.25 >= theirs)
			return;
		--*scans;
		struct partial *partial = pieces_find(&a->d->pieces, r.piece);
		assert(partial != NULL);
		const struct partial_block *b = &partial->blocks[r.block];
		if (partial->exclusive || b->askers[1] != NULL || b->askers[0] == a->p ||
		    !bitfield_get(&a->p->has, r.piece))
			continue;
		ask_block(a, partial, r.block);
	}
}

static void ask_endgame(struct asking *a)
{
	struct download *d = a->d;
	struct download_peer *slowest = NULL, *from = d->peers;
	uint32_t scans = ENDGAME_SCAN_MAX;
	double latest = 0;

	for (struct download_peer *q = d->peers; q != NULL; q = q->next) {
		if (q == a->p || q->outstanding == 0)
			continue;
		const double eta = requests_eta(q, q->outstanding - 1, a->now);
		if (slowest == NULL || eta > latest) {
			slowest = q;
			latest = eta;
		}
	}
	if (slowest == NULL)
		return;
	a->later = true; /* the slow become slower */
	double_from(a, slowest, &scans);
	for (uint32_t skip = rng_below(d->rng, d->peer_count); skip > 0; skip--)
		from = from->next;
	for (uint32_t i = 0; i < d->peer_count && a->count < a->room && scans > 0; i++) {
		if (from != a->p && from != slowest)
			double_from(a, from, &scans);
		from = from->next != NULL ? from->next : d->peers;
	}
}

static void ask(struct asking *a)
{
	struct download *d = a->d;

	if (a->p->choked) {
		ask_allowed(a);
		return;
	}
	if (d->pieces.exclusive_count > 0)
		ask_exclusive(a);
	ask_picked(a);
	if (d->picker->ranked > 0) {
		d->endgame_told = false;
		return;
	}
	if (!d->endgame_told)
		d->news = d->endgame_told = true;
	ask_endgame(a);
}

uint32_t download_request(struct download *d, struct download_peer *p, struct block *out,
                          uint32_t max, usec now)
{
	struct asking a = { .d = d, .p = p, .out = out, .now = now };

	p->wake_at = 0;
	if (p->interesting == 0 || d->picker == NULL)
		return 0;
	const uint32_t room = requests_room(p, now);
	a.room = room < max ? room : max;
	if (a.room == 0)
		return 0;
	ask(&a);
	p->refilling = a.count == max && a.count < room;
	if (a.count == 0 && p->outstanding == 0 && a.later)
		p->wake_at = now + REQUEST_WAKE * USEC_PER_SEC;
	return a.count;
}
