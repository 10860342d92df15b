/* tools/cli/progress.h: sizes, rates and times as people read them, and the
 * one line that says how a torrent is doing. */
#ifndef TOOLS_CLI_PROGRESS_H
#define TOOLS_CLI_PROGRESS_H

#include "peer/session.h"

enum {
	FORMAT_SIZE_MAX = 16,
	PROGRESS_LINE_MAX = 320,
	PROGRESS_BAR_COLUMNS_MAX = 40, /* of the part between the brackets */
	PROGRESS_BAR_COLUMNS_MIN = 6,
};

/* "999 B", "41.2 MB", "1.3 GB": powers of 1000, three digits or so. */
char *format_size(uint64_t bytes, char out[FORMAT_SIZE_MAX]);
/* "9s", "1m10s", "3h05m", "2d04h"; "-" for USEC_NEVER or above 99 days. */
char *format_duration(usec duration, char out[FORMAT_SIZE_MAX]);
/* 0.0 to 100.0, never 100 before all is there. */
double progress_percent(uint64_t part, uint64_t whole);
/* Until everything wanted is there at the present rate; USEC_NEVER: unknown. */
usec progress_eta(const struct torrent_status *s);
const char *progress_state_name(enum torrent_state state);

/* "[=====>    ] 62 %  41.2 MB/s  up 3.1  ETA 1m10s  38 peers", never wider
 * than columns: first the bar shrinks and goes, then fields go from the end. */
char *progress_bar(const struct torrent_status *s, unsigned columns,
                   char out[PROGRESS_LINE_MAX]);
/* For a pipe: the state, figures and the name, tab-separated. */
char *progress_line(const struct torrent_status *s, char out[PROGRESS_LINE_MAX]);

#endif
