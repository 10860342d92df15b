/* tools/lab/store.c: the lab's content and its memory disk.
 *
 * Bytes are never kept per host: what was stored is equal to the content, so a
 * bit per piece is enough, and reads come from there. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/bencode.h"
#include "proto/memory.h"
#include "tools/lab/lab_internal.h"

struct lab_content {
	uint8_t *bytes;      /* owned */
	uint64_t size;
	uint32_t piece_length;
	uint8_t *torrent;    /* owned: a .torrent file */
	size_t torrent_size;
	uint8_t info_hash[SHA1_SIZE];
};

static void put_files(struct writer *w, const uint64_t *sizes, uint32_t count)
{
	bencode_put_key(w, "files");
	bencode_begin_list(w);
	for (uint32_t i = 0; i < count; i++) {
		char name[32];
		const int n = snprintf(name, sizeof name, "file-%u", i);
		bencode_begin_dict(w);
		bencode_put_key(w, "length");
		bencode_put_int(w, (int64_t)sizes[i]);
		bencode_put_key(w, "path");
		bencode_begin_list(w);
		bencode_put_string(w, bytes_of(name, (size_t)n));
		bencode_end(w);
		bencode_end(w);
	}
	bencode_end(w);
}

static void make_torrent(struct lab_content *c, const uint64_t *sizes, uint32_t count)
{
	const uint32_t pieces = (uint32_t)((c->size + c->piece_length - 1) / c->piece_length);
	const size_t room = 4096 + (size_t)pieces * SHA1_SIZE + (size_t)count * 128;
	uint8_t *hashes = memory_alloc((size_t)pieces * SHA1_SIZE + 1);
	struct writer w;
	for (uint32_t i = 0; i < pieces; i++) {
		const uint64_t begin = (uint64_t)i * c->piece_length;
		const uint64_t left = c->size - begin;
		sha1(bytes_of(c->bytes + begin, left < c->piece_length ? left : c->piece_length),
		     hashes + (size_t)i * SHA1_SIZE);
	}
	c->torrent = memory_alloc(room);
	writer_init(&w, c->torrent, room);
	bencode_begin_dict(&w);
	bencode_put_key(&w, "info");
	bencode_begin_dict(&w);
	if (sizes != NULL) {
		put_files(&w, sizes, count);
	} else {
		bencode_put_key(&w, "length");
		bencode_put_int(&w, (int64_t)c->size);
	}
	bencode_put_key(&w, "name");
	bencode_put_text(&w, "lab");
	bencode_put_key(&w, "piece length");
	bencode_put_int(&w, c->piece_length);
	bencode_put_key(&w, "pieces");
	bencode_put_string(&w, bytes_of(hashes, (size_t)pieces * SHA1_SIZE));
	bencode_end(&w);
	bencode_end(&w);
	c->torrent_size = writer_bytes(&w).size;
	free(hashes);
}

struct lab_content *lab_content_new(uint64_t seed, uint64_t size, uint32_t piece_length,
                                    const uint64_t *file_sizes, uint32_t file_count)
{
	struct lab_content *c = memory_zeroed(1, sizeof *c);
	struct rng rng;
	struct metainfo m;
	c->size = size;
	c->piece_length = piece_length;
	c->bytes = memory_alloc(size + 1);
	rng_init_number(&rng, seed, 77);
	rng_fill(&rng, c->bytes, size);
	make_torrent(c, file_sizes, file_count);
	lab_content_metainfo(c, &m);
	memcpy(c->info_hash, m.info_hash, SHA1_SIZE);
	metainfo_deinit(&m);
	return c;
}

void lab_content_free(struct lab_content *c)
{
	if (c == NULL)
		return;
	free(c->bytes);
	free(c->torrent);
	free(c);
}

void lab_content_metainfo(const struct lab_content *c, struct metainfo *m)
{
	char reason[METAINFO_REASON_MAX];
	const bool ok = metainfo_parse(m, bytes_of(c->torrent, c->torrent_size), reason);
	assert(ok);
	(void)ok;
}

const uint8_t *lab_content_hash(const struct lab_content *c)
{
	return c->info_hash;
}

const uint8_t *lab_content_bytes(const struct lab_content *c)
{
	return c->bytes;
}

/* ---- the disk ---- */

struct lab_torrent *store_torrent(struct lab_host *h, torrent_id t)
{
	for (struct lab_torrent *l = h->torrents; l != NULL; l = l->next)
		if (l->id == t)
			return l;
	return NULL;
}

struct pending {
	struct lab_host *host;
	enum action_kind kind;
	torrent_id torrent;
	struct disk_job job;
};

static void on_opened(struct world *w, void *owner, uint64_t a, uint64_t b)
{
	struct pending *p = owner;
	struct lab_host *h = p->host;
	struct lab_torrent *t = store_torrent(h, p->torrent);
	const struct metainfo *m = h->session != NULL ? session_metainfo(h->session, p->torrent) : NULL;
	(void)a;
	(void)b;
	if (t != NULL && m != NULL) {
		uint64_t *sizes = memory_zeroed(m->file_count + 1u, sizeof *sizes);
		for (uint32_t i = 0; i < m->file_count && t->stored.count != 0; i++)
			sizes[i] = m->files[i].length;
		const struct storage_found found = { h->disk, "the lab's disk fails", sizes };
		session_on_storage(h->session, p->torrent, &found, world_now(w));
		free(sizes);
		lab_pump_host(h);
	}
	free(p);
}

static struct pending *pending_new(struct lab_host *h, const struct action *a)
{
	struct pending *p = memory_zeroed(1, sizeof *p);
	p->host = h;
	p->kind = a->kind;
	p->torrent = a->torrent;
	p->job = a->job;
	return p;
}

void store_open(struct lab_host *h, const struct action *a)
{
	struct world *w = h->lab->world;
	world_at(w, world_now(w) + h->lab->config.disk_time, on_opened, pending_new(h, a), 0, 0);
}

/* Equal bytes have equal hashes, and comparing costs a fifth of hashing. */
static enum disk_result store_piece(struct lab_torrent *t, const struct disk_job *job)
{
	const uint8_t *truth = t->content->bytes + (uint64_t)job->piece * t->content->piece_length;
	for (uint32_t done = 0; done < job->length; done += CHUNK_SIZE) {
		const uint32_t left = job->length - done;
		if (memcmp(job->chunks[done / CHUNK_SIZE], truth + done,
		           left < CHUNK_SIZE ? left : CHUNK_SIZE) != 0)
			return DISK_BAD_HASH;
	}
	bitfield_set(&t->stored, job->piece);
	return DISK_OK;
}

static enum disk_result read_bytes_of(struct lab_host *h, const struct lab_torrent *t,
                                      const struct disk_job *job)
{
	struct rng *rng = world_rng(h->lab->world, WORLD_FAULTS);
	if (!bitfield_get(&t->stored, job->piece))
		return DISK_MISSING;
	for (uint32_t done = 0; done < job->length; done += CHUNK_SIZE) {
		const uint32_t left = job->length - done;
		memcpy(job->chunks[done / CHUNK_SIZE], t->content->bytes + job->offset + done,
		       left < CHUNK_SIZE ? left : CHUNK_SIZE);
	}
	for (uint32_t at = 0; h->config.lie > 0 && at < job->length; at += BLOCK_SIZE)
		if (rng_unit(rng) < h->config.lie)
			job->chunks[at / CHUNK_SIZE][at % CHUNK_SIZE] ^= 0x55;
	return DISK_OK;
}

static enum disk_result carry_out(struct lab_host *h, const struct pending *p)
{
	struct lab_torrent *t = store_torrent(h, p->torrent);
	if (h->disk != DISK_OK)
		return h->disk;
	if (t == NULL)
		return DISK_MISSING;
	if (p->kind == ACT_STORE)
		return store_piece(t, &p->job);
	if (p->kind == ACT_READ)
		return read_bytes_of(h, t, &p->job);
	return bitfield_get(&t->stored, p->job.piece) ? DISK_OK : DISK_BAD_HASH;
}

static void on_job_done(struct world *w, void *owner, uint64_t a, uint64_t b)
{
	struct pending *p = owner;
	struct lab_host *h = p->host;
	(void)a;
	(void)b;
	if (h->session != NULL) {
		const struct disk_done done = { p->job.id, carry_out(h, p), "the lab's disk fails" };
		session_on_job(h->session, &done, world_now(w));
		lab_pump_host(h);
	}
	free(p);
}

void store_job(struct lab_host *h, const struct action *a)
{
	struct world *w = h->lab->world;
	world_at(w, world_now(w) + h->lab->config.disk_time, on_job_done, pending_new(h, a), 0, 0);
}
