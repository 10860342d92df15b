/* Addresses that may be nodes. */
#include "dht/contacts.h"

#include <criterion/criterion.h>

static struct contacts contacts;

static void teardown(void)
{
	contacts_deinit(&contacts);
}

TestSuite(contacts, .fini = teardown);

static struct endpoint at(unsigned i)
{
	return endpoint_v4(11, (uint8_t)(i >> 8), (uint8_t)i, 1, 6881);
}

static void add(unsigned i, bool router)
{
	const struct endpoint e = at(i);
	contacts_add(&contacts, &e, router);
}

static struct contact *next(bool router)
{
	return contacts_next(&contacts, ENDPOINT_V4, router, 5);
}

Test(contacts, each_once_a_round)
{
	for (unsigned i = 0; i < 5; i++) {
		add(i, false);
		add(i, false);
	}
	for (int round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 5; i++)
			cr_assert_not_null(next(false));
		cr_assert_null(next(false));
		contacts_begin_round(&contacts, ENDPOINT_V4);
	}
}

Test(contacts, routers_and_families_apart)
{
	add(1, true);
	cr_assert_null(next(false));
	cr_assert_null(contacts_next(&contacts, ENDPOINT_V6, true, 5));
	cr_assert_not_null(next(true));
	const struct endpoint e = at(1), other = at(2);
	cr_assert(contacts_is_router(&contacts, &e));
	cr_assert_not(contacts_is_router(&contacts, &other));
}

Test(contacts, those_that_fail_come_last)
{
	add(1, false);
	add(2, false);
	const struct endpoint one = at(1);
	contacts_on_result(&contacts, &one, false);
	cr_assert_eq(next(false)->endpoint.address[2], 2);
	contacts_begin_round(&contacts, ENDPOINT_V4);
	contacts_on_result(&contacts, &one, true);
	cr_assert_eq(next(false)->endpoint.address[2], 1, "never tried beats tried");
}

Test(contacts, full_list_gives_up_the_worst_and_no_router)
{
	add(0, true);
	for (unsigned i = 1; i < CONTACTS_MAX; i++)
		add(i, false);
	const struct endpoint bad = at(77);
	contacts_on_result(&contacts, &bad, false);
	add(5000, false);
	cr_assert_eq(contacts.count, CONTACTS_MAX);
	for (unsigned i = 0; i < contacts.count; i++)
		cr_assert_not(endpoint_equal(&contacts.list[i].endpoint, &bad));
	for (unsigned i = 0; i < 3 * CONTACTS_MAX; i++)
		add(10000 + i, false);
	const struct endpoint router = at(0);
	cr_assert(contacts_is_router(&contacts, &router));
}

Test(contacts, silent_ones_go_while_there_are_many)
{
	for (unsigned i = 0; i < CONTACTS_KEPT + 5; i++)
		add(i, false);
	for (unsigned i = 0; i < CONTACTS_KEPT + 5; i++) {
		const struct endpoint e = at(i);
		for (int fail = 0; fail < CONTACT_FAILS_MAX + 3; fail++)
			contacts_on_result(&contacts, &e, false);
	}
	cr_assert_eq(contacts.count, CONTACTS_KEPT);
}
