/* tools/rpc/torrent_add.c: torrent-add: a magnet link, a torrent file's bytes,
 * or a path of one on this machine. */
#include "tools/rpc/internal.h"

#include "proto/magnet.h"
#include "proto/memory.h"
#include "proto/metainfo.h"
#include "tools/daemon/log.h"
#include "tools/io/files.h"

#include <stdio.h>
#include <stdlib.h>

/* The bytes that base64 text stands for, line breaks and missing padding
 * forgiven; NULL: it is none. */
static uint8_t *decode_base64(const char *text, size_t *size)
{
	static const int variants[] = { sodium_base64_VARIANT_ORIGINAL,
		                        sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
		                        sodium_base64_VARIANT_URLSAFE };
	size_t length = strlen(text), room = length / 4 * 3 + 3;
	uint8_t *out = memory_alloc(room + 1);

	for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
		if (sodium_base642bin(out, room, text, length, " \t\r\n", size, NULL, variants[i]) == 0)
			return out;
	free(out);
	return NULL;
}

/* The info-hash of what is to be added; false: it is neither. */
static bool hash_of(const char *magnet, struct bytes file, uint8_t hash[SHA1_SIZE])
{
	char reason[METAINFO_REASON_MAX];
	struct metainfo m = { 0 };
	struct magnet g = { 0 };
	bool good;

	_Static_assert((int)MAGNET_REASON_MAX <= (int)METAINFO_REASON_MAX, "reasons fit");
	if (magnet != NULL) {
		good = magnet_parse(&g, magnet, reason) && g.has_info_hash;
		memcpy(hash, g.info_hash, SHA1_SIZE);
		magnet_deinit(&g);
		return good;
	}
	good = metainfo_parse(&m, file, reason);
	if (good)
		memcpy(hash, m.info_hash, SHA1_SIZE);
	metainfo_deinit(&m);
	return good;
}

static void print_added(struct rpc_call *c, const char *key, const struct rpc_torrent *t)
{
	struct torrent_status s = { .name = "" };
	char hex[HEX_SHA1];

	session_status(host_session(c->rpc->host), t->id, &s, host_now(c->rpc->host));
	json_out_key(&c->out, key);
	json_out_begin(&c->out, '{');
	json_out_key(&c->out, "hashString");
	json_out_text(&c->out, hex_encode(bytes_of(t->info_hash, SHA1_SIZE), hex));
	json_out_key(&c->out, "id");
	json_out_int(&c->out, t->number);
	json_out_key(&c->out, "name");
	json_out_text(&c->out, s.name);
	json_out_end(&c->out, '}');
}

/* What may be said of a torrent with torrent-add too. */
static void apply_settings(struct rpc_call *c, struct rpc_torrent *t)
{
	static const char *const keys[] = { "bandwidthPriority", "peer-limit",
		                            "sequential_download" };
	const json_t *labels = json_object_get(c->arguments, "labels");

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		record_set(t, record_find(keys[i]), json_object_get(c->arguments, keys[i]));
	if (json_is_array(labels))
		record_set_labels(t, labels);
	rpc_torrent_set_files(c->rpc, t, c->arguments);
	rpc_settings_apply_torrent(c->rpc, t);
	rpc_table_changed(c->rpc, t);
}

static const char *add(struct rpc_call *c, const char *magnet, struct bytes file)
{
	struct rpc *r = c->rpc;
	char reason[TORRENTS_REASON_MAX], hex[HEX_SHA1];
	const char *directory = json_string_value(json_object_get(c->arguments, "download-dir"));
	const json_t *paused = json_object_get(c->arguments, "paused");
	struct torrents_choice choice = {
		.directory = directory != NULL && *directory != '\0' ? directory
		                                                     : rpc_setting_text(r, "download-dir"),
		.paused = paused != NULL ? json_is_true(paused) || json_integer_value(paused) != 0
		                         : !rpc_setting_bool(r, "start-added-torrents"),
	};
	enum torrents_outcome outcome;
	struct rpc_torrent *t;
	uint8_t hash[SHA1_SIZE];

	if (!hash_of(magnet, file, hash))
		return magnet != NULL ? "unrecognized info" : "invalid or corrupt torrent file";
	outcome = magnet != NULL ? torrents_add_magnet(r->torrents, magnet, &choice, reason)
	                         : torrents_add_file(r->torrents, file, &choice, reason);
	rpc_table_sync(r);
	t = rpc_table_find_hash(r, hex_encode(bytes_of(hash, SHA1_SIZE), hex));
	if ((outcome != TORRENTS_ADDED && outcome != TORRENTS_KNOWN) || t == NULL) {
		log_line(LOG_LEVEL_ERROR, "RPC: torrent not added: %s", reason);
		return "the torrent could not be saved";
	}
	if (outcome == TORRENTS_ADDED) {
		t->started_at = choice.paused ? 0 : t->changed_at;
		apply_settings(c, t);
		log_line(LOG_LEVEL_INFO, "%s: added by RPC", hex);
	}
	print_added(c, outcome == TORRENTS_ADDED ? "torrent-added" : "torrent-duplicate", t);
	return "success";
}

/* A torrent file on this machine, read by a worker. */
struct reading {
	char *path; /* owned */
	uint8_t *file;
	size_t size;
};

static void reading_work(void *context)
{
	struct reading *job = context;
	char reason[FILES_REASON_MAX];

	job->file = files_load(job->path, METAINFO_SIZE_MAX, &job->size, reason);
}

static const char *reading_done(struct rpc_call *c, void *context)
{
	struct reading *job = context;
	/* Whatever else the file is, nobody learns it from here. */
	const char *result = "invalid or corrupt torrent file";

	if (job->file != NULL)
		result = add(c, NULL, bytes_of(job->file, job->size));
	free(job->file);
	free(job->path);
	free(job);
	return result;
}

static const char *add_path(struct rpc_call *c, const char *path)
{
	struct reading *job;

	if (path[0] != '/')
		return "unrecognized info";
	job = memory_zeroed(1, sizeof *job);
	job->path = memory_copy_text(path);
	if (rpc_call_defer(c, reading_work, reading_done, job))
		return NULL;
	free(job->path);
	free(job);
	return "too many requests wait for the disk";
}

const char *rpc_torrent_add(struct rpc_call *c)
{
	const char *filename = json_string_value(json_object_get(c->arguments, "filename"));
	const char *metainfo = json_string_value(json_object_get(c->arguments, "metainfo"));
	const char *directory = json_string_value(json_object_get(c->arguments, "download-dir"));
	const char *problem = NULL, *result;
	uint8_t *file, hash[SHA1_SIZE];
	size_t size;

	if (filename == NULL && metainfo == NULL)
		return "no filename or metainfo specified";
	if (directory != NULL && *directory != '\0')
		problem = rpc_path_check(c->rpc, directory, "download directory path is not absolute");
	if (problem != NULL)
		return problem;
	if (metainfo == NULL || *metainfo == '\0') {
		if (filename == NULL || *filename == '\0')
			return "no filename or metainfo specified";
		if (hash_of(filename, bytes_of(NULL, 0), hash))
			return add(c, filename, bytes_of(NULL, 0));
		return add_path(c, filename);
	}
	file = decode_base64(metainfo, &size);
	if (file == NULL)
		return "invalid or corrupt torrent file";
	result = add(c, NULL, bytes_of(file, size));
	free(file);
	return result;
}
