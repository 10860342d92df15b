/* tests/unit/watch_test.c: the watch folder on a clock of our own: what is
 * taken, what waits, what is put away, what is left alone. */
#include "tools/daemon/watch.h"

#include "tests/unit/temporary.h"
#include "tools/daemon/log.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <sys/stat.h>

static struct temporary directory;
static struct watch *watch;
static char reason[WATCH_REASON_MAX], taken[4096];
static uint32_t asked;
static bool busy;

/* "good..." is a torrent. */
static int taker(void *context, const char *name, struct bytes content, bool is_magnet,
                 char why[WATCH_REASON_MAX])
{
	(void)context;
	asked++;
	cr_assert_eq(content.data[content.size], 0);
	if (content.size < 4 || memcmp(content.data, "good", 4) != 0) {
		snprintf(why, WATCH_REASON_MAX, "not good");
		return WATCH_BAD;
	}
	if (busy) {
		snprintf(why, WATCH_REASON_MAX, "busy");
		return WATCH_LATER;
	}
	snprintf(taken + strlen(taken), sizeof taken - strlen(taken), "%s%s ", name,
	         is_magnet ? "(m)" : "");
	return WATCH_TAKEN;
}

static void setup(void)
{
	log_set_level("error");
	temporary_init(&directory);
	watch = watch_new(directory.path, taker, NULL, reason);
	cr_assert(watch != NULL, "%s", reason);
}

static void teardown(void)
{
	watch_free(watch);
	temporary_deinit(&directory);
}

TestSuite(watch, .init = setup, .fini = teardown);

static void drop(const char *name, const char *content)
{
	FILE *f = fopen(temporary_path(&directory, name), "w");

	cr_assert(f != NULL);
	fputs(content, f);
	fclose(f);
}

static bool exists(const char *name)
{
	struct stat st;

	return lstat(temporary_path(&directory, name), &st) == 0;
}

Test(watch, takes_and_renames)
{
	drop("a.torrent", "good");
	drop("b.magnet", "good\n");
	watch_scan(watch, 1);
	cr_assert(strstr(taken, "a.torrent ") && strstr(taken, "b.magnet(m) "), "%s", taken);
	cr_assert(exists("a.torrent.added") && exists("b.magnet.added"));
	cr_assert_not(exists("a.torrent"));
	watch_scan(watch, 2);
	cr_assert_eq(asked, 2);
}

Test(watch, inotify_tells)
{
	char name[] = "late.torrent";

	cr_assert_geq(watch_descriptor(watch), 0);
	drop(name, "good");
	watch_on_readable(watch, 1);
	cr_assert_str_eq(taken, "late.torrent ");
}

Test(watch, half_a_file_is_tried_again)
{
	drop("a.torrent", "go");
	watch_scan(watch, 1);
	watch_scan(watch, WATCH_SETTLE);
	cr_assert(exists("a.torrent"));
	drop("a.torrent", "goo");
	watch_on_tick(watch, WATCH_SETTLE + USEC_PER_SEC);
	cr_assert(exists("a.torrent"), "it has changed: the wait begins anew");
	drop("a.torrent", "good");
	watch_on_tick(watch, WATCH_SETTLE + 2 * USEC_PER_SEC);
	cr_assert_str_eq(taken, "a.torrent ");
	cr_assert(exists("a.torrent.added"));
}

Test(watch, what_stays_bad_is_put_away)
{
	drop("a.torrent", "nothing");
	watch_scan(watch, 1);
	cr_assert(exists("a.torrent"));
	watch_on_tick(watch, 1 + WATCH_SETTLE);
	cr_assert(exists("a.torrent.invalid"));
	cr_assert_not(exists("a.torrent"));
}

Test(watch, a_link_without_a_newline_waits_a_little)
{
	drop("a.magnet", "good");
	watch_scan(watch, 1);
	cr_assert_eq(asked, 0);
	watch_on_tick(watch, 1 + WATCH_SETTLE_MAGNET);
	cr_assert_str_eq(taken, "a.magnet(m) ");
}

Test(watch, later_is_never_invalid)
{
	busy = true;
	drop("a.torrent", "good");
	log_set_level("error");
	cr_redirect_stderr();
	watch_scan(watch, 1);
	watch_on_tick(watch, 1 + USEC_PER_SEC);
	cr_assert_eq(asked, 1, "not every second");
	watch_on_tick(watch, 1 + 3 * WATCH_SETTLE);
	cr_assert_eq(asked, 2);
	cr_assert(exists("a.torrent"));
	busy = false;
	watch_on_tick(watch, 1 + 3 * WATCH_SETTLE + WATCH_RESCAN);
	cr_assert(exists("a.torrent.added"));
}

Test(watch, junk_is_left_alone)
{
	char link[600];

	drop("readme.txt", "good");
	drop(".hidden.torrent", "good");
	drop(".torrent", "good");
	drop("a.torrent.added", "good");
	drop("a.torrent.invalid", "good");
	drop("target", "good");
	snprintf(link, sizeof link, "%s/target", directory.path);
	cr_assert_eq(symlink(link, temporary_path(&directory, "link.torrent")), 0);
	cr_assert_eq(mkdir(temporary_path(&directory, "dir.torrent"), 0755), 0);
	cr_assert_eq(mkfifo(temporary_path(&directory, "fifo.torrent"), 0600), 0);
	watch_scan(watch, 1);
	watch_scan(watch, 1 + 2 * WATCH_SETTLE);
	cr_assert_eq(asked, 0);
	cr_assert(exists("link.torrent") && exists("dir.torrent") && exists("fifo.torrent"));
}

/* More bad files than the table holds: all of them go in the end. */
Test(watch, pending_table_is_bounded)
{
	enum { COUNT = WATCH_PENDING_MAX + 44 };
	usec now = 1;
	char name[32];

	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof name, "%d.torrent", i);
		drop(name, "nothing");
	}
	watch_scan(watch, now);
	cr_assert_eq(asked, WATCH_PENDING_MAX);
	for (int round = 0; round < 3; round++)
		watch_on_tick(watch, now += WATCH_SETTLE);
	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof name, "%d.torrent.invalid", i);
		cr_assert(exists(name), "%s", name);
	}
}

Test(watch, rescans_by_itself)
{
	watch_scan(watch, 1);
	drop("a.torrent", "good");
	watch_on_tick(watch, WATCH_RESCAN);
	cr_assert_eq(asked, 0);
	watch_on_tick(watch, 1 + WATCH_RESCAN);
	cr_assert_str_eq(taken, "a.torrent ");
}

Test(watch, a_file_that_went_is_forgotten)
{
	drop("a.torrent", "bad");
	watch_scan(watch, 1);
	cr_assert_eq(unlink(temporary_path(&directory, "a.torrent")), 0);
	watch_scan(watch, 2);
	drop("a.torrent", "bad");
	watch_scan(watch, 1 + WATCH_SETTLE);
	cr_assert(exists("a.torrent"), "its wait began when it came back");
}

Test(watch, a_folder_that_cannot_be_is_named)
{
	drop("file", "");
	cr_assert_null(watch_new(temporary_path(&directory, "file"), taker, NULL, reason));
	cr_assert(strstr(reason, "/file: ") != NULL, "%s", reason);
}
