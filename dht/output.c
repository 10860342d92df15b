/* dht/output.c: the queue of outputs. */
#include "dht/output.h"

#include "proto/memory.h"

#include <stdlib.h>

enum { ROOM_MIN = 512, ALIGN = 8 };

struct record {
	struct dht_output out;
	size_t payload_size;
};

void outputs_deinit(struct outputs *o)
{
	free(o->data);
	memset(o, 0, sizeof(*o));
}

static size_t aligned(size_t size)
{
	return (size + ALIGN - 1) / ALIGN * ALIGN;
}

void outputs_add(struct outputs *o, const struct dht_output *what, const void *payload,
                 size_t payload_size)
{
	const size_t size = aligned(sizeof(struct record)) + aligned(payload_size);
	if (o->read == o->used) {
		o->read = o->used = 0;
		if (o->room > OUTPUTS_KEPT) {
			free(o->data);
			o->data = NULL;
			o->room = 0;
		}
	}
	if (size > o->room - o->used) {
		size_t room = o->room == 0 ? ROOM_MIN : o->room;
		while (room - o->used < size)
			room *= 2;
		o->data = memory_resize(o->data, room, 1);
		o->room = room;
	}
	const struct record r = { *what, payload_size };
	memcpy(o->data + o->used, &r, sizeof(r));
	if (payload_size != 0)
		memcpy(o->data + o->used + aligned(sizeof(r)), payload, payload_size);
	o->used += size;
}

bool outputs_next(struct outputs *o, struct dht_output *out)
{
	struct record r;
	if (o->read == o->used)
		return false;
	memcpy(&r, o->data + o->read, sizeof(r));
	const void *payload = o->data + o->read + aligned(sizeof(r));
	o->read += aligned(sizeof(r)) + aligned(r.payload_size);
	*out = r.out;
	switch (out->kind) {
	case DHT_OUT_SEND: out->datagram = bytes_of(payload, r.payload_size); break;
	case DHT_OUT_PEERS: out->peers = payload; break;
	case DHT_OUT_READY:
	case DHT_OUT_NODES: out->nodes = payload; break;
	case DHT_OUT_SAMPLES: out->hashes = payload; break;
	case DHT_OUT_ITEM: out->item = payload; break;
	case DHT_OUT_SCRAPE:
	case DHT_OUT_PONG:
	case DHT_OUT_DONE:
	case DHT_OUT_SAVE:
	case DHT_OUT_ADDRESS: break;
	}
	return true;
}
