/* tests/fuzz/magnet_fuzz.c: any text as a magnet link; what is accepted stays
 * the same when written and read again. */
#include "proto/magnet.h"

#include "proto/utf8.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct magnet *m)
{
	struct magnet again;
	char reason[MAGNET_REASON_MAX];
	char *link = magnet_format(m->info_hash, m->name, (const char *const *)m->trackers,
	                           m->tracker_count);

	/* Encoding triples: only then may the copy be too long. */
	if (strlen(link) <= MAGNET_SIZE_MAX) {
		const bool ok = magnet_parse(&again, link, reason);
		assert(ok && memcmp(again.info_hash, m->info_hash, SHA1_SIZE) == 0);
		assert((again.name == NULL) == (m->name == NULL));
		assert(m->name == NULL || strcmp(again.name, m->name) == 0);
		assert(again.tracker_count == m->tracker_count);
		for (uint32_t i = 0; i < m->tracker_count; i++)
			assert(strcmp(again.trackers[i], m->trackers[i]) == 0);
		magnet_deinit(&again);
	}
	free(link);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct magnet m;
	char reason[MAGNET_REASON_MAX];
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	if (magnet_parse(&m, text, reason)) {
		assert(m.has_info_hash || m.has_public_key);
		assert(m.name == NULL || (strlen(m.name) <= MAGNET_NAME_MAX &&
		                          utf8_is_valid(bytes_of_text(m.name))));
		assert(m.tracker_count <= MAGNET_TRACKERS_MAX && m.peer_count <= MAGNET_PEERS_MAX);
		assert(m.web_seed_count <= MAGNET_URLS_MAX && m.file_count <= MAGNET_RANGES_MAX);
		assert(m.salt_size <= MAGNET_SALT_MAX);
		for (uint32_t i = 0; i < m.file_count; i++)
			assert(m.files[i].first <= m.files[i].last);
		if (m.has_info_hash)
			check_round_trip(&m);
	} else {
		assert(reason[0] != '\0');
	}
	magnet_deinit(&m);
	free(text);
	return 0;
}
