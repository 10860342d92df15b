/* tools/rpc/torrent_set.c: torrent-set: limits, labels, files. */
#include "tools/rpc/internal.h"

#include "proto/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* ---- files ---- */

static const struct file_list {
	const char *key;
	bool priority;   /* which of the two it sets, and to what */
	int8_t value;
} file_lists[] = {
	{ "files-unwanted", false, 0 }, { "files-wanted", false, 1 },
	{ "priority-high", true, 1 },   { "priority-low", true, -1 },
	{ "priority-normal", true, 0 },
};

static bool is_list_good(const json_t *list, uint32_t file_count)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *index = json_array_get(list, i);

		if (!json_is_integer(index) || json_integer_value(index) < 0 ||
		    json_integer_value(index) >= (json_int_t)file_count)
			return false;
	}
	return true;
}

/* An empty list means all files. */
static void set_list(struct rpc_torrent *t, const struct file_list *l, const json_t *list)
{
	size_t named = json_array_size(list), count = named == 0 ? t->file_count : named;

	for (size_t i = 0; i < count; i++) {
		size_t file = named == 0 ? i : (size_t)json_integer_value(json_array_get(list, i));

		if (l->priority)
			t->priorities[file] = l->value;
		else
			t->wanted[file] = (uint8_t)l->value;
	}
}

const char *rpc_torrent_set_files(struct rpc *r, struct rpc_torrent *t, const json_t *arguments)
{
	const struct metainfo *m = session_metainfo(host_session(r->host), t->id);
	bool any = false;

	for (size_t i = 0; i < sizeof file_lists / sizeof *file_lists; i++) {
		const json_t *list = json_object_get(arguments, file_lists[i].key);

		if (!json_is_array(list))
			continue;
		any = true;
		if (!is_list_good(list, m == NULL ? 0 : m->file_count))
			return "file index out of range";
	}
	if (!any || m == NULL)
		return NULL;
	record_make_files(t, m->file_count);
	for (size_t i = 0; i < sizeof file_lists / sizeof *file_lists; i++) {
		const json_t *list = json_object_get(arguments, file_lists[i].key);

		if (json_is_array(list))
			set_list(t, &file_lists[i], list);
	}
	return NULL;
}

/* ---- trackers ---- */

static const char *add_tracker(struct rpc *r, struct rpc_torrent *t, const json_t *url)
{
	const char *text = json_string_value(url), *reason = NULL;
	struct trackers *all = host_trackers(r->host);
	struct announce_status a;
	uint32_t count = all == NULL ? 0 : trackers_count(all, t->id), tier = 0;

	if (text == NULL)
		return "Invalid tracker list";
	for (uint32_t i = 0; i < count; i++) {
		trackers_status(all, t->id, i, &a);
		if (strcmp(a.url, text) == 0)
			return NULL;
		tier = a.tier >= tier ? a.tier + 1 : tier;
	}
	return host_add_tracker(r->host, t->id, text, tier, &reason) ? NULL : "Invalid tracker list";
}

static const char *set_trackers(struct rpc *r, struct rpc_torrent *t, const json_t *arguments)
{
	const json_t *more = json_object_get(arguments, "trackerAdd");
	const char *problem = NULL;

	if (json_object_get(arguments, "trackerRemove") != NULL ||
	    json_object_get(arguments, "trackerReplace") != NULL ||
	    json_object_get(arguments, "trackerList") != NULL)
		return "trackers can only be added";
	for (size_t i = 0; i < json_array_size(more) && problem == NULL; i++)
		problem = add_tracker(r, t, json_array_get(more, i));
	return problem;
}

/* ---- all of it ---- */

static const char *set_texts(struct rpc_torrent *t, const json_t *arguments)
{
	const json_t *labels = json_object_get(arguments, "labels");
	const char *group = json_string_value(json_object_get(arguments, "group"));
	const char *problem = NULL;

	if (json_is_array(labels))
		problem = record_set_labels(t, labels);
	if (problem == NULL && group != NULL) {
		if (strlen(group) >= RECORD_GROUP_MAX)
			return "the name of the group is too long";
		snprintf(t->group, sizeof t->group, "%s", group);
	}
	return problem;
}

static const char *set_one(struct rpc *r, struct rpc_torrent *t, const json_t *arguments)
{
	const char *problem = set_texts(t, arguments), *key;
	const json_t *position = json_object_get(arguments, "queuePosition");
	json_t *value;

	if (problem == NULL)
		problem = rpc_torrent_set_files(r, t, arguments);
	if (problem == NULL)
		problem = set_trackers(r, t, arguments);
	if (problem != NULL)
		return problem;
	json_object_foreach((json_t *)(uintptr_t)arguments, key, value) {
		const struct record_setting *s = record_find(
			strcmp(key, "sequentialDownload") == 0 ? "sequential_download" : key);

		if (s != NULL)
			record_set(t, s, value);
	}
	if (json_is_integer(position))
		rpc_queue_place(r, t, json_integer_value(position));
	t->edited_at = time(NULL);
	rpc_settings_apply_torrent(r, t);
	rpc_table_changed(r, t);
	return NULL;
}

const char *rpc_torrent_set(struct rpc_call *c)
{
	const char *problem = NULL;
	uint32_t count;
	bool recent;
	struct rpc_torrent **chosen =
		rpc_table_select(c->rpc, json_object_get(c->arguments, "ids"), &count, &recent);

	for (uint32_t i = 0; i < count && problem == NULL; i++)
		if (!chosen[i]->moving)
			problem = set_one(c->rpc, chosen[i], c->arguments);
	free(chosen);
	return problem == NULL ? "success" : problem;
}
