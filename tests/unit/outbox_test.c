/* tests/unit/outbox_test.c: what is queued leaves in order, whole, and once. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "peer/connect/outbox.h"
#include "proto/rng.h"

/* Take up to size bytes as a socket would. */
static size_t drain(struct outbox *o, uint8_t *to, size_t size, uint64_t *payload)
{
	struct bytes views[64];
	size_t n = outbox_views(o, views, 64), used = 0;
	for (size_t i = 0; i < n && used < size; i++) {
		const size_t part = views[i].size < size - used ? views[i].size : size - used;
		memcpy(to + used, views[i].data, part);
		used += part;
	}
	*payload += outbox_sent(o, NULL, used);
	return used;
}

Test(outbox, messages_and_payload_leave_in_order_in_any_pieces)
{
	static uint8_t expected[1 << 20], got[1 << 20], source[1 << 18];
	struct outbox o;
	struct rng rng;
	size_t want = 0, have = 0;
	uint64_t payload = 0, payload_in = 0;
	rng_init_number(&rng, 1, 1);
	rng_fill(&rng, source, sizeof source);
	outbox_init(&o);
	for (int i = 0; i < 4000; i++) {
		const uint32_t size = 1 + rng_below(&rng, 100);
		const uint8_t *from = source + rng_below(&rng, sizeof source - 100);
		if (rng_below(&rng, 3) == 0) {
			outbox_add_payload(&o, bytes_of(from, size), NULL);
			payload_in += size;
		} else {
			cr_assert(outbox_add(&o, bytes_of(from, size)));
		}
		memcpy(expected + want, from, size);
		want += size;
		cr_assert_eq(o.queued, want - have);
		if (rng_below(&rng, 2) == 0)
			have += drain(&o, got + have, rng_below(&rng, 150), &payload);
	}
	while (!outbox_is_empty(&o))
		have += drain(&o, got + have, 1 + rng_below(&rng, 500), &payload);
	cr_assert_eq(have, want);
	cr_assert_arr_eq(got, expected, want);
	cr_assert_eq(payload, payload_in);
	cr_assert_eq(o.queued, 0);
	outbox_deinit(&o, NULL);
}

Test(outbox, a_peer_that_takes_nothing_is_noticed)
{
	static const uint8_t message[1000];
	struct outbox o;
	uint32_t added = 0;
	outbox_init(&o);
	while (outbox_add(&o, bytes_of(message, sizeof message)))
		added++;
	cr_assert_eq(added, OUTBOX_CONTROL_MAX / sizeof message);
	cr_assert_eq(o.queued, added * sizeof message);
	outbox_deinit(&o, NULL);
}
