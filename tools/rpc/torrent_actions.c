/* tools/rpc/torrent_actions.c: start, stop, verify, ask trackers again. */
#include "tools/rpc/internal.h"

#include "tools/daemon/log.h"

#include <stdlib.h>
#include <time.h>

typedef void action_on(struct rpc *r, struct rpc_torrent *t);

static const char *each(struct rpc_call *c, action_on *act)
{
	uint32_t count;
	bool recent;
	struct rpc_torrent **chosen =
		rpc_table_select(c->rpc, json_object_get(c->arguments, "ids"), &count, &recent);

	for (uint32_t i = 0; i < count; i++) {
		if (chosen[i]->moving)
			continue;
		act(c->rpc, chosen[i]);
		rpc_table_changed(c->rpc, chosen[i]);
	}
	free(chosen);
	return "success";
}

static void set_paused(struct rpc *r, struct rpc_torrent *t, bool paused)
{
	char reason[TORRENTS_REASON_MAX];

	if (!torrents_set_paused(r->torrents, t->id, paused, reason))
		log_line(LOG_LEVEL_WARNING, "RPC: not remembered over a restart: %s", reason);
}

static void start(struct rpc *r, struct rpc_torrent *t)
{
	t->finished = false;
	t->started_at = t->seed_moved_at = time(NULL);
	set_paused(r, t, false);
}

static void stop(struct rpc *r, struct rpc_torrent *t)
{
	set_paused(r, t, true);
}

static void verify(struct rpc *r, struct rpc_torrent *t)
{
	session_verify(host_session(r->host), t->id, host_now(r->host));
}

static void reannounce(struct rpc *r, struct rpc_torrent *t)
{
	if (host_trackers(r->host) != NULL)
		trackers_hurry(host_trackers(r->host), t->id);
}

const char *rpc_torrent_start(struct rpc_call *c)
{
	return each(c, start);
}

/* There is no queue that it could jump. */
const char *rpc_torrent_start_now(struct rpc_call *c)
{
	return each(c, start);
}

const char *rpc_torrent_stop(struct rpc_call *c)
{
	return each(c, stop);
}

const char *rpc_torrent_verify(struct rpc_call *c)
{
	return each(c, verify);
}

const char *rpc_torrent_reannounce(struct rpc_call *c)
{
	return each(c, reannounce);
}
