/* tests/unit/network_test.c: the options that decide how a host reaches the
 * network. */
#include "tools/cli/network.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>

static struct network_options n;
static struct host_config config;

static bool check(const char *port, const char *encryption)
{
	network_init(&n);
	n.port_text = port;
	n.encryption_text = encryption;
	config = (struct host_config){ 0 };
	if (!network_check(&n, "test"))
		return false;
	network_fill(&n, &config);
	return true;
}

Test(network, defaults)
{
	cr_assert(check(NULL, NULL));
	cr_expect_eq(config.port, 6881);
	cr_expect_not(config.port_strict);
	cr_expect(config.dht && config.default_routers);
	cr_expect_eq(config.bootstrap_count, 0);
	cr_expect_eq(config.engine.encryption, ENCRYPTION_ALLOWED);
}

/* A port that was asked for is that port or an error; 0 is any. */
Test(network, port)
{
	cr_assert(check("7000", NULL));
	cr_expect_eq(config.port, 7000);
	cr_expect(config.port_strict);
	cr_assert(check("0", NULL));
	cr_expect_eq(config.port, 0);
	cr_expect_not(config.port_strict);
	cr_redirect_stderr();
	cr_expect_not(check("65536", NULL));
	cr_expect_not(check("-1", NULL));
}

Test(network, encryption)
{
	cr_expect(check(NULL, "off") && config.engine.encryption == ENCRYPTION_OFF);
	cr_expect(check(NULL, "allow") && config.engine.encryption == ENCRYPTION_ALLOWED);
	cr_expect(check(NULL, "prefer") && config.engine.encryption == ENCRYPTION_PREFERRED);
	cr_expect(check(NULL, "require") && config.engine.encryption == ENCRYPTION_REQUIRED);
	cr_expect(check(NULL, "allowed") && config.engine.encryption == ENCRYPTION_ALLOWED);
	cr_expect(check(NULL, "preferred") && config.engine.encryption == ENCRYPTION_PREFERRED);
	cr_expect(check(NULL, "required") && config.engine.encryption == ENCRYPTION_REQUIRED);
	cr_expect_not(check(NULL, ""));
	cr_redirect_stderr();
	cr_expect_not(check(NULL, "please"));
	fflush(stderr);
	cr_expect_stderr_eq_str(
		"shoal test: option --encryption: 'please' is not off, allowed, preferred or required\n");
}
