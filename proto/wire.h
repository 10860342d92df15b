/* proto/wire.h: checked big-endian reading and writing over memory that
 * somebody else owns.
 *
 * Both ends carry a sticky `failed` flag: a read past the end gives zero and
 * sets it, a write past the end writes nothing and sets it. So a codec reads
 * or writes a whole message and asks once. */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

#include "proto/bytes.h"

struct reader {
	const uint8_t *data; /* borrowed */
	size_t size;
	size_t begin; /* next byte */
	bool failed;
};

void reader_init(struct reader *r, struct bytes bytes);
size_t reader_left(const struct reader *r);
uint8_t read_u8(struct reader *r);
uint16_t read_u16(struct reader *r);
uint32_t read_u32(struct reader *r);
uint64_t read_u64(struct reader *r);
/* A view of the next size bytes; empty on failure. */
struct bytes read_bytes(struct reader *r, size_t size);
/* Everything that is left. */
struct bytes read_rest(struct reader *r);

struct writer {
	uint8_t *data; /* borrowed */
	size_t size;   /* capacity */
	size_t used;
	bool failed;
};

void writer_init(struct writer *w, void *data, size_t size);
/* What was written; empty when the writer failed. */
struct bytes writer_bytes(const struct writer *w);
void write_u8(struct writer *w, uint8_t v);
void write_u16(struct writer *w, uint16_t v);
void write_u32(struct writer *w, uint32_t v);
void write_u64(struct writer *w, uint64_t v);
void write_bytes(struct writer *w, struct bytes bytes);
void write_text(struct writer *w, const char *text);
/* Decimal digits. */
void write_decimal(struct writer *w, int64_t v);

#endif
