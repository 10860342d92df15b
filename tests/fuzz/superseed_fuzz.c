/* tests/fuzz/superseed_fuzz.c: peers come, get pieces, pass them on and leave,
 * while it is turned on and off.
 *
 * Holds: a piece is shown to one peer at a time and to nobody while somebody has
 * it, nobody sees more than its part, the counts are what they say, and whoever
 * is there when it is off is told all. */
#include <assert.h>
#include <stdlib.h>

#include "peer/upload/superseed.h"
#include "proto/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PEERS = 10, PIECES = 40 };

struct world {
	struct superseed s;
	struct superseed_peer peers[PEERS];
	struct bitfield has[PEERS];
	bool there[PEERS];
	struct rng rng;
};

static void drain(struct world *w)
{
	uint32_t piece;

	for (int i = 0; i < PEERS; i++) {
		struct superseed_peer *p = &w->peers[i];
		if (!w->there[i])
			continue;
		while (superseed_tell_next(&w->s, p, &w->has[i], &w->rng, &piece)) {
			assert(piece < PIECES && superseed_may_ask(p, piece));
			assert(!bitfield_get(&w->has[i], piece));
			if (w->s.on)
				assert(w->s.copies[piece] == 0 && w->s.shown_to[piece] == 1);
		}
		assert(w->s.on || !p->hidden);
	}
}

static void check(const struct world *w)
{
	uint32_t shown[PIECES] = { 0 }, out = 0;

	if (!w->s.on)
		return;
	for (int i = 0; i < PEERS; i++) {
		for (int k = 0; w->there[i] && w->peers[i].hidden && k < SUPERSEED_SHOWN_MAX; k++) {
			if (w->peers[i].shown[k] != SUPERSEED_NONE)
				shown[w->peers[i].shown[k]]++;
		}
	}
	for (uint32_t piece = 0; piece < PIECES; piece++) {
		uint32_t copies = 0;
		for (int i = 0; i < PEERS; i++)
			copies += w->there[i] && bitfield_get(&w->has[i], piece);
		assert(w->s.copies[piece] == copies);
		assert(w->s.shown_to[piece] == shown[piece] && shown[piece] <= 1);
		out += copies > 0;
	}
	assert(w->s.out == out);
}

static void leave(struct world *w, int i)
{
	if (!w->there[i])
		return;
	superseed_peer_deinit(&w->s, &w->peers[i]);
	superseed_on_gone(&w->s, &w->has[i]);
	w->there[i] = false;
}

static void come(struct world *w, int i, bool with_pieces)
{
	leave(w, i);
	bitfield_clear_all(&w->has[i]);
	for (uint32_t piece = 0; with_pieces && piece < PIECES; piece += 1 + rng_below(&w->rng, 9))
		bitfield_set(&w->has[i], piece);
	superseed_peer_init(&w->s, &w->peers[i], true);
	superseed_on_bitfield(&w->s, &w->has[i]);
	w->there[i] = true;
}

static void turn_on(struct world *w)
{
	superseed_begin(&w->s, PIECES);
	for (int i = 0; i < PEERS; i++) {
		if (w->there[i])
			superseed_on_bitfield(&w->s, &w->has[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w;
	struct reader in;

	memset(&w, 0, sizeof(w));
	reader_init(&in, bytes_of(data, size));
	rng_init_number(&w.rng, read_u8(&in), 0);
	superseed_init(&w.s);
	for (int i = 0; i < PEERS; i++)
		bitfield_init(&w.has[i], PIECES);
	while (reader_left(&in) > 0) {
		const uint8_t what = read_u8(&in);
		const int i = what / 8 % PEERS;
		const uint32_t piece = read_u8(&in) % PIECES;
		if (what % 8 == 0)
			come(&w, i, piece & 1);
		else if (what % 8 == 1)
			leave(&w, i);
		else if (what % 8 == 2 && w.s.on)
			superseed_end(&w.s);
		else if (what % 8 == 3 && !w.s.on)
			turn_on(&w);
		else if (w.there[i] && bitfield_set(&w.has[i], piece))
			superseed_on_have(&w.s, &w.peers[i], piece);
		/* Not always at once. */
		if (what & 0x80)
			drain(&w);
		check(&w);
	}
	for (int i = 0; i < PEERS; i++) {
		leave(&w, i);
		bitfield_deinit(&w.has[i]);
	}
	superseed_deinit(&w.s);
	return 0;
}
