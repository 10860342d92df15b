/* tests/fuzz/message_fuzz.c: any byte stream through message_read.
 *
 * Holds: progress, views inside the input, the same answer however much more
 * follows, and what is read can be written back to the same bytes. */
#include <assert.h>
#include <stdlib.h>

#include "proto/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct bytes view, struct bytes in)
{
	assert(view.data >= in.data && view.size <= in.size);
	assert((size_t)(view.data - in.data) <= in.size - view.size);
}

static void write_back(struct writer *w, const struct message *m, uint8_t id)
{
	switch (m->kind) {
	case MSG_CHOKE:
	case MSG_UNCHOKE:
	case MSG_INTERESTED:
	case MSG_NOT_INTERESTED:
	case MSG_HAVE_ALL:
	case MSG_HAVE_NONE:
	case MSG_KEEP_ALIVE:
		message_write_simple(w, m->kind);
		break;
	case MSG_HAVE:
	case MSG_SUGGEST:
	case MSG_ALLOWED_FAST:
		message_write_piece_number(w, m->kind, m->piece);
		break;
	case MSG_BITFIELD:
		message_write_bitfield(w, m->bitfield);
		break;
	case MSG_REQUEST:
	case MSG_CANCEL:
	case MSG_REJECT:
		message_write_block(w, m->kind, m->block);
		break;
	case MSG_PIECE:
		assert(m->block.length <= BLOCK_SIZE_MAX);
		message_write_piece_header(w, m->block);
		break;
	case MSG_PORT:
		message_write_port(w, m->port);
		break;
	case MSG_EXTENDED:
		message_write_extended_header(w, m->extended.id, m->extended.payload.size);
		write_bytes(w, m->extended.payload);
		break;
	case MSG_UNKNOWN:
		assert(id > 20 || (id > 9 && id < 13) || id == 18 || id == 19);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	uint8_t *back = malloc(size + 1);
	uint32_t size_max;

	if (size < 2)
		goto out;
	size_max = (uint32_t)(data[0] << 8 | data[1]);
	in = bytes_of(data + 2, size - 2);
	while (in.size > 0) {
		struct message m, again;
		struct writer w;
		const char *reason = NULL;
		size_t used = 0, used_again = 0;
		enum message_status status = message_read(&m, in, size_max, &used, &reason);

		if (status == MESSAGE_BAD) {
			assert(reason && reason[0]);
			break;
		}
		if (status == MESSAGE_MORE) {
			assert(used > in.size && used <= (size_t)size_max + 4 + 13);
			break;
		}
		assert(used >= 4 && used <= in.size);
		assert(message_read(&again, bytes_of(in.data, used), size_max, &used_again,
				    &reason) == MESSAGE_OK);
		assert(used_again == used && again.kind == m.kind);
		if (m.kind == MSG_BITFIELD)
			check_inside(m.bitfield, in);
		if (m.kind == MSG_EXTENDED)
			check_inside(m.extended.payload, in);
		writer_init(&w, back, used);
		write_back(&w, &m, in.size > 4 ? in.data[4] : 0);
		assert(!w.failed);
		assert(m.kind == MSG_UNKNOWN ||
		       (w.used == used && !memcmp(back, in.data, used)));
		in = bytes_of(in.data + used, in.size - used);
	}
out:
	free(back);
	return 0;
}
