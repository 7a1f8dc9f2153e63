/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection: bytes in, requests out to the handler, hang-ups noticed.
 *
 *   IDLE/HEAD/BODY  read -> parser             [feed]
 *   BUSY/FLUSH      read -> `ahead`, bounded; a second request is parsed only after the
 *                   first is answered          [read_ahead]
 *   LINGER          read -> thrown away
 *
 * A client that shut down only its writing side still gets its answer; whether it then left
 * for good is polled (POLLHUP, which on a Unix socket means both directions are gone). On TCP
 * an end of input counts as having left.
 *
 * Invariants
 *   1. The handler is called from read callbacks, timers and flushes; never from inside a
 *      function of reply.c that the handler itself called.
 *   2. on_gone comes at most once and only before the reply is complete; on_done exactly
 *      once for each exchange that on_request saw.
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/impl.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* asm-generic/socket.h, Linux 6.5; older headers lack it */
#endif

/* ---------------------------------------------------------------- the end of a connection */

static void exchange_release(struct http_conn *c)
{
	struct http_exchange *x = c->x;

	if (x == NULL)
		return;
	if (x->live)
		c->server->handler->on_done(c->server->ctx, x);
	c->x = NULL;
	http_out_give(c->server, &c->out);
	http_exchange_give(c->server, x);
}

static void on_closed(uv_handle_t *h)
{
	struct http_conn *c = h->data;
	struct http_server *s = c->server;

	exchange_release(c);
	if (c->half_closed)
		http_half_closed(s, -1);
	http_conn_forget(c);
	free(c->out.ptr);
	free(c->sending.ptr);
	free(c->ahead.ptr);
	free(c->kept);
	free(c);
	http_server_conn_closed(s);
}

static void tell_gone(struct http_conn *c)
{
	struct http_exchange *x = c->x;

	if (x == NULL || !x->live || x->ended || x->gone_told)
		return;
	x->gone_told = true;
	c->server->handler->on_gone(c->server->ctx, x);
}

void http_conn_close(struct http_conn *c)
{
	if (c->state == HTTP_CONN_CLOSING)
		return;
	http_conn_enter(c, HTTP_CONN_CLOSING);
	tell_gone(c);
	uv_close((uv_handle_t *)&c->handle, on_closed);
}

/*
 * Everything is said. Half-close and wait for the client's end, so that unread input does
 * not turn the close into a reset that eats the reply (RFC 9112 section 9.6).
 */
static void linger(struct http_conn *c)
{
	uv_os_fd_t fd;

	exchange_release(c);
	if (c->half_closed || uv_fileno((uv_handle_t *)&c->handle, &fd) != 0 ||
	    shutdown(fd, SHUT_WR) != 0) {
		http_conn_close(c);
		return;
	}
	http_conn_enter(c, HTTP_CONN_LINGER);
}

void http_conn_deadline(struct http_conn *c)
{
	if (c->state == HTTP_CONN_HEAD)
		http_reply_refusal(c, 408, "the head of the request took too long");
	else if (c->state == HTTP_CONN_BODY)
		http_reply_refusal(c, 408, "the body of the request took too long");
	else
		http_conn_close(c);
}

/* ---------------------------------------------------------------- requests */

static void dispatch(struct http_conn *c)
{
	struct http_exchange *x = c->x;
	struct http_request r = { .method = http_message_method(&x->msg),
				  .body = { x->msg.body.ptr, x->msg.body.len },
				  .peer = &c->peer };

	http_message_target(&x->msg, &r.path, &r.query);
	x->head_only = x->msg.method == HTTP_HEAD;
	x->live = true;
	http_conn_enter(c, HTTP_CONN_BUSY);
	if ((c->half_closed && c->ahead.len == 0) || c->server->stopping)
		x->msg.keep_alive = false;
	c->server->handler->on_request(c->server->ctx, x, &r);
}

static bool exchange_begin(struct http_conn *c)
{
	struct http_exchange *x = http_exchange_take(c->server);

	if (x == NULL)
		return false;
	x->conn = c;
	c->x = x;
	http_parser_start(&c->parser, &c->server->limits, &x->msg);
	return true;
}

static void read_ahead(struct http_conn *c, struct span bytes)
{
	if (bytes.len > 0 && !http_bytes_add(&c->ahead, bytes.ptr, bytes.len)) {
		c->broken = true;
		http_conn_touch(c);
	}
	if (c->ahead.len >= HTTP_AHEAD_BYTES && c->reading) {
		uv_read_stop((uv_stream_t *)&c->handle);
		c->reading = false;
	}
}

static void feed_more(struct http_conn *c)
{
	struct http_message *m = &c->x->msg;

	if (c->state == HTTP_CONN_IDLE)
		http_conn_enter(c, HTTP_CONN_HEAD);
	if (!m->head_done || c->state != HTTP_CONN_HEAD)
		return;
	http_conn_enter(c, HTTP_CONN_BODY);
	if (m->expects_continue && m->body.len == 0) {
		static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

		if (http_bytes_add(&c->out, text, sizeof text - 1))
			http_conn_touch(c);
	}
}

static void feed(struct http_conn *c, struct span bytes)
{
	size_t used = 0;

	if (c->x == NULL && !exchange_begin(c)) {
		http_reply_refusal(c, 503, "no memory for this request right now");
		return;
	}
	switch (http_parser_feed(&c->parser, bytes, &used)) {
	case HTTP_PARSE_MORE:
		feed_more(c);
		return;
	case HTTP_PARSE_BAD:
		http_reply_refusal(c, c->parser.status, c->parser.problem);
		return;
	case HTTP_PARSE_DONE:
		read_ahead(c, (struct span){ bytes.ptr + used, bytes.len - used });
		dispatch(c);
	}
}

void http_conn_reply_done(struct http_conn *c)
{
	const struct http_exchange *x = c->x;
	bool keep = !c->last && x != NULL && x->msg.keep_alive && !x->aborted &&
		    !c->server->stopping;

	if (!keep) {
		linger(c);
		return;
	}
	exchange_release(c);
	http_conn_enter(c, HTTP_CONN_IDLE);
	struct http_bytes ahead = c->ahead;
	c->ahead = (struct http_bytes){ 0 };
	if (ahead.len > 0)
		feed(c, (struct span){ ahead.ptr, ahead.len });
	free(ahead.ptr);
	if (c->state == HTTP_CONN_CLOSING)
		return;
	if (c->half_closed && c->state != HTTP_CONN_BUSY && !c->last)
		http_conn_close(c);
	else if (!c->reading && !c->half_closed && c->ahead.len < HTTP_AHEAD_BYTES)
		http_conn_start_reading(c);
}

/* ---------------------------------------------------------------- input */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret)
{
	struct http_conn *c = h->data;
	char *at = NULL;
	size_t room = c->state == HTTP_CONN_BODY ? http_parser_body_room(&c->parser, &at) : 0;

	(void)suggested;
	if (room > 0)
		*ret = uv_buf_init(at, (unsigned)(room < INT32_MAX ? room : INT32_MAX));
	else
		*ret = uv_buf_init(c->server->read_buffer, (unsigned)HTTP_READ_BYTES);
}

static bool hung_up(struct http_conn *c)
{
	struct pollfd p = { .events = 0 };

	if (c->peer.pid == 0 || uv_fileno((uv_handle_t *)&c->handle, &p.fd) != 0)
		return true;
	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

void http_conn_check_hangup(struct http_conn *c)
{
	if (c->half_closed && hung_up(c))
		http_conn_close(c);
}

static void on_end_of_input(struct http_conn *c, bool clean)
{
	c->reading = false;
	if (!clean || c->state == HTTP_CONN_IDLE || c->state == HTTP_CONN_LINGER ||
	    hung_up(c)) {
		http_conn_close(c);
		return;
	}
	if (!c->half_closed) {
		c->half_closed = true;
		http_half_closed(c->server, 1);
	}
	if (c->state == HTTP_CONN_HEAD || c->state == HTTP_CONN_BODY) {
		http_parser_eof(&c->parser);
		http_reply_refusal(c, c->parser.status, c->parser.problem);
	}
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct http_conn *c = stream->data;

	if (n == 0)
		return;
	if (n < 0) {
		uv_read_stop(stream);
		on_end_of_input(c, n == UV_EOF);
		return;
	}
	struct span bytes = { b->base, (size_t)n };

	switch (c->state) {
	case HTTP_CONN_IDLE:
	case HTTP_CONN_HEAD:
	case HTTP_CONN_BODY:
		if (!c->last)
			feed(c, bytes);
		return;
	case HTTP_CONN_BUSY:
	case HTTP_CONN_FLUSH:
		if (!c->last)
			read_ahead(c, bytes);
		return;
	default:
		return;
	}
}

void http_conn_start_reading(struct http_conn *c)
{
	c->reading = uv_read_start((uv_stream_t *)&c->handle, on_alloc, on_read) == 0;
	if (!c->reading)
		http_conn_close(c);
}

int http_peer_pidfd(const struct http_exchange *x)
{
	socklen_t n = sizeof(int);
	uv_os_fd_t fd;
	int pidfd;

	if (x->conn->peer.pid == 0 ||
	    uv_fileno((const uv_handle_t *)&x->conn->handle, &fd) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &n) != 0)
		return -1;
	return pidfd;
}

void *http_kept(const struct http_exchange *x)
{
	return x->conn->kept;
}

void http_keep(struct http_exchange *x, void *memory)
{
	free(x->conn->kept);
	x->conn->kept = memory;
}

void http_conn_accept(struct http_server *s, const struct http_peer *peer, int fd,
		      const char *refusal)
{
	struct http_conn *c = calloc(1, sizeof *c);

	if (c == NULL) {
		close(fd);
		return;
	}
	c->server = s;
	c->peer = *peer;
	c->state = HTTP_CONN_IDLE;
	c->away = refusal != NULL;
	uv_pipe_init(s->loop, &c->handle, 0);
	c->handle.data = c;
	if (!http_conn_admit(c)) {
		close(fd);
		free(c);
		return;
	}
	if (uv_pipe_open(&c->handle, fd) != 0) {
		close(fd);
		http_conn_close(c);
		return;
	}
	http_conn_enter(c, HTTP_CONN_IDLE);
	http_conn_start_reading(c);
	if (refusal != NULL)
		http_reply_refusal(c, 503, refusal);
}
