/* tests/fuzz/download_fuzz.c: a download under any sequence of legal and illegal
 * calls, by honest and lying peers.
 *
 * After every call: what is outstanding is known to both sides, no block is asked
 * of more than two, outside the endgame never of two that both still count,
 * availability is the sum of what peers have (S5), memory is accounted for. At
 * the end no memory is left, and no honest peer was accused (S8). */
#include "peer/download/state.h"
#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PEERS = 6, PIECES_MAX = 24, STORED_MAX = 8, LIARS = 2 };

struct slot {
	struct download_peer peer;
	bool here;
	bool sending;
	bool lie;              /* what it sends now is wrong */
	uint8_t *into;
	struct block block;
	struct block asked[64];
	uint32_t asked_count;
};

struct run {
	const uint8_t *data;
	size_t size;
	struct metainfo m;
	struct metainfo_file file;
	struct chunk_pool pool;
	struct rng rng;
	struct download *d;
	struct slot slots[PEERS];
	struct full_piece stored[STORED_MAX];
	uint32_t stored_count;
	usec now;
};

static uint8_t next(struct run *r)
{
	if (r->size == 0)
		return 0;
	r->size--;
	return *r->data++;
}

static uint8_t content(uint32_t piece, uint32_t offset)
{
	return (uint8_t)(piece * 31 + offset * 7 + (offset >> 8) * 13 + 1);
}

static void check_peer(const struct download *d, const struct download_peer *p)
{
	assert(p->interesting == bitfield_count_missing(&p->has, &d->held));
	assert(p->outstanding == p->queue.count && p->outstanding <= REQUEST_WINDOW_MAX);
	assert(p->lapsed.count <= REQUEST_LAPSED_MAX && p->allowed_count <= ALLOWED_FAST_MAX);
	for (uint32_t i = 0; i < p->outstanding; i++) {
		const struct requested q = requests_at(p, i);
		const struct partial *partial = pieces_find(&d->pieces, q.piece);
		assert(partial != NULL && partial->state == PARTIAL_FETCHING);
		const struct partial_block *b = &partial->blocks[q.block];
		assert(!b->have && (b->askers[0] == p || b->askers[1] == p));
		if (partial->exclusive)
			assert(partial->owned && partial->owner == p->source);
	}
}

static void check_partial(const struct download *d, const struct partial *it)
{
	uint32_t free_count = 0, have_count = 0, held = 0, direct = 0, writers = 0;

	for (uint32_t i = 0; i < it->block_count; i++) {
		const struct partial_block *b = &it->blocks[i];
		have_count += b->have;
		free_count += !b->have && b->askers[0] == NULL;
		direct += b->direct;
		assert(!b->have || (b->askers[0] == NULL && !b->direct));
		assert(i >= it->free_from || b->have || b->askers[0] != NULL);
		assert(b->askers[0] == NULL || b->askers[0] != b->askers[1]);
	}
	for (const struct incoming *in = d->pieces.incoming; in != NULL; in = in->next)
		writers += in->direct && in->piece == it->piece;
	assert(direct == writers);
	assert(it->free_count == free_count && it->have_count == have_count);
	for (uint32_t i = 0; it->chunks != NULL && i < it->chunk_count; i++)
		held += it->chunks[i] != NULL;
	assert(it->chunks_held == held);
	assert((it->state == PARTIAL_FETCHING) == (have_count < it->block_count));
	assert(!it->exclusive || it->state != PARTIAL_FETCHING || !bitfield_get(&d->held, it->piece));
}

static void check_standing(const struct download *d, uint32_t piece)
{
	const struct partial *partial = pieces_find(&d->pieces, piece);
	enum picker_standing want = PICKER_FRESH;

	if (bitfield_get(&d->held, piece))
		want = PICKER_OUT;
	else if (partial != NULL)
		want = partial->state == PARTIAL_FETCHING && !partial->exclusive &&
		               partial->free_count > 0 ? PICKER_OPEN : PICKER_OUT;
	assert(picker_get(d->picker, piece) == want);
}

static void check(const struct run *r)
{
	const struct download *d = r->d;
	uint32_t promised = 0, full = 0, exclusive = 0, count = 0;

	for (const struct download_peer *p = d->peers; p != NULL; p = p->next)
		check_peer(d, p);
	for (const struct partial *it = d->pieces.first; it != NULL; it = it->next) {
		check_partial(d, it);
		count++;
		full += it->state == PARTIAL_FULL;
		exclusive += it->exclusive;
		if (it->state == PARTIAL_FETCHING)
			promised += it->chunk_count - it->chunks_held;
	}
	assert(count == d->pieces.count);
	assert(full == d->pieces.full_count && exclusive == d->pieces.exclusive_count);
	assert(promised == d->pieces.promised);
	assert((d->picker != NULL) == (d->peers != NULL && !download_is_done(d)));
	for (uint32_t piece = 0; piece < r->m.piece_count; piece++) {
		uint32_t sum = 0;
		for (const struct download_peer *p = d->peers; p != NULL; p = p->next)
			sum += bitfield_get(&p->has, piece);
		assert(download_availability(d, piece) == sum);
		if (d->picker != NULL)
			check_standing(d, piece);
	}
}

/* ---- moves ---- */

static void come_or_go(struct run *r, uint32_t i)
{
	struct slot *s = &r->slots[i];

	if (s->here) {
		download_peer_deinit(r->d, &s->peer, r->now);
		memset(s, 0, sizeof(*s));
	} else {
		download_peer_init(r->d, &s->peer, i, r->now);
		s->here = true;
		s->peer.fast = next(r) % 4 != 0;
		s->peer.reqq = next(r);
	}
}

/* True: the protocol was broken, the peer must go. */
static bool say(struct run *r, struct slot *s, uint8_t what)
{
	const char *reason = NULL;
	struct download_peer *p = &s->peer;
	const uint32_t piece = next(r) % (PIECES_MAX + 1);
	uint8_t bits[PIECES_MAX / 8 + 1];
	bool ok = true;

	switch (what % 8) {
	case 0:
		for (size_t i = 0; i < sizeof(bits); i++)
			bits[i] = next(r);
		if (r->m.piece_count % 8 != 0 && next(r) % 8 != 0)
			bits[r->m.piece_count / 8] &= (uint8_t)(0xff00u >> (r->m.piece_count % 8));
		ok = download_on_bitfield(r->d, p, bytes_of(bits, (r->m.piece_count + 7) / 8), &reason);
		break;
	case 1:
		ok = download_on_have_all(r->d, p, &reason);
		break;
	case 2:
		ok = download_on_have_none(r->d, p, &reason);
		break;
	case 3:
	case 4:
		ok = download_on_have(r->d, p, piece, &reason);
		break;
	case 5:
		ok = download_on_dont_have(r->d, p, piece, &reason);
		break;
	case 6:
		ok = download_on_allowed_fast(r->d, p, piece, &reason);
		break;
	default:
		if (p->choked)
			download_on_unchoke(r->d, p, r->now);
		else
			download_on_choke(r->d, p, r->now);
	}
	assert(ok == (reason == NULL));
	return !ok;
}

static void ask(struct run *r, struct slot *s)
{
	struct block out[16];
	const uint32_t max = 1 + next(r) % 16;

	const uint32_t n = download_request(r->d, &s->peer, out, max, r->now);

	assert(n <= max);
	for (uint32_t i = 0; i < n; i++) {
		assert(bitfield_get(&s->peer.has, out[i].piece));
		assert(!bitfield_get(&r->d->held, out[i].piece));
		const struct partial *partial = pieces_find(&r->d->pieces, out[i].piece);
		const struct partial_block *b = &partial->blocks[out[i].begin / BLOCK_SIZE];
		if (b->askers[1] != NULL) /* S3: twice only when nothing was free any more */
			assert(r->d->picker->ranked == 0);
		if (s->asked_count < 64)
			s->asked[s->asked_count++] = out[i];
	}

}

static bool send(struct run *r, struct slot *s, uint8_t what)
{
	const char *reason = NULL;

	if (s->sending) {
		for (uint32_t i = 0; i < s->block.length; i++)
			s->into[i] = (uint8_t)(content(s->block.piece, s->block.begin + i) ^ s->lie);
		s->sending = false;
		download_block_end(r->d, &s->peer, r->now);
		return false;
	}
	struct block b = { next(r) % (PIECES_MAX + 2), (next(r) % 8u) * BLOCK_SIZE / 2, 0 };
	b.length = next(r) % 2 == 0 ? BLOCK_SIZE : next(r) * 256u;
	if (what % 8 != 0 && s->asked_count > 0) {
		const uint32_t i = what % 8 == 1 ? next(r) % s->asked_count : 0;
		b = s->asked[i];
		memmove(&s->asked[i], &s->asked[i + 1], (--s->asked_count - i) * sizeof(b));
	}
	s->lie = &r->slots[LIARS] > s && next(r) % 2 == 0;
	switch (download_block_begin(r->d, &s->peer, b, &s->into, &reason, r->now)) {
	case DOWNLOAD_TAKE:
		assert(s->into != NULL);
		s->sending = true;
		s->block = b;
		memset(s->into, 0xee, b.length / 2); /* half of it: then it may stop */
		return false;
	case DOWNLOAD_DISCARD:
		assert(s->into == NULL);
		return false;
	case DOWNLOAD_BREAK:
		assert(reason != NULL);
		return true;
	}
	return true;
}

static bool reject(struct run *r, struct slot *s, uint8_t what)
{
	const char *reason = NULL;
	struct block b = { next(r) % PIECES_MAX, (next(r) % 4u) * BLOCK_SIZE, BLOCK_SIZE };

	if (what % 4 != 0 && s->asked_count > 0)
		b = s->asked[--s->asked_count];
	return !download_on_reject(r->d, &s->peer, b, r->now, &reason);
}

static bool is_right(const struct run *r, const struct full_piece *full)
{
	assert(full->length == metainfo_piece_size(&r->m, full->piece));
	for (uint32_t i = 0; i < full->length; i++) {
		if (full->chunks[i / CHUNK_SIZE][i % CHUNK_SIZE] != content(full->piece, i))
			return false;
	}
	return true;
}

static void disk(struct run *r, uint8_t what)
{
	if (what % 2 == 0 && r->stored_count < STORED_MAX &&
	    download_next_full(r->d, &r->stored[r->stored_count])) {
		r->stored_count++;
		return;
	}
	if (r->stored_count == 0)
		return;
	const struct full_piece full = r->stored[0];
	memmove(r->stored, r->stored + 1, --r->stored_count * sizeof(full));
	enum disk_result result = is_right(r, &full) ? DISK_OK : DISK_BAD_HASH;
	if (what % 16 == 15)
		result = DISK_FULL;
	download_on_stored(r->d, &full, result, r->now);
	assert(result != DISK_OK || bitfield_get(&r->d->have, full.piece));
}

static void owner(struct run *r, uint8_t what)
{
	const uint32_t piece = next(r) % PIECES_MAX;

	if (piece >= r->m.piece_count)
		return;
	switch (what % 5) {
	case 0:
		download_set_have(r->d, piece);
		break;
	case 1:
	case 2:
		download_set_lost(r->d, piece);
		break;
	case 3:
		download_set_priority(r->d, piece, next(r) % 8);
		break;
	default:
		download_set_sequential(r->d, what & 64);
	}
}

static void drain(struct run *r)
{
	struct download_peer *p;
	struct block b;
	uint32_t source;

	while (download_next_cancel(r->d, &p, &b)) {
		const struct slot *s = (const struct slot *)(const void *)p;
		assert(s->here && b.piece < r->m.piece_count);
	}
	while (download_next_liar(r->d, &source))
		assert(source < LIARS);
}

static void move(struct run *r)
{
	const uint8_t what = next(r), i = next(r) % PEERS;
	struct slot *s = &r->slots[i];
	bool broken = false;

	r->now += (usec)next(r) * USEC_PER_MS;
	switch (what % 16) {
	case 0:
		come_or_go(r, i);
		break;
	case 1:
		owner(r, what / 16);
		break;
	case 2:
	case 3:
		disk(r, what / 16);
		break;
	case 4:
		r->now += (usec)next(r) * 300 * USEC_PER_MS;
		if (s->here && r->now >= download_peer_deadline(&s->peer)) {
			download_peer_on_timer(r->d, &s->peer, r->now);
			assert(download_peer_deadline(&s->peer) > r->now);
		}
		break;
	case 5:
	case 6:
		broken = s->here && say(r, s, next(r));
		break;
	case 7:
		broken = s->here && reject(r, s, next(r));
		break;
	case 8:
	case 9:
	case 10:
		if (s->here)
			ask(r, s);
		break;
	default:
		broken = s->here && send(r, s, what / 16);
	}
	if (broken)
		come_or_go(r, i);
	check(r);
	drain(r);
	check(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t lengths[] = { 16384, 32768, 40000, 131072, 8192 };
	struct run *r = memory_zeroed(1, sizeof(*r));

	r->data = data;
	r->size = size;
	r->m.piece_length = lengths[next(r) % 5];
	r->m.piece_count = next(r) % (PIECES_MAX + 1);
	if (r->m.piece_count > 0)
		r->m.total = (uint64_t)r->m.piece_length * (r->m.piece_count - 1) +
		             1 + next(r) * 32u % r->m.piece_length;
	r->file.length = r->m.total;
	r->m.files = &r->file;
	r->m.file_count = 1;
	r->now = 1;
	chunk_pool_init(&r->pool, (uint64_t)next(r) % 32 * CHUNK_SIZE);
	rng_init_number(&r->rng, 1, 1);
	r->d = download_new(&r->m, &r->pool, &r->rng);
	while (r->size > 0)
		move(r);
	for (uint32_t i = 0; i < PEERS; i++) {
		if (r->slots[i].here)
			come_or_go(r, i);
	}
	check(r);
	for (uint32_t i = 0; i < r->stored_count; i++)
		download_on_stored(r->d, &r->stored[i], DISK_FAILED, r->now);
	download_free(r->d);
	assert(r->pool.used == 0);
	chunk_pool_deinit(&r->pool);
	free(r);
	return 0;
}
