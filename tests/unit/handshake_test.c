/* tests/unit/handshake_test.c: openings, bare and encrypted, between two of ours
 * in pieces of any size, and bare ones that are wrong. */
#include "tests/unit/handshake_ends.h"

TestSuite(handshake, .init = init);

/* Let a and b talk in pieces of `step` bytes until neither has more to say. */
static void converse(size_t step, const struct handshake *a_own,
		     const struct handshake *b_own)
{
	uint8_t wire[HANDSHAKE_OUT_MAX];
	size_t size, rounds;

	for (rounds = 0; handshaker_has_output(&a) || handshaker_has_output(&b); rounds++) {
		cr_assert_lt(rounds, 10000);
		size = handshaker_output(&a, wire, step);
		cr_assert(feed(&b, wire, size, step, b_own) == size ||
			  b.state == HANDSHAKE_FAILED);
		size = handshaker_output(&b, wire, step);
		if (a.state == HANDSHAKE_READING)
			cr_assert_eq(feed(&a, wire, size, step, a_own), size);
	}
}

static void check_met(void)
{
	cr_assert_eq(a.state, HANDSHAKE_DONE, "%s", a.reason);
	cr_assert_eq(b.state, HANDSHAKE_DONE, "%s", b.reason);
	cr_assert_arr_eq(a.peer.peer_id, theirs.peer_id, PEER_ID_SIZE);
	cr_assert_arr_eq(b.peer.peer_id, ours.peer_id, PEER_ID_SIZE);
	cr_assert(a.peer.fast && !a.peer.extended && !a.peer.dht);
	cr_assert(b.peer.fast && b.peer.extended && b.peer.dht);
	cr_assert_eq(a.encrypted, b.encrypted);
}

/* What is said after the handshake arrives, both ways. */
static void check_streams(bool encrypted)
{
	uint8_t text[200], wire[200];
	struct handshaker *from = &a, *to = &b, *swap;
	int way;

	cr_assert_eq(a.stream.encrypted, encrypted);
	cr_assert_eq(b.stream.encrypted, encrypted);
	cr_assert(mse_stream_is_over(&a.stream) == !encrypted);
	cr_assert(mse_stream_is_over(&b.stream) == !encrypted);
	for (way = 0; way < 2; way++) {
		memset(text, 'x', sizeof(text));
		mse_stream_encrypt(&from->stream, text, wire, sizeof(text));
		cr_assert_eq(memcmp(text, wire, sizeof(text)) != 0, encrypted);
		mse_stream_decrypt(&to->stream, wire, wire, sizeof(text));
		cr_assert_arr_eq(wire, text, sizeof(text));
		swap = from;
		from = to;
		to = swap;
	}
}

Test(handshake, attempts_follow_the_policy)
{
	static const struct {
		enum encryption_policy policy;
		bool first, has_second;
	} table[] = {
	    {ENCRYPTION_OFF, false, false},
	    {ENCRYPTION_ALLOWED, false, true},
	    {ENCRYPTION_PREFERRED, true, true},
	    {ENCRYPTION_REQUIRED, true, false},
	};
	bool encrypted;
	size_t i;

	for (i = 0; i < 4; i++) {
		cr_assert(handshake_attempt(table[i].policy, 0, &encrypted));
		cr_assert_eq(encrypted, table[i].first);
		cr_assert_eq(handshake_attempt(table[i].policy, 1, &encrypted),
			     table[i].has_second);
		if (table[i].has_second)
			cr_assert_eq(encrypted, !table[i].first);
		cr_assert_not(handshake_attempt(table[i].policy, 2, &encrypted));
	}
}

/* ---- bare ---- */

Test(handshake, bare_in_pieces_of_any_size)
{
	size_t step;

	for (step = 1; step <= HANDSHAKE_SIZE + 1; step++) {
		handshaker_init_initiator(&a, &ours, ENCRYPTION_ALLOWED, false, &rng);
		handshaker_init_responder(&b, ENCRYPTION_ALLOWED, &rng);
		converse(step, &ours, &theirs);
		check_met();
		cr_assert_not(a.encrypted);
		cr_assert(mse_stream_is_over(&a.stream) && mse_stream_is_over(&b.stream));
	}
}

Test(handshake, responder_answers_before_the_peer_id)
{
	uint8_t wire[HANDSHAKE_SIZE];
	size_t used;

	handshake_write(&ours, wire);
	handshaker_init_responder(&b, ENCRYPTION_ALLOWED, &rng);
	cr_assert(handshaker_on_bytes(&b, bytes_of(wire, 47), &used));
	cr_assert_eq(b.state, HANDSHAKE_READING);
	cr_assert(handshaker_on_bytes(&b, bytes_of(wire + 47, 21), &used));
	cr_assert_eq(used, 1);
	cr_assert_eq(b.state, HANDSHAKE_ASKS_TORRENT);
	cr_assert_arr_eq(b.peer.info_hash, ours.info_hash, SHA1_SIZE);
	cr_assert_not(handshaker_has_output(&b));
	handshaker_accept(&b, &theirs);
	cr_assert_eq(b.state, HANDSHAKE_READING);
	cr_assert(handshaker_has_output(&b));
	cr_assert(handshaker_on_bytes(&b, bytes_of(wire + 48, 20), &used));
	cr_assert_eq(used, 20);
	cr_assert_eq(b.state, HANDSHAKE_DONE);
}

Test(handshake, nothing_behind_a_bare_handshake_is_taken)
{
	uint8_t wire[HANDSHAKE_SIZE + 5] = {0};

	handshake_write(&theirs, wire);
	handshaker_init_initiator(&a, &ours, ENCRYPTION_OFF, false, &rng);
	cr_assert_eq(feed(&a, wire, sizeof(wire), sizeof(wire), NULL), HANDSHAKE_SIZE);
	cr_assert_eq(a.state, HANDSHAKE_DONE);
	handshake_write(&ours, wire);
	handshaker_init_responder(&b, ENCRYPTION_OFF, &rng);
	cr_assert_eq(feed(&b, wire, sizeof(wire), sizeof(wire), &theirs), HANDSHAKE_SIZE);
	cr_assert_eq(b.state, HANDSHAKE_DONE);
}

Test(handshake, alien_is_told_at_its_first_wrong_byte)
{
	uint8_t wire[HANDSHAKE_SIZE];
	size_t i;

	handshake_write(&theirs, wire);
	for (i = 0; i < HANDSHAKE_NAME; i++) {
		wire[i] ^= 1;
		handshaker_init_initiator(&a, &ours, ENCRYPTION_OFF, false, &rng);
		cr_assert_eq(feed(&a, wire, sizeof(wire), 1, NULL), i + 1);
		check_failed(&a, HANDSHAKE_ALIEN);
		handshaker_init_responder(&b, ENCRYPTION_OFF, &rng);
		cr_assert_eq(feed(&b, wire, sizeof(wire), 1, &theirs), i + 1);
		check_failed(&b, HANDSHAKE_POLICY);
		wire[i] ^= 1;
	}
}

Test(handshake, another_torrent_is_told_at_its_info_hash)
{
	struct handshake other = theirs;
	uint8_t wire[HANDSHAKE_SIZE];

	other.info_hash[19] ^= 1;
	handshake_write(&other, wire);
	handshaker_init_initiator(&a, &ours, ENCRYPTION_OFF, false, &rng);
	cr_assert_eq(feed(&a, wire, sizeof(wire), 1, NULL), HANDSHAKE_OPENING);
	check_failed(&a, HANDSHAKE_WRONG_TORRENT);
	handshaker_init_responder(&b, ENCRYPTION_OFF, &rng);
	cr_assert_eq(feed(&b, wire, sizeof(wire), 1, &theirs), HANDSHAKE_OPENING);
	check_failed(&b, HANDSHAKE_REFUSED);
}

Test(handshake, we_recognise_ourselves)
{
	uint8_t wire[HANDSHAKE_SIZE];
	bool encrypted = false;

	do {
		handshaker_init_initiator(&a, &ours, ENCRYPTION_PREFERRED, encrypted, &rng);
		handshaker_init_responder(&b, ENCRYPTION_PREFERRED, &rng);
		converse(2000, &ours, &ours);
		check_failed(&b, HANDSHAKE_OURSELVES);
		encrypted = !encrypted;
	} while (encrypted);
	/* the other end tells it as well */
	handshaker_init_initiator(&a, &ours, ENCRYPTION_OFF, false, &rng);
	handshake_write(&ours, wire);
	feed(&a, wire, sizeof(wire), sizeof(wire), NULL);
	check_failed(&a, HANDSHAKE_OURSELVES);
}

Test(handshake, required_refuses_a_bare_opening)
{
	uint8_t wire[HANDSHAKE_SIZE];

	handshake_write(&ours, wire);
	handshaker_init_responder(&b, ENCRYPTION_REQUIRED, &rng);
	cr_assert_eq(feed(&b, wire, sizeof(wire), 1, &theirs), HANDSHAKE_NAME);
	check_failed(&b, HANDSHAKE_POLICY);
}

Test(handshake, output_may_be_drained_in_drops)
{
	uint8_t wire[HANDSHAKE_SIZE], want[HANDSHAKE_SIZE];
	size_t i;

	handshaker_init_initiator(&a, &ours, ENCRYPTION_OFF, false, &rng);
	handshake_write(&ours, want);
	for (i = 0; i < HANDSHAKE_SIZE; i++)
		cr_assert_eq(handshaker_output(&a, wire + i, 1), 1);
	cr_assert_eq(handshaker_output(&a, wire, 1), 0);
	cr_assert_arr_eq(wire, want, HANDSHAKE_SIZE);
}

/* ---- encrypted, two of ours ---- */

Test(handshake, every_pair_of_policies)
{
	static const enum encryption_policy policies[] = {
	    ENCRYPTION_OFF, ENCRYPTION_ALLOWED, ENCRYPTION_PREFERRED, ENCRYPTION_REQUIRED};
	size_t from, to;

	for (from = 1; from < 4; from++) {
		for (to = 0; to < 4; to++) {
			bool rc4 = policies[from] != ENCRYPTION_ALLOWED ||
				   policies[to] != ENCRYPTION_ALLOWED;

			handshaker_init_initiator(&a, &ours, policies[from], true, &rng);
			handshaker_init_responder(&b, policies[to], &rng);
			converse(2000, &ours, &theirs);
			if (policies[to] == ENCRYPTION_OFF) {
				check_failed(&b, HANDSHAKE_POLICY);
				continue;
			}
			check_met();
			cr_assert(a.encrypted && b.encrypted);
			check_streams(rc4);
		}
	}
}

Test(handshake, encrypted_in_pieces_of_any_size)
{
	static const size_t steps[] = {1, 2, 3, 7, 19, 20, 21, 67, 96, 97, 500, 608, 1000};
	size_t i, round;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		for (round = 0; round < 4; round++) {
			enum encryption_policy policy =
			    round & 1 ? ENCRYPTION_ALLOWED : ENCRYPTION_REQUIRED;

			handshaker_init_initiator(&a, &ours, policy, true, &rng);
			handshaker_init_responder(&b, policy, &rng);
			converse(steps[i], &ours, &theirs);
			check_met();
			check_streams(policy == ENCRYPTION_REQUIRED);
			handshaker_deinit(&a);
			handshaker_deinit(&b);
			cr_assert_eq(
			    a.secret[0] | a.shared[0] | b.secret[19] | b.shared[95], 0);
		}
	}
}

Test(handshake, unknown_torrent_is_refused_without_a_word)
{
	struct handshake other = ours;
	uint8_t wire[HANDSHAKE_OUT_MAX];
	size_t size;

	other.info_hash[0] ^= 1;
	handshaker_init_initiator(&a, &other, ENCRYPTION_REQUIRED, true, &rng);
	handshaker_init_responder(&b, ENCRYPTION_REQUIRED, &rng);
	size = handshaker_output(&a, wire, sizeof(wire));
	feed(&b, wire, size, size, &theirs);
	size = handshaker_output(&b, wire, sizeof(wire));
	feed(&a, wire, size, size, NULL);
	size = handshaker_output(&a, wire, sizeof(wire));
	feed(&b, wire, size, size, &theirs);
	check_failed(&b, HANDSHAKE_REFUSED);
}
