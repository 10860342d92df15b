/* tools/io/host_trackers.c: introduces the trackers to the session: which
 * torrents announce follows their state, what they say comes from their
 * status, and the peers go where all candidates are judged. */
#include "tools/io/courier.h"
#include "tools/io/host_state.h"
#include "tools/io/http.h"
#include "tools/io/trackers.h"
#include "tools/io/udp_tracker.h"

enum { LEFT_UNKNOWN = 16 << 10 }; /* a magnet's, before the metadata: not 0, which is a seed */

static bool facts(void *context, uint64_t torrent, struct trackers_facts *out)
{
	struct host *h = context;
	struct torrent_status s;

	if (!session_status(h->session, torrent, &s, loop_now()))
		return false;
	memcpy(out->info_hash, s.info_hash, SHA1_SIZE);
	memcpy(out->peer_id, session_peer_id(h->session), PEER_ID_SIZE);
	out->uploaded = s.uploaded;
	out->downloaded = s.downloaded;
	/* Of everything: who chose a part of the files never becomes a seed. */
	out->left = s.has_metadata ? s.total - s.verified : LEFT_UNKNOWN;
	out->port = h->sockets.port;
	out->crypto = h->encryption != ENCRYPTION_OFF;
	out->crypto_required = h->encryption == ENCRYPTION_REQUIRED;
	return true;
}

static void peers(void *context, uint64_t torrent, const struct endpoint *list, uint32_t count)
{
	struct host *h = context;

	session_on_peers(h->session, torrent, list, count, SOURCE_TRACKER, loop_now());
}

void host_trackers_start(struct host *h, const struct host_config *config)
{
	const struct trackers_owner owner = { facts, peers, h };

	h->encryption = config->engine.encryption;
	h->http = http_new(&h->loop, h->dns, &h->bind);
	http_trust(h->http, config->tls_ca);
	h->udp_tracker = udp_tracker_new(&h->loop, h->udp);
	udp_set_tracker(h->udp, udp_tracker_on_datagram, h->udp_tracker);
	h->courier = courier_new(&h->loop, h->dns, h->http, h->udp_tracker, &h->bind);
	h->trackers = trackers_new(&h->loop, h->courier, &owner);
}

void host_trackers_deinit(struct host *h)
{
	trackers_free(h->trackers);
	courier_free(h->courier);
	udp_tracker_free(h->udp_tracker);
	http_free(h->http);
}

/* A torrent that is being opened or checked does not know yet what it lacks;
 * it goes on with what it did. */
static void follow_state(struct host *h, torrent_id t)
{
	struct torrent_status s;

	if (h->stopping || !session_status(h->session, t, &s, loop_now()))
		return;
	trackers_set_partial(h->trackers, t, s.state == TORRENT_SEEDING && s.wanted < s.total);
	switch (s.state) {
	case TORRENT_METADATA:
	case TORRENT_DOWNLOADING:
	case TORRENT_SEEDING:
		trackers_start(h->trackers, t, s.state == TORRENT_SEEDING && s.wanted == s.total);
		break;
	case TORRENT_PAUSED:
	case TORRENT_ERROR:
		trackers_stop(h->trackers, t);
		break;
	case TORRENT_OPENING:
	case TORRENT_CHECKING:
		break;
	}
}

void host_trackers_on_notice(struct host *h, const struct action *a)
{
	struct torrent_status s;

	if (a->notice == NOTICE_STATE)
		follow_state(h, a->torrent);
	/* What was found on the disk is not a download. */
	if (a->notice == NOTICE_DONE && session_status(h->session, a->torrent, &s, loop_now()) &&
	    s.downloaded > 0 && s.wanted == s.total)
		trackers_complete(h->trackers, a->torrent);
}

void host_trackers_add_known(struct host *h, torrent_id t)
{
	const struct metainfo *m = session_metainfo(h->session, t);
	const char *reason;
	uint32_t i;

	for (i = 0; m != NULL && i < m->tracker_count; i++)
		(void)host_add_tracker(h, t, m->trackers[i].url, m->trackers[i].tier, &reason);
}

bool host_add_tracker(struct host *h, torrent_id t, const char *url, uint32_t tier,
                      const char **reason)
{
	bool added = trackers_add(h->trackers, t, url, tier, reason);

	follow_state(h, t);
	return added;
}

struct trackers *host_trackers(struct host *h)
{
	return h->trackers;
}
