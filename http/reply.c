/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies: heads, whole bodies, chunks (RFC 9112 sections 6.3 and 7.1).
 *
 * Output is appended to the connection's buffer and written once per turn of the loop, so
 * that a head and its first chunk, and the chunks that one read of the upstream gave, leave
 * in one write. Large bodies are not copied: they go out beside the head, and only what the
 * kernel did not take is kept. HTTP_DIRTY_BATCH bounds how long the first of many
 * connections waits for the last; who cannot wait at all calls http_push().
 *
 * Invariants
 *   1. Nothing here calls the handler but http_conn_flush(), which runs between turns.
 *   2. After `ended` nothing is appended for that exchange.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "http/impl.h"

#define DIRECT_BYTES ((size_t)8192)

/* ---------------------------------------------------------------- output */

void http_conn_touch(struct http_conn *c)
{
	struct http_server *s = c->server;

	if (c->dirty || c->state == HTTP_CONN_CLOSING)
		return;
	c->dirty = true;
	c->dirty_next = s->dirty;
	s->dirty = c;
	s->n_dirty++;
}

static void on_written(uv_write_t *w, int status)
{
	struct http_conn *c = w->data;

	c->writing = false;
	c->sending.len = 0;
	if (status < 0)
		c->broken = true;
	http_conn_touch(c);
}

/* What the kernel did not take goes to libuv, which waits for room. */
static void write_later(struct http_conn *c)
{
	struct http_bytes spare = c->sending;

	c->sending = c->out;
	c->out = spare;
	c->out.len = 0;
	uv_buf_t b = uv_buf_init(c->sending.ptr, (unsigned)c->sending.len);
	c->write.data = c;
	c->writing = uv_write(&c->write, (uv_stream_t *)&c->handle, &b, 1, on_written) == 0;
	if (!c->writing)
		c->broken = true;
}

static void consume(struct http_bytes *b, size_t n)
{
	if (n < b->len)
		memmove(b->ptr, b->ptr + n, b->len - n);
	b->len -= n;
}

static bool make_room(struct http_conn *c, size_t n)
{
	struct http_server *s = c->server;

	if (c->out.ptr == NULL && s->n_spare_out > 0)
		c->out = s->spare_out[--s->n_spare_out];
	return http_bytes_grow(&c->out, n);
}

static void push(struct http_conn *c)
{
	if (c->writing || c->broken || c->out.len == 0)
		return;
	uv_buf_t b = uv_buf_init(c->out.ptr, (unsigned)c->out.len);
	int n = uv_try_write((uv_stream_t *)&c->handle, &b, 1);

	if (n < 0 && n != UV_EAGAIN) {
		c->broken = true;
		return;
	}
	if (n > 0)
		consume(&c->out, (size_t)n);
	if (c->out.len > 0)
		write_later(c);
	else
		http_out_give(c->server, &c->out);
}

void http_conn_flush(struct http_conn *c)
{
	if (c->state == HTTP_CONN_CLOSING)
		return;
	push(c);
	if (c->broken) {
		http_conn_close(c);
		return;
	}
	struct http_exchange *x = c->x;
	size_t unsent = http_conn_unsent(c);
	if (c->last && c->state == HTTP_CONN_FLUSH && unsent == 0)
		http_conn_reply_done(c); /* a refusal is out */
	else if (x == NULL || !x->live)
		return; /* 100 Continue */
	else if (x->ended && unsent == 0)
		http_conn_reply_done(c);
	else if (x->ended && c->state == HTTP_CONN_BUSY)
		http_conn_enter(c, HTTP_CONN_FLUSH);
	else if (x->full && !x->ended && unsent < c->server->limits.output_buffer_bytes / 2) {
		x->full = false;
		c->server->handler->on_drain(c->server->ctx, x);
	}
}

void http_push(struct http_exchange *x)
{
	if (x->conn->state != HTTP_CONN_CLOSING)
		push(x->conn);
}

void http_flush_dirty(struct http_server *s)
{
	while (s->dirty != NULL) {
		struct http_conn *c = s->dirty;

		s->dirty = c->dirty_next;
		s->n_dirty--;
		c->dirty = false;
		http_conn_flush(c);
	}
}

/* Bounds the wait of the first of many; may not call the handler, so it only writes. */
static void push_batch(struct http_server *s)
{
	if (s->n_dirty < HTTP_DIRTY_BATCH || s->n_dirty % HTTP_DIRTY_BATCH != 0)
		return;
	unsigned n = HTTP_DIRTY_BATCH;

	for (struct http_conn *c = s->dirty; c != NULL && n > 0; c = c->dirty_next, n--) {
		if (c->state != HTTP_CONN_CLOSING)
			push(c);
	}
}

/* ---------------------------------------------------------------- heads */

static const char *reason_phrase(int status)
{
	static const struct {
		int status;
		const char *text;
	} table[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 204, "No Content" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 417, "Expectation Failed" },
		{ 422, "Unprocessable Content" },
		{ 424, "Failed Dependency" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < LEN(table); i++) {
		if (table[i].status == status)
			return table[i].text;
	}
	return "";
}

static void put(struct http_conn *c, const char *p, size_t n)
{
	if (!make_room(c, n) || !http_bytes_add(&c->out, p, n))
		c->broken = true;
}

static void put_str(struct http_conn *c, const char *text)
{
	put(c, text, strlen(text));
}

static bool has_line_break(const char *text, size_t n)
{
	return memchr(text, '\n', n) != NULL || memchr(text, '\r', n) != NULL;
}

static void put_field(struct http_conn *c, const char *name, const char *value)
{
	size_t name_len = strlen(name), value_len = strlen(value);
	size_t all = name_len + value_len + 4;

	if (has_line_break(name, name_len) || memchr(name, ':', name_len) != NULL ||
	    memchr(name, ' ', name_len) != NULL || has_line_break(value, value_len)) {
		log_warning("http.field", "dropped=%s", "a field with a line break");
		return;
	}
	if (!make_room(c, all)) {
		c->broken = true;
		return;
	}
	char *to = c->out.ptr + c->out.len;
	memcpy(to, name, name_len);
	memcpy(to + name_len, ": ", 2);
	memcpy(to + name_len + 2, value, value_len);
	memcpy(to + name_len + 2 + value_len, "\r\n", 2);
	c->out.len += all;
}

static void put_number(struct http_conn *c, unsigned long long n)
{
	char digits[24];
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	put(c, digits + at, sizeof digits - at);
}

static void put_head(struct http_conn *c, int status, const char *content_type,
		     const struct http_field *fields, unsigned n)
{
	if (status == 200) {
		put(c, "HTTP/1.1 200 OK\r\n", 17);
	} else {
		put_str(c, "HTTP/1.1 ");
		put_number(c, (unsigned long long)status);
		put(c, " ", 1);
		put_str(c, reason_phrase(status));
		put(c, "\r\n", 2);
	}
	put_field(c, "Date", http_date(c->server));
	if (content_type != NULL)
		put_field(c, "Content-Type", content_type);
	for (unsigned i = 0; i < n; i++)
		put_field(c, fields[i].name, fields[i].value);
	struct http_exchange *x = c->x;
	if (!x->msg.keep_alive || c->last || c->server->stopping) {
		x->msg.keep_alive = false;
		put_str(c, "Connection: close\r\n");
	} else if (x->msg.http10) {
		put_str(c, "Connection: keep-alive\r\n");
	}
}

/* ---------------------------------------------------------------- the handler's side */

struct span http_header(const struct http_exchange *x, const char *name)
{
	return http_message_header(&x->msg, name);
}

unsigned http_header_count(const struct http_exchange *x, const char *name)
{
	return http_message_header_count(&x->msg, name);
}

void *http_user(const struct http_exchange *x)
{
	return x->user;
}

void http_set_user(struct http_exchange *x, void *user)
{
	x->user = user;
}

bool http_begun(const struct http_exchange *x)
{
	return x->begun;
}

static bool writable(const struct http_exchange *x)
{
	return !x->ended && x->conn->state != HTTP_CONN_CLOSING;
}

/* Head (already in `out`) and body in one write; the rest is kept. */
static void push_with(struct http_conn *c, struct span body)
{
	if (c->writing || c->broken || body.len < DIRECT_BYTES) {
		put(c, body.ptr, body.len);
		return;
	}
	uv_buf_t b[2] = { uv_buf_init(c->out.ptr, (unsigned)c->out.len),
			  uv_buf_init((char *)body.ptr, (unsigned)body.len) };
	int n = uv_try_write((uv_stream_t *)&c->handle, b, 2);

	if (n < 0 && n != UV_EAGAIN) {
		c->broken = true;
		return;
	}
	size_t sent = n > 0 ? (size_t)n : 0;
	size_t of_head = sent < c->out.len ? sent : c->out.len;
	consume(&c->out, of_head);
	sent -= of_head;
	put(c, body.ptr + sent, body.len - sent);
}

void http_reply(struct http_exchange *x, int status, const char *content_type,
		const struct http_field *fields, unsigned n, struct span body)
{
	struct http_conn *c = x->conn;
	bool bodiless = status == 204 || status == 304;

	if (x->ended)
		return;
	if (x->begun) {
		http_abort(x);
		return;
	}
	x->begun = x->ended = true;
	if (c->state == HTTP_CONN_CLOSING)
		return;
	put_head(c, status, bodiless ? NULL : content_type, fields, n);
	if (!bodiless) {
		put_str(c, "Content-Length: ");
		put_number(c, body.len);
		put(c, "\r\n", 2);
	}
	put(c, "\r\n", 2);
	if (!x->head_only && !bodiless)
		push_with(c, body);
	http_conn_touch(c);
}

void http_begin(struct http_exchange *x, int status, const char *content_type,
		const struct http_field *fields, unsigned n)
{
	struct http_conn *c = x->conn;

	if (x->begun || !writable(x))
		return;
	x->begun = true;
	x->chunked = !x->msg.http10;
	if (!x->chunked)
		x->msg.keep_alive = false; /* the close ends the body */
	put_head(c, status, content_type, fields, n);
	put_str(c, x->chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
	http_conn_touch(c);
}

static void put_chunk_head(struct http_conn *c, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char text[20];
	size_t i = sizeof text;

	text[--i] = '\n';
	text[--i] = '\r';
	do {
		text[--i] = digits[n & 15];
		n >>= 4;
	} while (n > 0);
	put(c, text + i, sizeof text - i);
}

bool http_write(struct http_exchange *x, struct span bytes)
{
	struct http_conn *c = x->conn;

	if (!x->begun || !writable(x) || bytes.len == 0 || x->head_only)
		return true;
	if (x->chunked)
		put_chunk_head(c, bytes.len);
	put(c, bytes.ptr, bytes.len);
	if (x->chunked)
		put(c, "\r\n", 2);
	http_conn_touch(c);
	push_batch(c->server);
	if (http_conn_unsent(c) <= c->server->limits.output_buffer_bytes)
		return true;
	push(c);
	x->full = http_conn_unsent(c) > c->server->limits.output_buffer_bytes;
	return !x->full;
}

void http_end(struct http_exchange *x)
{
	if (!x->begun || x->ended)
		return;
	x->ended = true;
	if (x->conn->state == HTTP_CONN_CLOSING)
		return;
	if (x->chunked && !x->head_only)
		put(x->conn, "0\r\n\r\n", 5);
	http_conn_touch(x->conn);
}

void http_abort(struct http_exchange *x)
{
	if (x->ended)
		return;
	x->begun = x->ended = x->aborted = true;
	http_conn_touch(x->conn);
}

/* ---------------------------------------------------------------- the server's own errors */

static void refusal_body(struct http_server *s, struct span path, int status,
			 const char *problem, struct buf *body)
{
	if (s->handler->error_body != NULL) {
		s->handler->error_body(s->ctx, path, status, problem, body);
		return;
	}
	buf_add_str(body, "{\"error\":{\"message\":\"");
	for (const char *p = problem; *p != '\0'; p++)
		buf_add_char(body, *p < ' ' || *p == '"' || *p == '\\' ? '\'' : *p);
	buf_add_str(body,
		    "\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}}");
}

void http_refusal_write(struct http_server *s, struct span path, int status,
			const char *problem, struct buf *out)
{
	struct buf body;

	buf_init(&body, 2048);
	refusal_body(s, path, status, problem, &body);
	buf_printf(out,
		   "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: application/json\r\n%s"
		   "Connection: close\r\nContent-Length: %zu\r\n\r\n",
		   status, reason_phrase(status), http_date(s),
		   status == 503 ? "Retry-After: 1\r\n" : "", body.len);
	buf_add(out, buf_span(&body));
	buf_free(&body);
}

/* As far as the request was read. */
static struct span path_read(const struct http_conn *c)
{
	const struct http_message *m = c->x != NULL ? &c->x->msg : NULL;
	struct span path = { "", 0 }, query;

	if (m != NULL && (m->head_done || m->n_slots > 0) && m->target_len > 0)
		http_message_target(m, &path, &query);
	return path;
}

void http_reply_refusal(struct http_conn *c, int status, const char *problem)
{
	struct buf text;

	if (c->last || c->state == HTTP_CONN_CLOSING)
		return;
	c->last = true;
	buf_init(&text, 4096);
	http_refusal_write(c->server, path_read(c), status, problem, &text);
	if (!text.failed)
		put(c, text.ptr, text.len);
	buf_free(&text);
	http_conn_enter(c, HTTP_CONN_FLUSH);
	http_conn_touch(c);
}
