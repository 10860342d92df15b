/* tools/lab/dht_sybils.h: liars in a DHT. They answer at once and correctly in
 * form, name only each other as the nearest, take every announce and keep
 * none. */
#ifndef TOOLS_LAB_DHT_SYBILS_H
#define TOOLS_LAB_DHT_SYBILS_H

#include "tools/lab/dht_net.h"

struct dht_sybils;
struct dht_sybils *dht_sybils_new(struct dht_net *net);
void dht_sybils_free(struct dht_sybils *s);
/* One more; id NULL: one that fits its address (BEP 42). */
void dht_sybils_add(struct dht_sybils *s, const uint8_t *id);
/* Borrowed; sorted by id once dht_sybils_ready() was called. */
const struct dht_stranger *dht_sybils_list(const struct dht_sybils *s);
uint32_t dht_sybils_count(const struct dht_sybils *s);
/* After the last one was added, before the network runs. */
void dht_sybils_ready(struct dht_sybils *s);
uint64_t dht_sybils_asked(const struct dht_sybils *s);

#endif
