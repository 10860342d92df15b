/* proto/bitfield.h: a set of pieces, in the order of the wire (BEP 3: the
 * high bit of the first byte is piece 0; spare bits at the end are zero). */
#ifndef PROTO_BITFIELD_H
#define PROTO_BITFIELD_H

#include "proto/bytes.h"

struct bitfield {
	uint8_t *bits;   /* owned; padded with zeroes to a multiple of 8 bytes */
	uint32_t size;   /* bits */
	uint32_t count;  /* set bits */
};

void bitfield_init(struct bitfield *b, uint32_t size);
void bitfield_deinit(struct bitfield *b);
static inline bool bitfield_get(const struct bitfield *b, uint32_t i)
{
	return i < b->size && (b->bits[i >> 3] & (0x80u >> (i & 7))) != 0;
}
/* Both return whether the bit changed; i < size. */
bool bitfield_set(struct bitfield *b, uint32_t i);
bool bitfield_clear(struct bitfield *b, uint32_t i);
void bitfield_set_all(struct bitfield *b);
void bitfield_clear_all(struct bitfield *b);
static inline bool bitfield_is_full(const struct bitfield *b)
{
	return b->count == b->size;
}
/* Replace by the wire form. False, and nothing changed, when the length is
 * not ceil(size / 8) or a spare bit is set. */
bool bitfield_load(struct bitfield *b, struct bytes wire);
/* The wire form, ceil(size / 8) bytes; a view into b. */
struct bytes bitfield_wire(const struct bitfield *b);
void bitfield_copy(struct bitfield *to, const struct bitfield *from); /* same size */
/* The first set bit at or after from; size when there is none. */
uint32_t bitfield_next(const struct bitfield *b, uint32_t from);
/* The first bit at or after from that is set in a and clear in b (equal
 * sizes); size when there is none. */
uint32_t bitfield_next_missing(const struct bitfield *a, const struct bitfield *b, uint32_t from);
/* How many are set in a and clear in b. */
uint32_t bitfield_count_missing(const struct bitfield *a, const struct bitfield *b);

#endif
