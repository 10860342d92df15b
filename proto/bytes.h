/* proto/bytes.h: the two types everything shares: a borrowed view of bytes,
 * and a point in time.
 *
 * A view never owns. Unless a comment says otherwise, what a function is
 * handed through one is dead when the call returns. */
#ifndef PROTO_BYTES_H
#define PROTO_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Microseconds on a monotonic clock that counts through suspend; only
 * differences mean anything. */
typedef uint64_t usec;

#define USEC_PER_MS ((usec)1000)
#define USEC_PER_SEC ((usec)1000000)
#define USEC_PER_MIN (60 * USEC_PER_SEC)
#define USEC_NEVER UINT64_MAX

struct bytes {
	const uint8_t *data; /* borrowed; may be NULL when size is 0 */
	size_t size;
};

static inline struct bytes bytes_of(const void *data, size_t size)
{
	return (struct bytes){ (const uint8_t *)data, size };
}

static inline struct bytes bytes_of_text(const char *text)
{
	return bytes_of(text, strlen(text));
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool bytes_equal_text(struct bytes a, const char *text)
{
	return bytes_equal(a, bytes_of_text(text));
}

static inline usec usec_min(usec a, usec b)
{
	return a < b ? a : b;
}

static inline usec usec_max(usec a, usec b)
{
	return a > b ? a : b;
}

/* now - then, and 0 where then lies in the future. */
static inline usec usec_since(usec then, usec now)
{
	return now > then ? now - then : 0;
}

#endif
