/* tests/sim/dht_sim.h: what the tests of whole DHT networks share: growing a
 * network, asking it, and the invariants that hold at any time. */
#ifndef TESTS_SIM_DHT_SIM_H
#define TESTS_SIM_DHT_SIM_H

#include <criterion/criterion.h>

#include "tools/lab/dht_net.h"

enum { SIM_PEERS_MAX = 256 };

/* What the last question brought. */
struct answer_log {
	uint32_t who;
	dht_search search;
	struct endpoint peers[SIM_PEERS_MAX];
	uint32_t peer_count;
	struct dht_contact nodes[32];
	uint32_t node_count;
	bool ready, done;
	usec asked_at, first_peer_at, ready_at, done_at;
	uint32_t replied, queries, announced, error;
	bool has_item;
	struct dht_item item;
	struct endpoint address; /* of the last ADDRESS of anybody */
	uint32_t addresses;
};

struct sim {
	struct world *world;
	struct dht_net *net;
	struct answer_log log;
	uint64_t seed;
};

/* The latency of the public network, no loss. */
struct datagrams_config sim_typical(void);
void sim_begin(struct sim *s, uint64_t seed, const struct datagrams_config *config);
void sim_end(struct sim *s);
/* Add that many nodes, each of which knows node 0 as its router; one every
 * 100 ms, then two minutes. */
void sim_grow(struct sim *s, uint32_t count, const struct dht_net_node *config);
void sim_run(struct sim *s, usec span);

void sim_hash(uint64_t number, uint8_t out[DHT_ID_SIZE]);
/* Ask and run until it is done (a minute at most); false: it never ended. */
bool sim_get_peers(struct sim *s, uint32_t who, const uint8_t hash[DHT_ID_SIZE], unsigned flags,
                   uint16_t port);
bool sim_find_node(struct sim *s, uint32_t who, const uint8_t target[DHT_ID_SIZE]);
bool sim_put(struct sim *s, uint32_t who, const struct dht_item *item, bool has_cas, int64_t cas);
bool sim_get_item(struct sim *s, uint32_t who, const struct dht_item *like);
/* Was that node's address among the peers found. */
bool sim_found(const struct sim *s, uint32_t who);
/* Of the 8 live nodes nearest to hash (the asker aside), how many store it. */
uint32_t sim_stored_at_closest(struct sim *s, const uint8_t hash[DHT_ID_SIZE]);
uint32_t sim_known(struct sim *s, uint32_t who);
struct dht_stats sim_stats(struct sim *s, uint32_t who);

/* D1, D2, D3, D7 of every live node; a text that says which is broken, or
 * NULL. */
const char *sim_broken_invariant(struct sim *s);

#define SIM_SEED(s) (unsigned long long)(s).seed

static inline void sim_expect_sane(struct sim *s)
{
	const char *broken = sim_broken_invariant(s);
	cr_assert_null(broken, "seed %llu: %s", SIM_SEED(*s), broken);
}

#endif
