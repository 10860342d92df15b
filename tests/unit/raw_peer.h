/* tests/unit/raw_peer.h: a lab with one real session and peers made by hand,
 * who may say anything. */
#ifndef TESTS_RAW_PEER_H
#define TESTS_RAW_PEER_H

#include <criterion/criterion.h>

#include "proto/extended.h"
#include "proto/message.h"
#include "tools/lab/lab.h"

struct stage {
	struct world *w;
	struct lab *lab;
	struct lab_content *content;
	struct metainfo m;
	uint32_t host;
	torrent_id t;
	struct action notices[256];
	uint32_t notice_count;
};

struct raw_peer {
	struct stage *stage;
	struct lab_raw *raw;
	size_t seen; /* bytes of what the session sent that were looked at */
};

static inline void stage_on_notice(struct lab *lab, uint32_t host, const struct action *a, void *context)
{
	struct stage *st = context;
	(void)lab;
	(void)host;
	if (st->notice_count < 256)
		st->notices[st->notice_count++] = *a;
}

static inline void stage_pass(struct stage *st, usec time)
{
	world_run(st->w, world_now(st->w) + time);
}

/* seed: the session has everything; magnet: it knows the hash only. */
static inline void stage_open(struct stage *st, uint64_t size, uint32_t piece, bool seed, bool magnet)
{
	struct lab_config c = { .disk_time = 1000, .lookup_time = USEC_PER_MS };
	struct lab_host_config h = { 0 };
	c.rtt = latency_from_quantiles(10, 11, 12);
	*st = (struct stage){ .w = world_new(1) };
	st->lab = lab_new(st->w, &c);
	st->content = lab_content_new(1, size, piece, NULL, 0);
	lab_set_listener(st->lab, stage_on_notice, st);
	lab_content_metainfo(st->content, &st->m);
	st->host = lab_host_add(st->lab, &h);
	st->t = lab_add(st->lab, st->host, st->content, seed, magnet);
	stage_pass(st, USEC_PER_SEC);
}

static inline void stage_close(struct stage *st)
{
	lab_free(st->lab);
	world_free(st->w);
	metainfo_deinit(&st->m);
	lab_content_free(st->content);
}

static inline struct torrent_status stage_status(struct stage *st)
{
	struct torrent_status status;
	cr_assert(session_status(lab_session(st->lab, st->host), st->t, &status, world_now(st->w)));
	return status;
}

static inline bool stage_noticed(const struct stage *st, enum notice_kind kind)
{
	for (uint32_t i = 0; i < st->notice_count; i++)
		if (st->notices[i].notice == kind)
			return true;
	return false;
}

static inline struct raw_peer raw_open(struct stage *st)
{
	return (struct raw_peer){ st, lab_raw_connect(st->lab, st->host), 0 };
}

static inline void raw_close(struct raw_peer *p)
{
	lab_raw_free(p->stage->lab, p->raw);
}

static inline bool raw_is_closed(struct raw_peer *p)
{
	bool closed;
	stage_pass(p->stage, USEC_PER_SEC);
	lab_raw_received(p->raw, &closed);
	return closed;
}

static inline void raw_send(struct raw_peer *p, struct bytes bytes)
{
	lab_raw_send(p->stage->lab, p->raw, bytes);
}

/* Send our handshake and read the session's. name: makes the peer id. */
static inline void raw_greet_as(struct raw_peer *p, uint8_t name, bool fast, bool extended)
{
	struct handshake h = { .fast = fast, .extended = extended };
	uint8_t buffer[HANDSHAKE_SIZE];
	bool closed;
	memcpy(h.info_hash, p->stage->m.info_hash, SHA1_SIZE);
	memset(h.peer_id, name, PEER_ID_SIZE);
	handshake_write(&h, buffer);
	raw_send(p, bytes_of(buffer, sizeof buffer));
	stage_pass(p->stage, USEC_PER_SEC);
	struct bytes got = lab_raw_received(p->raw, &closed);
	cr_assert_not(closed);
	cr_assert_geq(got.size, HANDSHAKE_SIZE);
	struct handshake theirs;
	cr_assert(handshake_read(&theirs, got));
	cr_assert_arr_eq(theirs.info_hash, h.info_hash, SHA1_SIZE);
	p->seen = HANDSHAKE_SIZE;
}

static inline void raw_greet(struct raw_peer *p, bool fast, bool extended)
{
	raw_greet_as(p, 'x', fast, extended);
}

/* The next message the session sent; false: none yet. A PIECE's data is
 * skipped over; data gets a view of it when not NULL. */
static inline bool raw_next(struct raw_peer *p, struct message *m, struct bytes *data)
{
	bool closed;
	size_t used;
	const char *reason;
	const struct bytes all = lab_raw_received(p->raw, &closed);
	const struct bytes in = bytes_of(all.data + p->seen, all.size - p->seen);
	if (in.size == 0 || message_read(m, in, 1 << 20, &used, &reason) != MESSAGE_OK)
		return false;
	if (m->kind == MSG_PIECE) {
		if (in.size - used < m->block.length)
			return false;
		if (data != NULL)
			*data = bytes_of(in.data + used, m->block.length);
		used += m->block.length;
	}
	p->seen += used;
	return true;
}

/* Wait for a message of that kind; others are skipped. */
static inline bool raw_wait(struct raw_peer *p, enum message_kind kind, struct message *m,
                            struct bytes *data)
{
	for (int i = 0; i < 120; i++) {
		while (raw_next(p, m, data))
			if (m->kind == kind)
				return true;
		stage_pass(p->stage, USEC_PER_SEC / 2);
	}
	return false;
}

static inline void raw_say(struct raw_peer *p, enum message_kind kind)
{
	uint8_t buffer[16];
	struct writer w;
	writer_init(&w, buffer, sizeof buffer);
	message_write_simple(&w, kind);
	raw_send(p, writer_bytes(&w));
}

static inline void raw_say_block(struct raw_peer *p, enum message_kind kind, struct block b)
{
	uint8_t buffer[32];
	struct writer w;
	writer_init(&w, buffer, sizeof buffer);
	message_write_block(&w, kind, b);
	raw_send(p, writer_bytes(&w));
}

static inline void raw_say_number(struct raw_peer *p, uint8_t id, uint32_t number)
{
	uint8_t buffer[16];
	struct writer w;
	writer_init(&w, buffer, sizeof buffer);
	write_u32(&w, 5);
	write_u8(&w, id);
	write_u32(&w, number);
	raw_send(p, writer_bytes(&w));
}

static inline void raw_say_bytes(struct raw_peer *p, uint8_t id, struct bytes payload)
{
	uint8_t buffer[5];
	struct writer w;
	writer_init(&w, buffer, sizeof buffer);
	write_u32(&w, (uint32_t)payload.size + 1);
	write_u8(&w, id);
	raw_send(p, writer_bytes(&w));
	raw_send(p, payload);
}

static inline void raw_say_extended(struct raw_peer *p, uint8_t id, struct bytes payload)
{
	uint8_t buffer[8];
	struct writer w;
	writer_init(&w, buffer, sizeof buffer);
	message_write_extended_header(&w, id, payload.size);
	raw_send(p, writer_bytes(&w));
	raw_send(p, payload);
}

static inline void raw_say_piece(struct raw_peer *p, struct block b, const uint8_t *data)
{
	uint8_t buffer[MESSAGE_PIECE_HEADER];
	struct writer w;
	writer_init(&w, buffer, sizeof buffer);
	message_write_piece_header(&w, b);
	raw_send(p, writer_bytes(&w));
	raw_send(p, bytes_of(data, b.length));
}

/* An extension handshake that offers ut_metadata as 3, of that size. */
static inline void raw_say_extensions(struct raw_peer *p, uint32_t metadata_size)
{
	uint8_t buffer[EXT_HANDSHAKE_MAX];
	struct writer w;
	struct extended_handshake h = { .has_m = true, .metadata_size = metadata_size };
	h.ids[EXT_METADATA] = 3;
	writer_init(&w, buffer, sizeof buffer);
	extended_handshake_write(&w, &h);
	raw_say_extended(p, 0, writer_bytes(&w));
}

#endif
