/* peer/status.c: looking in. */
#include "peer/engine.h"

#include <stdio.h>

static void status_download(const struct torrent *t, struct torrent_status *out)
{
	const struct metainfo *m = t->metainfo;
	out->has_metadata = m != NULL;
	if (m == NULL)
		return;
	out->total = out->wanted = m->total;
	out->piece_count = m->piece_count;
	out->pieces_checked = t->state == TORRENT_CHECKING ? t->checked : m->piece_count;
	if (t->download == NULL)
		return;
	out->wanted = download_wanted_bytes(t->download);
	out->verified = download_wanted_have_bytes(t->download);
	out->pieces_have = download_have(t->download)->count;
	out->wasted = t->wasted_before + download_wasted_bytes(t->download);
}

bool session_status(const struct session *s, torrent_id id, struct torrent_status *out, usec now)
{
	const struct torrent *t = session_torrent(s, id);
	if (t == NULL)
		return false;
	*out = (struct torrent_status){
		.state = t->state,
		.name = t->name,
		.error = t->state == TORRENT_ERROR ? t->error : NULL,
		.error_kind = t->error_kind,
		.downloaded = t->down.total,
		.uploaded = t->up.total,
		.down_rate = meter_rate(&t->down, now),
		.up_rate = meter_rate(&t->up, now),
		.half_open = t->half_open,
		.candidates = candidates_count(t->candidates),
		.wasted = t->wasted_before,
	};
	memcpy(out->info_hash, t->info_hash, SHA1_SIZE);
	status_download(t, out);
	if (t->metadata != NULL)
		metadata_progress(t->metadata, &out->metadata_have, &out->metadata_total);
	for (const struct peer *p = t->peers; p != NULL; p = p->next) {
		if (p->conn.state != CONN_OPEN)
			continue;
		out->peers++;
		out->seeds += p->has_down && bitfield_is_full(&p->down.has);
	}
	return true;
}

const struct metainfo *session_metainfo(const struct session *s, torrent_id id)
{
	const struct torrent *t = session_torrent(s, id);
	return t != NULL ? t->metainfo : NULL;
}

const struct bitfield *session_have(const struct session *s, torrent_id id)
{
	const struct torrent *t = session_torrent(s, id);
	return t != NULL && t->download != NULL ? download_have(t->download) : NULL;
}

static void describe(const struct peer *p, struct peer_status *out, usec now)
{
	*out = (struct peer_status){
		.conn = p->id,
		.endpoint = p->endpoint,
		.source = p->source,
		.incoming = p->conn.incoming,
		.encrypted = p->conn.encrypted,
		.we_choke = p->choking,
		.we_want = p->interested,
		.peer_chokes = !p->has_down || p->down.choked,
		.peer_wants = p->wants,
		.optimistic = p->optimistic,
		.up_rate = meter_rate(&p->sent, now),
		.uploaded = p->sent.total,
		.requests_in = p->up.count,
	};
	snprintf(out->client, sizeof out->client, "%s", p->conn.ext.client);
	if (!p->has_down)
		return;
	out->snubbed = p->down.snubbed;
	out->seed = bitfield_is_full(&p->down.has);
	out->pieces = p->down.has.count;
	out->down_rate = meter_rate(&p->down.received, now);
	out->downloaded = p->down.received.total;
	out->requests_out = p->down.outstanding;
}

uint32_t session_peers(const struct session *s, torrent_id id, struct peer_status *out,
                       uint32_t max, usec now)
{
	const struct torrent *t = session_torrent(s, id);
	uint32_t n = 0;
	for (const struct peer *p = t != NULL ? t->peers : NULL; p != NULL; p = p->next) {
		if (p->conn.state != CONN_OPEN)
			continue;
		if (n < max)
			describe(p, &out[n], now);
		n++;
	}
	return n;
}

void session_totals(const struct session *s, struct session_totals *out)
{
	*out = (struct session_totals){
		.payload_down = s->payload_down,
		.payload_up = s->payload_up,
		.bytes_down = s->bytes_down,
		.bytes_up = s->bytes_up,
		.torrents = s->torrents.count,
		.conns = s->peers.count - s->half_open,
		.half_open = s->half_open,
		.jobs = s->jobs.count,
		.buffer_bytes = (size_t)s->pool.used * CHUNK_SIZE,
	};
}
