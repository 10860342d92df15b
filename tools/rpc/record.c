/* tools/rpc/record.c: see record.h. */
#include "tools/rpc/record.h"

#include "proto/memory.h"
#include "tools/rpc/json_out.h"

#include <stdio.h>
#include <stdlib.h>

enum { PEER_LIMIT_DEFAULT = 100, RATE_DEFAULT = 100, IDLE_DEFAULT = 30 };

#define FIELD(name, kind, field, min, max) \
	{ name, kind, offsetof(struct rpc_torrent, field), min, max }

const struct record_setting record_settings[] = {
	FIELD("bandwidthPriority", RECORD_INT, bandwidth_priority, -1, 1),
	FIELD("downloadLimit", RECORD_INT, download_limit, 0, INT32_MAX),
	FIELD("downloadLimited", RECORD_BOOL, download_limited, 0, 1),
	FIELD("honorsSessionLimits", RECORD_BOOL, honors_session_limits, 0, 1),
	FIELD("peer-limit", RECORD_INT, peer_limit, 1, UINT16_MAX),
	FIELD("seedIdleLimit", RECORD_INT, idle_limit, 0, UINT16_MAX),
	FIELD("seedIdleMode", RECORD_INT, idle_mode, 0, 2),
	FIELD("seedRatioLimit", RECORD_REAL, ratio_limit, 0, INT32_MAX),
	FIELD("seedRatioMode", RECORD_INT, ratio_mode, 0, 2),
	FIELD("sequential_download", RECORD_BOOL, sequential, 0, 1),
	FIELD("uploadLimit", RECORD_INT, upload_limit, 0, INT32_MAX),
	FIELD("uploadLimited", RECORD_BOOL, upload_limited, 0, 1),
};
const size_t record_settings_count = sizeof record_settings / sizeof *record_settings;

/* Only kept. */
static const struct record_setting counted[] = {
	FIELD("activity", RECORD_INT, activity_at, 0, INT64_MAX),
	FIELD("done", RECORD_INT, done_at, 0, INT64_MAX),
	FIELD("downloaded", RECORD_INT, downloaded_before, 0, INT64_MAX),
	FIELD("edited", RECORD_INT, edited_at, 0, INT64_MAX),
	FIELD("finished", RECORD_BOOL, finished, 0, 1),
	FIELD("queue", RECORD_INT, queue, 0, INT64_MAX),
	FIELD("secondsDownloading", RECORD_INT, seconds_down, 0, INT64_MAX),
	FIELD("secondsSeeding", RECORD_INT, seconds_seed, 0, INT64_MAX),
	FIELD("started", RECORD_INT, started_at, 0, INT64_MAX),
	FIELD("uploaded", RECORD_INT, uploaded_before, 0, INT64_MAX),
	FIELD("wasted", RECORD_INT, wasted_before, 0, INT64_MAX),
};

struct rpc_torrent *record_new(const uint8_t info_hash[SHA1_SIZE], torrent_id id, int64_t now)
{
	struct rpc_torrent *t = memory_zeroed(1, sizeof *t);

	memcpy(t->info_hash, info_hash, SHA1_SIZE);
	t->id = id;
	t->download_limit = t->upload_limit = RATE_DEFAULT;
	t->peer_limit = PEER_LIMIT_DEFAULT;
	t->honors_session_limits = true;
	t->idle_limit = IDLE_DEFAULT;
	t->ratio_limit = 2;
	t->changed_at = t->looked_at = t->seed_moved_at = now;
	t->queue = INT64_MAX; /* the last */
	return t;
}

void record_free(struct rpc_torrent *t)
{
	json_decref(t->labels);
	free(t->wanted);
	free(t->priorities);
	free(t);
}

const struct record_setting *record_find(const char *name)
{
	for (size_t i = 0; i < record_settings_count; i++)
		if (strcmp(record_settings[i].name, name) == 0)
			return &record_settings[i];
	return NULL;
}

static void *field_of(struct rpc_torrent *t, const struct record_setting *s)
{
	return (char *)t + s->offset;
}

static const void *const_field_of(const struct rpc_torrent *t, const struct record_setting *s)
{
	return (const char *)t + s->offset;
}

void record_print(const struct rpc_torrent *t, const struct record_setting *s, struct json_out *o)
{
	const void *field = const_field_of(t, s);

	switch (s->kind) {
	case RECORD_BOOL:
		json_out_bool(o, *(const bool *)field);
		return;
	case RECORD_INT:
		json_out_int(o, *(const int64_t *)field);
		return;
	case RECORD_REAL:
		json_out_real(o, *(const double *)field);
		return;
	}
}

/* Programs send 1 for true, and reals where integers are meant. */
static bool set_bool(bool *field, const json_t *value)
{
	bool wanted;

	if (!json_is_boolean(value) && !json_is_integer(value))
		return false;
	wanted = json_is_boolean(value) ? json_is_true(value) : json_integer_value(value) != 0;
	if (*field == wanted)
		return false;
	*field = wanted;
	return true;
}

static bool set_int(int64_t *field, const json_t *value, int64_t min, int64_t max)
{
	int64_t wanted;

	if (json_is_integer(value))
		wanted = json_integer_value(value);
	else if (json_is_real(value) && json_real_value(value) > -1e15 && json_real_value(value) < 1e15)
		wanted = (int64_t)json_real_value(value);
	else
		return false;
	if (wanted < min || wanted > max || wanted == *field)
		return false;
	*field = wanted;
	return true;
}

static bool set_real(double *field, const json_t *value, int64_t min, int64_t max)
{
	double wanted = json_number_value(value);

	if (!json_is_number(value) || !(wanted >= (double)min && wanted <= (double)max))
		return false;
	*field = wanted;
	return true;
}

bool record_set(struct rpc_torrent *t, const struct record_setting *s, const json_t *value)
{
	void *field = field_of(t, s);

	switch (s->kind) {
	case RECORD_BOOL:
		return set_bool(field, value);
	case RECORD_INT:
		return set_int(field, value, s->min, s->max);
	case RECORD_REAL:
		return set_real(field, value, s->min, s->max);
	}
	return false;
}

const char *record_set_labels(struct rpc_torrent *t, const json_t *value)
{
	json_t *labels = json_array(), *label;
	const char *problem = NULL;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)value, i, label) {
		const char *text = json_string_value(label);

		if (text == NULL)
			continue;
		text += strspn(text, " \t\r\n");
		if (*text == '\0')
			problem = "labels cannot be empty";
		else if (strchr(text, ',') != NULL)
			problem = "labels cannot contain comma (,) character";
		else if (json_array_size(labels) < RECORD_LABELS_MAX && strlen(text) <= RECORD_LABEL_MAX)
			json_array_append_new(labels, json_string(text));
		if (problem != NULL)
			break;
	}
	if (problem != NULL) {
		json_decref(labels);
		return problem;
	}
	json_decref(t->labels);
	t->labels = labels;
	return NULL;
}

void record_make_files(struct rpc_torrent *t, uint32_t file_count)
{
	if (t->wanted != NULL && t->file_count == file_count)
		return;
	free(t->wanted);
	free(t->priorities);
	t->file_count = file_count;
	t->wanted = memory_zeroed(file_count + 1, 1);
	t->priorities = memory_zeroed(file_count + 1, 1);
	memset(t->wanted, 1, file_count);
}

/* ---- the file ---- */

static json_t *setting_to_json(const struct rpc_torrent *t, const struct record_setting *s)
{
	const void *field = const_field_of(t, s);

	switch (s->kind) {
	case RECORD_BOOL:
		return json_boolean(*(const bool *)field);
	case RECORD_INT:
		return json_integer(*(const int64_t *)field);
	case RECORD_REAL:
		return json_real(*(const double *)field);
	}
	return NULL;
}

json_t *record_to_json(const struct rpc_torrent *t)
{
	json_t *root = json_object(), *files;

	for (size_t i = 0; i < record_settings_count; i++)
		json_object_set_new(root, record_settings[i].name, setting_to_json(t, &record_settings[i]));
	for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
		json_object_set_new(root, counted[i].name, setting_to_json(t, &counted[i]));
	json_object_set_new(root, "group", json_string(t->group));
	if (t->labels != NULL)
		json_object_set(root, "labels", t->labels);
	if (t->wanted != NULL) {
		/* One number a file: its priority + 2, negative when it is not wanted. */
		files = json_array();
		for (uint32_t i = 0; i < t->file_count; i++)
			json_array_append_new(files, json_integer((t->priorities[i] + 2) *
			                                          (t->wanted[i] ? 1 : -1)));
		json_object_set_new(root, "files", files);
	}
	return root;
}

void record_from_json(struct rpc_torrent *t, const json_t *root)
{
	const json_t *files = json_object_get(root, "files");
	const char *group = json_string_value(json_object_get(root, "group"));

	for (size_t i = 0; i < record_settings_count; i++)
		record_set(t, &record_settings[i], json_object_get(root, record_settings[i].name));
	for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
		record_set(t, &counted[i], json_object_get(root, counted[i].name));
	if (group != NULL && strlen(group) < RECORD_GROUP_MAX)
		snprintf(t->group, sizeof t->group, "%s", group);
	if (json_is_array(json_object_get(root, "labels")))
		record_set_labels(t, json_object_get(root, "labels"));
	if (!json_is_array(files) || json_array_size(files) > METAINFO_FILES_MAX)
		return;
	record_make_files(t, (uint32_t)json_array_size(files));
	for (uint32_t i = 0; i < t->file_count; i++) {
		int64_t v = json_integer_value(json_array_get(files, i));

		t->wanted[i] = v > 0;
		v = v < 0 ? -v : v;
		t->priorities[i] = v >= 1 && v <= 3 ? (int8_t)(v - 2) : 0;
	}
}
