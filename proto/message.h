/* proto/message.h: peer-wire messages and the handshake (BEP 3, 5, 6, 10).
 *
 * The parser works on a view and never copies: payloads are borrowed. A block
 * (PIECE) is not parsed here as a whole: connections stream it, see
 * message_peek(). */
#ifndef PROTO_MESSAGE_H
#define PROTO_MESSAGE_H

#include "proto/bytes.h"
#include "proto/hash.h"
#include "proto/wire.h"

enum {
	HANDSHAKE_SIZE = 68,
	HANDSHAKE_OPENING = 48,     /* up to the info-hash: enough to know whom to answer as */
	HANDSHAKE_NAME = 20,        /* the protocol's name with its length */
	PEER_ID_SIZE = 20,
	BLOCK_SIZE = 16 << 10,      /* what we ask for */
	BLOCK_SIZE_MAX = 128 << 10, /* what a peer may ask of us */
	MESSAGE_PIECE_HEADER = 13,  /* length, id, piece, begin */
	MESSAGE_REQUEST_SIZE = 17,
	MESSAGE_HAVE_SIZE = 9,
};

struct handshake {
	uint8_t info_hash[SHA1_SIZE];
	uint8_t peer_id[PEER_ID_SIZE];
	bool extended; /* BEP 10: reserved[5] & 0x10 */
	bool fast;     /* BEP 6: reserved[7] & 0x04 */
	bool dht;      /* BEP 5: reserved[7] & 0x01 */
};

void handshake_write(const struct handshake *h, uint8_t out[HANDSHAKE_SIZE]);
/* in.size >= HANDSHAKE_SIZE. False: not a BitTorrent handshake. */
bool handshake_read(struct handshake *h, struct bytes in);
/* The same from its first HANDSHAKE_OPENING bytes: all but the peer id. */
bool handshake_read_opening(struct handshake *h, struct bytes in);
/* Whether in, however short, may be the beginning of a handshake. */
bool handshake_may_begin(struct bytes in);

enum message_kind {
	MSG_CHOKE = 0,
	MSG_UNCHOKE = 1,
	MSG_INTERESTED = 2,
	MSG_NOT_INTERESTED = 3,
	MSG_HAVE = 4,
	MSG_BITFIELD = 5,
	MSG_REQUEST = 6,
	MSG_PIECE = 7,
	MSG_CANCEL = 8,
	MSG_PORT = 9,          /* BEP 5 */
	MSG_SUGGEST = 13,      /* BEP 6 ... */
	MSG_HAVE_ALL = 14,
	MSG_HAVE_NONE = 15,
	MSG_REJECT = 16,
	MSG_ALLOWED_FAST = 17,
	MSG_EXTENDED = 20,     /* BEP 10 */
	MSG_KEEP_ALIVE = 256,
	MSG_UNKNOWN = 257,     /* an id we do not know: skip it */
};

struct block {
	uint32_t piece;
	uint32_t begin;  /* bytes into the piece */
	uint32_t length; /* bytes */
};

struct message {
	enum message_kind kind;
	union {
		uint32_t piece;          /* HAVE, SUGGEST, ALLOWED_FAST */
		struct bytes bitfield;   /* borrowed */
		struct block block;      /* REQUEST, CANCEL, REJECT; PIECE: length of its data */
		uint16_t port;
		struct {
			uint8_t id;      /* 0: the extension handshake */
			struct bytes payload; /* borrowed */
		} extended;
	};
};

enum message_status {
	MESSAGE_OK,     /* *used bytes were consumed */
	MESSAGE_MORE,   /* need more bytes; *used = how many the whole takes when its id is known,
	                 * else 5 (length and id) or 4 (not even the length is there) */
	MESSAGE_BAD,    /* protocol broken; *reason is static text */
};

/* Parse the message at the start of in. size_max bounds the length prefix of
 * what has no size of its own: bitfield, extended, unknown (the caller knows
 * the largest it will take). A PIECE carries at most BLOCK_SIZE_MAX and yields
 * MESSAGE_OK as soon as its 13 bytes of header are there: *used is 13, and
 * block.length bytes of data follow on the stream (0 is possible). The block
 * of a REQUEST, CANCEL or REJECT may hold any numbers. */
enum message_status message_read(struct message *m, struct bytes in, uint32_t size_max,
                                 size_t *used, const char **reason);

/* Writers: append one whole message, sticky failure as struct writer. */
void message_write_simple(struct writer *w, enum message_kind kind); /* no payload; KEEP_ALIVE too */
void message_write_have(struct writer *w, uint32_t piece);
void message_write_piece_number(struct writer *w, enum message_kind kind, uint32_t piece); /* SUGGEST, ALLOWED_FAST */
void message_write_bitfield(struct writer *w, struct bytes bits);
void message_write_block(struct writer *w, enum message_kind kind, struct block b); /* REQUEST, CANCEL, REJECT */
void message_write_piece_header(struct writer *w, struct block b); /* data follows */
void message_write_port(struct writer *w, uint16_t port);
/* The 6 bytes before an extended payload of payload_size bytes. */
void message_write_extended_header(struct writer *w, uint8_t id, size_t payload_size);

/* Name for logs: "request". */
const char *message_name(enum message_kind kind);

#endif
