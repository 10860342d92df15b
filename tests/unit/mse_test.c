/* tests/unit/mse_test.c: the parts of MSE/PE. */
#include "proto/mse.h"

#include <criterion/criterion.h>
#include <openssl/bn.h>

static const uint8_t info_hash[SHA1_SIZE] = "an info-hash of 20 b";

static void fill(uint8_t *out, size_t size, uint8_t seed)
{
	size_t i;

	for (i = 0; i < size; i++)
		out[i] = (uint8_t)(seed * 31 + i * 7 + 1);
}

Test(mse, both_ends_find_one_secret)
{
	uint8_t a[MSE_PRIVATE_SIZE], b[MSE_PRIVATE_SIZE], ya[MSE_KEY_SIZE],
	    yb[MSE_KEY_SIZE];
	uint8_t sa[MSE_KEY_SIZE], sb[MSE_KEY_SIZE];
	int i;

	for (i = 0; i < 20; i++) {
		fill(a, sizeof(a), (uint8_t)i);
		fill(b, sizeof(b), (uint8_t)(i + 100));
		mse_public_key(a, ya);
		mse_public_key(b, yb);
		cr_assert(memcmp(ya, yb, sizeof(ya)) != 0);
		cr_assert(mse_shared_secret(a, yb, sa));
		cr_assert(mse_shared_secret(b, ya, sb));
		cr_assert_arr_eq(sa, sb, sizeof(sa));
	}
}

/* G is 2: a power small enough to be seen. */
Test(mse, public_key_is_a_power_of_two)
{
	uint8_t secret[MSE_PRIVATE_SIZE] = {0}, out[MSE_KEY_SIZE], want[MSE_KEY_SIZE] = {0};

	secret[MSE_PRIVATE_SIZE - 2] = 1; /* 256 */
	want[MSE_KEY_SIZE - 1 - 32] = 1;
	mse_public_key(secret, out);
	cr_assert_arr_eq(out, want, sizeof(out));
}

/* The modulus is a safe prime, found out through the interface: P - 1 is
 * refused, P - 2 is not. */
Test(mse, impossible_public_keys_are_refused)
{
	uint8_t secret[MSE_PRIVATE_SIZE], key[MSE_KEY_SIZE] = {0}, out[MSE_KEY_SIZE];
	BIGNUM *p = NULL, *half;

	fill(secret, sizeof(secret), 1);
	cr_assert_not(mse_shared_secret(secret, key, out));
	key[MSE_KEY_SIZE - 1] = 1;
	cr_assert_not(mse_shared_secret(secret, key, out));
	key[MSE_KEY_SIZE - 1] = 2;
	cr_assert(mse_shared_secret(secret, key, out));
	memset(key, 0xff, sizeof(key));
	cr_assert_not(mse_shared_secret(secret, key, out));

	cr_assert(BN_hex2bn(
	    &p, "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
		"020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
		"4FE1356D6D51C245E485B576625E7EC6F44C42E9A63A36210000000000090563"));
	cr_assert_eq(BN_check_prime(p, NULL, NULL), 1);
	half = BN_dup(p);
	BN_rshift1(half, half);
	cr_assert_eq(BN_check_prime(half, NULL, NULL), 1);
	cr_assert(BN_bn2binpad(p, key, MSE_KEY_SIZE) == MSE_KEY_SIZE);
	cr_assert_not(mse_shared_secret(secret, key, out));
	BN_sub_word(p, 1);
	BN_bn2binpad(p, key, MSE_KEY_SIZE);
	cr_assert_not(mse_shared_secret(secret, key, out));
	BN_sub_word(p, 1);
	BN_bn2binpad(p, key, MSE_KEY_SIZE);
	cr_assert(mse_shared_secret(secret, key, out));
	BN_free(half);
	BN_free(p);
}

/* A short secret keeps its leading zeroes: hashes are over 96 bytes. */
Test(mse, shared_secret_is_padded)
{
	uint8_t secret[MSE_PRIVATE_SIZE] = {0}, two[MSE_KEY_SIZE] = {0}, out[MSE_KEY_SIZE];

	secret[MSE_PRIVATE_SIZE - 1] = 3;
	two[MSE_KEY_SIZE - 1] = 2;
	cr_assert(mse_shared_secret(secret, two, out));
	two[MSE_KEY_SIZE - 1] = 8;
	cr_assert_arr_eq(out, two, sizeof(out));
}

Test(mse, hashes_are_sha1_of_tag_and_secret)
{
	uint8_t s[MSE_KEY_SIZE], all[4 + MSE_KEY_SIZE], want[SHA1_SIZE], got[SHA1_SIZE];

	fill(s, sizeof(s), 9);
	memcpy(all + 4, s, sizeof(s));
	memcpy(all, "req1", 4);
	sha1(bytes_of(all, sizeof(all)), want);
	mse_sync_hash(s, got);
	cr_assert_arr_eq(got, want, SHA1_SIZE);
	memcpy(all, "req3", 4);
	sha1(bytes_of(all, sizeof(all)), want);
	mse_mask_hash(s, got);
	cr_assert_arr_eq(got, want, SHA1_SIZE);
	sha1(bytes_of_text("req2an info-hash of 20 b"), want);
	mse_skey_hash(info_hash, got);
	cr_assert_arr_eq(got, want, SHA1_SIZE);
}

/* RFC 6229 and the classic vectors. */
Test(mse, rc4_vectors)
{
	static const uint8_t key40[] = {1, 2, 3, 4, 5};
	static const uint8_t at_0[] = {0xb2, 0x39, 0x63, 0x05, 0xf0, 0x3d, 0xc0, 0x27,
				       0xcc, 0xc3, 0x52, 0x4a, 0x0a, 0x11, 0x18, 0xa8};
	static const uint8_t at_1024[] = {0x30, 0xab, 0xbc, 0xc7, 0xc2, 0x0b, 0x01, 0x60,
					  0x9f, 0x23, 0xee, 0x2d, 0x5f, 0x6b, 0xb7, 0xdf};
	uint8_t out[16] = {0};
	struct rc4 r;

	rc4_init(&r, bytes_of_text("Key"));
	rc4_apply(&r, (const uint8_t *)"Plaintext", out, 9);
	cr_assert_arr_eq(out, "\xbb\xf3\x16\xe8\xd9\x40\xaf\x0a\xd3", 9);

	memset(out, 0, sizeof(out));
	rc4_init(&r, bytes_of(key40, sizeof(key40)));
	rc4_apply(&r, out, out, sizeof(out));
	cr_assert_arr_eq(out, at_0, sizeof(out));
	memset(out, 0, sizeof(out));
	rc4_skip(&r, 1024 - sizeof(out));
	rc4_apply(&r, out, out, sizeof(out));
	cr_assert_arr_eq(out, at_1024, sizeof(out));
}

static struct mse_stream streams[2];

static void init_streams(void)
{
	uint8_t s[MSE_KEY_SIZE];

	fill(s, sizeof(s), 3);
	mse_stream_init(&streams[0], s, info_hash, true);
	mse_stream_init(&streams[1], s, info_hash, false);
}

Test(mse, streams_fit_each_other, .init = init_streams)
{
	uint8_t text[300], wire[300], back[300];
	int way;

	fill(text, sizeof(text), 5);
	for (way = 0; way < 2; way++) {
		mse_stream_encrypt(&streams[way], text, wire, 100);
		mse_stream_encrypt(&streams[way], text + 100, wire + 100, 200);
		cr_assert(memcmp(wire, text, sizeof(text)) != 0);
		mse_stream_decrypt(&streams[!way], wire, back, 1);
		mse_stream_decrypt(&streams[!way], wire + 1, back + 1, 299);
		cr_assert_arr_eq(back, text, sizeof(text));
	}
	cr_assert_not(mse_stream_is_over(&streams[0]));
}

Test(mse, initial_payload_ends_encryption_in_the_middle, .init = init_streams)
{
	uint8_t text[50], wire[50], back[50];
	int in_place;

	for (in_place = 0; in_place < 2; in_place++) {
		init_streams();
		fill(text, sizeof(text), 5);
		mse_stream_encrypt(&streams[0], text, wire, 20);
		streams[0].encrypted = false;
		mse_stream_encrypt(&streams[0], text + 20, wire + 20, 30);
		cr_assert_arr_eq(wire + 20, text + 20, 30);
		streams[1].encrypted = false;
		streams[1].in_left = 20;
		memcpy(back, wire, 50);
		mse_stream_decrypt(&streams[1], in_place ? back : wire, back, 5);
		cr_assert_eq(streams[1].in_left, 15);
		cr_assert_not(mse_stream_is_over(&streams[1]));
		mse_stream_decrypt(&streams[1], (in_place ? back : wire) + 5, back + 5, 45);
		cr_assert_arr_eq(back, text, sizeof(text));
		cr_assert(mse_stream_is_over(&streams[1]));
	}
}

Test(mse, wipe)
{
	uint8_t secret[8] = "secret";

	mse_wipe(secret, sizeof(secret));
	cr_assert_arr_eq(secret, "\0\0\0\0\0\0\0\0", 8);
}
