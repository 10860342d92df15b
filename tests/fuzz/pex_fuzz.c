/* tests/fuzz/pex_fuzz.c: any order of comings, goings and messages.
 *
 * Holds, for two readers: nobody is added and dropped in one message, nobody is
 * dropped who was not added, the limits, the pace, and that a reader who has
 * heard all knows exactly who is there; each message survives the wire. And any
 * bytes as an incoming message leave only credible contacts. */
#include <assert.h>
#include <stdlib.h>

#include "peer/discover/pex.h"
#include "proto/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HOSTS = 80, READERS = 2 };

struct reader_model {
	struct pex_recipient r;
	bool knows[HOSTS];
	usec told_at;
};

static struct endpoint nth(uint32_t i)
{
	if (i % 3 == 0) {
		uint8_t v6[16] = { 0x2a, [15] = (uint8_t)i };
		return endpoint_from_address(bytes_of(v6, 16), 7000);
	}
	return endpoint_v4(9, 9, 9, (uint8_t)i, 6881);
}

static uint32_t host_of(const struct endpoint *e)
{
	return e->address[e->family == ENDPOINT_V4 ? 3 : 15];
}

static void check_wire(const struct pex_message *m)
{
	static struct pex_message again;
	uint8_t buffer[8192];
	struct writer w;

	writer_init(&w, buffer, sizeof(buffer));
	pex_message_write(&w, m);
	assert(pex_message_read(&again, writer_bytes(&w)));
	assert(again.added_count == m->added_count && again.dropped_count == m->dropped_count);
}

static void tell(const struct pex *p, struct reader_model *reader, const bool *live,
                 struct rng *rng, usec now)
{
	static struct pex_message m;
	static const struct endpoint nobody;
	bool added[HOSTS] = { false };
	const bool first = !reader->r.begun;

	if (!pex_next_message(p, &reader->r, &nobody, &m, rng, now))
		return;
	assert(first || now >= reader->told_at + PEX_INTERVAL);
	reader->told_at = now;
	assert(m.added_count + m.dropped_count > 0);
	assert(m.added_count <= (first ? PEX_FIRST_MAX : PEX_CHANGES_MAX));
	assert(m.dropped_count <= PEX_CHANGES_MAX);
	for (uint32_t i = 0; i < m.added_count; i++) {
		const uint32_t host = host_of(&m.added[i].endpoint);
		assert(!added[host]);
		added[host] = reader->knows[host] = true;
	}
	for (uint32_t i = 0; i < m.dropped_count; i++) {
		const uint32_t host = host_of(&m.dropped[i]);
		assert(!added[host] && reader->knows[host]);
		reader->knows[host] = false;
	}
	if (reader->r.place == p->head)
		assert(memcmp(reader->knows, live, HOSTS) == 0);
	check_wire(&m);
}

static void check_incoming(struct bytes bytes)
{
	static struct pex_message m;
	struct pex_guard g = { 0 };
	const struct endpoint from = endpoint_v4(8, 8, 8, 8, 1);

	if (!pex_message_read(&m, bytes))
		return;
	assert(pex_on_message(&g, &m, &from, 1) == PEX_TAKEN);
	assert(m.added_count <= EXT_PEX_READ_MAX);
	for (uint32_t i = 0; i < m.added_count; i++) {
		assert(endpoint_class(&m.added[i].endpoint) == ENDPOINT_GLOBAL);
		assert(m.added[i].endpoint.port >= 1024);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader_model readers[READERS] = { 0 };
	bool live[HOSTS] = { false };
	struct reader in;
	struct pex p;
	struct rng rng;
	usec now = 0;

	check_incoming(bytes_of(data, size));
	reader_init(&in, bytes_of(data, size));
	rng_init_number(&rng, 1, 0);
	pex_init(&p);
	for (int i = 0; i < READERS; i++)
		pex_recipient_init(&readers[i].r, now);
	while (reader_left(&in) > 0) {
		const uint8_t what = read_u8(&in);
		const uint32_t host = read_u8(&in) % HOSTS;
		const struct endpoint e = nth(host);
		if (what % 4 == 0) {
			pex_on_connected(&p, &e, what >> 3);
			live[host] = true;
		} else if (what % 4 == 1) {
			pex_on_closed(&p, &e);
			live[host] = false;
		} else if (what % 4 == 2) {
			now += (usec)(what >> 2) * USEC_PER_SEC;
		} else {
			/* Nobody falls behind the timeline here. */
			for (int i = 0; i < READERS; i++) {
				if ((what >> (2 + i)) & 1)
					tell(&p, &readers[i], live, &rng, now);
			}
		}
		if (p.head - p.tail == PEX_TIMELINE_MAX)
			break;
	}
	pex_deinit(&p);
	return 0;
}
