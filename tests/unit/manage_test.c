/* tests/unit/manage_test.c: adding, removing, pausing. */
#include "tests/unit/raw_peer.h"

enum { PIECE = 256 << 10 };

static struct session *session_of(struct stage *st)
{
	return lab_session(st->lab, st->host);
}

Test(manage, the_same_torrent_is_there_once)
{
	struct stage st;
	stage_open(&st, PIECE, PIECE, true, false);
	struct torrent_options o = { 0 };
	torrent_id existing = 0;
	memcpy(o.info_hash, st.m.info_hash, SHA1_SIZE);
	cr_assert_eq(session_add(session_of(&st), &o, &existing, world_now(st.w)), 0);
	cr_assert_eq(existing, st.t);
	cr_assert_eq(session_find(session_of(&st), st.m.info_hash), st.t);
	stage_close(&st);
}

Test(manage, a_removed_torrent_is_gone_and_may_come_back)
{
	struct stage st;
	struct torrent_status s;
	stage_open(&st, PIECE, PIECE, true, false);
	struct raw_peer p = raw_open(&st);
	raw_greet(&p, false, false);
	session_remove(session_of(&st), st.t, world_now(st.w));
	lab_pump(st.lab, st.host);
	cr_assert(raw_is_closed(&p));
	cr_assert_not(session_status(session_of(&st), st.t, &s, world_now(st.w)));
	cr_assert_eq(session_find(session_of(&st), st.m.info_hash), 0);
	const torrent_id again = lab_add(st.lab, st.host, st.content, true, false);
	cr_assert_neq(again, st.t);
	raw_close(&p);
	stage_close(&st);
}

Test(manage, many_torrents_are_found_by_hash_and_walked)
{
	struct world *w = world_new(1);
	struct session_config c = { 0 };
	struct session *s = session_new(&c, world_now(w));
	struct torrent_options o = { .paused = true };
	torrent_id ids[2000];
	for (uint32_t i = 0; i < 2000; i++) {
		sha1(bytes_of(&i, sizeof i), o.info_hash);
		ids[i] = session_add(s, &o, NULL, world_now(w));
		cr_assert_neq(ids[i], 0);
	}
	for (uint32_t i = 0; i < 2000; i += 3)
		session_remove(s, ids[i], world_now(w));
	for (uint32_t i = 0; i < 2000; i++) {
		sha1(bytes_of(&i, sizeof i), o.info_hash);
		cr_assert_eq(session_find(s, o.info_hash), i % 3 == 0 ? 0 : ids[i]);
	}
	uint32_t seen = 0;
	for (torrent_id t = session_next(s, 0); t != 0; t = session_next(s, t))
		seen++;
	cr_assert_eq(seen, 2000 - 667);
	cr_assert_eq(session_deadline(s), USEC_NEVER, "a paused torrent needs no timer");
	session_free(s);
	world_free(w);
}

/* What was verified stays verified over a pause, without reading it again. */
Test(manage, pause_and_resume_keep_what_is_verified)
{
	struct stage st;
	stage_open(&st, 10 * PIECE, PIECE, true, false);
	session_pause(session_of(&st), st.t, world_now(st.w));
	lab_pump(st.lab, st.host);
	cr_assert_eq(stage_status(&st).state, TORRENT_PAUSED);
	session_resume(session_of(&st), st.t, world_now(st.w));
	struct action a;
	uint32_t checks = 0;
	while (session_next_action(session_of(&st), &a)) {
		checks += a.kind == ACT_CHECK;
		if (a.kind == ACT_STORAGE_OPEN) {
			uint64_t size = 10 * PIECE;
			const struct storage_found found = { DISK_OK, NULL, &size };
			session_on_storage(session_of(&st), st.t, &found, world_now(st.w));
		}
	}
	cr_assert_eq(checks, 0);
	cr_assert_eq(stage_status(&st).state, TORRENT_SEEDING);
	cr_assert_eq(stage_status(&st).pieces_have, 10);
	stage_close(&st);
}

Test(manage, trusted_pieces_are_not_read)
{
	struct stage st;
	struct metainfo m;
	struct bitfield have;
	struct action a;
	stage_open(&st, 10 * PIECE, PIECE, false, true);
	struct session_config c = { 0 };
	struct session *s = session_new(&c, world_now(st.w));
	lab_content_metainfo(st.content, &m);
	bitfield_init(&have, 10);
	bitfield_set(&have, 3);
	struct torrent_options o = { .metainfo = &m, .have = &have };
	const torrent_id t = session_add(s, &o, NULL, world_now(st.w));
	const uint64_t size = 10 * PIECE;
	const struct storage_found found = { DISK_OK, NULL, &size };
	session_on_storage(s, t, &found, world_now(st.w));
	while (session_next_action(s, &a))
		cr_assert_neq(a.kind, ACT_CHECK);
	cr_assert_eq(session_have(s, t)->count, 1);
	cr_assert(bitfield_get(session_have(s, t), 3));
	bitfield_deinit(&have);
	metainfo_deinit(&m);
	session_free(s);
	stage_close(&st);
}
