/* tools/cli/signals.h: signals that come while a program starts wait until its
 * host runs and can obey them: nobody is killed between two lines of a log. */
#ifndef TOOLS_CLI_SIGNALS_H
#define TOOLS_CLI_SIGNALS_H

struct host;

/* Before host_new: INT, TERM and HUP are kept back; threads made from now on
 * never get them. */
void signals_hold(void);
/* After host_new: they are let through as soon as host_run has begun. */
void signals_release(struct host *h);

#endif
