/* tests/unit/choice_test.c: files chosen and order changed while it runs. */
#include <criterion/criterion.h>

#include "tools/lab/lab.h"

enum { PIECE = 64 << 10, FILES = 4, FILE_PIECES = 16 };

struct pair {
	struct world *w;
	struct lab *lab;
	struct lab_content *content;
	torrent_id t;
};

/* Host 0 has everything, host 1 fetches it. */
static void pair_open(struct pair *p, bool magnet)
{
	const struct lab_config c = { .rtt = latency_from_quantiles(20, 21, 22), .disk_time = 500,
		                      .lookup_time = USEC_PER_MS };
	const uint64_t sizes[FILES] = { FILE_PIECES * PIECE, FILE_PIECES * PIECE,
		                        FILE_PIECES * PIECE, FILE_PIECES * PIECE };
	const struct lab_host_config h = { .up = 1 << 20 };
	*p = (struct pair){ .w = world_new(7) };
	p->lab = lab_new(p->w, &c);
	p->content = lab_content_new(7, (uint64_t)FILES * FILE_PIECES * PIECE, PIECE, sizes, FILES);
	lab_host_add(p->lab, &h);
	lab_add(p->lab, 0, p->content, true, false);
	lab_host_add(p->lab, &h);
	p->t = lab_add(p->lab, 1, p->content, false, magnet);
}

static void pair_close(struct pair *p)
{
	lab_free(p->lab);
	world_free(p->w);
	lab_content_free(p->content);
}

static void pass(struct pair *p, usec time)
{
	world_run(p->w, world_now(p->w) + time);
}

static bool choose(struct pair *p, const uint8_t *files)
{
	const bool ok = session_set_priorities(lab_session(p->lab, 1), p->t, files, world_now(p->w));
	lab_pump(p->lab, 1);
	return ok;
}

static uint32_t have_of(struct pair *p, uint32_t file)
{
	const struct bitfield *have = session_have(lab_session(p->lab, 1), p->t);
	uint32_t count = 0;
	for (uint32_t i = 0; i < FILE_PIECES; i++)
		count += bitfield_get(have, file * FILE_PIECES + i);
	return count;
}

static enum torrent_state state_of(struct pair *p)
{
	struct torrent_status s;
	cr_assert(session_status(lab_session(p->lab, 1), p->t, &s, world_now(p->w)));
	return s.state;
}

Test(choice, files_are_left_out_and_taken_in_again)
{
	struct pair p;
	const uint8_t second[FILES] = { 0, 4, 0, 0 }, more[FILES] = { 4, 4, 0, 7 };
	pair_open(&p, false);
	cr_assert(choose(&p, second));
	pass(&p, 60 * USEC_PER_SEC);
	cr_assert_eq(state_of(&p), TORRENT_SEEDING);
	cr_assert_eq(have_of(&p, 1), FILE_PIECES);
	cr_assert_eq(have_of(&p, 0) + have_of(&p, 2) + have_of(&p, 3), 0);
	cr_assert(choose(&p, more));
	cr_assert_eq(state_of(&p), TORRENT_DOWNLOADING);
	pass(&p, 60 * USEC_PER_SEC);
	cr_assert_eq(state_of(&p), TORRENT_SEEDING);
	cr_assert_eq(have_of(&p, 0) + have_of(&p, 3), 2 * FILE_PIECES);
	cr_assert_eq(have_of(&p, 2), 0);
	cr_assert(choose(&p, NULL));
	pass(&p, 60 * USEC_PER_SEC);
	cr_assert_eq(have_of(&p, 2), FILE_PIECES);
	pair_close(&p);
}

/* What is chosen in mid-flight counts at once. */
Test(choice, leaving_out_the_rest_completes_it)
{
	struct pair p;
	uint8_t files[FILES] = { 4, 0, 0, 0 };
	pair_open(&p, false);
	pass(&p, 3 * USEC_PER_SEC);
	cr_assert_eq(state_of(&p), TORRENT_DOWNLOADING);
	while (have_of(&p, 0) != FILE_PIECES)
		pass(&p, USEC_PER_SEC / 10);
	choose(&p, files);
	cr_assert_eq(state_of(&p), TORRENT_SEEDING);
	pair_close(&p);
}

Test(choice, a_magnet_is_asked_after_its_metadata)
{
	struct pair p;
	const uint8_t third[FILES] = { 0, 0, 4, 0 };
	pair_open(&p, true);
	cr_assert_not(choose(&p, third));
	while (session_metainfo(lab_session(p.lab, 1), p.t) == NULL)
		cr_assert(world_step(p.w, USEC_NEVER - 1));
	cr_assert(choose(&p, third));
	pass(&p, 60 * USEC_PER_SEC);
	cr_assert_eq(have_of(&p, 2), FILE_PIECES);
	cr_assert_eq(have_of(&p, 0) + have_of(&p, 1) + have_of(&p, 3), 0);
	pair_close(&p);
}

/* What is under way by then arrives, and after it what comes first. */
Test(choice, in_order_from_the_moment_it_is_asked_for)
{
	struct pair p;
	pair_open(&p, false);
	pass(&p, USEC_PER_SEC);
	session_set_sequential(lab_session(p.lab, 1), p.t, true, world_now(p.w));
	lab_pump(p.lab, 1);
	pass(&p, USEC_PER_SEC / 2);
	const uint32_t first = have_of(&p, 0), last = have_of(&p, 3);
	cr_assert_leq(first, FILE_PIECES - 4);
	while (have_of(&p, 0) != FILE_PIECES)
		pass(&p, USEC_PER_SEC / 100);
	cr_assert_leq(have_of(&p, 3), last + 1);
	pair_close(&p);
}
