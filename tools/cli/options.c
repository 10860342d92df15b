/* tools/cli/options.c: option tables on top of getopt_long.
 *
 * getopt_long finds the options; the messages are ours (opterr = 0), so each
 * is one line that names the option. The rows' index is the value getopt
 * returns, shifted out of the range of letters. */
#include "tools/cli/options.h"

#include "tools/cli/cli.h"

#include <assert.h>
#include <ctype.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	ROW_BASE = 256, /* getopt's value of row 0; below are letters */
	ROW_HELP = ROW_BASE + OPTIONS_MAX,
	HELP_COLUMN = 28,
};

/* ---- values ---- */

bool parse_count(const char *text, uint32_t *out)
{
	uint64_t value = 0;
	size_t i = 0;

	for (; text[i] >= '0' && text[i] <= '9'; i++) {
		value = value * 10 + (uint64_t)(text[i] - '0');
		if (value > UINT32_MAX)
			return false;
	}
	if (i == 0 || text[i] != '\0')
		return false;
	*out = (uint32_t)value;
	return true;
}

bool parse_port(const char *text, uint16_t *out)
{
	uint32_t value;

	if (!parse_count(text, &value) || value > UINT16_MAX)
		return false;
	*out = (uint16_t)value;
	return true;
}

/* Decimal digits with an optional fraction, in millionths. Returns what
 * follows, NULL when there is no number or it is too large. */
static const char *parse_millionths(const char *text, uint64_t *out)
{
	uint64_t whole = 0, part = 0, scale = 100000;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(whole, (uint64_t)10, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*p - '0'), &whole))
			return NULL;
	if (p == text)
		return NULL;
	if (*p == '.') {
		const char *fraction = ++p;

		for (; *p >= '0' && *p <= '9'; p++, scale /= 10)
			part += (uint64_t)(*p - '0') * scale;
		if (p == fraction)
			return NULL;
	}
	if (__builtin_mul_overflow(whole, (uint64_t)1000000, &whole) ||
	    __builtin_add_overflow(whole, part, out))
		return NULL;
	return p;
}

bool parse_size(const char *text, uint64_t *out)
{
	static const char units[] = "KMGT";
	const char *unit, *rest = text;
	uint64_t whole = 0, millionths = 0, bytes, extra;
	unsigned shift = 0;

	/* Whole numbers go through exactly; only the fraction is in millionths. */
	for (; *rest >= '0' && *rest <= '9'; rest++)
		if (__builtin_mul_overflow(whole, (uint64_t)10, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*rest - '0'), &whole))
			return false;
	if (rest == text)
		return false;
	if (*rest == '.') {
		rest = parse_millionths(rest - 1, &millionths);
		if (rest == NULL)
			return false;
		millionths %= 1000000;
	}
	unit = *rest == '\0' ? NULL : strchr(units, toupper((unsigned char)*rest));
	if (unit != NULL) {
		shift = 10 * (unsigned)(unit - units + 1);
		rest++;
		if (*rest == 'i' && toupper((unsigned char)rest[1]) == 'B')
			rest += 2;
	} else if (toupper((unsigned char)*rest) == 'B') {
		rest++;
	}
	extra = (millionths << shift) / 1000000;
	if (*rest != '\0' || (millionths != 0 && shift == 0))
		return false;
	return !__builtin_mul_overflow(whole, (uint64_t)1 << shift, &bytes) &&
	       !__builtin_add_overflow(bytes, extra, out) && *out <= INT64_MAX;
}

/* Microseconds of one unit; 0 for an unknown one. *rest is moved behind it. */
static uint64_t duration_unit(const char **rest)
{
	static const struct {
		const char *name;
		uint64_t usecs;
	} units[] = {
		{ "ms", USEC_PER_MS },
		{ "s", USEC_PER_SEC },
		{ "m", USEC_PER_MIN },
		{ "h", 60 * USEC_PER_MIN },
		{ "d", 24 * 60 * USEC_PER_MIN },
	};

	if (**rest == '\0')
		return USEC_PER_SEC;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		size_t size = strlen(units[i].name);

		if (strncmp(*rest, units[i].name, size) == 0) {
			*rest += size;
			return units[i].usecs;
		}
	}
	return 0;
}

bool parse_duration(const char *text, usec *out)
{
	const char *rest = text;
	usec total = 0;

	do {
		uint64_t millionths, unit, part;

		rest = parse_millionths(rest, &millionths);
		if (rest == NULL)
			return false;
		unit = duration_unit(&rest);
		/* A number without a unit is seconds, and only when it stands alone. */
		if (unit == 0 || (rest[-1] >= '0' && rest[-1] <= '9' && total != 0))
			return false;
		if (__builtin_mul_overflow(millionths, unit / 1000, &part) ||
		    __builtin_add_overflow(total, part / 1000, &total))
			return false;
	} while (*rest != '\0');
	*out = total;
	return total <= INT64_MAX;
}

bool parse_host_port(const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t host = colon == NULL ? 0 : (size_t)(colon - text);
	uint16_t port;

	if (host == 0 || !parse_port(colon + 1, &port) || port == 0)
		return false;
	if (text[0] == '[')
		return text[host - 1] == ']' && host > 3 &&
		       strspn(text + 1, "0123456789abcdefABCDEF:.") == host - 2;
	for (size_t i = 0; i < host; i++)
		if (!isalnum((unsigned char)text[i]) && strchr(".-_", text[i]) == NULL)
			return false;
	return true;
}

/* ---- the table ---- */

static bool takes_argument(enum option_kind kind)
{
	return kind != OPTION_FLAG && kind != OPTION_UNFLAG && kind != OPTION_HEADING;
}

/* NULL: done. */
static const char *append_text(struct text_list *list, const char *text)
{
	if (list->count >= OPTION_TEXTS_MAX)
		return "accepted: given more than 256 times";
	list->texts[list->count++] = text;
	return NULL;
}

/* Store one value that is not empty. NULL: done; otherwise what it is not. */
static const char *store_value(const struct option_spec *spec, const char *text)
{
	switch (spec->kind) {
	case OPTION_HEADING:
		return NULL;
	case OPTION_FLAG:
		*(bool *)spec->target = true;
		return NULL;
	case OPTION_UNFLAG:
		*(bool *)spec->target = false;
		return NULL;
	case OPTION_TEXT:
		*(const char **)spec->target = text;
		return NULL;
	case OPTION_HOSTS:
		return parse_host_port(text) ? append_text(spec->target, text) : "HOST:PORT";
	case OPTION_TEXTS:
		return append_text(spec->target, text);
	case OPTION_PORT:
		return parse_port(text, spec->target) ? NULL : "a port, 0 to 65535";
	case OPTION_COUNT:
		return parse_count(text, spec->target) ? NULL : "a whole number";
	case OPTION_SIZE:
		return parse_size(text, spec->target) ? NULL : "a size such as 256K or 4M";
	case OPTION_DURATION:
		return parse_duration(text, spec->target) ? NULL
		                                          : "a time such as 90, 30s or 1h30m";
	}
	return NULL;
}

/* getopt's own tables out of ours; returns the number of rows. */
static int build_getopt(const struct command *c, struct option *longs, char *letters)
{
	int rows = 0, longs_used = 0;
	char *letter = letters;

	*letter++ = ':';
	*letter++ = 'h';
	for (const struct option_spec *s = c->options; s != NULL && s->name != NULL; s++, rows++) {
		assert(rows < OPTIONS_MAX);
		if (s->kind == OPTION_HEADING)
			continue;
		longs[longs_used++] = (struct option){
			s->name, takes_argument(s->kind) ? required_argument : no_argument, NULL,
			ROW_BASE + rows
		};
		if (s->letter != 0) {
			*letter++ = s->letter;
			if (takes_argument(s->kind))
				*letter++ = ':';
		}
	}
	longs[longs_used++] = (struct option){ "help", no_argument, NULL, ROW_HELP };
	longs[longs_used] = (struct option){ 0 };
	*letter = '\0';
	return rows;
}

static const struct option_spec *row_of(const struct command *c, int value, int rows)
{
	if (value >= ROW_BASE && value < ROW_BASE + rows)
		return &c->options[value - ROW_BASE];
	for (int i = 0; i < rows; i++)
		if (c->options[i].letter != 0 && c->options[i].letter == value)
			return &c->options[i];
	return NULL;
}

/* getopt found something wrong: ':' a missing argument, '?' the rest. word is
 * the element of argv that it was looking at. */
static void complain(const struct command *c, int result, const char *word, int rows)
{
	const struct option_spec *spec = row_of(c, optopt, rows);

	if (result == ':' && spec != NULL)
		cli_fail(CLI_USAGE, c->name, "option --%s needs %s", spec->name, spec->argument);
	else if (spec != NULL || optopt == ROW_HELP)
		cli_fail(CLI_USAGE, c->name, "option --%s takes no value",
		         spec != NULL ? spec->name : "help");
	else if (optopt != 0 && optopt < ROW_BASE)
		cli_fail(CLI_USAGE, c->name, "unknown option -%c (see shoal %s --help)", optopt,
		         c->name);
	else
		cli_fail(CLI_USAGE, c->name, "unknown option %.*s (see shoal %s --help)",
		         (int)strcspn(word, "="), word, c->name);
}

enum options_outcome options_parse(const struct command *c, int argc, char **argv,
                                   char ***operands, int *operand_count)
{
	struct option longs[OPTIONS_MAX + 2];
	char letters[2 * OPTIONS_MAX + 4];
	int rows = build_getopt(c, longs, letters), result;

	opterr = 0;
	optind = 0; /* glibc: start afresh */
	while ((result = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct option_spec *spec;
		const char *expected;

		if (result == 'h' || result == ROW_HELP) {
			options_print_help(c);
			return OPTIONS_HELP;
		}
		if (result == '?' || result == ':') {
			complain(c, result, argv[optind - 1], rows);
			return OPTIONS_WRONG;
		}
		spec = row_of(c, result, rows);
		assert(spec != NULL);
		if (optarg != NULL && *optarg == '\0') {
			cli_fail(CLI_USAGE, c->name, "option --%s needs %s", spec->name, spec->argument);
			return OPTIONS_WRONG;
		}
		expected = store_value(spec, optarg);
		if (expected != NULL) {
			cli_fail(CLI_USAGE, c->name, "option --%s: '%s' is not %s", spec->name, optarg,
			         expected);
			return OPTIONS_WRONG;
		}
	}
	*operands = argv + optind;
	*operand_count = argc - optind;
	return OPTIONS_RUN;
}

/* ---- help ---- */

static void print_row(const struct option_spec *s)
{
	char left[96];
	const char *line = s->help;
	int size;

	if (s->kind == OPTION_HEADING) {
		printf("\n%s:\n", s->name);
		return;
	}
	size = snprintf(left, sizeof left, "  %c%c%s--%s%s%s", s->letter != 0 ? '-' : ' ',
	                s->letter != 0 ? s->letter : ' ', s->letter != 0 ? ", " : "  ", s->name,
	                s->argument != NULL ? " " : "", s->argument != NULL ? s->argument : "");
	if (size >= HELP_COLUMN)
		printf("%s\n%*s", left, HELP_COLUMN, "");
	else
		printf("%-*s", HELP_COLUMN, left);
	for (;;) {
		size_t length = strcspn(line, "\n");

		printf("%.*s\n", (int)length, line);
		if (line[length] == '\0')
			return;
		line += length + 1;
		printf("%*s", HELP_COLUMN, "");
	}
}

void options_print_help(const struct command *c)
{
	const char *usage = c->usage;
	const char *before = "Usage: ";

	for (;;) {
		size_t length = strcspn(usage, "\n");

		printf("%sshoal %s %.*s\n", before, c->name, (int)length, usage);
		if (usage[length] == '\0')
			break;
		usage += length + 1;
		before = "       ";
	}
	printf("\n%s\n", c->purpose);
	if (c->options != NULL && c->options->name != NULL && c->options->kind != OPTION_HEADING)
		printf("\nOptions:\n");
	for (const struct option_spec *s = c->options; s != NULL && s->name != NULL; s++)
		print_row(s);
	printf("  -h, --help%*sthis text\n", HELP_COLUMN - 12, "");
	if (c->notes != NULL)
		printf("\n%s", c->notes);
}
