/* tools/rpc/torrent_get.c: torrent-get: which torrents, which fields, in which
 * form. The fields themselves: fields.c. */
#include "tools/rpc/fields.h"

#include <stdlib.h>
#include <time.h>

enum { CHOSEN_MAX = 128 };

/* What to print, each once, in the order asked for. */
struct choice {
	const struct field *fields[CHOSEN_MAX];
	const struct record_setting *settings[CHOSEN_MAX]; /* instead of print */
	size_t count;
};

static void choose_one(struct choice *c, const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->fields[i]->name, name) == 0)
			return;
	for (size_t i = 0; i < fields_count && c->count < CHOSEN_MAX; i++)
		if (strcmp(fields[i].name, name) == 0) {
			c->fields[c->count] = &fields[i];
			c->settings[c->count++] = record_find(name);
			return;
		}
}

static void choose(struct choice *c, const json_t *names)
{
	const char *name = json_string_value(names);

	c->count = 0;
	if (name != NULL)
		choose_one(c, name);
	for (size_t i = 0; i < json_array_size(names); i++) {
		name = json_string_value(json_array_get(names, i));
		if (name != NULL)
			choose_one(c, name);
	}
}

static void print_torrent(struct rpc *r, struct rpc_torrent *t, const struct choice *c, bool table,
                          int64_t now, struct json_out *o)
{
	const struct session *s = host_session(r->host);
	struct view v = { .rpc = r, .t = t, .now = now };

	v.s.name = "";
	v.s.state = TORRENT_CHECKING; /* what a torrent that moves looks like */
	if (session_status(s, t->id, &v.s, host_now(r->host))) {
		v.m = session_metainfo(s, t->id);
		v.have = session_have(s, t->id);
	}
	v.record = torrents_record(r->torrents, t->id);
	json_out_begin(o, table ? '[' : '{');
	for (size_t i = 0; i < c->count; i++) {
		if (!table)
			json_out_key(o, c->fields[i]->name);
		if (c->settings[i] != NULL)
			record_print(t, c->settings[i], o);
		else
			c->fields[i]->print(&v, o);
	}
	json_out_end(o, table ? ']' : '}');
	free(v.peers);
}

static void print_removed(struct rpc *r, int64_t now, struct json_out *o)
{
	uint64_t first = r->removed_count > RPC_REMOVED_MAX ? r->removed_count - RPC_REMOVED_MAX : 0;

	json_out_key(o, "removed");
	json_out_begin(o, '[');
	for (uint64_t i = first; i < r->removed_count; i++) {
		const struct rpc_removed *gone = &r->removed[i % RPC_REMOVED_MAX];

		if (gone->at >= now - RPC_RECENT_SECONDS)
			json_out_int(o, gone->number);
	}
	json_out_end(o, ']');
}

const char *rpc_torrent_get(struct rpc_call *c)
{
	const char *format = json_string_value(json_object_get(c->arguments, "format"));
	bool table = format != NULL && strcmp(format, "table") == 0, recent;
	struct rpc_torrent **chosen;
	struct choice choice;
	int64_t now = time(NULL);
	uint32_t count;

	choose(&choice, json_object_get(c->arguments, "fields"));
	if (choice.count == 0)
		return "no fields specified";
	chosen = rpc_table_select(c->rpc, json_object_get(c->arguments, "ids"), &count, &recent);
	if (recent)
		print_removed(c->rpc, now, &c->out);
	json_out_key(&c->out, "torrents");
	json_out_begin(&c->out, '[');
	if (table) {
		json_out_begin(&c->out, '[');
		for (size_t i = 0; i < choice.count; i++)
			json_out_text(&c->out, choice.fields[i]->name);
		json_out_end(&c->out, ']');
	}
	for (uint32_t i = 0; i < count; i++)
		print_torrent(c->rpc, chosen[i], &choice, table, now, &c->out);
	json_out_end(&c->out, ']');
	free(chosen);
	return "success";
}
