/* peer/engine.h: the structs that the files of peer/ itself share. Private to
 * peer/: nobody outside includes it.
 *
 * Ownership: the session owns torrents and peers (through slots), a torrent
 * lists its peers. Whatever an input sets in motion is finished by
 * session_settle(): touched peers get their requests, reads, outputs and
 * deadlines there, and closed ones are freed there, so that no function in
 * between has to fear that a peer vanishes under it. */
#ifndef PEER_ENGINE_H
#define PEER_ENGINE_H

#include "peer/connect/conn.h"
#include "peer/discover/candidates.h"
#include "peer/discover/ipfilter.h"
#include "peer/discover/pex.h"
#include "peer/download/download.h"
#include "peer/download/metadata.h"
#include "peer/limiter.h"
#include "peer/rate.h"
#include "peer/session.h"
#include "peer/slots.h"
#include "peer/timers.h"
#include "peer/upload/choker.h"
#include "peer/upload/superseed.h"
#include "peer/upload/upload.h"

enum {
	HANDSHAKING_MAX = 128,    /* accepted, torrent not named yet */
	EARLY_HAVES_MAX = 2048,   /* HAVE before the metadata, per peer */
	METADATA_SERVE_QUEUE_MAX = 64 << 10, /* bytes unsent above which metadata requests
	                                      * are rejected */
	ALLOW_PIECES = 10,        /* allowed-fast ones */
	ALLOW_ROUNDS_MAX = 64,    /* of hashing, to find so many */
	PRIORITY_DEFAULT = 4,     /* of a file */
	PRIORITY_MAX = 7,
	GOSSIP_MESSAGE_MAX = 8 << 10,
	OUTPUT_AHEAD = 512 << 10, /* bytes put into an outbox ahead of the socket */
	REQUEST_BATCH = 64,
	HIDE_IDLE_LOOKS = 5,      /* looks in a row that found the uplink idle: enough hiding */
	HIDE_IDLE_PERMILLE = 500, /* or one that found it like this */
	HURRY_PEERS_LOW = 5,      /* below this the DHT is asked again sooner */
};
#define DIAL_TIMEOUT (10 * USEC_PER_SEC)
#define HANDSHAKE_TIMEOUT (15 * USEC_PER_SEC)
#define KEEP_ALIVE_INTERVAL (100 * USEC_PER_SEC)
#define SILENCE_MAX (150 * USEC_PER_SEC) /* BEP 3: keep-alives come every 2 minutes */
#define PACE_INTERVAL USEC_PER_SEC
#define HURRY_INTERVAL (15 * USEC_PER_SEC)

/* What a peer said about its pieces before we knew how many there are. */
struct early {
	uint8_t *bits;     /* owned; the bitfield as it came */
	size_t bits_size;
	bool all, none, unchoked;
	uint32_t *haves;   /* owned */
	uint32_t have_count;
};

struct peer {
	struct conn conn;
	conn_id id;
	struct torrent *torrent; /* NULL until the handshake names it */
	struct peer *next, *prev; /* of the torrent */
	struct endpoint endpoint;
	struct endpoint local;
	enum peer_source source;
	uint32_t candidate;      /* CANDIDATE_NONE: none yet */

	bool choking;            /* we choke it */
	bool interested;         /* we are */
	bool wants;              /* it is interested in us */
	bool optimistic;
	bool upload_only;        /* it is (BEP 21, or it has everything) */
	bool useful;             /* it gave or took something */
	uint8_t attempt;         /* of the handshake: 0, then the other way (MSE or plain) */

	uint32_t block_length;   /* of the block under way */
	bool block_taken;        /* its bytes are wanted */
	struct download_peer down;
	bool has_down;           /* down is initialised: the metadata is known */
	struct early *early;     /* owned; NULL unless something came early */
	struct upload_peer up;
	struct superseed_peer shown;
	struct meter sent;       /* payload */
	uint64_t sent_at_unchoke;

	struct pex_recipient pex_recipient;
	struct pex_guard pex_guard;
	struct endpoint gossip_name; /* others are told of it as this, if gossiped */
	bool gossiped;
	uint32_t allowed[ALLOW_PIECES]; /* it may ask for these while choked */
	uint32_t allowed_count;
	bool busy;               /* counted in session.busy_peers */
	bool touched;            /* listed in session.touched */
	bool output_held;        /* waits for its turn to send: limits.c */
	bool output_told;        /* an ACT_OUTPUT is out and not used up */

	usec connected_at;       /* TCP */
	usec heard_at, spoke_at;
	usec unchoked_at, choked_at;
};

struct torrent {
	torrent_id id;
	uint8_t info_hash[SHA1_SIZE];
	uint8_t skey_hash[SHA1_SIZE]; /* how an encrypted handshake names it */
	char *name;                /* owned */
	enum torrent_state state;
	bool paused;
	bool no_dht;
	bool sequential;
	bool storage_open;
	bool storage_asked;        /* ACT_STORAGE_OPEN is out */
	bool trusted;              /* `have` came with it: no check */
	struct metainfo *metainfo; /* owned; NULL until known */
	struct metadata *metadata; /* owned; while fetching */
	struct download *download; /* owned; once metainfo is there */
	struct candidates *candidates; /* owned */
	uint8_t *priorities;       /* owned; per file; NULL: all normal */
	struct bitfield resume;    /* owned; size 0: none */

	struct peer *peers;
	uint32_t peer_count;       /* dialing ones included */
	uint32_t half_open;

	struct choker choker;
	struct pex pex;
	struct superseed superseed;
	uint64_t up_before;        /* uploaded before it was a seed */
	uint32_t seeds_met;        /* since it is a seed */
	usec paced_at;             /* pace.c: its last look, and how long the uplink */
	usec idle_seen;            /* had idled by then */
	uint32_t idle_looks;       /* in a row that found the uplink idle */
	bool peers_wanted;         /* something, at the last look */
	bool show_now;             /* hidden peers may be told of more */
	bool choke_now;            /* something changed: decide at the next settle */
	bool refill;               /* blocks fell free: every peer may get requests */
	bool dial_now;

	uint64_t *sizes;           /* owned; while checking: bytes on disk per file */
	uint32_t check_next, checks_flying, checked;
	uint32_t stores_flying;
	uint32_t serial;           /* of `download`: answers for an older one are not for it */

	bool followed, followed_as_seed;
	usec hurry_at;

	struct meter down, up;
	uint64_t wasted_before;    /* by downloads that were reset */
	char *error;               /* owned */
	enum disk_result error_kind;
};

enum job_kind { JOB_STORE, JOB_READ, JOB_CHECK };

struct job {
	job_id id;
	enum job_kind kind;
	torrent_id torrent;
	uint32_t serial;           /* torrent.serial when it began */
	uint32_t piece;
	struct full_piece full;    /* STORE: owned until the answer */
};

struct session {
	struct session_config config;
	struct rng rng;
	struct limiter up_limiter, down_limiter; /* by slots of torrents and peers */
	struct ipfilter *filter;   /* owned; NULL: none */
	struct dials dials;        /* what all torrents together dial */
	uint8_t peer_id[PEER_ID_SIZE];
	uint8_t index_key[16];
	struct chunk_pool pool;
	struct span_cache spans;
	struct slots torrents, peers, jobs;
	uint32_t *index;           /* owned; info-hash -> slot + 1, open addressing */
	uint32_t index_size;       /* a power of two */
	struct timers peer_timers, torrent_timers;
	uint32_t half_open, handshaking;
	uint32_t busy_peers;       /* that have something to be sent */
	usec idle_since, idle_total; /* since when there are none; and before that */
	bool stopping;

	struct action *actions;    /* owned ring, a power of two */
	uint32_t action_first, action_count, action_size;
	conn_id *touched;          /* owned */
	uint32_t touched_count, touched_size;
	struct peer **closed;      /* owned; freed at the end of settle */
	uint32_t closed_count, closed_size;
	torrent_id *stirred;       /* owned; torrents with work for settle */
	uint32_t stirred_count, stirred_size, stirred_done;
	uint8_t *scratch;          /* owned; where encrypted input is deciphered */
	size_t scratch_size;
	torrent_id *checking;      /* owned; in order: the first one is checked */
	uint32_t checking_count, checking_size;

	uint64_t bytes_down, bytes_up, payload_down, payload_up;
};

/* ---- session.c ---- */
struct action *session_act(struct session *s, enum action_kind kind); /* zeroed, queued */
void session_notice(struct session *s, const struct torrent *t, enum notice_kind kind,
                    const char *text);
void session_touch(struct session *s, struct peer *p);
void session_stir(struct session *s, struct torrent *t); /* settle will look at it */
struct torrent *session_torrent(const struct session *s, torrent_id t);
void session_index_add(struct session *s, const struct torrent *t);
void session_index_remove(struct session *s, const struct torrent *t);
void session_bury(struct session *s, struct peer *p);
/* Finish an input: see the head of this file. */
void session_settle(struct session *s, usec now);

/* ---- torrent.c ---- */
struct candidates *torrent_candidates_new(struct session *s);
void torrent_free(struct session *s, struct torrent *t, usec now);
void torrent_start(struct session *s, struct torrent *t, usec now);
void torrent_halt(struct session *s, struct torrent *t, enum torrent_state state,
                  const char *reason, usec now);
void torrent_fail(struct session *s, struct torrent *t, enum disk_result kind, const char *text,
                  usec now);
/* The dictionary arrived and its hash is right. bytes are owned by the call. */
void torrent_on_metadata(struct session *s, struct torrent *t, uint8_t *info, size_t size,
                         usec now);
void torrent_on_checked(struct session *s, struct torrent *t, uint32_t piece,
                        enum disk_result result, const char *text, usec now);
void torrent_on_piece(struct session *s, struct torrent *t, uint32_t piece, usec now);
void torrent_on_choice(struct session *s, struct torrent *t, usec now);
/* Which pieces are there is unknown again; answers under way are for nobody. */
void torrent_forget_download(struct torrent *t);
void torrent_follow(struct session *s, struct torrent *t);
void torrent_unfollow(struct session *s, struct torrent *t);
void torrent_check_some(struct session *s, struct torrent *t, usec now);
bool torrent_is_active(const struct torrent *t); /* talks to peers */
bool torrent_is_private(const struct torrent *t);
usec torrent_deadline(const struct session *s, const struct torrent *t);
void torrent_on_timer(struct session *s, struct torrent *t, usec now);

/* ---- swarm.c: the peers of a torrent ---- */
struct peer *swarm_peer_new(struct session *s, const struct endpoint *e, bool incoming, usec now);
void swarm_attach(struct session *s, struct torrent *t, struct peer *p);
/* reason: static text. failed: it counts against the address. */
void swarm_close(struct session *s, struct peer *p, const char *reason, bool failed, usec now);
/* As swarm_close, when the rim already knows. */
void swarm_closed(struct session *s, struct peer *p, const char *reason, bool failed, usec now);
void swarm_close_all(struct session *s, struct torrent *t, const char *reason, usec now);
/* Open one more connection to a candidate. */
struct peer *swarm_dial_to(struct session *s, struct torrent *t, uint32_t candidate, usec now);
void swarm_dial(struct session *s, struct torrent *t, usec now);
void swarm_choke(struct session *s, struct torrent *t, usec now);
void swarm_on_have(struct session *s, struct torrent *t, uint32_t piece, usec now);
void swarm_on_metadata(struct session *s, struct torrent *t, usec now);
void swarm_tell_upload_only(struct session *s, struct torrent *t, usec now);
void swarm_on_done(struct session *s, struct torrent *t, usec now);
void swarm_drain_download(struct session *s, struct torrent *t, usec now);
void swarm_request(struct session *s, struct peer *p, usec now);
void swarm_request_metadata(struct session *s, struct torrent *t, usec now);
void swarm_update_interest(struct session *s, struct peer *p, usec now);
void swarm_drop_uploads(struct session *s, struct peer *p, usec now);
usec swarm_peer_deadline(const struct peer *p);
void swarm_peer_on_timer(struct session *s, struct peer *p, usec now);

/* ---- greet.c: from TCP to the first messages ---- */
void greet_on_connected(struct session *s, struct peer *p, usec now);
/* Questions of an incoming handshake; static text: refused, closed by the caller. */
const char *greet_on_key(struct session *s, struct peer *p);
const char *greet_on_torrent(struct session *s, struct peer *p, usec now);
void greet_on_handshake(struct session *s, struct peer *p, usec now);
/* The handshake with a dialed peer failed: dial it once more the other way, if
 * the encryption policy has one. True: p is gone, its successor dials. */
bool greet_again(struct session *s, struct peer *p, const char *reason, bool rim_knows, usec now);

/* ---- inbound.c: what peers say ---- */
void inbound_on_bytes(struct session *s, struct peer *p, struct bytes in, usec now);
void inbound_apply_early(struct session *s, struct peer *p, usec now);

/* ---- outbound.c ---- */
/* Queue one message; closes the peer when too much has piled up. */
void outbound_send(struct session *s, struct peer *p, struct bytes message, usec now);
void outbound_simple(struct session *s, struct peer *p, enum message_kind kind, usec now);
void outbound_block(struct session *s, struct peer *p, enum message_kind kind, struct block b,
                    usec now);
void outbound_extended(struct session *s, struct peer *p, enum extended_kind kind,
                       struct bytes payload, usec now);
void outbound_extended_handshake(struct session *s, struct peer *p, usec now);
void outbound_pieces(struct session *s, struct peer *p, usec now); /* BITFIELD or its kin */
void outbound_fill(struct session *s, struct peer *p, usec now); /* reads, blocks into the outbox */

/* ---- admit.c: which addresses we have to do with ---- */
bool admit_is_welcome(const struct session *s, const struct endpoint *e);
void admit_candidate(struct session *s, struct torrent *t, const struct endpoint *e,
                     enum peer_source source, bool seed, usec now);
void admit_forget_filter(struct session *s);

/* ---- allow.c: allowed-fast pieces ---- */
/* The canonical ones of BEP 6, up to max (IPv4 only); returns how many. */
uint32_t allow_pieces(const struct endpoint *e, const uint8_t info_hash[SHA1_SIZE],
                      uint32_t piece_count, uint32_t *pieces, uint32_t max);
void allow_newcomer(struct session *s, struct peer *p, usec now); /* what it has is known */
bool allow_may_ask(const struct peer *p, uint32_t piece);

/* ---- choice.c: which files ---- */
void choice_apply(struct torrent *t);

/* ---- gossip.c: peer exchange ---- */
bool gossip_is_on(const struct torrent *t);
/* p is open, or what others may be told of it changed. */
void gossip_on_open(struct session *s, struct peer *p);
void gossip_on_close(struct session *s, struct peer *p);
const char *gossip_on_message(struct session *s, struct peer *p, struct bytes payload, usec now);
usec gossip_deadline(const struct peer *p);
void gossip_on_timer(struct session *s, struct peer *p, usec now);

/* ---- limits.c ---- */
size_t limits_cut_output(struct session *s, struct peer *p, struct bytes *views, size_t count,
                         usec now);
void limits_on_sent(struct session *s, const struct peer *p, size_t size, usec now);
size_t limits_read_budget(struct session *s, const struct peer *p, usec now);
void limits_on_bytes(struct session *s, const struct peer *p, size_t size, usec now);
usec limits_deadline(const struct session *s);
void limits_on_timer(struct session *s, usec now);
void limits_forget_peer(struct session *s, const struct peer *p, usec now);
void limits_forget_torrent(struct session *s, const struct torrent *t, usec now);

/* ---- pace.c ---- */
void pace_note(struct session *s, struct peer *p, usec now); /* what it is to be sent changed */
void pace_torrent(struct session *s, struct torrent *t, usec now); /* look if it is time */
usec pace_deadline(const struct torrent *t);

/* ---- hide.c: super-seeding ---- */
/* Begin or end. True: we are a lone seed that has pieces nobody else has. */
bool hide_judge(struct session *s, struct torrent *t, uint32_t idle_permille);
void hide_end(struct session *s, struct torrent *t);
/* The handshake is over, nothing said yet: whether it is told that we have nothing. */
void hide_peer_open(struct session *s, struct torrent *t, struct peer *p);
void hide_peer_close(struct session *s, struct peer *p);
void hide_on_have(struct session *s, struct peer *p, uint32_t piece);
/* Many pieces at once: before is what p had. */
void hide_on_pieces(struct session *s, struct peer *p, const struct bitfield *before);
void hide_tell(struct session *s, struct torrent *t, usec now);

/* ---- jobs.c ---- */
void jobs_store(struct session *s, struct torrent *t, const struct full_piece *full);
void jobs_read(struct session *s, struct torrent *t, struct read_span *span,
               const struct disk_job *filled);
void jobs_check(struct session *s, struct torrent *t, uint32_t piece);

#endif
