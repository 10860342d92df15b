/* tools/cli/signals.c: see signals.h. */
#include "tools/cli/signals.h"

#include "tools/io/host.h"

#include <event2/event.h>
#include <signal.h>

static void change_mask(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(how, &set, NULL);
}

void signals_hold(void)
{
	change_mask(SIG_BLOCK);
}

static void release(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
	change_mask(SIG_UNBLOCK);
}

void signals_release(struct host *h)
{
	const struct timeval now = { 0 };

	if (event_base_once(host_base(h), -1, EV_TIMEOUT, release, NULL, &now) != 0)
		change_mask(SIG_UNBLOCK);
}
