/* tools/rpc/session_methods.c: session-get, -set, -stats, -close; free-space,
 * port-test, blocklist-update and the bandwidth groups. */
#include "tools/rpc/internal.h"

#include "proto/memory.h"
#include "tools/daemon/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define FREE_SPACE_PERIOD (10 * USEC_PER_SEC)
#define RPC_IDENTITY "4.0.6 (shoal 0.1.0)" /* programs look at the first number */

enum { RPC_VERSION = 17, RPC_VERSION_MINIMUM = 14, GROUPS_MAX = 64 };

/* ---- free space, never asked on the network thread ---- */

struct space {
	struct rpc *rpc;
	char *path; /* owned */
	int64_t available, total;
};

static void space_work(void *context)
{
	struct space *s = context;
	struct statvfs fs;

	s->available = s->total = -1;
	if (statvfs(s->path, &fs) != 0)
		return;
	s->available = (int64_t)(fs.f_bavail * fs.f_frsize);
	s->total = (int64_t)(fs.f_blocks * fs.f_frsize);
}

static void space_free(struct space *s)
{
	free(s->path);
	free(s);
}

static void on_space(void *context)
{
	struct space *s = context;

	s->rpc->free_space = s->available;
	s->rpc->free_space_asked = false;
	space_free(s);
}

static struct space *space_new(struct rpc *r, const char *path)
{
	struct space *s = memory_zeroed(1, sizeof *s);

	s->rpc = r;
	s->path = memory_copy_text(path);
	return s;
}

/* The last known one; a new look is taken when that is old. */
static int64_t free_space(struct rpc *r)
{
	usec now = host_now(r->host);

	if (!r->free_space_asked &&
	    (r->free_space < 0 || usec_since(r->free_space_at, now) >= FREE_SPACE_PERIOD)) {
		r->free_space_asked = true;
		r->free_space_at = now;
		host_run_work(r->host, space_work, on_space,
		              space_new(r, rpc_setting_text(r, "download-dir")));
	}
	return r->free_space;
}

static const char *space_done(struct rpc_call *c, void *context)
{
	struct space *s = context;

	json_out_key(&c->out, "path");
	json_out_text(&c->out, s->path);
	json_out_key(&c->out, "size-bytes");
	json_out_int(&c->out, s->available);
	json_out_key(&c->out, "total_size");
	json_out_int(&c->out, s->total);
	const char *result = s->available < 0 ? "No such file or directory" : "success";
	space_free(s);
	return result;
}

const char *rpc_free_space(struct rpc_call *c)
{
	const char *path = json_string_value(json_object_get(c->arguments, "path"));
	const char *problem;
	struct space *s;

	if (path == NULL || path[0] != '/')
		return "directory path is not absolute";
	problem = rpc_path_check(c->rpc, path, "directory path is not absolute");
	if (problem != NULL)
		return problem;
	s = space_new(c->rpc, path);
	if (rpc_call_defer(c, space_work, space_done, s))
		return NULL;
	space_free(s);
	return "too many requests wait for the disk";
}

/* ---- session-get ---- */

static void print_json(struct json_out *o, const json_t *value)
{
	if (json_is_boolean(value)) {
		json_out_bool(o, json_is_true(value));
	} else if (json_is_integer(value)) {
		json_out_int(o, json_integer_value(value));
	} else if (json_is_real(value)) {
		json_out_real(o, json_real_value(value));
	} else {
		json_out_text(o, json_string_value(value));
	}
}

static void print_units(struct json_out *o)
{
	static const struct {
		const char *what, *bytes;
		const char *units[4];
		int base;
	} kinds[] = {
		{ "memory", "memory-bytes", { "KiB", "MiB", "GiB", "TiB" }, 1024 },
		{ "size", "size-bytes", { "kB", "MB", "GB", "TB" }, 1000 },
		{ "speed", "speed-bytes", { "kB/s", "MB/s", "GB/s", "TB/s" }, 1000 },
	};
	char key[32];

	json_out_begin(o, '{');
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		json_out_key(o, kinds[i].bytes);
		json_out_int(o, kinds[i].base);
		snprintf(key, sizeof key, "%s-units", kinds[i].what);
		json_out_key(o, key);
		json_out_begin(o, '[');
		for (int u = 0; u < 4; u++)
			json_out_text(o, kinds[i].units[u]);
		json_out_end(o, ']');
	}
	json_out_end(o, '}');
}

/* Those that are no settings. False: it is none of them. */
static bool print_fact(struct rpc *r, struct json_out *o, const char *key)
{
	if (strcmp(key, "blocklist-size") == 0)
		json_out_int(o, 0);
	else if (strcmp(key, "config-dir") == 0)
		json_out_text(o, r->config.state);
	else if (strcmp(key, "download-dir-free-space") == 0)
		json_out_int(o, free_space(r));
	else if (strcmp(key, "rpc-version") == 0)
		json_out_int(o, RPC_VERSION);
	else if (strcmp(key, "rpc-version-minimum") == 0)
		json_out_int(o, RPC_VERSION_MINIMUM);
	else if (strcmp(key, "rpc-version-semver") == 0)
		json_out_text(o, "5.3.0");
	else if (strcmp(key, "session-id") == 0)
		json_out_text(o, r->gate.session);
	else if (strcmp(key, "tcp-enabled") == 0)
		json_out_bool(o, true);
	else if (strcmp(key, "units") == 0)
		print_units(o);
	else if (strcmp(key, "version") == 0)
		json_out_text(o, RPC_IDENTITY);
	else
		return false;
	return true;
}

static const char *const facts[] = {
	"blocklist-size", "config-dir", "download-dir-free-space", "rpc-version",
	"rpc-version-minimum", "rpc-version-semver", "session-id", "tcp-enabled", "units", "version",
};

static void print_one(struct rpc *r, struct json_out *o, const char *key)
{
	const json_t *value = json_object_get(r->settings, key);

	if (value != NULL) {
		json_out_key(o, key);
		print_json(o, value);
		return;
	}
	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
		if (strcmp(facts[i], key) == 0) {
			json_out_key(o, key);
			print_fact(r, o, key);
		}
}

const char *rpc_session_get(struct rpc_call *c)
{
	const json_t *fields = json_object_get(c->arguments, "fields");
	json_t *value;
	const char *key;

	if (json_is_array(fields)) {
		for (size_t i = 0; i < json_array_size(fields); i++) {
			key = json_string_value(json_array_get(fields, i));
			if (key != NULL)
				print_one(c->rpc, &c->out, key);
		}
		return "success";
	}
	json_object_foreach(c->rpc->settings, key, value)
		print_one(c->rpc, &c->out, key);
	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
		print_one(c->rpc, &c->out, facts[i]);
	return "success";
}

/* ---- session-set ---- */

static const struct {
	const char *key;
	int64_t min, max;
} ranges[] = {
	{ "alt-speed-time-begin", 0, 1439 }, { "alt-speed-time-day", 0, 127 },
	{ "alt-speed-time-end", 0, 1439 },   { "peer-port", 0, 65535 },
	{ "peer-limit-global", 1, 65535 },   { "peer-limit-per-torrent", 1, 65535 },
};

static bool is_in_range(const char *key, double value)
{
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
		if (strcmp(ranges[i].key, key) == 0)
			return value >= (double)ranges[i].min && value <= (double)ranges[i].max;
	return value >= 0 && value <= 1e12;
}

/* The command line decides these, and no program may name a command to run. */
static bool is_fixed(const char *key)
{
	return strncmp(key, "script-", 7) == 0 || strncmp(key, "anti-brute-force", 16) == 0 ||
	       strcmp(key, "peer-port") == 0 || strcmp(key, "dht-enabled") == 0 ||
	       strcmp(key, "utp-enabled") == 0;
}

static void set_one(struct rpc *r, const char *key, const json_t *ours, const json_t *value)
{
	if (json_is_boolean(ours)) {
		if (json_is_boolean(value) || json_is_integer(value))
			json_object_set_new(r->settings, key, json_boolean(json_is_true(value) ||
			                                                   json_integer_value(value) != 0));
	} else if (json_is_string(ours)) {
		if (json_is_string(value) && json_string_length(value) < RPC_PATH_MAX)
			json_object_set_new(r->settings, key, json_string(json_string_value(value)));
	} else if (json_is_number(value) && is_in_range(key, json_number_value(value))) {
		if (json_is_real(ours))
			json_object_set_new(r->settings, key, json_real(json_number_value(value)));
		else
			json_object_set_new(r->settings, key, json_integer((json_int_t)json_number_value(value)));
	}
}

const char *rpc_session_set(struct rpc_call *c)
{
	const char *key, *text, *problem;
	json_t *value;

	/* All or nothing, where an answer can be wrong. */
	text = json_string_value(json_object_get(c->arguments, "download-dir"));
	problem = text == NULL ? NULL
	                       : rpc_path_check(c->rpc, text, "download directory path is not absolute");
	if (problem != NULL)
		return problem;
	json_object_foreach((json_t *)(uintptr_t)c->arguments, key, value) {
		const json_t *ours = json_object_get(c->rpc->settings, key);

		if (ours != NULL && !is_fixed(key))
			set_one(c->rpc, key, ours, value);
	}
	if (text != NULL)
		c->rpc->free_space = -1;
	rpc_settings_apply(c->rpc);
	rpc_store_save_settings(c->rpc);
	return "success";
}

/* ---- session-stats ---- */

static void print_totals(struct json_out *o, const char *key, uint64_t up, uint64_t down,
                         int64_t seconds, int64_t sessions, uint32_t files)
{
	json_out_key(o, key);
	json_out_begin(o, '{');
	json_out_key(o, "downloadedBytes");
	json_out_size(o, down);
	json_out_key(o, "filesAdded");
	json_out_int(o, files);
	json_out_key(o, "secondsActive");
	json_out_int(o, seconds);
	json_out_key(o, "sessionCount");
	json_out_int(o, sessions);
	json_out_key(o, "uploadedBytes");
	json_out_size(o, up);
	json_out_end(o, '}');
}

const char *rpc_session_stats(struct rpc_call *c)
{
	struct rpc *r = c->rpc;
	struct session_totals totals;
	struct torrent_status s;
	uint64_t up = 0, down = 0, up_before = 0, down_before = 0;
	uint32_t active = 0, paused = 0;
	int64_t seconds = time(NULL) - r->started_at;

	session_totals(host_session(r->host), &totals);
	for (uint32_t i = 0; i < r->count; i++) {
		const struct rpc_torrent *t = r->list[i];

		if (!session_status(host_session(r->host), t->id, &s, host_now(r->host)))
			continue;
		up += s.up_rate;
		down += s.down_rate;
		up_before += (uint64_t)t->uploaded_before;
		down_before += (uint64_t)t->downloaded_before;
		paused += s.state == TORRENT_PAUSED || s.state == TORRENT_ERROR;
		active += s.state != TORRENT_PAUSED && s.state != TORRENT_ERROR;
	}
	json_out_key(&c->out, "activeTorrentCount");
	json_out_int(&c->out, active);
	print_totals(&c->out, "cumulative-stats", up_before + totals.payload_up,
	             down_before + totals.payload_down, seconds, 1, r->count);
	print_totals(&c->out, "current-stats", totals.payload_up, totals.payload_down, seconds, 1,
	             (uint32_t)(r->next_number - 1));
	json_out_key(&c->out, "downloadSpeed");
	json_out_size(&c->out, down);
	json_out_key(&c->out, "pausedTorrentCount");
	json_out_int(&c->out, paused);
	json_out_key(&c->out, "torrentCount");
	json_out_int(&c->out, r->count);
	json_out_key(&c->out, "uploadSpeed");
	json_out_size(&c->out, up);
	return "success";
}

/* As by the signal: the same clean way out, after this answer. */
const char *rpc_session_close(struct rpc_call *c)
{
	(void)c;
	log_line(LOG_LEVEL_INFO, "RPC: told to end");
	kill(getpid(), SIGTERM);
	return "success";
}

/* ---- small ones ---- */

/* Nobody outside is asked whether our port is open: peers that came in tell. */
const char *rpc_port_test(struct rpc_call *c)
{
	struct peer_status peers[64];
	bool open = false;

	for (uint32_t i = 0; i < c->rpc->count && !open; i++) {
		uint32_t count = session_peers(host_session(c->rpc->host), c->rpc->list[i]->id, peers, 64,
		                               host_now(c->rpc->host));

		for (uint32_t p = 0; p < count && p < 64; p++)
			open |= peers[p].incoming && endpoint_class(&peers[p].endpoint) == ENDPOINT_GLOBAL;
	}
	json_out_key(&c->out, "port-is-open");
	json_out_bool(&c->out, open);
	return "success";
}

const char *rpc_blocklist_update(struct rpc_call *c)
{
	(void)c;
	return "no blocklist is in use";
}

static json_t *find_group(const struct rpc *r, const char *name)
{
	for (size_t i = 0; i < json_array_size(r->groups); i++) {
		json_t *group = json_array_get(r->groups, i);
		const char *ours = json_string_value(json_object_get(group, "name"));

		if (ours != NULL && strcmp(ours, name) == 0)
			return group;
	}
	return NULL;
}

static const char *const group_keys[] = {
	"honorsSessionLimits", "speed-limit-down", "speed-limit-down-enabled", "speed-limit-up",
	"speed-limit-up-enabled",
};

static bool is_asked(const json_t *names, const char *name)
{
	if (json_is_string(names))
		return strcmp(json_string_value(names), name) == 0;
	if (!json_is_array(names))
		return true;
	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *asked = json_string_value(json_array_get(names, i));

		if (asked != NULL && strcmp(asked, name) == 0)
			return true;
	}
	return false;
}

const char *rpc_group_get(struct rpc_call *c)
{
	const json_t *names = json_object_get(c->arguments, "group");

	json_out_key(&c->out, "group");
	json_out_begin(&c->out, '[');
	for (size_t i = 0; i < json_array_size(c->rpc->groups); i++) {
		const json_t *group = json_array_get(c->rpc->groups, i);
		const char *name = json_string_value(json_object_get(group, "name"));

		if (name == NULL || !is_asked(names, name))
			continue;
		json_out_begin(&c->out, '{');
		json_out_key(&c->out, "name");
		json_out_text(&c->out, name);
		for (size_t k = 0; k < sizeof group_keys / sizeof *group_keys; k++) {
			json_out_key(&c->out, group_keys[k]);
			print_json(&c->out, json_object_get(group, group_keys[k]));
		}
		json_out_end(&c->out, '}');
	}
	json_out_end(&c->out, ']');
	return "success";
}

const char *rpc_group_set(struct rpc_call *c)
{
	const char *name = json_string_value(json_object_get(c->arguments, "name"));
	json_t *group;

	if (name == NULL || name[0] == '\0' || strlen(name) >= RECORD_GROUP_MAX)
		return "No group name given";
	group = find_group(c->rpc, name);
	if (group == NULL) {
		if (json_array_size(c->rpc->groups) >= GROUPS_MAX)
			return "too many groups";
		group = json_pack("{s:s,s:b,s:i,s:b,s:i,s:b}", "name", name, "honorsSessionLimits", 1,
		                  "speed-limit-down", 0, "speed-limit-down-enabled", 0, "speed-limit-up",
		                  0, "speed-limit-up-enabled", 0);
		json_array_append_new(c->rpc->groups, group);
	}
	for (size_t k = 0; k < sizeof group_keys / sizeof *group_keys; k++) {
		json_t *value = json_object_get(c->arguments, group_keys[k]);
		const json_t *ours = json_object_get(group, group_keys[k]);

		if ((json_is_boolean(ours) && json_is_boolean(value)) ||
		    (json_is_integer(ours) && json_is_integer(value)))
			json_object_set(group, group_keys[k], value);
	}
	rpc_store_save_settings(c->rpc);
	return "success";
}
