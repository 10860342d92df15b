/* tests/unit/swarm_test.c: who is served, who is asked, who is told. */
#include "tests/unit/raw_peer.h"

enum { PIECE = 256 << 10 };

/* Another seed came by: ours is not a lone one, with ways of its own. */
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

/* S6: never more than 4 + 1 served, whoever wants it. */
Test(swarm, slots_are_bounded_and_go_round)
{
	struct stage st;
	struct raw_peer p[12];
	struct message m;
	bool ever[12] = { false };
	stage_open(&st, 64 * PIECE, PIECE, true, false);
	meet_a_seed(&st);
	/* A slow line that always has something to send: no slots are added. */
	session_set_rates(lab_session(st.lab, st.host), 100000, 0, world_now(st.w));
	for (uint8_t i = 0; i < 12; i++) {
		p[i] = raw_open(&st);
		raw_greet_as(&p[i], (uint8_t)('a' + i), false, false);
	}
	for (uint8_t i = 0; i < 12; i++)
		raw_say(&p[i], MSG_INTERESTED);
	for (int tenth = 0; tenth < 3000; tenth++) {
		stage_pass(&st, USEC_PER_SEC / 10);
		for (int i = 0; i < 12; i++) {
			while (raw_next(&p[i], &m, NULL)) {
				ever[i] = ever[i] || m.kind == MSG_UNCHOKE;
				for (uint32_t k = m.kind == MSG_UNCHOKE ? 6 : m.kind == MSG_PIECE; k > 0; k--)
					raw_say_block(&p[i], MSG_REQUEST, (struct block){ k, 0, BLOCK_SIZE });
			}
		}
		/* One more while the first ones begin to ask. */
		cr_assert_leq(count_served(&st), tenth < 200 ? 6 : 5);
		if (tenth > 20)
			cr_assert_geq(count_served(&st), 4, "after %d tenths", tenth);
	}
	for (int i = 0; i < 12; i++)
		cr_assert(ever[i], "peer %d was never served in five minutes", i);
	for (int i = 0; i < 12; i++)
		raw_close(&p[i]);
	stage_close(&st);
}

Test(swarm, a_slot_that_falls_free_is_given_away_at_once)
{
	struct stage st;
	struct raw_peer p[7];
	struct message m;
	uint32_t served = 0;
	int idle = -1;
	stage_open(&st, 64 * PIECE, PIECE, true, false);
	meet_a_seed(&st);
	for (uint8_t i = 0; i < 7; i++) {
		p[i] = raw_open(&st);
		raw_greet_as(&p[i], (uint8_t)('a' + i), false, false);
	}
	for (uint8_t i = 0; i < 7; i++)
		raw_say(&p[i], MSG_INTERESTED);
	stage_pass(&st, USEC_PER_SEC / 10);
	int one = -1;
	for (int i = 0; i < 7; i++) {
		bool has = false;
		while (raw_next(&p[i], &m, NULL))
			has = has || m.kind == MSG_UNCHOKE;
		served += has;
		if (has)
			one = i;
		else
			idle = i;
	}
	cr_assert_eq(served, 5);
	raw_say(&p[one], MSG_NOT_INTERESTED);
	stage_pass(&st, USEC_PER_SEC / 10);
	uint32_t news = 0;
	for (int i = 0; i < 7; i++)
		while (i != one && raw_next(&p[i], &m, NULL))
			news += m.kind == MSG_UNCHOKE;
	cr_assert_eq(news, 1);
	(void)idle;
	for (int i = 0; i < 7; i++)
		raw_close(&p[i]);
	stage_close(&st);
}

/* A peer by hand that has everything and serves what it is asked. lie: its
 * blocks are false. Returns blocks served. */
static uint32_t serve(struct raw_peer *p, bool lie)
{
	struct message m;
	uint32_t served = 0;
	static uint8_t data[BLOCK_SIZE];
	while (raw_next(p, &m, NULL)) {
		if (m.kind != MSG_REQUEST)
			continue;
		const struct block b = m.block;
		memcpy(data, lab_content_bytes(p->stage->content) + (size_t)b.piece * PIECE + b.begin,
		       b.length);
		data[0] ^= lie ? 1 : 0;
		raw_say_piece(p, b, data);
		served++;
	}
	return served;
}

Test(swarm, a_download_from_a_hand_made_seed_completes)
{
	struct stage st;
	struct message m;
	stage_open(&st, 8 * PIECE - 777, PIECE, false, false);
	struct raw_peer p = raw_open(&st);
	raw_greet(&p, false, false);
	raw_say_bytes(&p, MSG_BITFIELD, bytes_of("\xff", 1));
	cr_assert(raw_wait(&p, MSG_INTERESTED, &m, NULL));
	raw_say(&p, MSG_UNCHOKE);
	for (int i = 0; i < 200 && stage_status(&st).state != TORRENT_SEEDING; i++) {
		stage_pass(&st, 100 * USEC_PER_MS);
		serve(&p, false);
	}
	cr_assert_eq(stage_status(&st).state, TORRENT_SEEDING);
	cr_assert_eq(stage_status(&st).downloaded, 8 * PIECE - 777);
	cr_assert_eq(stage_status(&st).wasted, 0);
	cr_assert(raw_is_closed(&p), "two seeds have nothing to say to each other");
	raw_close(&p);
	stage_close(&st);
}

Test(swarm, a_liar_is_banned_and_its_piece_fetched_again)
{
	struct stage st;
	struct message m;
	stage_open(&st, 4 * PIECE, PIECE, false, false);
	struct raw_peer liar = raw_open(&st);
	raw_greet_as(&liar, 'l', false, false);
	raw_say_bytes(&liar, MSG_BITFIELD, bytes_of("\xf0", 1));
	cr_assert(raw_wait(&liar, MSG_INTERESTED, &m, NULL));
	raw_say(&liar, MSG_UNCHOKE);
	bool closed = false;
	for (int i = 0; i < 100 && !closed; i++) {
		stage_pass(&st, 100 * USEC_PER_MS);
		serve(&liar, true);
		lab_raw_received(liar.raw, &closed);
	}
	cr_assert(closed);
	cr_assert(stage_noticed(&st, NOTICE_BANNED));
	cr_assert_eq(stage_status(&st).pieces_have, 0);
	struct raw_peer honest = raw_open(&st);
	raw_greet_as(&honest, 'h', false, false);
	raw_say_bytes(&honest, MSG_BITFIELD, bytes_of("\xf0", 1));
	cr_assert(raw_wait(&honest, MSG_INTERESTED, &m, NULL));
	raw_say(&honest, MSG_UNCHOKE);
	for (int i = 0; i < 200 && stage_status(&st).state != TORRENT_SEEDING; i++) {
		stage_pass(&st, 100 * USEC_PER_MS);
		serve(&honest, false);
	}
	cr_assert_eq(stage_status(&st).state, TORRENT_SEEDING);
	raw_close(&liar);
	raw_close(&honest);
	stage_close(&st);
}

Test(swarm, everybody_is_told_of_a_new_piece)
{
	struct stage st;
	struct message m;
	stage_open(&st, 4 * PIECE, PIECE, false, false);
	struct raw_peer seed = raw_open(&st), other = raw_open(&st);
	raw_greet_as(&seed, 's', false, false);
	raw_greet_as(&other, 'o', false, false);
	raw_say_bytes(&seed, MSG_BITFIELD, bytes_of("\xf0", 1));
	cr_assert(raw_wait(&seed, MSG_INTERESTED, &m, NULL));
	raw_say(&seed, MSG_UNCHOKE);
	for (int i = 0; i < 50; i++) {
		stage_pass(&st, 100 * USEC_PER_MS);
		serve(&seed, false);
	}
	uint32_t haves = 0;
	while (raw_next(&other, &m, NULL))
		haves += m.kind == MSG_HAVE;
	cr_assert_eq(haves, 4);
	raw_close(&seed);
	raw_close(&other);
	stage_close(&st);
}

/* A peer that has what we want, serves us nothing and says nothing more. */
Test(swarm, a_dead_peer_is_let_go)
{
	struct stage st;
	struct message m;
	stage_open(&st, 4 * PIECE, PIECE, false, false);
	struct raw_peer p = raw_open(&st);
	raw_greet(&p, false, false);
	raw_say_bytes(&p, MSG_BITFIELD, bytes_of("\xf0", 1));
	cr_assert(raw_wait(&p, MSG_INTERESTED, &m, NULL));
	stage_pass(&st, 100 * USEC_PER_SEC);
	cr_assert_not(raw_is_closed(&p));
	stage_pass(&st, 100 * USEC_PER_SEC);
	cr_assert(raw_is_closed(&p));
	raw_close(&p);
	stage_close(&st);
}
