/* Write tokens: bound to address and key, good for 5 to 10 minutes. */
#include "dht/token.h"

#include <criterion/criterion.h>

static struct rng rng;
static struct tokens tokens;
static const uint8_t key_a[20] = { 1 }, key_b[20] = { 2 };
static const usec start = 5000 * USEC_PER_SEC;

static void setup(void)
{
	rng_init_number(&rng, 1, 0);
	tokens_init(&tokens, &rng, start);
}

TestSuite(token, .init = setup);

static bool check_at(struct endpoint e, const uint8_t *key, const uint8_t *token, usec at)
{
	tokens_refresh(&tokens, &rng, at);
	return tokens_check(&tokens, &e, key, bytes_of(token, TOKEN_SIZE));
}

Test(token, good_for_its_address_and_key_only)
{
	uint8_t token[TOKEN_SIZE];
	const struct endpoint e = endpoint_v4(8, 8, 8, 8, 1000);
	tokens_make(&tokens, &e, key_a, token);
	cr_assert(check_at(e, key_a, token, start));
	cr_assert(check_at(endpoint_v4(8, 8, 8, 8, 2000), key_a, token, start), "another port");
	cr_assert_not(check_at(endpoint_v4(8, 8, 8, 9, 1000), key_a, token, start));
	cr_assert_not(check_at(e, key_b, token, start));
}

Test(token, lives_at_least_5_and_at_most_10_minutes)
{
	uint8_t token[TOKEN_SIZE];
	const struct endpoint e = endpoint_v4(8, 8, 8, 8, 1000);
	tokens_make(&tokens, &e, key_a, token);
	cr_assert(check_at(e, key_a, token, start + 4 * USEC_PER_MIN));
	cr_assert(check_at(e, key_a, token, start + 6 * USEC_PER_MIN));
	cr_assert_not(check_at(e, key_a, token, start + 11 * USEC_PER_MIN + USEC_PER_MIN));
}

Test(token, none_survives_a_long_sleep)
{
	uint8_t token[TOKEN_SIZE];
	const struct endpoint e = endpoint_v4(8, 8, 8, 8, 1000);
	tokens_make(&tokens, &e, key_a, token);
	cr_assert_not(check_at(e, key_a, token, start + 60 * USEC_PER_MIN));
}

Test(token, every_flipped_bit_and_wrong_size_is_refused)
{
	uint8_t token[TOKEN_SIZE + 1] = { 0 };
	const struct endpoint e = endpoint_v4(8, 8, 8, 8, 1000);
	tokens_make(&tokens, &e, key_a, token);
	for (unsigned bit = 0; bit < 8 * TOKEN_SIZE; bit++) {
		token[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		cr_assert_not(check_at(e, key_a, token, start));
		token[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	cr_assert_not(tokens_check(&tokens, &e, key_a, bytes_of(token, TOKEN_SIZE - 1)));
	cr_assert_not(tokens_check(&tokens, &e, key_a, bytes_of(token, TOKEN_SIZE + 1)));
	cr_assert_not(tokens_check(&tokens, &e, key_a, bytes_of(NULL, 0)));
}

/* A linear checksum lets one token be computed from others: XOR of three
 * tokens whose inputs XOR to a fourth's. SipHash does not. */
Test(token, is_not_linear)
{
	uint8_t t[4][TOKEN_SIZE];
	static const uint8_t last[4] = { 0, 1, 2, 3 };
	for (int i = 0; i < 4; i++) {
		const struct endpoint e = endpoint_v4(8, 8, 8, last[i], 1);
		tokens_make(&tokens, &e, key_a, t[i]);
	}
	uint8_t forged[TOKEN_SIZE];
	for (int i = 0; i < TOKEN_SIZE; i++)
		forged[i] = t[0][i] ^ t[1][i] ^ t[2][i];
	cr_assert_not(check_at(endpoint_v4(8, 8, 8, 3, 1), key_a, forged, start));
}
