/* peer/swarm.c: the connected peers of a torrent: owns and routes, never
 * decides. Whom to dial is candidates.c, what to ask download/, whom to serve
 * choker.c. */
#include "peer/engine.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/memory.h"

struct peer *swarm_peer_new(struct session *s, const struct endpoint *e, bool incoming, usec now)
{
	struct peer *p = memory_zeroed(1, sizeof *p);
	conn_init(&p->conn, incoming);
	upload_peer_init(&p->up);
	meter_init(&p->sent, now);
	p->id = slots_add(&s->peers, p);
	p->endpoint = *e;
	p->source = SOURCE_INCOMING;
	p->candidate = CANDIDATE_NONE;
	p->choking = true;
	p->heard_at = p->spoke_at = p->connected_at = now;
	return p;
}

void swarm_attach(struct session *s, struct torrent *t, struct peer *p)
{
	(void)s;
	assert(p->torrent == NULL);
	p->torrent = t;
	p->next = t->peers;
	if (t->peers != NULL)
		t->peers->prev = p;
	t->peers = p;
	t->peer_count++;
}

static void detach(struct torrent *t, struct peer *p)
{
	if (p->prev != NULL)
		p->prev->next = p->next;
	else
		t->peers = p->next;
	if (p->next != NULL)
		p->next->prev = p->prev;
	t->peer_count--;
}

static void early_free(struct peer *p)
{
	if (p->early == NULL)
		return;
	free(p->early->bits);
	free(p->early->haves);
	free(p->early);
	p->early = NULL;
}

static void tell_candidates(struct torrent *t, struct peer *p, bool failed, usec now)
{
	if (p->candidate == CANDIDATE_NONE)
		return;
	if (failed)
		candidates_on_failed(t->candidates, p->candidate, now);
	else
		candidates_on_closed(t->candidates, p->candidate, p->useful, now);
}

void swarm_closed(struct session *s, struct peer *p, const char *reason, bool failed, usec now)
{
	struct torrent *t = p->torrent;
	if (p->conn.state == CONN_CLOSED)
		return;
	if (p->conn.state == CONN_DIALING) {
		t->half_open--;
		s->half_open--;
	} else if (t == NULL) {
		s->handshaking--;
	}
	if (t != NULL) {
		struct action *a = session_act(s, ACT_NOTICE);
		a->torrent = t->id;
		a->notice = NOTICE_PEER;
		a->endpoint = p->endpoint;
		a->text = reason;
		if (t->metadata != NULL)
			metadata_on_gone(t->metadata, slot_of(p->id));
		hide_peer_close(s, p);
		gossip_on_close(s, p);
		if (p->has_down)
			download_peer_deinit(t->download, &p->down, now);
		p->has_down = false;
		detach(t, p);
		tell_candidates(t, p, failed, now);
		t->choke_now = t->refill = t->dial_now = true;
		session_stir(s, t);
	}
	upload_peer_deinit(&p->up, &s->spans);
	conn_deinit(&p->conn, &s->spans);
	early_free(p);
	p->conn.state = CONN_CLOSED;
	pace_note(s, p, now);
	timers_set(&s->peer_timers, slot_of(p->id), USEC_NEVER);
	limits_forget_peer(s, p, now);
	slots_remove(&s->peers, p->id);
	session_bury(s, p);
}

void swarm_close(struct session *s, struct peer *p, const char *reason, bool failed, usec now)
{
	if (p->conn.state == CONN_CLOSED)
		return;
	struct action *a = session_act(s, ACT_CLOSE);
	a->conn = p->id;
	a->text = reason;
	swarm_closed(s, p, reason, failed, now);
}

void swarm_close_all(struct session *s, struct torrent *t, const char *reason, usec now)
{
	while (t->peers != NULL)
		swarm_close(s, t->peers, reason, false, now);
}

struct peer *swarm_dial_to(struct session *s, struct torrent *t, uint32_t candidate, usec now)
{
	struct peer *p =
	        swarm_peer_new(s, candidates_endpoint(t->candidates, candidate), false, now);
	p->candidate = candidate;
	p->source = candidates_source(t->candidates, candidate);
	swarm_attach(s, t, p);
	t->half_open++;
	s->half_open++;
	struct action *a = session_act(s, ACT_DIAL);
	a->conn = p->id;
	a->torrent = t->id;
	a->endpoint = p->endpoint;
	session_touch(s, p);
	return p;
}

void swarm_dial(struct session *s, struct torrent *t, usec now)
{
	while (torrent_is_active(t) && !s->stopping && s->half_open < s->config.half_open_max &&
	       s->peers.count < s->config.conns_max &&
	       t->peer_count < s->config.conns_per_torrent_max) {
		const uint32_t index =
		        candidates_next(t->candidates, t->state != TORRENT_SEEDING, now);
		if (index == CANDIDATE_NONE)
			return;
		if (admit_is_welcome(s, candidates_endpoint(t->candidates, index)))
			swarm_dial_to(s, t, index, now);
		else
			candidates_on_failed(t->candidates, index, now);
	}
}

/* ---- serving ---- */

void swarm_drop_uploads(struct session *s, struct peer *p, usec now)
{
	struct block b;
	while (upload_drop(&p->up, &s->spans, &b))
		if (p->conn.fast)
			outbound_block(s, p, MSG_REJECT, b, now);
}

static void set_served(struct session *s, struct peer *p, bool serve, bool optimistic, usec now)
{
	p->optimistic = optimistic;
	if (serve != p->choking)
		return;
	p->choking = !serve;
	if (serve) {
		p->unchoked_at = now;
		p->sent_at_unchoke = p->sent.total;
	} else {
		p->choked_at = now;
	}
	outbound_simple(s, p, serve ? MSG_UNCHOKE : MSG_CHOKE, now);
	if (!serve && p->conn.state == CONN_OPEN)
		swarm_drop_uploads(s, p, now);
	if (p->conn.state != CONN_CLOSED)
		session_touch(s, p);
}

static void describe(const struct torrent *t, const struct peer *p, struct choker_peer *out,
                     usec now)
{
	*out = (struct choker_peer){
		.interested = p->wants,
		.upload_only = p->upload_only,
		.snubs_us = p->has_down && p->down.snubbed && t->state != TORRENT_SEEDING,
		.unchoked = !p->choking,
		.optimistic = p->optimistic,
		.gives = p->has_down ? meter_rate(&p->down.received, now) : 0,
		.takes = meter_rate(&p->sent, now),
		.took = p->sent.total - p->sent_at_unchoke,
		.connected_at = p->connected_at,
		.unchoked_at = p->unchoked_at,
		.choked_at = p->choked_at,
	};
}

void swarm_choke(struct session *s, struct torrent *t, usec now)
{
	if (t->download == NULL || t->peer_count == 0)
		return;
	struct choker_peer *list = memory_alloc(t->peer_count * sizeof *list);
	struct peer **peers = memory_alloc(t->peer_count * sizeof(struct peer *));
	uint32_t n = 0;
	for (struct peer *p = t->peers; p != NULL; p = p->next) {
		if (p->conn.state != CONN_OPEN || (!p->wants && p->choking))
			continue;
		describe(t, p, &list[n], now);
		list[n].key = n;
		peers[n++] = p;
	}
	choker_decide(&t->choker, list, n, t->state == TORRENT_SEEDING, &s->rng, now);
	for (uint32_t i = 0; i < n; i++) {
		struct peer *p = peers[list[i].key];
		if (p->conn.state == CONN_OPEN)
			set_served(s, p, list[i].serve || list[i].serve_optimistic,
			           list[i].serve_optimistic, now);
	}
	free(list);
	free(peers);
}

/* ---- asking ---- */

void swarm_update_interest(struct session *s, struct peer *p, usec now)
{
	const bool interested =
	        p->torrent->state == TORRENT_DOWNLOADING && p->down.interesting != 0;
	if (interested == p->interested)
		return;
	p->interested = interested;
	outbound_simple(s, p, interested ? MSG_INTERESTED : MSG_NOT_INTERESTED, now);
}

void swarm_request(struct session *s, struct peer *p, usec now)
{
	struct block blocks[REQUEST_BATCH];
	if (p->torrent->state != TORRENT_DOWNLOADING)
		return;
	uint32_t n = REQUEST_BATCH;
	while (n == REQUEST_BATCH && p->conn.state == CONN_OPEN) {
		n = download_request(p->torrent->download, &p->down, blocks, REQUEST_BATCH, now);
		for (uint32_t i = 0; i < n && p->conn.state == CONN_OPEN; i++)
			outbound_block(s, p, MSG_REQUEST, blocks[i], now);
	}
}

static struct peer *peer_of_down(struct download_peer *d)
{
	return (struct peer *)(void *)((char *)d - offsetof(struct peer, down));
}

static void ban(struct session *s, struct torrent *t, uint32_t source, usec now)
{
	struct action *a = session_act(s, ACT_NOTICE);
	a->torrent = t->id;
	a->notice = NOTICE_BANNED;
	a->endpoint = *candidates_endpoint(t->candidates, source);
	a->text = "sent data that fails its hash";
	candidates_ban(t->candidates, source);
	for (struct peer *p = t->peers, *next; p != NULL; p = next) {
		next = p->next;
		if (p->candidate == source)
			swarm_close(s, p, "sent data that fails its hash", false, now);
	}
}

/* What followed from the inputs on the download side. */
void swarm_drain_download(struct session *s, struct torrent *t, usec now)
{
	struct download_peer *d;
	struct block b;
	struct full_piece full;
	uint32_t source;
	while (download_next_cancel(t->download, &d, &b)) {
		struct peer *p = peer_of_down(d);
		outbound_block(s, p, MSG_CANCEL, b, now);
		session_touch(s, p);
	}
	while (download_next_full(t->download, &full))
		jobs_store(s, t, &full);
	while (download_next_liar(t->download, &source))
		ban(s, t, source, now);
}

/* ---- news for everybody ---- */

void swarm_on_have(struct session *s, struct torrent *t, uint32_t piece, usec now)
{
	uint8_t buffer[MESSAGE_HAVE_SIZE];
	struct writer w;
	writer_init(&w, buffer, sizeof buffer);
	message_write_have(&w, piece);
	for (struct peer *p = t->peers, *next; p != NULL; p = next) {
		next = p->next;
		if (p->conn.state != CONN_OPEN)
			continue;
		outbound_send(s, p, writer_bytes(&w), now);
		if (p->conn.state != CONN_CLOSED)
			session_touch(s, p);
	}
}

/* The pieces are countable now: what peers said before finds its place. */
void swarm_on_metadata(struct session *s, struct torrent *t, usec now)
{
	for (struct peer *p = t->peers, *next; p != NULL; p = next) {
		next = p->next;
		if (p->conn.state != CONN_OPEN)
			continue;
		inbound_apply_early(s, p, now);
		if (p->conn.state == CONN_CLOSED)
			continue;
		gossip_on_open(s, p);
		if (p->conn.extended)
			outbound_extended_handshake(s, p, now);
		if (p->conn.state != CONN_CLOSED)
			session_touch(s, p);
	}
}

/* Whether we want nothing from anybody (BEP 21). Who is hidden from must not
 * know that we are a seed. */
void swarm_tell_upload_only(struct session *s, struct torrent *t, usec now)
{
	const uint8_t flag = t->state == TORRENT_SEEDING;
	for (struct peer *p = t->peers, *next; p != NULL; p = next) {
		next = p->next;
		if (p->conn.state != CONN_OPEN || p->shown.hidden)
			continue;
		outbound_extended(s, p, EXT_UPLOAD_ONLY, bytes_of(&flag, 1), now);
		if (p->conn.state == CONN_OPEN)
			session_touch(s, p);
	}
}

/* A seed has no use for other seeds, nor they for it. */
void swarm_on_done(struct session *s, struct torrent *t, usec now)
{
	for (struct peer *p = t->peers, *next; p != NULL; p = next) {
		next = p->next;
		if (p->conn.state != CONN_OPEN)
			continue;
		swarm_update_interest(s, p, now);
		if (p->conn.state == CONN_OPEN && p->has_down && bitfield_is_full(&p->down.has)) {
			candidates_set_seed(t->candidates, p->candidate, true);
			swarm_close(s, p, "both are seeds", false, now);
		} else if (p->conn.state == CONN_OPEN) {
			session_touch(s, p);
		}
	}
	swarm_tell_upload_only(s, t, now);
	t->choke_now = true;
	session_stir(s, t);
}

void swarm_request_metadata(struct session *s, struct torrent *t, usec now)
{
	for (struct peer *p = t->peers, *next; p != NULL && t->metadata != NULL; p = next) {
		next = p->next;
		uint32_t block;
		while (p->conn.state == CONN_OPEN && p->conn.ext.ids[EXT_METADATA] != 0 &&
		       metadata_request(t->metadata, slot_of(p->id), &block, now)) {
			uint8_t buffer[128];
			struct writer w;
			const struct metadata_message m = { .kind = METADATA_REQUEST, .piece = block };
			writer_init(&w, buffer, sizeof buffer);
			metadata_message_write(&w, &m);
			outbound_extended(s, p, EXT_METADATA, writer_bytes(&w), now);
			if (p->conn.state == CONN_OPEN)
				session_touch(s, p);
		}
	}
	session_stir(s, t);
}

/* ---- time ---- */

usec swarm_peer_deadline(const struct peer *p)
{
	switch (p->conn.state) {
	case CONN_DIALING:
		return p->connected_at + DIAL_TIMEOUT;
	case CONN_HANDSHAKE:
		return p->connected_at + HANDSHAKE_TIMEOUT;
	case CONN_OPEN: {
		usec at = usec_min(p->heard_at + SILENCE_MAX, p->spoke_at + KEEP_ALIVE_INTERVAL);
		at = usec_min(at, gossip_deadline(p));
		if (p->has_down)
			at = usec_min(at, download_peer_deadline(&p->down));
		return at;
	}
	case CONN_CLOSED:
		break;
	}
	return USEC_NEVER;
}

void swarm_peer_on_timer(struct session *s, struct peer *p, usec now)
{
	if (p->conn.state == CONN_DIALING || p->conn.state == CONN_HANDSHAKE) {
		if (now >= swarm_peer_deadline(p))
			swarm_close(s, p,
			            p->conn.state == CONN_DIALING ? "no answer" :
			                                            "no handshake in time",
			            true, now);
		return;
	}
	if (now >= p->heard_at + SILENCE_MAX) {
		swarm_close(s, p, "silent for too long", false, now);
		return;
	}
	if (now >= p->spoke_at + KEEP_ALIVE_INTERVAL) {
		/* Also when the socket takes nothing: the next one is due later. */
		p->spoke_at = now;
		outbound_simple(s, p, MSG_KEEP_ALIVE, now);
		if (p->conn.state == CONN_CLOSED)
			return;
	}
	if (now >= gossip_deadline(p))
		gossip_on_timer(s, p, now);
	if (p->has_down && now >= download_peer_deadline(&p->down)) {
		const bool snubbed = p->down.snubbed;
		download_peer_on_timer(p->torrent->download, &p->down, now);
		p->torrent->refill = true;
		if (p->down.snubbed != snubbed)
			p->torrent->choke_now = true;
		session_stir(s, p->torrent);
	}
}
