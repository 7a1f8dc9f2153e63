/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP exchange at a time through libcurl's multi interface on a libuv loop. Fixed for
 * all: no redirects, cookies, netrc, authentication, compression, HSTS or Alt-Svc; TLS 1.2 or
 * newer with peer and host checked; a fresh connection for each exchange, never reused and
 * never retried, so that one call is at most one request on the network.
 */
#ifndef HITHER_CLOUD_FETCH_H
#define HITHER_CLOUD_FETCH_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "cloud/address.h"
#include "cloud/endpoint.h"
#include "common/err.h"
#include "common/span.h"

/*
 * libcurl and what it is made of, loaded and set up: before the jail, which lets no code be
 * mapped. False: it does not start. Once.
 */
bool fetch_prepare(void);

struct fetcher;
struct fetch;

struct fetcher *fetcher_new(uv_loop_t *loop);

struct fetch_plan {
	struct endpoint at;
	struct span body;           /* lives until on_end or fetch_cancel */
	const char *const *headers; /* n whole fields, "Name: value"; copied */
	unsigned n_headers;
	struct address_rule addresses;
	const char *ca_file;            /* "" : the system's */
	const char *const *pins_sha256; /* base64 of SHA-256 over the SPKI; any will do */
	size_t n_pins;
	struct span client_pem; /* certificate, its chain and its key; empty: none; copied */
	const char *proxy;      /* "": none */
	const char *no_proxy;   /* hosts reached without it */
	uint32_t connect_timeout_ms, total_timeout_ms;
	uint64_t header_bytes, body_bytes; /* caps on the reply */
};

enum fetch_flow { FETCH_TAKEN, FETCH_WAIT, FETCH_STOP };

enum fetch_end {
	FETCH_WHOLE,           /* the body ended as its framing says */
	FETCH_STOPPED,         /* on_bytes said so */
	FETCH_ADDRESS_REFUSED, /* every address is one that the rule forbids */
	FETCH_NO_ADDRESS,      /* the name has none */
	FETCH_NO_CONNECTION,
	FETCH_TLS,     /* certificate, pin or handshake */
	FETCH_TIMEOUT, /* connecting or in all */
	FETCH_BROKEN,  /* the connection ended too early */
	FETCH_TOO_BIG, /* a cap on the reply */
	FETCH_ENCODED, /* a 2xx reply in a content coding, which nobody asked for */
	FETCH_FAILED,  /* anything else */
};

struct fetch_count {
	uint64_t
		bytes_out; /* of requests, headers included, as given to the socket or to TLS */
	uint64_t bytes_in; /* of replies, headers included */
};

struct fetch_handler {
	/* Some of the request has been written. */
	void (*on_written)(void *ctx);
	/* The final status (not 1xx). `retry_after_ms` as the reply says, negative when it does
	 * not. */
	void (*on_status)(void *ctx, int status, int64_t retry_after_ms);
	/* FETCH_WAIT: nothing was taken; the same bytes come again after fetch_resume(). */
	enum fetch_flow (*on_bytes)(void *ctx, struct span bytes);
	/* Exactly once, last; the fetch is gone when this returns. Not after fetch_cancel(). */
	void (*on_end)(void *ctx, enum fetch_end end);
};

/* NULL when memory is out or libcurl refuses the plan. */
struct fetch *fetch_start(struct fetcher *f, const struct fetch_plan *plan,
			  const struct fetch_handler *handler, void *ctx);
struct fetch_count fetch_count(const struct fetch *x);
/* Not from inside a handler. */
void fetch_resume(struct fetch *x);
/* Closes the connection at once. Not from inside a handler. NULL is fine. */
void fetch_cancel(struct fetch *x);

#endif
