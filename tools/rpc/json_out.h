/* tools/rpc/json_out.h: JSON as it is written: no tree in between, because an
 * answer may hold 100,000 torrents.
 *
 * Commas come by themselves. Strings may be any bytes: what is not UTF-8
 * becomes U+FFFD. Numbers without a fraction are printed without one. */
#ifndef TOOLS_RPC_JSON_OUT_H
#define TOOLS_RPC_JSON_OUT_H

#include "proto/bytes.h"

struct json_out {
	char *data; /* owned; not NUL-terminated */
	size_t size, room;
	bool comma; /* before the next value or key */
};

/* All zeroes is an empty one. */
void json_out_deinit(struct json_out *o);
void json_out_begin(struct json_out *o, char bracket); /* '{' or '[' */
void json_out_end(struct json_out *o, char bracket);   /* '}' or ']' */
void json_out_key(struct json_out *o, const char *key); /* plain ASCII */
void json_out_int(struct json_out *o, int64_t value);
void json_out_size(struct json_out *o, uint64_t value); /* cut at INT64_MAX */
void json_out_real(struct json_out *o, double value);   /* not finite: -1 */
void json_out_bool(struct json_out *o, bool value);
void json_out_text(struct json_out *o, const char *text); /* NULL: "" */
void json_out_bytes(struct json_out *o, struct bytes text);
/* JSON that is made already. */
void json_out_raw(struct json_out *o, struct bytes json);
/* Base64 with padding, as a string. */
void json_out_base64(struct json_out *o, struct bytes bytes);

#endif
