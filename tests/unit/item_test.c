/* BEP 44 items: the BEP's targets and signed bytes. */
#include "dht/item.h"
#include "proto/hash.h"
#include "proto/sign.h"

#include <criterion/criterion.h>

static const char key_hex[] = "77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548";

static void assert_target(const struct dht_item *item, const char *hex)
{
	uint8_t target[DHT_ID_SIZE], wanted[DHT_ID_SIZE];
	cr_assert(hex_decode(hex, wanted, sizeof(wanted)));
	item_target(item, target);
	cr_assert(memcmp(target, wanted, sizeof(target)) == 0);
}

static struct dht_item hello(void)
{
	struct dht_item item = { .seq = 1, .value_size = 15 };
	memcpy(item.value, "12:Hello World!", 15);
	return item;
}

Test(item, targets_of_bep44)
{
	struct dht_item item = hello();
	assert_target(&item, "e5f96f6f38320f0f33959cb4d3d656452117aadb");
	item.mutable_item = true;
	cr_assert(hex_decode(key_hex, item.key, sizeof(item.key)));
	assert_target(&item, "4a533d47ec9c7d95b1ad75f576cffc641853b750");
	memcpy(item.salt, "foobar", 6);
	item.salt_size = 6;
	assert_target(&item, "411eba73b6f087ca51a3795d9c8c938d365e32c1");
}

Test(item, signed_bytes_of_bep44)
{
	uint8_t out[ITEM_SIGNED_MAX];
	const struct bytes value = bytes_of_text("12:Hello World!");
	cr_assert(bytes_equal_text(item_signed_bytes(bytes_of(NULL, 0), 1, value, out),
	                           "3:seqi1e1:v12:Hello World!"));
	cr_assert(bytes_equal_text(item_signed_bytes(bytes_of_text("foobar"), 1, value, out),
	                           "4:salt6:foobar3:seqi1e1:v12:Hello World!"));
	const uint8_t big[DHT_VALUE_MAX + 1] = { 0 };
	cr_assert_eq(item_signed_bytes(bytes_of(NULL, 0), 1, bytes_of(big, sizeof(big)), out).size, 0);
	cr_assert_eq(item_signed_bytes(bytes_of(big, 65), 1, value, out).size, 0);
	cr_assert_gt(item_signed_bytes(bytes_of(big, 64), INT64_MAX, bytes_of(big, 1000), out).size,
	             1000);
}

Test(item, signature_of_bep44)
{
	struct dht_item item = hello();
	item.mutable_item = true;
	cr_assert(hex_decode(key_hex, item.key, sizeof(item.key)));
	cr_assert(hex_decode("305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff"
	                     "1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01",
	                     item.signature, sizeof(item.signature)));
	cr_assert(item_is_valid(&item));
	item.seq = 2;
	cr_assert_not(item_is_valid(&item));
}

Test(item, own_signature)
{
	const uint8_t seed[SIGN_SEED_SIZE] = { 5 };
	uint8_t key[SIGN_PUBLIC_SIZE], secret[SIGN_SECRET_SIZE];
	sign_keys(seed, key, secret);
	struct dht_item item = hello();
	item.seq = INT64_MAX;
	item.salt_size = 3;
	memcpy(item.salt, "abc", 3);
	item_sign(&item, secret);
	cr_assert(item_is_valid(&item));
	cr_assert(memcmp(item.key, key, sizeof(key)) == 0);
	item.salt[0] ^= 1;
	cr_assert_not(item_is_valid(&item));
}

Test(item, bounds)
{
	struct dht_item item = hello();
	cr_assert(item_is_valid(&item));
	item.value_size = 14;
	cr_assert_not(item_is_valid(&item), "not one whole bencoded thing");
	item.value_size = 0;
	cr_assert_not(item_is_valid(&item));
	memcpy(item.value, "996:", 4);
	memset(item.value + 4, 'x', 996);
	item.value_size = 1000;
	cr_assert(item_is_valid(&item));
	item.value_size = 1001;
	cr_assert_not(item_is_valid(&item));
	item = hello();
	item.salt_size = DHT_SALT_MAX + 1;
	cr_assert_not(item_is_valid(&item));
}
