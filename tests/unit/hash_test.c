/* tests/unit/hash_test.c: proto/hash.c (vectors: FIPS 180, RFC 3174). */
#include "proto/hash.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

static void expect_sha1(const char *text, const char *hex)
{
	uint8_t digest[SHA1_SIZE];
	char out[HEX_SHA1];
	sha1(bytes_of_text(text), digest);
	cr_assert_str_eq(hex_encode(bytes_of(digest, sizeof(digest)), out), hex);
}

Test(hash, sha1_vectors)
{
	expect_sha1("", "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	expect_sha1("abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
	expect_sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

Test(hash, sha256_vectors)
{
	uint8_t digest[SHA256_SIZE];
	char out[2 * SHA256_SIZE + 1];
	sha256(bytes_of(NULL, 0), digest);
	cr_assert_str_eq(hex_encode(bytes_of(digest, sizeof(digest)), out),
	                 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha256(bytes_of_text("abc"), digest);
	cr_assert_str_eq(hex_encode(bytes_of(digest, sizeof(digest)), out),
	                 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* RFC 3174: a million times 'a'. The hasher starts afresh after each digest. */
Test(hash, incremental_and_reusable)
{
	static char chunk[1000];
	memset(chunk, 'a', sizeof(chunk));
	struct hasher *h = hasher_new_sha1();
	for (int round = 0; round < 2; round++) {
		uint8_t digest[SHA1_SIZE];
		char out[HEX_SHA1];
		for (int i = 0; i < 1000; i++)
			hasher_update(h, bytes_of(chunk, sizeof(chunk)));
		hasher_finish(h, digest);
		cr_assert_str_eq(hex_encode(bytes_of(digest, sizeof(digest)), out),
		                 "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
	}
	hasher_free(h);
	hasher_free(NULL);

	uint8_t once[SHA256_SIZE], streamed[SHA256_SIZE];
	h = hasher_new_sha256();
	hasher_update(h, bytes_of_text("ab"));
	hasher_update(h, bytes_of(NULL, 0));
	hasher_update(h, bytes_of_text("c"));
	hasher_finish(h, streamed);
	sha256(bytes_of_text("abc"), once);
	cr_assert_eq(memcmp(once, streamed, sizeof(once)), 0);
	hasher_free(h);
}

static void *hash_in_thread(void *result)
{
	for (int i = 0; i < 200; i++)
		sha1(bytes_of_text("abc"), result);
	return NULL;
}

Test(hash, first_use_from_many_threads)
{
	pthread_t threads[8];
	uint8_t digests[8][SHA1_SIZE];
	for (int i = 0; i < 8; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, hash_in_thread, digests[i]), 0);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 8; i++)
		cr_assert_eq(memcmp(digests[i], "\xa9\x99\x3e\x36", 4), 0);
}

Test(hash, hex)
{
	uint8_t bytes[4];
	char out[9];
	cr_assert(hex_decode("00fFAb19", bytes, 4));
	cr_assert_eq(memcmp(bytes, "\x00\xff\xab\x19", 4), 0);
	cr_assert_str_eq(hex_encode(bytes_of(bytes, 4), out), "00ffab19");
	cr_assert_str_eq(hex_encode(bytes_of(NULL, 0), out), "");

	static const char *const bad[] = { "", "0", "00ffab1", "00ffab190", "00ffab1g", "0x112233",
		                           "00ffab19 ", " 0ffab19", "-1-1-1-1" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_not(hex_decode(bad[i], bytes, 4), "'%s'", bad[i]);
	cr_assert(hex_decode("", bytes, 0));
}
