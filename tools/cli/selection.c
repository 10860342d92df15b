/* tools/cli/selection.c: see selection.h. A part that selects nothing is an
 * error: a typing mistake must not look like a finished download. */
#include "tools/cli/selection.h"

#include "proto/memory.h"
#include "tools/cli/options.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

/* "3", "3-5", "3-"; false: not of that form. */
static bool parse_range(char *part, uint32_t file_count, uint32_t *first, uint32_t *last)
{
	char *dash = strchr(part, '-');
	bool good;

	if (dash != NULL)
		*dash = '\0';
	good = parse_count(part, first);
	*last = *first;
	if (good && dash != NULL && dash[1] == '\0')
		*last = file_count;
	else if (good && dash != NULL)
		good = parse_count(dash + 1, last);
	if (dash != NULL)
		*dash = '-';
	return good;
}

static bool select_range(const struct metainfo *m, uint8_t *priorities, uint32_t first,
                         uint32_t last)
{
	if (first < 1 || first > last || last > m->file_count)
		return false;
	memset(priorities + first - 1, PRIORITY_NORMAL, last - first + 1);
	return true;
}

static bool select_glob(const struct metainfo *m, uint8_t *priorities, const char *glob)
{
	bool any = false;

	for (uint32_t i = 0; i < m->file_count; i++) {
		const char *path = m->files[i].path, *slash = strrchr(path, '/');

		if (fnmatch(glob, path, 0) != 0 &&
		    fnmatch(glob, slash != NULL ? slash + 1 : path, 0) != 0)
			continue;
		priorities[i] = PRIORITY_NORMAL;
		any = true;
	}
	return any;
}

bool selection_apply(const char *text, const struct metainfo *m, uint8_t *priorities,
                     char reason[SELECTION_REASON_MAX])
{
	char *copy = memory_copy_text(text), *rest = copy, *part;
	bool good = true;

	memset(priorities, PRIORITY_SKIP, m->file_count);
	while (good && (part = strsep(&rest, ",")) != NULL) {
		uint32_t first = 0, last = 0;

		if (parse_range(part, m->file_count, &first, &last)) {
			good = select_range(m, priorities, first, last);
			if (!good)
				snprintf(reason, SELECTION_REASON_MAX,
				         "files %.40s: the torrent has files 1 to %u", part,
				         (unsigned)m->file_count);
		} else {
			good = select_glob(m, priorities, part);
			if (!good)
				snprintf(reason, SELECTION_REASON_MAX, "no file matches '%.100s'", part);
		}
	}
	free(copy);
	return good;
}

bool selection_apply_ranges(const struct magnet_range *ranges, uint32_t count,
                            const struct metainfo *m, uint8_t *priorities)
{
	bool any = false;

	memset(priorities, PRIORITY_SKIP, m->file_count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t first = ranges[i].first, last = ranges[i].last;

		if (first >= m->file_count || first > last)
			continue;
		if (last >= m->file_count)
			last = m->file_count - 1;
		memset(priorities + first, PRIORITY_NORMAL, last - first + 1);
		any = true;
	}
	return any;
}
