/* peer/choice.c: which files the user wants, how much, and in which order;
 * given with the torrent or changed while it runs (BEP 53).
 *
 * Pieces have priorities, files do not: a piece counts as much as the most
 * wanted of the files in it. */
#include <stdlib.h>

#include "peer/engine.h"
#include "peer/storage/layout.h"
#include "proto/memory.h"

void choice_apply(struct torrent *t)
{
	const struct metainfo *m = t->metainfo;
	uint8_t *levels = memory_zeroed(m->piece_count + 1u, 1);
	for (uint32_t f = 0; f < m->file_count; f++) {
		uint32_t first, last;
		if (m->files[f].pad || !layout_file_pieces(m, f, &first, &last))
			continue;
		const uint8_t level = t->priorities != NULL ? t->priorities[f] : PRIORITY_DEFAULT;
		for (uint32_t i = first; i <= last; i++)
			if (levels[i] < level)
				levels[i] = level;
	}
	for (uint32_t i = 0; i < m->piece_count; i++)
		download_set_priority(t->download, i, levels[i]);
	free(levels);
}

static uint8_t *copy_priorities(const struct metainfo *m, const uint8_t *per_file)
{
	uint8_t *copy = memory_copy(per_file, m->file_count);
	for (uint32_t f = 0; f < m->file_count; f++)
		if (copy[f] > PRIORITY_MAX)
			copy[f] = PRIORITY_MAX;
	return copy;
}

bool session_set_priorities(struct session *s, torrent_id id, const uint8_t *per_file, usec now)
{
	struct torrent *t = session_torrent(s, id);
	if (t == NULL || t->metainfo == NULL)
		return false;
	free(t->priorities);
	t->priorities = per_file != NULL ? copy_priorities(t->metainfo, per_file) : NULL;
	if (t->download != NULL) {
		choice_apply(t);
		torrent_on_choice(s, t, now);
	}
	session_settle(s, now);
	return true;
}

void session_set_sequential(struct session *s, torrent_id id, bool on, usec now)
{
	struct torrent *t = session_torrent(s, id);
	if (t == NULL)
		return;
	t->sequential = on;
	if (t->download != NULL)
		download_set_sequential(t->download, on);
	t->refill = true;
	session_stir(s, t);
	session_settle(s, now);
}
