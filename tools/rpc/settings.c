/* tools/rpc/settings.c: the session's settings: their defaults in one table,
 * and what they do. Those that do nothing here yet are kept faithfully, for
 * programs that set a value and read it back. */
#include "tools/rpc/internal.h"

#include "proto/memory.h"

#include <stdlib.h>

/* Value as JSON. */
static const struct {
	const char *name, *value;
} defaults[] = {
	{ "alt-speed-down", "50" },
	{ "alt-speed-enabled", "false" },
	{ "alt-speed-time-begin", "540" },
	{ "alt-speed-time-day", "127" },
	{ "alt-speed-time-enabled", "false" },
	{ "alt-speed-time-end", "1020" },
	{ "alt-speed-up", "50" },
	{ "anti-brute-force-enabled", "true" },
	{ "anti-brute-force-threshold", "5" },
	{ "blocklist-enabled", "false" },
	{ "blocklist-url", "\"http://www.example.com/blocklist\"" },
	{ "cache-size-mb", "4" },
	{ "default-trackers", "\"\"" },
	{ "dht-enabled", "true" },
	{ "download-dir", "\"\"" },
	{ "download-queue-enabled", "false" },
	{ "download-queue-size", "5" },
	{ "encryption", "\"tolerated\"" },
	{ "idle-seeding-limit", "30" },
	{ "idle-seeding-limit-enabled", "false" },
	{ "incomplete-dir", "\"\"" },
	{ "incomplete-dir-enabled", "false" },
	{ "lpd-enabled", "false" },
	{ "peer-limit-global", "500" },
	{ "peer-limit-per-torrent", "100" },
	{ "peer-port", "0" },
	{ "peer-port-random-on-start", "false" },
	{ "pex-enabled", "true" },
	{ "port-forwarding-enabled", "false" },
	{ "queue-stalled-enabled", "true" },
	{ "queue-stalled-minutes", "30" },
	{ "rename-partial-files", "false" },
	{ "script-torrent-added-enabled", "false" },
	{ "script-torrent-added-filename", "\"\"" },
	{ "script-torrent-done-enabled", "false" },
	{ "script-torrent-done-filename", "\"\"" },
	{ "script-torrent-done-seeding-enabled", "false" },
	{ "script-torrent-done-seeding-filename", "\"\"" },
	{ "seed-queue-enabled", "false" },
	{ "seed-queue-size", "10" },
	{ "seedRatioLimit", "2.0" },
	{ "seedRatioLimited", "false" },
	{ "speed-limit-down", "100" },
	{ "speed-limit-down-enabled", "false" },
	{ "speed-limit-up", "100" },
	{ "speed-limit-up-enabled", "false" },
	{ "start-added-torrents", "true" },
	{ "trash-original-torrent-files", "false" },
	{ "utp-enabled", "false" },
};

static const char *encryption_name(enum encryption_policy policy)
{
	switch (policy) {
	case ENCRYPTION_REQUIRED:
		return "required";
	case ENCRYPTION_PREFERRED:
		return "preferred";
	case ENCRYPTION_OFF:
	case ENCRYPTION_ALLOWED:
		return "tolerated";
	}
	return "tolerated";
}

void rpc_settings_init(struct rpc *r)
{
	r->settings = json_object();
	r->groups = json_array();
	for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
		json_object_set_new(r->settings, defaults[i].name,
		                    json_loads(defaults[i].value, JSON_DECODE_ANY, NULL));
	json_object_set_new(r->settings, "download-dir", json_string(r->config.downloads));
	json_object_set_new(r->settings, "incomplete-dir", json_string(r->config.downloads));
}

void rpc_settings_pin(struct rpc *r)
{
	if (r->config.conns_max != 0)
		json_object_set_new(r->settings, "peer-limit-global", json_integer(r->config.conns_max));
	json_object_set_new(r->settings, "dht-enabled", json_boolean(r->config.dht));
	json_object_set_new(r->settings, "encryption",
	                    json_string(encryption_name(r->config.encryption)));
	json_object_set_new(r->settings, "peer-port", json_integer(host_port(r->host)));
}

bool rpc_setting_bool(const struct rpc *r, const char *key)
{
	return json_is_true(json_object_get(r->settings, key));
}

double rpc_setting_number(const struct rpc *r, const char *key)
{
	return json_number_value(json_object_get(r->settings, key));
}

const char *rpc_setting_text(const struct rpc *r, const char *key)
{
	const char *text = json_string_value(json_object_get(r->settings, key));

	return text == NULL ? "" : text;
}

static uint64_t rate_of(const struct rpc *r, const char *key)
{
	double rate = rpc_setting_number(r, key);

	return rate < 1 ? 1000 : (uint64_t)rate * 1000; /* 0 is no limit to the session */
}

/* 0 is no limit to the session. */
static uint64_t limit_of(bool limited, int64_t rate)
{
	return !limited ? 0 : rate < 1 ? 1 : (uint64_t)rate * 1000;
}

void rpc_settings_apply(struct rpc *r)
{
	uint64_t up = r->config.up_rate_max, down = r->config.down_rate_max;

	if (rpc_setting_bool(r, "alt-speed-enabled")) {
		up = rate_of(r, "alt-speed-up");
		down = rate_of(r, "alt-speed-down");
	} else {
		if (rpc_setting_bool(r, "speed-limit-up-enabled"))
			up = rate_of(r, "speed-limit-up");
		if (rpc_setting_bool(r, "speed-limit-down-enabled"))
			down = rate_of(r, "speed-limit-down");
	}
	session_set_rates(host_session(r->host), up, down, host_now(r->host));
}

/* A file that is not wanted is skipped; the others in three steps. */
static void apply_files(struct rpc *r, const struct rpc_torrent *t)
{
	uint8_t *steps;

	if (t->wanted == NULL)
		return;
	steps = memory_alloc(t->file_count + 1);
	for (uint32_t i = 0; i < t->file_count; i++)
		steps[i] = t->wanted[i] ? (uint8_t)(4 + 2 * t->priorities[i]) : 0;
	session_set_priorities(host_session(r->host), t->id, steps, host_now(r->host));
	free(steps);
}

void rpc_settings_apply_torrent(struct rpc *r, const struct rpc_torrent *t)
{
	struct session *s = host_session(r->host);
	const struct metainfo *m = session_metainfo(s, t->id);

	session_set_torrent_rates(s, t->id, limit_of(t->upload_limited, t->upload_limit),
	                          limit_of(t->download_limited, t->download_limit),
	                          host_now(r->host));
	session_set_sequential(s, t->id, t->sequential, host_now(r->host));
	if (m != NULL && m->file_count == t->file_count)
		apply_files(r, t);
}

static bool is_below(const char *path, const char *root)
{
	size_t size = strlen(root);

	while (size > 1 && root[size - 1] == '/')
		size--;
	if (strncmp(path, root, size) != 0)
		return false;
	return size == 1 || path[size] == '\0' || path[size] == '/';
}

const char *rpc_path_check(const struct rpc *r, const char *path, const char *not_absolute)
{
	if (path[0] != '/')
		return not_absolute;
	if (strlen(path) >= RPC_PATH_MAX || strstr(path, "/../") != NULL ||
	    (strlen(path) >= 3 && strcmp(path + strlen(path) - 3, "/..") == 0))
		return "the path is too long or has .. in it";
	if (is_below(path, r->config.downloads))
		return NULL;
	for (uint32_t i = 0; i < r->config.root_count; i++)
		if (is_below(path, r->config.roots[i]))
			return NULL;
	return "the path is outside the directories that RPC may use";
}
