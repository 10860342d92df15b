/* tests/unit/priority_test.c: peer/discover/priority.c, with the examples of BEP 40. */
#include "peer/discover/priority.h"

#include <criterion/criterion.h>

static uint32_t priority(const char *a_text, const char *b_text)
{
	struct endpoint a, b;

	cr_assert(endpoint_parse(a_text, 6881, &a) && endpoint_parse(b_text, 6881, &b));
	cr_assert_eq(peer_priority(&a, &b), peer_priority(&b, &a), "both ends agree");
	return peer_priority(&a, &b);
}

Test(priority, the_examples_of_the_bep)
{
	cr_assert_eq(priority("123.213.32.10", "98.76.54.32"), 0xec2d7224);
	cr_assert_eq(priority("123.213.32.10", "123.213.32.234"), 0x99568189);
}

Test(priority, what_one_owner_may_choose_does_not_count)
{
	/* Every second bit of the host part. */
	cr_assert_eq(priority("123.213.32.10", "98.76.54.32"), priority("123.213.32.10", "98.76.54.34"));
	cr_assert_eq(priority("123.213.32.10", "98.76.54.32"), priority("123.213.32.10", "98.76.52.32"));
	cr_assert_neq(priority("123.213.32.10", "98.76.54.32"), priority("123.213.32.10", "98.76.54.33"));
	/* Within a /16 the third byte counts whole, within a /24 all of it. */
	cr_assert_neq(priority("123.213.32.10", "123.213.54.32"), priority("123.213.32.10", "123.213.52.32"));
	cr_assert_eq(priority("123.213.32.10", "123.213.54.32"), priority("123.213.32.10", "123.213.54.34"));
	cr_assert_neq(priority("123.213.32.10", "123.213.32.32"), priority("123.213.32.10", "123.213.32.34"));
}

Test(priority, v6_counts_from_a_48_on)
{
	cr_assert_eq(priority("2a00:1:2:3::1", "2a01:1:2:0::1"), priority("2a00:1:2:3::1", "2a01:1:2:2::1"));
	cr_assert_neq(priority("2a00:1:2:3::1", "2a01:1:2:0::1"), priority("2a00:1:2:3::1", "2a01:1:3:0::1"));
	/* In one /48 the seventh byte counts whole, in one /56 the eighth. */
	cr_assert_neq(priority("2a00:1:2:100::1", "2a00:1:2:200::1"), priority("2a00:1:2:100::1", "2a00:1:2:000::1"));
	cr_assert_neq(priority("2a00:1:2:3::1", "2a00:1:2:0::1"), priority("2a00:1:2:3::1", "2a00:1:2:2::1"));
	cr_assert_eq(priority("2a00:1:2:3::1", "2a00:1:2:0::1"), priority("2a00:1:2:3::1", "2a00:1:2:0:2::1"));
}

Test(priority, one_address_is_told_apart_by_its_ports)
{
	const struct endpoint a = endpoint_v4(9, 9, 9, 9, 1000), b = endpoint_v4(9, 9, 9, 9, 2000);
	const struct endpoint c = endpoint_v4(9, 9, 9, 9, 3000);

	cr_assert_eq(peer_priority(&a, &b), peer_priority(&b, &a));
	cr_assert_neq(peer_priority(&a, &b), peer_priority(&a, &c));
}

Test(priority, nothing_to_compare)
{
	const struct endpoint v4 = endpoint_v4(9, 9, 9, 9, 1000), none = { .family = ENDPOINT_NONE };
	struct endpoint v6;

	cr_assert(endpoint_parse("[2a00::1]:1000", 0, &v6));
	cr_assert_eq(peer_priority(&v4, &v6), 0);
	cr_assert_eq(peer_priority(&none, &none), 0);
}
