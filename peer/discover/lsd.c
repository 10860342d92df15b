/* peer/discover/lsd.c: announces in the form of an HTTP request, sent to a
 * multicast group (BEP 14), and when they are due.
 *
 * Anybody on the network may send anything: an announce is believed only from an
 * address of our own network, and only so many a second. */
#include "peer/discover/lsd.h"

#include <assert.h>

static const char request_line[] = "BT-SEARCH * HTTP/1.1";

struct endpoint lsd_group(enum endpoint_family family)
{
	static const uint8_t v6[16] = { 0xff, 0x15, [12] = 0xef, 0xc0, 0x98, 0x8f };

	if (family == ENDPOINT_V6)
		return endpoint_from_address(bytes_of(v6, sizeof(v6)), LSD_PORT);
	return endpoint_v4(239, 192, 152, 143, LSD_PORT);
}

void lsd_init(struct lsd *l, struct rng *rng)
{
	uint8_t random[8];

	*l = (struct lsd){ .sent_at = USEC_NEVER, .due_at = USEC_NEVER };
	rng_fill(rng, random, sizeof(random));
	hex_encode(bytes_of(random, sizeof(random)), l->cookie);
}

/* ---- when ---- */

void lsd_hurry(struct lsd *l, usec now)
{
	const usec soonest = l->sent_at == USEC_NEVER ? now : usec_max(now, l->sent_at + LSD_PACE);
	l->due_at = usec_min(l->due_at, soonest);
}

void lsd_stop(struct lsd *l)
{
	l->due_at = USEC_NEVER;
}

usec lsd_deadline(const struct lsd *l)
{
	return l->due_at;
}

void lsd_on_sent(struct lsd *l, uint32_t torrents, usec now)
{
	const uint32_t announces = (torrents + LSD_HASHES_MAX - 1) / LSD_HASHES_MAX;

	l->sent_at = now;
	l->due_at = torrents == 0 ? USEC_NEVER : now + usec_max(LSD_INTERVAL / announces, LSD_PACE);
}

/* ---- writing ---- */

void lsd_announce_write(struct writer *w, const struct lsd *l, enum endpoint_family family,
                        uint16_t port, const uint8_t (*info_hashes)[SHA1_SIZE], uint32_t count)
{
	const struct endpoint group = lsd_group(family);
	char text[ENDPOINT_TEXT_MAX], hex[HEX_SHA1];

	assert(count > 0 && count <= LSD_HASHES_MAX);
	write_text(w, request_line);
	write_text(w, "\r\nHost: ");
	write_text(w, endpoint_format(&group, text));
	write_text(w, "\r\nPort: ");
	write_decimal(w, port);
	for (uint32_t i = 0; i < count; i++) {
		write_text(w, "\r\nInfohash: ");
		write_text(w, hex_encode(bytes_of(info_hashes[i], SHA1_SIZE), hex));
	}
	write_text(w, "\r\ncookie: ");
	write_text(w, l->cookie);
	write_text(w, "\r\n\r\n\r\n");
}

/* ---- reading ---- */

/* The next line, without its end; false: no more. */
static bool next_line(struct bytes *text, struct bytes *line)
{
	if (text->size == 0)
		return false;
	const uint8_t *end = memchr(text->data, '\n', text->size);
	const size_t size = end == NULL ? text->size : (size_t)(end - text->data);
	const size_t used = end == NULL ? size : size + 1;
	*line = bytes_of(text->data, size);
	*text = bytes_of(text->data + used, text->size - used);
	if (line->size > 0 && line->data[line->size - 1] == '\r')
		line->size--;
	return true;
}

static struct bytes trim(struct bytes t)
{
	while (t.size > 0 && (t.data[0] == ' ' || t.data[0] == '\t'))
		t = bytes_of(t.data + 1, t.size - 1);
	while (t.size > 0 && (t.data[t.size - 1] == ' ' || t.data[t.size - 1] == '\t'))
		t.size--;
	return t;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* The value of a header of that (lower-case) name. */
static bool header(struct bytes line, const char *name, struct bytes *value)
{
	const size_t size = strlen(name);

	if (line.size <= size || line.data[size] != ':')
		return false;
	for (size_t i = 0; i < size; i++) {
		if (lower(line.data[i]) != (uint8_t)name[i])
			return false;
	}
	*value = trim(bytes_of(line.data + size + 1, line.size - size - 1));
	return true;
}

static bool read_port(struct bytes value, uint16_t *port)
{
	uint32_t number = 0;

	if (value.size == 0 || value.size > 5)
		return false;
	for (size_t i = 0; i < value.size; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return false;
		number = number * 10 + (uint32_t)(value.data[i] - '0');
	}
	*port = (uint16_t)number;
	return number > 0 && number <= UINT16_MAX;
}

static void read_info_hash(struct lsd_announce *a, struct bytes value)
{
	char hex[HEX_SHA1];

	if (value.size != HEX_SHA1 - 1 || a->count == LSD_READ_HASHES_MAX)
		return;
	memcpy(hex, value.data, value.size);
	hex[value.size] = '\0';
	a->count += hex_decode(hex, a->info_hashes[a->count], SHA1_SIZE);
}

static void read_cookie(struct lsd_announce *a, struct bytes value)
{
	if (value.size > LSD_COOKIE_MAX || memchr(value.data, '\0', value.size) != NULL)
		return;
	memcpy(a->cookie, value.data, value.size);
	a->cookie[value.size] = '\0';
}

bool lsd_announce_read(struct lsd_announce *a, struct bytes packet)
{
	struct bytes line, value;

	a->port = 0;
	a->count = 0;
	a->cookie[0] = '\0';
	if (!next_line(&packet, &line) || !bytes_equal_text(line, request_line))
		return false;
	while (next_line(&packet, &line) && line.size > 0) {
		if (header(line, "port", &value)) {
			if (!read_port(value, &a->port))
				return false;
		} else if (header(line, "infohash", &value)) {
			read_info_hash(a, value);
		} else if (header(line, "cookie", &value)) {
			read_cookie(a, value);
		}
	}
	return a->port != 0 && a->count > 0;
}

/* A v4 network hides behind private addresses; in v6 a global one is on our link
 * when it shares our prefix. */
static bool is_near(const struct endpoint *from, const struct endpoint *local)
{
	switch (endpoint_class(from)) {
	case ENDPOINT_LOOPBACK:
	case ENDPOINT_LINK:
	case ENDPOINT_PRIVATE:
		return true;
	case ENDPOINT_GLOBAL:
		return local->family == from->family && endpoint_class(local) == ENDPOINT_GLOBAL &&
		       endpoint_subnet(from) == endpoint_subnet(local);
	case ENDPOINT_UNUSABLE:
		break;
	}
	return false;
}

bool lsd_accepts(struct lsd *l, const struct lsd_announce *a, const struct endpoint *from,
                 const struct endpoint *local, usec now)
{
	if (strcmp(a->cookie, l->cookie) == 0 || !is_near(from, local))
		return false;
	if (l->second != now / USEC_PER_SEC) {
		l->second = now / USEC_PER_SEC;
		l->taken = 0;
	}
	return l->taken++ < LSD_TAKEN_MAX;
}
