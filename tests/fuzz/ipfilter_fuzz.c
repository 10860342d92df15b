/* tests/fuzz/ipfilter_fuzz.c: any text as a block list.
 *
 * Holds: ranges are sorted and apart, each end of each is blocked and its
 * neighbours outside are not; loading the same text again changes nothing. */
#include <assert.h>
#include <stdlib.h>

#include "peer/discover/ipfilter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct endpoint v4(uint32_t n)
{
	return endpoint_v4((uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, 1);
}

static void check(const struct ipfilter *f)
{
	for (uint32_t i = 0; i < f->v4_count; i++) {
		const struct ipfilter_v4 r = f->v4[i];
		const struct endpoint first = v4(r.first), last = v4(r.last);
		assert(r.first <= r.last);
		assert(ipfilter_blocks(f, &first) && ipfilter_blocks(f, &last));
		if (r.last != UINT32_MAX) {
			const struct endpoint after = v4(r.last + 1);
			assert(!ipfilter_blocks(f, &after));
		}
	}
	for (uint32_t i = 0; i < f->v6_count; i++) {
		struct endpoint e = { .family = ENDPOINT_V6, .port = 1 };
		assert(memcmp(f->v6[i].first, f->v6[i].last, 16) <= 0);
		assert(i == 0 || memcmp(f->v6[i - 1].last, f->v6[i].first, 16) < 0);
		memcpy(e.address, f->v6[i].first, 16);
		assert(ipfilter_blocks(f, &e));
		memcpy(e.address, f->v6[i].last, 16);
		assert(ipfilter_blocks(f, &e));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipfilter f;
	struct ipfilter_report first, second;

	ipfilter_init(&f);
	ipfilter_load(&f, bytes_of(data, size), &first);
	check(&f);
	assert(first.ranges >= f.v4_count + f.v6_count);
	assert((first.ignored == 0) == (first.bad_line == 0));
	const uint32_t v4_count = f.v4_count, v6_count = f.v6_count;
	ipfilter_load(&f, bytes_of(data, size), &second);
	assert(first.ranges == second.ranges && first.ignored == second.ignored);
	assert(first.bad_line == second.bad_line && first.full == second.full);
	assert(f.v4_count == v4_count && f.v6_count == v6_count);
	ipfilter_deinit(&f);
	return 0;
}
