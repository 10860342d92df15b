/* tools/io/trackers.c: one struct announce per torrent that has trackers, and
 * one timer for the earliest of their deadlines.
 *
 * The rule after every input to an announce is drive(): send what it orders,
 * then note its deadline. Orders that the courier cannot take fail at once. */
#include "tools/io/trackers.h"

#include <sodium.h>
#include <stdlib.h>

#include "peer/timers.h"
#include "proto/memory.h"
#include "tools/io/courier.h"
#include "tools/io/idmap.h"
#include "tools/io/loop.h"

struct followed {
	struct trackers *all;
	uint64_t torrent;
	uint32_t slot;
	struct announce *announce; /* owned */
	struct trackers_facts facts; /* as last known */
	bool running;
	bool forgotten;            /* freed when its last answer is there */
};

struct trackers {
	struct loop *loop;
	struct courier *courier;
	struct trackers_owner owner;
	struct rng rng;
	struct idmap torrents;      /* torrent -> struct followed; not the forgotten */
	struct followed **slots;    /* owned; NULL: free */
	uint32_t slot_count, slot_free; /* none below slot_free is free */
	struct timers deadlines;    /* by slot */
	struct event timer, leave_timer;
	bool leaving;
};

bool trackers_may_name(const struct endpoint *tracker, const struct endpoint *peer)
{
	enum endpoint_class c = endpoint_class(peer);

	return c != ENDPOINT_UNUSABLE && c >= endpoint_class(tracker);
}

static void arm(struct trackers *t)
{
	usec at = timers_earliest(&t->deadlines), now = loop_now();
	struct timeval wait;

	if (at == USEC_NEVER) {
		evtimer_del(&t->timer);
		return;
	}
	wait = loop_timeval(at > now ? at - now : 0);
	evtimer_add(&t->timer, &wait);
}

static void followed_free(struct followed *f)
{
	struct trackers *t = f->all;

	courier_cancel(t->courier, f);
	timers_set(&t->deadlines, f->slot, USEC_NEVER);
	if (!f->forgotten)
		idmap_remove(&t->torrents, f->torrent);
	t->slots[f->slot] = NULL;
	if (f->slot < t->slot_free)
		t->slot_free = f->slot;
	announce_free(f->announce);
	free(f);
}

static void on_answer(void *context, uint64_t tag, const struct courier_answer *a);

static void send_order(struct followed *f, const struct announce_order *order, usec now)
{
	struct trackers *t = f->all;
	struct tracker_request request = {
		.event = order->event,
		.key = order->key,
		.numwant = order->numwant,
		.tracker_id = order->tracker_id,
	};
	const struct courier_order out = {
		.url = order->url,
		.family = (enum endpoint_family)order->family,
		.request = &request,
		.timeout = t->leaving ? TRACKERS_LEAVE_TIMEOUT : TRACKERS_TIMEOUT,
		.last_word = t->leaving,
		.on_answer = on_answer,
		.context = f,
		.tag = order->id,
	};

	(void)t->owner.facts(t->owner.context, f->torrent, &f->facts);
	memcpy(request.info_hash, f->facts.info_hash, SHA1_SIZE);
	memcpy(request.peer_id, f->facts.peer_id, PEER_ID_SIZE);
	request.uploaded = f->facts.uploaded;
	request.downloaded = f->facts.downloaded;
	request.left = f->facts.left;
	request.port = f->facts.port;
	request.crypto = f->facts.crypto;
	request.crypto_required = f->facts.crypto_required;
	if (!courier_send(t->courier, &out))
		announce_on_failure(f->announce, order->id, "too many announces at one time", now);
}

/* f may be gone afterwards. */
static void drive(struct followed *f)
{
	struct trackers *t = f->all;
	struct announce_order order;
	usec now = loop_now();

	while (announce_next(f->announce, &order, now))
		send_order(f, &order, now);
	if (f->forgotten && announce_pending(f->announce) == 0) {
		followed_free(f);
	} else {
		timers_set(&t->deadlines, f->slot, announce_deadline(f->announce));
	}
	arm(t);
}

static void hand_on(struct followed *f, const struct courier_answer *a)
{
	const struct tracker_response *r = a->response;
	struct endpoint peers[TRACKER_PEERS_MAX];
	uint32_t i, count = 0;

	for (i = 0; i < r->peer_count; i++)
		if (trackers_may_name(&a->from, &r->peers[i]))
			peers[count++] = r->peers[i];
	if (count > 0 && f->running)
		f->all->owner.peers(f->all->owner.context, f->torrent, peers, count);
}

static void check_left(struct trackers *t)
{
	if (t->leaving && courier_open(t->courier) == 0) {
		t->leaving = false;
		evtimer_del(&t->leave_timer);
		loop_settle(t->loop);
	}
}

static void on_answer(void *context, uint64_t tag, const struct courier_answer *a)
{
	struct followed *f = context;
	struct trackers *t = f->all;
	usec now = loop_now();

	if (a->response && !a->response->failed)
		hand_on(f, a);
	if (a->response)
		announce_on_response(f->announce, tag, a->response, now);
	else if (a->absent)
		announce_on_absent(f->announce, tag, now);
	else
		announce_on_failure(f->announce, tag, a->reason, now);
	drive(f);
	check_left(t);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct trackers *t = context;
	struct loop *loop = t->loop;
	usec now = loop_now();
	uint32_t slot;

	(void)fd;
	(void)what;
	while (timers_pop(&t->deadlines, now, &slot))
		drive(t->slots[slot]);
	arm(t);
	loop_settle(loop);
}

/* ---- torrents ---- */

static struct followed *find(const struct trackers *t, uint64_t torrent)
{
	return idmap_pointer(&t->torrents, torrent);
}

static struct followed *follow(struct trackers *t, uint64_t torrent)
{
	struct followed *f = find(t, torrent);
	uint32_t slot = t->slot_free;

	if (f)
		return f;
	while (slot < t->slot_count && t->slots[slot])
		slot++;
	t->slot_free = slot + 1;
	if (slot == t->slot_count) {
		t->slot_count = t->slot_count ? 2 * t->slot_count : 16;
		t->slots = memory_resize(t->slots, t->slot_count, sizeof(*t->slots));
		memset(t->slots + slot, 0, (t->slot_count - slot) * sizeof(*t->slots));
	}
	f = memory_zeroed(1, sizeof(*f));
	f->all = t;
	f->torrent = torrent;
	f->slot = slot;
	f->announce = announce_new(&t->rng);
	t->slots[slot] = f;
	idmap_set_pointer(&t->torrents, torrent, f);
	return f;
}

bool trackers_add(struct trackers *t, uint64_t torrent, const char *url, uint32_t tier,
                  const char **reason)
{
	struct followed *f = follow(t, torrent);
	bool added = announce_add(f->announce, url, tier, reason);

	if (announce_count(f->announce) == 0)
		followed_free(f);
	else
		drive(f);
	return added;
}

void trackers_start(struct trackers *t, uint64_t torrent, bool complete)
{
	struct followed *f = find(t, torrent);

	if (!f || f->running || t->leaving)
		return;
	f->running = true;
	announce_start(f->announce, complete, loop_now());
	drive(f);
}

void trackers_stop(struct trackers *t, uint64_t torrent)
{
	struct followed *f = find(t, torrent);

	if (!f || !f->running)
		return;
	f->running = false;
	announce_stop(f->announce, loop_now());
	drive(f);
}

void trackers_complete(struct trackers *t, uint64_t torrent)
{
	struct followed *f = find(t, torrent);

	if (!f)
		return;
	announce_complete(f->announce, loop_now());
	drive(f);
}

void trackers_set_partial(struct trackers *t, uint64_t torrent, bool partial)
{
	struct followed *f = find(t, torrent);

	if (f)
		announce_set_paused(f->announce, partial);
}

void trackers_hurry(struct trackers *t, uint64_t torrent)
{
	struct followed *f = find(t, torrent);

	if (!f)
		return;
	announce_hurry(f->announce, loop_now());
	drive(f);
}

void trackers_forget(struct trackers *t, uint64_t torrent)
{
	struct followed *f = find(t, torrent);

	if (!f)
		return;
	(void)t->owner.facts(t->owner.context, torrent, &f->facts);
	idmap_remove(&t->torrents, torrent);
	f->forgotten = true;
	f->running = false;
	announce_stop(f->announce, loop_now());
	drive(f);
}

void trackers_on_address_change(struct trackers *t)
{
	uint32_t slot;

	for (slot = 0; slot < t->slot_count; slot++) {
		if (!t->slots[slot])
			continue;
		announce_on_address_change(t->slots[slot]->announce, loop_now());
		drive(t->slots[slot]);
	}
}

/* ---- leaving ---- */

static void on_left(evutil_socket_t fd, short what, void *context)
{
	struct trackers *t = context;

	(void)fd;
	(void)what;
	courier_cancel(t->courier, NULL);
	t->leaving = false;
	loop_settle(t->loop);
}

void trackers_leave(struct trackers *t)
{
	const struct timeval wait = loop_timeval(TRACKERS_LEAVE_TIMEOUT);
	uint32_t slot;

	if (t->leaving)
		return;
	/* Nobody waits for other answers any more; "stopped" goes first. */
	courier_cancel(t->courier, NULL);
	t->leaving = true;
	for (slot = 0; slot < t->slot_count; slot++) {
		struct followed *f = t->slots[slot];

		if (!f)
			continue;
		f->running = false;
		announce_stop(f->announce, loop_now());
		drive(f);
	}
	t->leaving = courier_open(t->courier) > 0;
	if (t->leaving)
		evtimer_add(&t->leave_timer, &wait);
}

bool trackers_is_leaving(const struct trackers *t)
{
	return t->leaving;
}

/* ---- looking in, life ---- */

uint32_t trackers_count(const struct trackers *t, uint64_t torrent)
{
	const struct followed *f = find(t, torrent);

	return f ? announce_count(f->announce) : 0;
}

void trackers_status(const struct trackers *t, uint64_t torrent, uint32_t i,
                     struct announce_status *out)
{
	announce_status(find(t, torrent)->announce, i, out);
}

struct trackers *trackers_new(struct loop *loop, struct courier *courier,
                              const struct trackers_owner *owner)
{
	struct trackers *t = memory_zeroed(1, sizeof(*t));
	uint8_t seed[RNG_SEED_SIZE];

	t->loop = loop;
	t->courier = courier;
	t->owner = *owner;
	randombytes_buf(seed, sizeof(seed));
	rng_init(&t->rng, seed);
	timers_init(&t->deadlines);
	evtimer_assign(&t->timer, loop->base, on_timer, t);
	evtimer_assign(&t->leave_timer, loop->base, on_left, t);
	return t;
}

void trackers_free(struct trackers *t)
{
	uint32_t slot;

	if (!t)
		return;
	for (slot = 0; slot < t->slot_count; slot++)
		if (t->slots[slot])
			followed_free(t->slots[slot]);
	event_del(&t->timer);
	event_del(&t->leave_timer);
	timers_deinit(&t->deadlines);
	idmap_deinit(&t->torrents);
	free(t->slots);
	free(t);
}
