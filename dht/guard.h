/* dht/guard.h: how much one place may ask of us and get from us.
 *
 * Token buckets per IP (packets in) and per /24 or /64 (packets in, bytes
 * out), in a small table that grows when many places are busy at once. Over
 * budget means silence: a source address can be forged, so nobody is ever
 * banned. Local networks have a hundred times the room. */
#ifndef DHT_GUARD_H
#define DHT_GUARD_H

#include "dht/node.h"

enum {
	GUARD_WAYS = 4,
	GUARD_SETS_MAX = 4096,
	GUARD_IP_PACKETS = 10,      /* per second */
	GUARD_IP_BURST = 40,
	GUARD_SUBNET_PACKETS = 30,
	GUARD_SUBNET_BURST = 120,
	GUARD_SUBNET_BYTES = 2000,
	GUARD_SUBNET_BYTES_BURST = 16000,
	GUARD_LOCAL_FACTOR = 100,
};

struct guard_slot {
	uint32_t tag;    /* 0: free */
	uint32_t at_ms;
	int32_t packets; /* thousandths left */
	int32_t bytes;   /* left */
};

struct guard {
	struct guard_slot *slots; /* owned; sets x ways */
	uint32_t sets;
	uint8_t secret[16];
};

void guard_init(struct guard *g, struct rng *rng);
void guard_deinit(struct guard *g);
/* A query came from there: may it be looked at. */
bool guard_admit(struct guard *g, const struct endpoint *from, usec now);
/* May that many bytes be answered there; if so they are taken. */
bool guard_pay(struct guard *g, const struct endpoint *to, size_t bytes, usec now);

#endif
