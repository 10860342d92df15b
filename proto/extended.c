/* proto/extended.c: BEP 10 and the messages that ride on it: ut_metadata
 * (BEP 9), ut_pex (BEP 11), lt_donthave (BEP 54), upload_only (BEP 21).
 *
 * Peers are sloppy here more than anywhere, so a handshake is read key by
 * key: what cannot be meant (a negative port, a metadata size of 2^40) counts
 * as not said. Structure is judged strictly: a list of contacts that does not
 * divide into contacts is refused whole. */
#include "proto/extended.h"

#include <assert.h>

#include "proto/bencode.h"
#include "proto/utf8.h"

enum {
	EXT_TOKENS_MAX = 512, /* of one message; "m" of a chatty client has some 30 */
};

static const char *const kind_names[EXT_KINDS] = {
    [EXT_METADATA] = "ut_metadata",
    [EXT_PEX] = "ut_pex",
    [EXT_DONTHAVE] = "lt_donthave",
    [EXT_UPLOAD_ONLY] = "upload_only",
};

/* BEP 3 wants keys in the order of their bytes. */
static const enum extended_kind kinds_sorted[] = {
    EXT_DONTHAVE,
    EXT_UPLOAD_ONLY,
    EXT_METADATA,
    EXT_PEX,
};

_Static_assert(sizeof(kinds_sorted) / sizeof(kinds_sorted[0]) == EXT_KINDS - 1,
	       "every extension is written");

/* A value that is absent, no integer or out of range gives fallback. */
static uint32_t find_u32(const struct bencode *b, const char *key, uint32_t max,
			 uint32_t fallback)
{
	int64_t v;

	if (!bencode_find_int(b, 0, key, &v) || v < 0 || v > (int64_t)max)
		return fallback;
	return (uint32_t)v;
}

static bool find_flag(const struct bencode *b, const char *key)
{
	int64_t v;

	return bencode_find_int(b, 0, key, &v) && v != 0;
}

/* Printable and cut between characters. */
static void copy_client(char out[EXT_CLIENT_MAX], struct bytes s)
{
	size_t at = 0, used = 0, size;
	uint32_t code;

	while (at < s.size) {
		size = utf8_decode(s, at, &code);
		if (used + (size ? size : 1) >= EXT_CLIENT_MAX)
			break;
		if (size == 0 || utf8_is_unprintable(code)) {
			out[used++] = '?';
		} else {
			memcpy(out + used, s.data + at, size);
			used += size;
		}
		at += size ? size : 1;
	}
	out[used] = '\0';
}

static void read_ids(struct extended_handshake *h, const struct bencode *b)
{
	uint32_t m = bencode_find_typed(b, 0, "m", BENCODE_DICT);
	int64_t id;
	int kind;

	if (m == BENCODE_NONE)
		return;
	h->has_m = true;
	for (kind = 1; kind < EXT_KINDS; kind++) {
		if (!bencode_find_int(b, m, kind_names[kind], &id) || id < 0 ||
		    id > UINT8_MAX)
			continue;
		h->ids[kind] = (uint8_t)id;
		h->named |= 1u << kind;
	}
}

static void read_address(struct endpoint *e, const struct bencode *b, const char *key,
			 size_t size, uint16_t port)
{
	struct bytes address;

	if (bencode_find_string(b, 0, key, &address) && (size == 0 || address.size == size))
		*e = endpoint_from_address(address, port);
}

bool extended_handshake_read(struct extended_handshake *h, struct bytes payload)
{
	struct bencode_token tokens[EXT_TOKENS_MAX];
	struct bencode b;
	struct bytes client;

	*h = (struct extended_handshake){0};
	if (!bencode_parse(&b, payload, tokens, EXT_TOKENS_MAX, BENCODE_TRAILING) ||
	    bencode_type(&b, 0) != BENCODE_DICT)
		return false;
	read_ids(h, &b);
	h->metadata_size = find_u32(&b, "metadata_size", UINT32_MAX, 0);
	h->reqq = find_u32(&b, "reqq", UINT32_MAX, 0);
	h->port = (uint16_t)find_u32(&b, "p", UINT16_MAX, 0);
	h->upload_only = find_flag(&b, "upload_only");
	h->encryption = find_flag(&b, "e");
	if (bencode_find_string(&b, 0, "v", &client))
		copy_client(h->client, client);
	read_address(&h->your_ip, &b, "yourip", 0, 0);
	read_address(&h->ipv4, &b, "ipv4", 4, h->port);
	read_address(&h->ipv6, &b, "ipv6", 16, h->port);
	return true;
}

void extended_ids_update(uint8_t ids[EXT_KINDS], const struct extended_handshake *h)
{
	int kind;

	for (kind = 1; kind < EXT_KINDS; kind++)
		if (h->named & 1u << kind)
			ids[kind] = h->ids[kind];
}

static void put_pair(struct writer *w, const char *key, int64_t value)
{
	bencode_put_key(w, key);
	bencode_put_int(w, value);
}

static void put_address(struct writer *w, const char *key, const struct endpoint *e)
{
	if (e->family == ENDPOINT_NONE)
		return;
	bencode_put_key(w, key);
	bencode_put_string(w, bytes_of(e->address, endpoint_address_size(e)));
}

static void put_ids(struct writer *w, const struct extended_handshake *h)
{
	size_t i;

	bencode_put_key(w, "m");
	bencode_begin_dict(w);
	for (i = 0; i < sizeof(kinds_sorted) / sizeof(kinds_sorted[0]); i++) {
		enum extended_kind kind = kinds_sorted[i];

		if (h->ids[kind] || h->named & 1u << kind)
			put_pair(w, kind_names[kind], h->ids[kind]);
	}
	bencode_end(w);
}

void extended_handshake_write(struct writer *w, const struct extended_handshake *h)
{
	bencode_begin_dict(w);
	if (h->encryption)
		put_pair(w, "e", 1);
	if (h->ipv4.family == ENDPOINT_V4)
		put_address(w, "ipv4", &h->ipv4);
	if (h->ipv6.family == ENDPOINT_V6)
		put_address(w, "ipv6", &h->ipv6);
	put_ids(w, h);
	if (h->metadata_size)
		put_pair(w, "metadata_size", h->metadata_size);
	if (h->port)
		put_pair(w, "p", h->port);
	if (h->reqq)
		put_pair(w, "reqq", h->reqq);
	if (h->upload_only)
		put_pair(w, "upload_only", 1);
	if (h->client[0]) {
		bencode_put_key(w, "v");
		bencode_put_text(w, h->client);
	}
	put_address(w, "yourip", &h->your_ip);
	bencode_end(w);
}

bool metadata_message_read(struct metadata_message *m, struct bytes payload)
{
	struct bencode_token tokens[EXT_TOKENS_MAX];
	struct bencode b;
	int64_t piece = -1, total = 0;

	*m = (struct metadata_message){0};
	if (!bencode_parse(&b, payload, tokens, EXT_TOKENS_MAX, BENCODE_TRAILING) ||
	    !bencode_find_int(&b, 0, "msg_type", &m->kind))
		return false;
	/* BEP 9: a kind from the future is to be ignored, whatever it holds. */
	if (m->kind != METADATA_REQUEST && m->kind != METADATA_DATA &&
	    m->kind != METADATA_REJECT)
		return true;
	if (!bencode_find_int(&b, 0, "piece", &piece) || piece < 0 || piece > UINT32_MAX)
		return false;
	m->piece = (uint32_t)piece;
	if (m->kind != METADATA_DATA)
		return true;
	if (bencode_find_int(&b, 0, "total_size", &total) &&
	    (total <= 0 || total > UINT32_MAX))
		return false;
	m->total = (uint32_t)total;
	m->data = bytes_of(payload.data + tokens[0].end, payload.size - tokens[0].end);
	return m->data.size > 0 && m->data.size <= EXT_METADATA_PIECE;
}

void metadata_message_write(struct writer *w, const struct metadata_message *m)
{
	bencode_begin_dict(w);
	put_pair(w, "msg_type", m->kind);
	put_pair(w, "piece", m->piece);
	if (m->kind == METADATA_DATA)
		put_pair(w, "total_size", m->total);
	bencode_end(w);
	if (m->kind == METADATA_DATA)
		write_bytes(w, m->data);
}

/* One list of contacts; false when it is no whole number of them. flags may
 * be shorter than the list: the rest have none. */
static bool read_added(struct pex_message *m, struct bytes list, size_t size,
		       struct bytes flags)
{
	size_t i, count = list.size / size;

	if (list.size % size != 0)
		return false;
	for (i = 0; i < count && m->added_count < EXT_PEX_READ_MAX; i++) {
		struct pex_peer *peer = &m->added[m->added_count++];

		endpoint_from_compact(bytes_of(list.data + i * size, size),
				      &peer->endpoint);
		peer->flags = i < flags.size ? flags.data[i] : 0;
	}
	return true;
}

static bool read_dropped(struct pex_message *m, struct bytes list, size_t size)
{
	size_t i, count = list.size / size;

	if (list.size % size != 0)
		return false;
	for (i = 0; i < count && m->dropped_count < EXT_PEX_READ_MAX; i++)
		endpoint_from_compact(bytes_of(list.data + i * size, size),
				      &m->dropped[m->dropped_count++]);
	return true;
}

static struct bytes find_list(const struct bencode *b, const char *key)
{
	struct bytes list;

	return bencode_find_string(b, 0, key, &list) ? list : bytes_of(NULL, 0);
}

bool pex_message_read(struct pex_message *m, struct bytes payload)
{
	struct bencode_token tokens[EXT_TOKENS_MAX];
	struct bencode b;

	m->added_count = 0;
	m->dropped_count = 0;
	if (!bencode_parse(&b, payload, tokens, EXT_TOKENS_MAX, BENCODE_TRAILING) ||
	    bencode_type(&b, 0) != BENCODE_DICT)
		return false;
	return read_added(m, find_list(&b, "added"), ENDPOINT_COMPACT_V4,
			  find_list(&b, "added.f")) &&
	       read_added(m, find_list(&b, "added6"), ENDPOINT_COMPACT_V6,
			  find_list(&b, "added6.f")) &&
	       read_dropped(m, find_list(&b, "dropped"), ENDPOINT_COMPACT_V4) &&
	       read_dropped(m, find_list(&b, "dropped6"), ENDPOINT_COMPACT_V6);
}

/* The contacts of one family, gathered from either list. */
struct contacts {
	uint8_t compact[EXT_PEX_READ_MAX * ENDPOINT_COMPACT_V6];
	uint8_t flags[EXT_PEX_READ_MAX];
	size_t size, count;
};

static void gather(struct contacts *c, const struct endpoint *e, uint8_t flags,
		   uint8_t family)
{
	uint8_t compact[ENDPOINT_COMPACT_V6];
	size_t size;

	if (e->family != family)
		return;
	size = endpoint_to_compact(e, compact);
	memcpy(c->compact + c->size, compact, size);
	c->size += size;
	c->flags[c->count++] = flags;
}

static void put_added(struct writer *w, const struct pex_message *m, uint8_t family,
		      const char *key, const char *flags_key)
{
	struct contacts c = {.size = 0};
	uint32_t i;

	for (i = 0; i < m->added_count; i++)
		gather(&c, &m->added[i].endpoint, m->added[i].flags, family);
	if (c.count == 0)
		return;
	bencode_put_key(w, key);
	bencode_put_string(w, bytes_of(c.compact, c.size));
	bencode_put_key(w, flags_key);
	bencode_put_string(w, bytes_of(c.flags, c.count));
}

/* BEP 11 wants one list at least, so "dropped" is there even when empty. */
static void put_dropped(struct writer *w, const struct pex_message *m, uint8_t family,
			const char *key)
{
	struct contacts c = {.size = 0};
	uint32_t i;

	for (i = 0; i < m->dropped_count; i++)
		gather(&c, &m->dropped[i], 0, family);
	if (c.count == 0 && family == ENDPOINT_V6)
		return;
	bencode_put_key(w, key);
	bencode_put_string(w, bytes_of(c.compact, c.size));
}

void pex_message_write(struct writer *w, const struct pex_message *m)
{
	assert(m->added_count <= EXT_PEX_READ_MAX && m->dropped_count <= EXT_PEX_READ_MAX);
	bencode_begin_dict(w);
	put_added(w, m, ENDPOINT_V4, "added", "added.f");
	put_added(w, m, ENDPOINT_V6, "added6", "added6.f");
	put_dropped(w, m, ENDPOINT_V4, "dropped");
	put_dropped(w, m, ENDPOINT_V6, "dropped6");
	bencode_end(w);
}

bool donthave_message_read(uint32_t *piece, struct bytes payload)
{
	struct reader r;

	reader_init(&r, payload);
	*piece = read_u32(&r);
	return !r.failed && reader_left(&r) == 0;
}

bool upload_only_message_read(bool *upload_only, struct bytes payload)
{
	if (payload.size == 0)
		return false;
	*upload_only = payload.data[0] != 0;
	return true;
}
