/* Tests of tools/io/host.c, host_dht.c and perform.c: whole peers on loopback,
 * two in one process, their loops turned by hand. */
#include "tools/io/host.h"

#include <criterion/criterion.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/memory.h"
#include "tests/unit/temporary.h"
#include "tools/io/files.h"

enum { PIECE = 16384, PIECES = 40, CONTENT = PIECE * PIECES - 1000 };

static struct temporary dir;
static char reason[FILES_REASON_MAX]; /* the larger of the two */
static uint8_t content[CONTENT];

/* What a listener heard. */
struct heard {
	uint32_t done, metadata, ticks, pongs, signals, pieces;
	bool stop_on_signal, remove_when_done;
	char text[200];
};

static void listen_in(struct host *h, const struct host_event *e, void *context)
{
	struct heard *heard = context;

	switch (e->kind) {
	case HOST_NOTICE:
		heard->done += e->action->notice == NOTICE_DONE;
		heard->pieces += e->action->notice == NOTICE_PIECE;
		if (e->action->notice == NOTICE_ERROR)
			(void)snprintf(heard->text, sizeof(heard->text), "%s", e->action->text);
		if (e->action->notice == NOTICE_DONE && heard->remove_when_done)
			host_remove(h, e->action->torrent);
		break;
	case HOST_METADATA: heard->metadata++; break;
	case HOST_DHT: heard->pongs += e->output->kind == DHT_OUT_PONG; break;
	case HOST_TICK: heard->ticks++; break;
	case HOST_SIGNAL:
		heard->signals++;
		if (heard->stop_on_signal)
			host_stop(h);
		break;
	}
}

static void begin(void)
{
	size_t i;

	temporary_init(&dir);
	for (i = 0; i < CONTENT; i++)
		content[i] = (uint8_t)(i * 31 ^ i >> 8);
}

static void end(void)
{
	temporary_deinit(&dir);
}

TestSuite(host, .init = begin, .fini = end);

static struct host *start(struct host_config *config, struct heard *heard)
{
	struct host *h = host_new(config, listen_in, heard, reason);

	cr_assert_not_null(h, "%s", reason);
	return h;
}

static void turn(struct host *a, struct host *b)
{
	cr_assert_geq(event_base_loop(host_base(a), EVLOOP_NONBLOCK), 0);
	if (b != NULL)
		cr_assert_geq(event_base_loop(host_base(b), EVLOOP_NONBLOCK), 0);
}

#define UNTIL(a, b, condition) \
	while (!(condition)) \
		turn(a, b)

static struct metainfo *make_torrent(void)
{
	struct metainfo *m = memory_zeroed(1, sizeof(*m));
	char why[METAINFO_REASON_MAX];
	uint8_t *text = memory_alloc(PIECES * SHA1_SIZE + 200);
	size_t size = (size_t)sprintf((char *)text,
	                              "d4:infod6:lengthi%de4:name4:file12:piece lengthi%de6:pieces%d:",
	                              CONTENT, PIECE, PIECES * SHA1_SIZE);
	int i;

	for (i = 0; i < PIECES; i++, size += SHA1_SIZE)
		sha1(bytes_of(content + i * PIECE, (size_t)(i + 1 < PIECES ? PIECE : CONTENT - i * PIECE)),
		     text + size);
	text[size++] = 'e';
	text[size++] = 'e';
	cr_assert(metainfo_parse(m, bytes_of(text, size), why), "%s", why);
	free(text);
	return m;
}

static torrent_id add(struct host *h, const char *root)
{
	struct metainfo *m = make_torrent();
	struct torrent_options options = { .metainfo = m, .name = "file" };
	torrent_id t = host_add(h, &options, root, NULL);

	cr_assert_neq(t, 0);
	free(m);
	return t;
}

static void stop(struct host *h)
{
	host_stop(h);
	host_run(h);
	host_free(h);
}

/* The whole path: contact by name, metadata, disk, the file on the other side. */
static void transfer(bool by_magnet, bool through_dht)
{
	struct host_config config = { .session = true, .listen = true, .dht = through_dht };
	char *here = files_join(dir.path, "here"), *there = files_join(dir.path, "a/b"), near[64];
	const char *const nodes[] = { near };
	struct heard node_heard = { 0 }, seed_heard = { 0 }, get_heard = { 0 };
	struct host *node = start(&(struct host_config){ .dht = true }, &node_heard), *seed, *get;
	struct torrent_options options = { .name = "file" };
	struct metainfo *m = make_torrent();
	struct dht_stats stats = { 0 };
	torrent_id t;
	uint8_t *got;
	size_t size;

	cr_assert(files_make_directory(here, reason));
	cr_assert(files_save(temporary_path(&dir, "here/file"), bytes_of(content, CONTENT), 0, reason));
	(void)snprintf(near, sizeof(near), "localhost:%u", host_port(node));
	config.bootstrap = nodes;
	config.bootstrap_count = through_dht;
	seed = start(&config, &seed_heard);
	add(seed, here);
	UNTIL(seed, node, seed_heard.done == 1);
	while (through_dht && stats.stored_peers == 0) {
		turn(seed, node);
		dht_node_stats(host_dht(node), &stats);
	}

	get = start(&config, &get_heard);
	memcpy(options.info_hash, m->info_hash, SHA1_SIZE);
	t = by_magnet ? host_add(get, &options, there, NULL) : add(get, there);
	(void)snprintf(near, sizeof(near), "localhost:%u", host_port(seed));
	if (!through_dht)
		host_add_peer(get, t, near, SOURCE_USER);
	while (get_heard.done == 0) {
		turn(node, NULL);
		turn(seed, get);
	}
	cr_assert_eq(get_heard.pieces, PIECES);
	cr_assert_eq(get_heard.metadata, by_magnet);
	got = files_load(temporary_path(&dir, "a/b/file"), CONTENT, &size, reason);
	cr_assert_not_null(got, "%s", reason);
	cr_assert_eq(size, CONTENT);
	cr_assert_eq(memcmp(got, content, size), 0);
	free(got);
	free(here);
	free(there);
	metainfo_deinit(m);
	free(m);
	stop(get);
	stop(seed);
	stop(node);
}

Test(host, transfers_a_torrent)
{
	transfer(false, false);
}

Test(host, transfers_by_magnet)
{
	transfer(true, false);
}

Test(host, transfers_by_magnet_through_the_dht)
{
	transfer(true, true);
}

Test(host, a_port_that_is_taken)
{
	struct host_config config = { .session = true, .listen = true };
	struct heard heard = { 0 };
	struct host *a = start(&config, &heard), *b;

	config.port = host_port(a);
	b = start(&config, &heard);
	cr_assert_neq(host_port(b), config.port, "another one, when it may");
	config.port_strict = true;
	cr_assert_null(host_new(&config, listen_in, &heard, reason));
	cr_assert_not_null(strstr(reason, "Address already in use"));
	host_free(b);
	host_free(a);
}

Test(host, says_what_it_cannot_start_with)
{
	struct host_config config = { .dht = true, .bind = "no-such-thing" };

	cr_assert_null(host_new(&config, NULL, NULL, reason));
	cr_assert_not_null(strstr(reason, "no-such-thing"));
	config.bind = NULL;
	config.state_dir = "/proc/nowhere/x";
	cr_assert_null(host_new(&config, NULL, NULL, reason));
	cr_assert_not_null(strstr(reason, "/proc/nowhere/x"));
}

/* Nodes alone: one finds the other by name; the state file knows it after. */
Test(host, dht_nodes_meet_and_remember)
{
	struct host_config config = { .dht = true };
	struct heard heard = { 0 }, other_heard = { 0 };
	struct host *a = start(&config, &heard), *b;
	char near[64];
	const char *const nodes[] = { near };
	struct dht_stats stats = { 0 };
	struct endpoint e = endpoint_v4(127, 0, 0, 1, host_port(a));
	uint8_t *state;
	size_t size;

	(void)snprintf(near, sizeof(near), "localhost:%u", host_port(a));
	config.bootstrap = nodes;
	config.bootstrap_count = 1;
	config.state_dir = dir.path;
	b = start(&config, &other_heard);
	while (stats.nodes_v4 == 0) {
		turn(a, b);
		dht_node_stats(host_dht(b), &stats);
	}
	cr_assert_neq(dht_node_ping(host_dht(b), &e, host_now(b)), 0);
	host_pump(b);
	UNTIL(a, b, other_heard.pongs == 1);
	stop(b);
	state = files_load(temporary_path(&dir, "dht.state"), 1 << 20, &size, reason);
	cr_assert_not_null(state, "%s", reason);
	free(state);

	config.bootstrap_count = 0;
	b = start(&config, &other_heard);
	stats.nodes_v4 = 0;
	while (stats.nodes_v4 == 0) {
		turn(a, b);
		dht_node_stats(host_dht(b), &stats);
	}
	host_free(b);
	host_free(a);
}

Test(host, a_broken_state_file_is_no_obstacle)
{
	struct host_config config = { .dht = true, .state_dir = dir.path };
	struct heard heard = { 0 };

	cr_assert(files_save(temporary_path(&dir, "dht.state"), bytes_of_text("rubbish"), 0, reason));
	host_free(start(&config, &heard));
}

Test(host, ticks)
{
	struct host_config config = { .dht = true };
	struct heard heard = { 0 };
	struct host *h = start(&config, &heard);

	host_set_tick(h, 1000);
	UNTIL(h, NULL, heard.ticks >= 2);
	host_free(h);
}

static void raise_term(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
	cr_assert_eq(kill(getpid(), SIGTERM), 0);
}

Test(host, leaves_on_a_signal)
{
	struct host_config config = { .session = true, .dht = true, .listen = true };
	struct heard heard = { .stop_on_signal = true };
	struct host *h = start(&config, &heard);
	const struct timeval now = { 0, 0 };
	const usec before = host_now(h);

	event_base_once(host_base(h), -1, EV_TIMEOUT, raise_term, NULL, &now);
	host_run(h);
	cr_assert_eq(heard.signals, 1);
	cr_assert_leq(host_now(h), before + 3 * USEC_PER_SEC);
	host_free(h);
}

/* Stopping twice does not wait, nor does a stop before the run. */
Test(host, second_stop_ends_at_once)
{
	struct host_config config = { .session = true, .listen = true };
	struct heard heard = { 0 };
	struct host *h = start(&config, &heard);

	host_stop(h);
	host_stop(h);
	host_run(h);
	host_free(h);
}

/* A listener may take the very torrent out that it hears about. */
Test(host, torrents_may_go_while_heard_of)
{
	struct host_config config = { .session = true, .listen = true };
	struct heard heard = { .remove_when_done = true };
	struct host *h = start(&config, &heard);
	torrent_id t, existing = 0;

	cr_assert(files_save(temporary_path(&dir, "file"), bytes_of(content, CONTENT), 0, reason));
	t = add(h, dir.path);
	{
		struct metainfo *m = make_torrent();
		struct torrent_options again = { .metainfo = m };

		cr_assert_eq(host_add(h, &again, dir.path, &existing), 0);
		cr_assert_eq(existing, t);
		metainfo_deinit(m);
		free(m);
	}
	UNTIL(h, NULL, heard.done == 1);
	cr_assert_eq(session_next(host_session(h), 0), 0);
	host_remove(h, t);
	stop(h);
}

/* A file in the way is an error that names it. */
Test(host, disk_trouble_is_heard)
{
	struct host_config config = { .session = true, .listen = true };
	struct heard heard = { 0 };
	struct host *h = start(&config, &heard);

	cr_assert(files_make_directory(temporary_path(&dir, "file"), reason));
	add(h, dir.path);
	UNTIL(h, NULL, heard.text[0] != '\0');
	cr_assert_not_null(strstr(heard.text, "/file: Is a directory"));
	host_free(h);
}
