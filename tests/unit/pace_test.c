/* tests/unit/pace_test.c: slots follow the uplink. */
#include "tests/unit/raw_peer.h"

enum { PIECE = 64 << 10, PEERS = 9 };

static void meet_a_seed(struct stage *st)
{
	struct raw_peer p = raw_open(st);
	raw_greet_as(&p, 'S', true, false);
	raw_say(&p, MSG_HAVE_ALL);
	cr_assert(raw_is_closed(&p));
	raw_close(&p);
}

static uint32_t count_served(struct stage *st)
{
	struct peer_status peers[16];
	uint32_t count = 0;
	const uint32_t n = session_peers(lab_session(st->lab, st->host), st->t, peers, 16,
	                                 world_now(st->w));
	for (uint32_t i = 0; i < n; i++)
		count += !peers[i].we_choke;
	return count;
}

/* Peers that want something; who is served asks for blocks, or not. Returns how
 * many are served in the end. */
static uint32_t served_after(struct stage *st, bool ask, uint32_t seconds)
{
	struct raw_peer p[PEERS];
	struct message m;
	for (uint8_t i = 0; i < PEERS; i++) {
		p[i] = raw_open(st);
		raw_greet_as(&p[i], (uint8_t)('a' + i), false, false);
	}
	for (uint8_t i = 0; i < PEERS; i++)
		raw_say(&p[i], MSG_INTERESTED);
	for (uint32_t tenth = 0; tenth < seconds * 10; tenth++) {
		stage_pass(st, USEC_PER_SEC / 10);
		for (uint32_t i = 0; i < PEERS; i++)
			while (raw_next(&p[i], &m, NULL))
				for (uint32_t k = 0; k < 16 && ask && m.kind == MSG_UNCHOKE; k++)
					raw_say_block(&p[i], MSG_REQUEST,
					              (struct block){ k, 0, BLOCK_SIZE });
	}
	const uint32_t count = count_served(st);
	for (uint32_t i = 0; i < PEERS; i++)
		raw_close(&p[i]);
	return count;
}

Test(pace, an_idle_uplink_serves_more)
{
	struct stage st;
	stage_open(&st, 64 * PIECE, PIECE, true, false);
	meet_a_seed(&st);
	cr_assert_eq(served_after(&st, false, 8), PEERS);
	stage_close(&st);
}

Test(pace, a_busy_uplink_serves_no_more)
{
	struct stage st;
	stage_open(&st, 64 * PIECE, PIECE, true, false);
	meet_a_seed(&st);
	session_set_rates(lab_session(st.lab, st.host), 5000, 0, world_now(st.w));
	cr_assert_eq(served_after(&st, true, 25), 5);
	stage_close(&st);
}

/* Nobody there: no clock runs for it. */
Test(pace, without_peers_there_is_nothing_to_look_at)
{
	struct stage st;
	stage_open(&st, 64 * PIECE, PIECE, true, false);
	cr_assert_eq(session_deadline(lab_session(st.lab, st.host)), USEC_NEVER);
	stage_close(&st);
}
