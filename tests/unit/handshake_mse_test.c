/* tests/unit/handshake_mse_test.c: encrypted openings against a scripted other
 * end that pads, lies and dawdles. */
#include "tests/unit/handshake_ends.h"

TestSuite(handshake_mse, .init = init);

/* Somebody else's MSE, with paddings as told. */
struct script {
	uint8_t secret[MSE_PRIVATE_SIZE], shared[MSE_KEY_SIZE];
	struct mse_stream stream;
	uint8_t wire[4096];
	size_t used;
};

static struct script script;

static void script_raw(const void *data, size_t size)
{
	cr_assert_leq(size, sizeof(script.wire) - script.used);
	memcpy(script.wire + script.used, data, size);
	script.used += size;
}

static void script_pad(size_t size)
{
	rng_fill(&rng, script.wire + script.used, size);
	script.used += size;
}

static void script_crypt(const void *data, size_t size)
{
	script_raw(data, size);
	mse_stream_encrypt(&script.stream, script.wire + script.used - size,
			   script.wire + script.used - size, size);
}

static void script_u16(unsigned v)
{
	const uint8_t wire[2] = {(uint8_t)(v >> 8), (uint8_t)v};

	script_crypt(wire, 2);
}

static void script_key(size_t pad)
{
	uint8_t key[MSE_KEY_SIZE];

	script.used = 0;
	rng_fill(&rng, script.secret, sizeof(script.secret));
	mse_public_key(script.secret, key);
	script_raw(key, sizeof(key));
	script_pad(pad);
}

/* VC, crypto, padding (its size may lie). */
static void script_crypto(uint32_t crypto, size_t pad)
{
	static const uint8_t zeroes[70000];
	const uint8_t bits[4] = {(uint8_t)(crypto >> 24), (uint8_t)(crypto >> 16),
				 (uint8_t)(crypto >> 8), (uint8_t)crypto};

	script_crypt(zeroes, MSE_VC_SIZE);
	script_crypt(bits, 4);
	script_u16((unsigned)pad);
	script_crypt(zeroes, pad);
}

/* The key has gone out; read the answer and say which torrent. */
static void script_name_torrent(const uint8_t info_hash[SHA1_SIZE])
{
	uint8_t key[MSE_KEY_SIZE], hash[SHA1_SIZE], mask[SHA1_SIZE], pad[MSE_PAD_MAX];
	size_t i;

	cr_assert_eq(handshaker_output(&b, key, sizeof(key)), MSE_KEY_SIZE);
	handshaker_output(&b, pad, sizeof(pad));
	cr_assert_not(handshaker_has_output(&b));
	cr_assert(mse_shared_secret(script.secret, key, script.shared));
	mse_stream_init(&script.stream, script.shared, info_hash, true);
	mse_sync_hash(script.shared, hash);
	script_raw(hash, sizeof(hash));
	mse_skey_hash(info_hash, hash);
	mse_mask_hash(script.shared, mask);
	for (i = 0; i < SHA1_SIZE; i++)
		hash[i] ^= mask[i];
	script_raw(hash, sizeof(hash));
}

static size_t script_flush(struct handshaker *h, size_t step)
{
	size_t used = feed(h, script.wire, script.used, step, h == &b ? &theirs : NULL);

	script.used = 0;
	return used;
}

/* b answers a scripted initiator: Ya goes out, the padding with the rest. */
static void script_meet_responder(enum encryption_policy policy, size_t pad)
{
	handshaker_init_responder(&b, policy, &rng);
	script_key(0);
	script_flush(&b, 2000);
	script_pad(pad);
	script_name_torrent(ours.info_hash);
}

static void script_check_answer(uint32_t crypto)
{
	uint8_t wire[HANDSHAKE_OUT_MAX], want[HANDSHAKE_SIZE];
	size_t size = handshaker_output(&b, wire, sizeof(wire)), pad;

	cr_assert_geq(size, 14 + HANDSHAKE_SIZE);
	mse_stream_decrypt(&script.stream, wire, wire, 14);
	cr_assert_arr_eq(wire, "\0\0\0\0\0\0\0\0\0\0\0", 11);
	cr_assert_eq(wire[11], crypto);
	pad = (size_t)(wire[12] << 8 | wire[13]);
	cr_assert_eq(size, 14 + pad + HANDSHAKE_SIZE);
	script.stream.encrypted = crypto == MSE_RC4;
	script.stream.in_left = (uint32_t)pad;
	mse_stream_decrypt(&script.stream, wire + 14, wire + 14, size - 14);
	handshake_write(&theirs, want);
	cr_assert_arr_eq(wire + 14 + pad, want, HANDSHAKE_SIZE);
}

/* Every PadA with every PadC, all bytes at once and one by one. */
Test(handshake_mse, responder_takes_every_padding)
{
	uint8_t hello[HANDSHAKE_SIZE];
	size_t pad;

	handshake_write(&ours, hello);
	for (pad = 0; pad <= MSE_PAD_MAX; pad++) {
		script_meet_responder(ENCRYPTION_ALLOWED, pad);
		script_crypto(MSE_RC4, MSE_PAD_MAX - pad);
		script_u16(HANDSHAKE_SIZE);
		script_crypt(hello, sizeof(hello));
		script_flush(&b, pad % 3 ? 4096 : 1);
		cr_assert_eq(b.state, HANDSHAKE_DONE, "%s at %zu", b.reason, pad);
		script_check_answer(MSE_RC4);
		cr_assert(b.stream.encrypted);
	}
}

/* The initial payload holds none, part, all or more than the handshake; the
 * rest is plain when plain was agreed. */
Test(handshake_mse, initial_payload_of_any_size)
{
	uint8_t hello[HANDSHAKE_SIZE + 32];
	unsigned ia, rc4;

	memset(hello, 'm', sizeof(hello));
	handshake_write(&ours, hello);
	for (rc4 = 0; rc4 < 2; rc4++) {
		for (ia = 0; ia <= sizeof(hello); ia++) {
			uint8_t rest[32];
			size_t used, total;

			script_meet_responder(ENCRYPTION_ALLOWED, 7);
			script_crypto(rc4 ? MSE_RC4 : MSE_PLAIN | MSE_RC4, 9);
			script_u16(ia);
			script_crypt(hello, ia);
			if (rc4)
				script_crypt(hello + ia, sizeof(hello) - ia);
			else
				script_raw(hello + ia, sizeof(hello) - ia);
			total = script.used;
			used = script_flush(&b, ia % 2 ? 4096 : 5);
			cr_assert_eq(b.state, HANDSHAKE_DONE, "%s at %u", b.reason, ia);
			cr_assert_eq(total - used, sizeof(rest));
			mse_stream_decrypt(&b.stream, script.wire + used, rest,
					   sizeof(rest));
			cr_assert_arr_eq(rest, hello + HANDSHAKE_SIZE, sizeof(rest));
			cr_assert_eq(mse_stream_is_over(&b.stream), !rc4);
			script_check_answer(rc4 ? MSE_RC4 : MSE_PLAIN);
		}
	}
}

/* The sync hash may come 512 bytes behind the key, and not one later. */
Test(handshake_mse, endless_padding_ends)
{
	handshaker_init_responder(&b, ENCRYPTION_ALLOWED, &rng);
	script_key(3000);
	cr_assert_eq(script_flush(&b, 100), MSE_KEY_SIZE + MSE_PAD_MAX + SHA1_SIZE);
	check_failed(&b, HANDSHAKE_ALIEN);

	script_meet_responder(ENCRYPTION_ALLOWED, MSE_PAD_MAX + 1);
	cr_assert_eq(script_flush(&b, 4096), MSE_PAD_MAX + SHA1_SIZE);
	check_failed(&b, HANDSHAKE_ALIEN);

	handshaker_init_initiator(&a, &ours, ENCRYPTION_ALLOWED, true, &rng);
	script_key(3000);
	cr_assert_eq(script_flush(&a, 100), MSE_KEY_SIZE + MSE_PAD_MAX + MSE_VC_SIZE);
	check_failed(&a, HANDSHAKE_ALIEN);
}

/* Padding that begins like the pattern does not hide it. */
Test(handshake_mse, sync_is_found_behind_its_own_beginning)
{
	uint8_t hash[SHA1_SIZE];
	size_t at;

	script_meet_responder(ENCRYPTION_ALLOWED, 0);
	memcpy(hash, script.wire, SHA1_SIZE);
	at = script.used;
	memmove(script.wire + 19, script.wire, at);
	memcpy(script.wire, hash, 19);
	script.used = at + 19;
	script_flush(&b, 1);
	cr_assert_eq(b.state, HANDSHAKE_READING);
}

Test(handshake_mse, lying_padding_sizes_are_refused)
{
	static const size_t sizes[] = {MSE_PAD_MAX + 1, 0xffff};
	size_t i;

	for (i = 0; i < 2; i++) {
		const uint8_t bits[6] = {
		    0, 0, 0, 3, (uint8_t)(sizes[i] >> 8), (uint8_t)sizes[i]};

		script_meet_responder(ENCRYPTION_ALLOWED, 3);
		script_crypt("\0\0\0\0\0\0\0\0", 8);
		script_crypt(bits, 6);
		script_flush(&b, 4096);
		check_failed(&b, HANDSHAKE_ALIEN);
	}
}

Test(handshake_mse, wrong_verification_constant)
{
	script_meet_responder(ENCRYPTION_ALLOWED, 3);
	script_crypt("\0\0\0\0\0\0\0\1\0\0\0\3\0\0", 14);
	script_flush(&b, 4096);
	check_failed(&b, HANDSHAKE_ALIEN);
}

Test(handshake_mse, offers_we_do_not_allow)
{
	static const struct {
		enum encryption_policy policy;
		uint32_t provide, want;
	} table[] = {
	    {ENCRYPTION_ALLOWED, 0, 0},
	    {ENCRYPTION_ALLOWED, 4, 0},
	    {ENCRYPTION_ALLOWED, 1, MSE_PLAIN},
	    {ENCRYPTION_ALLOWED, 2, MSE_RC4},
	    {ENCRYPTION_ALLOWED, 0xffffffff, MSE_PLAIN},
	    {ENCRYPTION_PREFERRED, 1, MSE_PLAIN},
	    {ENCRYPTION_PREFERRED, 3, MSE_RC4},
	    {ENCRYPTION_REQUIRED, 1, 0},
	    {ENCRYPTION_REQUIRED, 3, MSE_RC4},
	};
	uint8_t hello[HANDSHAKE_SIZE];
	size_t i;

	handshake_write(&ours, hello);
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		script_meet_responder(table[i].policy, 3);
		script_crypto(table[i].provide, 0);
		script_u16(HANDSHAKE_SIZE);
		script_crypt(hello, sizeof(hello));
		script_flush(&b, 4096);
		if (table[i].want == 0) {
			check_failed(&b, HANDSHAKE_POLICY);
			continue;
		}
		cr_assert_eq(b.state, HANDSHAKE_DONE);
		script_check_answer(table[i].want);
	}
}

Test(handshake_mse, inner_handshake_must_name_the_same_torrent)
{
	struct handshake other = ours;
	uint8_t hello[HANDSHAKE_SIZE];

	other.info_hash[7] ^= 1;
	handshake_write(&other, hello);
	script_meet_responder(ENCRYPTION_ALLOWED, 3);
	script_crypto(MSE_RC4, 0);
	script_u16(HANDSHAKE_SIZE);
	script_crypt(hello, sizeof(hello));
	script_flush(&b, 4096);
	check_failed(&b, HANDSHAKE_WRONG_TORRENT);
}

Test(handshake_mse, impossible_public_keys)
{
	uint8_t key[MSE_KEY_SIZE] = {0};

	handshaker_init_responder(&b, ENCRYPTION_ALLOWED, &rng);
	feed(&b, key, sizeof(key), 10, &theirs);
	check_failed(&b, HANDSHAKE_ALIEN);
	handshaker_init_initiator(&a, &ours, ENCRYPTION_ALLOWED, true, &rng);
	feed(&a, key, sizeof(key), 10, NULL);
	check_failed(&a, HANDSHAKE_ALIEN);
}

/* a begins; the script answers with a choice and PadB, PadD. */
static void script_answer_initiator(enum encryption_policy policy, size_t pad_b,
				    uint32_t select, size_t pad_d)
{
	uint8_t key[MSE_KEY_SIZE], wire[HANDSHAKE_OUT_MAX];

	handshaker_init_initiator(&a, &ours, policy, true, &rng);
	cr_assert_eq(handshaker_output(&a, key, sizeof(key)), MSE_KEY_SIZE);
	handshaker_output(&a, wire, sizeof(wire));
	script_key(pad_b);
	cr_assert(mse_shared_secret(script.secret, key, script.shared));
	mse_stream_init(&script.stream, script.shared, ours.info_hash, false);
	script_crypto(select, pad_d);
	script.stream.encrypted = select == MSE_RC4;
}

Test(handshake_mse, initiator_takes_every_padding)
{
	uint8_t hello[HANDSHAKE_SIZE + 3], rest[3];
	size_t pad, total;

	memset(hello, 'm', sizeof(hello));
	handshake_write(&theirs, hello);
	for (pad = 0; pad <= MSE_PAD_MAX; pad++) {
		uint32_t select = pad % 2 ? MSE_RC4 : MSE_PLAIN;

		script_answer_initiator(ENCRYPTION_ALLOWED, pad, select, MSE_PAD_MAX - pad);
		script_crypt(hello, sizeof(hello));
		total = script.used;
		cr_assert_eq(script_flush(&a, pad % 3 ? 4096 : 1), total - 3);
		cr_assert_eq(a.state, HANDSHAKE_DONE, "%s at %zu", a.reason, pad);
		cr_assert_arr_eq(a.peer.peer_id, theirs.peer_id, PEER_ID_SIZE);
		mse_stream_decrypt(&a.stream, script.wire + total - 3, rest, 3);
		cr_assert_arr_eq(rest, "mmm", 3);
	}
}

Test(handshake_mse, choices_we_did_not_offer)
{
	static const struct {
		enum encryption_policy policy;
		uint32_t select;
		enum handshake_failure failure;
	} table[] = {
	    {ENCRYPTION_ALLOWED, 0, HANDSHAKE_ALIEN},
	    {ENCRYPTION_ALLOWED, 3, HANDSHAKE_ALIEN},
	    {ENCRYPTION_ALLOWED, 4, HANDSHAKE_ALIEN},
	    {ENCRYPTION_PREFERRED, MSE_PLAIN, HANDSHAKE_POLICY},
	    {ENCRYPTION_REQUIRED, MSE_PLAIN, HANDSHAKE_POLICY},
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		script_answer_initiator(table[i].policy, 5, table[i].select, 5);
		script_flush(&a, 4096);
		check_failed(&a, table[i].failure);
	}
}

Test(handshake_mse, long_padding_of_the_answer_is_refused)
{
	script_answer_initiator(ENCRYPTION_ALLOWED, 5, MSE_RC4, MSE_PAD_MAX + 1);
	script_flush(&a, 4096);
	check_failed(&a, HANDSHAKE_ALIEN);
}

/* Neither opening of MSE drained: the output still has room. */
Test(handshake_mse, output_waits_for_a_slow_socket)
{
	unsigned round;

	for (round = 0; round < 200; round++) {
		handshaker_init_initiator(&a, &ours, ENCRYPTION_ALLOWED, true, &rng);
		script_key(0);
		script_flush(&a, 4096);
		cr_assert_eq(a.state, HANDSHAKE_READING);
		cr_assert_leq(a.out_used, HANDSHAKE_OUT_MAX);
		cr_assert_geq(a.out_used, MSE_KEY_SIZE + 40 + 14 + 2 + HANDSHAKE_SIZE);
	}
}
