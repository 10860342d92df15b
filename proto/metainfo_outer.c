/* proto/metainfo_outer.c: trackers (BEP 12), DHT nodes (BEP 5), web seeds
 * (BEP 19), and the texts beside the info dictionary.
 *
 * None of these is covered by the info-hash: anybody who passes a .torrent on
 * can change them. A bad entry is left out and the torrent is still good; the
 * numbers are bounded by METAINFO_*_MAX. */
#include "proto/metainfo_outer.h"

#include "proto/url.h"
#include "proto/utf8.h"

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static uint32_t at_most(uint32_t count, uint32_t max)
{
	return count < max ? count : max;
}

static struct bytes trim(struct bytes text)
{
	while (text.size != 0 && is_space(text.data[0]))
		text = bytes_of(text.data + 1, text.size - 1);
	while (text.size != 0 && is_space(text.data[text.size - 1]))
		text.size--;
	return text;
}

static bool tracker_is_known(const struct metainfo *m, struct bytes url)
{
	for (uint32_t i = 0; i < m->tracker_count; i++) {
		if (bytes_equal_text(url, m->trackers[i].url))
			return true;
	}
	return false;
}

static void add_tracker(struct metainfo *m, struct arena *arena, struct bytes url, uint32_t tier)
{
	url = trim(url);
	if (m->tracker_count == METAINFO_TRACKERS_MAX || !url_is_tracker(url, METAINFO_URL_MAX) ||
	    tracker_is_known(m, url))
		return;
	m->trackers[m->tracker_count++] =
		(struct metainfo_tracker){ .url = arena_copy(arena, url), .tier = tier };
}

static void *arena_copy_array(struct arena *arena, const void *data, size_t size)
{
	return size == 0 ? NULL : memcpy(arena_alloc(arena, 1, size), data, size);
}

/* BEP 12. Tiers that lose all their entries do not count. */
static void read_tiers(struct metainfo *m, const struct bencode *doc, struct arena *arena,
                       uint32_t list)
{
	uint32_t tier = 0;

	for (uint32_t t = bencode_first(doc, list); t != BENCODE_NONE; t = bencode_after(doc, list, t)) {
		if (bencode_type(doc, t) != BENCODE_LIST)
			continue;
		const uint32_t before = m->tracker_count;
		for (uint32_t u = bencode_first(doc, t); u != BENCODE_NONE;
		     u = bencode_after(doc, t, u)) {
			struct bytes url;
			if (bencode_string(doc, u, &url))
				add_tracker(m, arena, url, tier);
		}
		tier += m->tracker_count != before;
	}
}

/* BEP 12: with an announce-list, announce is ignored. */
static void read_trackers(struct metainfo *m, const struct bencode *doc, struct arena *arena)
{
	const uint32_t list = bencode_find_typed(doc, 0, "announce-list", BENCODE_LIST);
	struct metainfo_tracker found[METAINFO_TRACKERS_MAX];
	struct bytes url;

	m->trackers = found;
	if (list != BENCODE_NONE)
		read_tiers(m, doc, arena, list);
	if (m->tracker_count == 0 && bencode_find_string(doc, 0, "announce", &url))
		add_tracker(m, arena, url, 0);
	m->trackers = arena_copy_array(arena, found, m->tracker_count * sizeof(*found));
}

static void read_nodes(struct metainfo *m, const struct bencode *doc, struct arena *arena)
{
	const uint32_t list = bencode_find_typed(doc, 0, "nodes", BENCODE_LIST);

	/* A private torrent must not touch the DHT (BEP 27). */
	if (list == BENCODE_NONE || m->is_private)
		return;
	m->nodes = arena_alloc(arena, at_most(doc->tokens[list].children, METAINFO_NODES_MAX),
	                       sizeof(*m->nodes));
	for (uint32_t t = bencode_first(doc, list);
	     t != BENCODE_NONE && m->node_count < METAINFO_NODES_MAX; t = bencode_after(doc, list, t)) {
		struct bytes host;
		int64_t port;
		if (bencode_type(doc, t) != BENCODE_LIST || doc->tokens[t].children != 2)
			continue;
		const uint32_t first = bencode_first(doc, t);
		if (!bencode_string(doc, first, &host) || host.size > 253 || !url_is_word(host) ||
		    !bencode_int(doc, bencode_after(doc, t, first), &port) || port < 1 ||
		    port > UINT16_MAX)
			continue;
		m->nodes[m->node_count++] =
			(struct metainfo_node){ .host = arena_copy(arena, host), .port = (uint16_t)port };
	}
}

static void add_web_seed(struct metainfo *m, struct arena *arena, struct bytes url)
{
	url = trim(url);
	if (m->web_seed_count == METAINFO_URLS_MAX || !url_is_web(url, METAINFO_URL_MAX))
		return;
	for (uint32_t i = 0; i < m->web_seed_count; i++) {
		if (bytes_equal_text(url, m->web_seeds[i]))
			return;
	}
	m->web_seeds[m->web_seed_count++] = arena_copy(arena, url);
}

/* BEP 19: a string, or a list of them. */
static void read_web_seeds(struct metainfo *m, const struct bencode *doc, struct arena *arena)
{
	const uint32_t token = bencode_find(doc, 0, "url-list");
	struct bytes url;

	if (token == BENCODE_NONE)
		return;
	m->web_seeds = arena_alloc(arena, at_most(doc->tokens[token].children + 1, METAINFO_URLS_MAX),
	                           sizeof(*m->web_seeds));
	if (bencode_string(doc, token, &url))
		add_web_seed(m, arena, url);
	if (bencode_type(doc, token) != BENCODE_LIST)
		return;
	for (uint32_t t = bencode_first(doc, token); t != BENCODE_NONE; t = bencode_after(doc, token, t)) {
		if (bencode_string(doc, t, &url))
			add_web_seed(m, arena, url);
	}
}

/* The first of the two keys that holds text; NULL when neither does. */
static const char *read_text(const struct bencode *doc, struct arena *arena, const char *key,
                             const char *fallback)
{
	struct bytes text;

	if (!(bencode_find_string(doc, 0, key, &text) && utf8_is_valid(text)) &&
	    !bencode_find_string(doc, 0, fallback, &text))
		return NULL;
	text.size = utf8_cut(text, METAINFO_TEXT_MAX);
	char *clean = arena_alloc(arena, text.size + 1, 1);
	utf8_clean(text, true, clean);
	return clean;
}

void metainfo_read_outer(struct metainfo *m, const struct bencode *doc, struct arena *arena)
{
	read_trackers(m, doc, arena);
	read_nodes(m, doc, arena);
	read_web_seeds(m, doc, arena);
	m->comment = read_text(doc, arena, "comment.utf-8", "comment");
	m->created_by = read_text(doc, arena, "created by.utf-8", "created by");
	if (!bencode_find_int(doc, 0, "creation date", &m->created_at) || m->created_at < 0)
		m->created_at = 0;
}
