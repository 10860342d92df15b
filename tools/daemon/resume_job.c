/* tools/daemon/resume_job.c: see resume_job.h. Order: the content is synced,
 * then looked at, then the file that vouches for it is saved. */
#include "tools/daemon/resume_job.h"

#include "proto/memory.h"
#include "proto/metainfo.h"
#include "tools/daemon/resume_file.h"

#include <stdio.h>
#include <stdlib.h>

struct resume_job *resume_job_new(const struct state_dir *store,
                                  const uint8_t info_hash[SHA1_SIZE], const char *root,
                                  const struct bitfield *have, bool sync)
{
	struct resume_job *j = memory_zeroed(1, sizeof *j);

	j->store = store;
	j->sync = sync;
	memcpy(j->info_hash, info_hash, SHA1_SIZE);
	j->root = memory_copy_text(root);
	bitfield_init(&j->have, have->size);
	bitfield_copy(&j->have, have);
	return j;
}

void resume_job_free(struct resume_job *j)
{
	bitfield_deinit(&j->have);
	free(j->root);
	free(j);
}

/* The file that is there says the same already, perhaps with synced content. */
static bool is_saved(const struct resume_job *j, const struct metainfo *m,
                     const struct resume_file *files, const char *boot)
{
	char reason[FILES_REASON_MAX];
	struct bitfield saved;
	size_t size;
	uint8_t *state = state_dir_load(j->store, j->info_hash, STATE_RESUME, &size, reason);
	bool same;

	if (state == NULL)
		return false;
	bitfield_init(&saved, j->have.size);
	same = resume_decode(bytes_of(state, size), files, m->file_count, boot, &saved) &&
	       bytes_equal(bitfield_wire(&saved), bitfield_wire(&j->have));
	bitfield_deinit(&saved);
	free(state);
	return same;
}

static void save(struct resume_job *j, const struct metainfo *m)
{
	char boot[RESUME_BOOT_SIZE];
	struct resume_file *files;
	uint8_t *state;
	size_t size;

	if (j->sync && !resume_sync(m, j->root)) {
		snprintf(j->reason, sizeof j->reason, "the content cannot be synced");
		return;
	}
	resume_read_boot(boot);
	files = resume_look(m, j->root);
	if (!j->sync && is_saved(j, m, files, boot)) {
		j->good = true;
	} else {
		state = resume_encode(&j->have, files, m->file_count, j->sync ? NULL : boot, &size);
		j->good = state_dir_save(j->store, j->info_hash, STATE_RESUME,
		                         bytes_of(state, size), j->reason);
		free(state);
	}
	free(files);
}

void resume_job_work(void *job)
{
	struct resume_job *j = job;
	struct metainfo m = { 0 };
	size_t size;
	uint8_t *file = state_dir_load(j->store, j->info_hash, STATE_TORRENT, &size, j->reason);

	if (file == NULL)
		return;
	if (metainfo_parse(&m, bytes_of(file, size), j->reason) && m.piece_count == j->have.size)
		save(j, &m);
	metainfo_deinit(&m);
	free(file);
}
