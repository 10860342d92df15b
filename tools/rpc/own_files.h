/* tools/rpc/own_files.h: a torrent's own files, for deleting and moving them.
 *
 * Only what its file list names is touched, below its root, without following
 * a link; directories go when they are empty. These block: on a worker. */
#ifndef TOOLS_RPC_OWN_FILES_H
#define TOOLS_RPC_OWN_FILES_H

#include "proto/metainfo.h"

enum { OWN_FILES_REASON_MAX = 512 };

struct own_files {
	char *root;   /* owned; absolute */
	char **paths; /* owned; relative, pad files left out */
	uint32_t count;
};

/* m may be NULL: no files. */
void own_files_init(struct own_files *c, const struct metainfo *m, const char *root);
void own_files_deinit(struct own_files *c);
/* What is not there is no failure. */
bool own_files_delete(const struct own_files *c, char reason[OWN_FILES_REASON_MAX]);
/* To the same paths below another root, made when missing. Nothing is
 * overwritten. After a failure all lies where it was, as far as that can be. */
bool own_files_move(const struct own_files *c, const char *root, char reason[OWN_FILES_REASON_MAX]);

#endif
