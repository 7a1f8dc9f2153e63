/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strict HTTP/1.1 server (RFC 9110, RFC 9112) on inherited listening sockets: llhttp with
 * every lenient flag off, on libuv. Reads whole requests within limits, then hands them to
 * one handler; replies are whole or chunked streams. Keep-alive; a pipelined request waits
 * until the one before is answered. Bodies with both lengths, obs-fold, bare CR or LF,
 * duplicate Host or Content-Length, names with `_` and the like get 400 and a close.
 *
 * While a reply streams the socket is still read, so that a hang-up is seen at once.
 */
#ifndef HITHER_HTTP_SERVER_H
#define HITHER_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/span.h"

struct http_limits {
	uint32_t request_line_bytes, headers, header_bytes, body_bytes;
	uint32_t header_timeout_ms, body_timeout_ms, idle_timeout_ms;
	uint32_t connections, connections_per_uid;
	uint32_t output_buffer_bytes; /* per connection; past it http_write says "full" */
};

struct http_server;
struct http_exchange; /* one request and its reply */

struct http_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	const char *listener; /* the name given to http_listen */
	uint16_t port;        /* TCP: the peer's, host order; 0 on Unix sockets */
};

struct http_request {
	struct span method; /* "POST" */
	struct span path;   /* without query, percent-encoding untouched */
	struct span query;  /* without '?', may be empty */
	struct span body;   /* whole; chunked coding already undone */
	const struct http_peer *peer;
};

struct http_handler {
	/* A whole request. Answer now or later through `x`. `x` lives until on_done. */
	void (*on_request)(void *ctx, struct http_exchange *x, const struct http_request *r);
	/* The client hung up before the reply was complete: stop the work. on_done follows
	 * later. */
	void (*on_gone)(void *ctx, struct http_exchange *x);
	/* After http_write said "full": the output fell below half of its cap. */
	void (*on_drain)(void *ctx, struct http_exchange *x);
	/* The exchange is over, whole, aborted or gone; `x` is invalid after this returns. */
	void (*on_done)(void *ctx, struct http_exchange *x);
	/*
	 * The server itself refuses a request before on_request (400, 408, 413, 414, 417, 431,
	 * 503): write the body of the error into `body` (JSON). `path` is empty when it was not
	 * read. May be NULL: a plain JSON error is used.
	 */
	void (*error_body)(void *ctx, struct span path, int status, const char *problem,
			   struct buf *body);
};

/* NULL when memory is out. The process must ignore SIGPIPE. `loop`, `handler`, `ctx` outlive
 * it. */
struct http_server *http_server_new(uv_loop_t *loop, const struct http_limits *limits,
				    const struct http_handler *handler, void *ctx);
/* Serves connections of this listening socket (Unix or TCP). `name` is copied. Takes over the
 * fd. */
MUST_CHECK enum err http_listen(struct http_server *s, int fd, const char *name);
/* Connections: in all, and of one user. */
struct http_count {
	uint32_t all, of_user;
};
/*
 * From here on the limits on connections hold over several processes that serve the same
 * sockets. `count` tells the others what this process has, and, unless `ret_sum` is NULL, gives
 * what all of them have together; false: it has no room to count this user in. Before the first
 * connection; `ctx` outlives the server.
 */
typedef bool http_count_shared(void *ctx, uint32_t uid, struct http_count own,
			       struct http_count *ret_sum);
void http_server_share(struct http_server *s, http_count_shared *count, void *ctx);
/*
 * Who knows better which user is at the other end of a Unix socket than SO_PEERCRED, read here,
 * says (proc/namer.h). Before the first connection.
 */
typedef uid_t http_uid_of(int fd, uid_t seen);
void http_server_name_peers(struct http_server *s, http_uid_of *uid_of);
/* Stops accepting, closes idle connections; `on_closed` when the last exchange is over. */
void http_server_stop(struct http_server *s, void (*on_closed)(void *ctx));
/* After on_closed, and after the loop has run its closing callbacks. NULL is fine. */
void http_server_free(struct http_server *s);
unsigned http_server_connections(const struct http_server *s);

/* First value of a request header, OWS trimmed; an empty span with ptr NULL when absent. Valid
 * until on_done. */
struct span http_header(const struct http_exchange *x, const char *name);
/* How many request headers of that name there are: for those that must not stand twice. */
unsigned http_header_count(const struct http_exchange *x, const char *name);
/* The process that opened the connection, as a new pidfd (SO_PEERPIDFD, Linux 6.5), the
 * caller's to close; -1: the kernel cannot say, it has ended, or it came over TCP. */
int http_peer_pidfd(const struct http_exchange *x);
/* malloc'ed memory that goes with the connection, and outlives the exchange; NULL: none. */
void *http_kept(const struct http_exchange *x);
void http_keep(struct http_exchange *x, void *memory);

void *http_user(const struct http_exchange *x);
void http_set_user(struct http_exchange *x, void *user);

struct http_field {
	const char *name;
	const char *value; /* no CR or LF; such a field is dropped and logged */
};

/* A whole reply with Content-Length. After it only on_done follows. HEAD gets no body. */
void http_reply(struct http_exchange *x, int status, const char *content_type,
		const struct http_field *fields, unsigned n, struct span body);

/* A chunked reply: head now, then http_write, then exactly one of http_end and http_abort. */
void http_begin(struct http_exchange *x, int status, const char *content_type,
		const struct http_field *fields, unsigned n);
/* One chunk, copied, written soon. False: output is over its cap, wait for on_drain (nothing
 * was lost). */
bool http_write(struct http_exchange *x, struct span bytes);
/* What is written so far goes out now, not at the end of this turn of the loop. No handler is
 * called inside. For one who answers several clients in a turn: the first need not wait. */
void http_push(struct http_exchange *x);
void http_end(struct http_exchange *x);
/* Flushes what was written, then closes without the final zero-length chunk (wire: a cut
 * stream). */
void http_abort(struct http_exchange *x);
bool http_begun(const struct http_exchange *x);

#endif
