/* proto/metainfo.c: a .torrent file (BEP 3, 47, 52), checked.
 *
 * The info dictionary is copied whole, as it stands: its hash is the torrent's
 * name, so its bytes must never be made anew. All texts and arrays live in
 * one arena. What is kept is the reading; every claim of the file about sizes
 * was compared with what it brought along. */
#include "proto/metainfo.h"

#include "proto/arena.h"
#include "proto/bencode.h"
#include "proto/memory.h"
#include "proto/metainfo_outer.h"
#include "proto/path.h"
#include "proto/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct parse {
	struct metainfo *m;
	struct arena *arena;
	struct bencode doc;
	uint32_t info;   /* token of the info dictionary */
	size_t path_sum; /* bytes of all paths so far */
	char *reason;    /* METAINFO_REASON_MAX */
};

__attribute__((format(printf, 2, 3)))
static bool refuse(struct parse *p, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(p->reason, METAINFO_REASON_MAX, format, arguments);
	va_end(arguments);
	return false;
}

static bool is_utf8_list(const struct parse *p, uint32_t list)
{
	struct bytes name;

	if (list == BENCODE_NONE || bencode_type(&p->doc, list) != BENCODE_LIST)
		return false;
	for (uint32_t t = bencode_first(&p->doc, list); t != BENCODE_NONE;
	     t = bencode_after(&p->doc, list, t)) {
		if (!bencode_string(&p->doc, t, &name) || !utf8_is_valid(name))
			return false;
	}
	return bencode_first(&p->doc, list) != BENCODE_NONE;
}

/* Reads path.utf-8 when it is good, else path. */
static bool read_path(struct parse *p, uint32_t file, uint32_t index, struct path *path)
{
	const uint32_t utf8 = bencode_find(&p->doc, file, "path.utf-8");
	uint32_t list = bencode_find(&p->doc, file, "path");

	path_init(path);
	path_append(path, bytes_of_text(p->m->name));
	if (list == BENCODE_NONE || is_utf8_list(p, utf8))
		list = utf8;
	if (list == BENCODE_NONE && p->m->files[index].pad) {
		/* BEP 47: pad files need no path. */
		path_append(path, bytes_of_text(".pad"));
		return true;
	}
	if (list == BENCODE_NONE || bencode_type(&p->doc, list) != BENCODE_LIST)
		return refuse(p, "info.files[%u].path: missing or not a list", index);
	if (bencode_first(&p->doc, list) == BENCODE_NONE)
		return refuse(p, "info.files[%u].path: empty", index);
	for (uint32_t t = bencode_first(&p->doc, list); t != BENCODE_NONE;
	     t = bencode_after(&p->doc, list, t)) {
		struct bytes name;
		if (!bencode_string(&p->doc, t, &name))
			return refuse(p, "info.files[%u].path: not a list of strings", index);
		const char *error = path_append(path, name);
		if (error != NULL)
			return refuse(p, "info.files[%u].path: %s", index, error);
	}
	p->path_sum += path->size;
	if (p->path_sum > METAINFO_PATHS_MAX)
		return refuse(p, "info.files[%u].path: paths take too much memory", index);
	return true;
}

static bool has_attribute(struct bytes attr, char letter)
{
	return attr.size != 0 && memchr(attr.data, letter, attr.size) != NULL;
}

/* Length and attributes of a file whose dictionary is token (for a single
 * file, info itself); where is its name in reasons. */
static bool read_file(struct parse *p, uint32_t token, const char *where, struct metainfo_file *file)
{
	int64_t length = 0;
	struct bytes attr = bytes_of(NULL, 0);

	bencode_find_string(&p->doc, token, "attr", &attr);
	const bool link = has_attribute(attr, 'l');
	file->pad = has_attribute(attr, 'p') || link;
	file->executable = has_attribute(attr, 'x');
	/* BEP 47: a link's length is zero, said or not. */
	if (!link && !bencode_find_int(&p->doc, token, "length", &length))
		return refuse(p, "%s.length: missing or not a number", where);
	if (length < 0)
		return refuse(p, "%s.length: negative", where);
	file->length = (uint64_t)length;
	file->offset = p->m->total;
	if (__builtin_add_overflow(p->m->total, file->length, &p->m->total) ||
	    p->m->total > INT64_MAX)
		return refuse(p, "%s.length: the sum of lengths is out of range", where);
	return true;
}

static bool read_files(struct parse *p, uint32_t list)
{
	struct metainfo *m = p->m;
	const uint32_t count = p->doc.tokens[list].children;
	uint32_t i = 0;

	if (count == 0)
		return refuse(p, "info.files: empty");
	if (count > METAINFO_FILES_MAX)
		return refuse(p, "info.files: %u files, more than %d", count, METAINFO_FILES_MAX);
	m->multi_file = true;
	m->files = arena_alloc(p->arena, count, sizeof(*m->files));
	for (uint32_t t = bencode_first(&p->doc, list); t != BENCODE_NONE;
	     t = bencode_after(&p->doc, list, t), i++) {
		char where[32];
		struct path path;
		snprintf(where, sizeof(where), "info.files[%u]", i);
		if (bencode_type(&p->doc, t) != BENCODE_DICT)
			return refuse(p, "%s: not a dictionary", where);
		if (!read_file(p, t, where, &m->files[i]) || !read_path(p, t, i, &path))
			return false;
		m->files[i].path = arena_copy(p->arena, bytes_of(path.text, path.size));
	}
	m->file_count = count;
	/* The key is a hash over all the paths: they cannot be chosen to collide
	 * under it. */
	if (!paths_make_unique(m->files, count, m->info_hash, p->arena))
		return refuse(p, "info.files: two files on one path, too long to rename");
	return true;
}

static bool read_single_file(struct parse *p)
{
	struct metainfo *m = p->m;

	m->files = arena_alloc(p->arena, 1, sizeof(*m->files));
	if (!read_file(p, p->info, "info", &m->files[0]))
		return false;
	m->files[0].pad = false; /* padding of what? */
	m->files[0].path = m->name;
	m->file_count = 1;
	return true;
}

static bool read_name(struct parse *p)
{
	char name[METAINFO_NAME_MAX + 1], hex[HEX_SHA1];
	struct bytes raw;

	if (!(bencode_find_string(&p->doc, p->info, "name.utf-8", &raw) && raw.size != 0 &&
	      utf8_is_valid(raw)) &&
	    !bencode_find_string(&p->doc, p->info, "name", &raw))
		return refuse(p, "info.name: missing or not a string");
	if (raw.size == 0)
		raw = bytes_of_text(hex_encode(bytes_of(p->m->info_hash, SHA1_SIZE), hex));
	metainfo_sanitise_name(raw, name);
	p->m->name = arena_copy(p->arena, bytes_of_text(name));
	return true;
}

static bool read_piece_length(struct parse *p)
{
	int64_t length;

	if (!bencode_find_int(&p->doc, p->info, "piece length", &length))
		return refuse(p, "info.piece length: missing or not a number");
	if (length < METAINFO_PIECE_LENGTH_MIN || length > METAINFO_PIECE_LENGTH_MAX)
		return refuse(p, "info.piece length: %lld is not from %d to %d", (long long)length,
		              METAINFO_PIECE_LENGTH_MIN, METAINFO_PIECE_LENGTH_MAX);
	p->m->piece_length = (uint32_t)length;
	return true;
}

/* A torrent of empty files has nothing to trade, and no client can join it. */
static bool check_content(struct parse *p)
{
	for (uint32_t i = 0; i < p->m->file_count; i++) {
		if (p->m->files[i].length != 0 && !p->m->files[i].pad)
			return true;
	}
	return refuse(p, "info.%s: no file has any content", p->m->multi_file ? "files" : "length");
}

static bool read_pieces(struct parse *p)
{
	struct metainfo *m = p->m;
	struct bytes pieces;
	const uint64_t count = m->total / m->piece_length + (m->total % m->piece_length != 0);

	if (count > METAINFO_PIECES_MAX)
		return refuse(p, "info.piece length: makes %llu pieces, more than %d",
		              (unsigned long long)count, METAINFO_PIECES_MAX);
	if (!bencode_find_string(&p->doc, p->info, "pieces", &pieces))
		return refuse(p, "info.pieces: missing or not a string");
	if (pieces.size % SHA1_SIZE != 0)
		return refuse(p, "info.pieces: %zu bytes are no whole number of hashes", pieces.size);
	if (pieces.size / SHA1_SIZE != count)
		return refuse(p, "info.pieces: %zu hashes for %llu pieces", pieces.size / SHA1_SIZE,
		              (unsigned long long)count);
	const struct bytes raw = bencode_raw(&p->doc, p->info);
	m->pieces = m->info.data + (pieces.data - raw.data);
	m->piece_count = (uint32_t)count;
	return true;
}

/* BEP 52. A hybrid has the v1 keys too, and those are what we use. */
static bool check_version(struct parse *p)
{
	int64_t version = 1;
	const bool has_pieces = bencode_find(&p->doc, p->info, "pieces") != BENCODE_NONE;

	if (bencode_find_int(&p->doc, p->info, "meta version", &version) && version > 1 && !has_pieces)
		return refuse(p, "info.meta version: %lld without v1 data; only v1 and hybrid torrents "
		                 "can be read", (long long)version);
	p->m->hybrid = version == 2;
	return true;
}

static bool read_layout(struct parse *p)
{
	const uint32_t files = bencode_find(&p->doc, p->info, "files");
	const bool has_length = bencode_find(&p->doc, p->info, "length") != BENCODE_NONE;

	if (files != BENCODE_NONE && has_length)
		return refuse(p, "info: both length and files");
	if (files == BENCODE_NONE && !has_length)
		return refuse(p, "info: neither length nor files");
	if (files == BENCODE_NONE)
		return read_single_file(p);
	if (bencode_type(&p->doc, files) != BENCODE_LIST)
		return refuse(p, "info.files: not a list");
	return read_files(p, files);
}

static bool read_info(struct parse *p)
{
	struct metainfo *m = p->m;
	const struct bytes raw = bencode_raw(&p->doc, p->info);
	const uint32_t private = bencode_find(&p->doc, p->info, "private");
	int64_t value;

	if (raw.size > METAINFO_INFO_MAX)
		return refuse(p, "info: %zu bytes, more than %d", raw.size, METAINFO_INFO_MAX);
	sha1(raw, m->info_hash);
	m->info = bytes_of(arena_copy(p->arena, raw), raw.size);
	/* Anything but a plain 0 counts: a leak cannot be taken back. */
	m->is_private = private != BENCODE_NONE &&
	                !(bencode_int(&p->doc, private, &value) && value == 0);
	return check_version(p) && read_name(p) && read_piece_length(p) && read_layout(p) &&
	       check_content(p) && read_pieces(p);
}

static bool is_blank(struct bytes rest)
{
	for (size_t i = 0; i < rest.size; i++) {
		if (rest.data[i] != '\n' && rest.data[i] != '\r' && rest.data[i] != ' ' &&
		    rest.data[i] != '\t')
			return false;
	}
	return true;
}

/* Tokens are the caller's to free, after either outcome. */
static bool tokenise(struct parse *p, struct bytes input, struct bencode_token **tokens)
{
	uint32_t count = bencode_count_bound(input);

	if (count > METAINFO_TOKENS_MAX)
		count = METAINFO_TOKENS_MAX;
	*tokens = memory_alloc(count * sizeof(**tokens));
	if (!bencode_parse(&p->doc, input, *tokens, count, BENCODE_TRAILING))
		return refuse(p, "bencode: %s, at byte %zu", p->doc.error, p->doc.error_at);
	const size_t end = p->doc.tokens[0].end;
	if (!is_blank(bytes_of(input.data + end, input.size - end)))
		return refuse(p, "bencode: bytes behind the value, at byte %zu", end);
	if (bencode_type(&p->doc, 0) != BENCODE_DICT)
		return refuse(p, "bencode: not a dictionary");
	return true;
}

static void parse_begin(struct parse *p, struct metainfo *m, char *reason)
{
	*m = (struct metainfo){ .memory = NULL };
	*p = (struct parse){ .m = m, .arena = arena_new(), .reason = reason };
	m->memory = p->arena;
	reason[0] = '\0';
}

static bool parse_whole(struct parse *p)
{
	p->info = bencode_find_typed(&p->doc, 0, "info", BENCODE_DICT);
	if (p->info == BENCODE_NONE)
		return refuse(p, "info: missing or not a dictionary");
	if (!read_info(p))
		return false;
	metainfo_read_outer(p->m, &p->doc, p->arena);
	return true;
}

bool metainfo_parse(struct metainfo *m, struct bytes file, char reason[METAINFO_REASON_MAX])
{
	struct parse p;
	struct bencode_token *tokens = NULL;

	parse_begin(&p, m, reason);
	if (file.size > METAINFO_SIZE_MAX)
		return refuse(&p, "larger than %d bytes", METAINFO_SIZE_MAX);
	const bool ok = tokenise(&p, file, &tokens) && parse_whole(&p);
	free(tokens);
	return ok;
}

bool metainfo_parse_info(struct metainfo *m, struct bytes info, char reason[METAINFO_REASON_MAX])
{
	struct parse p;
	struct bencode_token *tokens = NULL;

	parse_begin(&p, m, reason);
	if (info.size > METAINFO_INFO_MAX)
		return refuse(&p, "info: %zu bytes, more than %d", info.size, METAINFO_INFO_MAX);
	bool ok = tokenise(&p, info, &tokens);
	if (ok && p.doc.tokens[0].end != info.size)
		ok = refuse(&p, "info: bytes behind the dictionary");
	p.info = 0;
	ok = ok && read_info(&p);
	free(tokens);
	return ok;
}

void metainfo_deinit(struct metainfo *m)
{
	arena_free(m->memory);
	*m = (struct metainfo){ .memory = NULL };
}

uint32_t metainfo_piece_size(const struct metainfo *m, uint32_t piece)
{
	assert(piece < m->piece_count);
	const uint64_t begin = (uint64_t)piece * m->piece_length;
	const uint64_t left = m->total - begin;
	return left < m->piece_length ? (uint32_t)left : m->piece_length;
}

const uint8_t *metainfo_piece_hash(const struct metainfo *m, uint32_t piece)
{
	assert(piece < m->piece_count);
	return m->pieces + (size_t)piece * SHA1_SIZE;
}

static void write_tiers(struct writer *w, const struct metainfo_tracker *trackers, uint32_t count)
{
	bencode_begin_list(w);
	for (uint32_t i = 0; i < count; i++) {
		if (i == 0 || trackers[i].tier != trackers[i - 1].tier)
			bencode_begin_list(w);
		bencode_put_text(w, trackers[i].url);
		if (i + 1 == count || trackers[i + 1].tier != trackers[i].tier)
			bencode_end(w);
	}
	bencode_end(w);
}

uint8_t *metainfo_wrap(struct bytes info, const struct metainfo_tracker *trackers,
                       uint32_t tracker_count, size_t *size)
{
	size_t capacity = info.size + 64;
	struct writer w;

	/* Each at most twice, with its length and the ends of its tier. */
	for (uint32_t i = 0; i < tracker_count; i++)
		capacity += 2 * (strlen(trackers[i].url) + 24);
	uint8_t *out = memory_alloc(capacity);
	writer_init(&w, out, capacity);
	bencode_begin_dict(&w);
	if (tracker_count != 0) {
		bencode_put_key(&w, "announce");
		bencode_put_text(&w, trackers[0].url);
	}
	if (tracker_count > 1) {
		bencode_put_key(&w, "announce-list");
		write_tiers(&w, trackers, tracker_count);
	}
	bencode_put_key(&w, "info");
	write_bytes(&w, info);
	bencode_end(&w);
	assert(!w.failed);
	*size = w.used;
	return out;
}
