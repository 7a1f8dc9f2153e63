/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server as a whole: listening, limits on connections, deadlines, the pool of exchanges,
 * and stopping.
 *
 *   accept -> IDLE -> HEAD -> BODY -> BUSY -> FLUSH -> IDLE | LINGER -> CLOSING
 *
 * Every timed state has one timeout, so each state's connections stand in a queue ordered
 * by deadline and one timer serves all: it is set when it is not running, and when it fires
 * too early it sets itself again. A request moves through the queues without touching the
 * loop's timer heap.
 *
 * Invariants
 *   1. Only http_conn_enter() assigns c->state.
 *   2. A connection counts against the limits from accept until its handle is closed, unless
 *      they had no room for it; of those HTTP_AWAY linger at most.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "http/client.h"
#include "http/impl.h"

#define ACCEPT_BATCH 32
/* Beside others at the same socket: each turn of each loop takes a few, so that they share. */
#define ACCEPT_BATCH_SHARED 1
/* A deadline may be late by this much: spares the loop's timer heap on busy servers. */
#define TIMER_SLACK_MS 250
#define KEEP_OUT_BYTES ((size_t)16384)

/* ---------------------------------------------------------------- exchanges */

struct http_exchange *http_exchange_take(struct http_server *s)
{
	struct http_exchange *x = s->pool;

	if (x != NULL) {
		s->pool = x->next_free;
		s->n_pool--;
		return x;
	}
	x = calloc(1, sizeof *x);
	if (x != NULL)
		http_message_init(&x->msg);
	return x;
}

void http_exchange_give(struct http_server *s, struct http_exchange *x)
{
	if (s->n_pool >= HTTP_POOL_EXCHANGES) {
		http_message_free(&x->msg);
		free(x);
		return;
	}
	http_message_reset(&x->msg);
	x->conn = NULL;
	x->user = NULL;
	x->live = x->begun = x->ended = x->aborted = x->head_only = false;
	x->chunked = x->full = x->gone_told = false;
	x->next_free = s->pool;
	s->pool = x;
	s->n_pool++;
}

void http_out_give(struct http_server *s, struct http_bytes *out)
{
	if (out->ptr == NULL)
		return;
	if (s->n_spare_out < HTTP_SPARE_OUT && out->cap <= KEEP_OUT_BYTES)
		s->spare_out[s->n_spare_out++] =
			(struct http_bytes){ .ptr = out->ptr, .cap = out->cap };
	else
		free(out->ptr);
	*out = (struct http_bytes){ 0 };
}

/* ---------------------------------------------------------------- deadlines */

static uint32_t state_timeout_ms(const struct http_server *s, enum http_conn_state state)
{
	switch (state) {
	case HTTP_CONN_IDLE:
	case HTTP_CONN_FLUSH:
		return s->limits.idle_timeout_ms;
	case HTTP_CONN_HEAD:
		return s->limits.header_timeout_ms;
	case HTTP_CONN_BODY:
		return s->limits.body_timeout_ms;
	case HTTP_CONN_LINGER:
		return HTTP_LINGER_MS;
	default:
		return 0;
	}
}

static void on_deadline(uv_timer_t *t);
static void on_hangup_timer(uv_timer_t *t);

static void timer_want(struct http_server *s, uint64_t deadline_ms)
{
	if (uv_is_active((uv_handle_t *)&s->timer) || uv_is_closing((uv_handle_t *)&s->timer))
		return;
	uint64_t now = uv_now(s->loop);
	uv_timer_start(&s->timer, on_deadline, deadline_ms > now ? deadline_ms - now : 0, 0);
}

static void queue_remove(struct http_queue *q, struct http_conn *c)
{
	if (c->q_prev != NULL)
		c->q_prev->q_next = c->q_next;
	else
		q->first = c->q_next;
	if (c->q_next != NULL)
		c->q_next->q_prev = c->q_prev;
	else
		q->last = c->q_prev;
	c->q_prev = c->q_next = NULL;
}

static void queue_append(struct http_queue *q, struct http_conn *c)
{
	c->q_prev = q->last;
	c->q_next = NULL;
	if (q->last != NULL)
		q->last->q_next = c;
	else
		q->first = c;
	q->last = c;
}

void http_conn_enter(struct http_conn *c, enum http_conn_state next)
{
	struct http_server *s = c->server;
	uint32_t timeout_ms = state_timeout_ms(s, next);

	queue_remove(&s->queues[c->state], c);
	c->state = next;
	queue_append(&s->queues[next], c);
	c->deadline_ms = uv_now(s->loop) + timeout_ms;
	if (timeout_ms == 0)
		return;
	/* The timer may be set for a later deadline of another state. */
	if (uv_is_active((uv_handle_t *)&s->timer) &&
	    uv_timer_get_due_in(&s->timer) > (uint64_t)timeout_ms + TIMER_SLACK_MS)
		uv_timer_stop(&s->timer);
	timer_want(s, c->deadline_ms);
}

static void on_deadline(uv_timer_t *t)
{
	struct http_server *s = t->data;
	uint64_t now = uv_now(s->loop), next = UINT64_MAX;

	for (int state = 0; state < HTTP_CONN_STATES; state++) {
		struct http_queue *q = &s->queues[state];

		if (state_timeout_ms(s, (enum http_conn_state)state) == 0)
			continue;
		while (q->first != NULL && q->first->deadline_ms <= now)
			http_conn_deadline(q->first);
	}
	for (int state = 0; state < HTTP_CONN_STATES; state++) {
		const struct http_conn *c = s->queues[state].first;

		if (c != NULL && state_timeout_ms(s, c->state) != 0 && c->deadline_ms < next)
			next = c->deadline_ms;
	}
	if (next != UINT64_MAX)
		timer_want(s, next);
}

void http_half_closed(struct http_server *s, int change)
{
	s->n_half_closed = (unsigned)((int)s->n_half_closed + change);
	if (change > 0 && !uv_is_active((uv_handle_t *)&s->hangup_timer) && !s->stopping)
		uv_timer_start(&s->hangup_timer, on_hangup_timer, HTTP_HANGUP_POLL_MS,
			       HTTP_HANGUP_POLL_MS);
}

/* After a half-close only polling tells whether the rest of the connection went too. */
static void on_hangup_timer(uv_timer_t *t)
{
	struct http_server *s = t->data;
	struct http_conn *c = s->queues[HTTP_CONN_BUSY].first;

	while (c != NULL) {
		struct http_conn *next = c->q_next;

		http_conn_check_hangup(c);
		c = next;
	}
	if (s->n_half_closed == 0)
		uv_timer_stop(t);
}

const char *http_date(struct http_server *s)
{
	uint64_t now = uv_now(s->loop);

	if (now < s->date_until_ms)
		return s->date;
	struct timespec ts;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(s->date, sizeof s->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	s->date_until_ms = now + 1000 - (uint64_t)(ts.tv_nsec / 1000000);
	return s->date;
}

/* ---------------------------------------------------------------- accepting */

static struct http_uid_count *uid_count(struct http_server *s, uid_t uid)
{
	for (size_t i = 0; i < s->n_uids; i++) {
		if (s->uids[i].uid == uid)
			return &s->uids[i];
	}
	if (s->n_uids == s->cap_uids) {
		size_t cap = s->cap_uids == 0 ? 4 : s->cap_uids * 2;
		struct http_uid_count *p = realloc(s->uids, cap * sizeof *p);

		if (p == NULL)
			return NULL;
		s->uids = p;
		s->cap_uids = cap;
	}
	s->uids[s->n_uids] = (struct http_uid_count){ .uid = uid };
	return &s->uids[s->n_uids++];
}

/*
 * A client that is still writing when the socket closes sees a broken pipe and not the answer,
 * so it is let linger as others are. When too many do: one small write that cannot block, then
 * the close.
 */
static void turn_away(struct http_server *s, const struct http_peer *peer, int fd,
		      const char *why)
{
	struct buf text;

	if (s->n_away < HTTP_AWAY) {
		http_conn_accept(s, peer, fd, why);
		return;
	}
	buf_init(&text, 4096);
	http_refusal_write(s, (struct span){ "", 0 }, 503, why, &text);
	/* What lies unread would turn the close into a reset that could overtake the reply. */
	if (read(fd, s->read_buffer, HTTP_READ_BYTES) < 0 && errno != EAGAIN)
		log_debug("http.turned_away", "errno=%d", errno);
	if (!text.failed && send(fd, text.ptr, text.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("http.turned_away", "errno=%d", errno);
	buf_free(&text);
	close(fd);
}

static uint16_t peer_port(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a = { .any.sa_family = AF_UNSPEC };
	socklen_t len = sizeof a;

	if (getpeername(fd, &a.any, &len) != 0)
		return 0;
	if (a.any.sa_family == AF_INET)
		return ntohs(a.v4.sin_port);
	return a.any.sa_family == AF_INET6 ? ntohs(a.v6.sin6_port) : 0;
}

/* Unix sockets: as the kernel noted at connect(2) (SO_PEERCRED, unix(7)). TCP tells the port.
 */
static struct http_peer peer_of(int fd, const struct http_listener *l)
{
	struct http_peer peer = { .uid = (uid_t)-1, .gid = (gid_t)-1, .listener = l->name };
	struct ucred cred;
	socklen_t len = sizeof cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && cred.pid != 0) {
		peer.uid =
			l->server->uid_of != NULL ? l->server->uid_of(fd, cred.uid) : cred.uid;
		peer.gid = cred.gid;
		peer.pid = cred.pid;
	} else {
		int on = 1;

		peer.port = peer_port(fd);
		if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
			log_debug("http.nodelay", "errno=%d", errno);
	}
	return peer;
}

/* With `more` than there are now. False: there is no room to count this user in. */
static bool count_with(struct http_server *s, const struct http_uid_count *u, unsigned more,
		       struct http_count *ret_sum)
{
	struct http_count own = { s->n_conns + more, u->n + more };

	if (ret_sum != NULL)
		*ret_sum = own;
	return s->count == NULL || s->count(s->count_ctx, u->uid, own, ret_sum);
}

static void accept_one(struct http_listener *l, int fd)
{
	struct http_server *s = l->server;
	struct http_peer peer = peer_of(fd, l);
	struct http_uid_count *u = uid_count(s, peer.uid);
	struct http_count now;

	if (u == NULL) {
		turn_away(s, &peer, fd, "too many connections of this user");
		return;
	}
	bool counted = count_with(s, u, 1, &now);
	if (now.all > s->limits.connections)
		turn_away(s, &peer, fd, "too many connections");
	else if (!counted || now.of_user > s->limits.connections_per_uid)
		turn_away(s, &peer, fd, "too many connections of this user");
	else
		http_conn_accept(s, &peer, fd, NULL);
	(void)!count_with(s, u, 0, NULL); /* as it is now */
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
	struct http_listener *l = poll->data;

	(void)events;
	if (status < 0)
		return;
	for (int i = 0; i < (l->server->count != NULL ? ACCEPT_BATCH_SHARED : ACCEPT_BATCH);
	     i++) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			accept_one(l, fd);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno != EAGAIN)
			log_warning("http.accept", "errno=%d", errno);
		return;
	}
}

bool http_conn_admit(struct http_conn *c)
{
	struct http_server *s = c->server;
	struct http_uid_count *u = c->away ? NULL : uid_count(s, c->peer.uid);

	if (c->away) {
		s->n_away++;
	} else if (u == NULL) {
		return false;
	} else {
		u->n++;
		s->n_conns++;
	}
	queue_append(&s->queues[c->state], c);
	return true;
}

void http_conn_forget(struct http_conn *c)
{
	struct http_server *s = c->server;
	struct http_uid_count *u;

	queue_remove(&s->queues[c->state], c);
	if (c->away) {
		s->n_away--;
		return;
	}
	u = uid_count(s, c->peer.uid);
	if (u != NULL && u->n > 0)
		u->n--;
	s->n_conns--;
	if (u != NULL)
		(void)!count_with(s, u, 0, NULL);
}

/* ---------------------------------------------------------------- life of the server */

static void on_prepare(uv_prepare_t *h)
{
	http_calls_flush();
	http_flush_dirty(h->data);
}

static void on_check(uv_check_t *h)
{
	http_calls_flush();
	http_flush_dirty(h->data);
}

struct http_server *http_server_new(uv_loop_t *loop, const struct http_limits *limits,
				    const struct http_handler *handler, void *ctx)
{
	struct http_server *s = calloc(1, sizeof *s);

	if (s == NULL || (s->read_buffer = malloc(HTTP_READ_BYTES)) == NULL) {
		free(s);
		return NULL;
	}
	s->loop = loop;
	s->limits = *limits;
	s->handler = handler;
	s->ctx = ctx;
	uv_timer_init(loop, &s->timer);
	uv_timer_init(loop, &s->hangup_timer);
	uv_prepare_init(loop, &s->prepare);
	uv_check_init(loop, &s->check);
	s->open_handles = 4;
	s->timer.data = s->hangup_timer.data = s->prepare.data = s->check.data = s;
	uv_prepare_start(&s->prepare, on_prepare);
	uv_check_start(&s->check, on_check);
	http_calls_gather(true);
	uv_unref((uv_handle_t *)&s->prepare);
	uv_unref((uv_handle_t *)&s->check);
	return s;
}

void http_server_share(struct http_server *s, http_count_shared *count, void *ctx)
{
	s->count = count;
	s->count_ctx = ctx;
}

void http_server_name_peers(struct http_server *s, http_uid_of *uid_of)
{
	s->uid_of = uid_of;
}

enum err http_listen(struct http_server *s, int fd, const char *name)
{
	struct http_listener *l = calloc(1, sizeof *l);

	if (l == NULL || strlen(name) >= sizeof l->name) {
		free(l);
		close(fd);
		return l == NULL ? ERR_NO_MEMORY : ERR_TOO_BIG;
	}
	memcpy(l->name, name, strlen(name) + 1);
	l->server = s;
	l->fd = fd;
	l->poll.data = l;
	if (uv_poll_init(s->loop, &l->poll, fd) != 0) {
		free(l);
		close(fd);
		return ERR_SYSTEM;
	}
	uv_poll_start(&l->poll, UV_READABLE, on_listener); /* fails on closing handles only */
	l->next = s->listeners;
	s->listeners = l;
	s->open_handles++;
	return ERR_OK;
}

static bool nobody_left(const struct http_server *s)
{
	return s->n_conns + s->n_away == 0;
}

static void maybe_closed(struct http_server *s)
{
	if (s->open_handles == 0 && nobody_left(s) && s->stopping && s->on_closed != NULL) {
		void (*on_closed)(void *ctx) = s->on_closed;

		s->on_closed = NULL;
		on_closed(s->ctx);
	}
}

static void on_own_handle_closed(uv_handle_t *h)
{
	struct http_server *s = h->data;

	s->open_handles--;
	maybe_closed(s);
}

static void on_listener_closed(uv_handle_t *h)
{
	struct http_listener *l = h->data;
	struct http_server *s = l->server;

	close(l->fd); /* its name lives on: exchanges may still point at it */
	s->open_handles--;
	maybe_closed(s);
}

/* The last exchange is over: the handles that served connections go too. */
static void close_own_handles(struct http_server *s)
{
	if (uv_is_closing((uv_handle_t *)&s->timer))
		return;
	http_calls_gather(false);
	http_calls_flush();
	uv_close((uv_handle_t *)&s->timer, on_own_handle_closed);
	uv_close((uv_handle_t *)&s->hangup_timer, on_own_handle_closed);
	uv_close((uv_handle_t *)&s->prepare, on_own_handle_closed);
	uv_close((uv_handle_t *)&s->check, on_own_handle_closed);
}

void http_server_conn_closed(struct http_server *s)
{
	if (s->stopping && nobody_left(s))
		close_own_handles(s);
}

void http_server_stop(struct http_server *s, void (*on_closed)(void *ctx))
{
	if (s->stopping)
		return;
	s->on_closed = on_closed;
	for (struct http_listener *l = s->listeners; l != NULL; l = l->next)
		uv_close((uv_handle_t *)&l->poll, on_listener_closed);
	s->stopping = true;
	for (int state = HTTP_CONN_IDLE; state <= HTTP_CONN_BODY; state++) {
		while (s->queues[state].first != NULL)
			http_conn_close(s->queues[state].first);
	}
	if (nobody_left(s))
		close_own_handles(s);
}

void http_server_free(struct http_server *s)
{
	if (s == NULL)
		return;
	while (s->pool != NULL) {
		struct http_exchange *x = s->pool;

		s->pool = x->next_free;
		http_message_free(&x->msg);
		free(x);
	}
	while (s->n_spare_out > 0)
		free(s->spare_out[--s->n_spare_out].ptr);
	while (s->listeners != NULL) {
		struct http_listener *l = s->listeners;

		s->listeners = l->next;
		free(l);
	}
	free(s->uids);
	free(s->read_buffer);
	free(s);
}

unsigned http_server_connections(const struct http_server *s)
{
	return s->n_conns;
}
