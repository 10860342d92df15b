/* dht/output.h: what a node wants to say, in the order it came up.
 *
 * One growing buffer of records; when everything was read it starts at its
 * beginning again, so the steady state allocates nothing. */
#ifndef DHT_OUTPUT_H
#define DHT_OUTPUT_H

#include "dht/node.h"

enum { OUTPUTS_KEPT = 1024 }; /* a larger buffer is given back when empty */

struct outputs {
	uint8_t *data; /* owned */
	size_t used, room, read;
};

void outputs_deinit(struct outputs *o);
/* payload is copied: the datagram, peers, nodes, hashes or item of the kind. */
void outputs_add(struct outputs *o, const struct dht_output *what, const void *payload,
                 size_t payload_size);
bool outputs_next(struct outputs *o, struct dht_output *out);

#endif
