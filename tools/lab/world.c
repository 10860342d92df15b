/* tools/lab/world.c: the event heap. Four children a node: half the levels of
 * a binary heap, and the children of one node share cache lines. */
#include "tools/lab/world.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "proto/memory.h"

struct entry {
	usec when;
	uint64_t sequence;
	world_event *event;
	void *owner;
	uint64_t a, b;
};

struct world {
	struct entry *heap; /* owned */
	size_t count, size;
	uint64_t sequence, events, trace;
	usec now;
	struct rng streams[WORLD_STREAMS];
};

struct world *world_new(uint64_t seed)
{
	struct world *w = memory_zeroed(1, sizeof *w);
	for (unsigned i = 0; i < WORLD_STREAMS; i++)
		rng_init_number(&w->streams[i], seed, i);
	/* Not 0: code that takes 0 for "never" shall be found out elsewhere. */
	w->now = 1000 * USEC_PER_SEC;
	w->trace = 0xcbf29ce484222325u;
	return w;
}

void world_free(struct world *w)
{
	if (w == NULL)
		return;
	free(w->heap);
	free(w);
}

usec world_now(const struct world *w)
{
	return w->now;
}

struct rng *world_rng(struct world *w, enum world_stream stream)
{
	assert(stream < WORLD_STREAMS);
	return &w->streams[stream];
}

static bool before(const struct entry *a, const struct entry *b)
{
	return a->when != b->when ? a->when < b->when : a->sequence < b->sequence;
}

void world_at(struct world *w, usec when, world_event *event, void *owner, uint64_t a, uint64_t b)
{
	if (w->count == w->size) {
		w->size = w->size != 0 ? w->size * 2 : 1024;
		w->heap = memory_resize(w->heap, w->size, sizeof *w->heap);
	}
	const struct entry e = { usec_max(when, w->now), w->sequence++, event, owner, a, b };
	size_t i = w->count++;
	while (i > 0 && before(&e, &w->heap[(i - 1) / 4])) {
		w->heap[i] = w->heap[(i - 1) / 4];
		i = (i - 1) / 4;
	}
	w->heap[i] = e;
}

static struct entry heap_pop(struct world *w)
{
	const struct entry top = w->heap[0];
	const struct entry last = w->heap[--w->count];
	size_t i = 0;
	for (;;) {
		size_t best = 4 * i + 1;
		if (best >= w->count)
			break;
		const size_t end = best + 4 < w->count ? best + 4 : w->count;
		for (size_t c = best + 1; c < end; c++)
			if (before(&w->heap[c], &w->heap[best]))
				best = c;
		if (!before(&w->heap[best], &last))
			break;
		w->heap[i] = w->heap[best];
		i = best;
	}
	if (w->count != 0)
		w->heap[i] = last;
	return top;
}

bool world_step(struct world *w, usec until)
{
	if (w->count == 0 || w->heap[0].when > until) {
		if (w->count != 0)
			w->now = usec_max(w->now, until);
		return false;
	}
	const struct entry e = heap_pop(w);
	w->now = e.when;
	w->events++;
	e.event(w, e.owner, e.a, e.b);
	return true;
}

void world_run(struct world *w, usec until)
{
	while (world_step(w, until))
		;
}

uint64_t world_event_count(const struct world *w)
{
	return w->events;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ (h >> 29);
}

void world_note(struct world *w, uint64_t what, uint64_t a, uint64_t b)
{
	w->trace = mix(mix(mix(mix(w->trace, w->now), what), a), b);
}

uint64_t world_trace_hash(const struct world *w)
{
	return w->trace;
}

struct latency latency_from_quantiles(double p50_ms, double p90_ms, double p99_ms)
{
	const double z90 = 1.2815515655446004, z99 = 2.3263478740408408;
	const double mu = log(p50_ms * 1000.0);
	const double low = (log(p90_ms * 1000.0) - mu) / z90;
	/* Between p90 and p99 the tail is heavier: above p90 another slope. */
	const double high = (log(p99_ms * 1000.0) - log(p90_ms * 1000.0)) / (z99 - z90);
	return (struct latency){ mu, low, high };
}

usec latency_at(const struct latency *l, double z)
{
	const double z90 = 1.2815515655446004;
	double ln = l->mu + l->sigma_low * z;
	if (z > z90)
		ln = l->mu + l->sigma_low * z90 + l->sigma_high * (z - z90);
	const double t = exp(ln);
	return t < 1.0 ? 1 : t > 60e6 ? 60 * USEC_PER_SEC : (usec)t;
}

usec latency_sample(const struct latency *l, struct rng *rng)
{
	/* Box-Muller; 1 - u keeps the logarithm away from 0. */
	const double u = 1.0 - rng_unit(rng), v = rng_unit(rng);
	return latency_at(l, sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}
