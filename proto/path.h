/* proto/path.h: paths of a torrent's files: built from names of strangers,
 * safe below a directory, each its own. */
#ifndef PROTO_PATH_H
#define PROTO_PATH_H

#include "proto/arena.h"
#include "proto/metainfo.h"

struct path {
	char text[METAINFO_PATH_MAX + 1];
	size_t size;
	uint32_t depth;
};

void path_init(struct path *p);
/* Sanitise name and append it. NULL, or static text that says why not. */
const char *path_append(struct path *p, struct bytes name);
/* Rename files (not pad files) whose path another file has or that is a
 * directory of another: "a/b.txt" becomes "a/b.1.txt". The first of equals
 * keeps its name, and a directory always does. New names come from arena.
 * key: for the hash table; nobody can choose the paths after knowing it.
 * False: a renamed path would exceed METAINFO_PATH_MAX. */
bool paths_make_unique(struct metainfo_file *files, uint32_t count, const uint8_t key[16],
                       struct arena *arena);

#endif
