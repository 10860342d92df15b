/* proto/extended.h: the extension protocol and its messages: BEP 10 handshake,
 * ut_metadata (BEP 9), ut_pex (BEP 11), lt_donthave (BEP 54), upload_only
 * (BEP 21).
 *
 * Each side numbers the extensions it accepts; we number ours by
 * enum extended_kind and send with the numbers the peer gave. */
#ifndef PROTO_EXTENDED_H
#define PROTO_EXTENDED_H

#include "proto/bytes.h"
#include "proto/endpoint.h"
#include "proto/wire.h"

enum extended_kind {
	EXT_HANDSHAKE = 0,
	EXT_METADATA = 1,  /* ut_metadata */
	EXT_PEX = 2,       /* ut_pex */
	EXT_DONTHAVE = 3,  /* lt_donthave */
	EXT_UPLOAD_ONLY = 4,
	EXT_KINDS,
};

enum {
	EXT_HANDSHAKE_MAX = 2048,        /* of ours */
	EXT_PAYLOAD_MAX = (16 << 10) + 1024, /* largest extended message we take */
	EXT_METADATA_PIECE = 16 << 10,
	EXT_CLIENT_MAX = 64,
	EXT_PEX_PEERS_MAX = 100,         /* per message and direction, ours; we read up to 200 */
	EXT_PEX_READ_MAX = 200,
};

struct extended_handshake {
	uint8_t ids[EXT_KINDS];       /* the number under which the sender takes it; 0 = does not */
	bool has_m;                   /* "m" was present */
	uint32_t named;               /* bit 1 << kind: "m" named it, where 0 means "disabled now";
	                               * what "m" does not name stays as it was */
	uint32_t metadata_size;       /* 0: unknown */
	uint32_t reqq;                /* 0: not said */
	uint16_t port;                /* "p", 0: not said */
	bool upload_only;             /* BEP 21 */
	bool encryption;              /* "e": prefers it */
	char client[EXT_CLIENT_MAX];  /* "v", cut, printable */
	struct endpoint your_ip;      /* "yourip": how the sender sees us; family 0 if absent */
	struct endpoint ipv4, ipv6;   /* the sender's other addresses */
};

/* payload: what follows the extended id 0. Keys with absurd values count as
 * absent. False: not a dictionary. */
bool extended_handshake_read(struct extended_handshake *h, struct bytes payload);
/* "m" holds every kind with a number, and every named one. */
void extended_handshake_write(struct writer *w, const struct extended_handshake *h);
/* Keep the numbers of a peer (all 0 at first) up to date with a handshake of
 * its, of which there may be many. */
void extended_ids_update(uint8_t ids[EXT_KINDS], const struct extended_handshake *h);

enum metadata_message_kind {
	METADATA_REQUEST = 0,
	METADATA_DATA = 1,
	METADATA_REJECT = 2,
};

struct metadata_message {
	int64_t kind;      /* unknown kinds are reported, and to be ignored */
	uint32_t piece;
	uint32_t total;    /* DATA: size of the whole info dictionary; 0: not said */
	struct bytes data; /* DATA: borrowed, <= 16 KiB */
};

/* False: malformed, or DATA with no data or more than 16 KiB. */
bool metadata_message_read(struct metadata_message *m, struct bytes payload);
/* The dictionary; for DATA also the data. */
void metadata_message_write(struct writer *w, const struct metadata_message *m);

enum pex_flags { /* BEP 11 */
	PEX_ENCRYPTION = 0x01,
	PEX_SEED = 0x02,
	PEX_UTP = 0x04,
	PEX_HOLEPUNCH = 0x08,
	PEX_REACHABLE = 0x10,
};

struct pex_peer {
	struct endpoint endpoint;
	uint8_t flags;
};

struct pex_message {
	struct pex_peer added[EXT_PEX_READ_MAX];
	uint32_t added_count;
	struct endpoint dropped[EXT_PEX_READ_MAX];
	uint32_t dropped_count;
};

/* Contacts past EXT_PEX_READ_MAX are dropped; addresses are not judged here.
 * False: not a dictionary, or a list that is no whole number of contacts. */
bool pex_message_read(struct pex_message *m, struct bytes payload);
void pex_message_write(struct writer *w, const struct pex_message *m);

/* lt_donthave (BEP 54): a piece the sender no longer has. False: not 4 bytes. */
bool donthave_message_read(uint32_t *piece, struct bytes payload);
/* upload_only as a message of its own: one byte, 0 or not. False: no byte. */
bool upload_only_message_read(bool *upload_only, struct bytes payload);

#endif
