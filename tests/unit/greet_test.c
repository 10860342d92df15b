/* tests/unit/greet_test.c: who is let in, and what is said first. */
#include "tests/unit/raw_peer.h"

enum { PIECE = 256 << 10 };

static struct handshake handshake_for(const struct stage *st)
{
	struct handshake h = { .fast = true };
	memcpy(h.info_hash, st->m.info_hash, SHA1_SIZE);
	memset(h.peer_id, 'x', PEER_ID_SIZE);
	return h;
}

static bool refuses(struct stage *st, const struct handshake *h)
{
	uint8_t buffer[HANDSHAKE_SIZE];
	struct raw_peer p = raw_open(st);
	handshake_write(h, buffer);
	raw_send(&p, bytes_of(buffer, sizeof buffer));
	const bool closed = raw_is_closed(&p);
	raw_close(&p);
	return closed;
}

Test(greet, another_info_hash_is_refused)
{
	struct stage st;
	stage_open(&st, PIECE, PIECE, true, false);
	struct handshake h = handshake_for(&st);
	cr_assert_not(refuses(&st, &h));
	h.info_hash[0] ^= 1;
	cr_assert(refuses(&st, &h));
	stage_close(&st);
}

Test(greet, our_own_peer_id_is_refused)
{
	struct stage st;
	stage_open(&st, PIECE, PIECE, true, false);
	struct handshake h = handshake_for(&st);
	memcpy(h.peer_id, session_peer_id(lab_session(st.lab, st.host)), PEER_ID_SIZE);
	cr_assert(refuses(&st, &h));
	stage_close(&st);
}

Test(greet, one_peer_connects_once)
{
	struct stage st;
	stage_open(&st, PIECE, PIECE, true, false);
	struct raw_peer first = raw_open(&st);
	raw_greet_as(&first, 'x', false, false);
	const struct handshake h = handshake_for(&st);
	cr_assert(refuses(&st, &h), "the same peer id a second time");
	cr_assert_not(raw_is_closed(&first));
	raw_close(&first);
	stage_close(&st);
}

Test(greet, a_handshake_that_never_ends_is_dropped)
{
	struct stage st;
	stage_open(&st, PIECE, PIECE, true, false);
	struct raw_peer p = raw_open(&st);
	raw_send(&p, bytes_of_text("\x13" "BitTorrent"));
	cr_assert_not(raw_is_closed(&p));
	stage_pass(&st, 30 * USEC_PER_SEC);
	cr_assert(raw_is_closed(&p));
	raw_close(&p);
	stage_close(&st);
}

Test(greet, half_open_strangers_are_bounded)
{
	struct stage st;
	struct raw_peer p[200];
	uint32_t refused = 0;
	stage_open(&st, PIECE, PIECE, true, false);
	for (int i = 0; i < 200; i++) {
		bool closed;
		p[i] = raw_open(&st);
		lab_raw_received(p[i].raw, &closed);
		refused += closed;
	}
	cr_assert_eq(refused, 200 - 128);
	for (int i = 0; i < 200; i++)
		raw_close(&p[i]);
	stage_pass(&st, USEC_PER_SEC);
	struct raw_peer late = raw_open(&st);
	raw_greet_as(&late, 'l', false, false);
	raw_close(&late);
	stage_close(&st);
}

Test(greet, a_paused_torrent_lets_nobody_in)
{
	struct stage st;
	stage_open(&st, PIECE, PIECE, true, false);
	session_pause(lab_session(st.lab, st.host), st.t, world_now(st.w));
	lab_pump(st.lab, st.host);
	const struct handshake h = handshake_for(&st);
	cr_assert(refuses(&st, &h));
	session_resume(lab_session(st.lab, st.host), st.t, world_now(st.w));
	lab_pump(st.lab, st.host);
	stage_pass(&st, USEC_PER_SEC);
	cr_assert_not(refuses(&st, &h));
	stage_close(&st);
}

/* Two sessions dial each other in the same moment: one connection is left. */
Test(greet, simultaneous_dials_leave_one_connection)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world *w = world_new(seed);
		struct lab_config c = { .rtt = latency_from_quantiles(50, 51, 52), .disk_time = 1000 };
		struct lab *lab = lab_new(w, &c);
		struct lab_content *content = lab_content_new(seed, 64 * PIECE, PIECE, NULL, 0);
		struct lab_host_config h = { .up = 10000 };
		struct peer_status peers[8];
		torrent_id t[2];
		for (uint32_t i = 0; i < 2; i++) {
			lab_host_add(lab, &h);
			t[i] = lab_add(lab, i, content, i == 0, false);
		}
		world_run(w, world_now(w) + 100 * USEC_PER_MS);
		lab_introduce(lab, 0, t[0], 1);
		lab_introduce(lab, 1, t[1], 0);
		world_run(w, world_now(w) + 20 * USEC_PER_SEC);
		for (uint32_t i = 0; i < 2; i++)
			cr_assert_eq(session_peers(lab_session(lab, i), t[i], peers, 8, world_now(w)), 1,
			             "seed %llu host %u", (unsigned long long)seed, i);
		lab_free(lab);
		world_free(w);
		lab_content_free(content);
	}
}

/* Encrypted on both sides: the same swarm works, and nothing is in the clear. */
Test(greet, sessions_that_require_encryption_trade)
{
	struct world *w = world_new(5);
	struct lab_config c = { .rtt = latency_from_quantiles(20, 21, 22), .disk_time = 1000 };
	struct lab *lab = lab_new(w, &c);
	struct lab_content *content = lab_content_new(5, 16 * PIECE, PIECE, NULL, 0);
	struct lab_host_config h = { .up = 1 << 20, .session.encryption = ENCRYPTION_REQUIRED };
	struct lab_host_stats stats;
	struct peer_status peer;
	torrent_id t[2];
	for (uint32_t i = 0; i < 2; i++) {
		lab_host_add(lab, &h);
		t[i] = lab_add(lab, i, content, i == 0, i == 1);
	}
	world_run(w, world_now(w) + 100 * USEC_PER_MS);
	lab_introduce(lab, 1, t[1], 0);
	world_run(w, world_now(w) + USEC_PER_SEC);
	cr_assert_eq(session_peers(lab_session(lab, 1), t[1], &peer, 1, world_now(w)), 1);
	cr_assert(peer.encrypted);
	world_run(w, world_now(w) + 30 * USEC_PER_SEC);
	lab_stats(lab, 1, &stats);
	cr_assert_neq(stats.done_at, 0);
	lab_free(lab);
	world_free(w);
	lab_content_free(content);
}

static bool trades(enum encryption_policy dialer, enum encryption_policy dialed)
{
	struct world *w = world_new(6);
	struct lab_config c = { .rtt = latency_from_quantiles(20, 21, 22), .disk_time = 1000 };
	struct lab *lab = lab_new(w, &c);
	struct lab_content *content = lab_content_new(6, 4 * PIECE, PIECE, NULL, 0);
	struct lab_host_config a = { .session.encryption = dialer };
	struct lab_host_config b = { .session.encryption = dialed };
	struct lab_host_stats stats;
	lab_host_add(lab, &a);
	lab_host_add(lab, &b);
	const torrent_id t = lab_add(lab, 0, content, false, true);
	lab_add(lab, 1, content, true, false);
	world_run(w, world_now(w) + 100 * USEC_PER_MS);
	lab_introduce(lab, 0, t, 1);
	world_run(w, world_now(w) + 8 * USEC_PER_SEC);
	lab_stats(lab, 0, &stats);
	lab_free(lab);
	world_free(w);
	lab_content_free(content);
	return stats.done_at != 0;
}

Test(greet, policies_meet_where_they_can)
{
	for (unsigned a = ENCRYPTION_OFF; a <= ENCRYPTION_REQUIRED; a++) {
		for (unsigned b = ENCRYPTION_OFF; b <= ENCRYPTION_REQUIRED; b++) {
			const bool clash = (a == ENCRYPTION_OFF && b == ENCRYPTION_REQUIRED) ||
			                   (a == ENCRYPTION_REQUIRED && b == ENCRYPTION_OFF);
			cr_assert_eq(trades((enum encryption_policy)a, (enum encryption_policy)b),
			             !clash, "dialer %u dialed %u", a, b);
		}
	}
}

/* A DHT tells us our own address too: it is dialed once and known from then on. */
Test(greet, our_own_address_is_dialed_once)
{
	struct stage st;
	struct session_totals before, after;
	stage_open(&st, PIECE, PIECE, false, false);
	struct session *s = lab_session(st.lab, st.host);
	const struct endpoint self = lab_endpoint(st.lab, st.host);
	for (int i = 0; i < 3; i++) {
		session_on_peers(s, st.t, &self, 1, SOURCE_DHT, world_now(st.w));
		lab_pump(st.lab, st.host);
		stage_pass(&st, 60 * USEC_PER_SEC);
		session_totals(s, i == 0 ? &before : &after);
	}
	cr_assert_gt(before.bytes_up, 0);
	cr_assert_eq(after.bytes_up, before.bytes_up, "dialed again");
	stage_close(&st);
}
