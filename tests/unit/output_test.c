/* The queue of outputs. */
#include "dht/output.h"

#include <criterion/criterion.h>

static void add_datagram(struct outputs *o, unsigned number, size_t size)
{
	uint8_t data[1500];
	memset(data, (int)number, sizeof(data));
	const struct dht_output out = { .kind = DHT_OUT_SEND, .search = number };
	outputs_add(o, &out, data, size);
}

Test(output, comes_out_in_order_with_its_payload)
{
	struct outputs o = { 0 };
	struct dht_output out;
	cr_assert_not(outputs_next(&o, &out));
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 1; i < 50; i++)
			add_datagram(&o, i, 30 * i);
		for (unsigned i = 1; i < 50; i++) {
			cr_assert(outputs_next(&o, &out));
			cr_assert_eq(out.search, i);
			cr_assert_eq(out.datagram.size, 30 * i);
			cr_assert_eq(out.datagram.data[0], i);
			cr_assert_eq(out.datagram.data[30 * i - 1], i);
		}
		cr_assert_not(outputs_next(&o, &out));
	}
	outputs_deinit(&o);
}

Test(output, gives_a_large_buffer_back)
{
	struct outputs o = { 0 };
	struct dht_output out;
	for (unsigned i = 0; i < 100; i++)
		add_datagram(&o, i, 1000);
	cr_assert_gt(o.room, OUTPUTS_KEPT);
	while (outputs_next(&o, &out))
		;
	add_datagram(&o, 1, 10);
	cr_assert_leq(o.room, OUTPUTS_KEPT);
	outputs_deinit(&o);
}

Test(output, each_kind_carries_its_own_payload)
{
	struct outputs o = { 0 };
	struct dht_output out = { .kind = DHT_OUT_PEERS, .count = 1 };
	const struct endpoint peer = endpoint_v4(1, 2, 3, 4, 5);
	outputs_add(&o, &out, &peer, sizeof(peer));
	const struct dht_contact node = { .id = { 9 }, .endpoint = peer };
	out.kind = DHT_OUT_NODES;
	outputs_add(&o, &out, &node, sizeof(node));
	const uint8_t hash[1][DHT_ID_SIZE] = { { 7 } };
	out.kind = DHT_OUT_SAMPLES;
	outputs_add(&o, &out, hash, sizeof(hash));
	const struct dht_item item = { .seq = 12 };
	out.kind = DHT_OUT_ITEM;
	outputs_add(&o, &out, &item, sizeof(item));
	out.kind = DHT_OUT_SAVE;
	outputs_add(&o, &out, NULL, 0);

	cr_assert(outputs_next(&o, &out) && endpoint_equal(&out.peers[0], &peer));
	cr_assert(outputs_next(&o, &out) && out.nodes[0].id[0] == 9);
	cr_assert(outputs_next(&o, &out) && out.hashes[0][0] == 7);
	cr_assert(outputs_next(&o, &out) && out.item->seq == 12);
	cr_assert(outputs_next(&o, &out) && out.kind == DHT_OUT_SAVE);
	outputs_deinit(&o);
}
