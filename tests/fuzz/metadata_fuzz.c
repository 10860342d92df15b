/* tests/fuzz/metadata_fuzz.c: metadata exchange with peers that lie about size
 * and contents, answer late, or not at all.
 *
 * Holds: only a dictionary with the right hash is ever taken; only peers that
 * lie are accused; what one peer is asked is bounded and inside its claimed
 * size; deadlines move on. */
#include "peer/download/metadata.h"
#include "proto/memory.h"
#include "proto/metainfo.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PEERS = 8, LIARS = 5, SIZE_MAX_TRIED = 5 * METADATA_BLOCK };

struct peer {
	uint32_t size;
	uint32_t asked[METADATA_REQUESTS_MAX];
	uint32_t asked_count;
	bool known;
};

struct run {
	const uint8_t *data;
	size_t left;
	struct metadata *m;
	uint8_t truth[SIZE_MAX_TRIED];
	uint32_t truth_size;
	struct peer peers[PEERS];
	usec now;
	bool ready;
};

static uint8_t next(struct run *r)
{
	if (r->left == 0)
		return 0;
	r->left--;
	return *r->data++;
}

static void gone(struct run *r, uint32_t i)
{
	metadata_on_gone(r->m, i);
	r->peers[i] = (struct peer){ .size = 0 };
}

static void claim(struct run *r, uint32_t i)
{
	struct peer *p = &r->peers[i];
	uint32_t size = r->truth_size;

	if (i < LIARS && next(r) % 2 == 0) {
		size = next(r) * 400u;
		if (next(r) % 16 == 0)
			size = METAINFO_INFO_MAX + next(r) - 128u;
	}
	const bool ok = metadata_on_size(r->m, i, size);
	assert(ok == (size > 0 && size <= METAINFO_INFO_MAX && (!p->known || p->size == size)));
	if (!ok) {
		gone(r, i);
		return;
	}
	p->known = true;
	p->size = size;
}

static void ask(struct run *r, uint32_t i)
{
	struct peer *p = &r->peers[i];
	uint32_t block;

	if (!metadata_request(r->m, i, &block, r->now))
		return;
	assert(p->known && !r->ready);
	assert(block < (p->size + METADATA_BLOCK - 1) / METADATA_BLOCK);
	if (p->asked_count == METADATA_REQUESTS_MAX) /* the others timed out */
		memmove(p->asked, p->asked + 1, sizeof(p->asked) - sizeof(p->asked[0]));
	else
		p->asked_count++;
	p->asked[p->asked_count - 1] = block;
}

static void take(struct run *r)
{
	size_t size;
	uint8_t *whole = metadata_take(r->m, &size);

	assert(size == r->truth_size && memcmp(whole, r->truth, size) == 0);
	free(whole);
	r->ready = true;
}

static void answer(struct run *r, uint32_t i, uint8_t what)
{
	struct peer *p = &r->peers[i];
	static uint8_t buffer[METADATA_BLOCK + 1];
	const bool is_liar = i < LIARS;
	uint32_t block = p->asked_count > 0 ? p->asked[0] : next(r);

	if (!p->known || (p->asked_count == 0 && !is_liar))
		return;
	if (p->asked_count > 0) {
		memmove(p->asked, p->asked + 1, sizeof(p->asked) - sizeof(p->asked[0]));
		p->asked_count--;
	}
	uint64_t begin = (uint64_t)block * METADATA_BLOCK;
	uint64_t length = begin < p->size ? p->size - begin : 0;
	if (length > METADATA_BLOCK)
		length = METADATA_BLOCK;
	uint32_t total = p->size;
	memset(buffer, 0, sizeof(buffer));
	if (begin < r->truth_size && begin + length <= r->truth_size)
		memcpy(buffer, r->truth + begin, length);
	if (is_liar) {
		buffer[0] ^= what & 1;
		total += (what & 30) == 0;
		length += (what & 62) == 2 && length < METADATA_BLOCK;
		block += (what & 62) == 4;
	}
	switch (metadata_on_data(r->m, i, block, total, bytes_of(buffer, length), r->now)) {
	case METADATA_MORE:
		break;
	case METADATA_READY:
		take(r);
		break;
	case METADATA_WRONG:
		break;
	case METADATA_LIE:
		assert(is_liar);
		gone(r, i);
		break;
	}
}

static void drain(struct run *r)
{
	uint32_t key, have, total;

	while (metadata_next_liar(r->m, &key)) {
		assert(key < LIARS);
		gone(r, key);
	}
	metadata_progress(r->m, &have, &total);
	assert(have <= total);
}

static void move(struct run *r)
{
	const uint8_t what = next(r);
	const uint32_t i = next(r) % PEERS;
	struct peer *p = &r->peers[i];

	switch (what % 8) {
	case 0:
		gone(r, i);
		break;
	case 1:
	case 2:
		claim(r, i);
		break;
	case 3:
		if (p->asked_count > 0)
			metadata_on_reject(r->m, i, p->asked[--p->asked_count], r->now);
		break;
	case 4:
	case 5:
		ask(r, i);
		break;
	default:
		answer(r, i, what / 8);
	}
	r->now += (usec)next(r) * 50 * USEC_PER_MS;
	if (r->now >= metadata_deadline(r->m)) {
		for (uint32_t k = 0; k < PEERS; k++)
			ask(r, k);
		assert(metadata_deadline(r->m) > r->now);
	}
	drain(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run *r = memory_zeroed(1, sizeof(*r));
	uint8_t hash[SHA1_SIZE];

	r->data = data;
	r->left = size;
	r->now = 1;
	r->truth_size = 1 + (next(r) * 400u) % SIZE_MAX_TRIED;
	for (uint32_t i = 0; i < r->truth_size; i++)
		r->truth[i] = (uint8_t)(i * 7 + (i >> 8));
	sha1(bytes_of(r->truth, r->truth_size), hash);
	r->m = metadata_new(hash);
	while (r->left > 0)
		move(r);
	/* The honest ones alone bring it home, whatever was before. */
	for (uint32_t i = 0; i < LIARS; i++)
		gone(r, i);
	for (uint32_t i = LIARS; i < PEERS && !r->ready; i++)
		if (!r->peers[i].known)
			claim(r, i);
	for (uint32_t round = 0; round < 200 && !r->ready; round++) {
		for (uint32_t i = LIARS; i < PEERS; i++) {
			ask(r, i);
			ask(r, i);
			while (r->peers[i].asked_count > 0 && !r->ready)
				answer(r, i, 0);
		}
		r->now += USEC_PER_SEC;
		drain(r);
	}
	assert(r->ready);
	metadata_free(r->m);
	free(r);
	return 0;
}
