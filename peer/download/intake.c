/* peer/download/intake.c: what comes back: blocks, rejects, chokes, silence; and
 * what becomes of full pieces.
 *
 * A block is taken when the peer was asked for it, even if that was given up
 * meanwhile (late is better than twice) and the block is still missing. One that
 * no peer was asked for is never used. */
#include "peer/download/state.h"

#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

/* ---- choke, reject ---- */

void download_on_choke(struct download *d, struct download_peer *p, usec now)
{
	if (p->choked)
		return;
	p->choked = true;
	p->stalled = false;
	if (p->fast)
		p->choked_at = p->outstanding > 0 ? usec_max(now, 1) : 0;
	else
		download_withdraw_peer(d, p, false);
	requests_settle(p);
}

void download_on_unchoke(struct download *d, struct download_peer *p, usec now)
{
	(void)d;
	if (!p->choked)
		return;
	p->choked = false;
	p->choked_at = 0;
	p->stalled = false;
	p->hold_until = 0;
	if (p->outstanding > 0) {
		p->asked_at = usec_max(now, 1);
		p->lapse_at = now + REQUEST_TIMEOUT * USEC_PER_SEC;
	}
}

static bool block_exists(const struct download *d, struct block b, const char **reason)
{
	*reason = NULL;
	if (b.piece >= d->m->piece_count) {
		*reason = "block of a piece that does not exist";
		return false;
	}
	const uint32_t size = metainfo_piece_size(d->m, b.piece);
	if (b.begin % BLOCK_SIZE != 0 || b.begin >= size)
		*reason = "block that does not exist";
	else if (b.length != (size - b.begin < BLOCK_SIZE ? size - b.begin : BLOCK_SIZE))
		*reason = "block of another size than asked for";
	return *reason == NULL;
}

static void allowed_forget(struct download_peer *p, uint32_t piece)
{
	for (uint32_t i = 0; i < p->allowed_count; i++) {
		if (p->allowed[i] == piece) {
			p->allowed[i] = p->allowed[--p->allowed_count];
			return;
		}
	}
}

bool download_on_reject(struct download *d, struct download_peer *p, struct block b, usec now,
                        const char **reason)
{
	if (!p->fast) {
		*reason = "REJECT without the fast extension";
		return false;
	}
	if (!block_exists(d, b, reason))
		return false;
	const uint32_t block = b.begin / BLOCK_SIZE;
	uint32_t index;
	/* First what was cancelled or given up: its answer is the older one. */
	if (requests_take_lapsed(p, b.piece, block))
		return true;
	if (!requests_find(p, b.piece, block, &index)) {
		*reason = "REJECT of something not asked for";
		return false;
	}
	requests_remove(p, index);
	download_release(d, p, b.piece, block);
	if (p->choked)
		allowed_forget(p, b.piece);
	else
		requests_on_refused(p, now);
	if (p->outstanding == 0)
		p->choked_at = 0;
	requests_settle(p);
	return true;
}

/* ---- blocks ---- */

static enum download_take unasked(struct download *d, struct download_peer *p, struct block b,
                                  const char **reason)
{
	d->wasted_bytes += b.length;
	if (++p->unasked > UNASKED_MAX) {
		*reason = "blocks nobody asked for";
		return DOWNLOAD_BREAK;
	}
	return DOWNLOAD_DISCARD;
}

/* Whether a block that was given up, but came, still has a place. */
static bool is_welcome(struct partial *partial, uint32_t block, struct download_peer *p)
{
	if (partial == NULL || partial->state != PARTIAL_FETCHING || partial->blocks[block].have)
		return false;
	if (partial->exclusive && !(partial->owned && partial->owner == p->source))
		return false;
	return partial_add_asker(partial, block, p);
}

enum download_take download_block_begin(struct download *d, struct download_peer *p,
                                        struct block b, uint8_t **into, const char **reason,
                                        usec now)
{
	const uint32_t block = b.begin / BLOCK_SIZE;
	uint32_t index;

	*into = NULL;
	assert(!p->incoming.active);
	if (!block_exists(d, b, reason))
		return DOWNLOAD_BREAK;
	struct partial *partial = pieces_find(&d->pieces, b.piece);
	if (requests_find(p, b.piece, block, &index)) {
		const usec asked_at = requests_at(p, index).at;
		requests_remove(p, index);
		requests_on_answer(p, asked_at, now);
		assert(partial != NULL && partial->state == PARTIAL_FETCHING);
	} else if (requests_take_lapsed(p, b.piece, block)) {
		requests_on_answer(p, 0, now);
		if (!is_welcome(partial, block, p)) {
			d->wasted_bytes += b.length;
			requests_settle(p);
			return DOWNLOAD_DISCARD;
		}
		download_refresh(d, b.piece, partial);
	} else {
		return unasked(d, p, b, reason);
	}
	if (p->outstanding == 0)
		p->choked_at = 0;
	pieces_receive(&d->pieces, &p->incoming, partial, block);
	*into = p->incoming.into;
	return DOWNLOAD_TAKE;
}

void download_block_end(struct download *d, struct download_peer *p, usec now)
{
	const uint32_t piece = p->incoming.piece, block = p->incoming.block;
	const uint32_t length = p->incoming.length;
	struct partial *partial = pieces_receive_end(&d->pieces, &p->incoming, p->source);
	uint32_t index;

	meter_add(&p->received, length, now);
	/* Sloppy is not hostile: what it does right makes up for it. */
	if (p->unasked > 0 && p->received.total / BLOCK_SIZE % UNASKED_FORGIVEN == 0)
		p->unasked--;
	requests_on_answer(p, 0, now);
	requests_on_block(p, length, now);
	if (partial == NULL) {
		d->wasted_bytes += length;
		if (!requests_find(p, piece, block, &index))
			download_release(d, p, piece, block);
	} else {
		if (partial->exclusive)
			partial->owner_at = now;
		download_withdraw_block(d, partial, block);
		download_refresh(d, piece, partial);
	}
	requests_settle(p);
}

/* ---- full pieces ---- */

bool download_next_full(struct download *d, struct full_piece *out)
{
	struct partial *partial = pieces_next_full(&d->pieces);

	if (partial == NULL)
		return false;
	*out = (struct full_piece){ partial->piece, partial->length, NULL, partial->chunk_count };
	out->chunks = pieces_take_chunks(&d->pieces, partial);
	return true;
}

/* What a liar sent elsewhere is not worth a hash. */
static void purge_liars(struct download *d)
{
	for (uint32_t i = d->trust.told; i < d->trust.liar_count; i++) {
		for (struct partial *it = d->pieces.first; it != NULL; it = it->next) {
			const uint64_t bytes = pieces_purge(&d->pieces, it, d->trust.liars[i]);
			if (bytes == 0)
				continue;
			d->wasted_bytes += bytes;
			d->news = true;
			download_refresh(d, it->piece, it);
		}
	}
}

static void on_bad_hash(struct download *d, struct partial *partial,
                        const struct full_piece *full)
{
	trust_on_bad(&d->trust, partial, full->chunks);
	const bool exclusive = !bitfield_get(&d->held, partial->piece) &&
	                       trust_is_suspect(&d->trust, partial->piece) &&
	                       (partial->exclusive ||
	                        d->pieces.exclusive_count < TRUST_PIECES_MAX);
	d->wasted_bytes += pieces_clear(&d->pieces, partial, exclusive);
	if (!exclusive)
		pieces_drop(&d->pieces, partial);
}

static void release_chunks(struct download *d, const struct full_piece *full)
{
	for (uint32_t i = 0; i < full->chunk_count; i++)
		chunk_put(d->pieces.pool, full->chunks[i]);
	free(full->chunks);
}

void download_on_stored(struct download *d, const struct full_piece *full,
                        enum disk_result result, usec now)
{
	struct partial *partial = pieces_find(&d->pieces, full->piece);

	(void)now;
	assert(partial != NULL && partial->state == PARTIAL_STORING);
	if (result == DISK_OK) {
		trust_on_good(&d->trust, partial, full->chunks);
		pieces_drop(&d->pieces, partial);
		download_set_have(d, full->piece);
	} else if (result == DISK_BAD_HASH) {
		on_bad_hash(d, partial, full);
	} else {
		d->wasted_bytes += full->length;
		pieces_drop(&d->pieces, partial);
	}
	release_chunks(d, full);
	download_refresh(d, full->piece, pieces_find(&d->pieces, full->piece));
	purge_liars(d);
	if (result != DISK_OK || d->starved)
		d->news = true;
	d->starved = false;
}

/* ---- time ---- */

usec download_peer_deadline(const struct download_peer *p)
{
	usec at = USEC_NEVER;

	if (p->lapse_at != 0)
		at = p->lapse_at;
	if (p->choked_at != 0)
		at = usec_min(at, p->choked_at + REQUEST_CHOKE_WAIT * USEC_PER_SEC);
	if (p->asked_at != 0 && !p->snubbed)
		at = usec_min(at, p->asked_at + REQUEST_SNUB * USEC_PER_SEC);
	if (p->stalled && p->retry_at != 0)
		at = usec_min(at, p->retry_at);
	if (p->hold_until != 0)
		at = usec_min(at, p->hold_until);
	if (p->wake_at != 0)
		at = usec_min(at, p->wake_at);
	return at;
}

static void lapse_choked(struct download *d, struct download_peer *p)
{
	for (uint32_t i = p->outstanding; i > 0; i--) {
		const uint32_t piece = requests_at(p, i - 1).piece;
		bool is_allowed = false;
		for (uint32_t k = 0; k < p->allowed_count; k++)
			is_allowed = is_allowed || p->allowed[k] == piece;
		if (!is_allowed)
			download_lapse(d, p, i - 1, false);
	}
}

/* It has been silent: others may have what it was asked for. One request stays
 * with it uncancelled, so that its answer can tell that it is back. */
static void lapse_silent(struct download *d, struct download_peer *p, usec now)
{
	p->lapse_at = 0;
	p->stalled = true;
	p->retry_at = now + (REQUEST_SNUB - REQUEST_TIMEOUT) * USEC_PER_SEC;
	if (p->incoming.active)
		download_release(d, p, p->incoming.piece, p->incoming.block);
	if (p->outstanding > 0)
		download_lapse(d, p, 0, false);
	while (p->outstanding > 0)
		download_lapse(d, p, p->outstanding - 1, true);
}

void download_peer_on_timer(struct download *d, struct download_peer *p, usec now)
{
	if (p->choked_at != 0 && now >= p->choked_at + REQUEST_CHOKE_WAIT * USEC_PER_SEC) {
		p->choked_at = 0;
		lapse_choked(d, p);
	}
	if (p->lapse_at != 0 && now >= p->lapse_at)
		lapse_silent(d, p, now);
	if (p->asked_at != 0 && now >= p->asked_at + REQUEST_SNUB * USEC_PER_SEC)
		p->snubbed = true;
	if (p->stalled && now >= p->retry_at)
		p->retry_at = 0; /* requests_room gives it one */
	if (p->hold_until != 0 && now >= p->hold_until)
		p->hold_until = 0;
	if (p->wake_at != 0 && now >= p->wake_at)
		p->wake_at = 0;
	requests_settle(p);
}
