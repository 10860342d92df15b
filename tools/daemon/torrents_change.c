/* tools/daemon/torrents_change.c: what a user asks of a torrent that is there:
 * stop, go on, leave, lie elsewhere. */
#include "tools/daemon/torrents_state.h"

#include "proto/memory.h"

#include <stdio.h>
#include <stdlib.h>

uint64_t torrents_version(const struct torrents *t)
{
	return t->version;
}

const struct state_record *torrents_record(const struct torrents *t, torrent_id id)
{
	const struct entry *e = idmap_pointer(&t->entries, id);

	return e == NULL ? NULL : &e->record;
}

bool torrents_set_paused(struct torrents *t, torrent_id id, bool paused,
                         char reason[TORRENTS_REASON_MAX])
{
	struct entry *e = idmap_pointer(&t->entries, id);
	struct session *s = host_session(t->host);

	if (e == NULL)
		return true;
	if (paused)
		session_pause(s, id, host_now(t->host));
	else
		session_resume(s, id, host_now(t->host));
	e->retry_at = USEC_NEVER;
	if (e->record.paused == paused)
		return true;
	e->record.paused = paused;
	return torrents_save_record(t, e->info_hash, &e->record, reason);
}

void torrents_suspend(struct torrents *t, torrent_id id)
{
	struct entry *e = idmap_pointer(&t->entries, id);

	if (e != NULL)
		torrents_remove_entry(t, e);
}

void torrents_remove(struct torrents *t, torrent_id id)
{
	struct entry *e = idmap_pointer(&t->entries, id);
	uint8_t hash[SHA1_SIZE];

	if (e == NULL)
		return;
	memcpy(hash, e->info_hash, SHA1_SIZE);
	torrents_remove_entry(t, e);
	/* Those that make it exist first. */
	state_dir_drop(t->store, hash, STATE_TORRENT);
	state_dir_drop(t->store, hash, STATE_MAGNET);
	state_dir_drop(t->store, hash, STATE_STATE);
	state_dir_drop(t->store, hash, STATE_RESUME);
}

bool torrents_bring_back(struct torrents *t, const uint8_t hash[SHA1_SIZE], const char *directory,
                         char reason[TORRENTS_REASON_MAX])
{
	struct state_record record;
	size_t size;
	uint8_t *file = state_dir_load(t->store, hash, STATE_STATE, &size, reason);
	bool good = file != NULL && state_dir_decode_record(bytes_of(file, size), &record);

	free(file);
	if (!good)
		return false;
	free(record.directory);
	record.directory = memory_copy_text(directory);
	good = torrents_save_record(t, hash, &record, reason);
	free(record.directory);
	if (!torrents_load_one(t, hash)) {
		snprintf(reason, TORRENTS_REASON_MAX, "the torrent was not taken up again");
		return false;
	}
	return good;
}
