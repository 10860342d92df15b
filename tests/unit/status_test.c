/* tests/unit/status_test.c: what a session tells of itself. */
#include "tests/unit/raw_peer.h"

enum { PIECE = 256 << 10 };

Test(status, peers_are_listed_with_what_they_are)
{
	struct stage st;
	struct peer_status peers[4];
	stage_open(&st, 8 * PIECE, PIECE, false, false);
	struct raw_peer p = raw_open(&st);
	raw_greet(&p, true, true);
	raw_say_bytes(&p, MSG_BITFIELD, bytes_of("\xe0", 1));
	raw_say(&p, MSG_INTERESTED);
	stage_pass(&st, USEC_PER_SEC);
	const uint32_t n = session_peers(lab_session(st.lab, st.host), st.t, peers, 4,
	                                 world_now(st.w));
	cr_assert_eq(n, 1);
	cr_assert(peers[0].incoming);
	cr_assert(peers[0].we_want);
	cr_assert(peers[0].peer_wants);
	cr_assert(peers[0].peer_chokes);
	cr_assert_not(peers[0].seed);
	cr_assert_eq(peers[0].pieces, 3);
	cr_assert_eq(stage_status(&st).peers, 1);
	cr_assert_eq(stage_status(&st).seeds, 0);
	raw_close(&p);
	stage_close(&st);
}

Test(status, more_peers_than_room_are_counted)
{
	struct stage st;
	struct peer_status one;
	struct raw_peer p[3];
	stage_open(&st, 8 * PIECE, PIECE, true, false);
	for (uint8_t i = 0; i < 3; i++) {
		p[i] = raw_open(&st);
		raw_greet_as(&p[i], (uint8_t)('a' + i), false, false);
	}
	cr_assert_eq(session_peers(lab_session(st.lab, st.host), st.t, &one, 1, world_now(st.w)), 3);
	for (int i = 0; i < 3; i++)
		raw_close(&p[i]);
	stage_close(&st);
}

Test(status, totals_add_up)
{
	struct stage st;
	struct session_totals totals;
	stage_open(&st, 8 * PIECE, PIECE, true, false);
	struct raw_peer p = raw_open(&st);
	struct message m;
	raw_greet(&p, false, false);
	raw_say(&p, MSG_INTERESTED);
	cr_assert(raw_wait(&p, MSG_UNCHOKE, &m, NULL));
	raw_say_block(&p, MSG_REQUEST, (struct block){ 0, 0, 1000 });
	cr_assert(raw_wait(&p, MSG_PIECE, &m, NULL));
	session_totals(lab_session(st.lab, st.host), &totals);
	cr_assert_eq(totals.payload_up, 1000);
	cr_assert_gt(totals.bytes_up, 1000 + HANDSHAKE_SIZE);
	cr_assert_eq(totals.torrents, 1);
	cr_assert_eq(totals.conns, 1);
	raw_close(&p);
	stage_close(&st);
}
