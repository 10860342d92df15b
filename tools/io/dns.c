/* tools/io/dns.c: c-ares driven by the loop's events.
 *
 * c-ares tells which of its sockets it wants watched; each gets an event, and
 * one timer serves its time-outs. It may answer from within the asking call
 * (literals, /etc/hosts); those answers are put off to the loop, so that a
 * caller never sees its callback run before it has the question's number.
 *
 * The channel is opened with the first question: opening reads
 * /etc/resolv.conf, and most runs of a DHT peer ask for no name at all. */
#include "tools/io/dns.h"

#include <ares.h>
#include <netdb.h>
#include <stdlib.h>

#include "proto/memory.h"
#include "tools/io/idmap.h"
#include "tools/io/loop.h"

struct watched {
	struct dns *dns;
	ares_socket_t fd;
	struct event event;
	struct watched *next;
};

struct question {
	struct dns *dns;
	dns_question id;
	uint16_t port;
	dns_on_answer *on_answer; /* NULL: cancelled */
	void *context;
	bool asking;              /* dns_resolve has not returned yet */
	bool answered;
	uint32_t count;
	const char *reason;       /* static */
	struct endpoint answers[DNS_ANSWERS_MAX];
	struct event later;
};

struct dns {
	struct loop *loop;
	struct socket_bind bind;
	ares_channel channel;
	bool open;
	struct watched *watched;  /* owned list */
	struct event timer;
	struct idmap questions;   /* id -> struct question, owned */
	dns_question last;
	bool closing;
};

static void arm(struct dns *d)
{
	struct timeval wait, *found = ares_timeout(d->channel, NULL, &wait);

	if (found != NULL)
		evtimer_add(&d->timer, found);
	else
		evtimer_del(&d->timer);
}

static void timer_fired(evutil_socket_t fd, short what, void *context)
{
	struct dns *d = context;

	(void)fd;
	(void)what;
	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	arm(d);
	loop_settle(d->loop);
}

static void socket_ready(evutil_socket_t fd, short what, void *context)
{
	struct watched *w = context;
	struct dns *d = w->dns;

	/* w may be gone afterwards. */
	ares_process_fd(d->channel, what & EV_READ ? fd : ARES_SOCKET_BAD,
	                what & EV_WRITE ? fd : ARES_SOCKET_BAD);
	arm(d);
	loop_settle(d->loop);
}

static void socket_wanted(void *context, ares_socket_t fd, int readable, int writable)
{
	struct dns *d = context;
	struct watched **link = &d->watched, *w;
	const short what = (short)((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));

	while (*link != NULL && (*link)->fd != fd)
		link = &(*link)->next;
	w = *link;
	if (w != NULL)
		event_del(&w->event);
	if (what == 0) {
		if (w != NULL) {
			*link = w->next;
			free(w);
		}
		return;
	}
	if (w == NULL) {
		w = memory_zeroed(1, sizeof(*w));
		w->dns = d;
		w->fd = fd;
		w->next = d->watched;
		d->watched = w;
	}
	event_assign(&w->event, d->loop->base, fd, (short)(what | EV_PERSIST), socket_ready, w);
	event_add(&w->event, NULL);
}

static void apply_bind(struct dns *d)
{
	const uint8_t *a = d->bind.address.address;

	if (d->bind.device[0] != '\0')
		ares_set_local_dev(d->channel, d->bind.device);
	if (d->bind.address.family == ENDPOINT_V4)
		ares_set_local_ip4(d->channel, (unsigned)a[0] << 24 | (unsigned)a[1] << 16 |
		                                   (unsigned)a[2] << 8 | a[3]);
	else if (d->bind.address.family == ENDPOINT_V6)
		ares_set_local_ip6(d->channel, a);
}

static bool channel_open(struct dns *d)
{
	struct ares_options options = {
		.timeout = DNS_TRY_MSEC,
		.tries = DNS_TRIES,
		.sock_state_cb = socket_wanted,
		.sock_state_cb_data = d,
	};

	if (d->open)
		return true;
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return false;
	if (ares_init_options(&d->channel, &options,
	                      ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB) !=
	    ARES_SUCCESS) {
		ares_library_cleanup();
		return false;
	}
	d->open = true;
	apply_bind(d);
	return true;
}

/* ---- answers ---- */

static void question_free(struct question *q)
{
	event_del(&q->later);
	idmap_remove(&q->dns->questions, q->id);
	free(q);
}

static void deliver(struct question *q)
{
	if (q->on_answer != NULL)
		q->on_answer(q->context, q->answers, q->count, q->reason);
	question_free(q);
}

static void later(evutil_socket_t fd, short what, void *context)
{
	struct question *q = context;
	struct loop *loop = q->dns->loop;

	(void)fd;
	(void)what;
	deliver(q);
	loop_settle(loop);
}

static void collect(struct question *q, const struct ares_addrinfo *info)
{
	const struct ares_addrinfo_node *node;
	struct sockaddr_storage address;
	struct endpoint e;

	for (node = info->nodes; node != NULL && q->count < DNS_ANSWERS_MAX; node = node->ai_next) {
		if (node->ai_addrlen > sizeof(address))
			continue;
		memset(&address, 0, sizeof(address));
		memcpy(&address, node->ai_addr, node->ai_addrlen);
		e = socket_to_endpoint(&address);
		e.port = q->port;
		if (endpoint_is_usable(&e) && socket_bind_allows(&q->dns->bind, e.family))
			q->answers[q->count++] = e;
	}
}

static void came(void *context, int status, int timeouts, struct ares_addrinfo *info)
{
	struct question *q = context;

	(void)timeouts;
	if (info != NULL) {
		collect(q, info);
		ares_freeaddrinfo(info);
	}
	if (q->count == 0)
		q->reason = status == ARES_SUCCESS ? "no usable address" : ares_strerror(status);
	if (q->dns->closing)
		q->reason = NULL;
	q->answered = true;
	if (!q->asking)
		deliver(q);
}

/* ---- questions ---- */

static void ask(struct question *q, const char *host)
{
	struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };

	if (endpoint_parse(host, q->port, &q->answers[0])) {
		q->count = 1;
		q->answered = true;
	} else if (!channel_open(q->dns)) {
		q->reason = "the resolver does not start";
		q->answered = true;
	} else {
		ares_getaddrinfo(q->dns->channel, host, NULL, &hints, came, q);
		arm(q->dns);
	}
}

dns_question dns_resolve(struct dns *d, const char *host, uint16_t port, dns_on_answer *on_answer,
                         void *context)
{
	struct question *q;

	if (d->questions.count >= DNS_QUESTIONS_MAX)
		return 0;
	q = memory_zeroed(1, sizeof(*q));
	q->dns = d;
	q->id = ++d->last;
	q->port = port;
	q->on_answer = on_answer;
	q->context = context;
	q->asking = true;
	evtimer_assign(&q->later, d->loop->base, later, q);
	idmap_set_pointer(&d->questions, q->id, q);
	ask(q, host);
	q->asking = false;
	if (q->answered)
		event_active(&q->later, EV_TIMEOUT, 0);
	return q->id;
}

void dns_cancel(struct dns *d, dns_question question)
{
	struct question *q = idmap_pointer(&d->questions, question);

	/* c-ares cannot take one back; its answer is dropped when it comes. */
	if (q != NULL)
		q->on_answer = NULL;
}

bool dns_use_server(struct dns *d, const char *server)
{
	return channel_open(d) && ares_set_servers_ports_csv(d->channel, server) == ARES_SUCCESS;
}

struct dns *dns_new(struct loop *loop, const struct socket_bind *bind)
{
	struct dns *d = memory_zeroed(1, sizeof(*d));

	d->loop = loop;
	d->bind = *bind;
	evtimer_assign(&d->timer, loop->base, timer_fired, d);
	return d;
}

void dns_free(struct dns *d)
{
	struct idmap_entry entry;
	struct question *q;
	struct watched *w;

	if (d == NULL)
		return;
	d->closing = true;
	if (d->open) {
		ares_destroy(d->channel); /* answers what is open, by came() */
		ares_library_cleanup();
	}
	while (idmap_any(&d->questions, &entry)) {
		q = (struct question *)(uintptr_t)entry.value;
		q->count = 0;
		q->reason = NULL;
		deliver(q);
	}
	while ((w = d->watched) != NULL) {
		d->watched = w->next;
		event_del(&w->event);
		free(w);
	}
	event_del(&d->timer);
	idmap_deinit(&d->questions);
	free(d);
}

bool dns_split(const char *text, char host[DNS_HOST_MAX + 1], uint16_t *port)
{
	const char *colon = strrchr(text, ':'), *digit;
	size_t size = colon == NULL ? 0 : (size_t)(colon - text);
	uint32_t value = 0;

	if (size >= 2 && text[0] == '[' && text[size - 1] == ']') {
		text++;
		size -= 2;
	} else if (size > 0 && memchr(text, ':', size) != NULL) {
		return false; /* a bare IPv6 address: which part is the port? */
	}
	if (size == 0 || size > DNS_HOST_MAX || colon[1] == '\0')
		return false;
	for (digit = colon + 1; *digit != '\0'; digit++) {
		if (*digit < '0' || *digit > '9')
			return false;
		value = 10 * value + (uint32_t)(*digit - '0');
		if (value > UINT16_MAX)
			return false;
	}
	memcpy(host, text, size);
	host[size] = '\0';
	*port = (uint16_t)value;
	return value != 0;
}
