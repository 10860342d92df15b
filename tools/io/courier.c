/* tools/io/courier.c: orders in the queues of sites (one per scheme, host and
 * port), then as requests.
 *
 * An order is in exactly one place: waiting in its site's queue, or active
 * (asking for a name, or as an HTTP or UDP request). finish() is the only way
 * out of both with an answer. */
#include "tools/io/courier.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/memory.h"
#include "proto/tracker_url.h"
#include "tools/io/dns.h"
#include "tools/io/http.h"
#include "tools/io/loop.h"
#include "tools/io/udp_tracker.h"

#define COURIER_AGAIN USEC_PER_SEC /* when there was no room for requests */

struct order {
	struct courier *courier;
	struct site *site;
	struct order *next, *before; /* of the site, first come first */
	char *url;                   /* owned */
	struct tracker_url parts;    /* views into url */
	struct tracker_request request;
	char *tracker_id;            /* owned */
	enum endpoint_family family;
	usec timeout;
	bool last_word;
	courier_on_answer *on_answer;
	void *context;
	uint64_t tag;
	bool active;
	struct endpoint to;
	dns_question question;
	http_id http;
	udp_tracker_id udp;
};

struct site {
	enum tracker_scheme scheme;
	char *host; /* owned */
	uint16_t port;
	struct order *first, *last; /* owned */
	uint32_t active;
	struct site *next;
};

struct courier {
	struct loop *loop;
	struct dns *dns;
	struct http *http;
	struct udp_tracker *udp;
	struct socket_bind bind;
	struct rng rng;
	struct site *sites; /* owned list */
	uint32_t open;
	struct event soon;  /* look who may go */
};

/* ---- sites ---- */

static struct site *site_of(struct courier *c, const struct tracker_url *u)
{
	struct site *s;

	for (s = c->sites; s; s = s->next)
		if (s->port == u->port && s->scheme == u->scheme && strcmp(s->host, u->host) == 0)
			return s;
	s = memory_zeroed(1, sizeof(*s));
	s->scheme = u->scheme;
	s->host = memory_copy_text(u->host);
	s->port = u->port;
	s->next = c->sites;
	c->sites = s;
	return s;
}

static void append(struct order *o)
{
	struct site *s = o->site;

	o->before = s->last;
	if (s->last)
		s->last->next = o;
	else
		s->first = o;
	s->last = o;
}

static void take_out(struct order *o)
{
	struct site *s = o->site;

	if (o->before)
		o->before->next = o->next;
	else
		s->first = o->next;
	if (o->next)
		o->next->before = o->before;
	else
		s->last = o->before;
}

static void order_free(struct order *o)
{
	struct courier *c = o->courier;

	take_out(o);
	if (o->active)
		o->site->active--;
	if (o->question)
		dns_cancel(c->dns, o->question);
	if (o->http)
		http_cancel(c->http, o->http);
	if (o->udp)
		udp_tracker_cancel(c->udp, o->udp);
	c->open--;
	free(o->tracker_id);
	free(o->url);
	free(o);
}

static void drop_empty_sites(struct courier *c)
{
	struct site **link = &c->sites, *s;

	while ((s = *link) != NULL) {
		if (s->first) {
			link = &s->next;
			continue;
		}
		*link = s->next;
		free(s->host);
		free(s);
	}
}

/* ---- answers ---- */

static void finish(struct order *o, const struct tracker_response *response, const char *reason,
                   bool absent)
{
	const struct courier_answer answer = {
		.response = response, .reason = reason, .absent = absent, .from = o->to
	};
	struct courier *c = o->courier;
	courier_on_answer *on_answer = o->on_answer;
	void *context = o->context;
	uint64_t tag = o->tag;

	order_free(o);
	event_active(&c->soon, EV_TIMEOUT, 0);
	on_answer(context, tag, &answer);
}

/* Nothing came from there: those that wait need not find out by themselves.
 * A callback may cancel any order, so each look begins at the front. */
static void finish_unreached(struct order *o, const char *reason, bool absent)
{
	enum endpoint_family family = o->family;
	struct site *site = o->site;
	struct order *w;
	char text[TRACKER_TEXT_MAX];

	(void)snprintf(text, sizeof(text), "%s", reason);
	do {
		finish(o, NULL, text, absent);
		for (w = site->first; w && (w->active || w->family != family); w = w->next)
			;
		o = w;
	} while (o);
}

static void on_http_answer(void *context, const struct http_answer *a)
{
	struct order *o = context;
	struct tracker_response r;
	const char *reason;
	char text[TRACKER_TEXT_MAX];

	o->http = 0;
	o->to = a->from;
	if (a->reason) {
		finish_unreached(o, a->reason, a->absent);
		return;
	}
	/* A refusal may come with an error status and still be bencoded. */
	if (tracker_response_read(&r, a->body, &o->courier->rng, &reason) &&
	    (a->status == 200 || r.failed)) {
		finish(o, &r, NULL, false);
		return;
	}
	(void)snprintf(text, sizeof(text), "HTTP status %ld", a->status);
	finish(o, NULL, a->status == 200 ? reason : text, false);
}

static void on_udp_answer(void *context, const struct tracker_response *r, const char *reason)
{
	struct order *o = context;

	o->udp = 0;
	if (r)
		finish(o, r, NULL, false);
	else
		finish_unreached(o, reason, false);
}

/* ---- requests ---- */

/* A torrent is a stranger's: over HTTP it may name hosts of our own network
 * only with a path that a tracker has, not the pages of a router. */
static bool looks_like_tracker(const struct tracker_url *u)
{
	static const char announce[] = "announce";
	const char *path = (const char *)u->target.data, *slash = NULL;
	size_t size = 0;

	while (size < u->target.size && path[size] != '?') {
		if (path[size] == '/')
			slash = path + size;
		size++;
	}
	return slash && (size_t)(path + size - slash) > sizeof(announce) - 1 &&
	       memcmp(slash + 1, announce, sizeof(announce) - 1) == 0;
}

static bool start_http(struct order *o)
{
	char url[TRACKER_REQUEST_URL_MAX];
	struct http_request request = {
		.url = url,
		.family = o->family,
		.local = looks_like_tracker(&o->parts),
		.timeout = o->timeout,
		.body_max = TRACKER_BODY_MAX,
		.on_answer = on_http_answer,
		.context = o,
	};

	/* Every URL that parses has room for what is added. */
	if (!tracker_url_announce(&o->parts, &o->request, url))
		abort();
	o->http = http_get(o->courier->http, &request);
	return o->http != 0;
}

static void start_udp(struct order *o)
{
	o->udp = udp_tracker_announce(o->courier->udp, &o->to, &o->request, o->parts.target,
	                              o->last_word ? 1 : 0, on_udp_answer, o);
	if (o->udp == 0)
		finish(o, NULL, "too many announces at one time", false);
}

static void on_names(void *context, const struct endpoint *answers, uint32_t count,
                     const char *reason)
{
	struct order *o = context;
	uint32_t i, fit = 0;

	o->question = 0;
	if (count == 0) {
		finish_unreached(o, reason ? reason : "closing", false);
		return;
	}
	for (i = 0; i < count; i++)
		if (answers[i].family == o->family &&
		    socket_bind_allows(&o->courier->bind, o->family) &&
		    randombytes_uniform(++fit) == 0)
			o->to = answers[i];
	if (fit)
		start_udp(o);
	else
		finish_unreached(o, "no such address", true);
}

/* False: no room there now; it waits on. */
static bool start(struct order *o)
{
	if (o->parts.scheme != TRACKER_UDP)
		return start_http(o);
	o->question = dns_resolve(o->courier->dns, o->parts.host, o->parts.port, on_names, o);
	return o->question != 0;
}

static void go(evutil_socket_t fd, short what, void *context)
{
	const struct timeval again = loop_timeval(COURIER_AGAIN);
	struct courier *c = context;
	struct loop *loop = c->loop;
	struct order *o;
	struct site *s;

	(void)fd;
	(void)what;
	for (s = c->sites; s; s = s->next) {
		uint32_t most = s->scheme == TRACKER_UDP ? COURIER_UDP_AT_ONCE
		                                         : COURIER_HTTP_AT_ONCE;

		for (o = s->first; o && s->active < most; o = o->next) {
			if (o->active)
				continue;
			if (!start(o)) {
				evtimer_add(&c->soon, &again);
				break;
			}
			o->active = true;
			s->active++;
		}
	}
	drop_empty_sites(c);
	loop_settle(loop);
}

bool courier_send(struct courier *c, const struct courier_order *order)
{
	struct order *o;
	const char *reason;

	if (c->open >= COURIER_ORDERS_MAX)
		return false;
	o = memory_zeroed(1, sizeof(*o));
	o->courier = c;
	o->url = memory_copy_text(order->url);
	if (!tracker_url_parse(&o->parts, o->url, &reason)) {
		free(o->url);
		free(o);
		return false;
	}
	o->request = *order->request;
	if (o->request.tracker_id)
		o->request.tracker_id = o->tracker_id = memory_copy_text(o->request.tracker_id);
	o->family = order->family;
	o->timeout = order->timeout;
	o->last_word = order->last_word;
	o->on_answer = order->on_answer;
	o->context = order->context;
	o->tag = order->tag;
	o->site = site_of(c, &o->parts);
	append(o);
	c->open++;
	event_active(&c->soon, EV_TIMEOUT, 0);
	return true;
}

void courier_cancel(struct courier *c, const void *context)
{
	struct order *o, *next;
	struct site *s;

	for (s = c->sites; s; s = s->next) {
		for (o = s->first; o; o = next) {
			next = o->next;
			if (!context || o->context == context)
				order_free(o);
		}
	}
	/* Sites stay until go(): a caller may be walking them. */
	event_active(&c->soon, EV_TIMEOUT, 0);
}

uint32_t courier_open(const struct courier *c)
{
	return c->open;
}

struct courier *courier_new(struct loop *loop, struct dns *dns, struct http *http,
                            struct udp_tracker *udp, const struct socket_bind *bind)
{
	struct courier *c = memory_zeroed(1, sizeof(*c));
	uint8_t seed[RNG_SEED_SIZE];

	c->loop = loop;
	c->dns = dns;
	c->http = http;
	c->udp = udp;
	c->bind = *bind;
	randombytes_buf(seed, sizeof(seed));
	rng_init(&c->rng, seed);
	evtimer_assign(&c->soon, loop->base, go, c);
	return c;
}

void courier_free(struct courier *c)
{
	if (!c)
		return;
	courier_cancel(c, NULL);
	drop_empty_sites(c);
	event_del(&c->soon);
	free(c);
}
