/* tests/fuzz/choker_fuzz.c: a swarm whose peers change as they like.
 *
 * Holds: never more served than there are slots, nobody served who may not be, no
 * slot free while somebody waits, at most one optimistic, nobody loses a slot
 * between rounds without a reason, and no turn of a seed is shorter than a round. */
#include <assert.h>
#include <stdlib.h>

#include "peer/upload/choker.h"
#include "proto/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PEERS = 24 };

static bool may(const struct choker_peer *p, bool seeding)
{
	return p->interested && !p->upload_only && (seeding || !p->snubs_us);
}

static void decide(struct choker *c, struct choker_peer *peers, uint32_t count, bool seeding,
                   bool same_mode, uint32_t slots_before, struct rng *rng, usec now)
{
	const bool round = now >= c->round_at, rotate = now >= c->optimistic_at;
	const bool fewer = c->slots < slots_before;
	uint32_t served = 0, optimistic = 0, waiting = 0;

	choker_decide(c, peers, count, seeding, rng, now);
	for (uint32_t i = 0; i < count; i++) {
		struct choker_peer *p = &peers[i];
		assert(!p->serve || may(p, seeding));
		assert(p->serve || !p->serve_optimistic);
		served += p->serve;
		optimistic += p->serve_optimistic;
		waiting += !p->serve && may(p, seeding);
		if (p->unchoked && !p->serve && may(p, seeding) && !fewer && same_mode) {
			assert(round || (p->optimistic && rotate));
			if (seeding)
				assert(now - p->unchoked_at >= CHOKER_ROUND);
		}
		if (p->serve && !p->unchoked)
			p->unchoked_at = now;
		if (!p->serve && p->unchoked)
			p->choked_at = now;
		p->unchoked = p->serve;
		p->optimistic = p->serve_optimistic;
	}
	assert(served <= c->slots + CHOKER_OPTIMISTIC_SLOTS);
	assert(waiting == 0 || served == c->slots + CHOKER_OPTIMISTIC_SLOTS);
	assert(optimistic <= CHOKER_OPTIMISTIC_SLOTS && (!seeding || optimistic == 0));
	assert(choker_deadline(c) > now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct choker_peer peers[PEERS] = { 0 };
	struct choker c;
	struct rng rng;
	struct reader in;
	uint32_t count = 0;
	bool seeding = false, was_seeding = false;
	usec now = 100 * USEC_PER_SEC;

	reader_init(&in, bytes_of(data, size));
	rng_init_number(&rng, read_u8(&in), 0);
	choker_init(&c, read_u8(&in) % 8, now);
	while (reader_left(&in) > 0) {
		const uint8_t what = read_u8(&in), value = read_u8(&in);
		struct choker_peer *p = &peers[count == 0 ? 0 : value % count];
		const uint32_t slots_before = c.slots;
		if (what % 8 == 0 && count < PEERS)
			peers[count++] = (struct choker_peer){ .connected_at = now, .interested = true };
		else if (what % 8 == 1 && count > 0)
			*p = peers[--count];
		else if (what % 8 == 2)
			p->interested = !p->interested;
		else if (what % 8 == 3)
			p->gives = (uint64_t)what * 100;
		else if (what % 8 == 4)
			p->snubs_us = what & 0x80;
		else if (what % 8 == 5)
			p->upload_only = what & 0x80;
		else if (what % 8 == 6)
			now += (usec)value * 50 * USEC_PER_MS;
		else if (what & 0x80)
			seeding = !seeding;
		else
			choker_fit_slots(&c, 4, what & 0x40, value, now);
		decide(&c, peers, count, seeding, seeding == was_seeding, slots_before, &rng, now);
		was_seeding = seeding;
	}
	return 0;
}
