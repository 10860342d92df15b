/* dht/bloom.h: the bloom filters of scrapes (BEP 33): 256 bytes, 2 hashes of
 * an IP address, how many are in it. */
#ifndef DHT_BLOOM_H
#define DHT_BLOOM_H

#include "proto/endpoint.h"

enum { BLOOM_SIZE = 256 };

void bloom_add(uint8_t bloom[BLOOM_SIZE], const struct endpoint *e);
bool bloom_has(const uint8_t bloom[BLOOM_SIZE], const struct endpoint *e);
void bloom_merge(uint8_t to[BLOOM_SIZE], const uint8_t from[BLOOM_SIZE]);
double bloom_estimate(const uint8_t bloom[BLOOM_SIZE]);

#endif
