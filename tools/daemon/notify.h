/* tools/daemon/notify.h: tell the service manager how we are (sd_notify). */
#ifndef TOOLS_DAEMON_NOTIFY_H
#define TOOLS_DAEMON_NOTIFY_H

/* state: "READY=1", "STOPPING=1\nSTATUS=...". Does nothing without
 * NOTIFY_SOCKET in the environment; never fails visibly, never blocks. */
void notify_manager(const char *state);

#endif
