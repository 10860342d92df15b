/* tests/fuzz/limiter_fuzz.c: asking, moving, leaving and changing limits in any
 * order.
 *
 * Holds: nobody moves more than a limit allows (plus what it holds when full),
 * who waits is counted and named in the end, and nothing is promised to two. */
#include <assert.h>
#include <stdlib.h>

#include "peer/limiter.h"
#include "proto/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONNS = 24, TORRENTS = 4 };

struct world {
	struct limiter l;
	bool waits[CONNS];
	usec now;
	uint64_t rate, moved;  /* the session's limit and what was moved under it */
	usec since;
	uint64_t conn_rate, conn_moved; /* the same for conn 0 */
	usec conn_since;
};

static void check(const struct world *w)
{
	uint32_t waiting = 0;

	for (int i = 0; i < CONNS; i++)
		waiting += w->waits[i];
	assert(w->l.waiting == waiting);
	assert(waiting > 0 || limiter_deadline(&w->l) == USEC_NEVER);
	if (w->rate != 0) {
		const uint64_t burst = w->rate / 50 + BUCKET_BURST_MIN;
		assert(w->moved <= w->rate * (w->now - w->since) / USEC_PER_SEC + burst + 1);
	}
	if (w->conn_rate != 0) {
		const uint64_t burst = w->conn_rate / 50 + BUCKET_BURST_MIN;
		assert(w->conn_moved <=
		       w->conn_rate * (w->now - w->conn_since) / USEC_PER_SEC + burst + 1);
	}
}

static void move_bytes(struct world *w, uint32_t conn, size_t want, uint8_t part)
{
	const size_t allowed = limiter_ask(&w->l, conn % TORRENTS, conn, want, w->now);

	w->waits[conn] = allowed == 0;
	if (allowed == 0)
		return;
	const size_t most = allowed < want ? allowed : want;
	const size_t moved = part >= 250 ? 0 : part >= 200 ? most / 2 : most;
	limiter_take(&w->l, conn % TORRENTS, conn, moved, w->now);
	w->moved += moved;
	if (conn == 0)
		w->conn_moved += moved;
}

static void set_rate(struct world *w, uint8_t what, uint32_t i)
{
	const uint64_t rate = what % 4 == 0 ? 0 : (uint64_t)what * what * 1000;

	if (what & 0x80) {
		limiter_set_rate(&w->l, rate, w->now);
		w->rate = rate;
		w->since = w->now;
		w->moved = 0;
	} else if (what & 0x40) {
		limiter_set_torrent_rate(&w->l, i % TORRENTS, rate, w->now);
	} else {
		limiter_set_conn_rate(&w->l, i, rate, w->now);
		if (i == 0) {
			w->conn_rate = rate;
			w->conn_since = w->now;
			w->conn_moved = 0;
		}
	}
}

static void serve(struct world *w, uint8_t part)
{
	uint32_t conn;

	while (limiter_next(&w->l, &conn, w->now)) {
		assert(conn < CONNS && w->waits[conn]);
		w->waits[conn] = false;
		if (part % 7 != 3)
			move_bytes(w, conn, 1 + part * 300, part);
	}
	assert(limiter_deadline(&w->l) > w->now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { .now = USEC_PER_SEC };
	struct reader in;

	reader_init(&in, bytes_of(data, size));
	w.rate = (uint64_t)read_u8(&in) * 10000;
	w.since = w.now;
	limiter_init(&w.l, w.rate, w.now);
	while (reader_left(&in) > 0) {
		const uint8_t what = read_u8(&in);
		const uint8_t value = read_u8(&in);
		const uint32_t conn = what / 8 % CONNS;
		switch (what % 8) {
		case 0:
			set_rate(&w, value, conn);
			break;
		case 1:
			limiter_forget(&w.l, conn, w.now);
			w.waits[conn] = false;
			if (conn == 0)
				w.conn_rate = 0;
			break;
		case 2:
		case 3:
			w.now += (usec)value * 500;
			break;
		case 4:
			serve(&w, value);
			break;
		default:
			move_bytes(&w, conn, 1 + (size_t)value * 400, value);
			break;
		}
		check(&w);
	}
	for (uint32_t i = 0; i < 1u << 20 && w.l.waiting > 0; i++) {
		uint32_t conn;
		assert(limiter_deadline(&w.l) != USEC_NEVER);
		w.now = usec_max(w.now, limiter_deadline(&w.l));
		while (limiter_next(&w.l, &conn, w.now)) {
			assert(w.waits[conn]);
			w.waits[conn] = false;
			limiter_take(&w.l, conn % TORRENTS, conn, 1, w.now);
		}
	}
	assert(w.l.waiting == 0);
	limiter_deinit(&w.l);
	return 0;
}
