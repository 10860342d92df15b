/* tools/lab/swarm_lab.c: builds the swarm on tools/lab, lets it run, reads the
 * figures off.
 *
 * Host 0 is the seed; the others come in the order of their numbers. */
#include "tools/lab/swarm_lab.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/memory.h"
#include "tools/lab/lab.h"

enum {
	DISK_US = 500,
	LOOKUP_MS = 300,       /* until the directory answers */
	LOOKUP_INTERVAL_S = 60,
	PATIENCE = 20,         /* times the bound, before a run is given up, */
	PATIENCE_MIN_S = 3600, /* and at least */
};

struct swarm {
	const struct swarm_lab_config *config;
	struct world *world;
	struct lab *lab;
	struct lab_content *content;
	struct swarm_lab_peer *peers; /* borrowed */
	usec begin, end;       /* end: when the last one was done */
	usec *left_at;         /* owned; by host; 0: still there */
	uint32_t done;
};

/* ---- bounds ---- */

static double larger(double a, double b)
{
	return a > b ? a : b;
}

static double slowest_downlink(const struct swarm_lab_config *c)
{
	return c->peer_down != 0 ? (double)c->size / (double)c->peer_down : 0;
}

double swarm_lab_bound(const struct swarm_lab_config *c)
{
	const double size = (double)c->size, us = (double)c->seed_up, n = c->peers;
	const double all = n * size / (us + n * (double)c->peer_up);
	return larger(larger(size / us, all), slowest_downlink(c));
}

double swarm_lab_client_server_bound(const struct swarm_lab_config *c)
{
	return larger(c->peers * (double)c->size / (double)c->seed_up, slowest_downlink(c));
}

/* ---- events ---- */

static double seconds_between(usec from, usec to)
{
	return (double)(to - from) / USEC_PER_SEC;
}

static void on_leave(struct world *w, void *owner, uint64_t host, uint64_t unused)
{
	struct swarm *s = owner;
	(void)unused;
	s->left_at[host] = world_now(w);
	lab_kill(s->lab, (uint32_t)host);
}

static void on_notice(struct lab *lab, uint32_t host, const struct action *notice, void *context)
{
	struct swarm *s = context;
	const usec now = world_now(s->world);
	(void)lab;
	if (notice->notice != NOTICE_DONE || host == 0 || s->peers[host - 1].took_s > 0)
		return;
	struct swarm_lab_peer *p = &s->peers[host - 1];
	p->took_s = seconds_between(s->begin, now) - p->came_s;
	s->done++;
	s->end = now;
	if (s->config->leave)
		world_at(s->world, now, on_leave, s, host, 0);
}

static void on_join(struct world *w, void *owner, uint64_t host, uint64_t unused)
{
	struct swarm *s = owner;
	const struct swarm_lab_config *c = s->config;
	struct lab_host_config h = { .up = c->peer_up, .down = c->peer_down };
	(void)w;
	(void)unused;
	if (host == 0)
		h = (struct lab_host_config){ .up = c->seed_up };
	h.session.classic = host == 0 ? c->classic >= 1 : s->peers[host - 1].classic;
	h.session.serves_nobody = host != 0 && c->client_server;
	const uint32_t number = lab_host_add(s->lab, &h);
	assert(number == host);
	lab_add(s->lab, number, s->content, host == 0, false);
}

/* Every peer's time and kind, evenly mixed. */
static void plan(struct swarm *s)
{
	const struct swarm_lab_config *c = s->config;
	for (uint32_t i = 0; i < c->peers; i++) {
		struct swarm_lab_peer *p = &s->peers[i];
		p->came_s = c->trickle_s * i / c->peers;
		p->classic = (uint32_t)((i + 1) * c->classic + 1e-9) > (uint32_t)(i * c->classic + 1e-9);
	}
	on_join(s->world, s, 0, 0);
	for (uint32_t i = 0; i < c->peers; i++)
		world_at(s->world, s->begin + (usec)(s->peers[i].came_s * USEC_PER_SEC), on_join, s,
		         i + 1, 0);
}

/* ---- figures ---- */

static double idle_share(const struct swarm *s, uint32_t host, double came_s)
{
	struct lab_host_stats stats;
	const usec from = s->begin + (usec)(came_s * USEC_PER_SEC);
	const usec to = s->left_at[host] != 0 ? s->left_at[host] : s->end;
	if (to <= from)
		return 0;
	lab_stats(s->lab, host, &stats);
	/* What leaves the link after the end was counted when it began. */
	return larger(0, 1 - (double)stats.up_busy / (double)(to - from));
}

static void sum_kind(const struct swarm *s, bool classic, double *mean, double *last)
{
	double sum = 0;
	uint32_t count = 0;
	*last = 0;
	for (uint32_t i = 0; i < s->config->peers; i++) {
		const struct swarm_lab_peer *p = &s->peers[i];
		if (p->classic != classic || p->took_s <= 0)
			continue;
		sum += p->took_s;
		*last = larger(*last, p->came_s + p->took_s);
		count++;
	}
	*mean = count != 0 ? sum / count : 0;
}

static void sum_peers(const struct swarm *s, struct swarm_lab_figures *f)
{
	const uint32_t n = s->config->peers;
	f->idle_min = 1;
	for (uint32_t i = 0; i < n; i++) {
		struct swarm_lab_peer *p = &s->peers[i];
		p->idle = s->begin < s->end ? idle_share(s, i + 1, p->came_s) : 0;
		f->mean_s += s->done != 0 ? p->took_s / s->done : 0;
		f->idle_mean += p->idle / n;
		f->idle_max = larger(f->idle_max, p->idle);
		f->idle_min = p->idle < f->idle_min ? p->idle : f->idle_min;
	}
	sum_kind(s, true, &f->classic_mean_s, &f->classic_last_s);
	sum_kind(s, false, &f->shoal_mean_s, &f->shoal_last_s);
}

static void take_figures(const struct swarm *s, struct swarm_lab_figures *f)
{
	const struct swarm_lab_config *c = s->config;
	struct lab_host_stats stats;
	lab_stats(s->lab, 0, &stats);
	f->done = s->done;
	f->bound_s = swarm_lab_bound(c);
	f->client_server_s = swarm_lab_client_server_bound(c);
	f->last_s = seconds_between(s->begin, s->end);
	if (s->done == c->peers)
		f->efficiency = (c->client_server ? f->client_server_s : f->bound_s) / f->last_s;
	f->seed_copies = (double)stats.sent / (double)c->size;
	f->seed_idle = idle_share(s, 0, 0);
	f->events = world_event_count(s->world);
	f->trace_hash = world_trace_hash(s->world);
	sum_peers(s, f);
}

/* ---- running ---- */

static usec give_up_at(const struct swarm *s)
{
	const struct swarm_lab_config *c = s->config;
	const double bound = c->client_server ? swarm_lab_client_server_bound(c) : swarm_lab_bound(c);
	const double patience = larger(PATIENCE * bound, PATIENCE_MIN_S) + c->trickle_s;
	return s->begin + (usec)(patience * USEC_PER_SEC);
}

void swarm_lab_run(const struct swarm_lab_config *c, struct swarm_lab_figures *out)
{
	const struct lab_config lab_config = {
		.disk_time = DISK_US,
		.lookup_time = LOOKUP_MS * USEC_PER_MS,
		.lookup_interval = LOOKUP_INTERVAL_S * USEC_PER_SEC,
		.loss = c->loss,
		.rtt = latency_from_quantiles(c->rtt_ms, 1.02 * c->rtt_ms, 1.04 * c->rtt_ms),
	};
	struct swarm s = { .config = c };
	assert(c->peers >= 1 && c->peers <= SWARM_LAB_PEERS_MAX);
	*out = (struct swarm_lab_figures){ .peers = memory_zeroed(c->peers, sizeof *out->peers) };
	s.peers = out->peers;
	s.left_at = memory_zeroed(c->peers + 1u, sizeof *s.left_at);
	s.world = world_new(c->seed);
	s.lab = lab_new(s.world, &lab_config);
	s.content = lab_content_new(c->seed, c->size, c->piece_length, NULL, 0);
	s.begin = s.end = world_now(s.world);
	lab_set_listener(s.lab, on_notice, &s);
	plan(&s);
	const usec give_up = give_up_at(&s);
	while (s.done < c->peers && world_step(s.world, give_up))
		;
	take_figures(&s, out);
	/* Nobody joins, nobody leaves behind this line. */
	lab_set_listener(s.lab, NULL, NULL);
	lab_free(s.lab);
	world_free(s.world);
	lab_content_free(s.content);
	free(s.left_at);
}

void swarm_lab_figures_deinit(struct swarm_lab_figures *f)
{
	free(f->peers);
	f->peers = NULL;
}
