/* peer/timers.c: an indexed binary heap of deadlines.
 *
 * A key knows its place in the heap, so that a deadline can be moved or
 * removed in O(log n) without searching. Invariant: heap[place[k] - 1].key == k
 * for each k in the heap, place[k] == 0 for the others; no parent is later
 * than its children. */
#include "peer/timers.h"

#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

void timers_init(struct timers *t)
{
	*t = (struct timers){ .heap = NULL };
}

void timers_deinit(struct timers *t)
{
	free(t->heap);
	free(t->place);
	timers_init(t);
}

static uint32_t grown(uint32_t size, uint32_t needed)
{
	if (size == 0)
		size = 8;
	while (size < needed) {
		assert(size < UINT32_MAX / 2);
		size *= 2;
	}
	return size;
}

static void make_room(struct timers *t, uint32_t key)
{
	assert(key < UINT32_MAX - 1);
	if (key >= t->key_size) {
		const uint32_t size = grown(t->key_size, key + 1);
		t->place = memory_resize(t->place, size, sizeof(*t->place));
		memset(t->place + t->key_size, 0, (size - t->key_size) * sizeof(*t->place));
		t->key_size = size;
	}
	if (t->count == t->heap_size) {
		t->heap_size = grown(t->heap_size, t->count + 1);
		t->heap = memory_resize(t->heap, t->heap_size, sizeof(*t->heap));
	}
}

static void put(struct timers *t, uint32_t i, struct timer_entry e)
{
	t->heap[i] = e;
	t->place[e.key] = i + 1;
}

static void sift_up(struct timers *t, uint32_t i, struct timer_entry e)
{
	while (i > 0 && t->heap[(i - 1) / 2].at > e.at) {
		put(t, i, t->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(t, i, e);
}

static void sift_down(struct timers *t, uint32_t i, struct timer_entry e)
{
	for (;;) {
		uint32_t child = 2 * i + 1;
		if (child >= t->count)
			break;
		if (child + 1 < t->count && t->heap[child + 1].at < t->heap[child].at)
			child++;
		if (t->heap[child].at >= e.at)
			break;
		put(t, i, t->heap[child]);
		i = child;
	}
	put(t, i, e);
}

static void remove_at(struct timers *t, uint32_t i)
{
	const usec old = t->heap[i].at;

	t->place[t->heap[i].key] = 0;
	t->count--;
	if (i == t->count)
		return;
	const struct timer_entry last = t->heap[t->count];
	if (last.at < old)
		sift_up(t, i, last);
	else
		sift_down(t, i, last);
}

void timers_set(struct timers *t, uint32_t key, usec at)
{
	const uint32_t place = key < t->key_size ? t->place[key] : 0;
	const struct timer_entry e = { at, key };

	if (at == USEC_NEVER) {
		if (place != 0)
			remove_at(t, place - 1);
	} else if (place == 0) {
		make_room(t, key);
		sift_up(t, t->count++, e);
	} else if (at < t->heap[place - 1].at) {
		sift_up(t, place - 1, e);
	} else {
		sift_down(t, place - 1, e);
	}
}

usec timers_get(const struct timers *t, uint32_t key)
{
	if (key >= t->key_size || t->place[key] == 0)
		return USEC_NEVER;
	return t->heap[t->place[key] - 1].at;
}

usec timers_earliest(const struct timers *t)
{
	return t->count == 0 ? USEC_NEVER : t->heap[0].at;
}

bool timers_pop(struct timers *t, usec now, uint32_t *key)
{
	if (t->count == 0 || t->heap[0].at > now)
		return false;
	*key = t->heap[0].key;
	remove_at(t, 0);
	return true;
}
