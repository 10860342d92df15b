/* tools/lab/lab.c: hosts, their timers and actions, and the directory. */
#include <assert.h>
#include <stdlib.h>

#include "proto/memory.h"
#include "tools/lab/lab_internal.h"

struct lab *lab_new(struct world *w, const struct lab_config *config)
{
	struct lab *lab = memory_zeroed(1, sizeof *lab);
	lab->world = w;
	lab->config = *config;
	return lab;
}

static void host_free(struct lab_host *h)
{
	if (h->session != NULL)
		session_free(h->session);
	for (struct lab_torrent *t = h->torrents, *next; t != NULL; t = next) {
		next = t->next;
		bitfield_deinit(&t->stored);
		free(t);
	}
	free(h->ends);
	free(h);
}

void lab_free(struct lab *lab)
{
	if (lab == NULL)
		return;
	for (uint32_t i = 0; i < lab->host_count; i++)
		lab_kill(lab, i);
	/* What is still under way owns memory: let it arrive at nobody. */
	world_run(lab->world, USEC_NEVER - 1);
	for (uint32_t i = 0; i < lab->host_count; i++)
		host_free(lab->hosts[i]);
	free(lab->hosts);
	free(lab->followers);
	free(lab);
}

void lab_set_listener(struct lab *lab, lab_listener *listener, void *context)
{
	lab->listener = listener;
	lab->context = context;
}

struct world *lab_world(struct lab *lab)
{
	return lab->world;
}

/* 10.x.y.1: a /24 for each, as real peers have. */
static struct endpoint address_of(uint32_t host)
{
	return endpoint_v4(10, (uint8_t)(host >> 8), (uint8_t)host, 1, 6881);
}

uint32_t lab_host_add(struct lab *lab, const struct lab_host_config *config)
{
	assert(lab->host_count < LAB_HOSTS_MAX);
	if (lab->host_count == lab->host_size) {
		lab->host_size = lab->host_size != 0 ? lab->host_size * 2 : 16;
		lab->hosts = memory_resize(lab->hosts, lab->host_size, sizeof(struct lab_host *));
	}
	struct lab_host *h = memory_zeroed(1, sizeof *h);
	h->lab = lab;
	h->number = lab->host_count;
	h->config = *config;
	h->timer_at = USEC_NEVER;
	h->endpoint = address_of(h->number);
	rng_fill(world_rng(lab->world, WORLD_PRODUCT), h->config.session.seed, RNG_SEED_SIZE);
	h->config.session.listen_port = h->endpoint.port;
	h->session = session_new(&h->config.session, world_now(lab->world));
	lab->hosts[lab->host_count++] = h;
	return h->number;
}

struct endpoint lab_endpoint(const struct lab *lab, uint32_t host)
{
	return lab->hosts[host]->endpoint;
}

struct session *lab_session(struct lab *lab, uint32_t host)
{
	return lab->hosts[host]->session;
}

torrent_id lab_add(struct lab *lab, uint32_t host, const struct lab_content *content, bool seed,
                   bool magnet)
{
	struct lab_host *h = lab->hosts[host];
	struct metainfo m;
	struct torrent_options o = { 0 };
	lab_content_metainfo(content, &m);
	struct lab_torrent *t = memory_zeroed(1, sizeof *t);
	t->content = content;
	bitfield_init(&t->stored, m.piece_count);
	if (seed)
		bitfield_set_all(&t->stored);
	if (magnet)
		memcpy(o.info_hash, m.info_hash, SHA1_SIZE);
	else
		o.metainfo = &m;
	t->next = h->torrents;
	h->torrents = t;
	t->id = session_add(h->session, &o, NULL, world_now(lab->world));
	metainfo_deinit(&m);
	assert(t->id != 0);
	lab_pump_host(h);
	return t->id;
}

void lab_introduce(struct lab *lab, uint32_t host, torrent_id t, uint32_t other)
{
	struct lab_host *h = lab->hosts[host];
	session_on_peers(h->session, t, &lab->hosts[other]->endpoint, 1, SOURCE_USER,
	                 world_now(lab->world));
	lab_pump_host(h);
}

void lab_kill(struct lab *lab, uint32_t host)
{
	struct lab_host *h = lab->hosts[host];
	if (h->session == NULL)
		return;
	streams_end_all(h);
	session_free(h->session);
	h->session = NULL;
	for (uint32_t i = 0; i < lab->follower_count; i++)
		if (lab->followers[i].host == host)
			lab->followers[i].active = false;
}

void lab_cut(struct lab *lab, uint32_t host, bool cut)
{
	lab->hosts[host]->cut = cut;
	if (!cut)
		streams_repaired(lab->hosts[host]);
}

void lab_fail_disk(struct lab *lab, uint32_t host, enum disk_result result)
{
	lab->hosts[host]->disk = result;
}

void lab_stats(const struct lab *lab, uint32_t host, struct lab_host_stats *out)
{
	*out = lab->hosts[host]->stats;
}

/* ---- the directory ---- */

static void directory_answer(struct world *w, void *owner, uint64_t index, uint64_t unused)
{
	struct lab *lab = owner;
	const struct lab_follower me = lab->followers[index];
	struct endpoint found[LAB_DIRECTORY_PEERS];
	uint32_t seen = 0, count = 0;
	(void)unused;
	if (!me.active)
		return;
	/* A random subset of the others (reservoir sampling). */
	for (uint32_t i = 0; i < lab->follower_count; i++) {
		const struct lab_follower *f = &lab->followers[i];
		if (!f->active || f->host == me.host || memcmp(f->info_hash, me.info_hash, SHA1_SIZE))
			continue;
		const uint32_t place = seen < LAB_DIRECTORY_PEERS ?
		                               seen :
		                               rng_below(world_rng(w, WORLD_NETWORK), seen + 1);
		seen++;
		if (place >= LAB_DIRECTORY_PEERS)
			continue;
		found[place] = lab->hosts[f->host]->endpoint;
		if (count <= place)
			count = place + 1;
	}
	struct lab_host *h = lab->hosts[me.host];
	session_on_peers(h->session, me.torrent, found, count, SOURCE_DHT, world_now(w));
	lab_pump_host(h);
	if (lab->config.lookup_interval != 0)
		world_at(w, world_now(w) + lab->config.lookup_interval, directory_answer, lab, index, 0);
}

static struct lab_follower *directory_find(struct lab *lab, uint32_t host, torrent_id t)
{
	for (uint32_t i = 0; i < lab->follower_count; i++)
		if (lab->followers[i].host == host && lab->followers[i].torrent == t)
			return &lab->followers[i];
	return NULL;
}

static void directory_follow(struct lab_host *h, const struct action *a)
{
	struct lab *lab = h->lab;
	struct lab_follower *f = directory_find(lab, h->number, a->torrent);
	if (f != NULL && f->active)
		return;
	if (f == NULL) {
		if (lab->follower_count == lab->follower_size) {
			lab->follower_size = lab->follower_size != 0 ? lab->follower_size * 2 : 16;
			lab->followers = memory_resize(lab->followers, lab->follower_size,
			                               sizeof *lab->followers);
		}
		f = &lab->followers[lab->follower_count++];
		*f = (struct lab_follower){ .host = h->number, .torrent = a->torrent };
		memcpy(f->info_hash, a->info_hash, SHA1_SIZE);
	}
	f->active = true;
	world_at(lab->world, world_now(lab->world) + lab->config.lookup_time, directory_answer, lab,
	         (uint64_t)(f - lab->followers), 0);
}

static void directory_hurry(struct lab_host *h, const struct action *a)
{
	struct lab_follower *f = directory_find(h->lab, h->number, a->torrent);
	if (f != NULL && h->lab->config.lookup_interval == 0)
		world_at(h->lab->world, world_now(h->lab->world) + h->lab->config.lookup_time,
		         directory_answer, h->lab, (uint64_t)(f - h->lab->followers), 0);
}

/* ---- actions ---- */

static void on_notice(struct lab_host *h, const struct action *a)
{
	world_note(h->lab->world, (uint64_t)a->notice, h->number, a->piece);
	if (a->notice == NOTICE_DONE && h->stats.done_at == 0)
		h->stats.done_at = world_now(h->lab->world);
	if (h->lab->listener != NULL)
		h->lab->listener(h->lab, h->number, a, h->lab->context);
}

static void on_unfollow(struct lab_host *h, const struct action *a)
{
	struct lab_follower *f = directory_find(h->lab, h->number, a->torrent);
	if (f != NULL)
		f->active = false;
}

static void perform(struct lab_host *h, const struct action *a)
{
	switch (a->kind) {
	case ACT_DIAL:
		streams_dial(h, a);
		break;
	case ACT_CLOSE:
		streams_close(h, a->conn);
		break;
	case ACT_OUTPUT:
		streams_want(h, a->conn);
		break;
	case ACT_INPUT:
		streams_read(h, a->conn);
		break;
	case ACT_DHT_FOLLOW:
		directory_follow(h, a);
		break;
	case ACT_DHT_UNFOLLOW:
		on_unfollow(h, a);
		break;
	case ACT_DHT_HURRY:
		directory_hurry(h, a);
		break;
	case ACT_STORAGE_OPEN:
		store_open(h, a);
		break;
	case ACT_STORE:
	case ACT_WRITE:
	case ACT_READ:
	case ACT_CHECK:
		store_job(h, a);
		break;
	case ACT_NOTICE:
		on_notice(h, a);
		break;
	case ACT_DHT_CONTACT:
	case ACT_STORAGE_CLOSE:
	case ACT_METADATA:
		break;
	}
}

static void on_timer(struct world *w, void *owner, uint64_t at, uint64_t unused)
{
	struct lab_host *h = owner;
	(void)unused;
	if (h->session == NULL || h->timer_at != at)
		return;
	h->timer_at = USEC_NEVER;
	session_on_timer(h->session, world_now(w));
	lab_pump_host(h);
}

void lab_pump_host(struct lab_host *h)
{
	struct action a;
	if (h->pumping || h->session == NULL)
		return;
	h->pumping = true;
	while (h->session != NULL && session_next_action(h->session, &a))
		perform(h, &a);
	h->pumping = false;
	if (h->session == NULL)
		return;
	const usec at = usec_max(session_deadline(h->session), world_now(h->lab->world));
	if (at < h->timer_at) {
		h->timer_at = at;
		world_at(h->lab->world, at, on_timer, h, at, 0);
	}
}

void lab_pump(struct lab *lab, uint32_t host)
{
	lab_pump_host(lab->hosts[host]);
}
