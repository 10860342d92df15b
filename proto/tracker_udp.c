/* proto/tracker_udp.c: packets of UDP trackers (BEP 15, 41). Packets may be
 * longer than described: what follows is ignored, as BEP 15 asks. */
#include "proto/tracker_udp.h"

#include <assert.h>

#include "proto/utf8.h"

#define PROTOCOL_ID UINT64_C(0x41727101980)

enum {
	OPTION_URL_DATA = 2,
	OPTION_SIZE_MAX = 255,
	PATIENCE_SEC = 15,
};

usec tracker_udp_patience(unsigned try)
{
	if (try >= TRACKER_UDP_TRIES_MAX)
		try = TRACKER_UDP_TRIES_MAX - 1;
	return (PATIENCE_SEC * USEC_PER_SEC) << try;
}

static void write_head(struct writer *w, uint64_t connection,
		       enum tracker_udp_action action, uint32_t transaction)
{
	write_u64(w, connection);
	write_u32(w, action);
	write_u32(w, transaction);
}

void tracker_udp_write_connect(struct writer *w, uint32_t transaction)
{
	write_head(w, PROTOCOL_ID, TRACKER_UDP_CONNECT, transaction);
}

static void write_target(struct writer *w, struct bytes target)
{
	do {
		size_t size = target.size < OPTION_SIZE_MAX ? target.size : OPTION_SIZE_MAX;

		write_u8(w, OPTION_URL_DATA);
		write_u8(w, (uint8_t)size);
		write_bytes(w, bytes_of(target.data, size));
		target.data += size;
		target.size -= size;
	} while (target.size > 0);
}

void tracker_udp_write_announce(struct writer *w, uint64_t connection, uint32_t transaction,
				const struct tracker_request *request, struct bytes target)
{
	bool paused = request->event == TRACKER_EVENT_PAUSED;

	write_head(w, connection, TRACKER_UDP_ANNOUNCE, transaction);
	write_bytes(w, bytes_of(request->info_hash, SHA1_SIZE));
	write_bytes(w, bytes_of(request->peer_id, PEER_ID_SIZE));
	write_u64(w, request->downloaded);
	write_u64(w, request->left);
	write_u64(w, request->uploaded);
	write_u32(w, paused ? TRACKER_EVENT_NONE : request->event);
	write_u32(w, 0); /* our address: the packet's */
	write_u32(w, request->key);
	write_u32(w, request->numwant);
	write_u16(w, request->port);
	/* A bare host needs no option, and old trackers never see one. */
	if (target.size > 0)
		write_target(w, target);
}

void tracker_udp_write_scrape(struct writer *w, uint64_t connection, uint32_t transaction,
			      const uint8_t (*hashes)[SHA1_SIZE], uint32_t count)
{
	uint32_t i;

	assert(count <= TRACKER_SCRAPE_MAX);
	write_head(w, connection, TRACKER_UDP_SCRAPE, transaction);
	for (i = 0; i < count; i++)
		write_bytes(w, bytes_of(hashes[i], SHA1_SIZE));
}

bool tracker_udp_read(struct tracker_udp_head *h, struct bytes packet)
{
	struct reader r;
	uint32_t action;

	reader_init(&r, packet);
	action = read_u32(&r);
	h->transaction = read_u32(&r);
	h->body = read_rest(&r);
	if (r.failed || action > TRACKER_UDP_ERROR)
		return false;
	h->action = (enum tracker_udp_action)action;
	return true;
}

bool tracker_udp_read_connect(const struct tracker_udp_head *h, uint64_t *connection)
{
	struct reader r;

	reader_init(&r, h->body);
	*connection = read_u64(&r);
	return !r.failed;
}

/* An interval is signed for some trackers: what looks negative was not said. */
static uint32_t interval_of(uint32_t v)
{
	if (v > INT32_MAX)
		return 0;
	return v < TRACKER_SECONDS_MAX ? v : TRACKER_SECONDS_MAX;
}

bool tracker_udp_read_announce(const struct tracker_udp_head *h, bool v6,
			       struct tracker_response *r, struct rng *rng)
{
	size_t size = v6 ? ENDPOINT_COMPACT_V6 : ENDPOINT_COMPACT_V4;
	struct endpoint e;
	struct reader in;

	tracker_response_init(r);
	reader_init(&in, h->body);
	r->interval_sec = interval_of(read_u32(&in));
	r->incomplete = read_u32(&in);
	r->complete = read_u32(&in);
	if (in.failed)
		return false;
	while (reader_left(&in) >= size)
		if (endpoint_from_compact(read_bytes(&in, size), &e))
			tracker_response_add(r, &e, rng);
	return true;
}

uint32_t tracker_udp_read_scrape(const struct tracker_udp_head *h,
				 struct tracker_scrape *entries, uint32_t max)
{
	struct reader in;
	uint32_t count;

	reader_init(&in, h->body);
	for (count = 0; count < max && reader_left(&in) >= 12; count++) {
		entries[count].complete = read_u32(&in);
		entries[count].downloaded = read_u32(&in);
		entries[count].incomplete = read_u32(&in);
		entries[count].downloaders = TRACKER_UNKNOWN;
	}
	return count;
}

void tracker_udp_read_error(const struct tracker_udp_head *h, struct tracker_response *r)
{
	struct bytes text = h->body;

	tracker_response_init(r);
	r->failed = true;
	text.size = text.size < TRACKER_TEXT_MAX - 1 ? text.size : TRACKER_TEXT_MAX - 1;
	utf8_clean(text, false, r->text);
}
