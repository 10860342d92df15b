/* tools/io/http.c: libcurl driven by the loop's events, as its "multi socket"
 * interface wants: it tells which sockets to watch and one time-out, and is
 * told what happened.
 *
 * A request goes: URL -> names (dns.h) -> one address of the right family and
 * class -> a transfer; a redirect begins again with the next URL. Answers are
 * given from one place, deliver(), outside of any call of libcurl. */
#include "tools/io/http.h"

#include <curl/curl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/memory.h"
#include "proto/tracker_url.h"
#include "tools/io/dns.h"
#include "tools/io/idmap.h"
#include "tools/io/loop.h"

static const char agent[] = "shoal/0.1";

struct http {
	struct loop *loop;
	struct dns *dns;         /* borrowed */
	struct socket_bind bind;
	CURLM *multi;
	char *trust;             /* owned; NULL: the system's */
	struct event timer;      /* libcurl's */
	struct idmap requests;   /* http_id -> struct request, owned */
	struct watched *watched; /* owned list */
	http_id last;
};

struct watched {
	struct event event;
	struct watched *next, **link;
	struct http *http;
};

struct request {
	struct http *http;
	http_id id;
	char *url;               /* owned: of the hop */
	enum endpoint_family family;
	bool local;
	usec deadline;
	size_t body_max;
	http_on_answer *on_answer;
	void *context;
	uint32_t hops;
	enum tracker_scheme scheme;
	enum endpoint_class least; /* of the first hop: later ones may not be nearer */
	struct endpoint from;
	dns_question question;
	CURL *easy;              /* owned; NULL: not connecting yet */
	struct curl_slist *to;
	uint8_t *body;           /* owned */
	size_t body_size, body_room;
	bool too_long;
	bool absent;
	char reason[HTTP_REASON_MAX];
	struct event later;      /* for answers that are there at once */
};

static void request_begin(struct request *r);

/* ---- answers ---- */

static void end_transfer(struct request *r)
{
	if (r->easy) {
		curl_multi_remove_handle(r->http->multi, r->easy);
		curl_easy_cleanup(r->easy);
	}
	curl_slist_free_all(r->to);
	r->easy = NULL;
	r->to = NULL;
}

static void request_free(struct request *r)
{
	end_transfer(r);
	if (r->question)
		dns_cancel(r->http->dns, r->question);
	event_del(&r->later);
	idmap_remove(&r->http->requests, r->id);
	free(r->body);
	free(r->url);
	free(r);
}

/* r is gone afterwards. reason NULL: an answer with this status. */
static void deliver(struct request *r, const char *reason, long status)
{
	const struct http_answer answer = {
		.reason = reason,
		.absent = r->absent,
		.status = status,
		.body = bytes_of(r->body, reason ? 0 : r->body_size),
		.from = r->from,
	};

	/* No longer to be found while the owner is told. */
	idmap_remove(&r->http->requests, r->id);
	r->on_answer(r->context, &answer);
	request_free(r);
}

static void later(evutil_socket_t fd, short what, void *context)
{
	struct request *r = context;
	struct loop *loop = r->http->loop;

	(void)fd;
	(void)what;
	deliver(r, r->reason, 0);
	loop_settle(loop);
}

static void fail_later(struct request *r, const char *reason)
{
	(void)snprintf(r->reason, sizeof(r->reason), "%s", reason);
	event_active(&r->later, EV_TIMEOUT, 0);
}

/* ---- libcurl's callbacks: none of them may call deliver() ---- */

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
	struct request *r = context;

	size *= count;
	if (size > r->body_max - r->body_size) {
		r->too_long = true;
		return 0;
	}
	if (size > r->body_room - r->body_size) {
		r->body_room = 2 * r->body_room + size;
		r->body = memory_resize(r->body, r->body_room, 1);
	}
	memcpy(r->body + r->body_size, data, size);
	r->body_size += size;
	return size;
}

/* The last word on where we connect: the address that was checked, or none. */
static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct request *r = context;
	struct sockaddr_storage to;
	struct endpoint e;

	memset(&to, 0, sizeof(to));
	if (purpose != CURLSOCKTYPE_IPCXN || address->addrlen > sizeof(to))
		return CURL_SOCKET_BAD;
	memcpy(&to, &address->addr, address->addrlen);
	e = socket_to_endpoint(&to);
	if (!endpoint_equal(&e, &r->from))
		return CURL_SOCKET_BAD;
	return socket_open_client(&r->http->bind, (enum endpoint_family)e.family, SOCK_STREAM);
}

static void unwatch(struct watched *w)
{
	event_del(&w->event);
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	free(w);
}

static void on_socket(evutil_socket_t fd, short what, void *context);

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *socket)
{
	struct http *h = context;
	struct watched *w = socket;
	short events = EV_PERSIST;

	(void)easy;
	if (w && what == CURL_POLL_REMOVE) {
		unwatch(w);
		curl_multi_assign(h->multi, fd, NULL);
	}
	if (what == CURL_POLL_REMOVE)
		return 0;
	if (!w) {
		w = memory_zeroed(1, sizeof(*w));
		w->http = h;
		w->next = h->watched;
		w->link = &h->watched;
		if (w->next)
			w->next->link = &w->next;
		h->watched = w;
		curl_multi_assign(h->multi, fd, w);
	} else {
		event_del(&w->event);
	}
	events |= what & CURL_POLL_IN ? EV_READ : 0;
	events |= what & CURL_POLL_OUT ? EV_WRITE : 0;
	event_assign(&w->event, h->loop->base, fd, events, on_socket, w);
	event_add(&w->event, NULL);
	return 0;
}

static int on_timer_wanted(CURLM *multi, long msec, void *context)
{
	struct http *h = context;
	const struct timeval wait = loop_timeval(msec < 0 ? 0 : (usec)msec * USEC_PER_MS);

	(void)multi;
	if (msec < 0)
		evtimer_del(&h->timer);
	else
		evtimer_add(&h->timer, &wait);
	return 0;
}

/* ---- the end of a hop ---- */

/* The next hop, or NULL; owned by libcurl. */
static char *redirect_of(struct request *r, long status)
{
	char *to = NULL;

	if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308)
		curl_easy_getinfo(r->easy, CURLINFO_REDIRECT_URL, &to);
	return to;
}

static void follow(struct request *r, const char *to)
{
	char *url = memory_copy_text(to);

	end_transfer(r);
	free(r->url);
	r->url = url;
	r->body_size = 0;
	if (++r->hops > HTTP_HOPS_MAX)
		fail_later(r, "too many redirects");
	else
		request_begin(r);
}

static void on_finished(struct request *r, CURLcode code)
{
	const char *to;
	long status = 0;

	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	to = code == CURLE_OK ? redirect_of(r, status) : NULL;
	if (to) {
		follow(r, to);
		return;
	}
	if (r->too_long)
		deliver(r, "answer too long", 0);
	else if (code != CURLE_OK)
		deliver(r, r->reason[0] ? r->reason : curl_easy_strerror(code), 0);
	else
		deliver(r, NULL, status);
}

static void collect(struct http *h)
{
	struct request *r;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(h->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		r = NULL;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&r);
		on_finished(r, message->data.result);
	}
	loop_settle(h->loop);
}

static void on_socket(evutil_socket_t fd, short what, void *context)
{
	struct http *h = ((struct watched *)context)->http;
	int running, events = 0;

	events |= what & EV_READ ? CURL_CSELECT_IN : 0;
	events |= what & EV_WRITE ? CURL_CSELECT_OUT : 0;
	curl_multi_socket_action(h->multi, fd, events, &running);
	collect(h);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct http *h = context;
	int running;

	(void)fd;
	(void)what;
	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(h);
}

/* ---- the beginning of a hop ---- */

static void set_options(struct request *r, const char *to)
{
	CURL *e = r->easy;
	usec now = loop_now(), left = r->deadline > now ? r->deadline - now : 0;

	r->to = curl_slist_append(NULL, to);
	curl_easy_setopt(e, CURLOPT_URL, r->url);
	curl_easy_setopt(e, CURLOPT_CONNECT_TO, r->to);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_USERAGENT, agent);
	curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)(left / USEC_PER_MS) + 1);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, r);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->reason);
	curl_easy_setopt(e, CURLOPT_PRIVATE, r);
	if (r->http->trust)
		curl_easy_setopt(e, CURLOPT_CAINFO, r->http->trust);
}

static void connect_to(struct request *r, const struct endpoint *e)
{
	char text[ENDPOINT_TEXT_MAX], to[ENDPOINT_TEXT_MAX + 4];

	r->from = *e;
	r->reason[0] = '\0';
	(void)snprintf(to, sizeof(to), "::%s", endpoint_format(e, text));
	r->easy = curl_easy_init();
	if (!r->easy) {
		fail_later(r, "libcurl does not start");
		return;
	}
	set_options(r, to);
	curl_multi_add_handle(r->http->multi, r->easy);
}

/* May this hop connect there. */
static bool class_is_allowed(const struct request *r, const struct endpoint *e)
{
	enum endpoint_class c = endpoint_class(e);

	if (c == ENDPOINT_UNUSABLE || c < r->least)
		return false;
	return r->local || c == ENDPOINT_GLOBAL;
}

/* One of those that fit, at random: a dead address of several is not met again
 * and again. Returns how many have the family, whatever their class. */
static uint32_t choose(struct request *r, const struct endpoint *answers, uint32_t count,
                       struct endpoint *out)
{
	uint32_t i, family = 0, fit = 0;

	for (i = 0; i < count; i++) {
		if ((r->family && answers[i].family != r->family) ||
		    !socket_bind_allows(&r->http->bind, (enum endpoint_family)answers[i].family))
			continue;
		family++;
		if (class_is_allowed(r, &answers[i]) && randombytes_uniform(++fit) == 0)
			*out = answers[i];
	}
	return family;
}

static void on_names(void *context, const struct endpoint *answers, uint32_t count,
                     const char *reason)
{
	struct request *r = context;
	struct endpoint chosen = { .family = ENDPOINT_NONE };
	uint32_t family = choose(r, answers, count, &chosen);

	r->question = 0;
	if (chosen.family != ENDPOINT_NONE) {
		if (r->hops == 0)
			r->least = endpoint_class(&chosen);
		connect_to(r, &chosen);
		return;
	}
	r->absent = count > 0 && family == 0;
	if (count == 0)
		fail_later(r, reason ? reason : "closing");
	else
		fail_later(r, family ? "points into a network it must not" : "no such address");
}

static void request_begin(struct request *r)
{
	struct tracker_url u;
	const char *reason;

	if (!tracker_url_parse(&u, r->url, &reason)) {
		fail_later(r, reason);
		return;
	}
	if (u.scheme == TRACKER_UDP || (r->hops > 0 && r->scheme == TRACKER_HTTPS &&
	                                u.scheme != TRACKER_HTTPS)) {
		fail_later(r, "redirected away from https or http");
		return;
	}
	r->scheme = u.scheme;
	r->question = dns_resolve(r->http->dns, u.host, u.port, on_names, r);
	if (r->question == 0)
		fail_later(r, "too many names to look up");
}

http_id http_get(struct http *h, const struct http_request *request)
{
	struct request *r;

	if (h->requests.count >= HTTP_ACTIVE_MAX)
		return 0;
	r = memory_zeroed(1, sizeof(*r));
	r->http = h;
	r->id = ++h->last;
	r->url = memory_copy_text(request->url);
	r->family = request->family;
	r->local = request->local;
	r->deadline = loop_now() + request->timeout;
	r->body_max = request->body_max;
	r->on_answer = request->on_answer;
	r->context = request->context;
	evtimer_assign(&r->later, h->loop->base, later, r);
	idmap_set_pointer(&h->requests, r->id, r);
	request_begin(r);
	return r->id;
}

void http_cancel(struct http *h, http_id id)
{
	struct request *r = idmap_pointer(&h->requests, id);

	if (r)
		request_free(r);
}

uint32_t http_active(const struct http *h)
{
	return (uint32_t)h->requests.count;
}

void http_trust(struct http *h, const char *file)
{
	free(h->trust);
	h->trust = file ? memory_copy_text(file) : NULL;
}

struct http *http_new(struct loop *loop, struct dns *dns, const struct socket_bind *bind)
{
	struct http *h = memory_zeroed(1, sizeof(*h));

	curl_global_init(CURL_GLOBAL_DEFAULT);
	h->loop = loop;
	h->dns = dns;
	h->bind = *bind;
	evtimer_assign(&h->timer, loop->base, on_timer, h);
	h->multi = curl_multi_init();
	if (!h->multi)
		abort();
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_IDLE_MAX);
	return h;
}

void http_free(struct http *h)
{
	struct idmap_entry entry;

	if (!h)
		return;
	while (idmap_any(&h->requests, &entry))
		deliver((struct request *)(uintptr_t)entry.value, "closing", 0);
	curl_multi_cleanup(h->multi);
	while (h->watched)
		unwatch(h->watched);
	event_del(&h->timer);
	idmap_deinit(&h->requests);
	free(h->trust);
	free(h);
	curl_global_cleanup();
}
