/* tools/daemon/log.h: the daemon's log: one line each on stderr, what and why. */
#ifndef TOOLS_DAEMON_LOG_H
#define TOOLS_DAEMON_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* "error", "warning", "info" or "debug". False: none of them. */
bool log_set_level(const char *name);
bool log_is_on(enum log_level level);
/* Control characters become '?'. Under systemd's journal the line carries its
 * priority and no time; otherwise UTC time and level. */
void log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
