/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request over the loopback TCP listener must show before anything of it is read. Every
 * user of the machine and every page in a browser can reach a port, so: the address it was
 * meant for (a name that a page rebound to 127.0.0.1 is another Host), no foreign page behind
 * it, the token of STATE_DIR/tcp.token, and a body that no HTML form can send. Pure but for
 * door_admits. Unix sockets are not asked: their folder is the person's own.
 */
#ifndef HITHER_ROUTER_DOOR_H
#define HITHER_ROUTER_DOOR_H

#include <stdlib.h>

#include "crypto/crypto.h"
#include "http/server.h"

#define DOOR_LISTENER "tcp:" /* start of the listener's name; the address follows */

/* Its port; 0 for the names of Unix sockets. The name ends with a NUL. */
static inline uint16_t door_port(struct span listener)
{
	if (!span_starts(listener, DOOR_LISTENER))
		return 0;
	return (uint16_t)strtoul(strrchr(listener.ptr, ':') + 1, NULL, 10);
}

struct door_key {
	bool known; /* without it nobody gets in */
	struct crypto_sha256 digest;
};

/* Of config_listen.token_sha256. */
void door_key_read(const char *hex, struct door_key *ret);

/* What is looked at; ptr NULL: absent. */
struct door_visit {
	struct span method, path;
	struct span host, origin, fetch_site, content_type;
	struct span authorization, api_key;
	bool body;  /* it has one */
	bool twice; /* one of the fields above stands twice */
};

struct door_refusal {
	int status;          /* 400, 401, 403, 405, 415 */
	const char *code;    /* for the dialect's error */
	const char *message; /* for people */
};

/*
 * `port`: of the listener. True: it may be served, as *ret_path (the path without "/t/TOKEN").
 * The token stands in Authorization: Bearer, in x-api-key, or, for clients that can send
 * neither, at the start of the path.
 */
bool door_check(const struct door_visit *v, uint16_t port, const struct door_key *key,
		struct span *ret_path, struct door_refusal *reterr);

/*
 * True: serve it as *io_path. False: it was answered. `key` is not looked at for a Unix
 * socket.
 */
bool door_admits(struct http_exchange *x, const struct http_request *q,
		 const struct door_key *key, struct span *io_path);

#endif
