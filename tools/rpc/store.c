/* tools/rpc/store.c: DIR/rpc/: HASH.json for each torrent that has settings or
 * counts, session.json for the session's. Written whole and atomically on a
 * worker; a second change while that runs is written after it. */
#include "tools/rpc/internal.h"

#include "proto/memory.h"
#include "tools/daemon/log.h"
#include "tools/io/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { STORE_SIZE_MAX = 32 << 20 };

struct save {
	struct rpc *rpc;
	char *path, *content; /* owned */
	int64_t number;       /* of the torrent; 0: the session */
	bool good;
	char reason[FILES_REASON_MAX];
};

static char *path_of(const struct rpc *r, const uint8_t hash[SHA1_SIZE])
{
	char name[HEX_SHA1 + 8] = "session";

	if (hash != NULL)
		hex_encode(bytes_of(hash, SHA1_SIZE), name);
	strcat(name, ".json");
	return files_join(r->directory, name);
}

static void save_free(struct save *s)
{
	free(s->path);
	free(s->content);
	free(s);
}

static void save_work(void *context)
{
	struct save *s = context;

	s->good = files_save(s->path, bytes_of_text(s->content), 0, s->reason);
}

static void save_done(void *context)
{
	struct save *s = context;
	struct rpc *r = s->rpc;
	struct rpc_torrent *t = s->number != 0 ? rpc_table_find(r, s->number) : NULL;

	if (!s->good)
		log_line(LOG_LEVEL_WARNING, "RPC settings not saved: %s", s->reason);
	if (s->number == 0) {
		r->settings_saving = false;
		if (r->settings_dirty)
			rpc_store_save_settings(r);
	} else if (t != NULL) {
		t->saving = false;
		if (t->dirty)
			rpc_store_save(r, t);
	} else {
		unlink(s->path); /* it went while this was written */
	}
	save_free(s);
}

static struct save *save_new(struct rpc *r, const uint8_t hash[SHA1_SIZE], int64_t number,
                             json_t *root)
{
	struct save *s = memory_zeroed(1, sizeof *s);

	s->rpc = r;
	s->number = number;
	s->path = path_of(r, hash);
	s->content = json_dumps(root, JSON_INDENT(1) | JSON_SORT_KEYS);
	if (s->content == NULL)
		s->content = memory_copy_text("{}");
	json_decref(root);
	return s;
}

static struct save *torrent_save(struct rpc *r, struct rpc_torrent *t)
{
	struct torrent_status s;
	struct save *save;
	int64_t up = t->uploaded_before, down = t->downloaded_before, waste = t->wasted_before;

	if (session_status(host_session(r->host), t->id, &s, host_now(r->host))) {
		t->uploaded_before += (int64_t)s.uploaded;
		t->downloaded_before += (int64_t)s.downloaded;
		t->wasted_before += (int64_t)s.wasted;
	}
	save = save_new(r, t->info_hash, t->number, record_to_json(t));
	t->uploaded_before = up;
	t->downloaded_before = down;
	t->wasted_before = waste;
	t->dirty = false;
	return save;
}

void rpc_store_save(struct rpc *r, struct rpc_torrent *t)
{
	t->dirty = true;
	if (t->saving)
		return;
	t->saving = true;
	host_run_work(r->host, save_work, save_done, torrent_save(r, t));
}

static json_t *session_json(const struct rpc *r)
{
	json_t *root = json_object();

	json_object_set(root, "settings", r->settings);
	json_object_set(root, "groups", r->groups);
	return root;
}

void rpc_store_save_settings(struct rpc *r)
{
	r->settings_dirty = true;
	if (r->settings_saving)
		return;
	r->settings_saving = true;
	r->settings_dirty = false;
	host_run_work(r->host, save_work, save_done, save_new(r, NULL, 0, session_json(r)));
}

void rpc_store_drop(struct rpc *r, const struct rpc_torrent *t)
{
	char *path = path_of(r, t->info_hash);

	unlink(path);
	free(path);
}

static json_t *load(const char *path)
{
	char reason[FILES_REASON_MAX];
	json_error_t error;
	size_t size;
	uint8_t *file;
	json_t *root;

	if (access(path, F_OK) != 0)
		return NULL;
	file = files_load(path, STORE_SIZE_MAX, &size, reason);
	root = file == NULL ? NULL : json_loadb((const char *)file, size, JSON_REJECT_DUPLICATES, &error);
	if (root == NULL)
		log_line(LOG_LEVEL_WARNING, "RPC settings not read, defaults are used: %s",
		         file == NULL ? reason : path);
	free(file);
	return root;
}

void rpc_store_load(struct rpc *r, struct rpc_torrent *t)
{
	char *path = path_of(r, t->info_hash);
	json_t *root = load(path);

	if (root != NULL)
		record_from_json(t, root);
	json_decref(root);
	free(path);
}

void rpc_store_load_settings(struct rpc *r)
{
	char *path = path_of(r, NULL);
	json_t *root = load(path), *kept, *value;
	const char *key;

	kept = json_object_get(root, "settings");
	/* Only what we know, in the type that it has. */
	json_object_foreach(kept, key, value) {
		const json_t *ours = json_object_get(r->settings, key);

		if (ours != NULL && (json_typeof(ours) == json_typeof(value) ||
		                     (json_is_number(ours) && json_is_number(value)) ||
		                     (json_is_boolean(ours) && json_is_boolean(value))))
			json_object_set(r->settings, key, value);
	}
	if (json_is_array(json_object_get(root, "groups"))) {
		json_decref(r->groups);
		r->groups = json_incref(json_object_get(root, "groups"));
	}
	json_decref(root);
	free(path);
}

static void flush_one(struct rpc *r, struct save *s)
{
	(void)r;
	save_work(s);
	if (!s->good)
		log_line(LOG_LEVEL_WARNING, "RPC settings not saved: %s", s->reason);
	save_free(s);
}

void rpc_store_flush(struct rpc *r)
{
	if (r->settings_dirty || r->settings_saving)
		flush_one(r, save_new(r, NULL, 0, session_json(r)));
	for (uint32_t i = 0; i < r->count; i++) {
		struct rpc_torrent *t = r->list[i];

		if (t->dirty || t->saving || t->last_moved != 0)
			flush_one(r, torrent_save(r, t));
	}
}
