/* tools/cli/source.h: what the user named: a magnet link, a bare info-hash or
 * a .torrent file. */
#ifndef TOOLS_CLI_SOURCE_H
#define TOOLS_CLI_SOURCE_H

#include "proto/magnet.h"
#include "proto/metainfo.h"

struct source {
	const char *text;  /* borrowed: as given */
	bool is_magnet;
	struct magnet magnet;     /* owned, when is_magnet */
	struct metainfo metainfo; /* owned, otherwise; zeroed once moved from */
};

/* CLI_OK, or the exit code of the line that was printed on stderr.
 * source_deinit is safe after either. */
int source_load(struct source *s, const char *command, const char *text);
void source_deinit(struct source *s);
/* A .torrent file alone. */
int source_load_torrent(struct metainfo *m, const char *command, const char *path);
const uint8_t *source_info_hash(const struct source *s);
/* The display name, or NULL. */
const char *source_name(const struct source *s);

#endif
