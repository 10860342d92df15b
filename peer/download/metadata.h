/* peer/download/metadata.h: the info dictionary, fetched from many peers in
 * 16 KiB blocks (BEP 9) and checked against the info-hash.
 *
 * Peers may lie about its size and its contents. Nothing is allocated on a
 * claim; blocks are kept per claimed size, with who sent them, so that after a
 * wrong hash the next try avoids mixing, and ends up asking one peer for all. */
#ifndef PEER_DOWNLOAD_METADATA_H
#define PEER_DOWNLOAD_METADATA_H

#include "proto/bytes.h"
#include "proto/hash.h"

enum {
	METADATA_BLOCK = 16 << 10,
	METADATA_REQUESTS_MAX = 2,  /* outstanding per peer */
	METADATA_SIZES_MAX = 4,     /* different sizes claimed that are followed at a time */
	METADATA_REJECT_PAUSE = 60, /* seconds before a peer that rejected is asked again */
};

struct metadata;
struct metadata *metadata_new(const uint8_t info_hash[SHA1_SIZE]);
void metadata_free(struct metadata *m);

/* A peer (key: the owner's number for it, e.g. its slot) says how large the
 * dictionary is. False: impossible (0, above METAINFO_INFO_MAX, another size
 * than it said before). */
bool metadata_on_size(struct metadata *m, uint32_t key, uint32_t size);
void metadata_on_gone(struct metadata *m, uint32_t key);
/* Which block to ask this peer for now; false: none. It counts as sent. */
bool metadata_request(struct metadata *m, uint32_t key, uint32_t *block, usec now);
/* When to call metadata_request again for peers without an answer (time-outs). */
usec metadata_deadline(const struct metadata *m);

enum metadata_outcome {
	METADATA_MORE,  /* go on */
	METADATA_READY, /* complete and right: metadata_take */
	METADATA_WRONG, /* all of it came, and the hash is wrong: tried again; metadata_next_liar */
	METADATA_LIE,   /* this message contradicts the protocol or itself: drop the peer */
};
enum metadata_outcome metadata_on_data(struct metadata *m, uint32_t key, uint32_t block,
                                       uint32_t total, struct bytes data, usec now);
void metadata_on_reject(struct metadata *m, uint32_t key, uint32_t block, usec now);
/* Peers that alone sent a whole wrong dictionary. */
bool metadata_next_liar(struct metadata *m, uint32_t *key);
/* After METADATA_READY: owned bytes (free()). */
uint8_t *metadata_take(struct metadata *m, size_t *size);
void metadata_progress(const struct metadata *m, uint32_t *have_blocks, uint32_t *total_blocks);

#endif
