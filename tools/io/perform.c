/* tools/io/perform.c: one switch over everything the engine may ask. */
#include "tools/io/host_state.h"
#include "tools/io/trackers.h"

enum { TEXT_MAX = 512 };

void host_tell(struct host *h, const struct host_event *event)
{
	if (h->listener != NULL)
		h->listener(h, event, h->context);
}

/* The text is the session's until the next call into it, and the listener may
 * call into it: it gets a copy. */
static void notice(struct host *h, const struct action *a)
{
	struct action copy = *a;
	struct host_event event = { .kind = HOST_NOTICE, .action = &copy };
	char text[TEXT_MAX];
	size_t size;

	if (a->text != NULL) {
		size = strnlen(a->text, sizeof(text) - 1);
		memcpy(text, a->text, size);
		text[size] = '\0';
		copy.text = text;
	}
	if (a->notice == NOTICE_DONE)
		disk_finish(h->disk, a->torrent);
	host_trackers_on_notice(h, a);
	host_tell(h, &event);
}

static void open_storage(struct host *h, const struct action *a)
{
	const char *root = idmap_pointer(&h->roots, a->torrent);

	/* Without a root the torrent has been removed since it asked. */
	if (root != NULL)
		disk_open(h->disk, a->torrent, a->metainfo, root);
}

void host_perform(struct host *h, const struct action *a)
{
	const struct host_event metadata = { .kind = HOST_METADATA, .action = a };

	switch (a->kind) {
	case ACT_DIAL: tcp_dial(h->tcp, a->conn, &a->endpoint); break;
	case ACT_CLOSE: tcp_close(h->tcp, a->conn); break;
	case ACT_OUTPUT: tcp_output(h->tcp, a->conn); break;
	case ACT_INPUT: tcp_input(h->tcp, a->conn); break;
	case ACT_DHT_FOLLOW: host_dht_follow(h, a); break;
	case ACT_DHT_UNFOLLOW: host_dht_unfollow(h, a); break;
	case ACT_DHT_HURRY:
		if (h->dht != NULL)
			dht_node_hurry(h->dht, a->info_hash, loop_now());
		trackers_hurry(h->trackers, a->torrent);
		break;
	case ACT_DHT_CONTACT:
		if (h->dht != NULL)
			dht_node_add_contact(h->dht, &a->endpoint, DHT_CONTACT, loop_now());
		break;
	case ACT_STORAGE_OPEN: open_storage(h, a); break;
	case ACT_STORAGE_CLOSE: disk_close(h->disk, a->torrent); break;
	case ACT_STORE:
	case ACT_WRITE:
	case ACT_READ:
	case ACT_CHECK: disk_submit(h->disk, a->kind, &a->job); break;
	case ACT_NOTICE: notice(h, a); break;
	case ACT_METADATA: host_tell(h, &metadata); break;
	}
}
