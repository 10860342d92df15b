/* proto/bitfield.c: sets of pieces, a 64-bit word at a time.
 *
 * Invariants: the memory is whole words, at least one; bits at and behind
 * size are zero; count is the number of set bits. So scans need no edge case
 * and two bitfields of one size compare word by word. */
#include "proto/bitfield.h"

#include "proto/memory.h"

#include <assert.h>
#include <stdlib.h>

static size_t words_of(uint32_t size)
{
	return size == 0 ? 1 : ((size_t)size + 63) / 64;
}

static size_t wire_size(uint32_t size)
{
	return ((size_t)size + 7) / 8;
}

/* Word i with piece 64 * i as its highest bit. */
static uint64_t word_get(const struct bitfield *b, size_t i)
{
	uint64_t word;

	memcpy(&word, b->bits + 8 * i, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

void bitfield_init(struct bitfield *b, uint32_t size)
{
	b->bits = memory_zeroed(words_of(size), 8);
	b->size = size;
	b->count = 0;
}

void bitfield_deinit(struct bitfield *b)
{
	free(b->bits);
	*b = (struct bitfield){ .size = 0 };
}

bool bitfield_set(struct bitfield *b, uint32_t i)
{
	assert(i < b->size);
	const uint8_t mask = (uint8_t)(0x80u >> (i & 7));
	if ((b->bits[i >> 3] & mask) != 0)
		return false;
	b->bits[i >> 3] |= mask;
	b->count++;
	return true;
}

bool bitfield_clear(struct bitfield *b, uint32_t i)
{
	assert(i < b->size);
	const uint8_t mask = (uint8_t)(0x80u >> (i & 7));
	if ((b->bits[i >> 3] & mask) == 0)
		return false;
	b->bits[i >> 3] &= (uint8_t)~mask;
	b->count--;
	return true;
}

void bitfield_set_all(struct bitfield *b)
{
	const size_t whole = b->size / 8;

	memset(b->bits, 0xff, whole);
	if (b->size % 8 != 0)
		b->bits[whole] = (uint8_t)(0xff00u >> (b->size % 8));
	b->count = b->size;
}

void bitfield_clear_all(struct bitfield *b)
{
	if (b->bits != NULL)
		memset(b->bits, 0, words_of(b->size) * 8);
	b->count = 0;
}

bool bitfield_load(struct bitfield *b, struct bytes wire)
{
	if (wire.size != wire_size(b->size))
		return false;
	if (wire.size == 0)
		return true;
	if (b->size % 8 != 0 && (wire.data[wire.size - 1] & (0xffu >> (b->size % 8))) != 0)
		return false;
	memcpy(b->bits, wire.data, wire.size);
	b->count = 0;
	for (size_t i = 0; i < words_of(b->size); i++)
		b->count += (uint32_t)__builtin_popcountll(word_get(b, i));
	return true;
}

struct bytes bitfield_wire(const struct bitfield *b)
{
	return bytes_of(b->bits, wire_size(b->size));
}

void bitfield_copy(struct bitfield *to, const struct bitfield *from)
{
	assert(to->size == from->size);
	if (to->bits != from->bits)
		memcpy(to->bits, from->bits, words_of(from->size) * 8);
	to->count = from->count;
}

uint32_t bitfield_next(const struct bitfield *b, uint32_t from)
{
	if (from >= b->size)
		return b->size;
	uint64_t mask = UINT64_MAX >> (from % 64);
	for (size_t i = from / 64; i < words_of(b->size); i++, mask = UINT64_MAX) {
		const uint64_t word = word_get(b, i) & mask;
		if (word != 0)
			return (uint32_t)(i * 64) + (uint32_t)__builtin_clzll(word);
	}
	return b->size;
}

uint32_t bitfield_next_missing(const struct bitfield *a, const struct bitfield *b, uint32_t from)
{
	assert(a->size == b->size);
	if (from >= a->size)
		return a->size;
	uint64_t mask = UINT64_MAX >> (from % 64);
	for (size_t i = from / 64; i < words_of(a->size); i++, mask = UINT64_MAX) {
		const uint64_t word = word_get(a, i) & ~word_get(b, i) & mask;
		if (word != 0)
			return (uint32_t)(i * 64) + (uint32_t)__builtin_clzll(word);
	}
	return a->size;
}

uint32_t bitfield_count_missing(const struct bitfield *a, const struct bitfield *b)
{
	assert(a->size == b->size);
	uint32_t count = 0;
	if (a->size == 0)
		return 0;
	for (size_t i = 0; i < words_of(a->size); i++)
		count += (uint32_t)__builtin_popcountll(word_get(a, i) & ~word_get(b, i));
	return count;
}
