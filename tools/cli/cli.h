/* tools/cli/cli.h: the subcommands of shoal, and how each of them ends.
 *
 * Every cli_X gets its own argv: argv[0] is the subcommand's name. It returns
 * the exit code of the program. What went wrong is said in one line on stderr
 * that names the command, the thing and the reason. */
#ifndef TOOLS_CLI_CLI_H
#define TOOLS_CLI_CLI_H

/* Exit codes; the same in every subcommand. */
enum cli_exit {
	CLI_OK = 0,
	CLI_ERROR = 1,
	CLI_USAGE = 2,
	CLI_NOT_FOUND = 3,
	CLI_NETWORK = 6,
	CLI_UNFINISHED = 7,   /* the time is up */
	CLI_DISK_FULL = 9,
	CLI_BAD_TORRENT = 26,
	CLI_BAD_MAGNET = 27,
	CLI_INTERRUPTED = 130, /* INT */
	CLI_TERMINATED = 143,  /* TERM */
};

int cli_create(int argc, char **argv);
int cli_get(int argc, char **argv);
int cli_seed(int argc, char **argv);
int cli_dht(int argc, char **argv);
int cli_daemon(int argc, char **argv);
int cli_lab(int argc, char **argv);
int cli_version(int argc, char **argv);
int cli_help(int argc, char **argv);

/* One line "shoal COMMAND: ..." on stderr; control characters in it become
 * '?'. Returns code, so that a caller can say `return cli_fail(...)`. */
int cli_fail(int code, const char *command, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same without an exit code. */
void cli_warn(const char *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* stdout was written completely (a full disk or a closed pipe shows only
 * now); CLI_ERROR with a line on stderr when not. */
int cli_finish_output(const char *command);

#endif
