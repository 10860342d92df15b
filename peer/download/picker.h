/* peer/download/picker.h: which piece to ask for next.
 *
 * Every piece that has a block left to ask for stands in one ranking, by its
 * priority and by whether it is open (begun, blocks free) or fresh. A ranking
 * is sorted by availability, so the rarest come first; a HAVE or the loss of a
 * piece moves one piece by one swap. Seeds are counted in one number: they add
 * the same to every piece. */
#ifndef PEER_DOWNLOAD_PICKER_H
#define PEER_DOWNLOAD_PICKER_H

#include "proto/bitfield.h"
#include "proto/rng.h"

enum {
	PICKER_PRIORITY_MAX = 7,
	PICKER_RANKS = 2 * PICKER_PRIORITY_MAX,
	PICKER_SCAN_MAX = 512,   /* pieces of a ranking looked at for one pick */
	PICKER_SAMPLE_MAX = 1024, /* then: pieces of the peer compared for one pick */
	PICKER_AVAILABILITY_MAX = UINT16_MAX,
};

#define PICKER_NONE UINT32_MAX

struct picker_rank {
	uint32_t *order;  /* owned: pieces, ascending availability */
	uint32_t count, size;
	uint32_t *start;  /* owned: where each availability begins in order */
	uint32_t levels, start_size;
};

struct picker {
	uint32_t size;           /* pieces */
	uint32_t seeds;          /* peers that have everything */
	uint32_t ranked;         /* pieces in any ranking */
	uint32_t *place;         /* owned: piece -> index in the order of its ranking */
	uint16_t *availability;  /* owned: peers with the piece, seeds not counted */
	uint8_t *rank;           /* owned: 0: in none, else index of the ranking + 1 */
	struct picker_rank ranks[PICKER_RANKS];
	uint64_t dice;           /* a small generator of its own: ties cost nothing */
};

enum picker_standing {
	PICKER_OUT,   /* nothing to ask for */
	PICKER_FRESH,
	PICKER_OPEN,
};

void picker_init(struct picker *p, uint32_t pieces, struct rng *rng);
void picker_deinit(struct picker *p);
/* priority: 1..7, ignored for PICKER_OUT. */
void picker_set(struct picker *p, uint32_t piece, enum picker_standing standing, uint8_t priority);
enum picker_standing picker_get(const struct picker *p, uint32_t piece);

void picker_on_have(struct picker *p, uint32_t piece);
void picker_on_loss(struct picker *p, uint32_t piece);
/* A peer with these pieces came or left: one by one when they are few, else by
 * one counting sort. */
void picker_on_join(struct picker *p, const struct bitfield *has);
void picker_on_leave(struct picker *p, const struct bitfield *has);
/* The same without order, for building up; picker_sort when all are in. */
void picker_count(struct picker *p, const struct bitfield *has);
void picker_sort(struct picker *p);
/* Whether a piece of that priority is rarer and can be asked for. */
bool picker_has_rarer(const struct picker *p, uint32_t piece, uint8_t priority);

struct picker_wish {
	const struct bitfield *has;  /* what the peer has */
	const struct bitfield *held; /* what need not be fetched: had, or not wanted */
	bool may_begin;              /* fresh pieces too */
};

/* Highest priority first, then the rarest, open before fresh where equally
 * rare, at random among equals. PICKER_NONE: nothing. */
uint32_t picker_pick(struct picker *p, const struct picker_wish *w);
/* Any piece of the highest priority, open ones first: for the first piece,
 * where all peers would otherwise run for the same rarest one. */
uint32_t picker_pick_random(struct picker *p, const struct picker_wish *w);
/* Highest priority first, then the lowest number. */
uint32_t picker_pick_lowest(struct picker *p, const struct picker_wish *w);

#endif
