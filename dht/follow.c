/* dht/follow.c: torrents that stay announced (BEP 5).
 *
 * A heap by due time, one round (search and announce) per torrent about every
 * 25 minutes. Rounds share a budget of queries, so ten thousand torrents are
 * spread out and never storm; a round starts from the nodes that were nearest
 * last time. */
#include "dht/inside.h"
#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

#define ROUND_USEC (25 * USEC_PER_MIN)
#define LONELY_USEC (60 * USEC_PER_SEC)  /* after a round that found hardly anybody; doubles */
#define HURRY_USEC (60 * USEC_PER_SEC)   /* at least between two rounds of a torrent */
#define RETRY_USEC (5 * USEC_PER_SEC)    /* after a round that reached nobody; doubles */
#define RETRY_MAX_USEC (5 * USEC_PER_MIN)
#define PAUSE_USEC (100 * USEC_PER_MS)   /* when over budget */
enum {
	LONELY_PEERS_MAX = 2, /* we find ourselves, once in each family */
	RUNNING_MAX = 64,
	CREDIT_PER_SECOND = 300, /* queries */
	CREDIT_MAX = 900,
	CREDIT_ROUND = 40,       /* a round begins only with that much left */
	REMEMBERED_MAX = 16,
	REMEMBERED_MIN = 6,      /* fewer, and the round searches from scratch */
	ANSWERS_MIN = 5,         /* of remembered ones; fewer: search again at once */
	FOLLOW_TAG = 1u,
};
/* The id of a followed torrent: no search of its own has that bit. */
#define FOLLOW_BIT ((uint64_t)1 << 63)

struct follow {
	struct keymap_entry entry; /* the info-hash */
	uint64_t id;
	unsigned flags;
	uint16_t port;
	uint8_t failures;
	uint8_t lonely;            /* rounds in a row that found hardly anybody */
	bool remembered_round;
	bool changed;              /* while a round was running */
	uint32_t position;         /* in the heap */
	usec due;
	usec started_at;           /* of the last round; 0: never */
	uint64_t round;            /* running search, or 0 */
	struct dht_contact *nodes; /* owned: nearest of the last round */
	uint32_t node_count;
};

void follow_init(struct dht_node *n)
{
	keymap_init(&n->follows.map, &n->rng);
}

static void free_follow(struct follow *f)
{
	free(f->nodes);
	free(f);
}

void follow_deinit(struct dht_node *n)
{
	for (uint32_t i = 0; i < n->follows.count; i++)
		free_follow(n->follows.heap[i]);
	free(n->follows.heap);
	keymap_deinit(&n->follows.map);
	memset(&n->follows, 0, sizeof(n->follows));
}

/* ---- the heap ---- */

static void place(struct follows *fs, struct follow *f, uint32_t at)
{
	fs->heap[at] = f;
	f->position = at;
}

static void sift(struct follows *fs, struct follow *f)
{
	uint32_t at = f->position;
	while (at > 0 && fs->heap[(at - 1) / 2]->due > f->due) {
		place(fs, fs->heap[(at - 1) / 2], at);
		at = (at - 1) / 2;
	}
	for (;;) {
		uint32_t child = 2 * at + 1;
		if (child + 1 < fs->count && fs->heap[child + 1]->due < fs->heap[child]->due)
			child++;
		if (child >= fs->count || fs->heap[child]->due >= f->due)
			break;
		place(fs, fs->heap[child], at);
		at = child;
	}
	place(fs, f, at);
}

static void reschedule(struct dht_node *n, struct follow *f, usec due)
{
	f->due = due;
	sift(&n->follows, f);
}

static void heap_add(struct follows *fs, struct follow *f)
{
	if (fs->count == fs->room) {
		fs->room = fs->room == 0 ? 8 : 2 * fs->room;
		fs->heap = memory_resize(fs->heap, fs->room, sizeof(*fs->heap));
	}
	place(fs, f, fs->count++);
	sift(fs, f);
}

static void heap_remove(struct follows *fs, struct follow *f)
{
	struct follow *last = fs->heap[--fs->count];
	if (last == f)
		return;
	place(fs, last, f->position);
	sift(fs, last);
}

/* ---- rounds ---- */

static usec jittered(struct dht_node *n, usec about)
{
	return about - about / 10 + (usec)(rng_unit(&n->rng) * (double)about / 5);
}

static void start_round(struct dht_node *n, struct follow *f)
{
	struct search *s = search_new(n, SEARCH_GET_PEERS, f->entry.key, f->flags, true);
	if (s == NULL) {
		reschedule(n, f, n->now + USEC_PER_SEC);
		return;
	}
	s->out = f->id;
	s->scheduled = true;
	s->port = f->port;
	f->round = s->id;
	f->started_at = n->now;
	f->remembered_round = f->node_count >= REMEMBERED_MIN && !n->classic;
	reschedule(n, f, USEC_NEVER); /* until it is done */
	n->follows.running++;
	if (f->remembered_round)
		search_begin_from(n, s, f->nodes, f->node_count);
	else
		search_begin(n, s);
}

static void remember(struct follow *f, struct search *s)
{
	struct dht_contact nodes[REMEMBERED_MAX];
	const uint32_t count = results_closest(s, nodes, REMEMBERED_MAX);
	free(f->nodes);
	f->nodes = count == 0 ? NULL : memory_copy(nodes, count * sizeof(*nodes));
	f->node_count = count;
}

static usec retry_after(const struct follow *f)
{
	const unsigned doublings = f->failures > 6 ? 6 : f->failures - 1u;
	return usec_min(RETRY_USEC << doublings, RETRY_MAX_USEC);
}

/* A torrent that nobody else is in yet is looked for again soon, less and less:
 * whoever comes next may not be able to reach us, but we may reach them. */
static usec pause_after(struct dht_node *n, struct follow *f, const struct search *s)
{
	if (s->seen.count > LONELY_PEERS_MAX || n->classic) {
		f->lonely = 0;
		return jittered(n, ROUND_USEC);
	}
	const usec pause = LONELY_USEC << f->lonely;
	if (pause >= ROUND_USEC)
		return jittered(n, ROUND_USEC);
	f->lonely++;
	return jittered(n, pause);
}

void follow_on_done(struct dht_node *n, struct search *s)
{
	struct follow *f = (struct follow *)keymap_find(&n->follows.map, s->target, FOLLOW_TAG);
	if (f == NULL || f->round != s->id)
		return;
	f->round = 0;
	n->follows.running--;
	const uint32_t replied = results_replied(s);
	remember(f, s);
	if (f->remembered_round && replied < ANSWERS_MIN) {
		f->node_count = 0; /* too many have gone: from scratch, now */
		reschedule(n, f, n->now);
	} else if (replied == 0) {
		f->failures = f->failures < UINT8_MAX ? (uint8_t)(f->failures + 1) : UINT8_MAX;
		reschedule(n, f, n->now + jittered(n, retry_after(f)));
	} else {
		f->failures = 0;
		const usec pause = pause_after(n, f, s);
		reschedule(n, f, f->changed ? n->now : n->now + pause);
		f->changed = false;
	}
}

/* A search asks others only, never our own store. In a small network the one
 * other node may be the other peer: what it tells us is all we will hear. */
void follow_on_announced(struct dht_node *n, const uint8_t info_hash[DHT_ID_SIZE],
                         const struct endpoint *peer)
{
	const struct follow *f = (struct follow *)keymap_find(&n->follows.map, info_hash, FOLLOW_TAG);
	struct dht_output out = { .kind = DHT_OUT_PEERS, .count = 1 };
	if (f == NULL)
		return;
	out.search = f->id;
	memcpy(out.target, info_hash, DHT_ID_SIZE);
	outputs_add(&n->outputs, &out, peer, sizeof(*peer));
}

static bool has_nodes(const struct dht_node *n)
{
	return n->families[0].table.count + n->families[1].table.count > 0;
}

static void refill_credit(struct dht_node *n)
{
	const double passed = (double)usec_since(n->credit_at, n->now) / (double)USEC_PER_SEC;
	n->credit += passed * CREDIT_PER_SECOND;
	if (n->credit > CREDIT_MAX)
		n->credit = CREDIT_MAX;
	n->credit_at = n->now;
}

static bool may_start(const struct dht_node *n)
{
	return n->follows.running < RUNNING_MAX && n->credit >= CREDIT_ROUND;
}

void follow_on_timer(struct dht_node *n)
{
	struct follows *fs = &n->follows;
	refill_credit(n);
	while (fs->count > 0 && fs->heap[0]->due <= n->now && has_nodes(n) && may_start(n))
		start_round(n, fs->heap[0]);
}

usec follow_deadline(const struct dht_node *n)
{
	const struct follows *fs = &n->follows;
	if (fs->count == 0 || fs->heap[0]->due == USEC_NEVER)
		return USEC_NEVER;
	/* Without a node, whoever brings the first one comes by the timer too. */
	if (!has_nodes(n))
		return usec_max(fs->heap[0]->due, n->now + USEC_PER_SEC);
	return may_start(n) ? fs->heap[0]->due : usec_max(fs->heap[0]->due, n->now + PAUSE_USEC);
}

/* ---- the front door's part ---- */

dht_search dht_node_follow(struct dht_node *n, const uint8_t info_hash[DHT_ID_SIZE],
                           unsigned flags, uint16_t port, usec now)
{
	struct follow *f = (struct follow *)keymap_find(&n->follows.map, info_hash, FOLLOW_TAG);
	if (now > n->now)
		n->now = now;
	if (f == NULL) {
		if (n->follows.count >= DHT_FOLLOWED_MAX)
			return 0;
		f = memory_zeroed(1, sizeof(*f));
		memcpy(f->entry.key, info_hash, DHT_ID_SIZE);
		f->entry.tag = FOLLOW_TAG;
		f->id = FOLLOW_BIT | ++n->follows.generation;
		f->due = n->now;
		keymap_add(&n->follows.map, &f->entry);
		heap_add(&n->follows, f);
	} else if ((f->flags != flags || f->port != port) && f->round != 0) {
		f->changed = true;
	} else if (f->flags != flags || f->port != port) {
		/* Tell the others soon what has changed. */
		reschedule(n, f, usec_min(f->due, usec_max(n->now, f->started_at + HURRY_USEC)));
	}
	f->flags = flags;
	f->port = port;
	return f->id;
}

void dht_node_unfollow(struct dht_node *n, const uint8_t info_hash[DHT_ID_SIZE])
{
	struct follow *f = (struct follow *)keymap_find(&n->follows.map, info_hash, FOLLOW_TAG);
	if (f == NULL)
		return;
	struct search *s = f->round != 0 ? search_find(n, f->round) : NULL;
	if (f->round != 0)
		n->follows.running--;
	if (s != NULL)
		search_free(n, s);
	heap_remove(&n->follows, f);
	keymap_remove(&n->follows.map, &f->entry);
	free_follow(f);
}

void dht_node_hurry(struct dht_node *n, const uint8_t info_hash[DHT_ID_SIZE], usec now)
{
	struct follow *f = (struct follow *)keymap_find(&n->follows.map, info_hash, FOLLOW_TAG);
	if (now > n->now)
		n->now = now;
	if (f == NULL || f->round != 0)
		return;
	const usec soonest = f->started_at == 0 ? n->now : f->started_at + HURRY_USEC;
	if (f->due > soonest)
		reschedule(n, f, usec_max(soonest, n->now));
}
