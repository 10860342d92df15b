/* dht/rtt.c: the decaying histogram of round-trip times. */
#include "dht/rtt.h"

static usec step_begin(unsigned step)
{
	const usec octave = (usec)4 << (step / 4);
	return (octave + octave * (step % 4) / 4) * USEC_PER_MS;
}

static unsigned step_of(usec sample)
{
	const usec ms = sample / USEC_PER_MS;
	if (ms < 4)
		return 0;
	const unsigned bits = 63u - (unsigned)__builtin_clzll(ms);
	const unsigned step = (bits - 2) * 4 + (unsigned)((ms >> (bits - 2)) & 3u);
	return step < RTT_STEPS ? step : RTT_STEPS - 1;
}

void rtt_add(struct rtt *r, usec sample)
{
	if (r->total >= RTT_SAMPLES_MAX) {
		r->total = 0;
		for (unsigned i = 0; i < RTT_STEPS; i++) {
			r->counts[i] = (uint16_t)(r->counts[i] / 2);
			r->total = (uint16_t)(r->total + r->counts[i]);
		}
	}
	r->counts[step_of(sample)]++;
	r->total++;
}

/* What the public network shows (dht.md 2), until there is something measured. */
static usec guess(unsigned percent)
{
	if (percent <= 10)
		return 60 * USEC_PER_MS;
	if (percent <= 50)
		return 135 * USEC_PER_MS;
	return percent <= 90 ? 300 * USEC_PER_MS : 1200 * USEC_PER_MS;
}

usec rtt_quantile(const struct rtt *r, unsigned percent)
{
	if (r->total < RTT_SAMPLES_MIN)
		return guess(percent);
	const uint32_t wanted = (uint32_t)r->total * percent; /* in hundredths of a sample */
	uint32_t below = 0;
	for (unsigned i = 0; i < RTT_STEPS; i++) {
		const uint32_t here = 100u * r->counts[i];
		if (here != 0 && below + here >= wanted) {
			const usec begin = i == 0 ? 0 : step_begin(i);
			return begin + (step_begin(i + 1) - begin) * (wanted - below) / here;
		}
		below += here;
	}
	return step_begin(RTT_STEPS);
}

usec rtt_stall(const struct rtt *r)
{
	return usec_max(rtt_quantile(r, 80), rtt_quantile(r, 10) + 100 * USEC_PER_MS);
}
