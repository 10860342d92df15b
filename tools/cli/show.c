/* tools/cli/show.c: see show.h. The bar is one line without newline; anything
 * else that is printed takes it away first, so that lines never mix. */
#include "tools/cli/show.h"

#include "tools/cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { SHOW_TEXT_MAX = 8192, COLUMNS_DEFAULT = 80 };

void show_init(struct show *s, const char *command, bool json, bool quiet, bool verbose)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	*s = (struct show){
		.command = command, .json = json, .quiet = quiet, .verbose = verbose
	};
	s->terminal = !json && isatty(STDOUT_FILENO) == 1;
	s->plain = (no_color != NULL && *no_color != '\0') || term == NULL ||
	           strcmp(term, "dumb") == 0;
	json_init(&s->line);
}

double show_unix_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static unsigned terminal_columns(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return COLUMNS_DEFAULT;
}

static void clear_bar(struct show *s)
{
	if (s->bar_columns == 0)
		return;
	printf("\r%*s\r", (int)s->bar_columns, "");
	fflush(stdout);
	s->bar_columns = 0;
}

void show_deinit(struct show *s)
{
	if (s->bar_columns > 0) {
		putchar('\n');
		fflush(stdout);
	}
	json_deinit(&s->line);
}

/* Names come from strangers: no control characters reach the terminal. */
static void make_printable(char *text)
{
	for (; *text != '\0'; text++)
		if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
			*text = '?';
}

void show_say(struct show *s, const char *format, ...)
{
	char text[SHOW_TEXT_MAX];
	va_list arguments;

	if (s->json || s->quiet)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	make_printable(text);
	clear_bar(s);
	puts(text);
	fflush(stdout);
}

struct json_line *show_event(struct show *s, const char *event)
{
	if (!s->json)
		return NULL;
	json_begin(&s->line, event, show_unix_time());
	return &s->line;
}

void show_emit(struct show *s)
{
	json_end(&s->line, stdout);
}

static void emit_progress(struct show *s, const struct torrent_status *t)
{
	struct json_line *j = show_event(s, "progress");
	usec eta = progress_eta(t);

	json_hex(j, "info_hash", bytes_of(t->info_hash, SHA1_SIZE));
	json_text(j, "state", progress_state_name(t->state));
	json_uint(j, "verified", t->verified);
	json_uint(j, "wanted", t->wanted);
	json_uint(j, "total", t->total);
	json_decimal(j, "percent", t->has_metadata ? progress_percent(t->verified, t->wanted) : 0, 1);
	json_uint(j, "pieces_have", t->pieces_have);
	json_uint(j, "pieces_checked", t->pieces_checked);
	json_uint(j, "pieces", t->piece_count);
	json_uint(j, "down_rate", t->down_rate);
	json_uint(j, "up_rate", t->up_rate);
	json_uint(j, "downloaded", t->downloaded);
	json_uint(j, "uploaded", t->uploaded);
	json_uint(j, "wasted", t->wasted);
	json_uint(j, "peers", t->peers);
	json_uint(j, "seeds", t->seeds);
	json_uint(j, "half_open", t->half_open);
	json_uint(j, "candidates", t->candidates);
	if (eta == USEC_NEVER)
		json_text(j, "eta", NULL);
	else
		json_uint(j, "eta", eta / USEC_PER_SEC);
	show_emit(s);
}

static void draw_bar(struct show *s, const struct torrent_status *t)
{
	/* The last column stays free: some terminals wrap when it is written. */
	unsigned columns = terminal_columns() - 1, before = s->bar_columns;
	char text[PROGRESS_LINE_MAX];

	progress_bar(t, columns, text);
	make_printable(text);
	s->bar_columns = (unsigned)strlen(text);
	/* Colour only the state of things: a seed's line is green. */
	if (!s->plain && t->state == TORRENT_SEEDING)
		printf("\r\033[32m%s\033[0m", text);
	else
		printf("\r%s", text);
	if (before > s->bar_columns && before <= columns)
		printf("%*s", (int)(before - s->bar_columns), "");
	fflush(stdout);
}

void show_status(struct show *s, const struct torrent_status *status, usec now, bool force)
{
	bool changed = !s->state_known || s->state != status->state;
	usec period = s->json ? SHOW_JSON_PERIOD : SHOW_LINE_PERIOD;
	char text[PROGRESS_LINE_MAX];

	s->state = status->state;
	s->state_known = true;
	if (s->quiet && !s->json)
		return;
	if (s->terminal) {
		draw_bar(s, status);
		return;
	}
	if (!changed && !force && s->said_at != 0 && usec_since(s->said_at, now) < period)
		return;
	s->said_at = now;
	if (s->json)
		emit_progress(s, status);
	else
		show_say(s, "%s", progress_line(status, text));
}

int show_failure(struct show *s, int code, const char *format, ...)
{
	char text[SHOW_TEXT_MAX];
	struct json_line *j;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	clear_bar(s);
	j = show_event(s, "error");
	if (j != NULL) {
		json_text(j, "message", text);
		json_int(j, "exit", code);
		show_emit(s);
	}
	return cli_fail(code, s->command, "%s", text);
}
