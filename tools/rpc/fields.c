/* tools/rpc/fields.c: the fields of torrent-get that are one value; those that
 * are lists stand in field_lists.c. */
#include "tools/rpc/fields.h"

#include "proto/magnet.h"
#include "proto/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { VIEW_PEERS_MAX = 512 };

enum { /* status, as clients number it */
	STATUS_STOPPED = 0,
	STATUS_CHECK_WAIT = 1,
	STATUS_CHECK = 2,
	STATUS_DOWNLOAD = 4,
	STATUS_SEED = 6,
};

enum { ETA_NONE = -1, ETA_UNKNOWN = -2, ERROR_LOCAL = 3 };

void view_peers(struct view *v)
{
	if (v->peers_known)
		return;
	v->peers_known = true;
	if (v->s.peers == 0)
		return;
	v->peers = memory_zeroed(VIEW_PEERS_MAX, sizeof *v->peers);
	v->peer_count = session_peers(host_session(v->rpc->host), v->t->id, v->peers, VIEW_PEERS_MAX,
	                              host_now(v->rpc->host));
	if (v->peer_count > VIEW_PEERS_MAX)
		v->peer_count = VIEW_PEERS_MAX;
}

bool view_is_wanted(const struct view *v, uint32_t file)
{
	return v->t->wanted == NULL || file >= v->t->file_count || v->t->wanted[file] != 0;
}

int view_priority(const struct view *v, uint32_t file)
{
	return v->t->priorities == NULL || file >= v->t->file_count ? 0 : v->t->priorities[file];
}

uint64_t view_uploaded(const struct view *v)
{
	return v->s.uploaded + (uint64_t)v->t->uploaded_before;
}

uint64_t view_downloaded(const struct view *v)
{
	return v->s.downloaded + (uint64_t)v->t->downloaded_before;
}

static uint64_t left(const struct view *v)
{
	return v->s.wanted > v->s.verified ? v->s.wanted - v->s.verified : 0;
}

/* ---- numbers ---- */

#define FIELD_INT(function, value)                                  \
	static void function(struct view *v, struct json_out *o)    \
	{                                                           \
		json_out_int(o, (int64_t)(value));                  \
	}
#define FIELD_SIZE(function, value)                                 \
	static void function(struct view *v, struct json_out *o)    \
	{                                                           \
		json_out_size(o, value);                            \
	}
#define FIELD_CONSTANT(function, value)                             \
	static void function(struct view *v, struct json_out *o)    \
	{                                                           \
		(void)v;                                            \
		json_out_int(o, value);                             \
	}

FIELD_INT(activity, v->t->activity_at)
FIELD_INT(added, v->record == NULL ? 0 : v->record->added_at)
FIELD_INT(date_created, v->m == NULL ? 0 : v->m->created_at)
FIELD_INT(done_date, v->t->done_at)
FIELD_INT(edit_date, v->t->edited_at)
FIELD_INT(start_date, v->t->started_at)
FIELD_INT(file_count, v->m == NULL ? 0 : v->m->file_count)
FIELD_INT(id, v->t->number)
FIELD_INT(queue_position, v->t->queue)
FIELD_INT(piece_count, v->m == NULL ? 0 : v->m->piece_count)
FIELD_INT(piece_size, v->m == NULL ? 0 : v->m->piece_length)
FIELD_INT(max_peers, v->t->peer_limit)
FIELD_INT(peers_connected, v->s.peers)
FIELD_INT(seconds_downloading, v->t->seconds_down)
FIELD_INT(seconds_seeding, v->t->seconds_seed)
FIELD_SIZE(have_valid, v->s.verified)
FIELD_SIZE(left_until_done, left(v))
FIELD_SIZE(size_when_done, v->s.wanted)
FIELD_SIZE(total_size, v->s.total)
FIELD_SIZE(rate_download, v->s.down_rate)
FIELD_SIZE(rate_upload, v->s.up_rate)
FIELD_SIZE(uploaded_ever, view_uploaded(v))
FIELD_SIZE(downloaded_ever, view_downloaded(v))
FIELD_SIZE(corrupt_ever, v->s.wasted + (uint64_t)v->t->wasted_before)
FIELD_CONSTANT(have_unchecked, 0)
FIELD_CONSTANT(webseeds_sending, 0)
FIELD_CONSTANT(manual_announce, 0)

static int status_of(const struct view *v)
{
	switch (v->s.state) {
	case TORRENT_PAUSED:
	case TORRENT_ERROR:
		return STATUS_STOPPED;
	case TORRENT_OPENING:
		return STATUS_CHECK_WAIT;
	case TORRENT_CHECKING:
		return STATUS_CHECK;
	case TORRENT_METADATA:
	case TORRENT_DOWNLOADING:
		return STATUS_DOWNLOAD;
	case TORRENT_SEEDING:
		return STATUS_SEED;
	}
	return STATUS_STOPPED;
}

FIELD_INT(status, status_of(v))
FIELD_INT(error, v->s.state == TORRENT_ERROR ? ERROR_LOCAL : 0)

static int64_t eta_of(const struct view *v)
{
	if (v->s.state == TORRENT_METADATA)
		return ETA_UNKNOWN;
	if (v->s.state != TORRENT_DOWNLOADING)
		return ETA_NONE;
	if (v->s.down_rate == 0)
		return ETA_UNKNOWN;
	return (int64_t)(left(v) / v->s.down_rate);
}

FIELD_INT(eta, eta_of(v))

static int64_t eta_idle_of(const struct view *v)
{
	int64_t minutes = v->t->idle_limit, left_seconds;

	if (v->s.state != TORRENT_SEEDING || v->t->idle_mode == 2 ||
	    (v->t->idle_mode == 0 && !rpc_setting_bool(v->rpc, "idle-seeding-limit-enabled")))
		return ETA_NONE;
	if (v->t->idle_mode == 0)
		minutes = (int64_t)rpc_setting_number(v->rpc, "idle-seeding-limit");
	left_seconds = minutes * 60 - (v->now - v->t->seed_moved_at);
	return left_seconds < 0 ? 0 : left_seconds;
}

FIELD_INT(eta_idle, eta_idle_of(v))

/* Whom we get something from, or give to. */
static uint32_t count_moving(struct view *v, bool up)
{
	uint32_t count = 0;

	view_peers(v);
	for (uint32_t i = 0; i < v->peer_count; i++)
		count += up ? v->peers[i].up_rate > 0 : v->peers[i].down_rate > 0;
	return count;
}

FIELD_INT(peers_getting, count_moving(v, true))
FIELD_INT(peers_sending, count_moving(v, false))

/* What is missing and some peer has: all, as soon as one is a seed. */
static uint64_t desired_available(const struct view *v)
{
	uint64_t most = 0, missing = left(v);
	uint32_t best = 0;
	struct view *mine = (struct view *)(uintptr_t)v;

	if (v->s.seeds > 0 || missing == 0 || v->m == NULL)
		return missing;
	view_peers(mine);
	for (uint32_t i = 0; i < v->peer_count; i++)
		if (v->peers[i].pieces > best)
			best = v->peers[i].pieces;
	/* At least this much of the best peer's must be new to us. */
	if (best > v->s.pieces_have)
		most = (uint64_t)(best - v->s.pieces_have) * v->m->piece_length;
	return most < missing ? most : missing;
}

FIELD_SIZE(desired, desired_available(v))

/* ---- reals ---- */

static double part(uint64_t some, uint64_t all)
{
	return all == 0 ? 0 : (double)some / (double)all;
}

#define FIELD_REAL(function, value)                                 \
	static void function(struct view *v, struct json_out *o)    \
	{                                                           \
		json_out_real(o, value);                            \
	}

FIELD_REAL(metadata_percent, v->s.has_metadata ? 1 : part(v->s.metadata_have, v->s.metadata_total))
FIELD_REAL(percent_complete, part(v->s.verified, v->s.total))
FIELD_REAL(percent_done, part(v->s.verified, v->s.wanted))
FIELD_REAL(recheck_progress,
           v->s.state == TORRENT_CHECKING ? part(v->s.pieces_checked, v->s.piece_count) : 0)

/* Of what there is when nothing had to be fetched; -1: nothing of either. */
static double ratio_of(const struct view *v)
{
	uint64_t down = view_downloaded(v);

	if (down == 0)
		down = v->s.verified;
	return down == 0 ? -1 : (double)view_uploaded(v) / (double)down;
}

FIELD_REAL(upload_ratio, ratio_of(v))

/* ---- texts and truths ---- */

#define FIELD_TEXT(function, value)                                 \
	static void function(struct view *v, struct json_out *o)    \
	{                                                           \
		json_out_text(o, value);                            \
	}
#define FIELD_BOOL(function, value)                                 \
	static void function(struct view *v, struct json_out *o)    \
	{                                                           \
		json_out_bool(o, value);                            \
	}

FIELD_TEXT(comment, v->m == NULL ? "" : v->m->comment)
FIELD_TEXT(creator, v->m == NULL ? "" : v->m->created_by)
FIELD_TEXT(download_dir, v->record == NULL ? "" : v->record->directory)
FIELD_TEXT(error_string, v->s.state == TORRENT_ERROR ? v->s.error : "")
FIELD_TEXT(group, v->t->group)
FIELD_TEXT(name, v->s.name)
FIELD_BOOL(is_finished, v->t->finished && v->s.state == TORRENT_PAUSED)
FIELD_BOOL(is_private, v->m != NULL && v->m->is_private)
FIELD_BOOL(is_stalled, v->s.state == TORRENT_DOWNLOADING && v->s.down_rate == 0 &&
           rpc_setting_bool(v->rpc, "queue-stalled-enabled") &&
           v->now - (v->t->activity_at > v->t->started_at ? v->t->activity_at : v->t->started_at) >
                   (int64_t)rpc_setting_number(v->rpc, "queue-stalled-minutes") * 60)

static void hash_string(struct view *v, struct json_out *o)
{
	char hex[HEX_SHA1];

	json_out_text(o, hex_encode(bytes_of(v->t->info_hash, SHA1_SIZE), hex));
}

static void labels(struct view *v, struct json_out *o)
{
	json_out_begin(o, '[');
	for (size_t i = 0; i < json_array_size(v->t->labels); i++)
		json_out_text(o, json_string_value(json_array_get(v->t->labels, i)));
	json_out_end(o, ']');
}

static void magnet_link(struct view *v, struct json_out *o)
{
	const char *urls[MAGNET_TRACKERS_MAX];
	uint32_t count = 0;
	char *link;

	for (; v->m != NULL && count < v->m->tracker_count && count < MAGNET_TRACKERS_MAX; count++)
		urls[count] = v->m->trackers[count].url;
	link = magnet_format(v->t->info_hash, v->s.name, urls, count);
	json_out_text(o, link);
	free(link);
}

static void torrent_file(struct view *v, struct json_out *o)
{
	char hex[HEX_SHA1], path[RPC_PATH_MAX];

	snprintf(path, sizeof path, "%.3900s/torrents/%s.%s", v->rpc->config.state,
	         hex_encode(bytes_of(v->t->info_hash, SHA1_SIZE), hex),
	         v->m == NULL ? "magnet" : "torrent");
	json_out_text(o, path);
}

static const struct {
	const char *suffix, *type;
} mime_types[] = {
	{ ".avi", "video/x-msvideo" },   { ".epub", "application/epub+zip" },
	{ ".flac", "audio/flac" },       { ".gz", "application/gzip" },
	{ ".iso", "application/x-iso9660-image" }, { ".jpg", "image/jpeg" },
	{ ".mkv", "video/x-matroska" },  { ".mp3", "audio/mpeg" },
	{ ".mp4", "video/mp4" },         { ".ogg", "audio/ogg" },
	{ ".pdf", "application/pdf" },   { ".png", "image/png" },
	{ ".tar", "application/x-tar" }, { ".txt", "text/plain" },
	{ ".xz", "application/x-xz" },   { ".zip", "application/zip" },
};

/* Of the longest file. */
static void mime_type(struct view *v, struct json_out *o)
{
	const struct metainfo_file *longest = NULL;
	const char *suffix = NULL;

	for (uint32_t i = 0; v->m != NULL && i < v->m->file_count; i++)
		if (!v->m->files[i].pad && (longest == NULL || v->m->files[i].length > longest->length))
			longest = &v->m->files[i];
	if (longest != NULL)
		suffix = strrchr(longest->path, '.');
	for (size_t i = 0; suffix != NULL && i < sizeof mime_types / sizeof *mime_types; i++)
		if (strcasecmp(mime_types[i].suffix, suffix) == 0) {
			json_out_text(o, mime_types[i].type);
			return;
		}
	json_out_text(o, "application/octet-stream");
}

/* ---- the table ---- */

/* Its setting prints it, by this name. */
#define SETTING(name) { name, NULL }

const struct field fields[] = {
	{ "activityDate", activity },
	{ "addedDate", added },
	{ "availability", field_availability },
	SETTING("bandwidthPriority"),
	{ "bytesCompleted", field_bytes_completed },
	{ "comment", comment },
	{ "corruptEver", corrupt_ever },
	{ "creator", creator },
	{ "dateCreated", date_created },
	{ "desiredAvailable", desired },
	{ "doneDate", done_date },
	{ "downloadDir", download_dir },
	{ "downloadedEver", downloaded_ever },
	SETTING("downloadLimit"),
	SETTING("downloadLimited"),
	{ "editDate", edit_date },
	{ "error", error },
	{ "errorString", error_string },
	{ "eta", eta },
	{ "etaIdle", eta_idle },
	{ "file-count", file_count },
	{ "files", field_files },
	{ "fileStats", field_file_stats },
	{ "group", group },
	{ "hashString", hash_string },
	{ "haveUnchecked", have_unchecked },
	{ "haveValid", have_valid },
	SETTING("honorsSessionLimits"),
	{ "id", id },
	{ "isFinished", is_finished },
	{ "isPrivate", is_private },
	{ "isStalled", is_stalled },
	{ "labels", labels },
	{ "leftUntilDone", left_until_done },
	{ "magnetLink", magnet_link },
	{ "manualAnnounceTime", manual_announce },
	SETTING("peer-limit"),
	{ "maxConnectedPeers", max_peers },
	{ "metadataPercentComplete", metadata_percent },
	{ "name", name },
	{ "peers", field_peers },
	{ "peersConnected", peers_connected },
	{ "peersFrom", field_peers_from },
	{ "peersGettingFromUs", peers_getting },
	{ "peersSendingToUs", peers_sending },
	{ "percentComplete", percent_complete },
	{ "percentDone", percent_done },
	{ "pieceCount", piece_count },
	{ "pieces", field_pieces },
	{ "pieceSize", piece_size },
	{ "primary-mime-type", mime_type },
	{ "priorities", field_priorities },
	{ "queuePosition", queue_position },
	{ "rateDownload", rate_download },
	{ "rateUpload", rate_upload },
	{ "recheckProgress", recheck_progress },
	{ "secondsDownloading", seconds_downloading },
	{ "secondsSeeding", seconds_seeding },
	SETTING("seedIdleLimit"),
	SETTING("seedIdleMode"),
	SETTING("seedRatioLimit"),
	SETTING("seedRatioMode"),
	SETTING("sequential_download"),
	{ "sizeWhenDone", size_when_done },
	{ "startDate", start_date },
	{ "status", status },
	{ "torrentFile", torrent_file },
	{ "totalSize", total_size },
	{ "trackerList", field_tracker_list },
	{ "trackers", field_trackers },
	{ "trackerStats", field_tracker_stats },
	{ "uploadedEver", uploaded_ever },
	SETTING("uploadLimit"),
	SETTING("uploadLimited"),
	{ "uploadRatio", upload_ratio },
	{ "wanted", field_wanted },
	{ "webseeds", field_webseeds },
	{ "webseedsSendingToUs", webseeds_sending },
};
const size_t fields_count = sizeof fields / sizeof *fields;
