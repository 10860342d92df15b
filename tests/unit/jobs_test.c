/* tests/unit/jobs_test.c: answers that come late, or for nobody. */
#include "tests/unit/raw_peer.h"

enum { PIECE = 256 << 10 };

Test(jobs, an_answer_for_a_torrent_that_has_gone_is_harmless)
{
	struct stage st;
	struct action a;
	stage_open(&st, 10 * PIECE, PIECE, true, false);
	struct session *s = lab_session(st.lab, st.host);
	job_id jobs[8];
	uint32_t count = 0;
	session_verify(s, st.t, world_now(st.w));
	const uint64_t size = 10 * PIECE;
	const struct storage_found found = { DISK_OK, NULL, &size };
	session_on_storage(s, st.t, &found, world_now(st.w));
	while (session_next_action(s, &a))
		if (a.kind == ACT_CHECK && count < 8)
			jobs[count++] = a.job.id;
	cr_assert_gt(count, 0);
	cr_assert_not(session_is_quiet(s));
	session_remove(s, st.t, world_now(st.w));
	for (uint32_t i = 0; i < count; i++) {
		const struct disk_done done = { jobs[i], DISK_OK, NULL };
		session_on_job(s, &done, world_now(st.w));
		session_on_job(s, &done, world_now(st.w)); /* and a second time */
	}
	cr_assert(session_is_quiet(s));
	stage_close(&st);
}

/* A check that began before a verify says nothing about the one after it. */
Test(jobs, answers_of_an_older_check_do_not_count)
{
	struct stage st;
	struct action a;
	stage_open(&st, 10 * PIECE, PIECE, true, false);
	struct session *s = lab_session(st.lab, st.host);
	const uint64_t size = 10 * PIECE;
	const struct storage_found found = { DISK_OK, NULL, &size };
	job_id old = 0;
	session_verify(s, st.t, world_now(st.w));
	session_on_storage(s, st.t, &found, world_now(st.w));
	while (session_next_action(s, &a))
		if (a.kind == ACT_CHECK)
			old = a.job.id;
	session_verify(s, st.t, world_now(st.w));
	session_on_storage(s, st.t, &found, world_now(st.w));
	const struct disk_done done = { old, DISK_OK, NULL };
	session_on_job(s, &done, world_now(st.w));
	cr_assert_eq(stage_status(&st).pieces_have, 0);
	stage_close(&st);
}

Test(jobs, checks_in_flight_are_bounded)
{
	struct stage st;
	struct action a;
	stage_open(&st, 100 * PIECE, PIECE, true, false);
	struct session *s = lab_session(st.lab, st.host);
	const uint64_t size = 100 * PIECE;
	const struct storage_found found = { DISK_OK, NULL, &size };
	uint32_t checks = 0;
	session_verify(s, st.t, world_now(st.w));
	session_on_storage(s, st.t, &found, world_now(st.w));
	while (session_next_action(s, &a))
		checks += a.kind == ACT_CHECK;
	cr_assert_eq(checks, 4);
	stage_close(&st);
}
