/* proto/bencode.h: bencode (BEP 3) read in place, and written canonically.
 *
 * Reading makes a flat array of tokens over the input, without recursion and
 * without allocation: the caller gives the array, which is the budget. Depth
 * is bounded as well. Lengths and integers are checked; leading zeroes, "-0",
 * and bytes behind the value are refused. Dictionary keys that are unsorted
 * or twice are accepted unless BENCODE_STRICT, because real torrents have
 * them; bencode_find then gives the first.
 *
 * Writing goes through struct writer; the caller emits keys in sorted order,
 * which is asserted by bencode_put_key in the order of calls of one dictionary
 * only as far as the test suite's canonical check goes. */
#ifndef PROTO_BENCODE_H
#define PROTO_BENCODE_H

#include "proto/bytes.h"
#include "proto/wire.h"

enum {
	BENCODE_DEPTH_MAX = 64,
	BENCODE_NONE = 0, /* "no such token": 0 is the root, which is no child */
};

enum bencode_type {
	BENCODE_INT,
	BENCODE_STRING,
	BENCODE_LIST,
	BENCODE_DICT, /* children: key, value, key, value ... */
};

struct bencode_token {
	uint32_t begin;    /* offset of the first byte, prefix included */
	uint32_t end;      /* one past the last byte */
	uint32_t next;     /* index of the token after this one and all in it */
	uint32_t children; /* list: elements; dict: keys + values */
	uint8_t type;      /* enum bencode_type */
	uint8_t prefix;    /* string: bytes of "12:" */
};

struct bencode {
	struct bytes input;           /* borrowed */
	struct bencode_token *tokens; /* borrowed */
	uint32_t token_count;
	const char *error;            /* static text, when parsing failed */
	size_t error_at;              /* its offset */
};

enum bencode_flags {
	BENCODE_STRICT = 1,   /* keys sorted and unique */
	BENCODE_TRAILING = 2, /* bytes behind the value are allowed (BEP 10 ut_metadata) */
};

/* False: error and error_at say why. input.size < 4 GiB. After success with
 * BENCODE_TRAILING, tokens[0].end tells where the value ended. */
bool bencode_parse(struct bencode *b, struct bytes input, struct bencode_token *tokens,
                   uint32_t token_max, unsigned flags);
/* How many tokens parsing would need, at most (a cheap upper bound to size an array). */
uint32_t bencode_count_bound(struct bytes input);

enum bencode_type bencode_type(const struct bencode *b, uint32_t token);
/* Whole encoding of the token: what an info-hash is taken over. */
struct bytes bencode_raw(const struct bencode *b, uint32_t token);
/* BENCODE_NONE when dict is not a dictionary or has no such key. */
uint32_t bencode_find(const struct bencode *b, uint32_t dict, const char *key);
/* False when token is BENCODE_NONE or of another type. */
bool bencode_string(const struct bencode *b, uint32_t token, struct bytes *out);
bool bencode_int(const struct bencode *b, uint32_t token, int64_t *out);
/* The three of them in one step. */
bool bencode_find_string(const struct bencode *b, uint32_t dict, const char *key, struct bytes *out);
bool bencode_find_int(const struct bencode *b, uint32_t dict, const char *key, int64_t *out);
/* BENCODE_NONE unless the value has that type. */
uint32_t bencode_find_typed(const struct bencode *b, uint32_t dict, const char *key,
                            enum bencode_type type);
/* Walk a list or dict: first child, then siblings; BENCODE_NONE at the end.
 * In a dict keys and values alternate. */
uint32_t bencode_first(const struct bencode *b, uint32_t parent);
uint32_t bencode_after(const struct bencode *b, uint32_t parent, uint32_t child);

void bencode_put_int(struct writer *w, int64_t v);
void bencode_put_string(struct writer *w, struct bytes s);
void bencode_put_text(struct writer *w, const char *s);
/* key: a dictionary key; same bytes as bencode_put_text, named for reading. */
void bencode_put_key(struct writer *w, const char *key);
void bencode_begin_dict(struct writer *w);
void bencode_begin_list(struct writer *w);
void bencode_end(struct writer *w);

#endif
