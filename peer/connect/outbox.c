/* peer/connect/outbox.c: what one connection has to send. */
#include "peer/connect/outbox.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/memory.h"

void outbox_init(struct outbox *o)
{
	*o = (struct outbox){ 0 };
}

void outbox_deinit(struct outbox *o, struct span_cache *c)
{
	for (uint32_t i = 0; i < o->count; i++) {
		struct outbox_segment *s = &o->segments[(o->first + i) & (o->ring_size - 1)];
		if (s->span != NULL)
			span_release(c, s->span);
	}
	free(o->control);
	free(o->segments);
	*o = (struct outbox){ 0 };
}

/* Make room for size bytes at control_end: move the unsent ones to the front,
 * or grow. */
static bool control_room(struct outbox *o, size_t size)
{
	if (size <= o->control_size - o->control_end)
		return true;
	const uint32_t used = o->control_end - o->control_begin;
	if (size > OUTBOX_CONTROL_MAX - used)
		return false;
	if (o->control_begin != 0) {
		memmove(o->control, o->control + o->control_begin, used);
		o->control_begin = 0;
		o->control_end = used;
	}
	uint32_t room = o->control_size != 0 ? o->control_size : 256;
	while (room - used < size)
		room *= 2;
	if (room != o->control_size) {
		o->control = memory_resize(o->control, room, 1);
		o->control_size = room;
	}
	return true;
}

static struct outbox_segment *segment_push(struct outbox *o)
{
	if (o->count == o->ring_size) {
		const uint32_t size = o->ring_size != 0 ? o->ring_size * 2 : 8;
		struct outbox_segment *ring = memory_zeroed(size, sizeof *ring);
		for (uint32_t i = 0; i < o->count; i++)
			ring[i] = o->segments[(o->first + i) & (o->ring_size - 1)];
		free(o->segments);
		o->segments = ring;
		o->ring_size = size;
		o->first = 0;
	}
	return &o->segments[(o->first + o->count++) & (o->ring_size - 1)];
}

bool outbox_add(struct outbox *o, struct bytes message)
{
	if (message.size == 0)
		return true;
	if (!control_room(o, message.size))
		return false;
	memcpy(o->control + o->control_end, message.data, message.size);
	o->control_end += (uint32_t)message.size;
	o->queued += message.size;
	if (o->count != 0) {
		struct outbox_segment *last =
		        &o->segments[(o->first + o->count - 1) & (o->ring_size - 1)];
		if (last->data == NULL) {
			last->size += (uint32_t)message.size;
			return true;
		}
	}
	*segment_push(o) = (struct outbox_segment){ .size = (uint32_t)message.size };
	return true;
}

void outbox_add_payload(struct outbox *o, struct bytes data, struct read_span *span)
{
	assert(data.size != 0 && data.data != NULL);
	*segment_push(o) = (struct outbox_segment){ data.data, (uint32_t)data.size, span };
	o->queued += data.size;
}

size_t outbox_views(const struct outbox *o, struct bytes *views, size_t max)
{
	uint32_t control = o->control_begin, skip = o->first_sent;
	size_t n = 0;
	for (uint32_t i = 0; i < o->count && n < max; i++) {
		const struct outbox_segment *s = &o->segments[(o->first + i) & (o->ring_size - 1)];
		const uint32_t left = s->size - skip;
		if (s->data != NULL) {
			views[n++] = bytes_of(s->data + skip, left);
		} else {
			views[n++] = bytes_of(o->control + control, left);
			control += left;
		}
		skip = 0;
	}
	return n;
}

uint64_t outbox_sent(struct outbox *o, struct span_cache *c, size_t size)
{
	uint64_t payload = 0;
	assert(size <= o->queued);
	o->queued -= size;
	while (size != 0) {
		struct outbox_segment *s = &o->segments[o->first];
		const uint32_t left = s->size - o->first_sent;
		const uint32_t n = size < left ? (uint32_t)size : left;
		if (s->data != NULL)
			payload += n;
		else
			o->control_begin += n;
		size -= n;
		if (n < left) {
			o->first_sent += n;
			break;
		}
		if (s->span != NULL)
			span_release(c, s->span);
		o->first = (o->first + 1) & (o->ring_size - 1);
		o->count--;
		o->first_sent = 0;
	}
	if (o->control_begin == o->control_end)
		o->control_begin = o->control_end = 0;
	return payload;
}
