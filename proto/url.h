/* proto/url.h: what a URL or host name from a stranger must be before it is kept. */
#ifndef PROTO_URL_H
#define PROTO_URL_H

#include "proto/bytes.h"

/* Not empty, valid UTF-8, without spaces and unprintable characters: cannot
 * break out of a request line, a header or a log line. */
bool url_is_word(struct bytes text);
/* http:// or https://, at most size_max bytes. */
bool url_is_web(struct bytes url, size_t size_max);
/* http://, https:// or udp:// (BEP 3, 15). */
bool url_is_tracker(struct bytes url, size_t size_max);
/* HOST:PORT or [V6]:PORT with a port from 1 to 65535; the host may be a name. */
bool url_is_host_port(struct bytes text);

#endif
