/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a caller is, looked up once for each connection, before its first request with a body is
 * served.
 *
 *   request --pidfd--> attester --answer--> kept with the connection --> the request is served
 *
 * Nothing waits for ever: an attester that takes too long ends (proc/attest.c), its wire
 * closes, and whoever waits is served as not proven; such a connection is asked about again at
 * its next request. Without a pidfd (before Linux 6.5, or the caller has ended) nothing is
 * proven.
 *
 * Invariant: a waiting request is in `callers.first`, has no http_user(), and leaves the list
 * when it is served or its client is gone.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "router/impl.h"

struct caller_wait {
	struct caller_wait *next;
	uint64_t id;
	struct http_exchange *x;
	struct http_request request; /* its spans live as long as the exchange */
	struct http_peer peer;
};

struct caller_wire {
	uv_poll_t poll; /* first: freed with it */
	struct router *router;
	int fd;
};

const struct attest_answer *caller_of(const struct http_exchange *x)
{
	return http_kept(x);
}

/* --- waiting ----------------------------------------------------------------------------- */

static void serve(struct router *r, struct caller_wait *w)
{
	routes_serve(r, w->x, &w->request);
	free(w);
}

static struct caller_wait *take_out(struct router *r, const struct http_exchange *x,
				    uint64_t id)
{
	struct caller_wait **at = &r->callers.first;

	while (*at != NULL && (*at)->x != x && (*at)->id != id)
		at = &(*at)->next;
	struct caller_wait *w = *at;
	if (w != NULL)
		*at = w->next;
	return w;
}

void caller_gone(struct router *r, const struct http_exchange *x)
{
	free(take_out(r, x, 0));
}

static void serve_all(struct router *r)
{
	while (r->callers.first != NULL) {
		struct caller_wait *w = r->callers.first;

		r->callers.first = w->next;
		serve(r, w);
	}
}

/* --- the wire ---------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *h)
{
	struct caller_wire *w = (struct caller_wire *)h;

	close(w->fd);
	free(w);
}

static void drop_wire(struct router *r)
{
	struct caller_wire *w = r->callers.wire;

	if (w == NULL)
		return;
	r->callers.wire = NULL;
	uv_close((uv_handle_t *)&w->poll, on_closed);
	serve_all(r);
}

static void on_answer(struct router *r, const struct attest_answer *a)
{
	struct caller_wait *w = take_out(r, NULL, a->id);
	struct attest_answer *kept = w != NULL ? malloc(sizeof *kept) : NULL;

	if (w == NULL)
		return; /* the client left meanwhile */
	if (kept != NULL) {
		*kept = *a;
		http_keep(w->x, kept);
	}
	serve(r, w);
}

static void on_readable(uv_poll_t *p, int status, int events)
{
	struct caller_wire *w = (struct caller_wire *)p;
	struct router *r = w->router;
	struct attest_answer a;
	enum err e = ERR_OK;

	(void)status;
	(void)events;
	while (r->callers.wire == w && (e = attest_read(w->fd, &a)) == ERR_OK)
		on_answer(r, &a);
	if (r->callers.wire == w && e != ERR_AGAIN) {
		log_notice("router.attester",
			   "gone (%s): until the next one callers count as not proven",
			   err_text(e));
		drop_wire(r);
	}
}

void caller_wire(struct router *r, int fd)
{
	struct caller_wire *w = calloc(1, sizeof *w);

	drop_wire(r);
	if (w == NULL || uv_poll_init(r->service->loop, &w->poll, fd) != 0) {
		close(fd);
		free(w);
		return;
	}
	w->router = r;
	w->fd = fd;
	uv_unref((uv_handle_t *)&w->poll);
	uv_poll_start(&w->poll, UV_READABLE, on_readable);
	r->callers.wire = w;
}

/* --- asking ------------------------------------------------------------------------------ */

bool caller_ask(struct router *r, struct http_exchange *x, const struct http_request *q)
{
	struct caller_wait *w;
	int pidfd;

	if (r->callers.wire == NULL || http_kept(x) != NULL || q->peer->port != 0)
		return false;
	pidfd = http_peer_pidfd(x);
	if (pidfd < 0)
		return false;
	w = calloc(1, sizeof *w);
	if (w != NULL)
		*w = (struct caller_wait){ r->callers.first, ++r->callers.asked, x, *q,
					   *q->peer };
	bool asked = w != NULL &&
		     attest_ask(r->callers.wire->fd, w->id, q->peer->uid, pidfd) == ERR_OK;
	close(pidfd);
	if (!asked) {
		free(w);
		return false;
	}
	w->request.peer = &w->peer;
	r->callers.first = w;
	return true;
}
