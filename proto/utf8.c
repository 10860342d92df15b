/* proto/utf8.c: strict UTF-8, and text made safe to show. */
#include "proto/utf8.h"

size_t utf8_decode(struct bytes text, size_t at, uint32_t *code)
{
	static const uint32_t smallest[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	const uint8_t first = text.data[at];
	size_t size;

	if (first < 0x80) {
		*code = first;
		return 1;
	}
	if ((first & 0xe0) == 0xc0)
		size = 2;
	else if ((first & 0xf0) == 0xe0)
		size = 3;
	else if ((first & 0xf8) == 0xf0)
		size = 4;
	else
		return 0;
	if (size > text.size - at)
		return 0;
	uint32_t value = first & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if ((text.data[at + i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (text.data[at + i] & 0x3fu);
	}
	if (value < smallest[size] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*code = value;
	return size;
}

bool utf8_is_valid(struct bytes text)
{
	uint32_t code;

	for (size_t at = 0; at < text.size;) {
		const size_t size = utf8_decode(text, at, &code);
		if (size == 0)
			return false;
		at += size;
	}
	return true;
}

bool utf8_is_unprintable(uint32_t code)
{
	if (code < 0x20 || (code >= 0x7f && code <= 0x9f))
		return true;
	/* Direction marks, line and paragraph separators, embeddings, isolates. */
	return code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

size_t utf8_cut(struct bytes text, size_t max)
{
	if (text.size <= max)
		return text.size;
	while (max > 0 && (text.data[max] & 0xc0) == 0x80)
		max--;
	return max;
}

size_t utf8_clean(struct bytes text, bool multi_line, char *out)
{
	size_t used = 0;

	for (size_t at = 0; at < text.size;) {
		uint32_t code = 0;
		const size_t size = utf8_decode(text, at, &code);
		const bool layout = multi_line && (code == '\n' || code == '\t');
		if (size == 0 || (utf8_is_unprintable(code) && !layout)) {
			out[used++] = '_';
		} else {
			memcpy(out + used, text.data + at, size);
			used += size;
		}
		at += size == 0 ? 1 : size;
	}
	out[used] = '\0';
	return used;
}
