/* tools/cli/show.h: what a foreground program prints: a bar that is redrawn on
 * a terminal, status lines in a pipe, or JSON lines. */
#ifndef TOOLS_CLI_SHOW_H
#define TOOLS_CLI_SHOW_H

#include "tools/cli/json_line.h"
#include "tools/cli/progress.h"

#define SHOW_LINE_PERIOD (10 * USEC_PER_SEC)
#define SHOW_JSON_PERIOD (1 * USEC_PER_SEC)

struct show {
	const char *command;
	bool json, quiet, verbose;
	bool terminal, plain; /* plain: no colour (NO_COLOR, TERM=dumb) */
	unsigned bar_columns; /* of the bar that stands on the terminal now, 0: none */
	usec said_at;         /* last status line or progress object; 0: never */
	enum torrent_state state;
	bool state_known;
	struct json_line line; /* owned */
};

void show_init(struct show *s, const char *command, bool json, bool quiet, bool verbose);
/* Ends the bar's line. */
void show_deinit(struct show *s);
/* Seconds since 1970 by the wall clock, for display only. */
double show_unix_time(void);

/* A line for people; nothing under --json or --quiet. */
void show_say(struct show *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A JSON event: NULL unless --json; otherwise add members, then show_emit. */
struct json_line *show_event(struct show *s, const char *event);
void show_emit(struct show *s);
/* Bar, line or progress object, when it is time for one; force: now. */
void show_status(struct show *s, const struct torrent_status *status, usec now, bool force);
/* The end: the line on stderr, and an error event. Returns code. */
int show_failure(struct show *s, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
