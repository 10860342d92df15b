/* tests/unit/rpc_own_files_test.c: deleting and moving a torrent's files touches
 * nothing else, whatever else lies there. */
#include "tools/rpc/own_files.h"

#include "proto/memory.h"
#include "tests/unit/temporary.h"

#include <criterion/criterion.h>
#include <sys/stat.h>

static struct temporary directory;
static struct own_files files;
static char reason[OWN_FILES_REASON_MAX];

static void put(const char *name)
{
	FILE *f = fopen(temporary_path(&directory, name), "w");

	cr_assert_not_null(f, "%s", name);
	fputs(name, f);
	fclose(f);
}

static void make(const char *name)
{
	cr_assert_eq(mkdir(temporary_path(&directory, name), 0755), 0);
}

static bool is_there(const char *name)
{
	return access(temporary_path(&directory, name), F_OK) == 0;
}

static void setup(void)
{
	struct metainfo_file list[] = { { .path = "t/a/one", .length = 1 },
		                        { .path = "t/.pad/9", .length = 9, .pad = true },
		                        { .path = "t/two", .length = 1 },
		                        { .path = "t/missing", .length = 1 } };
	struct metainfo m = { .files = list, .file_count = 4 };

	temporary_init(&directory);
	make("in");
	make("in/t");
	make("in/t/a");
	put("in/t/a/one");
	put("in/t/two");
	own_files_init(&files, &m, temporary_path(&directory, "in"));
	cr_assert_eq(files.count, 3);
}

static void teardown(void)
{
	own_files_deinit(&files);
	temporary_deinit(&directory);
}

TestSuite(rpc_own_files, .init = setup, .fini = teardown);

Test(rpc_own_files, delete_takes_empty_directories_along)
{
	cr_assert(own_files_delete(&files, reason));
	cr_assert_not(is_there("in/t"));
	cr_assert(is_there("in"));
	cr_assert(own_files_delete(&files, reason), "nothing left is no failure");
}

Test(rpc_own_files, delete_leaves_what_is_not_ours)
{
	put("in/t/a/other");
	cr_assert(own_files_delete(&files, reason));
	cr_assert(is_there("in/t/a/other"));
	cr_assert_not(is_there("in/t/a/one"));
	cr_assert_not(is_there("in/t/two"));
}

Test(rpc_own_files, delete_follows_no_link)
{
	make("elsewhere");
	put("elsewhere/one");
	cr_assert_eq(remove(temporary_path(&directory, "in/t/a/one")), 0);
	cr_assert_eq(rmdir(temporary_path(&directory, "in/t/a")), 0);
	cr_assert_eq(symlink("../../elsewhere", temporary_path(&directory, "in/t/a")), 0);
	cr_assert_not(own_files_delete(&files, reason));
	cr_assert(is_there("elsewhere/one"));
	cr_assert_not(is_there("in/t/two"), "the others went");
}

Test(rpc_own_files, move)
{
	char *to = memory_copy_text(temporary_path(&directory, "new/place"));

	put("in/t/other");
	cr_assert(own_files_move(&files, to, reason), "%s", reason);
	cr_assert(is_there("new/place/t/a/one") && is_there("new/place/t/two"));
	cr_assert_not(is_there("in/t/a"));
	cr_assert(is_there("in/t/other"));
	free(to);
}

Test(rpc_own_files, move_overwrites_nothing_and_goes_back)
{
	char *to = memory_copy_text(temporary_path(&directory, "new"));

	make("new");
	make("new/t");
	put("new/t/two");
	cr_assert_not(own_files_move(&files, to, reason));
	cr_assert(is_there("in/t/a/one") && is_there("in/t/two"));
	cr_assert_not(is_there("new/t/a/one"));
	free(to);
}

Test(rpc_own_files, move_to_where_it_is)
{
	cr_assert(own_files_move(&files, files.root, reason));
	cr_assert(is_there("in/t/a/one"));
}
