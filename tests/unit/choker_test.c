/* tests/unit/choker_test.c: peer/upload/choker.c: who is served. */
#include "peer/upload/choker.h"

#include <criterion/criterion.h>

enum { PEERS_MAX = 64, SERVED_MAX = CHOKER_SLOTS + CHOKER_OPTIMISTIC_SLOTS };

static const usec start = 1000 * USEC_PER_SEC;

/* A swarm that does what the choker says, as the owner would. */
struct room {
	struct choker choker;
	struct rng rng;
	struct choker_peer peers[PEERS_MAX];
	uint32_t count;
	bool seeding;
};

static struct room *room_new(uint32_t count, uint64_t seed)
{
	static struct room r;

	memset(&r, 0, sizeof(r));
	rng_init_number(&r.rng, seed, 0);
	choker_init(&r.choker, CHOKER_SLOTS, start);
	r.count = count;
	for (uint32_t i = 0; i < count; i++)
		r.peers[i] = (struct choker_peer){ .key = i, .interested = true, .connected_at = start };
	return &r;
}

static uint32_t served(const struct room *r)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < r->count; i++)
		n += r->peers[i].unchoked;
	return n;
}

static const struct choker_peer *optimistic(const struct room *r)
{
	const struct choker_peer *found = NULL;
	for (uint32_t i = 0; i < r->count; i++) {
		if (!r->peers[i].optimistic)
			continue;
		cr_assert_null(found, "two optimistic ones");
		found = &r->peers[i];
	}
	return found;
}

/* Returns how many changed. */
static uint32_t decide(struct room *r, usec now)
{
	uint32_t changes = 0;

	choker_decide(&r->choker, r->peers, r->count, r->seeding, &r->rng, now);
	for (uint32_t i = 0; i < r->count; i++) {
		struct choker_peer *p = &r->peers[i];
		cr_assert(p->serve || !p->serve_optimistic);
		cr_assert(!p->serve || (p->interested && !p->upload_only));
		changes += p->unchoked != p->serve;
		if (p->serve && !p->unchoked)
			p->unchoked_at = now;
		if (!p->serve && p->unchoked)
			p->choked_at = now;
		p->unchoked = p->serve;
		p->optimistic = p->serve_optimistic;
	}
	cr_assert_leq(served(r), SERVED_MAX);
	cr_assert_gt(choker_deadline(&r->choker), now);
	return changes;
}

Test(choker, nobody_is_served_in_an_empty_room)
{
	struct room *r = room_new(0, 1);

	cr_assert_eq(decide(r, start), 0);
	cr_assert_eq(choker_deadline(&r->choker), start + CHOKER_ROUND);
	decide(r, start + CHOKER_ROUND);
	cr_assert_eq(choker_deadline(&r->choker), start + 2 * CHOKER_ROUND);
}

Test(choker, slots_are_filled_at_once)
{
	struct room *r = room_new(20, 1);

	decide(r, start + 1);
	cr_assert_eq(served(r), SERVED_MAX);
	cr_assert_not_null(optimistic(r));
	cr_assert_eq(decide(r, start + 2), 0, "and nothing changes without a reason");
}

Test(choker, few_are_all_served)
{
	struct room *r = room_new(3, 1);

	decide(r, start);
	cr_assert_eq(served(r), 3);
	for (usec at = start; at < start + 5 * USEC_PER_MIN; at += CHOKER_ROUND) {
		decide(r, at);
		cr_assert_eq(served(r), 3);
	}
}

Test(choker, the_four_who_give_most)
{
	struct room *r = room_new(20, 1);

	decide(r, start);
	for (uint32_t i = 0; i < 20; i++)
		r->peers[i].gives = 1000 * i;
	decide(r, start + 1);
	cr_assert_lt(r->peers[19].unchoked + r->peers[18].unchoked + r->peers[17].unchoked +
	                     r->peers[16].unchoked,
	             4, "not before the round");
	decide(r, start + CHOKER_ROUND);
	for (uint32_t i = 16; i < 20; i++)
		cr_assert(r->peers[i].unchoked && !r->peers[i].optimistic, "peer %u", i);
	cr_assert_eq(served(r), SERVED_MAX);
}

Test(choker, an_incumbent_within_ten_percent_stays)
{
	struct room *r = room_new(6, 1);

	for (uint32_t i = 0; i < 4; i++)
		r->peers[i].gives = 1000;
	decide(r, start);
	for (uint32_t i = 0; i < 4; i++)
		cr_assert(r->peers[i].unchoked && !r->peers[i].optimistic);
	r->peers[4].gives = 1090;
	r->peers[5].gives = 1100;
	decide(r, start + CHOKER_ROUND);
	for (uint32_t i = 0; i < 4; i++)
		cr_assert(r->peers[i].unchoked && !r->peers[i].optimistic);
	r->peers[5].gives = 1101;
	decide(r, start + 2 * CHOKER_ROUND);
	cr_assert(r->peers[5].unchoked && !r->peers[5].optimistic);
	uint32_t regular = 0;
	for (uint32_t i = 0; i < 4; i++)
		regular += r->peers[i].unchoked && !r->peers[i].optimistic;
	cr_assert_eq(regular, 3);
}

Test(choker, huge_rates_do_not_overflow)
{
	struct room *r = room_new(10, 1);

	for (uint32_t i = 0; i < 10; i++)
		r->peers[i].gives = UINT64_MAX / 2 - i;
	decide(r, start);
	decide(r, start + CHOKER_ROUND);
	cr_assert_eq(served(r), SERVED_MAX);
	for (uint32_t i = 0; i < CHOKER_SLOTS; i++)
		cr_assert(r->peers[i].unchoked && !r->peers[i].optimistic);
}

Test(choker, the_optimistic_one_changes_every_30_s)
{
	struct room *r = room_new(30, 1);

	for (uint32_t i = 0; i < 4; i++)
		r->peers[i].gives = 1000;
	decide(r, start);
	uint32_t changes = 0;
	uint32_t last = optimistic(r)->key;
	for (usec at = start + USEC_PER_SEC; at <= start + 10 * USEC_PER_MIN; at += USEC_PER_SEC) {
		decide(r, at);
		if (optimistic(r)->key != last) {
			cr_assert_eq((at - start) % CHOKER_OPTIMISTIC_ROUND, 0);
			changes++;
		}
		last = optimistic(r)->key;
	}
	cr_assert_eq(changes, 20, "never the same one twice while others wait");
}

Test(choker, newcomers_are_three_times_as_likely)
{
	uint32_t newcomer = 0;

	for (uint64_t seed = 0; seed < 1000; seed++) {
		struct room *r = room_new(4 + 20, seed);
		for (uint32_t i = 0; i < 4; i++)
			r->peers[i].gives = 1000;
		for (uint32_t i = 4; i < 24; i++)
			r->peers[i].connected_at = i < 14 ? start : start + 5 * USEC_PER_MIN;
		decide(r, start + 5 * USEC_PER_MIN);
		newcomer += optimistic(r)->key >= 14;
	}
	cr_assert(newcomer > 690 && newcomer < 810, "%u of 1000, expected 750", newcomer);
}

Test(choker, an_optimistic_one_that_gives_earns_a_slot)
{
	struct room *r = room_new(10, 1);

	for (uint32_t i = 0; i < 4; i++)
		r->peers[i].gives = 1000;
	decide(r, start);
	const uint32_t key = optimistic(r)->key;
	r->peers[key].gives = 5000;
	decide(r, start + CHOKER_ROUND);
	cr_assert(r->peers[key].unchoked && !r->peers[key].optimistic);
	cr_assert_neq(optimistic(r)->key, key, "and its place is given on at once");
	cr_assert_eq(served(r), SERVED_MAX);
	/* The new one has its full time. */
	cr_assert_eq(r->choker.optimistic_at, start + CHOKER_ROUND + CHOKER_OPTIMISTIC_ROUND);
}

Test(choker, who_loses_interest_loses_the_slot_and_it_is_given_on_at_once)
{
	struct room *r = room_new(20, 1);

	decide(r, start);
	for (uint32_t i = 0; i < 20; i++) {
		if (!r->peers[i].unchoked)
			continue;
		r->peers[i].interested = false;
		decide(r, start + 1);
		cr_assert_not(r->peers[i].unchoked);
		cr_assert_eq(served(r), SERVED_MAX);
		break;
	}
}

Test(choker, a_slot_that_falls_free_goes_to_whoever_gives_most)
{
	struct room *r = room_new(8, 1);

	for (uint32_t i = 0; i < 4; i++)
		r->peers[i].gives = 1000 + i;
	decide(r, start);
	r->peers[4].gives = 10;
	r->peers[5].gives = 20;
	const uint32_t lucky = optimistic(r)->key;
	r->peers[2].interested = false;
	decide(r, start + 5);
	cr_assert_eq(optimistic(r)->key, lucky, "the optimistic one keeps its place");
	const uint32_t best = lucky == 5 ? 4 : 5;
	cr_assert(r->peers[best].unchoked && !r->peers[best].optimistic);
}

Test(choker, a_newcomer_is_served_while_a_slot_is_free)
{
	struct room *r = room_new(2, 1);

	decide(r, start);
	r->peers[2] = (struct choker_peer){ .key = 2, .interested = true, .connected_at = start + 3 };
	r->count = 3;
	decide(r, start + 3);
	cr_assert_eq(served(r), 3);
}

Test(choker, who_snubs_us_is_not_served)
{
	struct room *r = room_new(6, 1);

	for (uint32_t i = 0; i < 4; i++)
		r->peers[i].gives = 1000;
	decide(r, start);
	r->peers[0].snubs_us = true;
	decide(r, start + 1);
	cr_assert_not(r->peers[0].unchoked);
	cr_assert_eq(served(r), SERVED_MAX);
	for (usec at = start; at < start + 5 * USEC_PER_MIN; at += CHOKER_ROUND) {
		decide(r, at);
		cr_assert_not(r->peers[0].unchoked);
	}
}

Test(choker, nothing_for_upload_only_or_uninterested_peers)
{
	for (int seeding = 0; seeding < 2; seeding++) {
		struct room *r = room_new(10, 1);
		r->seeding = seeding;
		for (uint32_t i = 0; i < 10; i++) {
			r->peers[i].interested = i % 2 == 0;
			r->peers[i].upload_only = i < 8;
			r->peers[i].gives = 1000;
		}
		for (usec at = start; at < start + 5 * USEC_PER_MIN; at += CHOKER_ROUND) {
			decide(r, at);
			cr_assert_eq(served(r), 1);
			cr_assert(r->peers[8].unchoked);
		}
	}
}

Test(choker, without_regular_slots_there_is_the_optimistic_one)
{
	struct room *r = room_new(5, 1);

	choker_init(&r->choker, 0, start);
	decide(r, start);
	cr_assert_eq(served(r), 1);
	cr_assert_not_null(optimistic(r));
}

Test(choker, a_late_call_is_one_round)
{
	struct room *r = room_new(20, 1);

	decide(r, start);
	decide(r, start + USEC_PER_MIN * 60);
	cr_assert_eq(r->choker.round_at, start + USEC_PER_MIN * 60 + CHOKER_ROUND);
	cr_assert_eq(r->choker.optimistic_at, start + USEC_PER_MIN * 60 + CHOKER_OPTIMISTIC_ROUND);
}

/* ---- seeding ---- */

Test(choker, a_seed_serves_whoever_has_waited_longest)
{
	struct room *r = room_new(12, 1);

	r->seeding = true;
	for (uint32_t i = 0; i < 12; i++)
		r->peers[i].choked_at = start - (12 - i) * USEC_PER_SEC;
	for (uint32_t i = 0; i < 12; i++)
		r->peers[i].connected_at = start - USEC_PER_MIN;
	decide(r, start);
	for (uint32_t i = 0; i < 12; i++)
		cr_assert_eq(r->peers[i].unchoked, i < SERVED_MAX, "peer %u", i);
	cr_assert_null(optimistic(r));
}

Test(choker, a_reconnect_does_not_jump_the_queue)
{
	struct room *r = room_new(12, 1);

	r->seeding = true;
	for (uint32_t i = 0; i < 12; i++)
		r->peers[i].choked_at = start + i;
	r->peers[0].choked_at = 0;
	r->peers[0].connected_at = start + USEC_PER_SEC;
	decide(r, start + 2 * USEC_PER_SEC);
	cr_assert_not(r->peers[0].unchoked);
}

Test(choker, a_turn_lasts_a_round_and_half_of_the_slots_stay)
{
	struct room *r = room_new(30, 1);

	r->seeding = true;
	decide(r, start);
	cr_assert_eq(served(r), SERVED_MAX);
	for (usec at = start + USEC_PER_SEC; at < start + 10 * USEC_PER_MIN; at += USEC_PER_SEC) {
		usec since[PEERS_MAX];
		for (uint32_t i = 0; i < r->count; i++)
			since[i] = r->peers[i].unchoked ? r->peers[i].unchoked_at : USEC_NEVER;
		const uint32_t changes = decide(r, at);
		cr_assert_leq(changes, SERVED_MAX + 1, "half go, as many come");
		cr_assert_eq(served(r), SERVED_MAX);
		for (uint32_t i = 0; i < r->count; i++) {
			if (since[i] != USEC_NEVER && !r->peers[i].unchoked)
				cr_assert_geq(at - since[i], CHOKER_ROUND);
		}
	}
}

Test(choker, a_lone_leecher_keeps_its_slot_of_a_seed)
{
	struct room *r = room_new(SERVED_MAX, 1);

	r->seeding = true;
	decide(r, start);
	for (usec at = start; at < start + 5 * USEC_PER_MIN; at += USEC_PER_SEC)
		cr_assert_eq(decide(r, at), 0);
}

Test(choker, a_seed_is_fair_over_a_thousand_rounds)
{
	enum { PEERS = 23 };
	uint32_t rounds[PEERS] = { 0 };
	struct room *r = room_new(PEERS, 7);

	r->seeding = true;
	for (uint32_t round = 0; round < 1000; round++) {
		decide(r, start + round * CHOKER_ROUND);
		for (uint32_t i = 0; i < PEERS; i++)
			rounds[i] += r->peers[i].unchoked;
	}
	for (uint32_t i = 0; i < PEERS; i++) {
		const uint32_t fair = 1000 * SERVED_MAX / PEERS;
		cr_assert(rounds[i] >= fair - 15 && rounds[i] <= fair + 15, "peer %u: %u, fair %u", i,
		          rounds[i], fair);
	}
}

/* With no gifts to rank by, chance alone feeds everybody through one slot. */
Test(choker, the_optimistic_slot_is_fair_over_a_thousand_rounds)
{
	enum { OTHERS = 20 };
	uint32_t turns[4 + OTHERS] = { 0 };
	struct room *r = room_new(4 + OTHERS, 7);

	for (uint32_t i = 0; i < 4; i++)
		r->peers[i].gives = 1000;
	for (uint32_t i = 0; i < r->count; i++)
		r->peers[i].connected_at = 0;
	for (uint32_t turn = 0; turn < 1000; turn++) {
		decide(r, start + turn * CHOKER_OPTIMISTIC_ROUND);
		turns[optimistic(r)->key]++;
	}
	for (uint32_t i = 4; i < r->count; i++)
		cr_assert(turns[i] >= 25 && turns[i] <= 85, "peer %u: %u turns of about 50", i, turns[i]);
}

/* Who turns seed keeps its pipelines. */
Test(choker, becoming_a_seed_cuts_nobody_off)
{
	struct room *r = room_new(20, 1);

	for (uint32_t i = 0; i < 20; i++)
		r->peers[i].gives = i * 100;
	decide(r, start);
	decide(r, start + CHOKER_ROUND);
	r->seeding = true;
	cr_assert_eq(decide(r, start + CHOKER_ROUND + 1), 0);
	cr_assert_null(optimistic(r));
}

Test(choker, fewer_slots_take_effect_at_once_for_a_seed)
{
	struct room *r = room_new(20, 1);

	r->seeding = true;
	decide(r, start);
	r->choker.slots = 1;
	decide(r, start + 1);
	cr_assert_eq(served(r), 1 + CHOKER_OPTIMISTIC_SLOTS);
}

Test(choker, slots_follow_the_uplink)
{
	struct choker k;
	usec now = start;

	choker_init(&k, CHOKER_SLOTS, now);
	for (uint32_t i = 1; i <= CHOKER_EXTRA_MAX + 3; i++, now += USEC_PER_SEC) {
		choker_fit_slots(&k, CHOKER_SLOTS, false, CHOKER_IDLE_PERMILLE + 1, now);
		cr_assert_eq(k.slots, CHOKER_SLOTS + (i < CHOKER_EXTRA_MAX ? i : CHOKER_EXTRA_MAX));
	}
	const usec busy = now - USEC_PER_SEC;
	for (; now < busy + 5 * CHOKER_ROUND; now += USEC_PER_SEC)
		choker_fit_slots(&k, CHOKER_SLOTS, false, CHOKER_IDLE_PERMILLE, now);
	cr_assert_eq(k.slots, CHOKER_SLOTS + CHOKER_EXTRA_MAX - 4, "one less a round");
	for (; now < busy + 50 * CHOKER_ROUND; now += USEC_PER_SEC)
		choker_fit_slots(&k, CHOKER_SLOTS, false, 0, now);
	cr_assert_eq(k.slots, CHOKER_SLOTS);
	choker_fit_slots(&k, CHOKER_SLOTS, true, 0, now);
	cr_assert_eq(k.slots + CHOKER_OPTIMISTIC_SLOTS, 2);
}

Test(choker, strict_decides_in_rounds_only)
{
	struct room *r = room_new(20, 1);

	r->choker.policy = CHOKER_STRICT;
	decide(r, start + 1);
	cr_assert_eq(served(r), 0, "not before the first round");
	decide(r, start + CHOKER_ROUND);
	cr_assert_eq(served(r), SERVED_MAX);
	for (uint32_t i = 0; i < r->count; i++)
		if (r->peers[i].unchoked)
			r->peers[i].interested = false;
	decide(r, start + CHOKER_ROUND + 1);
	cr_assert_eq(served(r), 0, "nobody takes their slots yet");
	decide(r, start + 2 * CHOKER_ROUND);
	cr_assert_eq(served(r), SERVED_MAX);
	choker_fit_slots(&r->choker, CHOKER_SLOTS, true, 1000, start + 2 * CHOKER_ROUND);
	cr_assert_eq(r->choker.slots, CHOKER_SLOTS);
}

Test(choker, closed_serves_nobody)
{
	struct room *r = room_new(20, 1);

	r->choker.policy = CHOKER_CLOSED;
	for (int i = 0; i < 8; i++) {
		decide(r, start + (usec)i * CHOKER_ROUND);
		cr_assert_eq(served(r), 0);
		r->seeding = i > 4;
	}
}
