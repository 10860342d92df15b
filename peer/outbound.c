/* peer/outbound.c: what we say to one peer. */
#include "peer/engine.h"

#include "proto/memory.h"

void outbound_send(struct session *s, struct peer *p, struct bytes message, usec now)
{
	if (p->conn.state == CONN_CLOSED)
		return;
	if (!outbox_add(&p->conn.out, message))
		swarm_close(s, p, "takes nothing of what it is sent", false, now);
}

void outbound_simple(struct session *s, struct peer *p, enum message_kind kind, usec now)
{
	uint8_t buffer[8];
	struct writer w;
	writer_init(&w, buffer, sizeof buffer);
	message_write_simple(&w, kind);
	outbound_send(s, p, writer_bytes(&w), now);
}

void outbound_block(struct session *s, struct peer *p, enum message_kind kind, struct block b,
                    usec now)
{
	uint8_t buffer[MESSAGE_REQUEST_SIZE];
	struct writer w;
	writer_init(&w, buffer, sizeof buffer);
	message_write_block(&w, kind, b);
	outbound_send(s, p, writer_bytes(&w), now);
}

void outbound_extended(struct session *s, struct peer *p, enum extended_kind kind,
                       struct bytes payload, usec now)
{
	uint8_t header[8];
	struct writer w;
	const uint8_t id = kind == EXT_HANDSHAKE ? 0 : p->conn.ext.ids[kind];
	if (!p->conn.extended || (kind != EXT_HANDSHAKE && id == 0))
		return;
	writer_init(&w, header, sizeof header);
	message_write_extended_header(&w, id, payload.size);
	outbound_send(s, p, writer_bytes(&w), now);
	outbound_send(s, p, payload, now);
}

void outbound_extended_handshake(struct session *s, struct peer *p, usec now)
{
	const struct torrent *t = p->torrent;
	uint8_t buffer[EXT_HANDSHAKE_MAX];
	struct writer w;
	struct extended_handshake h = {
		.has_m = true,
		.metadata_size = t->metainfo != NULL ? (uint32_t)t->metainfo->info.size : 0,
		.reqq = UPLOAD_REQQ,
		.port = s->config.listen_port,
		.upload_only = t->state == TORRENT_SEEDING && !p->shown.hidden,
		.client = "shoal 0.1",
		.your_ip = p->endpoint,
	};
	h.ids[EXT_METADATA] = EXT_METADATA;
	if (gossip_is_on(t))
		h.ids[EXT_PEX] = EXT_PEX;
	h.ids[EXT_DONTHAVE] = EXT_DONTHAVE;
	h.ids[EXT_UPLOAD_ONLY] = EXT_UPLOAD_ONLY;
	writer_init(&w, buffer, sizeof buffer);
	extended_handshake_write(&w, &h);
	outbound_extended(s, p, EXT_HANDSHAKE, writer_bytes(&w), now);
}

void outbound_pieces(struct session *s, struct peer *p, usec now)
{
	const struct torrent *t = p->torrent;
	const struct bitfield *have = t->download != NULL ? download_have(t->download) : NULL;
	if (have == NULL || have->count == 0 || p->shown.hidden) {
		if (p->conn.fast)
			outbound_simple(s, p, MSG_HAVE_NONE, now);
		return;
	}
	if (p->conn.fast && bitfield_is_full(have)) {
		outbound_simple(s, p, MSG_HAVE_ALL, now);
		return;
	}
	const struct bytes bits = bitfield_wire(have);
	uint8_t header[8];
	struct writer w;
	writer_init(&w, header, sizeof header);
	write_u32(&w, (uint32_t)bits.size + 1);
	write_u8(&w, MSG_BITFIELD);
	outbound_send(s, p, writer_bytes(&w), now);
	outbound_send(s, p, bits, now);
}

/* A block whose read failed, or that was taken back meanwhile, is rejected. */
static void add_block(struct session *s, struct peer *p, struct block b, const struct bytes *views,
                      uint32_t count, struct read_span *span, usec now)
{
	uint8_t header[MESSAGE_PIECE_HEADER];
	struct writer w;
	writer_init(&w, header, sizeof header);
	message_write_piece_header(&w, b);
	if (!outbox_add(&p->conn.out, writer_bytes(&w))) {
		span_release(&s->spans, span);
		swarm_close(s, p, "takes nothing of what it is sent", false, now);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		outbox_add_payload(&p->conn.out, views[i], i + 1 == count ? span : NULL);
}

/* True: at least one block went out of the upload queue. */
static bool fill_blocks(struct session *s, struct peer *p, usec now)
{
	bool any = false;
	while (p->conn.state == CONN_OPEN && p->conn.out.queued < OUTPUT_AHEAD) {
		struct block b;
		struct bytes views[UPLOAD_BLOCK_VIEWS];
		uint32_t count;
		struct read_span *span;
		bool failed;
		if (!upload_next_block(&p->up, &s->spans, &b, views, &count, &span, &failed))
			break;
		any = true;
		if (!failed)
			add_block(s, p, b, views, count, span, now);
		else if (p->conn.fast)
			outbound_block(s, p, MSG_REJECT, b, now);
	}
	return any;
}

/* Asking for reads also joins requests to spans that are there already, and
 * blocks that leave make room for more reads: until neither moves. */
void outbound_fill(struct session *s, struct peer *p, usec now)
{
	struct torrent *t = p->torrent;
	if (p->up.count == 0 || t->metainfo == NULL || !t->storage_open)
		return;
	do {
		struct disk_job job;
		struct read_span *span;
		while ((span = upload_next_read(&p->up, &s->spans, t->id, t->metainfo, &job)) != NULL)
			jobs_read(s, t, span, &job);
	} while (fill_blocks(s, p, now) && p->conn.state == CONN_OPEN);
}
