/* tools/io/socket.c: addresses to and from the system, and sockets that obey
 * --bind.
 *
 * IPv6 sockets are V6ONLY and IPv4 has sockets of its own: a mapped address
 * never reaches the core, and each family can be missing by itself. */
#include "tools/io/socket.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

bool socket_bind_parse(struct socket_bind *b, const char *text)
{
	*b = (struct socket_bind){ 0 };
	if (text == NULL || text[0] == '\0')
		return true;
	if (endpoint_parse(text, 1, &b->address)) {
		b->address.port = 0;
		return true;
	}
	b->address = (struct endpoint){ 0 };
	if (strlen(text) >= SOCKET_DEVICE_MAX || if_nametoindex(text) == 0)
		return false;
	memcpy(b->device, text, strlen(text) + 1);
	return true;
}

bool socket_bind_allows(const struct socket_bind *b, enum endpoint_family family)
{
	return b->address.family == ENDPOINT_NONE || b->address.family == family;
}

socklen_t socket_from_endpoint(const struct endpoint *e, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (e->family == ENDPOINT_V4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(e->port);
		memcpy(&v4->sin_addr, e->address, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(e->port);
	memcpy(&v6->sin6_addr, e->address, 16);
	return sizeof(*v6);
}

struct endpoint socket_to_endpoint(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

	if (address->ss_family == AF_INET)
		return endpoint_from_address(bytes_of(&v4->sin_addr, 4), ntohs(v4->sin_port));
	if (address->ss_family == AF_INET6)
		return endpoint_from_address(bytes_of(&v6->sin6_addr, 16), ntohs(v6->sin6_port));
	return (struct endpoint){ 0 };
}

struct endpoint socket_local(int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
		return (struct endpoint){ 0 };
	return socket_to_endpoint(&address);
}

/* Closes fd and keeps errno. */
static int drop(int fd)
{
	int error = errno;

	close(fd);
	errno = error;
	return -1;
}

static int open_on_device(const struct socket_bind *b, enum endpoint_family family, int type)
{
	int one = 1, fd;

	if (!socket_bind_allows(b, family)) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	fd = socket(family == ENDPOINT_V4 ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (family == ENDPOINT_V6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) != 0)
		return drop(fd);
	if (b->device[0] != '\0' &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, b->device, (socklen_t)strlen(b->device)) != 0)
		return drop(fd);
	return fd;
}

static int bind_to(int fd, const struct socket_bind *b, enum endpoint_family family, uint16_t port)
{
	struct endpoint local = b->address;
	struct sockaddr_storage address;
	socklen_t size;

	local.family = (uint8_t)family;
	local.port = port;
	size = socket_from_endpoint(&local, &address);
	return bind(fd, (struct sockaddr *)&address, size);
}

int socket_open(const struct socket_bind *b, enum endpoint_family family, int type, uint16_t port)
{
	int one = 1, fd = open_on_device(b, family, type);

	if (fd < 0)
		return -1;
	/* A listener may take over from connections in TIME_WAIT; two UDP sockets
	 * must never share a port. */
	if (type == SOCK_STREAM &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0)
		return drop(fd);
	return bind_to(fd, b, family, port) == 0 ? fd : drop(fd);
}

int socket_open_client(const struct socket_bind *b, enum endpoint_family family, int type)
{
	int one = 1, fd = open_on_device(b, family, type);

	if (fd < 0 || b->address.family == ENDPOINT_NONE)
		return fd;
	/* Else every dial would hold a port of the whole address. */
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	return bind_to(fd, b, family, 0) == 0 ? fd : drop(fd);
}

static bool family_is_missing(int error)
{
	return error == EAFNOSUPPORT || error == EADDRNOTAVAIL || error == EPROTONOSUPPORT;
}

/* Leaves *fd -1 and returns true when the family is not there at all. */
static bool open_one(int *fd, const struct socket_bind *b, enum endpoint_family family, int type,
                     uint16_t *port)
{
	*fd = socket_open(b, family, type, *port);
	if (*fd < 0)
		return family_is_missing(errno);
	if (type == SOCK_STREAM && listen(*fd, SOCKET_BACKLOG) != 0) {
		*fd = drop(*fd);
		return false;
	}
	if (*port == 0)
		*port = socket_local(*fd).port;
	return true;
}

static bool open_all(struct socket_set *set, const struct socket_bind *b, uint16_t port,
                     bool listening, const char **failed)
{
	*set = (struct socket_set){ -1, -1, -1, -1, port };
	*failed = "TCP";
	if (listening && (!open_one(&set->tcp4, b, ENDPOINT_V4, SOCK_STREAM, &set->port) ||
	                  !open_one(&set->tcp6, b, ENDPOINT_V6, SOCK_STREAM, &set->port)))
		return false;
	*failed = "UDP";
	if (!open_one(&set->udp4, b, ENDPOINT_V4, SOCK_DGRAM, &set->port) ||
	    !open_one(&set->udp6, b, ENDPOINT_V6, SOCK_DGRAM, &set->port))
		return false;
	if (set->udp4 >= 0 || set->udp6 >= 0)
		return true;
	errno = EADDRNOTAVAIL;
	return false;
}

bool socket_set_open(struct socket_set *set, const struct socket_bind *b, uint16_t port,
                     bool listening, const char **failed)
{
	int tries, error;

	for (tries = port == 0 ? SOCKET_PORT_TRIES : 1; tries > 0; tries--) {
		if (open_all(set, b, port, listening, failed))
			return true;
		error = errno;
		socket_set_close(set);
		errno = error;
		if (error != EADDRINUSE)
			break;
	}
	return false;
}

void socket_set_close(struct socket_set *set)
{
	int *const fds[] = { &set->tcp4, &set->tcp6, &set->udp4, &set->udp6 };
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}
