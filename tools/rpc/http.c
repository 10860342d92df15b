/* tools/rpc/http.c: the RPC's HTTP server: libevent's evhttp on the network
 * thread. It turns requests into gate.h's questions and answers what the gate
 * refuses; what passes goes to dispatch.c. */
#include "tools/rpc/internal.h"

#include "proto/memory.h"
#include "tools/daemon/log.h"
#include "tools/io/files.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char *method_name(enum evhttp_cmd_type command)
{
	switch (command) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_OPTIONS:
		return "OPTIONS";
	case EVHTTP_REQ_HEAD:
	case EVHTTP_REQ_PUT:
	case EVHTTP_REQ_DELETE:
	case EVHTTP_REQ_TRACE:
	case EVHTTP_REQ_CONNECT:
	case EVHTTP_REQ_PATCH:
		return "another";
	}
	return "another";
}

static void free_text(const void *data, size_t size, void *context)
{
	(void)data;
	(void)size;
	free(context);
}

static void add_headers(struct evhttp_request *request, const char *type)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	evhttp_add_header(headers, "X-Frame-Options", "DENY");
	evhttp_add_header(headers, "Content-Security-Policy", "default-src 'none'");
	evhttp_add_header(headers, "Server", "shoal");
}

void rpc_http_answer(struct evhttp_request *request, struct json_out *out)
{
	struct evbuffer *body = evbuffer_new();

	if (body == NULL)
		abort();
	evbuffer_add_reference(body, out->data, out->size, free_text, out->data);
	*out = (struct json_out){ 0 };
	/* The other end may have gone while it waited for the disk. */
	if (evhttp_request_get_connection(request) != NULL)
		add_headers(request, "application/json; charset=UTF-8");
	evhttp_send_reply(request, 200, "OK", body);
	evbuffer_free(body);
}

static const char *reason_of(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 301:
		return "Moved Permanently";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 409:
		return "Conflict";
	case 421:
		return "Misdirected Request";
	default:
		return "Error";
	}
}

static void refuse(struct rpc *r, struct evhttp_request *request, int status)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *body = evbuffer_new();

	add_headers(request, "text/html; charset=UTF-8");
	if (status == 301)
		evhttp_add_header(headers, "Location", "/transmission/web/");
	else if (status == 401)
		evhttp_add_header(headers, "WWW-Authenticate", "Basic realm=\"shoal\"");
	else if (status == 405)
		evhttp_add_header(headers, "Allow", "POST, OPTIONS");
	else if (status == 200)
		evhttp_add_header(headers, "Allow", "GET, POST, OPTIONS");
	if (body != NULL && status != 200)
		evbuffer_add_printf(body, "<h1>%d: %s</h1>", status, reason_of(status));
	if (status == 409) {
		evhttp_add_header(headers, "X-Transmission-Session-Id", r->gate.session);
		if (body != NULL)
			evbuffer_add_printf(body,
			                    "<p>Send this header with every request:</p>"
			                    "<p><code>X-Transmission-Session-Id: %s</code></p>",
			                    r->gate.session);
	}
	evhttp_send_reply(request, status, reason_of(status), body);
	if (body != NULL)
		evbuffer_free(body);
}

static void on_request(struct rpc *r, struct evhttp_request *request, bool local)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	struct evbuffer *body = evhttp_request_get_input_buffer(request);
	const char *path = uri == NULL ? NULL : evhttp_uri_get_path(uri);
	char *address = NULL;
	uint16_t port;
	struct gate_request q = {
		.method = method_name(evhttp_request_get_command(request)),
		.path = path == NULL ? "" : path,
		.local = local,
		.host = evhttp_find_header(headers, "Host"),
		.origin = evhttp_find_header(headers, "Origin"),
		.fetch_site = evhttp_find_header(headers, "Sec-Fetch-Site"),
		.authorization = evhttp_find_header(headers, "Authorization"),
		.session = evhttp_find_header(headers, "X-Transmission-Session-Id"),
	};
	int status;

	evhttp_connection_get_peer(evhttp_request_get_connection(request), &address, &port);
	q.address = address == NULL ? "" : address;
	status = gate_check(&r->gate, &q, host_now(r->host));
	if (status == 401 && q.authorization != NULL)
		log_line(LOG_LEVEL_WARNING, "RPC: wrong password from %s", local ? "unix" : q.address);
	if (status != 200 || strcmp(q.method, "POST") != 0) {
		refuse(r, request, status);
		return;
	}
	rpc_dispatch(r, request, bytes_of(evbuffer_pullup(body, -1), evbuffer_get_length(body)));
}

static void on_tcp(struct evhttp_request *request, void *context)
{
	on_request(context, request, false);
}

static void on_local(struct evhttp_request *request, void *context)
{
	on_request(context, request, true);
}

/* ---- listening ---- */

static struct evhttp *new_server(struct rpc *r, void (*callback)(struct evhttp_request *, void *))
{
	struct evhttp *server = evhttp_new(host_base(r->host));

	if (server == NULL)
		abort();
	evhttp_set_max_body_size(server, RPC_BODY_MAX);
	evhttp_set_max_headers_size(server, RPC_HEADERS_MAX);
	evhttp_set_timeout(server, RPC_IDLE_SECONDS);
	evhttp_set_allowed_methods(server, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
	                           EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
	                           EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(server, callback, r);
	return server;
}

static bool is_loopback(const char *listen)
{
	struct endpoint e;

	return strncmp(listen, "unix:", 5) == 0 || strncmp(listen, "localhost:", 10) == 0 ||
	       (endpoint_parse(listen, 0, &e) && endpoint_class(&e) == ENDPOINT_LOOPBACK);
}

static bool listen_tcp(struct rpc *r, const char *listen, char reason[RPC_REASON_MAX])
{
	char address[ENDPOINT_TEXT_MAX], text[GATE_NAME_MAX];
	struct endpoint e;

	snprintf(text, sizeof text, "%s%s",
	         strncmp(listen, "localhost:", 10) == 0 ? "127.0.0.1:" : "",
	         strncmp(listen, "localhost:", 10) == 0 ? listen + 10 : listen);
	if (!endpoint_parse(text, 0, &e)) {
		snprintf(reason, RPC_REASON_MAX, "%.200s: not ADDRESS:PORT or unix:PATH", listen);
		return false;
	}
	if (!is_loopback(listen)) {
		if (!r->gate.auth) {
			snprintf(reason, RPC_REASON_MAX,
			         "%.200s: not without a password on an address that others reach", listen);
			return false;
		}
		log_line(LOG_LEVEL_WARNING, "RPC on %s: passwords cross the network in the clear; "
		         "a TLS proxy in front is safer", listen);
	}
	if (r->tcp == NULL)
		r->tcp = new_server(r, on_tcp);
	if (evhttp_bind_socket(r->tcp, endpoint_format_address(&e, address), e.port) == 0)
		return true;
	snprintf(reason, RPC_REASON_MAX, "%.200s: %s", listen, strerror(errno));
	return false;
}

/* A socket that nobody listens on is left from a crash. */
static bool is_dead_socket(const struct sockaddr_un *a)
{
	struct stat st;
	int fd;
	bool dead;

	if (lstat(a->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	dead = connect(fd, (const struct sockaddr *)a, sizeof *a) != 0 && errno == ECONNREFUSED;
	close(fd);
	return dead;
}

static bool listen_local(struct rpc *r, const char *path, char reason[RPC_REASON_MAX])
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, failed;

	if (strlen(path) >= sizeof a.sun_path) {
		snprintf(reason, RPC_REASON_MAX, "%.200s: longer than a socket's path may be", path);
		return false;
	}
	memcpy(a.sun_path, path, strlen(path) + 1);
	if (is_dead_socket(&a))
		unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0117);
	failed = fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 64) != 0;
	umask(mask);
	if (r->local == NULL)
		r->local = new_server(r, on_local);
	if (failed || evhttp_accept_socket(r->local, fd) != 0) {
		snprintf(reason, RPC_REASON_MAX, "%.200s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	r->socket_paths[r->socket_count++] = memory_copy_text(path);
	return true;
}

bool rpc_http_start(struct rpc *r, char reason[RPC_REASON_MAX])
{
	for (uint32_t i = 0; i < r->config.listen_count; i++) {
		const char *listen = r->config.listen[i];

		if (strncmp(listen, "unix:", 5) == 0 ? !listen_local(r, listen + 5, reason)
		                                     : !listen_tcp(r, listen, reason))
			return false;
		log_line(LOG_LEVEL_INFO, "RPC on %s", listen);
	}
	return true;
}

void rpc_http_stop(struct rpc *r)
{
	if (r->tcp != NULL)
		evhttp_free(r->tcp);
	if (r->local != NULL)
		evhttp_free(r->local);
	r->tcp = r->local = NULL;
	while (r->socket_count > 0) {
		unlink(r->socket_paths[--r->socket_count]);
		free(r->socket_paths[r->socket_count]);
	}
}
