/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a caller is, looked up once for each connection, before its first request with a body is
 * served.
 *
 *   request --pidfd--> attester --answer--> kept with the connection --> the request is served
 *
 * Nothing waits for ever: an attester that takes too long ends (proc/attest.c), its wire
 * closes, and whoever waits is served as not proven; such a connection is asked about again at
 * its next request. One that cannot even end (it looks into a file system that somebody serves
 * and that keeps silent: no signal ends that) is given up after PATIENCE_MS without an answer;
 * until it ends there is no other. Without a pidfd (before Linux 6.5, or the caller has ended)
 * nothing is proven.
 *
 * A process opens many connections, so an answer is used again for KNOWN_MS. Since Linux 6.9
 * each process has an inode number of its own behind its pidfds, never used again while the
 * system runs; before that they share one, in the file system of all that is anonymous, and
 * each connection is asked about.
 *
 * Invariant: a waiting request is in `callers.first`, has no http_user(), and leaves the list
 * when it is served or its client is gone.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "router/impl.h"

#define KNOWN_MS    10000
#define PATIENCE_MS 3000 /* more than an attester gives one look */

struct caller_wait {
	struct caller_wait *next;
	uint64_t id;
	struct http_exchange *x;
	struct http_request request; /* its spans live as long as the exchange */
	struct http_peer peer;
	uint64_t process;
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

/* --- who was seen before ------------------------------------------------------------------ */

static struct caller_known *known_at(struct router *r, uint64_t process)
{
	return &r->callers.known[process & (CALLERS_KNOWN - 1)];
}

/* A number that no other process has; 0: this kernel has none. */
static uint64_t process_of(const struct router *r, int pidfd)
{
	struct stat st;

	return r->callers.can_know && fstat(pidfd, &st) == 0 &&
			       st.st_dev != r->callers.anonymous_dev
		       ? st.st_ino
		       : 0;
}

static void keep(struct http_exchange *x, const struct attest_answer *a)
{
	struct attest_answer *kept = malloc(sizeof *kept);

	if (kept == NULL)
		return; /* not proven; asked about again */
	*kept = *a;
	http_keep(x, kept);
}

static bool is_known(struct router *r, struct http_exchange *x, uint64_t process, uint32_t uid)
{
	const struct caller_known *k = known_at(r, process);

	if (process == 0 || k->process != process || k->uid != uid ||
	    k->until_ms <= clock_mono_ms())
		return false;
	keep(x, &k->answer);
	return http_kept(x) != NULL;
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
	uv_timer_stop(&r->callers.overdue);
	uv_close((uv_handle_t *)&w->poll, on_closed);
	serve_all(r);
}

static void on_overdue(uv_timer_t *t)
{
	struct router *r = t->data;

	log_warning("router.attester",
		    "silent: until it has ended callers count as not proven");
	drop_wire(r);
}

/* From now on, if anybody waits. */
static void start_patience(struct router *r)
{
	if (r->callers.first != NULL)
		uv_timer_start(&r->callers.overdue, on_overdue, PATIENCE_MS, 0);
	else
		uv_timer_stop(&r->callers.overdue);
}

static void on_answer(struct router *r, const struct attest_answer *a)
{
	struct caller_wait *w = take_out(r, NULL, a->id);

	start_patience(r);

	if (w == NULL)
		return; /* the client left meanwhile */
	if (w->process != 0)
		*known_at(r, w->process) =
			(struct caller_known){ w->process, clock_mono_ms() + KNOWN_MS,
					       w->peer.uid, *a };
	keep(w->x, a);
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

void caller_init(struct router *r)
{
	router_timer(r, &r->callers.overdue);
}

void caller_wire(struct router *r, int fd)
{
	struct caller_wire *w = calloc(1, sizeof *w);
	struct stat st;

	drop_wire(r);
	memset(r->callers.known, 0, sizeof r->callers.known);
	/* an epoll descriptor is anonymous; when it cannot be looked at, no process is known */
	r->callers.anonymous_dev = 0;
	r->callers.can_know = fstat(uv_backend_fd(r->service->loop), &st) == 0;
	if (r->callers.can_know)
		r->callers.anonymous_dev = st.st_dev;
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
	uint64_t process = process_of(r, pidfd);
	if (is_known(r, x, process, q->peer->uid)) {
		close(pidfd);
		return false;
	}
	w = calloc(1, sizeof *w);
	if (w != NULL)
		*w = (struct caller_wait){
			r->callers.first, ++r->callers.asked, x, *q, *q->peer, process
		};
	bool asked = w != NULL &&
		     attest_ask(r->callers.wire->fd, w->id, q->peer->uid, pidfd) == ERR_OK;
	close(pidfd);
	if (!asked) {
		free(w);
		return false;
	}
	w->request.peer = &w->peer;
	r->callers.first = w;
	if (w->next == NULL)
		start_patience(r);
	return true;
}
