/* tools/cli/tracker_news.c: compares with what was said last. A state that
 * passes (being asked, not its turn) is no news. */
#include "tools/cli/tracker_news.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/memory.h"
#include "proto/tracker_url.h"
#include "tools/io/trackers.h"

enum { NEWS_HOST_MAX = TRACKER_HOST_MAX + 24 };

struct tracker_told {
	torrent_id torrent;
	char *url, *text, *warning; /* owned */
	enum announce_state state;
};

void tracker_news_deinit(struct tracker_news *n)
{
	for (uint32_t i = 0; i < n->count; i++) {
		free(n->told[i].url);
		free(n->told[i].text);
		free(n->told[i].warning);
	}
	free(n->told);
	*n = (struct tracker_news){ 0 };
}

static struct tracker_told *find(struct tracker_news *n, torrent_id torrent, const char *url)
{
	struct tracker_told *t;

	for (uint32_t i = 0; i < n->count; i++)
		if (n->told[i].torrent == torrent && strcmp(n->told[i].url, url) == 0)
			return &n->told[i];
	n->told = memory_resize(n->told, n->count + 1, sizeof *n->told);
	t = &n->told[n->count++];
	*t = (struct tracker_told){ .torrent = torrent, .url = memory_copy_text(url) };
	t->text = memory_copy_text("");
	t->warning = memory_copy_text("");
	t->state = ANNOUNCE_WAITING;
	return t;
}

/* True: it is another text than before. */
static bool replace(char **old, const char *text)
{
	if (strcmp(*old, text) == 0)
		return false;
	free(*old);
	*old = memory_copy_text(text);
	return true;
}

static const char *host_of(const char *url, char out[NEWS_HOST_MAX])
{
	static const char *const schemes[] = { "http", "https", "udp" };
	struct tracker_url u;
	const char *reason;

	if (!tracker_url_parse(&u, url, &reason))
		return "?";
	snprintf(out, NEWS_HOST_MAX, strchr(u.host, ':') ? "%s://[%s]:%u" : "%s://%s:%u",
	         schemes[u.scheme], u.host, (unsigned)u.port);
	return out;
}

static const char *state_name(enum announce_state state)
{
	switch (state) {
	case ANNOUNCE_WORKING: return "working";
	case ANNOUNCE_FAILING: return "failing";
	case ANNOUNCE_DISABLED: return "disabled";
	case ANNOUNCE_WAITING:
	case ANNOUNCE_ASKING: break;
	}
	return "waiting";
}

static void add_count(struct json_line *j, const char *key, uint32_t count)
{
	if (count != TRACKER_UNKNOWN)
		json_uint(j, key, count);
}

static void emit(struct show *show, const struct announce_status *s, const char *host)
{
	struct json_line *j = show_event(show, "tracker");

	if (j == NULL)
		return;
	json_text(j, "tracker", host);
	json_text(j, "state", state_name(s->state));
	json_text(j, "reason", s->state == ANNOUNCE_WORKING ? NULL : s->text);
	json_text(j, "warning", s->warning[0] ? s->warning : NULL);
	add_count(j, "seeds", s->complete);
	add_count(j, "leechers", s->incomplete);
	json_uint(j, "peers", s->peers);
	show_emit(show);
}

static void say(struct show *show, const struct announce_status *s, const char *host, bool warns)
{
	if (s->state == ANNOUNCE_WORKING && show->verbose)
		show_say(show, "tracker %s: %u peers", host, (unsigned)s->peers);
	if (s->state != ANNOUNCE_WORKING)
		show_say(show, "tracker %s: %s", host, s->text);
	if (warns && s->warning[0])
		show_say(show, "tracker %s warns: %s", host, s->warning);
}

void tracker_news_show(struct tracker_news *n, struct show *show, struct host *host,
                       torrent_id torrent)
{
	struct trackers *trackers = host_trackers(host);
	char name[NEWS_HOST_MAX];

	for (uint32_t i = 0; i < trackers_count(trackers, torrent); i++) {
		struct announce_status s;
		struct tracker_told *t;
		bool changed, warns;

		trackers_status(trackers, torrent, i, &s);
		if (s.state == ANNOUNCE_WAITING || s.state == ANNOUNCE_ASKING)
			continue;
		t = find(n, torrent, s.url);
		warns = replace(&t->warning, s.warning);
		changed = replace(&t->text, s.text) || warns || t->state != s.state;
		t->state = s.state;
		if (!changed)
			continue;
		emit(show, &s, host_of(s.url, name));
		say(show, &s, host_of(s.url, name), warns);
	}
}
