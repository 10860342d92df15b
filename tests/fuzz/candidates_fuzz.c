/* tests/fuzz/candidates_fuzz.c: any order of news about addresses.
 *
 * Holds: an index means one address for ever (or nobody); nobody is dialed who
 * is busy, banned, ourselves, waiting, or in a subnet that had its three dials;
 * counts stay within their limits; candidates_deadline tells the truth. */
#include <assert.h>
#include <stdlib.h>

#include "peer/discover/candidates.h"
#include "proto/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HANDLES = 64, HOSTS = 24, DIALS_KEPT = 256 };

struct handle {
	uint32_t index;          /* CANDIDATE_NONE: unused */
	struct endpoint address; /* its port may be set later */
};

struct world {
	struct reader in;
	struct rng rng;
	struct candidates *c;
	struct handle handles[HANDLES];
	uint32_t next_handle;
	struct { uint64_t subnet; usec at; } dials[DIALS_KEPT];
	uint32_t dial_count;
	usec now;
};

/* Few addresses, so that they meet: some global, some private, some useless. */
static struct endpoint some_endpoint(struct world *w)
{
	const uint8_t host = read_u8(&w->in), port = read_u8(&w->in);
	struct endpoint e = endpoint_v4(8, 8, host % 3, host % HOSTS, (uint16_t)(port % 4 * 700));

	if (host % 5 == 1)
		e.address[0] = 10;
	if (host % 11 == 3)
		e.family = ENDPOINT_NONE;
	if (host % 7 == 2) {
		const uint8_t v6[16] = { 0x2a, 0, 0, host % 2 };
		e = endpoint_from_address(bytes_of(v6, 16), e.port);
		e.address[15] = host;
	}
	if (e.family == ENDPOINT_NONE)
		e = (struct endpoint){ .family = ENDPOINT_NONE };
	return e;
}

static void keep(struct world *w, uint32_t index, const struct endpoint *e)
{
	if (index == CANDIDATE_NONE)
		return;
	const struct endpoint *stored = candidates_endpoint(w->c, index);
	assert(endpoint_same_address(stored, e));
	w->handles[w->next_handle++ % HANDLES] = (struct handle){ index, *e };
}

static const struct handle *some_handle(struct world *w)
{
	const struct handle *h = &w->handles[read_u8(&w->in) % HANDLES];
	const struct endpoint *stored = candidates_endpoint(w->c, h->index);

	assert(h->index == CANDIDATE_NONE || stored->family == ENDPOINT_NONE ||
	       endpoint_same_address(stored, &h->address));
	return h;
}

static void dial(struct world *w, bool want_seeds)
{
	const usec deadline = candidates_deadline(w->c, want_seeds);
	const uint32_t idle = candidates_idle_count(w->c);
	const uint32_t index = candidates_next(w->c, want_seeds, w->now);

	if (deadline > w->now)
		assert(index == CANDIDATE_NONE);
	if (index == CANDIDATE_NONE) {
		assert(candidates_deadline(w->c, want_seeds) > w->now);
		assert(candidates_idle_count(w->c) == idle);
		return;
	}
	const struct endpoint *e = candidates_endpoint(w->c, index);
	assert(endpoint_is_usable(e) && !candidates_is_banned(w->c, e));
	assert(candidates_is_busy(w->c, index) && candidates_idle_count(w->c) == idle - 1);
	if (endpoint_class(e) == ENDPOINT_GLOBAL) {
		uint32_t recent = 0;
		for (uint32_t i = 0; i < DIALS_KEPT && i < w->dial_count; i++)
			recent += w->dials[i].subnet == endpoint_subnet(e) &&
			          w->now - w->dials[i].at < USEC_PER_MIN;
		assert(recent < DIALS_PER_SUBNET_MAX);
		w->dials[w->dial_count % DIALS_KEPT].subnet = endpoint_subnet(e);
		w->dials[w->dial_count++ % DIALS_KEPT].at = w->now;
	}
	keep(w, index, e);
}

static void learn(struct world *w, uint8_t what)
{
	const struct endpoint e = some_endpoint(w);
	const enum peer_source source = (enum peer_source)(what >> 4) % SOURCES;

	switch (what % 4) {
	case 0:
	case 1:
		keep(w, candidates_add(w->c, &e, source, what % 4, w->now), &e);
		break;
	case 2:
		keep(w, candidates_on_incoming(w->c, &e, w->now), &e);
		break;
	default:
		if ((what & 0xf0) == 0)
			candidates_set_self(w->c, &e);
		else
			keep(w, candidates_add(w->c, &e, SOURCE_PEX, false, w->now), &e);
		break;
	}
}

static void hear(struct world *w, uint8_t what)
{
	const uint32_t index = some_handle(w)->index;

	switch (what % 8) {
	case 0:
	case 1:
		candidates_on_connected(w->c, index, w->now);
		break;
	case 2:
	case 3:
		candidates_on_failed(w->c, index, w->now);
		break;
	case 4:
	case 5:
		candidates_on_closed(w->c, index, what & 1, w->now);
		break;
	case 6:
		candidates_set_port(w->c, index, (uint16_t)(read_u8(&w->in) % 4 * 700), w->now);
		break;
	default:
		if (what & 0x80)
			candidates_ban(w->c, index);
		else
			candidates_set_seed(w->c, index, what & 0x40);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	reader_init(&w.in, bytes_of(data, size));
	rng_init_number(&w.rng, read_u8(&w.in), 0);
	w.c = candidates_new(&w.rng);
	for (int i = 0; i < HANDLES; i++)
		w.handles[i].index = CANDIDATE_NONE;
	while (reader_left(&w.in) > 0) {
		const uint8_t what = read_u8(&w.in);
		if (what % 3 == 0)
			learn(&w, what / 3);
		else if (what % 3 == 1)
			hear(&w, read_u8(&w.in));
		else if (what & 0x80)
			dial(&w, what & 0x40);
		else
			w.now += (usec)(what & 0x1f) * USEC_PER_SEC;
		assert(candidates_count(w.c) <= CANDIDATES_MAX);
		assert(candidates_idle_count(w.c) <= candidates_count(w.c));
	}
	candidates_free(w.c);
	return 0;
}
