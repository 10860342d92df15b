/* tools/cli/hashing.h: the piece hashes of a content, on all cores. */
#ifndef TOOLS_CLI_HASHING_H
#define TOOLS_CLI_HASHING_H

#include "tools/cli/content.h"

enum {
	HASHING_THREADS_MAX = 256,
	HASHING_REASON_MAX = 512,
};

struct hashing {
	const struct content *content; /* borrowed */
	uint32_t piece_length;         /* bytes */
	uint32_t piece_count;
	uint32_t threads;              /* 1 to HASHING_THREADS_MAX */
	uint8_t *pieces;               /* borrowed; piece_count * 20 bytes, written */
	/* Called about five times a second from the calling thread; NULL: never. */
	void (*on_progress)(void *context, uint64_t done_bytes);
	void *context;
};

/* False: reason names the file. A file that changed since the walk is an error. */
bool hashing_run(const struct hashing *h, char reason[HASHING_REASON_MAX]);

#endif
