/* peer/admit.c: which addresses we have to do with at all, whoever names them:
 * the user's filter, and what a stranger may say of networks that are not his.
 *
 * A peer list from the internet that names a private, loopback or link-local
 * address would have us knock at our own router or at ourselves; only somebody
 * in such a network can know who is there. */
#include <stdlib.h>

#include "peer/engine.h"

bool admit_is_welcome(const struct session *s, const struct endpoint *e)
{
	return s->filter == NULL || !ipfilter_blocks(s->filter, e);
}

static void drop_unwelcome(struct session *s, usec now)
{
	uint32_t slot = 0;
	struct peer *p;
	while ((p = slots_walk(&s->peers, &slot)) != NULL)
		if (!admit_is_welcome(s, &p->endpoint))
			swarm_close(s, p, "in the address filter", true, now);
}

void admit_forget_filter(struct session *s)
{
	if (s->filter != NULL)
		ipfilter_deinit(s->filter);
	free(s->filter);
	s->filter = NULL;
}

void session_set_filter(struct session *s, struct ipfilter *owned, usec now)
{
	admit_forget_filter(s);
	s->filter = owned;
	drop_unwelcome(s, now);
	session_settle(s, now);
}

static bool may_tell(const struct endpoint *teller, const struct endpoint *e)
{
	return teller == NULL || endpoint_class(e) == ENDPOINT_GLOBAL ||
	       endpoint_class(teller) != ENDPOINT_GLOBAL;
}

void admit_candidate(struct session *s, struct torrent *t, const struct endpoint *e,
                     enum peer_source source, bool seed, usec now)
{
	if (admit_is_welcome(s, e))
		candidates_add(t->candidates, e, source, seed, now);
}

void session_on_peers_from(struct session *s, torrent_id id, const struct endpoint *peers,
                           uint32_t count, enum peer_source source,
                           const struct endpoint *teller, usec now)
{
	struct torrent *t = session_torrent(s, id);
	if (t == NULL)
		return;
	if (torrent_is_private(t) && source != SOURCE_TRACKER && source != SOURCE_USER)
		return;
	for (uint32_t i = 0; i < count; i++)
		if (may_tell(teller, &peers[i]))
			admit_candidate(s, t, &peers[i], source, false, now);
	t->dial_now = true;
	session_stir(s, t);
	session_settle(s, now);
}

void session_on_peers(struct session *s, torrent_id id, const struct endpoint *peers,
                      uint32_t count, enum peer_source source, usec now)
{
	session_on_peers_from(s, id, peers, count, source, NULL, now);
}
