/* tools/cli/progress.c: formatting only; pure, so that a test can look at
 * every line. Who prints it and when is tools/cli/show.c. */
#include "tools/cli/progress.h"

#include <inttypes.h>
#include <stdio.h>

enum { FIELDS_MAX = 5 };

char *format_size(uint64_t bytes, char out[FORMAT_SIZE_MAX])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double value = (double)bytes;
	size_t unit = 0;

	/* 999.95 would print as 1000.0: go on to the next unit before that. */
	while (value >= (unit == 0 ? 1000.0 : 999.95) && unit + 1 < sizeof units / sizeof *units) {
		value /= 1000;
		unit++;
	}
	if (unit == 0)
		snprintf(out, FORMAT_SIZE_MAX, "%" PRIu64 " B", bytes);
	else
		snprintf(out, FORMAT_SIZE_MAX, "%.1f %s", value, units[unit]);
	return out;
}

char *format_duration(usec duration, char out[FORMAT_SIZE_MAX])
{
	uint64_t seconds = duration / USEC_PER_SEC;
	unsigned s = (unsigned)(seconds % 60), m = (unsigned)(seconds / 60 % 60);
	unsigned h = (unsigned)(seconds / 3600 % 24);

	if (duration == USEC_NEVER || seconds / 86400 > 99)
		snprintf(out, FORMAT_SIZE_MAX, "-");
	else if (seconds < 60)
		snprintf(out, FORMAT_SIZE_MAX, "%us", s);
	else if (seconds < 3600)
		snprintf(out, FORMAT_SIZE_MAX, "%um%02us", m, s);
	else if (seconds < 86400)
		snprintf(out, FORMAT_SIZE_MAX, "%uh%02um", h, m);
	else
		snprintf(out, FORMAT_SIZE_MAX, "%ud%02uh", (unsigned)(seconds / 86400), h);
	return out;
}

double progress_percent(uint64_t part, uint64_t whole)
{
	double percent;

	if (part >= whole)
		return 100;
	percent = 100.0 * (double)part / (double)whole;
	return percent > 99.9 ? 99.9 : percent;
}

usec progress_eta(const struct torrent_status *s)
{
	double seconds;

	if (!s->has_metadata || s->down_rate == 0 || s->verified >= s->wanted)
		return USEC_NEVER;
	seconds = (double)(s->wanted - s->verified) / (double)s->down_rate;
	return seconds > 1e9 ? USEC_NEVER : (usec)(seconds * 1e6);
}

const char *progress_state_name(enum torrent_state state)
{
	switch (state) {
	case TORRENT_METADATA:
		return "metadata";
	case TORRENT_OPENING:
		return "opening";
	case TORRENT_CHECKING:
		return "checking";
	case TORRENT_DOWNLOADING:
		return "downloading";
	case TORRENT_SEEDING:
		return "seeding";
	case TORRENT_PAUSED:
		return "paused";
	case TORRENT_ERROR:
		return "error";
	}
	return "unknown";
}

/* ---- the bar ---- */

struct fields {
	char text[FIELDS_MAX][64];
	size_t count;
};

static char *next_field(struct fields *f)
{
	return f->text[f->count++];
}

static void add_peers(struct fields *f, const struct torrent_status *s)
{
	snprintf(next_field(f), sizeof f->text[0], "%" PRIu32 " peer%s", s->peers,
	         s->peers == 1 ? "" : "s");
}

/* Megabytes, as the bar has it beside the download rate with its unit. */
static void add_upload(struct fields *f, const struct torrent_status *s)
{
	snprintf(next_field(f), sizeof f->text[0], "up %.1f", (double)s->up_rate / 1e6);
}

static void downloading_fields(struct fields *f, const struct torrent_status *s)
{
	char text[FORMAT_SIZE_MAX];

	snprintf(next_field(f), sizeof f->text[0], "%d %%",
	         (int)progress_percent(s->verified, s->wanted));
	snprintf(next_field(f), sizeof f->text[0], "%s/s", format_size(s->down_rate, text));
	add_upload(f, s);
	snprintf(next_field(f), sizeof f->text[0], "ETA %s",
	         format_duration(progress_eta(s), text));
	add_peers(f, s);
}

static void other_fields(struct fields *f, const struct torrent_status *s)
{
	char text[FORMAT_SIZE_MAX];

	switch (s->state) {
	case TORRENT_METADATA:
		if (s->metadata_total > 0)
			snprintf(next_field(f), sizeof f->text[0],
			         "metadata %" PRIu32 " of %" PRIu32 " blocks", s->metadata_have,
			         s->metadata_total);
		else
			snprintf(next_field(f), sizeof f->text[0], "looking for the metadata");
		snprintf(next_field(f), sizeof f->text[0], "%" PRIu32 " known", s->candidates);
		add_peers(f, s);
		return;
	case TORRENT_CHECKING:
		snprintf(next_field(f), sizeof f->text[0], "checking %d %%",
		         (int)progress_percent(s->pieces_checked, s->piece_count));
		return;
	case TORRENT_SEEDING:
		snprintf(next_field(f), sizeof f->text[0], "seeding");
		add_upload(f, s);
		snprintf(next_field(f), sizeof f->text[0], "sent %s",
		         format_size(s->uploaded, text));
		add_peers(f, s);
		return;
	case TORRENT_OPENING:
	case TORRENT_DOWNLOADING:
	case TORRENT_PAUSED:
	case TORRENT_ERROR:
		snprintf(next_field(f), sizeof f->text[0], "%s", progress_state_name(s->state));
		return;
	}
}

static void draw_bar(char *out, unsigned columns, double percent)
{
	unsigned filled = (unsigned)(percent / 100 * columns);

	*out++ = '[';
	for (unsigned i = 0; i < columns; i++)
		*out++ = i < filled ? '=' : i == filled ? '>' : ' ';
	*out++ = ']';
	*out++ = ' ';
	*out = '\0';
}

char *progress_bar(const struct torrent_status *s, unsigned columns, char out[PROGRESS_LINE_MAX])
{
	bool with_bar = s->state == TORRENT_DOWNLOADING || s->state == TORRENT_CHECKING;
	struct fields f = { .count = 0 };
	size_t used = 0, width = 0, shown = 0;

	if (columns >= PROGRESS_LINE_MAX)
		columns = PROGRESS_LINE_MAX - 1;
	if (s->state == TORRENT_DOWNLOADING)
		downloading_fields(&f, s);
	else
		other_fields(&f, s);
	while (shown < f.count) {
		size_t more = strlen(f.text[shown]) + (shown > 0 ? 2 : 0);

		if (width + more > columns)
			break;
		width += more;
		shown++;
	}
	out[0] = '\0';
	if (with_bar && columns >= width + PROGRESS_BAR_COLUMNS_MIN + 3) {
		size_t bar = columns - width - 3;

		if (bar > PROGRESS_BAR_COLUMNS_MAX)
			bar = PROGRESS_BAR_COLUMNS_MAX;
		draw_bar(out, (unsigned)bar,
		         s->state == TORRENT_CHECKING
		                 ? progress_percent(s->pieces_checked, s->piece_count)
		                 : progress_percent(s->verified, s->wanted));
		used = strlen(out);
	}
	for (size_t i = 0; i < shown; i++)
		used += (size_t)snprintf(out + used, PROGRESS_LINE_MAX - used, "%s%s",
		                         i > 0 ? "  " : "", f.text[i]);
	return out;
}

/* ---- the line for a pipe ---- */

char *progress_line(const struct torrent_status *s, char out[PROGRESS_LINE_MAX])
{
	char have[FORMAT_SIZE_MAX], whole[FORMAT_SIZE_MAX], down[FORMAT_SIZE_MAX];
	char up[FORMAT_SIZE_MAX], eta[FORMAT_SIZE_MAX];
	const char *state = progress_state_name(s->state);

	format_size(s->down_rate, down);
	format_size(s->up_rate, up);
	if (s->state == TORRENT_METADATA)
		snprintf(out, PROGRESS_LINE_MAX,
		         "%s\t%" PRIu32 " of %" PRIu32 " blocks\t%" PRIu32 " known\t%" PRIu32
		         " peers\t%.80s",
		         state, s->metadata_have, s->metadata_total, s->candidates, s->peers,
		         s->name);
	else if (s->state == TORRENT_CHECKING)
		snprintf(out, PROGRESS_LINE_MAX, "%s\t%.1f %%\t%" PRIu32 " of %" PRIu32
		                                 " pieces\t%.80s",
		         state, progress_percent(s->pieces_checked, s->piece_count),
		         s->pieces_checked, s->piece_count, s->name);
	else
		snprintf(out, PROGRESS_LINE_MAX,
		         "%s\t%.1f %%\t%s of %s\t%s/s\tup %s/s\tETA %s\t%" PRIu32 " peers\t%.80s",
		         state, progress_percent(s->verified, s->wanted),
		         format_size(s->verified, have), format_size(s->wanted, whole), down, up,
		         format_duration(progress_eta(s), eta), s->peers, s->name);
	return out;
}
