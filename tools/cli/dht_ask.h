/* tools/cli/dht_ask.h: one question to the DHT from the shell: a short-lived
 * read-only node (BEP 43) that bootstraps, asks, prints and leaves. */
#ifndef TOOLS_CLI_DHT_ASK_H
#define TOOLS_CLI_DHT_ASK_H

#include "tools/cli/network.h"
#include "tools/cli/show.h"

#define ASK_TIMEOUT (30 * USEC_PER_SEC)
#define ASK_AGAIN (250 * USEC_PER_MS) /* until a search when nobody answered */

struct ask {
	const char *command; /* "dht peers" */
	struct network_options network;
	const char *state;
	usec timeout;
	bool json, quiet;
	/* Starts the search; 0: it cannot be started now. */
	dht_search (*start)(struct ask *a, struct dht_node *node, usec now);
	/* The search is over: true when the question is answered, with a->code set;
	 * false: ask again, at once with again_at set to 0. NULL: over as soon as anybody replied. */
	bool (*finish)(struct ask *a, const struct dht_output *done);
	/* Each result but DONE; NULL: only counted. */
	void (*result)(struct ask *a, const struct dht_output *result);

	/* what the questions need */
	uint8_t target[DHT_ID_SIZE];
	struct endpoint to;
	uint16_t port;       /* to announce */
	struct dht_item item;
	struct dht_item best; /* newest seen */
	bool by_key, has_cas, has_best, has_seq, putting;
	uint8_t secret[64];
	int64_t cas;

	/* while it runs */
	struct show show;
	struct host *host;   /* owned */
	dht_search search;
	usec started_at, deadline, again_at;
	uint64_t results;
	int code;
	bool finished;
};

/* Rows that every question has. */
#define ASK_OPTIONS(a)                                                                      \
	{ "bootstrap", 'b', OPTION_HOSTS, &(a)->network.bootstrap, "HOST:PORT",             \
	  "a node to start from; may be repeated" },                                        \
	{ "state", 0, OPTION_TEXT, &(a)->state, "DIR",                                      \
	  "start from the contacts saved there" },                                          \
	{ "no-default-routers", 0, OPTION_UNFLAG, &(a)->network.default_routers, NULL,      \
	  "do not ask the well-known DHT routers" },                                        \
	{ "port", 'p', OPTION_TEXT, &(a)->network.port_text, "N", "UDP port (default: any)" }, \
	{ "bind", 0, OPTION_TEXT, &(a)->network.bind, "ADDRESS|INTERFACE",                  \
	  "use this one only (default: all)" },                                             \
	{ "timeout", 't', OPTION_DURATION, &(a)->timeout, "SECONDS",                        \
	  "give up after this time (default: 30)" },                                        \
	{ "json", 0, OPTION_FLAG, &(a)->json, NULL, "one JSON object a line" },             \
	{ 0 }

void ask_init(struct ask *a, const char *command);
/* Bootstraps, asks until finished or the time is up; returns the exit code. */
int ask_run(struct ask *a);
/* The answer is complete. */
void ask_finish(struct ask *a, int code);
/* HOST:PORT, the name looked up (blocking: before the run). False: printed. */
bool ask_resolve(struct ask *a, const char *text);
/* 40 hex digits, or 32 of base32 for an info-hash. False: printed. */
bool ask_target(struct ask *a, const char *text);
/* "hello" of a bencoded string, else the bencoded bytes themselves. */
struct bytes ask_plain_value(const struct dht_item *item);

#endif
