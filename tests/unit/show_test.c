/* tests/unit/show_test.c: when a line is printed, and what is kept out of it. */
#include "tools/cli/show.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>

static struct show show;
static const struct torrent_status downloading = { .state = TORRENT_DOWNLOADING, .name = "a",
	                                           .has_metadata = true, .wanted = 10 };

/* Lines printed since the last call. */
static int lines(void)
{
	FILE *out = cr_get_redirected_stdout();
	int c, count = 0;

	fflush(stdout);
	while ((c = fgetc(out)) != EOF)
		count += c == '\n';
	return count;
}

static void setup(void)
{
	cr_redirect_stdout();
	cr_redirect_stderr();
}

TestSuite(show, .init = setup);

Test(show, a_pipe_gets_a_line_every_ten_seconds_and_for_a_new_state)
{
	struct torrent_status seeding = downloading;

	seeding.state = TORRENT_SEEDING;
	show_init(&show, "get", false, false, false);
	cr_assert_not(show.terminal);
	show_status(&show, &downloading, 1, false);
	show_status(&show, &downloading, SHOW_LINE_PERIOD, false);
	show_status(&show, &downloading, SHOW_LINE_PERIOD + 1, false);
	show_status(&show, &seeding, SHOW_LINE_PERIOD + 2, false);
	show_status(&show, &seeding, SHOW_LINE_PERIOD + 3, false);
	show_status(&show, &seeding, SHOW_LINE_PERIOD + 4, true);
	show_deinit(&show);
	fclose(stdout);
	cr_assert_eq(lines(), 4);
}

Test(show, quiet_is_quiet)
{
	show_init(&show, "get", false, true, false);
	show_status(&show, &downloading, 1, true);
	show_say(&show, "something");
	cr_assert_null(show_event(&show, "event"));
	show_deinit(&show);
	fclose(stdout);
	cr_assert_eq(lines(), 0);
}

Test(show, names_cannot_drive_the_terminal)
{
	show_init(&show, "get", false, false, false);
	show_say(&show, "name: %s", "a\033[2Jb\nc");
	show_deinit(&show);
	fflush(stdout);
	cr_assert_stdout_eq_str("name: a?[2Jb?c\n");
}

Test(show, a_failure_is_an_event_and_a_line)
{
	show_init(&show, "get", true, false, false);
	cr_assert_eq(show_failure(&show, 9, "%s: full", "disk"), 9);
	show_say(&show, "not under --json");
	show_deinit(&show);
	fflush(stdout);
	fflush(stderr);
	cr_assert_stderr_eq_str("shoal get: disk: full\n");
}
