/* Whatever decodes must encode again and decode to the same message. */
#include "proto/krpc.h"

#include <stdlib.h>

enum { PEERS_MAX = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool same_id(const uint8_t *a, const uint8_t *b, size_t size)
{
	return (a == NULL) == (b == NULL) && (a == NULL || memcmp(a, b, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[8192];
	struct endpoint peers[PEERS_MAX];
	struct krpc m, again;
	const char *reason = NULL;
	if (size > 4096)
		return 0;
	if (!krpc_decode(&m, bytes_of(data, size), &reason)) {
		must(reason != NULL);
		return 0;
	}
	must(m.kind == KRPC_ERROR || m.id != NULL);
	struct bytes values = m.values;
	uint32_t count = 0;
	while (count < PEERS_MAX && krpc_next_peer(&values, &peers[count]))
		count++;
	m.peers = peers;
	m.peer_count = count;
	const struct endpoint *e = peers;
	for (uint32_t i = 0; i < count; i++, e++)
		must(e->family == ENDPOINT_V4 || e->family == ENDPOINT_V6);
	if (m.method == KRPC_UNKNOWN)
		return 0;
	struct writer w;
	writer_init(&w, out, sizeof(out));
	must(krpc_encode(&m, &w));
	must(krpc_decode(&again, writer_bytes(&w), &reason));
	must(again.kind == m.kind && again.method == m.method && again.port == m.port);
	must(same_id(again.id, m.id, KRPC_ID_SIZE));
	must(bytes_equal(again.transaction, m.transaction) && bytes_equal(again.nodes, m.nodes));
	must(bytes_equal(again.nodes6, m.nodes6) && bytes_equal(again.token, m.token));
	must(bytes_equal(again.value, m.value) && again.seq == m.seq && again.cas == m.cas);
	must(bytes_equal(again.samples, m.samples) && same_id(again.key, m.key, 32));
	return 0;
}
