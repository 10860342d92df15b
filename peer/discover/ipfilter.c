/* peer/discover/ipfilter.c: block lists, parsed into two sorted arrays.
 *
 * Lists overlap and repeat themselves; ranges that touch are merged, so that one
 * binary search answers. Lines are written by many programs and by hand: what
 * cannot be read is counted and skipped, never guessed. */
#include "peer/discover/ipfilter.h"

#include "proto/memory.h"

#include <stdlib.h>

enum { ADDRESS_TEXT_MAX = 48 };

void ipfilter_init(struct ipfilter *f)
{
	*f = (struct ipfilter){ .v4 = NULL };
}

void ipfilter_deinit(struct ipfilter *f)
{
	free(f->v4);
	free(f->v6);
	ipfilter_init(f);
}

/* ---- text ---- */

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct bytes trim(struct bytes t)
{
	while (t.size > 0 && is_blank(t.data[0]))
		t = bytes_of(t.data + 1, t.size - 1);
	while (t.size > 0 && is_blank(t.data[t.size - 1]))
		t.size--;
	return t;
}

/* What comes before the first c (and after it, in *rest); false: no c. */
static bool cut(struct bytes t, char c, struct bytes *before, struct bytes *rest)
{
	const uint8_t *at = t.size == 0 ? NULL : memchr(t.data, c, t.size);

	if (at == NULL)
		return false;
	const size_t size = (size_t)(at - t.data);
	*rest = bytes_of(at + 1, t.size - size - 1);
	*before = bytes_of(t.data, size);
	return true;
}

static bool parse_number(struct bytes t, uint32_t max, uint32_t *out)
{
	uint32_t value = 0;

	if (t.size == 0 || t.size > 3)
		return false;
	for (size_t i = 0; i < t.size; i++) {
		if (t.data[i] < '0' || t.data[i] > '9')
			return false;
		value = value * 10 + (uint32_t)(t.data[i] - '0');
	}
	*out = value;
	return value <= max;
}

/* DAT files pad with zeroes, which means decimal there. */
static bool parse_v4(struct bytes t, struct endpoint *e)
{
	uint32_t part;

	*e = (struct endpoint){ .family = ENDPOINT_V4 };
	for (int i = 0; i < 4; i++) {
		struct bytes before = t, rest = { NULL, 0 };
		if (i < 3 && !cut(t, '.', &before, &rest))
			return false;
		if (!parse_number(before, 255, &part))
			return false;
		e->address[i] = (uint8_t)part;
		t = rest;
	}
	return true;
}

static bool parse_address(struct bytes t, struct endpoint *e)
{
	char text[ADDRESS_TEXT_MAX];

	t = trim(t);
	if (parse_v4(t, e))
		return true;
	if (t.size == 0 || t.size >= sizeof(text) || memchr(t.data, ':', t.size) == NULL ||
	    memchr(t.data, '[', t.size) != NULL || memchr(t.data, '\0', t.size) != NULL)
		return false;
	memcpy(text, t.data, t.size);
	text[t.size] = '\0';
	return endpoint_parse(text, 1, e);
}

struct range {
	struct endpoint first, last;
};

static bool parse_prefix(struct bytes t, struct range *r)
{
	struct bytes address, bits;
	uint32_t length;

	if (!cut(t, '/', &address, &bits) || !parse_address(address, &r->first))
		return false;
	const uint32_t all = r->first.family == ENDPOINT_V4 ? 32 : 128;
	if (!parse_number(trim(bits), all, &length))
		return false;
	r->last = r->first;
	for (uint32_t i = length; i < all; i++) {
		r->first.address[i / 8] &= (uint8_t) ~(0x80u >> (i % 8));
		r->last.address[i / 8] |= (uint8_t)(0x80u >> (i % 8));
	}
	return true;
}

static bool parse_ends(struct bytes first, struct bytes last, struct range *r)
{
	return parse_address(first, &r->first) && parse_address(last, &r->last) &&
	       r->first.family == r->last.family &&
	       memcmp(r->first.address, r->last.address, sizeof(r->first.address)) <= 0;
}

/* "first-last", where either may hold no '-'. */
static bool parse_range(struct bytes t, struct range *r)
{
	struct bytes first, last;

	if (cut(t, '-', &first, &last))
		return parse_ends(first, last, r);
	if (parse_prefix(t, r))
		return true;
	return parse_ends(t, t, r);
}

/* DAT: "range , level , name". */
static bool parse_dat(struct bytes line, struct range *r, bool *blocks)
{
	struct bytes range, level, rest;
	uint32_t value;

	if (!cut(line, ',', &range, &rest) || !parse_range(range, r))
		return false;
	if (!cut(rest, ',', &level, &rest))
		level = rest;
	if (!parse_number(trim(level), 999, &value))
		return false;
	*blocks = value < IPFILTER_DAT_BLOCKED;
	return true;
}

/* P2P: "name:range". A name may hold anything, colons and dashes too, and so
 * may a v6 address: the longest end that is a range is the range. */
static bool parse_p2p(struct bytes line, struct range *r)
{
	struct bytes name;

	while (cut(line, ':', &name, &line)) {
		if (parse_range(line, r))
			return true;
	}
	return false;
}

/* ---- ranges ---- */

static uint32_t number_of(const uint8_t address[16])
{
	return (uint32_t)address[0] << 24 | (uint32_t)address[1] << 16 | (uint32_t)address[2] << 8 |
	       address[3];
}

static uint32_t grown(uint32_t size)
{
	return size == 0 ? 64 : 2 * size;
}

/* False: full. */
static bool append(struct ipfilter *f, const struct range *r)
{
	if (r->first.family == ENDPOINT_V4) {
		if (f->v4_count == IPFILTER_RANGES_MAX)
			return false;
		if (f->v4_count == f->v4_size) {
			f->v4_size = grown(f->v4_size);
			f->v4 = memory_resize(f->v4, f->v4_size, sizeof(*f->v4));
		}
		f->v4[f->v4_count++] = (struct ipfilter_v4){ number_of(r->first.address),
			                                     number_of(r->last.address) };
		return true;
	}
	if (f->v6_count == IPFILTER_RANGES_MAX)
		return false;
	if (f->v6_count == f->v6_size) {
		f->v6_size = grown(f->v6_size);
		f->v6 = memory_resize(f->v6, f->v6_size, sizeof(*f->v6));
	}
	memcpy(f->v6[f->v6_count].first, r->first.address, 16);
	memcpy(f->v6[f->v6_count].last, r->last.address, 16);
	f->v6_count++;
	return true;
}

static int by_first_v4(const void *a, const void *b)
{
	const struct ipfilter_v4 *x = a, *y = b;
	return (x->first > y->first) - (x->first < y->first);
}

static int by_first_v6(const void *a, const void *b)
{
	const struct ipfilter_v6 *x = a, *y = b;
	return memcmp(x->first, y->first, 16);
}

static void merge(struct ipfilter *f)
{
	uint32_t kept = 0;

	if (f->v4_count > 0)
		qsort(f->v4, f->v4_count, sizeof(*f->v4), by_first_v4);
	for (uint32_t i = 0; i < f->v4_count; i++) {
		struct ipfilter_v4 *before = kept > 0 ? &f->v4[kept - 1] : NULL;
		const struct ipfilter_v4 r = f->v4[i];
		if (before == NULL || (uint64_t)before->last + 1 < r.first)
			f->v4[kept++] = r;
		else if (r.last > before->last)
			before->last = r.last;
	}
	f->v4_count = kept;

	kept = 0;
	if (f->v6_count > 0)
		qsort(f->v6, f->v6_count, sizeof(*f->v6), by_first_v6);
	for (uint32_t i = 0; i < f->v6_count; i++) {
		struct ipfilter_v6 *before = kept > 0 ? &f->v6[kept - 1] : NULL;
		const struct ipfilter_v6 r = f->v6[i];
		if (before == NULL || memcmp(before->last, r.first, 16) < 0)
			f->v6[kept++] = r;
		else if (memcmp(r.last, before->last, 16) > 0)
			memcpy(before->last, r.last, 16);
	}
	f->v6_count = kept;
}

void ipfilter_load(struct ipfilter *f, struct bytes text, struct ipfilter_report *report)
{
	uint32_t number = 0;

	*report = (struct ipfilter_report){ .ranges = 0 };
	while (text.size > 0 && !report->full) {
		struct bytes line = text, rest = { NULL, 0 };
		struct range r;
		bool blocks = true;
		cut(text, '\n', &line, &rest);
		text = rest;
		number++;
		line = trim(line);
		if (line.size == 0 || line.data[0] == '#' || line.data[0] == ';')
			continue;
		if (parse_range(line, &r) || parse_dat(line, &r, &blocks) || parse_p2p(line, &r)) {
			report->full = blocks && !append(f, &r);
			report->ranges += blocks && !report->full;
		} else if (report->ignored++ == 0) {
			report->bad_line = number;
		}
	}
	merge(f);
}

/* ---- asking ---- */

static bool blocks_v4(const struct ipfilter *f, uint32_t address)
{
	uint32_t low = 0, high = f->v4_count;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		if (f->v4[middle].last < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < f->v4_count && f->v4[low].first <= address;
}

static bool blocks_v6(const struct ipfilter *f, const uint8_t address[16])
{
	uint32_t low = 0, high = f->v6_count;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		if (memcmp(f->v6[middle].last, address, 16) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < f->v6_count && memcmp(f->v6[low].first, address, 16) <= 0;
}

bool ipfilter_blocks(const struct ipfilter *f, const struct endpoint *e)
{
	if (e->family == ENDPOINT_V4)
		return blocks_v4(f, number_of(e->address));
	return e->family == ENDPOINT_V6 && blocks_v6(f, e->address);
}
