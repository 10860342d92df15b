/* tools/daemon/torrents.c: see torrents.h. */
#include "tools/daemon/torrents.h"

#include "proto/magnet.h"
#include "proto/memory.h"
#include "tools/daemon/log.h"
#include "tools/daemon/resume_file.h"
#include "tools/daemon/resume_job.h"
#include "tools/daemon/torrents_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct torrents *torrents_new(const struct state_dir *store, struct host *host,
                              const char *directory)
{
	struct torrents *t = memory_zeroed(1, sizeof *t);

	t->store = store;
	t->host = host;
	t->directory = directory;
	t->retry_at = USEC_NEVER;
	return t;
}

static void entry_free(struct entry *e)
{
	free(e->record.directory);
	free(e);
}

void torrents_free(struct torrents *t)
{
	struct idmap_entry one;

	while (idmap_any(&t->entries, &one)) {
		entry_free(idmap_pointer(&t->entries, one.id));
		idmap_remove(&t->entries, one.id);
	}
	idmap_deinit(&t->entries);
	free(t);
}

/* ---- adding ---- */

/* What one torrent is made of while it is added. */
struct addition {
	struct metainfo metainfo; /* owned; when it is known */
	struct magnet magnet;     /* owned; otherwise */
	bool is_magnet;
	struct state_record record; /* owned until the entry takes it */
};

static void addition_deinit(struct addition *a)
{
	metainfo_deinit(&a->metainfo);
	magnet_deinit(&a->magnet);
	free(a->record.directory);
}

static const uint8_t *addition_hash(const struct addition *a)
{
	return a->is_magnet ? a->magnet.info_hash : a->metainfo.info_hash;
}

/* The pieces of the last run when the files have not changed since; owned by
 * have, which stays empty otherwise. */
static bool load_resume(struct torrents *t, const struct addition *a, struct bitfield *have)
{
	char reason[FILES_REASON_MAX], boot[RESUME_BOOT_SIZE];
	struct resume_file *files;
	uint8_t *state;
	size_t size;
	bool good;

	if (a->is_magnet)
		return false;
	state = state_dir_load(t->store, a->metainfo.info_hash, STATE_RESUME, &size, reason);
	if (state == NULL)
		return false;
	files = resume_look(&a->metainfo, a->record.directory);
	bitfield_init(have, a->metainfo.piece_count);
	resume_read_boot(boot);
	good = resume_decode(bytes_of(state, size), files, a->metainfo.file_count, boot, have);
	if (!good) {
		log_line(LOG_LEVEL_INFO, "%s: files may have changed since they were verified: checking",
		         a->metainfo.name);
		bitfield_deinit(have);
		*have = (struct bitfield){ 0 };
	}
	free(files);
	free(state);
	return good;
}

static void add_nodes(struct torrents *t, const struct metainfo *m)
{
	char text[METAINFO_URL_MAX];

	for (uint32_t i = 0; !m->is_private && i < m->node_count; i++) {
		const char *form = strchr(m->nodes[i].host, ':') != NULL ? "[%s]:%u" : "%s:%u";

		snprintf(text, sizeof text, form, m->nodes[i].host, (unsigned)m->nodes[i].port);
		host_add_node(t->host, text);
	}
}

/* A magnet's; those of a torrent file the host knows. */
static void add_trackers(struct torrents *t, const struct addition *a, torrent_id id)
{
	const char *reason;

	for (uint32_t i = 0; a->is_magnet && i < a->magnet.tracker_count; i++)
		if (!host_add_tracker(t->host, id, a->magnet.trackers[i], i, &reason))
			log_line(LOG_LEVEL_INFO, "tracker left out: %s", reason);
}

/* Into the session. Takes a->record and the metainfo. */
static bool start(struct torrents *t, struct addition *a)
{
	struct torrent_options options = { .paused = a->record.paused };
	struct bitfield have = { 0 };
	struct entry *e;
	torrent_id id;

	if (a->is_magnet) {
		memcpy(options.info_hash, a->magnet.info_hash, SHA1_SIZE);
		options.name = a->magnet.name;
	} else {
		if (load_resume(t, a, &have))
			options.have = &have;
		add_nodes(t, &a->metainfo);
		options.metainfo = &a->metainfo;
	}
	e = memory_zeroed(1, sizeof *e);
	memcpy(e->info_hash, addition_hash(a), SHA1_SIZE);
	id = host_add(t->host, &options, a->record.directory, NULL);
	if (options.have != NULL)
		bitfield_deinit(&have);
	if (id == 0) {
		free(e);
		return false;
	}
	e->id = id;
	e->trusted = options.have != NULL;
	e->retry_at = USEC_NEVER;
	e->record = a->record;
	a->record.directory = NULL;
	idmap_set_pointer(&t->entries, id, e);
	t->version++;
	for (uint32_t i = 0; a->is_magnet && i < a->magnet.peer_count; i++)
		host_add_peer(t->host, id, a->magnet.peers[i], SOURCE_MAGNET);
	add_trackers(t, a, id);
	return true;
}

bool torrents_save_record(struct torrents *t, const uint8_t hash[SHA1_SIZE],
                          const struct state_record *record, char reason[FILES_REASON_MAX])
{
	size_t size;
	uint8_t *file = state_dir_encode_record(record, &size);
	bool good = state_dir_save(t->store, hash, STATE_STATE, bytes_of(file, size), reason);

	free(file);
	return good;
}

static struct entry *find_entry(struct torrents *t, const uint8_t hash[SHA1_SIZE])
{
	torrent_id id = session_find(host_session(t->host), hash);

	return id == 0 ? NULL : idmap_pointer(&t->entries, id);
}

/* Save what was given as kind, then run it. */
static enum torrents_outcome add_new(struct torrents *t, struct addition *a,
                                     enum state_kind kind, struct bytes file,
                                     const struct torrents_choice *choice,
                                     char reason[TORRENTS_REASON_MAX])
{
	uint8_t hash[SHA1_SIZE];

	memcpy(hash, addition_hash(a), SHA1_SIZE);
	a->record.directory = memory_copy_text(choice != NULL && choice->directory != NULL
	                                               ? choice->directory : t->directory);
	a->record.paused = choice != NULL && choice->paused;
	a->record.added_at = time(NULL);
	/* The record first: the torrent exists with the other file. */
	if (!torrents_save_record(t, hash, &a->record, reason) ||
	    !state_dir_save(t->store, hash, kind, file, reason))
		return TORRENTS_FAILED;
	if (!start(t, a)) {
		snprintf(reason, TORRENTS_REASON_MAX, "the session takes no more torrents");
		return TORRENTS_FAILED;
	}
	return TORRENTS_ADDED;
}

void torrents_remove_entry(struct torrents *t, struct entry *e)
{
	t->version++;
	host_remove(t->host, e->id);
	idmap_remove(&t->entries, e->id);
	entry_free(e);
}

enum torrents_outcome torrents_add_file(struct torrents *t, struct bytes file,
                                        const struct torrents_choice *choice,
                                        char reason[TORRENTS_REASON_MAX])
{
	struct addition a = { .is_magnet = false };
	enum torrents_outcome outcome = TORRENTS_BAD;
	struct entry *known;

	if (metainfo_parse(&a.metainfo, file, reason)) {
		known = find_entry(t, a.metainfo.info_hash);
		/* A magnet that still looks for its metadata gets it from here. */
		if (known != NULL && session_metainfo(host_session(t->host), known->id) == NULL) {
			state_dir_drop(t->store, known->info_hash, STATE_MAGNET);
			torrents_remove_entry(t, known);
			known = NULL;
		}
		outcome = known != NULL ? TORRENTS_KNOWN
		                        : add_new(t, &a, STATE_TORRENT, file, choice, reason);
	}
	addition_deinit(&a);
	return outcome;
}

/* The first line that is not empty, without the white space around it; owned. */
static char *first_line(const char *text)
{
	char *line;
	size_t size;

	text += strspn(text, " \t\r\n\v\f");
	size = strcspn(text, " \t\r\n\v\f");
	line = memory_alloc(size + 1);
	memcpy(line, text, size);
	line[size] = '\0';
	return line;
}

enum torrents_outcome torrents_add_magnet(struct torrents *t, const char *text,
                                          const struct torrents_choice *choice,
                                          char reason[TORRENTS_REASON_MAX])
{
	struct addition a = { .is_magnet = true };
	enum torrents_outcome outcome = TORRENTS_BAD;
	char *line = first_line(text);

	if (magnet_parse(&a.magnet, line, reason)) {
		if (!a.magnet.has_info_hash)
			snprintf(reason, TORRENTS_REASON_MAX, "no info-hash (xt=urn:btih:...) in it");
		else if (find_entry(t, a.magnet.info_hash) != NULL)
			outcome = TORRENTS_KNOWN;
		else
			outcome = add_new(t, &a, STATE_MAGNET, bytes_of_text(line), choice,
			                  reason);
	}
	addition_deinit(&a);
	free(line);
	return outcome;
}

/* ---- coming back ---- */

static bool load_metainfo(struct torrents *t, const uint8_t hash[SHA1_SIZE], struct addition *a,
                          char reason[FILES_REASON_MAX])
{
	size_t size;
	uint8_t *file = state_dir_load(t->store, hash, STATE_TORRENT, &size, reason);
	bool good;

	if (file == NULL)
		return false;
	good = metainfo_parse(&a->metainfo, bytes_of(file, size), reason);
	free(file);
	if (good && memcmp(a->metainfo.info_hash, hash, SHA1_SIZE) != 0) {
		snprintf(reason, FILES_REASON_MAX, "its info-hash is not that of its name");
		return false;
	}
	return good;
}

static bool load_magnet(struct torrents *t, const uint8_t hash[SHA1_SIZE],
                        struct magnet *magnet, char reason[FILES_REASON_MAX])
{
	size_t size;
	uint8_t *file = state_dir_load(t->store, hash, STATE_MAGNET, &size, reason);
	char *line;
	bool good;

	if (file == NULL)
		return false;
	line = first_line((const char *)file);
	free(file);
	good = magnet_parse(magnet, line, reason);
	free(line);
	if (good && memcmp(magnet->info_hash, hash, SHA1_SIZE) != 0) {
		snprintf(reason, FILES_REASON_MAX, "its info-hash is not that of its name");
		return false;
	}
	return good;
}

static void load_record(struct torrents *t, const uint8_t hash[SHA1_SIZE],
                        struct state_record *record)
{
	char reason[FILES_REASON_MAX];
	size_t size;
	uint8_t *file = state_dir_load(t->store, hash, STATE_STATE, &size, reason);
	bool good = file != NULL && state_dir_decode_record(bytes_of(file, size), record);

	free(file);
	if (good)
		return;
	*record = (struct state_record){ .directory = memory_copy_text(t->directory),
		                         .added_at = time(NULL) };
}

bool torrents_load_one(struct torrents *t, const uint8_t hash[SHA1_SIZE])
{
	struct addition a = { .is_magnet = false };
	char reason[FILES_REASON_MAX], hex[HEX_SHA1];
	bool good = load_metainfo(t, hash, &a, reason);

	if (!good && state_dir_has(t->store, hash, STATE_MAGNET)) {
		metainfo_deinit(&a.metainfo);
		a.metainfo = (struct metainfo){ 0 };
		a.is_magnet = true;
		good = load_magnet(t, hash, &a.magnet, reason);
	}
	if (good) {
		load_record(t, hash, &a.record);
		good = start(t, &a);
		if (!good)
			snprintf(reason, sizeof reason, "the session takes no more torrents");
	}
	if (!good)
		log_line(LOG_LEVEL_ERROR, "torrent %s not brought back: %s",
		         hex_encode(bytes_of(hash, SHA1_SIZE), hex), reason);
	addition_deinit(&a);
	return good;
}

uint32_t torrents_load(struct torrents *t)
{
	uint32_t count, loaded = 0;
	uint8_t(*hashes)[SHA1_SIZE] = state_dir_list(t->store, &count);

	for (uint32_t i = 0; i < count; i++)
		if (torrents_load_one(t, hashes[i]))
			loaded++;
	free(hashes);
	return loaded;
}

/* ---- living ---- */

void torrents_on_metadata(struct torrents *t, const struct action *metadata)
{
	struct entry *e = idmap_pointer(&t->entries, metadata->torrent);
	struct metainfo_tracker trackers[MAGNET_TRACKERS_MAX];
	char reason[FILES_REASON_MAX];
	struct magnet magnet = { 0 };
	uint32_t count = 0;
	uint8_t *file;
	size_t size;

	if (e == NULL)
		return;
	if (load_magnet(t, e->info_hash, &magnet, reason))
		for (; count < magnet.tracker_count && count < MAGNET_TRACKERS_MAX; count++)
			trackers[count] = (struct metainfo_tracker){ magnet.trackers[count], count };
	file = metainfo_wrap(metadata->info, trackers, count, &size);
	if (state_dir_save(t->store, e->info_hash, STATE_TORRENT, bytes_of(file, size), reason))
		state_dir_drop(t->store, e->info_hash, STATE_MAGNET);
	else
		log_line(LOG_LEVEL_ERROR, "metadata not saved, fetched again after a restart: %s",
		         reason);
	free(file);
	magnet_deinit(&magnet);
}

/* The pieces of e as a resume file's job; NULL: nothing to save. */
static struct resume_job *resume_job_of(struct torrents *t, const struct entry *e, bool sync)
{
	const struct session *s = host_session(t->host);
	const struct bitfield *have = session_have(s, e->id);
	struct resume_job *j;

	if (have == NULL || !e->checked || !e->unsaved)
		return NULL;
	j = resume_job_new(t->store, e->info_hash, e->record.directory, have, sync);
	j->owner = t;
	j->torrent = e->id;
	return j;
}

static void on_resume_saved(void *job)
{
	struct resume_job *j = job;
	struct torrents *t = j->owner;
	struct entry *e = idmap_pointer(&t->entries, j->torrent);

	if (!j->good)
		log_line(LOG_LEVEL_WARNING, "resume file not saved, checked after a restart: %s",
		         j->reason);
	if (e != NULL) {
		e->saving = false;
		/* A complete torrent's last changes (empty files) may still be under way:
		 * it is saved again at the end. */
		if (j->good && !e->changed)
			e->unsaved = false;
	}
	resume_job_free(j);
}

/* In the background. */
static void save_resume(struct torrents *t, struct entry *e)
{
	struct resume_job *j = e->saving ? NULL : resume_job_of(t, e, true);

	if (j == NULL)
		return;
	e->saving = true;
	host_run_work(t->host, resume_job_work, on_resume_saved, j);
}

/* Now, without syncing. */
static void save_resume_at_once(struct torrents *t, struct entry *e)
{
	struct resume_job *j = resume_job_of(t, e, false);

	if (j == NULL)
		return;
	resume_job_work(j);
	j->owner = t;
	on_resume_saved(j);
}

static void on_error(struct torrents *t, struct entry *e, const struct torrent_status *status,
                     const char *text)
{
	usec now = host_now(t->host);

	e->checked = false;
	e->retry_at = now + TORRENTS_RETRY;
	t->retry_at = usec_min(t->retry_at, e->retry_at);
	log_line(LOG_LEVEL_ERROR, "%s: stopped, tried again in %u s: %s", status->name,
	         (unsigned)(TORRENTS_RETRY / USEC_PER_SEC),
	         text != NULL ? text : status->error != NULL ? status->error : "unknown error");
}

static void on_state(struct entry *e, const struct torrent_status *status)
{
	if (status->state == TORRENT_DOWNLOADING || status->state == TORRENT_SEEDING)
		e->checked = true;
	else if (status->state != TORRENT_PAUSED)
		e->checked = false;
	if (status->state != TORRENT_ERROR)
		e->retry_at = USEC_NEVER;
}

static void log_peer(const struct action *a, const struct torrent_status *status)
{
	char where[ENDPOINT_TEXT_MAX];

	if (a->notice == NOTICE_BANNED)
		log_line(LOG_LEVEL_WARNING, "%s: peer %s banned: %s", status->name,
		         endpoint_format(&a->endpoint, where), a->text != NULL ? a->text : "wrong data");
	else if (log_is_on(LOG_LEVEL_DEBUG))
		log_line(LOG_LEVEL_DEBUG, "%s: peer %s %s%s", status->name,
		         endpoint_format(&a->endpoint, where),
		         a->text == NULL ? "connected" : "lost: ", a->text == NULL ? "" : a->text);
}

void torrents_on_notice(struct torrents *t, const struct action *notice)
{
	struct entry *e = idmap_pointer(&t->entries, notice->torrent);
	struct torrent_status status;

	if (e == NULL ||
	    !session_status(host_session(t->host), e->id, &status, host_now(t->host)))
		return;
	on_state(e, &status);
	switch (notice->notice) {
	case NOTICE_STATE:
		return;
	case NOTICE_METADATA:
		log_line(LOG_LEVEL_INFO, "%s: metadata is there", status.name);
		return;
	case NOTICE_CHECKED:
		log_line(LOG_LEVEL_INFO, "%s: %" PRIu32 " of %" PRIu32 " pieces are there%s",
		         status.name, status.pieces_have, status.piece_count,
		         e->trusted ? ", unchanged since the last run" : "");
		/* What was taken from the resume file need not go back there. */
		e->unsaved = !e->trusted;
		e->trusted = false;
		save_resume(t, e);
		return;
	case NOTICE_PIECE:
		e->unsaved = e->changed = true;
		return;
	case NOTICE_DONE:
		log_line(LOG_LEVEL_INFO, "%s: complete, %" PRIu64 " bytes", status.name, status.total);
		save_resume(t, e);
		return;
	case NOTICE_ERROR:
		on_error(t, e, &status, notice->text);
		return;
	case NOTICE_BANNED:
	case NOTICE_PEER:
		log_peer(notice, &status);
		return;
	}
}

void torrents_on_tick(struct torrents *t)
{
	usec now = host_now(t->host), next = USEC_NEVER;

	if (now < t->retry_at)
		return;
	for (size_t i = 0; i < t->entries.slots; i++) {
		struct entry *e;

		if (t->entries.entries[i].id == 0)
			continue;
		e = idmap_pointer(&t->entries, t->entries.entries[i].id);
		if (e->retry_at <= now) {
			e->retry_at = USEC_NEVER;
			session_resume(host_session(t->host), e->id, now);
		}
		next = usec_min(next, e->retry_at);
	}
	t->retry_at = next;
}

void torrents_save_all(struct torrents *t, usec until)
{
	uint32_t left = 0;

	for (size_t i = 0; i < t->entries.slots; i++) {
		struct entry *e;

		if (t->entries.entries[i].id == 0)
			continue;
		e = idmap_pointer(&t->entries, t->entries.entries[i].id);
		if (host_now(t->host) < until)
			save_resume_at_once(t, e);
		else
			left += e->unsaved;
	}
	if (left > 0)
		log_line(LOG_LEVEL_WARNING,
		         "%" PRIu32 " resume files not saved in time; these are checked at the next start",
		         left);
}

void torrents_count(const struct torrents *t, uint32_t *all, uint32_t *seeding)
{
	const struct session *s = host_session(t->host);
	struct torrent_status status;

	*all = 0;
	*seeding = 0;
	for (torrent_id id = session_next(s, 0); id != 0; id = session_next(s, id)) {
		(*all)++;
		if (session_status(s, id, &status, host_now(t->host)) &&
		    status.state == TORRENT_SEEDING)
			(*seeding)++;
	}
}
