/* proto/utp_packet.h: the uTP packet header (BEP 29), and the one packet that
 * we send while we speak no uTP: a RESET for a SYN, so that the other end falls
 * back to TCP at once instead of after its time-outs (Transmission 3.00 never
 * does without it). */
#ifndef PROTO_UTP_PACKET_H
#define PROTO_UTP_PACKET_H

#include "proto/bytes.h"

enum {
	UTP_HEADER_SIZE = 20,
	UTP_VERSION = 1,
};

enum utp_type {
	UTP_DATA = 0,
	UTP_FIN = 1,
	UTP_STATE = 2,
	UTP_RESET = 3,
	UTP_SYN = 4,
	UTP_TYPES,
};

struct utp_packet {
	enum utp_type type;
	uint8_t extension;       /* of the first extension header; 0: none */
	uint16_t connection_id;
	uint32_t timestamp;      /* microseconds, wrapping */
	uint32_t difference;     /* microseconds: what the sender measured last */
	uint32_t window;         /* bytes */
	uint16_t seq, ack;       /* packets */
};

/* False: not a uTP packet of version 1. */
bool utp_packet_read(struct utp_packet *p, struct bytes datagram);
void utp_packet_write(const struct utp_packet *p, uint8_t out[UTP_HEADER_SIZE]);
/* The answer to a datagram of somebody who wants to speak uTP. False: none is
 * due. Only a SYN gets one, never larger than itself: no amplification, and
 * two ends that speak no uTP cannot keep each other busy. */
bool utp_refusal(struct bytes datagram, uint8_t out[UTP_HEADER_SIZE]);

#endif
