/* tools/io/dns.h: names to addresses, without ever blocking (c-ares on the
 * loop). Literals and /etc/hosts work, both families are asked. */
#ifndef TOOLS_IO_DNS_H
#define TOOLS_IO_DNS_H

#include "tools/io/socket.h"

enum {
	DNS_ANSWERS_MAX = 32,
	DNS_QUESTIONS_MAX = 1024,  /* at one time */
	DNS_HOST_MAX = 255,
	DNS_TRY_MSEC = 2500,
	DNS_TRIES = 3,
};

struct loop;
struct dns;
typedef uint64_t dns_question; /* 0: none */

/* count 0: reason says why; else each answer carries the port asked for. The
 * arrays are borrowed during the call, which never comes from within
 * dns_resolve, and the loop settles after it. It comes once for each question
 * that is not cancelled. */
typedef void dns_on_answer(void *context, const struct endpoint *answers, uint32_t count,
                           const char *reason);

/* Queries leave by bind's address or interface. */
struct dns *dns_new(struct loop *loop, const struct socket_bind *bind);
/* Open questions are answered with count 0 and no reason (NULL), so that
 * contexts can be released. */
void dns_free(struct dns *d);
dns_question dns_resolve(struct dns *d, const char *host, uint16_t port, dns_on_answer *on_answer,
                         void *context);
/* It will not be called. */
void dns_cancel(struct dns *d, dns_question question);
/* Ask this server instead of the system's ("127.0.0.1:5353"). False: malformed. */
bool dns_use_server(struct dns *d, const char *server);
/* "NAME:PORT", "1.2.3.4:80", "[::1]:80" apart; false: malformed, or no port. */
bool dns_split(const char *text, char host[DNS_HOST_MAX + 1], uint16_t *port);

#endif
