/* proto/krpc.h: the messages of the DHT (BEP 5, 32, 33, 42, 43, 44, 51).
 *
 * One struct for all of them. Decoding borrows: every view points into the
 * datagram. Encoding writes canonical bencode with this client's version. */
#ifndef PROTO_KRPC_H
#define PROTO_KRPC_H

#include "proto/bytes.h"
#include "proto/endpoint.h"
#include "proto/wire.h"

enum {
	KRPC_ID_SIZE = 20,
	KRPC_NODE_V4 = KRPC_ID_SIZE + ENDPOINT_COMPACT_V4,
	KRPC_NODE_V6 = KRPC_ID_SIZE + ENDPOINT_COMPACT_V6,
	KRPC_BLOOM_SIZE = 256,      /* BEP 33 */
	KRPC_TRANSACTION_MAX = 32,  /* a longer one is not echoed */
	KRPC_TOKENS_MAX = 1200,     /* bencode tokens of one datagram */
	KRPC_SAMPLES_MAX = 60,      /* hashes taken from one reply (BEP 51) */
};

enum krpc_kind { KRPC_QUERY = 'q', KRPC_REPLY = 'r', KRPC_ERROR = 'e' };

enum krpc_method {
	KRPC_PING,
	KRPC_FIND_NODE,
	KRPC_GET_PEERS,
	KRPC_ANNOUNCE_PEER,
	KRPC_GET,
	KRPC_PUT,
	KRPC_SAMPLE_INFOHASHES,
	KRPC_UNKNOWN, /* some other word */
};

enum krpc_error_code {
	KRPC_GENERIC = 201,
	KRPC_SERVER = 202,
	KRPC_PROTOCOL = 203,
	KRPC_METHOD_UNKNOWN = 204,
	KRPC_VALUE_TOO_BIG = 205,
	KRPC_BAD_SIGNATURE = 206,
	KRPC_SALT_TOO_BIG = 207,
	KRPC_CAS_MISMATCH = 301,
	KRPC_SEQ_TOO_OLD = 302,
};

enum krpc_want { KRPC_WANT_V4 = 1, KRPC_WANT_V6 = 2 };

struct krpc {
	enum krpc_kind kind;
	enum krpc_method method;   /* query */
	struct bytes transaction;
	struct bytes version;
	bool read_only;            /* BEP 43, query */
	struct bytes ip;           /* BEP 42, reply: 6 or 18 bytes, or empty */

	const uint8_t *id;         /* 20 bytes; NULL only in an error */
	const uint8_t *target;     /* target or info_hash, 20 bytes or NULL */
	unsigned want;             /* enum krpc_want; 0: not said */
	bool has_port;
	uint16_t port;
	bool implied_port, seed, no_seed, scrape;
	struct bytes token;

	struct bytes nodes, nodes6; /* whole entries of 26 and 38 bytes */
	bool has_nodes, has_nodes6; /* to write an empty list as well */
	struct bytes values;        /* decoded: the inside of the list, for krpc_next_peer */
	const struct endpoint *peers; /* to encode instead */
	uint32_t peer_count;
	const uint8_t *bloom_seeds, *bloom_peers; /* KRPC_BLOOM_SIZE or NULL */

	struct bytes value;        /* "v": its whole bencoding */
	const uint8_t *key;        /* 32 bytes or NULL */
	const uint8_t *signature;  /* 64 bytes or NULL */
	struct bytes salt;
	bool has_seq, has_cas;
	int64_t seq, cas;

	bool has_samples;
	struct bytes samples;      /* whole hashes of 20 bytes */
	int64_t interval, total;   /* BEP 51 "interval" and "num"; -1: not said */

	int64_t error_code;        /* error */
	struct bytes error_text;
};

/* False: not a message that anybody could answer (not bencode, no transaction,
 * no kind, no id); reason is static text. A query with a bad argument decodes:
 * what is wrong about it is the same as missing. */
bool krpc_decode(struct krpc *m, struct bytes datagram, const char **reason);
/* The next peer of values, which shrinks; entries of another shape are skipped. */
bool krpc_next_peer(struct bytes *values, struct endpoint *out);
/* The next node of nodes (family v4) or nodes6. id borrows. */
bool krpc_next_node(struct bytes *nodes, enum endpoint_family family, const uint8_t **id,
                    struct endpoint *out);
/* False: did not fit. Fields that the kind does not have are ignored. */
bool krpc_encode(const struct krpc *m, struct writer *w);
/* The 4 bytes every message of ours carries as "v". */
struct bytes krpc_version(void);
const char *krpc_method_name(enum krpc_method method);

#endif
