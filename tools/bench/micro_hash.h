/* tools/bench/micro_hash.h: what SHA-1 costs, alone and side by side. */
#ifndef TOOLS_BENCH_MICRO_HASH_H
#define TOOLS_BENCH_MICRO_HASH_H

#include <stdio.h>

void bench_hash(FILE *out);

#endif
