/* tests/fuzz/endpoint_fuzz.c: any bytes as a compact endpoint and as text. */
#include "proto/endpoint.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct endpoint *e)
{
	static const uint8_t zero[12];
	uint8_t compact[ENDPOINT_COMPACT_V6];
	char text[ENDPOINT_TEXT_MAX], address[ENDPOINT_TEXT_MAX];
	struct endpoint again;

	assert(e->family == ENDPOINT_V4 || e->family == ENDPOINT_V6);
	assert(e->family == ENDPOINT_V6 || memcmp(e->address + 4, zero, 12) == 0);
	const size_t size = endpoint_to_compact(e, compact);
	assert(endpoint_from_compact(bytes_of(compact, size), &again));
	assert(memcmp(e, &again, sizeof(again)) == 0);
	endpoint_format(e, text);
	assert(endpoint_parse(text, 0, &again) == (e->port != 0));
	assert(e->port == 0 || memcmp(e, &again, sizeof(again)) == 0);
	assert(endpoint_parse(endpoint_format_address(e, address), 9, &again));
	assert(endpoint_same_address(e, &again));
	assert(endpoint_subnet(e) == endpoint_subnet(&again));
	assert(!endpoint_is_usable(e) || endpoint_class(e) != ENDPOINT_UNUSABLE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct endpoint e;
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	if (endpoint_from_compact(bytes_of(data, size), &e))
		check(&e);
	else
		assert(e.family == ENDPOINT_NONE);
	if (endpoint_parse(text, 0, &e)) {
		assert(e.port != 0);
		check(&e);
	}
	if (endpoint_parse(text, 6881, &e))
		check(&e);
	free(text);
	return 0;
}
