/* tests/fuzz/handshake_fuzz.c: openings against strangers, and between two of
 * ours with cuts and a flipped byte on the way.
 *
 * The first byte chooses: policy, role, whether to talk to a second one of
 * ours. Holds: progress, no byte taken twice or past the end, output bounded,
 * an answer for every failure, and two undisturbed ends always meet. */
#include <assert.h>

#include "peer/connect/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct handshake ours = {.info_hash = "torrent", .peer_id = "a", .fast = true};
static const struct handshake theirs = {
    .info_hash = "torrent", .peer_id = "b", .dht = true};

static struct handshaker a, b;
static struct rng rng;

static void answer(struct handshaker *h, const struct handshake *own)
{
	uint8_t known[SHA1_SIZE];

	mse_skey_hash(own->info_hash, known);
	if (h->state == HANDSHAKE_ASKS_KEY) {
		if (memcmp(known, h->skey_hash, SHA1_SIZE) == 0)
			handshaker_set_key(h, own->info_hash);
		else
			handshaker_refuse(h, "no such torrent");
	}
	if (h->state == HANDSHAKE_ASKS_TORRENT) {
		if (memcmp(own->info_hash, h->peer.info_hash, SHA1_SIZE) == 0)
			handshaker_accept(h, own);
		else
			handshaker_refuse(h, "no such torrent");
	}
}

static void feed(struct handshaker *h, struct bytes in, const struct handshake *own)
{
	size_t used;

	while (in.size > 0 && h->state < HANDSHAKE_DONE) {
		bool ok = handshaker_on_bytes(h, in, &used);

		assert(used > 0 && used <= in.size);
		assert(ok == (h->state != HANDSHAKE_FAILED));
		assert(used == in.size || h->state != HANDSHAKE_READING);
		assert(h->in_used <= sizeof(h->in) && h->out_used <= sizeof(h->out));
		in = bytes_of(in.data + used, in.size - used);
		answer(h, own);
	}
	if (h->state == HANDSHAKE_FAILED)
		assert(h->reason && h->failure != HANDSHAKE_FINE &&
		       !handshaker_has_output(h));
	else
		assert(h->failure == HANDSHAKE_FINE);
}

/* Bytes of the input choose the cuts; the first of them is where to flip. */
static void fuzz_pair(struct bytes in, bool flip)
{
	uint8_t wire[HANDSHAKE_OUT_MAX];
	size_t at = 2, sent = 0,
	       target = in.size > 1 ? (size_t)in.data[0] * 8 + in.data[1] : 0;
	bool flipped = false;

	while (a.state < HANDSHAKE_DONE || b.state < HANDSHAKE_DONE) {
		struct handshaker *from = handshaker_has_output(&a) ? &a : &b;
		struct handshaker *to = from == &a ? &b : &a;
		size_t max = at < in.size ? (size_t)in.data[at++] + 1 : sizeof(wire);
		size_t size = handshaker_output(from, wire, max);

		if (size == 0)
			break;
		if (flip && target >= sent && target < sent + size) {
			wire[target - sent] ^= 0x40;
			flipped = true;
		}
		sent += size;
		feed(to, bytes_of(wire, size), to == &a ? &ours : &theirs);
	}
	if (flipped)
		return;
	assert(a.state == HANDSHAKE_DONE && b.state == HANDSHAKE_DONE);
	assert(a.peer.dht && !a.peer.fast && b.peer.fast && !b.peer.dht);
	assert(a.encrypted == b.encrypted && a.stream.encrypted == b.stream.encrypted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum encryption_policy policy;
	struct bytes in;
	size_t half;

	if (size < 2)
		return 0;
	rng_init_number(&rng, data[1], 0);
	policy = (enum encryption_policy)(data[0] & 3);
	in = bytes_of(data + 2, size - 2);
	handshaker_init_responder(&b, policy, &rng);
	if (policy == ENCRYPTION_OFF)
		handshaker_init_initiator(&a, &ours, policy, false, &rng);
	else
		handshaker_init_initiator(&a, &ours, policy,
					  policy == ENCRYPTION_REQUIRED || (data[0] & 4),
					  &rng);
	if (data[0] & 8) {
		fuzz_pair(in, data[0] & 16);
	} else {
		half = in.size / 2;
		feed(&b, bytes_of(in.data, half), &theirs);
		if (b.state < HANDSHAKE_DONE)
			feed(&b, bytes_of(in.data + half, in.size - half), &theirs);
		feed(&a, in, &ours);
	}
	handshaker_deinit(&a);
	handshaker_deinit(&b);
	return 0;
}
