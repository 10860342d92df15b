/* tools/rpc/field_lists.c: the fields of torrent-get that are lists: files,
 * peers, pieces, trackers. */
#include "tools/rpc/fields.h"

#include "proto/memory.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- files ---- */

/* Verified bytes of one file. */
static uint64_t file_verified(const struct view *v, const struct metainfo_file *f)
{
	uint64_t end = f->offset + f->length, bytes = 0;
	uint32_t first, last;

	if (v->have == NULL || f->length == 0)
		return 0;
	if (bitfield_is_full(v->have))
		return f->length;
	first = (uint32_t)(f->offset / v->m->piece_length);
	last = (uint32_t)((end - 1) / v->m->piece_length);
	for (uint32_t i = first; i <= last; i++) {
		uint64_t begin = (uint64_t)i * v->m->piece_length;
		uint64_t stop = begin + v->m->piece_length;

		if (!bitfield_get(v->have, i))
			continue;
		begin = begin < f->offset ? f->offset : begin;
		stop = stop > end ? end : stop;
		bytes += stop - begin;
	}
	return bytes;
}

static uint32_t count_files(const struct view *v)
{
	return v->m == NULL ? 0 : v->m->file_count;
}

void field_files(struct view *v, struct json_out *o)
{
	json_out_begin(o, '[');
	for (uint32_t i = 0; i < count_files(v); i++) {
		const struct metainfo_file *f = &v->m->files[i];

		json_out_begin(o, '{');
		json_out_key(o, "bytesCompleted");
		json_out_size(o, file_verified(v, f));
		json_out_key(o, "length");
		json_out_size(o, f->length);
		json_out_key(o, "name");
		json_out_text(o, f->path);
		json_out_end(o, '}');
	}
	json_out_end(o, ']');
}

void field_file_stats(struct view *v, struct json_out *o)
{
	json_out_begin(o, '[');
	for (uint32_t i = 0; i < count_files(v); i++) {
		json_out_begin(o, '{');
		json_out_key(o, "bytesCompleted");
		json_out_size(o, file_verified(v, &v->m->files[i]));
		json_out_key(o, "priority");
		json_out_int(o, view_priority(v, i));
		json_out_key(o, "wanted");
		json_out_bool(o, view_is_wanted(v, i));
		json_out_end(o, '}');
	}
	json_out_end(o, ']');
}

void field_bytes_completed(struct view *v, struct json_out *o)
{
	json_out_begin(o, '[');
	for (uint32_t i = 0; i < count_files(v); i++)
		json_out_size(o, file_verified(v, &v->m->files[i]));
	json_out_end(o, ']');
}

void field_priorities(struct view *v, struct json_out *o)
{
	json_out_begin(o, '[');
	for (uint32_t i = 0; i < count_files(v); i++)
		json_out_int(o, view_priority(v, i));
	json_out_end(o, ']');
}

void field_wanted(struct view *v, struct json_out *o)
{
	json_out_begin(o, '[');
	for (uint32_t i = 0; i < count_files(v); i++)
		json_out_int(o, view_is_wanted(v, i));
	json_out_end(o, ']');
}

/* ---- pieces ---- */

void field_pieces(struct view *v, struct json_out *o)
{
	json_out_base64(o, v->have == NULL ? bytes_of(NULL, 0) : bitfield_wire(v->have));
}

/* How many peers have each piece; -1: we do. Of the others the engine tells how
 * many pieces a peer has and not which, so only seeds count. */
void field_availability(struct view *v, struct json_out *o)
{
	json_out_begin(o, '[');
	for (uint32_t i = 0; v->m != NULL && i < v->m->piece_count; i++)
		json_out_int(o, v->have != NULL && bitfield_get(v->have, i) ? -1 : (int64_t)v->s.seeds);
	json_out_end(o, ']');
}

void field_webseeds(struct view *v, struct json_out *o)
{
	json_out_begin(o, '[');
	for (uint32_t i = 0; v->m != NULL && i < v->m->web_seed_count; i++)
		json_out_text(o, v->m->web_seeds[i]);
	json_out_end(o, ']');
}

/* ---- peers ---- */

/* One letter for each thing that is so, in the order that people know. */
static void print_flags(const struct peer_status *p, struct json_out *o)
{
	char text[16], *out = text;

	if (p->optimistic)
		*out++ = 'O';
	if (p->down_rate > 0)
		*out++ = 'D';
	else if (p->we_want)
		*out++ = 'd';
	if (p->up_rate > 0)
		*out++ = 'U';
	else if (p->peer_wants)
		*out++ = 'u';
	if (!p->peer_chokes && !p->we_want)
		*out++ = 'K';
	if (!p->we_choke && !p->peer_wants)
		*out++ = '?';
	if (p->encrypted)
		*out++ = 'E';
	if (p->source == SOURCE_DHT)
		*out++ = 'H';
	if (p->source == SOURCE_PEX)
		*out++ = 'X';
	if (p->incoming)
		*out++ = 'I';
	*out = '\0';
	json_out_text(o, text);
}

static void print_flag(struct json_out *o, const char *key, bool value)
{
	json_out_key(o, key);
	json_out_bool(o, value);
}

static void print_peer(const struct view *v, const struct peer_status *p, struct json_out *o)
{
	char address[ENDPOINT_TEXT_MAX];
	uint32_t pieces = v->m == NULL ? 0 : v->m->piece_count;

	json_out_begin(o, '{');
	json_out_key(o, "address");
	json_out_text(o, endpoint_format_address(&p->endpoint, address));
	print_flag(o, "clientIsChoked", p->peer_chokes);
	print_flag(o, "clientIsInterested", p->we_want);
	json_out_key(o, "clientName");
	json_out_text(o, p->client);
	json_out_key(o, "flagStr");
	print_flags(p, o);
	print_flag(o, "isDownloadingFrom", p->down_rate > 0);
	print_flag(o, "isEncrypted", p->encrypted);
	print_flag(o, "isIncoming", p->incoming);
	print_flag(o, "isUTP", false);
	print_flag(o, "isUploadingTo", p->up_rate > 0);
	print_flag(o, "peerIsChoked", p->we_choke);
	print_flag(o, "peerIsInterested", p->peer_wants);
	json_out_key(o, "port");
	json_out_int(o, p->endpoint.port);
	json_out_key(o, "progress");
	json_out_real(o, p->seed ? 1 : pieces == 0 ? 0 : (double)p->pieces / pieces);
	json_out_key(o, "rateToClient");
	json_out_size(o, p->down_rate);
	json_out_key(o, "rateToPeer");
	json_out_size(o, p->up_rate);
	json_out_end(o, '}');
}

void field_peers(struct view *v, struct json_out *o)
{
	view_peers(v);
	json_out_begin(o, '[');
	for (uint32_t i = 0; i < v->peer_count; i++)
		print_peer(v, &v->peers[i], o);
	json_out_end(o, ']');
}

void field_peers_from(struct view *v, struct json_out *o)
{
	static const struct {
		const char *key;
		enum peer_source source;
	} sources[] = {
		{ "fromCache", SOURCE_RESUME }, { "fromDht", SOURCE_DHT },
		{ "fromIncoming", SOURCE_INCOMING }, { "fromLpd", SOURCE_LSD },
		{ "fromLtep", SOURCE_USER }, { "fromPex", SOURCE_PEX },
		{ "fromTracker", SOURCE_TRACKER },
	};

	view_peers(v);
	json_out_begin(o, '{');
	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
		uint32_t count = 0;

		for (uint32_t p = 0; p < v->peer_count; p++)
			count += v->peers[p].source == sources[i].source ||
			         (sources[i].source == SOURCE_USER && v->peers[p].source == SOURCE_MAGNET);
		json_out_key(o, sources[i].key);
		json_out_int(o, count);
	}
	json_out_end(o, '}');
}

/* ---- trackers ---- */

static uint32_t count_trackers(const struct view *v)
{
	struct trackers *all = host_trackers(v->rpc->host);

	return all == NULL ? 0 : trackers_count(all, v->t->id);
}

static void get_tracker(const struct view *v, uint32_t i, struct announce_status *out)
{
	trackers_status(host_trackers(v->rpc->host), v->t->id, i, out);
}

/* "http://host:80/announce" -> "http://host/scrape"; "": it has none. */
static void print_scrape(struct json_out *o, const char *url)
{
	const char *slash = strrchr(url, '/');
	char text[METAINFO_URL_MAX + 8];

	if (slash == NULL || strncmp(slash, "/announce", 9) != 0 ||
	    strlen(url) >= METAINFO_URL_MAX) {
		json_out_text(o, strncmp(url, "udp:", 4) == 0 ? url : "");
		return;
	}
	snprintf(text, sizeof text, "%.*s/scrape%s", (int)(slash - url), url, slash + 9);
	json_out_text(o, text);
}

/* "scheme://host:port". */
static void print_host(struct json_out *o, const char *url)
{
	const char *authority = strstr(url, "://");
	size_t size = authority == NULL ? strlen(url)
	                                : (size_t)(authority - url) + 3 + strcspn(authority + 3, "/?");

	json_out_bytes(o, bytes_of(url, size));
}

void field_trackers(struct view *v, struct json_out *o)
{
	struct announce_status a;

	json_out_begin(o, '[');
	for (uint32_t i = 0; i < count_trackers(v); i++) {
		get_tracker(v, i, &a);
		json_out_begin(o, '{');
		json_out_key(o, "announce");
		json_out_text(o, a.url);
		json_out_key(o, "id");
		json_out_int(o, i);
		json_out_key(o, "scrape");
		print_scrape(o, a.url);
		json_out_key(o, "tier");
		json_out_int(o, a.tier);
		json_out_end(o, '}');
	}
	json_out_end(o, ']');
}

void field_tracker_list(struct view *v, struct json_out *o)
{
	struct announce_status a;
	uint32_t tier = 0;
	char *text = memory_zeroed(1, 1);
	size_t size = 0;

	for (uint32_t i = 0; i < count_trackers(v); i++) {
		size_t more;

		get_tracker(v, i, &a);
		more = strlen(a.url);
		text = memory_resize(text, size + more + 4, 1);
		if (i > 0 && a.tier != tier)
			text[size++] = '\n';
		memcpy(text + size, a.url, more);
		size += more;
		text[size++] = '\n';
		tier = a.tier;
	}
	json_out_bytes(o, bytes_of(text, size));
	free(text);
}

static int64_t known(uint32_t count)
{
	return count == TRACKER_UNKNOWN ? -1 : (int64_t)count;
}

static void print_tracker_times(const struct view *v, const struct announce_status *a, bool good,
                                struct json_out *o)
{
	static const char *const never[] = { "lastAnnounceStartTime", "lastAnnounceTime",
		                             "lastScrapeStartTime", "lastScrapeTime",
		                             "nextScrapeTime" };
	usec now = host_now(v->rpc->host);

	for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
		json_out_key(o, never[i]);
		json_out_int(o, 0);
	}
	json_out_key(o, "nextAnnounceTime");
	json_out_int(o, a->next_at == USEC_NEVER
	                        ? 0 : v->now + (int64_t)(usec_since(now, a->next_at) / USEC_PER_SEC));
	print_flag(o, "lastAnnounceSucceeded", good);
	print_flag(o, "lastAnnounceTimedOut", false);
	print_flag(o, "lastScrapeSucceeded", false);
	print_flag(o, "lastScrapeTimedOut", false);
	print_flag(o, "hasAnnounced", good || a->failures > 0);
	print_flag(o, "hasScraped", false);
}

static void print_tracker_stats(const struct view *v, const struct announce_status *a, uint32_t i,
                                struct json_out *o)
{
	bool good = a->failures == 0 && (a->peers > 0 || a->complete != TRACKER_UNKNOWN);

	json_out_begin(o, '{');
	json_out_key(o, "announce");
	json_out_text(o, a->url);
	json_out_key(o, "announceState");
	json_out_int(o, a->next_at != USEC_NEVER);
	json_out_key(o, "downloadCount");
	json_out_int(o, known(a->downloaded));
	json_out_key(o, "host");
	print_host(o, a->url);
	json_out_key(o, "id");
	json_out_int(o, i);
	print_flag(o, "isBackup", !good && i > 0 && a->next_at == USEC_NEVER);
	json_out_key(o, "lastAnnouncePeerCount");
	json_out_int(o, a->peers);
	json_out_key(o, "lastAnnounceResult");
	json_out_text(o, good ? "Success" : a->text);
	json_out_key(o, "lastScrapeResult");
	json_out_text(o, "");
	print_tracker_times(v, a, good, o);
	json_out_key(o, "leecherCount");
	json_out_int(o, known(a->incomplete));
	json_out_key(o, "scrape");
	print_scrape(o, a->url);
	json_out_key(o, "scrapeState");
	json_out_int(o, 0);
	json_out_key(o, "seederCount");
	json_out_int(o, known(a->complete));
	json_out_key(o, "tier");
	json_out_int(o, a->tier);
	json_out_end(o, '}');
}

void field_tracker_stats(struct view *v, struct json_out *o)
{
	struct announce_status a;

	json_out_begin(o, '[');
	for (uint32_t i = 0; i < count_trackers(v); i++) {
		get_tracker(v, i, &a);
		print_tracker_stats(v, &a, i, o);
	}
	json_out_end(o, ']');
}
