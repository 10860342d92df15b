/* peer/discover/priority.h: canonical peer priority (BEP 40): a number that both
 * ends of a possible connection arrive at, so that who keeps which connections
 * is neither first come, first served nor open to a flood. */
#ifndef PEER_DISCOVER_PRIORITY_H
#define PEER_DISCOVER_PRIORITY_H

#include "proto/endpoint.h"

/* us: as the peer sees us. The higher, the rather connected; 0 where the
 * families differ. */
uint32_t peer_priority(const struct endpoint *us, const struct endpoint *them);

#endif
