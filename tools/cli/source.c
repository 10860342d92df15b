/* tools/cli/source.c: see source.h. Decides by form: "magnet:" is a magnet
 * link; a file that is there is a torrent, even if its name looks like a hash;
 * then a bare info-hash. */
#include "tools/cli/source.h"

#include "tools/cli/cli.h"
#include "tools/io/files.h"

#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

int source_load_torrent(struct metainfo *m, const char *command, const char *path)
{
	char reason[FILES_REASON_MAX], what[METAINFO_REASON_MAX];
	size_t size = 0;
	uint8_t *file;
	bool good;

	*m = (struct metainfo){ 0 };
	file = files_load(path, METAINFO_SIZE_MAX, &size, reason);
	if (file == NULL)
		return cli_fail(CLI_ERROR, command, "%s", reason);
	good = metainfo_parse(m, bytes_of(file, size), what);
	free(file);
	if (!good)
		return cli_fail(CLI_BAD_TORRENT, command, "%s: %s", path, what);
	return CLI_OK;
}

/* Hex or base32 of a SHA-1, nothing else. */
static bool looks_like_hash(const char *text)
{
	size_t size = strlen(text);

	return (size == 40 && strspn(text, "0123456789abcdefABCDEF") == 40) ||
	       (size == 32 && strspn(text, "abcdefghijklmnopqrstuvwxyz"
	                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == 32);
}

static int load_magnet(struct source *s, const char *command)
{
	char reason[MAGNET_REASON_MAX];

	s->is_magnet = true;
	if (!magnet_parse(&s->magnet, s->text, reason))
		return cli_fail(CLI_BAD_MAGNET, command, "%.200s: %s", s->text, reason);
	if (!s->magnet.has_info_hash)
		return cli_fail(CLI_BAD_MAGNET, command,
		                "%.200s: no info-hash (xt=urn:btih:...) in it", s->text);
	return CLI_OK;
}

int source_load(struct source *s, const char *command, const char *text)
{
	*s = (struct source){ .text = text };
	if (strncasecmp(text, "magnet:", 7) == 0)
		return load_magnet(s, command);
	if (access(text, F_OK) == 0)
		return source_load_torrent(&s->metainfo, command, text);
	if (looks_like_hash(text))
		return load_magnet(s, command);
	if (strstr(text, "://") != NULL)
		return cli_fail(CLI_ERROR, command,
		                "%.200s: an address; give a magnet link or a .torrent file", text);
	return cli_fail(CLI_ERROR, command, "%.200s: no such file, nor a magnet link or info-hash",
	                text);
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
