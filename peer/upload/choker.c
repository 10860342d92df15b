/* peer/upload/choker.c: tit-for-tat for leechers, turns for seeds.
 *
 * A leecher serves those who give it most, re-ranked each round, and one at
 * random, replaced every third round, so that newcomers get a chance to give. A
 * seed has nothing to get: it serves whoever has waited longest since it was
 * served last (or since it came), in turns of at least a round, and takes at
 * most half of the slots away at once, so that the uplink has work while the
 * others begin to ask.
 *
 * Between rounds nobody loses a slot who may hold one; a free slot is given away
 * at once, since an uplink that waits for the next round is lost. The other
 * policies are there to be compared with. */
#include "peer/upload/choker.h"

void choker_init(struct choker *c, uint32_t slots, usec now)
{
	*c = (struct choker){
		.slots = slots,
		.round_at = now + CHOKER_ROUND,
		.optimistic_at = now + CHOKER_OPTIMISTIC_ROUND,
	};
}

usec choker_deadline(const struct choker *c)
{
	return c->policy == CHOKER_PROMPT ? usec_min(c->round_at, c->optimistic_at) : c->round_at;
}

void choker_fit_slots(struct choker *c, uint32_t base, bool lone, uint32_t idle_permille, usec now)
{
	if (c->policy != CHOKER_PROMPT)
		return;
	if (idle_permille > CHOKER_IDLE_PERMILLE) {
		if (c->extra < CHOKER_EXTRA_MAX)
			c->extra++;
		c->fitted_at = now;
	} else if (c->extra > 0 && usec_since(c->fitted_at, now) >= CHOKER_ROUND) {
		c->extra--;
		c->fitted_at = now;
	}
	c->slots = (lone ? CHOKER_LONE_SLOTS : base) + c->extra;
}

static bool may_be_served(const struct choker_peer *p, bool seeding)
{
	/* A seed asks nothing, so nobody can snub it. */
	return p->interested && !p->upload_only && (seeding || !p->snubs_us);
}

/* The largest of several draws: a peer with more draws is that many times as
 * likely to come first. */
static uint64_t draw(struct rng *rng, const struct choker_peer *p, usec now)
{
	uint64_t best = rng_u64(rng);

	if (usec_since(p->connected_at, now) >= CHOKER_NEWCOMER_AGE)
		return best;
	for (int i = 1; i < CHOKER_NEWCOMER_WEIGHT; i++) {
		const uint64_t other = rng_u64(rng);
		if (other > best)
			best = other;
	}
	return best;
}

/* ---- leeching ---- */

static bool is_incumbent(const struct choker_peer *p)
{
	return p->unchoked && !p->optimistic;
}

static uint64_t worth(const struct choker_peer *p)
{
	return p->gives + (is_incumbent(p) ? p->gives / 100 * CHOKER_KEEP_PERCENT +
	                                     p->gives % 100 * CHOKER_KEEP_PERCENT / 100
	                                   : 0);
}

static bool gives_more(const struct choker_peer *a, const struct choker_peer *b)
{
	if (worth(a) != worth(b))
		return worth(a) > worth(b);
	if (is_incumbent(a) != is_incumbent(b))
		return is_incumbent(a);
	return a->order > b->order;
}

/* The best of those who give, until slots are full; then by lot. */
static void fill_regular(struct choker_peer *peers, uint32_t count, uint32_t slots)
{
	for (; slots > 0; slots--) {
		struct choker_peer *best = NULL;
		for (uint32_t i = 0; i < count; i++) {
			struct choker_peer *p = &peers[i];
			if (!p->serve && may_be_served(p, false) && (best == NULL || gives_more(p, best)))
				best = p;
		}
		if (best == NULL)
			return;
		best->serve = true;
	}
}

/* by lot; the one before only if there is nobody else. */
static struct choker_peer *pick_optimistic(struct choker_peer *peers, uint32_t count)
{
	struct choker_peer *best = NULL;

	for (uint32_t i = 0; i < count; i++) {
		struct choker_peer *p = &peers[i];
		if (p->serve || !may_be_served(p, false))
			continue;
		if (best == NULL || (best->optimistic && !p->optimistic) ||
		    (best->optimistic == p->optimistic && p->order > best->order))
			best = p;
	}
	return best;
}

static void decide_leeching(struct choker *c, struct choker_peer *peers, uint32_t count,
                            bool round, usec now)
{
	struct choker_peer *optimistic = NULL;
	uint32_t free_slots = c->slots;

	for (uint32_t i = 0; i < count; i++) {
		struct choker_peer *p = &peers[i];
		if (!p->unchoked || !may_be_served(p, false))
			continue;
		if (p->optimistic && optimistic == NULL)
			optimistic = p;
		if (!round && is_incumbent(p) && free_slots > 0) {
			p->serve = true;
			free_slots--;
		}
	}
	/* Between rounds the optimistic one keeps its place and its clock. */
	if (!round && optimistic != NULL)
		optimistic->serve = true;
	fill_regular(peers, count, free_slots);
	if (!round && optimistic != NULL)
		optimistic->serve = false;

	if (optimistic != NULL && optimistic->serve)
		optimistic = NULL; /* it earned a regular slot */
	if (optimistic == NULL || now >= c->optimistic_at) {
		optimistic = pick_optimistic(peers, count);
		c->optimistic_at = now + CHOKER_OPTIMISTIC_ROUND;
	}
	if (optimistic != NULL)
		optimistic->serve = optimistic->serve_optimistic = true;
}

/* ---- seeding ---- */

static usec waits_since(const struct choker_peer *p)
{
	return usec_max(p->choked_at, p->connected_at);
}

/* The served peer that has held its slot longest. */
static struct choker_peer *longest_served(struct choker_peer *peers, uint32_t count)
{
	struct choker_peer *longest = NULL;

	for (uint32_t i = 0; i < count; i++) {
		struct choker_peer *p = &peers[i];
		if (!p->serve)
			continue;
		if (longest == NULL || p->unchoked_at < longest->unchoked_at ||
		    (p->unchoked_at == longest->unchoked_at && p->order > longest->order))
			longest = p;
	}
	return longest;
}

static struct choker_peer *longest_waiting(struct choker_peer *peers, uint32_t count)
{
	struct choker_peer *longest = NULL;

	for (uint32_t i = 0; i < count; i++) {
		struct choker_peer *p = &peers[i];
		if (p->unchoked || p->serve || !may_be_served(p, true))
			continue;
		if (longest == NULL || waits_since(p) < waits_since(longest) ||
		    (waits_since(p) == waits_since(longest) && p->order > longest->order))
			longest = p;
	}
	return longest;
}

static void decide_seeding(struct choker *c, struct choker_peer *peers, uint32_t count, bool round,
                           usec now)
{
	const uint32_t slots = c->slots + CHOKER_OPTIMISTIC_SLOTS;
	uint32_t served = 0, waiting = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct choker_peer *p = &peers[i];
		if (!may_be_served(p, true))
			continue;
		p->serve = p->unchoked;
		served += p->unchoked;
		waiting += !p->unchoked;
	}
	for (; served > slots; served--)
		longest_served(peers, count)->serve = false;

	const uint32_t free_slots = slots - served;
	uint32_t turns = round && waiting > free_slots ? waiting - free_slots : 0;
	if (turns > (slots + 1) / 2)
		turns = (slots + 1) / 2;
	for (; turns > 0; turns--) {
		struct choker_peer *p = longest_served(peers, count);
		if (p == NULL || usec_since(p->unchoked_at, now) < CHOKER_ROUND)
			break;
		p->serve = false;
		served--;
	}
	for (; served < slots; served++) {
		struct choker_peer *p = longest_waiting(peers, count);
		if (p == NULL)
			break;
		p->serve = true;
	}
	if (now >= c->optimistic_at)
		c->optimistic_at = now + CHOKER_OPTIMISTIC_ROUND;
}

/* Strict: until the round comes, everything stays as it is. */
static void decide_nothing(struct choker_peer *peers, uint32_t count, bool seeding)
{
	for (uint32_t i = 0; i < count; i++) {
		peers[i].serve = peers[i].unchoked && may_be_served(&peers[i], seeding);
		peers[i].serve_optimistic = peers[i].serve && peers[i].optimistic;
	}
}

void choker_decide(struct choker *c, struct choker_peer *peers, uint32_t count, bool seeding,
                   struct rng *rng, usec now)
{
	const bool round = now >= c->round_at;

	for (uint32_t i = 0; i < count; i++) {
		peers[i].serve = peers[i].serve_optimistic = false;
		if (may_be_served(&peers[i], seeding))
			peers[i].order = draw(rng, &peers[i], now);
	}
	if (c->policy == CHOKER_STRICT && !round)
		decide_nothing(peers, count, seeding);
	else if (c->policy != CHOKER_CLOSED && seeding)
		decide_seeding(c, peers, count, round, now);
	else if (c->policy != CHOKER_CLOSED)
		decide_leeching(c, peers, count, round, now);
	if (round)
		c->round_at = now + CHOKER_ROUND;
}
