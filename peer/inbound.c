/* peer/inbound.c: what one peer says, message by message (BEP 3, 5, 6, 9, 10,
 * 21, 54). A message that breaks the protocol ends the connection with a
 * reason; one that is merely unknown is skipped. */
#include "peer/engine.h"

#include <stdlib.h>

#include "proto/memory.h"

/* ---- before the metadata is there ---- */

static struct early *early(struct peer *p)
{
	if (p->early == NULL)
		p->early = memory_zeroed(1, sizeof *p->early);
	return p->early;
}

static const char *on_early(struct peer *p, const struct message *m)
{
	struct early *e = early(p);
	switch ((int)m->kind) {
	case MSG_BITFIELD:
		if (e->bits != NULL || e->all || e->none || e->have_count != 0)
			return "bitfield after pieces";
		e->bits = memory_copy(m->bitfield.data, m->bitfield.size);
		e->bits_size = m->bitfield.size;
		return NULL;
	case MSG_HAVE_ALL:
	case MSG_HAVE_NONE:
		if (e->bits != NULL || e->all || e->none || e->have_count != 0)
			return "have-all or have-none after pieces";
		e->all = m->kind == MSG_HAVE_ALL;
		e->none = !e->all;
		return NULL;
	case MSG_HAVE:
		if (e->have_count == EARLY_HAVES_MAX)
			return "too many pieces announced before the metadata";
		if (e->haves == NULL)
			e->haves = memory_zeroed(EARLY_HAVES_MAX, sizeof *e->haves);
		e->haves[e->have_count++] = m->piece;
		return NULL;
	case MSG_CHOKE:
	case MSG_UNCHOKE:
		e->unchoked = m->kind == MSG_UNCHOKE;
		return NULL;
	case MSG_PIECE:
	case MSG_REJECT:
		return "block before the metadata";
	default:
		return NULL;
	}
}

void inbound_apply_early(struct session *s, struct peer *p, usec now)
{
	struct torrent *t = p->torrent;
	struct early *e = p->early;
	const char *reason = NULL;
	bool ok = true;
	p->early = NULL;
	download_peer_init(t->download, &p->down, p->candidate, now);
	p->down.fast = p->conn.fast;
	p->down.reqq = p->conn.ext.reqq;
	p->has_down = true;
	p->conn.message_max = t->metainfo->piece_count / 8 + EXT_PAYLOAD_MAX;
	if (e == NULL)
		return;
	if (e->bits != NULL)
		ok = download_on_bitfield(t->download, &p->down, bytes_of(e->bits, e->bits_size),
		                          &reason);
	else if (e->all)
		ok = download_on_have_all(t->download, &p->down, &reason);
	else if (e->none)
		ok = download_on_have_none(t->download, &p->down, &reason);
	for (uint32_t i = 0; i < e->have_count && ok; i++)
		ok = download_on_have(t->download, &p->down, e->haves[i], &reason);
	if (e->unchoked && ok)
		download_on_unchoke(t->download, &p->down, now);
	free(e->bits);
	free(e->haves);
	free(e);
	if (!ok)
		swarm_close(s, p, reason, true, now);
}

/* ---- extensions ---- */

static void serve_metadata(struct session *s, struct peer *p, uint32_t block, usec now)
{
	const struct torrent *t = p->torrent;
	uint8_t buffer[EXT_METADATA_PIECE + 256];
	struct writer w;
	struct metadata_message reply = { .kind = METADATA_REJECT, .piece = block };
	const size_t size = t->metainfo != NULL ? t->metainfo->info.size : 0;
	const uint64_t begin = (uint64_t)block * EXT_METADATA_PIECE;
	if (begin < size && p->conn.out.queued < METADATA_SERVE_QUEUE_MAX) {
		const size_t left = size - begin;
		reply.kind = METADATA_DATA;
		reply.total = (uint32_t)size;
		reply.data = bytes_of(t->metainfo->info.data + begin,
		                      left < EXT_METADATA_PIECE ? left : EXT_METADATA_PIECE);
	}
	writer_init(&w, buffer, sizeof buffer);
	metadata_message_write(&w, &reply);
	outbound_extended(s, p, EXT_METADATA, writer_bytes(&w), now);
}

/* Peers that alone sent a wrong dictionary. */
static void drop_metadata_liars(struct session *s, struct torrent *t, usec now)
{
	uint32_t slot;
	while (metadata_next_liar(t->metadata, &slot)) {
		struct peer *liar = slot < s->peers.size ? s->peers.items[slot] : NULL;
		if (liar == NULL || liar->torrent != t)
			continue;
		candidates_ban(t->candidates, liar->candidate);
		swarm_close(s, liar, "sent metadata that fails its hash", true, now);
	}
}

static const char *on_metadata_data(struct session *s, struct peer *p,
                                    const struct metadata_message *m, usec now)
{
	struct torrent *t = p->torrent;
	switch (metadata_on_data(t->metadata, slot_of(p->id), m->piece, m->total, m->data, now)) {
	case METADATA_LIE:
		return "metadata that contradicts itself";
	case METADATA_READY: {
		size_t size;
		uint8_t *info = metadata_take(t->metadata, &size);
		torrent_on_metadata(s, t, info, size, now);
		return NULL;
	}
	case METADATA_WRONG:
		drop_metadata_liars(s, t, now);
		break;
	case METADATA_MORE:
		break;
	}
	swarm_request_metadata(s, t, now);
	return NULL;
}

static const char *on_metadata_message(struct session *s, struct peer *p, struct bytes payload,
                                       usec now)
{
	struct metadata_message m;
	if (!metadata_message_read(&m, payload))
		return "malformed metadata message";
	if (m.kind == METADATA_REQUEST) {
		serve_metadata(s, p, m.piece, now);
	} else if (p->torrent->metadata != NULL && m.kind == METADATA_DATA) {
		return on_metadata_data(s, p, &m, now);
	} else if (p->torrent->metadata != NULL && m.kind == METADATA_REJECT) {
		metadata_on_reject(p->torrent->metadata, slot_of(p->id), m.piece, now);
		swarm_request_metadata(s, p->torrent, now);
	}
	return NULL;
}

/* Ids that a later handshake leaves out stay as they were (BEP 10). */
static const char *on_extended_handshake(struct session *s, struct peer *p, struct bytes payload,
                                         usec now)
{
	struct torrent *t = p->torrent;
	struct extended_handshake h;
	if (!extended_handshake_read(&h, payload))
		return "malformed extension handshake";
	for (int i = 0; i < EXT_KINDS; i++)
		if (h.ids[i] == 0)
			h.ids[i] = p->conn.ext.ids[i];
	if (h.port != 0)
		candidates_set_port(t->candidates, p->candidate, h.port, now);
	p->upload_only = h.upload_only;
	if (h.reqq != 0)
		p->down.reqq = h.reqq;
	p->conn.ext = h;
	gossip_on_open(s, p);
	if (t->metadata == NULL || h.ids[EXT_METADATA] == 0)
		return NULL;
	if (h.metadata_size != 0 && !metadata_on_size(t->metadata, slot_of(p->id), h.metadata_size))
		return "impossible metadata size";
	swarm_request_metadata(s, t, now);
	return NULL;
}

static const char *on_extended(struct session *s, struct peer *p, uint8_t id, struct bytes payload,
                               usec now)
{
	const char *reason = NULL;
	if (!p->conn.extended)
		return "extension message without extension protocol";
	switch ((int)id) {
	case EXT_HANDSHAKE:
		return on_extended_handshake(s, p, payload, now);
	case EXT_METADATA:
		return on_metadata_message(s, p, payload, now);
	case EXT_PEX:
		return gossip_on_message(s, p, payload, now);
	case EXT_DONTHAVE:
		if (payload.size != 4)
			return "malformed dont-have";
		if (p->has_down) {
			struct reader r;
			reader_init(&r, payload);
			download_on_dont_have(p->torrent->download, &p->down, read_u32(&r), &reason);
		}
		return reason;
	case EXT_UPLOAD_ONLY:
		if (payload.size == 1)
			p->upload_only = payload.data[0] != 0;
		gossip_on_open(s, p);
		return NULL;
	default:
		return NULL; /* not one of ours: BEP 10 says to ignore it */
	}
}

/* ---- what they want ---- */

static const char *on_request(struct session *s, struct peer *p, struct block b, usec now)
{
	const struct torrent *t = p->torrent;
	const char *reason = NULL;
	enum upload_answer answer = UPLOAD_REFUSED;
	if (t->download != NULL && superseed_may_ask(&p->shown, b.piece) &&
	    (!p->choking || allow_may_ask(p, b.piece)))
		answer = upload_on_request(&p->up, t->metainfo, download_have(t->download), b, &reason);
	if (answer == UPLOAD_BROKEN)
		return reason;
	if (answer == UPLOAD_REFUSED && p->conn.fast)
		outbound_block(s, p, MSG_REJECT, b, now);
	return NULL;
}

static void on_cancel(struct session *s, struct peer *p, struct block b, usec now)
{
	if (upload_on_cancel(&p->up, &s->spans, b) && p->conn.fast)
		outbound_block(s, p, MSG_REJECT, b, now);
}

static void on_wants(struct session *s, struct peer *p, bool wants)
{
	if (p->wants == wants)
		return;
	p->wants = wants;
	/* Whatever it said before (BEP 21). */
	if (wants)
		p->upload_only = false;
	p->torrent->choke_now = true;
	session_stir(s, p->torrent);
}

static void on_port(struct session *s, const struct peer *p, uint16_t port)
{
	if (port == 0 || torrent_is_private(p->torrent))
		return;
	struct action *a = session_act(s, ACT_DHT_CONTACT);
	a->endpoint = p->endpoint;
	a->endpoint.port = port;
}

/* ---- what they have ---- */

static void on_pieces_changed(struct session *s, struct peer *p, usec now)
{
	struct torrent *t = p->torrent;
	if (!bitfield_is_full(&p->down.has))
		return;
	p->upload_only = true;
	candidates_set_seed(t->candidates, p->candidate, true);
	t->seeds_met++;
	if (t->state == TORRENT_SEEDING)
		swarm_close(s, p, "both are seeds", false, now);
	else
		gossip_on_open(s, p);
}

/* A bitfield in mid-connection is not in BEP 3, but aria2 sends one instead of
 * many HAVEs: it counts as a HAVE for each piece in it. */
static bool on_late_bitfield(struct download *d, struct download_peer *p, struct bytes bits,
                             const char **reason)
{
	struct bitfield told;
	bool ok = true;
	bitfield_init(&told, p->has.size);
	if (!bitfield_load(&told, bits)) {
		*reason = "bitfield malformed";
		ok = false;
	}
	for (uint32_t i = 0; ok && (i = bitfield_next_missing(&told, &p->has, i)) < told.size;)
		ok = download_on_have(d, p, i, reason);
	bitfield_deinit(&told);
	return ok;
}

static bool take_pieces(struct peer *p, const struct message *m, const char **reason)
{
	struct download *d = p->torrent->download;
	switch ((int)m->kind) {
	case MSG_BITFIELD:
		return p->down.has_known ? on_late_bitfield(d, &p->down, m->bitfield, reason) :
		                           download_on_bitfield(d, &p->down, m->bitfield, reason);
	case MSG_HAVE_ALL:
		return !p->down.has_known && download_on_have_all(d, &p->down, reason);
	case MSG_HAVE_NONE:
		return !p->down.has_known && download_on_have_none(d, &p->down, reason);
	default:
		return false;
	}
}

/* What it has, all at once. */
static const char *on_all_pieces(struct session *s, struct peer *p, const struct message *m,
                                 usec now)
{
	const char *reason = "pieces announced twice";
	struct bitfield before;
	if (!p->has_down)
		return on_early(p, m);
	bitfield_init(&before, p->down.has.size);
	bitfield_copy(&before, &p->down.has);
	const bool ok = take_pieces(p, m, &reason);
	hide_on_pieces(s, p, &before);
	bitfield_deinit(&before);
	if (!ok)
		return reason;
	on_pieces_changed(s, p, now);
	if (p->conn.state == CONN_OPEN)
		allow_newcomer(s, p, now);
	return NULL;
}

static const char *on_have(struct session *s, struct peer *p, uint32_t piece, usec now)
{
	const char *reason = NULL;
	const uint32_t before = p->down.has.count;
	if (!download_on_have(p->torrent->download, &p->down, piece, &reason))
		return reason;
	if (p->down.has.count != before)
		hide_on_have(s, p, piece);
	on_pieces_changed(s, p, now);
	return NULL;
}

static const char *on_piece_message(struct session *s, struct peer *p, const struct message *m,
                                    usec now)
{
	struct download *d = p->torrent->download;
	const char *reason = NULL;
	if (!p->has_down)
		return on_early(p, m);
	if (m->kind == MSG_HAVE)
		return on_have(s, p, m->piece, now);
	if (m->kind == MSG_ALLOWED_FAST)
		download_on_allowed_fast(d, &p->down, m->piece, &reason);
	else
		download_on_reject(d, &p->down, m->block, now, &reason);
	return reason;
}

static void on_choked(struct session *s, struct peer *p, bool choked, usec now)
{
	if (!p->has_down) {
		early(p)->unchoked = !choked;
		return;
	}
	if (choked) {
		download_on_choke(p->torrent->download, &p->down, now);
		p->torrent->refill = true;
		session_stir(s, p->torrent);
	} else {
		download_on_unchoke(p->torrent->download, &p->down, now);
	}
}

/* ---- dispatch ---- */

static const char *on_message(struct session *s, struct peer *p, const struct message *m, usec now)
{
	const bool is_fast = m->kind >= MSG_SUGGEST && m->kind <= MSG_ALLOWED_FAST;
	const char *reason = NULL;
	if (is_fast && !p->conn.fast)
		return "fast message without the fast extension";
	switch (m->kind) {
	case MSG_CHOKE:
	case MSG_UNCHOKE:
		on_choked(s, p, m->kind == MSG_CHOKE, now);
		break;
	case MSG_INTERESTED:
	case MSG_NOT_INTERESTED:
		on_wants(s, p, m->kind == MSG_INTERESTED);
		break;
	case MSG_BITFIELD:
	case MSG_HAVE_ALL:
	case MSG_HAVE_NONE:
		reason = on_all_pieces(s, p, m, now);
		break;
	case MSG_HAVE:
	case MSG_ALLOWED_FAST:
	case MSG_REJECT:
		reason = on_piece_message(s, p, m, now);
		break;
	case MSG_REQUEST:
		reason = on_request(s, p, m->block, now);
		break;
	case MSG_CANCEL:
		on_cancel(s, p, m->block, now);
		break;
	case MSG_PORT:
		on_port(s, p, m->port);
		return NULL;
	case MSG_EXTENDED:
		return on_extended(s, p, m->extended.id, m->extended.payload, now);
	case MSG_SUGGEST:
	case MSG_KEEP_ALIVE:
	case MSG_UNKNOWN:
	case MSG_PIECE:
		return NULL;
	}
	return reason;
}

static const char *on_block(struct peer *p, struct block b, usec now)
{
	const char *reason = NULL;
	uint8_t *into = NULL;
	if (!p->has_down)
		return "block before the metadata";
	switch (download_block_begin(p->torrent->download, &p->down, b, &into, &reason, now)) {
	case DOWNLOAD_BREAK:
		return reason;
	case DOWNLOAD_TAKE:
		conn_receive(&p->conn, into, b.length);
		break;
	case DOWNLOAD_DISCARD:
		conn_receive(&p->conn, NULL, b.length);
		break;
	}
	p->block_length = b.length;
	p->block_taken = into != NULL;
	return NULL;
}

static void on_block_end(struct session *s, struct peer *p, usec now)
{
	struct torrent *t = p->torrent;
	s->payload_down += p->block_length;
	meter_add(&t->down, p->block_length, now);
	p->useful = true;
	if (p->block_taken)
		download_block_end(t->download, &p->down, now);
	session_stir(s, t);
}

static struct bytes decipher(struct session *s, struct peer *p, struct bytes in)
{
	if (in.size > s->scratch_size) {
		s->scratch = memory_resize(s->scratch, in.size, 1);
		s->scratch_size = in.size;
	}
	return conn_decrypt(&p->conn, in, s->scratch);
}

/* The opening failed by itself. When it was with ourselves, the dialing end is
 * looked for and its target never dialed again; mostly the accepting end finds
 * out first. */
static void note_broken(struct session *s, struct peer *p, usec now)
{
	const struct handshaker *h = p->conn.opening;
	uint32_t slot = 0;
	struct peer *o;
	if (h == NULL || h->failure != HANDSHAKE_OURSELVES)
		return;
	while ((o = slots_walk(&s->peers, &slot)) != NULL) {
		if (o->conn.incoming || o->torrent == NULL ||
		    (o != p && !endpoint_equal(&o->local, &p->endpoint)))
			continue;
		candidates_set_self(o->torrent->candidates, &o->endpoint);
		o->attempt = 1; /* the other way leads to ourselves as well */
		if (o != p)
			swarm_close(s, o, "that is ourselves", true, now);
		return;
	}
}

static const char *on_event(struct session *s, struct peer *p, enum conn_event event,
                            const struct message *m, usec now)
{
	switch (event) {
	case CONN_ASKS_KEY:
		return greet_on_key(s, p);
	case CONN_ASKS_TORRENT:
		return greet_on_torrent(s, p, now);
	case CONN_HANDSHAKEN:
		greet_on_handshake(s, p, now);
		return NULL;
	case CONN_MESSAGE:
		return on_message(s, p, m, now);
	case CONN_BLOCK:
		return on_block(p, m->block, now);
	case CONN_BLOCK_END:
		on_block_end(s, p, now);
		return NULL;
	case CONN_BROKEN:
		note_broken(s, p, now);
		return p->conn.broken;
	case CONN_NOTHING:
		break;
	}
	return NULL;
}

void inbound_on_bytes(struct session *s, struct peer *p, struct bytes in, usec now)
{
	struct message m;
	bool clear = false;
	if (p->conn.state != CONN_HANDSHAKE && p->conn.state != CONN_OPEN)
		return;
	for (;;) {
		if (p->conn.state == CONN_OPEN && p->conn.cipher != NULL && !clear) {
			in = decipher(s, p, in);
			clear = true;
		}
		const enum conn_event event = conn_next(&p->conn, &in, &m);
		if (event == CONN_NOTHING)
			return;
		const char *reason = on_event(s, p, event, &m, now);
		if (reason != NULL && (event != CONN_BROKEN || !greet_again(s, p, reason, false, now)))
			swarm_close(s, p, reason, true, now);
		if (p->conn.state == CONN_CLOSED)
			return;
	}
}
