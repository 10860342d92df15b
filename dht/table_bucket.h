/* dht/table_bucket.h: the layout of a bucket's arrays, shared by table.c and
 * table_view.c. Not for anybody else. */
#ifndef DHT_TABLE_BUCKET_H
#define DHT_TABLE_BUCKET_H

#include "dht/table.h"

static inline struct table_entry *table_at(const struct table *t, const uint8_t *array, unsigned i)
{
	/* The arrays come from malloc and the stride is a multiple of 4. */
	return (struct table_entry *)(void *)(uintptr_t)(array + (size_t)i * t->stride);
}

/* How many live nodes the bucket with that many shared bits may hold. */
static inline unsigned table_capacity(unsigned bits)
{
	return bits < 4 ? TABLE_BUCKET_MAX >> bits : 8;
}

static inline void table_endpoint(const struct table *t, const struct table_entry *x,
                                  struct endpoint *out)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->address, x->address, t->family == ENDPOINT_V4 ? 4 : 16);
	out->port = x->port;
	out->family = (uint8_t)t->family;
}

#endif
