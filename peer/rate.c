/* peer/rate.c: meters and token buckets, both lazy: they cost nothing while
 * nobody asks, and need no timer.
 *
 * A meter keeps one sum per second. slots[s % METER_SLOTS] belongs to second s
 * for the METER_SLOTS seconds up to `second`; older ones were overwritten or
 * are ignored by their age. */
#include "peer/rate.h"

void meter_init(struct meter *m, usec now)
{
	*m = (struct meter){ .second = (uint32_t)(now / USEC_PER_SEC) };
	m->first = m->second;
}

static void advance(struct meter *m, uint32_t second)
{
	if (second - m->second >= METER_SLOTS) {
		memset(m->slots, 0, sizeof(m->slots));
	} else {
		for (uint32_t s = m->second + 1; s <= second; s++)
			m->slots[s % METER_SLOTS] = 0;
	}
	m->second = second;
}

void meter_add(struct meter *m, uint64_t bytes, usec now)
{
	const uint32_t second = (uint32_t)(now / USEC_PER_SEC);

	if (second > m->second)
		advance(m, second);
	m->total += bytes;
	uint32_t *slot = &m->slots[m->second % METER_SLOTS];
	*slot = bytes < UINT32_MAX - *slot ? *slot + (uint32_t)bytes : UINT32_MAX;
}

uint64_t meter_rate(const struct meter *m, usec now)
{
	const usec newest = usec_max(now, m->second * USEC_PER_SEC);
	const uint32_t second = (uint32_t)(newest / USEC_PER_SEC);
	/* The seconds looked at: the running one and the five before it, as far as
	 * the meter has lived. */
	uint32_t from = second >= METER_SLOTS - 1 ? second - (METER_SLOTS - 1) : 0;
	if (from < m->first)
		from = m->first;

	uint64_t sum = 0;
	for (uint32_t s = from; s <= m->second; s++)
		sum += m->slots[s % METER_SLOTS];
	const usec elapsed = usec_max(newest - from * USEC_PER_SEC, USEC_PER_SEC);
	return sum * USEC_PER_SEC / elapsed;
}

static int64_t burst(const struct bucket *b)
{
	const uint64_t bytes = b->rate / (1000 / BUCKET_BURST_MS);

	if (bytes < BUCKET_BURST_MIN)
		return BUCKET_BURST_MIN;
	return bytes < INT64_MAX / 2 ? (int64_t)bytes : INT64_MAX / 2;
}

void bucket_init(struct bucket *b, uint64_t rate, usec now)
{
	*b = (struct bucket){ .rate = rate, .filled_at = now };
	if (rate != 0)
		b->tokens = burst(b);
}

static void fill(struct bucket *b, usec now)
{
	uint64_t product;
	const usec elapsed = usec_since(b->filled_at, now);

	b->filled_at = usec_max(b->filled_at, now);
	if (b->rate == 0 || elapsed == 0)
		return;
	const int64_t full = burst(b);
	if (__builtin_mul_overflow(elapsed, b->rate, &product) ||
	    __builtin_add_overflow(product, b->fraction, &product) ||
	    product / USEC_PER_SEC > INT64_MAX / 2) {
		b->tokens = full;
		b->fraction = 0;
		return;
	}
	b->fraction = product % USEC_PER_SEC;
	if (__builtin_add_overflow(b->tokens, (int64_t)(product / USEC_PER_SEC), &b->tokens) ||
	    b->tokens >= full) {
		b->tokens = full;
		b->fraction = 0;
	}
}

void bucket_set_rate(struct bucket *b, uint64_t rate, usec now)
{
	fill(b, now);
	/* A limit that begins or ends leaves neither debt nor credit behind. */
	if (b->rate == 0 || rate == 0) {
		b->tokens = 0;
		b->fraction = 0;
	}
	b->rate = rate;
	if (rate != 0 && b->tokens > burst(b))
		b->tokens = burst(b);
}

size_t bucket_room(struct bucket *b, usec now)
{
	if (b->rate == 0)
		return SIZE_MAX;
	fill(b, now);
	return b->tokens > 0 ? (size_t)b->tokens : 0;
}

void bucket_take(struct bucket *b, size_t bytes, usec now)
{
	if (b->rate == 0)
		return;
	fill(b, now);
	const int64_t taken = bytes < INT64_MAX / 4 ? (int64_t)bytes : INT64_MAX / 4;
	if (__builtin_sub_overflow(b->tokens, taken, &b->tokens))
		b->tokens = INT64_MIN / 2;
}

void bucket_give(struct bucket *b, size_t bytes, usec now)
{
	if (b->rate == 0)
		return;
	fill(b, now);
	const int64_t given = bytes < INT64_MAX / 4 ? (int64_t)bytes : INT64_MAX / 4;
	const int64_t full = burst(b);
	b->tokens = b->tokens < full - given ? b->tokens + given : full;
}

size_t bucket_burst(const struct bucket *b)
{
	return b->rate == 0 ? SIZE_MAX : (size_t)burst(b);
}

usec bucket_when(struct bucket *b, size_t bytes, usec now)
{
	if (b->rate == 0)
		return now;
	fill(b, now);
	const int64_t full = burst(b);
	const int64_t wanted = bytes < (size_t)full ? (int64_t)bytes : full;
	if (b->tokens >= wanted)
		return now;
	uint64_t micro;
	if (__builtin_mul_overflow((uint64_t)wanted - (uint64_t)b->tokens, USEC_PER_SEC, &micro))
		return USEC_NEVER - 1;
	micro -= b->fraction;
	const usec wait = micro / b->rate + (micro % b->rate != 0);
	return wait < USEC_NEVER - 1 - now ? now + wait : USEC_NEVER - 1;
}
