/* tools/cli/report.c: the one line on stderr by which a command says what
 * went wrong, and the check that stdout took what was printed.
 *
 * Names from torrents and peers end up in these lines; control characters in
 * them are replaced, so that nobody else's text drives the terminal. */
#include "tools/cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { REPORT_MAX = 8192 };

static void print_line(const char *command, const char *format, va_list arguments)
{
	char text[REPORT_MAX];

	vsnprintf(text, sizeof text, format, arguments);
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	fflush(stdout);
	fprintf(stderr, "shoal%s%s: %s\n", *command != '\0' ? " " : "", command, text);
}

int cli_fail(int code, const char *command, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_line(command, format, arguments);
	va_end(arguments);
	return code;
}

void cli_warn(const char *command, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_line(command, format, arguments);
	va_end(arguments);
}

int cli_finish_output(const char *command)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CLI_OK;
	return cli_fail(errno == ENOSPC ? CLI_DISK_FULL : CLI_ERROR, command, "standard output: %s",
	                errno != 0 ? strerror(errno) : "write error");
}
