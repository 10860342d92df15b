/* proto/tracker_msg.h: what is said to a tracker and what it answers, however
 * it travels: HTTP (BEP 3, 7, 21, 23, 24, 31, 48) here, UDP in tracker_udp.h,
 * the URL in tracker_url.h.
 *
 * An answer is a stranger's word: sizes are bounded, numbers that cannot be
 * meant count as not said, text is cleaned, addresses that nobody could dial
 * are left out. Whether a dialable one may be dialed (our own LAN?) is judged
 * where all candidates are. */
#ifndef PROTO_TRACKER_MSG_H
#define PROTO_TRACKER_MSG_H

#include "proto/bytes.h"
#include "proto/endpoint.h"
#include "proto/hash.h"
#include "proto/message.h"
#include "proto/rng.h"

enum {
	TRACKER_PEERS_MAX = 200,      /* kept of one answer: a random subset of a longer list */
	TRACKER_TEXT_MAX = 256,       /* reasons and warnings, with the NUL */
	TRACKER_ID_MAX = 128,         /* with the NUL */
	TRACKER_BODY_MAX = 1 << 20,   /* bytes of an answer that are looked at */
	TRACKER_TOKENS_MAX = 1 << 17, /* 10,000 peers in dictionary form fit */
	TRACKER_SCRAPE_MAX = 70,      /* torrents per scrape; a UDP packet of 1,416 bytes */
	TRACKER_SECONDS_MAX = 7 * 24 * 3600, /* longer intervals are cut to this */
	TRACKER_UNKNOWN = 0xffffffff, /* a count that was not told */
};

enum tracker_event { /* the numbers of BEP 15 */
	TRACKER_EVENT_NONE = 0,
	TRACKER_EVENT_COMPLETED = 1,
	TRACKER_EVENT_STARTED = 2,
	TRACKER_EVENT_STOPPED = 3,
	TRACKER_EVENT_PAUSED = 4, /* BEP 21: a partial seed; not over UDP */
};

struct tracker_request {
	uint8_t info_hash[SHA1_SIZE];
	uint8_t peer_id[PEER_ID_SIZE];
	uint64_t uploaded, downloaded, left; /* bytes */
	enum tracker_event event;
	uint32_t key;           /* ours for this torrent, on every address (BEP 7) */
	uint32_t numwant;
	uint16_t port;          /* where we listen */
	bool crypto;            /* we take encrypted connections */
	bool crypto_required;   /* and no others */
	const char *tracker_id; /* "trackerid" of an earlier answer; NULL: none */
	struct endpoint ipv6;   /* told as ipv6= (HTTP); family 0: not */
};

struct tracker_response {
	bool failed;                     /* the tracker says no: text says why */
	char text[TRACKER_TEXT_MAX];     /* failure reason */
	char warning[TRACKER_TEXT_MAX];  /* "" when none */
	char tracker_id[TRACKER_ID_MAX]; /* "" when none */
	uint32_t interval_sec;           /* 0: not said */
	uint32_t min_interval_sec;       /* 0: not said */
	uint32_t retry_sec;              /* BEP 31, with failed; 0: not said */
	bool retry_never;                /* BEP 31: never ask this one again */
	uint32_t complete, incomplete, downloaded; /* or TRACKER_UNKNOWN */
	struct endpoint external;        /* BEP 24: how it sees us; family 0: not said */
	struct endpoint peers[TRACKER_PEERS_MAX];
	uint32_t peer_count;             /* kept */
	uint32_t peer_total;             /* dialable ones in the answer */
};

void tracker_response_init(struct tracker_response *r);
/* Add one address: unusable ones are left out, and when the table is full each
 * of all has the same chance to be in it. */
void tracker_response_add(struct tracker_response *r, const struct endpoint *e, struct rng *rng);

/* The body of an HTTP answer. False: no tracker's answer; *reason is static. A
 * tracker's own "no" is true with failed. */
bool tracker_response_read(struct tracker_response *r, struct bytes body, struct rng *rng,
                           const char **reason);

struct tracker_scrape {
	uint8_t info_hash[SHA1_SIZE];
	uint32_t complete, incomplete, downloaded; /* or TRACKER_UNKNOWN */
	uint32_t downloaders;                      /* BEP 21; or TRACKER_UNKNOWN */
};

/* Fills up to max entries, *count of them. False as above; a tracker's "no"
 * is false too, with its text in text. */
bool tracker_scrape_read(struct tracker_scrape *entries, uint32_t max, uint32_t *count,
                         struct bytes body, char text[TRACKER_TEXT_MAX]);

#endif
