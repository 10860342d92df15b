/* tools/cli/json_line.h: one flat JSON object on one line.
 *
 * What --json prints and scripts read: strings are escaped to pure ASCII, and
 * bytes that are not UTF-8 become U+FFFD, so a line is always valid JSON
 * whatever a torrent calls itself. */
#ifndef TOOLS_CLI_JSON_LINE_H
#define TOOLS_CLI_JSON_LINE_H

#include "proto/bytes.h"

#include <stdio.h>

struct json_line {
	char *text; /* owned; not NUL-terminated */
	size_t used, size;
};

void json_init(struct json_line *j);
void json_deinit(struct json_line *j);
/* Start an object with its first members, "event" and "time" (unix seconds). */
void json_begin(struct json_line *j, const char *event, double unix_seconds);
void json_text(struct json_line *j, const char *key, const char *value); /* NULL: null */
void json_bytes(struct json_line *j, const char *key, struct bytes value); /* as text */
void json_hex(struct json_line *j, const char *key, struct bytes value);
void json_uint(struct json_line *j, const char *key, uint64_t value);
void json_int(struct json_line *j, const char *key, int64_t value);
/* decimals: 0 to 6. A number that is not finite becomes null. */
void json_decimal(struct json_line *j, const char *key, double value, int decimals);
void json_decimals(struct json_line *j, const char *key, const double *values, size_t count,
                   int decimals); /* an array */
void json_bool(struct json_line *j, const char *key, bool value);
/* Close the object and write it with its newline, flushed. */
void json_end(struct json_line *j, FILE *out);

#endif
