/* tests/unit/handshake_ends.h: what the tests of handshake.c share: two ends
 * that know one torrent, and what feeds them. */
#ifndef TESTS_UNIT_HANDSHAKE_ENDS_H
#define TESTS_UNIT_HANDSHAKE_ENDS_H

#include "peer/connect/handshake.h"

#include <criterion/criterion.h>

static const struct handshake ours = {
    .info_hash = "an info-hash of 20 b",
    .peer_id = "-SH0001-initiator--a",
    .extended = true,
    .fast = true,
    .dht = true,
};
static const struct handshake theirs = {
    .info_hash = "an info-hash of 20 b",
    .peer_id = "-SH0001-responder--b",
    .fast = true,
};

static struct rng rng;
static struct handshaker a, b;

static inline void init(void)
{
	rng_init_number(&rng, 4, 2);
}

/* Answer what h asks: it knows the one torrent of `own`, or none. */
static inline void answer(struct handshaker *h, const struct handshake *own)
{
	uint8_t known[SHA1_SIZE];

	mse_skey_hash(ours.info_hash, known);
	if (h->state == HANDSHAKE_ASKS_KEY) {
		if (own && memcmp(known, h->skey_hash, SHA1_SIZE) == 0)
			handshaker_set_key(h, own->info_hash);
		else
			handshaker_refuse(h, "no such torrent");
	}
	if (h->state == HANDSHAKE_ASKS_TORRENT) {
		if (own && memcmp(own->info_hash, h->peer.info_hash, SHA1_SIZE) == 0)
			handshaker_accept(h, own);
		else
			handshaker_refuse(h, "no such torrent");
	}
}

/* Feed in pieces of `step` bytes; returns how many were taken. */
static inline size_t feed(struct handshaker *h, const uint8_t *data, size_t size, size_t step,
		   const struct handshake *own)
{
	size_t at = 0, used;

	while (at < size && h->state < HANDSHAKE_DONE) {
		size_t some = size - at < step ? size - at : step;

		cr_assert_eq(handshaker_on_bytes(h, bytes_of(data + at, some), &used),
			     h->state != HANDSHAKE_FAILED);
		cr_assert(used > 0 && used <= some);
		cr_assert(used == some || h->state != HANDSHAKE_READING);
		at += used;
		answer(h, own);
	}
	return at;
}

static inline void check_failed(const struct handshaker *h, enum handshake_failure failure)
{
	cr_assert_eq(h->state, HANDSHAKE_FAILED);
	cr_assert_eq(h->failure, failure, "%s", h->reason);
	cr_assert_not_null(h->reason);
	cr_assert_not(handshaker_has_output(h));
}

#endif
