/* tools/rpc/json_out.c: see json_out.h. */
#include "tools/rpc/json_out.h"

#include "proto/memory.h"
#include "proto/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

void json_out_deinit(struct json_out *o)
{
	free(o->data);
	*o = (struct json_out){ 0 };
}

static char *reserve(struct json_out *o, size_t more)
{
	if (o->room - o->size < more) {
		size_t room = o->room == 0 ? 512 : o->room;

		while (room - o->size < more)
			room *= 2;
		o->data = memory_resize(o->data, room, 1);
		o->room = room;
	}
	return o->data + o->size;
}

static void append(struct json_out *o, const char *data, size_t size)
{
	memcpy(reserve(o, size), data, size);
	o->size += size;
}

static void separate(struct json_out *o)
{
	if (o->comma)
		append(o, ",", 1);
	o->comma = true;
}

void json_out_begin(struct json_out *o, char bracket)
{
	separate(o);
	append(o, &bracket, 1);
	o->comma = false;
}

void json_out_end(struct json_out *o, char bracket)
{
	append(o, &bracket, 1);
	o->comma = true;
}

void json_out_key(struct json_out *o, const char *key)
{
	separate(o);
	append(o, "\"", 1);
	append(o, key, strlen(key));
	append(o, "\":", 2);
	o->comma = false;
}

void json_out_int(struct json_out *o, int64_t value)
{
	char text[24];
	int size = snprintf(text, sizeof text, "%" PRId64, value);

	separate(o);
	append(o, text, (size_t)size);
}

void json_out_size(struct json_out *o, uint64_t value)
{
	json_out_int(o, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

void json_out_real(struct json_out *o, double value)
{
	char text[32];
	int size;

	if (!isfinite(value) || fabs(value) > 1e15)
		value = -1;
	if (fabs(value - nearbyint(value)) < 0.00001) {
		json_out_int(o, (int64_t)nearbyint(value));
		return;
	}
	size = snprintf(text, sizeof text, "%.4f", value);
	/* The locale of a library must not turn the point into a comma. */
	for (int i = 0; i < size; i++)
		if (text[i] == ',')
			text[i] = '.';
	separate(o);
	append(o, text, (size_t)size);
}

void json_out_bool(struct json_out *o, bool value)
{
	separate(o);
	append(o, value ? "true" : "false", value ? 4 : 5);
}

static void append_character(struct json_out *o, struct bytes text, size_t at, size_t size,
                             uint32_t code)
{
	char escape[16];

	if (code == '"' || code == '\\') {
		escape[0] = '\\';
		escape[1] = (char)code;
		append(o, escape, 2);
	} else if (code < 0x20 || code == 0x7f || code == 0x2028 || code == 0x2029) {
		append(o, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)code));
	} else {
		append(o, (const char *)text.data + at, size);
	}
}

void json_out_bytes(struct json_out *o, struct bytes text)
{
	separate(o);
	append(o, "\"", 1);
	for (size_t at = 0; at < text.size;) {
		uint32_t code;
		size_t size = utf8_decode(text, at, &code);

		if (size == 0) {
			append(o, "\xef\xbf\xbd", 3);
			at++;
			continue;
		}
		append_character(o, text, at, size, code);
		at += size;
	}
	append(o, "\"", 1);
}

void json_out_text(struct json_out *o, const char *text)
{
	json_out_bytes(o, bytes_of_text(text == NULL ? "" : text));
}

void json_out_raw(struct json_out *o, struct bytes json)
{
	separate(o);
	append(o, (const char *)json.data, json.size);
}

void json_out_base64(struct json_out *o, struct bytes bytes)
{
	size_t room = sodium_base64_encoded_len(bytes.size, sodium_base64_VARIANT_ORIGINAL);

	separate(o);
	append(o, "\"", 1);
	sodium_bin2base64(reserve(o, room), room, bytes.data, bytes.size,
	                  sodium_base64_VARIANT_ORIGINAL);
	o->size += room - 1; /* without its NUL */
	append(o, "\"", 1);
}
