/* tests/unit/admit_test.c: the address filter, and who may speak of which network. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "peer/discover/ipfilter.h"
#include "peer/session.h"
#include "proto/memory.h"

#define NOW USEC_PER_SEC

static struct session *s;
static torrent_id t;

static void begin(void)
{
	const struct session_config c = { 0 };
	const struct torrent_options o = { .info_hash = { 1 } };
	s = session_new(&c, NOW);
	t = session_add(s, &o, NULL, NOW);
}

static uint32_t dials(void)
{
	struct action a;
	uint32_t count = 0;
	while (session_next_action(s, &a))
		count += a.kind == ACT_DIAL;
	return count;
}

static uint32_t candidates(void)
{
	struct torrent_status status;
	session_status(s, t, &status, NOW);
	return status.candidates;
}

static void filter(const char *text)
{
	struct ipfilter *f = memory_zeroed(1, sizeof *f);
	struct ipfilter_report report;
	ipfilter_init(f);
	ipfilter_load(f, bytes_of_text(text), &report);
	session_set_filter(s, f, NOW);
}

Test(admit, a_filtered_address_is_neither_dialed_nor_accepted)
{
	const struct endpoint bad = endpoint_v4(20, 1, 2, 3, 6881), good = endpoint_v4(20, 2, 2, 3, 6881);
	begin();
	filter("20.1.0.0/16\n");
	session_on_peers(s, t, &bad, 1, SOURCE_DHT, NOW);
	cr_assert_eq(candidates(), 0);
	cr_assert_eq(dials(), 0);
	cr_assert_eq(session_on_accepted(s, &bad, NOW), 0);
	session_on_peers(s, t, &good, 1, SOURCE_DHT, NOW);
	cr_assert_eq(dials(), 1);
	cr_assert_neq(session_on_accepted(s, &good, NOW), 0);
	session_set_filter(s, NULL, NOW);
	cr_assert_neq(session_on_accepted(s, &bad, NOW), 0);
	session_free(s);
}

Test(admit, a_filter_that_comes_later_drops_and_dials_nobody_in_it)
{
	const struct endpoint e = endpoint_v4(20, 1, 2, 3, 6881);
	struct action a;
	uint32_t closed = 0;
	begin();
	session_pause(s, t, NOW);
	session_on_peers(s, t, &e, 1, SOURCE_DHT, NOW);
	cr_assert_neq(session_on_accepted(s, &e, NOW), 0);
	filter("20.1.0.0/16\n");
	while (session_next_action(s, &a))
		closed += a.kind == ACT_CLOSE;
	cr_assert_eq(closed, 1);
	session_resume(s, t, NOW);
	cr_assert_eq(dials(), 0);
	session_free(s);
}

Test(admit, strangers_say_nothing_of_our_networks)
{
	const struct endpoint peers[4] = {
		endpoint_v4(192, 168, 1, 1, 8080), endpoint_v4(127, 0, 0, 1, 8080),
		endpoint_v4(169, 254, 1, 1, 8080), endpoint_v4(20, 1, 1, 1, 6881),
	};
	const struct endpoint stranger = endpoint_v4(9, 9, 9, 9, 6969);
	const struct endpoint neighbour = endpoint_v4(192, 168, 1, 9, 6969);
	begin();
	session_on_peers_from(s, t, peers, 4, SOURCE_TRACKER, &stranger, NOW);
	cr_assert_eq(candidates(), 1);
	session_on_peers_from(s, t, peers, 4, SOURCE_TRACKER, &neighbour, NOW);
	cr_assert_eq(candidates(), 4);
	session_free(s);
}
