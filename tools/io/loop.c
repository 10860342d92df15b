/* tools/io/loop.c: one timer, lazily moved.
 *
 * Why lazily: the core's deadline moves with nearly every message, and moving
 * a timer in libevent's heap each time costs more than waking once too often.
 * So the timer is moved forward only; a wake before the deadline just arms it
 * again. */
#include "tools/io/loop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const int caught[LOOP_SIGNALS] = { SIGINT, SIGTERM, SIGHUP };

usec loop_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (usec)now.tv_sec * USEC_PER_SEC + (usec)now.tv_nsec / 1000;
}

struct timeval loop_timeval(usec span)
{
	return (struct timeval){ (time_t)(span / USEC_PER_SEC), (suseconds_t)(span % USEC_PER_SEC) };
}

static void timer_fired(evutil_socket_t fd, short what, void *context)
{
	struct loop *l = context;

	(void)fd;
	(void)what;
	l->timer_at = USEC_NEVER;
	l->on_timer(l->context);
}

static void signal_came(evutil_socket_t signal_number, short what, void *context)
{
	struct loop *l = context;

	(void)what;
	if (l->on_signal != NULL)
		l->on_signal((int)signal_number, l->context);
}

void loop_init(struct loop *l)
{
	struct event_config *config = event_config_new();

	*l = (struct loop){ .timer_at = USEC_NEVER };
	if (config != NULL) {
		/* The network thread alone touches the base. */
		event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
		l->base = event_base_new_with_config(config);
		event_config_free(config);
	}
	if (l->base == NULL) {
		(void)fprintf(stderr, "shoal: no event loop: the system gives no epoll\n");
		abort();
	}
	signal(SIGPIPE, SIG_IGN);
	evtimer_assign(&l->timer, l->base, timer_fired, l);
}

void loop_deinit(struct loop *l)
{
	int i;

	event_del(&l->timer);
	for (i = 0; l->has_signals && i < LOOP_SIGNALS; i++)
		event_del(&l->signals[i]);
	event_base_free(l->base);
	*l = (struct loop){ 0 };
}

void loop_settle(struct loop *l)
{
	if (l->settle != NULL)
		l->settle(l->context);
}

void loop_arm(struct loop *l, usec deadline)
{
	struct timeval wait;

	if (deadline >= l->timer_at)
		return;
	wait = loop_timeval(usec_since(loop_now(), deadline));
	l->timer_at = deadline;
	evtimer_add(&l->timer, &wait);
}

void loop_take_signals(struct loop *l)
{
	int i;

	if (l->has_signals)
		return;
	for (i = 0; i < LOOP_SIGNALS; i++) {
		evsignal_assign(&l->signals[i], l->base, caught[i], signal_came, l);
		evsignal_add(&l->signals[i], NULL);
	}
	l->has_signals = true;
}
