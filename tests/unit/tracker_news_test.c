/* Tests of tools/cli/tracker_news.c, with a host whose tracker is dead. */
#include "tools/cli/tracker_news.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <event2/event.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/io/socket.h"
#include "tools/io/trackers.h"

static struct host *host;
static torrent_id torrent;
static int dead = -1;
static uint16_t port;

static void begin(void)
{
	const struct host_config config = { .session = true, .listen = true };
	const struct socket_bind anywhere = { .device = "" };
	struct torrent_options options = { .info_hash = "a torrent", .name = "name" };
	char reason[HOST_REASON_MAX], url[100];
	const char *why;

	host = host_new(&config, NULL, NULL, reason);
	cr_assert_not_null(host, "%s", reason);
	torrent = host_add(host, &options, "/nonexistent", NULL);
	dead = socket_open(&anywhere, ENDPOINT_V4, SOCK_STREAM, 0);
	port = socket_local(dead).port;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/announce?passkey=secret", port);
	cr_assert(host_add_tracker(host, torrent, url, 0, &why), "%s", why);
	cr_redirect_stdout();
}

static void end(void)
{
	close(dead);
	host_free(host);
}

TestSuite(tracker_news, .init = begin, .fini = end);

static void wait_for_failure(void)
{
	struct announce_status s;

	do {
		event_base_loop(host_base(host), EVLOOP_ONCE);
		trackers_status(host_trackers(host), torrent, 0, &s);
	} while (s.state != ANNOUNCE_FAILING);
}

/* What was printed; empty when nothing. */
static const char *printed(void)
{
	static char text[4096];
	size_t size;
	FILE *out = cr_get_redirected_stdout();

	fflush(stdout);
	fclose(stdout);
	size = fread(text, 1, sizeof(text) - 1, out);
	text[size] = '\0';
	return text;
}

static void look(bool json, uint32_t times)
{
	struct tracker_news news = { .count = 0 };
	struct show show;

	show_init(&show, "get", json, false, false);
	while (times-- > 0)
		tracker_news_show(&news, &show, host, torrent);
	show_deinit(&show);
	tracker_news_deinit(&news);
	cr_assert_null(news.told);
}

Test(tracker_news, what_is_underway_is_no_news)
{
	look(true, 1);
	cr_assert_str_eq(printed(), "");
}

Test(tracker_news, a_failure_is_said_once_and_without_the_passkey)
{
	char want[64];
	const char *text;

	wait_for_failure();
	look(true, 3);
	text = printed();
	snprintf(want, sizeof(want), "\"tracker\": \"http://127.0.0.1:%u\"", port);
	cr_assert_not_null(strstr(text, want), "%s", text);
	cr_assert_not_null(strstr(text, "\"state\": \"failing\""));
	cr_assert_null(strstr(text, "secret"));
	cr_assert_null(strstr(strstr(text, want) + 1, want));
}

Test(tracker_news, people_read_the_reason)
{
	char want[64];
	const char *text;

	wait_for_failure();
	look(false, 2);
	text = printed();
	snprintf(want, sizeof(want), "tracker http://127.0.0.1:%u: ", port);
	cr_assert_not_null(strstr(text, want), "%s", text);
}
