/* tools/io/udp.c: datagrams in batches, and replies from the right address.
 *
 * Why the right address: a socket bound to the wildcard on a host with several
 * addresses sends from whichever the routing table likes. A DHT node that was
 * asked at one address and answers from another is ignored, or taken for an
 * attacker. So each datagram is received with the address it came to
 * (IP_PKTINFO, RFC 3542), and answers to it are sent from there. */
#include "tools/io/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "proto/memory.h"
#include "proto/utp_packet.h"
#include "tools/io/loop.h"

enum { CONTROL_SIZE = 64 };

_Static_assert(CMSG_SPACE(sizeof(struct in6_pktinfo)) <= CONTROL_SIZE, "room for a packet info");

/* Aligned as a control header wants it. */
struct control {
	_Alignas(struct cmsghdr) uint8_t bytes[CONTROL_SIZE];
};

struct slot {
	struct sockaddr_storage address;
	struct iovec part;
	struct control control;
	uint8_t data[UDP_DATAGRAM_MAX + 1]; /* one more shows that it was too long */
};

struct side {
	struct udp *udp;
	int fd;              /* -1: no such family */
	struct event event;
	uint32_t queued;
	struct mmsghdr headers[UDP_SEND_BATCH_MAX];
	struct slot slots[UDP_SEND_BATCH_MAX];
};

struct handler {
	udp_on_datagram *on_datagram; /* NULL: nobody */
	void *context;
};

struct udp {
	struct loop *loop;
	struct handler dht, tracker;
	struct side sides[2];    /* v4, v6 */
	struct mmsghdr headers[UDP_RECEIVE_BATCH_MAX];
	struct slot slots[UDP_RECEIVE_BATCH_MAX];
	struct endpoint asked_by; /* of the datagram being handled, else ENDPOINT_NONE */
	struct endpoint asked_at; /* the address it came to */
	struct udp_counts counts;
};

static struct side *side_of(struct udp *u, const struct endpoint *e)
{
	if (e->family == ENDPOINT_NONE)
		return NULL;
	return &u->sides[e->family == ENDPOINT_V6];
}

/* ---- out ---- */

static void put_source(struct msghdr *m, struct control *control, const struct endpoint *source)
{
	struct in_pktinfo v4 = { 0 };
	struct in6_pktinfo v6 = { 0 };
	const bool is_v4 = source->family == ENDPOINT_V4;
	const size_t size = is_v4 ? sizeof(v4) : sizeof(v6);
	struct cmsghdr *header;

	memset(control, 0, sizeof(*control));
	m->msg_control = control;
	m->msg_controllen = CMSG_SPACE(size);
	header = CMSG_FIRSTHDR(m);
	header->cmsg_level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;
	header->cmsg_type = is_v4 ? IP_PKTINFO : IPV6_PKTINFO;
	header->cmsg_len = CMSG_LEN(size);
	memcpy(&v4.ipi_spec_dst, source->address, 4);
	memcpy(&v6.ipi6_addr, source->address, 16);
	memcpy(CMSG_DATA(header), is_v4 ? (void *)&v4 : (void *)&v6, size);
}

static void side_flush(struct side *s)
{
	uint32_t done = 0;
	int n;

	while (done < s->queued) {
		n = sendmmsg(s->fd, s->headers + done, s->queued - done, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			s->udp->counts.sent += (uint64_t)n;
			done += (uint32_t)n;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			s->udp->counts.refused += s->queued - done;
			break;
		} else if (errno != EINTR) {
			/* The first of them cannot be sent; the others may. */
			s->udp->counts.refused++;
			done++;
		}
	}
	s->queued = 0;
}

void udp_send(struct udp *u, const struct endpoint *to, struct bytes datagram)
{
	struct side *s = side_of(u, to);
	struct msghdr *m;
	struct slot *slot;

	if (s == NULL || s->fd < 0 || datagram.size > UDP_DATAGRAM_MAX) {
		u->counts.refused++;
		return;
	}
	if (s->queued == UDP_SEND_BATCH_MAX)
		side_flush(s);
	slot = &s->slots[s->queued];
	m = &s->headers[s->queued].msg_hdr;
	s->queued++;
	memcpy(slot->data, datagram.data, datagram.size);
	slot->part = (struct iovec){ slot->data, datagram.size };
	*m = (struct msghdr){ .msg_name = &slot->address, .msg_iov = &slot->part, .msg_iovlen = 1 };
	m->msg_namelen = socket_from_endpoint(to, &slot->address);
	if (u->asked_at.family != ENDPOINT_NONE && endpoint_equal(to, &u->asked_by))
		put_source(m, &slot->control, &u->asked_at);
}

void udp_flush(struct udp *u)
{
	side_flush(&u->sides[0]);
	side_flush(&u->sides[1]);
}

/* ---- in ---- */

/* Where the datagram was sent to; ENDPOINT_NONE when the kernel does not say,
 * or it was no address of ours to answer from (multicast). */
static struct endpoint destination(struct msghdr *m)
{
	struct endpoint e = { 0 };
	struct cmsghdr *header;
	struct in_pktinfo v4;
	struct in6_pktinfo v6;

	for (header = CMSG_FIRSTHDR(m); header != NULL; header = CMSG_NXTHDR(m, header)) {
		if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
			memcpy(&v4, CMSG_DATA(header), sizeof(v4));
			e = endpoint_from_address(bytes_of(&v4.ipi_spec_dst, 4), 1);
		} else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
			memcpy(&v6, CMSG_DATA(header), sizeof(v6));
			e = endpoint_from_address(bytes_of(&v6.ipi6_addr, 16), 1);
		}
	}
	return endpoint_class(&e) == ENDPOINT_UNUSABLE ? (struct endpoint){ 0 } : e;
}

static void refuse_utp(void *context, const struct endpoint *from, struct bytes datagram)
{
	uint8_t reset[UTP_HEADER_SIZE];

	if (endpoint_is_usable(from) && utp_refusal(datagram, reset))
		udp_send(context, from, bytes_of(reset, sizeof(reset)));
}

/* By the first byte. */
static struct handler handler_of(struct udp *u, uint8_t first)
{
	switch (first) {
	case 'd': return u->dht;
	case 0: return u->tracker;
	case UTP_SYN << 4 | UTP_VERSION: return (struct handler){ refuse_utp, u };
	default: return (struct handler){ NULL, NULL };
	}
}

static void take(struct udp *u, struct mmsghdr *header, const struct slot *slot)
{
	struct handler handler = { NULL, NULL };

	u->counts.received++;
	if (header->msg_len > 0 && header->msg_len <= UDP_DATAGRAM_MAX)
		handler = handler_of(u, slot->data[0]);
	if (handler.on_datagram == NULL) {
		u->counts.unsorted++;
		return;
	}
	u->asked_by = socket_to_endpoint(&slot->address);
	u->asked_at = destination(&header->msg_hdr);
	handler.on_datagram(handler.context, &u->asked_by, bytes_of(slot->data, header->msg_len));
	u->asked_by = u->asked_at = (struct endpoint){ 0 };
}

static int receive(struct udp *u, int fd)
{
	int i, n;

	for (i = 0; i < UDP_RECEIVE_BATCH_MAX; i++) {
		struct slot *slot = &u->slots[i];

		slot->part = (struct iovec){ slot->data, sizeof(slot->data) };
		u->headers[i].msg_hdr = (struct msghdr){
			.msg_name = &slot->address, .msg_namelen = sizeof(slot->address),
			.msg_iov = &slot->part, .msg_iovlen = 1,
			.msg_control = &slot->control, .msg_controllen = sizeof(slot->control),
		};
	}
	n = recvmmsg(fd, u->headers, UDP_RECEIVE_BATCH_MAX, MSG_DONTWAIT, NULL);
	for (i = 0; i < n; i++)
		take(u, &u->headers[i], &u->slots[i]);
	return n;
}

static void readable(evutil_socket_t fd, short what, void *context)
{
	struct side *s = context;
	int i;

	(void)what;
	for (i = 0; i < UDP_TURN_BATCHES_MAX; i++)
		if (receive(s->udp, fd) < UDP_RECEIVE_BATCH_MAX)
			break;
	loop_settle(s->udp->loop);
}

/* ---- life ---- */

static void side_init(struct side *s, struct udp *u, int fd, enum endpoint_family family)
{
	int one = 1, size = UDP_BUFFER_BYTES;

	s->udp = u;
	s->fd = fd;
	if (fd < 0)
		return;
	if (family == ENDPOINT_V4)
		(void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
	else
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	event_assign(&s->event, u->loop->base, fd, EV_READ | EV_PERSIST, readable, s);
	event_add(&s->event, NULL);
}

struct udp *udp_new(struct loop *loop, const struct socket_set *set, udp_on_datagram *on_dht,
                    void *context)
{
	struct udp *u = memory_zeroed(1, sizeof(*u));

	u->loop = loop;
	u->dht = (struct handler){ on_dht, context };
	side_init(&u->sides[0], u, set->udp4, ENDPOINT_V4);
	side_init(&u->sides[1], u, set->udp6, ENDPOINT_V6);
	return u;
}

void udp_set_tracker(struct udp *u, udp_on_datagram *on_tracker, void *context)
{
	u->tracker = (struct handler){ on_tracker, context };
}

void udp_free(struct udp *u)
{
	int i;

	if (u == NULL)
		return;
	for (i = 0; i < 2; i++)
		if (u->sides[i].fd >= 0)
			event_del(&u->sides[i].event);
	free(u);
}

bool udp_has(const struct udp *u, enum endpoint_family family)
{
	return u->sides[family == ENDPOINT_V6].fd >= 0;
}

void udp_counts(const struct udp *u, struct udp_counts *out)
{
	*out = u->counts;
}
