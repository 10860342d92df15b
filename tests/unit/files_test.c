/* Tests of tools/io/files.c. */
#include "tools/io/files.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/temporary.h"

static struct temporary dir;
static char reason[FILES_REASON_MAX];

static void begin(void)
{
	temporary_init(&dir);
}

static void end(void)
{
	temporary_deinit(&dir);
}

TestSuite(files, .init = begin, .fini = end);

static bool holds(const char *path, const char *text)
{
	size_t size = 0;
	uint8_t *data = files_load(path, 1000, &size, reason);
	bool same = data != NULL && size == strlen(text) && memcmp(data, text, size + 1) == 0;

	free(data);
	return same;
}

static bool save(const char *path, const char *text, unsigned flags)
{
	return files_save(path, bytes_of_text(text), flags, reason);
}

Test(files, saves_and_loads)
{
	const char *path = temporary_path(&dir, "a");
	struct stat st;

	cr_assert(save(path, "one", 0));
	cr_assert(holds(path, "one"));
	cr_assert(save(path, "", FILES_PRIVATE));
	cr_assert(holds(path, ""));
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	cr_assert_neq(access(temporary_path(&dir, "a.new"), F_OK), 0);
}

Test(files, previous_generation_stays)
{
	char *path = files_join(dir.path, "a");

	cr_assert(save(path, "one", FILES_KEEP_PREVIOUS));
	cr_assert_neq(access(temporary_path(&dir, "a.previous"), F_OK), 0);
	cr_assert(save(path, "two", FILES_KEEP_PREVIOUS));
	cr_assert(save(path, "three", FILES_KEEP_PREVIOUS));
	cr_assert(holds(path, "three"));
	cr_assert(holds(temporary_path(&dir, "a.previous"), "two"));
	free(path);
}

/* A save that cannot be finished leaves the old content. */
Test(files, failed_save_changes_nothing)
{
	char *path = files_join(dir.path, "a");

	cr_assert(save(path, "one", 0));
	cr_assert_eq(mkdir(temporary_path(&dir, "a.new"), 0700), 0);
	cr_assert_not(save(path, "two", 0));
	cr_assert_not_null(strstr(reason, "/a: Is a directory"));
	cr_assert(holds(path, "one"));
	free(path);
}

/* A link planted where the temporary file goes is not written through. */
Test(files, temporary_is_no_link)
{
	char *path = files_join(dir.path, "a"), *victim = files_join(dir.path, "victim");

	cr_assert(save(victim, "mine", 0));
	cr_assert_eq(symlink(victim, temporary_path(&dir, "a.new")), 0);
	cr_assert_not(save(path, "two", 0));
	cr_assert(holds(victim, "mine"));
	free(path);
	free(victim);
}

Test(files, load_refuses)
{
	size_t size;

	cr_assert_null(files_load(temporary_path(&dir, "none"), 10, &size, reason));
	cr_assert_eq(errno, ENOENT);
	cr_assert_not_null(strstr(reason, "/none: No such file"));
	cr_assert_null(files_load(dir.path, 10, &size, reason));
	cr_assert_eq(errno, EISDIR);
	cr_assert(save(temporary_path(&dir, "big"), "12345678901", 0));
	cr_assert_null(files_load(temporary_path(&dir, "big"), 10, &size, reason));
	cr_assert_eq(errno, EFBIG);
	cr_assert_not_null(strstr(reason, "File too large"));
}

/* Files of /proc say size 0; the limit counts what is read. */
Test(files, load_of_unknown_size)
{
	size_t size;
	uint8_t *data = files_load("/proc/self/status", 1 << 20, &size, reason);

	cr_assert_not_null(data);
	cr_assert_gt(size, 100);
	cr_assert_eq(data[size], 0);
	free(data);
	cr_assert_null(files_load("/proc/self/status", 100, &size, reason));
	cr_assert_eq(errno, EFBIG);
}

/* A FIFO without a writer must not hang us. */
Test(files, load_of_a_fifo_returns)
{
	size_t size = 1;
	uint8_t *data;

	cr_assert_eq(mkfifo(temporary_path(&dir, "fifo"), 0600), 0);
	data = files_load(temporary_path(&dir, "fifo"), 10, &size, reason);
	cr_assert(data == NULL || size == 0);
	free(data);
}

Test(files, makes_directories)
{
	const char *path = temporary_path(&dir, "x/y//z/");
	struct stat st;

	cr_assert(files_make_directory(path, reason));
	cr_assert(files_make_directory(path, reason));
	cr_assert_eq(stat(path, &st), 0);
	cr_assert(S_ISDIR(st.st_mode));
	cr_assert(save(temporary_path(&dir, "file"), "", 0));
	cr_assert_not(files_make_directory(temporary_path(&dir, "file/sub"), reason));
	cr_assert_not_null(strstr(reason, "Not a directory"));
	cr_assert_not(files_make_directory(temporary_path(&dir, "file"), reason));
}

Test(files, joins)
{
	static const char *const cases[][3] = {
		{ "a", "b", "a/b" }, { "a/", "b", "a/b" }, { "/", "b", "/b" }, { "", "b", "b" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *path = files_join(cases[i][0], cases[i][1]);

		cr_assert_str_eq(path, cases[i][2]);
		free(path);
	}
}
