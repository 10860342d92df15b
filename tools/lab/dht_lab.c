/* tools/lab/dht_lab.c: the course of one run.
 *
 * Tables are filled (dht_warm.c), those who have left since are taken away,
 * and the network runs for ten minutes. Then, every 300 ms, one trial begins:
 * somebody announces a torrent; 20 s later somebody else looks for it; half an
 * hour later (or as configured) a third one. All the time hosts leave and others join through
 * contacts that they were told. */
#include "tools/lab/dht_lab.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "dht/id.h"
#include "proto/krpc.h"
#include "proto/memory.h"
#include "tools/lab/dht_sybils.h"

#define WARM_UP_USEC (10 * USEC_PER_MIN)
#define TRIAL_USEC (300 * USEC_PER_MS)
#define RECALL_USEC (12 * USEC_PER_SEC)   /* late answers count for 10 s */
#define FIND_USEC (20 * USEC_PER_SEC)
#define END_USEC (2 * USEC_PER_MIN)       /* for the last searches to end */
#define NAT_MAPPING_USEC (120 * USEC_PER_MIN)
#define STALE_MINUTES 18.0 /* since the average table entry last answered */
#define FIREWALLED 1.25     /* unreachable hosts to those behind translators */
#define LOST_MS 60000.0    /* stands for "not found" */
enum {
	CLOSEST = 8,
	DOORS = 8,           /* contacts that a newcomer is told */
	FOLLOWED_MAX = 200,
	TABLE_SAMPLES = 100, /* tables looked into */
	TABLE_MAX = 2048,
};

enum role { IDLE, ANNOUNCING, FINDING, FINDING_LATER };

struct trial {
	uint8_t hash[DHT_ID_SIZE];
	uint32_t announcer;
	usec asked_at;                 /* of the step that runs */
	uint32_t closest[CLOSEST];
	uint32_t closest_count;
	double ready_ms, first_ms;     /* 0: not yet */
	uint32_t queries;
	uint32_t holders;              /* of the closest, that store it */
	uint32_t counted;              /* of the closest, that are still there */
	bool found, found_later;
};

struct job {
	enum role role;
	uint32_t trial;
	dht_search search;
	dht_search followed;
	uint32_t rounds;
};

struct dht_lab {
	const struct dht_lab_config *config; /* borrowed */
	struct world *world;
	struct dht_net *net;
	struct dht_sybils *sybils;
	struct trial *trials;    /* owned */
	struct job *jobs;        /* owned; by node */
	uint64_t *heads;         /* owned; first bytes of the ids, by node */
	uint32_t *live;          /* owned; nodes that are there */
	uint32_t *live_at;       /* owned; by node */
	uint32_t live_count, room;
	uint64_t named, named_dead;
	uint64_t reannounces, reannounce_queries;
	uint32_t joined, left;
};

/* ---- who is there ---- */

static uint64_t head_of(const uint8_t id[DHT_ID_SIZE])
{
	static const uint8_t zero[DHT_ID_SIZE];
	return id_distance_head(id, zero);
}

static void note_live(struct dht_lab *lab, uint32_t who)
{
	if (who >= lab->room) {
		lab->room = lab->room == 0 ? 1024 : 2 * lab->room;
		lab->jobs = memory_resize(lab->jobs, lab->room, sizeof(*lab->jobs));
		lab->heads = memory_resize(lab->heads, lab->room, sizeof(*lab->heads));
		lab->live = memory_resize(lab->live, lab->room, sizeof(*lab->live));
		lab->live_at = memory_resize(lab->live_at, lab->room, sizeof(*lab->live_at));
	}
	lab->jobs[who] = (struct job){ .role = IDLE };
	lab->heads[who] = head_of(dht_node_id(dht_net_node(lab->net, who), ENDPOINT_V4));
	lab->live_at[who] = lab->live_count;
	lab->live[lab->live_count++] = who;
}

static void note_dead(struct dht_lab *lab, uint32_t who)
{
	const uint32_t at = lab->live_at[who], last = lab->live[--lab->live_count];
	lab->live[at] = last;
	lab->live_at[last] = at;
}

static uint32_t random_live(struct dht_lab *lab, struct rng *rng)
{
	return lab->live[rng_below(rng, lab->live_count)];
}

/* One with nothing to do, who may be anywhere. */
static uint32_t random_idle(struct dht_lab *lab)
{
	struct rng *rng = world_rng(lab->world, WORLD_WORKLOAD);
	for (;;) {
		const uint32_t who = random_live(lab, rng);
		if (lab->jobs[who].role == IDLE && lab->jobs[who].followed == 0)
			return who;
	}
}

/* For four hosts behind a translator there is one that has a public address,
 * but a firewall which lets in answers alone. */
static enum nat_kind random_kind(const struct dht_lab *lab)
{
	struct rng *rng = world_rng(lab->world, WORLD_FAULTS);
	const double nat = lab->config->nat, kind = rng_unit(rng);
	if (kind < nat)
		return kind < nat / 4       ? NAT_RESTRICTED
		       : kind < nat * 3 / 4 ? NAT_PORT_RESTRICTED
		                            : NAT_SYMMETRIC;
	return kind < nat * FIREWALLED ? NAT_PORT_RESTRICTED : NAT_NONE;
}

static uint32_t add_node(struct dht_lab *lab, bool warm)
{
	const struct dht_net_node c = { .nat = random_kind(lab), .fitting_id = warm,
		                        .dht.classic = lab->config->classic };
	const uint32_t who = dht_net_add(lab->net, &c);
	if (c.nat != NAT_NONE)
		dht_net_keep_serving(lab->net, who);
	note_live(lab, who);
	return who;
}

static bool may_leave(const struct dht_lab *lab, uint32_t who)
{
	return lab->jobs[who].role == IDLE && lab->jobs[who].followed == 0;
}

static void leave(struct dht_lab *lab, uint32_t who)
{
	dht_net_kill(lab->net, who);
	note_dead(lab, who);
	lab->left++;
}

static void join(struct dht_lab *lab)
{
	struct rng *rng = world_rng(lab->world, WORLD_FAULTS);
	const uint32_t who = add_node(lab, false);
	for (int i = 0; i < DOORS; i++)
		dht_net_contact(lab->net, who, random_live(lab, rng));
	lab->joined++;
}

/* Hazard of a session, per second: half of them end within the median. */
static double hazard(const struct dht_lab *lab)
{
	return lab->config->churn_median_min > 0 ? log(2) / (60 * lab->config->churn_median_min) : 0;
}

static void churn(struct world *w, void *owner, uint64_t a, uint64_t b)
{
	struct dht_lab *lab = owner;
	struct rng *rng = world_rng(w, WORLD_FAULTS);
	const uint32_t who = random_live(lab, rng);
	(void)b;
	if (a != 0 && may_leave(lab, who)) {
		leave(lab, who);
		join(lab);
	}
	const double rate = hazard(lab) * lab->live_count;
	const double wait = -log(1 - rng_unit(rng)) / rate;
	world_at(w, world_now(w) + (usec)(wait * (double)USEC_PER_SEC), churn, lab, 1, 0);
}

/* ---- trials ---- */

/* The live nodes nearest to the hash that this asker can get to. */
static void find_closest(struct dht_lab *lab, struct trial *t, uint32_t asker)
{
	const uint64_t target = head_of(t->hash);
	const struct datagrams *d = dht_net_datagrams(lab->net);
	const uint32_t from = dht_net_host(lab->net, asker, ENDPOINT_V4);
	uint64_t far[CLOSEST];
	t->closest_count = 0;
	for (uint32_t i = 0; i < lab->live_count; i++) {
		const uint32_t who = lab->live[i];
		const uint64_t distance = lab->heads[who] ^ target;
		uint32_t at = t->closest_count;
		if (at == CLOSEST && distance >= far[CLOSEST - 1])
			continue;
		const struct endpoint e = datagrams_seen_by(d, dht_net_host(lab->net, who, ENDPOINT_V4),
		                                            datagrams_endpoint(d, from));
		if (who == asker || !datagrams_gets_to(d, from, &e))
			continue;
		if (at < CLOSEST)
			t->closest_count++;
		else
			at--;
		for (; at > 0 && far[at - 1] > distance; at--) {
			far[at] = far[at - 1];
			t->closest[at] = t->closest[at - 1];
		}
		far[at] = distance;
		t->closest[at] = who;
	}
}

static void start(struct dht_lab *lab, uint32_t who, enum role role, uint32_t trial)
{
	struct trial *t = &lab->trials[trial];
	struct job *j = &lab->jobs[who];
	const unsigned flags = role == ANNOUNCING ? DHT_ANNOUNCE : 0;
	t->asked_at = world_now(lab->world);
	j->role = role;
	j->trial = trial;
	j->search = dht_node_get_peers(dht_net_node(lab->net, who), t->hash, flags, 6881,
	                               dht_net_now(lab->net, who));
	assert(j->search != 0);
	dht_net_settle(lab->net, who);
}

static void count_holders(struct world *w, void *owner, uint64_t a, uint64_t b)
{
	struct dht_lab *lab = owner;
	struct trial *t = &lab->trials[a];
	(void)w;
	(void)b;
	for (uint32_t i = 0; i < t->closest_count; i++) {
		struct dht_node *n = dht_net_node(lab->net, t->closest[i]);
		if (n == NULL)
			continue;
		t->counted++;
		t->holders += dht_node_stored_peers(n, t->hash) > 0;
	}
}

static void find(struct world *w, void *owner, uint64_t a, uint64_t b)
{
	(void)w;
	start(owner, random_idle(owner), (enum role)b, (uint32_t)a);
}

static usec later(const struct dht_lab *lab)
{
	return (usec)(lab->config->later_min * (double)USEC_PER_MIN);
}

static void announce(struct world *w, void *owner, uint64_t a, uint64_t b)
{
	struct dht_lab *lab = owner;
	struct trial *t = &lab->trials[a];
	const usec now = world_now(w);
	(void)b;
	rng_fill(world_rng(w, WORLD_WORKLOAD), t->hash, sizeof t->hash);
	t->announcer = random_idle(lab);
	find_closest(lab, t, t->announcer);
	start(lab, t->announcer, ANNOUNCING, (uint32_t)a);
	world_at(w, now + FIND_USEC, find, lab, a, FINDING);
	if (lab->config->later_min > 0)
		world_at(w, now + later(lab), find, lab, a, FINDING_LATER);
}

static double ms_since(const struct dht_lab *lab, usec then)
{
	return (double)usec_since(then, world_now(lab->world)) / (double)USEC_PER_MS;
}

static bool names(const struct dht_lab *lab, const struct dht_output *out, const struct trial *t)
{
	for (uint32_t i = 0; i < out->count; i++)
		if (endpoint_same_address(&out->peers[i], dht_net_at(lab->net, t->announcer)))
			return true;
	return false;
}

static void on_followed(struct dht_lab *lab, struct job *j, const struct dht_output *out)
{
	if (out->kind != DHT_OUT_READY)
		return;
	if (j->rounds++ == 0)
		return;
	lab->reannounces++;
	lab->reannounce_queries += out->queries;
}

static void on_output(struct dht_net *net, uint32_t who, const struct dht_output *out, void *context)
{
	struct dht_lab *lab = context;
	struct job *j = &lab->jobs[who];
	if (out->kind == DHT_OUT_ADDRESS) /* its id may have changed with that */
		lab->heads[who] = head_of(dht_node_id(dht_net_node(net, who), ENDPOINT_V4));
	if (out->search != 0 && out->search == j->followed)
		on_followed(lab, j, out);
	if (j->role == IDLE || out->search != j->search)
		return;
	struct trial *t = &lab->trials[j->trial];
	if (out->kind == DHT_OUT_PEERS && names(lab, out, t)) {
		if (j->role == FINDING && !t->found)
			t->first_ms = ms_since(lab, t->asked_at);
		t->found |= j->role == FINDING;
		t->found_later |= j->role == FINDING_LATER;
	} else if (out->kind == DHT_OUT_READY && j->role == ANNOUNCING) {
		t->ready_ms = ms_since(lab, t->asked_at);
		t->queries = out->queries;
		world_at(lab->world, world_now(lab->world) + RECALL_USEC, count_holders, lab, j->trial, 0);
	} else if (out->kind == DHT_OUT_DONE) {
		j->role = IDLE;
	}
}

/* How many of the contacts that searching nodes learn lead nowhere. */
static bool watch(struct dht_net *net, uint32_t who, const struct endpoint *from,
                  struct bytes datagram, void *context)
{
	struct dht_lab *lab = context;
	const char *reason;
	const uint8_t *id;
	struct endpoint e;
	struct krpc m;
	(void)from;
	if (lab->jobs[who].role != ANNOUNCING || !krpc_decode(&m, datagram, &reason) ||
	    m.kind != KRPC_REPLY)
		return true;
	while (krpc_next_node(&m.nodes, ENDPOINT_V4, &id, &e)) {
		lab->named++;
		lab->named_dead += !datagrams_gets_to(dht_net_datagrams(net),
		                                      dht_net_host(net, who, ENDPOINT_V4), &e);
	}
	return true;
}

/* ---- the network ---- */

/* A share counts among those who answer everybody: half of the honest do not,
 * and the liars would else be far more than they are said to be. */
static uint32_t sybil_count(const struct dht_lab_config *c)
{
	const double answer = 1 - c->nat * FIREWALLED;
	if (c->sybils >= 1)
		return (uint32_t)c->sybils;
	const double per_honest = c->sybils / (1 - c->sybils) * (answer > 0 ? answer : 0);
	return (uint32_t)(c->nodes * per_honest / (1 + per_honest));
}

static void populate(struct dht_lab *lab)
{
	const struct dht_lab_config *c = lab->config;
	const uint32_t liars = sybil_count(c), honest = c->nodes > liars ? c->nodes - liars : 1;
	const double stale = 1 - exp(-hazard(lab) * 60 * STALE_MINUTES);
	const uint32_t gone = (uint32_t)(honest * stale / (1 - stale));
	for (uint32_t i = 0; i < honest + gone; i++)
		(void)add_node(lab, true);
	for (uint32_t i = 0; i < liars; i++)
		dht_sybils_add(lab->sybils, NULL);
	dht_sybils_ready(lab->sybils);
	dht_net_warm(lab->net, dht_sybils_list(lab->sybils), dht_sybils_count(lab->sybils));
	for (uint32_t i = 0; i < gone; i++)
		leave(lab, random_live(lab, world_rng(lab->world, WORLD_FAULTS)));
	lab->left = 0;
}

static void follow_some(struct dht_lab *lab)
{
	const uint32_t tenth = lab->config->lookups / 10;
	const uint32_t count = tenth < FOLLOWED_MAX ? tenth : FOLLOWED_MAX;
	for (uint32_t i = 0; i < count && i < lab->live_count / 4; i++) {
		uint8_t hash[DHT_ID_SIZE];
		const uint32_t who = random_idle(lab);
		rng_fill(world_rng(lab->world, WORLD_WORKLOAD), hash, sizeof hash);
		lab->jobs[who].followed = dht_node_follow(dht_net_node(lab->net, who), hash, DHT_ANNOUNCE,
		                                          6881, dht_net_now(lab->net, who));
		dht_net_settle(lab->net, who);
	}
}

/* ---- figures ---- */

static int compare_doubles(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* values get sorted. */
static double quantile(double *values, uint32_t count, double p)
{
	if (count == 0)
		return 0;
	qsort(values, count, sizeof *values, compare_doubles);
	const uint32_t at = (uint32_t)(p * count);
	return values[at < count ? at : count - 1];
}

static void figures_of_trials(const struct dht_lab *lab, struct dht_lab_figures *f)
{
	const uint32_t count = lab->config->lookups;
	double *values = memory_alloc((count + 1) * sizeof *values);
	uint64_t queries = 0, holders = 0, counted = 0, found = 0, found_later = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct trial *t = &lab->trials[i];
		queries += t->queries;
		holders += t->holders;
		counted += t->counted;
		found += t->found;
		found_later += t->found_later;
		values[i] = t->found ? t->first_ms : LOST_MS;
	}
	f->first_holder_ms_p50 = quantile(values, count, 0.5);
	f->first_holder_ms_p99 = quantile(values, count, 0.99);
	for (uint32_t i = 0; i < count; i++)
		values[i] = lab->trials[i].ready_ms > 0 ? lab->trials[i].ready_ms : LOST_MS;
	f->ready_ms_p50 = quantile(values, count, 0.5);
	f->ready_ms_p95 = quantile(values, count, 0.95);
	f->queries_mean = (double)queries / count;
	f->recall_8_closest = counted == 0 ? 0 : (double)holders / (double)counted;
	f->found_at_once = (double)found / count;
	f->found_after_30min = lab->config->later_min > 0 ? (double)found_later / count : NAN;
	free(values);
}

static void figures_of_tables(struct dht_lab *lab, struct dht_lab_figures *f)
{
	struct dht_contact *contacts = memory_alloc(TABLE_MAX * sizeof *contacts);
	const struct datagrams *d = dht_net_datagrams(lab->net);
	uint64_t entries = 0, dead = 0;
	for (uint32_t i = 0; i < TABLE_SAMPLES; i++) {
		const uint32_t who = random_live(lab, world_rng(lab->world, WORLD_WORKLOAD));
		const uint32_t count = dht_net_table(lab->net, who, contacts, TABLE_MAX);
		entries += count;
		for (uint32_t j = 0; j < count; j++)
			dead += !datagrams_gets_to(d, dht_net_host(lab->net, who, ENDPOINT_V4),
			                           &contacts[j].endpoint);
	}
	f->dead_table_ratio = entries == 0 ? 0 : (double)dead / (double)entries;
	free(contacts);
}

static void figures_of_nodes(struct dht_lab *lab, struct dht_lab_figures *f, usec began)
{
	const struct datagrams_stats *net = datagrams_stats(dht_net_datagrams(lab->net));
	uint64_t memory = 0;
	for (uint32_t i = 0; i < lab->live_count; i++) {
		struct dht_stats stats;
		dht_node_stats(dht_net_node(lab->net, lab->live[i]), &stats);
		memory += stats.memory_bytes;
	}
	f->bytes_per_node = (double)memory / lab->live_count;
	f->virtual_s = (double)usec_since(began, world_now(lab->world)) / (double)USEC_PER_SEC;
	f->traffic_mb_per_day = (double)(net->sent_bytes + net->delivered_bytes) / lab->config->nodes /
	                        f->virtual_s * 86400 / 1e6;
	f->packets = net->sent;
	f->events = world_event_count(lab->world);
	f->dead_contact_ratio = lab->named == 0 ? 0 : (double)lab->named_dead / (double)lab->named;
	f->reannounce_queries_mean =
		lab->reannounces == 0 ? 0 : (double)lab->reannounce_queries / (double)lab->reannounces;
	f->trace_hash = world_trace_hash(lab->world);
	f->joined = lab->joined;
	f->left = lab->left;
}

static void lab_begin(struct dht_lab *lab, const struct dht_lab_config *config)
{
	const struct datagrams_config network = {
		.rtt = latency_from_quantiles(config->rtt_ms[0], config->rtt_ms[1], config->rtt_ms[2]),
		.loss = config->loss,
		.nat_timeout = NAT_MAPPING_USEC,
	};
	memset(lab, 0, sizeof *lab);
	lab->config = config;
	lab->world = world_new(config->seed);
	lab->net = dht_net_new(lab->world, &network);
	lab->sybils = dht_sybils_new(lab->net);
	lab->trials = memory_zeroed(config->lookups + 1, sizeof(*lab->trials));
	dht_net_set_listener(lab->net, on_output, lab);
	dht_net_set_filter(lab->net, watch, lab);
}

static void lab_end(struct dht_lab *lab)
{
	dht_net_free(lab->net);
	dht_sybils_free(lab->sybils);
	world_free(lab->world);
	free(lab->trials);
	free(lab->jobs);
	free(lab->heads);
	free(lab->live);
	free(lab->live_at);
}

void dht_lab_run(const struct dht_lab_config *config, struct dht_lab_figures *out)
{
	struct dht_lab lab;
	lab_begin(&lab, config);
	populate(&lab);
	const usec began = world_now(lab.world);
	if (hazard(&lab) > 0)
		churn(lab.world, &lab, 0, 0);
	dht_net_run(lab.net, WARM_UP_USEC);
	follow_some(&lab);
	const usec first = world_now(lab.world);
	for (uint32_t i = 0; i < config->lookups; i++)
		world_at(lab.world, first + i * TRIAL_USEC, announce, &lab, i, 0);
	dht_net_run(lab.net, config->lookups * TRIAL_USEC + later(&lab) + END_USEC);
	memset(out, 0, sizeof *out);
	figures_of_trials(&lab, out);
	figures_of_tables(&lab, out);
	figures_of_nodes(&lab, out, began);
	lab_end(&lab);
}
