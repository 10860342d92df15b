/* tests/unit/pex_test.c: peer/discover/pex.c: what is told to whom (BEP 11). */
#include "peer/discover/pex.h"

#include <criterion/criterion.h>

static const usec start = 1000 * USEC_PER_SEC;
static const struct endpoint nobody = { .family = ENDPOINT_NONE };

static struct pex p;
static struct rng rng;
static struct pex_recipient r;
static struct pex_message m;

static void setup(void)
{
	rng_init_number(&rng, 1, 0);
	pex_init(&p);
	pex_recipient_init(&r, start);
}

static void teardown(void)
{
	pex_deinit(&p);
}

TestSuite(pex, .init = setup, .fini = teardown);

static struct endpoint nth(uint32_t i)
{
	return endpoint_v4(20, 1, (uint8_t)(i / 250), (uint8_t)(i % 250 + 1), 6881);
}

static void come(uint32_t i)
{
	const struct endpoint e = nth(i);
	pex_on_connected(&p, &e, PEX_REACHABLE);
}

static void go(uint32_t i)
{
	const struct endpoint e = nth(i);
	pex_on_closed(&p, &e);
}

static bool is_added(uint32_t i)
{
	const struct endpoint e = nth(i);
	for (uint32_t k = 0; k < m.added_count; k++) {
		if (endpoint_equal(&m.added[k].endpoint, &e))
			return true;
	}
	return false;
}

static bool is_dropped(uint32_t i)
{
	const struct endpoint e = nth(i);
	for (uint32_t k = 0; k < m.dropped_count; k++) {
		if (endpoint_equal(&m.dropped[k], &e))
			return true;
	}
	return false;
}

static bool tell(usec now)
{
	return pex_next_message(&p, &r, &nobody, &m, &rng, now);
}

/* The first message is behind us. */
static void begin(void)
{
	come(1000);
	cr_assert(tell(start + PEX_FIRST_DELAY));
	cr_assert_eq(m.added_count, 1);
}

static const usec second = 1000 * USEC_PER_SEC + PEX_FIRST_DELAY + PEX_INTERVAL;

Test(pex, alone_there_is_nothing_to_tell)
{
	cr_assert_eq(pex_deadline(&p, &r), USEC_NEVER);
	cr_assert_not(tell(start + USEC_PER_MIN));
	go(1);
	cr_assert_eq(pex_deadline(&p, &r), USEC_NEVER);
}

Test(pex, the_first_message_tells_whom_we_know)
{
	const struct endpoint itself = nth(2);

	for (uint32_t i = 0; i < 5; i++)
		come(i);
	cr_assert_eq(pex_deadline(&p, &r), start + PEX_FIRST_DELAY);
	cr_assert_not(tell(start));
	cr_assert(pex_next_message(&p, &r, &itself, &m, &rng, start + PEX_FIRST_DELAY));
	cr_assert_eq(m.added_count, 4);
	cr_assert_not(is_added(2), "it knows itself");
	cr_assert_eq(m.added[0].flags, PEX_REACHABLE);
	cr_assert_eq(m.dropped_count, 0);
	cr_assert_eq(pex_deadline(&p, &r), USEC_NEVER);
}

Test(pex, who_is_alone_with_us_is_not_asked_again_and_again)
{
	const struct endpoint itself = nth(2);

	come(2);
	cr_assert_not(pex_next_message(&p, &r, &itself, &m, &rng, start + PEX_FIRST_DELAY));
	cr_assert_eq(pex_deadline(&p, &r), USEC_NEVER);
	come(3);
	cr_assert(pex_next_message(&p, &r, &itself, &m, &rng, start + PEX_FIRST_DELAY));
	cr_assert(m.added_count == 1 && is_added(3));
}

Test(pex, a_first_message_of_many_is_a_random_part)
{
	uint32_t low = 0;

	for (uint32_t i = 0; i < 400; i++)
		come(i);
	cr_assert(tell(start + PEX_FIRST_DELAY));
	cr_assert_eq(m.added_count, PEX_FIRST_MAX);
	for (uint32_t i = 0; i < 200; i++)
		low += is_added(i);
	cr_assert(low > 30 && low < 70, "%u", low);
}

Test(pex, then_what_changed_once_a_minute)
{
	begin();
	come(1);
	cr_assert_eq(pex_deadline(&p, &r), second);
	cr_assert_not(tell(second - 1));
	come(2);
	go(1000);
	cr_assert(tell(second));
	cr_assert(m.added_count == 2 && is_added(1) && is_added(2));
	cr_assert(m.dropped_count == 1 && is_dropped(1000));
	cr_assert_not(tell(second + PEX_INTERVAL), "nothing new");
}

Test(pex, what_cancels_itself_out_is_not_told)
{
	begin();
	come(1);
	go(1);
	go(1000);
	come(1000);
	cr_assert_not(tell(second));
	cr_assert_eq(pex_deadline(&p, &r), USEC_NEVER);
	come(1);
	go(1);
	come(1);
	go(1000);
	come(1000);
	go(1000);
	cr_assert(tell(second));
	cr_assert(m.added_count == 1 && is_added(1));
	cr_assert(m.dropped_count == 1 && is_dropped(1000));
}

Test(pex, changed_flags_are_told)
{
	const struct endpoint e = nth(1000);

	begin();
	pex_on_connected(&p, &e, PEX_REACHABLE);
	cr_assert_eq(pex_deadline(&p, &r), USEC_NEVER, "nothing changed");
	pex_on_connected(&p, &e, PEX_REACHABLE | PEX_SEED);
	cr_assert(tell(second));
	cr_assert_eq(m.added_count, 1);
	cr_assert_eq(m.added[0].flags, PEX_REACHABLE | PEX_SEED);
	/* Changed and then gone: it was told once, so it is dropped. */
	pex_on_connected(&p, &e, PEX_SEED);
	go(1000);
	cr_assert(tell(second + PEX_INTERVAL));
	cr_assert_eq(m.added_count, 0);
	cr_assert(m.dropped_count == 1 && is_dropped(1000));
}

Test(pex, fifty_each_and_the_rest_next_time)
{
	begin();
	for (uint32_t i = 0; i < 120; i++)
		come(i);
	for (uint32_t round = 0; round < 3; round++) {
		cr_assert(tell(second + round * PEX_INTERVAL));
		cr_assert_eq(m.added_count, round < 2 ? PEX_CHANGES_MAX : 20);
		for (uint32_t i = 0; i < 120; i++)
			cr_assert_eq(is_added(i), i / PEX_CHANGES_MAX == round);
	}
	for (uint32_t i = 0; i < 120; i++)
		go(i);
	for (uint32_t round = 3; round < 6; round++) {
		cr_assert(tell(second + round * PEX_INTERVAL));
		cr_assert_eq(m.dropped_count, round < 5 ? PEX_CHANGES_MAX : 20);
		cr_assert_eq(m.added_count, 0);
	}
	cr_assert_eq(pex_deadline(&p, &r), USEC_NEVER);
}

Test(pex, the_timeline_is_bounded)
{
	begin();
	for (uint32_t i = 0; i < 3 * PEX_TIMELINE_MAX; i++) {
		come(i % 40);
		go(i % 40);
	}
	come(7);
	cr_assert_eq(p.events_size, PEX_TIMELINE_MAX);
	cr_assert_eq(p.head - p.tail, PEX_TIMELINE_MAX);
	cr_assert(tell(second));
	cr_assert(is_added(7));
	cr_assert_leq(m.added_count + m.dropped_count, 3);
	cr_assert_eq(r.place, p.head);
}

Test(pex, unusable_addresses_are_not_passed_on)
{
	const struct endpoint bad = endpoint_v4(224, 0, 0, 1, 6881);
	const struct endpoint no_port = endpoint_v4(9, 9, 9, 9, 0);

	pex_on_connected(&p, &bad, 0);
	pex_on_connected(&p, &no_port, 0);
	cr_assert_eq(p.live_count, 0);
}

/* Whatever comes and goes: told to the letter, never both in one message. */
Test(pex, a_reader_knows_who_is_there)
{
	bool live[60] = { false }, told[60] = { false };
	usec now = start;

	for (int step = 0; step < 3000; step++) {
		for (uint32_t n = rng_below(&rng, 90); n > 0; n--) {
			const uint32_t i = rng_below(&rng, 60);
			const struct endpoint e = nth(i);
			if (rng_below(&rng, 5) == 0 && live[i]) {
				pex_on_connected(&p, &e, (uint8_t)rng_below(&rng, 4));
				continue;
			}
			if (live[i])
				go(i);
			else
				come(i);
			live[i] = !live[i];
		}
		now += PEX_INTERVAL;
		if (!tell(now))
			continue;
		cr_assert_leq(m.added_count, step == 0 ? PEX_FIRST_MAX : PEX_CHANGES_MAX);
		cr_assert_leq(m.dropped_count, PEX_CHANGES_MAX);
		for (uint32_t i = 0; i < 60; i++) {
			cr_assert(!is_added(i) || !is_dropped(i));
			cr_assert(!is_dropped(i) || told[i], "dropped without having been added");
			told[i] = (told[i] || is_added(i)) && !is_dropped(i);
			if (r.place == p.head)
				cr_assert_eq(told[i], live[i], "step %d peer %u", step, i);
		}
	}
}

/* ---- being told ---- */

static struct pex_message *incoming(const char *const *texts, uint32_t count)
{
	m.added_count = m.dropped_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		m.added[i].flags = 0;
		cr_assert(endpoint_parse(texts[i], 0, &m.added[m.added_count++].endpoint));
	}
	return &m;
}

Test(pex, only_credible_contacts_are_taken)
{
	static const char *const texts[] = {
		"9.9.9.9:6881", "9.9.9.9:6882", "9.9.9.10:80", "10.0.0.1:6881",
		"127.0.0.1:6881", "224.1.1.1:6881", "[2a00::1]:6881", "[fe80::1]:6881",
	};
	const struct endpoint global = nth(1), local = endpoint_v4(10, 0, 0, 9, 6881);
	struct pex_guard g = { 0 };

	cr_assert_eq(pex_on_message(&g, incoming(texts, 8), &global, start), PEX_TAKEN);
	cr_assert_eq(m.added_count, 2);
	cr_assert_eq(m.added[0].endpoint.port, 6881);
	cr_assert_eq(m.added[1].endpoint.family, ENDPOINT_V6);
	/* In a lab everybody is local, and many share an address. */
	static const char *const lab[] = { "10.0.0.1:6881", "10.0.0.1:80", "127.0.0.1:6881" };
	g = (struct pex_guard){ 0 };
	cr_assert_eq(pex_on_message(&g, incoming(lab, 3), &local, start), PEX_TAKEN);
	cr_assert_eq(m.added_count, 3);
}

Test(pex, a_flood_is_ignored_and_then_ended)
{
	static const char *const texts[] = { "9.9.9.9:6881" };
	const struct endpoint from = nth(1);
	struct pex_guard g = { 0 };

	cr_assert_eq(pex_on_message(&g, incoming(texts, 1), &from, 0), PEX_TAKEN);
	for (uint32_t i = 0; i < PEX_HASTE_MAX; i++) {
		cr_assert_eq(pex_on_message(&g, incoming(texts, 1), &from, i), PEX_IGNORED);
		cr_assert_eq(m.added_count, 0);
	}
	cr_assert_eq(pex_on_message(&g, incoming(texts, 1), &from, USEC_PER_SEC), PEX_BROKEN);
	/* One that keeps the pace is never dropped. */
	g = (struct pex_guard){ 0 };
	for (usec now = start; now < start + 60 * USEC_PER_MIN; now += 58 * USEC_PER_SEC) {
		cr_assert_eq(pex_on_message(&g, incoming(texts, 1), &from, now), PEX_TAKEN);
		cr_assert_eq(m.added_count, 1);
	}
}

Test(pex, a_full_message_is_taken_whole)
{
	const struct endpoint from = nth(1);
	struct pex_guard g = { 0 };

	m.dropped_count = 0;
	for (uint32_t i = 0; i < EXT_PEX_READ_MAX; i++)
		m.added[i] = (struct pex_peer){ nth(i), 0 };
	m.added_count = EXT_PEX_READ_MAX;
	cr_assert_eq(pex_on_message(&g, &m, &from, start), PEX_TAKEN);
	cr_assert_eq(m.added_count, EXT_PEX_READ_MAX);
}
