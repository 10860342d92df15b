/* peer/limits.c: rate limits among the connections: session and torrent limits
 * in both directions (limiter.h), every byte of the stream counted, also what is
 * not payload.
 *
 * A peer whose turn has not come is `held`: it is not asked again before
 * limiter_next names it, so that nothing spins while bytes are short. */
#include "peer/engine.h"

#include <assert.h>

static uint32_t torrent_slot(const struct peer *p)
{
	return slot_of(p->torrent->id);
}

/* ---- sending ---- */

/* Cut views to what may go now. */
size_t limits_cut_output(struct session *s, struct peer *p, struct bytes *views, size_t count,
                         usec now)
{
	size_t want = 0, n = 0;
	if (p->torrent == NULL)
		return count;
	for (size_t i = 0; i < count; i++)
		want += views[i].size;
	if (want == 0)
		return 0;
	size_t room = limiter_ask(&s->up_limiter, torrent_slot(p), slot_of(p->id), want, now);
	p->output_held = room == 0;
	for (; n < count && room != 0; n++) {
		if (views[n].size > room)
			views[n].size = room;
		room -= views[n].size;
	}
	return n;
}

void limits_on_sent(struct session *s, const struct peer *p, size_t size, usec now)
{
	if (p->torrent != NULL)
		limiter_take(&s->up_limiter, torrent_slot(p), slot_of(p->id), size, now);
}

/* ---- receiving ---- */

size_t limits_read_budget(struct session *s, const struct peer *p, usec now)
{
	/* Before it has named its torrent a peer sends little. */
	if (p->torrent == NULL)
		return SIZE_MAX;
	return limiter_ask(&s->down_limiter, torrent_slot(p), slot_of(p->id), READ_SPAN_MAX, now);
}

void limits_on_bytes(struct session *s, const struct peer *p, size_t size, usec now)
{
	if (p->torrent != NULL)
		limiter_take(&s->down_limiter, torrent_slot(p), slot_of(p->id), size, now);
}

/* ---- turns ---- */

usec limits_deadline(const struct session *s)
{
	return usec_min(limiter_deadline(&s->up_limiter), limiter_deadline(&s->down_limiter));
}

void limits_on_timer(struct session *s, usec now)
{
	uint32_t slot;
	while (limiter_next(&s->up_limiter, &slot, now)) {
		struct peer *p = s->peers.items[slot];
		assert(p != NULL);
		p->output_held = false;
		p->output_told = true;
		session_act(s, ACT_OUTPUT)->conn = p->id;
	}
	while (limiter_next(&s->down_limiter, &slot, now)) {
		const struct peer *p = s->peers.items[slot];
		assert(p != NULL);
		session_act(s, ACT_INPUT)->conn = p->id;
	}
}

void limits_forget_peer(struct session *s, const struct peer *p, usec now)
{
	limiter_forget(&s->up_limiter, slot_of(p->id), now);
	limiter_forget(&s->down_limiter, slot_of(p->id), now);
}

void limits_forget_torrent(struct session *s, const struct torrent *t, usec now)
{
	limiter_forget_torrent(&s->up_limiter, slot_of(t->id), now);
	limiter_forget_torrent(&s->down_limiter, slot_of(t->id), now);
}

/* ---- what the user sets ---- */

void session_set_rates(struct session *s, uint64_t up_rate_max, uint64_t down_rate_max, usec now)
{
	s->config.up_rate_max = up_rate_max;
	s->config.down_rate_max = down_rate_max;
	limiter_set_rate(&s->up_limiter, up_rate_max, now);
	limiter_set_rate(&s->down_limiter, down_rate_max, now);
	session_settle(s, now);
}

void session_set_torrent_rates(struct session *s, torrent_id id, uint64_t up_rate_max,
                               uint64_t down_rate_max, usec now)
{
	const struct torrent *t = session_torrent(s, id);
	if (t == NULL)
		return;
	limiter_set_torrent_rate(&s->up_limiter, slot_of(id), up_rate_max, now);
	limiter_set_torrent_rate(&s->down_limiter, slot_of(id), down_rate_max, now);
	session_settle(s, now);
}
