/* peer/discover/announce.c: tiers, rounds, events, back-off.
 *
 * A round looks for one tracker that answers: it begins when the interval is
 * over, walks the list in order, and ends with the first good answer or when
 * nobody is left. A tracker that failed is left out of rounds until its
 * back-off is over, so a dead first tier costs a live second one nothing.
 *
 * Beside the rounds stand the events that are owed: "completed" and "stopped"
 * go to each tracker that was told "started", whoever's turn it is.
 *
 * Invariant: list[] is sorted by tier; within a tier its order is the order of
 * trying. A tracker is busy while an order of its current attempt is to be
 * sent or waits for its answer; answers to older attempts mean nothing. */
#include "peer/discover/announce.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/memory.h"
#include "proto/tracker_url.h"

enum { FAMILY_V4 = 1, FAMILY_V6 = 2, FAMILIES = FAMILY_V4 | FAMILY_V6 };

struct tracker {
	char *url; /* owned, as all text here; NULL: none */
	char *id, *text, *warning;
	uint32_t tier;
	uint64_t attempt;
	enum tracker_event event; /* of the attempt */
	uint8_t to_send, waiting; /* families of the attempt */
	bool answered;		  /* the attempt had a good answer */
	bool never;		  /* or one to stay away */
	uint32_t retry_sec;	  /* or to come back later */
	usec asked_at;
	bool started; /* it counts us in */
	bool owes_completed;
	bool owes_stopped; /* when the current attempt is over */
	bool disabled, working;
	uint32_t failures;
	usec retry_at;	/* back-off; 0: none */
	usec next_at;	/* when it wants us again; for the eye */
	uint64_t round; /* the last one it was asked in */
	uint32_t complete, incomplete, downloaded, peers;
};

struct announce {
	struct rng *rng;
	struct tracker *list; /* owned */
	uint32_t count;
	uint32_t key;
	uint64_t attempts, rounds;
	bool running, complete, paused;
	bool in_round;
	bool has_worked;
	usec due_at;   /* of the next round */
	usec hurry_at; /* and not earlier, whatever the hurry */
};

struct announce *announce_new(struct rng *rng)
{
	struct announce *a = memory_zeroed(1, sizeof(*a));

	a->rng = rng;
	a->key = rng_u32(rng);
	return a;
}

void announce_free(struct announce *a)
{
	uint32_t i;

	for (i = 0; i < a->count; i++) {
		free(a->list[i].url);
		free(a->list[i].id);
		free(a->list[i].text);
		free(a->list[i].warning);
	}
	free(a->list);
	free(a);
}

static void set_text(char **to, const char *text)
{
	if (*to && strcmp(*to, text) == 0)
		return;
	free(*to);
	*to = text[0] ? memory_copy_text(text) : NULL;
}

bool announce_add(struct announce *a, const char *url, uint32_t tier, const char **reason)
{
	uint32_t begin, end, at, i;
	struct tracker_url parts;

	if (!tracker_url_parse(&parts, url, reason))
		return false;
	*reason = "too many trackers";
	if (a->count == ANNOUNCE_TRACKERS_MAX)
		return false;
	*reason = "tracker known already";
	for (i = 0; i < a->count; i++)
		if (strcmp(a->list[i].url, url) == 0)
			return false;
	for (begin = 0; begin < a->count && a->list[begin].tier < tier; begin++)
		;
	for (end = begin; end < a->count && a->list[end].tier == tier; end++)
		;
	/* A random place each time is the shuffle of BEP 12. */
	at = begin + rng_below(a->rng, end - begin + 1);
	a->list = memory_resize(a->list, a->count + 1, sizeof(*a->list));
	memmove(a->list + at + 1, a->list + at, (a->count - at) * sizeof(*a->list));
	a->list[at] = (struct tracker){
	    .url = memory_copy_text(url),
	    .tier = tier,
	    .complete = TRACKER_UNKNOWN,
	    .incomplete = TRACKER_UNKNOWN,
	    .downloaded = TRACKER_UNKNOWN,
	};
	a->count++;
	if (!a->has_worked)
		a->due_at = 0;
	return true;
}

static bool is_busy(const struct tracker *t)
{
	return (t->to_send | t->waiting) != 0;
}

static void ask(struct announce *a, struct tracker *t, enum tracker_event event, usec now)
{
	t->attempt = ++a->attempts;
	t->event = event;
	t->to_send = FAMILIES;
	t->waiting = 0;
	t->answered = false;
	t->never = false;
	t->retry_sec = 0;
	t->asked_at = now;
	t->next_at = now;
}

/* ---- what the owner tells ---- */

void announce_start(struct announce *a, bool complete, usec now)
{
	a->running = true;
	a->complete = complete;
	a->in_round = false;
	a->due_at = now;
}

void announce_stop(struct announce *a, usec now)
{
	uint32_t i;

	if (!a->running)
		return;
	a->running = false;
	a->in_round = false;
	for (i = 0; i < a->count; i++) {
		struct tracker *t = &a->list[i];
		/* One that has not answered yet may still count us in. */
		bool told = t->started || (t->waiting && t->event == TRACKER_EVENT_STARTED);

		t->to_send = 0;
		t->waiting = 0;
		/* Who leaves as soon as it is complete has often not said so yet. */
		t->owes_stopped = t->started && t->owes_completed && !t->disabled;
		if (told && !t->disabled)
			ask(a, t,
			    t->owes_stopped ? TRACKER_EVENT_COMPLETED
					    : TRACKER_EVENT_STOPPED,
			    now);
		t->started = false;
		t->owes_completed = false;
		t->next_at = USEC_NEVER;
	}
}

void announce_complete(struct announce *a, usec now)
{
	uint32_t i;

	(void)now;
	if (a->complete || !a->running)
		return;
	a->complete = true;
	for (i = 0; i < a->count; i++) {
		struct tracker *t = &a->list[i];

		t->owes_completed =
		    t->started || (is_busy(t) && t->event == TRACKER_EVENT_STARTED);
	}
}

void announce_set_paused(struct announce *a, bool paused)
{
	a->paused = paused;
}

void announce_hurry(struct announce *a, usec now)
{
	usec at = usec_max(now, a->hurry_at);

	if (a->running && !a->in_round)
		a->due_at = usec_min(a->due_at, at);
}

void announce_on_address_change(struct announce *a, usec now)
{
	uint32_t i;

	if (!a->running)
		return;
	for (i = 0; i < a->count; i++)
		a->list[i].retry_at = 0;
	a->in_round = false;
	a->due_at = now;
}

/* ---- orders ---- */

static enum tracker_event event_for(const struct announce *a, const struct tracker *t)
{
	if (!t->started)
		return TRACKER_EVENT_STARTED;
	if (t->owes_completed)
		return TRACKER_EVENT_COMPLETED;
	return a->paused && !a->complete ? TRACKER_EVENT_PAUSED : TRACKER_EVENT_NONE;
}

static bool may_ask(const struct tracker *t, usec now)
{
	return !is_busy(t) && !t->owes_stopped && !t->disabled && t->retry_at <= now;
}

/* Nobody answered: again when the first back-off is over. */
static void end_round(struct announce *a)
{
	uint32_t i;

	a->in_round = false;
	a->due_at = USEC_NEVER;
	for (i = 0; i < a->count; i++)
		if (!a->list[i].disabled)
			a->due_at = usec_min(a->due_at, a->list[i].retry_at);
}

/* The tracker whose turn it is, or NULL. */
static struct tracker *next_of_round(struct announce *a, usec now)
{
	struct tracker *found = NULL;
	bool busy = false;
	uint32_t i;

	if (!a->in_round) {
		if (now < a->due_at)
			return NULL;
		a->in_round = true;
		a->rounds++;
	}
	for (i = 0; i < a->count; i++) {
		struct tracker *t = &a->list[i];

		busy = busy || is_busy(t);
		if (is_busy(t) && t->round == a->rounds &&
		    now < t->asked_at + ANNOUNCE_PATIENCE)
			return NULL;
		if (!found && t->round != a->rounds && may_ask(t, now))
			found = t;
	}
	if (!found && !busy) {
		end_round(a);
		/* While the last one kept us waiting the first may have become due. */
		return a->due_at <= now ? next_of_round(a, now) : NULL;
	}
	if (found)
		found->round = a->rounds;
	return found;
}

static struct tracker *choose(struct announce *a, usec now)
{
	struct tracker *t;
	uint32_t i;

	for (i = 0; i < a->count; i++)
		if (a->list[i].to_send)
			return &a->list[i];
	for (i = 0; i < a->count; i++) {
		t = &a->list[i];
		if (t->owes_stopped && !is_busy(t)) {
			t->owes_stopped = false;
			ask(a, t, TRACKER_EVENT_STOPPED, now);
			return t;
		}
	}
	if (!a->running)
		return NULL;
	for (i = 0; i < a->count; i++) {
		t = &a->list[i];
		if (t->started && t->owes_completed && may_ask(t, now)) {
			ask(a, t, TRACKER_EVENT_COMPLETED, now);
			return t;
		}
	}
	t = next_of_round(a, now);
	if (t)
		ask(a, t, event_for(a, t), now);
	return t;
}

bool announce_next(struct announce *a, struct announce_order *out, usec now)
{
	struct tracker *t = choose(a, now);
	uint8_t family;

	if (!t)
		return false;
	family = t->to_send & FAMILY_V4 ? FAMILY_V4 : FAMILY_V6;
	t->to_send &= (uint8_t)~family;
	t->waiting |= family;
	*out = (struct announce_order){
	    .id = t->attempt << 2 | family,
	    .family = family == FAMILY_V4 ? ENDPOINT_V4 : ENDPOINT_V6,
	    .url = t->url,
	    .tracker_id = t->id,
	    .event = t->event,
	    .key = a->key,
	    .numwant = t->event == TRACKER_EVENT_STOPPED ? 0 : ANNOUNCE_NUMWANT,
	};
	return true;
}

/* In a round: when the next tracker may be asked. */
static usec round_deadline(const struct announce *a)
{
	usec patience = 0, retry = USEC_NEVER;
	bool busy = false;
	uint32_t i;

	for (i = 0; i < a->count; i++) {
		const struct tracker *t = &a->list[i];

		busy = busy || is_busy(t);
		if (is_busy(t) && t->round == a->rounds)
			patience = usec_max(patience, t->asked_at + ANNOUNCE_PATIENCE);
		else if (!is_busy(t) && !t->disabled && t->round != a->rounds)
			retry = usec_min(retry, t->retry_at);
	}
	if (!busy)
		return 0;
	return retry == USEC_NEVER ? USEC_NEVER : usec_max(patience, retry);
}

usec announce_deadline(const struct announce *a)
{
	usec at = USEC_NEVER;
	uint32_t i;

	for (i = 0; i < a->count; i++) {
		const struct tracker *t = &a->list[i];

		if (t->to_send || (t->owes_stopped && !is_busy(t)))
			return 0;
		if (a->running && t->started && t->owes_completed && !is_busy(t) &&
		    !t->disabled)
			at = usec_min(at, t->retry_at);
	}
	if (!a->running || a->count == 0)
		return at;
	return usec_min(at, a->in_round ? round_deadline(a) : a->due_at);
}

/* ---- answers ---- */

/* The tracker whose current attempt waits for this answer, which is then
 * taken; or NULL. */
static struct tracker *take_answer(struct announce *a, uint64_t id)
{
	uint8_t family = (uint8_t)(id & FAMILIES);
	uint32_t i;

	for (i = 0; i < a->count; i++) {
		struct tracker *t = &a->list[i];

		if (t->attempt == id >> 2 && (t->waiting & family)) {
			t->waiting &= (uint8_t)~family;
			return t;
		}
	}
	return NULL;
}

/* Its answer changes nothing any more. */
static bool is_leaving(const struct announce *a, const struct tracker *t)
{
	return t->event == TRACKER_EVENT_STOPPED || t->owes_stopped || !a->running;
}

static usec with_jitter(struct announce *a, usec span, double least, double most)
{
	return (usec)((double)span * (least + (most - least) * rng_unit(a->rng)));
}

static void on_tracker_failed(struct announce *a, struct tracker *t, usec now)
{
	unsigned doublings = t->failures < 16 ? t->failures : 16;
	usec wait = usec_min(ANNOUNCE_BACKOFF_MIN << doublings, ANNOUNCE_BACKOFF_MAX);

	t->working = false;
	if (t->failures < UINT32_MAX)
		t->failures++;
	wait = usec_max(with_jitter(a, wait, 0.75, 1), t->retry_sec * USEC_PER_SEC);
	t->retry_at = now + wait;
	t->next_at = t->retry_at;
	if (t->never) {
		t->disabled = true;
		t->next_at = USEC_NEVER;
	}
}

/* One family failed; the attempt only when no other is left to do better. */
static void on_family_failed(struct announce *a, struct tracker *t, usec now)
{
	if (is_busy(t) || t->answered || is_leaving(a, t))
		return;
	on_tracker_failed(a, t, now);
}

void announce_on_failure(struct announce *a, uint64_t id, const char *reason, usec now)
{
	struct tracker *t = take_answer(a, id);

	if (!t)
		return;
	if (!t->answered)
		set_text(&t->text, reason);
	on_family_failed(a, t, now);
}

void announce_on_absent(struct announce *a, uint64_t id, usec now)
{
	struct tracker *t = take_answer(a, id);

	if (!t)
		return;
	if (!is_busy(t) && !t->answered && !t->text)
		set_text(&t->text, "no address that we can reach");
	on_family_failed(a, t, now);
}

static void promote(struct announce *a, struct tracker *t)
{
	struct tracker *front = t, winner = *t;

	while (front > a->list && front[-1].tier == t->tier)
		front--;
	memmove(front + 1, front, (size_t)(t - front) * sizeof(*t));
	*front = winner;
}

/* When to come back, and how soon at the earliest. */
static void plan(struct announce *a, struct tracker *t, const struct tracker_response *r,
		 usec now)
{
	usec least = r->min_interval_sec * USEC_PER_SEC;
	usec floor = least > 0 ? ANNOUNCE_INTERVAL_TOLD : ANNOUNCE_INTERVAL_MIN;
	usec interval =
	    r->interval_sec ? r->interval_sec * USEC_PER_SEC : ANNOUNCE_INTERVAL_DEFAULT;

	interval = usec_max(usec_max(interval, least), floor);
	if (least == 0)
		least = usec_min(interval, ANNOUNCE_HURRY_MIN);
	a->in_round = false;
	a->has_worked = true;
	/* Never early, and not all torrents of a host at once. */
	a->due_at = now + with_jitter(a, interval, 1, 1.05);
	a->hurry_at = now + usec_max(least, floor);
	/* Hardly anybody there: worth a look as soon as the tracker allows. */
	if (!a->complete && t->peers <= ANNOUNCE_PEERS_FEW)
		a->due_at = usec_min(a->due_at, a->hurry_at);
	t->next_at = a->due_at;
}

static void on_good_answer(struct announce *a, struct tracker *t,
			   const struct tracker_response *r, usec now)
{
	bool first = !t->answered;

	t->answered = true;
	if (is_leaving(a, t))
		return;
	t->started = true;
	t->owes_completed = t->owes_completed && t->event != TRACKER_EVENT_COMPLETED;
	t->working = true;
	t->failures = 0;
	t->retry_at = 0;
	t->complete = r->complete;
	t->incomplete = r->incomplete;
	t->downloaded = r->downloaded;
	t->peers = first ? r->peer_total : t->peers + r->peer_total;
	set_text(&t->text, "");
	set_text(&t->warning, r->warning);
	if (r->tracker_id[0])
		set_text(&t->id, r->tracker_id);
	plan(a, t, r, now);
	promote(a, t);
}

void announce_on_response(struct announce *a, uint64_t id, const struct tracker_response *r,
			  usec now)
{
	struct tracker *t = take_answer(a, id);

	if (!t)
		return;
	if (!r->failed) {
		on_good_answer(a, t, r, now);
		return;
	}
	t->never = t->never || r->retry_never;
	t->retry_sec = t->retry_sec > r->retry_sec ? t->retry_sec : r->retry_sec;
	if (!t->answered)
		set_text(&t->text, r->text[0] ? r->text : "refused without a reason");
	on_family_failed(a, t, now);
}

uint32_t announce_pending(const struct announce *a)
{
	uint32_t i, pending = 0;

	for (i = 0; i < a->count; i++) {
		const struct tracker *t = &a->list[i];

		pending +=
		    (uint32_t)__builtin_popcount(t->to_send | t->waiting) + t->owes_stopped;
	}
	return pending;
}

/* ---- looking in ---- */

uint32_t announce_count(const struct announce *a)
{
	return a->count;
}

static enum announce_state state_of(const struct tracker *t)
{
	if (t->disabled)
		return ANNOUNCE_DISABLED;
	if (is_busy(t))
		return ANNOUNCE_ASKING;
	if (t->working)
		return ANNOUNCE_WORKING;
	return t->failures ? ANNOUNCE_FAILING : ANNOUNCE_WAITING;
}

void announce_status(const struct announce *a, uint32_t i, struct announce_status *out)
{
	const struct tracker *t;

	assert(i < a->count);
	t = &a->list[i];
	*out = (struct announce_status){
	    .state = state_of(t),
	    .url = t->url,
	    .text = t->text ? t->text : "",
	    .warning = t->warning ? t->warning : "",
	    .tier = t->tier,
	    .failures = t->failures,
	    .complete = t->complete,
	    .incomplete = t->incomplete,
	    .downloaded = t->downloaded,
	    .peers = t->peers,
	    .next_at = a->running ? t->next_at : USEC_NEVER,
	};
}
