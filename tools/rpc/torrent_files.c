/* tools/rpc/torrent_files.c: what touches a torrent's content: torrent-remove,
 * torrent-set-location, torrent-rename-path. The disk work is a worker's; the
 * answer comes when that is done. */
#include "tools/rpc/internal.h"

#include "proto/memory.h"
#include "tools/daemon/log.h"
#include "tools/rpc/own_files.h"

#include <stdlib.h>
#include <time.h>

static bool is_true(const json_t *value)
{
	return json_is_true(value) || json_integer_value(value) != 0;
}

/* ---- many torrents' content, one after another ---- */

struct batch_item {
	struct own_files content;  /* owned */
	uint8_t info_hash[SHA1_SIZE];
	int64_t number;
	bool good;
	char reason[OWN_FILES_REASON_MAX];
};

struct batch {
	struct batch_item *items; /* owned */
	uint32_t count;
	char *location;           /* owned; NULL: delete */
	bool move;                /* false: only look elsewhere */
};

static struct batch *batch_new(struct rpc *r, struct rpc_torrent *const *chosen, uint32_t count,
                               const char *location, bool move)
{
	struct batch *b = memory_zeroed(1, sizeof *b);

	b->items = memory_zeroed(count + 1, sizeof *b->items);
	b->location = location == NULL ? NULL : memory_copy_text(location);
	b->move = move;
	for (uint32_t i = 0; i < count; i++) {
		const struct state_record *record = torrents_record(r->torrents, chosen[i]->id);
		struct batch_item *item = &b->items[b->count];

		if (record == NULL)
			continue;
		own_files_init(&item->content, session_metainfo(host_session(r->host), chosen[i]->id),
		             record->directory);
		memcpy(item->info_hash, chosen[i]->info_hash, SHA1_SIZE);
		item->number = chosen[i]->number;
		b->count++;
	}
	return b;
}

static void batch_free(struct batch *b)
{
	for (uint32_t i = 0; i < b->count; i++)
		own_files_deinit(&b->items[i].content);
	free(b->items);
	free(b->location);
	free(b);
}

static void batch_work(void *context)
{
	struct batch *b = context;

	for (uint32_t i = 0; i < b->count; i++) {
		struct batch_item *item = &b->items[i];

		if (b->location == NULL)
			item->good = own_files_delete(&item->content, item->reason);
		else
			item->good = !b->move || own_files_move(&item->content, b->location, item->reason);
	}
}

/* ---- remove ---- */

static const char *deleted(struct rpc_call *c, void *context)
{
	struct batch *b = context;

	(void)c;
	for (uint32_t i = 0; i < b->count; i++)
		if (!b->items[i].good)
			log_line(LOG_LEVEL_WARNING, "RPC: not deleted: %s", b->items[i].reason);
	batch_free(b);
	return "success";
}

const char *rpc_torrent_remove(struct rpc_call *c)
{
	struct rpc *r = c->rpc;
	const json_t *ids = json_object_get(c->arguments, "ids");
	bool data = is_true(json_object_get(c->arguments, "delete-local-data")), recent;
	struct rpc_torrent **chosen;
	struct batch *b;
	uint32_t count;

	if (data && r->jobs >= RPC_JOBS_MAX)
		return "too many requests wait for the disk";
	chosen = rpc_table_select(r, ids, &count, &recent);
	b = data ? batch_new(r, chosen, count, NULL, false) : NULL;
	for (uint32_t i = 0; i < count; i++)
		if (!chosen[i]->moving)
			torrents_remove(r->torrents, chosen[i]->id);
	free(chosen);
	rpc_table_sync(r);
	if (b == NULL)
		return "success";
	/* What the session still has to say about these files, closing them, comes
	 * before the worker begins. */
	host_pump(r->host);
	rpc_call_defer(c, batch_work, deleted, b);
	return NULL;
}

/* ---- set-location ---- */

static const char *moved(struct rpc_call *c, void *context)
{
	struct batch *b = context;
	struct rpc *r = c->rpc;
	char reason[TORRENTS_REASON_MAX];
	const char *result = "success";

	for (uint32_t i = 0; i < b->count; i++) {
		struct batch_item *item = &b->items[i];
		struct rpc_torrent *t = rpc_table_find(r, item->number);

		if (!item->good) {
			log_line(LOG_LEVEL_ERROR, "RPC: not moved: %s", item->reason);
			result = "the content could not be moved";
		}
		if (!torrents_bring_back(r->torrents, item->info_hash,
		                         item->good ? b->location : item->content.root, reason))
			log_line(LOG_LEVEL_ERROR, "RPC: after moving: %s", reason);
		rpc_table_sync(r);
		if (t != NULL) {
			t->moving = false;
			t->edited_at = time(NULL);
			rpc_table_changed(r, t);
		}
	}
	batch_free(b);
	return result;
}

const char *rpc_torrent_set_location(struct rpc_call *c)
{
	struct rpc *r = c->rpc;
	const char *location = json_string_value(json_object_get(c->arguments, "location")), *problem;
	struct rpc_torrent **chosen;
	struct batch *b;
	uint32_t count;
	bool recent;

	if (location == NULL || *location == '\0')
		return "no location";
	problem = rpc_path_check(r, location, "new location path is not absolute");
	if (problem != NULL)
		return problem;
	if (r->jobs >= RPC_JOBS_MAX)
		return "too many requests wait for the disk";
	chosen = rpc_table_select(r, json_object_get(c->arguments, "ids"), &count, &recent);
	b = batch_new(r, chosen, count, location, is_true(json_object_get(c->arguments, "move")));
	for (uint32_t i = 0; i < count; i++) {
		if (torrents_record(r->torrents, chosen[i]->id) == NULL)
			continue;
		chosen[i]->moving = true;
		torrents_suspend(r->torrents, chosen[i]->id);
	}
	free(chosen);
	host_pump(r->host);
	rpc_call_defer(c, batch_work, moved, b);
	return NULL;
}

/* ---- rename ---- */

/* Names come from the info dictionary, which the engine follows to the letter. */
const char *rpc_torrent_rename_path(struct rpc_call *c)
{
	uint32_t count;
	bool recent;
	struct rpc_torrent **chosen =
		rpc_table_select(c->rpc, json_object_get(c->arguments, "ids"), &count, &recent);

	free(chosen);
	if (count != 1)
		return "torrent-rename-path requires 1 torrent";
	return "renaming is not supported";
}
