/* tools/io/loop.h: libevent's base, the one timer, the clock and the signals.
 *
 * Parts of the rim (tcp, udp, dns, disk) feed the core from their events and
 * then call loop_settle(): the owner drains what the core wants, carries it
 * out, and arms the timer again. One settle per event, not per message. */
#ifndef TOOLS_IO_LOOP_H
#define TOOLS_IO_LOOP_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "proto/bytes.h"

enum { LOOP_SIGNALS = 3 };

struct loop {
	struct event_base *base;      /* owned */
	struct event timer;
	usec timer_at;                /* when it fires; USEC_NEVER: not armed */
	struct event signals[LOOP_SIGNALS];
	bool has_signals;
	void (*settle)(void *context);
	void (*on_timer)(void *context);
	void (*on_signal)(int signal, void *context);
	void *context;
};

/* The callbacks may be set afterwards, before the base runs. */
void loop_init(struct loop *l);
void loop_deinit(struct loop *l);
/* CLOCK_BOOTTIME: counts through suspend, never steps. */
usec loop_now(void);
/* After feeding the core. */
void loop_settle(struct loop *l);
/* on_timer is called at deadline or a little later; also earlier, when it was
 * armed for an earlier deadline before: that is cheaper than moving it. */
void loop_arm(struct loop *l, usec deadline);
/* INT, TERM and HUP go to on_signal. One base in a process can have them, so
 * this is for the one that runs. */
void loop_take_signals(struct loop *l);
/* Relative time for event_add(). */
struct timeval loop_timeval(usec span);

#endif
