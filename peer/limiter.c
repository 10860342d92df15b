/* peer/limiter.c: turns over three levels of buckets.
 *
 * A connection that gets nothing draws a ticket and stands in its torrent's
 * line. Tickets are bytes (start-time fair queueing): a turn's is where the
 * connection's last turn ended, or not far behind the turns given now; so one
 * that takes less than its share, being held back elsewhere, goes first when it
 * may, and one that was away has saved nothing up. Torrents with a line are in one heap by the ticket of their first; so all
 * lines together are one, in order of tickets, except that a torrent over its own
 * limit steps out of the heap until it may go on, and a connection over its own
 * out of its line. A turn is LIMITER_QUANTUM bytes, in slices where a bucket holds
 * less; between slices it keeps its ticket.
 *
 * A grant is taken from the buckets when it is made and what is not used is put
 * back, so that the sum of what is promised never exceeds what is there.
 *
 * Invariants: a connection is idle, granted, in line or held, never two of them;
 * a torrent with a line is ready or held, and one without is neither. */
#include "peer/limiter.h"

#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

enum { NOBODY = 0 }; /* links are slot + 1 */

enum conn_state { CONN_IDLE, CONN_WAITING, CONN_HELD, CONN_GRANTED };

struct limiter_torrent {
	struct bucket bucket;
	uint32_t first, last; /* its line: slot + 1 */
};

struct limiter_conn {
	struct bucket bucket;
	enum conn_state state;
	uint32_t torrent;
	uint32_t next, prev;  /* in line: slot + 1 */
	uint64_t ticket;
	uint64_t turn_end;    /* the ticket its next turn gets at least */
	size_t turn_left;     /* bytes of its turn still to come */
	size_t grant;
};

void limiter_init(struct limiter *l, uint64_t rate, usec now)
{
	*l = (struct limiter){ .limits = rate != 0, .wake_at = USEC_NEVER };
	bucket_init(&l->bucket, rate, now);
	timers_init(&l->ready);
	timers_init(&l->held_torrents);
	timers_init(&l->held_conns);
	timers_init(&l->granted);
}

void limiter_deinit(struct limiter *l)
{
	timers_deinit(&l->ready);
	timers_deinit(&l->held_torrents);
	timers_deinit(&l->held_conns);
	timers_deinit(&l->granted);
	free(l->torrents);
	free(l->conns);
}

static uint32_t grown(uint32_t size, uint32_t slot)
{
	if (size == 0)
		size = 16;
	while (size <= slot)
		size *= 2;
	return size;
}

static struct limiter_torrent *torrent_at(struct limiter *l, uint32_t slot)
{
	assert(slot < UINT32_MAX / 2);
	if (slot >= l->torrents_size) {
		const uint32_t size = grown(l->torrents_size, slot);
		l->torrents = memory_resize(l->torrents, size, sizeof(*l->torrents));
		memset(l->torrents + l->torrents_size, 0,
		       (size - l->torrents_size) * sizeof(*l->torrents));
		l->torrents_size = size;
	}
	return &l->torrents[slot];
}

static struct limiter_conn *conn_at(struct limiter *l, uint32_t slot)
{
	assert(slot < UINT32_MAX / 2);
	if (slot >= l->conns_size) {
		const uint32_t size = grown(l->conns_size, slot);
		l->conns = memory_resize(l->conns, size, sizeof(*l->conns));
		memset(l->conns + l->conns_size, 0, (size - l->conns_size) * sizeof(*l->conns));
		l->conns_size = size;
	}
	return &l->conns[slot];
}

/* ---- the lines ---- */

/* The torrent's place among the others follows its first one's ticket. */
static void rank_torrent(struct limiter *l, uint32_t torrent)
{
	const struct limiter_torrent *t = &l->torrents[torrent];

	if (t->first == NOBODY) {
		timers_set(&l->ready, torrent, USEC_NEVER);
		timers_set(&l->held_torrents, torrent, USEC_NEVER);
	} else if (timers_get(&l->held_torrents, torrent) == USEC_NEVER) {
		timers_set(&l->ready, torrent, l->conns[t->first - 1].ticket);
	}
}

/* By ticket; most new ones are the highest, so this ends soon. */
static void join_line(struct limiter *l, uint32_t conn)
{
	struct limiter_conn *c = &l->conns[conn];
	struct limiter_torrent *t = torrent_at(l, c->torrent);
	uint32_t before = t->last;

	while (before != NOBODY && l->conns[before - 1].ticket > c->ticket)
		before = l->conns[before - 1].prev;
	c->prev = before;
	c->next = before == NOBODY ? t->first : l->conns[before - 1].next;
	if (c->prev != NOBODY)
		l->conns[c->prev - 1].next = conn + 1;
	else
		t->first = conn + 1;
	if (c->next != NOBODY)
		l->conns[c->next - 1].prev = conn + 1;
	else
		t->last = conn + 1;
	c->state = CONN_WAITING;
	rank_torrent(l, c->torrent);
}

static void leave_line(struct limiter *l, uint32_t conn)
{
	struct limiter_conn *c = &l->conns[conn];
	struct limiter_torrent *t = &l->torrents[c->torrent];

	if (c->prev != NOBODY)
		l->conns[c->prev - 1].next = c->next;
	else
		t->first = c->next;
	if (c->next != NOBODY)
		l->conns[c->next - 1].prev = c->prev;
	else
		t->last = c->prev;
	c->next = c->prev = NOBODY;
	c->state = CONN_IDLE;
	rank_torrent(l, c->torrent);
}

/* ---- how much is worth moving ---- */

static size_t at_most(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Rather than a few bytes now, half a bucket in a moment. */
static size_t worthwhile(const struct bucket *b, size_t want)
{
	return at_most(want, bucket_burst(b) / 2);
}

static bool has_enough(struct bucket *b, size_t want, usec now)
{
	return bucket_room(b, now) >= worthwhile(b, want);
}

static usec enough_when(struct bucket *b, size_t want, usec now)
{
	return bucket_when(b, worthwhile(b, want), now);
}

static size_t room_of(struct limiter *l, const struct limiter_conn *c, usec now)
{
	size_t room = bucket_room(&l->bucket, now);

	room = at_most(room, bucket_room(&l->torrents[c->torrent].bucket, now));
	return at_most(room, bucket_room(&l->conns[c - l->conns].bucket, now));
}

static void take_everywhere(struct limiter *l, const struct limiter_conn *c, size_t bytes, usec now)
{
	bucket_take(&l->bucket, bytes, now);
	bucket_take(&l->torrents[c->torrent].bucket, bytes, now);
	bucket_take(&l->conns[c - l->conns].bucket, bytes, now);
}

static void give_back(struct limiter *l, uint32_t conn, size_t bytes, usec now)
{
	struct limiter_conn *c = &l->conns[conn];

	bucket_give(&l->bucket, bytes, now);
	bucket_give(&l->torrents[c->torrent].bucket, bytes, now);
	bucket_give(&c->bucket, bytes, now);
	c->turn_left += bytes;
}

static void end_grant(struct limiter *l, uint32_t conn, size_t used, usec now)
{
	struct limiter_conn *c = &l->conns[conn];

	if (used < c->grant)
		give_back(l, conn, c->grant - used, now);
	c->grant = 0;
	c->state = CONN_IDLE;
	timers_set(&l->granted, conn, USEC_NEVER);
}

/* ---- limits ---- */

static void set_limit(struct limiter *l, struct bucket *b, uint64_t rate, usec now)
{
	uint32_t conn;

	/* What was promised under other limits is taken back; who had it asks again. */
	while (timers_pop(&l->granted, USEC_NEVER - 1, &conn))
		end_grant(l, conn, 0, now);
	l->limits -= b->rate != 0;
	l->limits += rate != 0;
	bucket_set_rate(b, rate, now);
	/* Who waits may not have to any more. */
	if (l->waiting > 0)
		l->wake_at = now;
}

void limiter_set_rate(struct limiter *l, uint64_t rate, usec now)
{
	set_limit(l, &l->bucket, rate, now);
}

void limiter_set_torrent_rate(struct limiter *l, uint32_t torrent, uint64_t rate, usec now)
{
	if (rate == 0 && torrent >= l->torrents_size)
		return;
	set_limit(l, &torrent_at(l, torrent)->bucket, rate, now);
	if (timers_get(&l->held_torrents, torrent) != USEC_NEVER)
		timers_set(&l->held_torrents, torrent, now);
}

void limiter_set_conn_rate(struct limiter *l, uint32_t conn, uint64_t rate, usec now)
{
	if (rate == 0 && conn >= l->conns_size)
		return;
	set_limit(l, &conn_at(l, conn)->bucket, rate, now);
	if (timers_get(&l->held_conns, conn) != USEC_NEVER)
		timers_set(&l->held_conns, conn, now);
}

/* ---- asking ---- */

static bool is_unlimited(struct limiter *l, const struct limiter_conn *c)
{
	return l->bucket.rate == 0 && l->torrents[c->torrent].bucket.rate == 0 && c->bucket.rate == 0;
}

/* Nobody is before it who could go now, and there is something worth moving. */
static bool goes_at_once(struct limiter *l, struct limiter_conn *c, size_t want, usec now)
{
	struct limiter_torrent *t = &l->torrents[c->torrent];

	return t->first == NOBODY && (l->ready.count == 0 || l->bucket.rate == 0) &&
	       has_enough(&l->bucket, want, now) && has_enough(&t->bucket, want, now) &&
	       has_enough(&c->bucket, want, now);
}

static void stand_in_line(struct limiter *l, uint32_t conn, usec now)
{
	struct limiter_conn *c = &l->conns[conn];

	if (c->turn_left == 0) {
		const uint64_t earliest =
		        l->ticket < LIMITER_QUANTUM ? 0 : l->ticket - LIMITER_QUANTUM;
		c->turn_left = LIMITER_QUANTUM;
		c->ticket = c->turn_end > earliest ? c->turn_end : earliest;
		c->turn_end = c->ticket + LIMITER_QUANTUM;
	}
	l->waiting++;
	join_line(l, conn);
	l->wake_at = usec_min(l->wake_at, enough_when(&l->bucket, c->turn_left, now));
}

/* Out of whatever line or place it has. */
static void step_out(struct limiter *l, uint32_t conn, usec now)
{
	switch (l->conns[conn].state) {
	case CONN_WAITING:
		leave_line(l, conn);
		l->waiting--;
		break;
	case CONN_HELD:
		timers_set(&l->held_conns, conn, USEC_NEVER);
		l->waiting--;
		break;
	case CONN_GRANTED:
		end_grant(l, conn, 0, now);
		break;
	case CONN_IDLE:
		break;
	}
	l->conns[conn].state = CONN_IDLE;
}

size_t limiter_ask(struct limiter *l, uint32_t torrent, uint32_t conn, size_t want, usec now)
{
	if (l->limits == 0 && l->waiting == 0)
		return SIZE_MAX;
	torrent_at(l, torrent);
	struct limiter_conn *c = conn_at(l, conn);
	assert(c->state == CONN_IDLE || c->torrent == torrent);
	c->torrent = torrent;
	if (is_unlimited(l, c)) {
		step_out(l, conn, now);
		return SIZE_MAX;
	}
	if (c->state == CONN_WAITING || c->state == CONN_HELD)
		return 0;
	if (c->state == CONN_GRANTED)
		return at_most(want, c->grant);
	if (goes_at_once(l, c, want, now))
		return at_most(want, room_of(l, c, now));
	stand_in_line(l, conn, now);
	return 0;
}

void limiter_take(struct limiter *l, uint32_t torrent, uint32_t conn, size_t bytes, usec now)
{
	if (l->limits == 0 && l->granted.count == 0)
		return;
	torrent_at(l, torrent);
	struct limiter_conn *c = conn_at(l, conn);
	if (c->state == CONN_GRANTED) {
		const size_t granted = c->grant;
		end_grant(l, conn, bytes, now);
		bytes = bytes > granted ? bytes - granted : 0;
	} else if (c->state == CONN_IDLE) {
		c->torrent = torrent;
	}
	if (bytes > 0)
		take_everywhere(l, c, bytes, now);
}

/* ---- turns ---- */

static void let_back(struct limiter *l, usec now)
{
	uint32_t slot;

	while (timers_pop(&l->granted, now, &slot))
		end_grant(l, slot, 0, now);
	while (timers_pop(&l->held_torrents, now, &slot))
		rank_torrent(l, slot);
	while (timers_pop(&l->held_conns, now, &slot))
		join_line(l, slot);
}

/* Whether the first one of the first torrent may go; if not, it or its torrent
 * is held, and another is first. */
static bool try_first(struct limiter *l, uint32_t torrent, usec now)
{
	struct limiter_torrent *t = &l->torrents[torrent];
	const uint32_t conn = t->first - 1;
	struct limiter_conn *c = &l->conns[conn];

	if (!has_enough(&t->bucket, c->turn_left, now)) {
		timers_set(&l->ready, torrent, USEC_NEVER);
		timers_set(&l->held_torrents, torrent, enough_when(&t->bucket, c->turn_left, now));
		return false;
	}
	const bool may_go = has_enough(&c->bucket, c->turn_left, now);
	leave_line(l, conn);
	if (!may_go) {
		c->state = CONN_HELD;
		timers_set(&l->held_conns, conn, enough_when(&c->bucket, c->turn_left, now));
		return false;
	}
	c->grant = at_most(c->turn_left, room_of(l, c, now));
	c->turn_left -= c->grant;
	take_everywhere(l, c, c->grant, now);
	c->state = CONN_GRANTED;
	if (c->ticket > l->ticket)
		l->ticket = c->ticket;
	timers_set(&l->granted, conn, now + LIMITER_GRANT_TIME);
	l->waiting--;
	return true;
}

bool limiter_next(struct limiter *l, uint32_t *conn, usec now)
{
	if (l->waiting == 0) {
		l->wake_at = USEC_NEVER;
		return false;
	}
	let_back(l, now);
	while (l->ready.count > 0) {
		const uint32_t torrent = l->ready.heap[0].key;
		const uint32_t first = l->torrents[torrent].first - 1;
		if (!has_enough(&l->bucket, l->conns[first].turn_left, now)) {
			l->wake_at = enough_when(&l->bucket, l->conns[first].turn_left, now);
			return false;
		}
		if (try_first(l, torrent, now)) {
			*conn = first;
			l->wake_at = now;
			return true;
		}
	}
	l->wake_at = usec_min(timers_earliest(&l->held_torrents), timers_earliest(&l->held_conns));
	return false;
}

usec limiter_deadline(const struct limiter *l)
{
	return l->waiting > 0 ? l->wake_at : USEC_NEVER;
}

/* ---- going ---- */

void limiter_forget(struct limiter *l, uint32_t conn, usec now)
{
	if (conn >= l->conns_size)
		return;
	struct limiter_conn *c = &l->conns[conn];
	step_out(l, conn, now);
	l->limits -= c->bucket.rate != 0;
	*c = (struct limiter_conn){ .state = CONN_IDLE };
}

void limiter_forget_torrent(struct limiter *l, uint32_t torrent, usec now)
{
	if (torrent >= l->torrents_size)
		return;
	assert(l->torrents[torrent].first == NOBODY);
	limiter_set_torrent_rate(l, torrent, 0, now);
	l->torrents[torrent] = (struct limiter_torrent){ .first = NOBODY };
}
