/* peer/hide.c: super-seeding among the connections: whom we tell that we have
 * nothing, and of which pieces then (upload/superseed.h decides).
 *
 * Invariant: while it is on, superseed.copies counts what each open peer with a
 * known bitfield has, so that its closing takes away as much as it brought. */
#include "peer/engine.h"

void hide_end(struct session *s, struct torrent *t)
{
	if (!t->superseed.on)
		return;
	superseed_end(&t->superseed);
	t->show_now = true;
	session_stir(s, t);
}

static void begin(struct session *s, struct torrent *t)
{
	superseed_begin(&t->superseed, t->metainfo->piece_count);
	for (struct peer *p = t->peers; p != NULL; p = p->next)
		if (p->conn.state == CONN_OPEN && p->has_down)
			superseed_on_bitfield(&t->superseed, &p->down.has);
	t->show_now = true;
	session_stir(s, t);
}

/* How many pieces the others have among them. */
static uint32_t count_out(const struct torrent *t)
{
	struct bitfield out;
	bitfield_init(&out, t->metainfo->piece_count);
	for (const struct peer *p = t->peers; p != NULL; p = p->next)
		if (p->has_down)
			for (uint32_t i = 0; (i = bitfield_next_missing(&p->down.has, &out, i)) < out.size;)
				bitfield_set(&out, i);
	const uint32_t count = out.count;
	bitfield_deinit(&out);
	return count;
}

/* Whether hiding starves the peers: a moment without requests is no harm, since
 * they come in bursts. */
static bool harms(struct torrent *t, uint32_t idle_permille)
{
	t->idle_looks = idle_permille > SUPERSEED_IDLE_PERMILLE ? t->idle_looks + 1 : 0;
	return t->idle_looks >= HIDE_IDLE_LOOKS || idle_permille > HIDE_IDLE_PERMILLE;
}

bool hide_judge(struct session *s, struct torrent *t, uint32_t idle_permille)
{
	if (t->state != TORRENT_SEEDING || s->config.classic)
		return false;
	const struct superseed_facts facts = {
		.seeds = t->seeds_met,
		.piece_count = t->metainfo->piece_count,
		.pieces_out = count_out(t),
		.sent_bytes = t->up.total - t->up_before,
		.piece_length = t->metainfo->piece_length,
		.idle_permille = harms(t, idle_permille) ? idle_permille : 0,
	};
	/* It begins with the swarm or never: whom we told all knows all. */
	if (!superseed_is_due(&t->superseed, &facts))
		hide_end(s, t);
	return facts.seeds == 0 && facts.pieces_out < facts.piece_count;
}

/* The second newcomer to a seed from which nobody got anything yet: this is
 * where a swarm begins. A lone peer is shown all: it has nobody to get the rest
 * from, and all it takes is new. */
static bool is_beginning(const struct torrent *t, const struct peer *fresh)
{
	uint32_t others = 0;
	if (t->state != TORRENT_SEEDING || t->seeds_met != 0)
		return false;
	for (const struct peer *p = t->peers; p != NULL; p = p->next) {
		if (p->has_down && p->down.has.count != 0)
			return false;
		others += p != fresh && p->conn.state == CONN_OPEN;
	}
	return others != 0;
}

void hide_peer_open(struct session *s, struct torrent *t, struct peer *p)
{
	if (!t->superseed.on && !s->config.classic && is_beginning(t, p))
		begin(s, t);
	superseed_peer_init(&t->superseed, &p->shown, p->has_down);
}

void hide_peer_close(struct session *s, struct peer *p)
{
	struct torrent *t = p->torrent;
	if (p->has_down)
		superseed_on_gone(&t->superseed, &p->down.has);
	superseed_peer_deinit(&t->superseed, &p->shown);
	t->show_now = t->superseed.on;
	session_stir(s, t);
}

void hide_on_have(struct session *s, struct peer *p, uint32_t piece)
{
	struct torrent *t = p->torrent;
	if (!t->superseed.on)
		return;
	superseed_on_have(&t->superseed, p->shown.hidden ? &p->shown : NULL, piece);
	t->show_now = true;
	session_stir(s, t);
}

void hide_on_pieces(struct session *s, struct peer *p, const struct bitfield *before)
{
	struct torrent *t = p->torrent;
	if (!t->superseed.on)
		return;
	superseed_on_gone(&t->superseed, before);
	superseed_on_bitfield(&t->superseed, &p->down.has);
	t->show_now = true;
	session_stir(s, t);
}

static void tell_have(struct session *s, struct peer *p, uint32_t piece, usec now)
{
	uint8_t buffer[MESSAGE_HAVE_SIZE];
	struct writer w;
	writer_init(&w, buffer, sizeof buffer);
	message_write_have(&w, piece);
	outbound_send(s, p, writer_bytes(&w), now);
	if (p->conn.state != CONN_CLOSED)
		session_touch(s, p);
}

void hide_tell(struct session *s, struct torrent *t, usec now)
{
	t->show_now = false;
	for (struct peer *p = t->peers, *next; p != NULL; p = next) {
		uint32_t piece;
		next = p->next;
		while (p->conn.state == CONN_OPEN && p->shown.hidden && p->has_down &&
		       superseed_tell_next(&t->superseed, &p->shown, &p->down.has, &s->rng, &piece))
			tell_have(s, p, piece, now);
	}
}
