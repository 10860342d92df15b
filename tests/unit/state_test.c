/* What survives a restart. */
#include "tests/unit/node_net.h"

static struct net net;

static void setup(void)
{
	net_init(&net, 6);
}

static void teardown(void)
{
	net_deinit(&net);
}

TestSuite(state, .init = setup, .fini = teardown);

Test(state, ids_and_nodes_come_back)
{
	net_grow(&net, 30, true);
	size_t size;
	uint8_t *state = dht_node_save(net.nodes[3].dht, &size);
	cr_assert_gt(size, 20u * 26);
	/* Itself, restarted: the same id, and a table again within seconds. */
	const struct dht_config config = { .v4 = true };
	struct dht_node *again = dht_node_new(&config, net.now);
	cr_assert(dht_node_load(again, bytes_of(state, size), net.now));
	cr_assert(memcmp(dht_node_id(again, ENDPOINT_V4),
	                 dht_node_id(net.nodes[3].dht, ENDPOINT_V4), DHT_ID_SIZE) == 0);
	dht_node_free(net.nodes[3].dht);
	net.nodes[3].dht = again;
	net_run(&net, 3 * USEC_PER_SEC);
	cr_assert_geq(net_stats(&net, 3).nodes_v4, 16);
	free(state);
}

Test(state, a_configured_id_is_not_replaced)
{
	net_grow(&net, 3, true);
	size_t size;
	uint8_t *state = dht_node_save(net.nodes[0].dht, &size);
	const struct dht_config config = { .v4 = true, .id = (const uint8_t *)"a configured id, 20." };
	struct dht_node *n = dht_node_new(&config, net.now);
	cr_assert(dht_node_load(n, bytes_of(state, size), net.now));
	cr_assert(memcmp(dht_node_id(n, ENDPOINT_V4), config.id, DHT_ID_SIZE) == 0);
	dht_node_free(n);
	free(state);
}

Test(state, what_it_cannot_read_changes_nothing)
{
	static const char *const bad[] = { "", "x", "de", "d6:formati2ee", "d6:formati1ee",
		"d6:formati1e3:id42:ab3:id62:abe",
		"d6:formati9e3:id420:aaaaaaaaaaaaaaaaaaaa3:id620:aaaaaaaaaaaaaaaaaaaae" };
	net_add(&net, net_global(0), NULL);
	uint8_t before[DHT_ID_SIZE];
	memcpy(before, dht_node_id(net.nodes[0].dht, ENDPOINT_V4), DHT_ID_SIZE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_assert_not(dht_node_load(net.nodes[0].dht, bytes_of_text(bad[i]), net.now));
		cr_assert(memcmp(before, dht_node_id(net.nodes[0].dht, ENDPOINT_V4), DHT_ID_SIZE) == 0);
	}
}

Test(state, every_truncation_is_refused)
{
	net_grow(&net, 10, true);
	size_t size;
	uint8_t *state = dht_node_save(net.nodes[3].dht, &size);
	for (size_t cut = 0; cut < size; cut++)
		cr_assert_not(dht_node_load(net.nodes[0].dht, bytes_of(state, cut), net.now));
	free(state);
}
