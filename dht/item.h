/* dht/item.h: what a BEP 44 item is: its target, what is signed, whether it
 * is genuine. */
#ifndef DHT_ITEM_H
#define DHT_ITEM_H

#include "dht/node.h"

enum { ITEM_SIGNED_MAX = DHT_VALUE_MAX + DHT_SALT_MAX + 64 };

/* SHA-1 of the value, or of key and salt. */
void item_target(const struct dht_item *item, uint8_t target[DHT_ID_SIZE]);
void item_target_of_value(struct bytes value, uint8_t target[DHT_ID_SIZE]);
void item_target_of_key(const uint8_t key[32], struct bytes salt, uint8_t target[DHT_ID_SIZE]);
/* The bytes a mutable item's signature is over; a view into out. Empty: too big. */
struct bytes item_signed_bytes(struct bytes salt, int64_t seq, struct bytes value,
                               uint8_t out[ITEM_SIGNED_MAX]);
/* Signs item->value, seq and salt with a secret key of proto/sign.h, and sets
 * key and signature. */
void item_sign(struct dht_item *item, const uint8_t secret_key[64]);
/* Sizes within bounds, the value one whole bencoded thing, a mutable one's
 * signature right. */
bool item_is_valid(const struct dht_item *item);
bool item_verify(const uint8_t key[32], const uint8_t signature[64], struct bytes salt, int64_t seq,
                 struct bytes value);

#endif
