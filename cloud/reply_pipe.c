/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events are encoded into one buffer, which is written when the pipe has room. The poll waits
 * for the reader's leaving all the time, and for room only while something waits.
 *
 * reply_pipe_flush() notes that the reader has gone and does nothing about it: it runs inside
 * handlers of the fetch, and only the loop may cancel that. The poll then says it again.
 */
#include "cloud/reply_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/log.h"

#define CONSUME_BYTES ((size_t)64 * 1024) /* written ones are dropped in pieces of this */
#define REFUSAL_BYTES 4096

static bool set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct reply_pipe *p)
{
	int events = UV_DISCONNECT | (reply_pipe_waiting_bytes(p) > 0 ? UV_WRITABLE : 0);

	if (p->watched == events)
		return;
	p->watched = events;
	uv_poll_start(&p->poll, events, on_poll);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct reply_pipe *p = poll->data;

	if (status < 0 || (events & UV_DISCONNECT))
		p->reader_gone = true;
	else
		reply_pipe_flush(p);
	p->on_moved(p->ctx);
}

bool reply_pipe_init(struct reply_pipe *p, int fd, size_t max_bytes)
{
	*p = (struct reply_pipe){ .fd = fd };
	buf_init(&p->out, max_bytes);
	return set_nonblocking(fd);
}

bool reply_pipe_open(struct reply_pipe *p, uv_loop_t *loop, void (*on_moved)(void *ctx),
		     void *ctx)
{
	if (uv_poll_init(loop, &p->poll, p->fd) != 0)
		return false;
	p->poll.data = p;
	p->on_moved = on_moved;
	p->ctx = ctx;
	watch(p);
	return true;
}

void reply_pipe_add(struct reply_pipe *p, const struct chat_event *ev)
{
	chat_event_encode(ev, &p->out);
	p->lost = p->lost || p->out.failed;
}

void reply_pipe_flush(struct reply_pipe *p)
{
	while (p->out_at < p->out.len && !p->reader_gone) {
		ssize_t n = write(p->fd, p->out.ptr + p->out_at, p->out.len - p->out_at);

		if (n > 0)
			p->out_at += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			break;
		else if (n < 0 && errno != EINTR)
			p->reader_gone = true;
	}
	if (p->out_at == p->out.len) {
		buf_clear(&p->out);
		p->out_at = 0;
	} else if (p->out_at > CONSUME_BYTES) {
		buf_consume(&p->out, p->out_at);
		p->out_at = 0;
	}
	watch(p);
}

size_t reply_pipe_waiting_bytes(const struct reply_pipe *p)
{
	return p->out.len - p->out_at;
}

void reply_pipe_close(struct reply_pipe *p, uv_close_cb on_closed, void *data)
{
	p->poll.data = data;
	uv_close((uv_handle_t *)&p->poll, on_closed);
	close(p->fd);
}

void reply_pipe_free(struct reply_pipe *p)
{
	buf_free(&p->out);
}

void reply_pipe_refuse(int fd, const char *text)
{
	struct buf out;

	buf_init(&out, REFUSAL_BYTES);
	chat_event_encode(&(struct chat_event){ .kind = CHAT_EV_ERROR,
						.status = 503,
						.name = SPAN_LITERAL("send_refused"),
						.text = span_of(text) },
			  &out);
	/* A fresh pipe has room for this; when it has none, its end alone says "cut". */
	if (set_nonblocking(fd) && write(fd, out.ptr, out.len) < 0)
		log_debug("cloud.refused", "the reply pipe takes nothing");
	buf_free(&out);
	close(fd);
}
