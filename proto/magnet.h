/* proto/magnet.h: magnet links (BEP 9, 46, 53).
 *
 * magnet:?xt=urn:btih:HASH (40 hex digits or 32 base32), dn, tr, x.pe, ws, so.
 * magnet:?xs=urn:btpk:KEY&s=SALT (BEP 46) is read too. urn:btmh alone (v2) is
 * refused with a reason; beside a btih it is ignored. */
#ifndef PROTO_MAGNET_H
#define PROTO_MAGNET_H

#include "proto/bytes.h"
#include "proto/hash.h"

enum {
	MAGNET_SIZE_MAX = 64 << 10,
	MAGNET_TRACKERS_MAX = 64,
	MAGNET_PEERS_MAX = 64,
	MAGNET_URLS_MAX = 16,
	MAGNET_RANGES_MAX = 256,
	MAGNET_NAME_MAX = 1024,
	MAGNET_SALT_MAX = 64,
	MAGNET_REASON_MAX = 160,
};

struct magnet_range {
	uint32_t first, last; /* file indexes, both included (BEP 53) */
};

struct magnet {
	uint8_t info_hash[SHA1_SIZE];
	bool has_info_hash;
	uint8_t public_key[32]; /* BEP 46 */
	bool has_public_key;
	uint8_t salt[MAGNET_SALT_MAX];
	uint32_t salt_size;
	char *name;             /* owned, NULL when absent; raw UTF-8, not a path */
	char **trackers;        /* owned; each a tier of its own */
	uint32_t tracker_count;
	char **peers;           /* owned; HOST:PORT or [V6]:PORT, the host may be a name */
	uint32_t peer_count;
	char **web_seeds;       /* owned */
	uint32_t web_seed_count;
	struct magnet_range *files; /* owned; empty: all */
	uint32_t file_count;
};

/* Also takes a bare 40-digit hex or 32-character base32 hash. False: reason
 * says what and where. magnet_deinit is safe after either outcome. */
bool magnet_parse(struct magnet *m, const char *text, char reason[MAGNET_REASON_MAX]);
void magnet_deinit(struct magnet *m);
/* A link for a torrent: owned text (free()). name and trackers may be NULL / 0. */
char *magnet_format(const uint8_t info_hash[SHA1_SIZE], const char *name,
                    const char *const *trackers, uint32_t tracker_count);

#endif
