/* proto/message.c: the peer wire (BEP 3, 5, 6, 10), framed and unframed.
 *
 * message_read runs once for every message that arrives, so it is a look-up
 * in one table: what lengths an id may have, and how its payload is laid out.
 * A length that its id cannot have is refused as soon as the id is there, so
 * nobody waits for, or keeps room for, a message that will never be taken.
 *
 * What the numbers mean (is there such a piece, did we ask for it) is the
 * connection's to judge: it knows the torrent. */
#include "proto/message.h"

#include <assert.h>

static const uint8_t protocol_name[HANDSHAKE_NAME + 1] = "\x13\x42itTorrent protocol";

enum {
	RESERVED_SIZE = 8,
	LENGTH_SIZE = 4,
	ID_END = LENGTH_SIZE + 1,
	PIECE_FLOOR = MESSAGE_PIECE_HEADER - LENGTH_SIZE, /* id, piece, begin */
	KIND_COUNT = MSG_EXTENDED + 1,
};

void handshake_write(const struct handshake *h, uint8_t out[HANDSHAKE_SIZE])
{
	uint8_t *reserved = out + HANDSHAKE_NAME;

	memcpy(out, protocol_name, HANDSHAKE_NAME);
	memset(reserved, 0, RESERVED_SIZE);
	reserved[5] = h->extended ? 0x10 : 0;
	reserved[7] = (uint8_t)((h->fast ? 0x04 : 0) | (h->dht ? 0x01 : 0));
	memcpy(reserved + RESERVED_SIZE, h->info_hash, SHA1_SIZE);
	memcpy(reserved + RESERVED_SIZE + SHA1_SIZE, h->peer_id, PEER_ID_SIZE);
}

bool handshake_may_begin(struct bytes in)
{
	size_t size = in.size < HANDSHAKE_NAME ? in.size : HANDSHAKE_NAME;

	return size == 0 || memcmp(in.data, protocol_name, size) == 0;
}

bool handshake_read_opening(struct handshake *h, struct bytes in)
{
	const uint8_t *reserved;

	assert(in.size >= HANDSHAKE_OPENING);
	if (!handshake_may_begin(in))
		return false;
	reserved = in.data + HANDSHAKE_NAME;
	h->extended = (reserved[5] & 0x10) != 0;
	h->fast = (reserved[7] & 0x04) != 0;
	h->dht = (reserved[7] & 0x01) != 0;
	memcpy(h->info_hash, reserved + RESERVED_SIZE, SHA1_SIZE);
	return true;
}

bool handshake_read(struct handshake *h, struct bytes in)
{
	assert(in.size >= HANDSHAKE_SIZE);
	if (!handshake_read_opening(h, in))
		return false;
	memcpy(h->peer_id, in.data + HANDSHAKE_OPENING, PEER_ID_SIZE);
	return true;
}

enum layout {
	LAYOUT_UNKNOWN = 0, /* what the table does not name */
	LAYOUT_BARE,
	LAYOUT_NUMBER, /* a piece */
	LAYOUT_BLOCK,
	LAYOUT_DATA, /* a block's place; its data follow */
	LAYOUT_BITS,
	LAYOUT_PORT,
	LAYOUT_EXTENDED,
};

/* The length prefix lies in [floor, ceiling]; ceiling 0 stands for the
 * caller's size_max. */
struct shape {
	uint8_t layout;
	uint8_t floor;
	uint32_t ceiling;
	const char *name;
};

static const struct shape shapes[KIND_COUNT] = {
    [MSG_CHOKE] = {LAYOUT_BARE, 1, 1, "choke"},
    [MSG_UNCHOKE] = {LAYOUT_BARE, 1, 1, "unchoke"},
    [MSG_INTERESTED] = {LAYOUT_BARE, 1, 1, "interested"},
    [MSG_NOT_INTERESTED] = {LAYOUT_BARE, 1, 1, "not interested"},
    [MSG_HAVE] = {LAYOUT_NUMBER, 5, 5, "have"},
    [MSG_BITFIELD] = {LAYOUT_BITS, 1, 0, "bitfield"},
    [MSG_REQUEST] = {LAYOUT_BLOCK, 13, 13, "request"},
    [MSG_PIECE] = {LAYOUT_DATA, PIECE_FLOOR, PIECE_FLOOR + BLOCK_SIZE_MAX, "piece"},
    [MSG_CANCEL] = {LAYOUT_BLOCK, 13, 13, "cancel"},
    [MSG_PORT] = {LAYOUT_PORT, 3, 3, "port"},
    [MSG_SUGGEST] = {LAYOUT_NUMBER, 5, 5, "suggest"},
    [MSG_HAVE_ALL] = {LAYOUT_BARE, 1, 1, "have all"},
    [MSG_HAVE_NONE] = {LAYOUT_BARE, 1, 1, "have none"},
    [MSG_REJECT] = {LAYOUT_BLOCK, 13, 13, "reject"},
    [MSG_ALLOWED_FAST] = {LAYOUT_NUMBER, 5, 5, "allowed fast"},
    [MSG_EXTENDED] = {LAYOUT_EXTENDED, 2, 0, "extended"},
};

static const struct shape shape_unknown = {LAYOUT_UNKNOWN, 1, 0, NULL};

static uint32_t load_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* at: the first byte behind the id; length counts the id. */
static void load_payload(struct message *m, enum layout layout, const uint8_t *at,
			 uint32_t length)
{
	switch (layout) {
	case LAYOUT_UNKNOWN:
		m->kind = MSG_UNKNOWN;
		break;
	case LAYOUT_BARE:
		break;
	case LAYOUT_NUMBER:
		m->piece = load_u32(at);
		break;
	case LAYOUT_BLOCK:
		m->block = (struct block){load_u32(at), load_u32(at + 4), load_u32(at + 8)};
		break;
	case LAYOUT_DATA:
		m->block =
		    (struct block){load_u32(at), load_u32(at + 4), length - PIECE_FLOOR};
		break;
	case LAYOUT_BITS:
		m->bitfield = bytes_of(at, length - 1);
		break;
	case LAYOUT_PORT:
		m->port = (uint16_t)(at[0] << 8 | at[1]);
		break;
	case LAYOUT_EXTENDED:
		m->extended.id = at[0];
		m->extended.payload = bytes_of(at + 1, length - 2);
		break;
	}
}

static enum message_status bad(const char **reason, const char *text)
{
	*reason = text;
	return MESSAGE_BAD;
}

/* Not even the id is there: only keep-alives and absurd lengths can be told. */
static enum message_status read_short(struct message *m, struct bytes in, uint32_t size_max,
				      size_t *used, const char **reason)
{
	uint32_t length;

	*used = LENGTH_SIZE;
	if (in.size < LENGTH_SIZE)
		return MESSAGE_MORE;
	length = load_u32(in.data);
	if (length == 0) {
		m->kind = MSG_KEEP_ALIVE;
		return MESSAGE_OK;
	}
	if (length > size_max && length > shapes[MSG_PIECE].ceiling)
		return bad(reason, "message longer than any we take");
	*used = ID_END;
	return MESSAGE_MORE;
}

enum message_status message_read(struct message *m, struct bytes in, uint32_t size_max,
				 size_t *used, const char **reason)
{
	const struct shape *shape;
	uint32_t length, ceiling;
	uint8_t id;

	if (in.size < ID_END || load_u32(in.data) == 0)
		return read_short(m, in, size_max, used, reason);
	length = load_u32(in.data);
	id = in.data[LENGTH_SIZE];
	shape = id < KIND_COUNT && shapes[id].layout ? &shapes[id] : &shape_unknown;
	ceiling = shape->ceiling ? shape->ceiling : size_max;
	if (length < shape->floor)
		return bad(reason, "message too short for its kind");
	if (length > ceiling)
		return bad(reason, "message too long for its kind");
	*used = shape->layout == LAYOUT_DATA ? MESSAGE_PIECE_HEADER
					     : (size_t)LENGTH_SIZE + length;
	if (in.size < *used)
		return MESSAGE_MORE;
	m->kind = (enum message_kind)id;
	load_payload(m, (enum layout)shape->layout, in.data + ID_END, length);
	return MESSAGE_OK;
}

static void write_head(struct writer *w, enum message_kind kind, uint32_t payload_size)
{
	write_u32(w, 1 + payload_size);
	write_u8(w, (uint8_t)kind);
}

static bool has_layout(enum message_kind kind, enum layout layout)
{
	return (unsigned)kind < KIND_COUNT && shapes[kind].layout == layout;
}

void message_write_simple(struct writer *w, enum message_kind kind)
{
	if (kind == MSG_KEEP_ALIVE) {
		write_u32(w, 0);
		return;
	}
	assert(has_layout(kind, LAYOUT_BARE));
	write_head(w, kind, 0);
}

void message_write_have(struct writer *w, uint32_t piece)
{
	message_write_piece_number(w, MSG_HAVE, piece);
}

void message_write_piece_number(struct writer *w, enum message_kind kind, uint32_t piece)
{
	assert(has_layout(kind, LAYOUT_NUMBER));
	write_head(w, kind, 4);
	write_u32(w, piece);
}

void message_write_bitfield(struct writer *w, struct bytes bits)
{
	assert(bits.size < UINT32_MAX);
	write_head(w, MSG_BITFIELD, (uint32_t)bits.size);
	write_bytes(w, bits);
}

void message_write_block(struct writer *w, enum message_kind kind, struct block b)
{
	assert(has_layout(kind, LAYOUT_BLOCK));
	write_head(w, kind, 12);
	write_u32(w, b.piece);
	write_u32(w, b.begin);
	write_u32(w, b.length);
}

void message_write_piece_header(struct writer *w, struct block b)
{
	assert(b.length <= BLOCK_SIZE_MAX);
	write_head(w, MSG_PIECE, 8 + b.length);
	write_u32(w, b.piece);
	write_u32(w, b.begin);
}

void message_write_port(struct writer *w, uint16_t port)
{
	write_head(w, MSG_PORT, 2);
	write_u16(w, port);
}

void message_write_extended_header(struct writer *w, uint8_t id, size_t payload_size)
{
	assert(payload_size < UINT32_MAX - 1);
	write_head(w, MSG_EXTENDED, 1 + (uint32_t)payload_size);
	write_u8(w, id);
}

const char *message_name(enum message_kind kind)
{
	if (kind == MSG_KEEP_ALIVE)
		return "keep-alive";
	if ((unsigned)kind < KIND_COUNT && shapes[kind].name)
		return shapes[kind].name;
	return "unknown";
}
