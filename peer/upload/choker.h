/* peer/upload/choker.h: who is served: tit-for-tat with 4 regular slots and one
 * optimistic, 10 s rounds, 30 s optimistic (the textbook's numbers); seeds
 * serve whoever was served longest ago. A slot that falls free is given away
 * at once.
 *
 * Pure decision: the owner fills an array, calls, and acts on `serve`. */
#ifndef PEER_UPLOAD_CHOKER_H
#define PEER_UPLOAD_CHOKER_H

#include "proto/bytes.h"
#include "proto/rng.h"

enum {
	CHOKER_SLOTS = 4,
	CHOKER_OPTIMISTIC_SLOTS = 1,
	CHOKER_NEWCOMER_WEIGHT = 3, /* of being picked, for a peer connected < 60 s */
	CHOKER_KEEP_PERCENT = 10,   /* an incumbent within this keeps its slot */
	CHOKER_LONE_SLOTS = 1,      /* regular ones of a lone seed while pieces are unsent */
	CHOKER_EXTRA_MAX = 12,      /* slots added while the uplink idles */
	CHOKER_IDLE_PERMILLE = 50,  /* of a second, above which it idles */
};
#define CHOKER_ROUND (10 * USEC_PER_SEC)
#define CHOKER_OPTIMISTIC_ROUND (30 * USEC_PER_SEC)

struct choker_peer {
	/* in */
	uint32_t key;         /* the owner's */
	bool interested;      /* in us */
	bool upload_only;     /* never served by a seed, nothing to gain for it */
	bool snubs_us;        /* we asked, it sends nothing: loses its slot */
	bool unchoked;        /* served now */
	bool optimistic;      /* served now as the optimistic one */
	uint64_t gives;       /* bytes per second it sends us, last rounds */
	uint64_t takes;       /* bytes per second it takes from us */
	uint64_t took;        /* bytes it took since it was unchoked */
	usec connected_at;
	usec unchoked_at;     /* when it was last unchoked, 0 never */
	usec choked_at;       /* when it was last choked after being served, 0 never */
	uint64_t order;       /* private: breaks ties at random */
	/* out */
	bool serve;
	bool serve_optimistic;
};

enum choker_policy {
	CHOKER_PROMPT,
	CHOKER_STRICT, /* decides in rounds only, with as many slots as it began with */
	CHOKER_CLOSED, /* serves nobody */
};

struct choker {
	enum choker_policy policy; /* the owner's to set */
	uint32_t slots;            /* regular ones */
	uint32_t extra;            /* of them: added because the uplink idled */
	usec fitted_at;            /* private: when extra last changed */
	usec round_at;             /* next round */
	usec optimistic_at;        /* next rotation */
};

#define CHOKER_NEWCOMER_AGE USEC_PER_MIN

void choker_init(struct choker *c, uint32_t slots, usec now);
/* A full round when one is due (re-rank, rotate), else only take slots from
 * those who may not hold one and give free ones away. Sets serve and
 * serve_optimistic (then serve, too) of each. At most slots +
 * CHOKER_OPTIMISTIC_SLOTS are served; O(count) per slot given. */
void choker_decide(struct choker *c, struct choker_peer *peers, uint32_t count, bool seeding,
                   struct rng *rng, usec now);
/* As many slots as keep the uplink busy, and no more: base, one more for each
 * second in which it idled (idle_permille of it without anything to send though
 * peers wait), one less for each round in which it did not. A lone seed with
 * pieces nobody else has serves few, so that each piece is soon whole somewhere.
 * Call about once a second, or never. */
void choker_fit_slots(struct choker *c, uint32_t base, bool lone, uint32_t idle_permille, usec now);
/* When to decide again; USEC_NEVER is the owner's business when nobody is interested. */
usec choker_deadline(const struct choker *c);

#endif
