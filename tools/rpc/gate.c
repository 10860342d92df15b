/* tools/rpc/gate.c: see gate.h. */
#include "tools/rpc/gate.h"

#include "proto/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static void renew_session(struct gate *g, usec now)
{
	static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	for (int i = 0; i < GATE_SESSION_SIZE; i++)
		g->session[i] = letters[randombytes_uniform(sizeof letters - 1)];
	g->session[GATE_SESSION_SIZE] = '\0';
	g->session_at = now;
}

void gate_init(struct gate *g, usec now)
{
	*g = (struct gate){ .auth = false };
	randombytes_buf(g->key, sizeof g->key);
	renew_session(g, now);
}

void gate_make_secret(char out[GATE_SECRET_TEXT])
{
	uint8_t secret[GATE_SECRET_SIZE];

	randombytes_buf(secret, sizeof secret);
	sodium_bin2hex(out, GATE_SECRET_TEXT, secret, sizeof secret);
	sodium_memzero(secret, sizeof secret);
}

/* ---- passwords ---- */

static void digest_of(const struct gate *g, const char *password, uint8_t out[])
{
	crypto_generichash(out, crypto_generichash_BYTES, (const unsigned char *)password,
	                   strlen(password), g->key, sizeof g->key);
}

bool gate_set_password(struct gate *g, const char *user, const char *password)
{
	size_t size = strlen(password);

	if (size == 0 || size > GATE_PASSWORD_MAX || strlen(user) > GATE_USER_MAX ||
	    strchr(user, ':') != NULL)
		return false;
	snprintf(g->user, sizeof g->user, "%s", user);
	g->auth = true;
	if (strncmp(password, "$argon2id$", 10) == 0) {
		if (size >= sizeof g->hash)
			return false;
		memcpy(g->hash, password, size + 1);
		return true;
	}
	digest_of(g, password, g->digest);
	g->has_digest = true;
	return true;
}

/* Constant time. The slow hash is computed only until the right password has
 * been seen once, and by addresses that are not held back. */
static bool password_is_right(struct gate *g, const char *password)
{
	uint8_t digest[crypto_generichash_BYTES];

	digest_of(g, password, digest);
	if (g->has_digest)
		return sodium_memcmp(digest, g->digest, sizeof digest) == 0;
	if (g->hash[0] == '\0' || crypto_pwhash_str_verify(g->hash, password, strlen(password)) != 0)
		return false;
	memcpy(g->digest, digest, sizeof digest);
	g->has_digest = true;
	return true;
}

static bool user_is_right(const struct gate *g, const char *user)
{
	uint8_t given[crypto_generichash_BYTES], ours[crypto_generichash_BYTES];

	digest_of(g, user, given);
	digest_of(g, g->user, ours);
	return sodium_memcmp(given, ours, sizeof given) == 0;
}

static bool authorization_is_right(struct gate *g, const char *header)
{
	char text[GATE_USER_MAX + GATE_PASSWORD_MAX + 2], *colon;
	size_t size;
	bool user, password = false;

	if (header == NULL || strncasecmp(header, "Basic ", 6) != 0)
		return false;
	header += 6 + strspn(header + 6, " ");
	if (sodium_base642bin((unsigned char *)text, sizeof text - 1, header, strlen(header), " ",
	                      &size, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
		return false;
	text[size] = '\0';
	colon = strchr(text, ':');
	if (colon != NULL && strlen(text) == size) {
		*colon = '\0';
		user = user_is_right(g, text);
		password = password_is_right(g, colon + 1) && user;
	}
	sodium_memzero(text, sizeof text);
	return password;
}

/* ---- back-off ---- */

/* What one holder of addresses has: an IPv6 network is one. */
static void address_key(const char *address, char key[GATE_ADDRESS_SIZE])
{
	struct endpoint e;

	if (endpoint_parse(address, 1, &e) && e.family == ENDPOINT_V6) {
		memset(e.address + 8, 0, 8);
		snprintf(key, GATE_ADDRESS_SIZE, "%016llx/64", (unsigned long long)endpoint_subnet(&e));
		return;
	}
	snprintf(key, GATE_ADDRESS_SIZE, "%.60s", address);
}

/* NULL: it has done nothing wrong lately. */
static struct gate_address *find_address(struct gate *g, const char *key)
{
	for (int i = 0; i < GATE_ADDRESSES_MAX; i++)
		if (strcmp(g->addresses[i].address, key) == 0)
			return &g->addresses[i];
	return NULL;
}

static bool is_held_back(struct gate *g, const char *key, usec now)
{
	const struct gate_address *a = find_address(g, key);

	return a != NULL && now < a->open_at;
}

/* A full table loses whoever was quiet longest: many addresses cannot hold
 * back the owner's, only themselves. */
static void note_failure(struct gate *g, const char *key, usec now)
{
	struct gate_address *a = find_address(g, key);
	uint32_t beyond;

	if (a == NULL) {
		a = &g->addresses[0];
		for (int i = 0; i < GATE_ADDRESSES_MAX; i++)
			if (g->addresses[i].seen_at < a->seen_at)
				a = &g->addresses[i];
		*a = (struct gate_address){ .failures = 0 };
		snprintf(a->address, sizeof a->address, "%s", key);
	}
	a->seen_at = now;
	a->failures++;
	if (a->failures < GATE_FREE_TRIES)
		return;
	beyond = a->failures - GATE_FREE_TRIES;
	a->open_at = now + usec_min(GATE_BACK_OFF_MAX, GATE_BACK_OFF_MIN << (beyond > 6 ? 6 : beyond));
}

static void note_success(struct gate *g, const char *key)
{
	struct gate_address *a = find_address(g, key);

	if (a != NULL)
		*a = (struct gate_address){ .failures = 0 };
}

/* ---- names ---- */

/* The name in "name", "name:port" or "[v6]:port". False: no such thing. */
static bool split_host(const char *host, char name[GATE_NAME_MAX + 1])
{
	const char *end;
	size_t size;

	if (host[0] == '[') {
		end = strchr(host, ']');
		host++;
	} else {
		end = host + strcspn(host, ":");
	}
	if (end == NULL || end <= host)
		return false;
	size = (size_t)(end - host);
	if (size > GATE_NAME_MAX)
		return false;
	memcpy(name, host, size);
	name[size] = '\0';
	end += *end == ']';
	if (*end == '\0')
		return true;
	return end[0] == ':' && strlen(end) <= 6 && end[1] != '\0' &&
	       strspn(end + 1, "0123456789") == strlen(end + 1);
}

bool gate_host_is_ours(const struct gate *g, const char *host)
{
	char name[GATE_NAME_MAX + 1];
	struct endpoint e;

	if (host == NULL || !split_host(host, name))
		return false;
	if (endpoint_parse(name, 1, &e))
		return true;
	if (strcasecmp(name, "localhost") == 0 || strcasecmp(name, "localhost.") == 0)
		return true;
	for (uint32_t i = 0; i < g->name_count; i++)
		if (strcasecmp(name, g->names[i]) == 0)
			return true;
	return false;
}

/* Browsers name the site whose page asks; other programs do not. */
static bool is_same_site(const struct gate_request *q)
{
	const char *authority;

	if (q->fetch_site != NULL && strcasecmp(q->fetch_site, "same-origin") != 0 &&
	    strcasecmp(q->fetch_site, "none") != 0)
		return false;
	if (q->origin == NULL)
		return true;
	authority = strstr(q->origin, "://");
	return authority != NULL &&
	       (strncasecmp(q->origin, "http:", 5) == 0 || strncasecmp(q->origin, "https:", 6) == 0) &&
	       strcasecmp(authority + 3, q->host) == 0;
}

/* ---- the order ---- */

static bool session_is_right(struct gate *g, const char *given, usec now)
{
	if (usec_since(g->session_at, now) >= GATE_SESSION_PERIOD)
		renew_session(g, now);
	return given != NULL && strlen(given) == GATE_SESSION_SIZE &&
	       sodium_memcmp(given, g->session, GATE_SESSION_SIZE) == 0;
}

static int check_password(struct gate *g, const struct gate_request *q, const char *key, usec now)
{
	if (!g->auth || q->local)
		return 200;
	if (authorization_is_right(g, q->authorization)) {
		note_success(g, key);
		return 200;
	}
	/* A first request without a password is how browsers and many programs begin. */
	if (q->authorization != NULL)
		note_failure(g, key, now);
	return 401;
}

int gate_check(struct gate *g, const struct gate_request *q, usec now)
{
	char key[GATE_ADDRESS_SIZE];

	address_key(q->address, key);
	if (!q->local && is_held_back(g, key, now))
		return 403;
	if (strcmp(q->method, "OPTIONS") == 0)
		return 200;
	if (check_password(g, q, key, now) != 200)
		return 401;
	if (strncmp(q->path, "/transmission/", 14) != 0)
		return 301;
	if (!gate_host_is_ours(g, q->host))
		return 421;
	if (!is_same_site(q))
		return 403;
	if (strcmp(q->path, "/transmission/rpc") != 0 && strcmp(q->path, "/transmission/rpc/") != 0)
		return 404;
	if (!session_is_right(g, q->session, now))
		return 409;
	if (strcmp(q->method, "POST") != 0)
		return 405;
	return 200;
}
