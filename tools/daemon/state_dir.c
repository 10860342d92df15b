/* tools/daemon/state_dir.c: see state_dir.h. */
#include "tools/daemon/state_dir.h"

#include "proto/bencode.h"
#include "proto/memory.h"
#include "proto/metainfo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATE_RECORD_VERSION = 1, HASH_DIGITS = 2 * SHA1_SIZE };

static const struct {
	const char *suffix;
	size_t size_max;
} kinds[] = {
	[STATE_TORRENT] = { ".torrent", METAINFO_SIZE_MAX },
	[STATE_MAGNET] = { ".magnet", 128 << 10 },
	[STATE_STATE] = { ".state", STATE_RECORD_MAX },
	[STATE_RESUME] = { ".resume", STATE_RESUME_MAX },
};

/* ---- the directory and its lock ---- */

static void read_owner(int fd, char *out, size_t size)
{
	ssize_t got = pread(fd, out, size - 1, 0);

	out[got > 0 ? got : 0] = '\0';
	out[strspn(out, "0123456789")] = '\0';
}

static bool take_lock(struct state_dir *s, const char *directory, char reason[FILES_REASON_MAX])
{
	char *path = files_join(directory, "lock"), owner[24];
	bool good = false;
	int size;

	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (s->lock < 0) {
		snprintf(reason, FILES_REASON_MAX, "%.400s: %s", path, strerror(errno));
	} else if (flock(s->lock, LOCK_EX | LOCK_NB) != 0) {
		read_owner(s->lock, owner, sizeof owner);
		if (errno == EWOULDBLOCK)
			snprintf(reason, FILES_REASON_MAX, "%.400s: in use by another daemon%s%s",
			         directory, owner[0] != '\0' ? ", process " : "", owner);
		else
			snprintf(reason, FILES_REASON_MAX, "%.400s: %s", path, strerror(errno));
	} else {
		size = snprintf(owner, sizeof owner, "%ld\n", (long)getpid());
		/* The number is a help for people; the lock is what counts. */
		if (ftruncate(s->lock, 0) == 0)
			(void)!pwrite(s->lock, owner, (size_t)size, 0);
		good = true;
	}
	free(path);
	return good;
}

bool state_dir_open(struct state_dir *s, const char *directory, char reason[FILES_REASON_MAX])
{
	*s = (struct state_dir){ .lock = -1, .torrents = files_join(directory, "torrents") };
	return files_make_directory(directory, reason) && take_lock(s, directory, reason) &&
	       files_make_directory(s->torrents, reason);
}

void state_dir_close(struct state_dir *s)
{
	if (s->lock >= 0)
		close(s->lock);
	free(s->torrents);
	*s = (struct state_dir){ .lock = -1 };
}

/* ---- files of a torrent ---- */

static char *path_of(const struct state_dir *s, const uint8_t hash[SHA1_SIZE], enum state_kind kind)
{
	char name[HASH_DIGITS + 16];

	hex_encode(bytes_of(hash, SHA1_SIZE), name);
	strcat(name, kinds[kind].suffix);
	return files_join(s->torrents, name);
}

uint8_t *state_dir_load(const struct state_dir *s, const uint8_t hash[SHA1_SIZE], enum state_kind kind,
                    size_t *size, char reason[FILES_REASON_MAX])
{
	char *path = path_of(s, hash, kind);
	uint8_t *file = files_load(path, kinds[kind].size_max, size, reason);

	free(path);
	return file;
}

bool state_dir_save(const struct state_dir *s, const uint8_t hash[SHA1_SIZE], enum state_kind kind,
                struct bytes content, char reason[FILES_REASON_MAX])
{
	char *path = path_of(s, hash, kind);
	bool good = files_save(path, content, 0, reason);

	free(path);
	return good;
}

bool state_dir_has(const struct state_dir *s, const uint8_t hash[SHA1_SIZE], enum state_kind kind)
{
	char *path = path_of(s, hash, kind);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

void state_dir_drop(const struct state_dir *s, const uint8_t hash[SHA1_SIZE], enum state_kind kind)
{
	char *path = path_of(s, hash, kind);

	unlink(path);
	free(path);
}

static bool is_torrent_name(const char *name, uint8_t hash[SHA1_SIZE])
{
	char digits[HASH_DIGITS + 1];

	if (strlen(name) < HASH_DIGITS ||
	    (strcmp(name + HASH_DIGITS, kinds[STATE_TORRENT].suffix) != 0 &&
	     strcmp(name + HASH_DIGITS, kinds[STATE_MAGNET].suffix) != 0))
		return false;
	memcpy(digits, name, HASH_DIGITS);
	digits[HASH_DIGITS] = '\0';
	return hex_decode(digits, hash, SHA1_SIZE);
}

static int compare_hashes(const void *a, const void *b)
{
	return memcmp(a, b, SHA1_SIZE);
}

uint8_t (*state_dir_list(const struct state_dir *s, uint32_t *count))[SHA1_SIZE]
{
	uint8_t(*hashes)[SHA1_SIZE] = memory_zeroed(64, SHA1_SIZE);
	uint32_t used = 0, room = 64, kept = 0;
	DIR *directory = opendir(s->torrents);
	struct dirent *entry;

	while (directory != NULL && used < STATE_TORRENTS_MAX &&
	       (entry = readdir(directory)) != NULL) {
		if (used == room) {
			room *= 2;
			hashes = memory_resize(hashes, room, SHA1_SIZE);
		}
		if (is_torrent_name(entry->d_name, hashes[used]))
			used++;
	}
	if (directory != NULL)
		closedir(directory);
	qsort(hashes, used, SHA1_SIZE, compare_hashes);
	/* One that stopped between saving .torrent and dropping .magnet is there twice. */
	for (uint32_t i = 0; i < used; i++)
		if (kept == 0 || memcmp(hashes[kept - 1], hashes[i], SHA1_SIZE) != 0)
			memmove(hashes[kept++], hashes[i], SHA1_SIZE);
	*count = kept;
	return hashes;
}

/* ---- the record ---- */

uint8_t *state_dir_encode_record(const struct state_record *r, size_t *size)
{
	size_t room = strlen(r->directory) + 128;
	uint8_t *out = memory_alloc(room);
	struct writer w;

	writer_init(&w, out, room);
	bencode_begin_dict(&w);
	bencode_put_key(&w, "added");
	bencode_put_int(&w, r->added_at);
	bencode_put_key(&w, "directory");
	bencode_put_text(&w, r->directory);
	bencode_put_key(&w, "paused");
	bencode_put_int(&w, r->paused);
	bencode_put_key(&w, "version");
	bencode_put_int(&w, STATE_RECORD_VERSION);
	bencode_end(&w);
	*size = writer_bytes(&w).size;
	return out;
}

bool state_dir_decode_record(struct bytes file, struct state_record *r)
{
	struct bencode_token tokens[32];
	struct bencode b;
	struct bytes directory;
	int64_t version, paused;

	*r = (struct state_record){ 0 };
	if (!bencode_parse(&b, file, tokens, 32, 0) ||
	    !bencode_find_int(&b, 0, "version", &version) || version != STATE_RECORD_VERSION ||
	    !bencode_find_int(&b, 0, "added", &r->added_at) ||
	    !bencode_find_int(&b, 0, "paused", &paused) ||
	    !bencode_find_string(&b, 0, "directory", &directory) || directory.size == 0 ||
	    directory.size > STATE_DIRECTORY_MAX ||
	    memchr(directory.data, '\0', directory.size) != NULL) {
		*r = (struct state_record){ 0 };
		return false;
	}
	r->paused = paused != 0;
	r->directory = memory_alloc(directory.size + 1);
	memcpy(r->directory, directory.data, directory.size);
	r->directory[directory.size] = '\0';
	return true;
}
