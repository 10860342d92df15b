/* tools/lab/streams.c: connections between lab hosts over access links.
 *
 * A host's uplink sends LAB_QUANTUM of one connection, then of the next that
 * wants it; a segment takes size / rate to leave, half a round trip to travel,
 * and size / rate of the receiver's downlink to arrive. A lost segment comes a
 * retransmission later, and holds back what follows it, as TCP does. Bytes are
 * asked from the session only when the uplink is free, which is what a small
 * unsent-bytes limit on a real socket gives. What arrives lies in the receiver's
 * inbox until its session may read it, and holds the sender's window open. */
#include <assert.h>
#include <stdlib.h>

#include "proto/memory.h"
#include "tools/lab/lab_internal.h"

struct segment {
	struct lab_end *to;
	struct segment *next;    /* in the inbox */
	uint32_t size, read;
	uint8_t bytes[];
};

static usec now_of(const struct lab_host *h)
{
	return world_now(h->lab->world);
}

/* ---- ends ---- */

static void end_release(struct lab_end *e)
{
	if (--e->refs == 0) {
		if (e->other != NULL)
			e->other->other = NULL;
		free(e);
	}
}

static void end_bind(struct lab_end *e, conn_id id)
{
	struct lab_host *h = e->host;
	const uint32_t slot = (uint32_t)id;
	if (slot >= h->ends_size) {
		const uint32_t size = (slot + 1) * 2;
		h->ends = memory_resize(h->ends, size, sizeof(struct lab_end *));
		memset(h->ends + h->ends_size, 0, (size - h->ends_size) * sizeof(struct lab_end *));
		h->ends_size = size;
	}
	assert(h->ends[slot] == NULL);
	h->ends[slot] = e;
	e->id = id;
}

static struct lab_end *end_of(const struct lab_host *h, conn_id id)
{
	const uint32_t slot = (uint32_t)id;
	struct lab_end *e = slot < h->ends_size ? h->ends[slot] : NULL;
	return e != NULL && e->id == id ? e : NULL;
}

static struct lab_end *end_new(struct lab_host *h)
{
	struct lab_end *e = memory_zeroed(1, sizeof *e);
	e->host = h;
	e->refs = 1;
	return e;
}

/* The segment was read, or nobody will. */
static void segment_free(struct segment *segment)
{
	struct lab_end *e = segment->to;
	if (e->other != NULL)
		e->other->in_flight -= segment->size;
	free(segment);
	end_release(e);
}

/* This side is over; what travels to it is dropped on arrival. */
static void end_finish(struct lab_end *e)
{
	if (e->closed)
		return;
	e->closed = true;
	while (e->inbox != NULL) {
		struct segment *first = e->inbox;
		e->inbox = first->next;
		segment_free(first);
	}
	if (e->host != NULL && e->id != 0)
		e->host->ends[(uint32_t)e->id] = NULL;
	if (e->raw != NULL)
		e->raw->closed = true;
	end_release(e);
}

static usec trip(struct lab *lab)
{
	return latency_sample(&lab->config.rtt, world_rng(lab->world, WORLD_NETWORK)) / 2 + 1;
}

/* ---- the uplink ---- */

static void uplink_next(struct lab_host *h);

static void want(struct lab_end *e)
{
	struct lab_host *h = e->host;
	if (e->waiting || e->closed)
		return;
	e->waiting = true;
	e->refs++;
	e->next_waiting = NULL;
	if (h->waiting_last != NULL)
		h->waiting_last->next_waiting = e;
	else
		h->waiting_first = e;
	h->waiting_last = e;
}

/* Nothing gets through, and what was sent is repeated until it does. */
static bool is_cut(const struct lab_end *e)
{
	const struct lab_end *o = e->other;
	return (e->host != NULL && e->host->cut) || (o != NULL && o->host != NULL && o->host->cut);
}

static void end_of_stream(struct lab_end *e)
{
	struct lab_host *h = e->host;
	const conn_id id = e->id;
	end_finish(e);
	if (h != NULL && h->session != NULL) {
		session_on_closed(h->session, id, "closed by the peer", now_of(h));
		lab_pump_host(h);
	}
}

static void on_close_arrives(struct world *w, void *owner, uint64_t a, uint64_t b)
{
	struct lab_end *e = owner;
	(void)w;
	(void)a;
	(void)b;
	if (e->inbox != NULL || is_cut(e))
		e->ended = true;
	else if (!e->closed)
		end_of_stream(e);
	end_release(e);
}

/* The next bytes of the inbox, as many as the session takes. False: none now. */
static bool give(struct lab_end *e)
{
	struct lab_host *h = e->host;
	struct segment *first = e->inbox;
	const uint32_t step = h->config.byte_reads, left = first->size - first->read;
	const size_t budget = session_read_budget(h->session, e->id, now_of(h));
	uint32_t n = budget < left ? (uint32_t)budget : left;
	if (step != 0 && step < n)
		n = step;
	if (n == 0)
		return false;
	const uint8_t *bytes = first->bytes + first->read;
	first->read += n;
	session_on_bytes(h->session, e->id, bytes_of(bytes, n), now_of(h));
	lab_pump_host(h);
	return true;
}

static void drop_first(struct lab_end *e)
{
	struct segment *first = e->inbox;
	struct lab_end *from = e->other;
	e->inbox = first->next;
	segment_free(first);
	if (from != NULL && !from->closed && from->host != NULL) {
		want(from);
		uplink_next(from->host);
	}
}

static void read_inbox(struct lab_end *e)
{
	if (e->reading || e->closed || is_cut(e) || e->host->session == NULL)
		return;
	e->reading = true;
	e->refs++;
	while (e->inbox != NULL && give(e))
		if (e->inbox != NULL && e->inbox->read == e->inbox->size)
			drop_first(e);
	e->reading = false;
	if (e->ended && e->inbox == NULL && !e->closed)
		end_of_stream(e);
	else
		lab_pump_host(e->host);
	end_release(e);
}

void streams_repaired(struct lab_host *h)
{
	for (uint32_t i = 0; i < h->ends_size; i++) {
		if (h->ends[i] != NULL && h->ends[i]->other != NULL &&
		    h->ends[i]->other->host != NULL)
			read_inbox(h->ends[i]->other);
		if (h->ends[i] != NULL)
			read_inbox(h->ends[i]);
	}
}

void streams_read(struct lab_host *h, conn_id c)
{
	struct lab_end *e = end_of(h, c);
	if (e != NULL)
		read_inbox(e);
}

static void raw_take(struct lab_raw *raw, struct bytes bytes)
{
	if (raw->received_size + bytes.size > raw->received_room) {
		raw->received_room = (raw->received_size + bytes.size) * 2;
		raw->received = memory_resize(raw->received, raw->received_room, 1);
	}
	memcpy(raw->received + raw->received_size, bytes.data, bytes.size);
	raw->received_size += bytes.size;
}

static void on_arrival(struct world *w, void *owner, uint64_t a, uint64_t b)
{
	struct segment *segment = owner;
	struct lab_end *e = segment->to;
	(void)w;
	(void)a;
	(void)b;
	if (!e->closed && e->raw != NULL)
		raw_take(e->raw, bytes_of(segment->bytes, segment->size));
	if (e->closed || e->host == NULL) {
		struct lab_end *from = e->other;
		segment_free(segment);
		if (from != NULL && !from->closed && from->host != NULL) {
			want(from);
			uplink_next(from->host);
		}
		return;
	}
	e->host->stats.received += segment->size;
	segment->next = NULL;
	if (e->inbox != NULL)
		e->inbox_last->next = segment;
	else
		e->inbox = segment;
	e->inbox_last = segment;
	read_inbox(e);
}

/* When the last byte of a segment that leaves at `left` has arrived. */
static usec arrival(struct lab_end *from, uint32_t size, usec left)
{
	struct lab *lab = from->host != NULL ? from->host->lab : from->other->host->lab;
	struct lab_host *to = from->other->host;
	usec at = left + trip(lab);
	struct rng *rng = world_rng(lab->world, WORLD_NETWORK);
	if (lab->config.loss > 0 && rng_unit(rng) < lab->config.loss)
		at += usec_max(200 * USEC_PER_MS, 2 * trip(lab));
	at = usec_max(at, from->last_arrival + 1);
	if (to != NULL && to->config.down != 0) {
		at = usec_max(at, to->down_free) + size * USEC_PER_SEC / to->config.down;
		to->down_free = at;
	}
	from->last_arrival = at;
	return at;
}

static void send_segment(struct world *w, struct lab_end *from, struct segment *segment, usec left)
{
	struct lab_end *to = from->other;
	if (to == NULL) {
		free(segment);
		return;
	}
	segment->to = to;
	to->refs++;
	from->in_flight += segment->size;
	world_at(w, arrival(from, segment->size, left), on_arrival, segment, 0, 0);
}

static void on_uplink_free(struct world *w, void *owner, uint64_t a, uint64_t b)
{
	struct lab_host *h = owner;
	(void)w;
	(void)a;
	(void)b;
	h->up_busy = false;
	uplink_next(h);
}

/* Take up to LAB_QUANTUM from the session; NULL: it has nothing. */
static struct segment *take_output(struct lab_host *h, struct lab_end *e)
{
	struct bytes views[SESSION_OUTPUT_VIEWS];
	struct segment *segment = NULL;
	uint32_t size = 0;
	const size_t n = session_output(h->session, e->id, views, SESSION_OUTPUT_VIEWS, now_of(h));
	for (size_t i = 0; i < n && size < LAB_QUANTUM; i++) {
		uint32_t part = (uint32_t)views[i].size;
		if (part > LAB_QUANTUM - size)
			part = LAB_QUANTUM - size;
		if (segment == NULL)
			segment = memory_alloc(sizeof *segment + LAB_QUANTUM);
		memcpy(segment->bytes + size, views[i].data, part);
		size += part;
	}
	if (size == 0)
		return NULL;
	segment->size = size;
	segment->read = 0;
	session_on_sent(h->session, e->id, size, now_of(h));
	return segment;
}

static void uplink_next(struct lab_host *h)
{
	struct world *w = h->lab->world;
	while (!h->up_busy && h->waiting_first != NULL && h->session != NULL) {
		struct lab_end *e = h->waiting_first;
		h->waiting_first = e->next_waiting;
		if (h->waiting_first == NULL)
			h->waiting_last = NULL;
		e->waiting = false;
		struct segment *segment = NULL;
		if (!e->closed && e->in_flight < LAB_IN_FLIGHT_MAX)
			segment = take_output(h, e);
		if (segment != NULL) {
			const usec time =
			        h->config.up != 0 ? segment->size * USEC_PER_SEC / h->config.up : 0;
			h->stats.sent += segment->size;
			h->stats.up_busy += time;
			want(e);
			send_segment(w, e, segment, now_of(h) + time);
			if (time != 0) {
				h->up_busy = true;
				world_at(w, now_of(h) + time, on_uplink_free, h, 0, 0);
			}
		}
		end_release(e);
	}
	lab_pump_host(h);
}

void streams_want(struct lab_host *h, conn_id c)
{
	struct lab_end *e = end_of(h, c);
	if (e == NULL)
		return;
	want(e);
	uplink_next(h);
}

/* ---- opening and closing ---- */

static void on_dial_answer(struct world *w, void *owner, uint64_t accepted, uint64_t unused)
{
	struct lab_end *e = owner;
	struct lab_host *h = e->host;
	(void)unused;
	if (!e->closed && h->session != NULL) {
		const conn_id id = e->id;
		if (accepted) {
			struct endpoint local = h->endpoint;
			local.port = e->port;
			session_on_connected(h->session, id, &local, world_now(w));
		} else {
			end_finish(e);
			session_on_closed(h->session, id, "connection refused", world_now(w));
		}
		lab_pump_host(h);
	}
	end_release(e);
}

static void on_dial_arrives(struct world *w, void *owner, uint64_t target, uint64_t unused)
{
	struct lab_end *e = owner;
	struct lab_host *h = e->host;
	struct lab_host *to = h->lab->hosts[target];
	conn_id id = 0;
	(void)unused;
	if (e->closed || to->cut || h->cut) {
		end_release(e);
		return;
	}
	/* The dialer's port is not its listening port. */
	struct endpoint from = h->endpoint;
	from.port = e->port = (uint16_t)(20000 + rng_below(world_rng(w, WORLD_NETWORK), 40000));
	if (to->session != NULL)
		id = session_on_accepted(to->session, &from, world_now(w));
	if (id != 0) {
		struct lab_end *o = end_new(to);
		end_bind(o, id);
		o->other = e;
		e->other = o;
	}
	world_at(w, world_now(w) + trip(h->lab), on_dial_answer, e, id != 0, 0);
	lab_pump_host(to);
}

void streams_dial(struct lab_host *h, const struct action *a)
{
	struct lab_end *e = end_new(h);
	end_bind(e, a->conn);
	for (uint32_t i = 0; i < h->lab->host_count; i++) {
		if (!endpoint_equal(&h->lab->hosts[i]->endpoint, &a->endpoint))
			continue;
		e->refs++;
		world_at(h->lab->world, now_of(h) + trip(h->lab), on_dial_arrives, e, i, 0);
		return;
	}
	/* Nobody lives there: the dial is never answered. */
}

/* What was sent before arrives before the end of the stream does. */
static void tell_other(struct world *w, struct lab *lab, struct lab_end *e)
{
	struct lab_end *o = e->other;
	if (o == NULL || o->closed)
		return;
	o->refs++;
	world_at(w, usec_max(world_now(w) + trip(lab), e->last_arrival + 1), on_close_arrives, o, 0, 0);
}

void streams_close(struct lab_host *h, conn_id c)
{
	struct lab_end *e = end_of(h, c);
	if (e == NULL)
		return;
	tell_other(h->lab->world, h->lab, e);
	end_finish(e);
}

void streams_end_all(struct lab_host *h)
{
	for (uint32_t i = 0; i < h->ends_size; i++)
		if (h->ends[i] != NULL)
			streams_close(h, h->ends[i]->id);
	for (struct lab_end *e = h->waiting_first, *next; e != NULL; e = next) {
		next = e->next_waiting;
		e->waiting = false;
		end_release(e);
	}
	h->waiting_first = h->waiting_last = NULL;
}

/* ---- raw peers ---- */

struct lab_raw *lab_raw_connect(struct lab *lab, uint32_t host)
{
	struct lab_host *to = lab->hosts[host];
	struct endpoint from = endpoint_v4(10, 250, (uint8_t)rng_below(world_rng(lab->world, WORLD_WORKLOAD), 250), 1, 30000);
	struct lab_raw *raw = memory_zeroed(1, sizeof *raw);
	const conn_id id = session_on_accepted(to->session, &from, world_now(lab->world));
	if (id == 0) {
		raw->closed = true;
		return raw;
	}
	struct lab_end *mine = end_new(NULL), *theirs = end_new(to);
	end_bind(theirs, id);
	mine->other = theirs;
	theirs->other = mine;
	mine->raw = raw;
	mine->refs++; /* the raw peer's own */
	raw->end = mine;
	lab_pump_host(to);
	return raw;
}

void lab_raw_send(struct lab *lab, struct lab_raw *raw, struct bytes bytes)
{
	if (bytes.size == 0 || raw->end == NULL || raw->closed || raw->end->other == NULL)
		return;
	struct segment *segment = memory_alloc(sizeof *segment + bytes.size);
	memcpy(segment->bytes, bytes.data, bytes.size);
	segment->size = (uint32_t)bytes.size;
	segment->read = 0;
	send_segment(lab->world, raw->end, segment, world_now(lab->world));
}

struct bytes lab_raw_received(const struct lab_raw *raw, bool *closed)
{
	*closed = raw->closed;
	return bytes_of(raw->received, raw->received_size);
}

void lab_raw_free(struct lab *lab, struct lab_raw *raw)
{
	if (raw->end != NULL) {
		raw->end->raw = NULL;
		if (!raw->end->closed) {
			tell_other(lab->world, lab, raw->end);
			end_finish(raw->end);
		}
		end_release(raw->end);
	}
	free(raw->received);
	free(raw);
}
