/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's socket: fresh connections for the router, and short exchanges of our own
 * (GET /health, GET /props; llama.cpp tools/server/README.md).
 *
 * Connections are made when they are asked for and not kept in stock: to connect to a Unix
 * socket takes microseconds, while the engine closes a silent connection after 5 seconds and
 * spends one of its HTTP threads on it until then.
 */
#ifndef HITHER_LOCAL_ENDPOINT_H
#define HITHER_LOCAL_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "common/err.h"
#include "local/supervise.h"

/*
 * A connected stream socket, close-on-exec, non-blocking. ERR_AGAIN: the backlog is full;
 * ERR_PEER_GONE: nobody listens; ERR_TOO_BIG: the path; ERR_SYSTEM. A `path` "http:…" means the
 * address that the dialer knows (local/dialer.h).
 */
MUST_CHECK enum err endpoint_connect(const char *path, int *ret_fd);

struct endpoint;

struct endpoint_handler {
	void (*on_health)(void *ctx, enum supervise_health health);
	/* Tokens that one slot has for prompt and answer; 0: the engine did not say. */
	void (*on_props)(void *ctx, uint32_t context_tokens);
};

struct endpoint *endpoint_new(uv_loop_t *loop, const struct endpoint_handler *handler,
			      void *ctx);
/* Answers exactly once, and not before it returned, unless endpoint_reset() comes first. */
void endpoint_health(struct endpoint *e, const char *path);
/* As endpoint_health. False: nothing is under way, no answer will come. */
bool endpoint_props(struct endpoint *e, const char *path);
/* Gives up what is under way; no callback comes for it. */
void endpoint_reset(struct endpoint *e);

/* n_ctx of a /props body; 0 when it is not there. Pure. */
uint32_t endpoint_context_of(struct span body);

#endif
