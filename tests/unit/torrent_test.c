/* tests/unit/torrent_test.c: a torrent's life, and trouble with its disk. */
#include "tests/unit/raw_peer.h"

enum { PIECE = 256 << 10 };

static struct session *session_of(struct stage *st)
{
	return lab_session(st->lab, st->host);
}

Test(torrent, what_is_on_disk_is_checked_and_seeded)
{
	struct stage st;
	stage_open(&st, 100 * PIECE, PIECE, true, false);
	cr_assert(stage_noticed(&st, NOTICE_CHECKED));
	cr_assert(stage_noticed(&st, NOTICE_DONE));
	cr_assert_eq(stage_status(&st).state, TORRENT_SEEDING);
	cr_assert_eq(stage_status(&st).pieces_have, 100);
	cr_assert_eq(stage_status(&st).verified, 100 * PIECE);
	stage_close(&st);
}

Test(torrent, nothing_on_disk_means_downloading_without_reading)
{
	struct stage st;
	stage_open(&st, 100 * PIECE, PIECE, false, false);
	cr_assert_eq(stage_status(&st).state, TORRENT_DOWNLOADING);
	cr_assert_eq(stage_status(&st).pieces_have, 0);
	stage_close(&st);
}

Test(torrent, a_magnet_waits_for_its_metadata)
{
	struct stage st;
	stage_open(&st, 100 * PIECE, PIECE, false, true);
	const struct torrent_status s = stage_status(&st);
	cr_assert_eq(s.state, TORRENT_METADATA);
	cr_assert_not(s.has_metadata);
	cr_assert_null(session_metainfo(session_of(&st), st.t));
	cr_assert_eq(strlen(s.name), 40, "the hash is its name until there is one");
	stage_close(&st);
}

Test(torrent, verify_starts_from_nothing_and_finds_everything_again)
{
	struct stage st;
	stage_open(&st, 50 * PIECE, PIECE, true, false);
	session_verify(session_of(&st), st.t, world_now(st.w));
	lab_pump(st.lab, st.host);
	cr_assert_neq(stage_status(&st).state, TORRENT_SEEDING);
	stage_pass(&st, USEC_PER_SEC);
	cr_assert_eq(stage_status(&st).state, TORRENT_SEEDING);
	stage_close(&st);
}

Test(torrent, a_disk_that_fails_at_opening_stops_it_until_resumed)
{
	struct stage st;
	stage_open(&st, 50 * PIECE, PIECE, true, false);
	lab_fail_disk(st.lab, st.host, DISK_DENIED);
	session_verify(session_of(&st), st.t, world_now(st.w));
	lab_pump(st.lab, st.host);
	stage_pass(&st, USEC_PER_SEC);
	cr_assert_eq(stage_status(&st).state, TORRENT_ERROR);
	cr_assert_eq(stage_status(&st).error_kind, DISK_DENIED);
	lab_fail_disk(st.lab, st.host, DISK_OK);
	session_resume(session_of(&st), st.t, world_now(st.w));
	lab_pump(st.lab, st.host);
	stage_pass(&st, USEC_PER_SEC);
	cr_assert_eq(stage_status(&st).state, TORRENT_SEEDING);
	stage_close(&st);
}

/* S10 and S11 of a full disk: an error, no lost bits, and on again later. */
Test(torrent, a_full_disk_stops_a_download_and_it_goes_on_later)
{
	struct world *w = world_new(9);
	struct lab_config c = { .rtt = latency_from_quantiles(20, 21, 22), .disk_time = 1000 };
	struct lab *lab = lab_new(w, &c);
	struct lab_content *content = lab_content_new(9, 32 * PIECE, PIECE, NULL, 0);
	struct lab_host_config h = { .up = 1 << 20 };
	struct torrent_status s;
	lab_host_add(lab, &h);
	lab_host_add(lab, &h);
	lab_add(lab, 0, content, true, false);
	const torrent_id t = lab_add(lab, 1, content, false, false);
	world_run(w, world_now(w) + 100 * USEC_PER_MS);
	lab_introduce(lab, 1, t, 0);
	world_run(w, world_now(w) + 4 * USEC_PER_SEC);
	lab_fail_disk(lab, 1, DISK_FULL);
	world_run(w, world_now(w) + 4 * USEC_PER_SEC);
	cr_assert(session_status(lab_session(lab, 1), t, &s, world_now(w)));
	cr_assert_eq(s.state, TORRENT_ERROR);
	cr_assert_eq(s.error_kind, DISK_FULL);
	cr_assert_gt(s.verified + 1, 1);
	lab_fail_disk(lab, 1, DISK_OK);
	session_resume(lab_session(lab, 1), t, world_now(w));
	lab_pump(lab, 1);
	world_run(w, world_now(w) + 60 * USEC_PER_SEC);
	cr_assert(session_status(lab_session(lab, 1), t, &s, world_now(w)));
	cr_assert_eq(s.state, TORRENT_SEEDING);
	lab_free(lab);
	world_free(w);
	lab_content_free(content);
}

Test(torrent, an_empty_torrent_is_done_at_once)
{
	struct stage st;
	const uint64_t sizes[3] = { 0, 0, 1 };
	struct lab_config c = { .disk_time = 1000 };
	c.rtt = latency_from_quantiles(10, 11, 12);
	st = (struct stage){ .w = world_new(1) };
	st.lab = lab_new(st.w, &c);
	st.content = lab_content_new(1, 1, PIECE, sizes, 3);
	lab_set_listener(st.lab, stage_on_notice, &st);
	lab_content_metainfo(st.content, &st.m);
	struct lab_host_config h = { 0 };
	st.host = lab_host_add(st.lab, &h);
	st.t = lab_add(st.lab, st.host, st.content, true, false);
	stage_pass(&st, USEC_PER_SEC);
	cr_assert_eq(stage_status(&st).state, TORRENT_SEEDING);
	stage_close(&st);
}
