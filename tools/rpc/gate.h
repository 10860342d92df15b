/* tools/rpc/gate.h: who may speak to the RPC: every check before a request is
 * looked into, in one fixed order.
 *
 *	address tried too many passwords -> 403    path outside /transmission/ -> 301
 *	OPTIONS                          -> 200    Host not ours               -> 421
 *	user or password wrong           -> 401    another site's page asks    -> 403
 *	                                           unknown path                -> 404
 *	session id missing or wrong      -> 409    not POST                    -> 405
 *
 * A web page that the owner's browser shows can send requests here, by a name
 * that its author points at our address too. Three things stand against it,
 * always all of them: the exact list of Host names, Origin and Sec-Fetch-Site,
 * and the session id, which no other site can read. */
#ifndef TOOLS_RPC_GATE_H
#define TOOLS_RPC_GATE_H

#include "proto/bytes.h"

#include <sodium.h>

enum {
	GATE_SESSION_SIZE = 48,      /* letters and digits */
	GATE_NAMES_MAX = 16,
	GATE_NAME_MAX = 255,
	GATE_ADDRESSES_MAX = 256,    /* addresses that gave a wrong password */
	GATE_ADDRESS_SIZE = 64,
	GATE_FREE_TRIES = 5,
	GATE_PASSWORD_MAX = 512,
	GATE_USER_MAX = 128,
	GATE_SECRET_SIZE = 32,       /* bytes: 256 bits */
	GATE_SECRET_TEXT = 2 * GATE_SECRET_SIZE + 1,
};

#define GATE_SESSION_PERIOD (60 * USEC_PER_MIN)
#define GATE_BACK_OFF_MIN USEC_PER_SEC
#define GATE_BACK_OFF_MAX USEC_PER_MIN

struct gate_address {
	char address[GATE_ADDRESS_SIZE]; /* "": free */
	uint32_t failures;
	usec seen_at, open_at;
};

struct gate {
	bool auth;
	char user[GATE_USER_MAX + 1];
	uint8_t key[crypto_generichash_KEYBYTES]; /* random: digests mean nothing elsewhere */
	uint8_t digest[crypto_generichash_BYTES]; /* of the right password, once known */
	bool has_digest;
	char hash[crypto_pwhash_STRBYTES];        /* Argon2id, or "" */
	const char *const *names;                 /* borrowed */
	uint32_t name_count;
	char session[GATE_SESSION_SIZE + 1];
	usec session_at;
	struct gate_address addresses[GATE_ADDRESSES_MAX];
};

struct gate_request {
	const char *method;    /* "POST" */
	const char *path;      /* without the query */
	const char *address;   /* whom we talk to */
	bool local;            /* a unix socket: its permissions are the password */
	const char *host, *origin, *fetch_site, *authorization, *session; /* headers; NULL: none */
};

/* sodium_init() has been called. */
void gate_init(struct gate *g, usec now);
/* A password as text, or its Argon2id hash ("$argon2id$..."). False: too long
 * or empty. */
bool gate_set_password(struct gate *g, const char *user, const char *password);
/* The status to answer with; 200: look into the request (OPTIONS: nothing to
 * look into). May give out a new session id. */
int gate_check(struct gate *g, const struct gate_request *q, usec now);
/* A Host header: an address, localhost, or one of the names; with or without port. */
bool gate_host_is_ours(const struct gate *g, const char *host);
/* 256 random bits as hex. */
void gate_make_secret(char out[GATE_SECRET_TEXT]);

#endif
