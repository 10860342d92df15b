/* tests/unit/upload_test.c: peer/upload/upload.c: from requests to bytes. The
 * disk is a function of the offset, so every byte handed out can be checked. */
#include "peer/upload/upload.h"

#include <criterion/criterion.h>

enum {
	PIECE = 1 << 20,
	PIECES = 40,
	LAST = 300001, /* bytes of the last piece */
	JOBS_MAX = 256,
};
static const uint64_t TOTAL = (uint64_t)(PIECES - 1) * PIECE + LAST;

static struct chunk_pool pool;
static struct span_cache cache;
static struct upload_peer peer, other;
static struct metainfo m;
static struct bitfield have;
static const char *reason;
static job_id last_job;
static struct disk_job jobs[JOBS_MAX]; /* not yet answered */
static uint32_t job_count, reads;

static void setup(void)
{
	chunk_pool_init(&pool, 64 << 20);
	span_cache_init(&cache, &pool);
	upload_peer_init(&peer);
	upload_peer_init(&other);
	bitfield_init(&have, PIECES);
	bitfield_set_all(&have);
	m = (struct metainfo){ .piece_length = PIECE, .piece_count = PIECES, .total = TOTAL };
	reason = NULL;
	job_count = reads = 0;
}

static uint8_t content(uint64_t offset)
{
	return (uint8_t)((offset * 2654435761u) >> 13);
}

static void answer(uint32_t i, bool ok)
{
	const struct disk_job job = jobs[i];

	for (uint32_t k = 0; ok && k < job.length; k++)
		job.chunks[k / CHUNK_SIZE][k % CHUNK_SIZE] = content(job.offset + k);
	jobs[i] = jobs[--job_count];
	cr_assert(span_cache_on_read(&cache, job.id, ok));
}

static void answer_all(void)
{
	while (job_count > 0)
		answer(0, true);
}

static void teardown(void)
{
	upload_peer_deinit(&peer, &cache);
	upload_peer_deinit(&other, &cache);
	answer_all();
	span_cache_deinit(&cache);
	cr_assert_eq(pool.used, 0);
	chunk_pool_deinit(&pool);
	bitfield_deinit(&have);
}

TestSuite(upload, .init = setup, .fini = teardown);

static enum upload_answer ask(struct upload_peer *u, uint32_t piece, uint32_t begin, uint32_t length)
{
	return upload_on_request(u, &m, &have, (struct block){ piece, begin, length }, &reason);
}

/* Start every read there is to start. */
static uint32_t start_reads(struct upload_peer *u)
{
	struct read_span *s;
	uint32_t started = 0;

	for (; (s = upload_next_read(u, &cache, 1, &m, &jobs[job_count])) != NULL; started++) {
		s->job = jobs[job_count].id = ++last_job;
		cr_assert_eq(jobs[job_count].torrent, 1);
		cr_assert_eq(jobs[job_count].offset, s->offset);
		cr_assert_eq(jobs[job_count].length, s->length);
		cr_assert_leq(s->offset + s->length, TOTAL);
		cr_assert_lt(++job_count, JOBS_MAX);
	}
	reads += started;
	return started;
}

/* Take the next block, look at each byte. False: none is here. */
static bool take(struct upload_peer *u, struct block *b)
{
	struct bytes views[UPLOAD_BLOCK_VIEWS];
	struct read_span *span;
	uint32_t count;
	bool failed;

	if (!upload_next_block(u, &cache, b, views, &count, &span, &failed))
		return false;
	cr_assert_not(failed);
	uint64_t offset = (uint64_t)b->piece * PIECE + b->begin;
	const uint64_t end = offset + b->length;
	for (uint32_t i = 0; i < count; i++) {
		for (size_t k = 0; k < views[i].size; k++, offset++)
			cr_assert_eq(views[i].data[k], content(offset));
	}
	cr_assert_eq(offset, end);
	span_release(&cache, span);
	return true;
}

static struct block next(struct upload_peer *u)
{
	struct block b = { 0 };
	cr_assert(take(u, &b));
	return b;
}

Test(upload, one_block)
{
	struct block b;

	cr_assert_not(take(&peer, &b));
	cr_assert_eq(ask(&peer, 3, 16384, BLOCK_SIZE), UPLOAD_QUEUED);
	cr_assert_not(take(&peer, &b));
	cr_assert_eq(start_reads(&peer), 1);
	cr_assert_eq(jobs[0].length, BLOCK_SIZE, "nobody knows that more will be asked");
	cr_assert_eq(jobs[0].piece, 3);
	cr_assert_eq(start_reads(&peer), 0);
	cr_assert_not(take(&peer, &b), "not read yet");
	answer_all();
	b = next(&peer);
	cr_assert(b.piece == 3 && b.begin == 16384 && b.length == BLOCK_SIZE);
	cr_assert_eq(peer.served_bytes, BLOCK_SIZE);
	cr_assert_eq(peer.queued_bytes, 0);
	cr_assert_eq(peer.begun_bytes, 0);
}

Test(upload, impossible_blocks_break)
{
	static const struct block bad[] = {
		{ PIECES, 0, 16384 },
		{ UINT32_MAX, 0, 16384 },
		{ 0, 0, 0 },
		{ 0, 0, BLOCK_SIZE_MAX + 1 },
		{ 0, 0, UINT32_MAX },
		{ 0, PIECE, 1 },
		{ 0, PIECE - 1, 2 },
		{ 0, UINT32_MAX, 2 },
		{ 0, UINT32_MAX - 10, 16384 },
		{ PIECES - 1, LAST, 1 },
		{ PIECES - 1, LAST - 16384, 16385 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		reason = NULL;
		cr_assert_eq(upload_on_request(&peer, &m, &have, bad[i], &reason), UPLOAD_BROKEN, "%zu", i);
		cr_assert_not_null(reason);
	}
	cr_assert_eq(peer.count, 0);
	cr_assert_eq(ask(&peer, PIECES - 1, LAST - 1, 1), UPLOAD_QUEUED);
}

/* S2: never a byte of a piece that is not verified. */
Test(upload, a_piece_we_do_not_have_is_refused)
{
	bitfield_clear(&have, 5);
	cr_assert_eq(ask(&peer, 5, 0, BLOCK_SIZE), UPLOAD_REFUSED);
	cr_assert_eq(ask(&peer, 4, PIECE - BLOCK_SIZE, BLOCK_SIZE), UPLOAD_QUEUED);
	cr_assert_eq(ask(&peer, 4, PIECE - 2 * BLOCK_SIZE, BLOCK_SIZE), UPLOAD_QUEUED);
	start_reads(&peer);
	for (uint32_t i = 0; i < job_count; i++)
		cr_assert_leq(jobs[i].offset + jobs[i].length, 5u * PIECE, "not even read ahead");
}

Test(upload, the_queue_is_bounded)
{
	for (uint32_t i = 0; i < UPLOAD_QUEUE_MAX; i++)
		cr_assert_eq(ask(&peer, i / 64, i % 64 * BLOCK_SIZE, BLOCK_SIZE), UPLOAD_QUEUED);
	cr_assert_eq(ask(&peer, 30, 0, BLOCK_SIZE), UPLOAD_REFUSED);
	cr_assert_geq(UPLOAD_QUEUE_MAX, UPLOAD_REQQ);
	/* All of it is served, in the order asked. */
	for (uint32_t i = 0; i < UPLOAD_QUEUE_MAX; i++) {
		start_reads(&peer);
		cr_assert_leq(peer.begun_bytes, UPLOAD_AHEAD + BLOCK_SIZE_MAX);
		answer_all();
		const struct block b = next(&peer);
		cr_assert_eq(b.piece * 64 + b.begin / BLOCK_SIZE, i);
	}
	cr_assert_eq(reads, UPLOAD_QUEUE_MAX * BLOCK_SIZE / READ_SPAN_MAX, "16 blocks a read");
}

Test(upload, a_peer_may_take_the_torrent_once_and_a_bit)
{
	uint64_t taken = 0;

	for (uint32_t i = 0; ask(&peer, i % (PIECES - 1), 0, BLOCK_SIZE) == UPLOAD_QUEUED; i++) {
		start_reads(&peer);
		answer_all();
		next(&peer);
		taken += BLOCK_SIZE;
	}
	cr_assert_leq(taken, TOTAL / 100 * UPLOAD_REPEAT_MAX_PERCENT);
	cr_assert_gt(taken + BLOCK_SIZE, TOTAL / 100 * UPLOAD_REPEAT_MAX_PERCENT);
	cr_assert_eq(ask(&other, 0, 0, BLOCK_SIZE), UPLOAD_QUEUED, "others are not concerned");
}

Test(upload, a_small_torrent_may_be_taken_again)
{
	m = (struct metainfo){ .piece_length = BLOCK_SIZE, .piece_count = 1, .total = BLOCK_SIZE };
	uint64_t taken = 0;

	for (; ask(&peer, 0, 0, BLOCK_SIZE) == UPLOAD_QUEUED; taken += BLOCK_SIZE) {
		start_reads(&peer);
		answer_all();
		next(&peer);
	}
	cr_assert_eq(taken, UPLOAD_REPEAT_MIN + BLOCK_SIZE);
	cr_assert_eq(reads, 1, "from the cache");
}

Test(upload, neighbours_are_one_read)
{
	for (uint32_t i = 0; i < 8; i++)
		ask(&peer, 0, i * BLOCK_SIZE, BLOCK_SIZE);
	ask(&peer, 7, 0, BLOCK_SIZE);
	cr_assert_eq(start_reads(&peer), 2);
	cr_assert_eq(jobs[0].offset, 0);
	cr_assert_eq(jobs[0].length, READ_SPAN_MAX, "read ahead to the end of the window");
	cr_assert_eq(jobs[1].length, BLOCK_SIZE);
	/* What was read ahead needs no read. */
	for (uint32_t i = 8; i < 16; i++)
		ask(&peer, 0, i * BLOCK_SIZE, BLOCK_SIZE);
	cr_assert_eq(start_reads(&peer), 0);
	answer_all();
	for (uint32_t i = 0; i < 17; i++)
		next(&peer);
	/* It goes on where it stopped: one request is enough to read ahead. */
	ask(&peer, 0, READ_SPAN_MAX, BLOCK_SIZE);
	cr_assert_eq(start_reads(&peer), 1);
	cr_assert_eq(jobs[0].offset, READ_SPAN_MAX);
	cr_assert_eq(jobs[0].length, READ_SPAN_MAX);
	answer_all();
	next(&peer);
}

Test(upload, reading_ahead_stops_at_the_end_of_the_torrent)
{
	ask(&peer, PIECES - 1, 262144, BLOCK_SIZE);
	ask(&peer, PIECES - 1, 262144 + BLOCK_SIZE, BLOCK_SIZE);
	cr_assert_eq(start_reads(&peer), 1);
	cr_assert_eq(jobs[0].offset + jobs[0].length, TOTAL);
	answer_all();
	next(&peer);
	next(&peer);
}

Test(upload, small_pieces_are_read_together)
{
	m = (struct metainfo){ .piece_length = BLOCK_SIZE, .piece_count = PIECES,
		               .total = PIECES * BLOCK_SIZE };
	for (uint32_t i = 2; i < 30; i++)
		cr_assert_eq(ask(&peer, i, 0, BLOCK_SIZE), UPLOAD_QUEUED);
	cr_assert_eq(start_reads(&peer), 2);
	cr_assert_eq(jobs[0].length, READ_SPAN_MAX);
	cr_assert_eq(jobs[0].piece, 2);
	cr_assert_eq(jobs[1].piece, 18);
}

Test(upload, reads_are_shared_between_peers)
{
	for (uint32_t i = 0; i < 16; i++) {
		ask(&peer, 2, i * BLOCK_SIZE, BLOCK_SIZE);
		ask(&other, 2, (15 - i) * BLOCK_SIZE, BLOCK_SIZE);
	}
	cr_assert_eq(start_reads(&peer), 1);
	cr_assert_eq(start_reads(&other), 0, "it is being read");
	answer_all();
	for (uint32_t i = 0; i < 16; i++) {
		cr_assert_eq(next(&peer).begin, i * BLOCK_SIZE);
		cr_assert_eq(next(&other).begin, (15 - i) * BLOCK_SIZE);
	}
	for (uint32_t i = 0; i < 16; i++)
		ask(&other, 2, i * BLOCK_SIZE, BLOCK_SIZE);
	cr_assert_eq(start_reads(&other), 0, "it is still here");
	for (uint32_t i = 0; i < 16; i++)
		next(&other);
}

Test(upload, blocks_of_any_size_at_any_place)
{
	static const struct block odd[] = {
		{ 0, 0, 1 },
		{ 0, PIECE - 1, 1 },
		{ 1, 65535, 2 },
		{ 1, 1, 131072 },
		{ 1, 65535, 131072 },
		{ 2, 262143, 131072 },
		{ 2, 262144 - 131072, 131072 },
		{ 3, 200000, 77777 },
		{ 4, PIECE - 131072, 131072 },
		{ PIECES - 1, LAST - 131072, 131072 },
		{ 5, 0, 131072 },
		{ 5, 131072, 131071 },
		{ 5, 262143, 131072 },
		{ 5, 393215, 3 },
	};
	enum { COUNT = sizeof(odd) / sizeof(odd[0]) };
	uint32_t taken = 0;

	for (size_t i = 0; i < COUNT; i++)
		cr_assert_eq(ask(&peer, odd[i].piece, odd[i].begin, odd[i].length), UPLOAD_QUEUED);
	while (taken < COUNT) {
		struct block b;
		start_reads(&peer);
		for (uint32_t i = 0; i < job_count; i++)
			cr_assert_leq(jobs[i].length, READ_SPAN_MAX);
		answer_all();
		while (take(&peer, &b)) {
			cr_assert_eq(memcmp(&b, &odd[taken], sizeof(b)), 0, "block %u", taken);
			taken++;
		}
	}
}

Test(upload, what_is_read_ahead_of_sending_is_bounded)
{
	for (uint32_t i = 0; i < 200; i++)
		ask(&peer, i / 8, i % 8 * (BLOCK_SIZE_MAX), BLOCK_SIZE_MAX);
	start_reads(&peer);
	cr_assert_eq(peer.begun_bytes, UPLOAD_AHEAD);
	answer_all();
	cr_assert_eq(start_reads(&peer), 0);
	next(&peer);
	cr_assert_eq(peer.begun_bytes, UPLOAD_AHEAD - BLOCK_SIZE_MAX);
	start_reads(&peer);
	cr_assert_eq(peer.begun_bytes, UPLOAD_AHEAD);
}

Test(upload, answers_out_of_order_are_sent_in_order)
{
	struct block b;

	ask(&peer, 0, 0, BLOCK_SIZE);
	ask(&peer, 9, 0, BLOCK_SIZE);
	cr_assert_eq(start_reads(&peer), 2);
	answer(1, true);
	cr_assert_not(take(&peer, &b));
	answer(0, true);
	cr_assert_eq(next(&peer).piece, 0);
	cr_assert_eq(next(&peer).piece, 9);
}

Test(upload, a_failed_read_is_told_and_the_next_tries_again)
{
	struct bytes views[UPLOAD_BLOCK_VIEWS];
	struct read_span *span = NULL;
	struct block b;
	uint32_t count = 9;
	bool failed = false;

	ask(&peer, 0, 0, BLOCK_SIZE);
	ask(&other, 0, 0, BLOCK_SIZE);
	cr_assert_eq(start_reads(&peer), 1);
	cr_assert_eq(start_reads(&other), 0);
	answer(0, false);
	cr_assert(upload_next_block(&peer, &cache, &b, views, &count, &span, &failed));
	cr_assert(failed && span == NULL && count == 0);
	cr_assert_eq(peer.served_bytes, 0);
	ask(&peer, 0, 0, BLOCK_SIZE);
	cr_assert_eq(start_reads(&peer), 1, "not from the failed one");
	cr_assert(upload_next_block(&other, &cache, &b, views, &count, &span, &failed));
	cr_assert(failed);
	answer_all();
	next(&peer);
}

Test(upload, a_cancel_takes_back_what_has_not_left)
{
	struct block b;

	for (uint32_t i = 0; i < 4; i++)
		ask(&peer, i, 0, BLOCK_SIZE);
	cr_assert(upload_on_cancel(&peer, &cache, (struct block){ 1, 0, BLOCK_SIZE }));
	cr_assert_eq(start_reads(&peer), 3);
	cr_assert(upload_on_cancel(&peer, &cache, (struct block){ 2, 0, BLOCK_SIZE }), "while reading");
	cr_assert_not(upload_on_cancel(&peer, &cache, (struct block){ 2, 0, BLOCK_SIZE }));
	cr_assert_not(upload_on_cancel(&peer, &cache, (struct block){ 0, 0, 1 }));
	answer_all();
	cr_assert_eq(next(&peer).piece, 0);
	cr_assert_not(upload_on_cancel(&peer, &cache, (struct block){ 0, 0, BLOCK_SIZE }), "gone");
	cr_assert(upload_on_cancel(&peer, &cache, (struct block){ 3, 0, BLOCK_SIZE }), "first and ready");
	cr_assert_not(take(&peer, &b));
	cr_assert_eq(peer.queued_bytes, 0);
	cr_assert_eq(peer.begun, 0);
}

Test(upload, cancels_across_the_rings_seam)
{
	for (uint32_t i = 0; i < 12; i++)
		ask(&peer, i, 0, BLOCK_SIZE);
	start_reads(&peer);
	answer_all();
	for (uint32_t i = 0; i < 12; i++)
		next(&peer);
	for (uint32_t i = 0; i < 10; i++)
		ask(&peer, i, 0, BLOCK_SIZE);
	cr_assert(upload_on_cancel(&peer, &cache, (struct block){ 3, 0, BLOCK_SIZE }));
	cr_assert(upload_on_cancel(&peer, &cache, (struct block){ 7, 0, BLOCK_SIZE }));
	start_reads(&peer);
	answer_all();
	static const uint32_t left[] = { 0, 1, 2, 4, 5, 6, 8, 9 };
	for (uint32_t i = 0; i < 8; i++)
		cr_assert_eq(next(&peer).piece, left[i]);
}

Test(upload, a_choke_empties_the_queue)
{
	struct block b;

	for (uint32_t i = 0; i < 5; i++)
		ask(&peer, i, 0, BLOCK_SIZE);
	start_reads(&peer);
	answer(0, true);
	for (uint32_t i = 0; i < 5; i++) {
		cr_assert(upload_drop(&peer, &cache, &b));
		cr_assert_eq(b.piece, i);
	}
	cr_assert_not(upload_drop(&peer, &cache, &b));
	cr_assert_eq(peer.queued_bytes + peer.begun_bytes + peer.begun, 0);
	cr_assert_eq(job_count, 4, "the disk is still at it");
}

Test(upload, a_peer_that_leaves_while_its_read_is_out)
{
	ask(&peer, 0, 0, BLOCK_SIZE);
	start_reads(&peer);
	upload_peer_deinit(&peer, &cache);
	cr_assert_eq(cache.count, 1);
	answer_all();
	cr_assert_eq(cache.idle_bytes, CHUNK_SIZE);
	ask(&other, 0, 0, BLOCK_SIZE);
	cr_assert_eq(start_reads(&other), 0, "somebody else has the use of it");
	next(&other);
}

Test(upload, a_spent_budget_slows_but_never_stops)
{
	uint8_t *taken[8];
	struct block b;
	struct read_span *span;
	struct disk_job job;

	chunk_pool_deinit(&pool);
	chunk_pool_init(&pool, 8 * CHUNK_SIZE);
	for (int i = 0; i < 8; i++)
		taken[i] = chunk_get(&pool);
	for (uint32_t i = 0; i < 16; i++)
		ask(&peer, 0, i * BLOCK_SIZE, BLOCK_SIZE);
	for (uint32_t i = 0; i < 16; i++) {
		span = upload_next_read(&peer, &cache, 1, &m, &job);
		cr_assert_not_null(span);
		cr_assert_eq(job.length, BLOCK_SIZE);
		span->job = job.id = ++last_job;
		jobs[job_count++] = job;
		cr_assert_null(upload_next_read(&peer, &cache, 1, &m, &job));
		answer_all();
		cr_assert(take(&peer, &b));
		cr_assert_leq(pool.used, 9 + 1);
	}
	for (int i = 0; i < 8; i++)
		chunk_put(&pool, taken[i]);
}

/* Idle spans make room before anybody waits. */
Test(upload, the_cache_gives_way_to_new_reads)
{
	chunk_pool_deinit(&pool);
	chunk_pool_init(&pool, 8 * CHUNK_SIZE);
	for (uint32_t round = 0; round < 10; round++) {
		for (uint32_t i = 0; i < 16; i++)
			ask(&peer, round, i * BLOCK_SIZE, BLOCK_SIZE);
		cr_assert_eq(start_reads(&peer), 1);
		cr_assert_eq(jobs[0].length, READ_SPAN_MAX);
		cr_assert_leq(pool.used, 8);
		answer_all();
		for (uint32_t i = 0; i < 16; i++)
			next(&peer);
	}
}
