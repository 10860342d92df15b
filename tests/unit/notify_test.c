/* tests/unit/notify_test.c: the service manager hears us, and nobody has to. */
#include "tools/daemon/notify.h"

#include "tests/unit/temporary.h"

#include <criterion/criterion.h>
#include <sys/socket.h>
#include <sys/un.h>

Test(notify, one_datagram)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct temporary directory;
	char heard[64] = "";
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	temporary_init(&directory);
	snprintf(at.sun_path, sizeof at.sun_path, "%s/socket", directory.path);
	cr_assert_eq(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
	setenv("NOTIFY_SOCKET", at.sun_path, 1);
	notify_manager("READY=1");
	cr_assert_eq(recv(fd, heard, sizeof heard - 1, 0), 7);
	cr_assert_str_eq(heard, "READY=1");
	close(fd);
	notify_manager("STOPPING=1"); /* nobody listens any more */
	cr_assert_lt(recv(fd, heard, sizeof heard - 1, 0), 0);
	temporary_deinit(&directory);
}

Test(notify, without_a_manager_nothing_is_opened)
{
	int before = dup(0), after;

	close(before);
	unsetenv("NOTIFY_SOCKET");
	notify_manager("READY=1");
	setenv("NOTIFY_SOCKET", "relative/path", 1);
	notify_manager("READY=1");
	after = dup(0);
	cr_assert_eq(after, before, "no descriptor was left open");
	close(after);
}
