/* dht/token.c: write tokens bound to address and key. */
#include "dht/token.h"

void tokens_init(struct tokens *t, struct rng *rng, usec now)
{
	rng_fill(rng, t->secret, sizeof(t->secret));
	t->rotated_at = now;
}

void tokens_refresh(struct tokens *t, struct rng *rng, usec now)
{
	const usec age = usec_since(t->rotated_at, now);
	if (age < TOKEN_ROTATE_USEC)
		return;
	memcpy(t->secret[1], t->secret[0], sizeof(t->secret[0]));
	rng_fill(rng, t->secret[0], sizeof(t->secret[0]));
	if (age >= 2 * TOKEN_ROTATE_USEC) /* asleep for two periods: both are stale */
		rng_fill(rng, t->secret[1], sizeof(t->secret[1]));
	t->rotated_at = now;
}

static void make(const uint8_t secret[16], const struct endpoint *e,
                 const uint8_t target[DHT_ID_SIZE], uint8_t out[TOKEN_SIZE])
{
	uint8_t input[sizeof(e->address) + DHT_ID_SIZE + 1];
	memcpy(input, e->address, sizeof(e->address));
	memcpy(input + sizeof(e->address), target, DHT_ID_SIZE);
	input[sizeof(input) - 1] = e->family;
	const uint64_t hash = siphash(secret, bytes_of(input, sizeof(input)));
	memcpy(out, &hash, TOKEN_SIZE);
}

void tokens_make(const struct tokens *t, const struct endpoint *e,
                 const uint8_t target[DHT_ID_SIZE], uint8_t out[TOKEN_SIZE])
{
	make(t->secret[0], e, target, out);
}

/* No early exit: how long it takes tells nothing about how much was right. */
static bool same(const uint8_t *a, const uint8_t *b)
{
	unsigned difference = 0;
	for (unsigned i = 0; i < TOKEN_SIZE; i++)
		difference |= (unsigned)(a[i] ^ b[i]);
	return difference == 0;
}

bool tokens_check(const struct tokens *t, const struct endpoint *e,
                  const uint8_t target[DHT_ID_SIZE], struct bytes token)
{
	uint8_t good[TOKEN_SIZE];
	if (token.size != TOKEN_SIZE)
		return false;
	make(t->secret[0], e, target, good);
	if (same(good, token.data))
		return true;
	make(t->secret[1], e, target, good);
	return same(good, token.data);
}
