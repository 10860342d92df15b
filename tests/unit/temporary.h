/* tests/unit/temporary.h: a directory for one test, gone at its end. */
#ifndef TESTS_UNIT_TEMPORARY_H
#define TESTS_UNIT_TEMPORARY_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct temporary {
	char path[64];
	char text[512]; /* of temporary_path */
};

static inline void temporary_init(struct temporary *t)
{
	memcpy(t->path, "/tmp/shoal-test-XXXXXX", sizeof("/tmp/shoal-test-XXXXXX"));
	if (mkdtemp(t->path) == NULL)
		abort();
}

static inline int temporary_remove_one(const char *path, const struct stat *st, int type,
                                       struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void temporary_deinit(struct temporary *t)
{
	nftw(t->path, temporary_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The path of name in it; good until the next call. */
static inline const char *temporary_path(struct temporary *t, const char *name)
{
	(void)snprintf(t->text, sizeof(t->text), "%s/%s", t->path, name);
	return t->text;
}

#endif
