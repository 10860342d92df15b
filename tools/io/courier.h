/* tools/io/courier.h: carries announces to trackers, over HTTP or UDP, and
 * brings the answers back. It knows nothing of tiers or torrents.
 *
 * Requests to one tracker host wait in a queue and a few go at a time, so that
 * thousands of torrents do not arrive there in one second. When the host does
 * not answer at all, those that wait for it are told so at once instead of
 * each waiting for the same silence. */
#ifndef TOOLS_IO_COURIER_H
#define TOOLS_IO_COURIER_H

#include "proto/tracker_msg.h"

enum {
	COURIER_HTTP_AT_ONCE = 8,  /* requests to one host */
	COURIER_UDP_AT_ONCE = 64,
	COURIER_ORDERS_MAX = 1 << 16,
};

struct courier;
struct dns;
struct http;
struct loop;
struct socket_bind;
struct udp_tracker;

struct courier_answer {
	const struct tracker_response *response; /* NULL: reason says why */
	const char *reason;
	bool absent;              /* there is no address of that family */
	struct endpoint from;     /* the tracker; family 0 when it was not reached */
};

/* Borrowed. Never from within courier_send. */
typedef void courier_on_answer(void *context, uint64_t tag, const struct courier_answer *answer);

struct courier_order {
	const char *url;                       /* copied */
	enum endpoint_family family;
	const struct tracker_request *request; /* copied, its tracker_id too */
	usec timeout;
	bool last_word;                        /* leaving: one try */
	courier_on_answer *on_answer;
	void *context;
	uint64_t tag;
};

/* All borrowed; they live longer. */
struct courier *courier_new(struct loop *loop, struct dns *dns, struct http *http,
                            struct udp_tracker *udp, const struct socket_bind *bind);
/* Open orders get no answer. */
void courier_free(struct courier *c);
/* False: too many, there will be no answer. */
bool courier_send(struct courier *c, const struct courier_order *order);
/* No answers any more for this context; NULL: for all. */
void courier_cancel(struct courier *c, const void *context);
uint32_t courier_open(const struct courier *c);

#endif
