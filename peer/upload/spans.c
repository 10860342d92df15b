/* peer/upload/spans.c: the spans of a session and who may still need them.
 *
 * A span is found by the READ_SPAN_MAX window its first byte lies in: being no
 * longer than a window, one that covers a block begins in the block's window or
 * in the one before. Invariants: a span without references is being read or in
 * the idle list; a failed or stale one is in no bucket; the chunks of a span that
 * is being read are not touched before the answer. */
#include "peer/upload/spans.h"

#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

void span_cache_init(struct span_cache *c, struct chunk_pool *pool)
{
	*c = (struct span_cache){ .pool = pool };
}

static void list_append(struct span_list *l, struct read_span *s)
{
	s->next = NULL;
	s->prev = l->last;
	if (l->last != NULL)
		l->last->next = s;
	else
		l->first = s;
	l->last = s;
}

static void list_remove(struct span_list *l, struct read_span *s)
{
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		l->first = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	else
		l->last = s->prev;
	s->next = s->prev = NULL;
}

static struct read_span **bucket(struct span_cache *c, torrent_id t, uint64_t window)
{
	const uint64_t mixed = (t * 0x9e3779b97f4a7c15u + window) * 0x9e3779b97f4a7c15u;
	return &c->buckets[(mixed >> 32) % SPAN_BUCKETS];
}

/* Nobody finds it any more. */
static void unlist(struct span_cache *c, struct read_span *s)
{
	if (s->stale)
		return;
	struct read_span **link = bucket(c, s->torrent, s->offset / READ_SPAN_MAX);
	while (*link != s)
		link = &(*link)->chain;
	*link = s->chain;
	s->stale = true;
}

static uint64_t memory_of(const struct read_span *s)
{
	return (uint64_t)chunks_for(s->length) * CHUNK_SIZE;
}

static void destroy(struct span_cache *c, struct read_span *s)
{
	unlist(c, s);
	for (uint32_t i = 0; i < chunks_for(s->length); i++)
		chunk_put(c->pool, s->chunks[i]);
	free(s);
	c->count--;
}

static void drop_idle(struct span_cache *c, struct read_span *s)
{
	list_remove(&c->idle, s);
	c->idle_bytes -= memory_of(s);
	destroy(c, s);
}

void span_cache_trim(struct span_cache *c, uint64_t bytes_max)
{
	while (c->idle_bytes > bytes_max)
		drop_idle(c, c->idle.first);
}

void span_cache_deinit(struct span_cache *c)
{
	span_cache_trim(c, 0);
	assert(c->count == 0);
}

/* Nobody holds it and it is not being read. */
static void retire(struct span_cache *c, struct read_span *s)
{
	if (s->state == SPAN_FAILED || s->stale) {
		destroy(c, s);
		return;
	}
	list_append(&c->idle, s);
	c->idle_bytes += memory_of(s);
	span_cache_trim(c, UPLOAD_CACHE_BYTES_MAX);
}

bool span_cache_on_read(struct span_cache *c, job_id job, bool ok)
{
	struct read_span *s = c->reading.first;

	while (s != NULL && s->job != job)
		s = s->next;
	if (s == NULL)
		return false;
	list_remove(&c->reading, s);
	s->state = ok ? SPAN_READY : SPAN_FAILED;
	if (!ok)
		unlist(c, s);
	if (s->refs == 0)
		retire(c, s);
	return true;
}

void span_cache_forget(struct span_cache *c, torrent_id t)
{
	for (uint32_t i = 0; i < SPAN_BUCKETS; i++) {
		struct read_span *next;
		for (struct read_span *s = c->buckets[i]; s != NULL; s = next) {
			next = s->chain;
			if (s->torrent != t)
				continue;
			if (s->state == SPAN_READY && s->refs == 0)
				drop_idle(c, s);
			else
				unlist(c, s);
		}
	}
}

static struct read_span *find_in(struct span_cache *c, torrent_id t, uint64_t window,
                                 uint64_t offset, uint32_t length)
{
	for (struct read_span *s = *bucket(c, t, window); s != NULL; s = s->chain) {
		if (s->torrent == t && offset >= s->offset && length <= s->length &&
		    offset - s->offset <= s->length - length)
			return s;
	}
	return NULL;
}

struct read_span *span_find(struct span_cache *c, torrent_id t, uint64_t offset, uint32_t length)
{
	const uint64_t window = offset / READ_SPAN_MAX;
	struct read_span *s = find_in(c, t, window, offset, length);

	if (s == NULL && window > 0)
		s = find_in(c, t, window - 1, offset, length);
	if (s == NULL)
		return NULL;
	if (s->refs == 0 && s->state == SPAN_READY) {
		list_remove(&c->idle, s);
		c->idle_bytes -= memory_of(s);
	}
	s->refs++;
	return s;
}

struct read_span *span_new(struct span_cache *c, torrent_id t, uint64_t offset, uint32_t length,
                           uint32_t piece)
{
	assert(length > 0 && length <= READ_SPAN_MAX);
	struct read_span *s = memory_zeroed(1, sizeof(*s));
	struct read_span **head = bucket(c, t, offset / READ_SPAN_MAX);

	s->torrent = t;
	s->offset = offset;
	s->length = length;
	s->piece = piece;
	s->state = SPAN_READING;
	s->refs = 1;
	for (uint32_t i = 0; i < chunks_for(length); i++)
		s->chunks[i] = chunk_get(c->pool);
	s->chain = *head;
	*head = s;
	list_append(&c->reading, s);
	c->count++;
	return s;
}

void span_hold(struct read_span *s)
{
	assert(s->refs > 0);
	s->refs++;
}

void span_release(struct span_cache *c, struct read_span *s)
{
	assert(s->refs > 0);
	if (--s->refs == 0 && s->state != SPAN_READING)
		retire(c, s);
}
