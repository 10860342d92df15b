/* proto/tracker_url.c: tracker URLs in, announce and scrape URLs out.
 *
 * What is appended is all that trackers disagree about: info_hash and peer_id
 * are raw bytes, so everything but the unreserved characters of RFC 3986 is
 * percent-encoded; an existing query string (a passkey) is kept in front. */
#include "proto/tracker_url.h"

#include <assert.h>

#include "proto/wire.h"

static const struct {
	const char *name;
	enum tracker_scheme scheme;
	uint16_t port; /* 0: must be told */
} schemes[] = {
    {"http://", TRACKER_HTTP, 80},
    {"https://", TRACKER_HTTPS, 443},
    {"udp://", TRACKER_UDP, 0},
};

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

static bool begins(struct bytes s, const char *with)
{
	size_t i;

	for (i = 0; with[i]; i++)
		if (i >= s.size || lower(s.data[i]) != (uint8_t)with[i])
			return false;
	return true;
}

/* Bytes before the first of any of these, or all. */
static size_t span(struct bytes s, const char *stop)
{
	size_t i;

	for (i = 0; i < s.size; i++)
		if (strchr(stop, s.data[i]))
			break;
	return i;
}

static struct bytes behind(struct bytes s, size_t size)
{
	return bytes_of(s.data + size, s.size - size);
}

/* ":80" or nothing. */
static bool read_port(struct bytes s, uint16_t *port)
{
	uint32_t v = 0;
	size_t i;

	if (s.size <= 1)
		return s.size == 0 || s.data[0] == ':';
	if (s.data[0] != ':' || s.size > 6)
		return false;
	for (i = 1; i < s.size; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return false;
		v = v * 10 + (uint32_t)(s.data[i] - '0');
	}
	*port = (uint16_t)v;
	return v > 0 && v <= UINT16_MAX;
}

static bool is_host_character(uint8_t c, bool v6)
{
	bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');

	if (v6)
		return digit || c == ':' || c == '.';
	return digit || (c >= 'g' && c <= 'z') || c == '.' || c == '-' || c == '_';
}

static bool read_authority(struct tracker_url *u, struct bytes s)
{
	bool v6 = s.size > 0 && s.data[0] == '[';
	size_t i, size;

	if (v6)
		s = behind(s, 1);
	size = span(s, v6 ? "]" : ":");
	if (size == 0 || size >= TRACKER_HOST_MAX || (v6 && size == s.size))
		return false;
	for (i = 0; i < size; i++) {
		u->host[i] = (char)lower(s.data[i]);
		if (!is_host_character((uint8_t)u->host[i], v6))
			return false;
	}
	u->host[size] = '\0';
	return read_port(behind(s, size + v6), &u->port);
}

bool tracker_url_parse(struct tracker_url *u, const char *url, const char **reason)
{
	struct bytes s = bytes_of_text(url);
	size_t i;

	*u = (struct tracker_url){0};
	*reason = "tracker URL too long";
	if (s.size >= TRACKER_URL_MAX)
		return false;
	*reason = "tracker URL with characters that no URL has";
	for (i = 0; i < s.size; i++)
		if (s.data[i] <= ' ' || s.data[i] > '~')
			return false;
	s.size = span(s, "#");
	u->base = s;
	*reason = "tracker URL is not http, https or udp";
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (begins(s, schemes[i].name))
			break;
	if (i == sizeof(schemes) / sizeof(schemes[0]))
		return false;
	u->scheme = schemes[i].scheme;
	u->port = schemes[i].port;
	s = behind(s, strlen(schemes[i].name));
	*reason = "tracker URL with a malformed host or port";
	if (!read_authority(u, bytes_of(s.data, span(s, "/?"))))
		return false;
	u->target = behind(s, span(s, "/?"));
	*reason = "UDP tracker URL without a port";
	return u->port != 0;
}

static void write_encoded(struct writer *w, struct bytes raw)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < raw.size; i++) {
		uint8_t c = raw.data[i], l = lower(c);

		if ((l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') ||
		    strchr("-._~", c ? c : 'X')) {
			write_u8(w, c);
			continue;
		}
		write_u8(w, '%');
		write_u8(w, (uint8_t)hex[c >> 4]);
		write_u8(w, (uint8_t)hex[c & 15]);
	}
}

/* '?' or '&', whichever the URL needs before one more parameter. */
static void write_joint(struct writer *w)
{
	struct bytes all = writer_bytes(w);

	if (all.size == 0)
		return;
	if (!memchr(all.data, '?', all.size))
		write_u8(w, '?');
	else if (all.data[all.size - 1] != '?' && all.data[all.size - 1] != '&')
		write_u8(w, '&');
}

static void write_number(struct writer *w, const char *name, uint64_t v)
{
	write_text(w, name);
	write_decimal(w, v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

static void write_hash(struct writer *w, const uint8_t hash[SHA1_SIZE])
{
	write_joint(w);
	write_text(w, "info_hash=");
	write_encoded(w, bytes_of(hash, SHA1_SIZE));
}

static bool finish(struct writer *w)
{
	write_u8(w, '\0');
	return !w->failed;
}

static void write_optional(struct writer *w, const struct tracker_request *r)
{
	static const char *const events[] = {
	    [TRACKER_EVENT_COMPLETED] = "completed",
	    [TRACKER_EVENT_STARTED] = "started",
	    [TRACKER_EVENT_STOPPED] = "stopped",
	    [TRACKER_EVENT_PAUSED] = "paused",
	};
	char address[ENDPOINT_TEXT_MAX];

	if (r->event != TRACKER_EVENT_NONE) {
		write_text(w, "&event=");
		write_text(w, events[r->event]);
	}
	if (r->tracker_id && r->tracker_id[0]) {
		write_text(w, "&trackerid=");
		write_encoded(w, bytes_of_text(r->tracker_id));
	}
	if (r->ipv6.family == ENDPOINT_V6) {
		write_text(w, "&ipv6=");
		write_encoded(w, bytes_of_text(endpoint_format_address(&r->ipv6, address)));
	}
	if (r->crypto)
		write_text(w, "&supportcrypto=1");
	if (r->crypto_required)
		write_text(w, "&requirecrypto=1");
}

bool tracker_url_announce(const struct tracker_url *u,
			  const struct tracker_request *request,
			  char out[TRACKER_REQUEST_URL_MAX])
{
	static const char digits[] = "0123456789ABCDEF";
	char key[9] = "";
	struct writer w;
	int i;

	if (u->scheme == TRACKER_UDP)
		return false;
	for (i = 0; i < 8; i++)
		key[i] = digits[request->key >> (28 - 4 * i) & 15];
	writer_init(&w, out, TRACKER_REQUEST_URL_MAX);
	write_bytes(&w, u->base);
	write_hash(&w, request->info_hash);
	write_text(&w, "&peer_id=");
	write_encoded(&w, bytes_of(request->peer_id, PEER_ID_SIZE));
	write_number(&w, "&port=", request->port);
	write_number(&w, "&uploaded=", request->uploaded);
	write_number(&w, "&downloaded=", request->downloaded);
	write_number(&w, "&left=", request->left);
	write_text(&w, "&compact=1&no_peer_id=1&key=");
	write_text(&w, key);
	write_number(&w, "&numwant=", request->numwant);
	write_optional(&w, request);
	return finish(&w);
}

bool tracker_url_scrape(const struct tracker_url *u, const uint8_t (*hashes)[SHA1_SIZE],
			uint32_t count, char out[TRACKER_SCRAPE_URL_MAX])
{
	static const char announce[] = "announce";
	size_t path_size = span(u->target, "?"), at, i;
	struct writer w;

	assert(count <= TRACKER_SCRAPE_MAX);
	if (u->scheme == TRACKER_UDP)
		return false;
	for (at = path_size; at > 0 && u->target.data[at - 1] != '/'; at--)
		;
	if (at == 0 || path_size - at < sizeof(announce) - 1 ||
	    memcmp(u->target.data + at, announce, sizeof(announce) - 1) != 0)
		return false;
	writer_init(&w, out, TRACKER_SCRAPE_URL_MAX);
	write_bytes(&w,
		    bytes_of(u->base.data, (size_t)(u->target.data - u->base.data) + at));
	write_text(&w, "scrape");
	write_bytes(&w, behind(u->target, at + sizeof(announce) - 1));
	for (i = 0; i < count; i++)
		write_hash(&w, hashes[i]);
	return finish(&w);
}
