/* tests/fuzz/tracker_msg_fuzz.c: answers of trackers, HTTP and UDP. Holds:
 * bounded, terminated, and only dialable addresses come out. */
#include <assert.h>

#include "proto/tracker_msg.h"
#include "proto/tracker_udp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct tracker_response *r)
{
	uint32_t i;

	assert(r->peer_count <= TRACKER_PEERS_MAX && r->peer_count <= r->peer_total);
	for (i = 0; i < r->peer_count; i++)
		assert(endpoint_is_usable(&r->peers[i]));
	assert(memchr(r->text, '\0', sizeof(r->text)));
	assert(memchr(r->warning, '\0', sizeof(r->warning)));
	assert(memchr(r->tracker_id, '\0', sizeof(r->tracker_id)));
	assert(r->interval_sec <= TRACKER_SECONDS_MAX &&
	       r->retry_sec <= TRACKER_SECONDS_MAX);
	assert(r->min_interval_sec <= TRACKER_SECONDS_MAX);
}

static void fuzz_udp(struct bytes in, struct rng *rng)
{
	static struct tracker_response r;
	struct tracker_scrape entries[TRACKER_SCRAPE_MAX];
	struct tracker_udp_head head;
	uint64_t connection;

	if (!tracker_udp_read(&head, in))
		return;
	assert(in.size >= 8);
	assert(tracker_udp_read_connect(&head, &connection) == (in.size >= 16));
	if (tracker_udp_read_announce(&head, false, &r, rng))
		check(&r);
	if (tracker_udp_read_announce(&head, true, &r, rng))
		check(&r);
	assert(tracker_udp_read_scrape(&head, entries, TRACKER_SCRAPE_MAX) <= in.size / 12);
	tracker_udp_read_error(&head, &r);
	check(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tracker_response r;
	struct tracker_scrape entries[8];
	char text[TRACKER_TEXT_MAX];
	const char *reason = NULL;
	struct bytes in = bytes_of(data, size);
	struct rng rng;
	uint32_t count;

	rng_init_number(&rng, size, 0);
	if (tracker_response_read(&r, in, &rng, &reason))
		check(&r);
	else
		assert(reason && reason[0]);
	if (!tracker_scrape_read(entries, 8, &count, in, text))
		assert(text[0] && count == 0);
	assert(count <= 8);
	fuzz_udp(in, &rng);
	return 0;
}
