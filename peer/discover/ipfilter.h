/* peer/discover/ipfilter.h: addresses the user will have nothing to do with,
 * from the list formats in use: P2P text ("name:1.2.3.4-1.2.3.9"), DAT
 * ("001.002.003.004 - 001.002.003.009 , 000 , name"), and single addresses,
 * ranges or prefixes ("1.2.3.0/24", "2001:db8::/32") one a line. */
#ifndef PEER_DISCOVER_IPFILTER_H
#define PEER_DISCOVER_IPFILTER_H

#include "proto/endpoint.h"

enum {
	IPFILTER_RANGES_MAX = 1 << 21, /* per family; the largest lists in use have half */
	IPFILTER_DAT_BLOCKED = 128,    /* a DAT line blocks below this access level */
};

/* Both ends belong to it. */
struct ipfilter_v4 {
	uint32_t first, last;
};
struct ipfilter_v6 {
	uint8_t first[16], last[16];
};

struct ipfilter {
	struct ipfilter_v4 *v4; /* owned, sorted, apart from each other */
	struct ipfilter_v6 *v6; /* owned, likewise */
	uint32_t v4_count, v4_size, v6_count, v6_size;
};

struct ipfilter_report {
	uint32_t ranges;    /* lines that block something */
	uint32_t ignored;   /* lines that mean nothing; empty ones and comments not counted */
	uint32_t bad_line;  /* the first of those, from 1; 0: none */
	bool full;          /* IPFILTER_RANGES_MAX reached, the rest is left out */
};

void ipfilter_init(struct ipfilter *f);
void ipfilter_deinit(struct ipfilter *f);
/* Add a whole file. Lines end with LF or CRLF; '#' and ';' begin comments. Takes
 * time for long lists: not for the network thread. */
void ipfilter_load(struct ipfilter *f, struct bytes text, struct ipfilter_report *report);
/* O(log n). */
bool ipfilter_blocks(const struct ipfilter *f, const struct endpoint *e);

#endif
