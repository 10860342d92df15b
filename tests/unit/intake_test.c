/* tests/unit/intake_test.c: what peers say and send, legal or not. */
#include "tests/unit/download_rig.h"

Test(intake, claims_that_break_the_protocol)
{
	struct fixture f;
	fixture_init(&f, 10 * 16384, 16384);
	struct download_peer *p = join(&f, 0, 0);
	cr_assert_not(download_on_have(f.d, p, 10, &reason));
	cr_assert_not(download_on_dont_have(f.d, p, 10, &reason));
	cr_assert_not(download_on_have_all(f.d, p, &reason), "no fast extension");
	cr_assert_not(download_on_have_none(f.d, p, &reason));
	cr_assert_not(download_on_allowed_fast(f.d, p, 1, &reason));
	cr_assert_not(download_on_reject(f.d, p, (struct block){ 0, 0, 16384 }, f.now, &reason));
	cr_assert_not(download_on_bitfield(f.d, p, bytes_of("\xff", 1), &reason), "too short");
	cr_assert_str_eq(reason, "malformed bitfield");
	leave(&f, p);
	p = join(&f, 0, 0);
	cr_assert_not(download_on_bitfield(f.d, p, bytes_of("\xff\xff", 2), &reason), "spare bits");
	leave(&f, p);
	p = join(&f, 0, 0);
	cr_assert(download_on_have(f.d, p, 3, &reason));
	cr_assert(download_on_have(f.d, p, 3, &reason), "twice is harmless");
	cr_assert_not(download_on_bitfield(f.d, p, bytes_of("\xff\xc0", 2), &reason), "too late");
	cr_assert_eq(p->interesting, 1);
	check_invariants(&f);
	p->fast = true;
	cr_assert_not(download_on_allowed_fast(f.d, p, 10, &reason));
	cr_assert_not(download_on_reject(f.d, p, (struct block){ 0, 0, 16384 }, f.now, &reason));
	leave(&f, p);
	fixture_deinit(&f);
}

Test(intake, a_seed_that_loses_a_piece)
{
	struct fixture f;
	fixture_init(&f, 10 * 16384, 16384);
	struct download_peer *p = join_seed(&f, 0, 0), *q = join_seed(&f, 1, 1);
	struct block out[16];
	cr_assert_eq(f.d->picker->seeds, 2);
	cr_assert_eq(download_availability(f.d, 4), 2);
	const uint32_t n = download_request(f.d, p, out, 16, f.now);
	cr_assert_gt(n, 0);
	cr_assert(download_on_dont_have(f.d, p, out[0].piece, &reason));
	cr_assert_eq(p->outstanding, n - 1, "what it no longer has is not waited for");
	cr_assert_eq(download_availability(f.d, out[0].piece), 1);
	check_invariants(&f);
	cr_assert_eq(send_block(&f, p, out[0], false), DOWNLOAD_TAKE, "it came after all");
	leave(&f, p);
	leave(&f, q);
	fixture_deinit(&f);
}

Test(intake, impossible_and_unasked_blocks)
{
	static const struct block impossible[] = {
		{ 3, 0, 16384 }, { UINT32_MAX, 0, 16384 }, { 0, 1, 16384 }, { 0, 65536, 16384 },
		{ 0, UINT32_MAX, 16384 }, { 0, 0, 0 }, { 0, 0, 16383 }, { 0, 0, 32768 },
		{ 0, 0, UINT32_MAX }, { 2, 16384, 16384 }, { 2, 32768, 1 }, { 0, 4294950912u, 16384 },
	};
	struct fixture f;
	fixture_init(&f, 2 * 65536 + 20000, 65536);
	struct download_peer *p = join_seed(&f, 0, 0);
	for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++)
		cr_assert_eq(send_block(&f, p, impossible[i], false), DOWNLOAD_BREAK, "%zu", i);
	for (int i = 0; i < UNASKED_MAX; i++)
		cr_assert_eq(send_block(&f, p, (struct block){ 2, 16384, 3616 }, false),
		             DOWNLOAD_DISCARD);
	cr_assert_eq(download_wasted_bytes(f.d), UNASKED_MAX * 3616);
	cr_assert_eq(send_block(&f, p, (struct block){ 2, 16384, 3616 }, false), DOWNLOAD_BREAK);
	cr_assert_str_eq(reason, "blocks nobody asked for");
	cr_assert_eq(f.pool.used, 0, "no memory for what was not asked for");
	leave(&f, p);
	fixture_deinit(&f);
}

Test(intake, allowed_fast_up_to_the_maximum)
{
	struct fixture f;
	struct block out[BLOCKS_AT_ONCE];
	fixture_init(&f, (ALLOWED_FAST_MAX + 9) * 16384, 16384);
	struct download_peer *p = join(&f, 0, 0);
	p->fast = true;
	p->window = 1000;
	cr_assert(download_on_have_all(f.d, p, &reason));
	cr_assert_eq(download_request(f.d, p, out, BLOCKS_AT_ONCE, f.now), 0, "it chokes us");
	for (uint32_t i = 0; i < ALLOWED_FAST_MAX + 9; i++) {
		cr_assert(download_on_allowed_fast(f.d, p, i, &reason));
		cr_assert(download_on_allowed_fast(f.d, p, i, &reason), "twice is harmless");
	}
	cr_assert_eq(p->allowed_count, ALLOWED_FAST_MAX);
	const uint32_t n = download_request(f.d, p, out, BLOCKS_AT_ONCE, f.now);
	cr_assert_eq(n, ALLOWED_FAST_MAX);
	cr_assert(download_on_reject(f.d, p, out[0], f.now, &reason));
	cr_assert_eq(download_request(f.d, p, out, BLOCKS_AT_ONCE, f.now), 0,
	             "what it refused although allowed is not asked again");
	for (uint32_t i = 1; i < n; i++)
		cr_assert_eq(send_block(&f, p, out[i], false), DOWNLOAD_TAKE);
	cr_assert_eq(store_all(&f, DISK_OK), ALLOWED_FAST_MAX - 1);
	leave(&f, p);
	fixture_deinit(&f);
}

Test(intake, choke_without_fast_frees_at_once)
{
	struct fixture f;
	struct block out[16];
	fixture_init(&f, 10 * 16384, 16384);
	struct download_peer *p = join(&f, 0, 0);
	for (uint32_t i = 0; i < 10; i++)
		download_on_have(f.d, p, i, &reason);
	download_on_unchoke(f.d, p, f.now);
	const uint32_t n = download_request(f.d, p, out, 16, f.now);
	cr_assert_eq(n, REQUEST_WINDOW_START);
	download_take_news(f.d);
	download_on_choke(f.d, p, f.now);
	cr_assert_eq(p->outstanding, 0);
	cr_assert(download_take_news(f.d));
	cr_assert_not(download_take_news(f.d), "told once");
	cr_assert_eq(download_peer_deadline(p), USEC_NEVER);
	check_invariants(&f);
	cr_assert_eq(send_block(&f, p, out[0], false), DOWNLOAD_TAKE, "it was on its way");
	cr_assert_eq(send_block(&f, p, out[0], false), DOWNLOAD_DISCARD, "but not twice");
	leave(&f, p);
	fixture_deinit(&f);
}

Test(intake, choke_with_fast_waits_for_rejects_but_not_for_ever)
{
	struct fixture f;
	struct block out[16];
	fixture_init(&f, 10 * 16384, 16384);
	struct download_peer *p = join_seed(&f, 0, 0);
	cr_assert(download_on_allowed_fast(f.d, p, 0, &reason));
	const uint32_t n = download_request(f.d, p, out, 16, f.now);
	download_on_choke(f.d, p, f.now);
	cr_assert_eq(p->outstanding, n);
	cr_assert(download_on_reject(f.d, p, out[0], f.now, &reason));
	cr_assert_eq(send_block(&f, p, out[1], false), DOWNLOAD_TAKE);
	cr_assert_eq(p->outstanding, n - 2);
	cr_assert_eq(download_peer_deadline(p), f.now + REQUEST_CHOKE_WAIT * USEC_PER_SEC);
	f.now += REQUEST_CHOKE_WAIT * USEC_PER_SEC;
	download_peer_on_timer(f.d, p, f.now);
	for (uint32_t i = 0; i < p->outstanding; i++)
		cr_assert_eq(requests_at(p, i).piece, 0, "only what it allows");
	cr_assert(download_on_reject(f.d, p, out[2], f.now, &reason), "a late one is no offence");
	check_invariants(&f);
	leave(&f, p);
	fixture_deinit(&f);
}

Test(intake, a_peer_that_rejects_everything_is_not_asked_in_a_loop)
{
	struct fixture f;
	struct block out[16];
	uint32_t asked = 0;
	fixture_init(&f, 10 * 16384, 16384);
	struct download_peer *p = join_seed(&f, 0, 0);
	for (usec end = f.now + 60 * USEC_PER_SEC; f.now < end; f.now += 10 * USEC_PER_MS) {
		if (f.now >= download_peer_deadline(p))
			download_peer_on_timer(f.d, p, f.now);
		const uint32_t n = download_request(f.d, p, out, 16, f.now);
		for (uint32_t i = 0; i < n; i++)
			cr_assert(download_on_reject(f.d, p, out[i], f.now, &reason));
		asked += n;
	}
	cr_assert(asked > 8 && asked < 100, "%u requests in a minute", asked);
	leave(&f, p);
	fixture_deinit(&f);
}

Test(intake, silence_gives_the_blocks_to_others)
{
	struct fixture f;
	struct block out[16], again[16];
	struct download_peer *who;
	struct block b;
	fixture_init(&f, 4 * 16384, 16384);
	struct download_peer *p = join_seed(&f, 0, 0), *q = join_seed(&f, 1, 1);
	cr_assert_eq(download_request(f.d, p, out, 16, f.now), 4);
	cr_assert_eq(download_peer_deadline(p), f.now + REQUEST_TIMEOUT * USEC_PER_SEC);
	f.now += REQUEST_TIMEOUT * USEC_PER_SEC;
	download_peer_on_timer(f.d, p, f.now);
	cr_assert_eq(p->outstanding, 0);
	cr_assert_not(p->snubbed);
	for (int i = 0; i < 3; i++) {
		cr_assert(download_next_cancel(f.d, &who, &b));
		cr_assert_eq(who, p);
	}
	cr_assert_not(download_next_cancel(f.d, &who, &b), "one stays with it");
	cr_assert_eq(download_request(f.d, p, out, 16, f.now), 0);
	cr_assert_eq(download_request(f.d, q, again, 2, f.now), 2);
	check_invariants(&f);
	f.now += (REQUEST_SNUB - REQUEST_TIMEOUT) * USEC_PER_SEC;
	cr_assert_eq(download_peer_deadline(p), f.now);
	download_peer_on_timer(f.d, p, f.now);
	cr_assert(p->snubbed);
	cr_assert_eq(download_request(f.d, p, out, 16, f.now), 1, "one request");
	cr_assert_eq(download_request(f.d, p, out + 1, 16, f.now), 0);
	cr_assert_eq(send_block(&f, p, out[0], false), DOWNLOAD_TAKE);
	cr_assert_not(p->snubbed);
	cr_assert_gt(download_request(f.d, p, out, 16, f.now), 0);
	leave(&f, p);
	leave(&f, q);
	fixture_deinit(&f);
}

Test(intake, silent_for_ever_still_moves_on)
{
	struct fixture f;
	struct block out[16];
	uint32_t asked = 0;
	fixture_init(&f, 16384, 16384);
	struct download_peer *p = join_seed(&f, 0, 0);
	const usec end = f.now + 3600 * USEC_PER_SEC;
	while (f.now < end) {
		asked += download_request(f.d, p, out, 16, f.now);
		const usec at = download_peer_deadline(p);
		cr_assert(at > f.now && at != USEC_NEVER);
		f.now = at;
		download_peer_on_timer(f.d, p, f.now);
		cr_assert_leq(p->outstanding, 1);
	}
	cr_assert(asked > 30 && asked < 100, "%u", asked);
	leave(&f, p);
	fixture_deinit(&f);
}

/* The last block trickles in; somebody else ends it. */
Test(intake, a_block_is_no_hostage)
{
	struct fixture f;
	struct block out[4];
	uint8_t *into;
	fixture_init(&f, 16384, 16384);
	struct download_peer *slow = join_seed(&f, 0, 0), *good = join_seed(&f, 1, 1);
	cr_assert_eq(download_request(f.d, slow, out, 4, f.now), 1);
	cr_assert_eq(download_block_begin(f.d, slow, out[0], &into, &reason, f.now), DOWNLOAD_TAKE);
	into[0] = 99;
	f.now += REQUEST_TIMEOUT * USEC_PER_SEC;
	download_peer_on_timer(f.d, slow, f.now);
	cr_assert_eq(download_request(f.d, good, out, 4, f.now), 1);
	cr_assert_eq(send_block(&f, good, out[0], false), DOWNLOAD_TAKE);
	memset(into, 0xff, 16384);
	cr_assert_eq(store_all(&f, DISK_OK), 1);
	download_block_end(f.d, slow, f.now);
	cr_assert(download_is_done(f.d));
	cr_assert_eq(download_wasted_bytes(f.d), 16384);
	leave(&f, slow);
	leave(&f, good);
	fixture_deinit(&f);
}

Test(intake, a_disk_error_makes_the_piece_missing)
{
	struct fixture f;
	struct block out[16];
	fixture_init(&f, 65536, 65536);
	struct download_peer *p = join_seed(&f, 0, 0);
	cr_assert_eq(download_request(f.d, p, out, 16, f.now), 4);
	for (int i = 0; i < 4; i++)
		send_block(&f, p, out[i], false);
	store_all(&f, DISK_FULL);
	uint32_t source;
	cr_assert_not(download_next_liar(f.d, &source));
	cr_assert_not(download_is_done(f.d));
	cr_assert_eq(f.pool.used, 0);
	cr_assert_eq(download_request(f.d, p, out, 16, f.now), 4);
	check_invariants(&f);
	leave(&f, p);
	fixture_deinit(&f);
}
