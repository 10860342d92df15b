/* tools/io/udp.h: one UDP socket for each family, on the port that TCP has
 * too, shared by everything that speaks UDP. A datagram is sorted by its first
 * byte: 'd' opens a bencoded dictionary, which is DHT (BEP 5); 0 is the first
 * of a tracker's action (BEP 15); a uTP SYN is answered by a RESET, since we
 * speak no uTP; the rest is dropped.
 *
 * In and out go in batches (recvmmsg, sendmmsg). */
#ifndef TOOLS_IO_UDP_H
#define TOOLS_IO_UDP_H

#include "tools/io/socket.h"

enum {
	UDP_DATAGRAM_MAX = 1500,    /* larger ones are dropped, in and out */
	UDP_RECEIVE_BATCH_MAX = 32,
	UDP_TURN_BATCHES_MAX = 4,   /* batches read in one wake-up */
	UDP_SEND_BATCH_MAX = 32,
	UDP_BUFFER_BYTES = 1 << 20, /* asked of the kernel, each way */
};

struct loop;
struct udp;

/* Bytes are borrowed during the call. Answers sent from within the call, to
 * the address the datagram came from, leave from the address it came to. */
typedef void udp_on_datagram(void *context, const struct endpoint *from, struct bytes datagram);

/* Sockets of the set are borrowed, as in tcp_new. The loop settles
 * once for each wake-up. */
struct udp *udp_new(struct loop *loop, const struct socket_set *set, udp_on_datagram *on_dht,
                    void *context);
void udp_free(struct udp *u);
/* Who gets the datagrams of trackers; NULL: nobody. */
void udp_set_tracker(struct udp *u, udp_on_datagram *on_tracker, void *context);
/* Copied; goes out with udp_flush or when the batch is full. Dropped without
 * a word when its family has no socket: UDP promises nothing. */
void udp_send(struct udp *u, const struct endpoint *to, struct bytes datagram);
void udp_flush(struct udp *u);
bool udp_has(const struct udp *u, enum endpoint_family family);

struct udp_counts {
	uint64_t received, sent;
	uint64_t unsorted;  /* nobody's: empty, too long or of no protocol we speak */
	uint64_t refused;   /* not sent: the kernel's buffer is full, or no route */
};
void udp_counts(const struct udp *u, struct udp_counts *out);

#endif
