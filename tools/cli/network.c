/* tools/cli/network.c: see network.h. A port that the user named is kept or
 * refused; the default one gives way when another program has it. */
#include "tools/cli/network.h"

#include "tools/cli/cli.h"

void network_init(struct network_options *n)
{
	*n = (struct network_options){
		.port = NETWORK_PORT_DEFAULT, .encryption = ENCRYPTION_ALLOWED,
		.default_routers = true, .dht = true
	};
}

/* The word, or its stem: "required" or "require". */
static bool parse_encryption(const char *text, enum encryption_policy *out)
{
	static const char *const names[] = {
		[ENCRYPTION_OFF] = "off",
		[ENCRYPTION_ALLOWED] = "allowed",
		[ENCRYPTION_PREFERRED] = "preferred",
		[ENCRYPTION_REQUIRED] = "required",
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const size_t size = strlen(text);
		if (size >= 3 && size + 3 >= strlen(names[i]) && strncmp(names[i], text, size) == 0) {
			*out = (enum encryption_policy)i;
			return true;
		}
	}
	return false;
}

bool network_check(struct network_options *n, const char *command)
{
	if (n->port_text != NULL) {
		if (!parse_port(n->port_text, &n->port)) {
			cli_fail(CLI_USAGE, command, "option --port: '%s' is not a port, 0 to 65535",
			         n->port_text);
			return false;
		}
		n->port_given = n->port != 0;
	}
	if (n->encryption_text != NULL && !parse_encryption(n->encryption_text, &n->encryption)) {
		cli_fail(CLI_USAGE, command,
		         "option --encryption: '%s' is not off, allowed, preferred or required",
		         n->encryption_text);
		return false;
	}
	return true;
}

void network_fill(const struct network_options *n, struct host_config *config)
{
	config->dht = n->dht;
	config->port = n->port;
	config->port_strict = n->port_given;
	config->bind = n->bind;
	config->bootstrap = n->bootstrap.texts;
	config->bootstrap_count = n->bootstrap.count;
	config->default_routers = n->default_routers;
	config->engine.up_rate_max = n->up_rate_max;
	config->engine.down_rate_max = n->down_rate_max;
	config->engine.conns_max = n->conns_max;
	config->engine.encryption = n->encryption;
	config->tls_ca = n->tls_ca;
}
