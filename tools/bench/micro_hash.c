/* tools/bench/micro_hash.c: processor time per GiB of each way of hash_many.h,
 * for one to sixteen messages of 256 KiB. The best of many short laps, because
 * the machine does other things too. */
#include "tools/bench/micro_hash.h"

#include "proto/hash_many.h"
#include "proto/memory.h"
#include "proto/rng.h"

#include <stdlib.h>
#include <time.h>

enum { MESSAGE = 256 << 10, PART = 64 << 10, LAPS = 60 };

struct text {
	const uint8_t *at;
	size_t left;
};

static struct bytes text_next(void *context)
{
	struct text *t = context;
	const size_t size = t->left < PART ? t->left : PART;
	const struct bytes part = bytes_of(t->at, size);

	t->at += size;
	t->left -= size;
	return part;
}

static double thread_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double lap(unsigned ways, const uint8_t *bytes, size_t count)
{
	struct hash_lane lanes[HASH_MANY_MAX];
	struct text texts[HASH_MANY_MAX];
	double begin;

	for (size_t i = 0; i < count; i++) {
		texts[i] = (struct text){ bytes + i * MESSAGE, MESSAGE };
		lanes[i] = (struct hash_lane){ .next = text_next, .context = &texts[i] };
	}
	begin = thread_seconds();
	hash_many_sha1_by(ways, lanes, count);
	return (thread_seconds() - begin) * (double)(1 << 30) / (double)(MESSAGE * count);
}

static double best_lap(unsigned ways, const uint8_t *bytes, size_t count)
{
	double best = lap(ways, bytes, count), seconds;

	for (int i = 1; i < LAPS; i++) {
		seconds = lap(ways, bytes, count);
		if (seconds < best)
			best = seconds;
	}
	return best;
}

void bench_hash(FILE *out)
{
	static const struct {
		unsigned ways;
		const char *name;
	} all[] = { { HASH_BY_OPENSSL, "OpenSSL" }, { HASH_BY_SHA_NI, "SHA-NI" },
		    { HASH_BY_AVX512, "AVX-512" }, { HASH_BY_ANY, "any" } };
	static const size_t counts[] = { 1, 2, 3, 4, 8, 16 };
	uint8_t *bytes = memory_alloc((size_t)MESSAGE * HASH_MANY_MAX);
	struct rng rng;

	rng_init_number(&rng, 1, 0);
	rng_fill(&rng, bytes, (size_t)MESSAGE * HASH_MANY_MAX);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if ((all[i].ways & hash_many_ways()) == 0 && all[i].ways != HASH_BY_OPENSSL)
			continue;
		(void)fprintf(out, "SHA-1, %-8s", all[i].name);
		for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
			(void)fprintf(out, " %zu: %.3f", counts[c],
			              best_lap(all[i].ways, bytes, counts[c]));
		(void)fprintf(out, " s/GiB\n");
	}
	free(bytes);
}
