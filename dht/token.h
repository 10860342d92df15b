/* dht/token.h: write tokens (BEP 5): who asked for this key from this address
 * lately may store under it. SipHash under a secret that changes every 5
 * minutes; the previous one still counts, so a token lives 5 to 10 minutes. */
#ifndef DHT_TOKEN_H
#define DHT_TOKEN_H

#include "dht/node.h"

enum { TOKEN_SIZE = 8 };
#define TOKEN_ROTATE_USEC (5 * USEC_PER_MIN)

struct tokens {
	uint8_t secret[2][16]; /* now, before */
	usec rotated_at;
};

void tokens_init(struct tokens *t, struct rng *rng, usec now);
/* Cheap; called before either of the others. */
void tokens_refresh(struct tokens *t, struct rng *rng, usec now);
void tokens_make(const struct tokens *t, const struct endpoint *e,
                 const uint8_t target[DHT_ID_SIZE], uint8_t out[TOKEN_SIZE]);
/* The port does not count: announces may leave from another one. */
bool tokens_check(const struct tokens *t, const struct endpoint *e,
                  const uint8_t target[DHT_ID_SIZE], struct bytes token);

#endif
