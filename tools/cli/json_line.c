/* tools/cli/json_line.c: see json_line.h. Invariant: between json_begin and
 * json_end the buffer holds an object that lacks only its closing brace. */
#include "tools/cli/json_line.h"

#include "proto/hash.h"
#include "proto/memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

void json_init(struct json_line *j)
{
	*j = (struct json_line){ 0 };
}

void json_deinit(struct json_line *j)
{
	free(j->text);
	json_init(j);
}

static void put(struct json_line *j, const char *text, size_t size)
{
	if (size > j->size - j->used) {
		j->size = 2 * (j->used + size) + 256;
		j->text = memory_resize(j->text, j->size, 1);
	}
	memcpy(j->text + j->used, text, size);
	j->used += size;
}

static void put_text(struct json_line *j, const char *text)
{
	put(j, text, strlen(text));
}

static void put_code_unit(struct json_line *j, unsigned unit)
{
	char escape[8];

	snprintf(escape, sizeof escape, "\\u%04x", unit & 0xffff);
	put(j, escape, 6);
}

/* The code point at data, its size in *used; 0xfffd and 1 where it is not
 * well-formed UTF-8 (overlong, surrogate, too large, cut off). */
static uint32_t read_code_point(const uint8_t *data, size_t size, size_t *used)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t lead = data[0], code;
	size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

	*used = 1;
	if (lead < 0x80)
		return lead;
	if (lead < 0xc2 || lead > 0xf4 || length > size)
		return 0xfffd;
	code = lead & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((data[i] & 0xc0) != 0x80)
			return 0xfffd;
		code = code << 6 | (data[i] & 0x3f);
	}
	if (code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0xfffd;
	*used = length;
	return code;
}

static void put_string(struct json_line *j, struct bytes s)
{
	put(j, "\"", 1);
	for (size_t at = 0, used; at < s.size; at += used) {
		uint32_t code = read_code_point(s.data + at, s.size - at, &used);
		char plain = (char)code;

		if (code == '"' || code == '\\') {
			put(j, "\\", 1);
			put(j, &plain, 1);
		} else if (code >= 0x20 && code < 0x7f) {
			put(j, &plain, 1);
		} else if (code < 0x10000) {
			put_code_unit(j, code);
		} else {
			put_code_unit(j, 0xd800 + ((code - 0x10000) >> 10));
			put_code_unit(j, 0xdc00 + ((code - 0x10000) & 0x3ff));
		}
	}
	put(j, "\"", 1);
}

static void put_key(struct json_line *j, const char *key)
{
	if (j->used > 1)
		put(j, ", ", 2);
	put_string(j, bytes_of_text(key));
	put(j, ": ", 2);
}

void json_begin(struct json_line *j, const char *event, double unix_seconds)
{
	j->used = 0;
	put(j, "{", 1);
	json_text(j, "event", event);
	json_decimal(j, "time", unix_seconds, 6);
}

void json_text(struct json_line *j, const char *key, const char *value)
{
	if (value != NULL) {
		json_bytes(j, key, bytes_of_text(value));
		return;
	}
	put_key(j, key);
	put_text(j, "null");
}

void json_bytes(struct json_line *j, const char *key, struct bytes value)
{
	put_key(j, key);
	put_string(j, value);
}

void json_hex(struct json_line *j, const char *key, struct bytes value)
{
	char *hex = memory_alloc(2 * value.size + 1);

	json_text(j, key, hex_encode(value, hex));
	free(hex);
}

void json_uint(struct json_line *j, const char *key, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%" PRIu64, value);
	put_key(j, key);
	put_text(j, digits);
}

void json_int(struct json_line *j, const char *key, int64_t value)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%" PRId64, value);
	put_key(j, key);
	put_text(j, digits);
}

static void put_real(struct json_line *j, double value, int decimals)
{
	char digits[352]; /* the longest double with 6 decimals */

	if (isfinite(value))
		snprintf(digits, sizeof digits, "%.*f", decimals, value);
	else
		snprintf(digits, sizeof digits, "null");
	put_text(j, digits);
}

void json_decimal(struct json_line *j, const char *key, double value, int decimals)
{
	put_key(j, key);
	put_real(j, value, decimals);
}

void json_decimals(struct json_line *j, const char *key, const double *values, size_t count,
                   int decimals)
{
	put_key(j, key);
	put(j, "[", 1);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			put(j, ", ", 2);
		put_real(j, values[i], decimals);
	}
	put(j, "]", 1);
}

void json_bool(struct json_line *j, const char *key, bool value)
{
	put_key(j, key);
	put_text(j, value ? "true" : "false");
}

void json_end(struct json_line *j, FILE *out)
{
	put(j, "}\n", 2);
	fwrite(j->text, 1, j->used, out);
	fflush(out);
	j->used = 0;
}
