/* tests/unit/rpc_gate_test.c: who may speak to the RPC: each check, their
 * order, and that no combination of bad headers comes through. */
#include "tools/rpc/gate.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct gate gate;
static struct gate_request good;
static const char *const names[] = { "nas.local" };

static void setup(void)
{
	cr_assert_geq(sodium_init(), 0);
	gate_init(&gate, 0);
	gate.names = names;
	gate.name_count = 1;
	cr_assert(gate_set_password(&gate, "me", "secret"));
	good = (struct gate_request){ .method = "POST", .path = "/transmission/rpc",
		                      .address = "192.0.2.1", .host = "localhost:9091",
		                      .authorization = "Basic bWU6c2VjcmV0", /* me:secret */
		                      .session = gate.session };
}

TestSuite(rpc_gate, .init = setup);

Test(rpc_gate, all_is_well)
{
	cr_assert_eq(gate_check(&gate, &good, 1), 200);
	cr_assert_eq(strlen(gate.session), GATE_SESSION_SIZE);
}

/* From the last check to the first: each hides those behind it. */
Test(rpc_gate, the_order_is_fixed)
{
	good.method = "GET";
	cr_assert_eq(gate_check(&gate, &good, 1), 405);
	good.session = "wrong";
	cr_assert_eq(gate_check(&gate, &good, 1), 409);
	good.session = NULL;
	cr_assert_eq(gate_check(&gate, &good, 1), 409);
	good.path = "/transmission/nothing";
	cr_assert_eq(gate_check(&gate, &good, 1), 404);
	good.origin = "http://evil.example";
	cr_assert_eq(gate_check(&gate, &good, 1), 403);
	good.host = "evil.example";
	cr_assert_eq(gate_check(&gate, &good, 1), 421);
	good.path = "/";
	cr_assert_eq(gate_check(&gate, &good, 1), 301);
	good.authorization = NULL;
	cr_assert_eq(gate_check(&gate, &good, 1), 401);
	good.method = "OPTIONS";
	cr_assert_eq(gate_check(&gate, &good, 1), 200);
}

Test(rpc_gate, no_bad_header_comes_through)
{
	static const char *const methods[] = { "POST", "GET", "another" };
	static const char *const hosts[] = { "localhost:9091", "evil.example", "localhost.evil.example",
		                             NULL };
	static const char *const origins[] = { NULL, "http://localhost:9091", "http://evil.example",
		                               "null", "http://localhost:9092" };
	static const char *const sites[] = { NULL, "same-origin", "cross-site", "same-site" };
	const char *const sessions[] = { gate.session, NULL, "x" };
	int tried = 0, passed = 0;

	for (int m = 0; m < 3; m++)
		for (int h = 0; h < 4; h++)
			for (int o = 0; o < 5; o++)
				for (int f = 0; f < 4; f++)
					for (int s = 0; s < 3; s++) {
						bool fine = m == 0 && h == 0 && o < 2 && f < 2 && s == 0;

						good.method = methods[m];
						good.host = hosts[h];
						good.origin = origins[o];
						good.fetch_site = sites[f];
						good.session = sessions[s];
						tried++;
						passed += fine;
						cr_assert_eq(gate_check(&gate, &good, 1) == 200, fine,
						             "%d %d %d %d %d", m, h, o, f, s);
					}
	cr_assert_eq(tried, 720);
	cr_assert_eq(passed, 4);
}

Test(rpc_gate, hosts)
{
	static const char *const ours[] = { "localhost", "LOCALHOST:1", "127.0.0.1", "10.0.0.7:9091",
		                            "[::1]:9091", "[::1]", "nas.local", "NAS.local:80" };
	static const char *const others[] = { "", ":80", "nas.local.evil", "xnas.local", "localhost:x",
		                              "localhost:123456", "[::1", "[evil]", "1.2.3.4.evil",
		                              "localhost@evil", "nas.local:" };

	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		cr_expect(gate_host_is_ours(&gate, ours[i]), "%s", ours[i]);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		cr_expect_not(gate_host_is_ours(&gate, others[i]), "%s", others[i]);
}

Test(rpc_gate, passwords)
{
	static const char *const wrong[] = { "Basic bWU6d3Jvbmc=", "Basic eW91OnNlY3JldA==", "Basic",
		                             "Basic !", "Bearer bWU6c2VjcmV0", "Basic bWU=", "" };

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		char address[32];

		snprintf(address, sizeof address, "192.0.2.%zu", i + 10);
		good.address = address;
		good.authorization = wrong[i];
		cr_expect_eq(gate_check(&gate, &good, 1), 401, "%s", wrong[i]);
	}
	good.address = "192.0.2.1";
	good.authorization = NULL;
	good.local = true; /* a unix socket's permissions are enough */
	cr_assert_eq(gate_check(&gate, &good, 1), 200);
	cr_assert_not(gate_set_password(&gate, "me", ""));
	cr_assert_not(gate_set_password(&gate, "m:e", "secret"));
}

Test(rpc_gate, argon2id)
{
	char hash[crypto_pwhash_STRBYTES];

	cr_assert_eq(crypto_pwhash_str(hash, "secret", 6, crypto_pwhash_OPSLIMIT_MIN,
	                               crypto_pwhash_MEMLIMIT_MIN), 0);
	gate_init(&gate, 0);
	cr_assert(gate_set_password(&gate, "me", hash));
	good.session = gate.session;
	good.authorization = "Basic bWU6d3Jvbmc=";
	cr_assert_eq(gate_check(&gate, &good, 1), 401);
	good.authorization = "Basic bWU6c2VjcmV0";
	cr_assert_eq(gate_check(&gate, &good, 1), 200);
	cr_assert(gate.has_digest, "the slow hash is computed once");
	cr_assert_eq(gate_check(&gate, &good, 1), 200);
}

Test(rpc_gate, guessing_is_slowed_down_for_that_address_only)
{
	struct gate_request bad = good;
	usec now = 1;

	bad.authorization = "Basic bWU6d3Jvbmc=";
	for (int i = 0; i < GATE_FREE_TRIES; i++)
		cr_assert_eq(gate_check(&gate, &bad, now), 401);
	cr_assert_eq(gate_check(&gate, &bad, now), 403);
	cr_assert_eq(gate_check(&gate, &good, now), 403, "the right password neither, from there");
	good.address = "192.0.2.2";
	cr_assert_eq(gate_check(&gate, &good, now), 200);
	now += GATE_BACK_OFF_MIN;
	cr_assert_eq(gate_check(&gate, &bad, now), 401);
	now += GATE_BACK_OFF_MIN;
	cr_assert_eq(gate_check(&gate, &bad, now), 403, "twice as long now");
	now += GATE_BACK_OFF_MAX;
	good.address = bad.address;
	cr_assert_eq(gate_check(&gate, &good, now), 200);
	cr_assert_eq(gate_check(&gate, &bad, now), 401, "forgotten");
}

Test(rpc_gate, a_table_full_of_addresses)
{
	char address[32];

	good.authorization = "Basic bWU6d3Jvbmc=";
	for (unsigned i = 0; i < 4 * GATE_ADDRESSES_MAX; i++) {
		snprintf(address, sizeof address, "198.51.%u.%u", i / 256, i % 256);
		good.address = address;
		cr_assert_eq(gate_check(&gate, &good, i + 1), 401);
	}
	good.address = "192.0.2.1";
	good.authorization = "Basic bWU6c2VjcmV0";
	cr_assert_eq(gate_check(&gate, &good, 5000), 200);
}

Test(rpc_gate, session_ids_change_hourly)
{
	char old[GATE_SESSION_SIZE + 1];

	memcpy(old, gate.session, sizeof old);
	good.session = old;
	cr_assert_eq(gate_check(&gate, &good, GATE_SESSION_PERIOD - 1), 200);
	cr_assert_eq(gate_check(&gate, &good, GATE_SESSION_PERIOD), 409);
	cr_assert_str_neq(gate.session, old);
	good.session = gate.session;
	cr_assert_eq(gate_check(&gate, &good, GATE_SESSION_PERIOD), 200);
}

Test(rpc_gate, secrets)
{
	char a[GATE_SECRET_TEXT], b[GATE_SECRET_TEXT];

	gate_make_secret(a);
	gate_make_secret(b);
	cr_assert_eq(strlen(a), 64);
	cr_assert_str_neq(a, b);
}
