/* peer/torrent.c: one torrent's life: metadata, storage, check, download, seed.
 *
 *	METADATA -> OPENING -> CHECKING -> DOWNLOADING -> SEEDING
 *	     any of them <-> PAUSED, any of them -> ERROR (resume tries again)
 *
 * Only METADATA, DOWNLOADING and SEEDING talk to peers; a torrent whose
 * metadata came from peers keeps them while its files are opened and checked. */
#include <assert.h>
#include <stdlib.h>

#include "peer/engine.h"
#include "peer/storage/layout.h"
#include "proto/memory.h"

static void set_state(struct session *s, struct torrent *t, enum torrent_state state)
{
	if (t->state == state)
		return;
	t->state = state;
	t->seeds_met = 0;
	t->up_before = t->up.total;
	session_notice(s, t, NOTICE_STATE, NULL);
}

bool torrent_is_active(const struct torrent *t)
{
	return t->state == TORRENT_METADATA || t->state == TORRENT_DOWNLOADING ||
	       t->state == TORRENT_SEEDING;
}

bool torrent_is_private(const struct torrent *t)
{
	return t->metainfo != NULL && t->metainfo->is_private;
}

struct candidates *torrent_candidates_new(struct session *s)
{
	struct candidates *c = candidates_new(&s->rng);
	candidates_share_dials(c, &s->dials);
	return c;
}

/* ---- DHT ---- */

void torrent_follow(struct session *s, struct torrent *t)
{
	const bool seed = t->state == TORRENT_SEEDING;
	if (t->no_dht || torrent_is_private(t) || s->stopping)
		return;
	if (t->followed && t->followed_as_seed == seed)
		return;
	struct action *a = session_act(s, ACT_DHT_FOLLOW);
	a->torrent = t->id;
	a->seed = seed;
	memcpy(a->info_hash, t->info_hash, SHA1_SIZE);
	t->followed = true;
	t->followed_as_seed = seed;
}

void torrent_unfollow(struct session *s, struct torrent *t)
{
	if (!t->followed)
		return;
	struct action *a = session_act(s, ACT_DHT_UNFOLLOW);
	a->torrent = t->id;
	memcpy(a->info_hash, t->info_hash, SHA1_SIZE);
	t->followed = false;
}

/* ---- pieces ---- */

static void download_begin(struct session *s, struct torrent *t)
{
	assert(t->download == NULL);
	t->download = download_new(t->metainfo, &s->pool, &s->rng);
	t->serial++;
	download_set_sequential(t->download, t->sequential);
	download_set_classic(t->download, s->config.classic);
	if (t->priorities != NULL)
		choice_apply(t);
}

void torrent_forget_download(struct torrent *t)
{
	if (t->download == NULL)
		return;
	t->wasted_before += download_wasted_bytes(t->download);
	download_free(t->download);
	t->download = NULL;
	t->serial++;
}

/* ---- checking ---- */

static void checking_leave(struct session *s, const struct torrent *t)
{
	for (uint32_t i = 0; i < s->checking_count; i++) {
		if (s->checking[i] != t->id)
			continue;
		memmove(&s->checking[i], &s->checking[i + 1],
		        (s->checking_count - i - 1) * sizeof *s->checking);
		s->checking_count--;
		return;
	}
}

static void checking_join(struct session *s, const struct torrent *t)
{
	if (s->checking_count == s->checking_size) {
		s->checking_size = s->checking_size != 0 ? s->checking_size * 2 : 8;
		s->checking = memory_resize(s->checking, s->checking_size, sizeof *s->checking);
	}
	s->checking[s->checking_count++] = t->id;
}

/* Whether every byte of the piece can be on disk, by the sizes found. */
static bool piece_may_exist(const struct torrent *t, uint32_t piece)
{
	struct layout_walk walk;
	struct layout_slice slice;
	bool any = false;
	layout_walk_init(&walk, t->metainfo, (uint64_t)piece * t->metainfo->piece_length,
	                 metainfo_piece_size(t->metainfo, piece));
	while (layout_walk_next(&walk, &slice)) {
		if (t->metainfo->files[slice.file].pad)
			continue;
		any = true;
		if (t->sizes[slice.file] < slice.offset + slice.length)
			return false;
	}
	return any;
}

static void check_finish(struct session *s, struct torrent *t, usec now)
{
	checking_leave(s, t);
	free(t->sizes);
	t->sizes = NULL;
	session_notice(s, t, NOTICE_CHECKED, NULL);
	const bool done = download_is_done(t->download);
	set_state(s, t, done ? TORRENT_SEEDING : TORRENT_DOWNLOADING);
	if (done) {
		session_notice(s, t, NOTICE_DONE, NULL);
		swarm_on_done(s, t, now);
	}
	/* Who connected while the metadata or the check was going on has yet to
	 * hear that we are interested. */
	for (struct peer *p = t->peers; p != NULL; p = p->next)
		session_touch(s, p);
	torrent_follow(s, t);
	t->dial_now = t->refill = t->choke_now = true;
	session_stir(s, t);
	if (s->checking_count != 0)
		torrent_check_some(s, session_torrent(s, s->checking[0]), now);
}

/* Keep the disk busy with checks of the torrent whose turn it is. */
void torrent_check_some(struct session *s, struct torrent *t, usec now)
{
	const uint32_t pieces = t->metainfo->piece_count;
	if (s->checking_count == 0 || s->checking[0] != t->id || t->state != TORRENT_CHECKING)
		return;
	while (t->check_next < pieces && t->checks_flying < s->config.disk_jobs_max) {
		const uint32_t piece = t->check_next++;
		if (!piece_may_exist(t, piece)) {
			t->checked++;
			continue;
		}
		t->checks_flying++;
		jobs_check(s, t, piece);
	}
	if (t->check_next == pieces && t->checks_flying == 0)
		check_finish(s, t, now);
}

void torrent_on_checked(struct session *s, struct torrent *t, uint32_t piece,
                        enum disk_result result, const char *text, usec now)
{
	t->checks_flying--;
	if (t->state != TORRENT_CHECKING)
		return;
	t->checked++;
	if (result == DISK_OK) {
		download_set_have(t->download, piece);
		swarm_on_have(s, t, piece, now);
	} else if (result != DISK_BAD_HASH && result != DISK_MISSING) {
		torrent_fail(s, t, result, text, now);
		return;
	}
	torrent_check_some(s, t, now);
}

/* ---- starting and stopping ---- */

static void open_storage(struct session *s, struct torrent *t)
{
	set_state(s, t, TORRENT_OPENING);
	t->storage_open = t->storage_asked = true;
	struct action *a = session_act(s, ACT_STORAGE_OPEN);
	a->torrent = t->id;
	a->metainfo = t->metainfo;
}

void torrent_start(struct session *s, struct torrent *t, usec now)
{
	free(t->error);
	t->error = NULL;
	t->dial_now = true;
	session_stir(s, t);
	if (t->metainfo == NULL) {
		if (t->metadata == NULL)
			t->metadata = metadata_new(t->info_hash);
		set_state(s, t, TORRENT_METADATA);
		t->hurry_at = now + HURRY_INTERVAL;
		torrent_follow(s, t);
		return;
	}
	if (t->download == NULL)
		download_begin(s, t);
	open_storage(s, t);
}

void session_on_storage(struct session *s, torrent_id id, const struct storage_found *found,
                        usec now)
{
	struct torrent *t = session_torrent(s, id);
	if (t == NULL || !t->storage_asked)
		return;
	t->storage_asked = false;
	if (t->state != TORRENT_OPENING)
		return;
	if (found->result != DISK_OK && found->result != DISK_MISSING) {
		torrent_fail(s, t, found->result, found->text, now);
		session_settle(s, now);
		return;
	}
	t->sizes = memory_zeroed(t->metainfo->file_count + 1u, sizeof *t->sizes);
	if (found->sizes != NULL)
		memcpy(t->sizes, found->sizes, t->metainfo->file_count * sizeof *t->sizes);
	t->check_next = t->checked = t->checks_flying = 0;
	if (t->trusted) {
		t->trusted = false;
		for (uint32_t i = 0; i < t->metainfo->piece_count; i++)
			if (bitfield_get(&t->resume, i) && !bitfield_get(download_have(t->download), i))
				download_set_have(t->download, i);
		t->check_next = t->checked = t->metainfo->piece_count;
	}
	set_state(s, t, TORRENT_CHECKING);
	checking_join(s, t);
	torrent_check_some(s, session_torrent(s, s->checking[0]), now);
	session_settle(s, now);
}

void torrent_halt(struct session *s, struct torrent *t, enum torrent_state state,
                  const char *reason, usec now)
{
	swarm_close_all(s, t, reason, now);
	hide_end(s, t);
	torrent_unfollow(s, t);
	checking_leave(s, t);
	free(t->sizes);
	t->sizes = NULL;
	if (t->storage_open)
		session_act(s, ACT_STORAGE_CLOSE)->torrent = t->id;
	t->storage_open = t->storage_asked = false;
	/* A check that was cut short knows only a part: begin again next time. */
	if (t->state == TORRENT_CHECKING || t->state == TORRENT_OPENING)
		torrent_forget_download(t);
	set_state(s, t, state);
	timers_set(&s->torrent_timers, slot_of(t->id), USEC_NEVER);
}

void torrent_fail(struct session *s, struct torrent *t, enum disk_result kind, const char *text,
                  usec now)
{
	if (t->state == TORRENT_ERROR)
		return;
	free(t->error);
	t->error = memory_copy_text(text != NULL ? text : "disk error");
	t->error_kind = kind;
	torrent_halt(s, t, TORRENT_ERROR, "torrent stopped by an error", now);
	session_notice(s, t, NOTICE_ERROR, t->error);
}

void torrent_free(struct session *s, struct torrent *t, usec now)
{
	swarm_close_all(s, t, "torrent removed", now);
	checking_leave(s, t);
	timers_set(&s->torrent_timers, slot_of(t->id), USEC_NEVER);
	session_index_remove(s, t);
	slots_remove(&s->torrents, t->id);
	span_cache_forget(&s->spans, t->id);
	superseed_deinit(&t->superseed);
	pex_deinit(&t->pex);
	limits_forget_torrent(s, t, now);
	if (t->download != NULL)
		download_free(t->download);
	if (t->metadata != NULL)
		metadata_free(t->metadata);
	if (t->metainfo != NULL)
		metainfo_deinit(t->metainfo);
	free(t->metainfo);
	candidates_free(t->candidates);
	bitfield_deinit(&t->resume);
	free(t->priorities);
	free(t->sizes);
	free(t->error);
	free(t->name);
	free(t);
}

/* ---- news ---- */

void torrent_on_metadata(struct session *s, struct torrent *t, uint8_t *info, size_t size, usec now)
{
	char reason[METAINFO_REASON_MAX];
	struct metainfo *m = memory_zeroed(1, sizeof *m);
	const bool ok = metainfo_parse_info(m, bytes_of(info, size), reason);
	free(info);
	metadata_free(t->metadata);
	t->metadata = NULL;
	if (!ok) {
		metainfo_deinit(m);
		free(m);
		t->metadata = metadata_new(t->info_hash);
		torrent_fail(s, t, DISK_FAILED, reason, now);
		return;
	}
	t->metainfo = m;
	free(t->name);
	t->name = memory_copy_text(m->name);
	struct action *a = session_act(s, ACT_METADATA);
	a->torrent = t->id;
	a->info = m->info;
	session_notice(s, t, NOTICE_METADATA, NULL);
	download_begin(s, t);
	/* A private torrent's peers come from its trackers only (BEP 27). */
	if (m->is_private) {
		torrent_unfollow(s, t);
		swarm_close_all(s, t, "torrent is private", now);
		candidates_free(t->candidates);
		t->candidates = torrent_candidates_new(s);
	}
	swarm_on_metadata(s, t, now);
	open_storage(s, t);
}

void torrent_on_piece(struct session *s, struct torrent *t, uint32_t piece, usec now)
{
	struct action *a = session_act(s, ACT_NOTICE);
	a->torrent = t->id;
	a->notice = NOTICE_PIECE;
	a->piece = piece;
	swarm_on_have(s, t, piece, now);
	if (t->state != TORRENT_DOWNLOADING || !download_is_done(t->download))
		return;
	set_state(s, t, TORRENT_SEEDING);
	session_notice(s, t, NOTICE_DONE, NULL);
	swarm_on_done(s, t, now);
	torrent_follow(s, t);
}

/* Other pieces are wanted than before. */
void torrent_on_choice(struct session *s, struct torrent *t, usec now)
{
	const bool done = download_is_done(t->download);
	if (t->state != TORRENT_DOWNLOADING && t->state != TORRENT_SEEDING)
		return;
	if (t->state == TORRENT_DOWNLOADING && done) {
		set_state(s, t, TORRENT_SEEDING);
		session_notice(s, t, NOTICE_DONE, NULL);
		swarm_on_done(s, t, now);
	} else if (t->state == TORRENT_SEEDING && !done) {
		hide_end(s, t);
		set_state(s, t, TORRENT_DOWNLOADING);
		t->hurry_at = now + HURRY_INTERVAL;
	}
	for (struct peer *p = t->peers; p != NULL; p = p->next)
		session_touch(s, p);
	if (t->state == TORRENT_DOWNLOADING)
		swarm_tell_upload_only(s, t, now);
	t->dial_now = t->refill = t->choke_now = true;
	session_stir(s, t);
	torrent_follow(s, t);
}

/* ---- time ---- */

static bool is_short_of_peers(const struct torrent *t)
{
	return t->state != TORRENT_SEEDING && t->peer_count - t->half_open < HURRY_PEERS_LOW &&
	       candidates_idle_count(t->candidates) == 0;
}

usec torrent_deadline(const struct session *s, const struct torrent *t)
{
	usec at = USEC_NEVER;
	if (!torrent_is_active(t) || s->stopping)
		return at;
	if (t->state != TORRENT_SEEDING)
		at = usec_min(at, t->hurry_at);
	if (t->half_open < s->config.half_open_max &&
	    t->peer_count < s->config.conns_per_torrent_max)
		at = usec_min(at, candidates_deadline(t->candidates, t->state != TORRENT_SEEDING));
	if (t->metadata != NULL)
		at = usec_min(at, metadata_deadline(t->metadata));
	at = usec_min(at, pace_deadline(t));
	for (const struct peer *p = t->peers; p != NULL; p = p->next) {
		if (p->wants) {
			at = usec_min(at, choker_deadline(&t->choker));
			break;
		}
	}
	return at;
}

void torrent_on_timer(struct session *s, struct torrent *t, usec now)
{
	if (!torrent_is_active(t))
		return;
	if (now >= t->hurry_at && t->state != TORRENT_SEEDING) {
		t->hurry_at = now + HURRY_INTERVAL;
		if (t->followed && is_short_of_peers(t)) {
			struct action *a = session_act(s, ACT_DHT_HURRY);
			a->torrent = t->id;
			memcpy(a->info_hash, t->info_hash, SHA1_SIZE);
		}
	}
	t->dial_now = true;
	t->choke_now = true;
	if (t->metadata != NULL)
		swarm_request_metadata(s, t, now);
}
