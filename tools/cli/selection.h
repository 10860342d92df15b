/* tools/cli/selection.h: which files of a torrent are wanted. */
#ifndef TOOLS_CLI_SELECTION_H
#define TOOLS_CLI_SELECTION_H

#include "proto/magnet.h"
#include "proto/metainfo.h"

enum { SELECTION_REASON_MAX = 200, PRIORITY_SKIP = 0, PRIORITY_NORMAL = 4 };

/* text: parts separated by ',', each a number (from 1, as --list shows them),
 * a range "3-5", "7-" (to the end), or a glob that is matched with the path
 * and with the name alone. Sets priorities[file_count] to PRIORITY_NORMAL or
 * PRIORITY_SKIP. False: reason says which part is wrong. */
bool selection_apply(const char *text, const struct metainfo *m, uint8_t *priorities,
                     char reason[SELECTION_REASON_MAX]);
/* The same from a magnet's "so" (BEP 53, numbers from 0); ranges beyond the
 * last file are ignored. False: nothing is left. */
bool selection_apply_ranges(const struct magnet_range *ranges, uint32_t count,
                            const struct metainfo *m, uint8_t *priorities);

#endif
