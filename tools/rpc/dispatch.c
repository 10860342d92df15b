/* tools/rpc/dispatch.c: one request: its JSON, the method, the answer.
 *
 * An answer is {"arguments":{...},"result":"success","tag":N}; whatever went
 * wrong is told in "result", always with status 200. */
#include "tools/rpc/internal.h"

#include "proto/memory.h"

#include <stdlib.h>

static const struct {
	const char *name;
	rpc_method *method;
} methods[] = {
	{ "blocklist-update", rpc_blocklist_update },
	{ "free-space", rpc_free_space },
	{ "group-get", rpc_group_get },
	{ "group-set", rpc_group_set },
	{ "port-test", rpc_port_test },
	{ "queue-move-bottom", rpc_queue_bottom },
	{ "queue-move-down", rpc_queue_down },
	{ "queue-move-top", rpc_queue_top },
	{ "queue-move-up", rpc_queue_up },
	{ "session-close", rpc_session_close },
	{ "session-get", rpc_session_get },
	{ "session-set", rpc_session_set },
	{ "session-stats", rpc_session_stats },
	{ "torrent-add", rpc_torrent_add },
	{ "torrent-get", rpc_torrent_get },
	{ "torrent-reannounce", rpc_torrent_reannounce },
	{ "torrent-remove", rpc_torrent_remove },
	{ "torrent-rename-path", rpc_torrent_rename_path },
	{ "torrent-set", rpc_torrent_set },
	{ "torrent-set-location", rpc_torrent_set_location },
	{ "torrent-start", rpc_torrent_start },
	{ "torrent-start-now", rpc_torrent_start_now },
	{ "torrent-stop", rpc_torrent_stop },
	{ "torrent-verify", rpc_torrent_verify },
};

static rpc_method *find_method(const char *name)
{
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (strcmp(methods[i].name, name) == 0)
			return methods[i].method;
	return NULL;
}

void rpc_call_finish(struct rpc_call *c, const char *result)
{
	struct json_out answer = { .data = NULL };
	const json_t *tag = json_object_get(c->body, "tag");

	json_out_begin(&answer, '{');
	json_out_key(&answer, "arguments");
	json_out_begin(&answer, '{');
	if (c->out.size > 0)
		json_out_raw(&answer, bytes_of(c->out.data, c->out.size));
	json_out_end(&answer, '}');
	json_out_key(&answer, "result");
	json_out_text(&answer, result);
	if (json_is_integer(tag)) {
		json_out_key(&answer, "tag");
		json_out_int(&answer, json_integer_value(tag));
	}
	json_out_end(&answer, '}');
	rpc_http_answer(c->request, &answer);
	json_out_deinit(&answer);
	json_out_deinit(&c->out);
	json_decref(c->body);
	free(c);
}

static const char *run(struct rpc_call *c)
{
	const char *name = json_string_value(json_object_get(c->body, "method"));
	rpc_method *method;

	if (!json_is_object(c->body))
		return "invalid or corrupt JSON";
	if (name == NULL)
		return "no method name";
	method = find_method(name);
	if (method == NULL)
		return "method name not recognized";
	c->arguments = json_object_get(c->body, "arguments");
	rpc_table_sync(c->rpc);
	return method(c);
}

void rpc_dispatch(struct rpc *r, struct evhttp_request *request, struct bytes body)
{
	struct rpc_call *c = memory_zeroed(1, sizeof *c);
	json_error_t error;
	const char *result;

	c->rpc = r;
	c->request = request;
	c->body = json_loadb((const char *)body.data, body.size, 0, &error);
	result = run(c);
	if (result != NULL)
		rpc_call_finish(c, result);
	host_pump(r->host);
}

/* ---- answers that wait for the disk ---- */

struct rpc_job {
	struct rpc_call *call;
	rpc_job_work *work;
	rpc_job_done *done;
	void *context;
};

static void job_work(void *context)
{
	struct rpc_job *j = context;

	j->work(j->context);
}

static void job_done(void *context)
{
	struct rpc_job *j = context;
	struct rpc_call *c = j->call;
	struct rpc *r = c->rpc;
	const char *result = j->done(c, j->context);

	r->jobs--;
	rpc_call_finish(c, result);
	free(j);
	host_pump(r->host);
}

bool rpc_call_defer(struct rpc_call *c, rpc_job_work *work, rpc_job_done *done, void *context)
{
	struct rpc_job *j;

	if (c->rpc->jobs >= RPC_JOBS_MAX)
		return false;
	j = memory_zeroed(1, sizeof *j);
	*j = (struct rpc_job){ c, work, done, context };
	c->rpc->jobs++;
	c->deferred = true;
	host_run_work(c->rpc->host, job_work, job_done, j);
	return true;
}
