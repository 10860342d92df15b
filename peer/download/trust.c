/* peer/download/trust.c: digests of bad copies, and what they prove.
 *
 * The digests are keyed, so nobody can make a false block that looks like the
 * right one. A copy from a single source is its own proof and is not kept. */
#include "peer/download/trust.h"

#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

void trust_init(struct trust *t, struct rng *rng)
{
	*t = (struct trust){ .first = NULL };
	t->end = &t->first;
	rng_fill(rng, t->key, sizeof(t->key));
}

static void forget(struct trust *t, struct trust_copy **link)
{
	struct trust_copy *copy = *link;

	*link = copy->next;
	if (t->end == &copy->next)
		t->end = link;
	t->copies--;
	t->blocks -= copy->block_count;
	free(copy);
}

void trust_deinit(struct trust *t)
{
	while (t->first != NULL)
		forget(t, &t->first);
	free(t->liars);
	*t = (struct trust){ .first = NULL };
}

static void accuse(struct trust *t, uint32_t source)
{
	for (uint32_t i = 0; i < t->liar_count; i++) {
		if (t->liars[i] == source)
			return;
	}
	if (t->liars == NULL)
		t->liars = memory_alloc(TRUST_LIARS_MAX * sizeof(*t->liars));
	if (t->liar_count == TRUST_LIARS_MAX) {
		memmove(t->liars, t->liars + 1, (TRUST_LIARS_MAX - 1) * sizeof(*t->liars));
		t->liar_count--;
		t->told -= t->told > 0;
	}
	t->liars[t->liar_count++] = source;
}

static uint64_t block_digest(const struct trust *t, const struct partial *partial,
                             uint8_t *const *chunks, uint32_t block)
{
	const uint8_t *data = chunks[block / CHUNK_BLOCKS] + (block % CHUNK_BLOCKS) * BLOCK_SIZE;

	return siphash(t->key, bytes_of(data, partial_block_size(partial, block)));
}

static bool has_one_source(const struct partial *partial)
{
	for (uint32_t i = 1; i < partial->block_count; i++) {
		if (partial->blocks[i].source != partial->blocks[0].source)
			return false;
	}
	return true;
}

void trust_on_bad(struct trust *t, const struct partial *partial, uint8_t *const *chunks)
{
	if (has_one_source(partial)) {
		accuse(t, partial->blocks[0].source);
		return;
	}
	if (partial->block_count > TRUST_BLOCKS_MAX)
		return;
	while (t->copies == TRUST_PIECES_MAX ||
	       t->blocks + partial->block_count > TRUST_BLOCKS_MAX)
		forget(t, &t->first);

	struct trust_copy *copy = memory_alloc(sizeof(*copy) +
	                                       partial->block_count * sizeof(copy->blocks[0]));
	*copy = (struct trust_copy){ .piece = partial->piece, .block_count = partial->block_count };
	for (uint32_t i = 0; i < partial->block_count; i++) {
		copy->blocks[i] = (struct trust_block){
			.digest = block_digest(t, partial, chunks, i),
			.source = partial->blocks[i].source,
		};
	}
	*t->end = copy;
	t->end = &copy->next;
	t->copies++;
	t->blocks += copy->block_count;
}

static void compare(struct trust *t, const struct trust_copy *copy, const struct partial *partial,
                    uint8_t *const *chunks)
{
	assert(copy->block_count == partial->block_count);
	for (uint32_t i = 0; i < copy->block_count; i++) {
		if (copy->blocks[i].digest != block_digest(t, partial, chunks, i))
			accuse(t, copy->blocks[i].source);
	}
}

void trust_on_good(struct trust *t, const struct partial *partial, uint8_t *const *chunks)
{
	struct trust_copy **link = &t->first;

	while (*link != NULL) {
		if ((*link)->piece == partial->piece) {
			compare(t, *link, partial, chunks);
			forget(t, link);
		} else {
			link = &(*link)->next;
		}
	}
}

bool trust_is_suspect(const struct trust *t, uint32_t piece)
{
	for (const struct trust_copy *c = t->first; c != NULL; c = c->next) {
		if (c->piece == piece)
			return true;
	}
	return false;
}

bool trust_is_implicated(const struct trust *t, uint32_t piece, uint32_t source)
{
	for (const struct trust_copy *c = t->first; c != NULL; c = c->next) {
		if (c->piece != piece)
			continue;
		for (uint32_t i = 0; i < c->block_count; i++) {
			if (c->blocks[i].source == source)
				return true;
		}
	}
	return false;
}

bool trust_next_liar(struct trust *t, uint32_t *source)
{
	if (t->told == t->liar_count)
		return false;
	*source = t->liars[t->told++];
	return true;
}
