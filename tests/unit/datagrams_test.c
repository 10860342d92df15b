/* The network of datagrams that the DHT lives on in the lab. */
#include "tools/lab/datagrams.h"

#include <criterion/criterion.h>

enum { HOSTS = 8 };

static struct world *w;
static struct datagrams *d;
static struct inbox {
	uint32_t count;
	struct endpoint from;
	uint8_t data[64];
	size_t size;
	usec at;
} inbox[HOSTS];

static void receive(void *owner, uint32_t host, const struct endpoint *from, struct bytes datagram)
{
	struct inbox *box = &inbox[host];
	(void)owner;
	box->count++;
	box->from = *from;
	box->size = datagram.size;
	box->at = world_now(w);
	memcpy(box->data, datagram.data, datagram.size < 64 ? datagram.size : 64);
}

static void setup(void)
{
	const struct datagrams_config config = { .rtt = latency_from_quantiles(100, 100, 100) };
	w = world_new(1);
	d = datagrams_new(w, &config);
	memset(inbox, 0, sizeof inbox);
}

static void teardown(void)
{
	datagrams_free(d);
	world_free(w);
}

TestSuite(datagrams, .init = setup, .fini = teardown);

static uint32_t add(enum nat_kind nat)
{
	const struct datagrams_host_config config = { .family = ENDPOINT_V4, .nat = nat,
		                                      .receive = receive };
	return datagrams_add(d, &config);
}

static void run(usec span)
{
	world_run(w, world_now(w) + span);
}

/* Whatever is needed for a heap that never runs dry. */
static void nothing(struct world *world, void *owner, uint64_t a, uint64_t b)
{
	(void)world;
	(void)owner;
	(void)a;
	(void)b;
}

static void pass(usec span)
{
	world_at(w, world_now(w) + span, nothing, NULL, 0, 0);
	run(span);
}

static uint32_t send(uint32_t from, const struct endpoint *to)
{
	const uint32_t host = datagrams_find(d, to);
	const uint32_t before = host < HOSTS ? inbox[host].count : 0;
	datagrams_send(d, from, to, bytes_of_text("hello"));
	run(USEC_PER_SEC);
	return host < HOSTS ? inbox[host].count - before : 0;
}

static uint32_t send_to(uint32_t from, uint32_t to)
{
	return send(from, datagrams_endpoint(d, to));
}

Test(datagrams, arrives_after_half_a_round_trip)
{
	const uint32_t a = add(NAT_NONE), b = add(NAT_NONE);
	const usec start = world_now(w);
	cr_assert_eq(send_to(a, b), 1);
	cr_assert(endpoint_equal(&inbox[b].from, datagrams_endpoint(d, a)));
	cr_assert_eq(inbox[b].size, 5);
	cr_assert_eq(memcmp(inbox[b].data, "hello", 5), 0);
	cr_assert_float_eq((double)(inbox[b].at - start), 50000, 10);
	cr_assert_float_eq((double)datagrams_rtt(d, a, b), 100000, 10);
}

Test(datagrams, hosts_have_global_addresses_in_subnets_of_their_own)
{
	uint64_t subnets[200];
	for (int i = 0; i < 200; i++) {
		const struct datagrams_host_config config = {
			.family = i % 2 == 0 ? ENDPOINT_V4 : ENDPOINT_V6, .receive = receive
		};
		const struct endpoint *e = datagrams_endpoint(d, datagrams_add(d, &config));
		cr_assert_eq(endpoint_class(e), ENDPOINT_GLOBAL);
		cr_assert(endpoint_is_usable(e));
		subnets[i] = endpoint_subnet(e);
		for (int j = 0; j < i; j++)
			cr_assert_neq(subnets[i], subnets[j]);
	}
	cr_assert_eq(datagrams_count(d), 200);
}

Test(datagrams, nobody_there_or_gone_or_cut_off)
{
	const uint32_t a = add(NAT_NONE), b = add(NAT_NONE);
	const struct endpoint nowhere = endpoint_v4(9, 9, 9, 9, 9);
	struct endpoint port = *datagrams_endpoint(d, b);
	port.port++;
	cr_assert_eq(send(a, &nowhere), 0);
	cr_assert_eq(send(a, &port), 0);
	datagrams_cut(d, b, true);
	cr_assert_eq(send_to(a, b), 0);
	cr_assert_eq(send_to(b, a), 0);
	datagrams_cut(d, b, false);
	cr_assert_eq(send_to(a, b), 1);
	datagrams_kill(d, b);
	cr_assert_not(datagrams_is_alive(d, b));
	cr_assert_eq(send_to(a, b), 0);
	cr_assert_eq(datagrams_stats(d)->sent, 6);
	cr_assert_eq(datagrams_stats(d)->delivered, 1);
}

Test(datagrams, partition)
{
	const uint32_t a = add(NAT_NONE), b = add(NAT_NONE), c = add(NAT_NONE);
	datagrams_set_group(d, c, 1);
	cr_assert_eq(send_to(a, c), 1);
	datagrams_split(d, true);
	cr_assert_eq(send_to(a, c), 0);
	cr_assert_eq(send_to(a, b), 1);
	cr_assert_not(datagrams_gets_to(d, a, datagrams_endpoint(d, c)));
	datagrams_split(d, false);
	cr_assert_eq(send_to(c, a), 1);
	cr_assert_eq(datagrams_stats(d)->partitioned, 1);
}

Test(datagrams, full_cone_opens_to_everybody)
{
	const uint32_t a = add(NAT_FULL_CONE), b = add(NAT_NONE), c = add(NAT_NONE);
	cr_assert_eq(send_to(b, a), 0);
	cr_assert_eq(send_to(a, b), 1);
	cr_assert_eq(send_to(c, a), 1);
	pass(3 * USEC_PER_MIN);
	cr_assert_eq(send_to(c, a), 0, "the mapping has expired");
}

Test(datagrams, restricted_opens_to_an_address)
{
	const uint32_t a = add(NAT_RESTRICTED), b = add(NAT_NONE), c = add(NAT_NONE);
	struct endpoint other = *datagrams_endpoint(d, b);
	cr_assert_eq(send_to(a, b), 1);
	cr_assert_eq(send_to(c, a), 0);
	other.port++;
	datagrams_send_as(d, b, &other, datagrams_endpoint(d, a), bytes_of_text("x"));
	run(USEC_PER_SEC);
	cr_assert_eq(inbox[a].count, 1, "another port of that address");
	cr_assert_eq(send_to(b, a), 1);
}

Test(datagrams, port_restricted_opens_to_an_endpoint_for_a_while)
{
	const uint32_t a = add(NAT_PORT_RESTRICTED), b = add(NAT_NONE);
	struct endpoint other = *datagrams_endpoint(d, b);
	cr_assert_eq(send_to(b, a), 0);
	cr_assert_eq(send_to(a, b), 1);
	cr_assert(datagrams_gets_to(d, b, datagrams_endpoint(d, a)));
	cr_assert_eq(send_to(b, a), 1);
	other.port++;
	datagrams_send_as(d, b, &other, datagrams_endpoint(d, a), bytes_of_text("x"));
	run(USEC_PER_SEC);
	cr_assert_eq(inbox[a].count, 1);
	pass(3 * USEC_PER_MIN);
	cr_assert_eq(send_to(b, a), 0);
	cr_assert_not(datagrams_gets_to(d, b, datagrams_endpoint(d, a)));
	datagrams_open(d, a, datagrams_endpoint(d, b));
	cr_assert_eq(send_to(b, a), 1);
}

Test(datagrams, symmetric_shows_each_destination_another_port)
{
	const uint32_t a = add(NAT_SYMMETRIC), b = add(NAT_NONE), c = add(NAT_NONE);
	cr_assert_eq(send_to(a, b), 1);
	cr_assert_eq(send_to(a, c), 1);
	cr_assert_neq(inbox[b].from.port, inbox[c].from.port);
	const struct endpoint seen_by_b = inbox[b].from;
	cr_assert(endpoint_same_address(&seen_by_b, datagrams_endpoint(d, a)));
	cr_assert_eq(send(b, &seen_by_b), 1);
	cr_assert_eq(send(c, &seen_by_b), 0, "that one is for b alone");
	const struct endpoint foreseen = datagrams_seen_by(d, a, datagrams_endpoint(d, b));
	cr_assert(endpoint_equal(&seen_by_b, &foreseen));
}

/* A translator remembers many destinations, and forgets them all. */
Test(datagrams, many_mappings)
{
	const uint32_t a = add(NAT_PORT_RESTRICTED), b = add(NAT_NONE);
	struct endpoint to = endpoint_v4(9, 9, 9, 9, 1);
	for (uint16_t i = 1; i <= 2000; i++) {
		to.port = i;
		datagrams_send(d, a, &to, bytes_of_text("x"));
	}
	cr_assert_eq(send_to(a, b), 1);
	for (uint16_t i = 1; i <= 2000; i++) {
		to.port = i;
		datagrams_send_as(d, b, &to, datagrams_endpoint(d, a), bytes_of_text("y"));
	}
	run(USEC_PER_SEC);
	cr_assert_eq(inbox[a].count, 2000);
	pass(3 * USEC_PER_MIN);
	datagrams_send_as(d, b, &to, datagrams_endpoint(d, a), bytes_of_text("y"));
	run(USEC_PER_SEC);
	cr_assert_eq(inbox[a].count, 2000);
}

Test(datagrams, moving_to_another_address)
{
	const uint32_t a = add(NAT_NONE), b = add(NAT_NONE);
	const struct endpoint old = *datagrams_endpoint(d, b);
	datagrams_move(d, b);
	cr_assert_not(endpoint_same_address(&old, datagrams_endpoint(d, b)));
	datagrams_send(d, a, &old, bytes_of_text("x"));
	run(USEC_PER_SEC);
	cr_assert_eq(inbox[b].count, 0);
	cr_assert_eq(send_to(a, b), 1);
}

Test(datagrams, forged_sources)
{
	const uint32_t a = add(NAT_NONE), b = add(NAT_NONE), c = add(NAT_NONE);
	datagrams_send_as(d, a, datagrams_endpoint(d, c), datagrams_endpoint(d, b), bytes_of_text("x"));
	run(USEC_PER_SEC);
	cr_assert_eq(inbox[b].count, 1);
	cr_assert(endpoint_equal(&inbox[b].from, datagrams_endpoint(d, c)));
}

Test(datagrams, loss_and_doubles_happen_as_often_as_they_should)
{
	const uint32_t a = add(NAT_NONE), b = add(NAT_NONE);
	datagrams_config(d)->loss = 0.1;
	datagrams_config(d)->duplicate = 0.2;
	for (int i = 0; i < 10000; i++)
		datagrams_send(d, a, datagrams_endpoint(d, b), bytes_of_text("x"));
	run(USEC_PER_SEC);
	cr_assert_float_eq((double)inbox[b].count, 10800, 250);
	cr_assert_float_eq((double)datagrams_stats(d)->lost, 1000, 150);
	const uint8_t large[DATAGRAMS_SIZE_MAX + 1] = { 0 };
	datagrams_config(d)->loss = 0;
	datagrams_config(d)->duplicate = 0;
	const uint32_t before = inbox[b].count;
	datagrams_send(d, a, datagrams_endpoint(d, b), bytes_of(large, sizeof large));
	datagrams_send(d, a, datagrams_endpoint(d, b), bytes_of(large, sizeof large - 1));
	run(USEC_PER_SEC);
	cr_assert_eq(inbox[b].count, before + 1);
}

Test(datagrams, reordered_and_damaged)
{
	const uint32_t a = add(NAT_NONE), b = add(NAT_NONE);
	uint32_t late = 0, damaged = 0;
	datagrams_config(d)->reorder = 0.5;
	datagrams_config(d)->corrupt = 0.5;
	for (int i = 0; i < 200; i++) {
		const usec start = world_now(w);
		datagrams_send(d, a, datagrams_endpoint(d, b), bytes_of_text("hello"));
		run(USEC_PER_SEC);
		late += inbox[b].at - start > 51000;
		damaged += memcmp(inbox[b].data, "hello", 5) != 0;
	}
	cr_assert(late > 60 && late < 140, "%u", late);
	cr_assert(damaged > 60 && damaged < 140, "%u", damaged);
}
