/* peer/manage.c: what the user does to torrents: add, remove, pause, verify. */
#include <stdlib.h>

#include "peer/engine.h"
#include "proto/memory.h"

/* Take what m owns: its pointers all lead into m->memory. */
static struct metainfo *metainfo_move(struct metainfo *m)
{
	struct metainfo *moved = memory_copy(m, sizeof *m);
	*m = (struct metainfo){ 0 };
	return moved;
}

static char *display_name(const struct torrent *t, const char *given)
{
	if (t->metainfo != NULL)
		return memory_copy_text(t->metainfo->name);
	if (given != NULL && given[0] != '\0')
		return memory_copy_text(given);
	char hex[HEX_SHA1];
	return memory_copy_text(hex_encode(bytes_of(t->info_hash, SHA1_SIZE), hex));
}

torrent_id session_add(struct session *s, const struct torrent_options *o, torrent_id *existing,
                       usec now)
{
	const uint8_t *hash = o->metainfo != NULL ? o->metainfo->info_hash : o->info_hash;
	const torrent_id known = session_find(s, hash);
	if (existing != NULL)
		*existing = known;
	if (known != 0 || s->torrents.count >= SESSION_TORRENTS_MAX)
		return 0;
	struct torrent *t = memory_zeroed(1, sizeof *t);
	memcpy(t->info_hash, hash, SHA1_SIZE);
	mse_skey_hash(t->info_hash, t->skey_hash);
	if (o->metainfo != NULL) {
		t->metainfo = metainfo_move(o->metainfo);
		if (o->priorities != NULL)
			t->priorities = memory_copy(o->priorities, t->metainfo->file_count);
		if (o->have != NULL && o->have->size == t->metainfo->piece_count) {
			bitfield_init(&t->resume, o->have->size);
			bitfield_copy(&t->resume, o->have);
			t->trusted = true;
		}
	}
	t->name = display_name(t, o->name);
	t->no_dht = o->no_dht;
	t->sequential = o->sequential;
	t->candidates = torrent_candidates_new(s);
	superseed_init(&t->superseed);
	choker_init(&t->choker, s->config.upload_slots, now);
	t->choker.policy = s->config.serves_nobody ? CHOKER_CLOSED :
	                   s->config.classic       ? CHOKER_STRICT :
	                                             CHOKER_PROMPT;
	meter_init(&t->down, now);
	meter_init(&t->up, now);
	t->id = slots_add(&s->torrents, t);
	session_index_add(s, t);
	t->state = TORRENT_PAUSED;
	t->paused = o->paused;
	if (!t->paused && !s->stopping)
		torrent_start(s, t, now);
	session_settle(s, now);
	return t->id;
}

void session_remove(struct session *s, torrent_id id, usec now)
{
	struct torrent *t = session_torrent(s, id);
	if (t == NULL)
		return;
	torrent_halt(s, t, TORRENT_PAUSED, "torrent removed", now);
	session_settle(s, now);
	torrent_free(s, t, now);
}

void session_pause(struct session *s, torrent_id id, usec now)
{
	struct torrent *t = session_torrent(s, id);
	if (t == NULL || t->state == TORRENT_PAUSED)
		return;
	t->paused = true;
	torrent_halt(s, t, TORRENT_PAUSED, "torrent paused", now);
	session_settle(s, now);
}

void session_resume(struct session *s, torrent_id id, usec now)
{
	struct torrent *t = session_torrent(s, id);
	if (t == NULL || (t->state != TORRENT_PAUSED && t->state != TORRENT_ERROR))
		return;
	t->paused = false;
	/* What was verified in this run is taken as it is; after an error the disk
	 * is asked again. */
	if (t->download != NULL && t->state == TORRENT_PAUSED) {
		bitfield_deinit(&t->resume);
		bitfield_init(&t->resume, t->metainfo->piece_count);
		bitfield_copy(&t->resume, download_have(t->download));
		t->trusted = true;
	} else {
		torrent_forget_download(t);
	}
	torrent_start(s, t, now);
	session_settle(s, now);
}

void session_verify(struct session *s, torrent_id id, usec now)
{
	struct torrent *t = session_torrent(s, id);
	if (t == NULL || t->metainfo == NULL)
		return;
	torrent_halt(s, t, TORRENT_PAUSED, "torrent is being verified", now);
	torrent_forget_download(t);
	t->trusted = false;
	span_cache_forget(&s->spans, t->id);
	torrent_start(s, t, now);
	session_settle(s, now);
}
