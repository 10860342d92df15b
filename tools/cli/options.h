/* tools/cli/options.h: a subcommand's options as a table: parsed with
 * getopt_long, checked, and printed by --help from the same rows.
 *
 *	const char *output = NULL;
 *	uint64_t piece_size = 0;
 *	const struct option_spec options[] = {
 *		{ "output", 'o', OPTION_TEXT, &output, "FILE", "where to write the torrent" },
 *		{ "piece-size", 0, OPTION_SIZE, &piece_size, "SIZE", "default: by total size" },
 *		{ 0 },
 *	};
 *	const struct command command = {
 *		.name = "create", .purpose = "...", .usage = "PATH -o OUT.torrent [options]",
 *		.options = options, .notes = "Examples:\n..." };
 *	switch (options_parse(&command, argc, argv, &rest, &rest_count)) ...
 */
#ifndef TOOLS_CLI_OPTIONS_H
#define TOOLS_CLI_OPTIONS_H

#include "proto/bytes.h"

enum {
	OPTIONS_MAX = 64,      /* rows of one table */
	OPTION_TEXTS_MAX = 256 /* times one repeatable option may be given */
};

enum option_kind {
	OPTION_HEADING,  /* no option: name is a line of the help text */
	OPTION_FLAG,     /* bool: true when given */
	OPTION_UNFLAG,   /* bool: false when given (--no-dht) */
	OPTION_TEXT,     /* const char *: not empty; borrowed from argv */
	OPTION_TEXTS,    /* struct text_list: may be given several times */
	OPTION_HOSTS,    /* struct text_list of HOST:PORT, checked with parse_host_port */
	OPTION_PORT,     /* uint16_t: 0 to 65535 */
	OPTION_COUNT,    /* uint32_t: decimal */
	OPTION_SIZE,     /* uint64_t bytes: parse_size */
	OPTION_DURATION, /* usec: parse_duration */
};

struct text_list {
	const char *texts[OPTION_TEXTS_MAX]; /* borrowed */
	uint32_t count;
};

struct option_spec {
	const char *name;       /* NULL ends the table */
	char letter;            /* 0: none */
	enum option_kind kind;
	void *target;           /* borrowed; as the kind says */
	const char *argument;   /* its name in the help text; NULL for flags */
	const char *help;       /* with the default */
};

struct command {
	const char *name;       /* "get", "dht node" */
	const char *purpose;    /* a few full sentences */
	const char *usage;      /* what stands behind the name; lines separated by '\n' */
	const struct option_spec *options;
	const char *notes;      /* examples, exit codes */
};

enum options_outcome {
	OPTIONS_RUN,   /* all is well; operands are set */
	OPTIONS_HELP,  /* --help was printed: exit 0 */
	OPTIONS_WRONG, /* one line was printed on stderr: exit 2 */
};

/* Options and operands may be mixed; "--" ends the options. --help and -h are
 * always there. operands points into argv (reordered). argv[0] is the
 * command's own name. */
enum options_outcome options_parse(const struct command *c, int argc, char **argv,
                                   char ***operands, int *operand_count);
void options_print_help(const struct command *c);

/* "262144", "256K", "4M", "1G", "1.5G", "64KiB" (powers of 1024), at most
 * 2^63 - 1. False: not a size. */
bool parse_size(const char *text, uint64_t *out);
/* Seconds, "90", "0.5"; or with units "90s", "1m30s", "2h", "1d", "500ms". */
bool parse_duration(const char *text, usec *out);
bool parse_port(const char *text, uint16_t *out);
bool parse_count(const char *text, uint32_t *out);
/* HOST:PORT, 1.2.3.4:PORT or [V6]:PORT, port 1 to 65535; only the form is
 * looked at. */
bool parse_host_port(const char *text);

#endif
