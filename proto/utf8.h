/* proto/utf8.h: UTF-8 from strangers (RFC 3629). */
#ifndef PROTO_UTF8_H
#define PROTO_UTF8_H

#include "proto/bytes.h"

/* Decodes the character at `at` (< text.size). Returns its bytes, 1 to 4, or
 * 0 when they are not valid: overlong, surrogate, above U+10FFFF, cut. */
size_t utf8_decode(struct bytes text, size_t at, uint32_t *code);
bool utf8_is_valid(struct bytes text);
/* Control characters (C0, C1, DEL, line separators) and those that reverse or
 * hide text: they forge what a terminal or a list shows. */
bool utf8_is_unprintable(uint32_t code);
/* The longest prefix of at most max bytes that does not cut a character of
 * valid text in two. */
size_t utf8_cut(struct bytes text, size_t max);
/* Copy with every invalid byte and unprintable character as '_'; line breaks
 * and tabs stay when multi_line. out holds text.size + 1. Never longer than
 * the text. Returns the length without the NUL. */
size_t utf8_clean(struct bytes text, bool multi_line, char *out);

#endif
