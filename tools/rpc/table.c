/* tools/rpc/table.c: the torrents as clients number them.
 *
 * The session knows them by ids of its own; a number here never comes back in
 * one run of the daemon, and stays with its info-hash when the torrent is taken
 * up anew (its metadata came from a file, its content moved). */
#include "tools/rpc/internal.h"

#include "proto/memory.h"

#include <stdlib.h>
#include <time.h>

/* Torrents that one tick looks at: it must not take long with 100,000. */
enum { TICK_TORRENTS_MAX = 2000, IDS_MAX = 200000 };

static int compare_queues(const void *a, const void *b)
{
	const struct rpc_torrent *x = *(struct rpc_torrent *const *)a;
	const struct rpc_torrent *y = *(struct rpc_torrent *const *)b;

	if (x->queue != y->queue)
		return x->queue < y->queue ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* Dense positions, in the order they have. */
static void renumber_queue(struct rpc *r)
{
	struct rpc_torrent **order = memory_alloc((r->count + 1) * sizeof *order);

	memcpy(order, r->list, r->count * sizeof *order);
	qsort(order, r->count, sizeof *order, compare_queues);
	for (uint32_t i = 0; i < r->count; i++)
		order[i]->queue = i;
	free(order);
}

static void append(struct rpc *r, struct rpc_torrent *t)
{
	if (r->count == r->room) {
		r->room = r->room == 0 ? 64 : 2 * r->room;
		r->list = memory_resize(r->list, r->room, sizeof *r->list);
	}
	r->list[r->count++] = t;
}

static void remember_removed(struct rpc *r, int64_t number)
{
	r->removed[r->removed_count++ % RPC_REMOVED_MAX] =
		(struct rpc_removed){ .number = number, .at = time(NULL) };
}

/* The record that this info-hash had before; NULL: none. */
static struct rpc_torrent *find_orphan(struct rpc *r, const uint8_t hash[SHA1_SIZE], uint32_t old)
{
	for (uint32_t i = 0; i < old; i++)
		if (!r->list[i]->seen && memcmp(r->list[i]->info_hash, hash, SHA1_SIZE) == 0)
			return r->list[i];
	return NULL;
}

static void adopt(struct rpc *r, torrent_id id, uint32_t old, bool orphans)
{
	struct rpc_torrent *t;
	struct torrent_status status;

	if (!session_status(host_session(r->host), id, &status, host_now(r->host)))
		return;
	t = orphans ? find_orphan(r, status.info_hash, old) : NULL;
	if (t != NULL) {
		idmap_remove(&r->by_id, t->id);
		t->id = id;
	} else {
		t = record_new(status.info_hash, id, time(NULL));
		t->number = r->next_number++;
		rpc_store_load(r, t);
		append(r, t);
	}
	t->seen = true;
	t->last_state = status.state;
	idmap_set_pointer(&r->by_id, id, t);
	rpc_settings_apply_torrent(r, t);
}

static void drop_unseen(struct rpc *r)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < r->count; i++) {
		struct rpc_torrent *t = r->list[i];

		/* One whose files are being moved comes back. */
		if (t->seen || t->moving) {
			r->list[kept++] = t;
			continue;
		}
		remember_removed(r, t->number);
		idmap_remove(&r->by_id, t->id);
		rpc_store_drop(r, t);
		record_free(t);
	}
	r->count = kept;
}

void rpc_table_sync(struct rpc *r)
{
	const struct session *s = host_session(r->host);
	uint32_t old = r->count, known = 0;

	if (r->version == torrents_version(r->torrents))
		return;
	r->version = torrents_version(r->torrents);
	for (uint32_t i = 0; i < old; i++)
		r->list[i]->seen = false;
	for (torrent_id id = session_next(s, 0); id != 0; id = session_next(s, id)) {
		struct rpc_torrent *t = idmap_pointer(&r->by_id, id);

		if (t != NULL) {
			t->seen = true;
			known++;
		}
	}
	for (torrent_id id = session_next(s, 0); id != 0; id = session_next(s, id))
		if (idmap_pointer(&r->by_id, id) == NULL)
			adopt(r, id, old, known < old);
	drop_unseen(r);
	renumber_queue(r);
}

void rpc_table_deinit(struct rpc *r)
{
	for (uint32_t i = 0; i < r->count; i++)
		record_free(r->list[i]);
	free(r->list);
	idmap_deinit(&r->by_id);
}

void rpc_table_changed(struct rpc *r, struct rpc_torrent *t)
{
	t->changed_at = time(NULL);
	rpc_store_save(r, t);
}

/* ---- finding ---- */

struct rpc_torrent *rpc_table_find(struct rpc *r, int64_t number)
{
	uint32_t low = 0, high = r->count;

	/* Numbers only grow, so the list is in their order. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (r->list[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->count && r->list[low]->number == number ? r->list[low] : NULL;
}

struct rpc_torrent *rpc_table_find_hash(struct rpc *r, const char *hex)
{
	uint8_t hash[SHA1_SIZE];
	torrent_id id;

	if (strlen(hex) != 2 * SHA1_SIZE || !hex_decode(hex, hash, SHA1_SIZE))
		return NULL;
	id = session_find(host_session(r->host), hash);
	return id == 0 ? NULL : idmap_pointer(&r->by_id, id);
}

static struct rpc_torrent *find_one(struct rpc *r, const json_t *id)
{
	if (json_is_integer(id))
		return rpc_table_find(r, json_integer_value(id));
	if (json_is_string(id))
		return rpc_table_find_hash(r, json_string_value(id));
	return NULL;
}

static uint32_t select_recent(struct rpc *r, struct rpc_torrent **out)
{
	int64_t now = time(NULL);
	uint32_t count = 0;

	for (uint32_t i = 0; i < r->count; i++)
		if (r->list[i]->changed_at >= now - RPC_RECENT_SECONDS)
			out[count++] = r->list[i];
	return count;
}

static uint32_t select_list(struct rpc *r, const json_t *ids, struct rpc_torrent **out)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < r->count; i++)
		r->list[i]->seen = false;
	for (size_t i = 0; i < json_array_size(ids) && i < IDS_MAX; i++) {
		struct rpc_torrent *t = find_one(r, json_array_get(ids, i));

		if (t == NULL || t->seen)
			continue;
		t->seen = true;
		out[count++] = t;
	}
	return count;
}

struct rpc_torrent **rpc_table_select(struct rpc *r, const json_t *ids, uint32_t *count,
                                      bool *recent)
{
	struct rpc_torrent **out = memory_alloc((r->count + 1) * sizeof *out), *one;
	const char *text = json_string_value(ids);

	*recent = false;
	if (ids == NULL) {
		memcpy(out, r->list, r->count * sizeof *out);
		*count = r->count;
	} else if (text != NULL && strcmp(text, "recently-active") == 0) {
		*recent = true;
		*count = select_recent(r, out);
	} else if (json_is_array(ids)) {
		*count = select_list(r, ids, out);
	} else {
		one = find_one(r, ids);
		out[0] = one;
		*count = one != NULL;
	}
	return out;
}

/* ---- as time goes ---- */

static bool is_over_ratio(struct rpc *r, const struct rpc_torrent *t,
                          const struct torrent_status *s)
{
	double limit = t->ratio_limit;
	double sent = (double)s->uploaded + (double)t->uploaded_before;

	if (t->ratio_mode == 2 || (t->ratio_mode == 0 && !rpc_setting_bool(r, "seedRatioLimited")))
		return false;
	if (t->ratio_mode == 0)
		limit = rpc_setting_number(r, "seedRatioLimit");
	return s->wanted > 0 && sent >= limit * (double)s->wanted;
}

static bool is_idle(struct rpc *r, const struct rpc_torrent *t, int64_t now)
{
	int64_t minutes = t->idle_limit;

	if (t->idle_mode == 2 ||
	    (t->idle_mode == 0 && !rpc_setting_bool(r, "idle-seeding-limit-enabled")))
		return false;
	if (t->idle_mode == 0)
		minutes = (int64_t)rpc_setting_number(r, "idle-seeding-limit");
	return minutes > 0 && now - t->seed_moved_at >= minutes * 60;
}

/* Clocks may be set; nothing counts more than the time between two ticks. */
static void count_seconds(struct rpc_torrent *t, const struct torrent_status *s, int64_t now)
{
	int64_t passed = now - t->looked_at;

	t->looked_at = now;
	if (passed < 0 || passed > 600)
		return;
	if (s->state == TORRENT_DOWNLOADING)
		t->seconds_down += passed;
	else if (s->state == TORRENT_SEEDING)
		t->seconds_seed += passed;
}

static void note_state(struct rpc_torrent *t, const struct torrent_status *s, int64_t now)
{
	if (s->state == t->last_state)
		return;
	t->changed_at = now;
	t->dirty = true;
	if (s->state == TORRENT_SEEDING) {
		t->seed_moved_at = now;
		if (t->done_at == 0)
			t->done_at = now;
	}
	t->last_state = s->state;
}

static void look(struct rpc *r, struct rpc_torrent *t, int64_t now)
{
	struct torrent_status s;
	char reason[TORRENTS_REASON_MAX];
	uint64_t moved;

	if (t->moving || !session_status(host_session(r->host), t->id, &s, host_now(r->host)))
		return;
	moved = s.uploaded + s.downloaded;
	if (moved != t->last_moved || s.verified != t->last_verified) {
		t->changed_at = now;
		if (moved != t->last_moved)
			t->activity_at = t->seed_moved_at = now;
		t->last_moved = moved;
		t->last_verified = s.verified;
	}
	count_seconds(t, &s, now);
	note_state(t, &s, now);
	if (s.state != TORRENT_SEEDING || (!is_over_ratio(r, t, &s) && !is_idle(r, t, now)))
		return;
	t->finished = true;
	torrents_set_paused(r->torrents, t->id, true, reason);
	rpc_table_changed(r, t);
}

void rpc_table_tick(struct rpc *r)
{
	uint32_t many;
	int64_t now = time(NULL);

	rpc_table_sync(r);
	many = r->count < TICK_TORRENTS_MAX ? r->count : TICK_TORRENTS_MAX;
	for (uint32_t i = 0; i < many; i++) {
		if (r->tick_at >= r->count)
			r->tick_at = 0;
		look(r, r->list[r->tick_at++], now);
	}
}
