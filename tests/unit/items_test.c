/* Stored BEP 44 items: order, cas, signatures, bounds (D12). */
#include "dht/item.h"
#include "dht/items.h"
#include "proto/sign.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct items items;
static struct rng rng;
static uint8_t key[SIGN_PUBLIC_SIZE], secret[SIGN_SECRET_SIZE];
static const uint8_t own[DHT_ID_SIZE] = { 0 };

static void setup(void)
{
	const uint8_t seed[SIGN_SEED_SIZE] = { 5 };
	rng_init_number(&rng, 1, 0);
	items_init(&items, 1 << 20, &rng);
	sign_keys(seed, key, secret);
}

static void teardown(void)
{
	items_deinit(&items);
}

TestSuite(items, .init = setup, .fini = teardown);

static struct endpoint at(unsigned number)
{
	return endpoint_v4((uint8_t)(20 + number / 65536), (uint8_t)(number >> 8), (uint8_t)number, 1,
	                   6881);
}

static struct krpc mutable_put(const char *value, int64_t seq, const char *salt)
{
	static struct dht_item item;
	memset(&item, 0, sizeof(item));
	item.seq = seq;
	item.value_size = (uint32_t)strlen(value);
	memcpy(item.value, value, item.value_size);
	item.salt_size = (uint32_t)strlen(salt);
	memcpy(item.salt, salt, item.salt_size);
	item_sign(&item, secret);
	return (struct krpc){ .kind = KRPC_QUERY, .method = KRPC_PUT, .key = item.key,
		              .signature = item.signature, .has_seq = true, .seq = seq,
		              .salt = bytes_of(item.salt, item.salt_size),
		              .value = bytes_of(item.value, item.value_size) };
}

static int put(const struct krpc *m, uint32_t now)
{
	const struct endpoint from = at(1);
	return items_put(&items, own, m, &from, now, &rng);
}

static const struct stored_item *find(const struct krpc *m, uint32_t now)
{
	uint8_t target[DHT_ID_SIZE];
	items_target_of_put(m, target);
	return items_find(&items, target, now);
}

Test(items, immutable_is_kept_for_two_hours)
{
	const struct krpc m = { .value = bytes_of_text("12:Hello World!") };
	cr_assert_eq(put(&m, 100), 0);
	cr_assert_eq(put(&m, 200), 0, "a repetition resets its clock");
	const struct stored_item *i = find(&m, 199 + ITEMS_LIFE_SECONDS);
	cr_assert(i != NULL && i->value_size == 15 && !i->mutable_item);
	cr_assert_null(find(&m, 200 + ITEMS_LIFE_SECONDS));
	cr_assert_eq(items.bytes, 0);
}

Test(items, a_mutable_item_never_goes_back)
{
	struct krpc m = mutable_put("3:one", 5, "");
	cr_assert_eq(put(&m, 100), 0);
	m = mutable_put("3:two", 4, "");
	cr_assert_eq(put(&m, 100), KRPC_SEQ_TOO_OLD);
	m = mutable_put("3:two", 5, "");
	cr_assert_eq(put(&m, 100), KRPC_SEQ_TOO_OLD, "equal seq with another value");
	m = mutable_put("3:one", 5, "");
	cr_assert_eq(put(&m, 150), 0, "equal seq and value");
	m = mutable_put("3:two", 6, "");
	cr_assert_eq(put(&m, 200), 0);
	cr_assert_eq(find(&m, 200)->seq, 6);
	cr_assert_eq(items.map.count, 1);
}

Test(items, cas)
{
	struct krpc m = mutable_put("3:one", 5, "");
	m.has_cas = true;
	m.cas = 99;
	cr_assert_eq(put(&m, 100), 0, "nothing there yet: ignored");
	m = mutable_put("3:two", 6, "");
	m.has_cas = true;
	m.cas = 4;
	cr_assert_eq(put(&m, 100), KRPC_CAS_MISMATCH);
	cr_assert_eq(find(&m, 100)->seq, 5);
	m.cas = 5;
	cr_assert_eq(put(&m, 100), 0);
}

Test(items, salt_makes_another_item)
{
	struct krpc a = mutable_put("3:one", 5, "");
	cr_assert_eq(put(&a, 100), 0);
	const struct krpc b = mutable_put("3:two", 1, "x");
	cr_assert_eq(put(&b, 100), 0);
	cr_assert_eq(items.map.count, 2);
}

Test(items, wrong_puts_get_their_codes)
{
	uint8_t bad[64] = { 1 };
	static const uint8_t big[DHT_VALUE_MAX + 1] = { 0 };
	struct krpc m = mutable_put("3:one", 5, "");
	m.signature = bad;
	cr_assert_eq(put(&m, 100), KRPC_BAD_SIGNATURE);
	m = mutable_put("3:one", 5, "");
	m.signature = NULL;
	cr_assert_eq(put(&m, 100), KRPC_PROTOCOL);
	m = mutable_put("3:one", 5, "");
	m.has_seq = false;
	cr_assert_eq(put(&m, 100), KRPC_PROTOCOL);
	m = mutable_put("3:one", -5, "");
	cr_assert_eq(put(&m, 100), KRPC_PROTOCOL);
	m = mutable_put("3:one", 5, "");
	m.salt = bytes_of(big, DHT_SALT_MAX + 1);
	cr_assert_eq(put(&m, 100), KRPC_SALT_TOO_BIG);
	m = (struct krpc){ .value = bytes_of(big, sizeof(big)) };
	cr_assert_eq(put(&m, 100), KRPC_VALUE_TOO_BIG);
	m = (struct krpc){ .has_seq = true };
	cr_assert_eq(put(&m, 100), KRPC_PROTOCOL);
	cr_assert_eq(items.map.count, 0);
}

static int put_number(unsigned number, const struct endpoint *from)
{
	char text[32];
	snprintf(text, sizeof(text), "i%ue", number);
	const struct krpc m = { .value = bytes_of_text(text) };
	return items_put(&items, own, &m, from, 100, &rng);
}

Test(items, bounded_in_bytes)
{
	for (unsigned i = 0; i < 20000; i++) {
		const struct endpoint e = at(i);
		put_number(i, &e);
		cr_assert_leq(items.bytes, items.bytes_max);
	}
	cr_assert_lt(items.map.count, 20000u);
	for (int i = 0; i < 1000; i++)
		items_sweep(&items, 100 + ITEMS_LIFE_SECONDS);
	cr_assert_eq(items.map.count, 0);
	cr_assert_eq(items.bytes, 0);
}

Test(items, a_subnet_has_its_quota)
{
	const struct endpoint e = at(1);
	unsigned taken = 0;
	for (unsigned i = 0; i < 2 * ITEMS_SUBNET_MAX; i++)
		taken += put_number(i, &e) == 0;
	cr_assert_leq(taken, ITEMS_SUBNET_MAX);
	cr_assert_geq(taken, ITEMS_SUBNET_MAX / 2);
}
