/* tools/daemon/resume_file.c: see resume_file.h. The file is a dictionary:
 *
 *	boot     the start of the system it is good for; absent: any
 *	files    a list of [size, mtime in ns] in torrent order
 *	have     the bitfield as on the wire
 *	version  1 */
#include "tools/daemon/resume_file.h"

#include "proto/bencode.h"
#include "proto/memory.h"
#include "tools/io/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RESUME_VERSION = 1, RESUME_FILE_BYTES_MAX = 2 * 22 + 2 };

void resume_read_boot(char out[RESUME_BOOT_SIZE])
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	memset(out, 0, RESUME_BOOT_SIZE);
	if (f == NULL)
		return;
	if (fgets(out, RESUME_BOOT_SIZE, f) != NULL)
		out[strcspn(out, "\n")] = '\0';
	fclose(f);
}

bool resume_sync(const struct metainfo *m, const char *root)
{
	bool good = true;

	for (uint32_t i = 0; i < m->file_count && good; i++) {
		char *path = files_join(root, m->files[i].path);
		int fd = m->files[i].pad ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

		if (fd >= 0) {
			good = fdatasync(fd) == 0;
			close(fd);
		}
		free(path);
	}
	return good;
}

struct resume_file *resume_look(const struct metainfo *m, const char *root)
{
	struct resume_file *files = memory_zeroed((size_t)m->file_count + 1, sizeof *files);

	for (uint32_t i = 0; i < m->file_count; i++) {
		char *path = files_join(root, m->files[i].path);
		struct stat st;

		files[i].size = -1;
		if (!m->files[i].pad && lstat(path, &st) == 0 && S_ISREG(st.st_mode)) {
			files[i].size = st.st_size;
			files[i].mtime_ns =
				(int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
		}
		free(path);
	}
	return files;
}

uint8_t *resume_encode(const struct bitfield *have, const struct resume_file *files,
                       uint32_t file_count, const char *boot, size_t *size)
{
	struct bytes wire = bitfield_wire(have);
	size_t room = wire.size + (size_t)file_count * RESUME_FILE_BYTES_MAX + 256;
	uint8_t *out = memory_alloc(room);
	struct writer w;

	writer_init(&w, out, room);
	bencode_begin_dict(&w);
	if (boot != NULL) {
		bencode_put_key(&w, "boot");
		bencode_put_text(&w, boot);
	}
	bencode_put_key(&w, "files");
	bencode_begin_list(&w);
	for (uint32_t i = 0; i < file_count; i++) {
		bencode_begin_list(&w);
		bencode_put_int(&w, files[i].size);
		bencode_put_int(&w, files[i].mtime_ns);
		bencode_end(&w);
	}
	bencode_end(&w);
	bencode_put_key(&w, "have");
	bencode_put_string(&w, wire);
	bencode_put_key(&w, "version");
	bencode_put_int(&w, RESUME_VERSION);
	bencode_end(&w);
	*size = writer_bytes(&w).size;
	return out;
}

static bool files_agree(const struct bencode *b, uint32_t list, const struct resume_file *files,
                        uint32_t file_count)
{
	uint32_t i = 0;

	for (uint32_t at = bencode_first(b, list); at != BENCODE_NONE;
	     at = bencode_after(b, list, at), i++) {
		uint32_t first, second;
		int64_t size, mtime_ns;

		if (i >= file_count || bencode_type(b, at) != BENCODE_LIST)
			return false;
		first = bencode_first(b, at);
		second = first == BENCODE_NONE ? BENCODE_NONE : bencode_after(b, at, first);
		if (!bencode_int(b, first, &size) || !bencode_int(b, second, &mtime_ns) ||
		    size != files[i].size || mtime_ns != files[i].mtime_ns)
			return false;
	}
	return i == file_count;
}

static bool boot_agrees(const struct bencode *b, const char *boot)
{
	struct bytes saved;

	if (bencode_find(b, 0, "boot") == BENCODE_NONE)
		return true;
	return boot[0] != '\0' && bencode_find_string(b, 0, "boot", &saved) &&
	       bytes_equal_text(saved, boot);
}

bool resume_decode(struct bytes state, const struct resume_file *files, uint32_t file_count,
                   const char *boot, struct bitfield *have)
{
	uint32_t token_max = 3 * file_count + 16, list;
	struct bencode_token *tokens = memory_zeroed(token_max, sizeof *tokens);
	struct bencode b;
	struct bytes wire;
	int64_t version;
	bool good;

	good = bencode_parse(&b, state, tokens, token_max, 0) &&
	       bencode_find_int(&b, 0, "version", &version) && version == RESUME_VERSION &&
	       boot_agrees(&b, boot) &&
	       (list = bencode_find_typed(&b, 0, "files", BENCODE_LIST)) != BENCODE_NONE &&
	       files_agree(&b, list, files, file_count) &&
	       bencode_find_string(&b, 0, "have", &wire) && bitfield_load(have, wire);
	free(tokens);
	if (!good)
		bitfield_clear_all(have);
	return good;
}
