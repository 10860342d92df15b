/* Queries in flight: matched by transaction and exact address, stall, die. */
#include "dht/queries.h"

#include <criterion/criterion.h>

static struct queries queries;
static struct rng rng;

static void setup(void)
{
	queries_init(&queries);
	rng_init_number(&rng, 1, 0);
}

static void teardown(void)
{
	queries_deinit(&queries);
}

TestSuite(queries, .init = setup, .fini = teardown);

static uint32_t add(unsigned host, usec stall, usec dead)
{
	const struct query q = { .purpose = QUERY_CHECK, .stall_at = stall, .dead_at = dead,
		                 .to = endpoint_v4(9, 9, (uint8_t)(host >> 8), (uint8_t)host, 7) };
	const struct query *added = queries_add(&queries, &q, &rng);
	return added == NULL ? 0 : added->transaction;
}

Test(queries, found_only_with_transaction_and_exact_address)
{
	const uint32_t t = add(1, 10, 20);
	struct endpoint e = endpoint_v4(9, 9, 0, 1, 7);
	cr_assert_not_null(queries_find(&queries, t, &e));
	cr_assert_null(queries_find(&queries, t + 1, &e));
	e.port = 8;
	cr_assert_null(queries_find(&queries, t, &e));
	e = endpoint_v4(9, 9, 0, 2, 7);
	cr_assert_null(queries_find(&queries, t, &e));
}

Test(queries, transactions_are_not_a_sequence)
{
	uint32_t last = add(0, 10, 20);
	unsigned close = 0;
	for (unsigned i = 1; i < 100; i++) {
		const uint32_t t = add(i, 10, 20);
		close += t - last < 1000;
		last = t;
	}
	cr_assert_lt(close, 3);
}

Test(queries, stall_then_die)
{
	const uint32_t t = add(1, 10, 20);
	cr_assert_eq(queries_deadline(&queries), 10);
	cr_assert_null(queries_due(&queries, 9));
	struct query *q = queries_due(&queries, 10);
	cr_assert_not_null(q);
	cr_assert_eq(q->transaction, t);
	q->stalled = true;
	cr_assert_null(queries_due(&queries, 19));
	cr_assert_eq(queries_deadline(&queries), 20);
	q = queries_due(&queries, 20);
	cr_assert_not_null(q);
	queries_remove(&queries, q);
	cr_assert_eq(queries_deadline(&queries), USEC_NEVER);
	cr_assert_eq(queries.count, 0);
}

Test(queries, filled_to_the_limit_and_emptied_in_random_order)
{
	static uint32_t transactions[QUERIES_MAX];
	for (unsigned i = 0; i < QUERIES_MAX; i++) {
		transactions[i] = add(i, 10, 20);
		cr_assert_eq(queries.count, i + 1);
	}
	cr_assert_eq(add(7, 10, 20), 0, "one too many");
	for (unsigned left = QUERIES_MAX; left > 0; left--) {
		const unsigned pick = rng_below(&rng, left);
		/* Whoever has not been taken out must still be found. */
		unsigned host = 0;
		for (; host < QUERIES_MAX; host++) {
			const struct endpoint e = endpoint_v4(9, 9, (uint8_t)(host >> 8), (uint8_t)host, 7);
			if (queries_find(&queries, transactions[pick], &e) != NULL) {
				queries_remove(&queries, queries_find(&queries, transactions[pick], &e));
				break;
			}
		}
		cr_assert_lt(host, QUERIES_MAX);
		transactions[pick] = transactions[left - 1];
	}
	cr_assert_eq(queries.count, 0);
	cr_assert_null(queries.slots, "memory is given back");
}
