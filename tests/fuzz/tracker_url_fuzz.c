/* tests/fuzz/tracker_url_fuzz.c: any text as the URL of a tracker. Holds: what
 * is accepted gives a request whose host is the same, in printable ASCII. */
#include <assert.h>

#include "proto/tracker_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same_host(const struct tracker_url *u, const char *out)
{
	struct tracker_url back;
	const char *reason, *c;

	for (c = out; *c; c++)
		assert(*c > ' ' && *c <= '~');
	if (strlen(out) >= TRACKER_URL_MAX)
		return;
	assert(tracker_url_parse(&back, out, &reason));
	assert(strcmp(back.host, u->host) == 0 && back.port == u->port);
	assert(back.scheme == u->scheme);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char url[TRACKER_URL_MAX + 8], out[TRACKER_REQUEST_URL_MAX];
	static char scrape[TRACKER_SCRAPE_URL_MAX];
	/* so that the interesting part is reached */
	static const char *const prefixes[] = {"", "http://", "https://", "udp://"};
	struct tracker_request request = {.event = TRACKER_EVENT_STARTED,
					  .tracker_id = "id"};
	struct tracker_url u;
	const char *reason = NULL, *prefix;
	size_t begin;

	if (size == 0)
		return 0;
	prefix = prefixes[data[0] & 3];
	begin = strlen(prefix);
	strcpy(url, prefix);
	size = size - 1 < sizeof(url) - 1 - begin ? size - 1 : sizeof(url) - 1 - begin;
	memcpy(url + begin, data + 1, size);
	url[begin + size] = '\0';
	memcpy(request.info_hash, data, size < SHA1_SIZE ? size : SHA1_SIZE);
	if (!tracker_url_parse(&u, url, &reason)) {
		assert(reason && reason[0]);
		return 0;
	}
	assert(u.port > 0 && u.host[0] && strlen(u.host) < TRACKER_HOST_MAX);
	assert(u.target.size <= u.base.size);
	assert(tracker_url_announce(&u, &request, out) == (u.scheme != TRACKER_UDP));
	if (u.scheme != TRACKER_UDP)
		check_same_host(&u, out);
	if (tracker_url_scrape(&u, &request.info_hash, 1, scrape))
		check_same_host(&u, scrape);
	return 0;
}
