/* tools/io/udp_tracker.h: announces over UDP (BEP 15): connection ids, the
 * retry times, matching replies to requests. Sends from the shared UDP
 * sockets, so a tracker sees the port that peers do. */
#ifndef TOOLS_IO_UDP_TRACKER_H
#define TOOLS_IO_UDP_TRACKER_H

#include "proto/tracker_udp.h"

enum {
	UDP_TRACKER_JOBS_MAX = 1024,
	UDP_TRACKER_IDS_MAX = 64,   /* connection ids remembered; the oldest goes */
	UDP_TRACKER_TRIES = 3,      /* 15 s, 30 s, 60 s; then the tiers decide */
	UDP_TRACKER_PACKET = 1400,  /* longer announces go without the URL's path */
};

struct loop;
struct udp;
struct udp_tracker;
typedef uint64_t udp_tracker_id; /* 0: none */

/* Borrowed. reason NULL: r is there (perhaps failed). Never from within
 * udp_tracker_announce. */
typedef void udp_tracker_on_answer(void *context, const struct tracker_response *r,
                                   const char *reason);

struct udp_tracker *udp_tracker_new(struct loop *loop, struct udp *udp);
/* Open jobs get no answer. */
void udp_tracker_free(struct udp_tracker *u);
/* request and target are copied. tries 0: UDP_TRACKER_TRIES. 0: too many. */
udp_tracker_id udp_tracker_announce(struct udp_tracker *u, const struct endpoint *to,
                                    const struct tracker_request *request, struct bytes target,
                                    uint32_t tries, udp_tracker_on_answer *on_answer,
                                    void *context);
/* There will be no answer. */
void udp_tracker_cancel(struct udp_tracker *u, udp_tracker_id id);
/* Any datagram that may be a tracker's: its first byte is 0. */
void udp_tracker_on_datagram(void *udp_tracker, const struct endpoint *from, struct bytes packet);

#endif
