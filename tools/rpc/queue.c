/* tools/rpc/queue.c: the order of torrents: dense positions from 0. */
#include "tools/rpc/internal.h"

#include "proto/memory.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	const struct rpc_torrent *x = *(struct rpc_torrent *const *)a;
	const struct rpc_torrent *y = *(struct rpc_torrent *const *)b;

	return x->queue < y->queue ? -1 : x->queue > y->queue;
}

void rpc_queue_place(struct rpc *r, struct rpc_torrent *t, int64_t position)
{
	int64_t last = (int64_t)r->count - 1, from = t->queue;

	position = position < 0 ? 0 : position > last ? last : position;
	if (position == from)
		return;
	for (uint32_t i = 0; i < r->count; i++) {
		struct rpc_torrent *other = r->list[i];
		int64_t old = other->queue;

		if (other == t)
			continue;
		if (position < from && old >= position && old < from)
			other->queue++;
		else if (position > from && old <= position && old > from)
			other->queue--;
		if (other->queue != old)
			rpc_table_changed(r, other);
	}
	t->queue = position;
	rpc_table_changed(r, t);
}

enum move { MOVE_TOP, MOVE_UP, MOVE_DOWN, MOVE_BOTTOM };

/* Those chosen keep their order among themselves; a block at the edge stays. */
static const char *move(struct rpc_call *c, enum move how)
{
	uint32_t count;
	bool recent, forward = how == MOVE_TOP || how == MOVE_UP;
	struct rpc_torrent **chosen =
		rpc_table_select(c->rpc, json_object_get(c->arguments, "ids"), &count, &recent);

	if (count > 0)
		qsort(chosen, count, sizeof *chosen, compare);
	for (uint32_t i = 0; i < count; i++) {
		struct rpc_torrent *t = chosen[forward ? i : count - 1 - i];
		int64_t edge = forward ? (int64_t)i : (int64_t)(c->rpc->count - 1 - i);
		int64_t next = forward ? t->queue - 1 : t->queue + 1;

		if (how == MOVE_TOP || how == MOVE_BOTTOM || t->queue == edge)
			next = edge;
		rpc_queue_place(c->rpc, t, next);
	}
	free(chosen);
	return "success";
}

const char *rpc_queue_top(struct rpc_call *c)
{
	return move(c, MOVE_TOP);
}

const char *rpc_queue_up(struct rpc_call *c)
{
	return move(c, MOVE_UP);
}

const char *rpc_queue_down(struct rpc_call *c)
{
	return move(c, MOVE_DOWN);
}

const char *rpc_queue_bottom(struct rpc_call *c)
{
	return move(c, MOVE_BOTTOM);
}
