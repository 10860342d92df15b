/* proto/metainfo.h: a .torrent file (BEP 3, 5, 12, 19, 27, 47, 52), validated.
 *
 * Whatever a struct metainfo says has been checked: the piece count fits the
 * sizes, no sum overflows, and every path is safe to append to a directory
 * (no separators inside a name, no "..", not empty, not absolute, no two files
 * on one path, no file that is another's directory; pad files, which are never
 * on disk, excepted). Nasty names are made safe; what contradicts itself is
 * refused. A hybrid torrent (BEP 52) is read as v1; v2-only ones are refused. */
#ifndef PROTO_METAINFO_H
#define PROTO_METAINFO_H

#include "proto/bytes.h"
#include "proto/endpoint.h"
#include "proto/hash.h"

enum {
	METAINFO_SIZE_MAX = 64 << 20,      /* of a .torrent file */
	METAINFO_INFO_MAX = 32 << 20,      /* of an info dictionary, from peers too */
	METAINFO_PIECES_MAX = 1 << 22,
	METAINFO_PIECE_LENGTH_MIN = 1 << 10,
	METAINFO_PIECE_LENGTH_MAX = 1 << 28,
	METAINFO_FILES_MAX = 1 << 20,
	METAINFO_NAME_MAX = 255,           /* bytes of one path component */
	METAINFO_PATH_MAX = 4000,          /* bytes of a whole relative path */
	METAINFO_PATH_DEPTH_MAX = 64,
	METAINFO_TRACKERS_MAX = 128,
	METAINFO_NODES_MAX = 64,
	METAINFO_URLS_MAX = 64,
	METAINFO_URL_MAX = 2048,
	METAINFO_TOKENS_MAX = 4 << 20,     /* bencoded values; real torrents have 8 bytes per value */
	METAINFO_PATHS_MAX = 64 << 20,     /* bytes of all paths together */
	METAINFO_TEXT_MAX = 4096,          /* bytes of the comment; the rest is cut */
};

struct metainfo_file {
	const char *path;  /* relative, '/' between components, sanitised; owned by the metainfo */
	uint64_t length;   /* bytes */
	uint64_t offset;   /* of its first byte in the torrent */
	bool pad;          /* BEP 47: zeroes that are never on disk; also a symbolic link,
	                    * of length 0: we make none */
	bool executable;   /* BEP 47 attr x */
};

struct metainfo_tracker {
	const char *url; /* owned by the metainfo */
	uint32_t tier;   /* 0 first */
};

/* "host" may be a name (BEP 5 "nodes"). */
struct metainfo_node {
	const char *host;
	uint16_t port;
};

struct metainfo {
	uint8_t info_hash[SHA1_SIZE];
	const char *name;        /* sanitised; the file's or the top directory's name */
	uint32_t piece_length;   /* bytes; the last piece may be shorter */
	uint32_t piece_count;    /* at least 1 */
	uint64_t total;          /* bytes, pad files included; at least 1 */
	const uint8_t *pieces;   /* piece_count * 20 bytes; owned by the metainfo */
	struct metainfo_file *files; /* in torrent order; single file: one, its path == name;
	                              * several: paths start with name + "/" */
	uint32_t file_count;
	bool multi_file;
	bool is_private;         /* BEP 27: no nodes are kept then */
	bool hybrid;             /* has BEP 52 data too */
	struct bytes info;       /* the info dictionary, whole; owned by the metainfo */
	struct metainfo_tracker *trackers; /* owned; announce-list, or announce as tier 0 */
	uint32_t tracker_count;
	struct metainfo_node *nodes;       /* owned */
	uint32_t node_count;
	const char **web_seeds;            /* owned; BEP 19 */
	uint32_t web_seed_count;
	const char *comment;               /* NULL when absent */
	const char *created_by;
	int64_t created_at;                /* unix seconds, 0 when absent */
	void *memory;                      /* owned: all the above points into it */
};

/* Parse a whole .torrent; white space behind it is ignored. False: reason says
 * what is wrong and names the key ("info.files[3].length: negative"). Nothing
 * is kept of the input. metainfo_deinit is safe after either outcome. */
enum { METAINFO_REASON_MAX = 160 };
bool metainfo_parse(struct metainfo *m, struct bytes file, char reason[METAINFO_REASON_MAX]);
/* The same from an info dictionary alone (BEP 9). The caller has checked its hash. */
bool metainfo_parse_info(struct metainfo *m, struct bytes info, char reason[METAINFO_REASON_MAX]);
void metainfo_deinit(struct metainfo *m);

/* Bytes of piece i: piece_length, less for the last. */
uint32_t metainfo_piece_size(const struct metainfo *m, uint32_t piece);
const uint8_t *metainfo_piece_hash(const struct metainfo *m, uint32_t piece);

/* A .torrent around an info dictionary: what is saved for a magnet. Returns
 * owned bytes (free()), *size set. trackers may be NULL when count is 0. */
uint8_t *metainfo_wrap(struct bytes info, const struct metainfo_tracker *trackers,
                       uint32_t tracker_count, size_t *size);

/* Turn any bytes into one safe path component: invalid UTF-8, control
 * characters and separators become '_', ".", ".." and "" get a name, the
 * length is cut at METAINFO_NAME_MAX on a character boundary with the
 * extension kept, characters that reverse text become '_' too. out holds METAINFO_NAME_MAX + 1. Returns false when nothing
 * had to change. */
bool metainfo_sanitise_name(struct bytes name, char out[METAINFO_NAME_MAX + 1]);

#endif
