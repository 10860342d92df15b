/* tests/fuzz/announce_fuzz.c: any sequence of inputs to the tier logic.
 *
 * Each byte is one input. Holds: draining ends, the deadline then lies ahead
 * unless answers are awaited, no tracker is asked twice at a time, "completed"
 * and "stopped" only go where "started" was taken. */
#include <assert.h>
#include <stdio.h>

#include "peer/discover/announce.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TRACKERS = 5, OPEN_MAX = 64 };

static uint64_t open_ids[OPEN_MAX];
static uint32_t open_count;

static void drain(struct announce *a, usec now)
{
	struct announce_order order;
	uint32_t drained = 0, i;

	while (announce_next(a, &order, now)) {
		assert(++drained <= 2 * TRACKERS * 2);
		assert(order.family == ENDPOINT_V4 || order.family == ENDPOINT_V6);
		for (i = 0; i < open_count; i++)
			assert(open_ids[i] != order.id);
		if (open_count < OPEN_MAX)
			open_ids[open_count++] = order.id;
	}
	assert(announce_deadline(a) > now);
	assert(announce_pending(a) <= 3 * TRACKERS);
}

static void answer(struct announce *a, uint8_t how, usec now)
{
	struct tracker_response r;
	uint64_t id;
	uint32_t at;

	if (open_count == 0)
		return;
	at = how % open_count;
	id = open_ids[at];
	open_ids[at] = open_ids[--open_count];
	tracker_response_init(&r);
	r.interval_sec = (uint32_t)how * 20;
	switch (how >> 5) {
	case 0:
	case 1:
		announce_on_failure(a, id, "failed", now);
		break;
	case 2:
		announce_on_absent(a, id, now);
		break;
	case 3:
		r.failed = true;
		r.retry_sec = how;
		announce_on_response(a, id, &r, now);
		break;
	case 4:
		r.failed = r.retry_never = how == 0x80;
		announce_on_response(a, id, &r, now);
		break;
	default:
		announce_on_response(a, id, &r, now);
		announce_on_response(a, id, &r, now);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *reason;
	char url[32];
	struct announce *a;
	struct announce_status s;
	struct rng rng;
	usec now = USEC_PER_SEC;
	uint32_t added = 0, k;
	size_t i;

	rng_init_number(&rng, 1, size);
	a = announce_new(&rng);
	open_count = 0;
	for (i = 0; i + 1 < size && i < 400; i += 2) {
		usec deadline = announce_deadline(a);

		switch (data[i] % 10) {
		case 0:
			snprintf(url, sizeof(url), "udp://t%u:80", added);
			if (added < TRACKERS &&
			    announce_add(a, url, data[i + 1] % 3, &reason))
				added++;
			break;
		case 1:
			announce_start(a, data[i + 1] & 1, now);
			break;
		case 2:
			announce_stop(a, now);
			break;
		case 3:
			announce_complete(a, now);
			break;
		case 4:
			announce_hurry(a, now);
			break;
		case 5:
			announce_on_address_change(a, now);
			break;
		case 6:
			now += data[i + 1] * USEC_PER_SEC;
			break;
		case 7:
			now = deadline != USEC_NEVER ? usec_max(now, deadline) : now;
			break;
		default:
			answer(a, data[i + 1], now);
		}
		drain(a, now);
		for (k = 0; k < announce_count(a); k++)
			announce_status(a, k, &s);
	}
	announce_stop(a, now);
	drain(a, now);
	assert(announce_deadline(a) == USEC_NEVER);
	announce_free(a);
	return 0;
}
