/* tests/unit/gossip_test.c: peer exchange: who is told of whom, and that a
 * private torrent tells and believes nothing. */
#include "tests/unit/raw_peer.h"

enum { PIECE = 64 << 10, THEIR_PEX = 9 };

static struct raw_peer newcomer(struct stage *st, uint8_t name, uint16_t port)
{
	struct raw_peer p = raw_open(st);
	struct extended_handshake h = { .has_m = true, .port = port };
	uint8_t buffer[EXT_HANDSHAKE_MAX];
	struct writer w;
	raw_greet_as(&p, name, true, true);
	h.ids[EXT_PEX] = THEIR_PEX;
	writer_init(&w, buffer, sizeof buffer);
	extended_handshake_write(&w, &h);
	raw_say_extended(&p, 0, writer_bytes(&w));
	return p;
}

static bool next_exchange(struct raw_peer *p, struct pex_message *out)
{
	struct message m;
	while (raw_next(p, &m, NULL))
		if (m.kind == MSG_EXTENDED && m.extended.id == THEIR_PEX)
			return pex_message_read(out, m.extended.payload);
	return false;
}

Test(gossip, peers_hear_of_each_other_once_a_minute)
{
	struct stage st;
	struct pex_message m;
	stage_open(&st, 4 * PIECE, PIECE, true, false);
	struct raw_peer a = newcomer(&st, 'a', 7001);
	stage_pass(&st, 3 * USEC_PER_SEC);
	cr_assert_not(next_exchange(&a, &m), "there is nobody else");
	struct raw_peer b = newcomer(&st, 'b', 7002);
	stage_pass(&st, 3 * USEC_PER_SEC);
	cr_assert(next_exchange(&b, &m));
	cr_assert_eq(m.added_count, 1);
	cr_assert_eq(m.added[0].endpoint.port, 7001);
	stage_pass(&st, 61 * USEC_PER_SEC);
	cr_assert(next_exchange(&a, &m));
	cr_assert_eq(m.added_count, 1);
	cr_assert_eq(m.added[0].endpoint.port, 7002);
	raw_close(&b);
	stage_pass(&st, 61 * USEC_PER_SEC);
	cr_assert(next_exchange(&a, &m));
	cr_assert_eq(m.dropped_count, 1);
	cr_assert_eq(m.dropped[0].port, 7002);
	raw_close(&a);
	stage_close(&st);
}

/* Its own port is not where it may be dialed. */
Test(gossip, who_tells_no_port_is_not_named)
{
	struct stage st;
	struct pex_message m;
	stage_open(&st, 4 * PIECE, PIECE, true, false);
	struct raw_peer a = newcomer(&st, 'a', 0), b = newcomer(&st, 'b', 7002);
	stage_pass(&st, 70 * USEC_PER_SEC);
	cr_assert_not(next_exchange(&b, &m));
	cr_assert(next_exchange(&a, &m));
	raw_close(&a);
	raw_close(&b);
	stage_close(&st);
}

static void say_exchange(struct raw_peer *p, uint8_t last)
{
	struct pex_message m = { .added_count = 1 };
	uint8_t buffer[1024];
	struct writer w;
	m.added[0].endpoint = endpoint_v4(10, 9, 8, last, 7000);
	writer_init(&w, buffer, sizeof buffer);
	pex_message_write(&w, &m);
	raw_say_extended(p, EXT_PEX, writer_bytes(&w));
}

Test(gossip, what_is_told_becomes_a_candidate_and_haste_ends_it)
{
	struct stage st;
	stage_open(&st, 4 * PIECE, PIECE, false, false);
	struct raw_peer a = newcomer(&st, 'a', 7001);
	const uint32_t before = stage_status(&st).candidates;
	say_exchange(&a, 1);
	stage_pass(&st, USEC_PER_SEC);
	cr_assert_eq(stage_status(&st).candidates, before + 1);
	for (uint8_t i = 0; i < 5; i++)
		say_exchange(&a, (uint8_t)(i + 2));
	cr_assert_not(raw_is_closed(&a));
	cr_assert_eq(stage_status(&st).candidates, before + 1, "too soon: not taken");
	for (uint8_t i = 0; i < 10; i++)
		say_exchange(&a, (uint8_t)(i + 10));
	cr_assert(raw_is_closed(&a));
	raw_close(&a);
	stage_close(&st);
}

Test(gossip, garbage_ends_the_connection)
{
	struct stage st;
	stage_open(&st, 4 * PIECE, PIECE, false, false);
	struct raw_peer a = newcomer(&st, 'a', 7001);
	raw_say_extended(&a, EXT_PEX, bytes_of_text("d5:added5:xxxxxe"));
	cr_assert(raw_is_closed(&a));
	raw_close(&a);
	stage_close(&st);
}

/* ---- a private torrent ---- */

/* What the session says on c, all of it, into out; returns its size. */
static size_t said(struct session *s, conn_id c, uint8_t *out, size_t room)
{
	struct bytes views[SESSION_OUTPUT_VIEWS];
	size_t size = 0, n;
	while ((n = session_output(s, c, views, SESSION_OUTPUT_VIEWS, USEC_PER_SEC)) != 0) {
		size_t part = 0;
		for (size_t i = 0; i < n; i++) {
			cr_assert_leq(views[i].size, room - size - part);
			memcpy(out + size + part, views[i].data, views[i].size);
			part += views[i].size;
		}
		session_on_sent(s, c, part, USEC_PER_SEC);
		size += part;
	}
	return size;
}

static const char private_info[] =
        "d6:lengthi16384e4:name1:x12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaa7:privatei1ee";

Test(gossip, a_private_torrent_neither_tells_nor_believes)
{
	char reason[METAINFO_REASON_MAX];
	struct session_config config = { 0 };
	struct session *s = session_new(&config, USEC_PER_SEC);
	struct metainfo m;
	uint8_t buffer[2048];
	struct writer w;
	cr_assert(metainfo_parse_info(&m, bytes_of_text(private_info), reason));
	struct handshake h = { .fast = true, .extended = true, .peer_id = "other" };
	memcpy(h.info_hash, m.info_hash, SHA1_SIZE);
	struct torrent_options o = { .metainfo = &m };
	const torrent_id t = session_add(s, &o, NULL, USEC_PER_SEC);
	const struct storage_found found = { .result = DISK_MISSING };
	session_on_storage(s, t, &found, USEC_PER_SEC);

	const struct endpoint from = endpoint_v4(10, 0, 0, 1, 5000);
	const conn_id c = session_on_accepted(s, &from, USEC_PER_SEC);
	handshake_write(&h, buffer);
	session_on_bytes(s, c, bytes_of(buffer, HANDSHAKE_SIZE), USEC_PER_SEC);
	const size_t size = said(s, c, buffer, sizeof buffer);
	cr_assert_gt(size, HANDSHAKE_SIZE);
	cr_assert_not_null(memmem(buffer, size, "ut_metadata", 11));
	cr_assert_null(memmem(buffer, size, "ut_pex", 6));

	struct pex_message pex = { .added_count = 1 };
	struct torrent_status status;
	uint8_t payload[256];
	struct writer body;
	pex.added[0].endpoint = endpoint_v4(10, 9, 8, 7, 7000);
	writer_init(&body, payload, sizeof payload);
	pex_message_write(&body, &pex);
	writer_init(&w, buffer, sizeof buffer);
	message_write_extended_header(&w, EXT_PEX, writer_bytes(&body).size);
	session_on_bytes(s, c, writer_bytes(&w), USEC_PER_SEC);
	session_on_bytes(s, c, writer_bytes(&body), USEC_PER_SEC);
	cr_assert(session_status(s, t, &status, USEC_PER_SEC));
	cr_assert_eq(status.peers, 1);
	cr_assert_eq(status.candidates, 1, "itself alone");
	session_free(s);
}
