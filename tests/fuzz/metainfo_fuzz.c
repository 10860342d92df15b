/* tests/fuzz/metainfo_fuzz.c: any bytes as a torrent file and as an info
 * dictionary; what is accepted keeps every promise of proto/metainfo.h. */
#include "proto/metainfo.h"

#include "proto/utf8.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const struct metainfo *m, const char *path)
{
	const struct bytes text = bytes_of_text(path);
	size_t begin = 0, depth = 0;

	assert(utf8_is_valid(text) && text.size <= METAINFO_PATH_MAX);
	for (size_t i = 0; i <= text.size; i++) {
		assert(i == text.size || (text.data[i] >= 0x20 && text.data[i] != '\\'));
		if (i != text.size && text.data[i] != '/')
			continue;
		const struct bytes name = bytes_of(text.data + begin, i - begin);
		char again[METAINFO_NAME_MAX + 1];
		assert(name.size != 0 && name.size <= METAINFO_NAME_MAX);
		assert(!metainfo_sanitise_name(name, again)); /* clean stays as it is */
		assert(depth != 0 || bytes_equal_text(name, m->name));
		begin = i + 1;
		depth++;
	}
	assert(depth <= METAINFO_PATH_DEPTH_MAX && (m->multi_file ? depth >= 2 : depth == 1));
}

/* Equal paths, or one the directory of the other. */
static int paths_collide(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return (*a == '\0' || *a == '/') && (*b == '\0' || *b == '/') && (*a == '\0' || *b == '\0');
}

static void check(const struct metainfo *m)
{
	uint64_t sum = 0;
	uint8_t hash[SHA1_SIZE];

	assert(m->file_count >= 1 && m->piece_count >= 1 && m->total >= 1);
	for (uint32_t i = 0; i < m->file_count; i++) {
		assert(m->files[i].offset == sum);
		sum += m->files[i].length;
		check_path(m, m->files[i].path);
		for (uint32_t k = 0; k < i && i < 50; k++)
			assert(m->files[i].pad || m->files[k].pad ||
			       !paths_collide(m->files[i].path, m->files[k].path));
	}
	assert(sum == m->total);
	sum = 0;
	for (uint32_t i = 0; i < m->piece_count; i++) {
		assert(metainfo_piece_size(m, i) >= 1 && metainfo_piece_size(m, i) <= m->piece_length);
		assert(metainfo_piece_hash(m, i) >= m->info.data);
		assert(metainfo_piece_hash(m, i) + SHA1_SIZE <= m->info.data + m->info.size);
		sum += metainfo_piece_size(m, i);
	}
	assert(sum == m->total);
	sha1(m->info, hash);
	assert(memcmp(hash, m->info_hash, SHA1_SIZE) == 0);
	assert(m->tracker_count <= METAINFO_TRACKERS_MAX && m->node_count <= METAINFO_NODES_MAX &&
	       m->web_seed_count <= METAINFO_URLS_MAX);
}

/* A saved copy is the same torrent. */
static void check_wrapped(const struct metainfo *m)
{
	struct metainfo again;
	char reason[METAINFO_REASON_MAX];
	size_t size;
	uint8_t *file = metainfo_wrap(m->info, m->trackers, m->tracker_count, &size);

	const bool ok = metainfo_parse(&again, bytes_of(file, size), reason);
	assert(ok && memcmp(again.info_hash, m->info_hash, SHA1_SIZE) == 0);
	assert(again.tracker_count == m->tracker_count);
	metainfo_deinit(&again);
	free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct metainfo m;
	char reason[METAINFO_REASON_MAX];

	if (metainfo_parse(&m, bytes_of(data, size), reason)) {
		check(&m);
		check_wrapped(&m);
	} else {
		assert(reason[0] != '\0');
	}
	metainfo_deinit(&m);
	if (metainfo_parse_info(&m, bytes_of(data, size), reason))
		check(&m);
	metainfo_deinit(&m);
	return 0;
}
