/* dht/contacts.h: addresses that may be nodes, for when the table needs them:
 * given by the user, saved, routers, from PORT messages and magnets. */
#ifndef DHT_CONTACTS_H
#define DHT_CONTACTS_H

#include "dht/node.h"

enum {
	CONTACTS_MAX = 256,
	CONTACTS_KEPT = 32,     /* that many stay, however often they fail */
	CONTACT_FAILS_MAX = 8,  /* beyond those, out after that many silences */
};

struct contact {
	struct endpoint endpoint;
	bool router;
	uint8_t fails;  /* in a row */
	bool answered;  /* ever */
	bool tried;     /* in this round */
	usec tried_at;  /* 0: never */
};

struct contacts {
	struct contact *list; /* owned */
	uint32_t count, room;
};

void contacts_deinit(struct contacts *c);
/* Known ones are not added twice; a full list gives up its worst. */
void contacts_add(struct contacts *c, const struct endpoint *e, bool router);
bool contacts_is_router(const struct contacts *c, const struct endpoint *e);
/* The one to try next among untried ones of the round: fewest fails, longest
 * ago. NULL: none left. Marked as tried. */
struct contact *contacts_next(struct contacts *c, enum endpoint_family family, bool router,
                              usec now);
void contacts_begin_round(struct contacts *c, enum endpoint_family family);
void contacts_on_result(struct contacts *c, const struct endpoint *e, bool answered);

#endif
