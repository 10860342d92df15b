/* dht/reach.c: telling whether strangers reach us. */
#include "dht/reach.h"

#include "proto/memory.h"

#include <stdlib.h>

enum { BYTES = REACH_BITS / 8 };

void reach_deinit(struct reach *r)
{
	free(r->sent);
	memset(r, 0, sizeof(*r));
}

void reach_reset(struct reach *r)
{
	reach_deinit(r);
}

bool reach_is_proven(const struct reach *r, usec now)
{
	return r->proven_at != 0 && usec_since(r->proven_at, now) < REACH_PROVEN_USEC;
}

static void rotate(struct reach *r, usec now)
{
	const usec age = usec_since(r->rotated_at, now);
	if (age < REACH_PERIOD_USEC)
		return;
	if (age < 2 * REACH_PERIOD_USEC)
		memcpy(r->sent + BYTES, r->sent, BYTES);
	else
		memset(r->sent + BYTES, 0, BYTES);
	r->sent_count[1] = age < 2 * REACH_PERIOD_USEC ? r->sent_count[0] : 0;
	memset(r->sent, 0, BYTES);
	r->sent_count[0] = 0;
	r->rotated_at = now;
}

void reach_on_sent(struct reach *r, uint64_t hash, usec now)
{
	if (reach_is_proven(r, now)) {
		free(r->sent);
		r->sent = NULL;
		return;
	}
	if (r->sent == NULL) {
		r->sent = memory_zeroed(2, BYTES);
		r->sent_count[0] = r->sent_count[1] = 0;
		r->rotated_at = now;
	}
	rotate(r, now);
	for (int i = 0; i < 2; i++, hash >>= 32)
		r->sent[(hash % REACH_BITS) / 8] |= (uint8_t)(1u << (hash % 8));
	r->sent_count[0]++;
}

static bool was_sent(const struct reach *r, uint64_t hash)
{
	for (int generation = 0; generation < 2; generation++) {
		const uint8_t *bits = r->sent + generation * BYTES;
		uint64_t h = hash;
		bool all = true;
		for (int i = 0; i < 2; i++, h >>= 32)
			all = all && (bits[(h % REACH_BITS) / 8] >> (h % 8) & 1) != 0;
		if (all)
			return true;
	}
	return false;
}

void reach_on_query(struct reach *r, uint64_t hash, usec now)
{
	if (r->sent != NULL) {
		rotate(r, now);
		if (was_sent(r, hash))
			return;
	} else if (!reach_is_proven(r, now)) {
		return; /* nothing was sent yet: the start says nothing */
	}
	r->proven_at = now;
	r->read_only = false;
	r->since = now;
}

void reach_judge(struct reach *r, uint32_t nodes, usec now)
{
	if (r->since == 0 || nodes < REACH_NODES_MIN || reach_is_proven(r, now) ||
	    r->sent_count[0] > REACH_SENT_MAX || r->sent_count[1] > REACH_SENT_MAX) {
		r->since = now;
		r->read_only = false;
		return;
	}
	const usec waited = usec_since(r->since, now);
	if (!r->read_only && waited >= REACH_PATIENCE_USEC) {
		r->read_only = true;
		r->since = now;
	} else if (r->read_only && waited >= REACH_RETRY_USEC) {
		r->read_only = false;
		r->since = now;
	}
}
