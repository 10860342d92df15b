/* peer/download/requests.c: one peer's pipeline.
 *
 * The window is what covers the way there and back plus 250 ms at the peer's
 * rate. It starts small and doubles once per round trip until the rate no longer
 * grows by a tenth; then it follows the rate of each period. Since the window
 * exceeds one round trip it finds more bandwidth by itself when there is some.
 *
 * Silence is measured from one answer to the next. After REQUEST_TIMEOUT the
 * requests lapse: others may have the blocks, but late answers are still
 * welcome. After REQUEST_SNUB the peer is snubbing us and is asked one block at
 * a time. */
#include "peer/download/requests.h"

#include "peer/download/download.h"
#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

enum {
	WINDOW_SLACK_MS = 250,
	WINDOW_GROW_MS_MIN = 5,    /* shortest period while growing */
	WINDOW_PERIOD_MS_MIN = 250, /* and after that */
	RATE_UNKNOWN = 8 << 10,    /* bytes per second taken for a peer we know nothing of */
};

/* ---- rings ---- */

static struct requested *ring_at(const struct request_ring *r, uint32_t index)
{
	return &r->items[(r->first + index) & (r->size - 1)];
}

static void ring_push(struct request_ring *r, struct requested item)
{
	if (r->count == r->size) {
		const uint32_t size = r->size == 0 ? 8 : 2 * r->size;
		struct requested *items = memory_alloc(size * sizeof(*items));
		for (uint32_t i = 0; i < r->count; i++)
			items[i] = *ring_at(r, i);
		free(r->items);
		*r = (struct request_ring){ items, 0, r->count, size };
	}
	r->count++;
	*ring_at(r, r->count - 1) = item;
}

/* Answers come about in the order asked, so the near end is the one to move. */
static void ring_remove(struct request_ring *r, uint32_t index)
{
	assert(index < r->count);
	if (index < r->count / 2) {
		for (; index > 0; index--)
			*ring_at(r, index) = *ring_at(r, index - 1);
		r->first = (r->first + 1) & (r->size - 1);
	} else {
		for (; index + 1 < r->count; index++)
			*ring_at(r, index) = *ring_at(r, index + 1);
	}
	r->count--;
}

static bool ring_find(const struct request_ring *r, uint32_t piece, uint32_t block,
                      uint32_t *index)
{
	for (uint32_t i = 0; i < r->count; i++) {
		const struct requested *item = ring_at(r, i);
		if (item->piece == piece && item->block == block) {
			*index = i;
			return true;
		}
	}
	return false;
}

static void ring_free(struct request_ring *r)
{
	free(r->items);
	*r = (struct request_ring){ .items = NULL };
}

/* ---- queue ---- */

void requests_init(struct download_peer *p, usec now)
{
	p->window = REQUEST_WINDOW_START;
	p->window_grows = true;
	p->window_at = now;
}

void requests_deinit(struct download_peer *p)
{
	ring_free(&p->queue);
	ring_free(&p->lapsed);
}

void requests_push(struct download_peer *p, uint32_t piece, uint32_t block, usec now)
{
	assert(p->queue.count < REQUEST_WINDOW_MAX);
	if (p->queue.count == 0) {
		p->lapse_at = now + REQUEST_TIMEOUT * USEC_PER_SEC;
		if (!p->incoming.active) {
			/* The time it was not asked says nothing about its rate. */
			p->window_at = now;
			p->window_bytes = 0;
		}
	}
	if (p->asked_at == 0)
		p->asked_at = usec_max(now, 1);
	ring_push(&p->queue, (struct requested){ piece, block, now });
	p->outstanding = p->queue.count;
}

bool requests_find(const struct download_peer *p, uint32_t piece, uint32_t block,
                   uint32_t *index)
{
	return ring_find(&p->queue, piece, block, index);
}

struct requested requests_at(const struct download_peer *p, uint32_t index)
{
	assert(index < p->queue.count);
	return *ring_at(&p->queue, index);
}

void requests_remove(struct download_peer *p, uint32_t index)
{
	ring_remove(&p->queue, index);
	p->outstanding = p->queue.count;
}

void requests_lapse(struct download_peer *p, uint32_t index)
{
	const struct requested item = requests_at(p, index);

	requests_remove(p, index);
	if (p->lapsed.count == REQUEST_LAPSED_MAX)
		ring_remove(&p->lapsed, 0);
	ring_push(&p->lapsed, item);
}

bool requests_take_lapsed(struct download_peer *p, uint32_t piece, uint32_t block)
{
	uint32_t index;

	if (!ring_find(&p->lapsed, piece, block, &index))
		return false;
	ring_remove(&p->lapsed, index);
	if (p->lapsed.count == 0)
		ring_free(&p->lapsed);
	return true;
}

void requests_settle(struct download_peer *p)
{
	if (p->queue.count > 0 || p->incoming.active)
		return;
	p->lapse_at = 0;
	if (!p->stalled)
		p->asked_at = 0;
	if (p->choked)
		ring_free(&p->queue);
}

/* ---- window and time ---- */

static uint32_t window_limit(const struct download_peer *p)
{
	const uint32_t reqq = p->reqq == 0 ? REQUEST_REQQ_ASSUMED : p->reqq;

	return reqq < REQUEST_WINDOW_MAX ? reqq : REQUEST_WINDOW_MAX;
}

static uint32_t window_clamp(const struct download_peer *p, uint64_t window)
{
	const uint32_t limit = window_limit(p);

	if (p->classic)
		return REQUEST_WINDOW_CLASSIC;
	if (window < REQUEST_WINDOW_MIN)
		window = REQUEST_WINDOW_MIN;
	return window < limit ? (uint32_t)window : limit;
}

uint32_t requests_room(const struct download_peer *p, usec now)
{
	if ((p->stalled && now < p->retry_at) || now < p->hold_until)
		return 0;
	const uint32_t window = p->stalled || p->snubbed ? 1 : window_clamp(p, p->window);
	const bool refill = p->refilling || p->classic || p->outstanding <= window * 3 / 4;
	if (p->outstanding >= window || !refill)
		return 0;
	return window - p->outstanding;
}

void requests_on_answer(struct download_peer *p, usec asked_at, usec now)
{
	if (asked_at != 0) {
		const usec rtt = usec_max(usec_since(asked_at, now), 1);
		if (p->rtt_min == 0 || rtt < p->rtt_min)
			p->rtt_min = rtt;
	}
	if (p->stalled || p->snubbed) {
		p->window = REQUEST_WINDOW_MIN;
		p->window_grows = true;
		p->window_rate = 0;
	}
	p->stalled = p->snubbed = false;
	p->rejects = 0;
	p->hold_until = 0;
	p->asked_at = usec_max(now, 1);
	p->lapse_at = now + REQUEST_TIMEOUT * USEC_PER_SEC;
}

void requests_on_block(struct download_peer *p, uint32_t bytes, usec now)
{
	const usec rtt = p->rtt_min == 0 ? 100 * USEC_PER_MS : p->rtt_min;
	const uint32_t least = p->window_grows ? WINDOW_GROW_MS_MIN : WINDOW_PERIOD_MS_MIN;
	const usec period = usec_max(rtt, least * USEC_PER_MS);
	const usec passed = usec_since(p->window_at, now);

	p->window_bytes += bytes;
	if (passed < period)
		return;
	/* Fewer blocks than were outstanding tell little about a larger window. */
	if (p->window_grows && p->window_bytes < (uint64_t)p->window * BLOCK_SIZE)
		return;
	const uint64_t rate = p->window_bytes * USEC_PER_SEC / passed;
	if (p->window_grows && rate > p->window_rate + p->window_rate / 10) {
		p->window = window_clamp(p, 2 * (uint64_t)p->window);
	} else {
		p->window_grows = false;
		p->window = window_clamp(p, rate * ((rtt + WINDOW_SLACK_MS * USEC_PER_MS) /
		                                    USEC_PER_MS) / 1000 / BLOCK_SIZE);
	}
	p->window_rate = rate;
	p->window_bytes = 0;
	p->window_at = now;
}

void requests_on_refused(struct download_peer *p, usec now)
{
	if (p->rejects < REQUEST_HOLD_MAX)
		p->rejects++;
	p->hold_until = now + p->rejects * USEC_PER_SEC;
}

double requests_eta(const struct download_peer *p, uint32_t index, usec now)
{
	const uint64_t rate = meter_rate(&p->received, now);
	double eta = (index + 1.0) * BLOCK_SIZE / (double)(rate > RATE_UNKNOWN ? rate : RATE_UNKNOWN);

	if (p->asked_at != 0) /* silence is likely to last as long again */
		eta += 1e-6 * (double)usec_since(p->asked_at, now);
	return eta + 1e-6 * (double)p->rtt_min;
}
