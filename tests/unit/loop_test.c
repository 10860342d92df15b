/* Tests of tools/io/loop.c. */
#include "tools/io/loop.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <unistd.h>

static struct loop loop;
static int fired, settled, caught;

static void on_timer(void *context)
{
	(void)context;
	fired++;
}

static void on_settle(void *context)
{
	(void)context;
	settled++;
}

static void on_signal(int number, void *context)
{
	(void)context;
	caught = number;
	event_base_loopbreak(loop.base);
}

static void begin(void)
{
	loop_init(&loop);
	loop.on_timer = on_timer;
	loop.settle = on_settle;
	loop.on_signal = on_signal;
}

static void end(void)
{
	loop_deinit(&loop);
}

TestSuite(loop, .init = begin, .fini = end);

Test(loop, fires_at_the_earliest)
{
	const usec now = loop_now();

	loop_arm(&loop, USEC_NEVER);
	cr_assert_eq(event_base_loop(loop.base, EVLOOP_NONBLOCK), 1, "nothing is armed");
	loop_arm(&loop, now + 3600 * USEC_PER_SEC);
	loop_arm(&loop, now + 2 * USEC_PER_MS);
	loop_arm(&loop, now + 1800 * USEC_PER_SEC);
	while (fired == 0)
		event_base_loop(loop.base, EVLOOP_ONCE);
	cr_assert_geq(loop_now(), now + 2 * USEC_PER_MS);
	cr_assert_eq(loop.timer_at, USEC_NEVER);
}

Test(loop, past_deadlines_fire_at_once)
{
	loop_arm(&loop, 0);
	event_base_loop(loop.base, EVLOOP_ONCE);
	cr_assert_eq(fired, 1);
}

Test(loop, signals_are_events)
{
	loop_take_signals(&loop);
	loop_take_signals(&loop);
	cr_assert_eq(kill(getpid(), SIGTERM), 0);
	event_base_dispatch(loop.base);
	cr_assert_eq(caught, SIGTERM);
	cr_assert_eq(kill(getpid(), SIGPIPE), 0, "ignored: else we would be dead");
}

Test(loop, settles_where_it_is_told)
{
	loop_settle(&loop);
	cr_assert_eq(settled, 1);
	loop.settle = NULL;
	loop_settle(&loop);
	cr_assert_eq(settled, 1);
}

Test(loop, time_values)
{
	const struct timeval t = loop_timeval(3 * USEC_PER_SEC + 250);

	cr_assert_eq(t.tv_sec, 3);
	cr_assert_eq(t.tv_usec, 250);
}
