/* peer/pace.c: about once a second while peers want something of us: how many
 * slots keep the uplink busy, and whether a lone seed hides what it has.
 *
 * The uplink idles while no peer has anything of ours to be sent. That is the
 * session's, not the torrent's: a torrent whose peers wait gets no more slots
 * while another one fills the line.
 *
 * Invariant: busy_peers is the number of peers with `busy` set. */
#include "peer/engine.h"

void pace_note(struct session *s, struct peer *p, usec now)
{
	const bool busy = p->conn.state == CONN_OPEN && (p->up.count != 0 || p->conn.out.queued != 0);
	if (busy == p->busy)
		return;
	p->busy = busy;
	if (busy && s->busy_peers++ == 0)
		s->idle_total += usec_since(s->idle_since, now);
	else if (!busy && --s->busy_peers == 0)
		s->idle_since = now;
}

static usec idle_time(const struct session *s, usec now)
{
	return s->idle_total + (s->busy_peers == 0 ? usec_since(s->idle_since, now) : 0);
}

/* Who does not know what there is cannot want it. */
static bool has_wanting(const struct torrent *t)
{
	for (const struct peer *p = t->peers; p != NULL; p = p->next)
		if ((p->wants || p->shown.hidden) && !p->upload_only)
			return true;
	return false;
}

static bool has_waiting(const struct torrent *t)
{
	for (const struct peer *p = t->peers; p != NULL; p = p->next)
		if (p->wants && p->choking && !p->upload_only)
			return true;
	return false;
}

usec pace_deadline(const struct torrent *t)
{
	return t->download != NULL && has_wanting(t) ? t->paced_at + PACE_INTERVAL : USEC_NEVER;
}

/* Of the time since the last look, in which nothing went out though peers
 * wanted something all along; a look back over much more than a second says
 * nothing. */
static uint32_t idle_permille(const struct session *s, const struct torrent *t, usec now)
{
	const usec passed = usec_since(t->paced_at, now);
	if (passed == 0 || passed > 2 * PACE_INTERVAL || !t->peers_wanted || !has_wanting(t))
		return 0;
	return (uint32_t)(usec_since(t->idle_seen, idle_time(s, now)) * 1000 / passed);
}

void pace_torrent(struct session *s, struct torrent *t, usec now)
{
	if (t->download == NULL || (t->paced_at != 0 && now < t->paced_at + PACE_INTERVAL))
		return;
	const uint32_t idle = idle_permille(s, t, now);
	t->paced_at = now;
	t->idle_seen = idle_time(s, now);
	t->peers_wanted = has_wanting(t);
	const bool lone = hide_judge(s, t, idle);
	/* A leecher idles because it has little that others lack, which more slots do
	 * not mend: they only make each piece take longer. */
	const bool starved = t->state == TORRENT_SEEDING && has_waiting(t);
	/* Who hides gives no piece twice, however many it serves. */
	choker_fit_slots(&t->choker, s->config.upload_slots, lone && !t->superseed.on,
	                 starved ? idle : 0, now);
}
