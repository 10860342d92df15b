/* peer/upload/upload.c: one peer's requests, from the wire to the bytes.
 *
 * The queue is a ring in the order asked. Its first `begun` requests hold a
 * reference on the span that has or will have their bytes; the others wait until
 * less than UPLOAD_AHEAD is on its way. A run of neighbouring requests is one
 * read; a peer that asks in order is read ahead for, to the end of the window or
 * of the piece, which others who want the same piece then find in the cache.
 *
 * Invariant: a request is queued only for a piece that is verified, and a span
 * covers only bytes of requests and of their own pieces. */
#include "peer/upload/upload.h"

#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

void upload_peer_init(struct upload_peer *u)
{
	*u = (struct upload_peer){ .next_offset = UINT64_MAX };
}

static struct upload_request *at(const struct upload_peer *u, uint32_t i)
{
	return &u->queue[(u->first + i) & (u->size - 1)];
}

/* Take out request i, which may lie anywhere. */
static struct upload_request take_out(struct upload_peer *u, uint32_t i)
{
	const struct upload_request r = *at(u, i);

	if (i == 0) {
		u->first = (u->first + 1) & (u->size - 1);
	} else {
		for (uint32_t k = i; k + 1 < u->count; k++)
			*at(u, k) = *at(u, k + 1);
	}
	u->count--;
	u->queued_bytes -= r.block.length;
	if (r.span != NULL) {
		u->begun--;
		u->begun_bytes -= r.block.length;
	}
	return r;
}

bool upload_drop(struct upload_peer *u, struct span_cache *c, struct block *dropped)
{
	if (u->count == 0)
		return false;
	const struct upload_request r = take_out(u, 0);
	if (r.span != NULL)
		span_release(c, r.span);
	*dropped = r.block;
	return true;
}

void upload_peer_deinit(struct upload_peer *u, struct span_cache *c)
{
	struct block dropped;

	while (upload_drop(u, c, &dropped))
		;
	free(u->queue);
	upload_peer_init(u);
}

static void grow(struct upload_peer *u)
{
	const uint32_t size = u->size == 0 ? 16 : 2 * u->size;
	struct upload_request *queue = memory_zeroed(size, sizeof(*queue));

	for (uint32_t i = 0; i < u->count; i++)
		queue[i] = *at(u, i);
	free(u->queue);
	u->queue = queue;
	u->first = 0;
	u->size = size;
}

/* A peer that lost pieces may take some again; one that drains us may not. */
static bool is_over_quota(const struct upload_peer *u, const struct metainfo *m, uint32_t length)
{
	uint64_t spare = m->total / 100 * (UPLOAD_REPEAT_MAX_PERCENT - 100);

	if (spare < UPLOAD_REPEAT_MIN)
		spare = UPLOAD_REPEAT_MIN;
	return u->served_bytes + u->queued_bytes + length > m->total + spare;
}

enum upload_answer upload_on_request(struct upload_peer *u, const struct metainfo *m,
                                     const struct bitfield *have, struct block b,
                                     const char **reason)
{
	if (b.piece >= m->piece_count) {
		*reason = "request for a piece that is not in the torrent";
		return UPLOAD_BROKEN;
	}
	if (b.length == 0 || b.length > BLOCK_SIZE_MAX) {
		*reason = "request of an impossible length";
		return UPLOAD_BROKEN;
	}
	const uint32_t piece_size = metainfo_piece_size(m, b.piece);
	if (b.begin > piece_size || b.length > piece_size - b.begin) {
		*reason = "request past the end of a piece";
		return UPLOAD_BROKEN;
	}
	if (!bitfield_get(have, b.piece) || u->count == UPLOAD_QUEUE_MAX ||
	    is_over_quota(u, m, b.length))
		return UPLOAD_REFUSED;
	if (u->count == u->size)
		grow(u);
	u->count++;
	u->queued_bytes += b.length;
	*at(u, u->count - 1) = (struct upload_request){ .block = b };
	return UPLOAD_QUEUED;
}

bool upload_on_cancel(struct upload_peer *u, struct span_cache *c, struct block b)
{
	for (uint32_t i = 0; i < u->count; i++) {
		const struct block *q = &at(u, i)->block;
		if (q->piece != b.piece || q->begin != b.begin || q->length != b.length)
			continue;
		const struct upload_request r = take_out(u, i);
		if (r.span != NULL)
			span_release(c, r.span);
		return true;
	}
	return false;
}

/* ---- reading ---- */

static uint64_t offset_of(const struct metainfo *m, const struct block *b)
{
	return (uint64_t)b->piece * m->piece_length + b->begin;
}

/* The first request that has not begun now has a reference on s. */
static void begin_first(struct upload_peer *u, const struct metainfo *m, struct read_span *s)
{
	struct upload_request *r = at(u, u->begun);

	r->span = s;
	r->span_begin = (uint32_t)(offset_of(m, &r->block) - s->offset);
	u->begun++;
	u->begun_bytes += r->block.length;
}

/* Let requests join spans that are there already. */
static void join_existing(struct upload_peer *u, struct span_cache *c, torrent_id t,
                          const struct metainfo *m)
{
	while (u->begun < u->count && u->begun_bytes < UPLOAD_AHEAD) {
		const struct block *b = &at(u, u->begun)->block;
		struct read_span *s = span_find(c, t, offset_of(m, b), b->length);
		if (s == NULL)
			return;
		u->next_offset = offset_of(m, b) + b->length;
		begin_first(u, m, s);
	}
}

/* How many of the requests that wait continue each other without a gap and fit
 * one span; their bytes in *length. */
static uint32_t run_length(const struct upload_peer *u, const struct metainfo *m, uint32_t *length)
{
	const uint64_t begin = offset_of(m, &at(u, u->begun)->block);
	uint32_t count = 0;

	*length = 0;
	for (uint32_t i = u->begun; i < u->count; i++, count++) {
		const struct block *b = &at(u, i)->block;
		if (offset_of(m, b) != begin + *length || b->length > READ_SPAN_MAX - *length)
			break;
		*length += b->length;
	}
	return count;
}

/* The length of a span that reads ahead: to the end of the window of
 * READ_SPAN_MAX in its piece, or of the piece, so that peers who started at
 * different places meet in the next one. */
static uint32_t length_ahead(const struct metainfo *m, const struct block *b, uint32_t length)
{
	const uint32_t piece_size = metainfo_piece_size(m, b->piece);
	const uint32_t window_left = READ_SPAN_MAX - b->begin % READ_SPAN_MAX;
	const uint32_t piece_left = piece_size - b->begin;
	const uint32_t ahead = window_left < piece_left ? window_left : piece_left;

	return ahead > length ? ahead : length;
}

static bool has_room(struct span_cache *c, uint32_t length)
{
	const uint32_t chunks = chunks_for(length);

	if (!chunk_pool_has_room(c->pool, chunks))
		span_cache_trim(c, 0);
	return chunk_pool_has_room(c->pool, chunks);
}

struct read_span *upload_next_read(struct upload_peer *u, struct span_cache *c, torrent_id t,
                                   const struct metainfo *m, struct disk_job *job)
{
	uint32_t length;

	join_existing(u, c, t, m);
	if (u->begun == u->count || u->begun_bytes >= UPLOAD_AHEAD)
		return NULL;
	const struct block first = at(u, u->begun)->block;
	const uint64_t offset = offset_of(m, &first);
	uint32_t count = run_length(u, m, &length);
	if (count > 1 || offset == u->next_offset)
		length = length_ahead(m, &first, length);
	if (!has_room(c, length)) {
		if (u->begun > 0)
			return NULL;
		/* The budget is spent, but who is served must get on. */
		count = 1;
		length = first.length;
	}
	struct read_span *s = span_new(c, t, offset, length, first.piece);
	begin_first(u, m, s);
	for (uint32_t i = 1; i < count && u->begun_bytes < UPLOAD_AHEAD; i++) {
		span_hold(s);
		begin_first(u, m, s);
	}
	u->next_offset = offset + length;
	*job = (struct disk_job){
		.torrent = t,
		.piece = first.piece,
		.offset = offset,
		.length = length,
		.chunks = s->chunks,
	};
	return s;
}

/* ---- handing out ---- */

static uint32_t make_views(const struct read_span *s, uint32_t begin, uint32_t length,
                           struct bytes views[UPLOAD_BLOCK_VIEWS])
{
	uint32_t count = 0;

	assert(length <= s->length && begin <= s->length - length);
	while (length > 0) {
		const uint32_t inside = begin % CHUNK_SIZE;
		const uint32_t left = CHUNK_SIZE - inside;
		const uint32_t size = length < left ? length : left;
		assert(count < UPLOAD_BLOCK_VIEWS);
		views[count++] = bytes_of(s->chunks[begin / CHUNK_SIZE] + inside, size);
		begin += size;
		length -= size;
	}
	return count;
}

bool upload_next_block(struct upload_peer *u, struct span_cache *c, struct block *b,
                       struct bytes views[UPLOAD_BLOCK_VIEWS], uint32_t *view_count,
                       struct read_span **span, bool *failed)
{
	if (u->begun == 0 || at(u, 0)->span->state == SPAN_READING)
		return false;
	const struct upload_request r = take_out(u, 0);
	*b = r.block;
	*failed = r.span->state == SPAN_FAILED;
	if (*failed) {
		span_release(c, r.span);
		*view_count = 0;
		*span = NULL;
		return true;
	}
	*view_count = make_views(r.span, r.span_begin, b->length, views);
	*span = r.span;
	u->served_bytes += b->length;
	return true;
}
