/* proto/url.c: the form of URLs, not their meaning: the libraries that use
 * them parse them again. */
#include "proto/url.h"

#include "proto/endpoint.h"
#include "proto/utf8.h"

#include <strings.h>

enum { HOST_MAX = 253 }; /* RFC 1035: of a name in dotted form */

bool url_is_word(struct bytes text)
{
	for (size_t at = 0; at < text.size;) {
		uint32_t code;
		const size_t size = utf8_decode(text, at, &code);
		if (size == 0 || code == ' ' || utf8_is_unprintable(code))
			return false;
		at += size;
	}
	return text.size != 0;
}

/* Something must follow the scheme. */
static bool has_scheme(struct bytes url, const char *scheme)
{
	const size_t size = strlen(scheme);

	return url.size > size && strncasecmp((const char *)url.data, scheme, size) == 0;
}

bool url_is_web(struct bytes url, size_t size_max)
{
	return (has_scheme(url, "http://") || has_scheme(url, "https://")) &&
	       url.size <= size_max && url_is_word(url);
}

bool url_is_tracker(struct bytes url, size_t size_max)
{
	return url_is_web(url, size_max) ||
	       (has_scheme(url, "udp://") && url.size <= size_max && url_is_word(url));
}

static bool is_port(const uint8_t *digits, size_t size)
{
	uint32_t port = 0;

	for (size_t i = 0; i < size; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return false;
		port = port * 10 + (uint32_t)(digits[i] - '0');
	}
	return size != 0 && size <= 5 && port != 0 && port <= UINT16_MAX;
}

bool url_is_host_port(struct bytes text)
{
	size_t colon = text.size;

	if (text.size > HOST_MAX + 6 || !url_is_word(text))
		return false;
	while (colon > 0 && text.data[colon - 1] != ':')
		colon--;
	if (colon < 2 || !is_port(text.data + colon, text.size - colon))
		return false;
	const size_t host = colon - 1;
	if (text.data[0] == '[') {
		struct endpoint e;
		char copy[HOST_MAX + 7];
		memcpy(copy, text.data, text.size);
		copy[text.size] = '\0';
		return endpoint_parse(copy, 0, &e);
	}
	/* A colon in the host would be v6 without brackets; the others belong to
	 * URLs. */
	for (size_t i = 0; i < host; i++) {
		if (strchr(":/@?#[]%\\", text.data[i]) != NULL)
			return false;
	}
	return host <= HOST_MAX;
}
