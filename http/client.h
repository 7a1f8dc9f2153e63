/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP/1.1 exchange as a client over an already connected stream socket (an engine's
 * Unix socket): writes one request, streams the reply. No redirects, no compression, strict
 * llhttp. Cancelling closes the socket, which stops the engine's work.
 */
#ifndef HITHER_HTTP_CLIENT_H
#define HITHER_HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "common/err.h"
#include "common/span.h"

struct http_call;

struct http_call_handler {
	void (*on_head)(void *ctx, int status, struct span content_type);
	void (*on_data)(void *ctx, struct span bytes); /* body bytes, chunked coding undone */
	/* What one read of the socket gave has been told and more is to come; may be NULL. */
	void (*on_read_end)(void *ctx);
	/* Exactly once, last. `why` OK: the body ended as its framing says. `reusable`: the
	 * connection may carry another request; http_call_keep or http_call_take_fd inside. */
	void (*on_end)(void *ctx, enum err why, bool reusable);
};

struct http_call_limits {
	uint32_t header_bytes;
	uint32_t first_byte_timeout_ms, gap_timeout_ms;
	uint64_t total_bytes;
};

/*
 * Takes over `fd`. Sends `method path HTTP/1.1` with Host: localhost, Content-Type JSON and
 * the body (copied). NULL when memory is out (fd closed).
 */
struct http_call *http_call_start(uv_loop_t *loop, int fd, const char *method, const char *path,
				  struct span body, const struct http_call_limits *limits,
				  const struct http_call_handler *handler, void *ctx);
/*
 * The same for a relay, whose paths and fields come from elsewhere. `target` is path and query;
 * `fields` are whole lines, each with its CR LF, that the caller has checked: no framing fields
 * and no Host among them. All is copied. `on_field`, which may be NULL, gets each field of the
 * final head (not of a 1xx) before on_head, its value without white space around it.
 */
struct http_call_request {
	const char *method;
	struct span target, fields, body;
	void (*on_field)(void *ctx, struct span name, struct span value);
};
struct http_call *http_call_start_with(uv_loop_t *loop, int fd,
				       const struct http_call_request *request,
				       const struct http_call_limits *limits,
				       const struct http_call_handler *handler, void *ctx);
/* Back-pressure: stop and go on reading. */
void http_call_pause(struct http_call *c, bool pause);
/* Inside on_end only: the descriptor, now the caller's; -1 when not reusable. */
int http_call_take_fd(struct http_call *c);
/*
 * Inside on_end only: the connection stays, and so does `c`, until http_call_next, on_lost or
 * http_call_cancel. on_lost comes once when the peer closes it or speaks unasked; `c` is
 * invalid after it returned. False when not reusable.
 */
bool http_call_keep(struct http_call *c, void (*on_lost)(void *ctx), void *ctx);
/*
 * The next exchange on a kept connection, also inside the on_end that kept it, as
 * http_call_start. `method` and `path` are literals.
 * False: it could not be written, nothing was answered; `c` is gone and no callback comes.
 * While requests are gathered `body` is borrowed until the end of the loop's turn, or until
 * http_call_cancel; then a write that fails is told by on_end (ERR_PEER_GONE).
 */
bool http_call_next(struct http_call *c, const char *method, const char *path, struct span body,
		    const struct http_call_limits *limits,
		    const struct http_call_handler *handler, void *ctx);
/*
 * Requests on kept connections are gathered within one turn of the loop and written by
 * http_calls_flush(), to be called in each turn. An http_server of this process does both.
 */
void http_calls_gather(bool on);
void http_calls_flush(void);
/* No more callbacks; closes the socket. Valid until on_end returned, for kept ones until
 * on_lost. NULL is fine. */
void http_call_cancel(struct http_call *c);

#endif
