/* proto/mse.c: Diffie-Hellman over OpenSSL's big numbers, the hashes of
 * MSE/PE, and RC4, which OpenSSL keeps in a provider that need not be there.
 *
 * Nothing global and nothing cached: an exchange is two modular powers of
 * 160-bit exponents, well under a millisecond, twice in a connection's life. */
#include "proto/mse.h"

#include <assert.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <stdlib.h>

enum { RC4_DROP = 1024 };

static const char prime_hex[] = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD1"
				"29024E088A67CC74020BBEA63B139B22514A08798E3404DD"
				"EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245"
				"E485B576625E7EC6F44C42E9A63A36210000000000090563";

/* Out of memory is the only way to fail. */
static void must(bool ok)
{
	if (!ok)
		abort();
}

static BIGNUM *load_prime(void)
{
	BIGNUM *p = NULL;

	must(BN_hex2bn(&p, prime_hex) == (int)sizeof(prime_hex) - 1);
	return p;
}

/* base^secret mod P, in constant time. */
static void power(const BIGNUM *base, const uint8_t secret[MSE_PRIVATE_SIZE],
		  const BIGNUM *p, uint8_t out[MSE_KEY_SIZE])
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *e = BN_bin2bn(secret, MSE_PRIVATE_SIZE, NULL);
	BIGNUM *y = BN_new();

	must(ctx && e && y);
	must(BN_mod_exp_mont_consttime(y, base, e, p, ctx, NULL));
	must(BN_bn2binpad(y, out, MSE_KEY_SIZE) == MSE_KEY_SIZE);
	BN_clear_free(y);
	BN_clear_free(e);
	BN_CTX_free(ctx);
}

void mse_public_key(const uint8_t secret[MSE_PRIVATE_SIZE], uint8_t out[MSE_KEY_SIZE])
{
	BIGNUM *p = load_prime(), *g = BN_new();

	must(g && BN_set_word(g, 2));
	power(g, secret, p, out);
	BN_free(g);
	BN_free(p);
}

bool mse_shared_secret(const uint8_t secret[MSE_PRIVATE_SIZE],
		       const uint8_t theirs[MSE_KEY_SIZE], uint8_t out[MSE_KEY_SIZE])
{
	BIGNUM *p = load_prime(), *last = BN_dup(p),
	       *y = BN_bin2bn(theirs, MSE_KEY_SIZE, NULL);
	bool good;

	must(last && y && BN_sub_word(last, 1));
	good = !BN_is_zero(y) && !BN_is_one(y) && BN_cmp(y, last) < 0;
	if (good)
		power(y, secret, p, out);
	BN_free(y);
	BN_free(last);
	BN_free(p);
	return good;
}

/* SHA-1 of a tag of four characters and one or two secrets. */
static void tagged_hash(const char *tag, struct bytes first, struct bytes second,
			uint8_t out[SHA1_SIZE])
{
	uint8_t all[4 + MSE_KEY_SIZE + SHA1_SIZE];

	assert(strlen(tag) == 4 && first.size <= MSE_KEY_SIZE && second.size <= SHA1_SIZE);
	memcpy(all, tag, 4);
	memcpy(all + 4, first.data, first.size);
	if (second.size)
		memcpy(all + 4 + first.size, second.data, second.size);
	sha1(bytes_of(all, 4 + first.size + second.size), out);
	mse_wipe(all, sizeof(all));
}

void mse_sync_hash(const uint8_t s[MSE_KEY_SIZE], uint8_t out[SHA1_SIZE])
{
	tagged_hash("req1", bytes_of(s, MSE_KEY_SIZE), bytes_of(NULL, 0), out);
}

void mse_skey_hash(const uint8_t info_hash[SHA1_SIZE], uint8_t out[SHA1_SIZE])
{
	tagged_hash("req2", bytes_of(info_hash, SHA1_SIZE), bytes_of(NULL, 0), out);
}

void mse_mask_hash(const uint8_t s[MSE_KEY_SIZE], uint8_t out[SHA1_SIZE])
{
	tagged_hash("req3", bytes_of(s, MSE_KEY_SIZE), bytes_of(NULL, 0), out);
}

void mse_wipe(void *secret, size_t size)
{
	OPENSSL_cleanse(secret, size);
}

void rc4_init(struct rc4 *r, struct bytes key)
{
	uint8_t swap, j = 0;
	unsigned i;

	assert(key.size >= 1 && key.size <= 256);
	for (i = 0; i < 256; i++)
		r->s[i] = (uint8_t)i;
	for (i = 0; i < 256; i++) {
		j = (uint8_t)(j + r->s[i] + key.data[i % key.size]);
		swap = r->s[i];
		r->s[i] = r->s[j];
		r->s[j] = swap;
	}
	r->i = 0;
	r->j = 0;
}

static inline uint8_t rc4_next(struct rc4 *r)
{
	uint8_t a, b;

	a = r->s[++r->i];
	r->j = (uint8_t)(r->j + a);
	b = r->s[r->j];
	r->s[r->i] = b;
	r->s[r->j] = a;
	return r->s[(uint8_t)(a + b)];
}

void rc4_apply(struct rc4 *r, const uint8_t *in, uint8_t *out, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		out[i] = in[i] ^ rc4_next(r);
}

void rc4_skip(struct rc4 *r, size_t size)
{
	while (size-- > 0)
		rc4_next(r);
}

static void init_direction(struct rc4 *r, const char *tag, const uint8_t s[MSE_KEY_SIZE],
			   const uint8_t info_hash[SHA1_SIZE])
{
	uint8_t key[SHA1_SIZE];

	tagged_hash(tag, bytes_of(s, MSE_KEY_SIZE), bytes_of(info_hash, SHA1_SIZE), key);
	rc4_init(r, bytes_of(key, sizeof(key)));
	rc4_skip(r, RC4_DROP);
	mse_wipe(key, sizeof(key));
}

void mse_stream_init(struct mse_stream *m, const uint8_t s[MSE_KEY_SIZE],
		     const uint8_t info_hash[SHA1_SIZE], bool initiator)
{
	init_direction(initiator ? &m->out : &m->in, "keyA", s, info_hash);
	init_direction(initiator ? &m->in : &m->out, "keyB", s, info_hash);
	m->encrypted = true;
	m->in_left = 0;
}

void mse_stream_decrypt(struct mse_stream *m, const uint8_t *in, uint8_t *out, size_t size)
{
	size_t first = size;

	if (!m->encrypted) {
		first = size < m->in_left ? size : m->in_left;
		m->in_left -= (uint32_t)first;
	}
	rc4_apply(&m->in, in, out, first);
	if (in != out && size > first)
		memmove(out + first, in + first, size - first);
}

void mse_stream_encrypt(struct mse_stream *m, const uint8_t *in, uint8_t *out, size_t size)
{
	if (m->encrypted)
		rc4_apply(&m->out, in, out, size);
	else if (in != out && size > 0)
		memmove(out, in, size);
}
