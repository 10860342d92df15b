/* tools/cli/network.h: the options by which every program that runs a host
 * reaches the network. */
#ifndef TOOLS_CLI_NETWORK_H
#define TOOLS_CLI_NETWORK_H

#include "tools/cli/options.h"
#include "tools/io/host.h"

enum { NETWORK_PORT_DEFAULT = 6881 };

struct network_options {
	uint16_t port;
	bool port_given;
	const char *port_text;
	const char *bind, *tls_ca;
	const char *encryption_text;
	enum encryption_policy encryption;
	struct text_list bootstrap;
	bool default_routers, dht;
	uint64_t up_rate_max, down_rate_max; /* bytes per second, 0: none */
	uint32_t conns_max;
};

/* Rows for an option table; n: struct network_options *. */
#define NETWORK_OPTIONS(n)                                                                  \
	{ "Network", 0, OPTION_HEADING, NULL, NULL, NULL },                                 \
	{ "port", 'p', OPTION_TEXT, &(n)->port_text, "N",                                   \
	  "TCP and UDP port; 0: any (default: 6881, or any when that is taken)" },          \
	{ "bind", 0, OPTION_TEXT, &(n)->bind, "ADDRESS|INTERFACE",                          \
	  "use this one only (default: all)" },                                             \
	{ "tls-ca", 0, OPTION_TEXT, &(n)->tls_ca, "FILE",                                   \
	  "certificates to trust for https trackers (default: the system's)" },             \
	{ "dht-bootstrap", 0, OPTION_HOSTS, &(n)->bootstrap, "HOST:PORT",                   \
	  "a DHT node to start from; may be repeated" },                                    \
	{ "no-default-routers", 0, OPTION_UNFLAG, &(n)->default_routers, NULL,              \
	  "do not ask the well-known DHT routers" },                                        \
	{ "no-dht", 0, OPTION_UNFLAG, &(n)->dht, NULL, "no DHT at all" },                   \
	{ "up", 0, OPTION_SIZE, &(n)->up_rate_max, "RATE",                                  \
	  "bytes per second sent at most, such as 500K (default: no limit)" },              \
	{ "down", 0, OPTION_SIZE, &(n)->down_rate_max, "RATE",                              \
	  "bytes per second received at most (default: no limit)" },                        \
	{ "max-peers", 0, OPTION_COUNT, &(n)->conns_max, "N",                               \
	  "connections at most (default: 500)" },                                           \
	{ "encryption", 0, OPTION_TEXT, &(n)->encryption_text, "POLICY",                    \
	  "off, allowed, preferred or required (default: allowed)" }

void network_init(struct network_options *n);
/* After options_parse. False: a line was printed, exit with CLI_USAGE. */
bool network_check(struct network_options *n, const char *command);
/* Fill the parts of a host_config that these options decide; the texts are
 * borrowed. */
void network_fill(const struct network_options *n, struct host_config *config);

#endif
