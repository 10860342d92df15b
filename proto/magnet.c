/* proto/magnet.c: magnet links (BEP 9, 46, 53), read and written.
 *
 * What names the torrent (xt, xs, s) and what narrows it (so) must be right,
 * or the link is refused with the place. What only helps (tr, x.pe, ws, dn) is
 * left out when malformed or beyond the limits: links collect rubbish on their
 * way through web pages. */
#include "proto/magnet.h"

#include "proto/memory.h"
#include "proto/url.h"
#include "proto/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
	URL_MAX = 2048,
	BASE32_SHA1 = 32,
	PUBLIC_KEY_SIZE = 32,
};

struct parse {
	struct magnet *m;
	const char *text;     /* borrowed: the whole link */
	size_t at;            /* offset of the value in hand */
	const char *key;      /* of the value in hand: static text */
	struct bytes value;   /* decoded, a NUL behind it */
	bool has_v2;          /* saw urn:btmh */
	char *reason;
};

__attribute__((format(printf, 2, 3)))
static bool refuse(struct parse *p, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(p->reason, MAGNET_REASON_MAX, format, arguments);
	va_end(arguments);
	return false;
}

static bool refuse_value(struct parse *p, const char *what)
{
	return refuse(p, "%s: %s, at byte %zu", p->key, what, p->at);
}

static int base32_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

/* RFC 4648: 32 characters of 5 bits are 20 bytes. */
static bool base32_decode(const char *text, uint8_t out[SHA1_SIZE])
{
	uint32_t bits = 0, have = 0;
	size_t used = 0;

	for (size_t i = 0; i < BASE32_SHA1; i++) {
		const int value = base32_value(text[i]);
		if (value < 0) /* also the NUL of a short text */
			return false;
		bits = (bits << 5 | (uint32_t)value) & 0xfff;
		have += 5;
		if (have >= 8) {
			have -= 8;
			out[used++] = (uint8_t)(bits >> have);
		}
	}
	return text[BASE32_SHA1] == '\0';
}

static bool decode_hash(const char *text, uint8_t out[SHA1_SIZE])
{
	return strlen(text) == BASE32_SHA1 ? base32_decode(text, out) :
	                                     hex_decode(text, out, SHA1_SIZE);
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

static bool on_topic(struct parse *p)
{
	const char *text = (const char *)p->value.data;
	uint8_t hash[SHA1_SIZE];

	if (starts_with(text, "urn:btmh:"))
		p->has_v2 = true;
	if (!starts_with(text, "urn:btih:"))
		return true; /* a topic of another network */
	if (!decode_hash(text + strlen("urn:btih:"), hash))
		return refuse_value(p, "info-hash is neither 40 hex digits nor 32 of base32");
	if (p->m->has_info_hash && memcmp(hash, p->m->info_hash, SHA1_SIZE) != 0)
		return refuse_value(p, "a second, different info-hash");
	memcpy(p->m->info_hash, hash, SHA1_SIZE);
	p->m->has_info_hash = true;
	return true;
}

/* BEP 46: xs=urn:btpk:KEY. Other exact sources are not for us. */
static bool on_source(struct parse *p)
{
	const char *text = (const char *)p->value.data;

	if (!starts_with(text, "urn:btpk:"))
		return true;
	if (p->m->has_public_key)
		return refuse_value(p, "a second public key");
	if (!hex_decode(text + strlen("urn:btpk:"), p->m->public_key, PUBLIC_KEY_SIZE))
		return refuse_value(p, "public key is not 64 hex digits");
	p->m->has_public_key = true;
	return true;
}

static bool on_salt(struct parse *p)
{
	const size_t digits = p->value.size;

	if (digits > 2 * MAGNET_SALT_MAX)
		return refuse_value(p, "salt is longer than 64 bytes");
	if (digits % 2 != 0 || !hex_decode((const char *)p->value.data, p->m->salt, digits / 2))
		return refuse_value(p, "salt is not hex");
	p->m->salt_size = (uint32_t)(digits / 2);
	return true;
}

static bool on_name(struct parse *p)
{
	if (p->m->name != NULL || p->value.size == 0)
		return true;
	const struct bytes cut = bytes_of(p->value.data, utf8_cut(p->value, MAGNET_NAME_MAX));
	p->m->name = memory_alloc(cut.size + 1);
	utf8_clean(cut, false, p->m->name);
	return true;
}

static void add_text(char ***list, uint32_t *count, uint32_t max, const char *text)
{
	if (*count == max)
		return;
	for (uint32_t i = 0; i < *count; i++) {
		if (strcmp((*list)[i], text) == 0)
			return;
	}
	*list = memory_resize(*list, *count + 1, sizeof(**list));
	(*list)[(*count)++] = memory_copy_text(text);
}

static bool on_tracker(struct parse *p)
{
	if (url_is_tracker(p->value, URL_MAX))
		add_text(&p->m->trackers, &p->m->tracker_count, MAGNET_TRACKERS_MAX,
		         (const char *)p->value.data);
	return true;
}

static bool on_peer(struct parse *p)
{
	if (url_is_host_port(p->value))
		add_text(&p->m->peers, &p->m->peer_count, MAGNET_PEERS_MAX,
		         (const char *)p->value.data);
	return true;
}

static bool on_web_seed(struct parse *p)
{
	if (url_is_web(p->value, URL_MAX))
		add_text(&p->m->web_seeds, &p->m->web_seed_count, MAGNET_URLS_MAX,
		         (const char *)p->value.data);
	return true;
}

static bool read_index(const char **text, uint32_t *out)
{
	const char *at = *text;
	uint32_t value = 0;

	for (; *at >= '0' && *at <= '9'; at++) {
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint32_t)(*at - '0'), &value))
			return false;
	}
	if (at == *text)
		return false;
	*text = at;
	*out = value;
	return true;
}

/* BEP 53: so=0,2,4,6-8. To misread it would fetch what nobody asked for. */
static bool on_select(struct parse *p)
{
	const char *at = (const char *)p->value.data;

	while (*at != '\0') {
		struct magnet_range range;
		if (!read_index(&at, &range.first))
			return refuse_value(p, "not a list of file numbers");
		range.last = range.first;
		if (*at == '-') {
			at++;
			if (!read_index(&at, &range.last) || range.last < range.first)
				return refuse_value(p, "not a range of file numbers");
		}
		if (*at == ',' && at[1] != '\0')
			at++;
		else if (*at != '\0')
			return refuse_value(p, "not a list of file numbers");
		if (p->m->file_count == MAGNET_RANGES_MAX)
			return refuse_value(p, "too many ranges");
		p->m->files = memory_resize(p->m->files, p->m->file_count + 1, sizeof(*p->m->files));
		p->m->files[p->m->file_count++] = range;
	}
	return true;
}

struct parameter {
	const char *key;
	bool numbered;      /* key.1, key.2 ... too */
	bool plus_is_space; /* in URLs a '+' stands for itself */
	bool (*on_value)(struct parse *p);
};

static const struct parameter parameters[] = {
	{ "xt", true, false, on_topic },   { "xs", true, false, on_source },
	{ "s", false, false, on_salt },    { "dn", false, true, on_name },
	{ "tr", true, false, on_tracker }, { "x.pe", true, false, on_peer },
	{ "ws", true, false, on_web_seed }, { "so", false, false, on_select },
};

static bool key_matches(const struct parameter *known, const char *key, size_t size)
{
	const size_t known_size = strlen(known->key);

	if (size < known_size || strncasecmp(key, known->key, known_size) != 0)
		return false;
	if (size == known_size)
		return true;
	if (!known->numbered || key[known_size] != '.' || size == known_size + 1)
		return false;
	for (size_t i = known_size + 1; i < size; i++) {
		if (key[i] < '0' || key[i] > '9')
			return false;
	}
	return true;
}

/* Decodes %XX into out (size + 1 bytes), which also gets a NUL. */
static bool decode(struct parse *p, size_t size, bool plus_is_space, uint8_t *out)
{
	const char *from = p->text + p->at;
	size_t used = 0;

	for (size_t i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)from[i];
		if (byte == '%') {
			const bool whole = size - i > 2;
			const char digits[3] = { whole ? from[i + 1] : '\0', whole ? from[i + 2] : '\0' };
			if (!hex_decode(digits, &byte, 1))
				return refuse(p, "%s: %% without two hex digits, at byte %zu", p->key,
				              p->at + i);
			if (byte == 0)
				return refuse(p, "%s: %%00 in a value, at byte %zu", p->key, p->at + i);
			i += 2;
		} else if (byte == '+' && plus_is_space) {
			byte = ' ';
		}
		out[used++] = byte;
	}
	out[used] = '\0';
	p->value = bytes_of(out, used);
	return true;
}

/* "key=value" at offset begin, size bytes. */
static bool on_parameter(struct parse *p, size_t begin, size_t size, uint8_t *scratch)
{
	const char *key = p->text + begin;
	const char *equals = memchr(key, '=', size);

	if (equals == NULL)
		return true;
	size_t key_size = (size_t)(equals - key);
	p->at = begin + key_size + 1;
	if (key_size > 4 && starts_with(key, "amp;")) { /* "&amp;" copied out of HTML */
		key += 4;
		key_size -= 4;
	}
	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
		if (!key_matches(&parameters[i], key, key_size))
			continue;
		p->key = parameters[i].key;
		return decode(p, begin + size - p->at, parameters[i].plus_is_space, scratch) &&
		       parameters[i].on_value(p);
	}
	return true;
}

static bool parse_parameters(struct parse *p, size_t begin, size_t end)
{
	uint8_t *scratch = memory_alloc(end - begin + 1);
	bool ok = true;

	while (ok && begin < end) {
		const char *and = memchr(p->text + begin, '&', end - begin);
		const size_t size = and != NULL ? (size_t)(and - p->text) - begin : end - begin;
		ok = on_parameter(p, begin, size, scratch);
		begin += size + 1;
	}
	free(scratch);
	return ok;
}

/* A hash alone, as people paste it. */
static bool parse_bare_hash(struct parse *p, size_t begin, size_t end)
{
	char text[2 * SHA1_SIZE + 1];

	if (end - begin != 2 * SHA1_SIZE && end - begin != BASE32_SHA1)
		return refuse(p, "neither a magnet link nor an info-hash");
	memcpy(text, p->text + begin, end - begin);
	text[end - begin] = '\0';
	if (!decode_hash(text, p->m->info_hash))
		return refuse(p, "neither a magnet link nor an info-hash");
	p->m->has_info_hash = true;
	return true;
}

static bool check_topic(struct parse *p)
{
	if (p->m->has_info_hash || p->m->has_public_key)
		return true;
	if (p->has_v2)
		return refuse(p, "xt: only urn:btmh, a v2 torrent; urn:btih is needed");
	return refuse(p, "xt: no urn:btih with an info-hash");
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool magnet_parse(struct magnet *m, const char *text, char reason[MAGNET_REASON_MAX])
{
	static const char scheme[] = "magnet:?";
	struct parse p = { .m = m, .text = text, .reason = reason };
	size_t begin = 0, end = strnlen(text, MAGNET_SIZE_MAX + 1);

	*m = (struct magnet){ .name = NULL };
	reason[0] = '\0';
	if (end > MAGNET_SIZE_MAX)
		return refuse(&p, "longer than %d bytes", MAGNET_SIZE_MAX);
	while (begin < end && is_space(text[begin]))
		begin++;
	while (end > begin && is_space(text[end - 1]))
		end--;
	if (!starts_with(text + begin, scheme))
		return parse_bare_hash(&p, begin, end);
	return parse_parameters(&p, begin + strlen(scheme), end) && check_topic(&p);
}

static void free_texts(char **list, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

void magnet_deinit(struct magnet *m)
{
	free(m->name);
	free_texts(m->trackers, m->tracker_count);
	free_texts(m->peers, m->peer_count);
	free_texts(m->web_seeds, m->web_seed_count);
	free(m->files);
	*m = (struct magnet){ .name = NULL };
}

/* Everything but RFC 3986's unreserved characters becomes %XX. */
static char *append_encoded(char *out, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *text != '\0'; text++) {
		const uint8_t c = (uint8_t)*text;
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    c == '-' || c == '.' || c == '_' || c == '~') {
			*out++ = (char)c;
		} else {
			*out++ = '%';
			*out++ = digits[c >> 4];
			*out++ = digits[c & 15];
		}
	}
	*out = '\0';
	return out;
}

char *magnet_format(const uint8_t info_hash[SHA1_SIZE], const char *name,
                    const char *const *trackers, uint32_t tracker_count)
{
	static const char head[] = "magnet:?xt=urn:btih:";
	size_t size = sizeof(head) + HEX_SHA1 + (name != NULL ? 4 + 3 * strlen(name) : 0);

	for (uint32_t i = 0; i < tracker_count; i++)
		size += 4 + 3 * strlen(trackers[i]);
	char *link = memory_alloc(size), *end = link;
	memcpy(end, head, sizeof(head) - 1);
	end += sizeof(head) - 1;
	hex_encode(bytes_of(info_hash, SHA1_SIZE), end);
	end += HEX_SHA1 - 1;
	if (name != NULL) {
		memcpy(end, "&dn=", 4);
		end = append_encoded(end + 4, name);
	}
	for (uint32_t i = 0; i < tracker_count; i++) {
		memcpy(end, "&tr=", 4);
		end = append_encoded(end + 4, trackers[i]);
	}
	return link;
}
