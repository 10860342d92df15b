/* tools/cli/tracker_news.h: shows what changes about the trackers of a
 * torrent: which one answers, which one does not and why, what one warns of.
 *
 * Only the host of a tracker is shown: its path often holds a passkey. */
#ifndef TOOLS_CLI_TRACKER_NEWS_H
#define TOOLS_CLI_TRACKER_NEWS_H

#include "tools/cli/show.h"
#include "tools/io/host.h"

struct tracker_told;

struct tracker_news {
	struct tracker_told *told; /* owned: what was said last of each */
	uint32_t count;
};

/* All zeroes is a start. */
void tracker_news_deinit(struct tracker_news *n);
/* Look, and say what is new. */
void tracker_news_show(struct tracker_news *n, struct show *show, struct host *host,
                       torrent_id torrent);

#endif
