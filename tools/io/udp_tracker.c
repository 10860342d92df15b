/* tools/io/udp_tracker.c: one job per announce, known by its transaction.
 *
 * A transaction is random and its reply must come from where the request went,
 * so a stranger who does not see our packets cannot answer in a tracker's
 * name. A connection id is kept for a minute and shared by all jobs for that
 * address; when a tracker refuses one that was remembered, it is asked for a
 * new one once. */
#include "tools/io/udp_tracker.h"

#include <sodium.h>
#include <stdlib.h>

#include "proto/memory.h"
#include "tools/io/idmap.h"
#include "tools/io/loop.h"
#include "tools/io/udp.h"

struct connection {
	struct endpoint tracker; /* family 0: free */
	uint64_t id;
	usec at;
};

struct job {
	struct udp_tracker *owner;
	uint64_t transaction;  /* 32 bits, not 0: its id, too */
	struct endpoint to;
	struct tracker_request request;
	uint8_t *target;       /* owned */
	size_t target_size;
	uint32_t tried, tries;
	bool connecting;
	bool remembered;       /* the connection id was not asked for by this job */
	bool forgave;          /* a refusal of such an id, once */
	udp_tracker_on_answer *on_answer;
	void *context;
	struct event timer;
};

struct udp_tracker {
	struct loop *loop;
	struct udp *udp;
	struct rng rng;        /* which of many peers are kept */
	struct idmap jobs;     /* transaction -> struct job, owned */
	struct connection connections[UDP_TRACKER_IDS_MAX];
};

static struct connection *find_connection(struct udp_tracker *u, const struct endpoint *tracker)
{
	uint32_t i;

	for (i = 0; i < UDP_TRACKER_IDS_MAX; i++)
		if (endpoint_equal(&u->connections[i].tracker, tracker))
			return &u->connections[i];
	return NULL;
}

static void remember(struct udp_tracker *u, const struct endpoint *tracker, uint64_t id)
{
	struct connection *c = find_connection(u, tracker);
	uint32_t i;

	if (!c) {
		c = &u->connections[0];
		for (i = 1; i < UDP_TRACKER_IDS_MAX; i++)
			if (u->connections[i].at < c->at)
				c = &u->connections[i];
	}
	*c = (struct connection){ *tracker, id, loop_now() };
}

static void forget(struct udp_tracker *u, const struct endpoint *tracker)
{
	struct connection *c = find_connection(u, tracker);

	if (c)
		*c = (struct connection){ .id = 0 };
}

static void write_announce(struct job *j, struct writer *w, uint64_t connection)
{
	struct bytes target = bytes_of(j->target, j->target_size);
	void *packet = w->data;
	size_t size = w->size;

	tracker_udp_write_announce(w, connection, (uint32_t)j->transaction, &j->request, target);
	if (!w->failed && w->used <= UDP_TRACKER_PACKET)
		return;
	writer_init(w, packet, size);
	tracker_udp_write_announce(w, connection, (uint32_t)j->transaction, &j->request,
	                           bytes_of(NULL, 0));
}

/* The packet of the moment, and the time-out of this try. */
static void send_packet(struct job *j)
{
	struct udp_tracker *u = j->owner;
	const struct connection *c = find_connection(u, &j->to);
	const struct timeval wait = loop_timeval(tracker_udp_patience(j->tried));
	uint8_t packet[TRACKER_UDP_PACKET_MAX];
	struct writer w;

	writer_init(&w, packet, sizeof(packet));
	j->connecting = !c || usec_since(c->at, loop_now()) >= TRACKER_UDP_ID_AGE_MAX;
	if (j->connecting)
		tracker_udp_write_connect(&w, (uint32_t)j->transaction);
	else
		write_announce(j, &w, c->id);
	udp_send(u->udp, &j->to, writer_bytes(&w));
	udp_flush(u->udp);
	evtimer_add(&j->timer, &wait);
}

static void job_free(struct job *j)
{
	event_del(&j->timer);
	idmap_remove(&j->owner->jobs, j->transaction);
	free(j->target);
	free(j);
}

static void deliver(struct job *j, const struct tracker_response *r, const char *reason)
{
	udp_tracker_on_answer *on_answer = j->on_answer;
	void *context = j->context;

	job_free(j);
	on_answer(context, r, reason);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct job *j = context;
	struct loop *loop = j->owner->loop;

	(void)fd;
	(void)what;
	if (j->tried + 1 >= j->tries) {
		deliver(j, NULL, "timed out");
	} else {
		j->tried++;
		send_packet(j);
	}
	loop_settle(loop);
}

static void on_error(struct job *j, const struct tracker_udp_head *head)
{
	struct tracker_response r;

	if (j->remembered && !j->connecting && !j->forgave) {
		j->forgave = true;
		j->remembered = false;
		forget(j->owner, &j->to);
		send_packet(j);
		return;
	}
	tracker_udp_read_error(head, &r);
	deliver(j, &r, NULL);
}

static void on_reply(struct job *j, const struct tracker_udp_head *head)
{
	struct tracker_response r;
	uint64_t connection;

	if (head->action == TRACKER_UDP_ERROR) {
		on_error(j, head);
	} else if (head->action == TRACKER_UDP_CONNECT && j->connecting &&
	           tracker_udp_read_connect(head, &connection)) {
		remember(j->owner, &j->to, connection);
		j->remembered = false;
		j->tried = 0;
		send_packet(j);
	} else if (head->action == TRACKER_UDP_ANNOUNCE && !j->connecting &&
	           tracker_udp_read_announce(head, j->to.family == ENDPOINT_V6, &r,
	                                     &j->owner->rng)) {
		deliver(j, &r, NULL);
	}
}

void udp_tracker_on_datagram(void *udp_tracker, const struct endpoint *from, struct bytes packet)
{
	struct udp_tracker *u = udp_tracker;
	struct tracker_udp_head head;
	struct job *j;

	if (!tracker_udp_read(&head, packet) || head.transaction == 0)
		return;
	j = idmap_pointer(&u->jobs, head.transaction);
	if (j && endpoint_equal(&j->to, from))
		on_reply(j, &head);
}

udp_tracker_id udp_tracker_announce(struct udp_tracker *u, const struct endpoint *to,
                                    const struct tracker_request *request, struct bytes target,
                                    uint32_t tries, udp_tracker_on_answer *on_answer,
                                    void *context)
{
	struct job *j;

	if (u->jobs.count >= UDP_TRACKER_JOBS_MAX)
		return 0;
	j = memory_zeroed(1, sizeof(*j));
	j->owner = u;
	do
		j->transaction = randombytes_random();
	while (j->transaction == 0 || idmap_pointer(&u->jobs, j->transaction));
	j->to = *to;
	j->request = *request;
	j->request.tracker_id = NULL;
	j->target = target.size ? memory_copy(target.data, target.size) : NULL;
	j->target_size = target.size;
	j->tries = tries ? tries : UDP_TRACKER_TRIES;
	j->remembered = true;
	j->on_answer = on_answer;
	j->context = context;
	evtimer_assign(&j->timer, u->loop->base, on_timer, j);
	idmap_set_pointer(&u->jobs, j->transaction, j);
	send_packet(j);
	return j->transaction;
}

void udp_tracker_cancel(struct udp_tracker *u, udp_tracker_id id)
{
	struct job *j = idmap_pointer(&u->jobs, id);

	if (j)
		job_free(j);
}

struct udp_tracker *udp_tracker_new(struct loop *loop, struct udp *udp)
{
	struct udp_tracker *u = memory_zeroed(1, sizeof(*u));
	uint8_t seed[RNG_SEED_SIZE];

	u->loop = loop;
	u->udp = udp;
	randombytes_buf(seed, sizeof(seed));
	rng_init(&u->rng, seed);
	return u;
}

void udp_tracker_free(struct udp_tracker *u)
{
	struct idmap_entry entry;

	if (!u)
		return;
	while (idmap_any(&u->jobs, &entry))
		job_free((struct job *)(uintptr_t)entry.value);
	idmap_deinit(&u->jobs);
	free(u);
}
