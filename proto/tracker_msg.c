/* proto/tracker_msg.c: the answers of HTTP trackers (BEP 3, 7, 23, 24, 31, 48).
 *
 * The token array is the one thing that grows with the answer: it is sized by
 * a count over the body, and both have a limit. Of the peers a fixed number is
 * kept, by reservoir sampling: a tracker that sends ten thousand does not
 * choose which ones we talk to by their order. */
#include "proto/tracker_msg.h"

#include <stdlib.h>

#include "proto/bencode.h"
#include "proto/memory.h"
#include "proto/utf8.h"

void tracker_response_init(struct tracker_response *r)
{
	*r = (struct tracker_response){.complete = TRACKER_UNKNOWN,
				       .incomplete = TRACKER_UNKNOWN,
				       .downloaded = TRACKER_UNKNOWN};
}

void tracker_response_add(struct tracker_response *r, const struct endpoint *e,
			  struct rng *rng)
{
	uint32_t at;

	if (!endpoint_is_usable(e) || r->peer_total == UINT32_MAX)
		return;
	r->peer_total++;
	if (r->peer_count < TRACKER_PEERS_MAX) {
		r->peers[r->peer_count++] = *e;
		return;
	}
	at = rng_below(rng, r->peer_total);
	if (at < TRACKER_PEERS_MAX)
		r->peers[at] = *e;
}

/* out holds max bytes. */
static void copy_text(char *out, size_t max, struct bytes text)
{
	text.size = text.size < max - 1 ? text.size : max - 1;
	utf8_clean(text, false, out);
}

static void find_text(const struct bencode *b, const char *key, char *out, size_t max)
{
	struct bytes text;

	if (bencode_find_string(b, 0, key, &text))
		copy_text(out, max, text);
}

/* 0 when there is nothing sensible. */
static uint32_t seconds_of(int64_t v, int64_t unit)
{
	if (v <= 0)
		return 0;
	return v < TRACKER_SECONDS_MAX / unit ? (uint32_t)(v * unit) : TRACKER_SECONDS_MAX;
}

static uint32_t find_seconds(const struct bencode *b, const char *key)
{
	int64_t v;

	return bencode_find_int(b, 0, key, &v) ? seconds_of(v, 1) : 0;
}

static uint32_t find_count(const struct bencode *b, uint32_t dict, const char *key)
{
	int64_t v;

	if (!bencode_find_int(b, dict, key, &v) || v < 0 || v >= TRACKER_UNKNOWN)
		return TRACKER_UNKNOWN;
	return (uint32_t)v;
}

/* BEP 31: minutes as text (its examples) or as a number, or "never". */
static void read_retry(struct tracker_response *r, const struct bencode *b)
{
	struct bytes text;
	int64_t minutes = 0;
	size_t i;

	if (bencode_find_string(b, 0, "retry in", &text)) {
		r->retry_never = bytes_equal_text(text, "never");
		for (i = 0; i < text.size && i < 9; i++) {
			if (text.data[i] < '0' || text.data[i] > '9')
				return;
			minutes = minutes * 10 + (text.data[i] - '0');
		}
	} else if (!bencode_find_int(b, 0, "retry in", &minutes)) {
		return;
	}
	r->retry_sec = seconds_of(minutes, 60);
}

static void read_compact(struct tracker_response *r, struct bytes list, size_t size,
			 struct rng *rng)
{
	struct endpoint e;
	size_t at;

	for (at = 0; at + size <= list.size; at += size)
		if (endpoint_from_compact(bytes_of(list.data + at, size), &e))
			tracker_response_add(r, &e, rng);
}

/* BEP 3: a dictionary per peer. Names instead of addresses are left out: a
 * tracker does not make us look up what it likes. */
static void read_dictionaries(struct tracker_response *r, const struct bencode *b,
			      uint32_t list, struct rng *rng)
{
	char text[ENDPOINT_TEXT_MAX];
	struct endpoint e;
	struct bytes ip;
	int64_t port;
	uint32_t at;

	for (at = bencode_first(b, list); at != BENCODE_NONE;
	     at = bencode_after(b, list, at)) {
		if (!bencode_find_string(b, at, "ip", &ip) || ip.size >= sizeof(text) ||
		    !bencode_find_int(b, at, "port", &port) || port < 1 ||
		    port > UINT16_MAX)
			continue;
		memcpy(text, ip.data, ip.size);
		text[ip.size] = '\0';
		if (strlen(text) != ip.size || !endpoint_parse(text, (uint16_t)port, &e))
			continue;
		e.port = (uint16_t)port;
		tracker_response_add(r, &e, rng);
	}
}

static void read_peers(struct tracker_response *r, const struct bencode *b, const char *key,
		       size_t size, struct rng *rng)
{
	uint32_t token = bencode_find(b, 0, key);
	struct bytes list;

	if (bencode_string(b, token, &list))
		read_compact(r, list, size, rng);
	else if (token != BENCODE_NONE && bencode_type(b, token) == BENCODE_LIST)
		read_dictionaries(r, b, token, rng);
}

/* Owned by the caller, also on failure: free(b->tokens). */
static bool parse(struct bencode *b, struct bytes body, const char **reason)
{
	uint32_t max;

	b->tokens = NULL;
	*reason = "answer too long";
	if (body.size > TRACKER_BODY_MAX)
		return false;
	max = bencode_count_bound(body);
	if (max > TRACKER_TOKENS_MAX)
		return false;
	*reason = "not a tracker's answer";
	b->tokens = memory_zeroed(max, sizeof(*b->tokens));
	return bencode_parse(b, body, b->tokens, max, BENCODE_TRAILING) &&
	       bencode_type(b, 0) == BENCODE_DICT;
}

static void read_response(struct tracker_response *r, const struct bencode *b,
			  struct rng *rng)
{
	struct bytes address;

	find_text(b, "warning message", r->warning, sizeof(r->warning));
	if (bencode_find(b, 0, "failure reason") != BENCODE_NONE) {
		r->failed = true;
		find_text(b, "failure reason", r->text, sizeof(r->text));
		read_retry(r, b);
		return;
	}
	find_text(b, "tracker id", r->tracker_id, sizeof(r->tracker_id));
	r->interval_sec = find_seconds(b, "interval");
	r->min_interval_sec = find_seconds(b, "min interval");
	r->complete = find_count(b, 0, "complete");
	r->incomplete = find_count(b, 0, "incomplete");
	r->downloaded = find_count(b, 0, "downloaded");
	if (bencode_find_string(b, 0, "external ip", &address))
		r->external = endpoint_from_address(address, 0);
	read_peers(r, b, "peers", ENDPOINT_COMPACT_V4, rng);
	read_peers(r, b, "peers6", ENDPOINT_COMPACT_V6, rng);
}

bool tracker_response_read(struct tracker_response *r, struct bytes body, struct rng *rng,
			   const char **reason)
{
	struct bencode b;
	bool ok = parse(&b, body, reason);

	tracker_response_init(r);
	if (ok)
		read_response(r, &b, rng);
	free(b.tokens);
	return ok;
}

/* A key of "files" is 20 raw bytes. */
static uint32_t read_files(struct tracker_scrape *entries, uint32_t max,
			   const struct bencode *b, uint32_t files)
{
	uint32_t key, value, count = 0;
	struct bytes hash;

	for (key = bencode_first(b, files); key != BENCODE_NONE && count < max;
	     key = bencode_after(b, files, value)) {
		struct tracker_scrape *e = &entries[count];

		value = bencode_after(b, files, key);
		if (!bencode_string(b, key, &hash) || hash.size != SHA1_SIZE)
			continue;
		memcpy(e->info_hash, hash.data, SHA1_SIZE);
		e->complete = find_count(b, value, "complete");
		e->incomplete = find_count(b, value, "incomplete");
		e->downloaded = find_count(b, value, "downloaded");
		e->downloaders = find_count(b, value, "downloaders");
		count++;
	}
	return count;
}

bool tracker_scrape_read(struct tracker_scrape *entries, uint32_t max, uint32_t *count,
			 struct bytes body, char text[TRACKER_TEXT_MAX])
{
	const char *reason;
	struct bencode b;
	uint32_t files = BENCODE_NONE;
	bool ok = parse(&b, body, &reason);

	*count = 0;
	text[0] = '\0';
	if (ok) {
		reason = "scrape without files";
		find_text(&b, "failure reason", text, TRACKER_TEXT_MAX);
		files = bencode_find_typed(&b, 0, "files", BENCODE_DICT);
	}
	if (files != BENCODE_NONE)
		*count = read_files(entries, max, &b, files);
	else if (text[0] == '\0')
		copy_text(text, TRACKER_TEXT_MAX, bytes_of_text(reason));
	free(b.tokens);
	return files != BENCODE_NONE;
}
