/* tools/io/http.h: HTTP and HTTPS GET without ever blocking: libcurl's multi
 * interface on the loop.
 *
 * libcurl never looks up a name: ours are resolved by dns.h, one address is
 * chosen, its class checked, and libcurl told to connect there. Redirects are
 * followed here, hop by hop, so that the check holds for each: a server in the
 * internet cannot send us into our own network, nor from https to http.
 * Sockets come from the factory, so --bind holds. Proxies of the environment
 * are not used, certificates are always verified, and a body is given up when
 * it grows past its limit (after decompression). */
#ifndef TOOLS_IO_HTTP_H
#define TOOLS_IO_HTTP_H

#include "tools/io/socket.h"

enum {
	HTTP_HOPS_MAX = 5,
	HTTP_ACTIVE_MAX = 256,  /* requests at one time; more are refused */
	HTTP_IDLE_MAX = 16,     /* connections kept open for the next request */
	HTTP_REASON_MAX = 256,
};

struct dns;
struct loop;
struct http;
typedef uint64_t http_id; /* 0: none */

struct http_answer {
	const char *reason;    /* NULL: an answer came, whatever its status */
	bool absent;           /* with reason: the host has no address of that family */
	long status;           /* 200 */
	struct bytes body;
	struct endpoint from;  /* the server's address; family 0 when none was reached */
};

/* Never from within http_get. answer is borrowed. The loop settles after it. */
typedef void http_on_answer(void *context, const struct http_answer *answer);

struct http_request {
	const char *url;             /* copied */
	enum endpoint_family family; /* ENDPOINT_NONE: either */
	bool local;                  /* the host may be in our own network */
	usec timeout;                /* for all of it, redirects included */
	size_t body_max;
	http_on_answer *on_answer;
	void *context;
};

struct http *http_new(struct loop *loop, struct dns *dns, const struct socket_bind *bind);
/* Before its dns. Open requests are answered with a reason. */
void http_free(struct http *h);
/* A file of certificates to trust instead of the system's. NULL: the system's. */
void http_trust(struct http *h, const char *file);
/* 0: too many at one time; there will be no answer. */
http_id http_get(struct http *h, const struct http_request *request);
/* There will be no answer. */
void http_cancel(struct http *h, http_id id);
uint32_t http_active(const struct http *h);

#endif
