/* peer/session.c: the front door: routes inputs to torrents and peers, owns
 * the tables and the action queue, decides nothing.
 *
 * Every public input ends in session_settle(). There the touched peers get
 * their requests, reads, ACT_OUTPUT and deadline, torrents get their dials and
 * choke decisions, and closed peers are freed: so everything a batch of input
 * caused is done once, and nothing frees a peer while somebody still holds it. */
#include "peer/engine.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/memory.h"

enum {
	CONNS_DEFAULT = 500,
	CONNS_PER_TORRENT_DEFAULT = 100,
	HALF_OPEN_DEFAULT = 50,
	DISK_JOBS_DEFAULT = 4,
};
#define BUFFER_BYTES_DEFAULT ((uint64_t)64 << 20)

static uint32_t or_default(uint32_t v, uint32_t otherwise)
{
	return v != 0 ? v : otherwise;
}

struct session *session_new(const struct session_config *config, usec now)
{
	struct session *s = memory_zeroed(1, sizeof *s);
	s->idle_since = now;
	s->config = *config;
	struct session_config *c = &s->config;
	c->conns_max = or_default(c->conns_max, CONNS_DEFAULT);
	if (c->conns_max > SESSION_CONNS_MAX)
		c->conns_max = SESSION_CONNS_MAX;
	c->conns_per_torrent_max = or_default(c->conns_per_torrent_max, CONNS_PER_TORRENT_DEFAULT);
	c->half_open_max = or_default(c->half_open_max, HALF_OPEN_DEFAULT);
	c->upload_slots = or_default(c->upload_slots, CHOKER_SLOTS);
	c->disk_jobs_max = or_default(c->disk_jobs_max, DISK_JOBS_DEFAULT);
	if (c->buffer_bytes_max == 0)
		c->buffer_bytes_max = BUFFER_BYTES_DEFAULT;
	rng_init(&s->rng, c->seed);
	memcpy(s->peer_id, "-SH0100-", 8);
	for (int i = 8; i < PEER_ID_SIZE; i++)
		s->peer_id[i] = (uint8_t)"0123456789abcdefghijklmnopqrstuvwxyz"[rng_below(&s->rng, 36)];
	rng_fill(&s->rng, s->index_key, sizeof s->index_key);
	dials_init(&s->dials, &s->rng);
	limiter_init(&s->up_limiter, c->up_rate_max, now);
	limiter_init(&s->down_limiter, c->down_rate_max, now);
	chunk_pool_init(&s->pool, c->buffer_bytes_max);
	span_cache_init(&s->spans, &s->pool);
	slots_init(&s->torrents);
	slots_init(&s->peers);
	slots_init(&s->jobs);
	timers_init(&s->peer_timers);
	timers_init(&s->torrent_timers);
	return s;
}

void session_free(struct session *s)
{
	if (s == NULL)
		return;
	uint32_t slot = 0;
	struct peer *p;
	while ((p = slots_walk(&s->peers, &slot)) != NULL)
		swarm_closed(s, p, "session ends", false, 0);
	session_settle(s, 0);
	slot = 0;
	struct job *job;
	while ((job = slots_walk(&s->jobs, &slot)) != NULL) {
		for (uint32_t i = 0; i < job->full.chunk_count; i++)
			chunk_put(&s->pool, job->full.chunks[i]);
		free(job->full.chunks);
		if (job->kind == JOB_READ)
			span_cache_on_read(&s->spans, job->id, false);
		free(job);
	}
	slot = 0;
	struct torrent *t;
	while ((t = slots_walk(&s->torrents, &slot)) != NULL)
		torrent_free(s, t, 0);
	dials_deinit(&s->dials);
	admit_forget_filter(s);
	limiter_deinit(&s->up_limiter);
	limiter_deinit(&s->down_limiter);
	span_cache_deinit(&s->spans);
	chunk_pool_deinit(&s->pool);
	slots_deinit(&s->torrents);
	slots_deinit(&s->peers);
	slots_deinit(&s->jobs);
	timers_deinit(&s->peer_timers);
	timers_deinit(&s->torrent_timers);
	free(s->index);
	free(s->actions);
	free(s->touched);
	free(s->closed);
	free(s->stirred);
	free(s->checking);
	free(s->scratch);
	free(s);
}

const uint8_t *session_peer_id(const struct session *s)
{
	return s->peer_id;
}

/* ---- actions ---- */

struct action *session_act(struct session *s, enum action_kind kind)
{
	if (s->action_count == s->action_size) {
		const uint32_t size = s->action_size != 0 ? s->action_size * 2 : 64;
		struct action *ring = memory_zeroed(size, sizeof *ring);
		for (uint32_t i = 0; i < s->action_count; i++)
			ring[i] = s->actions[(s->action_first + i) & (s->action_size - 1)];
		free(s->actions);
		s->actions = ring;
		s->action_size = size;
		s->action_first = 0;
	}
	struct action *a = &s->actions[(s->action_first + s->action_count++) & (s->action_size - 1)];
	*a = (struct action){ .kind = kind };
	return a;
}

bool session_next_action(struct session *s, struct action *out)
{
	if (s->action_count == 0)
		return false;
	*out = s->actions[s->action_first];
	s->action_first = (s->action_first + 1) & (s->action_size - 1);
	s->action_count--;
	return true;
}

void session_notice(struct session *s, const struct torrent *t, enum notice_kind kind,
                    const char *text)
{
	struct action *a = session_act(s, ACT_NOTICE);
	a->torrent = t->id;
	a->notice = kind;
	a->text = text;
}

/* ---- tables ---- */

static uint32_t index_place(const struct session *s, const uint8_t info_hash[SHA1_SIZE])
{
	return (uint32_t)siphash(s->index_key, bytes_of(info_hash, SHA1_SIZE)) & (s->index_size - 1);
}

static void index_insert(struct session *s, const struct torrent *t)
{
	uint32_t i = index_place(s, t->info_hash);
	while (s->index[i] != 0)
		i = (i + 1) & (s->index_size - 1);
	s->index[i] = slot_of(t->id) + 1;
}

static void index_rebuild(struct session *s, uint32_t size, const struct torrent *without)
{
	free(s->index);
	s->index = memory_zeroed(size, sizeof *s->index);
	s->index_size = size;
	uint32_t slot = 0;
	const struct torrent *t;
	while ((t = slots_walk(&s->torrents, &slot)) != NULL)
		if (t != without)
			index_insert(s, t);
}

void session_index_add(struct session *s, const struct torrent *t)
{
	/* t is in the slots already, so a rebuild takes it along. */
	if (s->torrents.count * 2 > s->index_size)
		index_rebuild(s, s->index_size != 0 ? s->index_size * 2 : 16, NULL);
	else
		index_insert(s, t);
}

/* Open addressing without tombstones: the run behind the gap is put in again. */
void session_index_remove(struct session *s, const struct torrent *t)
{
	uint32_t i = index_place(s, t->info_hash);
	while (s->index[i] != slot_of(t->id) + 1) {
		assert(s->index[i] != 0);
		i = (i + 1) & (s->index_size - 1);
	}
	s->index[i] = 0;
	for (i = (i + 1) & (s->index_size - 1); s->index[i] != 0; i = (i + 1) & (s->index_size - 1)) {
		const struct torrent *other = s->torrents.items[s->index[i] - 1];
		s->index[i] = 0;
		index_insert(s, other);
	}
}

torrent_id session_find(const struct session *s, const uint8_t info_hash[SHA1_SIZE])
{
	if (s->index_size == 0)
		return 0;
	for (uint32_t i = index_place(s, info_hash); s->index[i] != 0;
	     i = (i + 1) & (s->index_size - 1)) {
		const struct torrent *t = s->torrents.items[s->index[i] - 1];
		if (memcmp(t->info_hash, info_hash, SHA1_SIZE) == 0)
			return t->id;
	}
	return 0;
}

torrent_id session_next(const struct session *s, torrent_id after)
{
	uint32_t slot = after != 0 ? slot_of(after) + 1 : 0;
	const struct torrent *t = slots_walk(&s->torrents, &slot);
	return t != NULL ? t->id : 0;
}

struct torrent *session_torrent(const struct session *s, torrent_id t)
{
	return slots_get(&s->torrents, t);
}

/* ---- settling ---- */

static void push_id(uint64_t **list, uint32_t *count, uint32_t *size, uint64_t id)
{
	if (*count == *size) {
		*size = *size != 0 ? *size * 2 : 16;
		*list = memory_resize(*list, *size, sizeof **list);
	}
	(*list)[(*count)++] = id;
}

void session_touch(struct session *s, struct peer *p)
{
	if (p->touched)
		return;
	p->touched = true;
	push_id(&s->touched, &s->touched_count, &s->touched_size, p->id);
}

void session_stir(struct session *s, struct torrent *t)
{
	/* One that has had its turn in this settle gets another. */
	for (uint32_t i = s->stirred_count; i > s->stirred_done && i + 4 > s->stirred_count; i--)
		if (s->stirred[i - 1] == t->id)
			return;
	push_id(&s->stirred, &s->stirred_count, &s->stirred_size, t->id);
}

void session_bury(struct session *s, struct peer *p)
{
	if (s->closed_count == s->closed_size) {
		s->closed_size = s->closed_size != 0 ? s->closed_size * 2 : 16;
		s->closed = memory_resize(s->closed, s->closed_size, sizeof(struct peer *));
	}
	s->closed[s->closed_count++] = p;
}

static void set_torrent_timer(struct session *s, struct torrent *t)
{
	const usec at = torrent_deadline(s, t);
	if (at < timers_get(&s->torrent_timers, slot_of(t->id)))
		timers_set(&s->torrent_timers, slot_of(t->id), at);
}

/* A deadline that moved later is left: the timer finds out when it fires. */
static void set_peer_timer(struct session *s, struct peer *p)
{
	const usec at = swarm_peer_deadline(p);
	if (at < timers_get(&s->peer_timers, slot_of(p->id)))
		timers_set(&s->peer_timers, slot_of(p->id), at);
}

static void settle_peer(struct session *s, struct peer *p, usec now)
{
	if (p->conn.state == CONN_OPEN && p->has_down) {
		swarm_update_interest(s, p, now);
		swarm_request(s, p, now);
	}
	if (p->conn.state == CONN_OPEN)
		outbound_fill(s, p, now);
	if (p->conn.state == CONN_CLOSED)
		return;
	if (!p->output_told && !p->output_held && p->conn.state != CONN_DIALING && conn_has_output(&p->conn)) {
		p->output_told = true;
		session_act(s, ACT_OUTPUT)->conn = p->id;
	}
	pace_note(s, p, now);
	set_peer_timer(s, p);
}

static void settle_torrent(struct session *s, struct torrent *t, usec now)
{
	if (t->download != NULL) {
		swarm_drain_download(s, t, now);
		if (download_take_news(t->download))
			t->refill = true;
	}
	if (t->refill) {
		t->refill = false;
		for (struct peer *p = t->peers; p != NULL; p = p->next)
			if (p->has_down && (!p->down.choked || p->down.allowed_count != 0))
				session_touch(s, p);
	}
	if (t->choke_now)
		pace_torrent(s, t, now);
	if (t->show_now)
		hide_tell(s, t, now);
	if (t->choke_now) {
		t->choke_now = false;
		swarm_choke(s, t, now);
	}
	if (t->dial_now) {
		t->dial_now = false;
		swarm_dial(s, t, now);
	}
	set_torrent_timer(s, t);
}

void session_settle(struct session *s, usec now)
{
	uint32_t next_touched = 0;
	s->stirred_done = 0;
	while (next_touched < s->touched_count || s->stirred_done < s->stirred_count) {
		if (next_touched < s->touched_count) {
			struct peer *p = slots_get(&s->peers, s->touched[next_touched++]);
			if (p != NULL) {
				p->touched = false;
				settle_peer(s, p, now);
			}
			continue;
		}
		struct torrent *t = session_torrent(s, s->stirred[s->stirred_done++]);
		if (t != NULL)
			settle_torrent(s, t, now);
	}
	s->touched_count = s->stirred_count = s->stirred_done = 0;
	for (uint32_t i = 0; i < s->closed_count; i++)
		free(s->closed[i]);
	s->closed_count = 0;
}

/* ---- connections ---- */

conn_id session_on_accepted(struct session *s, const struct endpoint *from, usec now)
{
	if (!admit_is_welcome(s, from) || s->stopping || s->peers.count >= s->config.conns_max || s->handshaking >= HANDSHAKING_MAX)
		return 0;
	struct peer *p = swarm_peer_new(s, from, true, now);
	conn_expect(&p->conn, s->config.encryption, &s->rng);
	s->handshaking++;
	session_touch(s, p);
	session_settle(s, now);
	return p->id;
}

void session_on_connected(struct session *s, conn_id c, const struct endpoint *local, usec now)
{
	struct peer *p = slots_get(&s->peers, c);
	if (p == NULL)
		return;
	if (local != NULL)
		p->local = *local;
	greet_on_connected(s, p, now);
	session_settle(s, now);
}

void session_on_closed(struct session *s, conn_id c, const char *reason, usec now)
{
	struct peer *p = slots_get(&s->peers, c);
	if (p == NULL)
		return;
	if (!greet_again(s, p, reason, true, now))
		swarm_closed(s, p, reason, p->conn.state != CONN_OPEN, now);
	session_settle(s, now);
}

void session_on_bytes(struct session *s, conn_id c, struct bytes bytes, usec now)
{
	struct peer *p = slots_get(&s->peers, c);
	if (p == NULL)
		return;
	s->bytes_down += bytes.size;
	limits_on_bytes(s, p, bytes.size, now);
	p->heard_at = now;
	inbound_on_bytes(s, p, bytes, now);
	if (p->conn.state != CONN_CLOSED)
		session_touch(s, p);
	session_settle(s, now);
}

size_t session_read_budget(struct session *s, conn_id c, usec now)
{
	struct peer *p = slots_get(&s->peers, c);
	if (p == NULL)
		return 0;
	/* Whom we keep waiting is not silent. */
	p->heard_at = now;
	return limits_read_budget(s, p, now);
}

size_t session_output(struct session *s, conn_id c, struct bytes *views, size_t max, usec now)
{
	struct peer *p = slots_get(&s->peers, c);
	if (p == NULL)
		return 0;
	if (p->conn.state == CONN_OPEN) {
		outbound_fill(s, p, now);
		session_settle(s, now);
		if (slots_get(&s->peers, c) != p)
			return 0;
	}
	const size_t n = limits_cut_output(s, p, views,
	                                   conn_output(&p->conn, &s->spans, views, max), now);
	p->output_told = n != 0;
	return n;
}

void session_on_sent(struct session *s, conn_id c, size_t size, usec now)
{
	struct peer *p = slots_get(&s->peers, c);
	if (p == NULL || size == 0)
		return;
	p->spoke_at = now;
	s->bytes_up += size;
	limits_on_sent(s, p, size, now);
	const uint64_t payload = conn_sent(&p->conn, &s->spans, size);
	pace_note(s, p, now);
	if (payload == 0)
		return;
	s->payload_up += payload;
	p->useful = true;
	meter_add(&p->sent, payload, now);
	meter_add(&p->torrent->up, payload, now);
}

/* ---- time ---- */

usec session_deadline(const struct session *s)
{
	const usec at = usec_min(timers_earliest(&s->peer_timers), timers_earliest(&s->torrent_timers));
	return usec_min(at, limits_deadline(s));
}

void session_on_timer(struct session *s, usec now)
{
	uint32_t slot;
	while (timers_pop(&s->peer_timers, now, &slot)) {
		struct peer *p = s->peers.items[slot];
		assert(p != NULL);
		swarm_peer_on_timer(s, p, now);
		if (p->conn.state != CONN_CLOSED)
			session_touch(s, p);
	}
	while (timers_pop(&s->torrent_timers, now, &slot)) {
		struct torrent *t = s->torrents.items[slot];
		assert(t != NULL);
		torrent_on_timer(s, t, now);
		session_stir(s, t);
	}
	limits_on_timer(s, now);
	session_settle(s, now);
}

void session_stop(struct session *s, usec now)
{
	s->stopping = true;
	uint32_t slot = 0;
	struct peer *p;
	while ((p = slots_walk(&s->peers, &slot)) != NULL)
		swarm_close(s, p, "leaving", false, now);
	slot = 0;
	struct torrent *t;
	while ((t = slots_walk(&s->torrents, &slot)) != NULL)
		torrent_halt(s, t, TORRENT_PAUSED, "leaving", now);
	session_settle(s, now);
}

bool session_is_quiet(const struct session *s)
{
	return s->peers.count == 0 && s->jobs.count == 0;
}
