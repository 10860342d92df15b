/* tests/sim/dht_outsider.h: a host on the network that is no node: it says what
 * a test wants, under whatever address, and counts what comes back. */
#ifndef TESTS_SIM_DHT_OUTSIDER_H
#define TESTS_SIM_DHT_OUTSIDER_H

#include "proto/krpc.h"
#include "tests/sim/dht_sim.h"

struct outsider {
	struct sim *sim;
	uint32_t host;
	struct endpoint at;
	uint8_t id[DHT_ID_SIZE];
	uint64_t sent, sent_bytes, got, got_bytes;
	uint8_t last[DATAGRAMS_SIZE_MAX]; /* that came */
	size_t last_size;
	struct endpoint last_from;
	bool serves;                      /* answers every query, with nothing to tell */
};

/* at NULL: a random address in a subnet of its own. Must outlive the sim. */
void outsider_join(struct outsider *o, struct sim *s, const struct endpoint *at);
void outsider_send(struct outsider *o, uint32_t to, struct bytes datagram);
void outsider_say(struct outsider *o, uint32_t to, const struct krpc *m);
/* Under an address that is not its own. */
void outsider_say_as(struct outsider *o, const struct endpoint *source, uint32_t to,
                     const struct krpc *m);
/* Ask and wait for the answer; false: none came within 10 s. The reply borrows
 * o->last. */
bool outsider_ask(struct outsider *o, uint32_t to, struct krpc *m, struct krpc *reply);
/* get_peers, then announce with its token. False: no token or no answer. */
bool outsider_announce(struct outsider *o, uint32_t to, const uint8_t hash[DHT_ID_SIZE],
                       uint16_t port);

#endif
