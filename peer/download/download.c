/* peer/download/download.c: what peers say and send, kept true in all parts.
 *
 * BEP 3, 6 (fast), 54 (lt_donthave). */
#include "peer/download/state.h"

#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

enum { PICKER_KEEP_PIECES_MIN = 1 << 16 }; /* a picker this large survives its last peer */

struct download *download_new(const struct metainfo *m, struct chunk_pool *pool, struct rng *rng)
{
	struct download *d = memory_zeroed(1, sizeof(*d));

	d->m = m;
	d->rng = rng;
	d->wanted_bytes = m->total;
	bitfield_init(&d->have, m->piece_count);
	bitfield_init(&d->held, m->piece_count);
	pieces_init(&d->pieces, m, pool);
	trust_init(&d->trust, rng);
	return d;
}

static void picker_stop(struct download *d)
{
	if (d->picker != NULL)
		picker_deinit(d->picker);
	free(d->picker);
	d->picker = NULL;
}

void download_free(struct download *d)
{
	if (d == NULL)
		return;
	assert(d->peers == NULL);
	picker_stop(d);
	pieces_deinit(&d->pieces);
	trust_deinit(&d->trust);
	bitfield_deinit(&d->have);
	bitfield_deinit(&d->held);
	free(d->priorities);
	free(d->cancels);
	free(d);
}

/* ---- the picker's view ---- */

void download_refresh(struct download *d, uint32_t piece, const struct partial *partial)
{
	const uint8_t priority = download_priority(d, piece);
	enum picker_standing standing = PICKER_FRESH;

	if (d->picker == NULL)
		return;
	if (bitfield_get(&d->held, piece) || priority == 0)
		standing = PICKER_OUT;
	else if (partial != NULL)
		standing = partial->state == PARTIAL_FETCHING && !partial->exclusive &&
		                   partial->free_count > 0
		               ? PICKER_OPEN
		               : PICKER_OUT;
	picker_set(d->picker, piece, standing, priority);
}

static void refresh(struct download *d, uint32_t piece)
{
	download_refresh(d, piece, pieces_find(&d->pieces, piece));
}

static void picker_join(struct download *d, struct download_peer *p)
{
	p->as_seed = bitfield_is_full(&p->has);
	if (p->as_seed)
		d->picker->seeds++;
	else
		picker_on_join(d->picker, &p->has);
}

static void picker_leave(struct download *d, struct download_peer *p)
{
	if (p->as_seed)
		d->picker->seeds--;
	else
		picker_on_leave(d->picker, &p->has);
	p->as_seed = false;
}

static void picker_start(struct download *d)
{
	d->picker = memory_alloc(sizeof(*d->picker));
	picker_init(d->picker, d->m->piece_count, d->rng);
	for (struct download_peer *p = d->peers; p != NULL; p = p->next) {
		p->as_seed = bitfield_is_full(&p->has);
		if (p->as_seed)
			d->picker->seeds++;
		else
			picker_count(d->picker, &p->has);
	}
	for (uint32_t i = 0; i < d->m->piece_count; i++)
		refresh(d, i);
}

/* It is worth its memory only while there is something to pick. */
static void picker_switch(struct download *d)
{
	const bool on = d->picker != NULL, done = download_is_done(d);

	if (!on && !done && d->peers != NULL)
		picker_start(d);
	else if (on && (done || (d->peers == NULL && d->m->piece_count < PICKER_KEEP_PIECES_MIN)))
		picker_stop(d);
}

/* ---- pieces ---- */

static void set_held(struct download *d, uint32_t piece, bool held)
{
	const bool changed = held ? bitfield_set(&d->held, piece) : bitfield_clear(&d->held, piece);

	if (changed) {
		for (struct download_peer *p = d->peers; p != NULL; p = p->next) {
			if (bitfield_get(&p->has, piece))
				p->interesting += held ? -1u : 1u;
		}
		d->news = d->news || !held;
	}
	refresh(d, piece);
	if (changed)
		picker_switch(d);
}

static void drop_partial(struct download *d, uint32_t piece)
{
	struct partial *partial = pieces_find(&d->pieces, piece);

	if (partial == NULL || partial->state == PARTIAL_STORING)
		return;
	download_withdraw_piece(d, partial);
	d->wasted_bytes += pieces_clear(&d->pieces, partial, false);
	pieces_drop(&d->pieces, partial);
}

void download_set_have(struct download *d, uint32_t piece)
{
	assert(piece < d->m->piece_count);
	if (!bitfield_set(&d->have, piece))
		return;
	drop_partial(d, piece);
	if (download_priority(d, piece) > 0)
		d->wanted_have_bytes += metainfo_piece_size(d->m, piece);
	set_held(d, piece, true);
}

void download_set_lost(struct download *d, uint32_t piece)
{
	assert(piece < d->m->piece_count);
	if (!bitfield_clear(&d->have, piece))
		return;
	if (download_priority(d, piece) > 0) {
		d->wanted_have_bytes -= metainfo_piece_size(d->m, piece);
		set_held(d, piece, false);
	}
}

const struct bitfield *download_have(const struct download *d)
{
	return &d->have;
}

void download_set_priority(struct download *d, uint32_t piece, uint8_t priority)
{
	assert(piece < d->m->piece_count && priority <= PICKER_PRIORITY_MAX);
	const uint8_t before = download_priority(d, piece);
	const bool have = bitfield_get(&d->have, piece);
	const uint32_t size = metainfo_piece_size(d->m, piece);

	if (priority == before)
		return;
	if (d->priorities == NULL) {
		d->priorities = memory_alloc(d->m->piece_count);
		memset(d->priorities, DOWNLOAD_PRIORITY_DEFAULT, d->m->piece_count);
	}
	d->priorities[piece] = priority;
	if (priority == 0) {
		d->wanted_bytes -= size;
		d->wanted_have_bytes -= have ? size : 0;
		if (!have)
			drop_partial(d, piece);
	} else if (before == 0) {
		d->wanted_bytes += size;
		d->wanted_have_bytes += have ? size : 0;
	}
	set_held(d, piece, have || priority == 0);
}

void download_set_sequential(struct download *d, bool on)
{
	d->sequential = on;
}

void download_set_classic(struct download *d, bool on)
{
	assert(d->peers == NULL);
	d->classic = on;
}

bool download_is_done(const struct download *d)
{
	return bitfield_is_full(&d->held);
}

uint64_t download_wanted_bytes(const struct download *d)
{
	return d->wanted_bytes;
}

uint64_t download_wanted_have_bytes(const struct download *d)
{
	return d->wanted_have_bytes;
}

uint64_t download_wasted_bytes(const struct download *d)
{
	return d->wasted_bytes;
}

uint32_t download_availability(const struct download *d, uint32_t piece)
{
	uint32_t count = 0;

	assert(piece < d->m->piece_count);
	if (d->picker != NULL)
		return d->picker->availability[piece] + d->picker->seeds;
	for (const struct download_peer *p = d->peers; p != NULL; p = p->next)
		count += bitfield_get(&p->has, piece);
	return count;
}

bool download_take_news(struct download *d)
{
	const bool news = d->news;

	d->news = false;
	return news;
}

bool download_next_liar(struct download *d, uint32_t *source)
{
	return trust_next_liar(&d->trust, source);
}

/* ---- peers ---- */

void download_peer_init(struct download *d, struct download_peer *p, uint32_t source, usec now)
{
	*p = (struct download_peer){ .choked = true, .source = source, .classic = d->classic };
	bitfield_init(&p->has, d->m->piece_count);
	meter_init(&p->received, now);
	requests_init(p, now);
	p->next = d->peers;
	p->link = &d->peers;
	if (p->next != NULL)
		p->next->link = &p->next;
	d->peers = p;
	d->peer_count++;
	assert(d->peer_count < PICKER_AVAILABILITY_MAX);
	if (d->picker != NULL)
		picker_join(d, p);
	picker_switch(d);
}

void download_peer_deinit(struct download *d, struct download_peer *p, usec now)
{
	(void)now;
	if (p->incoming.active) {
		const uint32_t piece = p->incoming.piece, block = p->incoming.block;
		pieces_receive_abort(&d->pieces, &p->incoming);
		download_release(d, p, piece, block);
	}
	download_withdraw_peer(d, p, false);
	download_forget_cancels(d, p);
	if (d->picker != NULL)
		picker_leave(d, p);
	*p->link = p->next;
	if (p->next != NULL)
		p->next->link = p->link;
	d->peer_count--;
	picker_switch(d);
	requests_deinit(p);
	bitfield_deinit(&p->has);
	free(p->allowed);
	p->allowed = NULL;
}

static bool fail(const char **reason, const char *text)
{
	*reason = text;
	return false;
}

/* p->has was replaced as a whole. */
static void has_changed(struct download *d, struct download_peer *p)
{
	p->has_known = true;
	p->interesting = bitfield_count_missing(&p->has, &d->held);
	if (d->picker != NULL)
		picker_join(d, p);
}

static bool may_say_all(struct download *d, struct download_peer *p, const char **reason)
{
	if (p->has_known)
		return fail(reason, "its pieces were known already");
	/* What it has counts from now on; until then it was nothing. */
	if (d->picker != NULL)
		picker_leave(d, p);
	return true;
}

bool download_on_bitfield(struct download *d, struct download_peer *p, struct bytes wire,
                          const char **reason)
{
	if (!may_say_all(d, p, reason))
		return false;
	const bool loaded = bitfield_load(&p->has, wire);
	has_changed(d, p);
	return loaded || fail(reason, "malformed bitfield");
}

bool download_on_have_all(struct download *d, struct download_peer *p, const char **reason)
{
	if (!p->fast)
		return fail(reason, "HAVE_ALL without the fast extension");
	if (!may_say_all(d, p, reason))
		return false;
	bitfield_set_all(&p->has);
	has_changed(d, p);
	return true;
}

bool download_on_have_none(struct download *d, struct download_peer *p, const char **reason)
{
	if (!p->fast)
		return fail(reason, "HAVE_NONE without the fast extension");
	if (!may_say_all(d, p, reason))
		return false;
	has_changed(d, p);
	return true;
}

bool download_on_have(struct download *d, struct download_peer *p, uint32_t piece,
                      const char **reason)
{
	if (piece >= d->m->piece_count)
		return fail(reason, "HAVE of a piece that does not exist");
	p->has_known = true;
	if (!bitfield_set(&p->has, piece))
		return true;
	p->interesting += !bitfield_get(&d->held, piece);
	if (d->picker == NULL)
		return true;
	picker_on_have(d->picker, piece);
	if (d->picker->availability[piece] == 1 && d->picker->seeds > 0)
		download_spare_seeds(d, piece);
	return true;
}

bool download_on_dont_have(struct download *d, struct download_peer *p, uint32_t piece,
                           const char **reason)
{
	if (piece >= d->m->piece_count)
		return fail(reason, "DONT_HAVE of a piece that does not exist");
	if (!bitfield_get(&p->has, piece))
		return true;
	if (d->picker != NULL) {
		if (p->as_seed) {
			d->picker->seeds--;
			p->as_seed = false;
			picker_on_join(d->picker, &p->has);
		}
		picker_on_loss(d->picker, piece);
	}
	bitfield_clear(&p->has, piece);
	p->interesting -= !bitfield_get(&d->held, piece);
	for (uint32_t i = p->outstanding; i > 0; i--) {
		if (requests_at(p, i - 1).piece == piece)
			download_lapse(d, p, i - 1, false);
	}
	requests_settle(p);
	return true;
}

bool download_on_allowed_fast(struct download *d, struct download_peer *p, uint32_t piece,
                              const char **reason)
{
	if (!p->fast)
		return fail(reason, "ALLOWED_FAST without the fast extension");
	if (piece >= d->m->piece_count)
		return fail(reason, "ALLOWED_FAST of a piece that does not exist");
	for (uint32_t i = 0; i < p->allowed_count; i++) {
		if (p->allowed[i] == piece)
			return true;
	}
	if (p->allowed_count == ALLOWED_FAST_MAX)
		return true;
	if (p->allowed == NULL)
		p->allowed = memory_alloc(ALLOWED_FAST_MAX * sizeof(*p->allowed));
	p->allowed[p->allowed_count++] = piece;
	return true;
}
