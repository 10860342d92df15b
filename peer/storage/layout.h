/* peer/storage/layout.h: a range of the torrent -> ranges of its files. */
#ifndef PEER_STORAGE_LAYOUT_H
#define PEER_STORAGE_LAYOUT_H

#include "proto/metainfo.h"

struct layout_slice {
	uint32_t file;    /* index; may be a pad file (metainfo.files[file].pad) */
	uint64_t offset;  /* bytes into the file */
	uint64_t length;  /* bytes, > 0 */
};

/* The slices of [offset, offset + length), in order, empty files left out.
 * Starts with a binary search, then walks.
 *
 *	struct layout_walk w;
 *	layout_walk_init(&w, m, offset, length);
 *	while (layout_walk_next(&w, &slice)) ... */
struct layout_walk {
	const struct metainfo *m; /* borrowed */
	uint32_t file;
	uint64_t offset, left;
};
void layout_walk_init(struct layout_walk *w, const struct metainfo *m, uint64_t offset,
                      uint64_t length);
bool layout_walk_next(struct layout_walk *w, struct layout_slice *slice);

/* First and last piece that hold bytes of a file; false for an empty file. */
bool layout_file_pieces(const struct metainfo *m, uint32_t file, uint32_t *first, uint32_t *last);

#endif
