/* dht/item.c: targets and signatures of BEP 44 items. */
#include "dht/item.h"

#include "proto/bencode.h"
#include "proto/hash.h"
#include "proto/sign.h"
#include "proto/wire.h"

void item_target_of_value(struct bytes value, uint8_t target[DHT_ID_SIZE])
{
	sha1(value, target);
}

void item_target_of_key(const uint8_t key[32], struct bytes salt, uint8_t target[DHT_ID_SIZE])
{
	uint8_t input[32 + DHT_SALT_MAX];
	const size_t size = salt.size > DHT_SALT_MAX ? DHT_SALT_MAX : salt.size;
	memcpy(input, key, 32);
	if (size != 0)
		memcpy(input + 32, salt.data, size);
	sha1(bytes_of(input, 32 + size), target);
}

void item_target(const struct dht_item *item, uint8_t target[DHT_ID_SIZE])
{
	if (item->mutable_item)
		item_target_of_key(item->key, bytes_of(item->salt, item->salt_size), target);
	else
		item_target_of_value(bytes_of(item->value, item->value_size), target);
}

struct bytes item_signed_bytes(struct bytes salt, int64_t seq, struct bytes value,
                               uint8_t out[ITEM_SIGNED_MAX])
{
	struct writer w;
	if (salt.size > DHT_SALT_MAX || value.size > DHT_VALUE_MAX)
		return bytes_of(NULL, 0);
	writer_init(&w, out, ITEM_SIGNED_MAX);
	if (salt.size != 0) {
		bencode_put_key(&w, "salt");
		bencode_put_string(&w, salt);
	}
	bencode_put_key(&w, "seq");
	bencode_put_int(&w, seq);
	bencode_put_key(&w, "v");
	write_bytes(&w, value);
	return writer_bytes(&w);
}

void item_sign(struct dht_item *item, const uint8_t secret_key[64])
{
	uint8_t buffer[ITEM_SIGNED_MAX];
	item->mutable_item = true;
	memcpy(item->key, secret_key + SIGN_SEED_SIZE, SIGN_PUBLIC_SIZE);
	const struct bytes signed_bytes =
		item_signed_bytes(bytes_of(item->salt, item->salt_size), item->seq,
	                          bytes_of(item->value, item->value_size), buffer);
	sign_message(secret_key, signed_bytes, item->signature);
}

bool item_verify(const uint8_t key[32], const uint8_t signature[64], struct bytes salt, int64_t seq,
                 struct bytes value)
{
	uint8_t buffer[ITEM_SIGNED_MAX];
	const struct bytes signed_bytes = item_signed_bytes(salt, seq, value, buffer);
	return signed_bytes.size != 0 && sign_verify(key, signed_bytes, signature);
}

bool item_is_valid(const struct dht_item *item)
{
	struct bencode_token tokens[DHT_VALUE_MAX];
	struct bencode b;
	if (item->value_size == 0 || item->value_size > DHT_VALUE_MAX ||
	    item->salt_size > DHT_SALT_MAX)
		return false;
	const struct bytes value = bytes_of(item->value, item->value_size);
	if (!bencode_parse(&b, value, tokens, DHT_VALUE_MAX, 0))
		return false;
	return !item->mutable_item ||
	       (item->seq >= 0 && item_verify(item->key, item->signature,
	                                      bytes_of(item->salt, item->salt_size), item->seq, value));
}
