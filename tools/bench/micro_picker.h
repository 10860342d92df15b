/* tools/bench/micro_picker.h: what the picker costs. */
#ifndef TOOLS_BENCH_MICRO_PICKER_H
#define TOOLS_BENCH_MICRO_PICKER_H

#include <stdio.h>

void bench_picker(FILE *out);

#endif
