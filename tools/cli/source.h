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

enum { SOURCE_REASON_MAX = 1024 };
/* CLI_OK, or the exit code, with what and why in reason. source_deinit is safe
 * after either. */
int source_load(struct source *s, const char *text, char reason[SOURCE_REASON_MAX]);
void source_deinit(struct source *s);
/* A .torrent file alone. */
int source_load_torrent(struct metainfo *m, const char *path, char reason[SOURCE_REASON_MAX]);
const uint8_t *source_info_hash(const struct source *s);
/* The display name, or NULL. */
const char *source_name(const struct source *s);

#endif
