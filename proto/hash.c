/* proto/hash.c: SHA-1 and SHA-256 through OpenSSL's EVP.
 *
 * EVP_sha1() makes OpenSSL search its providers on every digest; a fetched
 * EVP_MD does not. Each is fetched on first use and kept for the life of the
 * process; two threads may fetch at once, then the loser frees its copy. */
#include "proto/hash.h"

#include "proto/memory.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/evp.h>

struct hasher {
	EVP_MD_CTX *context; /* owned */
	const EVP_MD *digest;
};

static _Atomic(EVP_MD *) sha1_digest, sha256_digest;

static const EVP_MD *digest_get(_Atomic(EVP_MD *) *slot, const char *name)
{
	EVP_MD *known = atomic_load_explicit(slot, memory_order_acquire);

	if (known != NULL)
		return known;
	EVP_MD *fetched = EVP_MD_fetch(NULL, name, NULL);
	assert(fetched != NULL);
	if (atomic_compare_exchange_strong(slot, &known, fetched))
		return fetched;
	EVP_MD_free(fetched);
	return known;
}

static void digest_once(struct bytes bytes, uint8_t *out, const EVP_MD *digest)
{
	const int ok = EVP_Digest(bytes.data, bytes.size, out, NULL, digest, NULL);
	assert(ok == 1);
	(void)ok;
}

void sha1(struct bytes bytes, uint8_t out[SHA1_SIZE])
{
	digest_once(bytes, out, digest_get(&sha1_digest, "SHA1"));
}

void sha256(struct bytes bytes, uint8_t out[SHA256_SIZE])
{
	digest_once(bytes, out, digest_get(&sha256_digest, "SHA256"));
}

static void hasher_start(struct hasher *h)
{
	const int ok = EVP_DigestInit_ex(h->context, h->digest, NULL);
	assert(ok == 1);
	(void)ok;
}

static struct hasher *hasher_new(const EVP_MD *digest)
{
	struct hasher *h = memory_alloc(sizeof(*h));

	h->context = EVP_MD_CTX_new();
	assert(h->context != NULL);
	h->digest = digest;
	hasher_start(h);
	return h;
}

struct hasher *hasher_new_sha1(void)
{
	return hasher_new(digest_get(&sha1_digest, "SHA1"));
}

struct hasher *hasher_new_sha256(void)
{
	return hasher_new(digest_get(&sha256_digest, "SHA256"));
}

void hasher_free(struct hasher *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->context);
	free(h);
}

void hasher_update(struct hasher *h, struct bytes bytes)
{
	const int ok = EVP_DigestUpdate(h->context, bytes.data, bytes.size);
	assert(ok == 1);
	(void)ok;
}

void hasher_finish(struct hasher *h, uint8_t *out)
{
	const int ok = EVP_DigestFinal_ex(h->context, out, NULL);
	assert(ok == 1);
	(void)ok;
	hasher_start(h);
}

char *hex_encode(struct bytes bytes, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < bytes.size; i++) {
		out[2 * i] = digits[bytes.data[i] >> 4];
		out[2 * i + 1] = digits[bytes.data[i] & 15];
	}
	out[2 * bytes.size] = '\0';
	return out;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool hex_decode(const char *text, uint8_t *out, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		const int high = hex_value(text[2 * i]);
		if (high < 0) /* also the NUL of a short text */
			return false;
		const int low = hex_value(text[2 * i + 1]);
		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return text[2 * size] == '\0';
}
