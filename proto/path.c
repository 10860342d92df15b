/* proto/path.c: safe names, whole paths, and no two files on one path.
 *
 * A path is known by a 64-bit hash that is chained over its components, so
 * that all directories above a file cost one pass over its text. The sets
 * hold only hashes: equal paths always meet, and should two different ones
 * ever meet, a file is renamed without need and nothing worse. */
#include "proto/path.h"

#include "proto/memory.h"
#include "proto/rng.h"
#include "proto/utf8.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	EXTENSION_MAX = 32,  /* bytes, dot included, that survive a cut */
	SMALL_SUFFIXES = 8,  /* ".1" to ".8" are tried before the file's index */
	SUFFIX_MAX = 24,     /* bytes of ".18446744073709551615" */
};

/* Where the extension begins: the last dot, unless it opens the name or
 * leaves nothing or too much behind it. */
static size_t extension_at(struct bytes name)
{
	for (size_t i = name.size; i > 1; i--) {
		if (name.data[i - 1] == '.')
			return i == name.size || name.size - i >= EXTENSION_MAX ? name.size : i - 1;
	}
	return name.size;
}

/* stem + suffix + extension, the stem cut so that all fits METAINFO_NAME_MAX. */
static size_t compose(struct bytes name, struct bytes suffix, char out[METAINFO_NAME_MAX + 1])
{
	const size_t dot = extension_at(name);
	const struct bytes extension = bytes_of(name.data + dot, name.size - dot);
	const size_t room = METAINFO_NAME_MAX - suffix.size - extension.size;
	const size_t stem = utf8_cut(bytes_of(name.data, dot), dot < room ? dot : room);

	memcpy(out, name.data, stem);
	if (suffix.size != 0)
		memcpy(out + stem, suffix.data, suffix.size);
	if (extension.size != 0)
		memcpy(out + stem + suffix.size, extension.data, extension.size);
	out[stem + suffix.size + extension.size] = '\0';
	return stem + suffix.size + extension.size;
}

static bool is_only_dots(struct bytes name)
{
	return name.size == 0 || bytes_equal_text(name, ".") || bytes_equal_text(name, "..");
}

bool metainfo_sanitise_name(struct bytes name, char out[METAINFO_NAME_MAX + 1])
{
	if (is_only_dots(name)) {
		/* "" and "." become "_", ".." becomes "__". */
		snprintf(out, METAINFO_NAME_MAX + 1, "%s", name.size == 2 ? "__" : "_");
		return true;
	}
	char *clean = memory_alloc(name.size + 1);
	const size_t size = utf8_clean(name, false, clean);
	for (size_t i = 0; i < size; i++) {
		if (clean[i] == '/' || clean[i] == '\\')
			clean[i] = '_';
	}
	const size_t used = compose(bytes_of(clean, size), bytes_of(NULL, 0), out);
	free(clean);
	return !bytes_equal(bytes_of(out, used), name);
}

void path_init(struct path *p)
{
	p->text[0] = '\0';
	p->size = 0;
	p->depth = 0;
}

const char *path_append(struct path *p, struct bytes name)
{
	char safe[METAINFO_NAME_MAX + 1];

	if (p->depth == METAINFO_PATH_DEPTH_MAX)
		return "too many directories";
	metainfo_sanitise_name(name, safe);
	const size_t slash = p->depth != 0 ? 1 : 0, size = strlen(safe);
	if (slash + size > METAINFO_PATH_MAX - p->size)
		return "longer than a path may be";
	if (slash != 0)
		p->text[p->size++] = '/';
	memcpy(p->text + p->size, safe, size + 1);
	p->size += size;
	p->depth++;
	return NULL;
}

/* A set of 64-bit hashes; 0 marks a free slot. At most half full. */
struct hash_set {
	uint64_t *slots; /* owned */
	size_t capacity; /* a power of two */
	size_t count;
};

static void hash_set_init(struct hash_set *s)
{
	s->capacity = 64;
	s->count = 0;
	s->slots = memory_zeroed(s->capacity, sizeof(*s->slots));
}

static size_t hash_set_slot(const struct hash_set *s, uint64_t hash)
{
	size_t i = (size_t)hash & (s->capacity - 1);

	while (s->slots[i] != 0 && s->slots[i] != hash)
		i = (i + 1) & (s->capacity - 1);
	return i;
}

static bool hash_set_has(const struct hash_set *s, uint64_t hash)
{
	return s->slots[hash_set_slot(s, hash)] != 0;
}

static void hash_set_grow(struct hash_set *s)
{
	const struct hash_set old = *s;

	s->capacity = 2 * old.capacity;
	s->slots = memory_zeroed(s->capacity, sizeof(*s->slots));
	for (size_t i = 0; i < old.capacity; i++) {
		if (old.slots[i] != 0)
			s->slots[hash_set_slot(s, old.slots[i])] = old.slots[i];
	}
	free(old.slots);
}

/* False when it was there. */
static bool hash_set_add(struct hash_set *s, uint64_t hash)
{
	if (2 * (s->count + 1) > s->capacity)
		hash_set_grow(s);
	const size_t i = hash_set_slot(s, hash);
	if (s->slots[i] != 0)
		return false;
	s->slots[i] = hash;
	s->count++;
	return true;
}

struct unique {
	struct metainfo_file *files; /* borrowed */
	const uint8_t *key;          /* borrowed, 16 bytes */
	struct arena *arena;         /* borrowed */
	struct hash_set directories;
	struct hash_set taken;
};

static uint64_t chain(const struct unique *u, uint64_t above, struct bytes name)
{
	uint8_t buffer[8 + METAINFO_NAME_MAX];

	assert(name.size <= METAINFO_NAME_MAX);
	memcpy(buffer, &above, 8);
	memcpy(buffer + 8, name.data, name.size);
	const uint64_t hash = siphash(u->key, bytes_of(buffer, 8 + name.size));
	return hash != 0 ? hash : 1;
}

/* Hash of the directory that path lies in; *name is what follows it. With
 * add, all directories on the way go into the set. */
static uint64_t directory_hash(struct unique *u, const char *path, bool add, struct bytes *name)
{
	uint64_t hash = 0;

	for (const char *slash; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
		hash = chain(u, hash, bytes_of(path, (size_t)(slash - path)));
		if (add)
			hash_set_add(&u->directories, hash);
	}
	*name = bytes_of_text(path);
	return hash;
}

/* A suffix for the attempt: small numbers first, then ones that belong to
 * this file alone, so that a million equal names cost a million steps. */
static size_t format_suffix(uint32_t index, uint32_t attempt, char out[SUFFIX_MAX])
{
	const uint64_t number = attempt < SMALL_SUFFIXES ?
		(uint64_t)attempt + 1 :
		(uint64_t)index + (uint64_t)(attempt - SMALL_SUFFIXES + 1) * METAINFO_FILES_MAX;
	const int size = snprintf(out, SUFFIX_MAX, ".%llu", (unsigned long long)number);
	return (size_t)size;
}

static bool rename_file(struct unique *u, uint32_t index, uint64_t directory, struct bytes name)
{
	const char *path = u->files[index].path;
	const size_t prefix = (size_t)((const char *)name.data - path);

	for (uint32_t attempt = 0;; attempt++) {
		char suffix[SUFFIX_MAX], renamed[METAINFO_NAME_MAX + 1];
		const size_t suffix_size = format_suffix(index, attempt, suffix);
		const size_t size = compose(name, bytes_of(suffix, suffix_size), renamed);
		const uint64_t hash = chain(u, directory, bytes_of(renamed, size));
		if (hash_set_has(&u->directories, hash) || !hash_set_add(&u->taken, hash))
			continue;
		if (prefix + size > METAINFO_PATH_MAX)
			return false;
		char *whole = arena_alloc(u->arena, 1, prefix + size + 1);
		memcpy(whole, path, prefix);
		memcpy(whole + prefix, renamed, size);
		u->files[index].path = whole;
		return true;
	}
}

bool paths_make_unique(struct metainfo_file *files, uint32_t count, const uint8_t key[16],
                       struct arena *arena)
{
	struct unique u = { .files = files, .key = key, .arena = arena };
	struct bytes name;
	bool ok = true;

	hash_set_init(&u.directories);
	hash_set_init(&u.taken);
	for (uint32_t i = 0; i < count; i++) {
		if (!files[i].pad)
			directory_hash(&u, files[i].path, true, &name);
	}
	for (uint32_t i = 0; i < count && ok; i++) {
		if (files[i].pad)
			continue;
		const uint64_t directory = directory_hash(&u, files[i].path, false, &name);
		const uint64_t hash = chain(&u, directory, name);
		if (hash_set_has(&u.directories, hash) || !hash_set_add(&u.taken, hash))
			ok = rename_file(&u, i, directory, name);
	}
	free(u.directories.slots);
	free(u.taken.slots);
	return ok;
}
