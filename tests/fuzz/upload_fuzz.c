/* tests/fuzz/upload_fuzz.c: two peers ask, cancel, leave and come back in any
 * order while the disk answers in any order, or fails.
 *
 * Holds: blocks come out in the order asked, only for pieces that were verified
 * when asked, with exactly their bytes; a rejected or cancelled one never comes;
 * what is ahead stays bounded; all memory returns. */
#include <assert.h>
#include <stdlib.h>

#include "peer/upload/upload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIECE = 300000, PIECES = 12, LAST = 5000, PEERS = 2, JOBS_MAX = 512 };

struct model {
	struct upload_peer up;
	struct block asked[UPLOAD_QUEUE_MAX];
	uint32_t count;
};

struct world {
	struct reader in;
	struct chunk_pool pool;
	struct span_cache cache;
	struct metainfo m;
	struct bitfield have;
	struct model peers[PEERS];
	struct disk_job jobs[JOBS_MAX];
	uint32_t job_count;
	job_id last_job;
};

static uint8_t content(uint64_t offset)
{
	return (uint8_t)((offset * 2654435761u) >> 11);
}

static void forget(struct model *p, uint32_t i)
{
	memmove(&p->asked[i], &p->asked[i + 1], (p->count - i - 1) * sizeof(p->asked[0]));
	p->count--;
}

static struct block some_block(struct world *w)
{
	struct block b = { read_u8(&w->in) % (PIECES + 1), 0, 0 };
	const uint8_t kind = read_u8(&w->in);

	b.begin = (kind & 1) ? read_u8(&w->in) % 20 * BLOCK_SIZE : read_u32(&w->in) % (PIECE + 10);
	b.length = (kind & 2) ? BLOCK_SIZE : read_u32(&w->in) % (BLOCK_SIZE_MAX + 2);
	return b;
}

static void ask(struct world *w, struct model *p)
{
	const struct block b = some_block(w);
	const char *reason = NULL;
	const bool fits = b.piece < PIECES && b.length > 0 && b.length <= BLOCK_SIZE_MAX &&
	                  b.begin + b.length <= metainfo_piece_size(&w->m, b.piece);
	const enum upload_answer answer = upload_on_request(&p->up, &w->m, &w->have, b, &reason);

	assert((answer == UPLOAD_BROKEN) == !fits);
	assert((answer == UPLOAD_BROKEN) == (reason != NULL));
	if (answer != UPLOAD_QUEUED)
		return;
	assert(bitfield_get(&w->have, b.piece));
	assert(p->count < UPLOAD_QUEUE_MAX);
	p->asked[p->count++] = b;
}

static void cancel(struct world *w, struct model *p)
{
	struct block b = some_block(w);
	uint32_t i = 0;

	if (p->count > 0 && b.piece % 2 == 0)
		b = p->asked[b.begin % p->count];
	while (i < p->count && memcmp(&p->asked[i], &b, sizeof(b)) != 0)
		i++;
	assert(upload_on_cancel(&p->up, &w->cache, b) == (i < p->count));
	if (i < p->count)
		forget(p, i);
}

static void start_reads(struct world *w, struct model *p)
{
	struct read_span *s;

	while (w->job_count < JOBS_MAX &&
	       (s = upload_next_read(&p->up, &w->cache, 1, &w->m, &w->jobs[w->job_count])) != NULL) {
		struct disk_job *j = &w->jobs[w->job_count++];
		s->job = j->id = ++w->last_job;
		assert(j->length > 0 && j->length <= READ_SPAN_MAX);
		assert(j->offset + j->length <= w->m.total);
	}
	assert(p->up.begun_bytes < UPLOAD_AHEAD + READ_SPAN_MAX);
}

static void answer(struct world *w, bool ok)
{
	if (w->job_count == 0)
		return;
	const uint32_t i = read_u8(&w->in) % w->job_count;
	const struct disk_job j = w->jobs[i];
	for (uint32_t k = 0; k < j.length; k++)
		j.chunks[k / CHUNK_SIZE][k % CHUNK_SIZE] = content(j.offset + k);
	w->jobs[i] = w->jobs[--w->job_count];
	assert(span_cache_on_read(&w->cache, j.id, ok));
	assert(!span_cache_on_read(&w->cache, j.id, ok));
}

static void take(struct world *w, struct model *p)
{
	struct bytes views[UPLOAD_BLOCK_VIEWS];
	struct read_span *span;
	struct block b;
	uint32_t count;
	bool failed;

	if (!upload_next_block(&p->up, &w->cache, &b, views, &count, &span, &failed))
		return;
	assert(p->count > 0 && memcmp(&b, &p->asked[0], sizeof(b)) == 0);
	forget(p, 0);
	if (failed) {
		assert(span == NULL && count == 0);
		return;
	}
	uint64_t offset = (uint64_t)b.piece * PIECE + b.begin;
	size_t size = 0;
	for (uint32_t i = 0; i < count; i++) {
		assert(views[i].size > 0);
		assert(views[i].data[0] == content(offset + size));
		size += views[i].size;
		assert(views[i].data[views[i].size - 1] == content(offset + size - 1));
	}
	assert(size == b.length);
	span_release(&w->cache, span);
}

static void leave(struct world *w, struct model *p)
{
	struct block b;

	while (upload_drop(&p->up, &w->cache, &b)) {
		assert(p->count > 0 && memcmp(&b, &p->asked[0], sizeof(b)) == 0);
		forget(p, 0);
	}
	assert(p->count == 0 && p->up.queued_bytes == 0 && p->up.begun_bytes == 0);
	upload_peer_deinit(&p->up, &w->cache);
}

static void step(struct world *w)
{
	const uint8_t what = read_u8(&w->in);
	struct model *p = &w->peers[what >> 7];

	switch (what & 15) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
	case 5:
		ask(w, p);
		break;
	case 6:
		cancel(w, p);
		break;
	case 7:
	case 8:
		start_reads(w, p);
		break;
	case 9:
	case 10:
		answer(w, true);
		break;
	case 11:
		answer(w, false);
		break;
	case 12:
	case 13:
		take(w, p);
		break;
	case 14:
		leave(w, p);
		break;
	default:
		if ((what & 0x70) == 0)
			span_cache_forget(&w->cache, 1);
		else if ((what & 0x70) == 0x10)
			bitfield_clear(&w->have, read_u8(&w->in) % PIECES);
		else
			bitfield_set(&w->have, read_u8(&w->in) % PIECES);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;

	w.job_count = 0;
	reader_init(&w.in, bytes_of(data, size));
	chunk_pool_init(&w.pool, (uint64_t)(read_u8(&w.in) % 64) * CHUNK_SIZE);
	span_cache_init(&w.cache, &w.pool);
	w.m = (struct metainfo){ .piece_length = PIECE, .piece_count = PIECES,
		                 .total = (uint64_t)(PIECES - 1) * PIECE + LAST };
	bitfield_init(&w.have, PIECES);
	bitfield_set_all(&w.have);
	for (int i = 0; i < PEERS; i++) {
		upload_peer_init(&w.peers[i].up);
		w.peers[i].count = 0;
	}
	while (reader_left(&w.in) > 0)
		step(&w);
	for (int i = 0; i < PEERS; i++)
		leave(&w, &w.peers[i]);
	while (w.job_count > 0)
		answer(&w, true);
	span_cache_deinit(&w.cache);
	assert(w.pool.used == 0);
	chunk_pool_deinit(&w.pool);
	bitfield_deinit(&w.have);
	return 0;
}
