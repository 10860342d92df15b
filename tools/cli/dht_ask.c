/* tools/cli/dht_ask.c: the run of a question: see dht_ask.h.
 *
 * A search that nobody answered is not over but early: the first contacts are
 * still being asked. It is started again until the time is up. */
#include "tools/cli/dht_ask.h"

#include "proto/bencode.h"
#include "proto/magnet.h"
#include "tools/cli/cli.h"
#include "tools/cli/signals.h"

#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

void ask_init(struct ask *a, const char *command)
{
	*a = (struct ask){ .command = command, .timeout = ASK_TIMEOUT };
	network_init(&a->network);
	a->network.port = 0;
}

void ask_finish(struct ask *a, int code)
{
	if (a->finished)
		return;
	a->finished = true;
	a->code = code;
	host_stop(a->host);
}

bool ask_resolve(struct ask *a, const char *text)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *found = NULL;
	const char *colon = strrchr(text, ':');
	char host[256], number[ENDPOINT_TEXT_MAX];
	int error;

	if (!parse_host_port(text)) {
		cli_fail(CLI_USAGE, a->command, "'%s' is not HOST:PORT", text);
		return false;
	}
	if (endpoint_parse(text, 0, &a->to))
		return true;
	snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
	error = getaddrinfo(host, colon + 1, &hints, &found);
	if (error == 0) {
		char service[8];

		error = getnameinfo(found->ai_addr, found->ai_addrlen, number, 46, service,
		                    sizeof service, NI_NUMERICHOST | NI_NUMERICSERV);
		freeaddrinfo(found);
		if (error == 0 &&
		    !endpoint_parse(number, (uint16_t)strtoul(service, NULL, 10), &a->to))
			error = EAI_FAIL;
	}
	if (error != 0)
		cli_fail(CLI_NETWORK, a->command, "%s: %s", text, gai_strerror(error));
	return error == 0;
}

bool ask_target(struct ask *a, const char *text)
{
	char reason[MAGNET_REASON_MAX];
	struct magnet magnet = { 0 };
	bool good = magnet_parse(&magnet, text, reason) && magnet.has_info_hash;

	if (good)
		memcpy(a->target, magnet.info_hash, DHT_ID_SIZE);
	else
		cli_fail(CLI_USAGE, a->command, "'%.100s' is not an id of 40 hex digits", text);
	magnet_deinit(&magnet);
	return good;
}

struct bytes ask_plain_value(const struct dht_item *item)
{
	struct bytes raw = bytes_of(item->value, item->value_size);
	struct bencode_token token;
	struct bencode b;

	if (bencode_parse(&b, raw, &token, 1, 0) && bencode_type(&b, 0) == BENCODE_STRING)
		return bytes_of(raw.data + token.prefix, raw.size - token.prefix);
	return raw;
}

static void begin(struct ask *a)
{
	usec now = host_now(a->host);

	a->again_at = now + ASK_AGAIN;
	a->search = a->start(a, host_dht(a->host), now);
}

static void on_done(struct ask *a, const struct dht_output *done)
{
	a->search = 0;
	a->again_at = host_now(a->host) + ASK_AGAIN;
	if (a->finish != NULL ? a->finish(a, done) : done->replied > 0)
		ask_finish(a, a->code);
	else if (a->again_at == 0) /* the next step of the question */
		begin(a);
}

static void on_tick(struct ask *a)
{
	usec now = host_now(a->host);

	if (a->finished)
		return;
	if (now >= a->deadline) {
		if (a->results > 0) {
			ask_finish(a, CLI_OK);
			return;
		}
		show_failure(&a->show, CLI_UNFINISHED, "the time is up: no answer");
		ask_finish(a, CLI_UNFINISHED);
	} else if (a->search == 0 && now >= a->again_at) {
		begin(a);
	}
}

static void on_host(struct host *h, const struct host_event *event, void *context)
{
	struct ask *a = context;

	if (event->kind == HOST_TICK) {
		on_tick(a);
	} else if (event->kind == HOST_SIGNAL) {
		a->finished = false;
		ask_finish(a, event->signal == SIGINT ? CLI_INTERRUPTED : CLI_TERMINATED);
	} else if (event->kind == HOST_DHT && event->output->search == a->search &&
	           a->search != 0 && !a->finished) {
		if (event->output->kind == DHT_OUT_DONE)
			on_done(a, event->output);
		else if (a->result != NULL)
			a->result(a, event->output);
	}
	(void)h;
}

int ask_run(struct ask *a)
{
	struct host_config config = { .state_dir = a->state };
	char reason[HOST_REASON_MAX];

	if (!network_check(&a->network, a->command))
		return CLI_USAGE;
	network_fill(&a->network, &config);
	config.dht = true;
	config.node.read_only = true;
	signals_hold();
	a->host = host_new(&config, on_host, a, reason);
	if (a->host == NULL)
		return cli_fail(CLI_ERROR, a->command, "%s", reason);
	signals_release(a->host);
	show_init(&a->show, a->command, a->json, false, false);
	host_set_tick(a->host, 50 * USEC_PER_MS);
	a->started_at = host_now(a->host);
	a->deadline = a->started_at + a->timeout;
	begin(a);
	host_run(a->host);
	host_free(a->host);
	show_deinit(&a->show);
	if (a->code == CLI_OK)
		return cli_finish_output(a->command);
	return a->code;
}
