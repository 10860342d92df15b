/* tools/cli/create.c: shoal create: a .torrent and a magnet link from files.
 *
 * The torrent is v1 (BEP 3), as every client reads it. Before it is written
 * it goes through our own reader: nothing leaves that shoal would refuse. */
#include "tools/cli/cli.h"

#include "proto/bencode.h"
#include "proto/magnet.h"
#include "proto/memory.h"
#include "proto/metainfo.h"
#include "proto/url.h"
#include "proto/utf8.h"
#include "tools/cli/content.h"
#include "tools/cli/hashing.h"
#include "tools/cli/options.h"
#include "tools/cli/progress.h"
#include "tools/io/files.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	PIECE_LENGTH_MIN = 16 << 10,
	PIECE_LENGTH_AUTO_MAX = 16 << 20,
	PIECES_WANTED = 2000, /* at most, and at least half of it, where the limits allow */
};

struct create {
	const char *output, *name, *comment;
	uint64_t piece_length; /* 0: choose */
	struct text_list trackers, web_seeds;
	bool is_private, force, no_date, quiet;
	uint32_t threads; /* 0: one per core */
	const char *path; /* borrowed from argv */
	char *own_name, *own_output; /* owned: the defaults */
	struct content content;
	struct hashing hashing;
	uint8_t *pieces; /* owned */
	struct timespec started_at;
};

static const char create_purpose[] =
	"Make a .torrent from a file or a directory, and print its magnet link: the last\n"
	"line of the output. Symbolic links, sockets and devices below PATH are left out\n"
	"with a warning. A file that changes while it is read is an error.";

static const char create_notes[] =
	"Examples:\n"
	"  shoal create ~/album -o album.torrent\n"
	"  shoal create film.mkv --tracker udp://tracker.example:6969\n"
	"  link=$(shoal create -q ~/album -o album.torrent)\n"
	"\n"
	"Exit codes: 0 done, 1 error, 2 wrong usage\n";

static const char *last_name(const char *path, size_t *size)
{
	size_t end = strlen(path);

	while (end > 0 && path[end - 1] == '/')
		end--;
	size_t begin = end;
	while (begin > 0 && path[begin - 1] != '/')
		begin--;
	*size = end - begin;
	return path + begin;
}

/* The last name of PATH; of what it leads to when that is "." or "..". Owned
 * text, NULL when there is none. */
static char *default_name(const char *path)
{
	size_t size;
	const char *name = last_name(path, &size);
	char *real = NULL, *copy = NULL;

	if (size == 0 || (name[0] == '.' && (size == 1 || (size == 2 && name[1] == '.')))) {
		real = realpath(path, NULL);
		if (real != NULL)
			name = last_name(real, &size);
	}
	if (size != 0 && name[0] != '/') {
		copy = memory_alloc(size + 1);
		memcpy(copy, name, size);
		copy[size] = '\0';
	}
	free(real);
	return copy;
}

static int usage(const char *option, const char *what)
{
	return cli_fail(CLI_USAGE, "create", "%s: %s", option, what);
}

static int check_urls(const struct create *c)
{
	if (c->trackers.count > METAINFO_TRACKERS_MAX)
		return usage("--tracker", "given too often");
	if (c->web_seeds.count > METAINFO_URLS_MAX)
		return usage("--web-seed", "given too often");
	for (uint32_t i = 0; i < c->trackers.count; i++) {
		if (!url_is_tracker(bytes_of_text(c->trackers.texts[i]), METAINFO_URL_MAX))
			return usage(c->trackers.texts[i], "not a tracker's http://, https:// or udp:// URL");
	}
	for (uint32_t i = 0; i < c->web_seeds.count; i++) {
		if (!url_is_web(bytes_of_text(c->web_seeds.texts[i]), METAINFO_URL_MAX))
			return usage(c->web_seeds.texts[i], "not an http:// or https:// URL");
	}
	return CLI_OK;
}

static int check_options(struct create *c)
{
	char safe[METAINFO_NAME_MAX + 1];
	const long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (c->piece_length != 0 &&
	    (c->piece_length < PIECE_LENGTH_MIN || c->piece_length > METAINFO_PIECE_LENGTH_MAX ||
	     (c->piece_length & (c->piece_length - 1)) != 0))
		return usage("--piece-size", "not a power of two from 16K to 256M");
	if (c->threads > HASHING_THREADS_MAX)
		return usage("--threads", "more than 256");
	if (c->threads == 0)
		c->threads = cores < 1 ? 1 : cores > HASHING_THREADS_MAX ? HASHING_THREADS_MAX :
		                                                           (uint32_t)cores;
	if (c->comment != NULL && (!utf8_is_valid(bytes_of_text(c->comment)) ||
	                           strlen(c->comment) > METAINFO_TEXT_MAX))
		return usage("--comment", "not UTF-8 of at most 4096 bytes");
	if (c->name == NULL)
		c->name = c->own_name = default_name(c->path);
	if (c->name == NULL)
		return usage(c->path, "has no name; give --name");
	if (metainfo_sanitise_name(bytes_of_text(c->name), safe))
		return usage(c->name, "a torrent cannot have this name (see --name)");
	return check_urls(c);
}

/* Told before the hashing, not after it. */
static int check_directory(const char *output)
{
	size_t size;
	const char *name = last_name(output, &size);
	char *directory = name == output ? memory_copy_text(".") :
	                                   memory_copy(output, (size_t)(name - output) + 1);
	int code = CLI_OK;

	if (name != output)
		directory[name - output] = '\0';
	if (access(directory, W_OK | X_OK) != 0)
		code = cli_fail(CLI_ERROR, "create", "%s: %s", directory, strerror(errno));
	free(directory);
	return code;
}

static int check_output(struct create *c)
{
	struct stat seen;

	if (c->output == NULL) {
		const size_t size = strlen(c->name) + sizeof(".torrent");
		c->own_output = memory_alloc(size);
		snprintf(c->own_output, size, "%s.torrent", c->name);
		c->output = c->own_output;
	}
	if (stat(c->output, &seen) != 0) {
		if (errno == ENOENT)
			return check_directory(c->output);
		return cli_fail(CLI_ERROR, "create", "%s: %s", c->output, strerror(errno));
	}
	if (!S_ISREG(seen.st_mode))
		return cli_fail(CLI_ERROR, "create", "%s: not a file", c->output);
	if (!c->force)
		return cli_fail(CLI_ERROR, "create", "%s: exists already (--force replaces it)",
		                c->output);
	for (uint32_t i = 0; i < c->content.count; i++) {
		if (c->content.files[i].seen.st_ino == seen.st_ino &&
		    c->content.files[i].seen.st_dev == seen.st_dev)
			return cli_fail(CLI_ERROR, "create", "%s: lies inside of %s", c->output, c->path);
	}
	return CLI_OK;
}

/* The smallest power of two that makes at most PIECES_WANTED pieces. */
static uint32_t choose_piece_length(uint64_t total)
{
	uint32_t length = PIECE_LENGTH_MIN;

	while (length < PIECE_LENGTH_AUTO_MAX && total / length >= PIECES_WANTED)
		length *= 2;
	return length;
}

static void show_progress(void *context, uint64_t done)
{
	const struct create *c = context;
	struct timespec now;
	char rate[FORMAT_SIZE_MAX];

	clock_gettime(CLOCK_MONOTONIC, &now);
	const double seconds = (double)(now.tv_sec - c->started_at.tv_sec) +
	                       (double)(now.tv_nsec - c->started_at.tv_nsec) / 1e9;
	format_size(seconds > 0 ? (uint64_t)((double)done / seconds) : 0, rate);
	fprintf(stderr, "\rhashing %.1f %%  %s/s\x1b[K", progress_percent(done, c->content.total), rate);
	fflush(stderr);
}

static int hash_content(struct create *c)
{
	char reason[HASHING_REASON_MAX];
	const uint64_t total = c->content.total;
	const uint64_t length = c->piece_length != 0 ? c->piece_length : choose_piece_length(total);
	const uint64_t count = total / length + (total % length != 0);
	const bool terminal = isatty(STDERR_FILENO) == 1 && !c->quiet;

	if (count > METAINFO_PIECES_MAX)
		return cli_fail(CLI_ERROR, "create", "%s: %" PRIu64 " pieces, more than a torrent may "
		                "have; choose a larger --piece-size", c->path, count);
	c->pieces = memory_zeroed(count, SHA1_SIZE);
	c->hashing = (struct hashing){
		.content = &c->content,
		.piece_length = (uint32_t)length,
		.piece_count = (uint32_t)count,
		.threads = c->threads < count ? c->threads : (uint32_t)count,
		.pieces = c->pieces,
		.on_progress = terminal ? show_progress : NULL,
		.context = c,
	};
	clock_gettime(CLOCK_MONOTONIC, &c->started_at);
	const bool ok = hashing_run(&c->hashing, reason);
	if (terminal)
		fputs("\r\x1b[K", stderr);
	return ok ? CLI_OK : cli_fail(CLI_ERROR, "create", "%s", reason);
}

/* BEP 3: one string for each name of the path. */
static void write_path(struct writer *w, const char *path)
{
	bencode_begin_list(w);
	for (;;) {
		const char *slash = strchrnul(path, '/');
		bencode_put_string(w, bytes_of(path, (size_t)(slash - path)));
		if (*slash == '\0')
			break;
		path = slash + 1;
	}
	bencode_end(w);
}

static void write_files(struct writer *w, const struct content *content)
{
	bencode_put_key(w, "files");
	bencode_begin_list(w);
	for (uint32_t i = 0; i < content->count; i++) {
		bencode_begin_dict(w);
		bencode_put_key(w, "length");
		bencode_put_int(w, (int64_t)content->files[i].size);
		bencode_put_key(w, "path");
		write_path(w, content->files[i].path);
		bencode_end(w);
	}
	bencode_end(w);
}

static void write_info(struct writer *w, const struct create *c)
{
	const struct hashing *h = &c->hashing;

	bencode_begin_dict(w);
	if (c->content.is_directory) {
		write_files(w, &c->content);
	} else {
		bencode_put_key(w, "length");
		bencode_put_int(w, (int64_t)c->content.total);
	}
	bencode_put_key(w, "name");
	bencode_put_text(w, c->name);
	bencode_put_key(w, "piece length");
	bencode_put_int(w, h->piece_length);
	bencode_put_key(w, "pieces");
	bencode_put_string(w, bytes_of(c->pieces, (size_t)h->piece_count * SHA1_SIZE));
	if (c->is_private) {
		bencode_put_key(w, "private");
		bencode_put_int(w, 1);
	}
	bencode_end(w);
}

static void write_trackers(struct writer *w, const struct text_list *trackers)
{
	if (trackers->count == 0)
		return;
	bencode_put_key(w, "announce");
	bencode_put_text(w, trackers->texts[0]);
	if (trackers->count == 1)
		return;
	bencode_put_key(w, "announce-list"); /* BEP 12: each a tier of its own */
	bencode_begin_list(w);
	for (uint32_t i = 0; i < trackers->count; i++) {
		bencode_begin_list(w);
		bencode_put_text(w, trackers->texts[i]);
		bencode_end(w);
	}
	bencode_end(w);
}

static void write_torrent(struct writer *w, const struct create *c)
{
	bencode_begin_dict(w);
	write_trackers(w, &c->trackers);
	if (c->comment != NULL) {
		bencode_put_key(w, "comment");
		bencode_put_text(w, c->comment);
	}
	bencode_put_key(w, "created by");
	bencode_put_text(w, "shoal");
	if (!c->no_date) {
		bencode_put_key(w, "creation date");
		bencode_put_int(w, (int64_t)time(NULL));
	}
	bencode_put_key(w, "info");
	write_info(w, c);
	if (c->web_seeds.count != 0) {
		bencode_put_key(w, "url-list");
		bencode_begin_list(w);
		for (uint32_t i = 0; i < c->web_seeds.count; i++)
			bencode_put_text(w, c->web_seeds.texts[i]);
		bencode_end(w);
	}
	bencode_end(w);
}

/* Enough for write_torrent, whatever the texts are. */
static size_t torrent_size_bound(const struct create *c)
{
	size_t size = 4096 + strlen(c->name) + (size_t)c->hashing.piece_count * SHA1_SIZE;

	size += c->comment != NULL ? strlen(c->comment) : 0;
	for (uint32_t i = 0; i < c->trackers.count; i++)
		size += 2 * (strlen(c->trackers.texts[i]) + 24);
	for (uint32_t i = 0; i < c->web_seeds.count; i++)
		size += strlen(c->web_seeds.texts[i]) + 24;
	/* A name of n bytes takes n and its length: for one byte and its slash, 3. */
	for (uint32_t i = 0; i < c->content.count; i++)
		size += 64 + 3 * strlen(c->content.files[i].path);
	return size;
}

static int print_result(const struct create *c, const struct metainfo *m)
{
	char total[FORMAT_SIZE_MAX], hex[HEX_SHA1];
	char *link = magnet_format(m->info_hash, m->name, c->trackers.texts, c->trackers.count);

	if (!c->quiet)
		printf("%s: %" PRIu32 " file%s, %s, %" PRIu32 " piece%s of %" PRIu32 " KiB\n"
		       "info-hash %s\n",
		       c->output, m->file_count, m->file_count == 1 ? "" : "s",
		       format_size(m->total, total), m->piece_count, m->piece_count == 1 ? "" : "s",
		       m->piece_length >> 10, hex_encode(bytes_of(m->info_hash, SHA1_SIZE), hex));
	puts(link);
	free(link);
	return cli_finish_output("create");
}

static int save(const struct create *c)
{
	char reason[METAINFO_REASON_MAX], save_reason[FILES_REASON_MAX];
	const size_t size = torrent_size_bound(c);
	uint8_t *buffer = memory_alloc(size);
	struct metainfo m;
	struct writer w;
	int code = CLI_OK;

	writer_init(&w, buffer, size);
	write_torrent(&w, c);
	assert(!w.failed);
	if (!metainfo_parse(&m, writer_bytes(&w), reason))
		code = cli_fail(CLI_ERROR, "create", "%s: %s", c->path, reason);
	else if (!files_save(c->output, writer_bytes(&w), 0, save_reason))
		code = cli_fail(CLI_ERROR, "create", "%s", save_reason);
	else
		code = print_result(c, &m);
	metainfo_deinit(&m);
	free(buffer);
	return code;
}

static int create(struct create *c)
{
	int code = check_options(c);

	if (code != CLI_OK)
		return code;
	if (!content_walk(&c->content, "create", c->path))
		return CLI_ERROR;
	code = check_output(c);
	if (code != CLI_OK)
		return code;
	if (c->content.total == 0)
		return cli_fail(CLI_ERROR, "create", "%s: %s", c->path,
		                c->content.count == 0 ? "no files in it" : "nothing but empty files");
	if (c->is_private && c->trackers.count == 0)
		cli_warn("create", "a private torrent without a --tracker: nobody will find it");
	code = hash_content(c);
	return code != CLI_OK ? code : save(c);
}

int cli_create(int argc, char **argv)
{
	struct create *c = memory_zeroed(1, sizeof(*c));
	const struct option_spec options[] = {
		{ "output", 'o', OPTION_TEXT, &c->output, "FILE", "where to write (default: NAME.torrent)" },
		{ "force", 'f', OPTION_FLAG, &c->force, NULL, "replace FILE when it exists" },
		{ "name", 'n', OPTION_TEXT, &c->name, "NAME", "name in the torrent (default: PATH's last)" },
		{ "piece-size", 'p', OPTION_SIZE, &c->piece_length, "SIZE",
		  "a power of two, 16K to 256M (default: for 1000 to 2000 pieces)" },
		{ "tracker", 't', OPTION_TEXTS, &c->trackers, "URL", "announce to this too; repeatable" },
		{ "private", 0, OPTION_FLAG, &c->is_private, NULL, "only trackers may name peers (BEP 27)" },
		{ "comment", 'c', OPTION_TEXT, &c->comment, "TEXT", "a comment for people" },
		{ "web-seed", 'w', OPTION_TEXTS, &c->web_seeds, "URL", "the content by HTTP; repeatable" },
		{ "no-date", 0, OPTION_FLAG, &c->no_date, NULL, "leave out the time of creation" },
		{ "threads", 0, OPTION_COUNT, &c->threads, "N", "threads that hash (default: one per core)" },
		{ "quiet", 'q', OPTION_FLAG, &c->quiet, NULL, "print the magnet link alone" },
		{ 0 },
	};
	const struct command command = { .name = "create",
		                         .purpose = create_purpose,
		                         .usage = "PATH [-o OUT.torrent] [options]",
		                         .options = options,
		                         .notes = create_notes };
	char **operands;
	int count, code;

	c->content.root = -1;
	switch (options_parse(&command, argc, argv, &operands, &count)) {
	case OPTIONS_HELP:
		code = cli_finish_output("create");
		break;
	case OPTIONS_RUN:
		if (count == 1) {
			c->path = operands[0];
			code = create(c);
		} else {
			code = cli_fail(CLI_USAGE, "create", "%s (see --help)",
			                count == 0 ? "PATH is missing" : "more than one PATH");
		}
		break;
	case OPTIONS_WRONG:
	default:
		code = CLI_USAGE;
	}
	content_deinit(&c->content);
	free(c->pieces);
	free(c->own_name);
	free(c->own_output);
	free(c);
	return code;
}
