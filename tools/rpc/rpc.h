/* tools/rpc/rpc.h: the daemon's remote control: Transmission's RPC (the legacy
 * dialect) over HTTP, on loopback TCP and a unix socket.
 *
 * Everything is answered on the network thread from memory; what needs the
 * disk (deleting, moving, free space) runs on a worker and is answered when
 * that is done. What RPC changes is kept in DIR/rpc/ of the state directory. */
#ifndef TOOLS_RPC_RPC_H
#define TOOLS_RPC_RPC_H

#include "tools/daemon/torrents.h"
#include "tools/io/host.h"

enum { RPC_REASON_MAX = 640, RPC_NAMES_MAX = 16, RPC_ROOTS_MAX = 16 };

struct rpc_config {
	const char *listen[RPC_NAMES_MAX]; /* ADDRESS:PORT or unix:PATH */
	uint32_t listen_count;
	const char *user;                  /* NULL: "shoal" */
	const char *password_file;         /* NULL: a secret of our own in the state directory */
	bool no_auth;
	const char *names[RPC_NAMES_MAX];  /* Host names besides addresses and localhost */
	uint32_t name_count;
	const char *roots[RPC_ROOTS_MAX];  /* content may lie below these */
	uint32_t root_count;
	const char *state;                 /* the state directory */
	const char *downloads;             /* the default download directory */
	uint64_t up_rate_max, down_rate_max; /* of the command line, when RPC sets none */
	uint32_t conns_max;
	bool dht;
	enum encryption_policy encryption;
};

struct rpc;
/* Texts are borrowed while it lives; names and roots too. NULL: reason. */
struct rpc *rpc_new(const struct rpc_config *config, struct host *host, struct torrents *torrents,
                    char reason[RPC_REASON_MAX]);
/* Once a second. */
void rpc_on_tick(struct rpc *r);
/* The host has ended its loop: save what is not saved, stop listening. */
void rpc_free(struct rpc *r);

#endif
