/* proto/wire.c: checked big-endian reading and writing.
 *
 * Invariant: begin <= size and used <= size, always. The first access that
 * does not fit sets `failed`, and from then on nothing moves. */
#include "proto/wire.h"

void reader_init(struct reader *r, struct bytes bytes)
{
	*r = (struct reader){ .data = bytes.data, .size = bytes.size };
}

size_t reader_left(const struct reader *r)
{
	return r->failed ? 0 : r->size - r->begin;
}

/* The next size bytes, or NULL and the reader failed. */
static const uint8_t *take(struct reader *r, size_t size)
{
	if (r->failed || size > r->size - r->begin) {
		r->failed = true;
		return NULL;
	}
	const uint8_t *p = r->data + r->begin;
	r->begin += size;
	return p;
}

uint8_t read_u8(struct reader *r)
{
	const uint8_t *p = take(r, 1);
	return p != NULL ? p[0] : 0;
}

uint16_t read_u16(struct reader *r)
{
	const uint8_t *p = take(r, 2);
	return p != NULL ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

uint32_t read_u32(struct reader *r)
{
	const uint8_t *p = take(r, 4);
	if (p == NULL)
		return 0;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint64_t read_u64(struct reader *r)
{
	if (reader_left(r) < 8) {
		r->failed = true;
		return 0;
	}
	const uint64_t high = read_u32(r);
	return high << 32 | read_u32(r);
}

struct bytes read_bytes(struct reader *r, size_t size)
{
	if (size == 0)
		return bytes_of(NULL, 0);
	const uint8_t *p = take(r, size);
	return p != NULL ? bytes_of(p, size) : bytes_of(NULL, 0);
}

struct bytes read_rest(struct reader *r)
{
	return read_bytes(r, reader_left(r));
}

void writer_init(struct writer *w, void *data, size_t size)
{
	*w = (struct writer){ .data = data, .size = size };
}

struct bytes writer_bytes(const struct writer *w)
{
	return w->failed ? bytes_of(NULL, 0) : bytes_of(w->data, w->used);
}

void write_bytes(struct writer *w, struct bytes bytes)
{
	if (w->failed || bytes.size > w->size - w->used) {
		w->failed = true;
		return;
	}
	if (bytes.size != 0)
		memcpy(w->data + w->used, bytes.data, bytes.size);
	w->used += bytes.size;
}

void write_u8(struct writer *w, uint8_t v)
{
	write_bytes(w, bytes_of(&v, 1));
}

void write_u16(struct writer *w, uint16_t v)
{
	const uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };
	write_bytes(w, bytes_of(b, sizeof(b)));
}

void write_u32(struct writer *w, uint32_t v)
{
	const uint8_t b[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
		               (uint8_t)v };
	write_bytes(w, bytes_of(b, sizeof(b)));
}

void write_u64(struct writer *w, uint64_t v)
{
	uint8_t b[8];
	for (int i = 7; i >= 0; i--, v >>= 8)
		b[i] = (uint8_t)v;
	write_bytes(w, bytes_of(b, sizeof(b)));
}

void write_text(struct writer *w, const char *text)
{
	write_bytes(w, bytes_of_text(text));
}

void write_decimal(struct writer *w, int64_t v)
{
	char digits[20]; /* "-9223372036854775808" */
	size_t at = sizeof(digits);
	uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest != 0);
	if (v < 0)
		digits[--at] = '-';
	write_bytes(w, bytes_of(digits + at, sizeof(digits) - at));
}
