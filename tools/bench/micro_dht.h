/* tools/bench/micro_dht.h: what a DHT node spends on one question. */
#ifndef TOOLS_BENCH_MICRO_DHT_H
#define TOOLS_BENCH_MICRO_DHT_H

#include <stdio.h>

void bench_dht(FILE *out);

#endif
