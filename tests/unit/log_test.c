/* tests/unit/log_test.c: levels, one line each, no control characters. */
#include "tools/daemon/log.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>

static void setup(void)
{
	cr_redirect_stderr();
	setenv("JOURNAL_STREAM", "1:2", 1);
}

TestSuite(log, .init = setup);

Test(log, levels)
{
	cr_assert_not(log_set_level("loud"));
	cr_assert(log_set_level("warning"));
	cr_assert(log_is_on(LOG_LEVEL_ERROR) && log_is_on(LOG_LEVEL_WARNING));
	cr_assert_not(log_is_on(LOG_LEVEL_INFO));
	log_line(LOG_LEVEL_ERROR, "disk %d: %s", 1, "full");
	log_line(LOG_LEVEL_WARNING, "a\033[2Jb\nc");
	log_line(LOG_LEVEL_INFO, "not now");
	log_line(LOG_LEVEL_DEBUG, "nor this");
	fflush(stderr);
	cr_assert_stderr_eq_str("<3>disk 1: full\n<4>a?[2Jb?c\n");
}

Test(log, time_without_a_journal)
{
	char line[128];

	unsetenv("JOURNAL_STREAM");
	log_line(LOG_LEVEL_INFO, "hello");
	fflush(stderr);
	cr_assert(fgets(line, sizeof line, cr_get_redirected_stderr()) != NULL);
	cr_assert_str_eq(line + 20, " info: hello\n", "%s", line);
	cr_assert_eq(line[19], 'Z');
}
