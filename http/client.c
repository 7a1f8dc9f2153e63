/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exchange as a client: the request goes out in one write, the reply comes in through
 * llhttp (response mode, lenient flags off) and is handed on as it is read, without a copy.
 *
 *   WAITING (first_byte_timeout) -> READING (gap_timeout) -> ENDED
 *      ^                                                       |
 *      '---- http_call_next ---- KEPT <---- http_call_keep ----'
 *
 * Calls are reused from a short free list and share one read buffer: what was read is
 * consumed within the read callback. The timer is not restarted for each read: it fires,
 * sees when the last byte came, and sleeps for the rest.
 *
 * Invariants
 *   1. After http_call_cancel() or on_end no callback comes.
 *   2. on_end with ERR_OK means that the framing of the reply was complete.
 */
#include "http/client.h"

#include <fcntl.h>
#include <llhttp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "http/parse.h"

#define FREE_CALLS         64
#define CONTENT_TYPE_BYTES 128
#define READ_BYTES         65536
#define SOON_BATCH         8
#define HEAD_BYTES         512
#define SMALL_BODY_BYTES   2048

struct http_call {
	uv_pipe_t handle;
	uv_timer_t timer;
	uv_write_t write;
	llhttp_t llhttp;
	struct http_call *next_free;
	const struct http_call_handler *handler;
	void *ctx;
	struct http_call_limits limits;
	void (*on_lost)(void *ctx);  /* KEPT */
	struct http_call *soon_next; /* in `soon` */
	const char *method, *path;   /* until it is written */
	struct span body;
	struct http_bytes unsent;
	struct http_bytes field; /* name, then value: only for on_field */
	size_t field_name_len;
	void (*on_field)(void *ctx, struct span name, struct span value);
	uint64_t last_ms, total_bytes;
	uint32_t header_bytes;
	enum err failure;
	char content_type[CONTENT_TYPE_BYTES];
	uint8_t content_type_len, name_len;
	char name[13]; /* "content-type" and one more */
	bool in_value, started, complete, ended, paused, reusable, taking, kept, is_soon;
	uint8_t open_handles;
};

static struct http_call *free_calls;
static unsigned n_free_calls;
static char read_buffer[READ_BYTES];

/*
 * Requests on kept connections that are written together: each write wakes the server, and
 * one wakening for several is cheaper for both. SOON_BATCH bounds the wait of the first.
 */
static struct http_call *soon, **soon_last = &soon;
static unsigned n_soon;
static bool gathering; /* somebody calls http_calls_flush() in each turn of the loop */

/* ---------------------------------------------------------------- the end */

static void on_handle_closed(uv_handle_t *h)
{
	struct http_call *c = h->data;

	if (--c->open_handles > 0)
		return;
	http_bytes_reset(&c->unsent, 0);
	http_bytes_reset(&c->field, 0);
	if (n_free_calls >= FREE_CALLS) {
		free(c);
		return;
	}
	c->next_free = free_calls;
	free_calls = c;
	n_free_calls++;
}

static void forget_soon(struct http_call *c)
{
	struct http_call **at = &soon;

	while (*at != c)
		at = &(*at)->soon_next;
	*at = c->soon_next;
	if (*at == NULL)
		soon_last = at;
	n_soon--;
	c->is_soon = false;
}

static void close_all(struct http_call *c)
{
	if (c->is_soon)
		forget_soon(c);
	c->ended = true;
	c->kept = false;
	uv_close((uv_handle_t *)&c->timer, on_handle_closed);
	uv_close((uv_handle_t *)&c->handle, on_handle_closed);
}

static void finish(struct http_call *c, enum err why)
{
	if (c->ended)
		return;
	c->ended = true;
	c->reusable = why == ERR_OK && c->reusable;
	c->taking = true;
	c->handler->on_end(c->ctx, why, c->reusable);
	c->taking = false;
	/* It may have been kept, and be at the next exchange, or given up, by now. */
	if (c->ended && !c->kept && !uv_is_closing((uv_handle_t *)&c->handle))
		close_all(c);
}

void http_call_cancel(struct http_call *c)
{
	if (c == NULL || (c->ended && !c->kept))
		return;
	close_all(c);
}

bool http_call_keep(struct http_call *c, void (*on_lost)(void *ctx), void *ctx)
{
	/* An answer may come before the request was taken whole. */
	if (!c->taking || !c->reusable ||
	    uv_stream_get_write_queue_size((uv_stream_t *)&c->handle) > 0)
		return false;
	http_bytes_reset(&c->unsent, 0);
	c->kept = true;
	c->on_lost = on_lost;
	c->ctx = ctx;
	return true;
}

static void lose(struct http_call *c)
{
	void (*on_lost)(void *ctx) = c->on_lost;
	void *ctx = c->ctx;

	close_all(c);
	on_lost(ctx);
}

int http_call_take_fd(struct http_call *c)
{
	uv_os_fd_t fd;

	if (!c->taking || !c->reusable || uv_fileno((uv_handle_t *)&c->handle, &fd) != 0)
		return -1;
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/* ---------------------------------------------------------------- reading */

static void on_timer(uv_timer_t *t);

/* A timer that fires too early looks at the time and sleeps for the rest: only one that would
 * be late is set again. */
static void watch(struct http_call *c, uint64_t limit_ms)
{
	if (!uv_is_active((uv_handle_t *)&c->timer) ||
	    uv_timer_get_due_in(&c->timer) > limit_ms)
		uv_timer_start(&c->timer, on_timer, limit_ms, 0);
}

static int fail(struct http_call *c, enum err why)
{
	if (c->failure == ERR_OK)
		c->failure = why;
	return -1;
}

static int count(struct http_call *c, size_t n)
{
	c->header_bytes += (uint32_t)n;
	return c->header_bytes > c->limits.header_bytes ? fail(c, ERR_TOO_BIG) : 0;
}

static int on_status(llhttp_t *l, const char *at, size_t n)
{
	(void)at;
	return count(l->data, n);
}

/* The field that was read last is whole. */
static void give_field(struct http_call *c)
{
	if (c->field_name_len > 0 && c->llhttp.status_code >= 200)
		c->on_field(c->ctx, (struct span){ c->field.ptr, c->field_name_len },
			    span_trim((struct span){ c->field.ptr + c->field_name_len,
						     c->field.len - c->field_name_len }));
	c->field.len = c->field_name_len = 0;
}

/* Bounded by header_bytes, which count() sees to. */
static int keep_field(struct http_call *c, const char *at, size_t n, bool name)
{
	if (c->on_field == NULL || c->started) /* trailers are not told */
		return 0;
	if (!http_bytes_add(&c->field, at, n))
		return fail(c, ERR_NO_MEMORY);
	if (name)
		c->field_name_len = c->field.len;
	return 0;
}

static int on_field(llhttp_t *l, const char *at, size_t n)
{
	struct http_call *c = l->data;

	if (c->in_value) {
		c->in_value = false;
		c->name_len = 0;
		give_field(c);
	}
	if (keep_field(c, at, n, true) != 0)
		return -1;
	for (size_t i = 0; i < n && c->name_len < sizeof c->name; i++)
		c->name[c->name_len++] = at[i];
	return count(c, n + 4);
}

static int on_value(llhttp_t *l, const char *at, size_t n)
{
	struct http_call *c = l->data;

	if (!c->in_value) {
		c->in_value = true;
		if (span_is_nocase((struct span){ c->name, c->name_len }, "content-type"))
			c->content_type_len = 0;
	}
	if (span_is_nocase((struct span){ c->name, c->name_len }, "content-type")) {
		for (size_t i = 0; i < n && c->content_type_len < CONTENT_TYPE_BYTES; i++)
			c->content_type[c->content_type_len++] = at[i];
	}
	if (keep_field(c, at, n, false) != 0)
		return -1;
	return count(c, n);
}

static int on_headers_complete(llhttp_t *l)
{
	struct http_call *c = l->data;

	give_field(c);
	if (l->status_code < 200)
		return l->status_code == 101 ? fail(c, ERR_PROTOCOL) : 0;
	l->upgrade = 0;
	c->started = true;
	watch(c, c->limits.gap_timeout_ms);
	c->handler->on_head(c->ctx, l->status_code,
			    span_trim((struct span){ c->content_type, c->content_type_len }));
	return c->ended ? -1 : 0;
}

static int on_body(llhttp_t *l, const char *at, size_t n)
{
	struct http_call *c = l->data;

	c->total_bytes += n;
	if (c->total_bytes > c->limits.total_bytes)
		return fail(c, ERR_TOO_BIG);
	c->handler->on_data(c->ctx, (struct span){ at, n });
	return c->ended ? -1 : 0;
}

static int on_complete(llhttp_t *l)
{
	struct http_call *c = l->data;

	c->header_bytes = 0;
	if (!c->started) /* 100 Continue and the like */
		return 0;
	c->complete = true;
	c->reusable = llhttp_should_keep_alive(l) != 0;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_status = on_status,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

static void on_end_of_input(struct http_call *c)
{
	/* A body without a stated length ends here, any other is cut. */
	if (c->started) {
		llhttp_finish(&c->llhttp); /* calls on_complete when the close is the end */
		if (c->ended)
			return;
	}
	if (c->complete && c->failure == ERR_OK) {
		c->reusable = false;
		finish(c, ERR_OK);
		return;
	}
	finish(c, c->started ? ERR_TRUNCATED : ERR_PEER_GONE);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret)
{
	(void)h;
	(void)suggested;
	*ret = uv_buf_init(read_buffer, sizeof read_buffer);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct http_call *c = stream->data;

	if (n != 0 && c->kept)
		lose(c);
	if (n == 0 || c->ended)
		return;
	if (n == UV_EOF) {
		on_end_of_input(c);
		return;
	}
	if (n < 0) {
		finish(c, c->started ? ERR_TRUNCATED : ERR_PEER_GONE);
		return;
	}
	c->last_ms = uv_now(stream->loop);
	llhttp_errno_t e = llhttp_execute(&c->llhttp, b->base, (size_t)n);
	if (c->ended)
		return;
	if (c->complete) {
		/* Bytes behind the reply make the connection unfit for another request. */
		if (llhttp_get_error_pos(&c->llhttp) != b->base + n)
			c->reusable = false;
		finish(c, ERR_OK);
	} else if (e != HPE_OK) {
		finish(c, c->failure != ERR_OK ? c->failure : ERR_PROTOCOL);
	} else if (c->handler->on_read_end != NULL) {
		c->handler->on_read_end(c->ctx);
	}
}

/* ---------------------------------------------------------------- time */

static void on_timer(uv_timer_t *t)
{
	struct http_call *c = t->data;
	uint32_t limit_ms =
		c->started ? c->limits.gap_timeout_ms : c->limits.first_byte_timeout_ms;
	uint64_t now = uv_now(t->loop);

	if (c->ended) /* kept: a later exchange starts it again */
		return;
	if (c->failure != ERR_OK) {
		finish(c, c->failure);
		return;
	}
	if (c->paused)
		c->last_ms = now; /* the silence is ours */
	if (now - c->last_ms >= limit_ms) {
		finish(c, ERR_TIMEOUT);
		return;
	}
	uv_timer_start(t, on_timer, limit_ms - (now - c->last_ms), 0);
}

/* ---------------------------------------------------------------- starting */

static void on_written(uv_write_t *w, int status)
{
	struct http_call *c = w->data;

	/* A server may answer and close before it has read everything: let the reply tell. */
	if (status < 0 && status != UV_ECANCELED && !c->ended &&
	    !uv_is_readable((uv_stream_t *)&c->handle))
		finish(c, ERR_PEER_GONE);
}

static enum err send_request(struct http_call *c, struct span head, struct span body)
{
	uv_buf_t b[2] = { uv_buf_init((char *)head.ptr, (unsigned)head.len),
			  uv_buf_init((char *)body.ptr, (unsigned)body.len) };
	int n = uv_try_write((uv_stream_t *)&c->handle, b, body.len > 0 ? 2 : 1);

	if (n < 0 && n != UV_EAGAIN)
		return ERR_PEER_GONE;
	size_t sent = n > 0 ? (size_t)n : 0;
	if (sent == head.len + body.len)
		return ERR_OK;
	size_t of_head = sent < head.len ? sent : head.len;
	if (!http_bytes_reserve(&c->unsent, head.len + body.len - sent) ||
	    !http_bytes_add(&c->unsent, head.ptr + of_head, head.len - of_head) ||
	    !http_bytes_add(&c->unsent, body.ptr + (sent - of_head),
			    body.len - (sent - of_head)))
		return ERR_NO_MEMORY;
	uv_buf_t rest = uv_buf_init(c->unsent.ptr, (unsigned)c->unsent.len);
	c->write.data = c;
	return uv_write(&c->write, (uv_stream_t *)&c->handle, &rest, 1, on_written) == 0
		       ? ERR_OK
		       : ERR_PEER_GONE;
}

static struct http_call *call_new(uv_loop_t *loop)
{
	struct http_call *c = free_calls;

	if (c != NULL) {
		free_calls = c->next_free;
		n_free_calls--;
		memset(c, 0, sizeof *c);
	} else if ((c = calloc(1, sizeof *c)) == NULL) {
		return NULL;
	}
	uv_pipe_init(loop, &c->handle, 0);
	uv_timer_init(loop, &c->timer);
	c->handle.data = c->timer.data = c;
	c->open_handles = 2;
	llhttp_init(&c->llhttp, HTTP_RESPONSE, &settings);
	c->llhttp.data = c;
	return c;
}

static inline size_t add(char *out, size_t at, const char *text)
{
	size_t n = strlen(text);

	memcpy(out + at, text, n);
	return at + n;
}

/* Method and path are short literals of the caller. */
static size_t write_head(const struct http_call *c, char out[HEAD_BYTES])
{
	char digits[20];
	size_t i = sizeof digits, n = c->body.len, at;

	at = add(out, 0, c->method);
	out[at++] = ' ';
	at = add(out, at, c->path);
	at = add(out, at,
		 " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
		 "Content-Length: ");
	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	memcpy(out + at, digits + i, sizeof digits - i);
	return add(out, at + sizeof digits - i, "\r\n\r\n");
}

/* A small body is copied behind its head: one buffer costs the kernel less than two. */
static enum err write_request(struct http_call *c)
{
	char text[HEAD_BYTES + SMALL_BODY_BYTES];
	size_t n = write_head(c, text);
	struct span body = c->body;

	if (body.len > 0 && body.len <= SMALL_BODY_BYTES) {
		memcpy(text + n, body.ptr, body.len);
		n += body.len;
		body.len = 0;
	}
	return send_request(c, (struct span){ text, n }, body);
}

static bool begin(struct http_call *c, const char *method, const char *path, struct span body,
		  const struct http_call_limits *limits,
		  const struct http_call_handler *handler, void *ctx)
{
	c->handler = handler;
	c->ctx = ctx;
	c->limits = *limits;
	c->last_ms = uv_now(c->handle.loop);
	c->method = method;
	c->path = path;
	c->body = body;
	return strlen(method) + strlen(path) < HEAD_BYTES - 128;
}

static struct http_call *call_open(uv_loop_t *loop, int fd)
{
	struct http_call *c = call_new(loop);

	if (c == NULL) {
		close(fd);
		return NULL;
	}
	if (uv_pipe_open(&c->handle, fd) != 0) {
		close(fd);
		close_all(c);
		return NULL;
	}
	return c;
}

/* `e`: what became of the request. A peer that is gone already is told by reading, from the
 * loop. */
static struct http_call *call_wait(struct http_call *c, enum err e)
{
	if ((e != ERR_OK && e != ERR_PEER_GONE) ||
	    uv_read_start((uv_stream_t *)&c->handle, on_alloc, on_read) != 0) {
		close_all(c);
		return NULL;
	}
	uv_timer_start(&c->timer, on_timer, c->limits.first_byte_timeout_ms, 0);
	return c;
}

struct http_call *http_call_start(uv_loop_t *loop, int fd, const char *method, const char *path,
				  struct span body, const struct http_call_limits *limits,
				  const struct http_call_handler *handler, void *ctx)
{
	struct http_call *c = call_open(loop, fd);

	if (c == NULL)
		return NULL;
	return call_wait(c, begin(c, method, path, body, limits, handler, ctx)
				    ? write_request(c)
				    : ERR_TOO_BIG);
}

struct http_call *http_call_start_with(uv_loop_t *loop, int fd,
				       const struct http_call_request *request,
				       const struct http_call_limits *limits,
				       const struct http_call_handler *handler, void *ctx)
{
	struct http_call *c = call_open(loop, fd);
	struct buf head;
	enum err e;

	if (c == NULL)
		return NULL;
	c->on_field = request->on_field;
	(void)begin(c, request->method, "", request->body, limits, handler, ctx);
	buf_init(&head, request->target.len + request->fields.len + HEAD_BYTES);
	buf_printf(&head, "%s %.*s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n",
		   request->method, (int)request->target.len, request->target.ptr,
		   request->body.len);
	buf_add(&head, request->fields);
	buf_add_str(&head, "\r\n");
	e = head.failed ? ERR_TOO_BIG : send_request(c, buf_span(&head), request->body);
	buf_free(&head);
	return call_wait(c, e);
}

/* What cannot be written ends from its timer, so that no callback comes out of a call. */
static void write_soon(void)
{
	while (soon != NULL) {
		struct http_call *c = soon;

		forget_soon(c);
		if (write_request(c) != ERR_OK) {
			c->failure = ERR_PEER_GONE;
			uv_timer_start(&c->timer, on_timer, 0, 0);
		}
	}
}

bool http_call_next(struct http_call *c, const char *method, const char *path, struct span body,
		    const struct http_call_limits *limits,
		    const struct http_call_handler *handler, void *ctx)
{
	if (!c->kept)
		return false;
	c->kept = c->ended = c->started = c->complete = c->paused = c->reusable = false;
	c->in_value = false;
	c->on_field = NULL;
	c->name_len = c->content_type_len = 0;
	c->header_bytes = 0;
	c->total_bytes = 0;
	c->failure = ERR_OK;
	llhttp_reset(&c->llhttp);
	if (!begin(c, method, path, body, limits, handler, ctx) ||
	    (!gathering && write_request(c) != ERR_OK)) {
		close_all(c);
		return false;
	}
	watch(c, limits->first_byte_timeout_ms);
	if (!gathering)
		return true;
	c->soon_next = NULL;
	c->is_soon = true;
	*soon_last = c;
	soon_last = &c->soon_next;
	if (++n_soon >= SOON_BATCH)
		write_soon();
	return true;
}

void http_calls_gather(bool on)
{
	gathering = on;
}

void http_calls_flush(void)
{
	if (soon != NULL)
		write_soon();
}

void http_call_pause(struct http_call *c, bool pause)
{
	if (c->ended || c->paused == pause)
		return;
	c->paused = pause;
	if (pause)
		uv_read_stop((uv_stream_t *)&c->handle);
	else if (uv_read_start((uv_stream_t *)&c->handle, on_alloc, on_read) != 0)
		c->failure = ERR_SYSTEM; /* the timer will end it */
	c->last_ms = uv_now(c->handle.loop);
}
