/* tools/daemon/watch.c: see watch.h. Invariant: a file is renamed only after
 * its taker has said what it is; until then nothing is lost by a crash. */
#include "tools/daemon/watch.h"

#include "proto/magnet.h"
#include "proto/memory.h"
#include "proto/metainfo.h"
#include "tools/daemon/log.h"
#include "tools/io/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file that was looked at and stayed. */
struct pending {
	char *name;        /* owned; NULL: free slot */
	int64_t size, mtime_ns;
	usec since;        /* when it was first seen like this */
	bool finished;     /* taken or bad, but could not be renamed */
	bool postponed;    /* good, but could not be added: tried again at a rescan */
	bool seen;         /* in the scan that is running */
};

struct watch {
	char *directory;   /* owned */
	watch_taker *taker;
	void *context;
	int descriptor;
	usec scanned_at;
	uint32_t waiting;  /* pending files whose settling is looked at every second */
	struct pending pending[WATCH_PENDING_MAX];
};

struct watch *watch_new(const char *directory, watch_taker *taker, void *context,
                        char reason[WATCH_REASON_MAX])
{
	char why[FILES_REASON_MAX];
	struct watch *w;

	if (!files_make_directory(directory, why)) {
		snprintf(reason, WATCH_REASON_MAX, "%.500s", why);
		return NULL;
	}
	w = memory_zeroed(1, sizeof *w);
	w->directory = memory_copy_text(directory);
	w->taker = taker;
	w->context = context;
	w->descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->descriptor >= 0 &&
	    inotify_add_watch(w->descriptor, directory, IN_CLOSE_WRITE | IN_MOVED_TO) < 0) {
		log_line(LOG_LEVEL_WARNING, "watch folder %s: no inotify (%s); looking every %u s",
		         directory, strerror(errno), (unsigned)(WATCH_RESCAN / USEC_PER_SEC));
		close(w->descriptor);
		w->descriptor = -1;
	}
	return w;
}

void watch_free(struct watch *w)
{
	if (w->descriptor >= 0)
		close(w->descriptor);
	for (uint32_t i = 0; i < WATCH_PENDING_MAX; i++)
		free(w->pending[i].name);
	free(w->directory);
	free(w);
}

int watch_descriptor(const struct watch *w)
{
	return w->descriptor;
}

/* ---- files that stayed ---- */

static struct pending *find_pending(struct watch *w, const char *name)
{
	for (uint32_t i = 0; i < WATCH_PENDING_MAX; i++)
		if (w->pending[i].name != NULL && strcmp(w->pending[i].name, name) == 0)
			return &w->pending[i];
	return NULL;
}

static int64_t mtime_of(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static bool has_changed(const struct pending *p, const struct stat *st)
{
	return p->size != st->st_size || p->mtime_ns != mtime_of(st);
}

/* NULL when the table is full: the file is looked at again when there is room. */
static struct pending *remember(struct watch *w, const char *name, const struct stat *st,
                                usec now)
{
	struct pending *p = find_pending(w, name);

	for (uint32_t i = 0; p == NULL && i < WATCH_PENDING_MAX; i++) {
		if (w->pending[i].name == NULL) {
			p = &w->pending[i];
			p->name = memory_copy_text(name);
			p->since = now;
		}
	}
	if (p == NULL)
		return NULL;
	if (has_changed(p, st)) {
		p->since = now;
		p->finished = false;
	}
	p->size = st->st_size;
	p->mtime_ns = mtime_of(st);
	p->seen = true;
	return p;
}

static void forget(struct pending *p)
{
	free(p->name);
	*p = (struct pending){ 0 };
}

/* ---- one file ---- */

static bool has_suffix(const char *name, const char *suffix)
{
	size_t size = strlen(name), tail = strlen(suffix);

	return size > tail && strcmp(name + size - tail, suffix) == 0;
}

/* NAME.added or NAME.invalid; one that cannot be renamed is kept in mind
 * instead, so that it is not taken again at every scan. */
static void put_away(struct pending *p, const char *path, const char *suffix)
{
	char *renamed = memory_alloc(strlen(path) + strlen(suffix) + 1);

	strcpy(renamed, path);
	strcat(renamed, suffix);
	if (rename(path, renamed) == 0) {
		forget(p);
	} else {
		log_line(LOG_LEVEL_WARNING, "%s: cannot be renamed: %s", path, strerror(errno));
		p->finished = true;
	}
	free(renamed);
}

static void take(struct watch *w, struct pending *p, const char *path, bool is_magnet, usec now)
{
	char reason[WATCH_REASON_MAX] = "", why[FILES_REASON_MAX];
	int verdict = WATCH_BAD;
	usec still = usec_since(p->since, now);
	size_t size = 0;
	uint8_t *file = files_load(path, is_magnet ? MAGNET_SIZE_MAX : METAINFO_SIZE_MAX, &size, why);

	if (file == NULL)
		snprintf(reason, sizeof reason, "%.500s", why);
	else if (is_magnet && memchr(file, '\n', size) == NULL && still < WATCH_SETTLE_MAGNET)
		verdict = WATCH_LATER; /* the rest of the line may be on its way */
	else
		verdict = w->taker(w->context, p->name, bytes_of(file, size), is_magnet, reason);
	free(file);
	if (verdict == WATCH_LATER && reason[0] != '\0' && !p->postponed)
		log_line(LOG_LEVEL_ERROR, "%s: not added, tried again every %u s: %s", path,
		         (unsigned)(WATCH_RESCAN / USEC_PER_SEC), reason);
	p->postponed = verdict == WATCH_LATER && reason[0] != '\0';
	if (verdict == WATCH_TAKEN) {
		put_away(p, path, ".added");
	} else if (verdict == WATCH_BAD && still >= WATCH_SETTLE) {
		log_line(LOG_LEVEL_WARNING, "%s: not added, renamed to .invalid: %s", path, reason);
		put_away(p, path, ".invalid");
	} else if (verdict == WATCH_BAD) {
		log_line(LOG_LEVEL_DEBUG, "%s: tried again when it has changed: %s", path, reason);
	}
}

static void look_at(struct watch *w, const char *name, usec now)
{
	bool is_magnet = has_suffix(name, ".magnet");
	struct pending *p;
	struct stat st;
	char *path;

	if (name[0] == '.' || (!is_magnet && !has_suffix(name, ".torrent")))
		return;
	path = files_join(w->directory, name);
	if (lstat(path, &st) == 0 && S_ISREG(st.st_mode)) {
		p = remember(w, name, &st, now);
		if (p != NULL && !p->finished)
			take(w, p, path, is_magnet, now);
	}
	free(path);
}

/* ---- all of them ---- */

void watch_scan(struct watch *w, usec now)
{
	DIR *directory = opendir(w->directory);
	struct dirent *entry;

	w->scanned_at = now;
	if (directory == NULL) {
		log_line(LOG_LEVEL_WARNING, "watch folder %s: %s", w->directory, strerror(errno));
		return;
	}
	for (uint32_t i = 0; i < WATCH_PENDING_MAX; i++)
		w->pending[i].seen = false;
	while ((entry = readdir(directory)) != NULL)
		look_at(w, entry->d_name, now);
	closedir(directory);
	w->waiting = 0;
	for (uint32_t i = 0; i < WATCH_PENDING_MAX; i++) {
		struct pending *p = &w->pending[i];

		if (p->name != NULL && !p->seen)
			forget(p);
		else if (p->name != NULL && !p->finished && !p->postponed)
			w->waiting++;
	}
}

void watch_on_readable(struct watch *w, usec now)
{
	char events[4096] __attribute__((aligned(8)));

	/* What happened does not matter: the scan looks at the files themselves. */
	while (read(w->descriptor, events, sizeof events) > 0)
		;
	watch_scan(w, now);
}

void watch_on_tick(struct watch *w, usec now)
{
	if (w->waiting > 0 || usec_since(w->scanned_at, now) >= WATCH_RESCAN)
		watch_scan(w, now);
}
