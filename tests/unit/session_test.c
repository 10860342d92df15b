/* tests/unit/session_test.c: the front door: limits, ids, leaving. */
#include "tests/unit/raw_peer.h"

enum { PIECE = 256 << 10 };

Test(session, inputs_for_strangers_are_harmless)
{
	struct session_config c = { 0 };
	struct session *s = session_new(&c, USEC_PER_SEC);
	struct bytes views[4];
	struct torrent_status status;
	const struct disk_done done = { 12345, DISK_OK, NULL };
	const conn_id nobody = (uint64_t)7 << 32 | 3;
	session_on_bytes(s, nobody, bytes_of_text("x"), USEC_PER_SEC);
	session_on_closed(s, nobody, "gone", USEC_PER_SEC);
	session_on_connected(s, nobody, NULL, USEC_PER_SEC);
	session_on_sent(s, nobody, 10, USEC_PER_SEC);
	session_on_job(s, &done, USEC_PER_SEC);
	session_remove(s, 99, USEC_PER_SEC);
	session_pause(s, 99, USEC_PER_SEC);
	session_resume(s, 99, USEC_PER_SEC);
	session_verify(s, 99, USEC_PER_SEC);
	cr_assert_eq(session_output(s, nobody, views, 4, USEC_PER_SEC), 0);
	cr_assert_eq(session_read_budget(s, nobody, USEC_PER_SEC), 0);
	cr_assert_not(session_status(s, 99, &status, USEC_PER_SEC));
	struct action a;
	cr_assert_not(session_next_action(s, &a));
	cr_assert_eq(session_deadline(s), USEC_NEVER);
	session_free(s);
}

Test(session, connections_are_bounded)
{
	struct session_config c = { .conns_max = 10 };
	struct session *s = session_new(&c, USEC_PER_SEC);
	uint32_t accepted = 0;
	for (uint8_t i = 0; i < 50; i++) {
		const struct endpoint e = endpoint_v4(10, 0, i, 1, 1000);
		accepted += session_on_accepted(s, &e, USEC_PER_SEC) != 0;
	}
	cr_assert_eq(accepted, 10);
	session_free(s);
}

/* Dials in flight are bounded, and each has an end. */
Test(session, dials_are_bounded_and_end)
{
	struct session_config c = { .half_open_max = 7, .conns_per_torrent_max = 30 };
	struct session *s = session_new(&c, USEC_PER_SEC);
	struct torrent_options o = { .info_hash = { 1 } };
	struct endpoint peers[100];
	struct action a;
	usec now = USEC_PER_SEC;
	const torrent_id t = session_add(s, &o, NULL, now);
	for (uint8_t i = 0; i < 100; i++)
		peers[i] = endpoint_v4(10, 0, i, 1, 6881);
	session_on_peers(s, t, peers, 100, SOURCE_USER, now);
	uint32_t flying = 0, dialed = 0;
	for (int round = 0; round < 2000; round++) {
		while (session_next_action(s, &a)) {
			flying += a.kind == ACT_DIAL;
			dialed += a.kind == ACT_DIAL;
			flying -= a.kind == ACT_CLOSE;
		}
		cr_assert_leq(flying, 7);
		now += USEC_PER_SEC;
		session_on_timer(s, now);
	}
	cr_assert_geq(dialed, 100);
	session_free(s);
}

Test(session, leaving_closes_everything_and_starts_nothing)
{
	struct stage st;
	stage_open(&st, 8 * PIECE, PIECE, false, false);
	struct session *s = lab_session(st.lab, st.host);
	struct raw_peer p = raw_open(&st);
	raw_greet(&p, false, false);
	session_stop(s, world_now(st.w));
	lab_pump(st.lab, st.host);
	cr_assert(raw_is_closed(&p));
	cr_assert(session_is_quiet(s));
	const struct endpoint e = endpoint_v4(10, 9, 9, 9, 999);
	cr_assert_eq(session_on_accepted(s, &e, world_now(st.w)), 0);
	session_on_peers(s, st.t, &e, 1, SOURCE_USER, world_now(st.w));
	struct action a;
	while (session_next_action(s, &a))
		cr_assert_neq(a.kind, ACT_DIAL);
	raw_close(&p);
	stage_close(&st);
}

/* A torrent that seeds and has no peers asks for no timer at all. */
Test(session, an_idle_torrent_costs_no_time)
{
	struct stage st;
	stage_open(&st, 8 * PIECE, PIECE, true, false);
	cr_assert_eq(session_deadline(lab_session(st.lab, st.host)), USEC_NEVER);
	stage_close(&st);
}

/* A subnet is spared however many torrents name it. */
Test(session, torrents_share_one_dial_budget)
{
	struct session_config c = { 0 };
	struct session *s = session_new(&c, USEC_PER_SEC);
	struct endpoint peers[10];
	struct action a;
	uint32_t dialed = 0;
	for (uint8_t i = 0; i < 10; i++)
		peers[i] = endpoint_v4(8, 8, 8, i, 6881);
	for (uint8_t i = 0; i < 5; i++) {
		struct torrent_options o = { .info_hash = { 1, i } };
		const torrent_id t = session_add(s, &o, NULL, USEC_PER_SEC);
		session_on_peers(s, t, peers, 10, SOURCE_DHT, USEC_PER_SEC);
	}
	while (session_next_action(s, &a))
		dialed += a.kind == ACT_DIAL;
	cr_assert_eq(dialed, 3);
	session_free(s);
}
