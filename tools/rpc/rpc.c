/* tools/rpc/rpc.c: the life of the RPC: its password, its state, its parts. */
#include "tools/rpc/internal.h"

#include "proto/memory.h"
#include "tools/daemon/log.h"
#include "tools/io/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static bool load_password(struct rpc *r, const char *path, const char *user,
                          char reason[RPC_REASON_MAX])
{
	char why[FILES_REASON_MAX];
	size_t size;
	uint8_t *file = files_load(path, 4096, &size, why);
	bool good;

	if (file == NULL) {
		snprintf(reason, RPC_REASON_MAX, "password: %s", why);
		return false;
	}
	file[strcspn((char *)file, "\r\n")] = '\0';
	good = gate_set_password(&r->gate, user, (char *)file);
	sodium_memzero(file, size);
	free(file);
	if (!good)
		snprintf(reason, RPC_REASON_MAX,
		         "%.400s: no password of 1 to %d bytes in the first line, or the user has a ':'",
		         path, GATE_PASSWORD_MAX);
	return good;
}

/* The first run makes it; the owner reads it there. */
static bool load_secret(struct rpc *r, const char *user, char reason[RPC_REASON_MAX])
{
	char *path = files_join(r->config.state, "rpc-secret"), text[GATE_SECRET_TEXT + 1];
	char why[FILES_REASON_MAX];
	size_t size;
	uint8_t *file = files_load(path, 4096, &size, why);
	bool good = file != NULL || errno == ENOENT;

	if (file == NULL && good) {
		gate_make_secret(text);
		strcat(text, "\n");
		good = files_save(path, bytes_of_text(text), FILES_PRIVATE, why);
		sodium_memzero(text, sizeof text);
		if (good)
			log_line(LOG_LEVEL_INFO, "RPC: user %s, a new password in %s", user, path);
	}
	if (!good)
		snprintf(reason, RPC_REASON_MAX, "%s", why);
	else
		good = load_password(r, path, user, reason);
	free(file);
	free(path);
	return good;
}

static bool prepare(struct rpc *r, char reason[RPC_REASON_MAX])
{
	const char *user = r->config.user != NULL ? r->config.user : "shoal";
	char why[FILES_REASON_MAX];

	if (!files_make_directory(r->directory, why)) {
		snprintf(reason, RPC_REASON_MAX, "%s", why);
		return false;
	}
	if (!r->config.no_auth && !(r->config.password_file != NULL
	                                    ? load_password(r, r->config.password_file, user, reason)
	                                    : load_secret(r, user, reason)))
		return false;
	return rpc_http_start(r, reason);
}

struct rpc *rpc_new(const struct rpc_config *config, struct host *host, struct torrents *torrents,
                    char reason[RPC_REASON_MAX])
{
	struct rpc *r = memory_zeroed(1, sizeof *r);

	r->config = *config;
	r->host = host;
	r->torrents = torrents;
	r->next_number = 1;
	r->version = UINT64_MAX;
	r->started_at = time(NULL);
	r->free_space = -1;
	r->directory = files_join(config->state, "rpc");
	gate_init(&r->gate, host_now(host));
	r->gate.names = r->config.names;
	r->gate.name_count = r->config.name_count;
	rpc_settings_init(r);
	rpc_store_load_settings(r);
	rpc_settings_pin(r);
	if (!prepare(r, reason)) {
		rpc_free(r);
		return NULL;
	}
	rpc_settings_apply(r);
	rpc_table_sync(r);
	return r;
}

void rpc_on_tick(struct rpc *r)
{
	rpc_table_tick(r);
}

void rpc_free(struct rpc *r)
{
	rpc_http_stop(r);
	rpc_store_flush(r);
	rpc_table_deinit(r);
	json_decref(r->settings);
	json_decref(r->groups);
	free(r->directory);
	sodium_memzero(&r->gate, sizeof r->gate);
	free(r);
}
