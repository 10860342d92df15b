/* peer/storage/layout.c: where a range of the torrent lies in its files.
 *
 * Rests on what struct metainfo promises: files follow each other without a
 * gap, so ends never decrease, and the last one ends at total. */
#include "peer/storage/layout.h"

#include <assert.h>

/* The first file that ends behind offset: it holds the byte there. */
static uint32_t file_at(const struct metainfo *m, uint64_t offset)
{
	uint32_t low = 0, high = m->file_count;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		const struct metainfo_file *f = &m->files[middle];
		if (f->offset + f->length <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void layout_walk_init(struct layout_walk *w, const struct metainfo *m, uint64_t offset,
                      uint64_t length)
{
	assert(offset <= m->total && length <= m->total - offset);
	*w = (struct layout_walk){ .m = m, .offset = offset, .left = length };
	w->file = length == 0 ? m->file_count : file_at(m, offset);
}

bool layout_walk_next(struct layout_walk *w, struct layout_slice *slice)
{
	if (w->left == 0)
		return false;
	while (w->m->files[w->file].length == 0)
		w->file++;

	const struct metainfo_file *f = &w->m->files[w->file];
	slice->file = w->file++;
	slice->offset = w->offset - f->offset;
	slice->length = f->length - slice->offset;
	if (slice->length > w->left)
		slice->length = w->left;
	w->offset += slice->length;
	w->left -= slice->length;
	return true;
}

bool layout_file_pieces(const struct metainfo *m, uint32_t file, uint32_t *first, uint32_t *last)
{
	assert(file < m->file_count);
	const struct metainfo_file *f = &m->files[file];

	if (f->length == 0)
		return false;
	*first = (uint32_t)(f->offset / m->piece_length);
	*last = (uint32_t)((f->offset + f->length - 1) / m->piece_length);
	return true;
}
