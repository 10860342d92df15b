/* tools/daemon/store.h: the daemon's state directory.
 *
 *	DIR/lock                   held by the running daemon
 *	DIR/torrents/HASH.torrent  as it was given, or built when its metadata came
 *	DIR/torrents/HASH.magnet   the link, until then
 *	DIR/torrents/HASH.state    where it downloads to, since when, paused
 *	DIR/torrents/HASH.resume   see resume.h
 *
 * A torrent exists when its .torrent or .magnet does; the others may be lost
 * without losing it. Every write is atomic (tools/io/files.h). */
#ifndef TOOLS_DAEMON_STORE_H
#define TOOLS_DAEMON_STORE_H

#include "proto/bytes.h"
#include "proto/hash.h"
#include "tools/io/files.h"

enum {
	STORE_TORRENTS_MAX = 200000,
	STORE_RECORD_MAX = 64 << 10,   /* bytes of a .state file */
	STORE_DIRECTORY_MAX = 4096,    /* bytes of a download directory's path */
	STORE_RESUME_MAX = 64 << 20,   /* bytes of a .resume file */
};

struct store {
	char *torrents; /* owned: DIR/torrents */
	int lock;       /* descriptor, -1: none */
};

enum store_kind { STORE_TORRENT, STORE_MAGNET, STORE_STATE, STORE_RESUME };

struct store_record {
	char *directory;  /* owned; where the content goes */
	int64_t added_at; /* unix seconds */
	bool paused;
};

/* Makes what is missing and takes the lock. False: reason ("DIR: in use by
 * another daemon, process 123"). store_close is safe after either. */
bool store_open(struct store *s, const char *directory, char reason[FILES_REASON_MAX]);
void store_close(struct store *s);

/* The info-hashes of all torrents, sorted; owned (free()), *count set; at most
 * STORE_TORRENTS_MAX. */
uint8_t (*store_list(const struct store *s, uint32_t *count))[SHA1_SIZE];
/* As files_load and files_save, of one of a torrent's files. */
uint8_t *store_load(const struct store *s, const uint8_t hash[SHA1_SIZE], enum store_kind kind,
                    size_t *size, char reason[FILES_REASON_MAX]);
bool store_save(const struct store *s, const uint8_t hash[SHA1_SIZE], enum store_kind kind,
                struct bytes content, char reason[FILES_REASON_MAX]);
bool store_has(const struct store *s, const uint8_t hash[SHA1_SIZE], enum store_kind kind);
/* Nothing happens when it is not there. */
void store_drop(const struct store *s, const uint8_t hash[SHA1_SIZE], enum store_kind kind);

/* Owned bytes (free()). */
uint8_t *store_encode_record(const struct store_record *r, size_t *size);
/* False: damaged; *r is zeroed. Otherwise r->directory is owned. */
bool store_decode_record(struct bytes file, struct store_record *r);

#endif
