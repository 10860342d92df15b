/* peer/greet.c: from TCP to the first messages: handshakes both ways, who we
 * talk to about which torrent, and what is said first. */
#include "peer/engine.h"


static struct handshake our_handshake(const struct session *s, const struct torrent *t)
{
	struct handshake h = { .extended = true, .fast = true, .dht = s->config.dht_port != 0 };
	memcpy(h.info_hash, t->info_hash, SHA1_SIZE);
	memcpy(h.peer_id, s->peer_id, PEER_ID_SIZE);
	return h;
}

void greet_on_connected(struct session *s, struct peer *p, usec now)
{
	if (p->conn.state != CONN_DIALING)
		return;
	p->conn.state = CONN_HANDSHAKE;
	p->connected_at = p->heard_at = p->spoke_at = now;
	p->torrent->half_open--;
	s->half_open--;
	p->torrent->dial_now = true;
	session_stir(s, p->torrent);
	const struct handshake own = our_handshake(s, p->torrent);
	bool encrypted = false;
	handshake_attempt(s->config.encryption, p->attempt, &encrypted);
	conn_greet(&p->conn, &own, s->config.encryption, encrypted, &s->rng);
	session_touch(s, p);
}

/* Another connection to the same peer of the same torrent. */
static struct peer *find_twin(const struct torrent *t, const struct peer *p)
{
	for (struct peer *o = t->peers; o != NULL; o = o->next)
		if (o != p && o->conn.state == CONN_OPEN &&
		    memcmp(o->conn.theirs.peer_id, p->conn.theirs.peer_id, PEER_ID_SIZE) == 0)
			return o;
	return NULL;
}

static bool same_address_is_too_much(const struct session *s, const struct torrent *t,
                                     const struct peer *p)
{
	if (s->config.allow_same_address || endpoint_class(&p->endpoint) != ENDPOINT_GLOBAL)
		return false;
	for (const struct peer *o = t->peers; o != NULL; o = o->next)
		if (o != p && o->conn.state == CONN_OPEN &&
		    endpoint_same_address(&o->endpoint, &p->endpoint))
			return true;
	return false;
}

/* Both ends dialed at the same time: each must drop the same one of the two.
 * The one kept was dialed by the greater peer id. */
static bool new_one_wins(const struct session *s, const struct peer *fresh, const struct peer *old)
{
	if (fresh->conn.incoming == old->conn.incoming)
		return false;
	const bool we_dial = memcmp(s->peer_id, fresh->conn.theirs.peer_id, PEER_ID_SIZE) > 0;
	return fresh->conn.incoming != we_dial;
}

/* Static text, or NULL: welcome. */
static const char *why_not(struct session *s, struct torrent *t, struct peer *p, usec now)
{
	if (candidates_is_banned(t->candidates, &p->endpoint))
		return "banned";
	if (same_address_is_too_much(s, t, p))
		return "another peer at that address";
	struct peer *twin = find_twin(t, p);
	if (twin == NULL)
		return NULL;
	if (!new_one_wins(s, p, twin))
		return "already connected to that peer";
	swarm_close(s, twin, "both dialed: the other connection stays", false, now);
	return NULL;
}

const char *greet_on_key(struct session *s, struct peer *p)
{
	uint32_t slot = 0;
	struct torrent *t;
	while ((t = slots_walk(&s->torrents, &slot)) != NULL) {
		if (memcmp(t->skey_hash, p->conn.opening->skey_hash, SHA1_SIZE) != 0)
			continue;
		handshaker_set_key(p->conn.opening, t->info_hash);
		return NULL;
	}
	return "no such torrent here";
}

const char *greet_on_torrent(struct session *s, struct peer *p, usec now)
{
	struct torrent *t = session_torrent(s, session_find(s, p->conn.theirs.info_hash));
	if (t == NULL || !torrent_is_active(t))
		return "no such torrent here";
	if (t->peer_count >= s->config.conns_per_torrent_max)
		return "too many peers";
	const uint32_t candidate = candidates_on_incoming(t->candidates, &p->endpoint, now);
	if (candidate == CANDIDATE_NONE)
		return "banned, or no room to remember it";
	s->handshaking--;
	swarm_attach(s, t, p);
	p->candidate = candidate;
	candidates_on_connected(t->candidates, candidate, now);
	const struct handshake own = our_handshake(s, t);
	handshaker_accept(p->conn.opening, &own);
	return NULL;
}

bool greet_again(struct session *s, struct peer *p, const char *reason, bool rim_knows, usec now)
{
	bool encrypted;
	struct torrent *t = p->torrent;
	if (p->conn.incoming || p->conn.state != CONN_HANDSHAKE || p->attempt != 0 ||
	    !handshake_attempt(s->config.encryption, 1, &encrypted))
		return false;
	const uint32_t candidate = p->candidate;
	p->candidate = CANDIDATE_NONE; /* its state stays "dialing" */
	if (rim_knows)
		swarm_closed(s, p, reason, true, now);
	else
		swarm_close(s, p, reason, true, now);
	swarm_dial_to(s, t, candidate, now)->attempt = 1;
	return true;
}

static void first_words(struct session *s, struct peer *p, usec now)
{
	outbound_pieces(s, p, now);
	if (p->conn.extended)
		outbound_extended_handshake(s, p, now);
	if (p->conn.theirs.dht && s->config.dht_port != 0) {
		uint8_t buffer[8];
		struct writer w;
		writer_init(&w, buffer, sizeof buffer);
		message_write_port(&w, s->config.dht_port);
		outbound_send(s, p, writer_bytes(&w), now);
	}
}

void greet_on_handshake(struct session *s, struct peer *p, usec now)
{
	const char *reason = why_not(s, p->torrent, p, now);
	if (reason != NULL) {
		swarm_close(s, p, reason, true, now);
		return;
	}
	struct torrent *t = p->torrent;
	conn_open(&p->conn, true);
	if (!p->conn.incoming)
		candidates_on_connected(t->candidates, p->candidate, now);
	if (t->download != NULL) {
		download_peer_init(t->download, &p->down, p->candidate, now);
		p->down.fast = p->conn.fast;
		p->has_down = true;
	}
	if (t->metainfo == NULL)
		p->conn.message_max = METAINFO_PIECES_MAX / 8 + 1;
	else
		p->conn.message_max = t->metainfo->piece_count / 8 + EXT_PAYLOAD_MAX;
	hide_peer_open(s, t, p);
	first_words(s, p, now);
	pex_recipient_init(&p->pex_recipient, now);
	gossip_on_open(s, p);
	struct action *a = session_act(s, ACT_NOTICE);
	a->torrent = t->id;
	a->notice = NOTICE_PEER;
	a->endpoint = p->endpoint;
}
