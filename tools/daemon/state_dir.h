/* tools/daemon/state_dir.h: the daemon's state directory.
 *
 *	DIR/lock                   held by the running daemon
 *	DIR/torrents/HASH.torrent  as it was given, or built when its metadata came
 *	DIR/torrents/HASH.magnet   the link, until then
 *	DIR/torrents/HASH.state    where it downloads to, since when, paused
 *	DIR/torrents/HASH.resume   see resume_file.h
 *
 * A torrent exists when its .torrent or .magnet does; the others may be lost
 * without losing it. Every write is atomic (tools/io/files.h). */
#ifndef TOOLS_DAEMON_STATE_DIR_H
#define TOOLS_DAEMON_STATE_DIR_H

#include "proto/bytes.h"
#include "proto/hash.h"
#include "tools/io/files.h"

enum {
	STATE_TORRENTS_MAX = 200000,
	STATE_RECORD_MAX = 64 << 10,   /* bytes of a .state file */
	STATE_DIRECTORY_MAX = 4096,    /* bytes of a download directory's path */
	STATE_RESUME_MAX = 64 << 20,   /* bytes of a .resume file */
};

struct state_dir {
	char *torrents; /* owned: DIR/torrents */
	int lock;       /* descriptor, -1: none */
};

enum state_kind { STATE_TORRENT, STATE_MAGNET, STATE_STATE, STATE_RESUME };

struct state_record {
	char *directory;  /* owned; where the content goes */
	int64_t added_at; /* unix seconds */
	bool paused;
};

/* Makes what is missing and takes the lock. False: reason ("DIR: in use by
 * another daemon, process 123"). state_dir_close is safe after either. */
bool state_dir_open(struct state_dir *s, const char *directory, char reason[FILES_REASON_MAX]);
void state_dir_close(struct state_dir *s);

/* The info-hashes of all torrents, sorted; owned (free()), *count set; at most
 * STATE_TORRENTS_MAX. */
uint8_t (*state_dir_list(const struct state_dir *s, uint32_t *count))[SHA1_SIZE];
/* As files_load and files_save, of one of a torrent's files. */
uint8_t *state_dir_load(const struct state_dir *s, const uint8_t hash[SHA1_SIZE], enum state_kind kind,
                    size_t *size, char reason[FILES_REASON_MAX]);
bool state_dir_save(const struct state_dir *s, const uint8_t hash[SHA1_SIZE], enum state_kind kind,
                struct bytes content, char reason[FILES_REASON_MAX]);
bool state_dir_has(const struct state_dir *s, const uint8_t hash[SHA1_SIZE], enum state_kind kind);
/* Nothing happens when it is not there. */
void state_dir_drop(const struct state_dir *s, const uint8_t hash[SHA1_SIZE], enum state_kind kind);

/* Owned bytes (free()). */
uint8_t *state_dir_encode_record(const struct state_record *r, size_t *size);
/* False: damaged; *r is zeroed. Otherwise r->directory is owned. */
bool state_dir_decode_record(struct bytes file, struct state_record *r);

#endif
