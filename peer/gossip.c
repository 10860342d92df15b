/* peer/gossip.c: peer exchange among the connections (BEP 11): whom we tell of
 * whom, and what we are told. discover/pex.h keeps the books.
 *
 * Never for a private torrent, nor before it is known that it is none. A peer is
 * named to others only at an address where it may be dialed: the one we dialed,
 * or the port it told. */
#include "peer/engine.h"

bool gossip_is_on(const struct torrent *t)
{
	return t->metainfo != NULL && !t->metainfo->is_private;
}

static bool is_told(const struct peer *p)
{
	return p->conn.state == CONN_OPEN && p->conn.ext.ids[EXT_PEX] != 0 &&
	       gossip_is_on(p->torrent);
}

/* There is news: their deadlines may have moved. */
static void touch_told(struct session *s, struct torrent *t)
{
	for (struct peer *p = t->peers; p != NULL; p = p->next)
		if (is_told(p))
			session_touch(s, p);
}

/* Where others may dial it. False: nowhere that we know. */
static bool dialable_at(const struct peer *p, struct endpoint *e)
{
	*e = p->endpoint;
	if (!p->conn.incoming)
		return true;
	e->port = p->conn.ext.port;
	return e->port != 0;
}

static uint8_t flags_of(const struct peer *p)
{
	uint8_t flags = 0;
	if (p->conn.encrypted || p->conn.ext.encryption)
		flags |= PEX_ENCRYPTION;
	if (p->upload_only)
		flags |= PEX_SEED;
	if (!p->conn.incoming)
		flags |= PEX_REACHABLE;
	return flags;
}

void gossip_on_open(struct session *s, struct peer *p)
{
	struct torrent *t = p->torrent;
	struct endpoint e;
	if (!gossip_is_on(t) || p->conn.state != CONN_OPEN || !dialable_at(p, &e))
		return;
	if (p->gossiped && !endpoint_equal(&p->gossip_name, &e))
		pex_on_closed(&t->pex, &p->gossip_name);
	p->gossiped = true;
	p->gossip_name = e;
	pex_on_connected(&t->pex, &e, flags_of(p));
	touch_told(s, t);
}

void gossip_on_close(struct session *s, struct peer *p)
{
	if (!p->gossiped)
		return;
	p->gossiped = false;
	pex_on_closed(&p->torrent->pex, &p->gossip_name);
	touch_told(s, p->torrent);
}

const char *gossip_on_message(struct session *s, struct peer *p, struct bytes payload, usec now)
{
	struct torrent *t = p->torrent;
	struct pex_message m;
	if (!gossip_is_on(t))
		return NULL;
	if (!pex_message_read(&m, payload))
		return "malformed peer exchange";
	if (pex_on_message(&p->pex_guard, &m, &p->endpoint, now) == PEX_BROKEN)
		return "peer exchange far too often";
	for (uint32_t i = 0; i < m.added_count; i++)
		admit_candidate(s, t, &m.added[i].endpoint, SOURCE_PEX,
		                (m.added[i].flags & PEX_SEED) != 0, now);
	t->dial_now = true;
	session_stir(s, t);
	return NULL;
}

usec gossip_deadline(const struct peer *p)
{
	return is_told(p) ? pex_deadline(&p->torrent->pex, &p->pex_recipient) : USEC_NEVER;
}

void gossip_on_timer(struct session *s, struct peer *p, usec now)
{
	struct pex_message m;
	uint8_t buffer[GOSSIP_MESSAGE_MAX];
	struct writer w;
	struct endpoint itself = p->endpoint;
	if (!is_told(p))
		return;
	dialable_at(p, &itself);
	if (!pex_next_message(&p->torrent->pex, &p->pex_recipient, &itself, &m, &s->rng, now))
		return;
	writer_init(&w, buffer, sizeof buffer);
	pex_message_write(&w, &m);
	outbound_extended(s, p, EXT_PEX, writer_bytes(&w), now);
}
