/* peer/download/metadata.c: the info dictionary from peers (BEP 9).
 *
 * Sizes are claims: each different one that is followed is a candidate with its
 * own blocks; peers that claim a size feed its candidate only. Blocks are
 * allocated when they arrive. When a candidate is complete and its hash is wrong,
 * its blocks are thrown away and it is fetched from one peer alone, another one
 * each time: who alone sent a wrong dictionary lied, and is told. A candidate that
 * nobody claims any more is forgotten, so that a right size finds a place. */
#include "peer/download/metadata.h"

#include "proto/memory.h"
#include "proto/metainfo.h"

#include <assert.h>
#include <stdlib.h>

enum {
	METADATA_TIMEOUT = 8,      /* seconds before a block is asked of another */
	METADATA_COPIES_MAX = 2,   /* peers asked for one block at a time */
	METADATA_PEERS_MAX = 4096,
	METADATA_LIARS_MAX = 4096,
	CANDIDATE_TIME = 60,       /* seconds a size is followed while others wait, */
	CANDIDATE_RATE_MIN = 64 << 10, /* and one more for so many bytes of it */
};

#define NOBODY UINT32_MAX

struct ask {
	uint32_t block;
	usec at;
};

struct source {
	uint32_t key;
	uint32_t size;          /* as claimed */
	uint32_t ask_count;
	struct ask asks[METADATA_REQUESTS_MAX];
	uint32_t silent;        /* time-outs in a row */
	usec pause_until;       /* rejected, or silent */
	bool lied;              /* alone sent a wrong dictionary */
};

struct candidate {
	uint32_t size;          /* 0: not in use */
	uint32_t block_count, have_count;
	uint8_t **blocks;       /* owned; NULL until it arrives */
	uint32_t *from;         /* owned: key of who sent it */
	uint32_t *asked;        /* owned: of how many it is asked */
	bool alone;             /* all from one peer */
	uint32_t owner;         /* that peer's key, NOBODY: not chosen */
	uint32_t tries;         /* wrong hashes */
	usec since;
};

struct metadata {
	uint8_t info_hash[SHA1_SIZE];
	struct candidate candidates[METADATA_SIZES_MAX];
	struct source *sources; /* owned */
	uint32_t source_count, source_size;
	uint32_t *liars;        /* owned */
	uint32_t liar_count, liar_size;
	bool done;              /* the dictionary was found */
	uint8_t *ready;         /* owned, until taken */
	size_t ready_size;
};

struct metadata *metadata_new(const uint8_t info_hash[SHA1_SIZE])
{
	struct metadata *m = memory_zeroed(1, sizeof(*m));

	memcpy(m->info_hash, info_hash, SHA1_SIZE);
	return m;
}

/* ---- candidates ---- */

static void candidate_clear(struct candidate *c)
{
	for (uint32_t i = 0; i < c->block_count; i++) {
		free(c->blocks[i]);
		c->blocks[i] = NULL;
	}
	c->have_count = 0;
}

static void candidate_free(struct candidate *c)
{
	candidate_clear(c);
	free(c->blocks);
	free(c->from);
	free(c->asked);
	*c = (struct candidate){ .size = 0 };
}

void metadata_free(struct metadata *m)
{
	if (m == NULL)
		return;
	for (uint32_t i = 0; i < METADATA_SIZES_MAX; i++)
		candidate_free(&m->candidates[i]);
	free(m->sources);
	free(m->liars);
	free(m->ready);
	free(m);
}

static struct candidate *candidate_find(struct metadata *m, uint32_t size)
{
	for (uint32_t i = 0; i < METADATA_SIZES_MAX; i++) {
		if (m->candidates[i].size == size)
			return &m->candidates[i];
	}
	return NULL;
}

/* Peers that claim a size and are of use: neither liars nor silent. */
static uint32_t claims_of(const struct metadata *m, uint32_t size)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < m->source_count; i++) {
		const struct source *s = &m->sources[i];
		count += s->size == size && !s->lied && s->pause_until == 0;
	}
	return count;
}

static void candidate_drop(struct metadata *m, struct candidate *c)
{
	for (uint32_t i = 0; i < m->source_count; i++) {
		if (m->sources[i].size == c->size)
			m->sources[i].ask_count = 0;
	}
	candidate_free(c);
}

/* Whether a size may take over the place of another: that one was wrong once, or
 * has had its time, or fewer useful peers say so. */
static bool may_replace(const struct metadata *m, const struct candidate *c, uint32_t size,
                        usec now)
{
	const usec time = (CANDIDATE_TIME + c->size / CANDIDATE_RATE_MIN) * USEC_PER_SEC;

	return c->tries > 0 || usec_since(c->since, now) > time ||
	       claims_of(m, c->size) < claims_of(m, size);
}

/* The candidate for a size, NULL when others hold all places. */
static struct candidate *candidate_need(struct metadata *m, uint32_t size, usec now)
{
	struct candidate *c = candidate_find(m, size);

	if (c != NULL)
		return c;
	c = candidate_find(m, 0);
	for (uint32_t i = 0; c == NULL && i < METADATA_SIZES_MAX; i++) {
		if (may_replace(m, &m->candidates[i], size, now)) {
			c = &m->candidates[i];
			candidate_drop(m, c);
		}
	}
	if (c == NULL)
		return NULL;
	c->size = size;
	c->since = now;
	c->block_count = (size - 1) / METADATA_BLOCK + 1;
	c->blocks = memory_zeroed(c->block_count, sizeof(*c->blocks));
	c->from = memory_zeroed(c->block_count, sizeof(*c->from));
	c->asked = memory_zeroed(c->block_count, sizeof(*c->asked));
	c->owner = NOBODY;
	return c;
}

/* ---- sources ---- */

static struct source *source_find(const struct metadata *m, uint32_t key)
{
	for (uint32_t i = 0; i < m->source_count; i++) {
		if (m->sources[i].key == key)
			return &m->sources[i];
	}
	return NULL;
}

bool metadata_on_size(struct metadata *m, uint32_t key, uint32_t size)
{
	const struct source *known = source_find(m, key);

	if (size == 0 || size > METAINFO_INFO_MAX)
		return false;
	if (known != NULL)
		return known->size == size;
	if (m->source_count == METADATA_PEERS_MAX)
		return true; /* enough of them: it is not asked */
	if (m->source_count == m->source_size) {
		m->source_size = m->source_size == 0 ? 8 : 2 * m->source_size;
		m->sources = memory_resize(m->sources, m->source_size, sizeof(*m->sources));
	}
	m->sources[m->source_count++] = (struct source){ .key = key, .size = size };
	return true;
}

static void ask_remove(struct metadata *m, struct source *s, uint32_t index)
{
	struct candidate *c = candidate_find(m, s->size);

	if (c != NULL && c->asked[s->asks[index].block] > 0)
		c->asked[s->asks[index].block]--;
	s->asks[index] = s->asks[--s->ask_count];
}

void metadata_on_gone(struct metadata *m, uint32_t key)
{
	struct source *s = source_find(m, key);

	if (s == NULL)
		return;
	while (s->ask_count > 0)
		ask_remove(m, s, 0);
	for (uint32_t i = m->liar_count; i > 0; i--) {
		if (m->liars[i - 1] == key) /* keys are used again */
			m->liars[i - 1] = m->liars[--m->liar_count];
	}
	const uint32_t size = s->size;
	*s = m->sources[--m->source_count];
	struct candidate *c = candidate_find(m, size);
	if (c == NULL)
		return;
	if (c->owner == key) {
		candidate_clear(c);
		c->owner = NOBODY;
	}
	for (uint32_t i = 0; i < c->block_count; i++) {
		if (c->blocks[i] != NULL && c->from[i] == key)
			c->from[i] = NOBODY;
	}
	bool is_claimed = false;
	for (uint32_t i = 0; i < m->source_count; i++)
		is_claimed = is_claimed || m->sources[i].size == size;
	if (!is_claimed && c->have_count == 0)
		candidate_free(c);
}

/* ---- asking ---- */

static void pause_source(struct source *s, uint32_t seconds, usec now)
{
	s->pause_until = now + seconds * USEC_PER_SEC;
}

/* Time-outs and pauses that are over. */
static void expire(struct metadata *m, usec now)
{
	for (uint32_t i = 0; i < m->source_count; i++) {
		struct source *s = &m->sources[i];
		if (s->pause_until != 0 && now >= s->pause_until)
			s->pause_until = 0;
		bool silent = false;
		for (uint32_t k = s->ask_count; k > 0; k--) {
			if (now < s->asks[k - 1].at + METADATA_TIMEOUT * USEC_PER_SEC)
				continue;
			ask_remove(m, s, k - 1);
			silent = true;
		}
		if (silent) {
			if ((uint32_t)METADATA_TIMEOUT << s->silent < METADATA_REJECT_PAUSE)
				s->silent++;
			pause_source(s, (uint32_t)METADATA_TIMEOUT << (s->silent - 1), now);
		}
	}
}

usec metadata_deadline(const struct metadata *m)
{
	usec at = USEC_NEVER;

	for (uint32_t i = 0; i < m->source_count && !m->done; i++) {
		const struct source *s = &m->sources[i];
		if (s->pause_until != 0)
			at = usec_min(at, s->pause_until);
		for (uint32_t k = 0; k < s->ask_count; k++)
			at = usec_min(at, s->asks[k].at + METADATA_TIMEOUT * USEC_PER_SEC);
	}
	return at;
}

static bool is_asked(const struct source *s, uint32_t block)
{
	for (uint32_t i = 0; i < s->ask_count; i++) {
		if (s->asks[i].block == block)
			return true;
	}
	return false;
}

/* A block nobody is asked for; else one that only one other is. */
static bool choose_block(const struct candidate *c, const struct source *s, uint32_t *block)
{
	for (uint32_t copies = 0; copies < METADATA_COPIES_MAX; copies++) {
		for (uint32_t i = 0; i < c->block_count; i++) {
			if (c->blocks[i] == NULL && c->asked[i] == copies && !is_asked(s, i)) {
				*block = i;
				return true;
			}
		}
	}
	return false;
}

/* After a wrong hash one peer sends everything; another takes over when it
 * does not answer. */
static bool may_feed(struct metadata *m, struct candidate *c, uint32_t key)
{
	if (!c->alone || c->owner == key)
		return true;
	if (c->owner != NOBODY) {
		const struct source *owner = source_find(m, c->owner);
		if (owner != NULL && owner->pause_until == 0)
			return false;
		candidate_clear(c);
	}
	c->owner = key;
	return true;
}

bool metadata_request(struct metadata *m, uint32_t key, uint32_t *block, usec now)
{
	struct source *s = source_find(m, key);

	if (m->done)
		return false;
	expire(m, now);
	if (s == NULL || s->lied || s->pause_until != 0 || s->ask_count == METADATA_REQUESTS_MAX)
		return false;
	struct candidate *c = candidate_need(m, s->size, now);
	if (c == NULL || !may_feed(m, c, key) || !choose_block(c, s, block))
		return false;
	s->asks[s->ask_count++] = (struct ask){ *block, now };
	c->asked[*block]++;
	return true;
}

/* ---- answers ---- */

static bool ask_find(const struct source *s, uint32_t block, uint32_t *index)
{
	for (uint32_t i = 0; i < s->ask_count; i++) {
		if (s->asks[i].block == block) {
			*index = i;
			return true;
		}
	}
	return false;
}

void metadata_on_reject(struct metadata *m, uint32_t key, uint32_t block, usec now)
{
	struct source *s = source_find(m, key);
	uint32_t index;

	if (s == NULL || !ask_find(s, block, &index))
		return;
	ask_remove(m, s, index);
	pause_source(s, METADATA_REJECT_PAUSE, now);
}

static uint32_t block_size(const struct candidate *c, uint32_t block)
{
	return block + 1 < c->block_count ? METADATA_BLOCK : c->size - block * METADATA_BLOCK;
}

static void liar_add(struct metadata *m, uint32_t key)
{
	if (m->liar_count == METADATA_LIARS_MAX)
		return;
	if (m->liar_count == m->liar_size) {
		m->liar_size = m->liar_size == 0 ? 8 : 2 * m->liar_size;
		m->liars = memory_resize(m->liars, m->liar_size, sizeof(*m->liars));
	}
	m->liars[m->liar_count++] = key;
}

static void on_wrong(struct metadata *m, struct candidate *c)
{
	const uint32_t key = c->from[0];
	bool one_source = key != NOBODY;

	for (uint32_t i = 1; i < c->block_count; i++)
		one_source = one_source && c->from[i] == key;
	if (one_source) {
		struct source *s = source_find(m, key);
		if (s != NULL)
			s->lied = true;
		liar_add(m, key);
	}
	candidate_clear(c);
	c->tries++;
	c->alone = true;
	c->owner = NOBODY;
}

static enum metadata_outcome on_complete(struct metadata *m, struct candidate *c)
{
	uint8_t digest[SHA1_SIZE];
	uint8_t *whole = memory_alloc(c->size);

	for (uint32_t i = 0; i < c->block_count; i++)
		memcpy(whole + (size_t)i * METADATA_BLOCK, c->blocks[i], block_size(c, i));
	sha1(bytes_of(whole, c->size), digest);
	if (memcmp(digest, m->info_hash, SHA1_SIZE) != 0) {
		free(whole);
		on_wrong(m, c);
		return METADATA_WRONG;
	}
	m->done = true;
	m->ready = whole;
	m->ready_size = c->size;
	for (uint32_t i = 0; i < METADATA_SIZES_MAX; i++)
		candidate_free(&m->candidates[i]);
	for (uint32_t i = 0; i < m->source_count; i++)
		m->sources[i].ask_count = 0;
	return METADATA_READY;
}

enum metadata_outcome metadata_on_data(struct metadata *m, uint32_t key, uint32_t block,
                                       uint32_t total, struct bytes data, usec now)
{
	struct source *s = source_find(m, key);
	uint32_t index;

	(void)now;
	if (m->done || s == NULL)
		return METADATA_MORE;
	if (total != 0 && total != s->size)
		return METADATA_LIE;
	const uint32_t count = (s->size - 1) / METADATA_BLOCK + 1;
	if (block >= count)
		return METADATA_LIE;
	const uint32_t left = s->size - block * METADATA_BLOCK;
	if (data.size != (left < METADATA_BLOCK ? left : METADATA_BLOCK))
		return METADATA_LIE;
	if (ask_find(s, block, &index)) {
		ask_remove(m, s, index);
	} else if (s->silent > 0) { /* late: slow, but there */
		s->pause_until = 0;
	}
	s->silent = 0;
	struct candidate *c = candidate_find(m, s->size);
	if (c == NULL || c->blocks[block] != NULL || (c->alone && c->owner != key))
		return METADATA_MORE;
	c->blocks[block] = memory_copy(data.data, data.size);
	c->from[block] = key;
	c->have_count++;
	return c->have_count == c->block_count ? on_complete(m, c) : METADATA_MORE;
}

bool metadata_next_liar(struct metadata *m, uint32_t *key)
{
	if (m->liar_count == 0)
		return false;
	*key = m->liars[--m->liar_count];
	return true;
}

uint8_t *metadata_take(struct metadata *m, size_t *size)
{
	uint8_t *whole = m->ready;

	assert(whole != NULL);
	*size = m->ready_size;
	m->ready = NULL;
	m->ready_size = 0;
	return whole;
}

void metadata_progress(const struct metadata *m, uint32_t *have_blocks, uint32_t *total_blocks)
{
	const struct candidate *best = &m->candidates[0];

	for (uint32_t i = 1; i < METADATA_SIZES_MAX; i++) {
		if (m->candidates[i].have_count > best->have_count || best->size == 0)
			best = &m->candidates[i];
	}
	*have_blocks = best->have_count;
	*total_blocks = best->block_count;
}
