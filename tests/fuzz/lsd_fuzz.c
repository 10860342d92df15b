/* tests/fuzz/lsd_fuzz.c: any packet as a local announce.
 *
 * Holds: what is read is within its limits, and written again it reads the same. */
#include <assert.h>
#include <stdlib.h>

#include "peer/discover/lsd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct bytes packet)
{
	static struct lsd_announce a, again;
	uint8_t written[LSD_PACKET_MAX];
	struct writer w;
	struct lsd l = { .sent_at = USEC_NEVER };

	if (!lsd_announce_read(&a, packet))
		return;
	assert(a.port != 0 && a.count > 0 && a.count <= LSD_READ_HASHES_MAX);
	assert(memchr(a.cookie, '\0', sizeof(a.cookie)) != NULL);
	if (a.count > LSD_HASHES_MAX)
		a.count = LSD_HASHES_MAX;
	writer_init(&w, written, sizeof(written));
	lsd_announce_write(&w, &l, ENDPOINT_V6, a.port,
	                   (const uint8_t (*)[SHA1_SIZE])a.info_hashes, a.count);
	assert(lsd_announce_read(&again, writer_bytes(&w)));
	assert(again.port == a.port && again.count == a.count);
	assert(memcmp(again.info_hashes, a.info_hashes, a.count * SHA1_SIZE) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* As it is, and as the headers of an announce that is good so far. */
	static const char good[] = "BT-SEARCH * HTTP/1.1\r\nport: 9\r\n"
	                           "infohash: 123456789abcdef0123456789abcdef012345678\r\n";
	uint8_t packet[2048];

	check(bytes_of(data, size));
	if (size > sizeof(packet) - sizeof(good))
		return 0;
	memcpy(packet, good, sizeof(good) - 1);
	if (size > 0)
		memcpy(packet + sizeof(good) - 1, data, size);
	check(bytes_of(packet, sizeof(good) - 1 + size));
	return 0;
}
