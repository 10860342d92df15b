/* tools/io/socket.h: the one socket factory. Every socket of the program is
 * made here, so that --bind holds for all of them: it is applied or the
 * socket is not made (it fails closed; no traffic leaks past a VPN). */
#ifndef TOOLS_IO_SOCKET_H
#define TOOLS_IO_SOCKET_H

#include <sys/socket.h>

#include "proto/endpoint.h"

enum {
	SOCKET_DEVICE_MAX = 16,   /* IFNAMSIZ */
	SOCKET_PORT_TRIES = 64,
	SOCKET_BACKLOG = 512,
};

/* Where sockets are bound; all zeroes: anywhere. */
struct socket_bind {
	struct endpoint address;         /* ENDPOINT_NONE: any; else only its family is used */
	char device[SOCKET_DEVICE_MAX];  /* "": any */
};
/* An address, or the name of an interface that exists. NULL or "": anywhere. */
bool socket_bind_parse(struct socket_bind *b, const char *text);
/* May this family be used under b. */
bool socket_bind_allows(const struct socket_bind *b, enum endpoint_family family);

/* Size of the address written. */
socklen_t socket_from_endpoint(const struct endpoint *e, struct sockaddr_storage *out);
/* ENDPOINT_NONE for other families. */
struct endpoint socket_to_endpoint(const struct sockaddr_storage *address);
/* Our own end, or ENDPOINT_NONE. */
struct endpoint socket_local(int fd);

/* A non-blocking, close-on-exec socket, bound to port (0: any) under b. -1
 * with errno; EAFNOSUPPORT or EADDRNOTAVAIL: the family is not there. */
int socket_open(const struct socket_bind *b, enum endpoint_family family, int type, uint16_t port);
/* For a connection to be made from: no port taken until connect(). */
int socket_open_client(const struct socket_bind *b, enum endpoint_family family, int type);

/* A TCP listener and a UDP socket for each family, all on one port; -1 where
 * the family is missing, and for the listeners without listen. */
struct socket_set {
	int tcp4, tcp6, udp4, udp6;
	uint16_t port;
};
/* port 0: one where all of them fit. False: errno, *failed is "TCP" or "UDP". */
bool socket_set_open(struct socket_set *set, const struct socket_bind *b, uint16_t port,
                     bool listen, const char **failed);
void socket_set_close(struct socket_set *set);

#endif
