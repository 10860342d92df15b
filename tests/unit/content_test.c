/* tests/unit/content_test.c: tools/cli/content.c, on a directory of its own. */
#include "tools/cli/content.h"

#include "proto/metainfo.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char root[] = "/tmp/shoal-content-XXXXXX";

static void begin(void)
{
	cr_assert_not_null(mkdtemp(root));
	cr_assert_eq(chdir(root), 0);
	cr_assert_not_null(freopen("/dev/null", "w", stderr));
}

static void end(void)
{
	char command[64];
	cr_assert_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(content, .init = begin, .fini = end);

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	cr_assert_not_null(f, "%s", path);
	fputs(text, f);
	fclose(f);
}

Test(content, files_in_the_order_of_their_bytes)
{
	static const char *const expected[] = { ".h", "B", "a.txt", "a/b", "a/c/d", "b", "\xc3\xa4" };
	struct content c;
	mkdir("t", 0755);
	mkdir("t/a", 0755);
	mkdir("t/a/c", 0755);
	mkdir("t/nothing", 0755);
	put("t/b", "12");
	put("t/a/b", "123");
	put("t/a/c/d", "1");
	put("t/a.txt", "");
	put("t/B", "1");
	put("t/.h", "1");
	put("t/\xc3\xa4", "1");
	cr_assert(content_walk(&c, "test", "t/"));
	cr_assert(c.is_directory);
	cr_assert_eq(c.count, 7);
	uint64_t offset = 0;
	for (uint32_t i = 0; i < 7; i++) {
		cr_assert_str_eq(c.files[i].path, expected[i]);
		cr_assert_eq(c.files[i].offset, offset);
		offset += c.files[i].size;
	}
	cr_assert_eq(c.total, 9);
	cr_assert_eq(c.skipped, 0);
	content_deinit(&c);
}

Test(content, links_and_special_files_are_left_out)
{
	struct content c;
	mkdir("t", 0755);
	put("t/file", "x");
	put("outside", "secret");
	cr_assert_eq(symlink("../outside", "t/link"), 0);
	cr_assert_eq(symlink("..", "t/up"), 0);
	cr_assert_eq(symlink("nowhere", "t/dangling"), 0);
	cr_assert_eq(mkfifo("t/fifo", 0644), 0);
	const int s = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "t/socket" };
	cr_assert_eq(bind(s, (struct sockaddr *)&address, sizeof(address)), 0);
	close(s);
	cr_assert(content_walk(&c, "test", "t"));
	cr_assert_eq(c.count, 1);
	cr_assert_str_eq(c.files[0].path, "file");
	cr_assert_eq(c.skipped, 5);
	content_deinit(&c);
}

Test(content, the_root_may_be_a_link)
{
	struct content c;
	mkdir("t", 0755);
	put("t/file", "x");
	cr_assert_eq(symlink("t", "link"), 0);
	cr_assert_eq(symlink("t/file", "file link"), 0);
	cr_assert(content_walk(&c, "test", "link"));
	cr_assert_eq(c.count, 1);
	content_deinit(&c);
	cr_assert(content_walk(&c, "test", "file link"));
	cr_assert_not(c.is_directory);
	cr_assert_str_eq(c.base, "file");
	const int fd = content_open(&c, 0);
	cr_assert_geq(fd, 0);
	close(fd);
	content_deinit(&c);
}

Test(content, names_that_no_torrent_carries)
{
	static const char *const bad[] = { "a\\b", "a\nb", "a\xff", "a\xe2\x80\xaez" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char path[32];
		struct content c;
		mkdir("t", 0755);
		snprintf(path, sizeof(path), "t/%s", bad[i]);
		put(path, "x");
		cr_assert_not(content_walk(&c, "test", "t"), "%zu", i);
		content_deinit(&c);
		unlink(path);
	}
}

Test(content, depth_limit)
{
	struct content c;
	char path[2 * METAINFO_PATH_DEPTH_MAX + 8] = "t";
	mkdir(path, 0755);
	/* The torrent's name is a level too. */
	for (int i = 0; i < METAINFO_PATH_DEPTH_MAX - 2; i++) {
		strcat(path, "/d");
		cr_assert_eq(mkdir(path, 0755), 0);
	}
	strcat(path, "/f");
	put(path, "x");
	cr_assert(content_walk(&c, "test", "t"));
	content_deinit(&c);
	unlink(path);
	cr_assert_eq(mkdir(path, 0755), 0);
	cr_assert_not(content_walk(&c, "test", "t"));
	content_deinit(&c);
}

Test(content, nothing_there)
{
	struct content c;
	cr_assert_not(content_walk(&c, "test", "absent"));
	content_deinit(&c);
	cr_assert_eq(mkfifo("fifo", 0644), 0);
	cr_assert_not(content_walk(&c, "test", "fifo"));
	content_deinit(&c);
}

Test(content, changes_are_noticed)
{
	struct content c;
	mkdir("t", 0755);
	put("t/a", "x");
	put("t/b", "x");
	put("t/c", "x");
	cr_assert(content_walk(&c, "test", "t"));
	cr_assert(content_is_unchanged(&c, 0));
	put("t/a", "xy");
	cr_assert_not(content_is_unchanged(&c, 0));
	cr_assert_eq(content_open(&c, 0), -1);
	cr_assert_eq(errno, ESTALE);
	unlink("t/b");
	cr_assert_not(content_is_unchanged(&c, 1));
	cr_assert_eq(content_open(&c, 1), -1);
	cr_assert_eq(errno, ENOENT);
	/* A FIFO in its place must not hang the reader. */
	unlink("t/c");
	cr_assert_eq(mkfifo("t/c", 0644), 0);
	cr_assert_eq(content_open(&c, 2), -1);
	content_deinit(&c);
}
