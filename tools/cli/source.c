/* tools/cli/source.c: see source.h. Decides by form: "magnet:" is a magnet
 * link; a file that is there is a torrent, even if its name looks like a hash;
 * then a bare info-hash. */
#include "tools/cli/source.h"

#include "tools/cli/cli.h"
#include "tools/io/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

int source_load_torrent(struct metainfo *m, const char *path, char reason[SOURCE_REASON_MAX])
{
	char what[METAINFO_REASON_MAX];
	size_t size = 0;
	uint8_t *file;
	bool good;

	*m = (struct metainfo){ 0 };
	file = files_load(path, METAINFO_SIZE_MAX, &size, reason);
	if (file == NULL)
		return CLI_ERROR;
	good = metainfo_parse(m, bytes_of(file, size), what);
	free(file);
	if (!good)
		snprintf(reason, SOURCE_REASON_MAX, "%.800s: %s", path, what);
	return good ? CLI_OK : CLI_BAD_TORRENT;
}

/* Hex or base32 of a SHA-1, nothing else. */
static bool looks_like_hash(const char *text)
{
	size_t size = strlen(text);

	return (size == 40 && strspn(text, "0123456789abcdefABCDEF") == 40) ||
	       (size == 32 && strspn(text, "abcdefghijklmnopqrstuvwxyz"
	                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == 32);
}

static int load_magnet(struct source *s, char reason[SOURCE_REASON_MAX])
{
	char what[MAGNET_REASON_MAX] = "no info-hash (xt=urn:btih:...) in it";

	s->is_magnet = true;
	if (magnet_parse(&s->magnet, s->text, what) && s->magnet.has_info_hash)
		return CLI_OK;
	snprintf(reason, SOURCE_REASON_MAX, "%.200s: %s", s->text, what);
	return CLI_BAD_MAGNET;
}

int source_load(struct source *s, const char *text, char reason[SOURCE_REASON_MAX])
{
	*s = (struct source){ .text = text };
	if (strncasecmp(text, "magnet:", 7) == 0)
		return load_magnet(s, reason);
	if (access(text, F_OK) == 0)
		return source_load_torrent(&s->metainfo, text, reason);
	if (looks_like_hash(text))
		return load_magnet(s, reason);
	snprintf(reason, SOURCE_REASON_MAX, "%.200s: %s", text,
	         strstr(text, "://") != NULL ? "an address; give a magnet link or a .torrent file"
	                                     : "no such file, nor a magnet link or info-hash");
	return CLI_ERROR;
}

void source_deinit(struct source *s)
{
	if (s->is_magnet)
		magnet_deinit(&s->magnet);
	else
		metainfo_deinit(&s->metainfo);
}

const uint8_t *source_info_hash(const struct source *s)
{
	return s->is_magnet ? s->magnet.info_hash : s->metainfo.info_hash;
}

const char *source_name(const struct source *s)
{
	return s->is_magnet ? s->magnet.name : s->metainfo.name;
}
