/* tools/daemon/log.c: see log.h. A line is written with one call, so lines of
 * several threads do not mix. */
#include "tools/daemon/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOG_TEXT_MAX = 4096 };

static const struct {
	const char *name;
	int priority; /* syslog's, for the journal */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARNING] = { "warning", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

static enum log_level threshold = LOG_LEVEL_INFO;

bool log_set_level(const char *name)
{
	for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
		if (strcmp(levels[i].name, name) == 0) {
			threshold = (enum log_level)i;
			return true;
		}
	}
	return false;
}

bool log_is_on(enum log_level level)
{
	return level <= threshold;
}

void log_line(enum log_level level, const char *format, ...)
{
	char text[LOG_TEXT_MAX], stamp[32] = "";
	va_list arguments;
	struct tm utc;
	time_t now;

	if (!log_is_on(level))
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	if (getenv("JOURNAL_STREAM") != NULL) {
		fprintf(stderr, "<%d>%s\n", levels[level].priority, text);
		return;
	}
	now = time(NULL);
	if (gmtime_r(&now, &utc) != NULL)
		strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &utc);
	fprintf(stderr, "%s %s: %s\n", stamp, levels[level].name, text);
}
