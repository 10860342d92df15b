/* tests/fuzz/extended_fuzz.c: any payload through each reader of BEP 10.
 *
 * Holds: what was read can be written, and reads back the same. */
#include <assert.h>

#include "proto/extended.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t buffer[64 << 10];

static void fuzz_handshake(struct bytes in)
{
	static struct extended_handshake h, back;
	uint8_t ids[EXT_KINDS] = {0};
	struct writer w;

	if (!extended_handshake_read(&h, in))
		return;
	assert(memchr(h.client, '\0', sizeof(h.client)));
	assert(h.ids[EXT_HANDSHAKE] == 0);
	extended_ids_update(ids, &h);
	writer_init(&w, buffer, EXT_HANDSHAKE_MAX);
	extended_handshake_write(&w, &h);
	assert(!w.failed);
	assert(extended_handshake_read(&back, writer_bytes(&w)));
	back.has_m = h.has_m;
	assert(memcmp(h.ids, back.ids, sizeof(h.ids)) == 0 && h.named == back.named);
	assert(h.metadata_size == back.metadata_size && h.reqq == back.reqq);
	assert(h.port == back.port && h.upload_only == back.upload_only);
	assert(strcmp(h.client, back.client) == 0);
	assert(endpoint_equal(&h.your_ip, &back.your_ip) &&
	       endpoint_equal(&h.ipv4, &back.ipv4));
}

static void fuzz_metadata(struct bytes in)
{
	struct metadata_message m, back;
	struct writer w;

	if (!metadata_message_read(&m, in))
		return;
	assert(m.data.size <= EXT_METADATA_PIECE);
	if (m.kind < METADATA_REQUEST || m.kind > METADATA_REJECT ||
	    (m.kind == METADATA_DATA && m.total == 0))
		return;
	writer_init(&w, buffer, EXT_PAYLOAD_MAX);
	metadata_message_write(&w, &m);
	assert(!w.failed);
	assert(metadata_message_read(&back, writer_bytes(&w)));
	assert(m.kind == back.kind && m.piece == back.piece && m.total == back.total);
	assert(bytes_equal(m.data, back.data));
}

static void fuzz_pex(struct bytes in)
{
	static struct pex_message m, back;
	struct writer w;

	if (!pex_message_read(&m, in))
		return;
	assert(m.added_count <= EXT_PEX_READ_MAX && m.dropped_count <= EXT_PEX_READ_MAX);
	writer_init(&w, buffer, sizeof(buffer));
	pex_message_write(&w, &m);
	assert(!w.failed);
	assert(pex_message_read(&back, writer_bytes(&w)));
	assert(m.added_count == back.added_count && m.dropped_count == back.dropped_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	uint32_t piece;
	bool upload_only;

	fuzz_handshake(in);
	fuzz_metadata(in);
	fuzz_pex(in);
	assert(donthave_message_read(&piece, in) == (size == 4));
	assert(upload_only_message_read(&upload_only, in) == (size > 0));
	return 0;
}
