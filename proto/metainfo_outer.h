/* proto/metainfo_outer.h: what a .torrent says around its info dictionary. */
#ifndef PROTO_METAINFO_OUTER_H
#define PROTO_METAINFO_OUTER_H

#include "proto/arena.h"
#include "proto/bencode.h"
#include "proto/metainfo.h"

/* Fills trackers, nodes, web seeds and texts of m from the root dictionary.
 * None of it is needed to trade, so what is malformed is left out. */
void metainfo_read_outer(struct metainfo *m, const struct bencode *doc, struct arena *arena);

#endif
