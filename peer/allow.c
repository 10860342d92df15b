/* peer/allow.c: the few pieces a newcomer may ask for while we choke it (BEP 6),
 * so that it soon has something to give.
 *
 * Which ones follows from its address and the info-hash, as the BEP has it, so
 * that it cannot get others by coming again. Only those we have count, and only
 * while it has few itself. */
#include "peer/engine.h"

uint32_t allow_pieces(const struct endpoint *e, const uint8_t info_hash[SHA1_SIZE],
                      uint32_t piece_count, uint32_t *pieces, uint32_t max)
{
	uint8_t x[4 + SHA1_SIZE], digest[SHA1_SIZE];
	uint32_t n = 0;
	if (e->family != ENDPOINT_V4 || piece_count == 0)
		return 0;
	memcpy(x, e->address, 3);
	x[3] = 0;
	memcpy(x + 4, info_hash, SHA1_SIZE);
	sha1(bytes_of(x, sizeof x), digest);
	/* A torrent of few pieces may not have that many different ones. */
	for (uint32_t round = 0; n < max && n < piece_count && round < ALLOW_ROUNDS_MAX; round++) {
		struct reader r;
		reader_init(&r, bytes_of(digest, sizeof digest));
		for (int i = 0; i < 5 && n < max; i++) {
			const uint32_t piece = read_u32(&r) % piece_count;
			uint32_t k = 0;
			while (k < n && pieces[k] != piece)
				k++;
			if (k == n)
				pieces[n++] = piece;
		}
		uint8_t next[SHA1_SIZE];
		sha1(bytes_of(digest, sizeof digest), next);
		memcpy(digest, next, sizeof digest);
	}
	return n;
}

static bool is_newcomer(const struct peer *p)
{
	return p->conn.fast && p->has_down && !p->shown.hidden && p->down.has.count < ALLOW_PIECES;
}

void allow_newcomer(struct session *s, struct peer *p, usec now)
{
	const struct torrent *t = p->torrent;
	uint32_t pieces[ALLOW_PIECES];
	if (!is_newcomer(p) || p->allowed_count != 0)
		return;
	const uint32_t n = allow_pieces(&p->endpoint, t->info_hash, t->metainfo->piece_count,
	                                pieces, ALLOW_PIECES);
	for (uint32_t i = 0; i < n && p->conn.state == CONN_OPEN; i++) {
		uint8_t buffer[MESSAGE_HAVE_SIZE];
		struct writer w;
		if (!bitfield_get(download_have(t->download), pieces[i]))
			continue;
		p->allowed[p->allowed_count++] = pieces[i];
		writer_init(&w, buffer, sizeof buffer);
		message_write_piece_number(&w, MSG_ALLOWED_FAST, pieces[i]);
		outbound_send(s, p, writer_bytes(&w), now);
	}
}

bool allow_may_ask(const struct peer *p, uint32_t piece)
{
	const struct metainfo *m = p->torrent->metainfo;
	/* Each of them once. */
	if (!is_newcomer(p) ||
	    p->up.served_bytes + p->up.queued_bytes >= (uint64_t)ALLOW_PIECES * m->piece_length)
		return false;
	for (uint32_t i = 0; i < p->allowed_count; i++)
		if (p->allowed[i] == piece)
			return true;
	return false;
}
